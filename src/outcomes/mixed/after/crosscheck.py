"""The same model by statsmodels' ``MixedLM``, an independent program, side by side."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import UnavailableError
from outcomes.mixed.after.tables import FIXED, parameter_names, parameter_values, random_parameters
from outcomes.mixed.reading.design import GroupingFactor
from outcomes.mixed.record import Fit
from outcomes.mixed.row_covariance import is_within
from outcomes.mixed.types import Array

MAX_ROWS = 3_000
"""Most rows for crossed factors, which MixedLM holds as one dense group."""


def crosscheck(fit: Fit) -> pd.DataFrame:
    """Fit the same model with statsmodels and tabulate the differences.

    statsmodels starts from its own values, so a lower log-likelihood there means that it stopped
    short of the optimum. Its standard errors are of another kind: from the observed information of
    coefficients and variances together, where these (and lme4's) take the variances as known.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    pandas.DataFrame
        group, term, estimate, statsmodels, difference (of estimates), std_error,
        statsmodels_std_error (coefficients, without small-sample adjustment), note ("not converged"
        where statsmodels says so). The last row is the log-likelihood.

    Raises
    ------
    UnavailableError
        MixedLM cannot express the model: prior weights, correlated random effects beside other
        terms, or crossed factors on many rows; or none of its searches comes to an end.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> found = crosscheck(lmm("score ~ visit + (1 | patient)", data))
    >>> bool((found.difference.abs() < 1e-3).all())
    True
    """
    fit.independent("Cross-checks by statsmodels", "the R packages mmrm or nlme")
    _require_expressible(fit)
    found = _statsmodels_fit(fit)
    own = np.append(parameter_values(fit), fit.loglik)
    names = [*parameter_names(fit), ("fit", "loglik")]
    theirs = np.concatenate(
        [found.fe_params, _random_values(fit, found), [np.sqrt(found.scale), found.llf]]
    )
    fixed = np.array([group == FIXED for group, _ in names])
    errors = np.full((2, len(names)), np.nan)
    errors[:, fixed] = np.sqrt(np.diag(fit.estimates.vcov)), found.bse_fe
    return pd.DataFrame(
        {
            "group": [group for group, _ in names],
            "term": [term for _, term in names],
            "estimate": own,
            "statsmodels": theirs,
            "difference": own - theirs,
            "std_error": errors[0],
            "statsmodels_std_error": errors[1],
            "note": "" if found.converged and np.isfinite(found.llf) else "not converged",
        }
    )


def _require_expressible(fit: Fit) -> None:
    got, remedy, top = "", "", _top(fit)
    beside = [
        factor.name
        for factor in fit.design.factors
        if max(factor.covariance.sizes) > 1 and not _is_correlated(factor, top)
    ]
    if fit.design.weights is not None:
        got = "prior weights"
    elif beside:
        got = f"correlated random effects on '{beside[0]}' beside other terms"
        remedy = "Compare the model with || in place of |."
    elif top is None and fit.n_observations > MAX_ROWS:
        got = f"crossed grouping factors on more than {MAX_ROWS:,} rows"
    if got:
        must = "MixedLM must be able to express the model"
        raise UnavailableError(must, got=got, remedy=remedy)


def _is_correlated(factor: GroupingFactor, top: GroupingFactor | None) -> bool:
    """Tell whether a factor's effects are those of statsmodels' groups."""
    return factor is top and len(factor.covariance.sizes) == 1


def _top(fit: Fit) -> GroupingFactor | None:
    """Return the factor that all others lie within; None when they are crossed."""
    for factor in reversed(fit.design.factors):
        if all(is_within(other, factor.codes) for other in fit.design.factors):
            return factor
    return None


def _statsmodels_fit(fit: Fit) -> Any:
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    top = _top(fit)
    groups = np.zeros(fit.n_observations, dtype=int) if top is None else top.codes
    rows = [np.flatnonzero(groups == level) for level in np.unique(groups)]
    terms = [
        (factor, j)
        for factor in fit.design.factors
        if not _is_correlated(factor, top)
        for j in range(factor.q)
    ]
    spec = VCSpec(
        [f"{k}" for k in range(len(terms))],
        [[[f"{c}" for c in range(m.shape[1])] for m in _columns(*term, rows)] for term in terms],
        [_columns(*term, rows) for term in terms],
    )
    with warnings.catch_warnings(action="ignore"):
        model = MixedLM(
            fit.design.response,
            fit.X,
            groups,
            exog_re=top.Z if top is not None and _is_correlated(top, top) else None,
            exog_vc=spec if terms else None,
        )
        return _highest(model, fit)


def _highest(model: Any, fit: Fit) -> Any:
    """Return the highest end of several searches: each of them stops short in some models."""
    found: list[Any] = []
    for methods in (["lbfgs"], ["bfgs", "powell"]):
        with suppress(np.linalg.LinAlgError):
            found.append(model.fit(reml=fit.request.reml, method=methods))
        if found and np.isclose(found[-1].llf, fit.loglik, rtol=0, atol=1e-4):
            return found[-1]
    if not found:
        must = "MixedLM must be able to fit the model"
        raise UnavailableError(must, got="a singular matrix in each of its searches")
    return max(found, key=lambda end: end.llf if np.isfinite(end.llf) else -np.inf)


def _columns(factor: GroupingFactor, j: int, rows: list[Array]) -> list[Array]:
    """Return one effect's columns on the rows of each group, a column for each level there."""
    found = []
    for own in rows:
        levels, codes = np.unique(factor.codes[own], return_inverse=True)
        found.append(np.eye(len(levels))[codes] * factor.Z[own, j][:, None])
    return found


def _random_values(fit: Fit, found: Any) -> list[float]:
    """Return standard deviations and correlations in the order of `parameter_names`."""
    top, variances = _top(fit), iter(found.vcomp)
    covariances = [
        np.diag([next(variances) for _ in range(factor.q)])
        if not _is_correlated(factor, top)
        else np.asarray(found.cov_re)
        for factor in fit.design.factors
    ]
    return [row[-1] for row in random_parameters(fit.design.factors, covariances)]
