"""Pictures of records hold what the records hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.render.figures.of_study import pressure_map, trajectories, waterfall
from outcomes.render.figures.style import INK
from outcomes.study import Study, study_from_tables

WEIGHTS = (0.2126, 0.7152, 0.0722)


@pytest.fixture(scope="module")
def study() -> Any:
    return oc.load("data/synthetic")


@pytest.fixture
def small() -> Any:
    scores = pd.DataFrame(
        {"episode_id": list("aabbcc"), "session": [1, 2] * 3, "instrument": "nprs",
         "score": [8, 3, 7, 5, 4, 6]}
    )  # fmt: skip
    return study_from_tables({"assessments": scores})


def test_each_course_is_a_line_and_each_condition_a_panel(study: Any) -> None:
    figure = trajectories(study)
    rows = study.trajectory("nprs")
    rows = rows[rows["session"].notna()]
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert len(panels) == rows["condition"].nunique()
    thin = sum(line.get_alpha() == 0.3 for axes in panels for line in axes.lines)
    assert thin == rows["episode_id"].nunique()


def test_a_waterfall_counts_by_hand(small: Any) -> None:
    figure = waterfall(small)
    bars = figure.axes[0].collections[0].get_paths()
    heights = [bar.vertices[1, 1] for bar in bars]
    assert heights == [5, 2, -2]
    assert figure.alt.startswith(
        "2 of 3 courses (67 %) improved by at least the smallest important change"
    )
    assert "1 got worse" in figure.alt
    assert figure.alt.count("smallest important change") == 1


def test_measurement_error_is_that_of_the_patients_it_was_found_in(small: Any) -> None:
    """4 points were found in neck pain; a headache that is 5 better is not among them."""
    of = {"a": "headache", "b": "neck_other", "c": "neck_other"}
    facts = small.episodes.assign(condition=small.episodes["episode_id"].map(of))
    figure = waterfall(replace(small, episodes=facts))
    best = figure.axes[0].collections[0].get_paths()[0].vertices[1, 1]
    assert best == 5
    said = "0 of 2 courses (0 %) improved by at least the measurement error in neck pain"
    assert said in figure.alt
    assert "follow-up" not in figure.alt  # each last score is one of a visit


def test_a_waterfall_without_thresholds_says_how_many_improved() -> None:
    weeks = [("a", 0, 6), ("a", 4, 5), ("b", 0, 6), ("b", 4, 6), ("c", 0, 5), ("c", 4, 2)]
    scores = pd.DataFrame(weeks, columns=["episode_id", "day", "score"]).assign(
        instrument="bpi-severity"
    )
    scores["timing"] = scores["day"].map({0: "baseline", 4: "follow_up"})
    made = study_from_tables({"assessments": scores})
    assert waterfall(made).claim == "2 of 3 courses (67 %) improved; none got worse"
    assert "Of 3 courses the last score is a follow-up" in waterfall(made).alt
    assert trajectories(made).get_supxlabel() == "week"


def test_a_map_of_pressure_counts_visits(study: Any) -> None:
    figure = pressure_map(study)
    written = sum(int(text.get_text()) for text in figure.axes[0].texts)
    known = study.sessions.dropna(subset=["pressure", "session"])
    assert written == len(known)


def test_half_a_level_of_pressure_is_a_row_of_its_own() -> None:
    visits = pd.DataFrame({"episode_id": "a", "session": [1, 2, 3], "pressure": [2.0, 2.5, 2.5]})
    figure = pressure_map(study_from_tables({"sessions": visits}))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["2", "2.5"]
    assert figure.claim == "Level 2.5 was used most: at 2 of 3 visits"


def test_incidence_is_the_picture_of_the_answer_on_goals(study: Any) -> None:
    drawn, given = study.incidence(), oc.answer(study, "goals")
    assert (drawn.claim, drawn.alt) == (given.picture.title, given.picture.alt)
    assert "SYNTHETIC DATA" in {text.get_text() for text in drawn.texts}


@pytest.mark.parametrize(("paper", "ink"), [("#ffffff", INK), ("#111111", "#ffffff")])
def test_each_number_of_the_map_can_be_read_on_a_light_and_a_dark_page(
    study: Any, paper: str, ink: str
) -> None:
    place = pressure_map(study).axes[0]
    assert {text.get_color() for text in place.texts} == {INK}  # the page turns it into its own
    cells = place.images[0].to_rgba(place.images[0].get_array()).reshape(-1, 4)
    seen = cells[:, 3:] * cells[:, :3] + (1 - cells[:, 3:]) * to_rgb(paper)

    def brightness(color: Any) -> Any:  # WCAG 2.2, relative luminance
        part = np.asarray(color, float)
        return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ WEIGHTS

    both = np.sort([brightness(seen), np.full(len(seen), brightness(to_rgb(ink)))], axis=0) + 0.05
    assert (both[1] / both[0]).min() >= 4.5


@pytest.mark.parametrize("picture", [pressure_map, Study.incidence])
def test_what_is_not_recorded_is_refused_by_name(small: Any, picture: Any) -> None:
    with pytest.raises(UsageError, match="need"):
        picture(small)


def test_a_study_without_scores_after_baseline_is_refused() -> None:
    one = pd.DataFrame({"episode_id": ["a"], "session": [1], "instrument": "nprs", "score": [5]})
    with pytest.raises(UsageError, match="needs scores after baseline"):
        waterfall(study_from_tables({"assessments": one}))


def test_arms_without_visits_are_drawn_over_weeks() -> None:
    study = oc.simulate(scenario="two-arm-trial", episodes=60, seed=1)
    alt = trajectories(study, "nprs", by="arm").alt
    assert "massage, " in alt
    assert "usual care, " in alt
    assert "(n = 0)" not in alt
