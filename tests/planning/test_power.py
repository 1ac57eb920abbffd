"""Power by simulation: its counting against scipy, its refusals, its seeds, and normal theory."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.errors import DesignError, FitError, UsageError
from outcomes.planning.repeated import asked_of, counted, repeated, seeds_from, told
from outcomes.synthetic.scenarios import NO_EFFECT, scenario_design

SMALL = scenario_design("two-arm-trial", episodes=60)


def found(n=400, clear=0.8, failed=0.05):
    """Records of which a known share is clear and a known share failed, widths 1 to n."""
    order = np.arange(n)
    return pd.DataFrame(
        {"clear": order < clear * n, "answered": order < (1 - failed) * n,
         "failed": order >= (1 - failed) * n, "half_width": order + 1.0, "reason": ""}
    )  # fmt: skip


def _record(answered: bool, seed: int) -> dict[str, object]:
    return {"answered": answered, "failed": False, "clear": False, "reason": f"too few, {seed}"}


def test_shares_have_the_intervals_of_scipy():
    table = counted(found())
    expected = stats.binomtest(320, 400).proportion_ci(0.95)
    assert told(table, "clear") == pytest.approx((0.8, expected.low, expected.high))
    assert told(table, "answered")[0] == pytest.approx(0.95)
    assert told(table, "failed")[0] == pytest.approx(0.05)


def test_nine_of_ten_intervals_are_no_wider_than_the_largest_that_is_told():
    estimate, low, high = told(counted(found()), "half_width_largest")
    expected = stats.quantile_test(np.arange(1.0, 401.0), q=0, p=0.9).confidence_interval()
    assert estimate == 360.0
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1.0)


def test_few_studies_do_not_tell_the_upper_end():
    assert np.isnan(told(counted(found(10)), "half_width_largest")[2])


def test_a_study_without_an_answer_has_found_nothing(monkeypatch):
    def ask(study, name, **options):  # noqa: ARG001
        must = "The optimiser must converge"
        raise FitError(must, got="a stop")

    monkeypatch.setattr("outcomes.planning.repeated.undisclosed", ask)
    record = asked_of(oc.simulate(SMALL), "trial", "nprs")
    assert (record["clear"], record["answered"], record["failed"]) == (False, False, True)
    assert "converge" in record["reason"]


def test_a_design_that_never_answers_is_refused_at_once_with_the_reason():
    seen = []
    with pytest.raises(DesignError, match="too few"):
        repeated(partial(_record, False), list(range(500)), progress=lambda *at: seen.append(at))
    assert seen[-1] == (10, 500)
    assert len(repeated(partial(_record, True), [3, 4])) == 2


def test_one_arm_is_told_why_a_trial_cannot_be_answered():
    with pytest.raises(DesignError, match="arm"):
        oc.power(scenario_design("default", episodes=20), "trial", n_simulations=2)


@pytest.mark.parametrize(("question", "n"), [("goals", 10), ("nothing", 10), ("trial", 0)])
def test_what_has_no_power_is_wrong_use(question, n):
    with pytest.raises(UsageError):
        oc.power(SMALL, question, n_simulations=n)


def test_seeds_differ_and_are_the_same_again():
    seeds = seeds_from(3, 2000)
    assert len(set(seeds)) == 2000
    assert seeds_from(3, 10) == seeds[:10]
    assert seeds_from(4, 10) != seeds[:10]
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_the_result_does_not_depend_on_the_processes():
    one, two = (oc.power(SMALL, "trial", n_simulations=4, processes=k) for k in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table)
    assert repr(one) == "Power(trial: 4 simulated studies)"
    assert "at p < 0.05" in one.sentence


def test_the_week_picks_the_estimate_and_its_truth():
    """The arms differ at week 8 and no longer at week 52 (docs/simulation.md)."""
    early, late = (oc.power(SMALL, "trial", n_simulations=2, week=week) for week in (8, None))
    assert told(early.table, "truth")[0] == pytest.approx(1.5, abs=0.15)
    assert told(late.table, "truth")[0] == pytest.approx(0.0, abs=0.1)
    assert "at week 8 at p < 0.05, where the true one is 1.5" in early.sentence
    assert "at week 52" in late.sentence
    with pytest.raises(DesignError, match="no test there"):
        oc.power(SMALL, "trial", n_simulations=2, week=3)


def test_the_share_that_holds_the_truth_is_counted():
    records = found().assign(truth=1.5, holds=np.arange(400) < 372)
    expected = stats.binomtest(372, 400).proportion_ci(0.95)
    assert told(counted(records), "holds") == pytest.approx((0.93, expected.low, expected.high))
    assert told(counted(records), "truth")[0] == 1.5


def test_change_is_never_given_a_power():
    planned = oc.power(scenario_design("default", episodes=40), "how-much", n_simulations=2)
    assert "p < 0.05" not in planned.sentence
    assert "no number of courses turns it into an effect" in planned.sentence


@pytest.mark.slow
def test_power_is_that_of_normal_theory():
    """The chance that a normal estimate with the truth as mean and the told width is clear."""
    design = scenario_design("two-arm-trial", episodes=220)
    planned = oc.power(design, "trial", week=8, n_simulations=400, processes=2)
    effect = told(planned.table, "truth")[0]
    std_error = told(planned.table, "half_width_mean")[0] / 1.99
    _, low, high = told(planned.table, "clear")
    expected = stats.norm.sf(1.96 - effect / std_error)
    assert low - 0.03 < expected < high + 0.03


@pytest.mark.slow
def test_where_nothing_helps_power_is_the_level():
    from dataclasses import replace

    design = replace(scenario_design("two-arm-trial", episodes=120), **NO_EFFECT)
    planned = oc.power(design, "trial", n_simulations=400, processes=2)
    _, low, high = told(planned.table, "clear")
    assert low < 0.05 < high
