"""One study for each rule about care: one row that breaks it, one at the boundary that does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.study import study_from_tables

VISITS = {"episode_id": ["a", "a", "b", "b"], "session": [1, 2, 1, 2], "day": [0, 7, 0, 7]}


def found(**tables):
    study = study_from_tables({name: pd.DataFrame(table) for name, table in tables.items()})
    return {
        (row.rule, row.column): (row.count, row.first_row)
        for row in oc.check(study).table.itertuples()
        if row.rule >= "R26"
    }


@pytest.mark.parametrize(
    ("clearance", "day", "expected"),
    [
        ("cleared", 0, {}),
        ("limited", -3, {}),
        ("cleared", 1, {("R26", "clearance_day"): (1, 1)}),
        ("pending", 0, {("R26", "clearance_day"): (1, 1)}),
        ("cleared", None, {("R26", "clearance_day"): (1, 1)}),
        ("refused", 0, {("R27", "clearance"): (1, 1)}),
    ],
)
def test_clearance(clearance, day, expected):
    courses = {"episode_id": ["a", "b"], "clearance_required": [True, False],
               "clearance": [clearance, None], "clearance_day": [day, None]}  # fmt: skip
    assert found(episodes=courses, sessions=VISITS) == expected
    assert found(episodes=courses) == {}


@pytest.mark.parametrize(("day", "late"), [(0, False), (1, True)])
def test_a_course_whose_visits_have_no_days_begins_on_day_0(day, late):
    courses = {"episode_id": ["a"], "clearance_required": [True], "clearance": ["cleared"],
               "clearance_day": [day]}  # fmt: skip
    visits = {"episode_id": ["a", "a"], "session": [1, 2]}
    expected = {("R26", "clearance_day"): (1, 1)} if late else {}
    assert found(episodes=courses, sessions=visits) == expected


def test_another_device_is_found_where_the_side_is_not_recorded():
    scores = {"episode_id": "a", "day": [0, 7], "instrument": "rom", "score": [40, 50],
              "timing": ["baseline", "follow_up"], "joint": "lumbar", "plane": "flexion",
              "side": None, "device": ["goniometer", "app"]}  # fmt: skip
    assert found(assessments=scores) == {("R33", "device"): (1, 2)}


def test_pressure_over_the_ceiling_and_below_itself():
    courses = {"episode_id": ["a", "b"], "pressure_ceiling": [3, np.nan]}
    visits = {**VISITS, "pressure": [3, 4, 5, 3], "pressure_max": [np.nan, np.nan, 5, 2]}
    assert found(episodes=courses, sessions=visits) == {
        ("R28", "pressure"): (1, 2), ("R29", "pressure_max"): (1, 4),
    }  # fmt: skip


def test_goals():
    goals = {"episode_id": ["a", "a", "b", "b"], "instrument": ["nprs", "ndi", "koos-pain", "own"],
             "baseline": [6, 20, 50, 1], "target": [6, 10, 70, 2], "set_day": [6, 7, 0, np.nan],
             "by_day": [57, 56, 400, 400]}  # fmt: skip
    courses = {"episode_id": ["a", "b"], "weeks": [6, np.nan]}
    assert found(episodes=courses, sessions=VISITS, goals=goals) == {
        ("R30", "set_day"): (1, 2), ("R31", "target"): (1, 1), ("R32", "by_day"): (1, 1),
    }  # fmt: skip


def test_a_target_on_the_worse_side_by_the_instruments_direction():
    goals = {"episode_id": ["a", "a"], "instrument": ["koos-pain", "nprs"], "baseline": [50, 6],
             "target": [40, 4]}  # fmt: skip
    assert found(goals=goals) == {("R31", "target"): (1, 1)}


def test_measures_stay_the_same_within_a_course():
    scores = {"episode_id": ["a", "a", "b", "b"], "day": [0, 7, 0, 7], "instrument": "rom",
              "timing": ["baseline", "follow_up"] * 2, "score": [40, 50, 40, 50],
              "joint": "cervical", "plane": "rotation", "side": "left",
              "device": ["goniometer", "crom", "app", None], "mode": ["active", "active"] * 2,
              "recall": ["now", "now", "7d", "24h"]}  # fmt: skip
    assert found(assessments=scores) == {
        ("R33", "device"): (1, 2), ("R34", "recall"): (1, 4),
    }  # fmt: skip


def test_visits():
    visits = {"episode_id": ["a"] * 4, "session": [1, 2, 3, 4], "day": [3, 3, 3, 9],
              "status": ["attended"] * 4, "adverse_event": ["none", "bruise", "none", None],
              "adverse_severity": [0, 0, 2, 0]}  # fmt: skip
    assert found(sessions=visits) == {
        ("R35", "day"): (1, 3), ("R39", "day"): (1, 1), ("R38", "adverse_severity"): (2, 2),
    }  # fmt: skip


def test_courses():
    courses = {"episode_id": ["a", "b"], "end_day": [6, 7], "sessions_per_week": [3, 3.5],
               "adaptations": ["none; scar", "none"]}  # fmt: skip
    assert found(episodes=courses, sessions=VISITS) == {
        ("R36", "end_day"): (1, 1), ("R37", "sessions_per_week"): (1, 2),
        ("R40", "adaptations"): (1, 1),
    }  # fmt: skip


def test_protocol_deviations_are_warnings():
    courses = {"episode_id": ["a"], "pressure_ceiling": [2]}
    visits = {"episode_id": ["a"], "session": [1], "day": [0], "pressure": [4]}
    study = study_from_tables({"episodes": pd.DataFrame(courses), "sessions": pd.DataFrame(visits)})
    assert oc.check(study).ok
    assert len(oc.check(study).items) == 1


def test_a_goal_without_a_baseline_of_its_own_is_held_against_the_courses():
    goals = {"episode_id": ["a", "b", "c"], "instrument": "nprs", "target": [7, 7, 7]}
    scores = {"episode_id": ["a", "a", "b", "c", "c"], "session": [1, 2, 1, 1, 1],
              "instrument": "nprs", "score": [6, 9, 8, 9, 6],
              "timing": ["pre_session"] * 2 + [None, "pre_session", "baseline"]}  # fmt: skip
    assert found(goals=goals, assessments=scores) == {("R31", "target"): (2, 1)}


@pytest.mark.parametrize(("degrees", "broken"), [(81, False), (82, True)])
def test_a_range_of_motion_is_held_against_the_limit_of_its_plane(degrees, broken):
    scores = {"episode_id": "a", "session": [1, 2], "instrument": "rom", "score": [degrees, 40],
              "joint": "cervical", "plane": ["flexion", "flexion"]}  # fmt: skip
    study = study_from_tables({"assessments": pd.DataFrame(scores)})
    assert (oc.check(study).table["rule"] == "R12").any() == broken


def test_a_plane_the_registry_has_no_entry_for_has_the_limits_of_any_plane():
    scores = {"episode_id": "a", "session": [1, 2], "instrument": "rom", "score": [170, 40],
              "joint": ["shoulder", None], "plane": "flexion"}  # fmt: skip
    study = study_from_tables({"assessments": pd.DataFrame(scores)})
    assert "R12" not in set(oc.check(study).table["rule"])


def test_what_stands_at_a_visit_that_was_not_received():
    visits = {"episode_id": ["a"] * 5, "session": [1, 2, 3, None, None], "day": [0, 7, 9, 14, 21],
              "status": ["attended", "cancelled", "no_show", "cancelled", "no_show"],
              "pressure": [3, 2, None, None, None], "minutes": 60}  # fmt: skip
    after, before = "post_session", "pre_session"
    scores = {"episode_id": "a", "day": [0, 9, 14, 21], "instrument": "nprs",
              "score": [5, 4, 3, None],
              "timing": [after, before, after, after]}  # fmt: skip
    broken = {key: place for key, place in found(sessions=visits, assessments=scores).items()
              if key[0] == "R61"}  # fmt: skip
    assert broken == {("R61", "status"): (3, 2)}  # booked minutes say nothing


@pytest.mark.parametrize(("day", "broken"), [(730, False), (731, True)])
def test_a_year_that_was_mistyped(day, broken):
    visits = {"episode_id": ["a", "b", "a"], "session": [1, 1, 2], "day": [0, 0, day]}
    scores = {"episode_id": "a", "day": [day, 0], "instrument": "nprs", "score": [4, 5],
              "timing": ["follow_up", "baseline"]}  # fmt: skip
    expected = {("R54", "day"): (1, 1), ("R66", "day"): (1, 2)} if broken else {}
    assert found(sessions=visits, assessments=scores) == expected
