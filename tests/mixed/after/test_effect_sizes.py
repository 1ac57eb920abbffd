"""Shares of variance: performance's numbers, closed forms, intervals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.mixed.fit import lmm

CASES = [
    "rail",
    "sleepstudy_intercept",
    "sleepstudy",
    "sleepstudy_ml",
    "clinic_two",
    "penicillin",
    "therapist_zero",
    "nested",
]


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_r(reference_entries, reference_fit, name):
    entry = next(e for e in reference_entries("effect_sizes.json") if e["name"] == name)
    fit = reference_fit(entry, reml=entry["reml"])
    found = fit.icc().set_index(["group", "kind"])["estimate"]
    assert_allclose(found["all", "adjusted"], entry["icc_adjusted"], atol=1e-6)
    assert_allclose(found["all", "unadjusted"], entry["icc_unadjusted"], atol=1e-6)
    r2 = fit.r2().set_index("kind")["estimate"]
    assert_allclose(r2["marginal"], entry["r2_marginal"], atol=1e-6)
    assert_allclose(r2["conditional"], entry["r2_conditional"], atol=1e-6)


def balanced(seed, patients=25, scores=4):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"patient": np.repeat(range(patients), scores)})
    data["score"] = rng.normal(size=patients)[data.patient] + rng.normal(size=len(data))
    return data


def test_the_delta_interval_has_the_classical_standard_error():
    """One-way layout: 2 (1 - r)^2 (1 + (k - 1) r)^2 / k^2 (1 / (n - 1) + 1 / (n (k - 1)))."""
    data = balanced(3)
    row = lmm("score ~ 1 + (1 | patient)", data).icc().iloc[0]
    r, k, n = row["estimate"], 4, 25
    parts = 1.0 / (n - 1) + 1.0 / (n * (k - 1))
    variance = 2.0 * (1 - r) ** 2 * (1 + (k - 1) * r) ** 2 / k**2 * parts
    assert_allclose(row["std_error"], np.sqrt(variance), rtol=1e-4)
    assert row["conf_low"] < r < row["conf_high"]


def test_a_share_of_zero_has_no_delta_interval_but_a_bootstrap_one(
    reference_entries, reference_fit
):
    entry = next(e for e in reference_entries("effect_sizes.json") if e["name"] == "therapist_zero")
    fit = reference_fit(entry)
    row = fit.icc().set_index(["group", "kind"]).loc[("therapist_id", "adjusted")]
    assert row["estimate"] == pytest.approx(0.0, abs=1e-8)
    assert np.isnan(row["conf_low"])
    draws = fit.bootstrap(30, seed=1)
    row = fit.icc(draws).set_index(["group", "kind"]).loc[("therapist_id", "adjusted")]
    assert row["interval"] == "bootstrap"
    assert row["conf_low"] == pytest.approx(0.0, abs=1e-8)
    assert row["conf_high"] > 0.0


def test_bootstrap_and_delta_intervals_are_alike_with_many_patients():
    fit = lmm("score ~ 1 + (1 | patient)", balanced(4, patients=150))
    delta, draws = fit.icc().iloc[0], fit.icc(fit.bootstrap(200, seed=2)).iloc[0]
    width = delta["conf_high"] - delta["conf_low"]
    for column in ("conf_low", "conf_high"):
        assert abs(delta[column] - draws[column]) < 0.25 * width
    assert_allclose(draws["std_error"], delta["std_error"], rtol=0.2)


def test_shares_do_not_depend_on_units(clinic):
    fit = lmm("improvement ~ session_count + (1 + session_count | episode_id)", clinic)
    moved = clinic.assign(
        improvement=clinic.improvement * 10, session_count=clinic.session_count / 7
    )
    again = lmm("improvement ~ session_count + (1 + session_count | episode_id)", moved)
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    assert_allclose(fit.icc()[columns], again.icc()[columns], rtol=1e-4)
    assert_allclose(fit.r2()[columns], again.r2()[columns], rtol=1e-4)


def test_columns_that_nearly_determine_each_other_span_the_same_shares():
    """The columns x, z and x, 2 x + 1e-7 z span one space: the same fit, the same shares."""
    data = balanced(4)
    rng = np.random.default_rng(5)
    data["x"], data["z"] = rng.integers(20, 110, len(data)), rng.normal(size=len(data))
    data["score"] += 0.01 * data["x"] + data["z"]
    data["near"] = 2.0 * data["x"] + 1e-7 * data["z"]
    plain, near = (lmm(f"score ~ x + {c} + (1 | patient)", data).r2() for c in ("z", "near"))
    assert_allclose(near["estimate"], plain["estimate"], rtol=1e-5)
