"""The analysis plan: declared or exploratory, its digest, adjusted p-values."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from outcomes.errors import UsageError
from outcomes.intake.load import load
from outcomes.provenance import Provenance
from outcomes.questions.ask import QUESTIONS, answer, answers
from outcomes.questions.plan import adjusted, read_plan
from outcomes.study import study_from_tables

PLAN = {
    "title": "made plan",
    "primary": {"question": "how-much", "instrument": "nprs", "threshold": 1.0},
    "secondary": [{"question": "pressure"}, {"question": "therapists"}],
}


def test_a_declared_question_keeps_its_sentence_and_another_is_exploratory(clinic):
    study = clinic(n=60)
    declared = answer(study, "how-much", plan=PLAN)
    other = answer(study, "leavers", plan=PLAN)
    assert not declared.sentence.startswith("Exploratory")
    assert other.sentence.startswith("Exploratory: ")
    assert not any("No analysis plan" in limit for limit in other.limits)  # there is one
    marks = {c.name: c.passed for c in declared.checks}
    assert marks["declared beforehand"]
    assert "the declared threshold is reached" in marks


def test_the_digest_goes_with_every_answer_and_changes_with_the_plan(clinic):
    study = clinic(n=60)
    first = answer(study, "leavers", plan=PLAN).source.plan_sha256
    changed = {**PLAN, "title": "another"}
    assert first == read_plan(PLAN).sha256
    assert answer(study, "leavers", plan=changed).source.plan_sha256 != first
    assert answer(study, "leavers").source.plan_sha256 == ""


def test_a_plan_is_read_from_toml(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('[primary]\nquestion = "trial"\n[[secondary]]\nquestion = "pressure"\n')
    plan = read_plan(path)
    assert [(d.question, d.role) for d in plan.declared] == [
        ("trial", "primary"),
        ("pressure", "secondary"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, ["analysis plan says primary; got nothing"]),
        ({"primary": {}}, ["analysis plan primary says question"]),
        ({"primary": {"qestion": "trial", "tme": 1}}, ["Did you mean question", "mean time"]),
        ({"aim": 1}, ["'aim' is an entry"]),
        ({"primary": [{"question": "trial"}] * 2}, ["is a section; got a list", "one section"]),
        ({"primary": {"question": "trial", "time": "six", "weeks": 4}},
         ["is a number; got text", "is a list; got a whole number"]),
        ({"primary": {"question": "trial", "role": "secondary"}}, ["says its role"]),
        ({"primary": {"question": "trial"}, "secondary": [{"question": "trial"}]}, ["once"]),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused_with_all_that_is_wrong(content, said):
    with pytest.raises(UsageError) as caught:
        read_plan(content)
    assert all(words in str(caught.value) for words in said)
    assert "something else" not in str(caught.value)


def test_a_plan_with_weeks_has_its_windows_without_arms_too(clinic):
    """Visits are at days 0, 7, ... 35; of each course the score of day 28 is of week 4 alone."""
    study = clinic(n=40)
    declared = {"question": "how-much", "weeks": [2, 4], "window": 0.5, "time": 4}
    given = answer(study, "how-much", plan={"primary": declared})
    row = given.table.iloc[0]
    scores = study.assessments.set_index("day")["score"]
    assert (row["week"], row["n_episodes"]) == (4, 40)
    assert row["estimate"] == pytest.approx(scores[0].mean() - scores[28].mean())
    assert given.source.left_out["outside the windows of weeks, or not the nearest in one"] == 120
    undated = replace(study, sessions=study.sessions.assign(day=np.nan),
                      assessments=study.assessments.assign(day=np.nan))  # fmt: skip
    refused = answer(undated, "how-much", plan={"primary": declared})
    assert "fewer than half of the scores have a day" in refused.reason


def test_a_second_primary_question_is_told_where_it_belongs(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('[primary]\nquestion = "trial"\n[primary]\nquestion = "pressure"\n')
    says = r"stands once; got \[primary\] again \(at line 3.* others are \[\[secondary\]\]"
    with pytest.raises(UsageError, match=says):
        read_plan(path)


def test_all_that_a_plan_cannot_mean_is_said_at_once(two_arms):
    with pytest.raises(UsageError) as caught:
        answer(two_arms(), "trial", plan=planned(time=-3, window=-1, weeks=[4, 2]))
    for said in ("time is a number above 0", "window is a number", "weeks rise", "one of the"):
        assert said in str(caught.value)


def test_a_missing_plan_and_one_that_is_no_toml_are_refused(tmp_path):
    with pytest.raises(UsageError, match="nothing there"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_text("not a plan")
    with pytest.raises(UsageError, match="TOML"):
        read_plan(tmp_path / "odd.toml")


def test_secondary_p_values_are_holms_and_exploratory_ones_benjamini_and_hochbergs(clinic):
    given = answer(clinic(n=60), "how-much")

    def made(name, kind, p):
        table = given.table.head(1).assign(kind=kind, p_value=p)
        return replace(given, name=name, table=table, record=QUESTIONS[name])

    asked = (
        made("how-much", "improvement", 0.03),
        made("pressure", "error allowed for", 0.02),
        made("therapists", "spread", 0.03),
        made("frequency", "error allowed for", 0.01),
        made("trial", "ancova", 0.04),
    )
    found = [a.table["p_adjusted"].iloc[0] for a in adjusted(asked, read_plan(PLAN), "nprs")]
    assert found == pytest.approx([0.03, 0.04, 0.04, 0.02, 0.04])


def test_a_test_of_no_change_relaxes_the_adjustment_of_no_other(clinic):
    given = answer(clinic(n=60), "how-much")

    def made(name, kind, p):
        table = given.table.head(1).assign(kind=kind, p_value=p)
        return replace(given, name=name, table=table, record=QUESTIONS[name])

    asked = (made("how-much", "improvement", 1e-9), made("pressure", "error allowed for", 0.04),
             made("therapists", "spread", 0.06))  # fmt: skip
    for plan in (None, {"primary": {"question": "trial"}}):
        found = adjusted(asked, plan and read_plan(plan), "nprs")
        assert "p_adjusted" not in found[0].table
        assert found[1].table["p_adjusted"].iloc[0] == pytest.approx(0.06)


def test_a_threshold_in_points_is_held_against_points(clinic):
    study = clinic(n=60)
    other = {"question": "leavers", "threshold": -5.0}
    plan = {"primary": {"question": "sessions", "threshold": 1.0}, "secondary": [other]}
    name = "the declared threshold is reached"
    checks = {
        question: next(c for c in answer(study, question, plan=plan).checks if c.name == name)
        for question in ("sessions", "leavers")
    }
    assert not checks["sessions"].passed
    assert "no answer in points" in checks["sessions"].detail
    assert checks["leavers"].passed


def test_holms_adjustment_is_within_a_family(clinic):
    given = answer(clinic(n=60), "how-much")

    def made(name, kind, p):
        table = given.table.head(1).assign(kind=kind, p_value=p)
        return replace(given, name=name, table=table, record=QUESTIONS[name])

    own = [{"question": "pressure", "family": "a"}, {"question": "therapists", "family": "b"}]
    plan = read_plan({**PLAN, "secondary": own})
    asked = (made("pressure", "error allowed for", 0.02), made("therapists", "spread", 0.03))
    found = [a.table["p_adjusted"].iloc[0] for a in adjusted(asked, plan, "nprs")]
    assert found == pytest.approx([0.02, 0.03])


def test_a_plan_with_a_question_nobody_knows_is_refused(clinic):
    plan = {"primary": {"question": "how-muhc"}}
    with pytest.raises(UsageError, match="known"):
        answer(clinic(n=20), "how-much", plan=plan)


def test_all_questions_but_the_one_about_a_patient_are_asked(clinic):
    given = answers(clinic(n=60))
    names = [a.name for a in given]
    assert "patient" not in names
    assert names == [name for name in QUESTIONS if name != "patient"]
    roles = {a.name: set(a.table["role"]) - {""} for a in given if "role" in a.table}
    assert roles["pressure"] == {"exploratory"}
    assert "how-much" not in roles


def planned(**fields):
    return {"primary": {"question": "trial", "instrument": "nprs", **fields}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"weeks": [8, 4]}, "weeks rise"),
        ({"window": 1.0}, "a window has weeks"),
        ({"weeks": [4, 8], "time": 6}, "time is one of the weeks"),
        ({"margin": 0.0}, "margin is a number above 0"),
        ({"covariates": ["end_reason"]}, "known when care begins"),
        ({"population": {"colour": "red"}}, "known when care begins"),
        ({"unit": "street"}, "unit"),
        ({"threshold": float("nan")}, "threshold is a number"),
        ({"covariates": ["patient_id"]}, "known when care begins"),
        ({"covariates": ["sex", "sex"]}, "each covariate is named once"),
    ],
)
def test_what_a_plan_cannot_mean_is_refused(fields, said, two_arms):
    with pytest.raises(UsageError, match=said):
        answer(two_arms(), "trial", plan=planned(**fields))


def test_a_covariate_that_the_data_do_not_have_is_refused_and_not_called_allowed_for(two_arms):
    given = answer(two_arms(), "trial", plan=planned(instrument="vas", covariates=["onset_weeks"]))
    assert given.refused
    assert "the plan allows for onset weeks: never recorded here" in given.reason


def test_a_field_that_a_question_does_not_answer_to_is_refused_and_not_passed_over(clinic):
    plan = {"primary": {"question": "pressure", "margin": 1.0}}
    with pytest.raises(UsageError, match="margin is declared for a question that answers to it"):
        answer(clinic(n=60), "how-much", plan=plan)


@pytest.fixture
def two_arms():
    """A trial of 160 patients in eight clinics; those of women improve by two points more."""

    def make(*, by_clinic=False, n=160):
        rng = np.random.default_rng(4)
        ids, clinic = [f"e{i:03d}" for i in range(n)], np.arange(n) % 8
        arm = np.where((clinic if by_clinic else np.arange(n) // 8) % 2, "new", "usual")
        sex = np.where(rng.random(n) < 0.5, "female", "male")
        facts = {"episode_id": ids, "arm": arm, "sex": sex, "clinic_id": [f"k{c}" for c in clinic]}
        level = rng.normal(60, 8, n)
        better = 10.0 * (arm == "new") + 20.0 * (sex == "female") + rng.normal(0, 3, 8)[clinic]
        rows = []
        for week in (0, 4, 8):
            score = level - (week > 0) * better + rng.normal(0, 5, n)
            day = week * 7.0 + (week > 0) * rng.integers(-6, 7, n)
            timing = "follow_up" if week else "baseline"
            rows.append(pd.DataFrame({"episode_id": ids, "day": day, "score": score.clip(0, 100)}))
            rows[-1] = rows[-1].assign(timing=timing, instrument="vas")
        tables = {"episodes": pd.DataFrame(facts), "assessments": pd.concat(rows)}
        control = Provenance(control="usual", randomised=True)
        return study_from_tables(tables, provenance=control)

    return make


def asked_for(study, **fields):
    return answer(study, "trial", plan=planned(**{"instrument": "vas", **fields}))


def test_the_declared_time_is_the_answers(two_arms):
    given = asked_for(two_arms(), weeks=[4, 8], window=1.0, time=4)
    assert "at week 4 on the" in given.sentence
    assert "week 4" in given.estimand
    assert given.table["week"].iloc[0] == 4


def test_a_time_that_one_plan_declares_is_not_the_time_of_what_is_asked_next(two_arms):
    study, plan = two_arms(), {"primary": {"question": "leavers", "time": 4}}
    assert "at week 4" in answer(study, "leavers", plan=plan).sentence
    assert [str(answer(one, "leavers").sentence) for one in (study, two_arms())] == [
        str(answer(two_arms(), "leavers").sentence)
    ] * 2


def test_a_declared_time_without_scores_is_refused(two_arms):
    given = asked_for(two_arms(), time=26)
    assert given.refused
    assert "at week 26, which the plan declares" in given.reason


def test_a_declared_population_is_those_courses_alone_and_is_named(two_arms):
    study = two_arms()
    women = set(study.episodes.loc[study.episodes["sex"] == "female", "episode_id"])
    scores = study.assessments[study.assessments["episode_id"].isin(women)]
    courses = study.episodes[study.episodes["episode_id"].isin(women)]
    alone = replace(study, episodes=courses, assessments=scores)
    given = asked_for(study, population={"sex": "female"})
    assert given.table["estimate"].iloc[0] == answer(alone, "trial").table["estimate"].iloc[0]
    assert given.sentence.endswith("Declared population: sex female.")
    assert "outside the declared population" in given.source.left_out


def test_a_population_misspelled_in_part_is_refused_and_not_made_smaller(two_arms):
    with pytest.raises(UsageError, match="'femal' is a value of sex in the population"):
        asked_for(two_arms(), population={"sex": ["male", "femal"]})


def test_a_declared_covariate_is_allowed_for(two_arms):
    study = two_arms()
    without, with_it = asked_for(study), asked_for(study, covariates=["sex"])
    assert with_it.table["std_error"].iloc[0] < 0.7 * without.table["std_error"].iloc[0]
    assert "allowing for baseline and sex" in with_it.sentence


def test_a_covariate_that_determines_the_arm_is_refused_by_name(two_arms):
    study = two_arms()
    condition = study.episodes["arm"].map({"new": "knee", "usual": "headache"})
    determined = replace(study, episodes=study.episodes.assign(condition=condition))
    given = asked_for(determined, covariates=["sex", "condition"])
    assert given.refused
    assert "allows for condition, from which the arm" in given.reason


def test_a_covariate_that_another_tells_is_no_reason_to_refuse(two_arms):
    study = two_arms()
    twice = replace(study, episodes=study.episodes.assign(condition=study.episodes["sex"]))
    once = asked_for(study, covariates=["sex"])
    both = asked_for(twice, covariates=["sex", "condition"])
    assert both.table["estimate"].to_numpy() == pytest.approx(once.table["estimate"].to_numpy())
    assert both.table["std_error"].iloc[0] == pytest.approx(once.table["std_error"].iloc[0])


@pytest.mark.parametrize(("margin", "said"), [(1.0, "ruled out"), (0.01, "not ruled out")])
def test_a_margin_is_held_against_the_lower_end(two_arms, margin, said):
    study = two_arms()
    arms = {"new": "usual", "usual": "new"} if said == "not ruled out" else {}
    episodes = study.episodes.assign(arm=study.episodes["arm"].replace(arms))
    given = asked_for(replace(study, episodes=episodes), margin=margin)
    assert given.sentence.endswith(f"(the declared margin) or more is {said}.")


def test_clinics_with_one_arm_each_are_compared_only_where_a_plan_says_they_were_allotted(two_arms):
    study = two_arms(by_clinic=True)
    refused, given = asked_for(study, unit="patient"), asked_for(study, unit="clinic")
    assert answer(study, "trial").refused
    assert refused.refused
    assert "each clinic has one arm only" in refused.reason
    assert given.table["kind"].iloc[0] == "constrained, therapists"
    assert given.table["df"].iloc[0] < 8  # eight clinics
    assert "allowing for baseline and clinics" in given.sentence


def test_few_clinics_allotted_are_too_few(two_arms):
    study = two_arms(by_clinic=True)
    episodes = study.episodes.assign(clinic_id=study.episodes["arm"])
    given = asked_for(replace(study, episodes=episodes), unit="clinic")
    assert given.refused
    assert "at least 3 in each arm" in given.reason


def test_the_plan_that_the_documentation_shows_is_one(two_arms):
    page = (Path(__file__).parents[2] / "docs" / "planning.md").read_text("utf-8")
    shown = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])
    assert read_plan(shown).find("trial", "nprs").margin == 1.0
    assert "has a score" in answer(two_arms(), "trial", plan=shown, instrument="nprs").reason


def test_a_plan_is_asked_with_its_own_instrument():
    study, plan = load("data/synthetic"), {"primary": {"question": "how-much", "instrument": "ndi"}}
    asked = answer(study, "how-much", plan=plan)
    assert asked.sentence == answer(study, "how-much", plan=plan, instrument="ndi").sentence
    assert "Neck Disability Index" in asked.sentence
    assert not asked.sentence.startswith("Exploratory")
    other = answer(study, "how-much", plan=plan, instrument="nprs")
    assert other.sentence.startswith("Exploratory")


@pytest.mark.parametrize("ask", [answers, lambda study, plan: answer(study, "how-much", plan=plan)])
def test_an_instrument_of_a_plan_that_nobody_knows_is_refused(clinic, ask):
    with pytest.raises(UsageError, match="short names"):
        ask(clinic(n=20), plan={"primary": {"question": "how-much", "instrument": "nprss"}})
