"""Small real studies: no answer, asked in any way, gives a count of 1 to 10 away."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.privacy.disclosure import Disclosure, Told, disclosure_for
from outcomes.privacy.text import holds_count
from outcomes.provenance import Provenance
from outcomes.questions.answer import Answer
from outcomes.questions.ask import QUESTIONS, undisclosed
from outcomes.questions.disclosed import VALUES, decision, disclosed, masked
from outcomes.study import study_from_tables
from studies.overclaims import overclaims

pytestmark = pytest.mark.quick(3)

WHO = r"(courses?|patients?|people|persons?|goals?|visits?|deviations?)"
SMALL = re.compile(rf"(?<!than )(?<!least )(?<!most )\b([1-9]|10)\b (of \d+ )?{WHO}\b(?! or more)")
UNNAMED = re.compile(r"[a-z]: ([1-9]|10)\b(?! or|,\d)(?![\d.]| per)")


def real(study):
    return replace(study, provenance=replace(study.provenance, synthetic=False), truth=None)


STUDIES = {
    "six": lambda: real(oc.simulate(episodes=6, seed=1)),
    "twelve": lambda: real(oc.simulate(episodes=12, seed=10)),
    "thirty": lambda: real(oc.simulate(episodes=30, seed=9)),
    "trial": lambda: real(oc.simulate(episodes=34, scenario="two-arm-trial", seed=2)),
    "one visit": lambda: one_visit(real(oc.simulate(episodes=12, seed=5))),
}


def one_visit(study):
    scores = study.assessments[study.assessments["timing"] == "baseline"]
    visits = study.sessions[study.sessions["session"] == 1]
    return replace(
        study,
        assessments=scores.reset_index(drop=True),
        sessions=visits.reset_index(drop=True),
    )


def texts(answer: Answer):
    yield from (answer.sentence, answer.reason, answer.method, *answer.limits)
    yield from (f"{check.name} | {check.detail}" for check in answer.checks)
    if answer.picture is not None:
        yield from (answer.picture.title, answer.picture.alt)


def small_counts(table: pd.DataFrame) -> pd.DataFrame:
    counts = table[[c for c in table if str(c).startswith("n_")]]
    return counts.ge(1) & counts.le(10)


@pytest.mark.quick(3)
@pytest.mark.parametrize("name", STUDIES)
def test_no_question_gives_a_small_count_away(name):
    study = STUDIES[name]()
    for question in QUESTIONS:
        if question == "patient":
            continue
        answer = oc.answer(study, question)
        if study.provenance.control is None:
            assert not overclaims(answer.sentence, "association"), question
        assert all(type(check.passed) is bool for check in answer.checks), question
        for text in texts(answer):
            assert not SMALL.search(text), (question, text)
            assert not UNNAMED.search(text), (question, text)
        tables = [answer.table] + ([answer.picture.data] if answer.picture is not None else [])
        for table in tables:
            assert not small_counts(table).any(axis=None), question
        assert not any(n and n <= 10 for n in answer.source.left_out.values()), question


def test_summaries_of_records_behind_a_small_count_are_gone_and_models_stay():
    study = STUDIES["thirty"]()
    for question in ("leavers", "safety", "goals", "sessions", "how-much"):
        raw = undisclosed(study, question, instrument="nprs").table
        safe = oc.answer(study, question, instrument="nprs").table
        few = small_counts(raw).any(axis=1)
        model = raw["kind"].map(QUESTIONS[question].kinds) == "model"
        summary = few & ~model
        values = [c for c in VALUES if c in safe]
        assert safe.loc[summary, values].isna().all(axis=None), question
        shown, exact = safe.loc[model, "estimate"], raw.loc[model, "estimate"]
        pd.testing.assert_series_equal(
            shown, exact, check_dtype=False, check_exact=False, atol=0.05
        )
    assert "too few courses" in oc.answer(STUDIES["six"](), "how-much").reason


@pytest.mark.parametrize(("n_now", "mean"), [(21, 46 / 21), (25, 20 / 25), (30, 13 / 30)])
def test_a_mean_of_records_is_no_fraction_that_tells_a_hidden_count(n_now, mean):
    rows = [("stayed", n_now, mean), ("by reason", n_now, mean)]
    table = pd.DataFrame(rows, columns=["kind", "n_episodes", "estimate"]).assign(
        term="x", std_error=0.2, baseline=mean + 1.0, p_value=0.0012
    )
    leavers, rule = QUESTIONS["leavers"], Disclosure(told=Told())
    rule.tells(30, "course")
    safe = masked(table, decision(table, leavers, rule), leavers, rule)
    hidden = n_now < 30  # of all of them nothing is hidden, so nothing is rounded
    assert (safe["n_episodes"].isna() == hidden).all()
    assert ((safe["estimate"] == table["estimate"]) == (not hidden or mean == 0.8)).all()
    assert (safe["p_value"] == 0.0012).all()
    for shown in hidden * [*safe["estimate"], *safe["baseline"]]:  # any number of courses fits
        assert all(round(round(shown * n) / n, 1) == shown for n in range(20, 31))


def test_a_model_whose_estimate_is_a_mean_of_records_tells_no_hidden_count():
    ids = [f"e{i}" for i in range(30)]
    first = pd.DataFrame({"episode_id": ids, "day": 0, "timing": "baseline", "score": 7})
    gains = [i % 4 for i in range(21)]  # 30 of 21 scores; nine courses have none
    last = first.iloc[:21].assign(day=28, timing="follow_up", score=[7 - gain for gain in gains])
    study = study_from_tables({"assessments": pd.concat([first, last]).assign(instrument="nprs")})
    answer = oc.answer(real(study), "how-much")
    shown = answer.table[answer.table["kind"].isin(["improvement", "curve"])]
    assert np.mean(gains) == pytest.approx(30 / 21)
    assert shown["n_episodes"].isna().all()
    assert set(shown["estimate"]) == {1.4}
    leavers = oc.answer(real(study), "leavers").table
    like_others = leavers[leavers["term"] == "early leavers like similar courses"].iloc[0]
    assert like_others["estimate"] == 1.4
    assert np.isnan(like_others["df"])  # 20 would tell 21
    exact = undisclosed(real(study), "how-much").table["estimate"]
    assert exact.iloc[0] == pytest.approx(30 / 21)


def test_a_difference_of_two_means_is_no_fraction_either():
    table = pd.DataFrame({"kind": ["change", "score"], "arm": "massage", "n_episodes": 18,
                          "n_control": 19, "estimate": 40 / 18 - 12 / 19})  # fmt: skip
    trial, rule = QUESTIONS["trial"], Disclosure(told=Told())
    rule.tells(20, "course", "massage")
    safe = masked(table, decision(table, trial, rule), trial, rule)
    assert safe["n_episodes"].isna().all()
    assert safe["estimate"].tolist() == [1.6, 1.6]


@pytest.mark.parametrize(("estimate", "shown"), [(46 / 21, 2.19), (2.2512, 2.3), (-0.7519, -0.75)])
def test_an_estimate_of_a_model_has_no_digits_that_tell_a_hidden_count(estimate, shown):
    """One decimal more than the sentence has, and the sentence's own where two roundings differ."""
    table = pd.DataFrame({"kind": ["ancova"], "arm": "massage", "n_episodes": 18, "n_control": 19,
                          "estimate": estimate, "conf_low": estimate - 1.123456,
                          "conf_high": estimate + 1.123456})  # fmt: skip
    trial, rule = QUESTIONS["trial"], Disclosure(told=Told())
    rule.tells(20, "course", "massage")
    safe = masked(table, decision(table, trial, rule), trial, rule)
    assert safe["n_episodes"].isna().all()
    assert safe["estimate"].tolist() == [shown]
    assert (safe[["conf_low", "conf_high"]] * 100 % 1).round(6).isin([0, 1]).all(axis=None)


def test_means_of_arms_are_shown_though_three_patients_have_no_score_then():
    column = {"group": ["all", "massage", "usual care", "all"], "n_episodes": [45, 22, 23, 48],
              "kind": ["curve"] * 3 + ["sensitivity"]}  # fmt: skip
    table = pd.DataFrame(column).assign(week=12.0, estimate=1.0, conf_low=0.1, conf_high=2.0)
    how_much, rule = QUESTIONS["how-much"], Disclosure(told=Told())
    rule.tells(48, "course")
    safe = masked(table, decision(table, how_much, rule), how_much, rule)
    assert safe["n_episodes"].isna().tolist() == [True, True, False, False]
    assert safe["estimate"].notna().all()
    table.loc[0, "n_episodes"] = 48  # three are in a third arm, whose mean would follow
    safe = masked(table, decision(table, how_much, rule), how_much, rule)
    assert safe["estimate"].isna().tolist() == [False, True, False, False]


@pytest.mark.quick(2)
@pytest.mark.parametrize("used", [150, 149, 7, 151])
def test_what_was_hidden_once_stays_hidden(used):
    answer = oc.answer(oc.simulate(episodes=60, seed=3), "how-much")
    answer = replace(answer, source=replace(answer.source, n_used=used, n_episodes=50))
    once = disclosed(answer, Disclosure())
    assert disclosed(once, Disclosure()).source.n_used == once.source.n_used
    assert once.source.n_used in (None, 150)


@pytest.mark.quick(2)
def test_a_curve_of_goals_is_in_whole_per_cent_and_holds_what_the_sentence_says():
    study = real(oc.simulate(scenario="null", episodes=200, seed=7))
    exact, shown = undisclosed(study, "goals"), oc.answer(study, "goals")
    shown = disclosed(shown, disclosure_for(study))
    drawn = shown.picture.data.dropna(subset=["estimate"])
    assert "36 of 167 goals" in shown.sentence
    assert drawn.loc[drawn["group"] == "reached and kept", "estimate"].iloc[-1] == 0.22
    hidden = drawn["n_at_risk"].isna()
    assert hidden.any()
    true = exact.table.loc[drawn.loc[hidden, "row"], "estimate"]
    assert drawn.loc[hidden, "estimate"].tolist() == true.round(2).tolist()
    steps = exact.table.loc[drawn["row"]].groupby("kind")["n_reached"].diff().dropna()
    assert (steps >= 11).all()
    assert exact.picture.steps
    assert not shown.picture.steps
    assert shown.picture.caption.endswith("lines join the others.")


def test_all_but_a_few_goals_are_not_told_by_the_table_either():
    table = pd.DataFrame({"kind": "sustained", "term": ["by 2", "by 5"], "time": [2.0, 5.0],
                          "n_at_risk": [102, 40], "n_episodes": 102, "n_reached": [60, 98],
                          "estimate": [60 / 102, 98 / 102]})  # fmt: skip
    goals, rule = QUESTIONS["goals"], Disclosure(told=Told())
    safe = masked(table, decision(table, goals, rule), goals, rule)
    assert safe["n_reached"].isna().tolist() == [False, True]
    assert safe["estimate"].isna().tolist() == [False, True]


def test_visits_with_an_event_are_a_part_of_those_asked_about_and_not_of_the_courses():
    table = pd.DataFrame({"kind": ["events", "clearance met"], "term": ["adapted", "x"],
                          "n_asked": [315, np.nan], "n_events": [43, 48], "n_episodes": [48, 52],
                          "estimate": [13.7, 92.3]})  # fmt: skip
    safety, rule = QUESTIONS["safety"], Disclosure(told=Told())
    safe = masked(table, decision(table, safety, rule), safety, rule)
    assert safe["estimate"].isna().tolist() == [False, True]


def test_a_curve_of_which_one_bare_point_is_left_is_not_drawn():
    answer = oc.answer(oc.simulate(episodes=60, seed=3), "goals")
    rows = answer.table["kind"] == "sustained"
    first = answer.table[rows].index[0]
    table = answer.table.assign(
        n_episodes=answer.table["n_episodes"].where(answer.table.index == first, 5)
    )
    table.loc[first, ["conf_low", "conf_high"]] = table.loc[first, "estimate"]
    data = answer.picture.data
    data.loc[data["row"] == first, ["conf_low", "conf_high"]] = table.loc[first, "estimate"]
    few = disclosed(replace(answer, table=table), Disclosure())
    assert few.picture is None
    assert disclosed(answer, Disclosure()).picture is not None


@pytest.mark.parametrize(("seed", "left"), [(5, {"care ended first"}), (3, {"reached and kept"})])
def test_a_line_of_none_is_not_drawn_for_a_few_goals_reached_later(seed, left):
    study = real(oc.simulate(episodes=15, seed=seed))
    exact, shown = undisclosed(study, "goals"), oc.answer(study, "goals")
    hidden = shown.table.loc[shown.table["kind"].isin(["sustained", "ended before"]), "suppressed"]
    none = exact.picture.data[~exact.picture.data["row"].map(hidden)]
    assert {*none["group"]} == left
    assert not none["estimate"].any()
    assert shown.picture is None


def test_many_hidden_rows_of_a_forest_are_one():
    given = oc.answer(real(oc.simulate(episodes=26, seed=100)), "safety").picture.data
    assert given["label"].tolist() == ["care not adapted", "all others"]
    assert given["estimate"].isna().tolist() == [False, True]


def test_synthetic_data_and_one_patients_own_record_are_as_they_are():
    study = oc.simulate(episodes=12, seed=10)
    assert "suppressed" not in oc.answer(study, "leavers").table
    own = oc.answer(real(study), "patient", episode=study.episodes["episode_id"].iloc[0])
    assert "suppressed" not in own.table
    assert own.picture is None or "suppressed" not in own.picture.data


def incidence(reached, ended, at_risk):
    """A table of goals: what had been reached, what had ended, and what could still be reached."""
    parts = [
        pd.DataFrame({"kind": kind, "n_reached": counts, "time": range(1, len(counts) + 1)})
        for kind, counts in (("sustained", reached), ("ended before", ended))
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(
        term=table["kind"] + " by " + table["time"].astype(str),
        n_at_risk=[*at_risk, *at_risk],
        n_episodes=at_risk[0],
        estimate=table["n_reached"] / at_risk[0],
    )


@pytest.mark.parametrize(
    ("ended", "at_risk", "shown"),
    [
        ([0, 12, 30], [120, 100, 68], {120, 100, 68}),  # every step is none or at least eleven
        ([0, 6, 30], [120, 100, 74], {120}),  # 100 - 20 reached - 74 = 6 ended
        ([0, 12, 30], [120, 97, 65], {120}),  # 120 - 20 reached - 97 = 3 were lost
    ],
)
def test_numbers_at_risk_tell_no_small_number_of_another_event(ended, at_risk, shown):
    table = incidence([20, 40, 60], ended, at_risk)
    goals = QUESTIONS["goals"]
    safe = masked(table, decision(table, goals, Disclosure()), goals, Disclosure())
    assert set(safe["n_at_risk"].dropna()) == shown


@pytest.mark.parametrize(("ended", "shown"), [(10, 0), (13, 0), (11, 1), (22, 1)])
def test_goals_reached_and_care_ended_do_not_tell_the_few_still_open(ended, shown):
    """Of 95 goals 73 were reached by then, and before 13 care ended: 9 are open."""
    kinds = {"kind": ["sustained", "ended before"], "term": ["sustained by 6", "ended before by 6"]}
    table = pd.DataFrame({**kinds, "time": 6.0, "n_episodes": 95, "n_at_risk": 40,
                          "n_reached": [73, ended], "estimate": [0.77, ended / 95]})  # fmt: skip
    goals = QUESTIONS["goals"]
    safe = masked(table, decision(table, goals, Disclosure()), goals, Disclosure())
    assert safe["n_reached"].notna().tolist() == [True, bool(shown)]


@pytest.mark.parametrize("n_missing", [1, 6, 10])
def test_degrees_of_freedom_and_numbers_of_scores_tell_no_hidden_count(n_missing):
    rng = np.random.default_rng(n_missing)
    ids, arms = [f"e{i}" for i in range(60)], ["massage", "wait"] * 30
    first = pd.DataFrame({"episode_id": ids, "day": 0, "timing": "baseline"})
    last = first.iloc[n_missing:].assign(day=56, timing="follow_up")
    scores = pd.concat([first, last]).assign(instrument="nprs")
    scores["score"] = rng.integers(2, 9, len(scores))
    tables = {"episodes": pd.DataFrame({"episode_id": ids, "arm": arms}), "assessments": scores}
    study = study_from_tables(tables, provenance=Provenance(control="wait", randomised=True))
    for name in ("trial", "how-much"):
        raw, inside = undisclosed(study, name, instrument="nprs"), oc.answer(study, name)
        outside = disclosed(inside)
        own = raw.table["estimate"].notna() & inside.table["n_episodes"].isna()
        assert own.any()
        assert inside.table.loc[own, "df"].isna().all()
        assert outside.table.loc[own, ["df", "std_error", "statistic"]].isna().all(axis=None)
        told = outside.table.loc[own, "p_value"].dropna()
        assert (told == told.map("{:.2g}".format).astype(float)).all()
        number = 60 - n_missing + 60 * (name == "trial")
        assert f"on {number} scores" in raw.method
        assert f"on fewer than {60 + 60 * (name == 'trial')} scores" in inside.method
        assert inside.source.n_used is None


@pytest.mark.parametrize(
    ("name", "kinds", "terms", "counts", "shown"),
    [  # 83 courses are told: one clinic and the others are 77 of them, so that six are missing
        ("how-much", ["sensitivity"] * 2, ["without clinic 1", "without clinic 2"],
         {"n_episodes": [44, 33], "n_clinic": [33, 44]}, [False, False]),
        ("how-much", ["sensitivity"] * 2, ["without clinic 1", "without clinic 2"],
         {"n_episodes": [50, 33], "n_clinic": [33, 50]}, [True, True]),
        # of 29 whose goal was met 25 have a score after the first visit
        ("leavers", ["reason", "reason", "by reason", "by reason"],
         ["goal_met", "plateau", "goal_met", "goal_met"],
         {"n_episodes": [29, 54, 25, 18]}, [True, True, False, True]),
        # goals that can be followed, and all that are rated
        ("goals", ["sustained", "goal attainment scale"],
         ["sustained by 8", "mean T score of all courses with a rated goal"],
         {"n_episodes": [58, 61], "n_reached": [20, np.nan]}, [True, False]),
    ],
)  # fmt: skip
def test_counts_of_two_rows_do_not_tell_a_few_between_them(name, kinds, terms, counts, shown):
    table = pd.DataFrame({"kind": kinds, "term": terms, **counts, "estimate": 1.234})
    if name == "how-much":
        table["group"] = "all"
    rule = Disclosure(told=Told())
    rule.tells(83, "course")
    safe = masked(table, decision(table, QUESTIONS[name], rule), QUESTIONS[name], rule)
    assert safe["n_episodes"].notna().tolist() == shown


def test_visits_used_do_not_tell_those_with_adapted_care():
    """Of 357 visits all but a few are without it."""
    study = real(oc.simulate(episodes=60, seed=8))
    few = study.sessions.groupby("episode_id")["session"].transform("max") == 6
    one = study.sessions.loc[few, "episode_id"].iloc[0]
    episodes = study.episodes.assign(adaptations="none")
    episodes.loc[episodes["episode_id"] == one, "adaptations"] = "cancer"
    study = replace(study, episodes=episodes)
    given = oc.answer(study, "safety")
    assert undisclosed(study, "safety").source.n_used == 357
    assert given.table.loc[given.table["term"] == "adapted", "n_asked"].isna().all()
    assert given.source.n_used is None


ARMS = ("usual care", "3 visits", "12 visits of 30 patients' choice")


def three_arms(n=30, arms=ARMS, missing=5, patients=None):
    """Return a trial labelled as real of three arms, some without the later score."""
    rng = np.random.default_rng(8)
    ids = [f"c{i:03d}" for i in range(3 * n)]
    arm = np.repeat(arms, n)
    first, later = rng.integers(4, 10, 3 * n), rng.integers(0, 7, 3 * n)
    scores = pd.DataFrame({"episode_id": ids * 2, "day": np.repeat([0, 42], 3 * n),
                           "timing": np.repeat(["baseline", "follow_up"], 3 * n),
                           "instrument": "nprs", "score": np.r_[first, later] * 1.0})  # fmt: skip
    gone = {arm_id for i, arm_id in enumerate(ids) if i % n < missing}
    scores = scores[~(scores["episode_id"].isin(gone) & scores["day"].eq(42))]
    courses = pd.DataFrame({"episode_id": ids, "arm": arm, "patient_id": patients or ids})
    about = Provenance(title="A trial", source="trial", control=arms[0], randomised=True)
    return study_from_tables({"episodes": courses, "assessments": scores}, provenance=about)


def test_an_arm_that_is_called_by_a_number_of_visits_is_no_count():
    study = three_arms()
    for name in ("how-much", "trial"):
        given = oc.answer(study, name)
        said = [given.sentence, given.glance, given.picture.title, given.picture.alt]
        assert not any("not shown" in text for text in said), said
        assert "3 visits" in given.sentence
        shown = given.table[given.table["kind"].isin(["improvement", "ancova"])]
        assert not shown["term"].str.contains("not shown").any()
    told = disclosure_for(study)
    assert not holds_count("improved in the 3 visits arm", told)
    assert holds_count("3 visits of 7 patients", told)
    assert holds_count("4 visits", told)


@pytest.mark.parametrize("n_missing", [1, 6, 7, 10])
def test_whether_a_share_of_few_is_small_does_not_narrow_them_down(n_missing):
    study = three_arms(n=12, arms=("a", "b", "c"), missing=0)
    gone = study.episodes["episode_id"].head(n_missing)
    scores = study.assessments
    scores = scores[~(scores["episode_id"].isin(gone) & scores["day"].eq(42))]
    episodes = study.episodes.assign(arm=None)
    given = oc.answer(replace(study, assessments=scores, episodes=episodes), "leavers")
    few = given.checks[0].said
    assert few == ("The counts are too small to show whether this holds: at most 20 % of courses "
                   "without a score by then (fewer than 11 of 36 courses).")  # fmt: skip


def test_visits_of_which_none_was_received_answer_nothing_about_care():
    study = oc.simulate(episodes=20, seed=1)
    missed = study.sessions.assign(status="cancelled", session=None, pressure=None)
    given = oc.answers(
        study_from_tables(
            {
                "episodes": study.episodes,
                "sessions": missed,
                "assessments": study.assessments.assign(session=None),
            }
        )
    )
    assert all(a.refused and "no visit of these records was received" in a.reason for a in given)


def test_many_courses_of_one_patient_answer_nothing_about_others():
    study = three_arms(patients=["p"] * 90)
    given = oc.answers(study)
    assert all(a.refused and "one patient" in a.reason for a in given)
    unnamed = replace(study, episodes=study.episodes.assign(patient_id=None))
    assert not oc.answer(unnamed, "trial").refused


@pytest.mark.quick(3)
@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize("missing", [0, 1, 5, 12])
def test_what_is_disclosed_is_disclosed_the_same_again(missing, leaves):
    trial = three_arms(arms=("a", "b", "c"), missing=missing)
    clinic = replace(trial, episodes=trial.episodes.assign(arm=None, end_reason="cost"))
    few = clinic.episodes.index < 5 * missing  # beside few of a reason, many of another
    clinic.episodes.loc[few, "end_reason"] = "moved"
    for study in (trial, clinic, replace(clinic, episodes=trial.episodes.assign(arm=None))):
        for name in QUESTIONS:
            if QUESTIONS[name].about_one:
                continue
            rule = disclosure_for(study)
            once = disclosed(undisclosed(study, name), rule, leaves=leaves)
            again = disclosed(once, rule, leaves=leaves)
            pd.testing.assert_frame_equal(again.table, once.table)
            assert (again.sentence, again.limits) == (once.sentence, once.limits)
            assert again.checks == once.checks
            assert again.source == once.source
