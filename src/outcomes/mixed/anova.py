"""Tests of the terms of the fixed part: sequential, marginal (II) and with equal weights (III).

Type III hypotheses do not depend on the coding: they are read off a design in sum-to-zero coding,
as lmerTest does.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cholesky

from outcomes.errors import UsageError
from outcomes.mixed.columns import build_columns
from outcomes.mixed.conditioning import independent_columns
from outcomes.mixed.formula import read_expression
from outcomes.mixed.results import MixedFit
from outcomes.mixed.testing import joint_test

Array = npt.NDArray[Any]

_TYPES = {1: 1, 2: 2, 3: 3, "1": 1, "2": 2, "3": 3, "I": 1, "II": 2, "III": 3}


def anova(fit: MixedFit, type: int | str = 3) -> pd.DataFrame:
    """Test each term of the fixed part.

    Parameters
    ----------
    fit : MixedFit
    type : {1, 2, 3}
        1: each term given those before it; 2: given all that do not contain it; 3: given all
        others, in sum-to-zero coding.

    Returns
    -------
    pandas.DataFrame
        term, df_num, df_den, statistic (F), p_value.

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


def term_contrasts(fit: MixedFit, type: int) -> dict[str, Array]:
    """Return the contrasts over the estimated coefficients that test each term, by term name."""
    fixed = fit.design.fixed
    assign = fixed.assign[fit.working.basis.kept]
    tested = [t for t, name in enumerate(fixed.terms) if name not in ("0", "1") and t in assign]
    if type == 3:
        return _marginal(fit, tested)
    gram = fit.X.T @ fit.X
    parts = [set(str(term).split(":")) for term in fixed.terms]
    found = {}
    for t in tested:
        containing = [u for u in range(len(parts)) if u != t and parts[t] < parts[u]]
        later = containing if type == 2 else [u for u in range(len(parts)) if u > t]
        found[fixed.terms[t]] = _adjusted(gram, assign, t, later)
    return found


def _adjusted(gram: Array, assign: Array, t: int, later: list[int]) -> Array:
    """Contrast for a term given all columns but the later ones: rows of a Cholesky factor."""
    last = np.isin(assign, later)
    order = np.concatenate(
        [
            np.flatnonzero(~last & (assign != t)),
            np.flatnonzero(assign == t),
            np.flatnonzero(last),
        ]
    )
    scale = 1.0 / np.sqrt(np.diag(gram))[order]
    upper = cholesky(gram[np.ix_(order, order)] * np.outer(scale, scale)) / scale
    contrasts = np.zeros_like(gram)
    contrasts[:, order] = upper
    rows = np.flatnonzero(assign[order] == t)
    return np.asarray(contrasts[rows])


def _marginal(fit: MixedFit, tested: list[int]) -> dict[str, Array]:
    """Contrasts of the same columns in sum-to-zero coding: X_sum mapping = X."""
    fixed = fit.design.fixed
    recoded = build_columns(_sum_coded(fit), fit.design.frame)
    norms = np.linalg.norm(recoded.matrix, axis=0)
    scaled = recoded.matrix / np.where(norms > 0.0, norms, 1.0)
    kept = independent_columns(np.linalg.qr(scaled).R)
    mapping = np.linalg.lstsq(scaled[:, kept], fit.X, rcond=None)[0]
    mapping[np.abs(mapping) < 1e-10 * np.abs(mapping).max(axis=0)] = 0.0
    return {fixed.terms[t]: mapping[recoded.assign[kept] == t] for t in tested}


def _sum_coded(fit: MixedFit) -> str:
    """Rewrite the fixed part, term by term, with every categorical factor in sum-to-zero coding."""
    kinds = {name: kind.value for name, (kind, _) in fit.design.fixed.spec.encoder_state.items()}
    terms = []
    for structure in fit.design.fixed.spec.structure:
        factors = [str(factor.expr) for factor in structure.term.factors]
        terms.append(":".join(_sum_factor(name, kinds.get(name, "")) for name in factors))
    return " + ".join(["0", *terms])


def _sum_factor(expression: str, kind: str) -> str:
    if kind == "categorical":
        (name,) = read_expression(f"0 + {_quoted(expression)}").required_variables
        return f"C({_quoted(str(name))}, contr.sum)"
    return _quoted(expression)


def _quoted(expression: str) -> str:
    plain = re.fullmatch(r"[\w.]+|.*[(\[{`].*", expression)
    return expression if plain else f"`{expression}`"
