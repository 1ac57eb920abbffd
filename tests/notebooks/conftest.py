"""Runs a notebook as a person would: parameters cell changed, all cells from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SECONDS_FOR_A_CELL = 120


def with_parameters(notebook: Any, parameters: dict[str, Any]) -> Any:
    """Add a cell tagged `injected-parameters` right below the one tagged `parameters`."""
    tags = [cell["metadata"].get("tags", []) for cell in notebook.cells]
    position = next(i for i, found in enumerate(tags) if "parameters" in found)
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(position + 1, cell)
    return notebook


def run(path: Path, folder: Path, parameters: dict[str, Any]) -> Any:
    """Run a notebook in `folder` and return it with its outputs; raises when a cell fails."""
    notebook = with_parameters(nbformat.read(path, as_version=4), parameters)
    folder.mkdir(parents=True, exist_ok=True)
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    client = NotebookClient(
        notebook, km=kernel, timeout=SECONDS_FOR_A_CELL,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    return client.execute()


def shown(notebook: Any) -> str:
    """Return everything the notebook shows, as one text."""
    return json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)


@pytest.fixture
def run_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run `notebooks/NAME` with parameters, away from this checkout; return what it shows."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))

    def go(name: str, **parameters: Any) -> str:
        return shown(run(NOTEBOOKS / name, tmp_path / "notebooks", parameters))

    return go
