"""A teaching deck shows the naive number, the honest answer and the truth of its study."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pptx
import pytest

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.render.slides import teaching
from outcomes.render.slides.pptx import pptx_bytes
from outcomes.render.slides.teaching import TRAPS, teach, teaching_deck
from outcomes.synthetic.scenarios import SCENARIOS
from outcomes.words import digits_of, with_ends

pytestmark = pytest.mark.filterwarnings("ignore::outcomes.errors.OutcomesWarning")


@pytest.fixture(scope="module", autouse=True)
def each_lesson_once() -> Iterator[None]:
    """Simulate and answer each trap once a seed; nothing here changes a lesson."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teaching, "lesson_of", cache(teaching.lesson_of))
        yield


@pytest.fixture(scope="module")
def null_deck() -> Any:
    return teaching_deck(TRAPS["null"], seed=3)


def test_every_trap_is_a_scenario_and_names_its_own_analysis() -> None:
    assert set(TRAPS) <= set(SCENARIOS)
    assert len(TRAPS) >= 9


def test_the_deck_asks_before_it_tells(null_deck: Any) -> None:
    case, naive, wrong, because, reveal, rule = null_deck.slides
    trap = TRAPS["null"]
    assert case.title == trap.case
    assert case.bullets == (trap.poll, "A: deeper", "B: as last week", "C: lighter")
    assert naive.picture.kind == "curves"
    assert wrong.picture.data.equals(naive.picture.data)
    assert because.bullets == trap.why
    labels = ["naive analysis", "honest answer", "truth (known here)"]
    assert list(reveal.picture.data["label"]) == labels
    assert rule.title == trap.rule
    assert rule.bullets[0] == trap.take_home
    assert null_deck.label == "SYNTHETIC"
    for slide in null_deck.slides:
        assert slide.notes.startswith(slide.title)
        assert slide.asks == trap.asks


def test_the_notes_of_the_answer_speak_of_the_number_of_the_slide(null_deck: Any) -> None:
    reveal, rule = teaching_deck(TRAPS["session-count-trap"]).slides[-2:]
    assert "by 6 sessions" in reveal.title
    assert "Nine tenths" not in reveal.notes  # that is said of 4 sessions
    assert not re.findall(r"after (?!6 )\d+ sessions", reveal.notes)
    known = {round(x, 1) for x in teaching.lesson_of(
        TRAPS["session-count-trap"], TRAPS["session-count-trap"].seed
    ).compared[["estimate", "conf_low", "conf_high"]].to_numpy().ravel()}  # fmt: skip
    said = {float(x) for x in re.findall(r"\d+\.\d+", reveal.notes)}
    assert said
    assert said <= known
    assert null_deck.slides[4].notes.count("points per Walton level") == 1
    for slide in (reveal, rule, *null_deck.slides):
        assert not re.search(r"[.?!][.;]", slide.notes), slide.notes


@pytest.mark.parametrize("name", list(TRAPS))
def test_nothing_before_the_naive_picture_gives_the_trap_away(name: str) -> None:
    trap = TRAPS[name]
    before = f"{trap.asks} {trap.case} {trap.poll} {trap.vote}"
    for told in (trap.because, trap.rule, SCENARIOS[name].lesson, SCENARIOS[name].naive, *trap.why):
        assert told.rstrip(".") not in before


@pytest.mark.parametrize("name", list(TRAPS))
def test_the_seed_of_a_deck_is_one_that_teaches(name: str) -> None:
    trap = TRAPS[name]
    assert 0 < trap.taught <= trap.tried
    assert trap.seed <= trap.tried


def test_a_study_that_misses_by_luck_is_not_said_to_teach() -> None:
    lesson = teaching.lesson_of(TRAPS["informative-dropout"], 1)  # its naive mean is right by luck
    assert not lesson.teaches
    last = teaching_deck(TRAPS["informative-dropout"], 1).slides[-1]
    assert last.bullets[-1] == "This study (seed 1) is not one of them."


def test_a_deck_whose_answer_is_clear_does_not_say_that_nothing_is() -> None:
    lesson = teaching.lesson_of(
        TRAPS["switching-therapists"], 1
    )  # here therapists differ, p = 0.007
    assert not lesson.unclear
    reveal = teaching_deck(TRAPS["switching-therapists"], 1).slides[4]
    assert reveal.title.startswith("There is a difference between 12 therapists")
    assert "no clear difference" not in f"{reveal.title} {reveal.bullets} {reveal.notes}"


def test_the_naive_number_is_least_squares_on_the_rows_as_they_are(null_deck: Any) -> None:
    rows = oc.simulate(scenario="null", seed=3).trajectory("nprs", same_visit=True)
    rows = rows.dropna(subset=["pressure_same_visit", "improvement"])
    slope = np.polyfit(rows["pressure_same_visit"], rows["improvement"], 1)[0]
    shown = null_deck.slides[4].picture.data.set_index("label")
    assert shown.loc["naive analysis", "estimate"] == pytest.approx(slope, abs=1e-6)
    assert f"{slope:.2f} points" in null_deck.slides[1].title
    level = rows[rows["pressure_same_visit"] == 3]
    point = null_deck.slides[1].picture.data.set_index("x").loc[3]
    assert point["estimate"] == pytest.approx(level["improvement"].mean())


def test_the_naive_interval_misses_the_truth_and_the_honest_one_holds_it(null_deck: Any) -> None:
    shown = null_deck.slides[4].picture.data.set_index("label")
    assert shown.loc["truth (known here)", "estimate"] == 0  # pressure has no effect here
    assert shown.loc["naive analysis", "conf_low"] > 0.3
    assert shown.loc["honest answer", "conf_low"] < 0 < shown.loc["honest answer", "conf_high"]


def test_three_curves_stand_on_one_axis() -> None:
    data = teaching_deck(TRAPS["session-count-trap"]).slides[4].picture.data
    curves = {name: rows.set_index("x")["estimate"] for name, rows in data.groupby("group")}
    assert set(curves) == {"naive means", "honest answer", "truth (known here)"}
    truth = oc.simulate(scenario="session-count-trap", seed=1).truth
    assert truth is not None
    table = truth.estimands.query("condition == 'all' and instrument == 'nprs'")
    here = table["estimand"].str.startswith("mean improvement after session_count")
    known = table[here].set_index("session_count")["value"]
    for moment, value in curves["truth (known here)"].items():
        assert value == pytest.approx(known[moment])


def test_in_powerpoint_every_text_is_large_and_every_chart_native(null_deck: Any) -> None:
    file = pptx.Presentation(io.BytesIO(pptx_bytes(null_deck)))
    shapes = [shape for slide in file.slides for shape in slide.shapes]
    sizes = [
        run.font.size.pt
        for shape in shapes
        if shape.has_text_frame
        for paragraph in shape.text_frame.paragraphs
        for run in paragraph.runs
    ]
    assert min(sizes) >= 12  # the foot
    charts = [shape for shape in shapes if shape.has_chart]
    assert len(charts) == 3
    for shape in charts:
        assert shape._element.nvGraphicFramePr.cNvPr.get("descr")
    plot = charts[2].chart.plots[0]
    assert list(plot.categories) == ["truth (known here)", "honest answer", "naive analysis"]
    colours = len(plot.series) // 2
    assert colours == 3
    for shape in shapes:
        assert shape.left >= 0
        assert shape.left + shape.width <= file.slide_width
        assert shape.top + shape.height <= file.slide_height


def test_where_the_answer_refuses_the_deck_says_what_is_known() -> None:
    deck = teaching_deck(TRAPS["few-clusters"])
    honest = deck.slides[4]
    assert honest.picture is None
    assert "12 %" in honest.bullets[1]
    assert deck.slides[1].picture.kind == "forest"


def test_teach_writes_the_formats_asked_for_and_knows_its_traps(tmp_path: Path) -> None:
    made = teach("null", tmp_path / "null", ("pptx", "slides"))
    assert {path.name for path in made.iterdir()} >= {"slides.html", "slides.pptx"}
    with pytest.raises(UsageError, match="the trap is one of null"):
        teach("nothing", tmp_path / "x")
    with pytest.raises(UsageError, match="a format is one of slides"):
        teach("null", tmp_path / "x", ("docx",))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TRAPS))
def test_every_trap_makes_a_deck_whose_honest_answer_holds_the_truth(name: str) -> None:
    assert teaching.lesson_of(TRAPS[name], TRAPS[name].seed).teaches
    honest = teaching_deck(TRAPS[name]).slides[4]
    if honest.picture is None:
        return
    rows = honest.picture.data
    if honest.picture.kind == "forest" and len(rows) == 3:  # of more the title has the range
        digits, ends = digits_of(rows), rows[["estimate", "conf_low", "conf_high"]]
        drawn = " ".join(with_ends(*map(float, each), digits=digits) for each in ends.to_numpy())
        said = re.findall(r"\d+\.\d+", honest.title)
        assert set(said) <= set(re.findall(r"\d+\.\d+", drawn)), (honest.title, drawn)
    if TRAPS[name].curve or TRAPS[name].estimand == "no care":
        return
    truth, told = rows.iloc[-1]["estimate"], rows.iloc[1:-1]
    assert told["conf_low"].min() <= truth <= told["conf_high"].max()
