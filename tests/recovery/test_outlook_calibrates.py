"""Outlooks of simulated patients held out; docs/calibration-of-outlook.md has the whole table."""

from __future__ import annotations

import pytest

from outcomes.care.proportion import exact_interval
from studies.outlook_calibration import CASES, coverage, reliability, run

STUDIES = 4


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_intervals_hold_and_probabilities_match(case):
    found = run(case, STUDIES)
    held = coverage(found)
    assert (held["n"] > 200).all()
    assert held["coverage"].between(0.75, 0.85).all(), held
    for predicted in ("met", "sustained"):
        table = reliability(found, predicted, 4)
        low, high = exact_interval(table["observed"] * table["n"], table["n"], 0.99)
        assert ((low - 0.05 <= table["predicted"]) & (table["predicted"] <= high + 0.05)).all(), (
            table
        )
        assert table["predicted"].iloc[-1] - table["predicted"].iloc[0] > 0.3
