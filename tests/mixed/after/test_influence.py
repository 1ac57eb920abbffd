"""Influence of groups: against refitting in R, against refitting here, lost coefficients."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import UsageError
from outcomes.mixed.after import diagnostics
from outcomes.mixed.fit import lmm

CASES = [
    "sleepstudy",
    "clinic_episode",
    "clinic_therapist",
    "clinic_crossed_episode",
    "clinic_weights",
    "machines",
]
REFITTED = ["sleepstudy", "clinic_therapist", "clinic_weights", "machines"]


def entry_and_fit(reference_entries, reference_fit, name):
    entry = next(e for e in reference_entries("diagnostics.json") if e["name"] == name)
    weights = "weight" if name == "clinic_weights" else ""
    return entry, reference_fit({**entry, "weights": weights})


def assert_agrees(table, entry, fit, kind):
    p, groups = len(entry["terms"]), entry["groups"]
    assert [str(level) for level in table.level[::p]] == [g["level"] for g in groups]
    assert list(table.n_observations[::p]) == [g["n_observations"] for g in groups]
    estimates = np.array([g[f"estimate_{kind}"] for g in groups])
    errors = np.sqrt(np.diag(fit.estimates.vcov))
    assert_allclose((table.estimate.to_numpy().reshape(-1, p) - estimates) / errors, 0.0, atol=1e-5)
    cook = np.array([g[f"cooks_{kind}"] for g in groups])
    assert_allclose(table.cooks_distance[::p], cook, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("many", [0, 300])
@pytest.mark.parametrize("name", CASES)
def test_variances_held_agree_with_dense_algebra(
    reference_entries, reference_fit, name, many, monkeypatch
):
    monkeypatch.setattr(diagnostics, "MANY_ROWS", many)
    entry, fit = entry_and_fit(reference_entries, reference_fit, name)
    table = fit.influence(entry["group"])
    assert_agrees(table, entry, fit, "held")
    ratios = [g["covratio_held"] for g in entry["groups"]]
    assert_allclose(table.covratio[:: len(entry["terms"])], ratios, rtol=1e-5)


@pytest.mark.parametrize("name", REFITTED)
def test_refits_agree_with_lme4(reference_entries, reference_fit, name):
    entry, fit = entry_and_fit(reference_entries, reference_fit, name)
    assert_agrees(fit.influence(entry["group"], refit=True), entry, fit, "refit")


def test_refitting_is_fitting_the_rest(clinic):
    formula = "improvement ~ condition * session_count + (1 + session_count | episode_id)"
    fit = lmm(formula, clinic)
    found = fit.influence("clinic_id", refit=True)
    for level in ("A", "B"):
        if level not in set(clinic.clinic_id):
            continue
        rest = lmm(formula, clinic[clinic.clinic_id != level])
        assert_allclose(found.estimate[found.level == level], rest.estimates.beta, rtol=1e-5)
    first = sorted(clinic.clinic_id.unique())[0]
    rest = lmm(formula, clinic[clinic.clinic_id != first].reset_index(drop=True))
    assert_allclose(found.estimate[found.level == first], rest.estimates.beta, rtol=1e-5)


def test_dfbetas_are_in_standard_errors(clinic):
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic)
    found = fit.influence("episode_id")
    errors = fit.tidy().set_index("term").std_error
    assert_allclose(found.dfbetas * found.term.map(errors), found.dfbeta)
    assert_allclose(
        found.dfbeta + found.estimate, found.term.map(fit.tidy().set_index("term").estimate)
    )


@pytest.mark.parametrize("refit", [False, True])
def test_a_coefficient_that_goes_with_its_group_is_missing(refit):
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"clinic": np.repeat(list("ABC"), 40), "patient": np.repeat(range(24), 5)})
    data["arm"] = np.where(data.clinic == "C", "new", "old")
    data["score"] = rng.normal(size=120) + rng.normal(size=24)[data.patient]
    found = lmm("score ~ arm + (1 | patient)", data).influence("clinic", refit)
    lost = found.level == "C"
    assert found.estimate.isna().tolist() == lost.tolist()
    assert found.cooks_distance.isna().tolist() == lost.tolist()


def test_an_unknown_group_is_refused(clinic):
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic)
    with pytest.raises(UsageError, match="grouping factor or a column"):
        fit.influence("clinics")
    holes = clinic.assign(room=np.where(clinic.index < 5, None, "r"))
    with pytest.raises(UsageError, match="no value in 5 of the rows"):
        lmm("improvement ~ session_count + (1 | episode_id)", holes).influence("room")


def test_large_groups_that_others_share_need_no_dense_matrix(monkeypatch):
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"patient": np.repeat(range(40), 5), "visit": [*range(5)] * 40})
    data["arm"], data["clinic"] = data["patient"] % 2, data["patient"] // 2 % 5
    data["y"] = rng.normal(size=(40, 5)).cumsum(axis=1).ravel() + 0.1 * data["visit"]
    fit = lmm("y ~ visit + (1 | clinic) + ar1(visit | patient)", data)
    dense = fit.influence("arm")
    monkeypatch.setattr(diagnostics, "MANY_ROWS", 50)
    pd.testing.assert_frame_equal(fit.influence("arm"), dense, rtol=1e-9)
    monkeypatch.setattr(diagnostics, "MANY_ROWS", 30)
    with pytest.raises(UsageError, match=r"must hold whole patients; got parts of them"):
        fit.influence("visit")
