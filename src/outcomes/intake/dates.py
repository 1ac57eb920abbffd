"""Read calendar dates in the ways a map accepts, in order, and count each way."""

from __future__ import annotations

import calendar
import datetime
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from outcomes.intake.refusals import refuse
from outcomes.plain_text import same_letters, shipped
from outcomes.privacy.patterns import plain

ISO, SERIAL = "%Y-%m-%d", "excel"
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_SERIAL_0 = datetime.date(1899, 12, 30).toordinal() - _EPOCH
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)"
                     r" ?(?:Z|UTC|GMT|([+-]\d\d:?\d\d)(?: UTC)?)")  # fmt: skip
UNIX = re.compile(r"1\d{9}(?:\d{3})?(?:\.0+)?")
"""Seconds, or thousandths of them, since 1970 in world time: of 2001 to 2033."""
_WORLD_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)? ?(?:Z|UTC|GMT)"
MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?$"
"""The time that a program writes behind a day."""
_NUMERIC = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}")
_DAY_FIRST, _A_DAY = 12, 24 * 60
_NAMES = shipped("intake/dates.toml")
_ENGLISH = {word: name for name, words in _NAMES["english"].items() for word in words.split()}
_WEEK = tuple(calendar.day_name)
_LETTERS = re.compile(r"[^\W\d_]{3,}\.?")
_CLOCK, AFTER_DATE, RANGE, _UHR, _SHORT_DAY, _BEFORE_NUMBERS, _ORDINAL = (
    re.compile(_NAMES["patterns"][name], re.IGNORECASE) for name in (
        "clock", "after_date", "range", "uhr", "short_day", "before_numbers", "ordinal")
)  # fmt: skip


@dataclass(frozen=True)
class Dates:
    """A column of dates.

    Parameters
    ----------
    days : Series of float
        Days since 1970-01-01, shape (rows,); NaN where a cell is empty or cannot be read.
    minutes : Series of float
        Minutes after midnight where the cell has a time of day; NaN elsewhere.
    unread : Series of bool
        Cells that no accepted way reads.
    ambiguous : Series of bool
        Cells that two accepted ways read as different dates; the first counts.
    turned : Series of bool
        Dates of which day and month may have changed places: a spreadsheet took those of the
        column that it could read, all before the 13th, and left the others as text.
    utc : Series of bool
        Moments that are given in UTC, so that their day is not known without a time zone.
    instants : Series of float
        Minutes since 1970 in world time of moments of which it is known; NaN elsewhere.
    counts : mapping of str to int
        Cells read in each way.
    """

    days: pd.Series[Any]
    minutes: pd.Series[Any]
    unread: pd.Series[Any]
    ambiguous: pd.Series[Any]
    turned: pd.Series[Any]
    utc: pd.Series[Any]
    instants: pd.Series[Any]
    counts: Counter[str]


def read_dates(
    text: pd.Series[Any], ways: Sequence[str], zone: str = "", *, utc: bool = False
) -> Dates:
    """Return a column of dates.

    Parameters
    ----------
    text : Series of str
        Cells, shape (rows,). A time of day may stand after the date.
    ways : sequence of str
        Accepted ways to write a date, as `datetime.strptime` takes them, tried in order; ``excel``
        for serial numbers of a spreadsheet. ISO dates are always accepted.
    zone : str, optional
        Time zone into which moments with an offset are turned; without one their day is that of
        their own offset.
    utc : bool
        Whether a date and time without an offset is one of world time, as a header says.

    Returns
    -------
    Dates

    Raises
    ------
    UsageError
        When `zone` is not the name of a zone.

    Examples
    --------
    >>> dates = read_dates(pd.Series(["05/04/2026", "04 May 2026"]), ["%m/%d/%Y", "%d %B %Y"])
    >>> dates.days.nunique(), dict(dates.counts)
    (1, {'%m/%d/%Y': 1, '%d %B %Y': 1})
    >>> cells = pd.Series(["2026-01-06 02:30:00", "2026-01-06"])
    >>> local = read_dates(cells, [], "America/Denver", utc=True)
    >>> [iso(day) for day in local.days], local.minutes.tolist()
    (['2026-01-05', '2026-01-06'], [1170.0, nan])
    """
    ways = list(dict.fromkeys([*ways, ISO]))
    cells = [*text.dropna().unique()]
    moments = {cell: moment for cell in cells if (moment := _moment(str(cell))) is not None}
    in_utc = [cell for cell, moment in moments.items() if not moment.utcoffset()]
    if len(in_utc) > 1 and all(_at_midnight(moment) for moment in moments.values()):
        written = {cell: f"{moment:%Y-%m-%d}" for cell, moment in moments.items()}
        moments, in_utc = {}, []  # days
    else:
        written = {cell: _local(moment, zone) for cell, moment in moments.items()}
    written = {cell: written.get(cell, str(cell)) for cell in cells}
    read = {cell: _readings(local, ways) for cell, local in written.items()}
    first = text.map(lambda cell: next(iter(read[cell].values()), None), na_action="ignore")
    days = pd.to_numeric(first, errors="coerce").astype("float64")
    several = {cell for cell, found in read.items() if len(set(found.values())) > 1}
    counts: Counter[str] = Counter()
    for cell, n in text.value_counts().items():
        counts.update({way: int(n) for way in list(read[cell])[:1]})
    minutes = read_times(text.map(written, na_action="ignore"))
    days, minutes = days + (minutes >= _A_DAY), minutes % _A_DAY
    instants = text.map({cell: moment.timestamp() / 60 for cell, moment in moments.items()})
    dates = Dates(
        days, minutes, text.notna() & days.isna(), text.isin(several), text.isin(_turned(read)),
        text.isin([] if zone else in_utc), instants.astype("float64"), counts,
    )  # fmt: skip
    return _from_utc(dates, zone) if utc else dates


def says_utc(header: str, clocks: pd.Series[Any]) -> bool:
    """Whether a header, or most of its times of day, say that they are in world time.

    Examples
    --------
    >>> none = pd.Series(["02:30"])
    >>> says_utc("Submit Date (UTC)", none), says_utc("Time", none)
    (True, False)
    >>> says_utc("Time", pd.Series(["02:30Z", "18:00:00 UTC"]))
    True
    """
    told = not {"utc", "gmt", "zulu"}.isdisjoint(plain(header).split())
    return told or bool(clocks.dropna().astype(str).str.fullmatch(_WORLD_CLOCK).mean() > 0.5)


def read_times(text: pd.Series[Any]) -> pd.Series[Any]:
    """Return times of day in minutes after midnight, NaN where there is none, shape (rows,).

    Examples
    --------
    >>> read_times(pd.Series(["9:15 AM", "12:05 pm", "17h30", "2026-05-04 00:15", "soon"])).tolist()
    [555.0, 725.0, 1050.0, 15.0, nan]
    """
    read = {cell: _minutes(str(cell)) for cell in text.dropna().unique()}
    return pd.to_numeric(text.map(read), errors="coerce").astype("float64")


def read_ends(text: pd.Series[Any]) -> pd.Series[Any]:
    """Return the second time of day of cells that hold two, as text; other cells as they are.

    Examples
    --------
    >>> read_ends(pd.Series(["Jan 5, 2026 9:00 - 10:00 AM", "17h30"])).tolist()
    ['10:00 AM', '17h30']
    """
    plain = text.str.replace(_UHR, r"\1:\2", regex=True)
    return plain.str.replace(RANGE, r"\2", regex=True)


def in_english(date: str) -> str:
    """Return a date with the names of its month and weekday in English, without th or de.

    Examples
    --------
    >>> in_english("5. März 2026"), in_english("5 de enero de 2026"), in_english("May 3rd, 2026")
    ('5. March 2026', '5 January 2026', 'May 3, 2026')
    """
    date = _SHORT_DAY.sub("", date)
    if not _LETTERS.search(date):
        return date
    bare = _ORDINAL.sub("", date)
    return _LETTERS.sub(lambda word: _ENGLISH.get(plain(word[0]), word[0].rstrip(".")), bare)


def without_weekday(date: str) -> str:
    """Return a date without the day of the week before it, where it is one of numbers.

    Examples
    --------
    >>> without_weekday("Mi. 14.05.2026"), without_weekday("Thu, 5/14/26")
    ('14.05.2026', '5/14/26')
    """
    date = _SHORT_DAY.sub("", date)
    return _BEFORE_NUMBERS.sub("", date) if day_of_week(date) is not None else date


def day_of_week(cell: str) -> int | None:
    """Return the day of the week that a cell begins with, 0 for Monday; None where there is none.

    Examples
    --------
    >>> [day_of_week(cell) for cell in ("Tue", "Mittwoch", "lun. 05/01/2026", "Monica")]
    [1, 2, 0, None]
    """
    word = re.match(r"[^\W\d_]{2,}\.?", cell.strip())
    name = _ENGLISH.get(plain(word[0]), word[0].rstrip(".")).title() if word else ""
    return next((i for i, day in enumerate(_WEEK) if name and day.startswith(name)), None)


@cache
def iso(day: float) -> str:
    """Return a day number as ISO text.

    Examples
    --------
    >>> iso(0)
    '1970-01-01'
    """
    return datetime.date.fromordinal(int(day) + _EPOCH).isoformat()


def day_number(date: datetime.date) -> float:
    """Return a date in days since 1970-01-01."""
    return float(date.toordinal() - _EPOCH)


def _moment(cell: str) -> datetime.datetime | None:
    """Return a moment whose offset from world time is written, or known; None for any other."""
    if UNIX.fullmatch(cell):
        return datetime.datetime.fromtimestamp(int(cell[:10]), datetime.UTC)
    found = _MOMENT.fullmatch(cell)
    if not found:
        return None
    late = found[1][11:16] == "24:00"
    text = f"{found[1][:11]}00{found[1][13:]}" if late else found[1]
    with suppress(ValueError):
        moment = datetime.datetime.fromisoformat(text + (found[2] or "+00:00"))
        return moment + datetime.timedelta(days=late)
    return None


def _at_midnight(moment: datetime.datetime) -> bool:
    """Whether a moment is a day that a program wrote with a time: midnight of world time."""
    return not moment.utcoffset() and moment.time() == datetime.time()


def _local(moment: datetime.datetime, zone: str) -> str:
    """Return a moment as date and time of the zone, or of its own offset."""
    return (moment.astimezone(_zone_of(zone)) if zone else moment).strftime("%Y-%m-%d %H:%M")


def _from_utc(dates: Dates, zone: str) -> Dates:
    """Return dates with times of world time as those of the clinic's zone."""
    whole = (dates.days * 24 * 60 + dates.minutes)[dates.instants.isna()].dropna()
    if whole.nunique() > 1 and (whole % (24 * 60) == 0).all():  # days that a program wrote so
        return replace(dates, minutes=dates.minutes.drop(whole.index).reindex(dates.days.index))
    instants = dates.instants.fillna(whole)
    if not zone:
        return replace(dates, utc=dates.utc | dates.days.index.isin(whole.index), instants=instants)
    moments = (pd.Timestamp(0) + pd.to_timedelta(whole, unit="m")).dt.tz_localize("UTC")
    local = moments.dt.tz_convert(_zone_of(zone)).dt.tz_localize(None)
    days = (local.dt.normalize() - pd.Timestamp(0)) / pd.Timedelta(days=1)
    minutes = (local - local.dt.normalize()) / pd.Timedelta(minutes=1)
    return replace(dates, days=days.reindex(dates.days.index).fillna(dates.days), instants=instants,
                   minutes=minutes.reindex(dates.days.index).fillna(dates.minutes))  # fmt: skip


def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        refuse("time_zone", "[file]")


def _readings(cell: str, ways: Sequence[str]) -> dict[str, float]:
    """Return each way that reads the cell, with the day it reads."""
    date, found = in_english(AFTER_DATE.sub("", same_letters(cell))), dict[str, float]()
    bare = without_weekday(date)
    for way in ways:
        with suppress(ValueError):
            if way == SERIAL:
                if 5_000 <= float(date) < 80_000:  # 1913 to 2119, and no year
                    found[way] = float(int(float(date)) + _SERIAL_0)
                continue
            said = date if "%a" in way.casefold() else bare
            day = datetime.datetime.strptime(said, way)  # noqa: DTZ007 - a date, not a moment
            found[way] = day_number(day.date())
    return found


def _turned(read: dict[Any, dict[str, float]]) -> set[Any]:
    """Return ISO dates up to the 12th beside text that can be read in one order only.

    Real dates of a spreadsheet come as ISO text. Where it was set to the other order, it took the
    dates that it could, with day and month in each other's place, and left the rest as text.
    """
    real = {cell: iso(next(iter(days.values()))) for cell, days in read.items() if ISO in days}
    typed = [_NUMERIC.match(str(cell)) for cell, days in read.items() if ISO not in days]
    one_way = any(max(int(pair[1]), int(pair[2])) > _DAY_FIRST for pair in typed if pair)
    before_13th = all(int(date[-2:]) <= _DAY_FIRST for date in real.values())
    if not (one_way and before_13th):
        return set()
    return {cell for cell, date in real.items() if date[-2:] != date[5:7]}


def _minutes(cell: str) -> float | None:
    cell = re.sub(r"(?<=\d) ?(?:Z|UTC|GMT)$", "", _UHR.sub(r"\1:\2", cell))
    within = RANGE.fullmatch(cell)
    cell = within[1] if within else cell
    found = AFTER_DATE.search(cell)
    clock = _CLOCK.fullmatch((found[1] if found else cell).strip())
    if clock is None or not (clock[2] or clock[3]):
        return None
    hours, half = int(clock[1]), (clock[3] or "").casefold()
    hours = hours % 12 + (12 if half == "p" else 0) if half else hours
    minutes = 60 * hours + int(clock[2] or 0)
    return float(minutes) if minutes <= _A_DAY else None
