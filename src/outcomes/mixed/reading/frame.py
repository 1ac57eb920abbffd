"""The rows a model is fitted to, and the door that every column passes.

Plain numbers, or categories, or a refusal by name: whatever kind of column pandas, pyarrow or
polars made of them, the same numbers and the same words give the same model. Incomplete rows are
counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from outcomes.errors import FitError, FormulaError, UsageError
from outcomes.mixed.reading.formula import (
    ModelFormula,
    expression_variables,
    one_form,
    variables,
)
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
        data = _without_order_of_appearance(data)
    if not isinstance(data, pd.DataFrame):
        must = "data must be a data frame of pandas, polars or pyarrow"
        remedy = "Call .collect() first." if hasattr(data, "collect") else ""
        raise UsageError(must, got=type(data).__name__, remedy=remedy)
    table: pd.DataFrame = data
    written = [str(name) for name in table.columns]
    names = [*map(one_form, written)]
    names = names if len({*names}) == len({*written}) else written
    if names != [*table.columns]:
        table = table.set_axis(names, axis=1)
    if not table.columns.is_unique:
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        must = "Every column needs its own name"
        raise FitError(must, got="a name used twice", where=f"column {', '.join(twice)}")
    return table


def _without_order_of_appearance(data: Any) -> pd.DataFrame:
    """Make text of a polars Categorical: its levels stand as they came, and none is declared."""
    table: pd.DataFrame = data.to_pandas()
    kinds = data.schema if isinstance(getattr(data, "schema", None), Mapping) else {}
    return table.astype(
        {name: "string" for name, kind in kinds.items() if str(kind) == "Categorical"}
    )


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
    return pd.Series(pd.Categorical.from_codes(codes, levels, validate=False), index=column.index)


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
    known = {name.casefold(): name for name in data.columns}
    near = {name: get_close_matches(name.casefold(), known, n=1, cutoff=0.6) for name in absent}
    hints = [f"Did you mean '{known[m[0]]}' for '{name}'?" for name, m in near.items() if m]
    if not set(absent).isdisjoint(data.index.names):
        hints.append("It is in the index: use data.reset_index().")
    must = "Every name in the formula must be a column of the data"
    got = f"no column {', '.join(repr(name) for name in absent)}"
    where = "; ".join(f"'{name}' in {', '.join(needed[name])}" for name in absent)
    raise FormulaError(must, got=got, where=where, remedy=" ".join(hints))


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
        got = f"another level in {unseen} of the rows"
        raise FormulaError(must, got=got, where=f"column '{name}'")
    return np.asarray(found)


def require_size(where: str, values: Array) -> None:
    """Refuse numbers whose products would leave the range of floating-point numbers."""
    size = float(np.abs(values).max(initial=0.0))
    if size and not SMALLEST <= size <= LARGEST:
        must = f"The largest number of a column must lie between {SMALLEST:g} and {LARGEST:g}"
        got = "a larger one" if size > LARGEST else "a smaller one"
        raise FitError(must, got=got, where=where, remedy="Change the unit of the column.")


@dataclass(frozen=True)
class ModelFrame:
    """The complete rows of the data, and what was left out.

    Parameters
    ----------
    data : pandas.DataFrame
        Rows used, every column of the data as it was given.
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
    def _plain(self) -> dict[str, pd.Series]:
        return {}

    @cached_property
    def _encodings(self) -> dict[str, Encoded]:
        return {}

    @property
    def n_rows(self) -> int:
        """Number of rows used."""
        return len(self.data)

    def column(self, name: str) -> pd.Series:
        """Return a column of plain type, on its own index 0, 1, 2, ..."""
        if name not in self._plain:
            found = plain_column(name, self.data[name])
            is_numbered = self.data.index.equals(pd.RangeIndex(self.n_rows))
            self._plain[name] = found if is_numbered else found.reset_index(drop=True)
        return self._plain[name]

    def is_categorical(self, name: str) -> bool:
        """Tell whether formulas treat a column as categories."""
        return is_categories(self.column(name).dtype)

    def numbers(self, name: str) -> Array:
        """Return a numeric column as floats, shape (n,)."""
        return self.column(name).to_numpy(dtype=np.float64)

    def encoded(self, name: str) -> Encoded:
        """Return a column as level numbers."""
        if name not in self._encodings:
            self._encodings[name] = encode(self.column(name))
        return self._encodings[name]


def model_frame(formula: ModelFormula, data: pd.DataFrame, weights: Any = None) -> ModelFrame:
    """Keep the rows on which every column of the formula is known.

    Parameters
    ----------
    formula : ModelFormula
    data : pandas.DataFrame
    weights : str, Series or array, shape (n,), optional
        Prior weights, or the column that holds them.

    Returns
    -------
    ModelFrame

    Raises
    ------
    FormulaError
        A column of the formula is not in the data.
    FitError
        No row is complete, or a column holds infinite numbers, dates or objects.
    """
    needed = variables(formula)
    data = plain_table(data)
    require_columns(needed, data)
    columns = {name: data[name] for name in needed}
    missing = {name: column.isna().to_numpy() for name, column in columns.items()}
    prior = None if weights is None else prior_weights(weights, data)
    if prior is not None:
        label = weights if isinstance(weights, str) else "weights"
        missing[label] = np.isnan(prior) | missing.get(label, False)
    dropped = {name: int(mask.sum()) for name, mask in missing.items() if mask.any()}
    kept = _complete_rows(missing, len(data)) if dropped or not len(data) else None
    frame = ModelFrame(
        data=data if kept is None else data.iloc[kept],
        rows=kept,
        dropped=dropped,
        n_dropped=0 if kept is None else len(data) - len(kept),
        weights=prior if prior is None or kept is None else prior[kept],
    )
    computed = expression_variables(formula)
    for name in needed:
        if name in computed or (formula.residual and name == formula.residual.time):
            refuse_strange(name, columns[name] if kept is None else columns[name].iloc[kept])
    held = [(name, frame.column(name)) for name in needed]
    for name, column in [*held, ("weights", frame.weights)]:
        if column is not None and column.dtype == np.float64:
            refuse_infinite(f"column '{name}'", np.asarray(column))
            require_size(f"column '{name}'", np.asarray(column))
    return frame


def prior_weights(weights: Any, data: pd.DataFrame) -> Array:
    """Return the prior weights of the rows of a table, NaN where there is none.

    Parameters
    ----------
    weights : str, Series or array, shape (n,)
        A column; a Series, whose labels are those of the data in any order; or numbers in the order
        of the rows.
    data : pandas.DataFrame

    Raises
    ------
    FormulaError
        There is no such column.
    FitError
        They are not one number above zero for each row, or bear other labels than the rows.
    """
    if isinstance(weights, str):
        require_columns({weights: ["weights"]}, data)
        weights = data[weights]
    elif not isinstance(weights, pd.Series):
        values = np.asarray(weights)
        weights = pd.Series(values, data.index) if values.shape == (len(data),) else values
    if len(np.shape(weights)) != 1 or len(weights) != len(data):
        must = "weights must have one number per row of the data"
        got = f"{' by '.join(map(str, np.shape(weights))) or 'one'} for {len(data)} rows"
        raise FitError(must, got=got)
    if not weights.index.equals(data.index):
        weights = _by_label(weights, data)
    kind, got = kind_of(weights), "text or objects"
    if kind in NUMBERS:
        values = np.asarray(as_floats("weights", weights))
        wrong = int((values <= 0.0).sum())
        if not wrong:
            return values
        got = f"zero or a negative number in {wrong} of the rows"
    must = "weights must be numbers above zero"
    remedy = "Leave a row out by filtering the data, not by a zero weight."
    raise FitError(must, got=got, remedy=remedy)


def _by_label(weights: pd.Series, data: pd.DataFrame) -> pd.Series:
    once = weights.index.is_unique and data.index.is_unique
    if once and weights.index.isin(data.index).all():
        return weights.reindex(data.index)
    must = "weights given as a Series must bear the labels of the rows of the data"
    remedy = "If they stand in the order of the rows, give weights.to_numpy()."
    raise FitError(must, got="other labels" if once else "labels that repeat", remedy=remedy)


def _complete_rows(missing: Mapping[str, Array], n: int) -> Array:
    if n == 0:
        must = "A model needs rows"
        raise FitError(must, got="an empty table")
    kept = np.flatnonzero(~np.logical_or.reduce(list(missing.values())))
    if kept.size == 0:
        empty = [f"'{name}'" for name, mask in missing.items() if mask.all()]
        must = "At least one row must be complete"
        where = f"columns without any value: {', '.join(empty)}" if empty else ""
        remedy = "Leave the emptiest column out of the formula, or fill it in."
        raise FitError(must, got="a missing value in every row", where=where, remedy=remedy)
    return kept


def refuse_infinite(where: str, values: Array) -> None:
    """Refuse a column with an infinite number."""
    infinite = np.isinf(values)
    if infinite.any():
        must = "Every number must be finite"
        raise FitError(
            must,
            got=f"infinite values in {int(infinite.sum())} of the rows",
            where=f"{where}, first in row {int(np.argmax(infinite)) + 1} of the rows used",
            remedy="Set them to missing, or repair the step that divided by zero.",
        )
