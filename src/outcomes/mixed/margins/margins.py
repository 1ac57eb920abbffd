"""Estimated marginal means, and slopes: what a model says at chosen places.

Where no data were seen a row says so and holds no number.
"""

from __future__ import annotations

import pandas as pd

from outcomes.mixed.inference.testing import Null
from outcomes.mixed.margins.margin_functions import (
    Names,
    back_transformed,
    logarithm,
    margin_table,
    margins,
    names_of,
)
from outcomes.mixed.margins.reference_grid import At
from outcomes.mixed.record import Fit


def emmeans(
    fit: Fit,
    factor: Names,
    at: At | None = None,
    weights: str = "equal",
    conf_level: float = 0.95,
    *,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
    type: str = "link",
) -> pd.DataFrame:
    """Estimate marginal means.

    Parameters
    ----------
    fit : Fit
    factor : str or list of str
        Columns of the fixed part whose levels make the rows; ``"a:b"`` is the same as
        ``["a", "b"]``. A number needs values in ``at``.
    at : dict of str to value or list of values, optional
        Where to hold other columns: by default numbers at their mean over the rows used, and
        categorical columns averaged over.
    weights : {"equal", "proportional", "observed"}
        How to average over the levels of other columns: equally; by their frequency in the rows
        used; by their frequency within each cell of ``factor``.
    conf_level : float, between 0 and 1
    null, side, delta : float, str, float
        What the test is against: `outcomes.mixed.inference.testing.Null`. On the response as
        written in the formula.
    type : {"link", "response"}
        "response": where the response is a logarithm, what it is the logarithm of (a geometric
        mean), with limits to match.

    Returns
    -------
    pandas.DataFrame
        The columns of ``factor``, estimate, std_error, df, statistic, p_value, conf_low, conf_high,
        n_observations, note. A margin over a combination of interacting columns that was never seen
        has the note "no data here" and no numbers. On the scale of the response as written in the
        formula.

    Raises
    ------
    UsageError
        A name, level or option is unknown.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 4), "arm": ["a", "b"] * 40})
    >>> data["score"] = (data.arm == "b") + rng.normal(size=20)[data.patient] + rng.normal(size=80)
    >>> fit = lmm("score ~ arm + (1 | patient)", data)
    >>> list(emmeans(fit, "arm").estimate.round(2))
    [0.03, 0.84]
    """
    log, against = logarithm(fit, type), Null(null, side, delta)
    found = margins(fit, names_of(factor), at, weights)
    table = margin_table(fit, found, conf_level, against)
    table = back_transformed(table, *log) if log else table
    return pd.concat([found.labels, table], axis=1)


def emtrends(
    fit: Fit,
    variable: str,
    by: Names | None = None,
    at: At | None = None,
    weights: str = "equal",
    conf_level: float = 0.95,
    *,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
) -> pd.DataFrame:
    """Estimate slopes: the change of the fitted value per unit of a number.

    Parameters
    ----------
    fit : Fit
    variable : str
        A numeric column of the fixed part.
    by : str or list of str, optional
        Columns within whose levels to give the slope.
    at, weights, conf_level, null, side, delta
        As in `emmeans`.

    Returns
    -------
    pandas.DataFrame
        As `emmeans`, with a first column ``variable``. For a curve it is the slope at the values of
        the grid, by central differences.

    Raises
    ------
    UsageError
        ``variable`` is no number of the fixed part.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> emtrends(fit, "visit")[["variable", "estimate", "std_error"]].round(2)
      variable  estimate  std_error
    0    visit     -0.29       0.05
    """
    found = margins(fit, names_of(by), at, weights, trend=variable)
    against = Null(null, side, delta)
    table = pd.concat([found.labels, margin_table(fit, found, conf_level, against)], axis=1)
    table.insert(0, "variable", variable)
    return table
