"""Everything a fit needs from the data: response, fixed columns, random effects, weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError, FormulaError, warn
from outcomes.mixed.covariance import BlockCovariance, is_singular
from outcomes.mixed.reading.columns import (
    CATEGORICAL,
    Columns,
    build_columns,
    one_column,
    response_of,
    same_columns,
)
from outcomes.mixed.reading.expressions import CODERS, columns_of, read_call
from outcomes.mixed.reading.formula import ModelFormula, RandomTerm
from outcomes.mixed.reading.frame import (
    ModelFrame,
    model_frame,
    plain_column,
    plain_table,
    positions,
    refuse_infinite,
    refuse_strange,
    require_columns,
)
from outcomes.mixed.types import Array

FEW_ROWS = 200
"""Rows that mostly tell that random effects are not in the span of the fixed part."""
SAME = 1e-7
"""Columns with a relatively smaller remainder lie in the span of others."""


@dataclass(frozen=True)
class GroupingFactor:
    """One grouping factor with all the terms on it.

    Parameters
    ----------
    group : tuple of str
        Columns whose combination is the factor.
    terms : tuple of RandomTerm
    columns : tuple of Columns
        The columns of each term.
    codes : array of int, shape (n,)
        Level of each row.
    levels : pandas.Index
        Level labels, sorted; for a combination ``a:b`` written together.
    covariance : BlockCovariance
    """

    group: tuple[str, ...]
    terms: tuple[RandomTerm, ...]
    columns: tuple[Columns, ...]
    codes: Array
    levels: pd.Index
    covariance: BlockCovariance

    @property
    def name(self) -> str:
        """Name of the factor, ``a:b`` for a combination."""
        return ":".join(self.group)

    def is_called(self, name: str) -> bool:
        """Tell whether a name is the factor's; ``a:b`` and ``b:a`` are the same."""
        return name == self.name or sorted(name.split(":")) == sorted(self.group)

    @property
    def n_levels(self) -> int:
        """Number of levels that occur."""
        return len(self.levels)

    @property
    def q(self) -> int:
        """Random effects per level."""
        return self.covariance.q

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the random effects of one level, length q."""
        return tuple(name for columns in self.columns for name in columns.names)

    @property
    def parts(self) -> list[slice]:
        """Where the effects of each term stand among those of the factor."""
        ends = np.cumsum(self.covariance.sizes).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def singular_terms(self, lam: Array) -> list[RandomTerm]:
        """Return the terms whose covariance is singular, given Lambda, shape (q, q)."""
        sigma, parts = lam @ lam.T, zip(self.terms, self.parts, strict=True)
        return [term for term, own in parts if is_singular(sigma[own, own])]

    @cached_property
    def Z(self) -> Array:  # noqa: N802
        """Columns of the random effects, shape (n, q)."""
        return np.hstack([columns.matrix for columns in self.columns])

    def take(self, rows: Array) -> GroupingFactor:
        """Return the factor on some rows, with the levels that occur there."""
        kept, codes = np.unique(self.codes[rows], return_inverse=True)
        columns = tuple(columns.take(rows) for columns in self.columns)
        return replace(self, codes=codes, levels=self.levels[kept], columns=columns)


def grouping_factors(formula: ModelFormula, frame: ModelFrame) -> tuple[GroupingFactor, ...]:
    """Build every grouping factor, the one with most levels first (as lme4 orders theta).

    A factor whose levels are those of another under another name is left out with a warning: only
    the sum of their variances could be estimated.

    Raises
    ------
    FitError
        A factor has one level, or more random effects than rows.
    """
    by_group: dict[tuple[str, ...], list[RandomTerm]] = {}
    for term in formula.random:
        known = next((group for group in by_group if set(group) == set(term.group)), term.group)
        by_group.setdefault(known, []).append(term)
    factors: list[GroupingFactor] = []
    for group, terms in by_group.items():
        factor = _factor(group, terms, frame)
        _check_levels(factor, frame.n_rows)
        twin = next((other for other in factors if _is_same(other, factor)), None)
        if twin is None:
            factors.append(factor)
        else:
            _leave_out(factor, twin)
    return tuple(sorted(factors, key=lambda factor: -factor.n_levels))


def _is_same(one: GroupingFactor, other: GroupingFactor) -> bool:
    """Tell whether two factors group the rows alike and share a random effect."""
    if one.n_levels != other.n_levels or set(one.names).isdisjoint(other.names):
        return False
    first = np.empty(one.n_levels, dtype=np.intp)
    first[one.codes] = other.codes
    return np.array_equal(first[one.codes], other.codes)


def _leave_out(factor: GroupingFactor, twin: GroupingFactor) -> None:
    terms, others = (" + ".join(map(str, found.terms)) for found in (factor, twin))
    if not set(factor.names) <= set(twin.names):
        must = "Two grouping factors with the same groups must have different random effects"
        remedy = f"Keep one of {terms} and {others}."
        raise FitError(must, got="an effect that both have", where=factor.name, remedy=remedy)
    warn(
        f"'{factor.name}' groups the rows as '{twin.name}' does, so that their variances cannot "
        f"be told apart: {terms} is left out beside {others}."
    )


def refuse_unidentified(fixed: Columns, factors: tuple[GroupingFactor, ...]) -> None:
    """Refuse random effects that the fixed part takes up entirely.

    Raises
    ------
    FitError
        With such an effect, whose variance the data say nothing about.
    """
    for factor in factors:
        for columns in factor.columns:
            for j, name in enumerate(columns.names):
                possible = factor.n_levels <= len(fixed.names) < len(factor.codes)
                if possible and _spans(fixed, columns, j, factor):
                    must = "A factor is fixed or random, not both"
                    raise FitError(
                        must,
                        got=f"fixed columns that determine the '{name}' of every level",
                        where=f"grouping factor '{factor.name}'",
                        remedy="Its variance cannot be estimated: leave the random term out, or "
                        "the fixed columns that tell its levels apart.",
                    )


def _spans(fixed: Columns, columns: Columns, j: int, factor: GroupingFactor) -> bool:
    """Tell whether one effect's columns lie in the span of the fixed part; some rows first."""
    n = len(factor.codes)
    for rows in (np.arange(0, n, 1 + n // FEW_ROWS), np.arange(n)):
        X = fixed.take(rows).matrix
        levels = np.equal.outer(factor.codes[rows], np.arange(factor.n_levels))
        Z = levels * columns.take(rows).matrix[:, [j]]
        scale = np.linalg.norm(X, axis=0)
        X = X / np.where(scale > 0.0, scale, 1.0)
        rest = Z - X @ np.linalg.lstsq(X, Z, rcond=1e-10)[0]
        if np.linalg.norm(rest) > SAME * np.linalg.norm(Z):
            return False
    return True


def _factor(group: tuple[str, ...], terms: list[RandomTerm], frame: ModelFrame) -> GroupingFactor:
    codes, levels = group_codes(group, frame)
    columns = tuple(build_columns(term.expression, frame) for term in terms)
    for term, built in zip(terms, columns, strict=True):
        if not built.names:
            must = "A random term needs at least one column"
            raise FitError(must, got="none", where=str(term))
    return GroupingFactor(
        group=group,
        terms=tuple(terms),
        columns=columns,
        codes=codes,
        levels=levels,
        covariance=BlockCovariance(tuple(len(built.names) for built in columns)),
    )


def group_codes(group: tuple[str, ...], frame: ModelFrame) -> tuple[Array, pd.Index]:
    """Return level numbers for the combinations of columns that occur.

    Returns
    -------
    codes : array of int, shape (n,)
    levels : pandas.Index
        Sorted; labels of a combination are joined by ``:``.
    """
    encoded = [frame.encoded(name) for name in group]
    if len(encoded) == 1:
        return encoded[0].codes, encoded[0].levels
    sizes = tuple(len(column.levels) for column in encoded)
    combined = np.ravel_multi_index([column.codes.astype(np.int64) for column in encoded], sizes)
    found, codes = np.unique(combined, return_inverse=True)
    parts = np.unravel_index(found, sizes)
    labels = [column.levels.astype(str)[part] for column, part in zip(encoded, parts, strict=True)]
    return codes, pd.Index([":".join(label) for label in zip(*labels, strict=True)])


def _check_levels(factor: GroupingFactor, n_rows: int) -> None:
    where = f"grouping factor '{factor.name}'"
    if factor.n_levels == 1:
        must = "A grouping factor needs at least two levels"
        remedy = "Leave its term out: with one level there is no variance to estimate."
        raise FitError(must, got="one level", where=where, remedy=remedy)
    for term, columns in zip(factor.terms, factor.columns, strict=True):
        effects = factor.n_levels * len(columns.names)
        if len(columns.names) > 1 and effects >= n_rows:
            must = "A random term needs fewer random effects than there are rows"
            got = f"{effects} random effects for {n_rows} rows"
            remedy = "Most levels have too few rows for a slope: keep only (1 | group)."
            raise FitError(must, got=got, where=str(term), remedy=remedy)
    if factor.n_levels >= n_rows:
        must = "A grouping factor needs fewer levels than rows"
        remedy = "Its variance cannot be told from the residual: leave its term out."
        raise FitError(must, got="as many levels as rows", where=where, remedy=remedy)


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
    def root(self) -> Array:
        """Roots of the prior weights, shape (n, 1); one that counts for all, (1, 1), without."""
        return np.ones((1, 1)) if self.weights is None else np.sqrt(self.weights)[:, None]

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
    for name, column in plain.items():
        if column.dtype == np.float64:
            refuse_infinite(f"column '{name}'", column.to_numpy())
    return table.reset_index(drop=True).assign(**plain)


def seen_levels(fixed: Columns, name: str) -> list[object] | None:
    """Return the levels a categorical column had when the model was fitted, None for numbers."""
    for factor, (kind, state) in fixed.spec.encoder_state.items():
        if kind is CATEGORICAL and (factor == name or _codes(factor, name)):
            return list(state["categories"])
    return None


def _codes(factor: str, name: str) -> bool:
    """Tell whether a factor such as ``C(visit, contr.sum)`` only codes a column."""
    try:
        call = read_call(factor)
    except FormulaError:  # the name of a column, such as Trt group
        return False
    starts = [f"{coder}({call.columns.get(name)}{end}" for coder in CODERS for end in ",)"]
    return call.code.startswith(tuple(starts))


def _check_categories(fixed: Columns) -> None:
    """Refuse a fixed factor with one level, whose columns would silently vanish or alias."""
    for factor, (kind, state) in fixed.spec.encoder_state.items():
        if kind is CATEGORICAL and len(state["categories"]) == 1:
            must = "A categorical column of the fixed part needs at least two levels"
            remedy = "Leave it out of the formula; check whether rows were dropped."
            raise FitError(must, got="one level", where=f"column '{factor}'", remedy=remedy)
