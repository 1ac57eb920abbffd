"""The parametric bootstrap: bootMer's distribution, refits, seeds, failures counted."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import UsageError
from outcomes.mixed.after.bootstrap import _refitted, simulate
from outcomes.mixed.fit import lmm
from outcomes.mixed.record import refit


@pytest.mark.parametrize(("name", "n"), [("sleepstudy", 200), ("rail_ml", 200)])
def test_distribution_agrees_with_boot_mer(reference_entries, reference_fit, name, n):
    entry = next(e for e in reference_entries("bootstrap.json")["boot"] if e["name"] == name)
    found = reference_fit(entry, reml=entry["reml"]).bootstrap(n, seed=1)
    table = found.tidy()
    assert found.n_failed == 0
    for row in entry["summary"]:
        own = table.iloc[int(np.argmin(np.abs(table["estimate"] - row["estimate"])))]
        mean = own["estimate"] + own["bias"]
        assert abs(mean - row["mean"]) < 4.5 * row["sd"] * np.sqrt(1 / n + 1 / 4000)
        assert_allclose(own["std_error"], row["sd"], rtol=4.5 / np.sqrt(n))
        limits = np.array([row["quantiles"][0], row["quantiles"][-1]])
        errors = np.array([row["quantiles_mc_error"][0], row["quantiles_mc_error"][-1]])
        apart = (own[["conf_low", "conf_high"]].to_numpy(dtype=float) - limits) / errors
        assert (np.abs(apart) < 4.5 * np.sqrt(1.0 + 4000 / n)).all()


@pytest.mark.parametrize("name", ["sleepstudy", "clinic_one", "clinic_crossed"])
def test_refits_agree_with_lme4(reference_entries, reference_fit, name):
    entry = next(e for e in reference_entries("bootstrap.json")["refit"] if e["name"] == name)
    fit = reference_fit(entry)
    y = fit.y
    i = np.arange(1, len(y) + 1)
    responses = {
        "reversed": y[::-1],
        "wave": y + np.std(y, ddof=1) * np.sin(i),
        "rotated": np.concatenate([y[4:], y[:4]]),
    }
    for row in entry["refits"]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = refit(fit, responses[row["response"]])
        if again.loglik > row["loglik"] + 1e-3:
            continue  # lme4 stopped at a lower, singular optimum
        assert_allclose(again.loglik, row["loglik"], rtol=1e-6)
        assert_allclose(again.estimates.sigma, row["sigma"], rtol=1e-4)
        assert_allclose(again.estimates.beta, row["estimate"], rtol=1e-4, atol=1e-4)
        assert again.is_singular == row["singular"]


def test_simulated_scores_have_the_models_covariance():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(range(6), 3), "x": np.tile([0.0, 1.0, 2.0], 6)})
    data["w"] = np.tile([1.0, 2.0, 4.0], 6)
    data["y"] = 3.0 + data.x + rng.normal(size=6)[data.g] * (1 + data.x) + rng.normal(size=18)
    fit = lmm("y ~ x + (0 + x | g)", data, weights="w")
    drawn = simulate(fit, 40_000, np.random.default_rng(5))
    assert_allclose(drawn.mean(axis=1), fit.augment()["fixed_fitted"], atol=0.06)
    S = fit.estimates.covariances[0][0, 0]
    V = S * np.outer(data.x, data.x) * (data.g.to_numpy()[:, None] == data.g.to_numpy())
    V += np.diag(fit.estimates.sigma**2 / data.w)
    assert_allclose(np.cov(drawn), V, atol=0.04 * V.max())


def test_the_same_seed_gives_the_same_draws(clinic):
    fit = lmm("improvement ~ arm + (1 | episode_id)", clinic)
    first, again, other = (fit.bootstrap(3, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.draws, again.draws)
    assert not np.allclose(first.draws, other.draws)
    assert repr(first) == "<Bootstrap 3 draws, 0 failed, seed 1>"


def test_singular_draws_are_kept_and_counted(reference_fit):
    entry = {"data": "therapist_zero.csv", "factors": ["episode_id", "therapist_id"], "weights": ""}
    formula = "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)"
    found = reference_fit({**entry, "formula": formula}).bootstrap(20, seed=3)
    assert 0 < found.n_singular <= 20
    row = found.tidy().set_index(["group", "term"]).loc[("therapist_id", "sd(Intercept)")]
    assert row["conf_low"] == pytest.approx(0.0, abs=1e-6)
    assert row["n_draws"] == 20


def test_one_draw_is_refused(clinic):
    with pytest.raises(UsageError, match="at least two draws"):
        lmm("improvement ~ arm + (1 | episode_id)", clinic).bootstrap(1, seed=1)


def test_a_draw_without_an_optimum_counts_as_failed(clinic):
    fit = lmm("improvement ~ arm + (1 | episode_id)", clinic)
    assert _refitted(fit, np.ones(fit.n_observations)) is None
