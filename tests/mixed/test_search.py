"""The search ends at the optimum, says so, and handles the boundary."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.mixed.record import fit_design, refit
from outcomes.mixed.search import descend


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(31)
    person = np.repeat(np.arange(40), 6)
    frame = pd.DataFrame({"id": person, "x": np.tile(np.arange(6.0), 40), "care": person // 8})
    frame["y"] = 1 + 0.2 * frame.x + rng.normal(size=240)
    frame["level"] = frame.y + 1.5 * rng.normal(size=40)[person]
    frame["slope"] = frame.level + 0.5 * rng.normal(size=40)[person] * frame.x
    return frame


def test_the_record_of_an_ordinary_fit(data):
    optimum = oc.lmm("slope ~ x + (1 + x | id)", data).optimum
    assert optimum.converged
    assert optimum.status == "converged"
    assert optimum.gradient_norm < 1e-6
    assert (optimum.hessian_eigenvalues > 1).all()
    assert optimum.start.shape == optimum.end.shape == (3,)
    assert 5 < optimum.evaluations < 40


@pytest.mark.parametrize(
    "formula", ["slope ~ x + (1 + x | id)", "level ~ x + (1 | id) + (1 | care)"]
)
def test_no_start_leads_elsewhere(data, formula):
    fit = oc.lmm(formula, data)
    rng = np.random.default_rng(0)
    for _ in range(6):
        start = rng.uniform(-2, 2, len(fit.estimates.theta))
        again = fit_design(fit.design, fit.request, start)
        np.testing.assert_allclose(again.loglik, fit.loglik, rtol=1e-11)
        np.testing.assert_allclose(again.estimates.theta, fit.estimates.theta, rtol=1e-5, atol=1e-5)


def test_the_saddle_at_zero_is_left(data):
    fit = oc.lmm("slope ~ x + (1 + x | id)", data)
    at_zero = fit.likelihood.at(np.zeros(3))
    assert np.abs(at_zero.gradient).max() < 1e-10
    again = fit_design(fit.design, fit.request, np.zeros(3))
    np.testing.assert_allclose(again.loglik, fit.loglik, rtol=1e-11)


def test_the_start_is_near_the_optimum(data):
    fit = oc.lmm("slope ~ x + (1 + x | id)", data)
    start = fit.likelihood.at(fit.likelihood.start()).estimates()
    np.testing.assert_allclose(start.theta, fit.estimates.theta, atol=0.25)


@pytest.mark.parametrize("rows", [1e3, 1e6, 1e9])
def test_the_way_to_the_optimum_does_not_grow_with_the_rows(rows):
    """A deviance that is a sum over rows, and a metric that knows nothing of a correlation."""
    best, curved = np.array([1.0, 0.3]), np.array([[1.0, 0.9], [0.9, 1.0]])

    def at(theta):
        away = theta - best
        value = float(away @ curved @ away / 2 + (away**4).sum())
        slopes = curved @ away + 4 * away**3
        metric = rows * 0.55 * np.eye(2)
        return SimpleNamespace(theta=theta, value=rows * value, gradient=rows * slopes,
                               metric=metric, is_exact=False)  # fmt: skip

    point, evaluations, more = descend(SimpleNamespace(at=at), at(np.zeros(2)), 1e-9)
    assert not more
    assert evaluations <= 15
    np.testing.assert_allclose(point.theta, best, atol=1e-5)


def test_a_correlation_that_fades_at_once_is_not_crept_up_to():
    """Independent residuals lie at the far end of a flat ridge: 171 evaluations once led there."""
    rng = np.random.default_rng(6)
    rows = pd.DataFrame({"id": np.repeat(range(60), 8), "day": np.tile(7 * np.arange(8.0), 60)})
    rows["day"] += rng.integers(-2, 3, 480)
    level, slope = rng.normal(5, 1, 60), rng.normal(-0.02, 0.02, 60)
    rows["y"] = level[rows["id"]] + slope[rows["id"]] * rows["day"] + rng.normal(0, 0.8, 480)
    independent = oc.lmm("y ~ day + (1 + day | id)", rows)
    fading = oc.lmm("y ~ day + (1 + day | id) + ou(day | id)", rows)
    assert fading.loglik == pytest.approx(independent.loglik, abs=1e-6)
    assert fading.optimum.evaluations < 40


def test_a_variance_of_zero(data):
    residual = data.assign(y=data.y - data.groupby("id")["y"].transform("mean") * 0.9)
    with pytest.warns(oc.SingularFitWarning, match=r"\(1 \| id\)"):
        fit = oc.lmm("y ~ x + (1 | id)", residual)
    assert fit.is_singular
    assert fit.glance()["is_singular"].item()
    components = fit.variance_components().set_index("group")["variance"]
    assert components["id"] < 1e-8 * components["residual"]
    slope, intercept = np.polyfit(residual.x, residual.y, 1)
    np.testing.assert_allclose(fit.estimates.beta, [intercept, slope], rtol=1e-9)
    np.testing.assert_allclose(fit.tidy()["df"], len(data) - 2, rtol=1e-4)


def test_a_variance_of_zero_beside_one_that_is_not(data):
    with pytest.warns(oc.SingularFitWarning, match=r"in \(1 \| care\)"):
        fit = oc.lmm("level ~ x + (1 | id) + (1 | care)", data.assign(care=data.id % 5))
    plain = oc.lmm("level ~ x + (1 | id)", data)
    np.testing.assert_allclose(fit.loglik, plain.loglik, rtol=1e-10)
    np.testing.assert_allclose(fit.tidy()["std_error"], plain.tidy()["std_error"], rtol=1e-6)
    np.testing.assert_allclose(fit.tidy()["df"], plain.tidy()["df"], rtol=1e-3)


def test_a_correlation_of_one(data):
    rng = np.random.default_rng(5)
    shared = rng.normal(size=40)[data.id]
    basis = np.column_stack([np.ones(6), np.arange(6.0)])
    hat = basis @ np.linalg.pinv(basis)
    noise = rng.normal(size=(40, 6))
    flat = (noise - 0.8 * noise @ hat).ravel()
    with pytest.warns(oc.SingularFitWarning):
        fit = oc.lmm("y ~ x + (1 + x | id)", data.assign(y=flat + shared * (2 + 0.7 * data.x)))
    table = fit.variance_components()
    assert table.loc[table.term_2 != "", "sd_or_corr"].abs().item() > 0.99
    assert np.isfinite(fit.tidy().to_numpy()[:, 1:].astype(float)).all()


def test_a_tiny_variance_is_not_lost():
    """A relative standard deviation of 0.05 with enough rows to see it."""
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(400), 200)
    y = rng.normal(size=len(person)) + 0.05 * rng.normal(size=400)[person]
    fit = oc.lmm("y ~ 1 + (1 | id)", pd.DataFrame({"id": person, "y": y}))
    assert fit.optimum.converged
    assert 0.02 < fit.estimates.theta.item() < 0.08


def test_refit_to_another_response_is_a_fit_from_scratch(data):
    fit = oc.lmm("level ~ x + (1 + x | id)", data)
    again = refit(fit, data.slope.to_numpy())
    scratch = oc.lmm("slope ~ x + (1 + x | id)", data)
    np.testing.assert_allclose(again.loglik, scratch.loglik, rtol=1e-11)
    np.testing.assert_allclose(again.estimates.theta, scratch.estimates.theta, rtol=1e-5)


def test_the_repr_is_one_line_without_data(data):
    text = repr(oc.lmm("level ~ x + (1 | id)", data))
    assert text.startswith("<MixedFit level ~ x + (1 | id): 240 rows, id 40; REML, sigma ")
    assert "\n" not in text
