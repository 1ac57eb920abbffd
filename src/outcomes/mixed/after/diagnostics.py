"""What to look at after a fit: residuals, leverages, normal quantiles, as tidy frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

NOTHING = 1e-10
"""Share of a variance below which scores tell nothing about an effect: it is rounding."""


def residuals(fit: Fit) -> pd.DataFrame:
    """Tabulate the residuals of the rows used.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    pandas.DataFrame
        On the index of the data: fitted; residual (response minus fitted, in its units);
        residual_pearson (in residual standard deviations, sqrt(weight) residual / sigma); leverage
        (change of the fitted value per unit of the score, variances held); residual_standardised
        (Pearson residual / sqrt(1 - leverage), of variance near one); marginal_residual (response
        minus the fixed part). A row that its random effects reproduce has leverage 1 and no
        standardised residual. Where residuals are correlated the Pearson residual is that of a
        score given the patient's earlier ones (nlme's ``normalized``), and so is its leverage.

    References
    ----------
    Nobre & Singer (2007), Biom. J. 49, 863; lme4's ``hatvalues``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> found = residuals(lmm("score ~ visit + (1 | patient)", data))
    >>> bool(found.residual_standardised.std().round(1) == 1.0)
    True
    """
    pearson = fit.rows.T @ (fit.y - fit.fitted)
    leverage = leverages(fit)
    room = np.where(1.0 - leverage > 1e-10, 1.0 - leverage, np.nan)
    return pd.DataFrame(
        {
            "fitted": fit.fitted,
            "residual": fit.y - fit.fitted,
            "residual_pearson": pearson,
            "leverage": leverage,
            "residual_standardised": pearson / np.sqrt(room),
            "marginal_residual": fit.y - fit.fixed_fitted,
        },
        index=fit.design.frame.data.index,
    )


def leverages(fit: Fit) -> Array:
    """Return the diagonal of the matrix that turns scores into fitted values, shape (n,).

    The fitted value's prediction variance over the residual variance (variances held).
    """
    found = fit.rows
    return found.prediction_variance(found.T @ found.X, found.H, fit.estimates.vcov)


def normal_quantiles(fit: Fit, group: str | None = None) -> pd.DataFrame:
    """Pair residuals or random effects with the normal quantiles they should resemble.

    Parameters
    ----------
    fit : Fit
    group : str, optional
        A grouping factor, for its random effects; None for the Pearson residuals.

    Returns
    -------
    pandas.DataFrame
        term, value (in standard deviations of its own estimate: shrunken random effects spread by
        less than their variance says, so each is divided by sqrt(variance - conditional variance)),
        normal_quantile, and level for random effects; ascending within each term.

    Raises
    ------
    UsageError
        The model has no such grouping factor.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> normal_quantiles(fit, "patient").head(2).round(2)
            term  value  normal_quantile  level
    0  Intercept  -2.31            -1.96      3
    1  Intercept  -1.30            -1.44     12
    """
    if group is None:
        pearson = residuals(fit)["residual_pearson"].to_numpy()
        return _ordered("residual", np.sort(pearson))
    position = fit.factor(group)
    factor, found = fit.design.factors[position], fit.rows.effects[position]
    total = np.diag(fit.estimates.covariances[position])
    own = np.diagonal(found.covariance, axis1=1, axis2=2)
    spread = np.sqrt(np.maximum(total - own, 0.0))
    known = total - own > NOTHING * total
    scaled = np.divide(found.mean, spread, out=np.full_like(found.mean, np.nan), where=known)
    parts = []
    for name, values in zip(factor.names, scaled.T, strict=True):
        order = np.argsort(values)
        parts.append(_ordered(name, values[order]).assign(level=factor.levels[order]))
    return pd.concat(parts, ignore_index=True)


def _ordered(term: str, values: Array) -> pd.DataFrame:
    points = (np.arange(len(values)) + 0.5) / len(values)
    return pd.DataFrame({"term": term, "value": values, "normal_quantile": ndtri(points)})
