"""Tests of the terms of the fixed part: sequential (I), marginal (II), with equal weights (III).

Beside them the terms that can be dropped, and the random effects left out one by one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.errors import OutcomesWarning, UsageError
from outcomes.mixed.inference.likelihood_ratio import mixture_tail, reference_mixture
from outcomes.mixed.inference.testing import joint_test
from outcomes.mixed.likelihood.working import independent_columns
from outcomes.mixed.reading.columns import Columns, multiply
from outcomes.mixed.reading.design import grouping_factors
from outcomes.mixed.reading.expressions import read_expression
from outcomes.mixed.reading.formula import RandomTerm
from outcomes.mixed.record import Fit, fit_design
from outcomes.mixed.types import Array

ENOUGH_ROWS = 10_000
"""Rows that tell how columns are related, in a design of plain columns."""

_TYPES = {1: 1, 2: 2, 3: 3, "1": 1, "2": 2, "3": 3, "I": 1, "II": 2, "III": 3}


def anova(fit: Fit, type: int | str = 3) -> pd.DataFrame:
    """Test each term of the fixed part.

    Parameters
    ----------
    fit : Fit
    type : {1, 2, 3}
        1: each term given those before it; 2: given all that do not contain it; 3: given all
        others, every level with the same weight.

    Returns
    -------
    pandas.DataFrame
        term, df_num, df_den, statistic (F), p_value; an aliased term has df_num 0
        and no statistic.

    Raises
    ------
    UsageError
        There is no such type.
    """
    if type not in _TYPES:
        must = "type must be 1, 2 or 3"
        raise UsageError(must, got=f"{type!r}")
    rows = [
        joint_test(fit.estimates.beta, fit.inference, contrasts).row(term=term)
        for term, contrasts in term_contrasts(fit, _TYPES[type]).items()
    ]
    return pd.DataFrame(rows, columns=["term", "df_num", "df_den", "statistic", "p_value"])


def drop1(fit: Fit) -> pd.DataFrame:
    """Test each term that can be dropped: those that are part of no other.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    pandas.DataFrame
        As `anova`, each term given all others.
    """
    terms = _terms(fit.design.fixed)
    inside = [t.name for t in terms if any({*t.factors} < {*other.factors} for other in terms)]
    table = anova(fit, type=2)
    return table[~table["term"].isin(inside)].reset_index(drop=True)


def ranova(fit: Fit) -> pd.DataFrame:
    """Test each random effect by leaving it out and fitting again.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    pandas.DataFrame
        term (left out), n_parameters, loglik, aic, statistic (likelihood ratio), df, p_value (from
        the chi-squared distribution, as lmerTest's ``ranova``: conservative, since a variance of
        zero is a boundary), p_boundary (from the mixture that allows for it: see
        `outcomes.mixed.inference.likelihood_ratio`). A slope goes before its intercept.

    Raises
    ------
    FitError
        A smaller model cannot be fitted.
    """
    rows = []
    size, n_theta = len(fit.estimates.beta) + 1, len(fit.estimates.theta)
    for term, fewer in _smaller(fit.design.formula.random):
        loglik, left, mixture = _without(fit, fewer)
        statistic, df = max(0.0, 2.0 * (fit.loglik - loglik)), n_theta - left
        row = (term, size + left, loglik, 2.0 * (size + left - loglik), statistic, df)
        rows.append((*row, mixture_tail(statistic, {df: 1.0}), mixture_tail(statistic, mixture)))
    columns = "term n_parameters loglik aic statistic df p_value p_boundary"
    return pd.DataFrame(rows, columns=columns.split())


def _smaller(random: tuple[RandomTerm, ...]) -> Iterator[tuple[str, tuple[RandomTerm, ...]]]:
    """Yield the random terms without one effect each, or without one that has no other."""
    for position, term in enumerate(random):
        effects = [str(effect) for effect in read_expression(term.expression)]
        slopes = [effect for effect in effects if effect != "1"] if len(effects) > 1 else []
        for slope in slopes or [""]:
            rest = [effect for effect in effects if effect != slope]
            start = "1" if "1" in rest else "0"
            kept = " + ".join([start, *(effect for effect in rest if effect != "1")])
            own = (replace(term, expression=kept),) if slope else ()
            left = slope or effects[0]
            name = str(term) if left == "1" else f"{left} in {term}"
            yield name, (*random[:position], *own, *random[position + 1 :])


def _without(fit: Fit, random: tuple[RandomTerm, ...]) -> tuple[float, int, Mapping[int, float]]:
    """Return log-likelihood, covariance parameters and null distribution of a smaller model."""
    design = fit.design
    formula = replace(design.formula, random=random)
    if not random and formula.residual is None:
        return _independent_loglik(fit), 0, {0: 0.5, 1: 0.5}
    smaller = replace(design, formula=formula, factors=grouping_factors(formula, design.frame))
    with warnings.catch_warnings(action="ignore", category=OutcomesWarning):
        small = fit_design(smaller, fit.request)
    return small.loglik, len(small.estimates.theta), reference_mixture(small, fit)[0]


def _independent_loglik(fit: Fit) -> float:
    """Return the (restricted) log-likelihood of least squares."""
    root = fit.design.root
    X, y = fit.X * root, fit.design.response * root[:, 0]
    Q, R = np.linalg.qr(X)  # least squares by singular values would drop powers of a year
    rss = float(np.sum((y - Q @ (Q.T @ y)) ** 2))
    degrees = len(y) - (X.shape[1] if fit.request.reml else 0)
    log_det = 2.0 * np.log(np.abs(np.diag(R))).sum() if fit.request.reml else 0.0
    deviance = degrees * (np.log(2.0 * np.pi * rss / degrees) + 1.0) + log_det
    return float(2.0 * np.log(root).sum() - deviance) / 2.0


def term_contrasts(fit: Fit, type: int) -> dict[str, Array]:
    """Return the contrasts over the estimated coefficients that test each term, by term name.

    Built row by row as lmerTest does: the denominator df of several rows depend on their scaling.
    """
    terms = _terms(fit.design.fixed)
    if sum(bool(term.factors) for term in terms) == 1:
        type = 1
    X, assign, back = fit.X, fit.design.fixed.assign[fit.basis.kept], np.eye(fit.X.shape[1])
    if type == 3:
        return _equal_weights(fit, terms)
    if not all(term.coded_as_in_r for term in terms):
        coded = _code(fit, terms, slice(None))
        X, assign, back = coded.matrix, coded.assign, _combinations(coded.matrix, X)
    R = np.asarray(np.linalg.qr(X, mode="r"))
    found = {}
    for t, term in enumerate(terms):
        later = list(range(t + 1, len(terms)))
        if type == 2:
            later = [u for u, other in enumerate(terms) if term.is_contained_in(other)]
        alone = type == 2 and not later
        own = np.eye(len(assign))[assign == t] if alone else _adjusted(R, assign, t, later)
        found[term.name] = own @ back
    return {term.name: found[term.name] for term in terms if term.factors}


def _adjusted(R: Array, assign: Array, t: int, later: list[int]) -> Array:
    """Contrast for a term given all columns but the later ones: rows of a triangular factor."""
    last = np.isin(assign, later)
    own = assign == t
    order = np.concatenate([np.flatnonzero(part) for part in (~last & ~own, own, last)])
    upper = np.linalg.qr(R[:, order], mode="r")
    contrasts = np.zeros_like(upper)
    contrasts[:, order] = upper / np.diag(upper)[:, None]
    return np.asarray(contrasts[np.flatnonzero(own[order])])


@dataclass(frozen=True)
class Term:
    """A term of the fixed part.

    Parameters
    ----------
    name : str
    factors : tuple of str
        In the order in which they first appear in the formula.
    reduced : tuple of bool
        For which of them R leaves out the first level: where the term without it is in the model.
    numbers : set of str
        Those that are one number; a spline or polynomial counts as categories, as in lmerTest.
    coded_as_in_r : bool
        Whether formulaic codes it so, too.
    """

    name: str
    factors: tuple[str, ...]
    reduced: tuple[bool, ...]
    numbers: set[str]
    coded_as_in_r: bool

    def is_contained_in(self, other: Term) -> bool:
        """Tell whether the other term has all that this one has, and more categories."""
        return {*self.factors} < {*other.factors} and self.numbers == other.numbers


def _terms(fixed: Columns) -> list[Term]:
    kinds = {factor.name: factor for factor in fixed.factors}
    category = {name for name, factor in kinds.items() if factor.codes is not None}
    number = {name for name in kinds.keys() - category if kinds[name].width == 1}
    written = [
        [f.expr for f in structure.term.factors if f.expr in kinds]
        for structure in fixed.spec.structure
    ]
    order = list(dict.fromkeys(factor for factors in written for factor in factors))
    present = [set(factors) for factors in written]
    whole = [
        own for own in written if len(own) == 1 and own[0] in category and set() not in present
    ]
    found = []
    for own, structure in zip(written, fixed.spec.structure, strict=True):
        factors = tuple(sorted(own, key=order.index))
        reduced = tuple(
            factor in category
            and own != [*whole, []][0]
            and (len(own) == 1 or {*own} - {factor} in present)
            for factor in factors
        )
        runs = structure.scoped_terms
        coded = [[(f.factor.expr, f.reduced) for f in run.factors] for run in runs]
        alike = coded == [list(zip(factors, reduced, strict=True))]
        found.append(Term(str(structure.term), factors, reduced, number & {*own}, alike))
    return found


@dataclass(frozen=True)
class _Coded:
    """A design with treatment contrasts as R codes it, and one with a column for every cell.

    Parameters
    ----------
    matrix : array, shape (n, p)
        Independent columns of the first.
    assign, place : array of int, shape (p,)
        The term of each column, and the column of ``cells`` that it is.
    cells : array, shape (n, c)
    """

    matrix: Array
    assign: Array
    place: Array
    cells: Array


def _code(fit: Fit, terms: Sequence[Term], rows: slice | Array) -> _Coded:
    fixed = fit.design.fixed.take(np.arange(fit.n_observations)[rows])
    blocks = {}
    for factor in fixed.factors:
        name = factor.name
        state = fixed.spec.encoder_state.get(name)
        levels = np.eye(len(state[1]["categories"])) if state and factor.codes is not None else None
        blocks[name] = factor.rows() if levels is None else levels[factor.codes]
    cells, places, start = [], [], 0
    for term in terms:
        own = [blocks[name] for name in term.factors]
        cells.append(multiply(own, fixed.n_rows))
        place, width = np.zeros(1, dtype=np.intp), 1
        for block, first in zip(own, term.reduced, strict=True):
            place = np.add.outer(width * np.arange(int(first), block.shape[1]), place).ravel()
            width *= block.shape[1]
        places.append(start + place)
        start += width
    every, place = np.hstack(cells), np.concatenate(places)
    assign = np.repeat(np.arange(len(terms)), [len(own) for own in places])
    kept = independent_columns(every[:, place])
    return _Coded(every[:, place[kept]], assign[kept], place[kept], every)


def _equal_weights(fit: Fit, terms: list[Term]) -> dict[str, Array]:
    """Contrasts that give every level the same weight (SAS type III, built as lmerTest does).

    The columns of a design with one for every cell are combinations L of the estimated ones; each
    term's combinations are made orthogonal to those of the terms that contain it.
    """
    rows = _enough_rows(fit)
    coded = _code(fit, terms, rows)
    L = _combinations(coded.matrix, coded.cells).T
    own = [coded.assign == t for t in range(len(terms))]
    for t in sorted(range(len(terms)), key=lambda t: -len(terms[t].factors)):
        containing = [own[u] for u, other in enumerate(terms) if terms[t].is_contained_in(other)]
        if containing:
            within = L[:, np.logical_or.reduce(containing)]
            L[:, own[t]] -= within @ _combinations(within, L[:, own[t]])
    chosen, back = L[coded.place], _combinations(coded.matrix, fit.X[rows])
    return {
        term.name: rows[np.abs(rows).sum(axis=1) > 1e-8] @ back
        for term, rows in zip(terms, [chosen[:, columns].T for columns in own], strict=True)
        if term.factors
    }


def _combinations(basis: Array, columns: Array) -> Array:
    """Write columns as combinations of a basis, rounding what is zero to zero."""
    scale = np.linalg.norm(basis, axis=0)
    scale[scale == 0.0] = 1.0
    found = np.linalg.lstsq(basis / scale, columns, rcond=1e-10)[0] / scale[:, None]
    found[np.abs(found) < 1e-9 * np.abs(found).max(initial=1e-300)] = 0.0
    return np.asarray(found)


def _enough_rows(fit: Fit) -> slice:
    """Return rows that show how all columns are related: all of them where that is in doubt."""
    rows = slice(None, None, max(fit.n_observations // ENOUGH_ROWS, 1))
    rank = len(independent_columns(fit.X[rows]))
    return rows if rank == len(fit.estimates.beta) else slice(None)
