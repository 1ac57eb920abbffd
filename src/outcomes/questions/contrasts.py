"""Read means and differences off a mixed model: rows of new data, and combinations of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.errors import OutcomesWarning, SingularFitWarning
from outcomes.mixed.fit import MixedFit, lmm
from outcomes.mixed.inference.testing import contrast_table
from outcomes.mixed.reading.design import design_matrix

Array = NDArray[np.float64]


@contextmanager
def quietly() -> Iterator[None]:
    """Fit without warnings that are no news to an answer.

    A variance of zero is among its checks. A group without late scores has no late curve to
    estimate, and means are read only where ten courses have a score.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        warnings.filterwarnings("ignore", "The fixed part is rank deficient", OutcomesWarning)
        yield


def fitted(formula: str, rows: pd.DataFrame, *, reml: bool = True) -> MixedFit:
    """Fit a mixed model; a variance estimated as zero is no news here (`fit.is_singular`).

    Parameters
    ----------
    formula : str
        As in `outcomes.mixed.fit.lmm`.
    rows : DataFrame
        The data.
    reml : bool
        Restricted maximum likelihood.

    Returns
    -------
    MixedFit
    """
    with quietly():
        return lmm(formula, rows, reml=reml)


def fixed_rows(fit: MixedFit, rows: pd.DataFrame) -> Array:
    """Return the fixed part of a model for new rows, estimated terms only.

    Parameters
    ----------
    fit : MixedFit
        The fitted model.
    rows : DataFrame
        Every column of the fixed part.

    Returns
    -------
    array, shape (rows, terms)
    """
    matrix = design_matrix(fit.design.fixed, rows)[:, fit.basis.kept]
    return np.asarray(matrix, dtype=float)


def estimates(fit: MixedFit, contrasts: Any, conf_level: float = 0.95) -> pd.DataFrame:
    """Return each combination of the coefficients with its interval.

    Parameters
    ----------
    fit : MixedFit
        The fitted model.
    contrasts : array, shape (k, terms) or (terms,)
        One combination a row.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        estimate, std_error, df, statistic, p_value, conf_low, conf_high; one row a combination.
    """
    matrix = np.atleast_2d(np.asarray(contrasts, dtype=float))
    return contrast_table(fit.estimates.beta, fit.inference, matrix, conf_level)
