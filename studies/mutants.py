"""How much of a change in the code the tests notice: `python run.py mutants [ROOM ...]`.

mutmut changes one operator, number or word of a room at a time and runs the room's own tests. A
change that no test notices is a survivor; it is printed, to be killed by a test or explained. The
work goes on where it was stopped; `--fresh` begins anew. A whole room takes hours: `--sample 120`
judges so many of its changes, drawn by `--seed`, and says how far the share may be from the room's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from scipy.stats import binomtest

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "mutants"
ROOMS = {
    "inference": (["mixed/inference"], ["mixed/inference", "mixed/test_r_user.py",
                                        "mixed/test_against_r.py", "mixed/margins"]),
    "trajectory": (["trajectory.py", "records.py"], ["test_trajectory.py", "test_records.py"]),
    "privacy": (["privacy"], ["privacy", "intake/test_import_export.py"]),
    "rules": (["rules", "findings.py"], ["rules", "test_findings.py"]),
    "claim": (["questions/claim.py"], ["questions/test_claim.py"]),
}  # fmt: skip
"""What is changed in `src/outcomes`, and the tests of `tests` that are to notice."""
HELD = ("src", "tests", "data", "docs", "notebooks", "pyproject.toml", "README.md",
        "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "run.py", "studies")  # fmt: skip


def prepared(room: str, *, fresh: bool) -> Path:
    """Return a copy of the project in which the room is mutmut's to change."""
    place = OUT / room
    if fresh:
        shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    for name in HELD:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
        else:
            shutil.copy(source, place / name)
    changed, tests = ROOMS[room]
    settings = {
        "paths_to_mutate": [f"src/outcomes/{path}" for path in changed],
        "tests_dir": [f"tests/{path}" for path in tests],
        "also_copy": [name for name in HELD if name != "tests"],
    }
    lines = ["", "[tool.mutmut]", *(f"{key} = {json.dumps(v)}" for key, v in settings.items()), ""]
    with (place / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return place


def mutmut(place: Path, *words: str, shown: bool = False) -> str:
    """Run mutmut in the copy, one thread a process; return what it said unless it is shown."""
    command = [sys.executable, "-m", "mutmut", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    to = None if shown else subprocess.PIPE
    done = subprocess.run(
        command, cwd=place, env=environment, text=True, stdout=to, stderr=to, check=False
    )
    return done.stdout or ""


def states(place: Path) -> dict[str, str]:
    """Return every change of the room by name, with what became of it."""
    listed = mutmut(place, "results", "--all", "true").splitlines()
    pairs = (line.strip().split(": ", 1) for line in listed if ": " in line)
    return dict(pairs)


def drawn(place: Path, sample: int | None, seed: int) -> list[str]:
    """Return the names of the changes to judge: all of them, or a random sample."""
    mutmut(place, "run", "no such change")  # makes the changes, learns which tests reach which
    names = sorted(states(place))
    if sample is None or sample >= len(names):
        return names
    return sorted(random.Random(seed).sample(names, sample))


def examined(room: str, *, fresh: bool, sample: int | None, seed: int) -> str:
    """Change a room, run its tests, print what survived; return its line of the table."""
    place = prepared(room, fresh=fresh)
    names = drawn(place, sample, seed)
    if not names:
        return f"{room}: nothing was changed; `mutmut run` in {place} says why"
    before = states(place)
    if left := [name for name in names if before[name] == "not checked"]:
        mutmut(place, "run", *left, shown=True)
    after = states(place)
    judged = [name for name in names if after[name] != "not checked"]
    survivors = [name for name in judged if after[name] in ("survived", "no tests")]
    for name in survivors:
        print(mutmut(place, "show", name))
    return f"{room}: {score(len(judged), len(survivors), len(before))}"


def score(judged: int, survived: int, changes: int) -> str:
    """Say which share was noticed, with its exact 95 % interval where a sample was judged."""
    if not judged:
        return "no change was judged; the lines above say why"
    noticed = judged - survived
    said = f"{judged} of {changes} changes judged, {noticed} noticed ({noticed / judged:.0%}"
    if judged == changes:
        return f"{said})"
    low, high = binomtest(noticed, judged).proportion_ci(method="exact")
    return f"{said}; 95% interval {low:.0%} to {high:.0%})"


def main() -> int:
    """Examine the rooms that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", choices=[*ROOMS, []], help="all of them by default")
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    parser.add_argument("--sample", type=int, help="judge so many changes of a room, not all")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    asked = parser.parse_args()
    how = {"fresh": asked.fresh, "sample": asked.sample, "seed": asked.seed}
    lines = [examined(room, **how) for room in asked.rooms or ROOMS]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
