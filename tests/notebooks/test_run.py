"""Each notebook runs from top to bottom on a small study, and shows an answer to its question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

import outcomes as oc
from outcomes.study import study_from_tables

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oc.simulate(episodes=60, seed=3).save(tmp_path_factory.mktemp("study") / "small")


def test_there_are_notebooks() -> None:
    assert "00-start-here.ipynb" in NOTEBOOKS


QUICK = ("01", "04")


def parameters(name: str, study: Path) -> dict[str, Any]:
    """Point a notebook's parameters cell to a small study."""
    if name.startswith("02"):
        return {"episodes": 60}
    if name.startswith("03"):
        return {"path": str(study / "assessments.csv")}
    return {} if name.startswith("08") else {"path": str(study)}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name.startswith(QUICK) else pytest.mark.slow)
        for name in NOTEBOOKS
    ],
)
def test_it_runs_on_a_small_study(
    name: str, small_study: Path, run_notebook: Callable[..., str]
) -> None:
    shown = run_notebook(name, **parameters(name, small_study))
    assert '"output_type": "error"' not in shown
    assert "SYNTHETIC" in shown


def _without(study: oc.Study, table: str, *columns: str) -> oc.Study:
    emptied = study.table(table).assign(**dict.fromkeys(columns))
    return replace(study, **{table: emptied})


def _of(study: oc.Study, episodes: Any) -> oc.Study:
    tables = ("episodes", "sessions", "assessments", "goals")
    kept = {name: study.table(name) for name in tables}
    kept = {name: t[t["episode_id"].isin(episodes)] for name, t in kept.items()}
    return study_from_tables(kept)


OWN: dict[str, Callable[[oc.Study], oc.Study]] = {
    "no pressure": lambda s: _without(s, "sessions", "pressure"),
    "no therapists": lambda s: _without(
        _without(s, "sessions", "therapist_id"), "episodes", "therapist_id"
    ),
    "one condition": lambda s: _without(s, "episodes", "condition"),
    "no days": lambda s: _without(_without(s, "sessions", "day"), "assessments", "day"),
    "eleven patients": lambda s: _of(s, s.episodes["episode_id"].head(11)),
    "two arms": lambda _: oc.simulate(episodes=80, scenario="two-arm-trial", seed=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", OWN)
@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if not name.startswith(("02", "03"))])
def test_it_runs_on_ones_own_data_from_the_parameters_cell_alone(
    name: str, shape: str, tmp_path: Path, run_notebook: Callable[..., str]
) -> None:
    folder = OWN[shape](oc.simulate(episodes=60, seed=3)).save(tmp_path / "own")
    assert '"output_type": "error"' not in run_notebook(name, path=str(folder))


@pytest.mark.slow
def test_a_path_that_is_not_there_is_one_sentence_in_the_cell(
    run_notebook: Callable[..., str],
) -> None:
    with pytest.raises(CellExecutionError, match=r"Error: ") as caught:
        run_notebook("01-how-much-did-patients-improve.ipynb", path="nowhere")
    assert str(caught.value).count("File ") == 0


def test_no_two_notebooks_share_more_than_their_set_up() -> None:
    seen: dict[str, str] = {}
    for name in NOTEBOOKS:
        cells = nbformat.read(FOLDER / name, as_version=4).cells
        code = [c.source for c in cells if c.cell_type == "code" and "oc.load(" not in c.source]
        for text in code:
            assert len(text.splitlines()) < 5 or seen.setdefault(text, name) == name


def test_each_notebook_ends_with_a_question_and_its_answer_in_a_fold() -> None:
    for name in NOTEBOOKS:
        last = nbformat.read(FOLDER / name, as_version=4).cells[-1].source
        assert "**Question.**" in last, name
        assert "<details><summary>" in last, name


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
