"""A teaching deck shows the naive number, the honest answer and the truth of its study."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pptx
import pytest

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.render.slides.deck import MOST_NUMBERS
from outcomes.render.slides.pptx import pptx_bytes
from outcomes.render.slides.teaching import teach, teaching_deck
from outcomes.render.slides.traps import TRAPS
from outcomes.synthetic.scenarios import SCENARIOS

pytestmark = pytest.mark.filterwarnings("ignore::outcomes.errors.OutcomesWarning")


@pytest.fixture(scope="module")
def null_deck() -> Any:
    return teaching_deck(TRAPS["null"], seed=3)


def test_every_trap_is_a_scenario_and_names_its_own_analysis() -> None:
    assert set(TRAPS) <= set(SCENARIOS)
    assert len(TRAPS) >= 9


def test_five_slides_from_the_question_to_the_limits(null_deck: Any) -> None:
    question, naive, why, honest, limits = null_deck.slides
    assert question.title.endswith("?")
    assert naive.picture.kind == "curves"
    assert len(why.bullets) == 3
    assert list(honest.picture.data["label"]) == ["naive analysis", "honest analysis", "the truth"]
    assert limits.title == "What this cannot show"
    assert null_deck.label == "SYNTHETIC"
    for slide in null_deck.slides:
        assert slide.notes
        assert len(re.findall(r"\d+(?:\.\d+)?", slide.title)) <= MOST_NUMBERS


def test_the_naive_number_is_least_squares_on_the_rows_as_they_are(null_deck: Any) -> None:
    rows = oc.simulate(scenario="null", seed=3).trajectory("nprs", same_visit=True)
    rows = rows.dropna(subset=["pressure_same_visit", "improvement"])
    slope = np.polyfit(rows["pressure_same_visit"], rows["improvement"], 1)[0]
    shown = null_deck.slides[3].picture.data.set_index("label")
    assert shown.loc["naive analysis", "estimate"] == pytest.approx(slope, abs=1e-6)
    assert f"{slope:.2f} points" in null_deck.slides[1].title
    level = rows[rows["pressure_same_visit"] == 3]
    point = null_deck.slides[1].picture.data.set_index("x").loc[3]
    assert point["estimate"] == pytest.approx(level["improvement"].mean())


def test_the_naive_interval_misses_the_truth_and_the_honest_one_holds_it(null_deck: Any) -> None:
    shown = null_deck.slides[3].picture.data.set_index("label")
    assert shown.loc["the truth", "estimate"] == 0  # the scenario gives pressure no effect
    assert shown.loc["naive analysis", "conf_low"] > 0.3
    assert shown.loc["honest analysis", "conf_low"] < 0 < shown.loc["honest analysis", "conf_high"]


def test_in_powerpoint_every_text_is_large_and_every_chart_native(null_deck: Any) -> None:
    file = pptx.Presentation(io.BytesIO(pptx_bytes(null_deck)))
    shapes = [shape for slide in file.slides for shape in slide.shapes]
    sizes = [
        paragraph.font.size.pt
        for shape in shapes
        if shape.has_text_frame
        for paragraph in shape.text_frame.paragraphs
        if paragraph.text
    ]
    assert min(sizes) >= 24
    charts = [shape for shape in shapes if shape.has_chart]
    assert len(charts) == 2
    for shape in charts:
        assert shape._element.nvGraphicFramePr.cNvPr.get("descr")
    forest = {series.name: list(series.values) for series in charts[1].chart.plots[0].series}
    assert len(forest) == 4
    for shape in shapes:
        assert shape.left >= 0
        assert shape.left + shape.width <= file.slide_width
        assert shape.top + shape.height <= file.slide_height


def test_where_the_answer_refuses_the_deck_says_what_is_known() -> None:
    deck = teaching_deck(TRAPS["few-clusters"])
    honest = deck.slides[3]
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
    honest = teaching_deck(TRAPS[name]).slides[3]
    if honest.picture is None:
        return
    rows = honest.picture.data
    truth, told = rows.iloc[-1]["estimate"], rows.iloc[1:-1]
    assert told["conf_low"].min() <= truth <= told["conf_high"].max()
