"""Columns of a design as products of factors, each factor evaluated once.

formulaic decides which columns a formula has, their names and their coding; it is asked on a
small template whenever every factor is a plain column, and on the data otherwise. The columns
themselves are kept as products (a code table times a number), so that what is constant within a
group never needs to be expanded over its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.errors import FormulaicError

from outcomes.errors import FitError, FormulaError
from outcomes.mixed.reading.formula import columns_of, read_expression
from outcomes.mixed.reading.frame import ModelFrame, require_size
from outcomes.mixed.reading.plain_types import with_plain_types
from outcomes.mixed.types import Array

Levels = tuple[Any, ...]


@dataclass(frozen=True)
class Factor:
    """One factor of a term: ``values[codes]`` when coded, else ``values`` itself.

    Parameters
    ----------
    key : str
        The same for the same factor of the same data.
    values : array, shape (n_levels, k) or (n, k)
    codes : array of int, shape (n,), or None
    """

    key: str
    values: Array
    codes: Array | None = None

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    def column(self, j: int, rows: Array | slice = slice(None)) -> Array:
        """Return one column on some rows."""
        if self.codes is None:
            return np.asarray(self.values[rows, j])
        return np.asarray(self.values[self.codes[rows], j])

    def rows(self) -> Array:
        """Return the columns expanded over the rows, shape (n, k)."""
        return self.values if self.codes is None else self.values[self.codes]


@dataclass(frozen=True)
class Columns:
    """The columns of one side of a design.

    Parameters
    ----------
    names : tuple of str
        Column names, formulaic's own.
    terms : tuple of str
        Term names, formulaic's own; the intercept is ``1``.
    assign : array of int, shape (p,)
        The term each column belongs to.
    factors : tuple of Factor
    products : tuple of tuple of int
        For each run of columns the factors it multiplies, the first one's columns running
        fastest; () is the intercept.
    spec : formulaic.ModelSpec
        Rebuilds the same columns for new data.
    n_rows : int
    """

    names: tuple[str, ...]
    terms: tuple[str, ...]
    assign: Array
    factors: tuple[Factor, ...]
    products: tuple[tuple[int, ...], ...]
    spec: ModelSpec
    n_rows: int

    @cached_property
    def matrix(self) -> Array:
        """All columns expanded over the rows, shape (n, p)."""
        rows = [factor.rows() for factor in self.factors]
        blocks = [multiply([rows[i] for i in used], self.n_rows) for used in self.products]
        return np.hstack(blocks) if blocks else np.empty((self.n_rows, 0))


def multiply(factors: list[Array], n_rows: int) -> Array:
    """Multiply factors row by row, the first one's columns running fastest."""
    result = np.ones((n_rows, 1))
    for factor in factors:
        result = (factor[:, :, None] * result[:, None, :]).reshape(n_rows, -1)
    return result


def build_columns(expression: str, frame: ModelFrame) -> Columns:
    """Build the columns of a right-hand side.

    Parameters
    ----------
    expression : str
        A formulaic right-hand side.
    frame : ModelFrame

    Returns
    -------
    Columns

    Raises
    ------
    FormulaError
        formulaic cannot evaluate the expression on these data.
    FitError
        A column it makes is not finite on every row.
    """
    used = sorted(columns_of(read_expression(expression)))
    kinds = tuple(
        (name, tuple(frame.encoded(name).levels) if frame.is_categorical(name) else None)
        for name in used
    )
    plan = _plan(expression, kinds)
    if plan.factors is not None:
        return _from_plan(plan, frame)
    columns = _from_data(expression, frame)
    _refuse_infinite(columns)
    return columns


def evaluate_expression(expression: str, frame: ModelFrame) -> Array:
    """Evaluate one numeric expression such as ``np.log(score)``, shape (n,).

    Raises
    ------
    FormulaError
        It is not one numeric column.
    """
    name = expression.strip("`")
    if name in frame.data.columns:
        if frame.is_categorical(name):
            must = "The response and offsets must be numbers"
            raise FormulaError(must, got="text", where=f"column '{name}'")
        return frame.numbers(name)
    columns = _from_data(f"0 + I({expression})", frame)
    if len(columns.names) != 1:
        got = f"{len(columns.names)} columns"
        must = "The response must be one column"
        raise FormulaError(must, got=got, where=f"'{expression}'")
    return np.asarray(columns.matrix[:, 0])


def matrix_from_spec(spec: ModelSpec, data: pd.DataFrame) -> Array:
    """Rebuild columns for other data, shape (n, p), with missing values kept as NaN."""
    used = [name for name in columns_of(spec.formula) if name in data.columns]
    data = with_plain_types(data, used)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        matrix = spec.get_model_matrix(data, na_action="ignore", output="numpy")
    return np.asarray(matrix, dtype=np.float64)


@dataclass(frozen=True)
class _Plan:
    """How to build columns without formulaic; ``factors`` is None where that is not possible."""

    spec: ModelSpec
    factors: tuple[tuple[str, bool], ...] | None
    products: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=256)
def _plan(expression: str, kinds: tuple[tuple[str, Levels | None], ...]) -> _Plan:
    formula = read_expression(expression)
    plain = {name for name, _ in kinds}
    if any(f.expr not in plain and f.expr != "1" for t in formula for f in t.factors):
        return _Plan(ModelSpec(formula=[]), None, ())
    spec = _materialise(expression, _template(dict(kinds)))
    factors: dict[tuple[str, bool], int] = {}
    products = []
    expected = []
    levels = dict(kinds)
    for structure in spec.structure:
        for scoped in structure.scoped_terms:
            used = [(str(f.factor.expr), bool(f.reduced)) for f in scoped.factors]
            products.append(tuple(factors.setdefault(key, len(factors)) for key in used))
            expected += _names([(key, levels[key[0]]) for key in used])
    if expected != list(spec.column_names):
        return _Plan(spec, None, ())
    return _Plan(spec, tuple(factors), tuple(products))


def _template(levels: dict[str, Levels | None]) -> pd.DataFrame:
    """Return a frame that holds every level, which is all that formulaic's coding looks at."""
    length = max([len(found) for found in levels.values() if found is not None], default=1)
    return pd.DataFrame(
        {
            name: np.zeros(length)
            if found is None
            else pd.Categorical([found[i % len(found)] for i in range(length)], categories=found)
            for name, found in levels.items()
        },
        index=range(length),
    )


def _names(factors: list[tuple[tuple[str, bool], Levels | None]]) -> list[str]:
    if not factors:
        return ["Intercept"]
    parts = []
    for (name, reduced), levels in factors:
        if levels is None:
            parts.append([name])
        elif reduced:
            parts.append([f"{name}[T.{level}]" for level in levels[1:]])
        else:
            parts.append([f"{name}[{level}]" for level in levels])
    return [":".join(reversed(found)) for found in product(*reversed(parts))]


def _from_plan(plan: _Plan, frame: ModelFrame) -> Columns:
    built = tuple(_plain_factor(frame, name, reduced) for name, reduced in plan.factors or ())
    return Columns(
        names=tuple(plan.spec.column_names),
        terms=tuple(str(structure.term) for structure in plan.spec.structure),
        assign=_assign(plan.spec),
        factors=built,
        products=plan.products,
        spec=plan.spec,
        n_rows=frame.n_rows,
    )


def _plain_factor(frame: ModelFrame, name: str, reduced: bool) -> Factor:
    if not frame.is_categorical(name):
        return Factor(name, frame.numbers(name)[:, None])
    encoded = frame.encoded(name)
    table = np.eye(len(encoded.levels))[:, int(reduced) :]
    return Factor(f"{name} {'reduced' if reduced else 'full'}", table, encoded.codes)


def _from_data(expression: str, frame: ModelFrame) -> Columns:
    data = _without_unused_levels(frame)
    spec = _materialise(expression, data)
    matrix = matrix_from_spec(spec, data)
    return Columns(
        names=tuple(spec.column_names),
        terms=tuple(str(structure.term) for structure in spec.structure),
        assign=_assign(spec),
        factors=tuple(
            Factor(f"{expression} {name}", matrix[:, [j]])
            for j, name in enumerate(spec.column_names)
        ),
        products=tuple((j,) for j in range(matrix.shape[1])),
        spec=spec,
        n_rows=frame.n_rows,
    )


def _refuse_infinite(columns: Columns) -> None:
    wrong = ~np.isfinite(columns.matrix)
    bad = [name for name, column in zip(columns.names, wrong.T, strict=True) if column.any()]
    if bad:
        must = "A column of the formula must be finite on every row"
        raise FitError(
            must,
            got=f"{int(wrong.any(axis=1).sum())} rows where it is not",
            where=", ".join(bad),
            remedy="Check the function applied to it (a logarithm of zero, a division by zero).",
        )
    for name, column in zip(columns.names, columns.matrix.T, strict=True):
        require_size(f"'{name}'", column)


def _without_unused_levels(frame: ModelFrame) -> pd.DataFrame:
    changed = {
        str(name): column.cat.remove_unused_categories()
        for name, column in frame.data.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
    }
    return frame.data.assign(**changed) if changed else frame.data


def _assign(spec: ModelSpec) -> Array:
    return np.repeat(np.arange(len(spec.structure)), [len(s.columns) for s in spec.structure])


def _materialise(expression: str, data: pd.DataFrame) -> ModelSpec:
    try:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = read_expression(expression).get_model_matrix(
                data, na_action="ignore", output="numpy"
            )
    except (FormulaicError, ValueError, TypeError, NameError, KeyError) as error:
        must = "The formula must be computable on these data"
        raise FormulaError(
            must,
            got=f"{type(error).__name__}",
            where=f"in '{expression}'",
            remedy="Check the functions it calls and the kind of each column.",
        ) from error
    return matrix.model_spec
