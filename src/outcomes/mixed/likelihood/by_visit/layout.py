"""Where each row stands: its patient, its stratum, its place in time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from outcomes.errors import FitError, FormulaError
from outcomes.mixed.reading.design import group_codes
from outcomes.mixed.reading.formula import ModelFormula, ResidualTerm
from outcomes.mixed.reading.frame import ModelFrame, require_columns
from outcomes.mixed.types import Array

ORDERED = ("ar1", "ar1h")


@dataclass(frozen=True)
class Layout:
    """The rows of a model with a residual covariance.

    Parameters
    ----------
    term : ResidualTerm
    codes : array of int, shape (n,)
        Patient (level of the last grouping column) of each row.
    levels : pandas.Index
        Their labels.
    strata : array of int, shape (n,)
        Stratum of each row: each has covariance parameters of its own.
    stratum_names : tuple of str
        Empty text where there is one.
    times : array, shape (n,)
        Place in time: a number, or the position of a category.
    labels : dict of float to str
        What each place is called.
    """

    term: ResidualTerm
    codes: Array
    levels: pd.Index
    strata: Array
    stratum_names: tuple[str, ...]
    times: Array
    labels: dict[float, str]

    @cached_property
    def neighbours(self) -> tuple[Array, Array]:
        """Rows that are not a patient's first, and the rows before them."""
        order, first = self.by_course(np.ones(len(self.codes), dtype=bool))
        return np.delete(order, first), np.delete(order, np.append(first[1:], len(order)) - 1)

    @cached_property
    def gap(self) -> float:
        """Median time between neighbouring scores of a patient; one where there is none."""
        later, earlier = self.neighbours
        gaps = self.times[later] - self.times[earlier]
        return float(np.median(gaps)) if len(gaps) else 1.0

    @cached_property
    def order(self) -> Array:
        """Rows patient by patient in order of time."""
        return np.lexsort((self.times, self.codes))

    def by_course(self, kept: Array) -> tuple[Array, Array]:
        """Put the rows kept together patient by patient in order of time; tell where each begins.

        ``kept`` has shape (n,) and holds all rows of a patient or none.
        """
        rows = self.order[kept[self.order]]
        return rows, np.flatnonzero(np.diff(self.codes[rows], prepend=-1))

    def strata_of(self, new: pd.DataFrame) -> Array:
        """Return the stratum of each of other rows, -2 where it is missing.

        Raises
        ------
        FormulaError
            A column is absent, or holds a stratum that the model has not seen.
        """
        names = list(self.term.group[:-1])
        if not names:
            return np.zeros(len(new), dtype=np.intp)
        require_columns({name: [str(self.term)] for name in names}, new)
        label = new[names[0]].astype(str)
        for name in names[1:]:
            label = label + ":" + new[name].astype(str)
        at = pd.Index(self.stratum_names).get_indexer(pd.Index(label))
        return _refuse_unseen(np.where(new[names].isna().any(axis=1), -2, at), ":".join(names))

    def times_of(self, new: pd.DataFrame, seen: Array | None = None) -> Array:
        """Return the place in time of each of other rows, NaN where it is missing.

        Parameters
        ----------
        new : pandas.DataFrame
        seen : array, optional
            Places that a stratum has; all of them by default.

        Raises
        ------
        FormulaError
            The time column is absent, or holds a visit that the model has not seen.
        """
        require_columns({self.term.time: ["the residual covariance"]}, new)
        column = new[self.term.time]
        if self.term.kind == "ou":
            return column.to_numpy(float)
        places = np.array([*self.labels]) if seen is None else seen
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        label = column.map("{:g}".format, na_action="ignore") if numeric else column.astype(str)
        names = pd.Index([self.labels[float(place)] for place in places])
        at = np.where(column.isna(), -2, names.get_indexer(pd.Index(label)))
        return np.append(places, np.nan)[_refuse_unseen(at, self.term.time)]


def make_layout(formula: ModelFormula, frame: ModelFrame) -> Layout:
    """Find patients, strata and places in time.

    Parameters
    ----------
    formula : ModelFormula
        With a residual term: ``us(visit | arm / episode_id)`` has strata ``arm``, and
        ``episode_id`` within them.
    frame : ModelFrame

    Returns
    -------
    Layout

    Raises
    ------
    FitError
        The time column cannot be used, or a patient has a time twice.
    """
    term = formula.residual
    assert term is not None
    codes, levels = group_codes(term.group, frame)
    strata, names = np.zeros(frame.n_rows, dtype=np.intp), pd.Index([""])
    if len(term.group) > 1:
        strata, names = group_codes(term.group[:-1], frame)
    times, labels = _times(term, frame)
    stratum_names = tuple(str(name) for name in names)
    layout = Layout(term, codes, levels, strata, stratum_names, times, labels)
    _refuse_repeats(layout)
    return layout


def _times(term: ResidualTerm, frame: ModelFrame) -> tuple[Array, dict[float, str]]:
    where = f"column '{term.time}' in {term}"
    if not frame.is_categorical(term.time):
        times = frame.numbers(term.time)
        if term.kind in ORDERED and (times != np.round(times)).any():
            must = f"{term.kind} needs visits that are numbered 1, 2, 3, ..."
            remedy = "For scores at any distance use ou(...) with days or weeks."
            raise FitError(must, got="numbers with decimals", where=where, remedy=remedy)
        return times, {float(t): f"{t:g}" for t in np.unique(times)}
    if term.kind == "ou":
        must = "ou needs days or weeks as a number"
        raise FitError(must, got="text or categories", where=where)
    column, encoded = frame.data[term.time], frame.encoded(term.time)
    declared = encoded.levels
    if isinstance(column.dtype, pd.CategoricalDtype):
        declared = column.cat.categories
    elif term.kind in ORDERED:
        _refuse_misordered(declared, where)
    places = declared.get_indexer(encoded.levels).astype(np.float64)
    labels = {float(place): str(level) for place, level in zip(places, encoded.levels, strict=True)}
    return places[encoded.codes], labels


def _refuse_misordered(levels: pd.Index, where: str) -> None:
    """Text sorts visit10 before visit2; a correlation that decays with distance would be wrong."""
    found = [re.search(r"\d+", str(level)) for level in levels]
    numbers = [int(match.group()) for match in found if match]
    if len(numbers) == len(levels) and numbers != sorted(numbers):
        must = "Visits must be in order"
        remedy = "Make the column an ordered Categorical, or a number."
        raise FitError(must, got="text that sorts otherwise", where=where, remedy=remedy)


def _refuse_repeats(layout: Layout) -> None:
    term, order = layout.term, layout.order
    same = [np.diff(values[order]) == 0 for values in (layout.codes, layout.times)]
    repeats = order[1:][np.logical_and(*same)]
    if len(repeats) and term.kind != "id":
        must = f"{term} needs each {term.time} at most once in each {term.group[-1]}"
        got = f"a repeat in {len(repeats)} of the rows"
        where = f"first in row {int(repeats.min()) + 1} of the rows used"
        remedy = "Keep one score a visit, or name a finer group."
        raise FitError(must, got=got, where=where, remedy=remedy)


def _refuse_unseen(at: Array, name: str) -> Array:
    """Refuse rows at -1; return the others, the missing ones (-2) last."""
    unseen = int((at == -1).sum())
    if unseen:
        must = "New rows must hold visits and strata the model has seen"
        raise FormulaError(must, got=f"another in {unseen} of the rows", where=f"column '{name}'")
    return np.where(at < 0, -1, at)
