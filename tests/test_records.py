"""One baseline and one notion of a received visit: whoever counts, counts the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.care.goals import goal_progress
from outcomes.care.table_one import baseline_scores
from outcomes.dictionary.tables import COURSE_TIMINGS
from outcomes.provenance import Provenance
from outcomes.records import (
    baseline_of,
    baselines,
    number_of_therapists,
    own_visits,
    placed_scores,
    scores_before_care,
    sorted_rows,
    therapist_of_course,
    visits_received,
)
from outcomes.rules.check import broken
from outcomes.study import study_from_tables
from outcomes.synthetic.scenarios import SCENARIOS
from outcomes.trajectory import trajectory

NAN = float("nan")


def study(scores, sessions=(), **more):
    columns = ["episode_id", "session", "day", "timing", "score"]
    visits = pd.DataFrame(sessions, columns=["episode_id", "session", "day", "status"])
    frame = pd.DataFrame(scores, columns=columns).assign(instrument="nprs")
    return study_from_tables({"assessments": frame, "sessions": visits, **more})


def as_it_is(_study):
    return {}


def blank_timing(study):
    """Blank where nothing is lost by it: post-session scores must say that they are such."""
    timing = study.assessments["timing"]
    return {"assessments": {"timing": timing.where(timing.eq("post_session"), None)}}


def blank_visit(_study):
    return {"assessments": {"session": NAN}}


def blank_day(study):
    known = study.assessments["session"].notna()
    return {"assessments": {"day": study.assessments["day"].mask(known)}}


def blank_some(study):
    """One in five cells blank, whichever they are: what is lost must be told."""
    rng = np.random.default_rng(1)
    scores = study.assessments
    gone = {name: rng.random(len(scores)) < 0.2 for name in ("timing", "session", "day")}
    gone["timing"] &= ~scores["timing"].eq("post_session").to_numpy()
    return {"assessments": {name: scores[name].mask(mask) for name, mask in gone.items()}}


def before_care(study):
    """Baselines labelled as scores before a visit, on day 0, without a visit."""
    timing = study.assessments["timing"]
    first = timing.eq("baseline")
    return {
        "assessments": {
            "timing": timing.mask(first, "pre_session"),
            "day": study.assessments["day"].mask(first, 0.0),
            "session": study.assessments["session"].mask(first),
        }
    }


def no_visits(_study):
    return {"sessions": None}


def changed(study, how):
    tables = {name: study.table(name) for name in ("episodes", "sessions", "assessments", "goals")}
    for name, columns in how(study).items():
        if columns is None:
            del tables[name]
        else:
            tables[name] = tables[name].assign(**columns)
    return study_from_tables(tables, provenance=study.provenance)


@pytest.fixture(scope="module")
def simulated():
    sizes = {name: 100 if "trial" in name else 30 for name in SCENARIOS}
    return {n: oc.simulate(episodes=size, scenario=n, seed=3) for n, size in sizes.items()}


@pytest.mark.quick(27)
@pytest.mark.parametrize(
    "how",
    [as_it_is, blank_timing, blank_visit, blank_day, blank_some, before_care, no_visits],
)
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_everybody_counts_the_same(simulated, scenario, how):
    own = changed(simulated[scenario], how)
    started, wide, dropped = baselines(own), baseline_scores(own), 0
    assert int(wide.notna().sum().sum()) == len(started)
    keys = ["episode_id", "instrument"]
    alone = started[~started.duplicated(keys, keep=False)]
    assert int(baseline_of(own, started).notna().sum()) == len(alone)
    for instrument, scores in own.assessments.groupby("instrument"):
        of_course = scores["timing"].isna() | scores["timing"].isin(["baseline", *COURSE_TIMINGS])
        own_start = started[started["instrument"] == instrument]
        frame = trajectory(own, instrument)
        left_out = sum(frame.left_out.values())
        # nothing is lost: a score of the course is a baseline, a row, or left out by name
        assert len(own_start) + len(frame.rows) + left_out == of_course.sum()
        assert set(frame.rows["episode_id"]) <= set(own_start["episode_id"])
        dropped += left_out
    told = [item.count for number in ("R11", "R19") for item in broken(own, number)]
    assert sum(told) == dropped


@pytest.mark.quick(5)
@pytest.mark.parametrize("how", [as_it_is, blank_timing, before_care, no_visits, blank_day])
@pytest.mark.parametrize("scenario", ["two-arm-trial", "dose-finding-trial"])
def test_a_trial_has_its_arms_and_its_baselines_whatever_they_are_called(simulated, scenario, how):
    own = changed(simulated[scenario], how)
    usual = simulated[scenario]
    n_courses = len(usual.courses)
    assert len(baselines(own, "nprs")) == len(baselines(usual, "nprs")) == n_courses
    rows = oc.clda(own, "nprs").design.frame.data
    assert int((rows.filter(regex="^(week|visit)$") == "0").sum().sum()) == n_courses
    assert "one arm" not in oc.answer(own, "trial").sentence


def test_an_arm_that_lost_its_baselines_is_not_an_arm_that_is_not_there():
    ids = [f"e{i}" for i in range(40)]
    arms = ["massage", "usual care"] * 20
    rows = [
        row
        for name, arm in zip(ids, arms, strict=True)
        for row in (
            (name, NAN, 0.0 if arm == "massage" else 3.0, "pre_session", 6),
            (name, NAN, 28.0, "follow_up", 4),
        )
    ]
    own = study(rows, episodes=pd.DataFrame({"episode_id": ids, "arm": arms}))
    own = study_from_tables(
        {"episodes": own.episodes, "assessments": own.assessments},
        provenance=Provenance(control="usual care", randomised=True),
    )
    answer = oc.answer(own, "trial")
    assert answer.refused
    assert "one arm" not in answer.reason
    assert "there are no courses with a baseline and a later score" in answer.reason
    finding = oc.check(own).table.query("rule == 'R19'")
    assert finding["count"].tolist() == [40]
    assert "later than day 0" in finding["message"].iloc[0]


@pytest.mark.parametrize(
    ("rows", "baseline"),
    [
        ([("a", NAN, -3, "baseline", 8), ("a", 1, 0, "pre_session", 7)], 8),
        ([("a", 1, 0, "pre_session", 7), ("a", 2, 7, "pre_session", 5)], 7),
        ([("a", 1, 0, None, 7), ("a", NAN, -9, "pre_session", 9)], 7),
        ([("a", NAN, -9, None, 9), ("a", NAN, -2, None, 6), ("a", NAN, 7, None, 5)], 6),
        ([("a", NAN, 3, "pre_session", 7)], NAN),
        ([("a", NAN, 0, "post_session", 7)], NAN),
        ([("a", NAN, 0, "follow_up", 7)], NAN),
    ],
)
def test_the_baseline_is_the_stated_one_else_of_visit_1_else_the_last_before_care(rows, baseline):
    found = placed_scores(study(rows))["baseline"].iloc[0]
    assert found == baseline or (np.isnan(found) and np.isnan(baseline))


def test_a_score_before_the_baseline_is_no_improvement():
    own = study(
        [("a", NAN, -9, None, 9), ("a", NAN, 0, "baseline", 6), ("a", NAN, 28, "follow_up", 5)]
    )
    found = trajectory(own, "nprs")
    assert found.rows["improvement"].tolist() == [1.0]
    assert found.rows["score_before"].tolist() == [6.0]
    assert found.left_out == {"no baseline": 0, "before the baseline": 1}
    assert oc.check(own).table["message"].str.contains("before the baseline").any()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("a", 2, 7, "pre_session", 5)], "begin at a later visit"),
        ([("a", NAN, 7, "pre_session", 5)], "without a visit, later than day 0"),
        ([("a", NAN, 7, None, 5)], "without a timing and a visit"),
        ([("a", NAN, NAN, "pre_session", 5)], "without a visit and a day"),
        ([("a", NAN, 28, "follow_up", 5)], "discharge or follow-up alone"),
    ],
)
def test_a_finding_says_why_a_score_is_left_out(rows, why):
    table = oc.check(study(rows)).table.query("rule == 'R19'")
    assert table["count"].tolist() == [1]
    assert why in table["message"].iloc[0]


def test_a_visit_without_a_number_keeps_its_place_by_day():
    visits = [("a", 1, 0, None), ("a", NAN, 7, None), ("a", 3, 14, None), ("a", NAN, 9, "no_show")]
    own = study([("a", 1, 0, None, 8), ("a", 3, 14, None, 5)], visits)
    assert visits_received(own)["session"].tolist() == [1.0, 2.0, 3.0]
    assert own.trajectory("nprs")["session_count"].tolist() == [2.0]


@pytest.mark.parametrize(("day", "count"), [(5, 1.0), (10, NAN), (30, NAN)])
def test_what_came_before_is_empty_where_a_visits_day_is_not_known(day, count):
    """Visit 3 was between day 7 and 15, visit 5 some time after day 15."""
    visits = [("a", i + 1, at, None) for i, at in enumerate([0, 7, NAN, 15, NAN])]
    own = study([("a", 1, 0, None, 8), ("a", NAN, day, None, 5)], visits)
    np.testing.assert_array_equal(own.trajectory("nprs")["session_count"], [count])
    later = study([("a", 1, 0, None, 8), ("a", NAN, 60, "follow_up", 5)], visits)
    assert later.trajectory("nprs")["session_count"].tolist() == [5.0]


def test_a_numbered_score_of_a_course_without_listed_visits_has_no_count_of_them():
    visits = [("b", 1, 0, None), ("b", 2, 7, None)]
    own = study([("a", 1, 0, None, 8), ("a", 4, 21, None, 5)], visits)
    assert own.trajectory("nprs")["session_count"].isna().all()


def test_a_goal_of_a_course_without_later_scores_has_its_baseline():
    goals = pd.DataFrame({"episode_id": ["a"], "instrument": "nprs", "target": [9]})
    own = study([("a", 1, 0, None, 8)], goals=goals)
    table = goal_progress(own)
    assert table["baseline"].tolist() == [8.0]
    assert table["wrong_side"].tolist() == [True]


def test_before_and_after_pairs_go_by_visit_and_never_by_a_blank_one():
    own = study(
        [("a", 1, 0, "pre_session", 8), ("a", NAN, NAN, "pre_session", 7),
         ("a", NAN, NAN, "post_session", 3), ("a", 1, 0, "post_session", 6)]
    )  # fmt: skip
    found = trajectory(own, "nprs", "immediate")
    assert found.rows["improvement"].tolist() == [2.0]
    assert found.left_out == {"no baseline": 1}


def test_the_therapist_of_a_course_is_the_allotted_one_else_who_gave_most_visits():
    names = ["allotted", "most", "missed", "equal", "unnamed", "nobody"]
    given = {
        "allotted": ["t2", "t2", "t2"],
        "most": ["t3", "t1", "t1"],
        "missed": ["t1", "t2!", "t2!"],  # not received
        "equal": ["t2", "t1", "t1", "t2"],
        "unnamed": [None, "t4", None],
        "nobody": [],
    }
    visits = pd.DataFrame(
        [{"episode_id": course, "session": number, "therapist_id": who and who[:2],
          "status": "no_show" if who and who.endswith("!") else "attended"}
         for course in names for number, who in reversed([*enumerate(given[course], start=1)])]
    )  # fmt: skip
    courses = pd.DataFrame({"episode_id": names, "therapist_id": ["t9", *[None] * 5]})
    made = study_from_tables({"episodes": courses, "sessions": visits})
    found = therapist_of_course(made)
    assert found.fillna("").to_dict() == dict(
        zip(names, ["t9", "t1", "t1", "t2", "t4", ""], strict=True)
    )
    first = therapist_of_course(made, pd.Series({"most": 1.0, "equal": 3.0, "unnamed": 1.0}))
    assert first[["most", "equal"]].tolist() == ["t3", "t1"]
    assert pd.isna(first["unnamed"])
    none = study_from_tables({"episodes": courses})
    assert therapist_of_course(none).dropna().to_dict() == {"allotted": "t9"}
    nobody = pd.Series(dtype=object)  # no course has a number of visits before its score
    assert therapist_of_course(none, nobody).dropna().to_dict() == {"allotted": "t9"}


def test_therapists_are_those_of_courses_and_of_visits():
    courses = pd.DataFrame({"episode_id": ["a", "b"], "therapist_id": ["t1", None]})
    visits = pd.DataFrame({"episode_id": ["a", "b"], "session": [1, 1],
                           "therapist_id": ["t1", "t2"]})  # fmt: skip
    assert number_of_therapists(study_from_tables({"episodes": courses, "sessions": visits})) == 2
    assert number_of_therapists(study_from_tables({"episodes": courses})) == 1
    assert number_of_therapists(study_from_tables({})) == 0


def test_visits_of_the_courses_own_therapist_are_told_where_both_are_known():
    visits = pd.DataFrame({"episode_id": list("aaabbc"), "session": [1, 2, 3, 1, 2, 1],
                           "therapist_id": ["t1", "t2", None, "t1", "t1", "t3"]})  # fmt: skip
    courses = pd.DataFrame({"episode_id": list("abc"), "therapist_id": ["t1", "t2", None]})
    own = study_from_tables({"episodes": courses, "sessions": visits})
    of_course = pd.Series({"a": "t1", "b": "t2", "c": None})
    found = own_visits(own, of_course)
    assert list(zip(found.index, found, strict=True)) == [
        ("a", True), ("a", False), ("b", False), ("b", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ({"x": [1.0, 1.0, 2.0], "y": [2.0, 3.0, 1.0]}, [0, 1, 2]),
        ({"x": [1.0, 1.0, 2.0], "y": [3.0, 2.0, 1.0]}, [1, 0, 2]),
        ({"x": [2.0, 1.0, 1.0], "y": [0.0, 5.0, 5.0]}, [1, 2, 0]),
        ({"x": [1.0, NAN, NAN], "y": [9.0, 1.0, 2.0]}, [0, 1, 2]),
        ({"x": [1.0, NAN, NAN], "y": [9.0, 2.0, 1.0]}, [0, 2, 1]),
        ({"x": [NAN, 1.0, 2.0], "y": [0.0, 0.0, 0.0]}, [1, 2, 0]),
        ({"x": ["b", "a", "b"], "y": [1.0, 1.0, 0.0]}, [1, 2, 0]),
    ],
)
def test_rows_are_in_order_whether_they_were_or_not(values, order):
    rows = pd.DataFrame(values)
    found = sorted_rows(rows, ["x", "y"])
    assert found.index.tolist() == order
    assert rows.sort_values(["x", "y"], kind="stable").index.tolist() == order
    assert (found is rows) == (order == [0, 1, 2])  # what is in order is not sorted again


def test_scores_before_care_are_two_or_more_of_a_series_one_a_day():
    own = study([
        ("a", NAN, -7, "baseline", 8), ("a", NAN, -7, "pre_session", 9), ("a", 1, 0, None, 6),
        ("a", 2, 7, "pre_session", 5), ("a", NAN, -3, "follow_up", 1),
        ("b", 1, 0, "pre_session", 4), ("b", 1, 0, "post_session", 2),
    ])  # fmt: skip
    found = scores_before_care(own, "nprs")
    assert found[["day", "score"]].to_numpy().tolist() == [[-7.0, 8.0], [0.0, 6.0]]
    assert found["series"].nunique() == 1
    assert found.index.tolist() == [0, 1]


def test_visits_go_by_number_where_any_of_the_course_has_no_day():
    visits = [("a", 2, 1, None), ("a", 1, 5, None), ("b", 2, NAN, None), ("b", 1, 5, None),
              ("c", 1, 3, "no_show")]  # fmt: skip
    found = visits_received(study([], visits))
    assert list(zip(found["episode_id"], found["session"], strict=True)) == [
        ("a", 2), ("a", 1), ("b", 1), ("b", 2),
    ]  # fmt: skip
    assert "at" not in found


def test_scores_of_a_series_go_by_kind_and_visit_where_one_of_them_has_no_day():
    rows = [("a", 3, NAN, None, 4), ("a", 1, 0, None, 7), ("a", 2, 5, None, 6),
            ("b", 2, 3, None, 8), ("b", 1, 5, None, 9)]  # fmt: skip
    placed = placed_scores(study(rows))
    assert placed["score"].tolist() == [7, 6, 4, 9, 8]  # b: the baseline first, then by day


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ([("a", NAN, NAN, None, 5)], "scores without a visit and a day"),
        ([("a", NAN, 9, None, 5)], "scores without a timing and a visit, later than day 0"),
        ([("a", NAN, 9, "pre_session", 5)], "scores without a visit, later than day 0"),
        ([("a", 2, 9, "pre_session", 5)], "scores that begin at a later visit"),
        ([("a", NAN, 9, "discharge", 5)], "scores at discharge or follow-up alone"),
        ([("a", 1, 0, "pre_session", 5)], ""),
    ],
)
def test_what_a_series_has_in_the_place_of_a_baseline_is_said(rows, first):
    placed = placed_scores(study(rows))
    assert placed["first"].tolist() == [first]
    assert placed["why"].tolist() == ["" if not first else "no baseline"]
    assert not {"second", "from_day", "blank"} & set(placed)


def test_of_two_visits_of_one_number_a_score_without_a_day_takes_the_first():
    visits = [("a", 1, 0, None), ("a", 2, 7, None), ("a", 2, 9, None)]
    placed = placed_scores(study([("a", 1, NAN, None, 8), ("a", 2, NAN, None, 5)], visits))
    assert placed["day"].tolist() == [0.0, 7.0]


def test_the_number_of_a_follow_up_is_of_no_visit():
    own = study([("a", NAN, 0, "baseline", 8), ("a", 3, 60, "follow_up", 5)], [("b", 1, 0, None)])
    assert own.trajectory("nprs")["session_count"].tolist() == [0.0]


def test_a_score_of_a_day_with_two_visits_is_of_neither():
    visits = [("a", 1, 0, None), ("a", 2, 7, None), ("a", 3, 7, None)]
    placed = placed_scores(study([("a", 1, 0, None, 8), ("a", NAN, 7, None, 5)], visits))
    assert placed["session"].isna().tolist() == [False, True]
