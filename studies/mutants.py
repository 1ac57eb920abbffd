"""How much of a change in the code the tests notice: `python run.py mutants [ROOM ...]`.

mutmut changes one operator, number or word of a room at a time and runs the room's own tests. A
change that no test notices is a survivor; it is printed, to be killed by a test or explained. The
work goes on where it was stopped; `--fresh` begins anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "mutants"
ROOMS = {
    "inference": (["mixed/inference"], ["mixed/inference", "mixed/test_r_user.py"]),
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


def mutmut(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run mutmut in the copy, one thread a process."""
    command = [sys.executable, "-m", "mutmut", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    shown = None if words[0] == "run" else subprocess.PIPE
    return subprocess.run(command, cwd=place, env=environment, text=True, stdout=shown, check=False)


def examined(room: str, *, fresh: bool) -> str:
    """Change a room, run its tests, print what survived; return its line of the table."""
    place = prepared(room, fresh=fresh)
    mutmut(place, "run")
    listed = mutmut(place, "results", "--all", "true").stdout.splitlines()
    states = [line.split(": ") for line in listed if ": " in line]
    judged = [(name.strip(), state) for name, state in states if state != "not checked"]
    survivors = [name for name, state in judged if state in ("survived", "no tests")]
    for name in survivors:
        print(mutmut(place, "show", name).stdout)
    n, alive = len(judged), len(survivors)
    if not n:
        return f"{room}: nothing was changed; the lines above say why"
    return f"{room}: {n} changes, {n - alive} noticed ({100 * (1 - alive / max(n, 1)):.0f} %)"


def main() -> int:
    """Examine the rooms that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", choices=[*ROOMS, []], help="all of them by default")
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    asked = parser.parse_args()
    lines = [examined(room, fresh=asked.fresh) for room in asked.rooms or ROOMS]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
