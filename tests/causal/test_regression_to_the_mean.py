"""Regression to the mean: the published closed form, simulated people, and what cannot be told."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from outcomes.causal.regression_to_the_mean import Rating, _log_chance, regression_to_the_mean

FINE = Rating(-20.0, 4.0, 100.0, 0.001)
CLOSED = 0.5 * 2.2 * norm.pdf(0) / norm.sf(0)  # 0.878: mean 4, SD 2.2, correlation 0.5, cut 4


def entrants(seed, n, mean=4.0, sd=2.2, cut=4.0, correlation=0.5):
    """First and second scores of people whose own level never changes."""
    rng = np.random.default_rng(seed)
    level = rng.normal(mean, sd * np.sqrt(correlation), n)
    first, second = level + rng.normal(0, sd * np.sqrt(1 - correlation), (2, n))
    return first[first >= cut], second[first >= cut]


@pytest.mark.parametrize(
    ("n", "within"), [(60_000, 0.03), pytest.param(400_000, 0.02, marks=pytest.mark.slow)]
)
def test_agrees_with_the_closed_form_of_barnett(n, within):
    first, second = entrants(1, n)
    found = regression_to_the_mean(first, FINE, 0.5, 0.0)
    assert found.estimate == pytest.approx(CLOSED, abs=within)
    assert found.estimate == pytest.approx((first - second).mean(), abs=within)


def test_whole_numbers_and_a_top_of_the_scale_do_not_bend_it():
    first, _ = entrants(2, 400_000, mean=6.0, cut=-9.0)
    rated = np.clip(np.round(first), 0, 10)
    found = regression_to_the_mean(rated[rated >= 6], Rating(0.0, 6.0, 10.0, 1.0), 0.5, 0.0)
    z = (5.5 - 6.0) / 2.2
    assert found.estimate == pytest.approx(1.1 * norm.pdf(z) / norm.sf(z), abs=0.03)


@pytest.mark.parametrize("n", [30, pytest.param(400, marks=pytest.mark.slow)])
def test_its_interval_holds_the_truth_as_often_as_it_says(n):
    found = []
    for seed in range(n):
        first, second = entrants(seed, 800)
        slope, error = np.polyfit(first, first - second, 1, cov=True)
        found.append(regression_to_the_mean(first, FINE, slope[0], error[0, 0] ** 0.5))
    held = [item.conf_low <= CLOSED <= item.conf_high for item in found if item is not None]
    assert len(held) > 0.85 * n
    assert np.mean(held) >= (0.85 if n < 100 else 0.92)


def test_shift_and_scale_of_the_scores_carry_over():
    first, _ = entrants(2, 2000)
    one = regression_to_the_mean(first, FINE, 0.4, 0.1)
    other = regression_to_the_mean(10 * first + 7, Rating(-193.0, 47.0, 1007.0, 0.01), 0.4, 0.1)
    assert other.estimate == pytest.approx(10 * one.estimate, rel=1e-3)
    assert other.std_error == pytest.approx(10 * one.std_error, rel=1e-2)


def test_without_selection_there_is_next_to_none():
    scores = np.random.default_rng(3).normal(50, 5, 500)
    found = regression_to_the_mean(scores, Rating(0.0, 0.0, 100.0, 0.001), 0.5, 0.1)
    assert found is None or found.estimate < 1e-6


@pytest.mark.parametrize("scores", [[], [5.0] * 50, [5.0, 6.0, 7.0]])
def test_says_nothing_where_the_baselines_cannot_tell(scores):
    assert regression_to_the_mean(scores, FINE, 0.5, 0.1) is None


def test_says_nothing_where_worse_baselines_do_not_improve_more():
    assert regression_to_the_mean(entrants(5, 500)[0], FINE, -0.1, 0.1) is None


def test_a_tail_that_fits_any_mean_gives_no_number():
    tail = 4 + np.random.default_rng(4).exponential(1.0, 300)
    assert regression_to_the_mean(tail, FINE, 0.5, 0.01) is None


def test_a_mean_off_the_scale_gives_no_number():
    first, _ = entrants(6, 4000, mean=-1.0, cut=0.5)
    assert regression_to_the_mean(first, Rating(0.0, 0.5, 100.0, 0.001), 0.5, 0.01) is None
    assert regression_to_the_mean(first, Rating(-9.0, 0.5, 100.0, 0.001), 0.5, 0.01) is not None


@pytest.mark.parametrize(
    ("low", "width"), [(-60.0, 1.0), (-9.0, 1.0), (-1.0, 1.5), (0.2, 0.1), (30.0, 1.0), (60.0, 0.5)]
)
def test_a_part_of_the_curve_is_known_in_both_tails(low, width):
    near = low if low + width / 2 > 0 else -low - width
    part, _ = quad(lambda t: np.exp(-near * t - t**2 / 2), 0, width)
    expected = -(near**2) / 2 - np.log(2 * np.pi) / 2 + np.log(part)
    found = _log_chance(np.array([low]), np.array([low + width]))
    assert found[0] == pytest.approx(expected, rel=1e-9)
