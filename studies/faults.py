"""What is left when a run is cut off or its surroundings fail: `python -m studies.faults`.

Each trial runs the real command in a process of its own, and looks at what lies there afterwards:
whole, or absent; the reader's own files as they were; no traceback. Writes docs/reliability.md.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes.cli import main as main_of_outcomes

MARK = "outcomes-faults-"
"""Begins the name of every folder that is written to."""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
MAP = """[identifiers]
name = "Client"
birth_date = "DOB"
[columns]
date = "Date"
pressure = "Pressure"
status = "Status"
[constants]
condition = "headache"
[file]
dates = ["%Y-%m-%d"]
[scores.nprs]
pre_session = "Pain"
[values.status]
seen = "attended"
"""
_HEAD = """# Reliability

What is left when a run is cut off, or what surrounds it fails. Written by `python run.py faults`:
each trial runs the real command in a process of its own. **Whole or absent** means that the folder
is not there, or holds every file that the command writes; that a file of the reader's own beside it
is as it was; that no traceback was printed; and that the same command then runs to its end and
leaves no draft behind.

| what happened | command | trials | whole or absent |
|---|---|---|---|
"""
_FOOT = """
A command that does not end within five minutes is not right. Known: where memory ends as scipy's
OpenBLAS asks for its buffer, OpenBLAS asks again without end (seen in `report` under 700 MB): stop
the command; nothing is lost.

Not tried here: `report` step by step (it writes by the same function), a clock that goes back, a
network drive, Windows. Where a row is not all right, it is a defect: please report it
([SECURITY](../SECURITY.md) says how).
"""


@dataclass(frozen=True)
class Verb:
    """A command that writes a folder, and the files that it then holds."""

    name: str
    words: tuple[str, ...]
    seconds: float
    files: frozenset[str]

    def command(self, out: Path) -> list[str]:
        """Return the command with its output folder."""
        return [sys.executable, "-m", "outcomes", *self.words, "--out", str(out)]


def export(place: Path) -> Path:
    """Write an invented export of 60 clients with 6 visits each."""
    with (place / "export.csv").open("w", newline="", encoding="utf-8") as target:
        lines = csv.writer(target)
        lines.writerow(("Client", "DOB", "Date", "Status", "Pressure", "Pain"))
        for i in range(60):
            for visit in range(6):
                day = f"2025-{1 + visit:02}-{1 + i % 28:02}"
                born = f"{1950 + i % 40}-05-{1 + i % 28:02}"
                name = f"Client {chr(65 + i % 26)}{chr(97 + i // 26)}son"
                pain = max(0, 8 - visit - i % 3)
                lines.writerow((name, born, day, "seen", 2 + (i + visit) % 3, pain))
    (place / "map.toml").write_text(MAP, encoding="utf-8")
    return place / "export.csv"


def verbs(place: Path) -> Iterator[Verb]:
    """Run each command once in peace: how long it takes, and what it leaves."""
    key, source = place / "key.json", export(place)
    words = {
        "simulate": ("simulate", "--episodes", "60"),
        "import": ("import", str(source), "--columns", str(place / "map.toml"),
                   "--key-file", str(key)),
        "report": ("report", str(place / "whole-simulate")),
    }  # fmt: skip
    for name, given in words.items():
        out, start = place / f"whole-{name}", time.monotonic()
        verb = Verb(name, given, 0, frozenset())
        done = subprocess.run(verb.command(out), capture_output=True, text=True, check=False)
        if done.returncode > 1:
            raise RuntimeError(done.stderr)
        yield Verb(name, given, time.monotonic() - start, frozenset(contents(out)))


def contents(folder: Path) -> dict[str, str]:
    """Return every file below a folder with its digest."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def right(verb: Verb, out: Path, said: str) -> bool:
    """Whether what lies there is whole or absent, and what was said is no traceback."""
    own = out.parent / "mine.txt"
    left = contents(out) if out.exists() else {}
    whole = not left or frozenset(left) == verb.files
    return whole and own.read_text("utf-8") == "mine" and "Traceback" not in said


def healed(verb: Verb, out: Path) -> bool:
    """Whether the same command now ends well and leaves nothing but its folder."""
    done = subprocess.run(verb.command(out), capture_output=True, text=True, check=False)
    beside = {path.name for path in out.parent.iterdir()} - {"mine.txt", out.name}
    drafts = {name for name in beside if "draft" in name or "old" in name}
    return done.returncode <= 1 and right(verb, out, done.stderr) and not drafts


@contextmanager
def place_for_one() -> Iterator[Path]:
    """Give an output folder's place, with a file of the reader's own beside it."""
    with tempfile.TemporaryDirectory(prefix=MARK) as folder:
        (Path(folder) / "mine.txt").write_text("mine", encoding="utf-8")
        yield Path(folder) / "out"


def listening() -> None:
    """Let Ctrl-C reach a command, also where this script itself was started in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def cut_off(verb: Verb, sign: signal.Signals, moment: float) -> bool:
    """Stop a command at a moment of its run, then run it again."""
    with place_for_one() as out:
        process = subprocess.Popen(
            verb.command(out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=listening,
        )  # fmt: skip
        time.sleep(moment)
        process.send_signal(sign)
        said = process.communicate()[1]
        return right(verb, out, said) and healed(verb, out)


CHANGES = frozenset({"open", "os.chmod", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
                     "os.scandir", "shutil.rmtree"})  # fmt: skip
"""Audit events of a command that reads or writes a place."""


def killed_before(verb: Verb, out: Path, step: int) -> bool:
    """Run a command in a fork that ends itself before a step of its writing; whether it came to it.

    Where the step opens a file for writing, the file is made first, and stays empty.
    """
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    steps = iter(range(1, 10_000))

    def hook(event: str, given: tuple[Any, ...]) -> None:
        here = event in CHANGES and any(MARK in os.fsdecode(a) for a in given
                                        if isinstance(a, (str, bytes, os.PathLike)))  # fmt: skip
        if here and next(steps) == step:
            if event == "open" and str(given[1]).startswith(("w", "x")):
                os.close(os.open(given[0], os.O_CREAT | os.O_TRUNC | os.O_WRONLY))
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    quietly(verb, out)
    os._exit(0)


def quietly(verb: Verb, out: Path) -> None:
    """Run a command in this process."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        main_of_outcomes(verb.command(out)[3:])


def at_every_step(verb: Verb, *, again: bool) -> Iterator[bool]:
    """Kill a command before each step of its writing, in an empty place or over its own folder."""
    with place_for_one() as out:
        quietly(verb, out)  # so that no fork has to import what a command needs
    for step in range(1, 10_000):
        with place_for_one() as out:
            if again:
                killed_before(verb, out, 0)
            got_there = killed_before(verb, out, step)
            whole = right(verb, out, "")
            killed_before(verb, out, 0)
            left = {path.name for path in out.parent.iterdir()}
            yield whole and right(verb, out, "") and left == {"mine.txt", out.name}
        if not got_there:
            return


PATIENCE = 300
"""Seconds after which a command is stopped and counts as one that does not end."""
UNWRITTEN = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python keeps half a module's bytecode where the disk is full, and then fails at every start."""


def surrounded(
    verb: Verb, environment: Mapping[str, str], limits: Callable[[], None] | None = None
) -> bool:
    """Run a command under limits or in another environment, then again without them."""
    with place_for_one() as out:
        try:
            done = subprocess.run(
                verb.command(out), capture_output=True, text=True, check=False, preexec_fn=limits,
                env={k: v for k, v in ({**os.environ, **UNWRITTEN, **environment}).items() if v},
                timeout=PATIENCE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
        return right(verb, out, done.stderr) and healed(verb, out)


def together(verb: Verb) -> bool:
    """Start a command twice into one folder."""
    with place_for_one() as out:
        both = [
            subprocess.Popen(verb.command(out), stderr=subprocess.PIPE, text=True,
                             stdout=subprocess.DEVNULL)
            for _ in range(2)
        ]  # fmt: skip
        said = "".join(process.communicate()[1] for process in both)
        return right(verb, out, said) and bool(contents(out)) and healed(verb, out)


def full() -> None:
    """Let no file grow beyond 2,000 bytes, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


def scarce() -> None:
    """Give 700 MB of address space."""
    resource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000))


SURROUNDINGS: Mapping[str, tuple[Mapping[str, str], Callable[[], None] | None]] = {
    "disk full": ({}, full),
    "little memory": ({"OPENBLAS_NUM_THREADS": "1"}, scarce),
    "no home": ({"HOME": "", "USER": "", "XDG_CONFIG_HOME": ""}, None),
    "no temporary folder": ({"TMPDIR": "/nowhere"}, None),
    "another locale": ({"LC_ALL": "tr_TR.ISO-8859-9", "PYTHONUTF8": "0"}, None),
    "another time zone": ({"TZ": "Pacific/Kiritimati"}, None),
}


def rows(n: int, seed: int) -> Iterator[tuple[str, str, list[bool]]]:
    """Try everything: what happened, to which command, and whether each trial went right."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix=MARK) as folder:
        for verb in verbs(Path(folder)):
            for name, sign in (("kill -9", signal.SIGKILL), ("Ctrl-C", signal.SIGINT)):
                moments = [rng.uniform(0.1, 1.05) * verb.seconds for _ in range(n)]
                yield (
                    f"{name} at a random moment",
                    verb.name,
                    [cut_off(verb, sign, moment) for moment in moments],
                )
            over = {"an empty place": False, "its own folder": True}
            # A report writes by the same function, and would take minutes a step.
            for name, again in () if verb.name == "report" else over.items():
                went = list(at_every_step(verb, again=again))
                yield f"kill -9 at every step of writing, into {name}", verb.name, went
            yield "two runs at once into one folder", verb.name, [together(verb)]
            for name, (environment, limits) in SURROUNDINGS.items():
                yield name, verb.name, [surrounded(verb, environment, limits)]


def main() -> int:
    """Write the page; 1 when a trial went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10, help="kills of each kind and command")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    lines, wrong = [], 0
    for what, verb, went in rows(asked.trials, asked.seed):
        lines.append(f"| {what} | `{verb}` | {len(went)} | {sum(went)} |")
        sys.stdout.write(f"{lines[-1]}\n")
        sys.stdout.flush()
        wrong += len(went) - sum(went)
    PAGE.write_text(_HEAD + "\n".join(sorted(lines)) + "\n" + _FOOT, encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
