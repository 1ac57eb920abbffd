"""The house holds: imports go one way, importing does nothing, modules stay small."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from functools import cache
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
    {"intake", "rules", "privacy", "synthetic", "care", "scale"},
    {"causal"},
    {"questions"},
    {"planning"},
    {"render"},
    {"cli"},
    {"__main__"},
)
LAYER_OF = {name: i for i, names in enumerate(LAYERS) for name in names}


LAZY = {"cli"}
"""Rooms that may import others inside a function: a verb pays for what it does."""
NAME_OF = {
    path: ".".join(["outcomes", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(
        ".__init__"
    )
    for path in MODULES
}
KNOWN = set(NAME_OF.values())


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(node: ast.AST) -> set[str]:
    """Modules of the package that one import statement names."""
    if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        whole = {f"{base}.{alias.name}" for alias in node.names}
        names = (whole & KNOWN) | ({base} if whole - KNOWN else set())
    else:
        return set()
    return names & KNOWN


@cache
def imports(path: Path) -> list[tuple[set[str], bool]]:
    """Every import of a file that brings the package's own, and whether a function holds it."""
    found: list[tuple[set[str], bool]] = []

    def walk(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if own := imported(child):
                found.append((own, inside))
            deep = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            walk(child, inside or deep)

    walk(ast.parse(path.read_text(encoding="utf-8")), inside=False)
    return found


def rooms_of(names: set[str]) -> set[str]:
    return {name.split(".")[1] if "." in name else "__init__" for name in names}


def code_lines(path: Path) -> int:
    """Lines that hold code: no docstring, comment or blank."""
    text = path.read_text(encoding="utf-8")
    written: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        owner = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if owner and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            written.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    quiet = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENDMARKER,
    }  # fmt: skip
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in quiet:
            held.update(range(token.start[0], token.end[0] + 1))
    return len(held - written)


def test_every_room_has_a_place_in_the_house():
    assert {room(path) for path in MODULES} <= set(LAYER_OF)


def test_imports_go_one_way():
    for path in MODULES:
        named = rooms_of(set().union(*(names for names, _ in imports(path)), set()))
        upward = {name for name in named if LAYER_OF[name] > LAYER_OF[room(path)]}
        assert not upward, path
        assert room(path) != "mixed" or named <= {"mixed", "errors"}, path


def test_own_imports_stand_at_the_top():
    hidden = {path for path in MODULES if any(inside for _, inside in imports(path))}
    assert not {path for path in hidden if room(path) not in LAZY}


def test_no_files_import_each_other_in_a_circle():
    graph = {
        NAME_OF[path]: set().union(*(names for names, _ in imports(path)), set()) - {NAME_OF[path]}
        for path in MODULES
    }
    left = dict(graph)
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    assert not left  # what is left stands on a circle, or on something that does


def test_a_module_has_at_most_300_lines_of_code():
    assert not {path for path in MODULES if code_lines(path) > 300}


def test_the_engine_stands_alone():
    code = (
        "import importlib, pkgutil, sys, types\n"
        "import outcomes.errors\n"
        "class Hidden:\n"
        "    def find_spec(self, name, *_):\n"
        "        own = name.startswith('outcomes.')\n"
        "        if own and name.split('.')[1] not in ('mixed', 'errors'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import outcomes.mixed\n"
        "for item in pkgutil.walk_packages(outcomes.mixed.__path__, 'outcomes.mixed.'):\n"
        "    importlib.import_module(item.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


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


def test_an_answer_loads_no_library_that_it_does_not_need():
    code = (
        "import sys; from outcomes.cli import main; main('answer how-much data/synthetic'.split());"
        " heavy = {'scipy.stats', 'scipy.interpolate', 'statsmodels', 'matplotlib', 'polars'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_can_be_had():
    import outcomes as oc

    assert oc.__all__ == sorted(oc.__all__)
    stub = ast.parse((SOURCE / "__init__.pyi").read_text(encoding="utf-8")).body[-1]
    assert ast.literal_eval(stub.value) == oc.__all__
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
