"""Choose a residual covariance by its likelihood, by a rule that is stated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.errors import FitError, OutcomesWarning
from outcomes.mixed.after.tables import glance
from outcomes.mixed.fit import MixedFit, lmm

MARGIN = 2.0
"""A fit with more parameters is taken when its AIC is lower by more than this."""

RULE = (
    "Of the residual covariances tried, the lowest AIC among fits that converged without a "
    "residual variance of zero; of those within 2 of it, the one with fewest parameters."
)


@dataclass(frozen=True)
class Choice:
    """A residual covariance chosen.

    Parameters
    ----------
    fit : MixedFit
        The fit chosen.
    table : pandas.DataFrame
        residual (the term; "independent" without one), n_parameters, loglik, aic, bic, note,
        chosen: one row a candidate.
    rule : str
        How it was chosen.
    """

    fit: MixedFit
    table: pd.DataFrame
    rule: str = RULE


def choose_residual(
    formula: str,
    data: pd.DataFrame,
    candidates: Sequence[str],
    *,
    reml: bool = True,
    df: str = "satterthwaite",
) -> Choice:
    """MixedFit a model with several residual covariances and choose one.

    Parameters
    ----------
    formula : str
        Without a residual term.
    data : pandas.DataFrame
    candidates : sequence of str
        Residual terms such as ``"ou(day | episode_id)"``; the empty text stands for independent
        residuals. All fits use the rows on which every candidate's columns are known.
    reml : bool
        The fixed part is the same for all, so REML likelihoods compare.
    df : {"satterthwaite", "kenward-roger", "normal"}

    Returns
    -------
    Choice

    Raises
    ------
    FitError
        No candidate can be fitted.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> distance = np.abs(np.subtract.outer(range(6), range(6)))
    >>> errors = rng.normal(size=(50, 6)) @ np.linalg.cholesky(0.7**distance).T
    >>> data = pd.DataFrame({"patient": np.repeat(range(50), 6), "visit": np.tile(range(6), 50)})
    >>> data["score"] = 5 - 0.3 * data.visit + errors.ravel()
    >>> tried = ["cs(visit | patient)", "ar1(visit | patient)", "us(visit | patient)"]
    >>> choose_residual("score ~ visit", data, tried).table[["residual", "chosen"]]
                   residual  chosen
    0   cs(visit | patient)   False
    1  ar1(visit | patient)    True
    2   us(visit | patient)   False
    """
    fits = [_tried(formula, data, term, reml, df) for term in candidates]
    rows = [_row(term, fit) for term, fit in zip(candidates, fits, strict=True)]
    table = pd.DataFrame(rows)
    eligible = table["aic"].where(table["note"] == "")
    if eligible.isna().all():
        must = "At least one residual covariance must be possible"
        raise FitError(must, got="none", where="; ".join(table["note"]))
    close = table[eligible <= eligible.min() + MARGIN]
    best = int(close.sort_values(["n_parameters", "aic"]).index[0])
    fit = fits[best]
    assert isinstance(fit, MixedFit)
    return Choice(fit, table.assign(chosen=table.index == best))


def _tried(formula: str, data: pd.DataFrame, term: str, reml: bool, df: str) -> MixedFit | FitError:
    with warnings.catch_warnings():  # what a fit warns of stands in its note
        warnings.simplefilter("ignore", OutcomesWarning)
        try:
            return lmm(f"{formula} + {term}" if term else formula, data, reml=reml, df=df)
        except FitError as error:
            return error


def _row(term: str, fit: MixedFit | FitError) -> dict[str, object]:
    name = term or "independent"
    if isinstance(fit, FitError):
        nothing = dict.fromkeys(("n_parameters", "loglik", "aic", "bic"), np.nan)
        return {"residual": name, **nothing, "note": str(fit)}
    numbers = glance(fit).iloc[0]
    note = "" if fit.optimum.converged else "did not converge"
    if str(fit.design.formula.residual) in fit.estimates.singular_terms:
        note = "a residual variance is zero or a correlation is one"
    kept = {key: numbers[key] for key in ("n_parameters", "loglik", "aic", "bic")}
    return {"residual": name, **kept, "note": note}
