"""Everything a fit needs from the data: response, fixed columns, random effects, weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError
from outcomes.mixed.reading.columns import (
    CATEGORICAL,
    Columns,
    build_columns,
    one_column,
    response_of,
    same_columns,
)
from outcomes.mixed.reading.expressions import CODERS, columns_of, read_call
from outcomes.mixed.reading.formula import ModelFormula
from outcomes.mixed.reading.frame import ModelFrame, model_frame
from outcomes.mixed.reading.plain import (
    plain_column,
    plain_table,
    positions,
    refuse_strange,
    require_columns,
)
from outcomes.mixed.reading.random_effects_design import (
    GroupingFactor,
    grouping_factors,
    refuse_unidentified,
)
from outcomes.mixed.types import Array

WeightsLike = str | Array | pd.Series | None


@dataclass(frozen=True)
class Design:
    """A model's data in matrix form.

    Parameters
    ----------
    formula : ModelFormula
    frame : ModelFrame
        The rows used.
    y : array, shape (n,)
        Response as written in the formula (offset not subtracted).
    offsets : tuple of Columns
        One column each.
    fixed : Columns
        Fixed part, aliased columns included.
    factors : tuple of GroupingFactor
        The factor with most levels first.
    """

    formula: ModelFormula
    frame: ModelFrame
    y: Array
    offsets: tuple[Columns, ...]
    fixed: Columns
    factors: tuple[GroupingFactor, ...]

    @property
    def n(self) -> int:
        """Rows used."""
        return self.frame.n_rows

    @property
    def weights(self) -> Array | None:
        """Prior weights, shape (n,), None when all are one."""
        return self.frame.weights

    @cached_property
    def offset(self) -> Array | None:
        """Sum of the offsets, shape (n,), None without one."""
        if not self.offsets:
            return None
        return np.asarray(sum(columns.matrix[:, 0] for columns in self.offsets))

    @cached_property
    def response(self) -> Array:
        """Response minus offset, shape (n,): what the linear predictor explains."""
        return self.y if self.offset is None else self.y - self.offset


def build_design(formula: ModelFormula, data: pd.DataFrame, weights: WeightsLike = None) -> Design:
    """Build a design from data.

    Raises
    ------
    FormulaError
        The formula cannot be computed on these data.
    FitError
        The data cannot carry the model.
    """
    frame = model_frame(formula, data, weights)
    offsets = [build_columns(f"0 + I(1.0 * ({text}))", frame) for text in formula.offsets]
    for text, columns in zip(formula.offsets, offsets, strict=True):
        one_column(columns, text)
    design = Design(
        formula=formula,
        frame=frame,
        y=response_of(formula.response, frame),
        offsets=tuple(offsets),
        fixed=build_columns(formula.fixed, frame),
        factors=grouping_factors(formula, frame),
    )
    _check_categories(design.fixed)
    refuse_unidentified(design.fixed, design.factors)
    return design


def take_rows(design: Design, rows: Array) -> Design:
    """Keep some rows of a design.

    Unlike building it anew from the data, this keeps what the columns learned from all rows: knots
    of a spline, the mean of a centred number, levels that no longer occur.

    Parameters
    ----------
    design : Design
    rows : array of int, shape (k,)

    Returns
    -------
    Design
    """
    frame = design.frame
    weights = None if frame.weights is None else frame.weights[rows]
    return replace(
        design,
        frame=replace(frame, data=frame.data.iloc[rows], weights=weights),
        y=design.y[rows],
        offsets=tuple(columns.take(rows) for columns in design.offsets),
        fixed=design.fixed.take(rows),
        factors=tuple(factor.take(rows) for factor in design.factors),
    )


def design_matrix(columns: Columns, data: pd.DataFrame, part: str = "the fixed part") -> Array:
    """Build the columns of a design for other rows.

    Parameters
    ----------
    columns : Columns
    data : pandas.DataFrame
        Every column they are computed from; levels must be among those the model has seen.
    part : str
        Of the formula, for messages.

    Returns
    -------
    array, shape (n_new, p)
        Aliased columns included; NaN in rows with a missing value.

    Raises
    ------
    FormulaError
        A column is absent, or holds a level the model has not seen.
    """
    spec = columns.spec
    names = sorted(columns_of(spec.formula))
    rows = new_rows(data, {name: [part] for name in names})[names]
    for name in names:
        if (known := spec.encoder_state.get(name)) and known[0] is CATEGORICAL:
            levels = known[1]["categories"]
            codes = positions(rows[name], levels, name)
            rows[name] = pd.Categorical.from_codes(codes, pd.Index(levels))
        refuse_strange(name, rows[name])
    complete = np.flatnonzero(rows.notna().to_numpy().all(axis=1))
    matrix = np.full((len(rows), len(spec.column_names)), np.nan)
    if len(complete):
        known_rows = rows.iloc[complete].reset_index(drop=True)
        matrix[complete] = same_columns(columns, known_rows).matrix
    return matrix


def new_rows(data: Any, needed: dict[str, list[str]]) -> pd.DataFrame:
    """Return other rows with the columns needed in plain types, on an index of their own.

    Raises
    ------
    UsageError
        It is no table.
    FormulaError
        A column is absent.
    """
    table = plain_table(data)
    require_columns(needed, table)
    plain = {name: plain_column(name, table[name]).reset_index(drop=True) for name in needed}
    return table.reset_index(drop=True).assign(**plain)


def seen_levels(fixed: Columns, name: str) -> list[object] | None:
    """Return the levels a categorical column had when the model was fitted, None for numbers."""
    for factor, (kind, state) in fixed.spec.encoder_state.items():
        if kind is CATEGORICAL and (factor == name or _codes(factor, name)):
            return list(state["categories"])
    return None


def _codes(factor: str, name: str) -> bool:
    """Tell whether a factor such as ``C(visit, contr.sum)`` only codes a column."""
    call = read_call(factor)
    starts = [f"{coder}({call.columns.get(name)}{end}" for coder in CODERS for end in ",)"]
    return call.code.startswith(tuple(starts))


def _check_categories(fixed: Columns) -> None:
    """Refuse a fixed factor with one level, whose columns would silently vanish or alias."""
    for factor, (kind, state) in fixed.spec.encoder_state.items():
        if kind is CATEGORICAL and len(state["categories"]) == 1:
            must = "A categorical column of the fixed part needs at least two levels"
            raise FitError(
                must,
                got="one level",
                where=f"column '{factor}'",
                remedy="Leave it out of the formula; check whether rows were dropped.",
            )
