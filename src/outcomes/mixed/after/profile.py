"""Profile-likelihood intervals: the values of a parameter that the likelihood does not rule out.

For each parameter the deviance (ML) is minimised over all others at a held value; the limits are
where it exceeds the minimum by the chi-squared quantile with one degree of freedom (Bates et al.
2015, J. Stat. Softw. 67(1), section 5.1; lme4's ``confint(method = "profile")``, which interpolates
where this searches for the root).

With one parameter held the deviance is an unconstrained function of all others, whose exact
gradient follows from d deviance = tr(G dSigma) at a fixed residual variance:

- a coefficient held at b adds (b - beta_j)^2 / Phi_jj to the residual sum of squares, with the
  other coefficients at their best;
- for a standard deviation held at s, the effect is put first in its covariance, whose Cholesky
  factor then starts with the row (s, 0, ...); for a correlation held at r, the two effects are put
  first, and the first rows are a (1, 0, ...) and c (r, sqrt(1 - r^2), 0, ...) with log a and log c
  free; sigma is simply given. What is left to search is the rest of the factors, and log sigma.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy
from scipy.linalg import qr, solve_triangular
from scipy.special import chdtri

from outcomes.errors import OutcomesWarning, UsageError
from outcomes.mixed.after.tables import FIXED, parameter_names, parameter_values, random_positions
from outcomes.mixed.covariance import SINGULAR, semidefinite_cholesky
from outcomes.mixed.inference.testing import require_level
from outcomes.mixed.likelihood.by_elimination import (
    ByElimination,
    Profile,
    covariance_gradients,
    profile,
)
from outcomes.mixed.likelihood.elimination import eliminate
from outcomes.mixed.record import Fit, fit_design
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
    which : {"all", "random", "fixed"} or str
        Parameters to profile; "random" are the standard deviations and correlations, sigma
        included; a grouping factor's name: its own.
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
    known = [*WHICH, *(factor.name for factor in fit.design.factors)]
    if which not in known:
        must = f"which must be one of {', '.join(known)}"
        raise UsageError(must, got=f"'{which}'")
    require_level(conf_level)
    fit.independent("Profile-likelihood intervals", "tidy() or bootstrap()")
    ml = fit
    if fit.request.reml:
        with warnings.catch_warnings(action="ignore", category=OutcomesWarning):
            ml = fit_design(fit.design, replace(fit.request, reml=False, df="normal"))
    names = parameter_names(ml)
    rows = [
        (*name, parameter.estimate, *limits(parameter, conf_level))
        for name, parameter in zip(names, parameters(ml), strict=True)
        if which in ("all", name[0]) or (which == "random" and name[0] != FIXED)
    ]
    return pd.DataFrame(rows, columns=["group", "term", "estimate", "conf_low", "conf_high"])


@dataclass(frozen=True)
class Block:
    """One term's covariance, as a Cholesky factor that is searched but for what is held.

    Parameters
    ----------
    factor : int
        Position of the grouping factor.
    inside : slice
        The term's effects among those of the factor.
    transform : array, shape (k, k)
        Working effects are this times the block's own coordinates: the held effects, then others.
    L : array, shape (k, k)
        Cholesky factor of the coordinates' covariance at the optimum, in working units of the
        response.
    n_held : int
        Effects held: 1 for a standard deviation, 2 for a correlation.
    """

    factor: int
    inside: slice
    transform: Array
    L: Array
    n_held: int

    @cached_property
    def free(self) -> tuple[Array, Array]:
        """Rows and columns of the factor's elements that are searched."""
        rows, columns = np.tril_indices(len(self.L))
        return rows[rows >= self.n_held], columns[rows >= self.n_held]

    @cached_property
    def start(self) -> Array:
        """What is searched, at the optimum: log a and log c beside a correlation come first."""
        sizes = [self.L[0, 0], np.hypot(*self.L[1, :2])] if self.n_held == 2 else []
        return np.concatenate([np.log(sizes), self.L[self.free]])

    @property
    def nudged(self) -> Array:
        """Which of it are standard deviations, where zero is stationary."""
        rows, columns = self.free
        return np.concatenate([np.zeros(2 * (self.n_held == 2), dtype=bool), rows == columns])

    def at(self, searched: Array, value: float) -> tuple[Array, Array]:
        """Return the factor, (k, k), and its derivatives in what is searched, (n, k, k)."""
        free, logs = self.free, len(searched) - len(self.free[0])
        slopes = np.zeros((len(searched), *self.L.shape))
        slopes[np.arange(logs, len(searched)), *free] = 1.0
        if logs:
            slopes[0, 0, 0] = 1.0
            slopes[1, 1, :2] = value, np.sqrt(max(0.0, 1.0 - value**2))
        sizes = np.concatenate([np.exp(searched[:logs]), searched[logs:]])
        L = np.tensordot(sizes, slopes, axes=1)
        if self.n_held == 1:
            L[0, 0] = value
        slopes[:logs] *= sizes[:logs, None, None]
        return L, slopes


@dataclass(frozen=True)
class Held:
    """A deviance with one parameter held.

    Parameters
    ----------
    likelihood : ByElimination
        Maximum likelihood.
    sigma : float
        At the optimum, in working units of the response.
    blocks : tuple of Block
        Every term; the one with a held parameter has the held effects as first coordinates.
    kind : {"fixed", "random", "sigma"}
    j : int
        Position of a coefficient that is held.
    """

    likelihood: ByElimination
    sigma: float
    blocks: tuple[Block, ...]
    kind: str
    j: int = 0

    @property
    def start(self) -> Array:
        """Where the other parameters stand at the optimum: the factors, log sigma unless held."""
        sigma = [] if self.kind == "sigma" else [np.log(self.sigma)]
        return np.concatenate([*(block.start for block in self.blocks), sigma])

    @property
    def nudged(self) -> Array:
        """Which of them are standard deviations, where zero is stationary."""
        sigma = np.full(int(self.kind != "sigma"), fill_value=False)
        return np.concatenate([*(block.nudged for block in self.blocks), sigma])

    def evaluate(self, others: Array, value: float) -> tuple[float, Array]:
        """Return the deviance and its gradient in the others."""
        own, is_correlation = self.likelihood, any(b.n_held == 2 for b in self.blocks)
        at = value if is_correlation else value / self.likelihood.basis.scale
        sigma = at if self.kind == "sigma" else float(np.exp(others[-1]))
        ends = np.cumsum([len(block.start) for block in self.blocks])
        searched = np.split(others, ends)[: len(self.blocks)]
        parts = [block.at(x, at) for block, x in zip(self.blocks, searched, strict=True)]
        lam = [np.zeros((block.q, block.q)) for block in own.blocks]
        for block, (L, _) in zip(self.blocks, parts, strict=True):
            lam[block.factor][block.inside, block.inside] = block.transform @ L / sigma
        found = eliminate(own.products, lam)
        solved = profile(found.S)
        if self.kind == "fixed":
            solved = self._with_coefficient(solved, value)
        n, rss = own.products.n, float(solved.rss)
        G = covariance_gradients(found, solved, sigma**2, reml=False)
        gradient, slope = [], 2.0 * (n - rss / sigma**2)
        for block, (L, slopes) in zip(self.blocks, parts, strict=True):
            d_sigma = block.transform.T @ G[block.factor][block.inside, block.inside]
            d_L = 2.0 * d_sigma @ block.transform @ L / sigma**2
            gradient.append(np.tensordot(slopes, d_L, axes=2))
            slope -= float(np.sum(d_L * L))
        deviance = found.log_det + n * np.log(2.0 * np.pi * sigma**2) + rss / sigma**2
        return float(deviance), np.concatenate([*gradient, [slope][: self.kind != "sigma"]])

    def _with_coefficient(self, solved: Profile, value: float) -> Profile:
        """Return what theta determines once a coefficient has a value, in the data's units."""
        basis = self.likelihood.basis
        a = solve_triangular(basis.R, np.eye(len(basis.R))[self.j], trans="T")
        along = solved.Phi @ a
        gap = (value - basis.start[self.j]) / basis.scale - a @ solved.beta
        size = a @ along
        return replace(
            solved, beta=solved.beta + along * gap / size, rss=solved.rss + gap**2 / size
        )


def hold(fit: Fit, kind: str, j: int = 0, position: tuple[int, int] | None = None) -> Held:
    """Hold a parameter of a maximum-likelihood fit.

    Parameters
    ----------
    fit : Fit
    kind : {"fixed", "random", "sigma"}
    j : int
        Position of the coefficient, or of the grouping factor.
    position : tuple of int, optional
        Effects of one term on that factor: (i, i) for a variance, (i, j) for a correlation.
    """
    likelihood = fit.independent("Profiles", "tidy()")
    blocks = []
    for f, factor in enumerate(fit.design.factors):
        for inside in factor.parts:
            own = position and f == j and inside.start <= position[0] < inside.stop
            first = [k - inside.start for k in dict.fromkeys(position or ())] if own else []
            blocks.append(_block(fit, likelihood, f, inside, first))
    return Held(likelihood, fit.estimates.sigma / likelihood.basis.scale, tuple(blocks), kind, j)


def _block(
    fit: Fit, likelihood: ByElimination, factor: int, inside: slice, first: list[int]
) -> Block:
    """Put the held effects first, and complete them by working effects, which are conditioned."""
    T = likelihood.working.transforms[factor][inside, inside]
    covariance = fit.estimates.covariances[factor][inside, inside] / likelihood.basis.scale**2
    held = np.linalg.inv(T)[first]
    beside = np.eye(len(T)) - np.linalg.pinv(held) @ held
    chosen = np.sort(qr(beside, pivoting=True)[2][: len(T) - len(held)])
    coordinates = np.vstack([held, np.eye(len(T))[chosen]])
    L = semidefinite_cholesky(coordinates @ T @ covariance @ T.T @ coordinates.T)
    return Block(factor, inside, np.linalg.inv(coordinates), L, len(first))


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

    @cached_property
    def scale(self) -> Array:
        """C with C'HC near the identity, H being the Hessian of the deviance at the optimum."""
        start = self.held.start
        H = np.empty((len(start), len(start)))
        for j, step in enumerate(1e-5 * np.maximum(1e-2, np.abs(start))):
            move = step * (np.arange(len(start)) == j)
            above = self.held.evaluate(start + move, self.estimate)[1]
            below = self.held.evaluate(start - move, self.estimate)[1]
            H[j] = (above - below) / (2.0 * step)
        values, vectors = np.linalg.eigh((H + H.T) / 2.0)
        least = FLAT * np.abs(values).max(initial=0.0)
        return np.asarray(vectors / np.sqrt(np.maximum(values, least)))

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
        held, away = self.held, AWAY * self.held.sigma
        minimum = held.evaluate(held.start, self.estimate)[0]
        origin = np.where(held.nudged & (np.abs(start) < away), away, start)

        def above(z: Array) -> tuple[float, Array]:
            size, gradient = held.evaluate(origin + self.scale @ z, value)
            return size - minimum, self.scale.T @ gradient

        if not len(start):
            return float(np.sqrt(max(0.0, above(start)[0]))), start
        bounds = [(-FAR, FAR)] * len(start)
        options = {"gtol": 1e-5, "ftol": 1e-13, "maxcor": 30}
        found: Any = scipy.optimize.minimize(  # type: ignore[call-overload]
            above, np.zeros(len(start)), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        return float(np.sqrt(max(0.0, found.fun))), origin + self.scale @ found.x


def parameters(fit: Fit) -> list[Parameter]:
    """Return every parameter of a maximum-likelihood fit, in the order of `parameter_names`."""
    sigma = fit.estimates.sigma
    values = iter(parameter_values(fit))
    listed = [
        Parameter(hold(fit, "fixed", j), next(values), 2.0 * std_error)
        for j, std_error in enumerate(np.sqrt(np.diag(fit.estimates.vcov)))
    ]
    for f, factor in enumerate(fit.design.factors):
        size = sigma / np.sqrt(np.mean(factor.Z**2, axis=0))
        for i, j in random_positions(factor):
            held, value = hold(fit, "random", f, (i, j)), next(values)
            if i == j:
                step = 0.5 * (value if value > SINGULAR * size[i] else size[i])
                listed.append(Parameter(held, value, step, low=0.0))
            else:
                listed.append(Parameter(held, value, 0.5, low=-1.0, high=1.0))
    last = Parameter(hold(fit, "sigma"), next(values), 0.2 * sigma, low=0.0, closed=False)
    return [*listed, last]


def limits(parameter: Parameter, conf_level: float) -> tuple[float, float]:
    """Search both limits of a parameter.

    Parameters
    ----------
    parameter : Parameter
    conf_level : float, between 0 and 1

    Returns
    -------
    low, high : float
        The whole range for a correlation whose standard deviation is zero.
    """
    if np.isnan(parameter.estimate):
        return parameter.low, parameter.high
    target = float(np.sqrt(chdtri(1, 1.0 - conf_level)))
    return _limit(parameter, -1, target), _limit(parameter, 1, target)


def _limit(parameter: Parameter, side: int, target: float) -> float:
    """Bracket one limit by doubling steps, then find the root."""
    bound = parameter.low if side < 0 else parameter.high
    inside, near, step = parameter.estimate, parameter.held.start, side * parameter.step
    for _ in range(MAX_DOUBLINGS):
        outside = parameter.estimate + step
        if side * (outside - bound) >= 0.0:
            outside = bound if parameter.closed else (inside + bound) / 2.0
        reached, end = parameter.distance(outside, near)
        if reached > target:
            width = 1e-7 * abs(outside - parameter.estimate)
            found = scipy.optimize.brentq(
                lambda v, at: parameter.distance(v, at)[0] - target,
                *(inside, outside),
                args=(near,),
                xtol=width,
            )
            return float(found)
        if outside == bound:
            return bound
        inside, near, step = outside, end, 2.0 * step
    return side * np.inf
