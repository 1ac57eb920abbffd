"""Entry selection against closed forms of the truncated normal distribution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from outcomes.synthetic.design import Design
from outcomes.synthetic.entry import (
    cluster_sd,
    draw_entrants,
    mean_at_entry,
    population_means,
    spread_of,
)


def draw(n, means, variances, cut, seed=0):
    rng = np.random.default_rng(seed)
    k = len(variances)
    return draw_entrants(
        np.full(n, means), np.array(variances), cut, rng.random(n), rng.standard_normal((k, n))
    )


def test_regression_to_the_mean_has_its_published_size():
    # mean 4, SD 2.2, two scores with correlation .5, entry at 4: the next score is 0.878 better
    half = 2.2**2 / 2
    level, noise = draw(400_000, 4.0, [half, half], 4.0)
    baseline = 4 + level + noise
    again = 4 + level + np.random.default_rng(1).normal(0, np.sqrt(half), len(level))
    change = baseline - again
    assert baseline.min() >= 4
    assert change.mean() == pytest.approx(0.5 * 2.2 * stats.norm.pdf(0) / 0.5, abs=0.012)
    assert (change >= 2).mean() == pytest.approx(0.287, abs=0.003)


def test_parts_sum_to_a_truncated_normal_and_share_it_by_variance():
    parts = draw(300_000, 5.0, [2.0, 1.0, 0.5], 3.0)
    expected = stats.truncnorm((3 - 5) / np.sqrt(3.5), np.inf, loc=5, scale=np.sqrt(3.5))
    total = 5 + parts.sum(axis=0)
    assert total.mean() == pytest.approx(expected.mean(), abs=0.01)
    assert total.std() == pytest.approx(expected.std(), abs=0.01)
    shift = expected.mean() - 5
    np.testing.assert_allclose(parts.mean(axis=1), shift * np.array([2, 1, 0.5]) / 3.5, atol=0.01)
    # conditional on the sum, a part keeps v (1 - v / V)
    rest = parts[0] - (2 / 3.5) * parts.sum(axis=0)
    assert rest.var() == pytest.approx(2 * (1 - 2 / 3.5), rel=0.01)


def test_without_selection_parts_are_independent_normals():
    parts = draw(300_000, 5.0, [2.0, 1.0], -np.inf)
    np.testing.assert_allclose(np.cov(parts), [[2, 0], [0, 1]], atol=0.02)


def test_no_variance_gives_no_spread():
    assert not draw(10, 5.0, [0.0, 0.0], 3.0).any()


def test_far_cut_stays_finite():
    parts = draw(1000, 0.0, [1.0, 1.0], 12.0)
    assert np.isfinite(parts).all()
    assert parts.sum(axis=0).min() >= 12


@pytest.mark.parametrize("step", [1.0, 0.5, 0.01])
def test_population_mean_gives_the_wanted_baseline(step):
    design = Design(rating_step=step)
    means = population_means(design)
    wanted = [item.baseline_mean for item in design.conditions]
    np.testing.assert_allclose(mean_at_entry(means, design), wanted, atol=1e-6)
    sd = np.sqrt(spread_of(design).total)
    draws = means[0] + sd * np.random.default_rng(2).standard_normal(400_000)
    rating = np.clip(np.floor(draws / step + 0.5) * step, 0, 10)
    assert rating[rating >= 3].mean() == pytest.approx(wanted[0], abs=0.02)


def test_without_entry_rule_the_population_is_the_clinic():
    design = replace(Design(), entry_minimum=0.0, rating_step=0.01, patient_sd=0.2, residual_sd=0.1)
    wanted = [item.baseline_mean for item in design.conditions]
    np.testing.assert_allclose(population_means(design), wanted, atol=1e-3)


def test_cluster_sd_gives_its_icc():
    sd = cluster_sd(0.04, 3.94)
    assert sd**2 / (sd**2 + 3.94) == pytest.approx(0.04)
