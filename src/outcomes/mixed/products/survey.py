"""A first pass over parts of the rows: all that parts must agree on before their products add up.

A survey of a part is small, and surveys add up. Together they tell which levels there are, which
factors lie in which, and which values a spline has to know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError, FormulaError
from outcomes.mixed.reading.columns import response_of
from outcomes.mixed.reading.design import group_codes
from outcomes.mixed.reading.expressions import columns_of, factor_columns, read_expression
from outcomes.mixed.reading.formula import ModelFormula
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
