"""Coarser values: ages in bands with 90 and over together, ZIP codes of three digits."""

from __future__ import annotations

from typing import Any

import pandas as pd

_OCR_2000 = "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893"
_RECOUNT_2020 = "036 059 102 202 203 204 205 369 556 692 753 772 821 823 878 879 884 893"
RESTRICTED_ZIP3 = frozenset(f"{_OCR_2000} {_RECOUNT_2020}".split())
"""Three-digit ZIP areas with 20,000 people or fewer: those of the guidance of the Office for Civil
Rights (census of 2000) and those of a public recount of the census of 2020, which is not official;
looked up in November 2026. The rule asks for the current census: check before publishing."""


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


def zip3(codes: pd.Series[Any]) -> pd.Series[Any]:
    """Return the first three digits of ZIP codes; ``000`` for areas with few people.

    Examples
    --------
    >>> zip3(pd.Series(["85142", "03601", "85142-1234", "n/a"])).tolist()
    ['851', '000', '851', None]
    """
    first = codes.astype("str").str.strip().str.extract(r"^(\d{3})\d{2}(?:-?\d{4})?$")[0]
    short = first.mask(first.isin(RESTRICTED_ZIP3), "000").astype(object)
    return short.where(short.notna(), None)
