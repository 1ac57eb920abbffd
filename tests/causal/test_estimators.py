"""Marginal model and g-formula against matrix algebra and processes without noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.causal.g_formula import forward_rows, g_formula, products, sustained_contrast
from outcomes.causal.marginal_model import interval_row, weighted_slope, with_weights
from outcomes.causal.pressure_history import pressure_history
from outcomes.causal.weights import stabilised_weights


def joined(study):
    rows = study.trajectory("nprs")
    visits = pressure_history(study, rows).visits
    return with_weights(rows, visits, stabilised_weights(visits))


def test_the_weighted_slope_is_weighted_least_squares_with_errors_robust_to_courses(clinic):
    rows = joined(clinic(n=60))
    found = weighted_slope(rows)
    times = pd.get_dummies(rows["session_count"], dtype=float)
    x = np.column_stack([rows["pressure_mean"], rows["baseline"], times])
    y, w = rows["improvement"].to_numpy(), rows["weight"].to_numpy()
    bread = np.linalg.inv(x.T @ (x * w[:, None]))
    beta = bread @ x.T @ (w * y)
    scores = pd.DataFrame(x * (w * (y - x @ beta))[:, None]).groupby(rows["episode_id"]).sum()
    groups, n, p = len(scores), len(y), x.shape[1]
    small = groups / (groups - 1) * (n - 1) / (n - p)
    variance = bread @ scores.to_numpy().T @ scores.to_numpy() @ bread * small
    assert found["estimate"] == pytest.approx(beta[0], rel=1e-9)
    assert found["std_error"] == pytest.approx(np.sqrt(variance[0, 0]), rel=1e-9)
    assert found["df"] == groups - 1


def test_the_g_formula_plays_a_process_without_noise_forward_exactly():
    """score = 1 + 0.5 last - 0.2 pressure + 0.3 mean of scores before: play both worlds by hand."""
    rng = np.random.default_rng(4)
    visits, parts = 5, []
    for i in range(40):
        scores, given = [float(rng.uniform(3, 9))], []
        rows = []
        for k in range(1, visits + 1):
            given.append(float(rng.integers(1, 5)))
            score = 1 + 0.5 * scores[-1] - 0.2 * given[-1] + 0.3 * np.mean(scores)
            rows.append((f"e{i}", k, given[-1], np.mean(given), scores[0], scores[-1], score))
            scores.append(score)
        parts += rows
    names = ["episode_id", "session_count", "pressure", "pressure_mean", "baseline"]
    rows = pd.DataFrame(parts, columns=[*names, "score_before", "score"])
    rows = rows.assign(
        improvement=rows["baseline"] - rows["score"], condition="x", adapted=0.0, age=0.0
    )

    def world(pressure):
        scores = [6.0]
        for _ in range(visits):
            scores.append(1 + 0.5 * scores[-1] - 0.2 * pressure + 0.3 * np.mean(scores))
        return scores[-1]

    coefficients = products(forward_rows(rows)).coefficients(np.ones(40))
    found = sustained_contrast(coefficients, -1, visits)
    assert found == pytest.approx(world(2.0) - world(3.0), abs=1e-6)


def test_a_better_direction_turned_round_turns_the_sign():
    coefficients = np.array([-0.2, 0.1, 0.4, 0.2])
    assert sustained_contrast(coefficients, 1, 4) == -sustained_contrast(coefficients, -1, 4)


def test_the_same_seed_gives_the_same_interval(clinic):
    rows = forward_rows(joined(clinic(n=60)))
    first, again = (g_formula(rows, -1, 5, seed=7, n_bootstrap=30) for _ in range(2))
    assert first == again
    assert first != g_formula(rows, -1, 5, seed=8, n_bootstrap=30)


def test_an_interval_row_is_that_of_student():
    row = interval_row(2.0, 0.5, 10, 11)
    assert row["conf_low"] == pytest.approx(2 - 2.228139 * 0.5, abs=1e-6)
    assert row["p_value"] == pytest.approx(0.002536, abs=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_weights_recover_what_comparing_mean_pressures_misses(clinic, effect):
    """12 large studies: plain regression is off by more than 0.15, weights by under 0.06."""
    plain, weighted = [], []
    for seed in range(12):
        rows = joined(clinic(seed, n=800, effect=effect, react=-0.25))
        weighted.append(weighted_slope(rows)["estimate"] - effect)
        plain.append(weighted_slope(rows.assign(weight=1.0))["estimate"] - effect)
    assert np.mean(plain) > 0.15
    assert abs(np.mean(weighted)) < 0.06
