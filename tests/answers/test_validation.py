"""The validation table: its arithmetic on made records, its resuming, and one cheap case run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.answers.validation import CASES, NAIVE, Case, as_markdown, judge, run, run_case

CASE = Case("default", "how-much", "curve", "x", ("session_count", 4), "recover", "mean seen")


def records(case, n=1000, coverage=0.95, bias=0.0):
    """Estimates around a truth of 1 with intervals that hold it in the stated share."""
    held = np.arange(n) < round(coverage * n)
    estimate = np.full(n, 1 + bias)
    low = np.where(held, 0.5, 1.5)
    made = {"case": case.name, "seed": range(n), "refused": False, "truth": 1.0}
    table = pd.DataFrame({**made, "estimate": estimate, "conf_low": low, "conf_high": 2.0})
    return table.assign(naive=2.0, naive_low=1.8, naive_high=2.2)


@pytest.mark.parametrize(
    ("coverage", "expectation", "passed"),
    [(0.95, "recover", True), (0.85, "recover", False), (1.0, "recover", False),
     (1.0, "widen", True), (0.85, "widen", False)],
)  # fmt: skip
def test_a_case_passes_when_its_coverage_is_what_was_promised(coverage, expectation, passed):
    case = Case("default", "q", "k", "x", ("week", 8), expectation, "mean seen")
    row = judge(records(case, coverage=coverage), [case]).iloc[0]
    assert row["coverage"] == coverage
    assert row["low"] <= coverage <= row["high"]
    assert row["passed"] == passed


def test_bias_of_the_honest_and_of_the_naive_analysis():
    row = judge(records(CASE, bias=0.25), [CASE]).iloc[0]
    assert row["bias"] == pytest.approx(0.25)
    assert row["naive_bias"] == pytest.approx(1.0)
    assert row["naive_coverage"] == 0.0


def test_a_refusal_case_counts_refusals():
    case = Case("default", "trial", "ancova", "", ("week", 8), "refuse")
    table = pd.DataFrame({"case": case.name, "seed": range(20), "refused": [True] * 19 + [False]})
    row = judge(table, [case]).iloc[0]
    assert row["refused"] == 0.95
    assert row["passed"]


def test_the_page_names_what_was_missed():
    table = judge(records(CASE, coverage=0.7), [CASE])
    page = as_markdown(table)
    assert "**no**" in page
    assert "Missed: default, how-much" in page
    assert "Every case passed." in as_markdown(table.assign(passed=True))


def test_every_case_names_a_naive_analysis_that_exists():
    assert {case.naive for case in CASES} - {""} <= set(NAIVE)
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_run_goes_on_where_it_stopped(tmp_path):
    case = Case("default", "trial", "ancova", "", ("week", 8), "refuse", episodes=20)
    first = run([case], 1, tmp_path)
    both = run([case], 2, tmp_path)
    assert first["seed"].tolist() == [10_000]
    assert both["seed"].tolist() == [10_000, 10_001]
    assert both["refused"].all()


def test_a_trial_is_compared_with_its_own_truth():
    case = next(c for c in CASES if c.kind == "ancova" and c.estimand)
    record = run_case(case, 3)
    assert record["truth"] == pytest.approx(1.52, abs=0.1)
    assert record["conf_low"] < record["estimate"] < record["conf_high"]
    assert record["naive"] > record["truth"]
