"""The bookkeeping of held-out predictions, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import beta

from studies.outlook_calibration import coverage, page, reliability


def records() -> pd.DataFrame:
    n = 50
    met = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 10)
    return pd.DataFrame(
        {
            "episode_id": range(n), "ahead": 1, "expected": np.arange(n) / 5, "met": met,
            "held": [True] * 40 + [False] * 10, "was_met": [i % 10 < 10 * p for i, p in
                                                              enumerate(met)],
        }
    )  # fmt: skip


def test_shares_come_with_their_exact_intervals():
    row = coverage(records()).loc[1]
    assert (row["n"], row["coverage"]) == (50, 0.8)
    np.testing.assert_allclose(row["low"], beta.ppf(0.025, 40, 11))
    by_fifth = coverage(records(), "expected")["coverage"].tolist()
    assert by_fifth == [1.0, 1.0, 1.0, 1.0, 0.0]
    table = reliability(records(), "met", 1)
    np.testing.assert_allclose(table["observed"], table["predicted"])


def test_the_page_has_a_line_a_fifth():
    text = page([("A trial", records())])
    assert "| 1 | 50 | 80 % (66 % to 90 %) |" in text
    assert "| 5 | 90 % | 90 % (55 % to 100 %) |" in text
