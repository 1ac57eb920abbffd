"""The rows a model is fitted to: columns found, incomplete rows counted and left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError, FormulaError, UsageError
from outcomes.mixed.reading.formula import ModelFormula, expression_variables, variables
from outcomes.mixed.reading.plain_types import with_plain_types
from outcomes.mixed.types import Array

NUMBERS = ("integer", "floating", "mixed-integer", "mixed-integer-float", "decimal", "complex")
"""What pandas calls a column of objects that are numbers."""

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


@dataclass(frozen=True)
class ModelFrame:
    """The complete rows of the data, and what was left out.

    Parameters
    ----------
    data : pandas.DataFrame
        Rows used, every column of the data.
    rows : array of int, shape (n,), or None
        Positions of the rows used in the data as given; None when all of them are.
    dropped : dict of str to int
        Rows with a missing value, by column; a row with two of them counts in both.
    n_dropped : int
        Rows left out.
    weights : array, shape (n,), or None
        Prior weights of the rows used.
    """

    data: pd.DataFrame
    rows: Array | None
    dropped: Mapping[str, int]
    n_dropped: int
    weights: Array | None

    @cached_property
    def _encodings(self) -> dict[str, Encoded]:
        return {}

    @property
    def n_rows(self) -> int:
        """Number of rows used."""
        return len(self.data)

    def is_categorical(self, name: str) -> bool:
        """Tell whether formulas treat a column as categories."""
        dtype = self.data[name].dtype
        return isinstance(dtype, pd.CategoricalDtype | pd.StringDtype) or dtype.kind == "O"

    def numbers(self, name: str) -> Array:
        """Return a numeric column as floats, shape (n,)."""
        return self.data[name].to_numpy(dtype=np.float64)

    def encoded(self, name: str) -> Encoded:
        """Return a column as level numbers."""
        if name not in self._encodings:
            self._encodings[name] = encode(self.data[name])
        return self._encodings[name]


def model_frame(
    formula: ModelFormula, data: pd.DataFrame, weights: str | Array | pd.Series | None = None
) -> ModelFrame:
    """Keep the rows on which every column of the formula is known.

    Parameters
    ----------
    formula : ModelFormula
    data : pandas.DataFrame
    weights : str or array, shape (n,), optional
        Prior weights, or the column that holds them.

    Returns
    -------
    ModelFrame

    Raises
    ------
    FormulaError
        A column of the formula is not in the data.
    FitError
        No row is complete, or a column holds infinite numbers.
    """
    needed = variables(formula)
    _require_table(data)
    require_columns(needed, data)
    for name in expression_variables(formula):
        _require_usable(name, data[name])
    data = with_plain_types(data, needed)
    checked: dict[str, Any] = {name: data[name] for name in needed}
    if weights is not None:
        label = weights if isinstance(weights, str) else "weights"
        checked[label] = _weights_column(weights, data)
    missing = {name: mask for name in checked if (mask := _missing(checked[name])).any()}
    kept = _complete_rows(missing, len(data))
    for name, column in checked.items():
        _refuse_infinite(name, column)
    frame = data if kept is None else data.iloc[kept]
    prior = None if weights is None else np.asarray(checked[label], dtype=np.float64)
    return ModelFrame(
        data=frame,
        rows=kept,
        dropped={name: int(mask.sum()) for name, mask in missing.items()},
        n_dropped=len(data) - len(frame),
        weights=prior if prior is None or kept is None else prior[kept],
    )


def _require_table(data: object) -> None:
    if not isinstance(data, pd.DataFrame):
        must = "data must be a pandas DataFrame"
        raise UsageError(must, got=type(data).__name__)
    if not data.columns.is_unique:
        twice = sorted({str(name) for name in data.columns[data.columns.duplicated()]})
        must = "Every column needs its own name"
        raise FitError(must, got="a name used twice", where=f"column {', '.join(twice)}")


def _require_usable(name: str, column: pd.Series) -> None:
    """Refuse what would be read as something else than it looks like."""
    where = f"column '{name}'"
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in NUMBERS:
        must = "Numbers must be stored as numbers"
        remedy = f"Use data['{name}'].astype(float), or astype('category') for categories."
        raise FitError(must, got="a column of objects", where=where, remedy=remedy)
    if column.dtype.kind == "c":
        must = "A model needs real numbers"
        raise FitError(must, got="complex numbers", where=where)
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or column.dtype.kind == "m":
        must = "A model needs numbers or categories"
        remedy = "Compute the days since the first visit as a column of numbers."
        raise FitError(must, got="dates", where=where, remedy=remedy)


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
    names = [str(column) for column in data.columns]
    near = {name: get_close_matches(name, names, n=1, cutoff=0.6) for name in absent}
    hints = [f"Did you mean '{match[0]}' for '{name}'?" for name, match in near.items() if match]
    places = "; ".join(f"'{name}' in {', '.join(needed[name])}" for name in absent)
    must = "Every name in the formula must be a column of the data"
    raise FormulaError(
        must,
        got=f"no column {', '.join(repr(name) for name in absent)}",
        where=places,
        remedy=" ".join(hints),
    )


def encode(column: pd.Series) -> Encoded:
    """Turn a column into level numbers, leaving out levels that do not occur."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        occurs = np.bincount(codes, minlength=len(column.cat.categories)) > 0
        if occurs.all():
            return Encoded(codes, column.cat.categories)
        return Encoded((np.cumsum(occurs) - 1)[codes], column.cat.categories[occurs])
    codes, levels = pd.factorize(column, sort=True)
    return Encoded(codes, pd.Index(levels))


def _weights_column(weights: str | Array | pd.Series, data: pd.DataFrame) -> Array:
    if isinstance(weights, str):
        require_columns({weights: ["weights"]}, data)
        column = data[weights]
    else:
        column = pd.Series(np.asarray(weights))
    if len(column) != len(data):
        got = f"{len(column)} for {len(data)} rows"
        must = "weights must have one number per row of the data"
        raise FitError(must, got=got)
    if not pd.api.types.is_numeric_dtype(column.dtype) or bool((column <= 0).any()):
        must = "weights must be numbers above zero"
        raise FitError(
            must,
            got="text, zero or a negative number",
            remedy="Leave a row out by filtering the data, not by a zero weight.",
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _missing(column: pd.Series | Array) -> Array:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return np.zeros(1, dtype=bool)
    return np.asarray(pd.isna(column))


def _complete_rows(missing: Mapping[str, Array], n: int) -> Array | None:
    if not missing:
        if n == 0:
            must = "A model needs rows"
            raise FitError(must, got="an empty table")
        return None
    kept = np.flatnonzero(~np.logical_or.reduce(list(missing.values())))
    if kept.size == 0:
        empty = [f"'{name}'" for name, mask in missing.items() if mask.all()]
        must = "At least one row must be complete"
        raise FitError(
            must,
            got="a missing value in every row",
            where=f"columns without any value: {', '.join(empty)}" if empty else "",
            remedy="Leave the emptiest column out of the formula, or fill it in.",
        )
    return kept


def _refuse_infinite(name: str, column: pd.Series | Array) -> None:
    if not (isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"):
        return
    size = _size(np.asarray(column))
    if np.isinf(size):
        infinite = np.isinf(np.asarray(column))
        must = "Every number must be finite"
        raise FitError(
            must,
            got=f"infinite values in {int(infinite.sum())} rows",
            where=f"column '{name}', first in row {int(np.argmax(infinite)) + 1}",
            remedy="Set them to missing, or repair the step that divided by zero.",
        )
    require_size(f"column '{name}'", np.asarray(column))


def require_size(where: str, values: Array) -> None:
    """Refuse numbers whose products would leave the range of floating-point numbers."""
    size = _size(values)
    if size and not SMALLEST <= size <= LARGEST:
        must = f"The largest number of a column must lie between {SMALLEST:g} and {LARGEST:g}"
        got = "a larger one" if size > LARGEST else "a smaller one"
        raise FitError(must, got=got, where=where, remedy="Change the unit of the column.")


def _size(values: Array) -> float:
    """Return the largest absolute value, missing ones left out."""
    return float(max(np.fmax.reduce(values, initial=0.0), -np.fmin.reduce(values, initial=0.0)))
