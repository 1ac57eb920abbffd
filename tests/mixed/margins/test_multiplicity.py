"""Adjusted p-values against other programs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import studentized_range
from statsmodels.stats.multitest import multipletests

from outcomes.mixed.margins.multiplicity import adjusted, holm


@pytest.mark.parametrize("p", [[0.3], [0.01, 0.04, 0.03], [0.5, 0.5, 0.5], [1.0, 0.0, 1e-8, 0.02]])
def test_holm_agrees_with_statsmodels(p):
    assert_allclose(holm(np.array(p)), multipletests(p, method="holm")[1])


@pytest.mark.parametrize("df", [2.0, 7.5, np.inf])
@pytest.mark.parametrize("n_means", [2, 5])
def test_tukey_intervals_and_p_values_agree_with_the_studentised_range(n_means, df):
    table = pd.DataFrame(
        {
            "estimate": [1.0, np.nan],
            "std_error": [0.4, np.nan],
            "df": [df, np.nan],
            "statistic": [2.5, np.nan],
            "p_value": [0.1, np.nan],
            "conf_low": [0.0, np.nan],
            "conf_high": [2.0, np.nan],
        }
    )
    found = adjusted(table, "tukey", n_means, 0.9)
    half = 0.4 * studentized_range.ppf(0.9, n_means, df) / np.sqrt(2.0)
    assert_allclose(found.conf_high, [1.0 + half, np.nan], rtol=1e-7)
    assert_allclose(found.p_value, [studentized_range.sf(2.5 * np.sqrt(2.0), n_means, df), np.nan])


def test_a_family_without_estimates_is_left_alone():
    table = pd.DataFrame({"estimate": [np.nan]})
    assert adjusted(table, "holm", 0, 0.95) is table
