"""A fit with correlated residuals answers whatever a fit can be asked, or says why not."""

import warnings

import numpy as np
import pandas as pd
import pytest

from outcomes.errors import UsageError
from outcomes.mixed.fit import lmm

OU = "score ~ arm * visit + ou(day | episode_id) + (1 | episode_id) + (1 | helper)"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    n, visits = 30, 5
    distance = np.abs(np.subtract.outer(range(visits), range(visits)))
    errors = rng.normal(size=(n, visits)) @ np.linalg.cholesky(0.4**distance).T
    level = 1.5 * rng.normal(size=(n, 1)) + errors
    data = pd.DataFrame(
        {
            "episode_id": np.repeat([f"e{i}" for i in range(n)], visits),
            "visit": np.tile(np.arange(1, visits + 1), n),
            "arm": np.repeat(np.where(np.arange(n) % 2, "massage", "usual"), visits),
            "helper": np.repeat(rng.integers(0, 5, n), visits),
            "score": level.ravel(),
        }
    )
    data["day"] = 7 * data["visit"] + rng.integers(-2, 3, len(data))
    data["score"] += 0.9 * data["helper"]
    data = data[rng.random(len(data)) > 0.15]
    return data.sample(frac=1.0, random_state=1)


@pytest.fixture(scope="module")
def mixed(frame):
    return lmm(OU, frame)


@pytest.fixture(scope="module")
def mmrm(frame):
    return lmm("score ~ arm * C(visit) + us(visit | arm / episode_id)", frame)


def dense(fit):
    """Return V, its random part Z D Z', and Z D Z' of each factor, by brute force."""
    rows, own = fit.design.frame.data, fit.variance_components()
    residual = own[own["group"].str.startswith("residual")]
    same = np.equal.outer(rows["episode_id"].to_numpy(), rows["episode_id"].to_numpy())
    variance, covariance = residual["variance"].iloc[:2]
    gaps = np.abs(np.subtract.outer(rows["day"].to_numpy(), rows["day"].to_numpy()))
    R = same * variance * (covariance / variance) ** gaps
    parts = [
        np.equal.outer(f.codes, f.codes) * (f.Z @ S @ f.Z.T)
        for f, S in zip(fit.design.factors, fit.estimates.covariances, strict=True)
    ]
    return R + sum(parts), R, parts


def test_random_effects_are_best_linear_predictors(mixed):
    V, _, parts = dense(mixed)
    residual = mixed.y - mixed.X @ mixed.estimates.beta
    explained = [part @ np.linalg.solve(V, residual) for part in parts]
    for factor, expected in zip(mixed.design.factors, explained, strict=True):
        table = mixed.random_effects(factor.name)
        np.testing.assert_allclose(
            table["estimate"].to_numpy()[factor.codes], expected, rtol=1e-6, atol=1e-9
        )
    augmented = mixed.augment()
    np.testing.assert_allclose(augmented["residual"], residual - sum(explained), atol=1e-9)
    assert augmented.index.equals(mixed.design.frame.data.index)


def test_conditional_standard_errors(mixed):
    V, _, parts = dense(mixed)
    for factor, part in zip(mixed.design.factors, parts, strict=True):
        posterior = np.diag(part - part @ np.linalg.solve(V, part))
        table = mixed.random_effects(factor.name)
        np.testing.assert_allclose(
            table["std_error"].to_numpy()[factor.codes] ** 2, posterior, rtol=1e-6
        )


def test_predictions_for_seen_and_unseen_levels(mixed, frame):
    again = mixed.predict(frame)
    np.testing.assert_allclose(again["fitted"], mixed.augment()["fitted"], rtol=1e-9)
    new = frame.head(3).assign(episode_id="nobody", helper=99)
    fixed = mixed.predict(new, random=False)["fitted"]
    np.testing.assert_allclose(mixed.predict(new)["fitted"], fixed)
    table = mixed.predict(new, interval="prediction")
    total = sum(float(S[0, 0]) for S in mixed.estimates.covariances) + mixed.estimates.sigma**2
    half = (table["pred_high"] - table["pred_low"]) / 2 / 1.959964
    assert (half**2 > total).all()
    assert (half**2 < 1.5 * total).all()


def test_prediction_uses_the_variance_of_the_visit(mmrm, frame):
    new = frame.drop_duplicates(["arm", "visit"]).sort_values(["arm", "visit"])
    table = mmrm.predict(new, interval="prediction")
    rows = mmrm.variance_components()
    own = rows.loc[rows["term_2"] == "", "variance"].to_numpy()
    half = (table["pred_high"] - table["pred_low"]) / 2 / 1.959964
    mean = mmrm.predict(new, interval="confidence")["std_error"]
    np.testing.assert_allclose(half**2, own + mean**2, rtol=1e-5)
    with pytest.raises(UsageError, match="visits and strata"):
        mmrm.point.residual().variance(frame.assign(visit=9))


def test_margins_contrasts_and_tests(mmrm, frame):
    means = mmrm.emmeans(["arm", "visit"], at={"visit": [1, 5]})
    assert (means["df"] > 5).all()
    differences = mmrm.contrasts("arm", by="visit", at={"visit": [5]})
    last = frame[frame["visit"] == 5].drop_duplicates("arm").sort_values("arm")
    fitted = mmrm.predict(last)["fitted"]
    assert differences["estimate"].iloc[0] == pytest.approx(fitted.iloc[0] - fitted.iloc[1])
    assert set(mmrm.anova()["term"]) == {"arm", "C(visit)", "arm:C(visit)"}
    assert mmrm.glance()["n_parameters"].iloc[0] == len(mmrm.estimates.beta) + 2 * 15


def test_residuals_are_made_independent(mixed):
    _, R, _ = dense(mixed)
    order = np.lexsort((mixed.design.frame.data["day"], mixed.design.frame.data["episode_id"]))
    residual = (mixed.augment()["residual"]).to_numpy()[order]
    expected = np.linalg.solve(np.linalg.cholesky(R[np.ix_(order, order)]), residual)
    found = mixed.residuals()
    np.testing.assert_allclose(found["residual_pearson"].to_numpy()[order], expected, atol=1e-8)
    assert found["leverage"].between(0.0, 1.0).all()
    assert found["residual_standardised"].std() == pytest.approx(1.0, abs=0.2)


def test_influence_matches_refitting_without_the_group(mixed):
    held = mixed.influence("episode_id").drop_duplicates("level").set_index("level")
    refitted = mixed.influence("episode_id", refit=True).drop_duplicates("level")
    assert np.corrcoef(held["cooks_distance"], refitted["cooks_distance"])[0, 1] > 0.7


def test_cluster_robust_inference(mmrm, mixed):
    table = mmrm.robust("episode_id").tidy()
    np.testing.assert_allclose(table["estimate"], mmrm.tidy()["estimate"])
    ratio = table["std_error"] / mmrm.tidy()["std_error"]
    assert ratio.between(0.5, 2.0).all()
    assert (mixed.robust("helper").tidy()["df"] <= 5).all()
    with pytest.raises(UsageError, match="episode_id"):
        mmrm.robust("visit")


def test_balanced_unstructured_robust_is_the_t_test():
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(12, 2)) + rng.normal(size=(12, 1))
    data = pd.DataFrame({"id": np.repeat(range(12), 2), "visit": [1, 2] * 12, "y": scores.ravel()})
    fit = lmm("y ~ visit + us(visit | id)", data)
    expected = (scores[:, 1] - scores[:, 0]).std(ddof=1) / np.sqrt(12)
    assert fit.robust("id").tidy()["std_error"].iloc[1] == pytest.approx(expected, rel=1e-6)


def test_bootstrap_draws_have_the_fitted_covariance(mixed):
    from outcomes.mixed.after.bootstrap import simulate

    V, _, _ = dense(mixed)
    draws = simulate(mixed, 4000, np.random.default_rng(3))
    assert np.abs(np.cov(draws) - V).max() < 0.25 * V.max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = mixed.bootstrap(20, seed=1).tidy()
    assert len(table) >= len(mixed.estimates.beta)


def test_what_needs_independent_residuals_is_refused(mmrm):
    for ask in (mmrm.profile, mmrm.icc, mmrm.r2, mmrm.crosscheck):
        with pytest.raises(UsageError, match="need independent residuals"):
            ask()


def test_comparisons_of_covariances(frame):
    fits = {
        kind: lmm(f"score ~ arm * C(visit) + {kind}(visit | episode_id)", frame)
        for kind in ("cs", "ar1", "us")
    }
    nested = fits["ar1"].compare(fits["us"]).iloc[1]
    assert nested["df"] == 13.0
    assert nested["statistic"] == pytest.approx(2 * (fits["us"].loglik - fits["ar1"].loglik))
    other = fits["cs"].compare(fits["ar1"]).iloc[1]
    assert np.isnan(other["p_value"])
    assert other["reference"] == "not nested: compare AIC"


def test_repr_says_what_was_fitted(mmrm, mixed):
    assert "episode_id 30" in repr(mmrm)
    assert repr(mixed).startswith("<MixedFit score ~ arm * visit + ou(day | episode_id)")
