"""The house holds: imports go one way, importing does nothing, modules stay small."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "outcomes"
MODULES = sorted(SOURCE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

LAYERS = (
    {"errors", "__init__"},
    {"dictionary", "findings", "folders", "locks", "plain_text", "provenance", "mixed"},
    {"words"},
    {"study", "tables", "records", "trajectory", "storage"},
    {"intake", "privacy", "synthetic", "care"},
    {"causal"},
    {"questions"},
    {"planning"},
    {"render"},
    {"cli"},
    {"__main__"},
)
LAYER_OF = {name: i for i, names in enumerate(LAYERS) for name in names}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a module imports when it is imported itself."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    own = [name.split(".") for name in names if name.split(".")[0] == "outcomes"]
    return {parts[1] if len(parts) > 1 else "__init__" for parts in own}


def test_every_room_has_a_place_in_the_house():
    assert {room(path) for path in MODULES} <= set(LAYER_OF)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way(path):
    own = LAYER_OF[room(path)]
    above = {name for name in imported_rooms(path) if LAYER_OF[name] > own}
    assert not above
    if room(path) == "mixed":
        assert imported_rooms(path) <= {"mixed", "errors"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_has_at_most_350_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_importing_loads_nothing_and_prints_nothing():
    code = (
        "import sys, outcomes; "
        "heavy = {'numpy', 'pandas', 'matplotlib', 'scipy', 'typer'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_loads_no_heavy_library():
    code = (
        "import sys; from outcomes.cli import main; main(['--help']); "
        "sys.exit(bool({'numpy', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Commands:" in done.stdout


def test_every_public_name_can_be_had():
    import outcomes as oc

    assert oc.__all__ == sorted(oc.__all__)
    for name in oc.__all__:
        assert getattr(oc, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = oc.nothing


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_stripped_and_plain(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert any("parameters" in cell["metadata"].get("tags", ()) for cell in code)
    for cell in code:
        text = "".join(cell["source"])
        assert not cell["outputs"]
        assert cell["execution_count"] is None
        assert len(text.splitlines()) <= 10
        assert "def " not in text


def test_the_lock_pins_hashes_and_names_no_host():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^--", lock, re.MULTILINE)
    packages = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(packages) > 100
    for package in packages:
        assert re.match(r"[\w.\-\[\]]+==", package)
        assert "--hash=sha256:" in package
