"""Each notebook runs from top to bottom on a small study, and shows an answer to its question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import outcomes as oc

NOTEBOOKS = sorted(path.name for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oc.simulate(episodes=60, seed=3).save(tmp_path_factory.mktemp("study") / "small")


def test_there_are_notebooks() -> None:
    assert "00-start-here.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_on_a_small_study(
    name: str, small_study: Path, run_notebook: Callable[..., str]
) -> None:
    shown = run_notebook(name, path=str(small_study))
    assert "SYNTHETIC" in shown
    assert '"output_type": "error"' not in shown


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
