"""What is built holds all that it needs: the wheel alone, without this checkout, does the work."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture
def outcomes(wheel: Path, tmp_path: Path):
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
        done = subprocess.run(
            [sys.executable, "-m", "outcomes", *words], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_wheel_alone_simulates_reports_and_brings_its_notebooks(outcomes, tmp_path: Path):
    outcomes("notebooks", "mine")
    assert sorted(path.name for path in (tmp_path / "mine" / "notebooks").iterdir()) == sorted(
        path.name for path in (ROOT / "notebooks").glob("*.ipynb")
    )
    outcomes("check", "mine/data/synthetic")
    outcomes("simulate", "--episodes", "40", "--out", "study")
    assert "SYNTHETIC" in outcomes("report", "study", "--out", "report")
    assert (tmp_path / "report" / "index.html").is_file()
    outcomes("template", "sheet.xlsx")


def test_nothing_of_the_package_is_left_out_or_added(wheel: Path):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    source = ROOT / "src"
    mine = {path.relative_to(source).as_posix() for path in source.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    assert mine <= packed
    assert all(name.startswith("outcomes/course/") for name in packed - mine)
