"""The rows a model is fitted to: columns found, incomplete rows counted and left out, weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError
from outcomes.mixed.reading.formula import ModelFormula, expression_variables, variables
from outcomes.mixed.reading.plain import (
    NUMBERS,
    Encoded,
    as_floats,
    encode,
    is_categories,
    kind_of,
    plain_column,
    plain_table,
    refuse_strange,
    require_columns,
    require_size,
)
from outcomes.mixed.types import Array


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
            self._plain[name] = plain_column(name, self.data[name]).reset_index(drop=True)
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
    missing = {name: data[name].isna().to_numpy() for name in needed}
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
            refuse_strange(name, frame.data[name])
        _refuse_infinite(f"column '{name}'", frame.column(name))
    if prior is not None:
        _refuse_infinite("column 'weights'", frame.weights)
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
        got = f"zero or a negative number in {wrong} rows"
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
        raise FitError(
            must,
            got="a missing value in every row",
            where=f"columns without any value: {', '.join(empty)}" if empty else "",
            remedy="Leave the emptiest column out of the formula, or fill it in.",
        )
    return kept


def _refuse_infinite(where: str, column: Any) -> None:
    if column.dtype != np.float64:
        return
    values = np.asarray(column)
    infinite = np.isinf(values)
    if infinite.any():
        must = "Every number must be finite"
        raise FitError(
            must,
            got=f"infinite values in {int(infinite.sum())} rows",
            where=f"{where}, first in row {int(np.argmax(infinite)) + 1} of the rows used",
            remedy="Set them to missing, or repair the step that divided by zero.",
        )
    require_size(where, values)
