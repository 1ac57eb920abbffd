"""What a hall can take in: few rows with both ends, and limits as far as they can be said."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pptx
import pytest

from outcomes.questions.answer import Source, refusal
from outcomes.questions.picture import Picture
from outcomes.render.document import Document
from outcomes.render.figures import draw
from outcomes.render.slides import pptx as powerpoint
from outcomes.render.slides.deck import MOST_NAMED, MOST_ROWS, _refused, deck, fewer, short_limits


def forest(n: int) -> Picture:
    data = pd.DataFrame({"label": [f"row {i}" for i in range(n)], "estimate": range(n)})
    return Picture("forest", data.assign(conf_low=0.0, conf_high=1.0), "Title", "Points", "", "")


def test_all_rows_are_shown_where_they_fit():
    assert fewer(forest(MOST_ROWS), pd.DataFrame()).data["estimate"].tolist() == list(
        range(MOST_ROWS)
    )
    assert fewer(forest(MOST_ROWS), pd.DataFrame()).x_label == "Points"


def test_of_more_rows_both_ends_are_shown_and_the_axis_says_how_many():
    shown = fewer(forest(40), pd.DataFrame())
    estimates = shown.data["estimate"].tolist()
    assert len(estimates) == MOST_ROWS
    assert (estimates[0], estimates[-1]) == (0, 39)
    assert estimates == sorted(set(estimates))
    assert shown.x_label == f"Points; {MOST_ROWS} of 40 rows"


def test_long_names_of_rows_are_as_large_as_the_title_of_an_axis():
    names = [
        f"score {i}, whatever the baseline (those with a score then, without help)"
        for i in range(9)
    ]
    long = forest(9).data.assign(label=names)
    shown = fewer(Picture("forest", long, "Title", "Points", "", ""), pd.DataFrame())
    assert len(shown.data) == MOST_ROWS - 1
    assert powerpoint._names(shown.data)[0] >= 18


def test_letters_of_as_many_rows_as_a_slide_shows_are_three_quarters_of_its_text():
    picture = fewer(forest(40), pd.DataFrame())
    picture.data["n_episodes"] = 50
    shown = draw(picture, preset="slide")
    sizes = {text.get_fontsize() for text in shown.texts if text.get_text().startswith("row")}
    assert min(sizes) >= 18


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("Short. Without a control nobody can tell: people come when they are at their worst.",
         "Short. Without a control nobody can tell: people come when they are at their worst."),
        ("Short. Arms improved by 25.9 points.", "Short."),
        ("A long one: " + "word " * 40, "A long one."),
        ("In 3 of 4 trials.", "Nothing was estimated."),
        ("See the rows `ancova`.", "Nothing was estimated."),
    ],
)  # fmt: skip
def test_a_limit_is_said_as_far_as_a_listener_can_follow(limit, said):
    assert short_limits([SimpleNamespace(limits=(limit,))]) == (said,)


def test_a_chart_of_a_single_point_has_axes_that_programs_accept():
    low, high, step = powerpoint._ends([0, 0.0, float("nan")])
    assert low < high
    assert step > 0


def test_every_row_of_a_forest_is_named_however_long_its_name():
    picture = forest(5)
    names = [
        f"visit {i} one level firmer (error of the score allowed for, as if so)" for i in range(5)
    ]
    picture.data["label"] = names
    file = pptx.Presentation()
    page = file.slides.add_slide(file.slide_layouts[6])
    chart = page.part.related_part(powerpoint.add_chart(page, picture)).chart
    axis = chart.category_axis
    shown = list(chart.plots[0].categories)
    assert [name.replace("\n", " ") for name in reversed(shown)] == names
    assert "\n" in shown[0]
    assert 'tickLblSkip val="1"' in axis._element.xml
    lines = max(name.count("\n") + 1 for name in shown)
    assert lines * axis.tick_labels.font.size.inches * 5 < powerpoint.HEIGHT


@pytest.mark.parametrize("lowest", [-1.3, -0.04, 0.4, -25.0])
def test_the_axis_of_a_forest_names_zero_and_leaves_room_for_the_numbers(lowest):
    rows = forest(4).data.assign(conf_low=lowest, estimate=lowest + 0.2, conf_high=lowest + 1.7)
    low, high, step = powerpoint._ends_of(rows)
    assert low <= min(lowest, 0)
    assert round(low / step, 9) == int(round(low / step, 9))
    beside = (high - max(lowest + 1.7, 0)) / (high - low)
    assert beside * powerpoint.WIDTH > powerpoint.NUMBERS


@pytest.mark.parametrize("n_reasons", [1, 2, 12])
@pytest.mark.parametrize("n", [1, 4, 5, 7, 11, 12])
def test_every_question_without_an_answer_is_on_a_slide_that_has_room(n, n_reasons):
    source = Source("t", "n", True, 1, "0" * 64, "0.1", 3, 3)
    why = [f"no scores of kind {i % n_reasons}." for i in range(n)]
    asked = [refusal(f"q{i}", f"Question {i}?", why[i], source) for i in range(n)]
    slides = list(_refused(tuple(asked)))
    assert all(len(slide.bullets) <= MOST_NAMED for slide in slides)
    assert n_reasons > 1 or n == 1 or min(len(slide.bullets) for slide in slides) > 1
    assert len({slide.title for slide in slides}) == len(slides)
    said = "\n".join(line for slide in slides for line in slide.bullets)
    assert all(answer.question in said for answer in asked)
    told = said + "".join(slide.title for slide in slides)
    assert all(f"No scores of kind {i % n_reasons}." in told for i in range(n))


def test_a_cumulative_share_goes_up_in_steps_without_marks_at_their_corners():
    rows = pd.DataFrame({"group": "kept", "x": [1.0, 2, 5], "estimate": [0.1, 0.2, 0.4],
                         "conf_low": 0.0, "conf_high": 0.9})  # fmt: skip
    shown = Picture("curves", rows, "t", "Days", "Share", "a", steps=True, shares=True)
    page = pptx.Presentation().slides.add_slide(pptx.Presentation().slide_layouts[6])
    chart = page.part.related_part(powerpoint.add_chart(page, shown)).chart
    (line,) = chart.plots[0].series
    assert list(line.iter_values()) == [0.1, 0.1, 0.2, 0.2, 0.4]
    across = [float(v.text) for v in line._element.xVal.iter("{*}v")]
    assert across == [1, 2, 2, 5, 5]
    assert [int(one.idx.get("val")) for one in line._element.dPt_lst] == [1, 3]


def test_a_line_that_ends_before_the_others_is_not_labeled_over_them():
    rows = pd.DataFrame({"time": [1, 2, 3], "estimate": [1.0, 2.0, 3.0]})
    groups = [("far", rows), ("short", rows[:2]), ("near", rows.assign(estimate=2.9))]
    assert powerpoint._labeled(groups, 0.5) == {"far"}
    assert powerpoint._labeled(groups, 0.05) == {"far", "near"}
    assert powerpoint._labeled(groups[1:2], 0.5) == {"short"}


def test_lines_that_end_on_one_day_are_both_labeled_though_drawn_beside_each_other():
    rows = [(arm, day, share) for arm, last in (("massage", 0.4), ("usual", 0.2))
            for day, share in ((56.0, 0.0), (364.0, last))]  # fmt: skip
    data = pd.DataFrame(rows, columns=["group", "x", "estimate"]).assign(
        conf_low=0.0, conf_high=0.5
    )
    shown = Picture("curves", data, "t", "Days", "Share", "a", steps=True, shares=True)
    page = pptx.Presentation().slides.add_slide(pptx.Presentation().slide_layouts[6])
    chart = page.part.related_part(powerpoint.add_chart(page, shown)).chart
    texts = [
        text.text.replace("\N{NO-BREAK SPACE}", " ") for text in chart._chartSpace.iter("{*}t")
    ]
    assert {"40 %", "20 %"} <= set(texts)


def test_numbers_of_a_slide_are_those_of_the_figure():
    rows = [("last visit", -0.03, -0.15, 0.08, 9), ("every visit", 0.11, -0.24, 0.45, 9)]
    data = pd.DataFrame(rows, columns=["label", "estimate", "conf_low", "conf_high", "n_episodes"])
    picture = Picture("forest", data, "Pain fell", "Improvement (points)", "", "Alt.")
    written = [text for _, text in powerpoint._forest(picture)[1]["series"][-1]["labels"]]
    assert written[::-1] == ["−0.03 (−0.15 to 0.08)", "0.11 (−0.24 to 0.45)"]
    assert {*written} <= {text.get_text() for text in draw(picture).texts}


def test_a_slide_without_a_figure_says_what_its_answer_alone_cannot_show():
    said = {"one": ("It rests on little data.", "Goals of one course are counted as independent."),
            "two": ("It rests on little data.", "Events nobody asked about are not in the count."),
            "three": ("It rests on little data.",)}  # fmt: skip
    source = Source("t", "n", True, 1, "0" * 64, "0.1", 3, 3)
    given = tuple(
        replace(refusal(name, f"{name}?", "", source, limits=limits), refused=False, sentence="So.")
        for name, limits in said.items()
    )
    made = deck(Document("t", "s", "", ()), given)
    asked, answered, *_ = made.slides[0].notes.split("\n\n")  # each thing said is a paragraph
    assert (asked, answered) == ("one?", "So.")
    assert [slide.bullets for slide in made.slides[:2]] == [said["one"][1:], said["two"][1:]]
    assert made.slides[2].bullets == said["three"]  # it has no other
    assert made.slides[-1].bullets[0] == "It rests on little data."
