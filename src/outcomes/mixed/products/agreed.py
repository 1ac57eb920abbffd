"""What parts hold, and what they agree on before their products are made.

A survey of a part is small, and surveys add up. Together they tell which levels there are, which
factors lie in which, and which values a spline has to know. From them come the columns, and who is
kept together: the finest grouping factor is eliminated group by group; a factor in which it is
nested and whose levels hold few of its groups (the patients of courses) is eliminated with it,
patient by patient; every other factor is crossed: it stays to the end, one dense block.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, NoReturn, cast

import numpy as np
import pandas as pd
from formulaic.transforms import TRANSFORMS

from outcomes.errors import FitError, FormulaError, UnvaryingError
from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.reading.columns import Columns, columns_from, is_plain, response_of
from outcomes.mixed.reading.design import GroupingFactor, group_codes
from outcomes.mixed.reading.expressions import (
    columns_of,
    factor_columns,
    read_call,
    read_expression,
)
from outcomes.mixed.reading.formula import ModelFormula, RandomTerm
from outcomes.mixed.reading.frame import ModelFrame, model_frame
from outcomes.mixed.types import Array

Group = tuple[str, ...]
MOST_VALUES = 20_000
"""Distinct values that a function of a column may have to know."""


@dataclass(frozen=True)
class Survey:
    """What parts agree on; surveys of parts that share no row of the finest groups add up.

    Parameters
    ----------
    n, n_dropped : int
        Rows used and left out.
    dropped : mapping of str to int
        Rows with a missing value, by column.
    levels, seen : mapping of str to Index
        Levels of each column of categories in the fixed part, in their order: all that a part
        declares, of merged surveys those that occur; and those that occur.
    counts : mapping of str to Series
        Rows by value, for each column inside a function of the fixed part.
    groups : mapping of tuple to Index
        Levels of each grouping factor, sorted.
    nested : mapping of (tuple, tuple) to bool
        Whether each level of the first factor lies in one level of the second.
    repeated : mapping of (tuple, tuple) to Index
        Levels of the second factor that hold several of the first, where it is nested.
    ends : tuple of float
        Least and largest response.
    varies : mapping of tuple to bool
        Whether the response varies within some level.
    """

    n: int
    n_dropped: int
    dropped: Mapping[str, int]
    levels: Mapping[str, pd.Index]
    seen: Mapping[str, pd.Index]
    counts: Mapping[str, pd.Series]
    groups: Mapping[Group, pd.Index]
    nested: Mapping[tuple[Group, Group], bool]
    repeated: Mapping[tuple[Group, Group], pd.Index]
    ends: tuple[float, float]
    varies: Mapping[Group, bool]


def groups_of(formula: ModelFormula) -> list[Group]:
    """Return the grouping factors of a formula, each once."""
    found: list[Group] = []
    for term in formula.random:
        if not any(set(term.group) == set(known) for known in found):
            found.append(term.group)
    return found


def survey(formula: ModelFormula, data: pd.DataFrame) -> Survey:
    """Survey one part.

    Parameters
    ----------
    formula : ModelFormula
        Without a residual covariance and offsets.
    data : DataFrame
        Rows of a part.

    Raises
    ------
    FitError
        A column cannot be read, or a function has to know too many values.
    FormulaError
        A random term has words.
    """
    frame = model_frame(formula, data)
    _refuse_words(frame, slopes_of(formula))
    names = sorted(columns_of(read_expression(formula.fixed)))
    words = [name for name in names if frame.is_categorical(name)]
    known = _inside_functions(formula)
    coded = {group: group_codes(group, frame) for group in groups_of(formula)}
    pairs = {(a, b): _pairs(coded[a][0], coded[b][0]) for a, b in combinations(coded, 2)}
    pairs |= {(b, a): found[:, ::-1] for (a, b), found in pairs.items()}
    nested = {(a, b): len(found) == len(coded[a][1]) for (a, b), found in pairs.items()}
    inside = [pair for pair, lies in nested.items() if lies]
    y = response_of(formula.response, frame)
    return Survey(
        n=frame.n_rows,
        n_dropped=frame.n_dropped,
        dropped=frame.dropped,
        levels={name: _declared(frame, name) for name in words},
        seen={name: frame.encoded(name).levels for name in words},
        counts={name: _counts(frame, name) for name in names if name in known},
        groups={group: levels for group, (_, levels) in coded.items()},
        nested=nested,
        repeated={(a, b): coded[b][1][np.bincount(pairs[a, b][:, 1]) > 1] for a, b in inside},
        ends=(float(y.min()), float(y.max())),
        varies={group: _varies(codes, y) for group, (codes, _) in coded.items()},
    )


def slopes_of(formula: ModelFormula) -> set[str]:
    """Return the columns whose effects are random."""
    columns = (columns_of(read_expression(term.expression)) for term in formula.random)
    return set[str]().union(*columns)


def _refuse_words(frame: ModelFrame, names: Collection[str]) -> None:
    words = sorted(name for name in names if frame.is_categorical(name))
    if words:
        must, remedy = "A random term of parts has numbers", "Make 0/1 columns of it."
        raise FormulaError(must, got="words", where=", ".join(words), remedy=remedy)


def merge_surveys(surveys: Iterable[Survey]) -> Survey:
    """Add up the surveys of parts.

    Raises
    ------
    FitError
        There is none.
    """
    found = list(surveys)
    if not found:
        must = "A model needs rows"
        raise FitError(must, got="no part with any")
    groups, twice = _joined([one.groups for one in found])
    inside = set(found[0].repeated).intersection(*(one.repeated for one in found))
    repeated = {p: _united([twice[p[1]], *(one.repeated[p] for one in found)])[0] for p in inside}
    return Survey(
        n=sum(one.n for one in found),
        n_dropped=sum(one.n_dropped for one in found),
        dropped=_added([one.dropped for one in found]),
        levels=_seen(found),
        seen=_joined([one.seen for one in found])[0],
        counts={name: _total([one.counts[name] for one in found]) for name in found[0].counts},
        groups=groups,
        nested={key: all(one.nested[key] for one in found) for key in found[0].nested},
        repeated=repeated,
        ends=(min(one.ends[0] for one in found), max(one.ends[1] for one in found)),
        varies={key: any(one.varies[key] for one in found) for key in found[0].varies},
    )


def _added(counts: list[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for own in counts for name in own)
    return {name: sum(own.get(name, 0) for own in counts) for name in names}


def _joined(levels: list[Mapping[Any, pd.Index]]) -> tuple[dict[Any, pd.Index], ...]:
    """Unite levels by name, and return those that stand in several parts."""
    both = {name: _united([one[name] for one in levels]) for name in levels[0]}
    return tuple({name: own[i] for name, own in both.items()} for i in range(2))


def _united(own: list[pd.Index]) -> tuple[pd.Index, pd.Index]:
    """Unite levels: in the order of the part that has them all, else sorted; and those in several.

    They are sorted in place: a table of millions of hashes takes four times their memory.
    """
    longest = max(own, key=len)
    if len(own) == 1 or all(other.equals(longest) for other in own):
        return longest, longest if len(own) > 1 else longest[:0]
    held = np.concatenate([levels.to_numpy() for levels in own])
    held.sort()
    again = np.append(False, held[1:] == held[:-1])
    united, twice = pd.Index(held[~again]), pd.Index(np.unique(held[again]))
    return longest if len(longest) == len(united) else united, twice


def _declared(frame: ModelFrame, name: str) -> pd.Index:
    column = frame.data[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels: pd.Index = pd.Index(column.cat.categories.tolist())
        return levels
    return frame.encoded(name).levels


def _seen(surveys: list[Survey]) -> dict[str, pd.Index]:
    declared, seen = (_joined([getattr(one, n) for one in surveys])[0] for n in ("levels", "seen"))
    return {name: levels[levels.isin(seen[name])] for name, levels in declared.items()}


def _total(counts: list[pd.Series]) -> pd.Series:
    whole = pd.concat(counts)
    total: pd.Series = whole.groupby(level=0).sum()
    return total


def _inside_functions(formula: ModelFormula) -> set[str]:
    terms = read_expression(formula.fixed)
    factors = [factor for term in terms for factor in term.factors]
    return {name for f in factors for name in factor_columns(f) if name != f.expr}


def _counts(frame: ModelFrame, name: str) -> pd.Series:
    counts = frame.column(name).value_counts().sort_index()
    if len(counts) > MOST_VALUES:
        must = f"A function of a column may have at most {MOST_VALUES:,} values to know"
        got = f"{len(counts):,}"
        raise FitError(must, got=got, where=f"column '{name}'", remedy="Use the column as it is.")
    return counts


def _pairs(a: Array, b: Array) -> Array:
    """Return the combinations of two codes that occur, shape (k, 2)."""
    size = int(b.max(initial=0)) + 1
    both = a.astype(np.int64) * size + b
    found = np.unique(both[np.append(True, np.diff(both) != 0)[: len(both)]])  # most repeat
    return np.column_stack([found // size, found % size])


def _varies(codes: Array, y: Array) -> bool:
    first = np.empty(int(codes.max()) + 1)
    first[codes] = y
    return bool((first[codes] != y).any())


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
    plain = all(is_plain(read_expression(term.expression)) for term in formula.random)
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
    if not is_plain(formula):
        must = "A random term of parts has columns as they are"
        raise FormulaError(must, got="a function", where=str(term))
    return columns_from(formula, shown).names


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
