"""The random part of a design: for each grouping factor its levels and its columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from outcomes.errors import FitError
from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.reading.columns import Columns, build_columns
from outcomes.mixed.reading.formula import ModelFormula, RandomTerm
from outcomes.mixed.reading.frame import ModelFrame
from outcomes.mixed.types import Array


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

    @cached_property
    def Z(self) -> Array:  # noqa: N802
        """Columns of the random effects, shape (n, q)."""
        return np.hstack([columns.matrix for columns in self.columns])


def grouping_factors(formula: ModelFormula, frame: ModelFrame) -> tuple[GroupingFactor, ...]:
    """Build every grouping factor, the one with most levels first (as lme4 orders theta).

    Raises
    ------
    FitError
        A factor has one level, or more random effects than rows.
    """
    by_group: dict[tuple[str, ...], list[RandomTerm]] = {}
    for term in formula.random:
        known = next((group for group in by_group if set(group) == set(term.group)), term.group)
        by_group.setdefault(known, []).append(term)
    factors = [_factor(group, terms, frame) for group, terms in by_group.items()]
    for factor in factors:
        _check_levels(factor, frame.n_rows)
    return tuple(sorted(factors, key=lambda factor: -factor.n_levels))


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
        raise FitError(
            must,
            got="one level",
            where=where,
            remedy="Leave its term out: with one level there is no variance to estimate.",
        )
    for term, columns in zip(factor.terms, factor.columns, strict=True):
        effects = factor.n_levels * len(columns.names)
        if len(columns.names) > 1 and effects >= n_rows:
            must = "A random term needs fewer random effects than there are rows"
            raise FitError(
                must,
                got=f"{effects} random effects for {n_rows} rows",
                where=str(term),
                remedy="Most levels have too few rows for a slope: keep only (1 | group).",
            )
    if factor.n_levels >= n_rows:
        must = "A grouping factor needs fewer levels than rows"
        raise FitError(
            must,
            got="as many levels as rows",
            where=where,
            remedy="Its variance cannot be told from the residual: leave its term out.",
        )
