"""Scores and the visits at which they were due, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.causal.planned_visits import planned_weeks

NAN = float("nan")


def rows(weeks, courses=None, arm=None):
    courses = courses or [f"c{i}" for i in range(len(weeks))]
    return pd.DataFrame({"episode_id": courses, "week": weeks, "arm": arm})


def test_punctual_scores_have_their_whole_week():
    frame = rows([4.0, 8.1, 3.9, 8.0], ["a", "a", "b", "b"])
    assert planned_weeks(frame).tolist() == [4, 8, 4, 8]


def test_a_score_belongs_to_the_nearest_visit_within_its_window():
    frame = rows([2.9, 5.0, 6.1, 11.0, NAN])
    assert planned_weeks(frame, (4.0, 8.0)).tolist()[:3] == [4, 4, 8]
    np.testing.assert_array_equal(planned_weeks(frame, (4.0, 8.0), 1.0), [NAN, 4, NAN, NAN, NAN])


def test_of_two_scores_in_one_window_the_nearest_counts():
    frame = rows([7.0, 8.5], ["a", "a"])
    np.testing.assert_array_equal(planned_weeks(frame, (8.0,)), [NAN, 8])


def test_a_movement_is_no_second_score_of_another():
    rng = np.random.default_rng(3)
    weeks = np.array([4.0, 8.0]) + rng.normal(0, 0.5, (30, 2))
    frame = rows(weeks.ravel(), [f"c{i}" for i in range(30) for _ in range(2)])
    sides = [frame.assign(side=side) for side in ("left", "right")]
    found = planned_weeks(pd.concat(sides, ignore_index=True))
    assert found.tolist() == [4, 8] * 60


@pytest.mark.parametrize("sd", [4.0, 10.0])
def test_a_visit_of_day_56_is_told_from_days_around_it(sd):
    days = np.round(np.random.default_rng(1).normal(56, sd, 120))
    found = planned_weeks(rows(days / 7, arm=["x", "y"] * 60))
    assert found.dropna().unique().tolist() == [8]
    assert found.notna().mean() >= 0.98


def test_three_visits_are_told_apart_though_some_leave():
    rng = np.random.default_rng(2)
    weeks = np.array([4.0, 8.0, 12.0]) + rng.normal(0, 4 / 7, (80, 3))
    frame = rows(weeks.ravel(), [f"c{i}" for i in range(80) for _ in range(3)])
    frame = frame[np.tile([True, True, False], 80) | (rng.random(240) < 0.6)]
    found = planned_weeks(frame)
    assert sorted(found.dropna().unique()) == [4, 8, 12]
    assert (found - frame["week"]).abs().max() < 2


def test_visits_of_the_treated_alone_are_not_those_of_the_comparison():
    treated = [(f"t{i}", week) for i in range(20) for week in (1.0, 2.1, 3.2, 7.9)]
    control = [(f"c{i}", 8.0 + 0.3 * (i % 5)) for i in range(20)]
    frame = rows([w for _, w in treated + control], [c for c, _ in treated + control])
    frame["arm"] = ["massage"] * 80 + ["usual"] * 20
    found = planned_weeks(frame)
    assert found[frame["arm"] == "usual"].eq(9).all()
    near = frame["week"].between(7, 10)
    assert found[~near].isna().all()
