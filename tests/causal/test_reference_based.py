"""Reference-based differences: against scores imputed one by one, and at the ends."""

import numpy as np
import pytest

from outcomes.causal.missing_not_at_random import COPY, JUMP, reference_based

MEANS, CONTROL = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.4, 0.5])
COVARIANCE = np.array([[2.0, 1.2, 1.0], [1.2, 2.2, 1.5], [1.0, 1.5, 2.6]])


def imputed_one_by_one(n=200_000):
    """Courses that leave by the scores seen, the last one imputed from its conditional normal."""
    rng = np.random.default_rng(1)
    scores = MEANS + rng.normal(size=(n, 3)) @ np.linalg.cholesky(COVARIANCE).T
    first = rng.random(n) < 1 / (1 + np.exp(2 - scores[:, 0]))
    second = ~first & (rng.random(n) < 1 / (1 + np.exp(2.5 - scores[:, 1])))
    found = {}
    for kind in (JUMP, COPY):
        last = scores[:, 2].copy()
        for gone, seen in ((first, [0]), (second, [0, 1])):
            at = seen[-1]
            then = CONTROL[2] if kind == JUMP else MEANS[at] + CONTROL[2] - CONTROL[at]
            slope = np.linalg.solve(COVARIANCE[np.ix_(seen, seen)], COVARIANCE[seen, 2])
            last[gone] = then + (scores[gone][:, seen] - MEANS[seen]) @ slope
        found[kind] = last.mean() - CONTROL[2]
    return found, [first.sum(), second.sum()], n


def test_is_the_mean_of_scores_imputed_one_by_one():
    found, ended, n = imputed_one_by_one()
    closed = reference_based((MEANS - CONTROL)[1:], 0.01 * np.eye(2), 50, ended, n)
    for row in closed.itertuples():
        assert row.estimate == pytest.approx(found[row.kind], abs=0.01)


def test_with_nobody_missing_it_is_the_difference_itself():
    closed = reference_based([1.0, 2.0], np.diag([0.04, 0.09]), 20, [0, 0], 50)
    assert closed["estimate"].tolist() == [2.0, 2.0]
    assert closed["std_error"].tolist() == pytest.approx([0.3, 0.3])


def test_with_nobody_seen_again_nothing_is_left_of_it():
    closed = reference_based([1.0, 2.0], np.eye(2), 20, [50, 0], 50)
    assert closed["estimate"].tolist() == pytest.approx([0.0, 0.0])


def test_its_interval_holds_the_truth_in_trials_as_often_as_it_says():
    """Two times, a quarter leaves at random after the first: d (1 - 1/4) is true."""
    rng = np.random.default_rng(2)
    n, held = 60, 0
    for _ in range(2000):
        gone = rng.random(n) < 0.25
        d = rng.normal(2.0, 0.4)  # what the model says of those who stay
        row = reference_based([d, d], np.full((2, 2), 0.16), np.inf, [gone.sum(), 0], n).iloc[0]
        held += row["conf_low"] <= 1.5 <= row["conf_high"]
    assert 0.935 <= held / 2000 <= 0.965
