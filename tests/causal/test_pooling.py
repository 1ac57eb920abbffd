"""Partial pooling against Gelman's eight schools and limits in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from outcomes.causal.pooling import pool

SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def test_eight_schools_come_out_as_printed():
    """Bayesian Data Analysis, table 5.3: posterior median 10, 8, 6, 7, 5, 6, 10, 8."""
    pooled = pool(SCHOOLS, np.diag(ERRORS**2), widest=50.0, seed=1)
    assert pooled.mean == pytest.approx([10, 8, 6, 7, 5, 6, 10, 8], abs=1.6)
    assert 5 < pooled.spread < 9


def test_exact_estimates_are_left_where_they_are():
    pooled = pool([1.0, 2.0, 4.0], 1e-8 * np.eye(3), widest=5.0)
    assert pooled.mean == pytest.approx([1, 2, 4], abs=1e-3)
    assert pooled.p_best.tolist() == [0, 0, 1]


def test_equal_estimates_have_equal_chances():
    pooled = pool(np.zeros(4), np.eye(4), widest=2.0)
    assert pooled.p_best == pytest.approx(0.25, abs=0.03)
    assert pooled.mean == pytest.approx(0.0, abs=0.05)


def test_order_of_groups_does_not_matter():
    order = [3, 1, 0, 7, 5, 6, 2, 4]
    first = pool(SCHOOLS, np.diag(ERRORS**2), widest=50.0)
    second = pool(SCHOOLS[order], np.diag(ERRORS[order] ** 2), widest=50.0)
    assert second.mean == pytest.approx(first.mean[order], abs=0.6)


def test_a_shared_error_moves_all_and_ranks_none():
    """With one common error added, chances of leading stay as they were."""
    alone = pool([1.0, 1.5], 0.04 * np.eye(2), widest=3.0, seed=2)
    shared = pool([1.0, 1.5], 0.04 * np.eye(2) + 0.5, widest=3.0, seed=2)
    assert shared.p_best == pytest.approx(alone.p_best, abs=0.03)
    assert (shared.std_error > alone.std_error).all()


def test_few_degrees_of_freedom_widen_as_students_t_does():
    """Estimates that share nothing and are far apart are left alone, each with a t interval."""
    y, v = np.array([0.0, 40.0]), 0.01 * np.eye(2)
    few = pool(y, v, widest=500.0, df=4.0, seed=3)
    known = pool(y, v, widest=500.0, seed=3)
    ratio = (few.conf_high - few.conf_low) / (known.conf_high - known.conf_low)
    assert ratio == pytest.approx(2.776 / 1.960, rel=0.08)


def test_the_order_of_groups_changes_no_probability_that_is_said():
    """At 95 % a leader is named: what chance of the draws moves it by is a third of a percent."""
    estimates, covariance = np.array([2.0, 2.3, 1.8]), np.diag([0.04, 0.05, 0.06])
    one = pool(estimates, covariance, widest=2.5, df=12.0)
    other = pool(estimates[::-1], covariance[::-1, ::-1], widest=2.5, df=12.0)
    np.testing.assert_allclose(one.p_best, other.p_best[::-1], atol=0.01)
    np.testing.assert_allclose(one.mean, other.mean[::-1], atol=0.01)
