"""One study for each rule about the records: the rows that break it, and what just keeps it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import outcomes as oc
from outcomes.findings import FINDERS, Finding, finding
from outcomes.rules.check import broken, check, errors_named, errors_of_rows
from outcomes.study import study_from_tables

AT = "session"
NPRS = {"instrument": "nprs"}


def found(number, **tables):
    """Return what a rule finds: table, column, count, first row and what was met."""
    study = study_from_tables({name: pd.DataFrame(table) for name, table in tables.items()})
    entries = list(broken(study, number))
    assert {entry.rule for entry in entries} <= {number}
    return [
        (e.table, e.column, e.count, e.first_row, e.message.partition("; got ")[2]) for e in entries
    ]


def scores(**columns):
    """Return three scores of one course at visits 1, 2 and 3, with the columns given."""
    rows = {"episode_id": "a", AT: [1, 2, 3], "score": [7.0, 6, 5], **NPRS}
    return pd.DataFrame({**rows, **columns})


def visits(**columns):
    """Return three visits of one course, a week apart, with the columns given."""
    return pd.DataFrame({"episode_id": "a", AT: [1, 2, 3], "day": [0, 7, 14], **columns})


def test_a_required_cell():
    empty = scores(score=[7, None, 5], instrument=["nprs", "nprs", None])
    assert found("R01", assessments=empty) == [
        ("assessments", "instrument", 1, 3, "an empty cell"),
        ("assessments", "score", 1, 2, "an empty cell"),
    ]
    assert found("R01", assessments=scores()) == []


def test_a_required_cell_that_could_not_be_read_is_told_once():
    study = study_from_tables({"assessments": scores(score=[7, None, 5])})
    unread = Finding("R02", "error", "assessments", "score", 1, 2, "a number; got text", "")
    about = replace(study.provenance, reading=(unread,))
    assert list(broken(replace(study, provenance=about), "R01")) == []


def test_the_range_of_a_column():
    odd = visits(pressure=[-0.5, 5, 5.5], minutes=[0, 15, -15])
    assert found("R03", sessions=odd) == [
        ("sessions", "minutes", 1, 3, "below 0"),
        ("sessions", "pressure", 1, 1, "below 0"),
        ("sessions", "pressure", 1, 3, "above 5"),
    ]
    assert found("R03", sessions=visits(pressure=[0, 5, None])) == []


def test_a_value_of_a_list():
    assert found("R04", assessments=scores(timing=["baseline", "soon", None])) == [
        ("assessments", "timing", 1, 2,
         "another word (the list: baseline, pre_session, post_session, discharge, follow_up)"),
    ]  # fmt: skip
    assert found("R05", assessments=scores(timing=["baseline", "soon", None])) == []


def test_a_usual_value_and_a_cell_of_several():
    courses = {"episode_id": ["a", "b", "c"], "condition": ["low_back", "gout", None],
               "adaptations": ["none", "cancer; scar", "cancer; tall"]}  # fmt: skip
    assert [entry[:4] for entry in found("R05", episodes=courses)] == [
        ("episodes", "condition", 1, 2)
    ]
    assert [entry[:4] for entry in found("R04", episodes=courses)] == [
        ("episodes", "adaptations", 1, 3)
    ]


def test_a_whole_number():
    assert found("R06", sessions=visits(pressure=[3.5, 3, None])) == [
        ("sessions", "pressure", 1, 1, "a fraction")
    ]
    assert found("R06", assessments=scores(session=[1, 1.5, None])) == [
        ("assessments", "session", 1, 2, "a fraction")
    ]


@pytest.mark.parametrize(
    ("number", "table", "frame"),
    [
        ("R07", "episodes", {"episode_id": ["a", "b", "c"], "minutes": [15, 20, None]}),
        ("R08", "sessions", visits(minutes=[45, 50, None])),
    ],
)
def test_quarter_hours(number, table, frame):
    got = "minutes between the quarter hours"
    assert found(number, **{table: frame}) == [(table, "minutes", 1, 2, got)]


def test_a_course_and_a_visit_stand_once():
    courses = {"episode_id": ["a", None, "a", None]}
    again = {"episode_id": ["a", "a", "b", "a", "a"], AT: [1, 2, 1, 2, None],
             "status": ["attended", "attended", None, "attended", "attended"]}  # fmt: skip
    assert found("R09", episodes=courses, sessions=again) == [
        ("episodes", "episode_id", 1, 3, "a course named twice"),
        ("sessions", "session", 1, 4, "a visit named twice"),
    ]
    again["status"][3] = "cancelled"  # a number that was cancelled and came again
    assert found("R09", sessions=again) == []


def test_a_score_stands_once():
    again = scores(session=[1, 1, 2], timing="pre_session")
    assert found("R10", assessments=again) == [
        ("assessments", "score", 1, 2, "the same score, visit and time twice")
    ]
    assert found("R10", assessments=scores(session=[1, 1, 2], timing="baseline")) == []
    assert found("R11", assessments=scores(session=[1, 1, 2], timing="baseline")) == [
        ("assessments", "timing", 2, 2, "a second baseline")
    ]


def test_the_range_of_an_instrument_in_scores_and_goals():
    goals = {"episode_id": ["a", "a"], "instrument": ["nprs", "ndi"], "baseline": [11, 50],
             "target": [-1, 51]}  # fmt: skip
    high = scores(score=[10, 10.5, 51], instrument=["nprs", "nprs", "ndi"])
    assert found("R12", assessments=high, goals=goals) == [
        ("assessments", "score", 1, 2, "above 10"),
        ("assessments", "score", 1, 3, "above 50"),
        ("goals", "baseline", 1, 1, "above 10"),
        ("goals", "target", 1, 1, "below 0"),
        ("goals", "target", 1, 2, "above 50"),
    ]


def test_an_instrument_that_nobody_knows():
    goals = {"episode_id": ["a"], "instrument": ["mine"], "target": [3]}
    assert found("R13", assessments=scores(instrument=["nprs", "own", None]), goals=goals) == [
        ("assessments", "instrument", 1, 2, "another name"),
        ("goals", "instrument", 1, 1, "another name"),
    ]


def test_a_row_of_a_course_that_is_not_there():
    goals = {"episode_id": ["b", None], "target": [3, 3], **NPRS}
    courses = {"episode_id": ["a", None]}
    got = "a course not in episodes"
    assert found("R14", episodes=courses, goals=goals, sessions=visits(episode_id="c")) == [
        ("sessions", "episode_id", 3, 1, got), ("goals", "episode_id", 1, 1, got),
    ]  # fmt: skip
    assert found("R14", episodes=courses, assessments=scores()) == []


def test_neither_visit_nor_day():
    status = ["cancelled", "attended", None]
    missed = visits(session=[None, None, 1], day=[None, None, None], status=status)
    odd = scores(session=[1, None, None], day=[None, None, 3])
    assert found("R15", sessions=missed, assessments=odd) == [
        ("sessions", "session", 1, 2, "neither"), ("assessments", "session", 1, 2, "neither"),
    ]  # fmt: skip


def test_visits_in_the_order_of_their_days():
    got = "a visit number that goes backwards"
    assert found("R16", sessions=visits(day=[0, 7, 6])) == [("sessions", "session", 1, 3, got)]
    assert found("R16", sessions=visits(day=[0, 7, 7])) == []
    missed = visits(day=[0, 7, 6], status=["attended", "attended", "no_show"])
    assert found("R16", sessions=missed) == []
    assert found("R16", assessments=scores(day=[0, 8, 7])) == [
        ("assessments", "session", 1, 3, got)
    ]
    two = pd.DataFrame({"episode_id": ["a", "b"], AT: [1, 2], "day": [9, 3]})
    assert found("R16", sessions=two) == []
    both = scores(session=[1, 2, 2], day=[0, 7, 9])  # the second a discharge two days later
    both = pd.concat([both.assign(instrument="nprs"), both.assign(instrument="ndi")])
    assert found("R16", assessments=both.iloc[::-1].reset_index(drop=True)) == []


def test_a_score_of_the_day_of_another_visit():
    got, pre = "the day of another visit", "pre_session"
    odd = scores(session=[1, 3, 3], day=[0, 7, 14], timing=pre)  # the second visit's, called third
    assert found("R16", sessions=visits(), assessments=odd) == [("assessments", "day", 1, 2, got)]
    before = scores(day=[-1, 7, None], timing=pre)  # the evening before; not said
    early = scores(day=[0, 4, 14], timing=pre)  # of no visit's day
    assert found("R16", sessions=visits(), assessments=early) == []
    assert found("R16", sessions=visits(), assessments=before) == []
    later = scores(session=[1, 2, 2], day=[0, 7, 90], timing=[pre, pre, "follow_up"])
    assert found("R16", sessions=visits(), assessments=later) == []


def test_visits_without_a_gap():
    assert found("R17", sessions=visits(session=[1, 2, 4])) == [
        ("sessions", "session", 1, 3, "a gap")
    ]
    assert found("R17", sessions=visits(session=[2, 3, 4])) == [
        ("sessions", "session", 1, 1, "a gap")
    ]
    assert found("R17", sessions=visits()) == []


def test_a_range_of_motion_whose_plane_is_known_has_the_limits_of_the_plane():
    motion = scores(instrument="rom", score=[90, 40, 40], joint="cervical",
                    plane=["rotation", "rotation", None])  # fmt: skip
    limit = oc.instrument("rom-cervical-rotation").maximum
    motion["score"] = [limit + 1, limit, 40]
    assert found("R12", assessments=motion) == [("assessments", "score", 1, 1, f"above {limit:g}")]


@pytest.mark.parametrize("number", sorted(FINDERS))
def test_an_empty_study_breaks_no_rule(number):
    nothing = {name: pd.DataFrame() for name in ("episodes", "sessions", "assessments", "goals")}
    assert list(broken(study_from_tables(nothing), number)) == []


def test_columns_that_are_not_read_are_named_and_no_more_than_twenty():
    study = study_from_tables(
        {"assessments": scores(), "episodes": pd.DataFrame({"episode_id": ["a"]})}
    )
    names = tuple(f"column {i}" for i in range(21))
    for shown, expected in ((names, ", ".join(names[:20]) + " ..."),
                            (names[:20], ", ".join(names[:20]))):  # fmt: skip
        told = check(replace(study, provenance=replace(study.provenance, unused_columns=shown)))
        entry = next(item for item in told.items if item.rule == "R41")
        assert (entry.table, entry.column, entry.count) == ("file", expected, len(shown))
        assert (entry.first_row, entry.severity) == (0, "warning")
        assert entry.message == "each column and sheet of a file is read; got columns that are not"


def test_rows_are_those_of_the_file_where_a_table_is_a_part_of_it():
    study = study_from_tables({"assessments": scores(score=[7, 99, 5])})
    about = replace(study.provenance, file_rows={"assessments": (4, 9, 12)})
    entry = next(i for i in check(replace(study, provenance=about)).items if i.rule == "R12")
    assert entry.first_row == 9


def test_errors_are_named_once_with_what_should_hold():
    courses = pd.DataFrame({"episode_id": ["b"]})
    study = study_from_tables({"assessments": scores(score=[-1, 99, 5]), "episodes": courses})
    again = finding("R14", "assessments", "episode_id", [0], got="a word; got late")
    assert errors_named((*check(study).errors, again)) == [
        "R12 (a score lies inside its instrument's range)",
        "R14 (a row belongs to a course in episodes)",
    ]


def test_rows_that_are_fitted_know_the_errors_of_real_records():
    study = study_from_tables({"assessments": scores(score=[-1, 99, 5])})
    about = replace(study.provenance, synthetic=False)
    assert errors_of_rows(replace(study, provenance=about)) == (
        "R12 (a score lies inside its instrument's range)",
    )
    assert errors_of_rows(replace(study, provenance=replace(about, synthetic=True))) == ()


def test_a_plane_beside_another_instrument_is_not_a_range_of_motion():
    odd = scores(score=[60, 5, 4], joint="cervical", plane="rotation")
    assert found("R12", assessments=odd) == [("assessments", "score", 1, 1, "above 10")]
