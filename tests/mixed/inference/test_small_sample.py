"""Degrees of freedom whose value can be written down."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from scipy.stats import chi2, f

from outcomes.mixed.fit import lmm
from outcomes.mixed.inference.small_sample import (
    KenwardRoger,
    Satterthwaite,
    generalised_inverse,
    joint_df,
    normal,
)
from outcomes.mixed.inference.testing import Inference, independent_rows, joint_test


def means_of_patients(n, q, m):
    """Return Kenward and Roger's method for the means of q visits, covariance free on m df."""
    rng = np.random.default_rng(q)
    root = rng.normal(size=(q, q)) + 2.0 * np.eye(q)
    Sigma = root @ root.T
    pairs = list(combinations_with_replacement(range(q), 2))
    back, P = np.linalg.inv(Sigma), []
    for a, b in pairs:
        E = np.zeros((q, q))
        E[a, b] = E[b, a] = 1.0
        P.append(-n * back @ E @ back)
    W = [[Sigma[a, c] * Sigma[b, d] + Sigma[a, d] * Sigma[b, c] for c, d in pairs]
         for a, b in pairs]  # fmt: skip
    return KenwardRoger(Sigma / n, Sigma / n, np.array(P), np.array(W) / m)


@pytest.mark.parametrize(("q", "m"), [(1, 2), (1, 7), (2, 12), (3, 9), (5, 40)])
def test_kenward_roger_is_exact_for_hotellings_t2(q, m):
    """Kenward & Roger (1997), section 4: F = (m - q + 1) / (m q) T^2 on q and m - q + 1 df."""
    found = means_of_patients(m + 1, q, m)
    assert_allclose(found.scale_and_df(np.eye(q)), [(m - q + 1) / m, m - q + 1], rtol=1e-9)
    assert_allclose(found.df(np.array([np.ones(q), np.arange(q) + 1.0])), [m, m], rtol=1e-9)


def test_known_variances_have_infinite_df():
    known = KenwardRoger(np.eye(2), np.eye(2), np.zeros((1, 2, 2)), np.eye(1))
    assert known.scale_and_df(np.eye(2)) == (1.0, np.inf)
    same = Satterthwaite(np.eye(2), np.zeros((1, 2, 2)), np.eye(1))
    assert same.df(np.eye(2)).tolist() == [np.inf, np.inf]
    assert same.scale_and_df(np.eye(2)) == (1.0, np.inf)


def test_satterthwaite_of_two_independent_means_is_welchs():
    variance, df = np.array([2.0, 0.5]), np.array([4.0, 11.0])
    each = np.array([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])])
    found = Satterthwaite(np.diag(variance), each, np.diag(2.0 * variance**2 / df))
    welch = variance.sum() ** 2 / np.sum(variance**2 / df)
    assert_allclose(found.df(np.array([[1.0, -1.0], [1.0, 0.0], [0.0, 3.0]])), [welch, *df])
    assert_allclose(found.scale_and_df(np.eye(2)), [1.0, joint_df(df)])


@pytest.mark.parametrize(
    ("each", "joint"),
    [
        ([4.0], 4.0),
        ([1.5], 1.5),
        ([5.0, 5.0], 5.0),
        ([3.0, 6.0], 3.6),  # E = 3/1 + 6/4; df = 2 E / (E - 2)
        ([4.0, np.inf], 6.0),  # E = 4/2 + 1
        ([np.inf, np.inf], np.inf),
        ([1.9, 30.0], 2.0),
        ([2.0, np.inf], 2.0),
        ([1e20, 3e20], 1.5e20),  # E - 2 is nothing beside E
    ],
)
def test_df_of_several_contrasts_are_those_of_fai_and_cornelius(each, joint):
    assert joint_df(np.array(each)) == pytest.approx(joint)


@pytest.mark.parametrize(
    ("values", "inverse"),
    [
        ([1e6, 1.0, 1e-3], [1e-6, 1.0, 0.0]),  # flat is relative to the largest
        ([1e-4, 1e-7, 1e-9], [1e4, 1e7, 0.0]),  # and never below the unit's own
        ([3.0, -2.0, 0.0], [1 / 3, 0.0, 0.0]),
    ],
)
def test_directions_without_curvature_carry_nothing(values, inverse):
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    found = generalised_inverse(Q * values @ Q.T)
    assert_allclose(found, Q * inverse @ Q.T, rtol=1e-5, atol=1e-9 * max(inverse))


def test_rows_of_zeros_are_no_hypothesis():
    inference = Inference(normal(np.diag([1.0, 4.0])), np.diag([1.0, 0.5]))
    rows = np.array([[0.0, 0.0], [0.0, 2.0]])
    assert_allclose(np.abs(independent_rows(inference, rows)), [[0.0, 2.0]])
    found = joint_test(np.array([5.0, 3.0]), inference, rows)
    assert_allclose([found.statistic, found.df_num], [9.0, 1.0])  # (3 / 1)^2
    assert_allclose(found.p_value, chi2.sf(9.0, 1))
    nothing = joint_test(np.array([5.0, 3.0]), inference, rows[:1])
    assert np.isnan([nothing.statistic, nothing.df_den, nothing.p_value]).all()
    assert nothing.df_num == 0.0


def balanced(seed=4, groups=12, each=5):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"g": np.repeat(np.arange(groups), each)})
    return data.assign(x=rng.normal(size=len(data)), y=rng.normal(size=len(data)))


def test_the_normal_method_has_the_errors_of_the_others_and_no_df():
    data = balanced().assign(y=lambda d: d.y + d.g / 3.0)
    normal, own = (lmm("y ~ x + (1 | g)", data, df=df) for df in ("normal", "satterthwaite"))
    assert_allclose(normal.vcov, own.vcov)
    assert np.isinf(normal.tidy()["df"]).all()
    joint = normal.test(np.eye(2)).iloc[0]
    assert np.isinf(joint["df_den"])
    wald = normal.estimates.beta @ np.linalg.solve(own.vcov, normal.estimates.beta)
    assert_allclose([joint["statistic"], joint["p_value"]], [wald / 2, chi2.sf(wald, 2)])


def test_a_balanced_comparison_within_groups_has_the_f_test_of_kenward_and_roger():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(range(8), 3), "visit": np.tile(["a", "b", "c"], 8)})
    data["y"] = rng.normal(size=24) + 2.0 * rng.normal(size=8)[data.g]
    row = lmm("y ~ visit + (1 | g)", data, df="kenward-roger").anova().iloc[0]
    wide = data.pivot_table(index="g", columns="visit", values="y").to_numpy()
    rest = wide - wide.mean(axis=0) - wide.mean(axis=1)[:, None] + wide.mean()
    right = 8 * wide.mean(axis=0).var(ddof=1) / (np.sum(rest**2) / 14)
    assert_allclose([row["df_num"], row["df_den"], row["statistic"]], [2, 14, right], rtol=1e-6)
    assert_allclose(row["p_value"], f.sf(right, 2, 14), rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reml", [False, True])
def test_without_its_only_random_effect_a_model_is_least_squares(reml, weighted):
    data = balanced().assign(y=lambda d: d.y + d.g / 4.0, w=lambda d: 1.0 + d.g % 3)
    fit = lmm("y ~ x + (1 | g)", data, reml=reml, weights="w" if weighted else None)
    row = fit.ranova().iloc[0]
    weights = data.w if weighted else np.ones(len(data))
    least = sm.WLS(data.y, sm.add_constant(data.x), weights).fit()
    n, p, X = len(data), 2, sm.add_constant(data.x) * np.sqrt(np.asarray(weights))[:, None]
    right = least.llf
    if reml:  # Harville (1977): the likelihood of n - p contrasts, those of lme4
        rss, log_det = least.mse_resid * (n - p), np.linalg.slogdet(X.T @ X)[1]
        right = -((n - p) * (np.log(2 * np.pi * rss / (n - p)) + 1) + log_det) / 2
        right += np.log(weights).sum() / 2
    assert_allclose(row["loglik"], right)
    assert_allclose([row["n_parameters"], row["aic"]], [p + 1, 2 * (p + 1) - 2 * right])
    gain = 2 * (fit.loglik - right)
    assert gain > 0
    assert_allclose([row["statistic"], row["df"]], [gain, 1])
    assert_allclose([row["p_value"], row["p_boundary"]], chi2.sf(gain, 1) * np.array([1, 0.5]))


@pytest.mark.filterwarnings("ignore:A variance is zero")
@pytest.mark.parametrize("residual", ["cs", "ar1", "ou"])
def test_kenward_roger_at_a_residual_correlation_of_one(residual):
    """Scores of a patient are one number: the arm has the patients' df and their mean's t test."""
    rng = np.random.default_rng(1)
    level = rng.normal(size=30)
    rows = pd.DataFrame({"id": np.repeat(np.arange(30), 4), "visit": np.tile(np.arange(4), 30)})
    rows["arm"] = (rows["id"] % 2).astype(float)
    rows["y"] = level[rows["id"]] + 0.5 * rows["arm"] + 1e-4 * rng.normal(size=120)
    fit = lmm(f"y ~ arm + visit + {residual}(visit | id)", rows, df="kenward-roger")
    arm = fit.tidy().set_index("term").loc["arm"]
    means = rows.groupby("id")[["y", "arm"]].mean()
    plain = sm.OLS(means["y"], sm.add_constant(means["arm"])).fit()
    assert_allclose(arm["df"], 28.0, rtol=1e-4)
    assert_allclose([arm["estimate"], arm["std_error"]], [plain.params["arm"], plain.bse["arm"]],
                    rtol=1e-3)  # fmt: skip
