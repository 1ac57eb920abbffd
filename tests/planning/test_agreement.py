"""Power against other programs and against theory, on the same data or the same design."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.planning.batch import simulated
from outcomes.planning.repeated import seeds_from, told
from outcomes.planning.roads import rows_of
from outcomes.synthetic.scenarios import scenario_design

REFERENCE = Path(__file__).parents[1] / "reference" / "power_lme4" / "numbers.csv"


def test_a_plain_loop_over_lme4_finds_the_same_in_the_same_trials():
    """40 trials of 60 courses: estimates, errors, Satterthwaite's df and the power counted."""
    expected = pd.read_csv(REFERENCE)
    batch = simulated(scenario_design("two-arm-trial", episodes=60), seeds_from(1, 40), "nprs")
    found = pd.DataFrame(rows_of(batch, "trial", "nprs")).T.loc[expected["trial"]]
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
             "half_width_mean")[0]
        for n in (100, 400)
    ]  # fmt: skip
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.12)
