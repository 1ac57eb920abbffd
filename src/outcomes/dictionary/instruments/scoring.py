"""Score items by an instrument's published rule; what an item cannot be is refused, by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import arithmetic
from outcomes.dictionary.instruments.arithmetic import Array
from outcomes.dictionary.instruments.catalogue import instrument
from outcomes.dictionary.instruments.record import Instrument, Scoring
from outcomes.errors import DataError, UsageError

_ROWS_SHOWN = 5


def score(name: str, items: Any, *, weights: Any = None) -> pd.Series[float]:
    """Score the items of one instrument, one patient a row.

    Parameters
    ----------
    name : str
        Short name of the instrument.
    items : DataFrame or array, shape (patients, items)
        Answers as the form numbers them, columns in published order under any names, empty where
        not answered. For ``gas`` one column a goal, rated -2 to +2.
    weights : sequence or DataFrame, optional
        For ``gas`` only: importance of the goals, at least 0, one a column or one a cell; equal by
        default.

    Returns
    -------
    Series of float
        Scores in the instrument's unit on the index of `items`; NaN where the missing rule is not
        met.

    Raises
    ------
    UsageError
        When the instrument is unknown or takes totals only, the number of columns is not that of
        its items, or weights are given to another instrument than ``gas``.
    DataError
        When items are text, out of range or fractions, by column and row position.

    Notes
    -----
    The rule, its source and its certainty stand with the instrument: ``instrument(name)``.

    Examples
    --------
    >>> score("quickdash", [[3] * 11, [3] * 9 + [None, None]]).tolist()
    [50.0, nan]
    >>> score("gas", [[2, 1, -1]], weights=[3, 2, 1]).round(2).tolist()
    [65.42]
    """
    chosen = instrument(name)
    rule = _rule(chosen)
    frame = as_frame(items)
    _check_columns(chosen, frame.shape[1])
    values = _numbers(chosen, rule, frame)
    if rule.kind == "gas":
        scores = arithmetic.goal_attainment(values, _weights(weights, frame), rule.required)
    elif weights is None:
        scores = _scores(chosen, values)
    else:
        must = "weights are given to gas only"
        raise UsageError(must, got="weights for another instrument")
    return pd.Series(scores, index=frame.index, name=name, dtype=float)


def _rule(chosen: Instrument) -> Scoring:
    if chosen.scoring is None:
        must = f"{chosen.name} is given as totals: {chosen.totals_only}"
        raise UsageError(must, got="items", remedy="Put the total into the score column.")
    return chosen.scoring


def _check_columns(chosen: Instrument, n_columns: int) -> None:
    least = chosen.n_items_minimum or chosen.n_items or 1
    most = chosen.n_items or n_columns
    if not least <= n_columns <= most:
        needed = f"{least}" if least == chosen.n_items else f"{least} to {chosen.n_items or 'any'}"
        must = f"{chosen.name} has {needed} items, one a column"
        raise UsageError(must, got=f"{n_columns} columns", remedy="Give each item its column.")


def _numbers(chosen: Instrument, rule: Scoring, frame: pd.DataFrame) -> Array:
    low, high = chosen.item_range
    return numbers(frame, low, high, whole=rule.whole_items, what=f"items of {chosen.name}")


def _scores(chosen: Instrument, values: Array) -> Array:
    rule, (low, high) = _rule(chosen), chosen.item_range
    if rule.blank_is_zero:
        values = arithmetic.blanks_as_zero(values)
    values = arithmetic.reverse(values, chosen.reverse_items, low, high)
    if rule.kind == "sum":
        return arithmetic.item_sum(values, rule.required)
    if rule.kind == "mean":
        return arithmetic.item_mean(values, rule.required)
    if rule.kind == "percent":
        return arithmetic.percent_of_range(values, rule.required, low, high, inverted=rule.inverted)
    if rule.kind == "table":
        return arithmetic.by_table(values, rule.table)
    return _sum_of_parts(rule, values)


def _sum_of_parts(rule: Scoring, values: Array) -> Array:
    """Sum of the parts' scores, where enough items are answered in each and in all."""
    parts = [instrument(part) for part in rule.parts]
    ends = np.cumsum([part.n_items or 0 for part in parts])
    chunks = np.split(values, ends[:-1], axis=1)
    total = np.sum([_scores(*pair) for pair in zip(parts, chunks, strict=True)], axis=0)
    return np.where(np.isfinite(values).sum(axis=1) >= rule.required, total, np.nan)


def _weights(weights: Any, frame: pd.DataFrame) -> Array:
    if weights is None:
        return np.ones(frame.shape)
    given = as_frame(weights)
    if given.shape == (frame.shape[1], 1):
        given = given.T
    if given.shape not in ((1, frame.shape[1]), frame.shape):
        must = "weights are one a goal, or one a cell"
        raise UsageError(must, got="another number of them")
    checked = numbers(given, 0, np.inf, whole=False, what="weights of goals")
    return np.broadcast_to(checked, frame.shape)


def as_frame(items: Any) -> pd.DataFrame:
    """Return `items` as a frame, one row a patient and one column an item.

    Raises
    ------
    UsageError
        When it is not a table of two dimensions.

    Examples
    --------
    >>> as_frame([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    try:
        return pd.DataFrame(items)
    except (ValueError, TypeError):
        must = "items are a frame or an array of two dimensions, one row a patient"
        raise UsageError(must, got="something else") from None


def numbers(
    frame: pd.DataFrame, minimum: float, maximum: float, *, whole: bool, what: str
) -> Array:
    """Return the cells as numbers, NaN where empty, after checking every one of them.

    Parameters
    ----------
    frame : DataFrame, shape (patients, items)
        Items in published order.
    minimum, maximum : float
        Range of an item, both ends included.
    whole : bool
        Whether an item is a whole number.
    what : str
        What the cells are, for messages ("items of ndi").

    Returns
    -------
    array, shape (patients, items)

    Raises
    ------
    DataError
        When cells are text, outside the range or not whole; all are named by column and row
        position, none by its value.

    Examples
    --------
    >>> numbers(pd.DataFrame({"a": [1, None]}), 0, 5, whole=True, what="items of ndi")
    array([[ 1.],
           [nan]])
    >>> numbers(pd.DataFrame({"a": [1, 7]}), 0, 5, whole=True, what="items of ndi")
    Traceback (most recent call last):
    ...
    outcomes.errors.DataError: items of ndi are whole numbers from 0 to 5, or empty;
    got numbers above 5 (column 1, row 2). Correct the cells, or leave them empty.
    """
    columns = [_number(frame.iloc[:, position]) for position in range(frame.shape[1])]
    values = np.empty(frame.shape) if not columns else np.column_stack([v for v, _ in columns])
    text = np.zeros(frame.shape, bool) if not columns else np.column_stack([t for _, t in columns])
    kinds = {
        "text": text,
        f"numbers below {minimum:g}": values < minimum,
        f"numbers above {maximum:g}": values > maximum,
    }
    if whole:
        kinds["fractions"] = np.isfinite(values) & (values != np.floor(values))
    if any(mask.any() for mask in kinds.values()):
        number = "whole numbers" if whole else "numbers"
        span = f"from {minimum:g} to {maximum:g}" if np.isfinite(maximum) else f"from {minimum:g}"
        must = f"{what} are {number} {span}, or empty"
        got = ", ".join(kind for kind, mask in kinds.items() if mask.any())
        where = _positions(np.logical_or.reduce(list(kinds.values())))
        raise DataError(
            must, got=got, where=where, remedy="Correct the cells, or leave them empty."
        )
    return values


def _number(column: pd.Series[Any]) -> tuple[Array, Any]:
    """Values of one column as floats, and which cells hold text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    read = pd.to_numeric(column, errors="coerce")
    text = read.isna() & column.notna()
    return read.to_numpy(dtype=float, na_value=np.nan), text.to_numpy(dtype=bool)


def _positions(wrong: Any) -> str:
    parts = []
    for column in np.flatnonzero(wrong.any(axis=0)):
        rows = np.flatnonzero(wrong[:, column]) + 1
        shown = ", ".join(str(row) for row in rows[:_ROWS_SHOWN])
        more = f" and {len(rows) - _ROWS_SHOWN} more" if len(rows) > _ROWS_SHOWN else ""
        parts.append(f"column {column + 1}, row{'s' if len(rows) > 1 else ''} {shown}{more}")
    return "; ".join(parts)
