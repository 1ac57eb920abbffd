"""Coarser values: ages in bands, 90 and over together; days of a first visit in periods."""

from __future__ import annotations

from typing import Any

import pandas as pd


def age_band(age: pd.Series[Any]) -> pd.Series[Any]:
    """Return ten-year bands of ages in years, 90 and over together.

    Examples
    --------
    >>> age_band(pd.Series([47.0, 93.0])).tolist()
    ['40-49', '90+']
    """
    low = (age.clip(upper=90) // 10 * 10).astype("Int64")
    band = low.astype("str") + "-" + (low + 9).astype("str")
    return band.astype(object).mask(low >= 90, "90+").where(age.notna() & (age >= 0), None)


def periods(days: pd.Series[Any], kind: str, least: int) -> pd.Series[Any]:
    """Return the quarter or the year of days since 1970-01-01; missing where a day is.

    Parameters
    ----------
    days : Series of float
        First days of courses, shape (courses,).
    kind : {"quarter", "year"}
        What is wanted. A quarter says more than the Safe Harbor rule allows of a date: years are
        given instead where a quarter before the last has fewer than `least` courses.
    least : int
        Courses that a quarter has at least.

    Examples
    --------
    >>> periods(pd.Series([20100.0, 20200.0]), "quarter", 1).tolist()
    ['2025-Q1', '2025-Q2']
    >>> periods(pd.Series([20100.0, 20200.0]), "quarter", 2).tolist()
    ['2025', '2025']
    """
    dates = pd.to_datetime(days, unit="D")
    years = dates.dt.strftime("%Y").astype(object)
    quarters = years + "-Q" + dates.dt.quarter.astype("Int64").astype("str")
    counts = quarters[days.notna()].value_counts().sort_index()
    coarse = kind == "year" or bool((counts.iloc[:-1] < least).any())
    return (years if coarse else quarters).where(days.notna(), None)
