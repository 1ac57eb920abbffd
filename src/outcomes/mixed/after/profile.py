"""Profile-likelihood intervals: the values of a parameter that the likelihood does not rule out.

For each parameter the deviance (ML) is minimised over all others at a held value; the limits are
where it exceeds the minimum by the chi-squared quantile with one degree of freedom (Bates et al.
2015, J. Stat. Softw. 67(1), section 5.1; lme4's ``confint(method = "profile")``, which interpolates
where this searches for the root).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize
from scipy.stats import chi2

from outcomes.errors import OutcomesWarning, UsageError
from outcomes.mixed.after.held_parameter import Held, HeldCoefficient, held_covariance
from outcomes.mixed.after.tables import (
    FIXED,
    parameter_names,
    parameter_values,
    random_positions,
)
from outcomes.mixed.fit_design import fit_design
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

WHICH = ("all", "random", "fixed")

AWAY = 0.02
"""Searches start with relative standard deviations at least this large: zero is stationary."""

FLAT = 1e-6
"""Directions with relatively less curvature are scaled as if they had this much."""

FAR = 50.0
"""A search leaves its start by at most this many standard errors in any direction."""

MAX_DOUBLINGS = 30


def profile_intervals(fit: Fit, which: str = "all", conf_level: float = 0.95) -> pd.DataFrame:
    """Compute profile-likelihood intervals.

    Parameters
    ----------
    fit : Fit
        A REML fit is fitted again by maximum likelihood, as in lme4.
    which : {"all", "random", "fixed"}
        Parameters to profile; "random" are the standard deviations and correlations, sigma
        included.
    conf_level : float, between 0 and 1

    Returns
    -------
    pandas.DataFrame
        group, term, estimate (ML), conf_low, conf_high. Terms: coefficients (group ``fixed``),
        ``sd(a)`` and ``cor(a, b)`` of each grouping factor, ``sd`` of the residual. A limit at the
        end of the parameter's range (0 for a standard deviation, -1 or 1 for a correlation) means
        that the likelihood does not rule that value out.

    Raises
    ------
    UsageError
        There is no such ``which``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> profile_intervals(lmm("score ~ visit + (1 | patient)", data), "random").round(2)
          group           term  estimate  conf_low  conf_high
    0   patient  sd(Intercept)      0.58      0.34       0.92
    1  residual             sd      0.99      0.87       1.14
    """
    if which not in WHICH:
        must = f"which must be one of {', '.join(WHICH)}"
        raise UsageError(must, got=f"'{which}'")
    fit.independent("Profile-likelihood intervals", "tidy() or bootstrap()")
    ml = maximum_likelihood(fit)
    away = AWAY * ml.estimates.sigma / ml.basis.scale
    names = parameter_names(ml.design, ml.estimates.terms)
    rows = [
        (*name, parameter.estimate, *limits(parameter, conf_level, away))
        for name, parameter in zip(names, parameters(ml), strict=True)
        if which == "all" or (which == "fixed") == (name[0] == FIXED)
    ]
    return pd.DataFrame(rows, columns=["group", "term", "estimate", "conf_low", "conf_high"])


def maximum_likelihood(fit: Fit) -> Fit:
    """Return the maximum-likelihood fit of the same design."""
    if not fit.request.reml:
        return fit
    request = replace(fit.request, reml=False, df="normal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        return fit_design(fit.design, request)


@dataclass(frozen=True)
class Parameter:
    """A parameter to profile.

    Parameters
    ----------
    held : Held
        The deviance with it held.
    estimate : float
    step : float
        A first guess of half the interval.
    low, high : float
        Its range.
    closed : bool
        Whether it may take the ends of its range.
    """

    held: Held
    estimate: float
    step: float
    low: float = -np.inf
    high: float = np.inf
    closed: bool = True


def parameters(fit: Fit) -> list[Parameter]:
    """Return every parameter of a maximum-likelihood fit, in the order of `parameter_names`."""
    found, likelihood = fit.estimates, fit.independent("Profiles", "tidy()")
    values = iter(parameter_values(fit.design, found))
    std_error = np.sqrt(np.diag(found.vcov))
    listed = [
        Parameter(HeldCoefficient(fit, likelihood, j), next(values), 2.0 * step)
        for j, step in enumerate(std_error)
    ]
    for f, factor in enumerate(fit.design.factors):
        size = found.sigma / np.sqrt(np.mean(factor.Z**2, axis=0))
        for i, j in random_positions(factor):
            held, value = held_covariance(fit, likelihood, f, (i, j)), next(values)
            if i == j:
                listed.append(Parameter(held, value, 0.5 * (value or size[i]), low=0.0))
            else:
                listed.append(Parameter(held, value, 0.5, low=-1.0, high=1.0))
    sigma = Parameter(
        held_covariance(fit, likelihood), next(values), 0.2 * found.sigma, low=0.0, closed=False
    )
    return [*listed, sigma]


def limits(parameter: Parameter, conf_level: float, away: float) -> tuple[float, float]:
    """Search both limits of a parameter.

    Parameters
    ----------
    parameter : Parameter
    conf_level : float, between 0 and 1
    away : float
        Searches start with standard deviations at least this large, since zero is stationary.

    Returns
    -------
    low, high : float
        The whole range for a correlation whose standard deviation is zero.
    """
    if np.isnan(parameter.estimate):
        return parameter.low, parameter.high
    target = float(np.sqrt(chi2.ppf(conf_level, 1)))
    walk = Walk(parameter, preconditioner(parameter), away)
    return _limit(walk, -1, target), _limit(walk, 1, target)


@dataclass(frozen=True)
class Walk:
    """A walk along one profile.

    Parameters
    ----------
    parameter : Parameter
    scale : array, shape (k, k)
        Makes the deviance nearly spherical in the other parameters.
    away : float
    """

    parameter: Parameter
    scale: Array
    away: float

    def distance(self, value: float, start: Array) -> tuple[float, Array]:
        """Return how far a held value is, and where the other parameters went.

        Parameters
        ----------
        value : float
        start : array, shape (k,)
            Where to begin the search for the others.

        Returns
        -------
        float
            Root of the deviance above its minimum.
        array, shape (k,)
        """
        held = self.parameter.held
        minimum = held.evaluate(held.start, self.parameter.estimate)[0]
        origin = np.where(held.nudged & (np.abs(start) < self.away), self.away, start)

        def above(z: Array) -> tuple[float, Array]:
            size, gradient = held.evaluate(origin + self.scale @ z, value)
            return size - minimum, self.scale.T @ gradient

        if not len(start):
            return float(np.sqrt(max(0.0, above(start)[0]))), start
        zero = np.zeros(len(start))
        bounds = [(-FAR, FAR)] * len(start)
        options = {"gtol": 1e-5, "ftol": 1e-13, "maxcor": 30}
        found: Any = minimize(  # type: ignore[call-overload]
            above, zero, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        return float(np.sqrt(max(0.0, found.fun))), origin + self.scale @ found.x


def _limit(walk: Walk, side: int, target: float) -> float:
    """Bracket one limit by doubling steps, then find the root."""
    parameter = walk.parameter
    bound = parameter.low if side < 0 else parameter.high
    inside, near, step = parameter.estimate, parameter.held.start, side * parameter.step
    for _ in range(MAX_DOUBLINGS):
        outside = parameter.estimate + step
        if side * (outside - bound) >= 0.0:
            outside = bound if parameter.closed else (inside + bound) / 2.0
        reached, end = walk.distance(outside, near)
        if reached > target:
            return _root(walk, (inside, outside), near, target)
        if outside == bound:
            return bound
        inside, near, step = outside, end, 2.0 * step
    return side * np.inf


def _root(walk: Walk, bracket: tuple[float, float], near: Array, target: float) -> float:
    width = 1e-7 * abs(bracket[1] - walk.parameter.estimate)
    return float(brentq(lambda v: walk.distance(v, near)[0] - target, *bracket, xtol=width))


def preconditioner(parameter: Parameter) -> Array:
    """Return C with C'HC near the identity, H being the Hessian of the deviance at the optimum."""
    held = parameter.held
    start = held.start
    H = np.empty((len(start), len(start)))
    for j, step in enumerate(1e-5 * np.maximum(1e-2, np.abs(start))):
        move = step * (np.arange(len(start)) == j)
        above = held.evaluate(start + move, parameter.estimate)[1]
        below = held.evaluate(start - move, parameter.estimate)[1]
        H[j] = (above - below) / (2.0 * step)
    values, vectors = np.linalg.eigh((H + H.T) / 2.0)
    least = FLAT * np.abs(values).max(initial=0.0)
    return np.asarray(vectors / np.sqrt(np.maximum(values, least)))
