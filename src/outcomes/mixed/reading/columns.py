"""Columns of a design as products of factors, each factor evaluated once.

formulaic decides which columns a formula has, their names and their coding; it is shown the levels
of a factor instead of its rows. The columns themselves are kept as products (a code table times a
number), so that what is constant within a group never needs to be expanded over its rows.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.materializers.types import EvaluatedFactor, FactorValues
from formulaic.parser.types import Factor as FormulaicFactor
from formulaic.transforms import ContrastsRegistry
from formulaic.utils.stateful_transforms import stateful_eval
from formulaic.utils.variables import Variable

from outcomes.errors import FitError, FormulaError
from outcomes.mixed.reading.expressions import FUNCTIONS, columns_of, read_call, read_expression
from outcomes.mixed.reading.frame import ModelFrame, encode, is_categories, positions, require_size
from outcomes.mixed.types import Array

Kind = tuple[tuple[type, Any], ...] | None
CATEGORICAL = FormulaicFactor.Kind.CATEGORICAL


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
    def name(self) -> str:
        """What the formula calls it."""
        return self.key.rpartition(" ")[0]

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

    def take(self, rows: Array) -> Columns:
        """Return the columns of some rows."""
        factors = tuple(
            replace(factor, values=factor.values[rows])  # noqa: PD011
            if factor.codes is None
            else replace(factor, codes=factor.codes[rows])
            for factor in self.factors
        )
        return replace(self, factors=factors, n_rows=len(rows))


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
    formula, used, plain = _read(expression)
    if plain:
        kinds = tuple((name, _kind(name, frame)) for name in used)
        template = _on_template(expression, kinds)
        return _on_rows(
            template, frame.n_rows, frame.numbers, lambda name: frame.encoded(name).codes
        )
    columns = columns_from(
        formula, pd.DataFrame({name: frame.column(name) for name in used}, range(frame.n_rows))
    )
    for factor in columns.factors:
        _refuse_infinite(factor)
    return columns


def same_columns(columns: Columns, rows: pd.DataFrame) -> Columns:
    """Build the same columns for other rows.

    Parameters
    ----------
    columns : Columns
    rows : pandas.DataFrame
        Plain columns on an index 0, 1, 2, ...; no value may be missing, and what the model has seen
        as categories holds the same ones.

    Raises
    ------
    FormulaError
        formulaic cannot evaluate the expression on these data, or words stand for numbers.
    """
    if not is_plain(columns.spec.formula):
        return columns_from(columns.spec, rows)

    def numbers(name: str) -> Array:
        if is_categories(rows[name].dtype):
            _refuse_other_kind(name)
        return rows[name].to_numpy(dtype=np.float64)

    return _on_rows(columns, len(rows), numbers, lambda name: rows[name].cat.codes.to_numpy())


@lru_cache(maxsize=1024)
def _read(expression: str) -> tuple[Formula, list[str], bool]:
    """Return what formulaic reads, the columns used, and whether all factors are such columns."""
    formula = read_expression(expression)
    return formula, sorted(columns_of(formula)), is_plain(formula)


def is_plain(formula: Formula) -> bool:
    """Tell whether every factor is a column as it is."""
    exprs = {factor.expr for term in formula for factor in term.factors}
    return exprs <= columns_of(formula) | {"1"}


def _kind(name: str, frame: ModelFrame) -> Kind:
    """Return the levels of a column, each with its type since 1 equals True; None for a number."""
    if not frame.is_categorical(name):
        return None
    return tuple((type(level), level) for level in frame.encoded(name).levels)


@lru_cache(maxsize=256)
def _on_template(expression: str, kinds: tuple[tuple[str, Kind], ...]) -> Columns:
    """Build columns for a table of levels, which are all that names and coding depend on."""
    n = max([len(kind) for _, kind in kinds if kind], default=1)
    shown: dict[str, Any] = dict.fromkeys((name for name, _ in kinds), np.ones(n))
    for name, kind in kinds:
        if kind is not None:
            levels = pd.Index([level for _, level in kind])
            shown[name] = pd.Categorical.from_codes(np.arange(n) % len(levels), levels)
    return columns_from(read_expression(expression), pd.DataFrame(shown, range(n)))


def _on_rows(
    template: Columns, n: int, numbers: Callable[[str], Array], codes: Callable[[str], Array]
) -> Columns:
    """Put rows in the place of those that columns of plain names were built for."""
    factors = tuple(
        replace(factor, values=numbers(factor.name)[:, None])
        if factor.codes is None
        else replace(factor, codes=codes(factor.name))
        for factor in template.factors
    )
    return replace(template, factors=factors, n_rows=n)


def columns_from(formula: Formula | ModelSpec, data: pd.DataFrame) -> Columns:
    """Build the columns of a formula, or those that a fit's specification remembers.

    Parameters
    ----------
    formula : formulaic.Formula or formulaic.ModelSpec
    data : pandas.DataFrame
        Plain columns on an index 0, 1, 2, ...; no value may be missing.

    Returns
    -------
    Columns

    Raises
    ------
    FormulaError
        formulaic cannot evaluate the expression on these data.
    """
    reader = _Reader(data)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            spec = reader.get_model_matrix(formula, output="numpy", na_action="ignore").model_spec
    except (FormulaicError, DataMismatchWarning, ValueError, TypeError) as error:
        if isinstance(error.__cause__, FormulaError):
            raise error.__cause__ from None
        must, found = (
            "The formula must be computable on these data",
            re.search("`(.+?)`", str(error)),
        )
        raise FormulaError(
            must,
            got="values that its levels leave out"
            if isinstance(error, DataMismatchWarning)
            else type(error.__cause__ or error).__name__,
            where=f"in '{_written(found[1])}'" if found else "",
            remedy="Put each condition in brackets: (a > 1) & (b < 2)."
            if found and "&" in found[1]
            else "Check the functions it calls and the kind of each column.",
        ) from error
    runs = [scoped for structure in spec.structure for scoped in structure.scoped_terms]
    used = [[reader.blocks[f.factor.expr, f.reduced] for f in run.factors] for run in runs]
    scaled = [
        [*own, Factor(f"{run.scale} times", np.full((len(data), 1), float(run.scale)))]
        if run.scale != 1
        else own
        for run, own in zip(runs, used, strict=True)
    ]
    factors = {factor.key: factor for own in scaled for factor in own}
    place = {key: position for position, key in enumerate(factors)}
    return Columns(
        names=tuple(spec.column_names),
        terms=tuple(str(structure.term) for structure in spec.structure),
        assign=np.repeat(np.arange(len(spec.structure)), [len(s.columns) for s in spec.structure]),
        factors=tuple(factors.values()),
        products=tuple(tuple(place[factor.key] for factor in own) for own in scaled),
        spec=spec,
        n_rows=len(data),
    )


def response_of(expression: str, frame: ModelFrame) -> Array:
    """Evaluate a response such as ``log(score)``, shape (n,).

    Raises
    ------
    FormulaError
        It is not one numeric column.
    """
    name = expression.strip("`")
    if name not in frame.data.columns:
        return one_column(build_columns(f"0 + I(1.0 * ({expression}))", frame), expression)
    if isinstance(frame.column(name).dtype, pd.CategoricalDtype):
        must = "The response must be numbers"
        raise FormulaError(must, got="text or categories", where=f"column '{name}'")
    return frame.numbers(name)


def one_column(columns: Columns, expression: str) -> Array:
    """Return the only column, shape (n,).

    Raises
    ------
    FormulaError
        There are several.
    """
    if len(columns.names) != 1:
        must, got = "The response and offsets must be one column", f"{len(columns.names)} columns"
        raise FormulaError(must, got=got, where=f"'{expression}'")
    return np.asarray(columns.matrix[:, 0])


def _written(expression: str) -> str:
    """Return what the user wrote of an expression that was made a number."""
    return re.sub(r"^I\(1\.0 \* (.*)\)$", r"\1", expression)


def _refuse_other_kind(name: str) -> NoReturn:
    must = "New rows must hold numbers where the model has seen numbers, and words for words"
    raise FormulaError(must, got="the other kind", where=f"column '{name}'")


def _refuse_infinite(factor: Factor) -> None:
    finite: Array = np.asarray(np.isfinite(factor.values).all(axis=1))
    finite = finite if factor.codes is None else finite[factor.codes]
    if not finite.all():
        must = "A column of the formula must be finite on every row"
        got = f"{int((~finite).sum())} of the rows where it is not"
        row = int(np.argmin(finite)) + 1
        where = f"{_written(factor.name)}, first in row {row} of the rows used"
        remedy = "Check its function: a logarithm of zero or less, a root, a division by zero."
        raise FitError(must, got=got, where=where, remedy=remedy)
    require_size(f"'{_written(factor.name)}'", factor.values)


class _Reader(PandasMaterializer):  # type: ignore[misc]
    """formulaic's reader of tables, shown the levels of a factor once instead of every row."""

    REGISTER_NAME = "outcomes"
    REGISTER_INPUTS = ()
    INTERFACE_EXPLICIT_OVERRIDES = False
    INTERFACE_SKIPPED_NAMES = frozenset(
        ("_get_columns_for_term", "_encode_constant", "_combine_columns")
    )

    def _init(self) -> None:
        self.blocks: dict[tuple[str, bool], Factor] = {}
        self.encodings: dict[str, tuple[Array, pd.Index]] = {}

    def _lookup(self, name: str) -> tuple[Any, set[Variable]]:
        return self.data[name], set()

    def _evaluate(self, expr: str, metadata: Any, spec: ModelSpec) -> tuple[Any, set[Variable]]:
        call = read_call(expr)
        names: dict[str, Any] = {**FUNCTIONS, "np": np, "contr": ContrastsRegistry}
        for name, alias in call.columns.items():
            column = self.data[name]
            keeps = is_categories(column.dtype) and (call.is_logical or column.dtype != bool)
            names[alias] = column if call.is_coding or keeps else column.astype(np.float64)
        state = spec.transform_state
        return stateful_eval(call.code, names, {expr: metadata}, state, spec), set()

    def _is_categorical(self, values: Any) -> bool:
        return hasattr(values, "dtype") and is_categories(values.dtype)

    def _encode_evaled_factor(
        self, factor: EvaluatedFactor, spec: ModelSpec, drop_rows: Any, reduced_rank: bool = False
    ) -> dict[str, Any]:
        codes, n = None, len(self.data)
        if spec.encoder_state.get(factor.expr, [factor.metadata.kind])[0] != factor.metadata.kind:
            _refuse_other_kind(factor.expr)
        if factor.metadata.kind is CATEGORICAL:
            codes, levels = self._encoded(factor, spec)
            shown = pd.Series(pd.Categorical(levels, categories=levels))
            factor = factor.replace(values=FactorValues(shown, metadata=factor.metadata))
            n = len(levels)
        table: dict[str, Any] = super()._encode_evaled_factor(factor, spec, drop_rows, reduced_rank)
        if codes is None and not table:
            must = "Each function of a formula must give at least one column"
            raise FormulaError(must, got="none", where=f"in '{factor.expr}'")
        block = [np.broadcast_to(np.asarray(own, dtype=np.float64), n) for own in table.values()]
        values = np.array(block).reshape(len(table), n).T
        if codes is not None and (codes < 0).any():
            values = np.vstack([values, np.full(len(table), np.nan)])
        key = f"{factor.expr} {'reduced' if reduced_rank else 'full'}"
        self.blocks[factor.expr, reduced_rank] = Factor(key, values, codes)
        return table

    def _encoded(self, factor: EvaluatedFactor, spec: ModelSpec) -> tuple[Array, pd.Index]:
        if factor.expr not in self.encodings:
            rows = pd.Series(factor.values.__wrapped__, name=factor.expr)  # noqa: PD011
            known = spec.encoder_state.get(factor.expr)
            if known is None:
                found = encode(rows)
                self.encodings[factor.expr] = found.codes, found.levels
            else:
                levels = pd.Index(known[1]["categories"])
                self.encodings[factor.expr] = positions(rows, levels, factor.expr), levels
        return self.encodings[factor.expr]

    def _get_columns_for_term(self, factors: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        return {":".join(reversed(names)): 1.0 for names in product(*reversed(factors))}

    def _encode_constant(self, value: Any, *_: Any) -> Any:
        return value

    def _combine_columns(self, cols: Any, **_: Any) -> Array:
        return np.empty((0, len(cols)))
