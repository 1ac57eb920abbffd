"""Power against other programs and against theory, on the same data or the same design."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestIndPower

import outcomes as oc
from outcomes.mixed.inference.testing import two_sided_p
from outcomes.planning.batch import simulated
from outcomes.planning.repeated import Wanted, seeds_from, told
from outcomes.planning.roads import rows_of
from outcomes.planning.side_by_side import Blocks, Models, searched, symmetric
from outcomes.planning.stacked import Stack, estimated, independent
from outcomes.synthetic.scenarios import scenario_design

REFERENCE = Path(__file__).parents[1] / "reference" / "power_lme4" / "numbers.csv"
MCPOWER = REFERENCE.parents[1] / "power_mcpower" / "numbers.csv"


def test_a_plain_loop_over_lme4_finds_the_same_in_the_same_trials(monkeypatch):
    """40 trials of 60 courses: estimates, errors, Satterthwaite's df and the power counted.

    Stand-ins taken for nobody, as in lme4's model.
    """
    monkeypatch.setattr("outcomes.planning.trials.own_visits", lambda *_: pd.Series(dtype=bool))
    expected = pd.read_csv(REFERENCE)
    batch = simulated(scenario_design("two-arm-trial", episodes=60), seeds_from(1, 40), "nprs")
    found = pd.DataFrame(rows_of(batch, Wanted("trial", "nprs"))).T.loc[expected["trial"]]
    for column, relative in (("week", 0), ("estimate", 1e-4), ("std_error", 1e-5), ("df", 1e-3)):
        np.testing.assert_allclose(
            found[column].astype(float), expected[column], rtol=relative, atol=1e-5
        )
    assert (found["p_value"] < 0.05).sum() == (expected["p_value"] < 0.05).sum()


def test_the_interval_narrows_as_theory_says():
    """Half-widths fall as one over the root of the courses, as those of any mean do."""
    design = scenario_design("two-arm-trial")
    widths = [
        told(oc.power(replace(design, episodes=n), "trial", week=8, n_simulations=30).table,
             "half_width_median")[0]
        for n in (100, 400)
    ]  # fmt: skip
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.12)


def test_mcpower_finds_the_same_power_on_its_own_designs():
    """`y = effect x + clinic + residual`: 2,000 studies of each design against its 10,000."""
    for given in pd.read_csv(MCPOWER).to_dict("records"):
        rng, number = np.random.default_rng(1), 2000
        shape = (number, given["clusters"], given["size"])
        x = rng.normal(size=shape)
        if given["level"] == "clinic":
            x = np.broadcast_to(rng.integers(0, 2, (*shape[:2], 1)).astype(float), shape)
        clinic = np.sqrt(given["icc"] / (1 - given["icc"])) * rng.normal(size=(*shape[:2], 1))
        y = (given["effect"] * x + clinic + rng.normal(size=shape)).ravel()
        study, course = (np.indices(shape)[0].ravel(), np.arange(y.size) // given["size"])
        X, lost = independent(np.column_stack([np.ones(y.size), x.ravel()]), study)
        stack = Stack(study, course, None, None, None, X, y)
        fit, ended = searched(stack.models())
        assert ended.all()
        estimate, error, df = estimated(fit, stack.scale, np.array([0.0, 1.0]))
        power = np.mean((two_sided_p(estimate / error, df) < 0.05) & ~lost[:, 1])
        share = given["power"]
        assert power == pytest.approx(share, abs=3.3 * np.sqrt(share * (1 - share) * 0.0006))


def test_two_arms_without_anything_between_them_have_the_power_of_a_t_test():
    """One score a course, no therapists: statsmodels' exact power, within Monte-Carlo error."""
    rng, n, number, effect = np.random.default_rng(3), 40, 4000, 0.6
    arm = np.tile(np.repeat([0.0, 1.0], n // 2), (number, 1))
    y = effect * arm + rng.normal(size=(number, n))
    seen = np.ones((1, number, n), bool)
    B = np.stack([np.ones_like(y), arm, y])[None]
    blocks = Blocks(B[:, :0], B, symmetric(1), seen)
    nothing = np.zeros((3, 3, number))
    models = Models((blocks,), nothing, np.full(number, float(n)), np.empty(0, int), 1)
    fit, ended = searched(models)
    assert ended.all()
    estimate, error, df = estimated(fit, np.ones(number), np.array([0.0, 1.0]))
    np.testing.assert_allclose(df, n - 2, rtol=1e-7)
    expected = TTestIndPower().power(effect, n // 2, 0.05)
    found = np.mean(two_sided_p(estimate / error, df) < 0.05)
    assert found == pytest.approx(expected, abs=3.3 * np.sqrt(expected * (1 - expected) / number))


def test_a_baseline_takes_off_its_correlation_squared():
    """Constrained baselines: the variance falls to 1 - rho^2 of one time point's (ANCOVA)."""
    rng, n, number, rho = np.random.default_rng(4), 200, 300, 0.7
    arm = np.tile(np.repeat([0.0, 1.0], n // 2), (number, 1))
    both = rng.normal(size=(2, number, n))
    later = rho * both[0] + np.sqrt(1 - rho**2) * both[1]
    zero, one = np.zeros_like(arm), np.ones_like(arm)
    first, second = (np.stack(rows) for rows in
                     ((one, zero, zero, both[0]), (zero, one, arm, later)))  # fmt: skip
    B, seen = np.stack([first, second]), np.ones((2, number, n), bool)
    blocks = Blocks(B[:, :0], B, symmetric(2), seen)
    models = Models((blocks,), np.zeros((4, 4, number)), np.full(number, 2.0 * n),
                    np.empty(0, int), 2)  # fmt: skip
    fit, _ = searched(models)
    error = estimated(fit, np.ones(number), np.array([0.0, 0.0, 1.0]))[1]
    expected = 4.0 / n * (1 - rho**2)
    assert np.mean(error**2) == pytest.approx(expected, rel=0.02)


def test_clusters_multiply_the_variance_by_the_design_effect():
    """Of equal clusters with the treatment between them: 1 + (size - 1) icc."""
    rng, clusters, size, icc, number = np.random.default_rng(5), 40, 8, 0.2, 400
    shape = (number, clusters, size)
    arm = np.broadcast_to((np.arange(clusters) % 2)[None, :, None], shape).astype(float)
    y = np.sqrt(icc) * rng.normal(size=(*shape[:2], 1)) + np.sqrt(1 - icc) * rng.normal(size=shape)
    study, course = np.indices(shape)[0].ravel(), np.arange(y.size) // size
    X = np.column_stack([np.ones(y.size), arm.ravel()])
    stack = Stack(study, course, None, None, None, X, y.ravel())
    fit, _ = searched(stack.models())
    _, error, df = estimated(fit, stack.scale, np.array([0.0, 1.0]))
    effect = 1 + (size - 1) * icc
    assert np.mean(error**2) == pytest.approx(4.0 / (clusters * size) * effect, rel=0.03)
    np.testing.assert_allclose(df, clusters - 2, rtol=1e-6)
