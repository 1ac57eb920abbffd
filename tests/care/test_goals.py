"""Goals, worked by hand: reached, sustained, by their date and sessions, and whether fair."""

import numpy as np
import pandas as pd
import pytest

from outcomes.care.goals import goal_attainment_scores, goal_progress
from outcomes.study import study_from_tables

pytestmark = pytest.mark.quick(4)


def course(scores, *, days=None, instrument="nprs", **goal):
    """One course of weekly visits whose scores are taken at their start."""
    n = len(scores)
    days = days or [7 * visit for visit in range(n)]
    visits = pd.DataFrame({"episode_id": "a", "session": range(1, n + 1), "day": days})
    rows = visits.assign(timing="pre_session", instrument=instrument, score=scores)
    facts = {"episode_id": ["a"], "condition": goal.pop("condition", "neck_other")}
    goals = pd.DataFrame({"episode_id": ["a"], "instrument": instrument, **goal})
    tables = {"episodes": pd.DataFrame(facts), "sessions": visits, "assessments": rows}
    return study_from_tables({**tables, "goals": goals})


def progress(scores, **goal):
    return goal_progress(course(scores, **goal)).iloc[0]


class TestReached:
    def test_on_the_target_or_better(self):
        row = progress([7, 5, 3, 2], target=3)
        assert (row["first_day"], row["first_sessions"]) == (14, 2)

    def test_better_may_be_higher(self):
        row = progress([2, 5, 7, 8], instrument="psfs", target=7)
        assert row["first_day"] == 14

    def test_baseline_never_counts(self):
        assert np.isnan(progress([3, 5, 6], target=3)["first_day"])

    def test_sustained_is_known_at_the_second_score(self):
        row = progress([7, 3, 5, 3, 2], target=3)
        assert (row["first_day"], row["sustained_day"]) == (7, 28)
        assert row["sustained_sessions"] == 4

    def test_one_score_is_not_sustained(self):
        assert np.isnan(progress([7, 5, 3], target=3)["sustained_day"])

    def test_two_scores_on_one_day_are_one_occasion_and_the_last_counts(self):
        study = course([7, 5, 3], target=3)
        again = study.assessments.tail(1).assign(timing="discharge", session=np.nan)
        scores = pd.concat([study.assessments, again], ignore_index=True)
        twice = study_from_tables(
            {"sessions": study.sessions, "assessments": scores, "goals": study.goals}
        )
        row = goal_progress(twice).iloc[0]
        assert (row["n_scores"], row["first_day"]) == (2, 14)
        assert np.isnan(row["sustained_day"])

    def test_scores_up_to_the_day_a_goal_was_set_do_not_count(self):
        row = progress([7, 3, 3, 3], target=3, set_day=7)
        assert (row["first_day"], row["sustained_day"]) == (14, 21)

    def test_a_course_without_scores_is_not_known(self):
        study = study_from_tables(
            {"goals": pd.DataFrame({"episode_id": ["a"], "instrument": "nprs", "target": 3,
                                    "by_day": 28})}
        )  # fmt: skip
        row = goal_progress(study).iloc[0]
        assert (row["n_scores"], row["by_date"]) == (0, "not known")

    def test_two_goals_of_one_course_stand_apart(self):
        study = course([7, 5, 3, 2], target=3)
        goals = pd.concat([study.goals, study.goals.assign(target=5)], ignore_index=True)
        both = study_from_tables({"assessments": study.assessments, "goals": goals})
        assert goal_progress(both)["first_day"].tolist() == [14, 7]

    def test_a_goal_cannot_say_which_of_several_movements_it_means(self):
        rows = pd.DataFrame(
            [(s, 7.0 * (s - 1), side, 40 + 5 * s) for s in (1, 2, 3) for side in ("left", "right")],
            columns=["session", "day", "side", "score"],
        ).assign(episode_id="a", instrument="rom", joint="cervical", plane="rotation")
        goals = pd.DataFrame({"episode_id": ["a"], "instrument": "rom", "target": 50})
        both = study_from_tables({"assessments": rows, "goals": goals})
        one = study_from_tables({"assessments": rows[rows["side"] == "left"], "goals": goals})
        assert goal_progress(both)["n_scores"].item() == 0
        assert goal_progress(one)["first_day"].item() == 7


@pytest.mark.parametrize(
    ("by_day", "answer"),
    [(13, "not reached"), (14, "reached"), (21, "reached"), (99, "reached"), (None, None)],
)
def test_by_its_date(by_day, answer):
    assert progress([7, 5, 3, 5], target=3, by_day=by_day)["by_date"] == answer or answer is None


@pytest.mark.parametrize(
    ("by_sessions", "answer"), [(1, "not reached"), (2, "reached"), (9, "reached")]
)
def test_within_its_sessions(by_sessions, answer):
    row = progress([7, 5, 3, 5], target=3, by_sessions=by_sessions)
    assert row["within_sessions"] == answer


def test_not_reached_is_not_known_when_scores_stop_before():
    row = progress([7, 5, 4], target=3, by_day=15, by_sessions=3)
    assert (row["by_date"], row["within_sessions"]) == ("not known", "not known")


def test_no_date_no_answer():
    row = progress([7, 5, 3], target=3)
    assert row["by_date"] is None
    assert row["within_sessions"] is None


class TestFlags:
    @pytest.mark.parametrize(("set_day", "late"), [(-3, False), (0, False), (6, False), (7, True)])
    def test_set_before_the_second_visit(self, set_day, late):
        assert progress([7, 5, 3], target=3, set_day=set_day)["set_late"] == late

    def test_when_it_was_set_may_not_be_recorded(self):
        assert progress([7, 5, 3], target=3)["set_late"] is pd.NA

    @pytest.mark.parametrize(("target", "wrong"), [(6, False), (7, True), (8, True)])
    def test_wrong_side_of_baseline(self, target, wrong):
        assert progress([7, 5, 3], target=target)["wrong_side"] == wrong

    @pytest.mark.parametrize(("target", "easy"), [(2.9, False), (3, True), (5, True)])
    def test_no_more_than_the_measurement_error_of_4_points(self, target, easy):
        assert progress([7, 5, 3], target=target)["easy"] == easy

    def test_where_nobody_published_the_error_it_cannot_be_told(self):
        assert progress([7, 5, 3], target=5, condition="post_op")["easy"] is pd.NA

    @pytest.mark.parametrize(("target", "off"), [(0, False), (-1, True), (11, True)])
    def test_off_the_scale(self, target, off):
        assert progress([7, 5, 3], target=target)["off_scale"] == off

    def test_the_goal_s_own_baseline_comes_first(self):
        row = progress([7, 5, 3], target=7.5, baseline=9)
        assert (row["baseline"], row["wrong_side"]) == (9, False)


class TestGoalAttainmentScaling:
    def test_worked_values_of_three_courses(self):
        goals = pd.DataFrame(
            [("a", 2, 3), ("a", 1, 2), ("a", -1, 1), ("b", -2, None), ("b", -2, None),
             ("b", -2, None), ("c", 1, None)],
            columns=["episode_id", "gas_level", "weight"],
        ).assign(instrument="psfs", target=5)  # fmt: skip
        table = goal_attainment_scores(study_from_tables({"goals": goals}))
        assert table["gas"].tolist() == pytest.approx([65.42, 22.61, 60.0], abs=0.005)
        assert table["n_rated"].tolist() == [3, 3, 1]

    def test_a_rated_goal_without_its_weight_is_not_guessed(self):
        goals = pd.DataFrame(
            {"episode_id": "a", "instrument": "psfs", "target": 5, "gas_level": [1, 1],
             "weight": [2, None]}
        )  # fmt: skip
        assert goal_attainment_scores(study_from_tables({"goals": goals}))["gas"].isna().all()

    def test_without_goals_there_is_none(self):
        assert goal_attainment_scores(study_from_tables({})).empty


@pytest.mark.parametrize("goals", [{}, {"episode_id": ["a"], "instrument": "ndi", "target": 10}])
def test_without_goals_of_the_instrument_the_table_is_empty(goals):
    tables = {"goals": pd.DataFrame(goals)} if goals else {}
    table = goal_progress(study_from_tables(tables), "nprs")
    assert table.empty
    assert {"first_day", "by_date", "set_late"} <= set(table.columns)
