"""Everything a fit needs from the data: response, fixed columns, random effects, weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from outcomes.errors import FitError, FormulaError
from outcomes.mixed.reading.columns import (
    Columns,
    build_columns,
    evaluate_expression,
    matrix_from_spec,
)
from outcomes.mixed.reading.formula import ModelFormula, columns_of, read_expression
from outcomes.mixed.reading.frame import (
    ModelFrame,
    model_frame,
    require_columns,
    require_size,
)
from outcomes.mixed.reading.random_effects_design import GroupingFactor, grouping_factors
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
    offset : array, shape (n,), or None
    fixed : Columns
        Fixed part, aliased columns included.
    factors : tuple of GroupingFactor
        The factor with most levels first.
    """

    formula: ModelFormula
    frame: ModelFrame
    y: Array
    offset: Array | None
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
    design = Design(
        formula=formula,
        frame=frame,
        y=_finite(evaluate_expression(formula.response, frame), "response"),
        offset=_offset(formula, frame),
        fixed=build_columns(formula.fixed, frame),
        factors=grouping_factors(formula, frame),
    )
    _check_categories(design)
    return design


def design_matrix(fixed: Columns, data: pd.DataFrame) -> Array:
    """Build the fixed columns for other rows.

    Parameters
    ----------
    fixed : Columns
        The fixed part of a design.
    data : pandas.DataFrame
        Every column of the fixed part; levels must be among those the model has seen.

    Returns
    -------
    array, shape (n_new, p)
        Aliased columns included; missing values stay NaN.

    Raises
    ------
    FormulaError
        A column is absent, or holds a level the model has not seen.
    """
    spec = fixed.spec
    names = sorted(columns_of(spec.formula))
    require_columns({name: ["the fixed part"] for name in names}, data)
    known = {name: levels for name in names if (levels := seen_levels(fixed, name)) is not None}
    for name, levels in known.items():
        _refuse_unseen_levels(name, levels, data[name])
    declared = {
        name: data[name].cat.set_categories(levels)
        for name, levels in known.items()
        if isinstance(data[name].dtype, pd.CategoricalDtype)
    }
    return matrix_from_spec(spec, data.assign(**declared) if declared else data)


def seen_levels(fixed: Columns, name: str) -> list[object] | None:
    """Return the levels a categorical column had when the model was fitted, None for numbers."""
    for factor, (kind, state) in fixed.spec.encoder_state.items():
        if kind.value == "categorical" and name in columns_of(read_expression(f"0 + {factor}")):
            return list(state["categories"])
    return None


def _refuse_unseen_levels(name: str, levels: list[object], column: pd.Series) -> None:
    unseen = int((~column.dropna().isin(levels)).sum())
    if unseen:
        must = "New rows must hold levels the model has seen"
        raise FormulaError(
            must,
            got=f"{unseen} rows with another level",
            where=f"column '{name}'",
        )


def _offset(formula: ModelFormula, frame: ModelFrame) -> Array | None:
    if not formula.offsets:
        return None
    parts = [_finite(evaluate_expression(text, frame), "offset") for text in formula.offsets]
    return np.asarray(np.sum(parts, axis=0))


def _finite(values: Array, what: str) -> Array:
    wrong = ~np.isfinite(values)
    if wrong.any():
        must = f"The {what} must be finite on every row"
        raise FitError(
            must,
            got=f"{int(wrong.sum())} rows where it is not",
            where=f"first in row {int(np.argmax(wrong)) + 1} of the rows used",
            remedy="Check the function applied to it (a logarithm of zero, a division by zero).",
        )
    require_size(f"the {what}", values)
    return values


def _check_categories(design: Design) -> None:
    """Refuse a fixed factor with one level, whose columns would silently vanish or alias."""
    for name in sorted(columns_of(read_expression(design.formula.fixed))):
        if design.frame.is_categorical(name) and len(design.frame.encoded(name).levels) == 1:
            must = "A categorical column of the fixed part needs at least two levels"
            raise FitError(
                must,
                got="one level",
                where=f"column '{name}'",
                remedy="Leave it out of the formula; check whether rows were dropped.",
            )
