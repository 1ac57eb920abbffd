"""What parts agree on before their products are made: columns, levels, and who is kept together.

The finest grouping factor is eliminated group by group. A factor in which it is nested and whose
levels hold few of its groups (the patients of courses) is eliminated with it, patient by patient;
every other factor is crossed: it stays to the end, one dense block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

import numpy as np
import pandas as pd
from formulaic.transforms import TRANSFORMS

from outcomes.errors import FitError, FormulaError, UnvaryingError
from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.products.survey import Survey, groups_of, slopes_of
from outcomes.mixed.reading.columns import Columns, columns_from
from outcomes.mixed.reading.design import GroupingFactor
from outcomes.mixed.reading.expressions import (
    columns_of,
    factor_columns,
    read_call,
    read_expression,
)
from outcomes.mixed.reading.formula import ModelFormula, RandomTerm
from outcomes.mixed.types import Array

FEW_MEMBERS = 3.0
"""Mean number of the finest groups in a level of a factor that is eliminated with them."""
_LEARNS = "bs|cs|ns|poly|center|scale|standardize"
"""Functions that have to see all rows at once."""


class Forgotten:
    """In the place of rows that a fit of parts did not keep."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        must = "What looks at single rows needs the rows"
        remedy = "Fit the model to the rows of a sample of whole courses."
        raise FitError(must, got="a fit of parts, which keeps none", remedy=remedy)

    __len__ = __iter__ = __getitem__ = __array__ = __getattr__ = _refuse


@dataclass(frozen=True)
class Grouping(GroupingFactor):
    """A grouping factor without its rows.

    Parameters
    ----------
    effects : tuple of str
        Names of its random effects, length q.
    """

    effects: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the random effects of one level, length q."""
        return self.effects


@dataclass(frozen=True)
class Agreed:
    """What parts agree on.

    Parameters
    ----------
    formula : ModelFormula
    survey : Survey
        Of all rows; labels of crossed factors only.
    fixed : Columns
        The fixed columns on a table of levels and values; its ``spec`` builds them for a part.
    factors : tuple of Grouping
        The finest one first, which has most levels.
    unit : int or None
        Position of the factor eliminated with it.
    crossed : tuple of int
        Positions of the others.
    repeated : Index
        Levels of the unit that hold several of the finest groups.
    """

    formula: ModelFormula
    survey: Survey
    fixed: Columns
    factors: tuple[Grouping, ...]
    unit: int | None
    crossed: tuple[int, ...]
    repeated: pd.Index

    @property
    def within(self) -> Array:
        """Which of the finest factor's columns are the unit's, shape (q, q_unit)."""
        names = self.factors[0].names
        own = () if self.unit is None else self.factors[self.unit].names
        same = [[float(name == other) for other in own] for name in names]
        return np.array(same).reshape(len(names), len(own))


def agree(formula: ModelFormula, survey: Survey) -> Agreed:
    """Decide on columns and roles.

    Parameters
    ----------
    formula : ModelFormula
    survey : Survey
        Of all parts.

    Raises
    ------
    FitError
        The data, or the parts, cannot carry the model.
    FormulaError
        The formula has what cannot be fitted part by part.
    """
    refuse_unstreamed(formula)
    _refuse_constant(formula, survey)
    factors = _factors(formula, survey)
    unit, crossed = _roles(factors, survey)
    repeated = pd.Index([])
    if unit is not None:
        repeated = survey.repeated[factors[0].group, factors[unit].group]
    fixed, kept = _fixed(formula, survey), [factors[f].group for f in crossed]
    levels = {group: survey.groups[group] for group in kept}
    slim = replace(survey, groups=levels, repeated={}, nested={}, counts={})  # labels are memory
    return Agreed(formula, slim, fixed, factors, unit, crossed, repeated)


def adds_up(formula: ModelFormula, data: pd.DataFrame) -> bool:
    """Tell whether a model can be fitted to its rows part by part."""
    if any(name in data and data[name].dtype.kind not in "iuf" for name in slopes_of(formula)):
        return False
    if formula.residual is not None or formula.offsets or not formula.random:
        return False
    factors = [f for term in read_expression(formula.fixed) for f in term.factors]
    calls = [read_call(f.expr).code for f in factors if f.expr not in (*factor_columns(f), "1")]
    plain = all(_is_plain(term) for term in formula.random)
    return plain and not any(re.search(rf"\b({_LEARNS})\(", call) for call in calls)


def refuse_unstreamed(formula: ModelFormula) -> None:
    """Refuse what cannot be added up over parts.

    Raises
    ------
    FormulaError
        A residual covariance, or an offset.
    """
    if formula.residual is not None or formula.offsets or not formula.random:
        must = "A model of parts has random terms, independent residuals and no offset"
        got = str(formula.residual or "an offset")
        remedy = "Fit it to whole courses of a random sample."
        raise FormulaError(must, got=got, where=f"in '{formula.text}'", remedy=remedy)


def _refuse_constant(formula: ModelFormula, survey: Survey) -> None:
    if survey.ends[0] == survey.ends[1] or not all(survey.varies.values()):
        must = "The response must vary, within groups too"
        raise UnvaryingError(must, got="the same response", where=formula.response)


def _factors(formula: ModelFormula, survey: Survey) -> tuple[Grouping, ...]:
    found, nothing = [], cast("Any", Forgotten())
    for group in groups_of(formula):
        terms = tuple(term for term in formula.random if set(term.group) == set(group))
        names = [_names(term) for term in terms]
        flat = tuple(name for own in names for name in own)
        levels = len(survey.groups[group])
        if not 1 < levels < survey.n:
            must = "A grouping factor needs at least two levels, and fewer than rows"
            raise FitError(must, got=f"{levels:,}", where=f"grouping factor '{':'.join(group)}'")
        covariance = BlockCovariance(tuple(len(own) for own in names))
        numbers = pd.RangeIndex(levels)
        found.append(Grouping(group, terms, (), nothing, numbers, covariance, flat))
    return tuple(sorted(found, key=lambda factor: -factor.n_levels))


def _names(term: RandomTerm) -> tuple[str, ...]:
    """Return the columns of a random term: numbers as they are, and an intercept."""
    formula = read_expression(term.expression)
    shown = pd.DataFrame({name: [1.0, 2.0] for name in columns_of(formula)}, range(2))
    if not _is_plain(term):
        must = "A random term of parts has columns as they are"
        raise FormulaError(must, got="a function", where=str(term))
    return columns_from(formula, shown).names


def _is_plain(term: RandomTerm) -> bool:
    formula = read_expression(term.expression)
    exprs = {factor.expr for own in formula for factor in own.factors}
    return exprs <= columns_of(formula) | {"1"}


def _roles(factors: Sequence[Grouping], survey: Survey) -> tuple[int | None, tuple[int, ...]]:
    finest, unit = factors[0], None
    for f, other in enumerate(factors[1:], start=1):
        inside = survey.nested[finest.group, other.group]
        few = finest.n_levels <= FEW_MEMBERS * other.n_levels
        if unit is None and inside and few and set(other.names) <= set(finest.names):
            unit = f
    return unit, tuple(f for f in range(1, len(factors)) if f != unit)


def _fixed(formula: ModelFormula, survey: Survey) -> Columns:
    """Build the fixed columns on a table that has every level and every value."""
    read = read_expression(formula.fixed)
    sizes = [len(levels) for levels in survey.levels.values()]
    n = max([*sizes, *(len(counts) for counts in survey.counts.values())], default=1)
    shown: dict[str, Any] = dict.fromkeys(columns_of(read), np.linspace(1.0, 2.0, n))
    for name, levels in survey.levels.items():
        shown[name] = pd.Categorical.from_codes(np.arange(n) % len(levels), levels)
    for name, counts in survey.counts.items():
        if name not in survey.levels:
            shown[name] = counts.index.to_numpy(dtype=float)[np.arange(n) % len(counts)]
    table = pd.DataFrame(shown, range(n))
    columns = columns_from(read, table)
    centred = [_centre(factor, columns, survey) for term in read for factor in term.factors]
    return columns_from(columns.spec, table) if any(centred) else columns


def _centre(factor: Any, columns: Columns, survey: Survey) -> bool:
    """Centre a cubic spline over all rows; refuse other functions that learn from rows."""
    names = factor_columns(factor)
    if factor.expr in names or not names:
        return False
    call = read_call(factor.expr)
    state = columns.spec.transform_state.get(call.code)
    if not state or state.get("constraints", 0) is None or factor.expr.startswith("C("):
        return False
    if len(names) != 1 or not call.code.startswith(("cr(column_", "cc(column_")):
        must = "Of functions that learn from all rows, a model of parts knows cr and cc of a column"
        raise FormulaError(must, got=f"'{factor.expr}'", where=f"in '{columns.spec.formula}'")
    counts = survey.counts[names[0]]
    values = counts.index.to_numpy(dtype=float)
    columns_by_name = TRANSFORMS["cr"](values, _state={**state, "constraints": None})
    free = np.column_stack([*columns_by_name.values()])
    if isinstance(state["constraints"], np.ndarray) and "center" in factor.expr:
        state["constraints"] = (counts.to_numpy(float) @ free / counts.sum())[None, :]
    return True
