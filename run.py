"""Set up and run: `python run.py`, `... test [--all]`, `... docs`, `... lab`, `... validate`.

Needs nothing but Python 3.11 or newer. The first run makes `.venv` from `requirements.lock`, every
package checked against its hash; later runs start at once. What is installed is remembered by the
hash of the lock, so a changed lock is noticed and an interrupted set-up starts again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "installed.sha256"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
OLDEST = (3, 11)
RUFF = ("check", "."), ("format", "--check", ".")


class SetupError(Exception):
    """Something that a person has to put right; printed without a traceback."""


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(text, flush=True)


def begun(*command: str | Path, stdout: int | None = None) -> subprocess.Popen[str]:
    """Begin a command in the project's folder."""
    words = [str(word) for word in command]
    own = str(Path(words[0]).parents[1])  # IPython warns where this is another than its Python's
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": own}
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        # Nothing beside the sources; but without bytecode each process compiles all it imports.
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(VENV / "bytecode")}
        environment |= kept
    return subprocess.Popen(words, cwd=ROOT, env=environment, text=True, stdout=stdout)


def call(*command: str | Path) -> int:
    """Run a command in the project's folder and return its exit code."""
    with begun(*command) as process:
        return process.wait()


def need(step: str, *command: str | Path) -> None:
    """Run a command of the set-up; stop with a plain sentence when it fails."""
    if call(*command) != 0:
        message = f"{step} did not work; the lines above say why. Mend that and run this again."
        raise SetupError(message)


def fingerprint() -> str:
    """Hash of all that decides what is installed: lock, package description, Python."""
    whole = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for path in (LOCK, ROOT / "pyproject.toml"):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def locked(package: str) -> str:
    """Return the lines of one package in the lock, version and hashes."""
    text = LOCK.read_text(encoding="utf-8")
    block = re.search(rf"^{package}==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    if block is None:
        message = f"{LOCK.name} does not name {package}; write the lock anew (CONTRIBUTING.md)."
        raise SetupError(message)
    return block.group()


def make_venv() -> None:
    """Make an empty environment and put the locked installer into it."""
    say("Setting up .venv (once; about a minute) ...")
    try:
        venv.EnvBuilder(with_pip=True, clear=True).create(VENV)
    except (subprocess.CalledProcessError, OSError) as error:
        message = f"Python's own venv module did not work ({error}). On Debian: python3-venv."
        raise SetupError(message) from None
    with tempfile.TemporaryDirectory() as place:
        block = Path(place) / "installer.txt"
        block.write_text(locked("uv"), encoding="utf-8")
        pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        need("Installing uv", *pip, "--require-hashes", "--no-deps", "-r", block)


def installer_is_current() -> bool:
    """Whether the environment works and holds the installer that the lock names."""
    if not PYTHON.exists() or not shutil.which("uv", path=str(BIN)):
        return False
    version = subprocess.run(
        [str(PYTHON), "-c", "import sys, importlib.metadata as m; "
         "print(m.version('uv'), *sys.version_info[:2])"],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    wanted = locked("uv").split("==")[1].split()[0]
    return version == [wanted, *map(str, sys.version_info[:2])]


def set_up() -> None:
    """Bring `.venv` to what the lock says, if it is not there yet."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted and PYTHON.exists():
        return
    STAMP.unlink(missing_ok=True)
    if not installer_is_current():
        make_venv()
    uv = [PYTHON, "-m", "uv", "pip"]
    say("Installing the locked packages ...")
    need("Installing the packages", *uv, "sync", "--require-hashes", "--python", PYTHON, LOCK)
    say("Installing outcomes itself ...")
    own = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--python", PYTHON]
    need("Installing outcomes", *uv, *own, "--editable", ROOT)
    STAMP.write_text(wanted, encoding="utf-8")


def main_job() -> int:
    """Check the shipped study, answer, write the report and say where it is."""
    out = Path("out") / "report"
    study = Path("data") / "synthetic"
    verbs = f"main(['check', r'{study}']) or main(['report', r'{study}', '--out', r'{out}'])"
    return call(PYTHON, "-c", f"import sys; from outcomes.__main__ import main; sys.exit({verbs})")


def style() -> int:
    """Look at style and types."""
    tools = *(("ruff", *words) for words in RUFF), ("mypy",)
    return max([call(PYTHON, "-m", *tool) for tool in tools])


def test(places: Sequence[str], *, everything: bool, cover: bool) -> int:
    """Look at style, and run the tests beside mypy; all of them when `everything`.

    Counting the lines that were run takes 1.7 times the CPU with Python 3.11, and no test
    depends on it: it is done when asked for, and with `everything`.
    """
    style = max(call(PYTHON, "-m", "ruff", *words) for words in RUFF)
    suite = ["--hypothesis-profile=explore"] if everything else ["-m", "not slow"]
    suite += ["--cov"] if everything or cover else []
    with begun(PYTHON, "-m", "mypy", stdout=subprocess.PIPE) as types:
        tests = call(PYTHON, "-m", "pytest", "-n", "auto", "--dist", "worksteal", *suite, *places)
        said, _ = types.communicate()
    say(said.rstrip())
    return max(style, tests, types.returncode)


def lab() -> int:
    """Open JupyterLab on the notebooks."""
    return call(PYTHON, "-m", "outcomes", "lab", ROOT)


def docs() -> int:
    """Build the documentation as a site, without the network."""
    say("Building the pages; notebooks that have changed are run (some minutes the first time).")
    return call(PYTHON, "-m", "docs.make.site")


def lowest() -> int:
    """Run the tests with the lowest versions that the package says it works with."""
    place, uv = ROOT / "out" / "lowest", [PYTHON, "-m", "uv"]
    wanted = place.with_suffix(".txt")
    wanted.parent.mkdir(exist_ok=True)
    names = ("report", "big", "sql", "dask", "docs")
    extras = [word for extra in names for word in ("--extra", extra)]
    resolve = [*uv, "pip", "compile", "pyproject.toml", "--resolution", "lowest-direct", *extras,
               "--python-version", "3.11", "--quiet", "-o", wanted]  # fmt: skip
    python = place / PYTHON.relative_to(VENV)
    install = [*uv, "pip", "install", "--python", python]
    steps = (
        resolve, [*uv, "venv", "--clear", "--python", "3.11", place],
        [*install, "-r", wanted, "--group", "test"], [*install, "--no-deps", "--editable", ROOT],
        [python, "-m", "pytest", "-m", "not slow", "-q", "-W", "default::DeprecationWarning"],
    )  # fmt: skip
    return next((code for step in steps if (code := call(*step))), 0)


def validate(*, quick: bool, only: str) -> int:
    """Check what the answers promise on simulated studies; of all cases writes the page."""
    say("Simulating and answering; stop with Ctrl-C, the same command goes on from there.")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # its processes are what fills the cores
    command = [PYTHON, "-m", "studies.validation"]
    return call(*command, *(["--quick"] if quick else []), *(["--only", only] if only else []))


def parse(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", nargs="?", default="report",
        choices=("report", "test", "validate", "lab", "docs", "style", "faults", "mutants",
                 "lowest", "pages", "setup"),
        help="report: the main job on the shipped study (default)",
    )  # fmt: skip
    parser.add_argument("rooms", nargs="*", help="with test: files or folders of tests; with "
                        "mutants: inference, privacy, rules, ...")  # fmt: skip
    parser.add_argument("--sample", help="with mutants: so many changes of a room, not all")
    parser.add_argument("--seed", default="1", help="with mutants: which sample")
    parser.add_argument("--trials", default="10", help="with faults: of each kind and command")
    parser.add_argument("--all", action="store_true", help="with test: the slow suites too")
    parser.add_argument("--cov", action="store_true", help="with test: lines that no test runs")
    parser.add_argument("--quick", action="store_true", help="with validate: ten minutes at most")
    parser.add_argument("--only", default="", help="with validate: cases whose name holds this")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Set up, then do what was asked; return the exit code."""
    if sys.version_info < OLDEST:
        say(f"This needs Python {OLDEST[0]}.{OLDEST[1]} or newer; run it with a newer python.")
        return 3
    asked = parse(words)
    try:
        set_up()
    except SetupError as error:
        say(str(error))
        return 3
    except KeyboardInterrupt:
        say("Stopped. Run the same command again to go on.")
        return 130
    sample = ["--sample", asked.sample, "--seed", asked.seed] if asked.sample else []
    jobs = {
        "report": main_job, "lab": lab, "docs": docs, "style": style, "setup": lambda: 0,
        "faults": lambda: call(PYTHON, "-m", "studies.faults", "--trials", asked.trials),
        "lowest": lowest, "pages": lambda: call(PYTHON, "-m", "docs.make"),
        "mutants": lambda: call(PYTHON, "-m", "studies.mutants", *asked.rooms, *sample),
        "test": lambda: test(asked.rooms, everything=asked.all, cover=asked.cov),
        "validate": lambda: validate(quick=asked.quick, only=asked.only),
    }  # fmt: skip
    try:
        return jobs[asked.what]()
    except KeyboardInterrupt:
        say("Stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
