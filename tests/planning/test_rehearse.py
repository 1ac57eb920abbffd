"""Rehearsals: only course scores are drawn, nothing is in them, and the answer finds it in 5 %."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.planning.rehearse import _course_scores, _formula, _some, drawn
from outcomes.planning.repeated import Wanted, asked_of, told
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.course_model import fitted


@pytest.fixture(scope="module")
def study():
    return oc.simulate(episodes=80, seed=4)


@pytest.fixture(scope="module")
def rows(study):
    return _course_scores(study, "nprs")


def test_the_model_knows_nothing_of_the_question(rows):
    assert _formula(rows, "pressure").startswith("score ~ later + time + ")
    assert "therapist" in _formula(rows, "pressure")
    assert "therapist" not in _formula(rows, "therapists")


def test_therapists_that_visits_alone_name_vary_in_the_model(study, rows):
    unnamed = replace(study, episodes=study.episodes.assign(therapist_id=None))
    own = _course_scores(unnamed, "nprs")
    assert _formula(own, "pressure") == _formula(rows, "pressure")
    assert (own["therapist"] == rows["therapist"]).mean() > 0.9  # a tenth of visits are stand-ins'


def test_only_course_scores_of_the_instrument_are_drawn(study, rows):
    fit = fitted(_formula(rows, "pressure"), rows)
    again = drawn(study, "nprs", fit, seed=1)
    moved = again.assessments["score"] != study.assessments["score"]
    at = study.assessments.loc[moved]
    assert set(at.index) == set(rows.index)
    assert "post_session" not in set(at["timing"])
    assert set(at["instrument"]) == {"nprs"}
    pd.testing.assert_frame_equal(again.sessions, study.sessions)
    pd.testing.assert_frame_equal(
        again.assessments.drop(columns="score"), study.assessments.drop(columns="score")
    )


def test_drawn_scores_are_like_the_recorded_ones_and_differ_by_seed(study, rows):
    fit = fitted(_formula(rows, "pressure"), rows)
    one, two = (drawn(study, "nprs", fit, seed).assessments["score"][rows.index] for seed in (1, 2))
    assert not np.allclose(one, two)
    assert one.mean() == pytest.approx(rows["score"].mean(), abs=0.6)
    assert one.std() == pytest.approx(rows["score"].std(), rel=0.2)


def test_where_change_is_asked_courses_differ_as_recorded_and_change_by_nothing(study, rows):
    """The mean change is not drawn, and does not stand as spread between courses either."""
    fit = fitted(_formula(rows, "how-much"), rows)
    assert _formula(rows, "how-much") == _formula(rows, "pressure")
    scores = rows.assign(score=0.0)
    for seed in range(20):
        again = drawn(study, "nprs", fit, seed, ("later", "time")).assessments["score"]
        scores["score"] += again[rows.index] / 20
    last = scores.groupby("series")["score"].agg(["first", "last"])
    assert (last["last"] - last["first"]).mean() == pytest.approx(0, abs=0.15)
    recorded = rows.groupby("series")["score"].agg(["first", "last"])
    assert (recorded["last"] - recorded["first"]).mean() < -1


def test_half_widths_of_how_much_are_like_that_of_the_answer(study):
    own = oc.answer(study, "how-much").table.iloc[0]
    width, _, _ = told(oc.rehearse(study, "how-much", n=20).table, "half_width_median")
    assert width == pytest.approx((own["conf_high"] - own["conf_low"]) / 2, rel=0.35)


def test_it_says_how_often_and_what_it_should_be(study):
    found = oc.rehearse(study, "frequency", n=4, seed=2)
    again = oc.rehearse(study, "frequency", n=4, seed=2)
    pd.testing.assert_frame_equal(found.table, again.table)
    assert "of 4 rehearsals, which agrees with the 5 % it should be" in found.sentence
    assert repr(found) == "Rehearsal(frequency: 4 times)"


@pytest.mark.parametrize(
    ("share", "words"),
    [((0.2, 0.15, 0.26), "more often"), ((0.01, 0.0, 0.03), "less often"),
     ((0.06, 0.03, 0.1), "agrees")],
)  # fmt: skip
def test_the_verdict_follows_the_interval(study, share, words):
    found = oc.rehearse(study, "frequency", n=1)
    estimate, low, high = share
    row = {"term": "clear", "estimate": estimate, "conf_low": low, "conf_high": high, "n": 200}
    assert words in replace(found, table=pd.DataFrame([row])).sentence


def test_scores_without_a_place_in_time_are_wrong_use(study):
    nowhere = study.assessments.assign(day=np.nan, session=np.nan)
    with pytest.raises(UsageError, match="day, or a visit"):
        oc.rehearse(replace(study, assessments=nowhere), "frequency", n=1)
    with pytest.raises(UsageError, match="scores of the instrument"):
        oc.rehearse(study, "frequency", instrument="womac", n=1)
    none = replace(study, assessments=study.assessments.iloc[:0])
    with pytest.raises(UsageError, match="scores of the instrument"):
        oc.rehearse(none, "frequency", n=1)
    with pytest.raises(UsageError, match="one test"):
        oc.rehearse(study, "goals", n=1)


@pytest.mark.quick(2)
@pytest.mark.parametrize("question", ["how-much", "pressure", "frequency", "therapists"])
def test_rehearsals_side_by_side_find_what_each_finds_alone(study, question):
    rows = _course_scores(study, "nprs")
    fit = fitted(_formula(rows, question), rows)
    found, without = _some(study, question, "nprs", fit, [3, 4]), QUESTIONS[question].null_without
    assert not all(record["whole"] for record in found) or question == "therapists"
    for record, seed in zip(found, [3, 4], strict=True):
        alone = asked_of(drawn(study, "nprs", fit, seed, without), Wanted(question, "nprs"))
        for name in ("answered", "clear"):
            assert record[name] == alone[name]
        assert record.get("half_width", 0) == pytest.approx(
            alone.get("half_width", 0), 1e-7, nan_ok=True
        )


@pytest.mark.parametrize(
    "question",
    ["frequency", *(pytest.param(q, marks=pytest.mark.slow) for q in ("how-much", "pressure"))],
)
def test_records_with_gaps_are_rehearsed_as_each_is_answered(study, question):
    """Visits without a day, scores without a visit, scripts without a frequency, no goal at all."""
    rng = np.random.default_rng(1)

    def lost(table, column):
        return table.assign(**{column: table[column].where(rng.random(len(table)) > 0.05)})

    gaps = replace(
        study, sessions=lost(study.sessions, "day"), goals=study.goals.iloc[:0],
        assessments=lost(study.assessments, "session"),
        episodes=lost(study.episodes, "sessions_per_week"),
    )  # fmt: skip
    rows = _course_scores(gaps, "nprs")
    fit = fitted(_formula(rows, question), rows)
    found, without = _some(gaps, question, "nprs", fit, [3])[0], QUESTIONS[question].null_without
    alone = asked_of(drawn(gaps, "nprs", fit, 3, without), Wanted(question, "nprs"))
    assert not found["whole"]
    assert found["half_width"] == pytest.approx(alone["half_width"], 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("question", ["how-much", "pressure", "frequency", "therapists"])
def test_nothing_is_found_in_no_more_than_five_percent(question):
    study = oc.simulate(episodes=150, seed=8)
    _, low, _ = told(oc.rehearse(study, question, n=200).table, "clear")
    assert low < 0.05
