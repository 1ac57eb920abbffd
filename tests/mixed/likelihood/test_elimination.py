"""The likelihood against plain matrices, its derivatives against differences, its ways against one
another."""

import numpy as np
import pandas as pd
import pytest

import outcomes.mixed.likelihood.patterns as chunks
from outcomes.mixed.covariance import factors_of
from outcomes.mixed.likelihood.by_elimination import ByElimination
from outcomes.mixed.likelihood.cross_products import elimination_order
from outcomes.mixed.likelihood.working import Working, _from_rows, make_working
from outcomes.mixed.reading.design import build_design
from outcomes.mixed.reading.formula import parse_formula

FORMULAS = {
    "intercept": "y ~ x * arm + base + (1 | id)",
    "slope": "y ~ x * arm + base + (1 + x | id)",
    "uncorrelated": "y ~ x + (x || id)",
    "three": "y ~ x + day + (1 + x + day | id)",
    "nested": "y ~ x * arm + base + (1 + x | id) + (1 | care)",
    "nested slopes": "y ~ x * arm + (1 + x | id) + (1 + x | care)",
    "three levels": "y ~ x + (1 + x | id) + (1 | care) + (1 | site)",
    "crossed": "y ~ x + arm + (1 | id) + (1 | rater)",
    "crossed slopes": "y ~ x + (1 + x | id) + (1 + x | rater)",
    "two crossed": "y ~ x + (1 | id) + (1 | rater) + (1 | room)",
    "nested and crossed": "y ~ x + (1 + x | id) + (1 | care) + (1 | rater)",
    "three levels and crossed": "y ~ x + (1 + x | id) + (1 | care) + (1 | site) + (1 | rater)",
}
EACH = pytest.mark.parametrize("name", FORMULAS)
BOTH = pytest.mark.parametrize("reml", [True, False])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    people, visits = 36, 5
    person = np.repeat(np.arange(people), visits)
    n = len(person)
    frame = pd.DataFrame(
        {
            "id": person,
            "x": np.tile(np.arange(visits, dtype=float), people),
            "day": np.tile(np.arange(visits), people) * 7.0 + rng.integers(0, 4, n),
            "arm": np.where(person % 3 == 0, "care", "wait"),
            "base": rng.normal(6, 1, people)[person],
            "care": person // 6,
            "site": person // 18,
            "rater": rng.integers(0, 7, n),
            "room": rng.integers(0, 4, n),
            "w": rng.uniform(0.5, 2, n),
        }
    )
    frame["y"] = (
        2 + 0.3 * frame.x + rng.normal(size=people)[person] + rng.normal(size=7)[frame.rater]
    ) + rng.normal(size=n)
    return frame.drop(index=[3, 50, 51, 100]).sample(frac=1, random_state=5).reset_index(drop=True)


def dense_deviance(design, theta, reml):
    """Minus twice the log-likelihood from V itself, profiled over sigma and beta."""
    w = np.ones(design.n) if design.weights is None else design.weights
    V = np.diag(1.0 / w)
    blocks = [factor.covariance for factor in design.factors]
    for factor, lam in zip(design.factors, factors_of(theta, blocks), strict=True):
        same = factor.codes[:, None] == factor.codes
        V += same * (factor.Z @ lam @ lam.T @ factor.Z.T)
    X, y = design.fixed.matrix, design.response
    inverse = np.linalg.inv(V)
    F = X.T @ inverse @ X
    beta = np.linalg.solve(F, X.T @ inverse @ y)
    rss = (y - X @ beta) @ inverse @ (y - X @ beta)
    df = design.n - X.shape[1] * reml
    value = np.linalg.slogdet(V)[1] + df * (1 + np.log(2 * np.pi * rss / df))
    return value + np.linalg.slogdet(F)[1] * reml


def prepared(design, reml, working=None):
    return ByElimination(design, working or make_working(design), reml)


def some_theta(likelihood, seed=0):
    """A theta of the model, away from zero."""
    rng = np.random.default_rng(seed)
    diagonal = likelihood.is_diagonal
    theta = np.where(
        diagonal, rng.uniform(0.3, 1.2, len(diagonal)), rng.normal(0, 0.3, len(diagonal))
    )
    return likelihood.at(theta).estimates().theta


def in_working_basis(likelihood, theta):
    blocks, parts = likelihood.blocks, []
    for block, T, lam in zip(
        blocks, likelihood.working.transforms, factors_of(theta, blocks), strict=True
    ):
        half = T @ lam
        parts.append(block.theta(half @ half.T))
    return np.concatenate(parts)


@EACH
@BOTH
@pytest.mark.parametrize("weights", [None, "w"])
def test_deviance_is_that_of_plain_matrices(data, name, reml, weights):
    design = build_design(parse_formula(FORMULAS[name]), data, weights)
    likelihood = prepared(design, reml)
    theta = some_theta(likelihood)
    found = likelihood.at(in_working_basis(likelihood, theta)).estimates().loglik
    expected = dense_deviance(design, theta, reml)
    np.testing.assert_allclose(-2 * found, expected, rtol=1e-11)


@EACH
@BOTH
def test_gradient_and_hessian_are_those_of_differences(data, name, reml):
    likelihood = prepared(build_design(parse_formula(FORMULAS[name]), data), reml)
    theta = in_working_basis(likelihood, some_theta(likelihood))
    at = likelihood.at(theta)
    step = 1e-5
    moved = [
        [likelihood.at(theta + sign * step * unit) for sign in (1, -1)]
        for unit in np.eye(len(theta))
    ]
    gradient = [(up.value - down.value) / (2 * step) for up, down in moved]
    hessian = [(up.gradient - down.gradient) / (2 * step) for up, down in moved]
    size = np.abs(at.gradient).max()
    np.testing.assert_allclose(at.gradient, gradient, atol=1e-6 * size)
    found = at.curvature().searched
    np.testing.assert_allclose(found, hessian, atol=1e-6 * np.abs(hessian).max())


@EACH
def test_every_way_to_the_cross_products_gives_one_likelihood(data, name, monkeypatch):
    monkeypatch.setattr(chunks, "CACHED", 60)
    repeated = pd.concat(
        [data.assign(id=data.id + 36 * k, care=data.care + 6 * k) for k in range(8)]
    ).sample(frac=1, random_state=1)
    repeated["y"] += np.random.default_rng(2).normal(size=len(repeated))
    design = build_design(parse_formula(FORMULAS[name]), repeated)
    order = elimination_order(
        [f.codes for f in design.factors], [f.n_levels for f in design.factors]
    )
    quick, plain = make_working(design), make_working(design, patterns=False)
    basis, transforms, products = _from_rows(design, order)
    rows = Working(basis, tuple(transforms), products)
    theta = some_theta(prepared(design, True, quick))
    found = []
    for working in (quick, plain, rows):
        likelihood = prepared(design, True, working)
        at = likelihood.at(in_working_basis(likelihood, theta))
        found.append((at.estimates().loglik, at, at.curvature()))
    for value, at, second in found[:2]:
        np.testing.assert_allclose(value, found[2][0], rtol=1e-12)
        np.testing.assert_allclose(at.gradient, found[2][1].gradient, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(at.metric, found[2][1].metric, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(second.hessian, found[2][2].hessian, rtol=1e-8, atol=1e-7)
    if "crossed" not in name and "day" not in FORMULAS[name]:
        assert quick.products.stages[0].moments is not None or len(quick.products.stages) > len(
            plain.products.stages
        )
