"""Delta adjustment against multiple imputation done by hand, and the tipping point it implies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.causal.missing_not_at_random import delta_adjusted, tipping_point


def test_many_imputations_converge_to_the_closed_form():
    """Complete-data mean with 30 of 100 missing; impute from the observed, subtract delta, pool."""
    rng = np.random.default_rng(5)
    seen = rng.normal(2, 1, 70)
    deltas, imputations = 1.5, 4000
    means, within = [], []
    for _ in range(imputations):
        sigma = np.sqrt(seen.var(ddof=1) * 69 / rng.chisquare(69))
        centre = rng.normal(seen.mean(), sigma / np.sqrt(70))
        whole = np.concatenate([seen, rng.normal(centre, sigma, 30) - deltas])
        means.append(whole.mean())
        within.append(whole.var(ddof=1) / 100)
    pooled = np.mean(within) + (1 + 1 / imputations) * np.var(means, ddof=1)
    error = seen.std(ddof=1) / np.sqrt(70)
    row = delta_adjusted(seen.mean(), error, 69, pd.Series({"x": 0.3}), [deltas], 100).iloc[0]
    assert row["estimate"] == pytest.approx(np.mean(means), abs=0.01)
    assert row["std_error"] == pytest.approx(np.sqrt(pooled), rel=0.03)


@given(
    estimate=st.floats(0.5, 5),
    error=st.floats(0.05, 1),
    share=st.floats(0.05, 0.9),
    n=st.integers(20, 1000),
)
def test_at_the_tipping_point_the_interval_just_reaches_the_threshold(estimate, error, share, n):
    shares = pd.Series({"cost": share})
    tip = tipping_point(estimate, error, 40, shares, n)
    row = delta_adjusted(estimate, error, 40, shares, [tip], n).iloc[0]
    if tip == 0:
        assert row["conf_low"] <= 1e-9
    else:
        assert row["conf_low"] == pytest.approx(0, abs=1e-6)


def test_reasons_can_have_deltas_of_their_own():
    shares = pd.Series({"cost": 0.2, "worse": 0.1})
    row = delta_adjusted(3.0, 0.0, 50, shares, [[1.0, 5.0]], 10**9).iloc[0]
    assert row["estimate"] == pytest.approx(3 - 0.2 - 0.5)


def test_when_nobody_left_nothing_tips():
    assert tipping_point(2.0, 0.1, 30, pd.Series(dtype=float), 50) == np.inf
    assert tipping_point(0.1, 0.1, 30, pd.Series({"a": 0.2}), 50) == 0
