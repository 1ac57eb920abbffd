"""Read a frame or array of items into numbers, refusing what an item cannot be, by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments.arithmetic import Array
from outcomes.errors import DataError, UsageError

_ROWS_SHOWN = 5


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
