"""Read calendar dates in the ways a map accepts, in order, and count each way."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd

ISO = "%Y-%m-%d"


@dataclass(frozen=True)
class Dates:
    """A column of dates.

    Parameters
    ----------
    days : Series of float
        Days since 1970-01-01, shape (rows,); NaN where a cell is empty or cannot be read.
    unread : Series of bool
        Cells that no accepted way reads.
    ambiguous : Series of bool
        Cells that two accepted ways read as different dates; the first counts.
    counts : mapping of str to int
        Cells read in each way.
    """

    days: pd.Series[Any]
    unread: pd.Series[Any]
    ambiguous: pd.Series[Any]
    counts: Counter[str]

    def texts(self) -> list[str | None]:
        """Return the dates as ISO text."""
        return [None if pd.isna(day) else iso(day) for day in self.days]


def read_dates(text: pd.Series[Any], ways: Sequence[str]) -> Dates:
    """Return a column of dates.

    Parameters
    ----------
    text : Series of str
        Cells, shape (rows,). A time of day after the date is left away.
    ways : sequence of str
        Accepted ways to write a date, as `datetime.strptime` takes them, tried in order; ISO dates
        are always accepted.

    Returns
    -------
    Dates

    Examples
    --------
    >>> dates = read_dates(pd.Series(["05/04/2026", "04 May 2026"]), ["%m/%d/%Y", "%d %B %Y"])
    >>> dates.days.nunique(), dict(dates.counts)
    (1, {'%m/%d/%Y': 1, '%d %B %Y': 1})
    """
    ways = list(dict.fromkeys([*ways, ISO]))
    read = {cell: _readings(str(cell), ways) for cell in text.dropna().unique()}
    first = text.map(lambda cell: next(iter(read[cell].values()), None), na_action="ignore")
    days = pd.to_numeric(first, errors="coerce").astype("float64")
    several = {cell for cell, found in read.items() if len(set(found.values())) > 1}
    counts: Counter[str] = Counter()
    for cell, n in text.value_counts().items():
        counts.update({way: int(n) for way in list(read[cell])[:1]})
    return Dates(days, text.notna() & days.isna(), text.isin(several), counts)


def iso(day: float) -> str:
    """Return a day number as ISO text.

    Examples
    --------
    >>> iso(0)
    '1970-01-01'
    """
    return datetime.date.fromordinal(int(day) + _EPOCH).isoformat()


_TIME = re.compile(r"[ T]+\d{1,2}:\d{2}.*$")
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _readings(cell: str, ways: Sequence[str]) -> dict[str, float]:
    """Return each way that reads the cell, with the day it reads."""
    date, found = _TIME.sub("", cell), {}
    for way in ways:
        with suppress(ValueError):
            day = datetime.datetime.strptime(date, way)  # noqa: DTZ007 - a date, not a moment
            found[way] = float(day.toordinal() - _EPOCH)
    return found
