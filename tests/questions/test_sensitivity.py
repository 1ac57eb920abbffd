"""Sensitivity: what each model must give on balanced data, and what the verdict says."""

from __future__ import annotations

import pandas as pd
import pytest

from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import course_frame
from outcomes.questions.course_model import pooled_model
from outcomes.questions.sensitivity import sensitivity, verdict
from outcomes.study import study_from_tables

pytestmark = pytest.mark.quick(4)


def table(*rows):
    columns = ["term", "estimate", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=columns)


def test_on_complete_data_all_models_give_the_same_mean(clinic):
    study = clinic(n=80)
    found = sensitivity(course_frame(study, "nprs"), pooled_model(study, "nprs"))
    assert {"one level a course", "adjusted for baseline"} <= set(found["term"])
    assert found["estimate"].max() - found["estimate"].min() < 1e-3


def test_errors_are_robust_to_patients_who_come_again(clinic):
    """Two courses a patient that are the same twice: half as many clusters, errors as of half."""
    once = clinic(n=40)
    twice = {
        name: pd.concat([table, table.assign(episode_id="again " + table["episode_id"])])
        for name, table in (
            ("episodes", once.episodes.assign(patient_id=once.episodes["episode_id"])),
            ("sessions", once.sessions),
            ("assessments", once.assessments),
        )
    }
    study = study_from_tables(twice)
    rows = [
        sensitivity(course_frame(own, "nprs"), pooled_model(own, "nprs")).set_index("term")
        for own in (once, study)
    ]
    alone = rows[0].loc["errors robust to courses (CR2)"]
    again = rows[1].loc["errors robust to patients (CR2)"]
    assert again["std_error"] == pytest.approx(alone["std_error"], rel=1e-4)
    assert again["df"] == pytest.approx(alone["df"], rel=1e-4)


def test_each_clinic_is_left_out_once(clinic):
    study = clinic(n=60)
    study.episodes["clinic_id"] = ["c1", "c2", "c3"] * 20
    found = sensitivity(course_frame(study, "nprs"), pooled_model(study, "nprs"))
    left = found[found["term"].str.startswith("without clinic")]
    assert left["n_episodes"].tolist() == [40, 40, 40]


@pytest.mark.parametrize(
    ("row", "passed"),
    [
        (("a", 1.5, 1.1, 1.9), True),
        (("a", 2.5, 2.1, 2.9), False),
        (("a", 1.1, -0.1, 2.3), False),
    ],
)
def test_the_verdict_looks_at_the_estimate_and_at_zero(row, passed):
    check = verdict(table(row), 1.0, 2.0)
    assert check.passed == passed
    assert ("differs: a" in check.detail) != passed


def test_no_other_model_is_no_agreement():
    assert not verdict(pd.DataFrame(), 1.0, 2.0).passed


def test_how_much_carries_its_sensitivity(clinic):
    answer = undisclosed(clinic(n=60), "how-much", instrument="nprs")
    assert (answer.table["kind"] == "sensitivity").sum() >= 3
    assert any(c.name == "other models would say the same" for c in answer.checks)
