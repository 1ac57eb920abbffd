"""Each notebook runs from top to bottom on a small study, and shows an answer to its question."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import outcomes as oc
from outcomes.intake.template import write_template
from outcomes.study import study_from_tables

FOLDER = Path(__file__).parents[2] / "notebooks"
MAPS = FOLDER.parent / "docs" / "maps"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oc.simulate(episodes=60, seed=3).save(tmp_path_factory.mktemp("study") / "small")


def test_there_are_notebooks() -> None:
    assert "00-start-here.ipynb" in NOTEBOOKS


QUICK = "01"


def parameters(name: str, study: Path) -> dict[str, Any]:
    """Point a notebook's parameters cell to a small study."""
    if name.startswith("02"):
        return {"episodes": 60}
    if name.startswith("11"):
        return {"episodes": 40, "n_simulations": 4}
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


def test_the_model_s_runs_without_a_kernel_each_time(
    small_study: Path, run_cells: Callable[..., str]
) -> None:
    assert "SYNTHETIC" in run_cells("04-the-mixed-model.ipynb", path=str(small_study))


def _without(study: oc.Study, table: str, *columns: str) -> oc.Study:
    emptied = study.table(table).assign(**dict.fromkeys(columns))
    return replace(study, **{table: emptied})


def _of(study: oc.Study, episodes: Any) -> oc.Study:
    tables = ("episodes", "sessions", "assessments", "goals")
    kept = {name: study.table(name) for name in tables}
    kept = {name: t[t["episode_id"].isin(episodes)] for name, t in kept.items()}
    return study_from_tables(kept)


def _saved(shape: Callable[[oc.Study], oc.Study]) -> Callable[[Path], dict[str, Any]]:
    """Save what becomes of a small study; its folder is all that the parameters cell needs."""

    def made(place: Path) -> dict[str, Any]:
        return {"path": str(shape(oc.simulate(episodes=60, seed=3)).save(place / "own"))}

    return made


def _trial(place: Path, map_name: str, columns: dict[str, str]) -> dict[str, Any]:
    """Write a simulated trial as a published one was written: one row a score, through its map."""
    study = oc.simulate(episodes=80, scenario="two-arm-trial", seed=2)
    scores = study.assessments[study.assessments["instrument"] == "nprs"]
    rows = scores[scores["timing"] != "post_session"].merge(study.episodes, on="episode_id")
    first = rows.sort_values("day").groupby("episode_id")["score"].transform("first")
    rows = rows.assign(
        first=first, week=rows["day"] / 7, month=rows["day"] / 30, age=40, none=None,
        who=rows["episode_id"].str.removeprefix("e").astype(int),
        coded=(rows["arm"] != "usual care").astype(int), sex=(rows["sex"] == "female").astype(int),
        named=rows["arm"].map({"usual care": "TAU"}).fillna("BtheB"),
    )  # fmt: skip
    rows = rows[rows["day"].isin(rows["day"].value_counts().head(4).index)]
    rows[list(columns)].rename(columns=columns).to_csv(place / "trial.csv", index=False)
    return {"path": str(place / "trial.csv"), "columns": str(MAPS / f"{map_name}.toml")}


def _headache(place: Path) -> dict[str, Any]:
    names = ("age", "sex", "week", "score")
    others = {"who": "id", "therapist_id": "acupuncturist", "clinic_id": "practice_id"}
    others |= {"coded": "group", "none": "treatments", "end_reason": "withdrawal_reason"}
    return _trial(place, "headache-trial", dict(zip(names, names, strict=True)) | others)


def _blues(place: Path) -> dict[str, Any]:
    names = {"who": "subject", "named": "treatment", "first": "bdi_pre", "score": "bdi"}
    return _trial(place, "beat-the-blues", names | {"month": "month"})


def _sheet(courses: int) -> Callable[[Path], dict[str, Any]]:
    """Fill the entry workbook in, as a clinic would: few columns, one line a visit."""

    def made(place: Path) -> dict[str, Any]:
        book = openpyxl.load_workbook(write_template(place / "clinic.xlsx"))
        visits, people = book["visits"], book["people"]
        codes = [row[0].value for row in people.iter_rows(min_row=3, max_col=1)]
        first, line = date(2025, 1, 6), 3
        for i in range(courses):
            people.cell(3 + i, 2, ("headache", "knee pain")[i % 2])
            for visit in range(1 + (i % 5 if courses > 1 else 0)):
                pain = max(0, 7 - visit // 2 - (i * visit) % 3)
                pressure = ("2 - heavy lotioning", "3 - medium")[(i + visit) % 2]
                day = first + timedelta(days=7 * visit)
                cells = {1: codes[i], 2: day, 3: pain, 4: max(0, pain - 2), 5: 60, 6: pressure}
                for column, value in cells.items():
                    visits.cell(line, column, value)
                line += 1
        book.save(place / "clinic.xlsx")
        return {"path": str(place / "clinic.xlsx")}

    return made


OWN: dict[str, Callable[[Path], dict[str, Any]]] = {
    "headache trial": _headache,
    "beat the blues": _blues,
    "entry sheet": _sheet(40),
    "one course": _sheet(1),
    "no pressure": _saved(lambda s: _without(s, "sessions", "pressure")),
    "no therapists": _saved(
        lambda s: _without(_without(s, "sessions", "therapist_id"), "episodes", "therapist_id")
    ),
    "one condition": _saved(lambda s: _without(s, "episodes", "condition")),
    "no days": _saved(lambda s: _without(_without(s, "sessions", "day"), "assessments", "day")),
    "eleven patients": _saved(lambda s: _of(s, s.episodes["episode_id"].head(11))),
    "two arms": _saved(lambda _: oc.simulate(episodes=80, scenario="two-arm-trial", seed=2)),
}
SEEN_EACH_TIME = ("headache trial", "one course")


@pytest.mark.quick(7)
@pytest.mark.parametrize(
    "shape",
    [pytest.param(x, marks=() if x in SEEN_EACH_TIME else pytest.mark.slow) for x in OWN],
)
@pytest.mark.parametrize(
    "name", [name for name in NOTEBOOKS if not name.startswith(("02", "03", "11"))]
)
def test_it_runs_on_ones_own_data_from_the_parameters_cell_alone(
    name: str, shape: str, tmp_path: Path, run_cells: Callable[..., str]
) -> None:
    shown = run_cells(name, **OWN[shape](tmp_path))
    told = re.sub(r"<svg.*?</svg>|<style>.*?</style>|<[^>]*>", " ", shown, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\bNone\b|\bNaT\b|object at 0x", told.replace("Out[0]", ""))


@pytest.mark.slow
def test_a_path_that_is_not_there_is_one_sentence_in_the_cell(
    run_notebook: Callable[..., str],
) -> None:
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match=r"Error: ") as caught:
        run_notebook("01-how-much-did-patients-improve.ipynb", path="nowhere")
    assert str(caught.value).count("File ") == 0


BAD = {
    "a path that is not there": {"path": "nowhere"},
    "a map that is not there": {"columns": "nowhere.toml"},
    "no instrument of this name": {"instrument": "nothing"},
    "an instrument without scores": {"instrument": "womac"},
    "a plan that is none": {"plan": {"primary": {"question": "nothing"}}},
}


@pytest.mark.quick(8)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("number", ["00", "01", "05", "07"])
def test_a_wrong_entry_is_told_in_one_sentence(
    number: str, bad: str, small_study: Path, run_cells: Callable[..., str]
) -> None:
    name = next(name for name in NOTEBOOKS if name.startswith(number))
    with pytest.raises(oc.OutcomesError) as caught:
        run_cells(name, **({"path": str(small_study)} | BAD[bad]))
    shown = caught.value._render_traceback_()
    assert len(shown) == 2
    assert "File " not in "".join(shown)


def test_a_study_with_errors_says_so_where_it_would_answer(
    small_study: Path, tmp_path: Path, run_cells: Callable[..., str]
) -> None:
    study = oc.load(small_study)
    study.assessments.loc[3, "score"] = 77.0
    folder = study.save(tmp_path / "wrong")
    name = next(name for name in NOTEBOOKS if name.startswith("01"))
    refused = oc.answer(oc.load(folder), "how-much")
    assert refused.refused
    shown = unescape(run_cells(name, path=str(folder)))
    assert "1 error, " in shown
    assert refused.reason.rstrip(".")[-30:] in shown


def test_no_two_notebooks_share_more_than_their_set_up(read_cells: Callable[..., Any]) -> None:
    seen: dict[str, str] = {}
    for name in NOTEBOOKS:
        code = [cell["source"] for cell in read_cells(name) if cell["cell_type"] == "code"]
        for text in (source for source in code if "oc.load(" not in source):
            assert len(text.splitlines()) < 5 or seen.setdefault(text, name) == name


def test_each_notebook_ends_with_a_question_and_its_answer_in_a_fold(
    read_cells: Callable[..., Any],
) -> None:
    for name in NOTEBOOKS:
        last = read_cells(name)[-1]["source"]
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
        shown = run_notebook(name, path=str(folder)).replace("\xa0", " ")
        assert sentence in shown
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
