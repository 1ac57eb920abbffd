"""Tests of linear combinations of coefficients that the reader writes down."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import Null, contrast_table, joint_test
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array


def hypothesis_table(
    fit: Fit,
    hypothesis: Mapping[str, float] | npt.ArrayLike,
    conf_level: float = 0.95,
    *,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
) -> pd.DataFrame:
    """Test linear combinations of the fixed coefficients.

    Parameters
    ----------
    fit : Fit
    hypothesis : str, dict of str to float, or array, shape (p,) or (k, p)
        A term by itself, weights by term name, or a matrix over the estimated terms in their order.
    conf_level : float, between 0 and 1
    null, side, delta : float, str, float
        What the test is against: `outcomes.mixed.inference.testing.Null`. A joint test has two
        sides and no margin.

    Returns
    -------
    pandas.DataFrame
        For one combination, a row as in ``tidy``; for several, one row of their joint F test: term,
        df_num, df_den, statistic, p_value.

    Raises
    ------
    UsageError
        A term is not in the model, or the matrix has another number of columns.
    """
    against = Null(null, side, delta)
    contrasts = contrast_matrix(fit, hypothesis)
    if len(contrasts) == 1:
        table = contrast_table(fit.estimates.beta, fit.inference, contrasts, conf_level, against)
        table.insert(0, "term", [_label(fit, contrasts[0])])
        return table
    if against.tail:
        must = "A joint test has two sides and no margin"
        raise UsageError(must, got="one side or a margin")
    joint = joint_test(fit.estimates.beta, fit.inference, contrasts, null)
    return pd.DataFrame(
        {
            "term": [f"{len(contrasts)} combinations"],
            "df_num": [joint.df_num],
            "df_den": [joint.df_den],
            "statistic": [joint.statistic],
            "p_value": [joint.p_value],
        }
    )


def contrast_matrix(fit: Fit, hypothesis: Mapping[str, float] | npt.ArrayLike) -> Array:
    """Return the contrasts over the estimated terms, shape (k, p)."""
    terms = fit.estimates.terms
    if isinstance(hypothesis, str):
        hypothesis = {hypothesis: 1.0}
    if not isinstance(hypothesis, Mapping):
        return _matrix(hypothesis, terms)
    unknown = [name for name in hypothesis if name not in terms]
    if unknown:
        near = [match for name in unknown for match in get_close_matches(name, terms, n=1)]
        aliased = [name for name in unknown if name in fit.estimates.aliased_terms]
        must = "A hypothesis names estimated terms"
        raise UsageError(
            must,
            got=", ".join(f"'{name}'" for name in unknown),
            where="not estimated: the columns before it determine it" if aliased else "",
            remedy=f"Did you mean {', '.join(near)}?" if near else f"Terms: {', '.join(terms)}.",
        )
    return _matrix([hypothesis.get(name, 0.0) for name in terms], terms)


def _matrix(rows: npt.ArrayLike, terms: tuple[str, ...]) -> Array:
    must = f"A hypothesis needs {len(terms)} columns of finite numbers, not all zero, one a term"
    remedy = f"Terms: {', '.join(terms)}."
    try:
        matrix = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UsageError(must, got="something else", remedy=remedy) from error
    if matrix.ndim != 2 or matrix.shape[1] != len(terms):
        raise UsageError(must, got=f"{matrix.shape[-1]} columns", remedy=remedy)
    if not np.isfinite(matrix).all() or not matrix.any(axis=1).all() or not len(matrix):
        raise UsageError(must, got="others", remedy=remedy)
    return matrix


def _label(fit: Fit, contrast: Array) -> str:
    parts = [
        name if weight == 1.0 else f"{weight:g} * {name}"
        for name, weight in zip(fit.estimates.terms, contrast, strict=True)
        if weight
    ]
    return " + ".join(parts) or "0"
