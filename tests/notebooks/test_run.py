"""Each notebook runs from top to bottom on a small study, and shows an answer to its question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc

NOTEBOOKS = sorted(path.name for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oc.simulate(episodes=60, seed=3).save(tmp_path_factory.mktemp("study") / "small")


def test_there_are_notebooks() -> None:
    assert "00-start-here.ipynb" in NOTEBOOKS


def parameters(name: str, study: Path) -> dict[str, Any]:
    """Point a notebook's parameters cell to a small study."""
    if name.startswith("02"):
        return {"episodes": 60}
    if name.startswith("03"):
        return {"path": str(study / "assessments.csv")}
    return {} if name.startswith("13") else {"path": str(study)}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name.startswith("01") else pytest.mark.slow)
        for name in NOTEBOOKS
    ],
)
def test_it_runs_on_a_small_study(
    name: str, small_study: Path, run_notebook: Callable[..., str]
) -> None:
    shown = run_notebook(name, **parameters(name, small_study))
    assert '"output_type": "error"' not in shown
    if not name.startswith("03"):  # a table of scores alone does not say that it is simulated
        assert "SYNTHETIC" in shown


@pytest.mark.slow
def test_another_study_in_the_parameters_cell_gives_another_answer(
    tmp_path: Path, run_notebook: Callable[..., str]
) -> None:
    name = "01-how-much-did-patients-improve.ipynb"
    sentences = set()
    for seed in (1, 2):
        study = oc.simulate(episodes=60, seed=seed)
        folder = study.save(tmp_path / f"study-{seed}")
        sentence = oc.answer(study, "how-much").sentence
        assert sentence in run_notebook(name, path=str(folder))
        sentences.add(sentence)
    assert len(sentences) == 2


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = oc.simulate(scenario="large-registry", seed=1)
    return study.save(tmp_path_factory.mktemp("registry") / "large")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["shipped", "large-registry"])
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_at_full_size(
    name: str, size: str, registry: Path, run_notebook: Callable[..., str]
) -> None:
    shipped = Path(__file__).parents[2] / "data" / "synthetic"
    chosen = parameters(name, shipped if size == "shipped" else registry)
    if name.startswith("02"):
        chosen = {"scenario": "null" if size == "shipped" else size, "episodes": 200}
    assert '"output_type": "error"' not in run_notebook(name, **chosen)
