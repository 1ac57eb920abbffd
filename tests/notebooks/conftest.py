"""Runs a notebook as a person would: parameters cell changed, all cells from top to bottom.

Once in a kernel of its own, and, many times quicker, cell by cell in this process. nbformat is
imported where a kernel is: it builds 38 grammars of web addresses, 3 seconds for every worker.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SECONDS_FOR_A_CELL = 120


def read(name: str) -> dict[str, Any]:
    """Read `notebooks/NAME`; the source of each cell as one text."""
    notebook = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def with_parameters(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Add a cell tagged `injected-parameters` right below the one tagged `parameters`."""
    notebook = read(name)
    tags = [cell["metadata"].get("tags", []) for cell in notebook["cells"]]
    position = next(i for i, found in enumerate(tags) if "parameters" in found)
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    cell = {"cell_type": "code", "id": "injected", "execution_count": None, "outputs": [],
            "metadata": {"tags": ["injected-parameters"]}, "source": source}  # fmt: skip
    notebook["cells"].insert(position + 1, cell)
    return notebook


def run(name: str, parameters: dict[str, Any]) -> Any:
    """Run a notebook here and return it with its outputs; raises when a cell fails."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(with_parameters(name, parameters))
    nbformat.validate(notebook)
    config = Config({"KernelManager": {"transport": "ipc"}})
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=SECONDS_FOR_A_CELL, config=config
    )
    return client.execute()


def shown(notebook: Any) -> str:
    """Return everything the notebook shows, as one text."""
    return json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)


@pytest.fixture
def run_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Run `notebooks/NAME` with parameters, away from this checkout; return what it shows."""
    with tempfile.TemporaryDirectory(prefix="k") as short:  # a socket's path holds 107 characters
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", short)
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        (tmp_path / "notebooks").mkdir()
        monkeypatch.chdir(tmp_path / "notebooks")

        def go(name: str, **parameters: Any) -> str:
            return shown(run(name, parameters))

        yield go


@pytest.fixture
def run_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Run the cells of `notebooks/NAME` in this process; return all that they print and show."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")

    def go(name: str, **parameters: Any) -> str:
        cells = with_parameters(name, parameters)["cells"]
        seen = []
        for cell in (cell for cell in cells if cell["cell_type"] == "code"):
            with capture_output() as found, warnings.catch_warnings():
                warnings.simplefilter("default")
                done = shell.run_cell(cell["source"])
            done.raise_error()
            page = shell.display_formatter.format(done.result)[0].get("text/html", "")
            seen += [found.stdout, found.stderr, *(str(one.data) for one in found.outputs), page]
        return "\n".join(seen)

    config = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell.instance(config=config)
    shell.display_formatter.active_types = ["text/plain", "text/html"]
    yield go
    InteractiveShell.clear_instance()


@pytest.fixture
def read_cells() -> Callable[[str], list[dict[str, Any]]]:
    """Return the cells of `notebooks/NAME`."""
    return lambda name: read(name)["cells"]
