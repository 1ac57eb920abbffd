"""Safety, goals, one patient, therapists, frequency: by hand on made courses, and refusals."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.questions.allowed_for_error import error_taken
from outcomes.questions.ask import undisclosed
from outcomes.questions.frequency import often_rows
from outcomes.questions.therapists import _share
from outcomes.study import study_from_tables
from outcomes.words import with_ends
from studies.overclaims import overclaims

pytestmark = pytest.mark.quick(5)


def test_safety_counts_events_over_visits_asked_about(clinic):
    study = clinic(n=20, visits=5, adapted=0.5)
    severity = (study.sessions["session"] == 2).astype(float)
    severity[study.sessions["session"] == 5] = np.nan
    answer = undisclosed(
        replace(study, sessions=study.sessions.assign(adverse_severity=severity)), "safety"
    )
    rows = answer.table[answer.table["kind"] == "events"]
    assert rows["n_asked"].sum() == 80
    assert rows["estimate"].tolist() == [25.0, 25.0]
    assert not overclaims(answer.sentence, "change")
    assert "safe" not in answer.sentence.lower()


def test_safety_needs_no_score(clinic):
    """18 of 160 visits by hand, with scores and without; everything else waits for scores."""
    study = clinic(n=40, visits=4)
    events = (np.arange(len(study.sessions)) % 9 == 0).astype(float)
    with_scores = replace(study, sessions=study.sessions.assign(adverse_severity=events))
    without = replace(with_scores, assessments=study.assessments.iloc[:0])
    told = {answer.name: answer for answer in oc.answers(without)}
    assert told["safety"].sentence == oc.answer(with_scores, "safety").sentence
    assert "18 of 160 visits" in told["safety"].sentence
    assert {name for name, answer in told.items() if not answer.refused} == {"safety"}
    plan = {"primary": {"question": "safety", "population": {"condition": ["neck_other"]}}}
    of_some = replace(without, episodes=without.episodes.assign(condition="neck_other"))
    assert "18 of 160 visits" in oc.answer(of_some, "safety", plan=plan).sentence


def test_clearance_of_so_few_that_they_are_not_counted_is_one_plain_sentence(clinic):
    study = clinic(n=30, visits=4)
    needed = np.arange(len(study.episodes)) < 4
    study = replace(
        study, sessions=study.sessions.assign(adverse_severity=0.0),
        episodes=study.episodes.assign(clearance_required=needed),
        provenance=replace(study.provenance, synthetic=False),
    )  # fmt: skip
    said = str(oc.answer(study, "safety").sentence)
    assert said.endswith("Too few courses needed clearance to say how many had it before the "
                         "first visit.")  # fmt: skip


@pytest.mark.parametrize(("undated", "says"), [(14, "14 courses"), (5, "fewer than 11 courses")])
def test_clearance_without_a_day_is_not_said_to_have_come_late(clinic, undated, says):
    study = clinic(n=40, visits=3)
    day = np.where(np.arange(40) < undated, np.nan, -2.0)
    study = replace(
        study, sessions=study.sessions.assign(adverse_severity=0.0),
        episodes=study.episodes.assign(clearance_required=True, clearance="cleared",
                                       clearance_day=day),
    )  # fmt: skip
    answer = oc.answer(study, "safety")
    assert f"is not recorded for {says} that needed it." in answer.sentence
    told = undated > 10
    assert ("26 of 26 courses that needed it (100 %)" in answer.sentence) == told
    assert ("clearance met" in set(answer.table["kind"])) == told


@pytest.mark.parametrize("n", [3, 30, 100])
def test_where_no_event_was_seen_sentence_table_and_first_page_have_one_upper_end(clinic, n):
    study = clinic(n=n, visits=5)
    sessions = study.sessions.assign(adverse_severity=0.0)
    answer = undisclosed(replace(study, sessions=sessions), "safety")
    exact = 100 * (1 - 0.025 ** (1 / (5 * n)))  # nobody of n, Clopper and Pearson 1934
    row = answer.table[answer.table["kind"] == "events"].iloc[0]
    assert row["conf_high"] == pytest.approx(exact)
    shown = with_ends(0, 0, exact).partition(" to ")[2].rstrip(")")
    said = f"none of {5 * n} visits without adapted care (up to {shown} per 100 remain plausible)"
    assert said in answer.sentence
    assert said in answer.glance


def test_events_nobody_asked_about_are_refused(clinic):
    answer = undisclosed(clinic(n=20), "safety")
    assert answer.refused
    assert "not even that there was none" in answer.reason


def test_one_later_score_is_not_called_the_last_of_one(clinic):
    study = clinic(n=12)
    first = study.assessments[study.assessments["session"] <= 2]
    episode = study.episodes["episode_id"].iloc[0]
    facts = study.episodes.assign(condition="neck_other")
    asked = replace(study, assessments=first, episodes=facts)
    answer = undisclosed(asked, "patient", episode=episode)
    assert "at the only later score this patient was" in answer.sentence
    assert answer.checks[0].detail == "there is only one later score"


def with_goals(study, target):
    ids = study.episodes["episode_id"]
    table = pd.DataFrame({"episode_id": ids, "instrument": "nprs", "target": target, "set_day": 0})
    frame = study_from_tables({"goals": table}).goals
    return replace(study, goals=frame)


def test_goals_no_score_can_miss_are_all_reached_by_the_second_visit(clinic):
    study = clinic(n=30)
    scores = study.assessments.assign(score=np.where(study.assessments["session"] == 1, 7.0, 2.0))
    answer = undisclosed(
        with_goals(replace(study, assessments=scores), 3.0), "goals", instrument="nprs"
    )
    last = answer.table[answer.table["kind"] == "sustained"].iloc[-1]
    assert last["estimate"] == 1.0
    assert answer.source.n_used == 30


def test_goals_of_courses_whose_end_is_not_recorded_count_as_if_those_went_on_and_it_is_said(
    clinic,
):
    """Kaplan and Meier's share, by hand, for nobody is recorded to have left."""
    study = with_goals(clinic(n=60), 3.0)
    lasts = study.assessments["episode_id"].rank(method="dense") % 4 + 3
    study = replace(study, assessments=study.assessments[study.assessments["session"] <= lasts])
    untold = undisclosed(study, "goals", instrument="nprs")
    on = replace(study, episodes=study.episodes.assign(end_reason="ongoing"))
    known = undisclosed(on, "goals", instrument="nprs")
    rows = untold.table[untold.table["kind"] == "sustained"]
    reached = rows["n_reached"].diff().fillna(rows["n_reached"])
    assert rows["estimate"].to_numpy() == pytest.approx(
        1 - (1 - reached / rows["n_at_risk"]).cumprod()
    )
    assert untold.table["estimate"].tolist() == known.table["estimate"].tolist()
    assert "counting courses whose end is not recorded as still going on" in untold.sentence
    assert untold.picture.title.endswith("as still going on")
    assert "allowing for courses that are still going on" in known.sentence
    assert [given.checks[0].passed for given in (untold, known)] == [False, True]


def test_goals_of_a_trial_are_told_by_days(clinic):
    """A control has no sessions to count; where no score has a day, sessions are all there is."""
    study = with_goals(clinic(n=60), 3.0)
    arms = study.episodes.assign(arm=np.where(np.arange(60) % 2, "massage", "usual"))
    control = study.sessions["episode_id"].isin(arms["episode_id"][arms["arm"] == "usual"])
    trial = replace(study, episodes=arms, sessions=study.sessions[~control])
    answer = undisclosed(trial, "goals", instrument="nprs")
    assert answer.sentence.startswith("By day ")
    assert ", the arms together, " in answer.sentence
    assert answer.picture.x_label == "Days since the first visit"
    undated = trial.assessments.assign(day=np.nan)
    answer = undisclosed(replace(trial, assessments=undated), "goals", instrument="nprs")
    assert answer.refused or "sessions, the arms together" in answer.sentence


def trial_of_goals(clinic, kept, control="usual", real=False):
    """60 courses with goals; in each arm so many of 30 are at theirs from the second visit on."""
    study = with_goals(clinic(n=60), 3.0)
    ids = study.episodes["episode_id"].tolist()
    arm = dict(zip(ids, ["massage", "usual"] * 30, strict=True))
    reach = {one for name, n in kept.items() for one in [i for i in ids if arm[i] == name][:n]}
    scores = study.assessments
    there = scores["episode_id"].isin(reach) & (scores["session"] > 1)
    about = replace(study.provenance, control=control, randomised=True, synthetic=not real)
    return replace(
        study, assessments=scores.assign(score=np.where(there, 2.0, 7.0)), provenance=about,
        episodes=study.episodes.assign(arm=study.episodes["episode_id"].map(arm)),
    )  # fmt: skip


def test_goals_of_a_trial_are_told_by_arm_with_their_difference(clinic):
    """Nobody leaves before the last visit, so that shares are those of the goals."""
    answer = undisclosed(trial_of_goals(clinic, {"massage": 18, "usual": 6}), "goals")
    row = answer.table[answer.table["kind"] == "difference"].iloc[0]
    assert row["estimate"] == pytest.approx(12 / 30)
    assert (row["n_reached"], row["n_control_reached"]) == (18, 6)
    at = answer.table[answer.table["time"] == row["time"]].set_index("group")
    low, high = at["conf_low"], at["conf_high"]
    below = np.hypot(0.6 - low["massage"], high["usual"] - 0.2)
    assert row["conf_low"] == pytest.approx(0.4 - below)
    assert (
        "more goals were reached and kept with massage (40 percentage points, " in answer.sentence
    )
    assert "18 of 30 goals with massage (60 %," in answer.sentence
    assert answer.picture.title.endswith(": 60 % with massage, 20 % with usual")
    assert list(dict.fromkeys(answer.picture.data["group"])) == ["massage", "usual"]
    even = undisclosed(trial_of_goals(clinic, {"massage": 12, "usual": 12}), "goals")
    assert (
        "no clear difference from usual in goals reached and kept with massage (0 " in even.sentence
    )


def test_goals_of_an_arm_that_none_or_all_reached_differ_by_its_exact_interval(clinic):
    """It was "no clear difference" of 67 percentage points, for want of an interval of none."""
    answer = undisclosed(trial_of_goals(clinic, {"massage": 20, "usual": 0}), "goals")
    row = answer.table[answer.table["kind"] == "difference"].iloc[0]
    own = answer.table[(answer.table["group"] == "massage") & (answer.table["time"] == row["time"])]
    none = 1 - 0.025 ** (1 / 30)  # Clopper and Pearson's upper end
    low = 20 / 30 - np.hypot(20 / 30 - own["conf_low"].iloc[0], none)
    assert row["conf_low"] == pytest.approx(low)
    assert "more goals were reached and kept with massage (67 percentage points" in answer.sentence
    same = undisclosed(trial_of_goals(clinic, {"massage": 30, "usual": 30}), "goals")
    row = same.table[same.table["kind"] == "difference"].iloc[0]
    assert row["conf_low"] == pytest.approx(0.025 ** (1 / 30) - 1)
    assert same.verdict == "no clear difference"


def test_goals_of_an_arm_that_nearly_all_reached_tell_no_difference(clinic):
    shown = oc.answer(trial_of_goals(clinic, {"massage": 27, "usual": 12}, real=True), "goals")
    assert "most of 30 goals with massage" in shown.sentence
    assert not re.search("90 %|percentage points", f"{shown.sentence} {shown.picture}")
    assert shown.table.loc[shown.table["kind"] == "difference", "estimate"].isna().all()


def test_too_few_goals_are_refused_with_their_number(clinic):
    study = with_goals(clinic(n=30), 3.0)
    answer = undisclosed(replace(study, goals=study.goals.head(4)), "goals", instrument="nprs")
    assert answer.refused
    assert "at least 11 goals" in answer.reason
    assert re.search(r"there (are|is) [1-4] goals?\.", answer.reason)
    assert undisclosed(clinic(n=20), "goals", instrument="nprs").refused


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ([8.0, 3.0, 2.0], "at two scores in a row: really better (MDC 4; "),
        ([2.0, 8.0, 7.0], "really worse"),
        ([8.0, 4.0, 1.0], "not at two in a row"),  # 4 points are as large as the MDC, not larger
        ([8.0, 1.0], "not at two in a row"),
        ([8.0, 3.0, 4.0], "no more than measurement error"),
        ([8.0, 4.0, 6.0], "no more than measurement error"),
    ],
)
def test_one_patient_is_judged_at_two_scores_in_a_row(scores, verdict):
    visits = np.arange(1, len(scores) + 1)
    table = pd.DataFrame(
        {"episode_id": "a", "session": visits, "instrument": "nprs", "score": scores}
    )
    episodes = pd.DataFrame({"episode_id": ["a"], "condition": ["neck_other"]})
    study = study_from_tables({"episodes": episodes, "assessments": table})
    answer = undisclosed(study, "patient", instrument="nprs", episode="a")
    assert verdict in answer.sentence
    changes = [scores[0] - score for score in scores[1:]]
    assert answer.table["estimate"].tolist() == [changes[-1], *changes]


def test_what_is_expected_after_a_bad_first_score_is_no_improvement():
    """Baselines of a normal curve, mean 5 and SD 2.2: after a 9, 1.44^2 / 2.2^2 of 4 points."""
    rng = np.random.default_rng(1)
    first = np.clip(np.round(rng.normal(5, 2.2, 4000)), 0, 10)
    ids = np.array(["a", *(f"e{i:04d}" for i in range(len(first)))])
    first = np.array([9.0, *first])
    parts = [pd.DataFrame({"episode_id": ids, "session": 1, "score": first})]
    parts += [pd.DataFrame({"episode_id": ["a"], "session": k, "score": 4.0}) for k in (2, 3)]
    scores = pd.concat(parts).assign(instrument="nprs")
    episodes = pd.DataFrame({"episode_id": ids, "condition": "neck_other"})
    study = study_from_tables({"episodes": episodes, "assessments": scores})
    answer = undisclosed(study, "patient", instrument="nprs", episode="a")
    assert answer.table["expected_return"].iloc[0] == pytest.approx(1.7, abs=0.15)
    assert "no more than measurement error" in answer.sentence  # 5 points, 4 + 1.7 are needed
    assert "expected after so bad a first score" in answer.sentence


@pytest.mark.quick(6)
@pytest.mark.parametrize("start", [8.0, 9.0, 10.0])
@pytest.mark.parametrize("last", [2.04, 3.0, 3.5, 4.0])
def test_the_numbers_that_are_said_tell_whether_a_change_is_more_than_error(start, last):
    rng = np.random.default_rng(2)
    first = np.clip(np.round(rng.normal(5, 2.2, 400)), 0, 10)
    ids = np.array(["a", *(f"e{i:04d}" for i in range(len(first)))])
    parts = [pd.DataFrame({"episode_id": ids, "session": 1, "score": [start, *first]})]
    parts += [pd.DataFrame({"episode_id": ["a"], "session": k, "score": last}) for k in (2, 3)]
    scores = pd.concat(parts).assign(instrument="nprs")
    episodes = pd.DataFrame({"episode_id": ids, "condition": "neck_other"})
    study = study_from_tables({"episodes": episodes, "assessments": scores})
    said = undisclosed(study, "patient", instrument="nprs", episode="a").sentence
    numbers = re.search(r"was ([\d.]+) points better.*MDC ([\d.]+)(?:, plus ([\d.]+))?", said)
    change, error, back = (float(number or 0.0) for number in numbers.groups())
    assert ("really better" in said) == (change > error + back)


@pytest.mark.parametrize(
    "facts", [{"end_reason": "declined"}, {"end_day": 13.0}, {"end_reason": "unknown"}]
)
def test_a_course_that_has_ended_has_no_outlook(clinic, facts):
    study = clinic(n=80)
    ended = study.episodes.assign(condition="neck_other", **facts)
    answer = undisclosed(replace(study, episodes=ended), "patient", instrument="nprs",
                         episode="e0001")  # fmt: skip
    assert "No outlook is given: this course has ended." in answer.limits


def test_a_patient_without_a_name_or_a_later_score_is_refused_and_without_an_mdc_not_judged(clinic):
    study = clinic(n=12)
    assert "no course is named" in undisclosed(study, "patient", instrument="nprs").reason
    change = undisclosed(study, "patient", instrument="nprs", episode="e0001")
    assert "and nobody can tell whether that is more than measurement error" in change.sentence
    assert change.table["term"].iloc[0] == "not judged"
    only_first = replace(study, assessments=study.assessments.query("session == 1"))
    answer = undisclosed(only_first, "patient", instrument="nprs", episode="e0001")
    assert "no score after its baseline" in answer.reason
    with pytest.raises(UsageError) as caught:
        undisclosed(study, "patient", instrument="nprs", episode="nobody")
    assert "nobody" not in str(caught.value)


def with_therapists(study, n, spread, seed=3):
    rng = np.random.default_rng(seed)
    ids = study.episodes["episode_id"].tolist()
    own = {name: f"t{i % n:02d}" for i, name in enumerate(ids)}
    gain = dict(zip(sorted(set(own.values())), rng.normal(0, spread, n), strict=True))
    scores = study.assessments.copy()
    later = scores["session"] > 1
    scores["score"] -= scores["episode_id"].map(own).map(gain) * later
    scores["score"] = scores["score"].clip(0, 10)
    sessions = study.sessions.assign(therapist_id=study.sessions["episode_id"].map(own))
    return replace(study, assessments=scores, sessions=sessions)


def test_therapists_who_differ_are_told_from_chance(clinic):
    answer = undisclosed(with_therapists(clinic(n=160), 8, 1.0), "therapists", instrument="nprs")
    assert "more than chance" in answer.sentence
    shown = answer.table[answer.table["kind"] == "therapist"]
    assert shown["term"].tolist() == sorted(shown["term"])


def test_a_small_share_that_is_more_than_chance_is_not_said_to_be_none():
    rows = pd.DataFrame([[0.2, np.nan, np.nan], [0.000485, 0.000108, 0.002187], [0.0, 0.0, 0.037]],
                        columns=["estimate", "conf_low", "conf_high"])  # fmt: skip
    assert _share(rows.head(2)) == "0.05 % (95 % CI 0.01 % to 0.22 %)"
    assert _share(rows.iloc[[0, 2]]) == "0.0 % (95 % CI 0.0 % to 3.7 %)"


@pytest.mark.parametrize("n", [8, 10])
def test_therapists_who_do_not_differ_are_compatible_with_chance(clinic, n):
    study = with_therapists(clinic(n=160), n, 0.0)
    answer = undisclosed(study, "therapists", instrument="nprs")
    assert "no more than chance would" in answer.sentence
    share = answer.table.set_index("kind").loc["share"]
    assert share["conf_low"] == 0
    assert 0 < share["conf_high"] < 0.2
    assert re.search(r"explains \d+\.\d % \(95 % CI 0\.0 % to \d+\.\d %\)", answer.sentence)
    assert not overclaims(answer.sentence, "association")


@pytest.mark.parametrize(("n", "each"), [(1, 40), (4, 20), (8, 9)])
def test_few_therapists_or_few_courses_each_are_refused(clinic, n, each):
    answer = undisclosed(
        with_therapists(clinic(n=n * each), n, 0.5), "therapists", instrument="nprs"
    )
    assert answer.refused
    assert "5 therapists are needed" in answer.reason


def test_therapists_of_one_condition_each_are_refused(clinic):
    """Then a difference between therapists may be one of conditions: the model sees none of it."""
    study = with_therapists(clinic(n=160), 8, 1.0)
    who = study.sessions.groupby("episode_id")["therapist_id"].first()
    number = who.reindex(study.episodes["episode_id"]).str[1:].astype(int).to_numpy()
    answers = []
    for conditions in (number, number // 2, number // 4):  # eight; four pairs; two fours
        words = np.array([f"condition_{k}" for k in conditions])
        facts = replace(study, episodes=study.episodes.assign(condition=words))
        answers.append(undisclosed(facts, "therapists", instrument="nprs"))
    assert "therapist and condition cannot be told apart" in answers[0].reason
    assert not answers[1].refused
    assert not answers[2].refused


def test_frequency_gives_two_answers_where_both_scripts_exist(clinic):
    study = clinic(n=80)
    often = np.where(np.arange(80) % 2, 2.0, 1.0)
    facts = {"condition": "headache", "therapist_id": [f"t{i // 2}" for i in range(80)]}
    study = replace(study, episodes=study.episodes.assign(sessions_per_week=often, **facts))
    answer = undisclosed(study, "frequency", instrument="nprs")
    rows, measure = often_rows(study, "nprs"), study.instrument("nprs")
    pairs = rows.drop_duplicates("episode_id").groupby("therapist_id")["baseline"].std()
    error = error_taken(measure, rows).value  # two courses a therapist: the variance of each pair
    reliability = answer.table["reliability"].iloc[-1]
    assert reliability == pytest.approx(1 - error**2 / (pairs**2).mean())
    assert answer.table["n_episodes"].nunique() == 1  # those with a score then, in each row
    assert answer.table["kind"].tolist() == ["equal weeks", "equal sessions", "error allowed for"]
    assert (answer.table["n_often"].dropna() == 40).all()
    assert (answer.table["conf_low"] < 0).all()
    assert (answer.table["conf_high"] > 0).all()
    assert not overclaims(answer.sentence, "association")


@pytest.mark.parametrize(
    ("conditions", "therapists", "often", "who"),
    [
        (1, 4, [2, 2, 1, 1], "therapist"),
        (2, 1, [2, 1, 2, 1], "condition"),
        (2, 4, [2, 1, 2, 1], "condition"),
        (4, 1, [2, 2, 1, 1], "condition"),
    ],
)
def test_frequencies_that_condition_or_therapist_determines_are_refused(
    clinic, conditions, therapists, often, who
):
    """Nobody can be compared with a patient of the same condition (or therapist) then."""
    study, k = clinic(n=96), np.arange(96)
    facts = {
        "condition": np.array(["headache", "neck_other", "knee", "low_back"])[k % conditions],
        "therapist_id": [f"t{i}" for i in (k if who == "therapist" else k // 4) % therapists],
        "sessions_per_week": np.array(often, dtype=float)[k % 4],
    }
    study = replace(study, episodes=study.episodes.assign(**facts))
    answer = undisclosed(study, "frequency", instrument="nprs")
    assert answer.refused
    assert f"each {who} has one frequency" in answer.reason
    mixed = facts["sessions_per_week"].copy()
    mixed[:12] = 3 - mixed[:12]  # a few of the other kind: now there are patients to compare
    study = replace(study, episodes=study.episodes.assign(sessions_per_week=mixed))
    assert not undisclosed(study, "frequency", instrument="nprs").refused


def test_frequency_says_nothing_that_error_of_the_baseline_can_explain(clinic):
    """Scripts follow the level behind the baseline: those with more do worse at one baseline."""
    study = clinic(n=200, seed=3)
    level = study.assessments.groupby("episode_id")["score"].mean()
    often = np.where(level.reindex(study.episodes["episode_id"]) > level.median(), 2.0, 1.0)
    study = replace(study, episodes=study.episodes.assign(sessions_per_week=often))
    answer = undisclosed(study, "frequency", instrument="nprs")
    rows = answer.table.set_index("kind")
    assert rows.loc["equal weeks", "conf_high"] < 0
    assert rows.loc["error allowed for", "estimate"] > rows.loc["equal weeks", "estimate"]
    assert rows["term"].str.contains(r"\((?:baseline taken as exact|whether prescr)").all()
    assert rows.loc["error allowed for", "conf_low"] <= rows.loc["equal weeks", "conf_low"]
    check = next(c for c in answer.checks if "measurement error" in c.name)
    assert ("an association" in answer.sentence) == check.passed


def test_where_baselines_are_nothing_but_error_the_interval_says_what_it_takes_for_granted(clinic):
    """All are equally ill: no error can be taken off, so the number stands for itself."""
    study, rng = clinic(n=80), np.random.default_rng(6)
    scores = study.assessments["score"]
    noise = study.assessments.assign(score=rng.normal(5, 1, len(scores)).round(1).clip(0, 10))
    often = study.episodes.assign(sessions_per_week=np.arange(80) % 2 + 1.0)
    answer = undisclosed(replace(study, assessments=noise, episodes=often), "frequency")
    assert "error allowed for" not in set(answer.table["kind"])
    assert "), with the score taken as exact, comparing" in answer.sentence


@pytest.mark.parametrize(
    ("per_week", "why", "record"),
    [
        (np.nan, "no frequency is recorded. Record how many", True),
        (1.0, "no courses of the first kind", False),
    ],
)
def test_one_frequency_or_none_is_refused_with_what_would_help(clinic, per_week, why, record):
    study = clinic(n=40)
    study = replace(study, episodes=study.episodes.assign(sessions_per_week=per_week))
    answer = undisclosed(study, "frequency", instrument="nprs")
    assert answer.refused
    assert why in answer.reason
    assert ("Record how many visits" in answer.reason) == record


def test_patients_who_come_again_are_no_difference_between_their_therapists():
    """Nobody treats better; 24 patients, each with one of six therapists, have three courses."""
    n_found = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(24), 3)
        gain = rng.normal(1.5, 1.2, 24)[who] + rng.normal(0, 0.5, 72)
        ids = np.array([f"c{i:02d}" for i in range(72)])
        visit = np.tile(np.arange(4), 72)
        score = np.repeat(rng.normal(6, 1, 24)[who], 4) - np.repeat(gain, 4) * visit / 3
        score += rng.normal(0, 0.7, len(score))
        visits = pd.DataFrame({"episode_id": np.repeat(ids, 4), "session": visit + 1,
                               "day": 7 * visit})  # fmt: skip
        treated = np.repeat([f"t{i % 6}" for i in who], 4)
        study = study_from_tables({
            "episodes": pd.DataFrame({"episode_id": ids, "patient_id": [f"p{i}" for i in who]}),
            "sessions": visits.assign(status="attended", therapist_id=treated),
            "assessments": visits.assign(timing="pre_session", instrument="nprs",
                                         score=score.round().clip(0, 10)),
        })  # fmt: skip
        n_found += undisclosed(study, "therapists").table["p_value"].iloc[0] < 0.05
    assert n_found <= 2


def test_frequencies_are_compared_within_an_arm(clinic):
    """What an arm has is not what its frequency does."""
    study, k = clinic(n=96), np.arange(96)
    often = np.where(k % 2, 2.0, 1.0)
    arm = np.where(k % 2, "massage", "usual")
    scores = study.assessments
    helped = scores["episode_id"].isin(study.episodes["episode_id"][arm == "massage"])
    lower = (scores["score"] - 1.5).clip(lower=0).where(helped & (scores["session"] > 1))
    study = replace(study, assessments=scores.assign(score=lower.fillna(scores["score"])))

    def asked(arm):
        facts = study.episodes.assign(arm=arm, sessions_per_week=often)
        return undisclosed(replace(study, episodes=facts), "frequency", instrument="nprs")

    assert "had improved more" in asked(None).sentence
    assert "each arm has one frequency" in asked(arm).reason
    mixed = np.where(k < 24, np.where(k % 2, "usual", "massage"), arm)
    assert "arm" in asked(mixed).sentence
