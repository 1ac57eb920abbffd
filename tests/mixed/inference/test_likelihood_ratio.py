"""Likelihood-ratio tests: R's numbers, the mixtures, what may not be compared."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from outcomes.errors import OutcomesWarning, UsageError
from outcomes.mixed.fit import lmm
from outcomes.mixed.inference.likelihood_ratio import compare, mixture_tail, reference_mixture

CASES = [
    "sleepstudy_slope_variance",
    "sleepstudy_slope_variance_ml",
    "sleepstudy_uncorrelated",
    "therapist_zero",
    "clinic_therapist",
    "clinic_condition",
    "machines_interaction",
    "orthodont_sex",
]


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_r(reference_entries, reference_fit, name):
    entries = reference_entries("tests.json")["likelihood_ratio"]
    entry = next(e for e in entries if e["name"] == name)
    small, large = (
        reference_fit(entry, reml=entry["reml"], formula=entry[size]) for size in ("small", "large")
    )
    row = small.compare(large).iloc[1]
    assert_allclose(row["statistic"], entry["chisq"], rtol=1e-5, atol=1e-6)
    assert row["df"] == entry["df"]
    assert_allclose(row["p_value"], entry["p_mixture"] or entry["p_chisq"], rtol=1e-4)


FIXED = "improvement ~ session_count + "
MIXTURES = [
    ("(1 | episode_id)", "(1 + session_count | episode_id)", {1: 0.5, 2: 0.5}, True),
    ("(1 | episode_id)", "(1 + session_count || episode_id)", {0: 0.5, 1: 0.5}, True),
    ("(1 + session_count || episode_id)", "(1 + session_count | episode_id)", {1: 1.0}, True),
    (
        "(1 | episode_id)",
        "(1 + session_count || episode_id) + (1 | therapist_id)",
        {0: 0.25, 1: 0.5, 2: 0.25},
        True,
    ),
    ("(1 | episode_id)", "(1 + session_count + pressure | episode_id)", {5: 1.0}, False),
]


@pytest.mark.parametrize(("before", "after", "mixture", "closed"), MIXTURES)
def test_the_mixture_follows_what_is_added(clinic, before, after, mixture, closed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        small, large = lmm(FIXED + before, clinic), lmm(FIXED + after, clinic)
    assert reference_mixture(small, large) == (mixture, closed)
    assert ("conservative" in compare(small, large)["reference"][1]) == (not closed)


def test_fixed_and_random_parts_together(clinic):
    small = lmm("improvement ~ 1 + (1 | episode_id)", clinic, reml=False)
    large = lmm("improvement ~ arm + (1 + session_count | episode_id)", clinic, reml=False)
    assert reference_mixture(small, large) == ({2: 0.5, 3: 0.5}, True)
    assert compare(small, large)["reference"][1] == "0.5 chi2(2) + 0.5 chi2(3)"


def test_tail_of_a_mixture():
    for nothing in (0.0, 1e-10):  # no more than rounding: alike under every distribution
        assert mixture_tail(nothing, {0: 0.5, 1: 0.5}) == mixture_tail(nothing, {1: 1.0}) == 1.0
    assert_allclose(mixture_tail(1e-6, {0: 0.5, 1: 0.5}), 0.5 * chi2.sf(1e-6, 1))
    assert_allclose(mixture_tail(3.0, {1: 0.5, 2: 0.5}), (chi2.sf(3, 1) + chi2.sf(3, 2)) / 2)


def test_the_mixture_has_the_right_size_under_the_null():
    """With no variance between patients, p below 0.1 in about 10 % of studies."""
    rng, rejected, n = np.random.default_rng(8), 0, 150
    data = pd.DataFrame({"patient": np.repeat(range(20), 5), "x": np.tile(np.arange(5.0), 20)})
    base = data.assign(score=rng.normal(size=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = lmm("score ~ x + (1 | patient)", base, reml=False)
        for _ in range(n):
            y = rng.normal(size=100)
            rss = np.linalg.lstsq(fit.X, y, rcond=None)[1][0]
            null = -50.0 * (np.log(2 * np.pi * rss / 100) + 1.0)
            again = lmm("score ~ x + (1 | patient)", base.assign(score=y), reml=False)
            rejected += mixture_tail(2 * max(0.0, again.loglik - null), {0: 0.5, 1: 0.5}) < 0.1
    assert abs(rejected / n - 0.1) < 3 * np.sqrt(0.09 / n)


LARGER = "The larger fit"
SAME = "Both fits must be to the same rows, response and weights; got {} and {} rows. Leave out the"


@pytest.mark.parametrize(
    ("small", "large", "reml", "message"),
    [
        ("1 + (1 | episode_id)", "arm + (1 | episode_id)", True,
         "REML likelihoods, AIC and BIC compare only fits with the same fixed part; got different "
         "fixed parts. Fit both with reml=False."),
        ("arm + (1 | episode_id)", "session_count + (1 | episode_id)", False,
         f"{LARGER}'s fixed part must hold that of the smaller one; got columns that it lacks."),
        ("arm + (1 | episode_id)", "arm + (1 | therapist_id)", False,
         f"{LARGER} must hold every random effect of the smaller one; got one that it lacks "
         "(grouping factor 'episode_id')."),
        ("arm + (1 | episode_id)", "arm + (1 | episode_id)", False,
         "The second fit must have more parameters than the first; got as many or fewer."),
    ],
)  # fmt: skip
def test_what_may_not_be_compared(clinic, small, large, reml, message):
    fits = [lmm(f"improvement ~ {part}", clinic, reml=reml) for part in (small, large)]
    with pytest.raises(UsageError) as refused:
        compare(*fits)
    assert str(refused.value) == message


def test_other_rows_or_methods_are_refused(clinic):
    small = lmm("improvement ~ 1 + (1 | episode_id)", clinic, reml=False)
    large = lmm("improvement ~ arm + (1 | episode_id)", clinic.iloc[5:], reml=False)
    n = len(clinic)
    with pytest.raises(UsageError) as refused:
        compare(small, large)
    remedy = " rows with a missing value in either formula first."
    assert str(refused.value) == SAME.format(n, n - 5) + remedy
    with pytest.raises(UsageError) as refused:
        compare(small, lmm("improvement ~ arm + (1 | episode_id)", clinic))
    assert str(refused.value) == "Both fits must be by ML, or both by REML; got one of each."
    weighted = lmm("improvement ~ arm + (1 | episode_id)", clinic, reml=False, weights="weight")
    with pytest.raises(UsageError) as refused:
        compare(small, weighted)
    assert str(refused.value) == SAME.format(n, n) + remedy


RESIDUALS = [
    ("", "cs(visit | g)", True),
    ("", "ou(visit | g)", False),  # no correlation fades to it
    ("cs(visit | g)", "us(visit | g)", True),
    ("ar1(visit | g)", "ar1h(visit | g)", True),
    ("cs(visit | g)", "ar1h(visit | g)", False),
    ("ar1(visit | g)", "ar1(visit | arm / g)", True),
    ("ar1(visit | g)", "us(visit | arm / g)", False),
    ("ar1(visit | g)", "us(other | g)", False),  # another order of the visits
]


@pytest.fixture(scope="module")
def visits():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"g": np.repeat(range(40), 4), "visit": np.tile([1, 2, 3, 4], 40)})
    data["arm"] = np.where(data.g % 2, "a", "b")
    data["other"] = data.visit.map({1: 1, 2: 3, 3: 2, 4: 4})
    return data.assign(y=rng.normal(size=(40, 4)).cumsum(axis=1).ravel())


@pytest.mark.parametrize(("before", "after", "nested"), RESIDUALS)
def test_residual_covariances_are_tested_only_where_one_holds_the_other(
    visits, before, after, nested
):
    start = "y ~ visit + " if before else "y ~ visit + (1 | arm) + "
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        fits = [lmm((start + own).removesuffix(" + "), visits) for own in (before, after)]
    row = compare(*fits).iloc[1]
    df, gain = row["df"], 2 * (fits[1].loglik - fits[0].loglik)
    assert df == len(fits[1].estimates.theta) - len(fits[0].estimates.theta)
    if nested:
        assert_allclose([row["statistic"], row["p_value"]], [gain, chi2.sf(gain, df)])
    else:
        assert np.isnan([row["statistic"], row["p_value"]]).all()
    assert row["reference"] == (f"chi2({df:.0f})" if nested else "not nested: compare AIC")


def test_a_residual_covariance_is_not_nested_in_none(visits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        fits = [lmm(f"y ~ visit + (1 | arm){own}", visits) for own in (" + ar1(visit | g)", "")]
    row = compare(*fits).iloc[1]
    assert row["df"] == len(fits[1].estimates.theta) - len(fits[0].estimates.theta) < 0
    assert np.isnan(row["p_value"])
    assert row["reference"] == "not nested: compare AIC"
