"""Adjusted p-values against other programs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import studentized_range
from statsmodels.stats.multitest import multipletests

from outcomes.mixed.inference.testing import METHODS, ZERO, Family, Null, adjusted, holm


@pytest.mark.parametrize("p", [[0.3], [0.01, 0.04, 0.03], [0.5, 0.5, 0.5], [1.0, 0.0, 1e-8, 0.02]])
def test_holm_agrees_with_statsmodels(p):
    assert_allclose(holm(np.array(p)), multipletests(p, method="holm")[1])


def family(t, df, n_means, conf_level=0.95, covariance=None, null=ZERO):
    t, df = np.array(t), np.full(len(t), df)
    covariance = np.eye(len(t)) if covariance is None else covariance
    return Family(null.p_value(t, df), t, df, n_means, covariance, conf_level, null)


def table(t, std_error):
    """Return a table with the statistics, and a row without an estimate."""
    columns = ["std_error", "df", "statistic", "p_value", "conf_low", "conf_high"]
    rows = pd.DataFrame({"estimate": [*np.multiply(t, std_error), np.nan]})
    return rows.assign(**dict.fromkeys(columns, np.nan)).assign(std_error=std_error)


@pytest.mark.parametrize("df", [2.0, 7.5, np.inf])
@pytest.mark.parametrize("n_means", [3, 5])
def test_tukey_intervals_and_p_values_agree_with_the_studentised_range(n_means, df):
    t = [2.5, -1.0]
    found = adjusted(table(t, 0.4), "tukey", family(t, df, n_means, 0.9))
    half = 0.4 * studentized_range.ppf(0.9, n_means, df) / np.sqrt(2.0)
    assert_allclose(found.conf_high, [1.0 + half, -0.4 + half, np.nan], rtol=1e-7)
    right = studentized_range.sf(np.abs(t) * np.sqrt(2.0), n_means, df)
    assert_allclose(found.p_value, [*right, np.nan], rtol=1e-6)


def test_a_family_without_estimates_is_left_alone():
    nothing = pd.DataFrame({"estimate": [np.nan]})
    assert adjusted(nothing, "holm", family([], 5.0, 0)) is nothing


@pytest.mark.parametrize("df", [4.0, 30.0, np.inf])
def test_independent_contrasts_with_many_df_follow_sidak(df):
    t = [0.0, 1.0, 2.2, 3.5]
    found = METHODS["mvt"][0](family(t, df, 5))
    if np.isinf(df):
        assert_allclose(found, METHODS["sidak"][0](family(t, df, 5)), rtol=5e-3, atol=1e-6)
    alone = family(t, df, 5).p
    assert (found >= alone).all()
    assert (found <= np.minimum(4 * alone, 1.0) + 1e-12).all()


def test_the_multivariate_t_agrees_with_another_program():
    R = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    found = METHODS["dunnett"][0](family([2.5, -2.5, 2.5], 20.0, 4, covariance=R))
    assert_allclose(found, 0.05430715, rtol=2e-4)  # mvtnorm 1.1-3, error below 1e-6


def test_contrasts_that_determine_each_other_are_no_trouble():
    L = np.array([[1, -1, 0], [1, 0, -1], [0, 1, -1]])
    covariance = L @ np.diag([1.0, 1.5, 2.0]) @ L.T
    of_t = family([2.5, 2.5, 2.5], 20.0, 3, covariance=covariance)
    assert of_t.rank == 2
    assert_allclose(METHODS["mvt"][0](of_t), 1.0 - 0.9472197, rtol=2e-4)  # mvtnorm 1.1-3


@pytest.mark.parametrize("side", ["greater", "less"])
@pytest.mark.parametrize("adjust", ["none", "bonferroni", "sidak", "mvt", "holm", "BH"])
def test_one_side_is_the_mirror_of_the_other(side, adjust):
    t = [1.9, -0.4]
    null, mirror = Null(side=side), Null(side={"greater": "less", "less": "greater"}[side])
    rows = table(t, 1.0).assign(p_value=[*family(t, 12.0, 3, null=null).p, np.nan])
    found = adjusted(rows, adjust, family(t, 12.0, 3, null=null))
    turned = [-v for v in t]
    rows = table(turned, 1.0).assign(p_value=[*family(turned, 12.0, 3, null=mirror).p, np.nan])
    other = adjusted(rows, adjust, family(turned, 12.0, 3, null=mirror))
    assert_allclose(found.p_value, other.p_value, rtol=1e-3)
    if adjust != "none":
        assert_allclose(found.conf_low, -other.conf_high, rtol=1e-3)
