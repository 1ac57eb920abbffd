"""Residuals, leverages and normal quantiles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from outcomes.errors import UsageError
from outcomes.mixed.fit import lmm

CASES = ["sleepstudy", "clinic_episode", "clinic_therapist", "clinic_weights", "machines"]
CROSSED = (
    "improvement ~ arm * session_count + (1 + session_count | episode_id) + (1 | therapist_id)"
)


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_lme4(reference_entries, reference_fit, name):
    entry = next(e for e in reference_entries("diagnostics.json") if e["name"] == name)
    weights = "weight" if name == "clinic_weights" else ""
    found = (
        reference_fit({**entry, "weights": weights}).residuals().iloc[np.array(entry["rows"]) - 1]
    )
    sd = np.std(entry["residual"])
    for column in ("residual", "residual_pearson", "residual_standardised", "marginal_residual"):
        assert_allclose(found[column], entry[column], atol=1e-5 * sd, rtol=1e-5)
    assert_allclose(found["leverage"], entry["leverage"], rtol=1e-4)


def dense_hat(fit):
    """Return the matrix from scores to fitted values by plain matrices."""
    n = fit.n_observations
    V = np.eye(n) * fit.estimates.sigma**2
    ZG = np.zeros((n, n))
    for factor, S in zip(fit.design.factors, fit.estimates.covariances, strict=True):
        same = factor.codes[:, None] == factor.codes
        ZG += same * (factor.Z @ S @ factor.Z.T)
    inverse = np.linalg.inv(V + ZG)
    beta = np.linalg.solve(fit.X.T @ inverse @ fit.X, fit.X.T @ inverse)
    return fit.X @ beta + ZG @ inverse @ (np.eye(n) - fit.X @ beta)


@pytest.mark.parametrize(
    "formula", [CROSSED, "improvement ~ arm + (1 + session_count | episode_id)"]
)
def test_leverages_by_dense_algebra(clinic, formula):
    fit = lmm(formula, clinic)
    hat = dense_hat(fit)
    assert_allclose(fit.residuals()["leverage"], np.diag(hat), rtol=1e-7)
    assert_allclose(fit.residuals()["fitted"], hat @ fit.y, rtol=1e-7, atol=1e-7)


def test_normal_quantiles_of_residuals(clinic):
    fit = lmm(CROSSED, clinic)
    found = fit.normal_quantiles()
    n = fit.n_observations
    assert_allclose(found["normal_quantile"], norm.ppf((np.arange(n) + 0.5) / n))
    assert found["value"].is_monotonic_increasing
    assert_allclose(np.sort(fit.residuals()["residual_pearson"]), found["value"])


def test_normal_quantiles_of_random_effects(clinic):
    fit = lmm(CROSSED, clinic)
    found = fit.normal_quantiles("episode_id")
    assert set(found["term"]) == {"Intercept", "session_count"}
    assert found.groupby("term")["value"].std().between(0.8, 1.2).all()
    assert set(found["level"]) == set(clinic.episode_id)
    with pytest.raises(UsageError, match="grouping factor"):
        fit.normal_quantiles("clinic")


def test_a_zero_variance_has_no_scaled_effects(reference_entries, reference_fit):
    entry = next(e for e in reference_entries("prediction.json") if e["name"] == "therapist_zero")
    assert reference_fit(entry).normal_quantiles("therapist_id")["value"].isna().all()
