"""Sensitivity: what each model must give on balanced data, and what the verdict says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import course_frame
from outcomes.questions.course_model import pooled_model
from outcomes.questions.sensitivity import sensitivity, verdict
from outcomes.study import study_from_tables

pytestmark = pytest.mark.quick(4)
ADJUSTED = "adjusted for baseline, of all who started"


def table(*rows):
    columns = ["term", "estimate", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=columns)


def test_on_complete_data_all_models_give_the_same_mean(clinic):
    study = clinic(n=80)
    scores = study.assessments
    start = scores.loc[scores["session"] == 1, "score"].mean()
    found = sensitivity(course_frame(study, "nprs"), pooled_model(study, "nprs"), start)
    assert {"one level for each course", ADJUSTED} <= set(found["term"])
    assert found["estimate"].max() - found["estimate"].min() < 1e-3


def test_who_leaves_for_the_score_of_the_first_visit_is_like_others_of_that_score():
    """Half of what is bad passes, and whoever has less than 4 never comes again: half of 4.5."""
    baseline = np.repeat(np.arange(1.0, 9.0), 6)
    ids = [f"e{i}" for i in range(48)]
    first = pd.DataFrame({"episode_id": ids, "session": 1, "day": 0, "score": baseline})
    error = np.tile([0.5, -0.5, 0.25, -0.25, 0.0, 0.0], 8)
    later = [
        first.assign(session=k, day=7 * k, score=baseline / 2 + error * sign)[baseline >= 4]
        for k, sign in ((2, 1), (3, -1), (4, 1))
    ]
    scores = pd.concat([first, *later]).assign(timing="pre_session", instrument="nprs")
    answer = undisclosed(study_from_tables({"assessments": scores}), "how-much")
    own = answer.table.set_index("term")["estimate"]
    assert own[ADJUSTED] == pytest.approx(2.25)
    assert own.iloc[0] == pytest.approx(3.0)  # of those who came
    assert not next(c for c in answer.checks if "other models" in c.name).passed


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
        sensitivity(course_frame(own, "nprs"), pooled_model(own, "nprs"), 6.0).set_index("term")
        for own in (once, study)
    ]
    alone = rows[0].loc["errors robust to courses (CR2)"]
    again = rows[1].loc["errors robust to patients (CR2)"]
    assert again["std_error"] == pytest.approx(alone["std_error"], rel=1e-4)
    assert again["df"] == pytest.approx(alone["df"], rel=1e-4)


def test_each_clinic_is_left_out_once(clinic):
    study = clinic(n=60)
    study.episodes["clinic_id"] = ["c1", "c2", "c3"] * 20
    found = sensitivity(course_frame(study, "nprs"), pooled_model(study, "nprs"), 6.0)
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
    assert ("another result from: a" in check.detail) != passed


def test_the_mean_of_a_clinic_of_few_is_not_told_by_the_check():
    """Without clinic 1 there are the 8 courses of clinic 2: their mean is theirs."""
    rows = table(("a", 1.5, 1.1, 1.9), ("without clinic 1", 2.71, 2.1, 2.9))
    check = verdict(rows.assign(n_episodes=[27, 8], n_clinic=[np.nan, 19]), 1.0, 2.0)
    assert check.detail == "1 model, estimate 1.50"
    assert check.passed  # a page that shows one model alone does not say that another differs


def test_no_other_model_is_no_agreement():
    assert not verdict(pd.DataFrame(), 1.0, 2.0).passed
    few = table(("without clinic 1", 1.5, 1.1, 1.9)).assign(n_episodes=8, n_clinic=19)
    assert not verdict(few, 1.0, 2.0).passed


def test_how_much_carries_its_sensitivity(clinic):
    answer = undisclosed(clinic(n=60), "how-much", instrument="nprs")
    assert (answer.table["kind"] == "sensitivity").sum() >= 3
    assert any(c.name == "other models would say the same" for c in answer.checks)
