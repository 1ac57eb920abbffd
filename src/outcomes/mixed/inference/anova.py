"""Tests of the terms of the fixed part: sequential (I), marginal (II), with equal weights (III)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import joint_test
from outcomes.mixed.products.conditioning import independent_columns
from outcomes.mixed.reading.columns import build_columns
from outcomes.mixed.reading.formula import read_expression
from outcomes.mixed.reading.frame import ModelFrame
from outcomes.mixed.record import Fit
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
    rows = []
    for term, contrasts in term_contrasts(fit, _TYPES[type]).items():
        joint = joint_test(fit.estimates.beta, fit.inference, contrasts)
        rows.append((term, joint.df_num, joint.df_den, joint.statistic, joint.p_value))
    return pd.DataFrame(rows, columns=["term", "df_num", "df_den", "statistic", "p_value"])


def term_contrasts(fit: Fit, type: int) -> dict[str, Array]:
    """Return the contrasts over the estimated coefficients that test each term, by term name."""
    terms = _terms(fit.design.fixed.spec)
    if type == 3:
        return _equal_weights(fit, terms)
    assign = fit.design.fixed.assign[fit.working.basis.kept]
    X = fit.X
    gram = X.T @ X
    found = {}
    for t, term in enumerate(terms):
        if not term.factors:
            continue
        later = list(range(t + 1, len(terms)))
        if type == 2:
            later = [u for u, other in enumerate(terms) if term.is_contained_in(other)]
        found[term.name] = _adjusted(gram, assign, t, later)
    return found


def _adjusted(gram: Array, assign: Array, t: int, later: list[int]) -> Array:
    """Contrast for a term given all columns but the later ones: rows of a Cholesky factor."""
    last = np.isin(assign, later)
    own = assign == t
    order = np.concatenate([np.flatnonzero(part) for part in (~last & ~own, own, last)])
    scale = 1.0 / np.sqrt(np.diag(gram))[order]
    upper = np.linalg.cholesky(gram[np.ix_(order, order)] * np.outer(scale, scale)).T / scale
    contrasts = np.zeros_like(gram)
    contrasts[:, order] = upper / np.diag(upper)[:, None]
    return np.asarray(contrasts[np.flatnonzero(own[order])])


@dataclass(frozen=True)
class _Term:
    """A term of the fixed part: its categorical factors and its numbers."""

    name: str
    factors: tuple[str, ...]
    categories: frozenset[str]
    numbers: frozenset[str]

    def is_contained_in(self, other: _Term) -> bool:
        return self.categories < other.categories and self.numbers == other.numbers


def _terms(spec: Any) -> list[_Term]:
    kinds = {name: kind.value for name, (kind, _) in spec.encoder_state.items()}
    found = []
    for structure in spec.structure:
        names = (str(factor.expr) for factor in structure.term.factors)
        factors = tuple(name for name in names if name not in ("0", "1"))
        categories = frozenset(name for name in factors if kinds.get(name) == "categorical")
        numbers = frozenset(factors) - categories
        found.append(_Term(str(structure.term), factors, categories, numbers))
    return found


def _equal_weights(fit: Fit, terms: list[_Term]) -> dict[str, Array]:
    """Contrasts that give every level the same weight (SAS type III, built as lmerTest does).

    The columns of a design with one for every cell are combinations L of the estimated ones; each
    term's combinations are made orthogonal to those of the terms that contain it.
    """
    frame, rows = _enough_rows(fit)
    X = fit.X[rows]
    coded = build_columns(" + ".join(["0", *(_text(fit, term) for term in terms)]), frame)
    kept = independent_columns(np.linalg.qr(_unit(coded.matrix)).R)
    treatment = coded.matrix[:, kept]
    names = [coded.names[j].replace("[T.", "[") for j in kept]
    full = [build_columns(f"0 + {_text(fit, term)}", frame) for term in terms]
    L = _combinations(treatment, np.hstack([columns.matrix for columns in full])).T
    own = {term.name: np.flatnonzero(coded.assign[kept] == t) for t, term in enumerate(terms)}
    for term in sorted(terms, key=lambda term: -len(term.categories | term.numbers)):
        containing = [own[other.name] for other in terms if term.is_contained_in(other)]
        if containing:
            within = L[:, np.concatenate(containing)]
            L[:, own[term.name]] -= within @ _combinations(within, L[:, own[term.name]])
    order = [name for columns in full for name in columns.names]
    chosen = L[[order.index(name) for name in names]]
    recode = _combinations(treatment, X)
    return {
        term.name: _nonzero_rows(chosen[:, own[term.name]].T) @ recode
        for term in terms
        if term.factors
    }


def _combinations(basis: Array, columns: Array) -> Array:
    """Write columns as combinations of a basis, rounding what is zero to zero."""
    scale = np.linalg.norm(basis, axis=0)
    scale[scale == 0.0] = 1.0
    found = np.linalg.lstsq(basis / scale, columns, rcond=1e-10)[0] / scale[:, None]
    found[np.abs(found) < 1e-9 * np.abs(found).max(initial=1e-300)] = 0.0
    return np.asarray(found)


def _unit(matrix: Array) -> Array:
    norms = np.linalg.norm(matrix, axis=0)
    return np.asarray(matrix / np.where(norms > 0.0, norms, 1.0))


def _nonzero_rows(rows: Array) -> Array:
    return np.asarray(rows[np.abs(rows).sum(axis=1) > 1e-8])


def _enough_rows(fit: Fit) -> tuple[ModelFrame, slice | Array]:
    """Return rows that show how all columns are related: all of them where that is in doubt."""
    frame = fit.design.frame
    every = frame.n_rows // ENOUGH_ROWS
    plain = all(name in frame.data.columns for name in fit.design.fixed.spec.encoder_state)
    if every < 2 or not plain:
        return frame, slice(None)
    rows = slice(None, None, every)
    if len(independent_columns(np.linalg.qr(_unit(fit.X[rows])).R)) < len(fit.estimates.beta):
        return frame, slice(None)
    return replace(frame, data=frame.data.iloc[rows]), rows


def _text(fit: Fit, term: _Term) -> str:
    """Write a term with every categorical factor in treatment coding."""
    columns = fit.design.frame.data.columns
    parts = [name if name not in columns else f"`{name}`" for name in term.factors]
    for position, name in enumerate(term.factors):
        if name in term.categories and name not in columns:
            (column,) = read_expression(f"0 + {name}").required_variables
            parts[position] = f"C(`{column}`)"
    return ":".join(parts) or "1"
