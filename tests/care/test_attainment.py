"""Sustained attainment with the end of care competing: four courses by hand, and edges."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from outcomes.care.attainment import goal_attainment_over_time
from outcomes.errors import UsageError
from outcomes.study import study_from_tables

# Weekly scores; goal 3 or less. a sustained on day 14; b left on day 7; c has not ended, last
# looked at on day 14; d sustained on day 21.
SCORES = {"a": [7, 3, 2, 4], "b": [6, 6], "c": [8, 5, 3], "d": [9, 5, 3, 1]}
ENDS = {"a": ("goal_met", 21), "b": ("cost", 7), "c": ("ongoing", None), "d": ("plateau", 28)}


def study(scores=SCORES, ends=ENDS, **goal):
    rows = pd.DataFrame(
        [
            (name, visit + 1, 7.0 * visit, score)
            for name, course in scores.items()
            for visit, score in enumerate(course)
        ],
        columns=["episode_id", "session", "day", "score"],
    )
    episodes = pd.DataFrame(
        [(name, "headache", *ends[name]) for name in scores],
        columns=["episode_id", "condition", "end_reason", "end_day"],
    )
    goals = pd.DataFrame({"episode_id": list(scores), "instrument": "nprs", "target": 3} | goal)
    return study_from_tables(
        {
            "episodes": episodes,
            "sessions": rows[["episode_id", "session", "day"]],
            "assessments": rows.assign(timing="pre_session", instrument="nprs"),
            "goals": goals,
        }
    )


def estimates(attained, event):
    own = attained.table[attained.table["event"] == event]
    return dict(zip(own["time"], own["estimate"], strict=True))


def test_four_courses_by_hand():
    # day 7: b of 4 leaves; day 14: a of 3 sustains, c is censored; day 21: d of 1 sustains
    attained = goal_attainment_over_time(study())
    assert estimates(attained, "sustained") == pytest.approx({7: 0, 14: 0.25, 21: 0.75})
    assert estimates(attained, "ended before") == pytest.approx({7: 0.25, 14: 0.25, 21: 0.25})
    assert attained.goals["status"].tolist() == [1, 2, 0, 1]


def test_by_sessions_received():
    attained = goal_attainment_over_time(study(), unit="sessions")
    assert attained.goals["time"].tolist() == [2, 2, 2, 3]
    assert estimates(attained, "sustained") == pytest.approx({2: 0.25, 3: 0.75})


def test_attainment_after_the_end_of_care_does_not_count():
    late = goal_attainment_over_time(study(ends=ENDS | {"d": ("plateau", 15)}))
    assert late.goals["status"].tolist() == [1, 2, 0, 2]
    assert late.goals["time"].tolist() == [14, 7, 14, 15]


def test_in_a_trial_all_are_followed_whatever_care_they_had():
    """d reaches it after its care ended; b is followed to day 7. Kaplan and Meier's share."""
    ends = {"a": ("goal_met", 7), "b": ("cost", 7), "c": ("ongoing", None), "d": ("plateau", 15)}
    trial = goal_attainment_over_time(study(ends=ends), ends_compete=False)
    assert trial.goals["status"].tolist() == [1, 0, 0, 1]
    assert trial.goals["time"].tolist() == [14, 7, 14, 21]
    # day 14: a of the 3 still followed; day 21: d, the last
    assert estimates(trial, "sustained") == pytest.approx({7: 0, 14: 1 / 3, 21: 1})
    assert set(trial.table["event"]) == {"sustained"}
    assert trial.n_end_untold == 0


@pytest.mark.parametrize(
    ("scores", "unit", "time"), [([6, 6], "day", 7), ([6], "day", 0), ([6], "sessions", 1)]
)
def test_a_missing_end_day_is_the_last_day_seen(scores, unit, time):
    """Who ends after one visit has not reached the goal either."""
    made = study(SCORES | {"b": scores}, ENDS | {"b": ("cost", None)})
    attained = goal_attainment_over_time(made, unit=unit)
    assert attained.goals[["time", "status"]].to_numpy().tolist()[1] == [time, 2]
    assert estimates(attained, "ended before")[time] == 0.25


def test_discharged_as_met_without_two_scores_is_counted_apart():
    attained = goal_attainment_over_time(study(ends=ENDS | {"b": ("goal_met", 7)}))
    assert attained.n_discharged_as_met == 1


def test_goals_after_the_fact_or_on_the_wrong_side_are_left_out_and_counted():
    attained = goal_attainment_over_time(study(set_day=[7, 0, 0, 0], target=[3, 7, 3, 3]))
    assert dict(attained.left_out) == {
        "set after the fact": 1,
        "target on the wrong side of baseline": 1,
        "no score after baseline": 0,
    }
    assert attained.goals["episode_id"].tolist() == ["c", "d"]
    assert repr(attained) == "Attainment(2 goals by day, 2 left out)"


def test_a_score_before_the_first_visit_is_none_after_it():
    attained = goal_attainment_over_time(study(), ends_compete=False)
    early = study()
    scores = early.assessments
    days = scores["day"] - 30 * (scores["episode_id"] == "d")
    moved = replace(early, assessments=scores.assign(day=days))
    again = goal_attainment_over_time(moved, ends_compete=False)
    assert again.left_out["no score after baseline"] == 1
    assert len(again.goals) == len(attained.goals) - 1


def test_a_course_with_nothing_after_baseline_is_left_out():
    attained = goal_attainment_over_time(study({"c": [8]}))
    assert attained.left_out["no score after baseline"] == 1
    assert attained.table.empty


def test_groups():
    records = study(set_by=["physician", None, None, "physician"])
    attained = goal_attainment_over_time(records, by="set_by")
    last = attained.table.groupby(["group", "event"])["estimate"].last()
    assert last["physician", "sustained"] == 1
    assert last["not recorded", "ended before"] == 0.5


def test_without_goals_nothing_is_estimated():
    assert goal_attainment_over_time(study_from_tables({})).table.empty


@pytest.mark.parametrize("wrong", [{"by": "therapist_id"}, {"unit": "week"}])
def test_other_groups_and_clocks_are_refused(wrong):
    with pytest.raises(UsageError):
        goal_attainment_over_time(study(), **wrong)


def test_competing_ends_lower_attainment_where_kaplan_meier_would_ignore_them():
    # 100 goals: half leave at random before anyone reaches, the rest all sustain on day 14
    n = 50
    scores = {f"l{i}": [6, 6] for i in range(n)} | {f"s{i}": [7, 3, 3] for i in range(n)}
    ends = {name: ("moved", 7) if name[0] == "l" else ("goal_met", 21) for name in scores}
    attained = goal_attainment_over_time(study(scores, ends))
    assert estimates(attained, "sustained")[14] == pytest.approx(0.5)
    assert np.isclose(estimates(attained, "ended before")[7], 0.5)


def many(**facts):
    """Return twelve courses that each reach their goal on day 14, or end on day 7, in turn."""
    rng = np.random.default_rng(4)
    kept = {f"c{i:02d}": bool(rng.random() < 0.5) for i in range(12)}
    scores = {name: [7, 3, 2] if good else [7, 6] for name, good in kept.items()}
    ends = {name: ("goal_met", 14) if good else ("cost", 7) for name, good in kept.items()}
    made = study(scores, ends)
    return replace(made, episodes=made.episodes.assign(**facts)), np.array([*kept.values()])


def error(made):
    table = goal_attainment_over_time(made).table
    return table.loc[table["event"] == "sustained", "std_error"].iloc[-1]


def test_goals_of_one_patient_are_not_taken_as_independent():
    made, reached = many(patient_id=[f"p{i // 3}" for i in range(12)])
    assert error(made) == pytest.approx(reached.reshape(4, 3).mean(axis=1).std(ddof=1) / 2)
    alone, _ = many(patient_id=[f"p{i}" for i in range(12)])
    share = reached.mean()
    assert error(alone) == pytest.approx(np.sqrt(share * (1 - share) / 12))


def test_a_course_without_a_therapist_does_not_leave_the_therapists_of_all_out():
    made, reached = many(therapist_id=[*np.repeat(["t1", "t2", "t3"], 4)[:-1], None],
                         patient_id=[f"p{i}" for i in range(12)])  # fmt: skip
    groups = np.r_[np.repeat([0, 1, 2], 4)[:-1], 3]
    without = np.array([reached[groups != k].mean() for k in range(4)])
    expected = np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())  # the jackknife
    assert error(made) == pytest.approx(expected)


def test_by_arm_is_each_arm_alone():
    arms = {"a": "massage", "b": "usual care", "c": "usual care", "d": "massage"}
    both = study()
    both = replace(both, episodes=both.episodes.assign(arm=both.episodes["episode_id"].map(arms)))
    apart = goal_attainment_over_time(both, by="arm", ends_compete=False).table
    # massage: a sustains on day 14, d on day 21; usual care: neither
    found = apart.groupby("group")["estimate"].agg(list)
    assert found["massage"] == [0.5, 1.0]
    assert set(found["usual care"]) == {0.0}
