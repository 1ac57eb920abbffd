"""Closed forms, dense generalised least squares, and other paths to the same fit."""

import numpy as np
import pandas as pd
import pytest

from outcomes.mixed.fit import lmm
from outcomes.mixed.likelihood.by_visit.deviance import solve

BY_VISIT = "outcomes.mixed.likelihood.by_visit"
ALL = {
    "us": "us(visit | episode_id)",
    "us by arm": "us(visit | arm / episode_id)",
    "cs": "cs(visit | episode_id)",
    "csh": "csh(visit | episode_id)",
    "ar1": "ar1(visit | episode_id)",
    "ar1h": "ar1h(visit | episode_id)",
    "id": "id(visit | episode_id)",
    "idh by arm": "idh(visit | arm / episode_id)",
    "ou": "ou(day | episode_id)",
    "ou, level": "ou(day | episode_id) + (1 | episode_id)",
    "ou, no gap twice": "ou(hour | episode_id) + (1 | episode_id)",
    "ar1, slope": "ar1(visit | episode_id) + (1 + visit | episode_id)",
    "ou, crossed": "ou(day | episode_id) + (1 | episode_id) + (1 + visit | helper)",
    "us, crossed": "us(visit | episode_id) + (1 | helper)",
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    n, visits = 36, 4
    level = rng.normal(size=(n, 1)) + np.cumsum(rng.normal(size=(n, visits)), axis=1)
    frame = pd.DataFrame(
        {
            "episode_id": np.repeat(np.arange(n), visits),
            "visit": np.tile(np.arange(1, visits + 1), n),
            "arm": np.repeat(np.where(np.arange(n) % 2, "massage", "usual"), visits),
            "helper": rng.integers(0, 4, n * visits),
            "score": level.ravel(),
        }
    )
    frame["day"] = 7 * frame["visit"] + rng.integers(-2, 3, len(frame))
    frame["hour"] = frame["day"] + np.random.default_rng(3).random(len(frame)) / 2
    frame["score"] += 0.7 * frame["helper"]
    return frame[rng.random(len(frame)) > 0.1].reset_index(drop=True)


@pytest.mark.filterwarnings("ignore::outcomes.errors.OutcomesWarning")
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("term", ALL.values(), ids=ALL)
def test_derivatives_are_exact(term, reml, data):
    fit = lmm(f"score ~ visit * arm + {term}", data, reml=reml)
    model = fit.likelihood
    theta = fit.optimum.start + 0.1 * np.cos(np.arange(model.n_parameters))
    found = solve(model, theta).derivatives
    step = 1e-5
    sides = [
        [solve(model, theta + sign * step * unit) for sign in (1, -1)]
        for unit in np.eye(len(theta))
    ]
    gradient = [(up.value - down.value) / (2 * step) for up, down in sides]
    hessian = [
        (up.derivatives.gradient - down.derivatives.gradient) / (2 * step) for up, down in sides
    ]
    np.testing.assert_allclose(found.gradient, gradient, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.hessian, hessian, rtol=1e-6, atol=1e-5)


def dense_gls(fit, V):
    """Return the REML log-likelihood, coefficients and covariance by dense algebra."""
    X, y = fit.X, fit.y
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    beta = np.linalg.solve(information, X.T @ inverse @ y)
    residual = y - X @ beta
    degrees = len(y) - X.shape[1]
    value = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    value += residual @ inverse @ residual + degrees * np.log(2 * np.pi)
    return -value / 2, beta, np.linalg.inv(information)


def ou_covariance(rows, components):
    own = components[components["group"] == "residual"].set_index("term_2")["variance"]
    variance, correlation = own.iloc[0], own.iloc[1] / own.iloc[0]
    gaps = np.abs(np.subtract.outer(rows["day"].to_numpy(), rows["day"].to_numpy()))
    same = np.equal.outer(rows["episode_id"].to_numpy(), rows["episode_id"].to_numpy())
    return same * variance * correlation**gaps


@pytest.mark.filterwarnings("ignore::outcomes.errors.SingularFitWarning")
def test_dense_generalised_least_squares(data):
    fit = lmm(f"score ~ visit * arm + {ALL['ou, crossed']}", data)
    rows, components = fit.design.frame.data, fit.variance_components()
    V = ou_covariance(rows, components)
    for factor, covariance in zip(fit.design.factors, fit.estimates.covariances, strict=True):
        same = np.equal.outer(factor.codes, factor.codes)
        V = V + same * (factor.Z @ covariance @ factor.Z.T)
    loglik, beta, vcov = dense_gls(fit, V)
    assert fit.loglik == pytest.approx(loglik, abs=1e-9)
    np.testing.assert_allclose(fit.estimates.beta, beta, rtol=1e-8)
    np.testing.assert_allclose(fit.estimates.vcov, vcov, rtol=1e-8)


def test_weights_divide_the_residual_variance(data):
    weights = np.where(np.arange(len(data)) % 3, 1.0, 2.5)
    fit = lmm("score ~ visit + ou(day | episode_id)", data, weights=weights)
    root = np.sqrt(weights)
    V = ou_covariance(data, fit.variance_components()) / np.outer(root, root)
    loglik, beta, _ = dense_gls(fit, V)
    assert fit.loglik == pytest.approx(loglik, abs=1e-9)
    np.testing.assert_allclose(fit.estimates.beta, beta, rtol=1e-8)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_independent_residuals_are_the_ordinary_mixed_model(data, df):
    random = (
        "(1 + visit | episode_id) + (1 | helper)" if df == "satterthwaite" else "(1 | episode_id)"
    )
    plain = lmm(f"score ~ visit * arm + {random}", data, df=df)
    other = lmm(f"score ~ visit * arm + {random} + id(visit | episode_id)", data, df=df)
    assert other.loglik == pytest.approx(plain.loglik, abs=1e-8)
    pd.testing.assert_frame_equal(other.tidy(), plain.tidy(), rtol=1e-5)
    pd.testing.assert_frame_equal(other.anova(), plain.anova(), rtol=1e-5)
    for own, wanted in zip(other.estimates.covariances, plain.estimates.covariances, strict=True):
        np.testing.assert_allclose(own, wanted, rtol=1e-4)
    pd.testing.assert_frame_equal(other.glance(), plain.glance(), rtol=1e-6)


def test_compound_symmetry_is_a_random_intercept(courses):
    data = courses(level=1.0, missing=0.0, rho=0.0)
    plain = lmm("score ~ arm * C(visit) + (1 | episode_id)", data)
    other = lmm("score ~ arm * C(visit) + cs(visit | episode_id)", data)
    assert other.loglik == pytest.approx(plain.loglik, abs=1e-9)
    pd.testing.assert_frame_equal(other.tidy(), plain.tidy(), rtol=1e-6)


def test_balanced_unstructured_is_the_sample_covariance(courses):
    data = courses(n=30, visits=4, missing=0.0)
    fit = lmm("score ~ C(visit) + us(visit | episode_id)", data)
    wide = data.pivot_table("score", "episode_id", "visit")
    rows = fit.variance_components()
    variances = rows.loc[rows["term_2"] == "", "variance"]
    np.testing.assert_allclose(variances, wide.var(ddof=1), rtol=1e-7)
    correlations = rows.loc[rows["term_2"] != "", "sd_or_corr"]
    np.testing.assert_allclose(
        correlations, wide.corr().to_numpy()[np.triu_indices(4, 1)], rtol=1e-6
    )
    last = fit.test({"C(visit)[T.4]": 1.0}).iloc[0]
    change = wide[4] - wide[1]
    assert last["std_error"] == pytest.approx(change.std(ddof=1) / np.sqrt(30), rel=1e-7)
    assert last["df"] == pytest.approx(29.0, rel=1e-5)


def test_two_visits_allow_a_t_test_with_unequal_variances(courses):
    data = courses(n=40, visits=2, missing=0.0)
    data = data[data["visit"] == 2]
    fit = lmm("score ~ arm + id(visit | arm / episode_id)", data)
    groups = data.groupby("arm")["score"]
    share = groups.var() / groups.size()
    welch = share.sum() ** 2 / (share**2 / (groups.size() - 1)).sum()
    row = fit.tidy().iloc[1]
    assert row["std_error"] == pytest.approx(np.sqrt(share.sum()), rel=1e-7)
    assert row["df"] == pytest.approx(welch, rel=1e-5)
    assert fit.variance_components()["group"].tolist() == ["residual massage", "residual usual"]


def test_many_patients_of_one_pattern_are_replaced_without_loss(courses):
    data = courses(n=150, missing=0.2)
    fit = lmm("score ~ arm * visit + us(visit | episode_id)", data)
    strata = fit.likelihood.strata
    batches = [batch for stratum in strata for batch in stratum.batches]
    kept = sum(len(batch.W) for batch in batches)
    assert kept < 0.8 * sum(int(batch.counts.sum()) for batch in batches)
    at = {visit: place for place, visit in enumerate(range(1, 6))}
    rows = fit.variance_components()
    R = np.diag(rows.loc[rows["term_2"] == "", "variance"].to_numpy())
    R[np.triu_indices(5, 1)] = rows.loc[rows["term_2"] != "", "variance"]
    R = np.triu(R) + np.triu(R, 1).T
    place = data["visit"].map(at).to_numpy()
    same = np.equal.outer(data["episode_id"].to_numpy(), data["episode_id"].to_numpy())
    loglik, _, vcov = dense_gls(fit, same * R[place][:, place])
    assert fit.loglik == pytest.approx(loglik, abs=1e-8)
    np.testing.assert_allclose(fit.estimates.vcov, vcov, rtol=1e-8)


def test_the_quick_basis_leads_to_the_same_fit(courses, monkeypatch):
    data = courses(n=120, missing=0.2)
    formula = "score ~ arm * visit + ar1(visit | episode_id)"
    quick = lmm(formula, data)
    monkeypatch.setattr(f"{BY_VISIT}.model.gram_basis", lambda *_: None)
    slow = lmm(formula, data)
    assert quick.loglik == pytest.approx(slow.loglik, abs=1e-9)
    pd.testing.assert_frame_equal(quick.tidy(), slow.tidy(), rtol=1e-7)


@pytest.mark.parametrize("term", ["us(visit | episode_id)", "ou(day | episode_id)"])
def test_order_scale_and_labels_do_not_matter(term, courses):
    data = courses()
    fit = lmm(f"score ~ arm + visit + {term}", data)
    shuffled = data.sample(frac=1.0, random_state=3)
    shuffled["episode_id"] = shuffled["episode_id"].map(lambda name: name[::-1])
    shuffled["score"] = 100.0 * shuffled["score"] + 1e5
    other = lmm(f"score ~ arm + visit + {term}", shuffled)
    np.testing.assert_allclose(other.estimates.beta[1:], 100.0 * fit.estimates.beta[1:], rtol=1e-6)
    np.testing.assert_allclose(other.tidy()["df"], fit.tidy()["df"], rtol=1e-5)


def test_categories_keep_their_declared_distance(courses):
    data = courses(visits=6)
    data = data[data["visit"] != 3]
    numbers = lmm("score ~ arm + ar1(visit | episode_id)", data)
    names = [f"visit {chr(96 + number)}" for number in range(1, 7)]
    words = data.assign(visit=pd.Categorical([names[v - 1] for v in data["visit"]], names))
    declared = lmm("score ~ arm + ar1(visit | episode_id)", words)
    assert declared.loglik == pytest.approx(numbers.loglik, abs=1e-10)
