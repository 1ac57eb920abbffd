"""Every expected number here was worked out by hand from the tables beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import outcomes.study
from outcomes.errors import UsageError
from outcomes.provenance import Provenance
from outcomes.trajectory import trajectory

NAN = float("nan")


def study(**tables):
    return outcomes.study.study_from_tables({k: pd.DataFrame(v) for k, v in tables.items()})


def scores(*rows, instrument="nprs"):
    columns = ["episode_id", "session", "day", "timing", "score"]
    return pd.DataFrame(rows, columns=columns).assign(instrument=instrument)


def visits(*rows):
    columns = ["episode_id", "session", "day", "pressure", "minutes", "therapist_id", "status"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def course():
    """Four booked visits, one not kept; a discharge on the last day and a follow-up later."""
    return study(
        episodes={"episode_id": ["a"], "patient_id": ["p"], "clinic_id": ["c"],
                  "condition": ["headache"], "therapist_id": ["t0"]},
        sessions=visits(
            ("a", 1, 0, 3, 60, "t1", "attended"),
            ("a", NAN, 7, NAN, NAN, "t1", "no_show"),
            ("a", 2, 14, 2, 30, "t2", "stopped_early"),
            ("a", 3, 21, 4, 45, "t1", "attended"),
        ),
        assessments=scores(
            ("a", 1, 0, "pre_session", 7),
            ("a", 1, 0, "post_session", 3),
            ("a", 2, 14, "pre_session", 6),
            ("a", 3, 21, "pre_session", 5),
            ("a", NAN, 21, "discharge", 2),
            ("a", NAN, 90, "follow_up", 4),
        ),
    )  # fmt: skip


EXPECTED = pd.DataFrame(
    {
        "session": [2, 3, NAN, NAN],
        "day": [14.0, 21.0, 21.0, 90.0],
        "week": [2.0, 3.0, 3.0, 90 / 7],
        "session_count": [1.0, 2.0, 3.0, 3.0],
        "pressure": [3.0, 2.0, 4.0, 4.0],
        "pressure_mean": [3.0, 2.5, 3.0, 3.0],
        "pressure_within": [0.0, -0.5, 1.0, 1.0],
        "minutes_before": [60.0, 90.0, 135.0, 135.0],
        "baseline": [7.0] * 4,
        "score_before": [7.0, 6.0, 5.0, 2.0],
        "score": [6.0, 5.0, 2.0, 4.0],
        "improvement": [1.0, 2.0, 5.0, 3.0],
    }
)


def test_a_course_worked_by_hand(course):
    frame = course.trajectory("nprs")
    pd.testing.assert_frame_equal(frame[list(EXPECTED)], EXPECTED, check_dtype=False)
    assert frame["therapist_id"].tolist() == ["t1", "t2", "t1", "t1"]
    assert frame["condition"].unique().tolist() == ["headache"]


def test_columns_are_those_of_the_contract(course):
    assert list(course.trajectory("nprs").columns) == [
        "episode_id", "patient_id", "therapist_id", "clinic_id", "condition", "arm", "session",
        "day", "week", "session_count", "pressure", "pressure_mean", "pressure_within",
        "minutes_before", "baseline", "score_before", "score", "improvement",
    ]  # fmt: skip


def test_same_visit_exposures_are_added_only_when_asked(course):
    frame = course.trajectory("nprs", same_visit=True)
    assert frame["pressure_same_visit"].tolist()[:2] == [2.0, 4.0]
    assert frame["minutes_same_visit"].tolist()[:2] == [30.0, 45.0]
    assert "pressure_same_visit" not in course.trajectory("nprs")


def test_immediate_is_pre_minus_post_with_that_visits_pressure(course):
    frame = course.trajectory("nprs", "immediate")
    assert frame[["baseline", "score", "improvement", "pressure"]].to_numpy().tolist() == [
        [7.0, 3.0, 4.0, 3.0]
    ]
    assert frame["session_count"].tolist() == [0.0]


def test_each_visit_starts_from_its_own_score_and_the_first_else_from_the_baseline():
    made = study(
        sessions=visits(("a", 1, 0, 3, 60, "t1", "attended"), ("a", 2, 7, 2, 30, "t1", "attended"),
                        ("b", 1, 0, 3, 60, "t1", "attended")),
        assessments=scores(
            ("a", NAN, 0, "baseline", 8), ("a", 1, 0, "pre_session", 6),
            ("a", 1, 0, "post_session", 4), ("a", 2, 7, "pre_session", 5),
            ("a", 2, 7, "post_session", 2), ("b", NAN, 0, "baseline", 9),
            ("b", 1, 0, "post_session", 3),
        ),
    )  # fmt: skip
    found = made.trajectory("nprs", "immediate")[["baseline", "score_before", "improvement"]]
    assert found.to_numpy().tolist() == [[6, 6, 2], [5, 5, 3], [9, 9, 6]]


def test_rows_that_facts_are_merged_to_are_still_of_their_instrument(course):
    rows = course.trajectory("nprs")
    merged = rows.merge(pd.DataFrame({"episode_id": ["a"], "age": [40]}), on="episode_id")
    assert (merged.instrument, merged.unit) == ("nprs", rows.unit)
    onto = pd.DataFrame({"episode_id": ["a"], "age": [40]}).merge(rows, on="episode_id")
    assert type(onto) is pd.DataFrame  # what pandas does, and the tutorial says


def test_before_and_after_a_visit_go_by_its_number_where_two_visits_are_of_one_day():
    frame = study(
        sessions=visits(("a", 1, 0, 2, 30, "t1", "attended"), ("a", 2, 0, 4, 60, "t1", "attended")),
        assessments=scores(
            ("a", 1, 0, "pre_session", 7), ("a", 1, 0, "post_session", 5),
            ("a", 2, 0, "pre_session", 6), ("a", 2, 0, "post_session", 3),
        ),
    ).trajectory("nprs", "immediate")  # fmt: skip
    assert frame["session_count"].tolist() == [0.0, 1.0]
    assert frame["minutes_before"].tolist() == [0.0, 30.0]
    assert frame["pressure"].tolist() == [2.0, 4.0]


def test_higher_is_better_instruments_improve_upwards():
    frame = study(
        assessments=scores(
            ("a", 1, 0, "pre_session", 3), ("a", 2, 7, "pre_session", 5), instrument="psfs"
        )
    ).trajectory("psfs")
    assert frame["improvement"].tolist() == [2.0]


def test_a_baseline_row_comes_before_the_first_visit_which_then_is_a_row():
    frame = study(
        sessions=visits(("a", 1, 0, 3, 60, "t", "attended"), ("a", 2, 7, 3, 60, "t", "attended")),
        assessments=scores(
            ("a", NAN, -5, "baseline", 8),
            ("a", 1, 0, "pre_session", 7),
            ("a", 2, 7, "pre_session", 6),
        ),
    ).trajectory("nprs")
    assert frame["session_count"].tolist() == [0.0, 1.0]
    assert frame["improvement"].tolist() == [1.0, 2.0]
    assert frame["score_before"].tolist() == [8.0, 7.0]
    assert np.isnan(frame["pressure"].iloc[0])
    assert frame["minutes_before"].tolist() == [0.0, 60.0]


def test_a_number_is_found_from_the_day_and_a_day_from_the_number():
    sessions = visits(("a", 1, 0, 1, 15, "t", "attended"), ("a", 2, 9, 2, 15, "t", "attended"))
    by_day = study(
        sessions=sessions,
        assessments=scores(("a", NAN, 0, "pre_session", 5), ("a", NAN, 9, "pre_session", 4)),
    ).trajectory("nprs")
    by_number = study(
        sessions=sessions,
        assessments=scores(("a", 1, NAN, "pre_session", 5), ("a", 2, NAN, "pre_session", 4)),
    ).trajectory("nprs")
    pd.testing.assert_frame_equal(by_day, by_number)
    assert by_day[["session", "day", "session_count"]].to_numpy().tolist() == [[2.0, 9.0, 1.0]]


def test_two_visits_on_one_day_go_by_their_numbers():
    frame = study(
        sessions=visits(("a", 1, 0, 1, 15, "t", "attended"), ("a", 2, 0, 5, 15, "t", "attended")),
        assessments=scores(("a", 1, 0, "pre_session", 5), ("a", 2, 0, "pre_session", 4)),
    ).trajectory("nprs")
    assert frame[["session_count", "pressure"]].to_numpy().tolist() == [[1.0, 1.0]]


def test_without_sessions_the_count_comes_from_the_visit_number_and_the_rest_is_empty():
    frame = study(
        episodes={"episode_id": ["a"], "therapist_id": ["t0"]},
        assessments=scores(("a", 1, 0, "pre_session", 5), ("a", 4, 21, "pre_session", 4)),
    ).trajectory("nprs")
    assert frame["session_count"].tolist() == [3.0]
    assert frame["therapist_id"].tolist() == ["t0"]
    assert frame[["pressure", "pressure_mean", "minutes_before"]].isna().all(axis=None)


def test_without_visits_or_numbers_the_count_is_empty():
    frame = study(
        assessments=scores(("a", NAN, 0, "baseline", 20), ("a", NAN, 91, "follow_up", 15))
    ).trajectory("nprs")
    assert frame["session_count"].isna().all()
    assert frame["week"].tolist() == [13.0]


def test_a_score_without_baseline_is_left_out_and_counted():
    frame = study(
        assessments=scores(
            ("a", 2, 7, "pre_session", 5), ("b", 1, 0, "pre_session", 5),
            ("b", 2, 7, "pre_session", 4),
        )
    ).trajectory("nprs")  # fmt: skip
    assert frame["episode_id"].tolist() == ["b"]


def test_minutes_are_unknown_once_a_visit_before_did_not_record_them():
    frame = study(
        sessions=visits(
            ("a", 1, 0, 3, NAN, "t", "attended"), ("a", 2, 7, NAN, 60, "t", "attended"),
            ("a", 3, 14, 3, 60, "t", "attended"),
        ),
        assessments=scores(
            ("a", 1, 0, "pre_session", 5), ("a", 2, 7, "pre_session", 5),
            ("a", 3, 14, "pre_session", 5),
        ),
    ).trajectory("nprs")  # fmt: skip
    assert frame["minutes_before"].isna().all()
    assert frame["pressure_mean"].tolist() == [3.0, 3.0]
    assert np.isnan(frame["pressure"].iloc[1])


def test_each_movement_of_a_joint_has_its_own_baseline():
    rows = scores(
        ("a", 1, 0, "pre_session", 40), ("a", 1, 0, "pre_session", 60),
        ("a", 2, 7, "pre_session", 50), ("a", 2, 7, "pre_session", 65), instrument="rom",
    ).assign(joint="cervical", plane=["flexion", "rotation"] * 2)  # fmt: skip
    frame = study(assessments=rows).trajectory("rom")
    assert frame["joint"].unique().tolist() == ["cervical"]  # what varies is in the frame
    assert "side" not in frame
    found = dict(zip(frame["plane"], frame["improvement"], strict=True))
    assert found == {"flexion": 10.0, "rotation": 5.0}


def test_an_instrument_without_scores_is_refused_with_those_that_have(course):
    with pytest.raises(UsageError) as refused:
        course.trajectory("ndi")
    assert str(refused.value) == (
        "the study has scores of the instrument; got none (ndi). Instruments with scores: nprs."
    )
    with pytest.raises(UsageError) as refused:
        study(sessions=visits()).trajectory("nprs")
    assert str(refused.value).endswith("got none (nprs). Instruments with scores: none.")


@pytest.mark.parametrize(("synthetic", "stamp"), [(True, "SYNTHETIC"), (False, "")])
def test_rows_know_what_they_are_of(course, synthetic, stamp):
    own = outcomes.study.study_from_tables(
        {"assessments": course.assessments}, provenance=Provenance(synthetic=synthetic)
    )
    rows = own.trajectory("nprs")
    assert (rows.instrument, rows.unit, rows.stamp) == ("nprs", "points", stamp)


def test_what_is_left_out_is_counted_by_its_reason():
    made = study(
        assessments=scores(
            ("a", NAN, 0, "baseline", 8), ("a", NAN, 0, "baseline", 7),
            ("a", NAN, -4, "pre_session", 9), ("a", 2, 7, "pre_session", 5),
            ("b", 2, 7, "pre_session", 5), ("b", 3, 9, "pre_session", 5),
        ),
    )  # fmt: skip
    found = trajectory(made, "nprs")
    assert found.left_out == {"no baseline": 2, "before the baseline": 1, "a second baseline": 1}
    assert found.rows["score"].tolist() == [5.0]
    assert trajectory(study(assessments=scores(("a", 1, 0, None, 5))), "nprs").left_out == {
        "no baseline": 0
    }


def test_exposures_begin_anew_with_each_course():
    """Sums run over all visits; a course's are those between its own first and the score."""
    frame = study(
        sessions=visits(
            ("a", 1, 0, 1, 10, "t1", "attended"), ("a", 2, 7, 2, 20, "t2", "attended"),
            ("b", 1, 0, 3, 30, None, "attended"), ("b", 2, 7, 4, 40, "t4", "attended"),
            ("b", 3, 14, 5, 50, "t5", "attended"),
        ),
        assessments=scores(
            *[(c, n, d, "pre_session", 9 - n) for c in "ab" for n, d in ((1, 0), (2, 7))],
            ("b", 3, 14, "pre_session", 2), ("b", NAN, 14, "discharge", 1),
            ("b", NAN, 14, "follow_up", 1),
        ),
        episodes={"episode_id": ["b", "a"], "therapist_id": ["tb", "ta"],
                  "patient_id": ["pb", "pa"], "arm": ["x", "y"]},
    ).trajectory("nprs")  # fmt: skip
    columns = ["session_count", "pressure", "pressure_mean", "minutes_before"]
    assert frame[columns].to_numpy().tolist() == [
        [1, 1, 1, 10], [1, 3, 3, 30], [2, 4, 3.5, 70], [3, 5, 4, 120], [2, 4, 3.5, 70],
    ]  # fmt: skip
    assert frame["therapist_id"].tolist() == ["t1", "tb", "t4", "t5", "t4"]
    assert frame["patient_id"].tolist() == ["pa", "pb", "pb", "pb", "pb"]
    assert frame["arm"].tolist() == ["y", "x", "x", "x", "x"]
    assert frame["pressure_within"].tolist() == [0.0, 0.0, 0.5, 1.0, 0.5]


def test_of_the_scores_of_a_visits_day_that_at_discharge_alone_comes_after_it():
    made = study(
        sessions=visits(("a", 1, 0, 1, 15, "t", "attended"), ("a", 2, 9, 2, 15, "t", "attended")),
        assessments=scores(
            ("a", NAN, -3, "baseline", 9), ("a", NAN, 9, "pre_session", 5),
            ("a", NAN, 9, "discharge", 4), ("a", 2, 9, "follow_up", 3),
        ),
    )  # fmt: skip
    frame = made.trajectory("nprs")
    assert dict(zip(frame["score"], frame["session_count"], strict=True)) == {5: 1, 4: 2, 3: 1}


def test_one_visit_read_from_several_rows_of_one_number_is_the_first():
    made = study(
        sessions=visits(("a", 1, 0, 1, 15, "t", "attended"), ("a", 2, 7, 2, 20, "t", "attended"),
                        ("a", 2, 8, 4, 40, "t", "attended"), ("a", 3, 9, 3, 30, "t", "attended")),
        assessments=scores(("a", 1, 0, "pre_session", 7), ("a", 2, 7, "pre_session", 5),
                           ("a", 3, 9, "pre_session", 4)),
    )  # fmt: skip
    frame = made.trajectory("nprs", same_visit=True)
    own = frame[["pressure_same_visit", "minutes_same_visit"]].to_numpy().tolist()
    assert own == [[2.0, 20.0], [3.0, 30.0]]


def test_pressure_of_a_visit_against_those_before_it():
    frame = study(
        sessions=visits(("a", 1, 0, 1, 15, "t", "attended"), ("a", 2, 7, 4, 15, "t", "attended")),
        assessments=scores(
            ("a", 1, 0, "pre_session", 7), ("a", 1, 0, "post_session", 6),
            ("a", 2, 7, "pre_session", 5), ("a", 2, 7, "post_session", 3),
        ),
    ).trajectory("nprs", "immediate")  # fmt: skip
    assert frame["pressure"].tolist() == [1.0, 4.0]
    np.testing.assert_array_equal(frame["pressure_mean"], [NAN, 1.0])
    np.testing.assert_array_equal(frame["pressure_within"], [NAN, 3.0])
    assert frame["week"].tolist() == [0.0, 1.0]


@given(order=st.permutations(range(6)), visit_order=st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(order, visit_order):
    whole = study(
        sessions=visits(*[("a", i + 1, 7 * i, i, 15, "t", "attended") for i in range(4)]).iloc[
            list(visit_order)
        ],
        assessments=scores(
            *[("a", i + 1, 7 * i, "pre_session", 9 - i) for i in range(4)],
            ("a", NAN, 21, "discharge", 4), ("a", NAN, 60, "follow_up", 3),
        ).iloc[list(order)],
    ).trajectory("nprs")  # fmt: skip
    assert whole["session_count"].tolist() == [1.0, 2.0, 3.0, 4.0, 4.0]
    assert whole["pressure"].tolist() == [0.0, 1.0, 2.0, 3.0, 3.0]
    assert whole["improvement"].tolist() == [1.0, 2.0, 3.0, 5.0, 6.0]
    assert whole["score_before"].tolist() == [9.0, 8.0, 7.0, 6.0, 4.0]


def test_what_happens_later_never_reaches_an_earlier_row(course):
    """Changing every later visit must leave each row's exposures as they are."""
    frame = course.trajectory("nprs")
    sessions = course.sessions.copy()
    sessions.loc[sessions["session"] >= 3, ["pressure", "minutes"]] = [0.0, 0.0]
    changed = outcomes.study.study_from_tables(
        {"episodes": course.episodes, "sessions": sessions, "assessments": course.assessments}
    ).trajectory("nprs")
    columns = ["pressure", "pressure_mean", "minutes_before", "session_count"]
    pd.testing.assert_frame_equal(frame.loc[:1, columns], changed.loc[:1, columns])
