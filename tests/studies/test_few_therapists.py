"""The one-way study of few therapists, against what can be written down."""

import numpy as np
import pytest

from studies.few_therapists import fitted, held, satterthwaite


@pytest.mark.parametrize(("k", "each", "rho"), [(3, 8, 0.25), (6, 10, 1.0), (12, 4, 0.05)])
def test_of_equal_therapists_degrees_of_freedom_are_they_less_one(k, each, rho):
    """The error of the mean is the mean square between them, on k - 1 (Searle 1971, 9.2)."""
    assert satterthwaite(np.full(k, float(each)), rho) == pytest.approx(k - 1)


def test_means_and_errors_are_those_of_the_analysis_of_variance():
    sizes = np.full(6, 10.0)
    mean, error, _ = fitted(sizes, 1.0, 4000, np.random.default_rng(1))
    assert mean.std() == pytest.approx(np.sqrt(1.1 / 6), rel=0.05)
    assert np.mean(error**2) == pytest.approx(1.1 / 6, rel=0.05)


def test_intervals_hold_what_the_rule_says():
    share, _ = held(np.full(6, 10.0), 1.0, 4000, np.random.default_rng(2))
    assert 0.94 < share < 0.96
