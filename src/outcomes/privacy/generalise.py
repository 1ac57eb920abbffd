"""Coarser values: ages in bands, 90 and over together."""

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
