"""Script and delivery, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from outcomes.care.dose import billing_units, script_and_delivery
from outcomes.errors import DataError
from outcomes.study import study_from_tables

EPISODES = pd.DataFrame(
    {
        "episode_id": ["a", "b", "c", "d"],
        "sessions_per_week": [2, 1, 1, np.nan],
        "weeks": [3, 4, 4, np.nan],
        "minutes": [60, 30, 30, np.nan],
        "end_reason": ["goal_met", "cost", "ongoing", None],
    }
)
SESSIONS = pd.DataFrame(
    [
        ("a", 1, 0, "attended", 60), ("a", 2, 4, "attended", 45), ("a", None, 7, "no_show", None),
        ("a", 3, 11, "stopped_early", 20), ("b", 1, 0, "attended", 30),
        ("b", 2, 7, "attended", None), ("b", 3, 14, "attended", 30),
        ("b", None, 21, "cancelled", None), ("c", 1, 0, None, 30),
    ],
    columns=["episode_id", "session", "day", "status", "minutes"],
)  # fmt: skip


@pytest.fixture
def study():
    return study_from_tables({"episodes": EPISODES, "sessions": SESSIONS})


def delivery(study, name):
    return script_and_delivery(study).set_index("episode_id")[name]


@pytest.mark.parametrize(
    ("minutes", "units"),
    [
        (0, 0),
        (7, 0),
        (8, 1),
        (22, 1),
        (23, 2),
        (37, 2),
        (38, 3),
        (52, 3),
        (53, 4),
        (60, 4),
        (68, 5),
    ],
)
def test_units_by_the_eight_minute_rule(minutes, units):
    assert billing_units(minutes) == units


def test_units_of_unknown_minutes_are_unknown():
    assert np.isnan(billing_units(pd.Series([np.nan]))).all()


@pytest.mark.parametrize("minutes", [-1, np.inf])
def test_impossible_minutes_are_refused(minutes):
    with pytest.raises(DataError, match="0 or more"):
        billing_units(np.array([minutes]))


def test_prescribed(study):
    table = script_and_delivery(study)
    assert table["sessions_prescribed"].tolist()[:3] == [6, 4, 4]
    assert table["minutes_prescribed"].tolist()[:3] == [360, 120, 120]
    assert table.loc[3, ["sessions_prescribed", "minutes_prescribed"]].isna().all()


def test_received_counts_only_visits_with_care(study):
    assert delivery(study, "sessions_received").tolist() == [3, 3, 1, 0]
    assert delivery(study, "stopped_early").tolist() == [1, 0, 0, 0]
    assert delivery(study, "no_show").tolist() == [1, 0, 0, 0]
    assert delivery(study, "cancelled").tolist() == [0, 1, 0, 0]


def test_minutes_are_not_summed_over_unknown_ones(study):
    minutes = delivery(study, "minutes_received")
    assert minutes["a"] == 125
    assert minutes["c"] == 30
    assert minutes[["b", "d"]].isna().all()
    assert delivery(study, "units")["a"] == 4 + 3 + 1


def test_weeks_run_from_first_to_last_visit(study):
    assert delivery(study, "weeks_received")["a"] == pytest.approx(11 / 7 + 1)
    assert delivery(study, "weeks_received")["c"] == 1


def test_adherence_is_told_only_of_finished_courses_with_a_script(study):
    shares = delivery(study, "adherence")
    assert shares[["a", "b"]].tolist() == [0.5, 0.75]
    assert shares[["c", "d"]].isna().all()
    assert delivery(study, "minutes_adherence")["a"] == pytest.approx(125 / 360)


def test_without_sessions_nothing_is_said_to_be_delivered():
    study = study_from_tables({"episodes": EPISODES})
    table = script_and_delivery(study)
    assert table["sessions_received"].isna().all()


def test_order_of_rows_does_not_matter(study):
    turned = study_from_tables({"episodes": EPISODES, "sessions": SESSIONS[::-1]})
    pd.testing.assert_frame_equal(script_and_delivery(turned), script_and_delivery(study))
