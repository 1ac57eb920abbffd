"""Coarser values, at their boundaries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.privacy.generalise import age_band, periods

AGES = {0.0: "0-9", 9.99: "0-9", 10.0: "10-19", 79.5: "70-79", 89.9: "80-89", 90.0: "90+",
        117.0: "90+", -1.0: None, np.nan: None}  # fmt: skip


def test_ages_are_in_bands_of_ten_years_and_the_oldest_together():
    found = age_band(pd.Series(list(AGES), index=range(5, 5 + len(AGES))))
    assert found.tolist() == list(AGES.values())
    assert found.index.tolist() == list(range(5, 5 + len(AGES)))


def days(*dates):
    return pd.Series(
        [(pd.Timestamp(d) - pd.Timestamp("1970-01-01")).days for d in dates], dtype=float
    )


QUARTERS = days("2025-03-31", "2025-01-01", "2025-04-01", "2025-06-30", "2025-12-31")


@pytest.mark.parametrize(
    ("kind", "least", "expected"),
    [
        ("quarter", 2, ["2025-Q1", "2025-Q1", "2025-Q2", "2025-Q2", "2025-Q4"]),  # the last is new
        ("quarter", 3, ["2025"] * 5),
        ("year", 1, ["2025"] * 5),
    ],
)
def test_a_quarter_is_told_where_each_before_the_last_has_enough_courses(kind, least, expected):
    assert periods(QUARTERS, kind, least).tolist() == expected
    gap = periods(pd.concat([QUARTERS, pd.Series([np.nan])], ignore_index=True), kind, least)
    assert gap[:-1].tolist() == expected
    assert pd.isna(gap.iloc[-1])
