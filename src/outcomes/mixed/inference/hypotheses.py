"""Tests of linear combinations of coefficients that the reader writes down."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import contrast_table, joint_test
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array


def hypothesis_table(
    fit: Fit, hypothesis: Mapping[str, float] | npt.ArrayLike, conf_level: float = 0.95
) -> pd.DataFrame:
    """Test linear combinations of the fixed coefficients against zero.

    Parameters
    ----------
    fit : Fit
    hypothesis : dict of str to float, or array, shape (p,) or (k, p)
        Weights by term name, or a matrix over the estimated terms in their order.
    conf_level : float, between 0 and 1

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
    contrasts = contrast_matrix(fit, hypothesis)
    if len(contrasts) == 1:
        table = contrast_table(fit.estimates.beta, fit.inference, contrasts, conf_level)
        table.insert(0, "term", [_label(fit, contrasts[0])])
        return table
    joint = joint_test(fit.estimates.beta, fit.inference, contrasts)
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
    if not isinstance(hypothesis, Mapping):
        matrix = np.atleast_2d(np.asarray(hypothesis, dtype=np.float64))
        if matrix.ndim != 2 or matrix.shape[1] != len(terms):
            must = f"A hypothesis matrix needs {len(terms)} columns, one a term"
            raise UsageError(
                must,
                got=f"{matrix.shape[-1]}",
                remedy=f"Terms: {', '.join(terms)}.",
            )
        return matrix
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
    return np.array([[float(hypothesis.get(name, 0.0)) for name in terms]])


def _label(fit: Fit, contrast: Array) -> str:
    parts = [
        name if weight == 1.0 else f"{weight:g} * {name}"
        for name, weight in zip(fit.estimates.terms, contrast, strict=True)
        if weight
    ]
    return " + ".join(parts) or "0"
