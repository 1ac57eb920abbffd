"""The reference grid: the rows at which margins of a model are evaluated, and the data behind them.

A categorical column takes every level the model has seen, a number its mean over the rows used,
unless ``at`` says otherwise (Lenth 2016, J. Stat. Softw. 69(1)). A grid row is supported when data
were seen at its combination of the columns that interact in the model; elsewhere a value would be
the model's extrapolation and not an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular

from outcomes.errors import UsageError
from outcomes.mixed.reading.design import design_matrix, seen_levels
from outcomes.mixed.reading.expressions import columns_of
from outcomes.mixed.reading.frame import positions
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

At = Mapping[str, object]

MAX_ROWS = 200_000
"""Largest grid that is built."""

ESTIMABLE = 1e-8
"""A function of the coefficients relatively further than this from the rows is not estimable."""


@dataclass(frozen=True)
class Variable:
    """A column of the fixed part and where it is evaluated.

    Parameters
    ----------
    name : str
    levels : tuple, or None
        Levels the model has seen; None for a number.
    points : tuple
        Values on the grid.
    given : bool
        Whether the caller chose the values.
    """

    name: str
    levels: tuple[Any, ...] | None
    points: tuple[Any, ...]
    given: bool


@dataclass(frozen=True)
class ReferenceGrid:
    """The grid of a fit.

    Parameters
    ----------
    variables : dict of str to Variable
    frame : pandas.DataFrame
        One row a combination of values.
    rows : array, shape (k, p)
        Estimated fixed columns.
    offset : array, shape (k,)
    estimable : array of bool, shape (k,)
    supported : array of bool, shape (k,)
    beyond : array of bool, shape (k,)
        Where an interacting number lies outside every value seen.
    """

    variables: Mapping[str, Variable]
    frame: pd.DataFrame
    rows: Array
    offset: Array
    estimable: Array
    supported: Array
    beyond: Array


def reference_grid(fit: Fit, at: At | None = None) -> ReferenceGrid:
    """Build the reference grid of a fit.

    Parameters
    ----------
    fit : Fit
    at : dict of str to value or list of values, optional
        Where to evaluate the columns named.

    Returns
    -------
    ReferenceGrid

    Raises
    ------
    UsageError
        ``at`` names a column or level the model does not have, or the grid is too large.
    """
    variables = _variables(fit, dict(at or {}))
    size = int(np.prod([len(v.points) for v in variables.values()], dtype=np.int64))
    if size > MAX_ROWS:
        must = f"The reference grid must have at most {MAX_ROWS:,} rows"
        raise UsageError(must, got=f"{size:,}", remedy="Fix some columns with at={...}.")
    frame = _combinations(variables)
    everything = design_matrix(fit.design.fixed, frame)
    supported, beyond = _support(fit, variables, frame)
    return ReferenceGrid(
        variables=variables,
        frame=frame,
        rows=everything[:, fit.basis.kept],
        offset=grid_offset(fit, frame),
        estimable=estimable(fit, everything),
        supported=supported,
        beyond=beyond,
    )


def fixed_variables(fit: Fit) -> list[str]:
    """Return the columns that the fixed part and its offsets are computed from, sorted."""
    computed = (fit.design.fixed, *fit.design.offsets)
    return sorted({name for own in computed for name in columns_of(own.spec.formula)})


def require_variable(fit: Fit, name: str, what: str) -> None:
    """Refuse a name that is no column of the fixed part.

    Raises
    ------
    UsageError
        With the nearest column.
    """
    known = fixed_variables(fit)
    if name in known:
        return
    near = get_close_matches(str(name), known, n=1)
    must = f"{what} must name a column of the fixed part"
    remedy = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known) or 'none'}."
    raise UsageError(must, got=f"'{name}'", remedy=remedy)


def grid_offset(fit: Fit, data: pd.DataFrame) -> Array:
    """Return the model's offset for other rows, shape (k,); zero without one."""
    total = np.zeros(len(data))
    for columns in fit.design.offsets:
        total = total + design_matrix(columns, data, "offset")[:, 0]
    return total


def level_codes(fit: Fit, variable: Variable) -> Array:
    """Return the level number of each row used, shape (n,)."""
    column = fit.design.frame.column(variable.name)
    return positions(column, variable.levels or (), variable.name)


def cell_counts(fit: Fit, variables: Sequence[Variable]) -> Array:
    """Count the rows used in each combination of levels, one axis a categorical column."""
    shape = tuple(len(v.levels or ()) for v in variables)
    if not variables:
        return np.asarray(fit.n_observations)
    codes = np.ravel_multi_index([level_codes(fit, v) for v in variables], shape)
    return np.bincount(codes, minlength=int(np.prod(shape))).reshape(shape)


def cell_of(variables: Sequence[Variable], frame: pd.DataFrame) -> tuple[Array, ...]:
    """Return where each row of a grid stands in the table of `cell_counts`."""
    return tuple(
        np.asarray(pd.Index(list(v.levels or ())).get_indexer(pd.Index(frame[v.name])))
        for v in variables
    )


def _combinations(variables: Mapping[str, Variable]) -> pd.DataFrame:
    rows = list(product(*(variable.points for variable in variables.values())))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(variables)}
    return pd.DataFrame(columns, index=range(len(rows)))


def _variables(fit: Fit, at: dict[str, object]) -> dict[str, Variable]:
    for name in at:
        require_variable(fit, name, "at")
    found = {}
    for name in fixed_variables(fit):
        levels = seen_levels(fit.design.fixed, name)
        if name in at:
            values = _chosen(name, at[name], levels)
        elif levels is None:
            values = (float(fit.design.frame.numbers(name).mean()),)
        else:
            values = tuple(levels)
        found[name] = Variable(
            name, None if levels is None else tuple(levels), values, given=name in at
        )
    return found


def _chosen(name: str, value: object, levels: list[object] | None) -> tuple[Any, ...]:
    alone = isinstance(value, str) or np.ndim(value) == 0  # type: ignore[arg-type]
    values = (value,) if alone else tuple(dict.fromkeys(value))  # type: ignore[call-overload]
    if levels is not None:
        wrong = [v for v in values if v not in levels]
        must = f"at['{name}'] must hold levels the model has seen"
    else:
        wrong = [v for v in values if not _is_finite_number(v)]
        must = f"at['{name}'] must hold finite numbers"
    if wrong or not values:
        known = "" if levels is None else f"Known: {', '.join(map(str, levels))}."
        raise UsageError(must, got=f"{len(wrong)} unknown" if wrong else "nothing", remedy=known)
    return values if levels is not None else tuple(np.asarray(values, dtype=float))


def _is_finite_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value))


def estimable(fit: Fit, rows: Array) -> Array:
    """Tell which rows lie in the row space of the design: aliased columns as the data made them.

    Parameters
    ----------
    fit : Fit
    rows : array, shape (k, columns)
        Combinations of all columns of the fixed part, aliased ones too.
    """
    kept = fit.basis.kept
    aliased = np.setdiff1d(np.arange(rows.shape[1]), kept)
    if not aliased.size:
        return np.ones(len(rows), dtype=bool)
    X = fit.design.fixed.matrix
    Q, R = np.linalg.qr(X[:, kept])
    ties = solve_triangular(R, Q.T @ X[:, aliased])
    gap = np.abs(rows[:, aliased] - rows[:, kept] @ ties)
    size = np.abs(X[:, aliased]).max(axis=0) + np.abs(rows[:, kept]) @ np.abs(ties)
    return np.asarray((gap <= ESTIMABLE * size).all(axis=1))


def interacting(fit: Fit) -> list[list[str]]:
    """Return the columns of each term of the fixed part that has at least two, sorted."""
    terms = [columns_of([own.term]) for own in fit.design.fixed.spec.structure]
    return [sorted(names) for names in terms if len(names) > 1]


def _support(
    fit: Fit, variables: Mapping[str, Variable], frame: pd.DataFrame
) -> tuple[Array, Array]:
    supported = np.ones(len(frame), dtype=bool)
    beyond = np.zeros(len(frame), dtype=bool)
    for names in interacting(fit):
        cells = [variables[name] for name in names if variables[name].levels is not None]
        if not cells:
            continue
        place = cell_of(cells, frame)
        supported &= cell_counts(fit, cells)[place] > 0
        for name in names:
            if variables[name].levels is None:
                inside, anywhere = _within_range(fit, name, cells, place, frame)
                supported &= inside | ~anywhere
                beyond |= ~anywhere
    return supported, beyond


def _within_range(
    fit: Fit, name: str, cells: Sequence[Variable], place: tuple[Array, ...], frame: pd.DataFrame
) -> tuple[Array, Array]:
    """Tell where a number lies within what its cell has seen, and within what any cell has."""
    shape = tuple(len(v.levels or ()) for v in cells)
    codes = np.ravel_multi_index([level_codes(fit, v) for v in cells], shape)
    seen = fit.design.frame.numbers(name)
    low, high = np.full(int(np.prod(shape)), np.inf), np.full(int(np.prod(shape)), -np.inf)
    np.minimum.at(low, codes, seen)
    np.maximum.at(high, codes, seen)
    value = frame[name].to_numpy(dtype=np.float64)
    at = np.ravel_multi_index(place, shape)
    slack = 1e-9 * (1.0 + np.abs(value))
    inside = (value >= low[at] - slack) & (value <= high[at] + slack)
    anywhere = (value >= seen.min() - slack) & (value <= seen.max() + slack)
    return inside, anywhere
