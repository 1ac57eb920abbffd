"""Before, not during: three ways to ask a study without any effect what pressure does."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.formula.api as smf

import outcomes as oc
from outcomes.study import study_from_tables
from outcomes.synthetic.block import make_block, to_frame
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.tables import block_tables

STEPS = {
    "same visit": ("improvement ~ pressure_same_visit", "pressure_same_visit"),
    "before": ("improvement ~ pressure", "pressure"),
    "before, baseline and last score": (
        "improvement ~ pressure + baseline + score_before",
        "pressure",
    ),
}


def rows_of(seed, **changes):
    design = replace(scenario_design("null", episodes=200, seed=seed), **changes)
    tables = block_tables(design, make_block(design))
    study = study_from_tables({name: to_frame(table) for name, table in tables.items()})
    return study.trajectory("nprs", same_visit=True)


def three_steps(n_studies, **changes):
    """Estimate and p-value of each step in each study, shape (studies, steps, 2)."""
    found = []
    for seed in range(n_studies):
        frame = rows_of(seed, **changes)
        one = []
        for formula, term in STEPS.values():
            rows = frame.dropna(subset=[term])
            groups = rows["episode_id"].astype("category").cat.codes
            fit = smf.ols(formula, rows).fit(cov_type="cluster", cov_kwds={"groups": groups})
            one.append((fit.params[term], fit.pvalues[term]))
        found.append(one)
    return np.array(found)


@pytest.mark.parametrize("serial_share", [0.5, 0.0])
def test_only_before_with_baseline_and_last_score_finds_nothing(serial_share):
    estimates, p_values = np.moveaxis(three_steps(8, serial_share=serial_share), 2, 0)
    same_visit, before, adjusted = estimates.mean(axis=0)
    assert same_visit > 0.4
    assert (p_values[:, 0] < 0.001).all()
    assert before > 0.02
    error = estimates[:, 2].std(ddof=1) / np.sqrt(8)
    assert abs(adjusted) < 3.5 * error
    assert abs(adjusted) < before or serial_share == 0


@pytest.mark.slow
@pytest.mark.parametrize("serial_share", [0.5, 0.0])
def test_three_steps_in_many_studies(serial_share):
    n = 500
    estimates, p_values = np.moveaxis(three_steps(n, serial_share=serial_share), 2, 0)
    share = (p_values < 0.05).mean(axis=0)
    assert share[0] == 1.0
    assert share[1] > 0.08
    # 99 % Monte-Carlo interval around 5 to 7 %: cluster-robust errors are a little too small
    assert 0.05 - 2.6 * np.sqrt(0.05 * 0.95 / n) < share[2] < 0.07 + 2.6 * np.sqrt(0.0475 / n)
    error = estimates[:, 2].std(ddof=1) / np.sqrt(n)
    assert abs(estimates[:, 2].mean()) < max(3 * error, 0.008)


def mixed_model(n_studies):
    """Estimate and p-value of pressure in the mixed model, shape (studies, 2)."""
    formula = "improvement ~ pressure + baseline + score_before + session_count + (1 | episode_id)"
    found = []
    for seed in range(n_studies):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", oc.SingularFitWarning)  # the last score takes its place
            fit = oc.lmm(formula, rows_of(seed))
        row = fit.tidy().set_index("term").loc["pressure"]
        found.append((row["estimate"], row["p_value"]))
    return np.array(found)


def test_the_mixed_model_finds_nothing_either():
    estimates, p_values = mixed_model(5).T
    assert abs(estimates.mean()) < 3.5 * estimates.std(ddof=1) / np.sqrt(5)
    assert (p_values < 0.05).sum() <= 2


@pytest.mark.slow
def test_the_mixed_model_in_many_studies():
    n = 300
    estimates, p_values = mixed_model(n).T
    share = (p_values < 0.05).mean()
    assert abs(share - 0.05) < 2.6 * np.sqrt(0.05 * 0.95 / n) + 0.01
    assert abs(estimates.mean()) < max(3 * estimates.std(ddof=1) / np.sqrt(n), 0.008)
