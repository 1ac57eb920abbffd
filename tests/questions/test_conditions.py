"""Conditions: no ranking without a leader, a leader when there is one, shrinkage, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import course_frame
from studies.overclaims import overclaims


def split(study, names, gain=0.0):
    """Give courses conditions in turn; the first condition's later scores are lower by `gain`."""
    ids = study.episodes["episode_id"].tolist()
    own = {name: names[i % len(names)] for i, name in enumerate(ids)}
    scores = study.assessments.copy()
    first = (scores["episode_id"].map(own) == names[0]) & (scores["session"] > 1)
    scores["score"] = (scores["score"] - gain * first).clip(0, 10)
    episodes = study.episodes.assign(condition=study.episodes["episode_id"].map(own))
    return replace(study, episodes=episodes, assessments=scores)


def test_alike_conditions_are_not_ranked(clinic):
    study = split(clinic(n=120), ["headache", "sciatica", "knee_pain"])
    answer = undisclosed(study, "conditions", instrument="nprs", seed=1)
    assert "No condition clearly leads" in answer.sentence
    pooled = answer.table[answer.table["kind"] == "pooled"]
    assert pooled["term"].tolist() == sorted(pooled["term"])
    assert pooled["p_best"].sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["how-much", "conditions"])
def test_names_with_numbers_stand_as_people_sort_them(clinic, name):
    study = split(clinic(n=120), ["group 10", "group 2", "group 1"])
    table = undisclosed(study, name, instrument="nprs").table
    told = [term for term in dict.fromkeys(table["term"]) if str(term).startswith("group")]
    assert told == ["group 1", "group 2", "group 10"]


def test_a_clear_leader_is_named_as_changing_most(clinic):
    study = split(clinic(n=150), ["sciatica", "headache", "knee_pain"], gain=2.5)
    answer = undisclosed(study, "conditions", instrument="nprs", seed=1)
    assert "sciatica improved most" in answer.sentence
    assert not overclaims(answer.sentence, "change")


def test_pooling_pulls_conditions_towards_each_other(clinic):
    study = split(clinic(n=90), ["headache", "sciatica", "knee_pain"], gain=0.5)
    table = undisclosed(study, "conditions", instrument="nprs").table
    spread = table.groupby("kind")["estimate"].agg(np.ptp)
    assert spread["pooled"] < spread["own"]


def test_the_same_seed_gives_the_same_answer(clinic):
    study = split(clinic(n=60), ["headache", "sciatica"])
    first, again = (
        undisclosed(study, "conditions", instrument="nprs", seed=5).table for _ in range(2)
    )
    assert first.equals(again)


@pytest.mark.parametrize(("n", "names"), [(60, ["headache"]), (24, ["a", "b", "c"])])
def test_fewer_than_two_conditions_of_eleven_courses_are_refused(clinic, n, names):
    answer = undisclosed(split(clinic(n=n), names), "conditions", instrument="nprs")
    assert answer.refused
    assert "11 courses or more" in answer.reason


def test_a_refusal_says_at_which_time_conditions_are_too_small(clinic):
    """Twelve courses of each condition have two later scores, seven of each a third."""
    study = split(clinic(n=24), ["headache", "knee_pain"])
    scores, stays = study.assessments, study.episodes["episode_id"].tolist()[:14]
    kept = (scores["session"] <= 3) | (scores["session"] == 4) & scores["episode_id"].isin(stays)
    answer = undisclosed(replace(study, assessments=scores[kept]), "conditions", instrument="nprs")
    assert "11 courses or more that have a score after 3 sessions are needed" in answer.reason
    assert "no condition has as many then" in answer.reason


def test_a_leader_that_did_not_improve_is_not_said_to_have_improved_most(clinic):
    study = split(clinic(n=120), ["headache", "sciatica", "knee_pain"], gain=2.0)
    later = study.assessments["session"] > 1
    fall = study.assessments["score"].mask(later, lambda score: score + 3.2).clip(0, 10)
    worse = replace(study, assessments=study.assessments.assign(score=fall))
    answer = undisclosed(worse, "conditions", instrument="nprs", seed=1)
    top = answer.table[answer.table["kind"] == "pooled"].nlargest(1, "estimate").iloc[0]
    assert top["conf_low"] < 0
    assert answer.sentence.startswith("Courses for headache did best, with a mean improvement of ")
    assert "improved most" not in f"{answer.verdict} {answer.picture.title}"


def by_therapist(study, group):
    """Give each group of courses a therapist of its own."""
    return replace(study, sessions=study.sessions.assign(
        therapist_id=study.sessions["episode_id"].map(dict(group)).to_numpy()))  # fmt: skip


def test_conditions_that_have_one_therapist_each_are_not_compared_and_the_mean_of_all_is(clinic):
    study = split(clinic(n=120), ["headache", "sciatica", "knee_pain"])
    alone = by_therapist(study, study.episodes[["episode_id", "condition"]].to_numpy())
    answer = undisclosed(alone, "conditions", instrument="nprs")
    assert answer.refused
    assert "each condition has one therapist" in answer.sentence
    whole = undisclosed(alone, "how-much", instrument="nprs")
    assert not whole.refused
    now = whole.table[whole.table["kind"] == "improvement"].set_index("group")
    assert now.loc["all", "df"] <= 3 * 2  # three therapists who may differ stand behind it
    assert {"headache", "sciatica", "knee_pain"} < set(now.index)
    linked = study.episodes["condition"].where(study.episodes.index % 2 == 0, "both")
    shared = by_therapist(study, np.c_[study.episodes["episode_id"], linked])
    assert not undisclosed(shared, "conditions", instrument="nprs").refused


def test_one_therapist_an_arm_is_the_arm_and_no_therapist_beside_it(clinic):
    study = split(clinic(n=90, visits=3), ["headache", "sciatica"])
    arm = np.array(["a", "b", "c"])[np.random.default_rng(1).permutation(90) % 3]
    made = replace(study, episodes=study.episodes.assign(arm=arm))
    named = replace(study, episodes=made.episodes.assign(therapist_id=arm))
    one, other = (undisclosed(each, "conditions", instrument="nprs") for each in (made, named))
    assert not other.refused
    pd.testing.assert_frame_equal(one.table, other.table)


def test_conditions_are_compared_with_the_arms_alike(clinic):
    """What an arm does is not what its condition does; ordinary least squares says the same."""
    study = split(clinic(n=160), ["headache", "sciatica"])
    k = np.arange(160)
    arm = np.where((k % 2 == 0) != (k % 16 < 4), "massage", "usual")
    scores = study.assessments
    helped = scores["episode_id"].isin(study.episodes["episode_id"][arm == "massage"])
    lower = (scores["score"] - 2).clip(lower=0).where(helped & (scores["session"] > 1))
    scores = scores.assign(score=lower.fillna(scores["score"]))
    made = replace(study, assessments=scores, episodes=study.episodes.assign(arm=arm))
    answer = undisclosed(made, "conditions", instrument="nprs")
    assert ", arms alike, was" in answer.sentence
    own = answer.table[answer.table["kind"] == "own"].set_index("term")["estimate"]
    rows = course_frame(made, "nprs").rows
    last = rows[rows["week"] == course_frame(made, "nprs").horizon]
    x = np.column_stack([np.ones(len(last)), last["condition"] == "sciatica",
                         last["arm"] == "massage"]).astype(float)  # fmt: skip
    plain = np.linalg.lstsq(x, last["improvement"].to_numpy(float))[0]
    assert own["sciatica"] - own["headache"] == pytest.approx(plain[1], abs=0.4)
    raw = last.groupby("condition")["improvement"].mean()
    assert abs(raw["sciatica"] - raw["headache"]) > 0.4 + abs(plain[1])
    apart = study.episodes.assign(arm=np.where(k % 2, "usual", "massage"))
    refused = undisclosed(replace(made, episodes=apart), "conditions", instrument="nprs")
    assert "condition and arm cannot be told apart" in refused.reason
