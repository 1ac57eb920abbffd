"""Days that were mistyped: of another year, or with day and month in each other's place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.intake.dates import day_number, day_of_week
from outcomes.intake.rows import TypedRows
from outcomes.rules.care import YEARS_APART, far_apart

_YEAR, _MOST = 365.2425, 0.9
_STEPS, _AGREE, _WEEKDAYS = 5, 0.8, 20
"""Steps from row to row that show an order; rows and words that show a column of weekdays."""
_LONE, _NEAR = 60, 14
"""Days to all others from which a visit's date is looked at, and to them if it is exchanged."""


def without_far_years(rows: TypedRows, seen: pd.DataFrame) -> TypedRows:
    """Leave out visits more than two years from all others of their course: a mistyped year."""
    if "date" not in rows.cells:
        return rows
    whole = with_seen(rows, seen)
    far = far_apart(whole["episode_id"], whole["date"])[: len(rows.cells)]
    far = far.set_axis(rows.cells.index)
    remedy = ("Check the year, or write new_course_after_days under [study]; the fewer rows are "
              "left out, and counted.")  # fmt: skip
    rows = rows.found(YEARS_APART, "date", far, "more than two years from the others", remedy)
    return rows.without(far, "more than two years from the other visits of the course")


def with_doubtful_days(rows: TypedRows, seen: pd.DataFrame) -> TypedRows:
    """Warn of visits months from a patient's others that fit with day and month, or the year, else.

    A day up to the 12th is a date either way: 3 November for 11 March is found by nothing else, nor
    is the last year's number in January.
    """
    if "date" not in rows.cells:
        return rows
    held = with_seen(rows, seen, "patient_id")
    whole = held.dropna().drop_duplicates().sort_values(["patient_id", "date"])
    days, patient = whole["date"], whole["patient_id"]
    gaps = days.groupby(patient)
    lone = gaps.diff().fillna(np.inf).gt(_LONE) & gaps.diff(-1).fillna(-np.inf).lt(-_LONE)
    others = days.where(~lone).groupby(patient)
    low, high = others.transform("min") - _NEAR, others.transform("max") + _NEAR
    otherwise = (_exchanged(days), days + _YEAR, days - _YEAR)
    fits = lone & np.any([other.between(low, high) for other in otherwise], axis=0)
    found = pd.MultiIndex.from_frame(held).isin(pd.MultiIndex.from_frame(whole[fits]))
    marks = pd.Series(found[: len(rows.cells)], index=rows.cells.index)
    got = "a day months from the others; with day and month exchanged or another year it fits"
    return rows.found("R68", "date", marks, got)


def with_days_that_contradict(rows: TypedRows) -> TypedRows:
    """Report dates that the order of the rows, or the day of the week beside them, contradicts."""
    if "date" not in rows.cells:
        return rows
    days, course = rows.cells["date"], rows.cells["episodes.episode_id"]
    dates, swapped = pd.to_datetime(days, unit="D"), _exchanged(days)
    odd = _out_of_order(days, swapped, days * 0, _NEAR) | _out_of_order(days, swapped, course)
    got = "a day that fits the rows above and below it only with day and month exchanged"
    rows = rows.found("R69", "date", odd, got)
    for column, own in rows.text.items():
        different = own.dropna().unique()
        may_tell = column == rows.names["date"] or len(different) <= _WEEKDAYS
        told = {cell: day for cell in different
                if may_tell and (day := day_of_week(str(cell))) is not None}  # fmt: skip
        if told:
            stated, held = own.map(told), own.notna() & dates.notna()
            other = held & stated.notna() & stated.ne(dates.dt.day_of_week)
            agree = held & stated.eq(dates.dt.day_of_week)
            if agree.sum() > _AGREE * held.sum():
                rows = rows.found("R69", "date", other, f"another day of the week in {column}")
    return rows


def _exchanged(days: pd.Series[Any]) -> pd.Series[Any]:
    """Return days with month and day in each other's place; missing where one alone is a date."""
    dates = pd.to_datetime(days, unit="D")
    either = dates[dates.dt.day.le(12) & dates.dt.day.ne(dates.dt.month)]
    swapped = [day_number(day.replace(month=day.day, day=day.month)) for day in either]
    return pd.Series(swapped, either.index, dtype="float64").reindex(days.index)


def _out_of_order(
    days: pd.Series[Any], swapped: pd.Series[Any], of: pd.Series[Any], near: float = np.nan
) -> Any:
    """Return which days lie outside those around them, and inside if day and month change places.

    Only where rows of which day and month are sure stand in order; shape (rows,). At the first and
    last of them a day is outside that is more than `near` days away; not known: none is.
    """
    for sign in (1, -1):
        sure = (sign * days).where(swapped.isna())
        steps = sure.dropna().groupby(of).diff().dropna()
        if len(steps) >= _STEPS and (steps >= 0).mean() > _MOST:
            below, above = sure.groupby(of).ffill(), sure.groupby(of).bfill()
            low, high = below.fillna(above - near), above.fillna(below + near)
            outside = (sign * days < low) | (sign * days > high)
            return outside & (sign * swapped).between(low, high)
    return days.isna() & False


def with_seen(rows: TypedRows, seen: pd.DataFrame, whose: str = "episode_id") -> pd.DataFrame:
    """Return whose the rows are, and dates, and below them those that the study holds already."""
    own = rows.cells[[f"episodes.{whose}", "date"]].set_axis([whose, "date"], axis=1)
    old = [seen[[whose, "date"]]] if len(seen) else []
    return pd.concat([own, *old], ignore_index=True)
