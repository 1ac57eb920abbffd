"""The whole command in processes of their own: same bytes anywhere, and nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import outcomes as oc

pytestmark = pytest.mark.slow
FORMATS = "html,pdf,docx,pptx,slides"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oc.simulate(episodes=60, seed=4).save(tmp_path_factory.mktemp("data") / "study")


def start(place: Path, hash_seed: str, *words: str | Path) -> subprocess.Popen[str]:
    """Start the command line in a folder of its own."""
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "outcomes", *map(str, words)]
    return subprocess.Popen(
        command, cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_folders_and_two_hash_seeds_give_the_same_bytes(study: Path, tmp_path: Path) -> None:
    for place, seed in ((tmp_path / "one", "1"), (tmp_path / "two", "2")):
        words = ("report", study, "--out", "report", "--formats", FORMATS)
        run = start(place, seed, *words)
        _, told = run.communicate(timeout=600)
        assert run.returncode == 0, told
    first = contents(tmp_path / "one" / "report")
    assert first == contents(tmp_path / "two" / "report")
    assert len(first) == 5 + 4  # the formats; estimates, run, crate, list of files

    run = start(tmp_path / "two", "3", "verify", tmp_path / "one" / "report", study)
    said, told = run.communicate(timeout=600)
    assert run.returncode == 0, told
    assert "The report is equal." in said
    record = json.loads(first["run.json"])
    assert str(tmp_path) not in json.dumps(record)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_stopping_leaves_nothing_half_written(study: Path, tmp_path: Path) -> None:
    place = tmp_path / "stopped"
    run = start(place, "1", "report", study, "--out", "report", "--formats", FORMATS)
    end = time.monotonic() + 300
    while not any(place.glob(".report.outcomes-draft/*")):  # the draft folder has its first file
        assert run.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=120)
    assert run.returncode != 0
    assert "Traceback" not in told
    assert list(place.iterdir()) == []
