"""The door that every column passes: plain numbers, or categories, or a refusal by name.

Whatever kind of column pandas, pyarrow or polars made of them, the same numbers and the same words
give the same model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from outcomes.errors import FitError, FormulaError, UsageError
from outcomes.mixed.types import Array

NUMBERS = ("integer", "floating", "decimal")
_TEXT = ("string", "empty")
_REFUSED = {
    "bytes": "bytes",
    "complex": "complex numbers",
    "mixed": "numbers mixed with text or other objects",
    "mixed-integer": "numbers mixed with text or other objects",
    "interval": "intervals",
}
"""What pandas calls a column that no formula can compute with; all others left are dates."""

SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes whose products, squared once more for degrees of freedom, are still numbers."""


@dataclass(frozen=True)
class Encoded:
    """A column as level numbers.

    Parameters
    ----------
    codes : array of int, shape (n,)
        Position of each row's level in ``levels``.
    levels : pandas.Index
        Levels that occur, sorted, or in the declared order of a Categorical.
    """

    codes: Array
    levels: pd.Index


def plain_table(data: Any) -> pd.DataFrame:
    """Return a table as a pandas DataFrame whose columns are named by text, each once.

    Raises
    ------
    UsageError
        It is no table.
    FitError
        Two columns have one name.
    """
    if callable(getattr(data, "to_pandas", None)):
        data = data.to_pandas()
    if not isinstance(data, pd.DataFrame):
        must = "data must be a pandas DataFrame"
        remedy = "Call .collect() first." if hasattr(data, "collect") else ""
        raise UsageError(must, got=type(data).__name__, remedy=remedy)
    table: pd.DataFrame = data
    if not all(type(name) is str for name in table.columns):
        table = table.set_axis([str(name) for name in table.columns], axis=1)
    if not table.columns.is_unique:
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        must = "Every column needs its own name"
        raise FitError(must, got="a name used twice", where=f"column {', '.join(twice)}")
    return table


def plain_column(name: str, column: pd.Series) -> pd.Series:
    """Return a column as 64-bit numbers, booleans, or categories that occur.

    Parameters
    ----------
    name : str
    column : pandas.Series
        Of any type; dates and other objects stay as they are.

    Returns
    -------
    pandas.Series
        On the same index. Missing values are NaN; whole numbers stay whole where none is missing.

    Examples
    --------
    >>> plain_column("t", pd.Series([100, 3], dtype="Int8")).dtype
    dtype('int64')
    """
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(column.to_numpy(), index=column.index)
    if column.dtype in (np.float64, np.int64, bool):
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = column.cat.remove_unused_categories()
        return found.cat.rename_categories(pd.Index(found.cat.categories.tolist()))
    kind = kind_of(column)
    if kind == "boolean" and column.isna().any():
        return column.astype(object).astype(pd.CategoricalDtype([False, True]))
    if kind == "boolean":
        return column.astype(bool)
    if kind == "integer" and not column.isna().any():
        return _whole(name, column)
    if kind in NUMBERS:
        return as_floats(name, column)
    if kind not in _TEXT:
        return column
    codes, levels = pd.factorize(column, sort=True)
    if not isinstance(column.dtype, np.dtype) and column.dtype.na_value is pd.NA:
        levels = pd.Index(list(levels))
    return pd.Series(pd.Categorical.from_codes(codes, levels), index=column.index)


def kind_of(column: pd.Series) -> str:
    """Return what pandas infers a column to hold; objects that are all numbers are numbers."""
    if column.dtype != object:
        found = infer_dtype(column, skipna=True)
        return infer_dtype(column.astype(object)) if found == "unknown-array" else found
    values = column.dropna()
    numbers = all(isinstance(v, Real | Decimal) and not isinstance(v, bool) for v in values)
    kind = infer_dtype(values)
    return "floating" if numbers and kind not in ("integer", "empty") else kind


def _whole(name: str, column: pd.Series) -> pd.Series:
    try:
        return column.astype(np.int64)
    except (OverflowError, ValueError):
        return as_floats(name, column)


def as_floats(name: str, column: pd.Series) -> pd.Series:
    """Return numbers of any type as 64-bit floats, NaN where one is missing.

    Raises
    ------
    FitError
        A number is too large to be one.
    """
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError as error:
        must = f"The largest number of a column must lie between {SMALLEST:g} and {LARGEST:g}"
        raise FitError(must, got="a larger one", where=f"column '{name}'") from error
    return pd.Series(values, index=column.index)


def is_categories(dtype: Any) -> bool:
    """Tell whether a plain type stands for categories: words, or true and false."""
    return isinstance(dtype, pd.CategoricalDtype | pd.StringDtype) or dtype.kind in "bO"


def refuse_strange(name: str, column: pd.Series) -> None:
    """Refuse what would be read as something else than it looks like.

    Raises
    ------
    FitError
        With what the column holds.
    """
    kind = "string" if isinstance(column.dtype, pd.CategoricalDtype) else kind_of(column)
    if kind in ("boolean", *NUMBERS, *_TEXT):
        return
    must = "A model needs numbers or categories"
    remedy = f"Repair what is no number; for categories use data['{name}'].astype(str)."
    if kind not in _REFUSED:
        remedy = "Compute the days since the first visit as a column of numbers."
    got = _REFUSED.get(kind, "dates")
    raise FitError(must, got=got, where=f"column '{name}'", remedy=remedy)


def require_columns(needed: Mapping[str, list[str]], data: pd.DataFrame) -> None:
    """Refuse a formula that names columns which are not there, all of them at once.

    Raises
    ------
    FormulaError
        With the nearest column names.
    """
    absent = [name for name in needed if name not in data.columns]
    if not absent:
        return
    near = {name: get_close_matches(name, data.columns, n=1, cutoff=0.6) for name in absent}
    hints = [f"Did you mean '{match[0]}' for '{name}'?" for name, match in near.items() if match]
    if not set(absent).isdisjoint(data.index.names):
        hints.append("It is in the index: use data.reset_index().")
    must = "Every name in the formula must be a column of the data"
    raise FormulaError(
        must,
        got=f"no column {', '.join(repr(name) for name in absent)}",
        where="; ".join(f"'{name}' in {', '.join(needed[name])}" for name in absent),
        remedy=" ".join(hints),
    )


def encode(column: pd.Series) -> Encoded:
    """Turn a plain column into level numbers.

    Raises
    ------
    FitError
        Two levels look the same, such as the number 7 and the text "7".
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Encoded(column.cat.codes.to_numpy(), column.cat.categories)
    try:
        codes, levels = pd.factorize(column, sort=True)
    except TypeError as error:
        must = "A grouping column must hold numbers or text"
        raise FitError(must, got="other objects", where=f"column '{column.name}'") from error
    levels = pd.Index(levels)
    if levels.dtype == object and not levels.astype(str).is_unique:
        must = "A level must be written in one way"
        got = "numbers and text that look the same"
        raise FitError(must, got=got, where=f"column '{column.name}'", remedy="Use astype(str).")
    return Encoded(codes, levels)


def positions(column: pd.Series, levels: Iterable[Any], name: str) -> Array:
    """Return the position of each row's level among known ones, -1 where it is missing.

    Raises
    ------
    FormulaError
        A row holds another level.
    """
    found = pd.Index(list(levels)).get_indexer(pd.Index(column))
    unseen = int(((found < 0) & column.notna().to_numpy()).sum())
    if unseen:
        must = "New rows must hold levels the model has seen"
        got = f"{unseen} rows with another level"
        raise FormulaError(must, got=got, where=f"column '{name}'")
    return np.asarray(found)


def require_size(where: str, values: Array) -> None:
    """Refuse numbers whose products would leave the range of floating-point numbers."""
    size = float(np.abs(values).max(initial=0.0))
    if size and not SMALLEST <= size <= LARGEST:
        must = f"The largest number of a column must lie between {SMALLEST:g} and {LARGEST:g}"
        got = "a larger one" if size > LARGEST else "a smaller one"
        raise FitError(must, got=got, where=where, remedy="Change the unit of the column.")
