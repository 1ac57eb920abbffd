"""A trial: numbers by closed form and by least squares written out, refusals, and wording."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.causal.constrained import clda, difference_name
from outcomes.provenance import Provenance
from outcomes.questions.ask import undisclosed
from outcomes.study import study_from_tables
from outcomes.words import with_interval
from studies.overclaims import overclaims

pytestmark = pytest.mark.quick(4)


def made_trial(
    seed=1, n=120, gap=0.0, effect=1.5, lost=0.0, control="usual", arms=("new", "usual")
):
    """Baseline and two later pain scores of courses in arms; `gap` is an imbalance at baseline."""
    rng = np.random.default_rng(seed)
    arm = np.array([arms[i % len(arms)] for i in range(n)])
    treated = arm != "usual"
    level = rng.normal(5.5 + gap * treated, 1.2, n)
    rows = []
    for week, gain in ((0, 0.0), (6, 0.5), (12, 1.0)):
        score = level - gain - effect * treated * (week > 0) + rng.normal(0, 1, n)
        timing = "baseline" if week == 0 else "follow_up"
        frame = pd.DataFrame({"episode_id": [f"e{i:04d}" for i in range(n)], "day": week * 7.0})
        rows.append(frame.assign(timing=timing, instrument="nprs", score=np.clip(score, 0, 10)))
        if week == 12:
            rows[-1] = rows[-1][rng.random(n) >= lost]
    episodes = pd.DataFrame({"episode_id": [f"e{i:04d}" for i in range(n)], "arm": arm})
    provenance = Provenance(control=control, randomised=True)
    tables = {"episodes": episodes, "assessments": pd.concat(rows)}
    return study_from_tables(tables, provenance=provenance)


def rows_of(answer, kind, week=12.0):
    table = answer.table
    return table[(table["kind"] == kind) & (table["week"] == week)]


def test_ancova_is_least_squares_on_arm_and_baseline():
    study = made_trial(lost=0.2)
    found = rows_of(undisclosed(study, "trial", instrument="nprs"), "ancova").iloc[0]
    frame = study.trajectory("nprs")
    frame = frame[frame["week"] == 12]
    columns = np.column_stack(
        [np.ones(len(frame)), (frame["arm"] == "new").astype(float), frame["baseline"]]
    )
    beta = np.linalg.lstsq(columns, frame["improvement"].to_numpy(), rcond=None)[0]
    assert found["estimate"] == pytest.approx(beta[1], abs=1e-10)
    assert found["df"] == len(frame) - 3
    assert found["n_episodes"] + found["n_control"] == len(frame)


def test_change_is_the_difference_of_mean_improvements():
    study = made_trial()
    found = rows_of(undisclosed(study, "trial", instrument="nprs"), "change").iloc[0]
    frame = study.trajectory("nprs")
    means = frame[frame["week"] == 12].groupby("arm")["improvement"].mean()
    assert found["estimate"] == pytest.approx(means["new"] - means["usual"], abs=1e-10)


def test_with_complete_data_the_constrained_model_is_ancova_at_the_same_time():
    """With nobody missing, both adjust for baseline by the same pooled slope, nearly."""
    answer = undisclosed(made_trial(n=400), "trial", instrument="nprs")
    found = rows_of(answer, "constrained").iloc[0]["estimate"]
    assert found == pytest.approx(rows_of(answer, "ancova").iloc[0]["estimate"], abs=0.02)


def test_the_constrained_rows_are_those_of_clda():
    study = made_trial(lost=0.2)
    row = clda(study, "nprs").tidy().set_index("term").loc["new_week_12"]
    table = rows_of(undisclosed(study, "trial", instrument="nprs"), "constrained").iloc[0]
    assert row["estimate"] == pytest.approx(table["estimate"])


def test_one_score_without_a_day_is_left_out_and_the_rest_compared_by_weeks():
    whole = made_trial()
    scores = whole.assessments.reset_index(drop=True)
    one = scores.index[scores["day"] == 42][7]
    undated = scores.assign(session=np.where(scores.index == one, 2.0, np.nan))
    undated.loc[one, ["day", "timing"]] = [np.nan, "pre_session"]
    given, rest = (
        undisclosed(replace(whole, assessments=rows), "trial", instrument="nprs")
        for rows in (undated, scores.drop(one))
    )
    assert given.source.left_out["no week"] == 1
    pd.testing.assert_frame_equal(given.table, rest.table)


def test_the_constrained_model_uses_courses_without_a_later_score():
    study = made_trial(lost=0.3)
    n_scores = len(study.assessments)
    assert f"on {n_scores} scores" in undisclosed(study, "trial", instrument="nprs").method


def with_therapists(study, *, control):
    """Eight therapists, three points apart at most; whether courses of the control have one too."""
    ids = study.episodes["episode_id"].tolist()
    own = {name: f"t{i // 2 % 8}" for i, name in enumerate(ids)}
    gain = {f"t{i}": value for i, value in enumerate(np.linspace(-1.5, 1.5, 8))}
    scores = study.assessments.copy()
    arm = scores["episode_id"].map(study.episodes.set_index("episode_id")["arm"])
    later = (scores["timing"] == "follow_up") & (arm == "new")
    scores["score"] -= scores["episode_id"].map(own).map(gain) * later
    scores["score"] = scores["score"].clip(0, 10)
    therapist = study.episodes["episode_id"].map(own)
    therapist = therapist.where(control | (study.episodes["arm"] == "new"))
    episodes = study.episodes.assign(therapist_id=therapist)
    return replace(study, assessments=scores, episodes=episodes)


THERAPISTS = "constrained, therapists"


def asked(study):
    return undisclosed(study, "trial", instrument="nprs")


def test_the_constrained_model_leads_and_is_about_all_who_entered():
    study = made_trial(lost=0.2)
    answer = asked(study)
    first = answer.table.iloc[0]
    assert first["kind"] == "constrained"
    term = difference_name("new", "week", 12)
    row = clda(study, "nprs", df="kenward-roger").tidy().set_index("term").loc[term]
    for name in ("estimate", "std_error", "df", "conf_low", "p_value"):
        assert first[name] == pytest.approx(row[name])
    assert "among all 120 courses that entered" in answer.sentence
    assert "Kenward-Roger" in answer.method


@pytest.mark.parametrize("control", [False, True])
def test_therapists_who_differ_are_allowed_for_wherever_they_treat(control):
    answer = asked(with_therapists(made_trial(n=160), control=control))
    plain, own = (rows_of(answer, kind).iloc[0] for kind in ("constrained", THERAPISTS))
    assert answer.table["kind"].iloc[0] == THERAPISTS
    assert own["std_error"] > 1.3 * plain["std_error"]
    assert own["df"] < 20
    assert f"{own['conf_low']:.1f} to {own['conf_high']:.1f}" in answer.sentence
    assert "allowing for baseline and therapists" in answer.sentence
    assert ("offered" in answer.method) == control  # they treat both arms


def test_rows_that_pass_therapists_or_leaving_over_say_so_in_the_table():
    table = asked(with_therapists(made_trial(lost=0.2), control=True)).table
    passes = table.set_index("kind")["term"]
    assert (passes[[THERAPISTS, "jump to reference"]] == "new").all()
    assert passes["constrained"].str.contains("without therapists").all()
    for kind in ("ancova", "change", "score"):
        assert passes[kind].str.contains("those with a score then, without therapists").all()


def test_the_spread_of_therapists_means_is_the_error_of_their_mean():
    """Balanced: the variance of a mean of eight therapists is that of their own means."""
    answer = asked(with_therapists(made_trial(n=160), control=False))
    own = rows_of(answer, THERAPISTS).iloc[0]
    expected = np.linspace(-1.5, 1.5, 8).std(ddof=1) / 8**0.5
    assert own["std_error"] == pytest.approx(expected, rel=0.25)
    assert own["estimate"] == pytest.approx(rows_of(answer, "ancova")["estimate"].iloc[0], abs=0.1)


def undated(seed, n_therapists=6, each=8):
    """A trial whose scores have visits and no days; therapists are nested in arms and differ."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(2 * n_therapists), each)
    n, own = len(who), rng.normal(0, 1.0, 2 * n_therapists)
    ids = [f"e{i:03d}" for i in range(n)]
    levels = np.tile(np.linspace(4, 8, each), 2 * n_therapists)
    arm = np.where(who < n_therapists, "new", "usual")
    final = levels - 1 - own[who] + rng.normal(0, 1, n)
    middle = levels + rng.normal(0, 1, n)
    scores = pd.DataFrame({"episode_id": ids * 3, "session": np.repeat([1, 2, 3], n),
                           "timing": "pre_session", "instrument": "ndi",
                           "score": 10 + np.concatenate([levels, middle, final])})  # fmt: skip
    visits = pd.DataFrame({"episode_id": np.repeat(ids, 3), "session": [1, 2, 3] * n,
                           "therapist_id": np.repeat([f"t{k}" for k in who], 3)})  # fmt: skip
    episodes = pd.DataFrame({"episode_id": ids, "arm": arm, "therapist_id": [f"t{k}" for k in who]})
    tables = {"episodes": episodes, "assessments": scores, "sessions": visits}
    return study_from_tables(tables, provenance=Provenance(control="usual", randomised=True))


def test_without_days_patients_of_one_therapist_are_not_taken_as_independent():
    study = undated(3)
    answer = undisclosed(study, "trial", instrument="ndi")
    row = answer.table.iloc[0]
    assert row["kind"] == "ancova, therapists"
    assert row["df"] == pytest.approx(10, abs=1e-3)  # twelve therapists, two arms
    frame = study.trajectory("ndi")
    frame = frame[frame["session_count"] == 2]
    means = frame.groupby(["arm", "therapist_id"])["improvement"].mean()
    by_hand = stats.ttest_ind(means["new"], means["usual"])  # baselines are balanced
    assert row["estimate"] == pytest.approx(means["new"].mean() - means["usual"].mean())
    assert row["statistic"] == pytest.approx(by_hand.statistic, rel=1e-4)
    assert "allowing for baseline and therapists" in answer.sentence
    passed_over = answer.table.loc[answer.table["kind"] == "ancova", "term"]
    assert passed_over.str.endswith("without therapists)").all()


@pytest.mark.parametrize("told", ["by the course", "by most visits"])
def test_who_gave_the_last_visit_does_not_stand_for_the_therapist_of_a_course(told, monkeypatch):
    """The same numbers as in the test before: one therapist of each arm gives all last visits."""
    monkeypatch.setattr("outcomes.questions.trial.own_visits", lambda *_: pd.Series(dtype=bool))
    study = undated(3)
    head = study.episodes["arm"].map({"new": "t0", "usual": "t6"})
    first = study.sessions["session"] == 1
    visits = study.sessions["therapist_id"].where(first, np.repeat(head.to_numpy(), 3))
    if told == "by the course":
        visits = pd.Series(np.repeat(head.to_numpy(), 3))  # not one visit by whom it names
    changed = replace(study, sessions=study.sessions.assign(therapist_id=visits))
    if told == "by most visits":  # of one visit each the first, at the time that is compared
        changed = replace(changed, episodes=study.episodes.assign(therapist_id=None))
    found, right = (undisclosed(each, "trial", instrument="ndi") for each in (changed, study))
    pd.testing.assert_frame_equal(found.table, right.table)


def test_where_others_stand_in_an_arm_keeps_all_that_therapists_differ_by():
    """Of 3 visits one is by the next of 6 therapists: courses share 2/3 - 1/15 of their own."""
    study = undated(3)
    visits, arm = study.sessions["therapist_id"], np.repeat(study.episodes["arm"].to_numpy(), 3)
    names = {side: sorted(visits[arm == side].unique()) for side in ("new", "usual")}
    following = {one: own[(i + 1) % 6] for own in names.values() for i, one in enumerate(own)}
    changed = visits.where(study.sessions["session"] > 1, visits.map(following))
    sessions = study.sessions.assign(therapist_id=changed)
    episodes = study.episodes.assign(therapist_id=visits[::3].to_numpy())
    changed = replace(study, sessions=sessions, episodes=episodes)
    found, whole = (undisclosed(s, "trial", instrument="ndi").table for s in (changed, study))
    alone = whole.loc[whole["kind"] == "ancova", "std_error"].iloc[0] ** 2
    own = whole["std_error"].iloc[0] ** 2
    part = 2 / 3 - 1 / 15
    assert found["std_error"].iloc[0] ** 2 == pytest.approx(
        own + (part**-2 - 1) * (own - alone), rel=0.06
    )
    assert found["estimate"].iloc[0] == whole["estimate"].iloc[0]
    assert found["df"].iloc[0] >= 2.0


TRIAL_NLME = Path(__file__).parents[1] / "reference" / "trial_nlme"


def test_a_trial_of_patients_who_never_came_has_the_numbers_of_nlme(monkeypatch):
    """Stand-ins taken for nobody, as in the model that nlme is asked for."""
    monkeypatch.setattr("outcomes.questions.trial.own_visits", lambda *_: pd.Series(dtype=bool))
    rows = pd.read_csv(TRIAL_NLME / "trial.csv").rename(columns={"course": "episode_id"})
    given = rows["visits"].fillna("").str.split().explode().dropna().to_frame("therapist_id")
    number = given.groupby(level=0).cumcount()
    given = given.assign(episode_id=rows["episode_id"], session=number + 1.0, day=7.0 * number)
    scores = [
        rows[["episode_id"]].assign(day=day, timing=timing, instrument="nprs", score=rows[name])
        for day, timing, name in ((0, "baseline", "before"), (56, "follow_up", "later"))
    ]
    tables = {"episodes": rows[["episode_id", "arm"]], "sessions": given,
              "assessments": pd.concat(scores).dropna()}  # fmt: skip
    answer = asked(study_from_tables(tables, provenance=Provenance(control="usual")))
    expected = json.loads((TRIAL_NLME / "trial.json").read_text())
    found = answer.table.iloc[0]
    assert found["kind"] == THERAPISTS
    assert found["estimate"] == pytest.approx(expected["estimate"], abs=1e-5)
    assert found["std_error"] == pytest.approx(expected["std_error"], rel=1e-4)


def test_an_arm_that_nobody_treats_does_not_pass_over_the_therapists_of_another():
    """Massage by eight therapists, exercise at home without a visit, usual care."""
    study = made_trial(n=180, arms=("new", "home", "usual"))
    arm = study.episodes["arm"]
    who = pd.Series([f"t{i // 3 % 8}" for i in range(len(arm))])
    visits = pd.DataFrame({"episode_id": study.episodes["episode_id"], "session": 1.0, "day": 0.0,
                           "therapist_id": who})[arm == "new"]  # fmt: skip
    visits = study_from_tables({"sessions": visits}).sessions
    answer = asked(replace(study, sessions=visits))
    assert answer.table["kind"].iloc[0] == THERAPISTS
    unnamed = pd.concat(
        [
            visits,
            visits.assign(
                episode_id=arm.index[arm == "home"].map(study.episodes["episode_id"]),
                therapist_id=None,
            ),
        ]
    )
    answer = asked(replace(study, sessions=unnamed.reset_index(drop=True)))
    assert answer.table["kind"].iloc[0] == "constrained"


@pytest.mark.parametrize(("n", "kind"), [(1, "constrained, therapists"), (12, "constrained")])
def test_a_few_patients_whose_therapist_is_not_recorded_do_not_leave_therapists_out(n, kind):
    study = with_therapists(made_trial(n=160), control=False)
    treated = study.episodes["arm"] == "new"
    names = study.episodes["therapist_id"].mask(treated & treated.cumsum().le(n))
    answer = asked(replace(study, episodes=study.episodes.assign(therapist_id=names)))
    assert answer.table["kind"].iloc[0] == kind
    assert any("is not recorded" in limit for limit in answer.limits)
    whole = asked(study).table.iloc[0]
    error = answer.table["std_error"].iloc[0] / whole["std_error"]
    assert 0.9 < error < 1.1 if n == 1 else error < 0.9


def both_arms(gains, each=8):
    """A trial without days; therapist k adds ``gains[k]`` (new, usual), patients alike in each."""
    rng = np.random.default_rng(8)
    parts = []
    for k, own in enumerate(gains):
        for arm, gain in zip(("new", "usual"), own, strict=True):
            levels = np.linspace(4, 8, each)
            change = rng.normal(0, 1, each)
            change -= np.polyval(np.polyfit(levels, change, 1), levels)  # not by baseline
            ids = [f"{arm}{k}-{i}" for i in range(each)]
            at = {"episode_id": ids, "arm": arm, "therapist_id": f"t{k}"}
            parts += [pd.DataFrame({**at, "session": n, "score": 20 + levels - n_gain})
                      for n, n_gain in ((1, 0.0), (2, change / 2), (3, gain + change))]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    facts = ["episode_id", "arm", "therapist_id"]
    tables = {
        "episodes": rows[facts].drop_duplicates(),
        "sessions": rows[["episode_id", "session", "therapist_id"]],
        "assessments": rows[["episode_id", "session", "score"]].assign(
            instrument="ndi", timing="pre_session"),
    }  # fmt: skip
    return study_from_tables(tables, provenance=Provenance(control="usual", randomised=True))


def test_therapists_who_do_better_in_one_arm_and_worse_in_the_other_are_compared_in_pairs():
    """Balanced: the paired t test of their own differences (four therapists: three df)."""
    gains = [(3.0, -2.0), (-2.5, 3.5), (2.0, 0.0), (-1.0, 2.0)]
    answer = undisclosed(both_arms(gains), "trial", instrument="ndi")
    row = answer.table.iloc[0]
    differences = np.subtract(*np.array(gains).T)
    by_hand = stats.ttest_1samp(differences, 0)
    assert row["kind"] == "ancova, therapists"
    assert "(0 + later + offered | cluster)" in answer.method
    assert row["estimate"] == pytest.approx(differences.mean())
    assert row["statistic"] == pytest.approx(by_hand.statistic, rel=1e-3)
    assert row["df"] == pytest.approx(3, abs=1e-2)


def test_of_four_therapists_in_both_arms_who_are_alike_six_degrees_of_freedom_are_left():
    answer = undisclosed(both_arms([(1.0, 1.0)] * 4), "trial", instrument="ndi")
    assert answer.table["df"].iloc[0] == 6


def test_three_therapists_in_one_arm_have_two_degrees_of_freedom():
    study = made_trial(n=120, lost=0.2)
    treated = study.episodes["arm"] == "new"
    names = pd.Series([f"t{i // 2 % 3}" for i in range(len(treated))]).where(treated)
    answer = asked(replace(study, episodes=study.episodes.assign(therapist_id=names)))
    row = rows_of(answer, THERAPISTS).iloc[0]
    assert row["df"] <= 2
    imputed = [rows_of(answer, f"{how} reference").iloc[0]
               for how in ("jump to", "copy increments in")]  # fmt: skip
    for own in (row, *imputed):  # no row of the answer knows more of three therapists
        half = stats.t.ppf(0.975, row["df"]) * own["std_error"]
        assert own["conf_high"] - own["estimate"] == pytest.approx(half)


def test_degrees_of_freedom_are_not_fewer_than_therapists_of_an_arm_less_one():
    """One of five treats two thirds of an arm; Satterthwaite's are 1.9 in these records."""
    study = made_trial(seed=8, n=120)
    place = np.arange(120) // 2
    number = np.where(place < 40, 0, 1 + place % 4)
    who = [f"{arm}{k}" for arm, k in zip(study.episodes["arm"], number, strict=True)]
    answer = asked(replace(study, episodes=study.episodes.assign(therapist_id=who)))
    row = rows_of(answer, THERAPISTS).iloc[0]
    assert row["df"] == 4
    half = stats.t.ppf(0.975, 4) * row["std_error"]
    assert row["conf_high"] - row["estimate"] == pytest.approx(half)


@pytest.mark.parametrize(("number", "words"), [(1, "1 therapist,"), (2, "2 therapists,")])
def test_fewer_than_three_therapists_are_named_in_the_claim(number, words):
    study = made_trial(n=120)
    treated = study.episodes["arm"] == "new"
    names = pd.Series([f"t{i // 2 % number}" for i in range(len(treated))]).where(treated)
    answer = asked(replace(study, episodes=study.episodes.assign(therapist_id=names)))
    assert answer.table["kind"].iloc[0] == "constrained"
    assert f"being offered care by {words} whose own part is in it" in answer.sentence
    assert answer.table["term"].str.contains("without therapists").all()


@pytest.mark.parametrize(("begins", "says"), [(7, False), (50, True), (120, False)])
def test_a_control_that_has_care_later_is_said_to(begins, says):
    """A waiting list treated before the last score; an active control; one treated after it."""
    study = made_trial(control="usual")
    day = study.episodes["arm"].map({"new": 0.0, "usual": begins})
    visits = pd.DataFrame({"episode_id": study.episodes["episode_id"], "session": 1.0, "day": day})
    visits = study_from_tables({"sessions": visits}).sessions
    sentence = asked(replace(study, sessions=visits)).sentence
    assert ("the difference is between care at once and care later" in sentence) == says


def test_lords_paradox_is_flagged_when_arms_start_unequal():
    def agrees(gap):
        answer = undisclosed(made_trial(gap=gap), "trial", instrument="nprs")
        return next(c for c in answer.checks if c.name == "change and ANCOVA agree").passed

    assert agrees(0.0)
    assert not agrees(2.0)


def test_only_a_randomised_trial_may_say_effect():
    study = made_trial()
    assert "effect" in undisclosed(study, "trial", instrument="nprs").sentence
    by_choice = replace(study, provenance=replace(study.provenance, randomised=False))
    answer = undisclosed(by_choice, "trial", instrument="nprs")
    assert not overclaims(answer.sentence, "difference")
    assert any("Chance did not make the arms" in limit for limit in answer.limits)


def test_a_worse_arm_is_said_to_improve_less_with_its_interval_the_right_way_round():
    answer = undisclosed(made_trial(effect=-2.0), "trial", instrument="nprs")
    row = rows_of(answer, "ancova").iloc[0]
    assert row["conf_high"] < 0
    assert "less in the new arm than in the usual arm: −" in answer.sentence
    assert f"{row['conf_low']:.1f} to {row['conf_high']:.1f}".replace("-", "−") in answer.sentence


def test_several_arms_are_each_compared_with_the_control():
    answer = undisclosed(
        made_trial(n=180, arms=("deep", "light", "usual")), "trial", instrument="nprs"
    )
    assert rows_of(answer, "ancova")["arm"].tolist() == ["deep", "light"]
    assert rows_of(answer, "constrained")["arm"].tolist() == ["deep", "light"]


def test_each_verdict_is_said_once_with_all_arms_it_is_about():
    study = made_trial(n=240, effect=3.0, arms=("deep", "light", "usual"))
    told = asked(study)
    assert told.picture.title == (
        "Patients improved more than in the usual arm in the deep and light arms at week 12"
    )
    assert told.sentence.startswith("Patients improved more than in the usual arm in the deep (")
    assert told.sentence.count("95 % CI") == 2
    assert ") (" not in told.sentence + told.glance
    even = asked(made_trial(n=120, effect=0.0, arms=("deep", "light", "usual")))
    assert even.picture.title.startswith(
        "No clear difference in improvement from the usual arm in the deep and"
    )
    assert told.picture.data["n_episodes"].isna().all()  # a count of one arm is not the contrast's
    labels = told.picture.data["label"]
    assert not labels.str.contains(r"\) \(").any()


def test_relabelling_the_rows_changes_nothing():
    study = made_trial(lost=0.2)
    shuffled = replace(study, assessments=study.assessments.sample(frac=1, random_state=3))
    first, second = (undisclosed(s, "trial", instrument="nprs").table for s in (study, shuffled))
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arms": ("usual",)}, "one arm or none"),
        ({"control": None}, "no arm is named as the control"),
        ({"control": "elsewhere"}, "no arm is named as the control"),
        ({"n": 12}, "at least 11 courses of each arm"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(change, reason):
    answer = undisclosed(made_trial(**change), "trial", instrument="nprs")
    assert answer.refused
    assert reason in answer.reason
    assert not overclaims(answer.sentence, "change")
    assert answer.table.empty


@pytest.mark.slow
def test_intervals_hold_the_true_difference_as_often_as_they_say():
    """400 trials: coverage within its 99 % Monte-Carlo interval of 95 %, and no bias."""
    estimates, covered = [], []
    for seed in range(400):
        row = rows_of(
            undisclosed(made_trial(seed, lost=0.2), "trial", instrument="nprs"), "ancova"
        ).iloc[0]
        estimates.append(row["estimate"])
        covered.append(row["conf_low"] <= 1.5 <= row["conf_high"])
    assert np.mean(covered) == pytest.approx(0.95, abs=2.58 * np.sqrt(0.95 * 0.05 / 400))
    assert np.mean(estimates) == pytest.approx(1.5, abs=0.1)


def test_arms_with_missing_scores_are_shown_as_if_those_had_gone_on_as_the_control():
    study = made_trial(n=400, lost=0.3)
    answer = asked(study)
    lost = (
        1
        - (study.assessments["day"] == 84)
        .groupby(study.assessments["episode_id"].map(study.courses["arm"]))
        .sum()
        / 200
    )
    main = answer.table.iloc[0]
    jump = rows_of(answer, "jump to reference").iloc[0]
    assert jump["estimate"] == pytest.approx(main["estimate"] * (1 - lost["new"]))
    tips = rows_of(answer, "tipping point").set_index("arm")["estimate"]
    assert main["conf_low"] / lost["new"] > tips["new"] > 0.8 * main["conf_low"] / lost["new"]
    assert main["conf_low"] / lost["usual"] > tips["usual"] > 0.8 * main["conf_low"] / lost["usual"]


def test_several_arms_have_intervals_that_hold_together():
    """Dunnett's two-sided 5 % point for two arms and many degrees of freedom is 2.21."""
    study = made_trial(n=600, arms=("a", "b", "usual"))
    row = rows_of(asked(study), "ancova").iloc[0]
    assert (row["conf_high"] - row["estimate"]) / row["std_error"] == pytest.approx(2.21, abs=0.02)


def test_what_is_imputed_allows_for_the_number_of_arms_too():
    study = made_trial(n=180, lost=0.3, arms=("new", "other", "usual"))
    answer = undisclosed(study, "trial", instrument="nprs")
    main = rows_of(answer, "constrained").set_index("arm")
    reach = (main["conf_high"] - main["estimate"]) / main["std_error"]
    assert (reach > 1.01 * stats.t.ppf(0.975, main["df"])).all()
    for kind in ("jump to reference", "copy increments in reference"):
        rows = rows_of(answer, kind).set_index("arm")
        half = (rows["conf_high"] - rows["conf_low"]) / 2
        np.testing.assert_allclose(half / rows["std_error"], reach[rows.index], rtol=1e-6)


def test_the_estimand_is_named_by_its_five_attributes():
    estimand = asked(made_trial()).estimand
    for part in (
        "Treatment: being offered new, against usual",
        "Population: all 120 courses",
        "Variable: improvement",
        "Intercurrent events",
        "Summary: difference in means",
    ):
        assert part in estimand  # fmt: skip


def rescored(scores_of):
    """Return the trial with other scores, made of its own, which know their ``first``."""
    study = made_trial()
    scores = study.assessments
    first = scores.groupby("episode_id")["score"].transform("first")
    new = scores_of(scores.assign(first=first))
    return replace(study, assessments=scores.assign(score=new.clip(0, 10)))


def test_a_start_that_all_share_leaves_the_difference_of_mean_scores():
    study = rescored(lambda own: own["score"].where(own["day"] > 0, 6.0))
    given = asked(study)
    last = study.assessments[study.assessments["day"] == 84].set_index("episode_id")["score"]
    arm = study.episodes.set_index("episode_id")["arm"].reindex(last.index)
    expected = stats.ttest_ind(last[arm == "usual"], last[arm != "usual"])
    for kind in ("constrained", "ancova"):
        row = rows_of(given, kind).iloc[0]
        assert row["estimate"] == pytest.approx(last.groupby(arm).mean().diff().abs().iloc[1])
        assert row["statistic"] == pytest.approx(expected.statistic, rel=1e-5)


def test_an_early_time_at_which_nobody_had_changed_does_not_refuse_the_rest():
    still = rescored(lambda own: own["first"].where(own["day"] < 84, own["score"]))
    given = asked(still)
    assert set(given.table["week"]) == {12.0}
    assert any("not compared at week" in str(limit) for limit in given.limits)
    gone = replace(still, assessments=still.assessments[still.assessments["day"].isin([0, 84])])
    pd.testing.assert_frame_equal(given.table, asked(gone).table)
    alone = rescored(lambda own: own["score"].where(own["day"] == 84, 6.0))
    assert set(asked(alone).table["kind"]) == {"constrained", "ancova", "change", "score"}


def test_a_start_that_tells_the_arm_is_refused_as_that():
    study = made_trial()
    arm = study.episodes.set_index("episode_id")["arm"].reindex(study.assessments["episode_id"])
    start = np.where(arm == "usual", 5.0, 6.0)
    scores = study.assessments.assign(
        score=study.assessments["score"].where(study.assessments["day"] > 0, start)
    )
    reason = oc.answer(replace(study, assessments=scores), "trial").reason
    assert "baselines must not determine the arm" in reason


@pytest.mark.parametrize(("effect", "way"), [(1.5, "better"), (-1.5, "worse")])
def test_arms_that_both_got_worse_are_not_said_to_improve(effect, way):
    study = made_trial(effect=effect)
    fall = study.assessments["score"].where(study.assessments["day"] == 0, lambda s: s + 3.5)
    given = asked(replace(study, assessments=study.assessments.assign(score=fall.clip(0, 10))))
    assert rows_of(given, "change").iloc[0]["estimate"] * effect > 0
    assert given.sentence.startswith(f"Patients did {way} in the new arm than in the usual arm")
    assert "improved" not in given.picture.title


def test_a_trial_of_patients_who_have_several_courses_is_refused():
    study = made_trial()
    n = len(study.episodes)
    thrice = replace(study, episodes=study.episodes.assign(
        patient_id=[f"p{i // 3}" for i in range(n)]))  # fmt: skip
    answer = undisclosed(thrice, "trial")
    assert answer.refused
    assert "patients have several courses" in answer.reason
    one = [f"p{max(i, 1)}" for i in range(n)]  # the first two are of one patient
    assert not undisclosed(replace(study, episodes=study.episodes.assign(patient_id=one)),
                           "trial").refused  # fmt: skip


@pytest.mark.parametrize("n_untold", [3, 40])
def test_courses_without_an_arm_are_no_arm_and_are_counted(n_untold):
    study = made_trial()
    untold = study.episodes["episode_id"].head(n_untold)
    arm = study.episodes["arm"].mask(study.episodes["episode_id"].isin(untold))
    answer = undisclosed(replace(study, episodes=study.episodes.assign(arm=arm)), "trial")
    assert answer.table["arm"].unique().tolist() == ["new"]
    assert answer.source.left_out["no arm recorded"] == n_untold
    kept = {name: table[~table["episode_id"].isin(untold)].reset_index(drop=True)
            for name, table in study_tables(study).items()}  # fmt: skip
    without = undisclosed(study_from_tables(kept, provenance=study.provenance), "trial")
    pd.testing.assert_frame_equal(answer.table, without.table)


def study_tables(study):
    """Return what `study_from_tables` takes of a study of courses and scores."""
    return {
        "episodes": study.episodes[["episode_id", "arm"]],
        "assessments": study.assessments[["episode_id", "day", "timing", "instrument", "score"]],
    }


def test_an_effect_that_has_gone_by_the_end_is_said_with_its_time():
    study = made_trial(effect=0.0)
    treated = study.courses["arm"].eq("new").reindex(study.assessments["episode_id"]).to_numpy()
    early = treated & study.assessments["day"].eq(42).to_numpy()
    scores = study.assessments.assign(score=study.assessments["score"] - 1.5 * early)
    answer = undisclosed(replace(study, assessments=scores), "trial", instrument="nprs")
    then = with_interval(rows_of(answer, "constrained", 6.0).iloc[0], unit="points")
    assert f"Earlier it was different, new minus usual: {then} at week 6." in answer.sentence
    assert "Earlier" not in undisclosed(made_trial(), "trial", instrument="nprs").sentence


def test_what_several_arms_differed_by_before_is_told_by_time():
    study = made_trial(n=240, effect=0.0, arms=("deep", "light", "usual"))
    treated = study.courses["arm"].ne("usual").reindex(study.assessments["episode_id"]).to_numpy()
    early = treated & study.assessments["day"].eq(42).to_numpy()
    scores = study.assessments.assign(score=study.assessments["score"] - 1.5 * early)
    answer = undisclosed(replace(study, assessments=scores), "trial", instrument="nprs")
    found = rows_of(answer, "constrained", 6.0).set_index("arm")
    deep, light = (with_interval(found.loc[arm], unit="points").replace(" (", ", ", 1)
                   for arm in ("deep", "light"))  # fmt: skip
    told = f"each minus usual: at week 6 in the deep ({deep} and light ({light} arms."
    assert f"Earlier it was different, {told}" in answer.sentence
