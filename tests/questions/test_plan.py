"""The analysis plan: declared or exploratory, its digest, adjusted p-values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outcomes.errors import UsageError
from outcomes.questions.ask import QUESTIONS, answer, answers
from outcomes.questions.plan import adjusted, read_plan

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
    "content",
    [{}, {"primary": {}}, {"primary": {"question": "trial", "colour": "red"}}, {"aim": 1}],
)
def test_what_is_no_plan_is_refused(content):
    with pytest.raises(UsageError):
        read_plan(content)


def test_a_missing_plan_and_one_that_is_no_toml_are_refused(tmp_path):
    with pytest.raises(UsageError, match="exists"):
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
        made("pressure", "last visit", 0.02),
        made("therapists", "spread", 0.03),
        made("frequency", "equal weeks", 0.01),
        made("trial", "ancova", 0.04),
    )
    found = [a.table["p_adjusted"].iloc[0] for a in adjusted(asked, read_plan(PLAN), "nprs")]
    assert found == pytest.approx([0.03, 0.04, 0.04, 0.02, 0.04])


def test_a_test_of_no_change_relaxes_the_adjustment_of_no_other(clinic):
    given = answer(clinic(n=60), "how-much")

    def made(name, kind, p):
        table = given.table.head(1).assign(kind=kind, p_value=p)
        return replace(given, name=name, table=table, record=QUESTIONS[name])

    asked = (made("how-much", "improvement", 1e-9), made("pressure", "last visit", 0.04),
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
    asked = (made("pressure", "last visit", 0.02), made("therapists", "spread", 0.03))
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
    assert len(names) == len(set(names)) == 10
    roles = {a.name: set(a.table["role"]) - {""} for a in given if "role" in a.table}
    assert roles["pressure"] == {"exploratory"}
    assert "how-much" not in roles
