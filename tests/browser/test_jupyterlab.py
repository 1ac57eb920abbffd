"""JupyterLab as `outcomes lab` opens it: a notebook run to its last cell, then another study."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc
from outcomes.cli.publish import QUIET, lab_command

pytestmark = pytest.mark.slow
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
TOKEN = "a-token-for-this-test-only"
HERE = "jupyterapp.shell.currentWidget"
OPENED = "[...jupyterapp.shell.widgets('main')].find(w => w.title.label.endsWith('.ipynb'))"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """JupyterLab on a copy of the notebooks; yields its address."""
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    for name in ("RUNTIME", "CONFIG", "DATA"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(QUIET))
    command = [
        *lab_command(tmp_path / "notebooks"), "--no-browser", "--allow-root", f"--port={port}",
        f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, server, tmp_path / "lab.log")
            yield f"http://127.0.0.1:{port}/?token={TOKEN}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()[-3000:]
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-3000:]}")


def run_all(page: Any) -> list[dict[str, Any]]:
    """Run all cells as the menu does, and return the code cells with their outputs."""
    page.run("jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)")
    cells = page.run(f"{HERE}.content.model.sharedModel.toJSON().cells")
    return [cell for cell in cells if cell["cell_type"] == "code"]


def seen_answer(page: Any, position: int) -> str:
    """Return the answer that stands on the screen once the page is scrolled to its cell."""
    page.run(f"{HERE}.content.activeCellIndex = {position}")
    page.run(f"{HERE}.content.scrollToItem({position}).then(() => true)")
    page.wait("document.querySelector('.outcomes-answer .lead')", 30)
    text: str = page.run("document.querySelector('.outcomes-answer .lead').innerText")
    return text.replace("\N{NO-BREAK SPACE}", " ")


def type_into_parameters(page: Any, text: str) -> None:
    """Replace the cell tagged `parameters` with typed text."""
    is_it = "c => (c.model.getMetadata('tags') || []).includes('parameters')"
    page.run(f"{HERE}.content.activeCellIndex = {HERE}.content.widgets.findIndex({is_it})")
    page.run("jupyterapp.commands.execute('notebook:enter-edit-mode').then(() => true)")
    page.wait(f"{HERE}.content.activeCell.editor && {HERE}.content.activeCell.editor.hasFocus()")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="a", code="KeyA", modifiers=2,
                 windowsVirtualKeyCode=65)  # fmt: skip
    page.call("Input.insertText", text=text)


def test_a_notebook_runs_to_its_end_and_answers_for_another_study(
    lab: str, drive: Any, tmp_path: Path
) -> None:
    first, other = (oc.simulate(episodes=60, seed=seed) for seed in (1, 2))
    first.save(tmp_path / "data" / "synthetic")  # where the parameters cell points to
    other.save(tmp_path / "data" / "other")
    page = drive
    page.open(lab, width=1300, height=1000)
    page.wait(f"window.jupyterapp && {OPENED}")
    assert page.run(f"{OPENED}.title.label") == "00-start-here.ipynb"
    page.run(f"jupyterapp.shell.activateById({OPENED}.id)")
    page.wait(f"{HERE} && {HERE}.sessionContext")
    page.run(f"{HERE}.sessionContext.ready.then(() => true)")

    assert page.run("document.querySelectorAll('.jp-toast-button').length") == 0  # no news asked
    seen = []
    for study in (first, other):
        if study is other:
            type_into_parameters(page, 'path = "../data/other"\ncolumns = instrument = plan = None')
        cells = run_all(page)
        outputs = [one for cell in cells for one in cell["outputs"]]
        assert [one for one in outputs if one["output_type"] == "error"] == []
        assert cells[-1]["execution_count"] is not None
        assert "index.html" in json.dumps(cells[-1]["outputs"])
        answer = next(c for c in cells if "outcomes-answer" in json.dumps(c["outputs"]))
        position = page.run(
            f"{HERE}.content.widgets.findIndex(c => c.model.id === {json.dumps(answer['id'])})"
        )
        seen.append(seen_answer(page, position))
        assert seen[-1] == oc.answer(study, "how-much").sentence
    assert seen[0] != seen[1]
    assert (tmp_path / "out" / "report" / "index.html").is_file()
