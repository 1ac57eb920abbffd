"""Fit a linear mixed-effects model: read, condition, minimise, report."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.errors import ExposureWarning, FormulaError, UsageError
from outcomes.mixed.covariance import singular_directions
from outcomes.mixed.likelihood.deviance import Evaluation, Objective, factors_of
from outcomes.mixed.one_thread import one_blas_thread
from outcomes.mixed.optimise import minimise
from outcomes.mixed.products.working import Working, make_working
from outcomes.mixed.reading.design import Design, WeightsLike, build_design
from outcomes.mixed.reading.formula import ModelFormula, parse_formula, variables
from outcomes.mixed.residual.fit import fit_correlated
from outcomes.mixed.residual.results import CorrelatedFit
from outcomes.mixed.results import Estimates, MixedFit, Request
from outcomes.mixed.start import starting_theta
from outcomes.mixed.verdict import refuse_exact, warn_of

Array = npt.NDArray[Any]

DF_METHODS = ("satterthwaite", "kenward-roger", "normal")

SAME_VISIT = ("pressure_same_visit", "minutes_same_visit", "sessions_attended")
"""Exposures that the score may have caused."""


def lmm(
    formula: str,
    data: pd.DataFrame,
    *,
    reml: bool = True,
    df: str = "satterthwaite",
    weights: WeightsLike = None,
) -> MixedFit:
    """Fit a linear mixed-effects model.

    Parameters
    ----------
    formula : str
        As in lme4, ``"improvement ~ session_count + (1 + session_count | episode_id)"``.
        The fixed part is formulaic's: splines, contrasts, interactions, transforms, offsets.
        Random terms: ``(1 + x | g)``, ``(x || g)``, ``(1 | a/b)``, ``(1 | a:b)``, several of them,
        nested or crossed. One term may give the residuals of a patient a covariance, as in the R
        package mmrm: ``us(visit | episode_id)`` unstructured, ``cs`` compound symmetry, ``ar1``
        (``csh``, ``ar1h``: each visit its own variance), ``ou(day | episode_id)`` decaying with the
        time between, ``us(visit | arm / episode_id)`` for each arm its own.
    data : pandas.DataFrame
        One row a score. Rows with a missing value in a column of the formula are left out and
        counted.
    reml : bool
        Restricted maximum likelihood; False for maximum likelihood.
    df : {"satterthwaite", "kenward-roger", "normal"}
        Degrees of freedom of tests and intervals.
    weights : str or array, shape (n,), optional
        Prior weights, or the column that holds them: the residual variance of a row is
        sigma^2 / weight.

    Returns
    -------
    MixedFit

    Raises
    ------
    FormulaError
        The formula cannot be read, or names a column that is not in the data.
    FitError
        The data cannot carry the model.
    UsageError
        An option is not one that is known.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> lmm("score ~ visit + (1 | patient)", data)
    <MixedFit score ~ visit + (1 | patient): 120 rows, patient 20; REML, sigma 0.993>
    """
    _require_text(formula)
    parsed = parse_formula(formula)
    request = _request(parsed, reml, df, weights)
    _warn_of_exposures(parsed)
    design = build_design(parsed, data, weights)
    return fit_design(design, request)


def _require_text(formula: object) -> None:
    if not isinstance(formula, str):
        must = "formula must be text"
        raise UsageError(must, got=type(formula).__name__)


def fit_design(design: Design, request: Request, start: Array | None = None) -> MixedFit:
    """Fit a design that is already built.

    Parameters
    ----------
    design : Design
    request : Request
    start : array, shape (n_theta,), optional
        Theta to start from, in the working basis.

    Returns
    -------
    MixedFit
    """
    fit_rows = _fit_independent if design.formula.residual is None else fit_correlated
    with one_blas_thread():
        fit = fit_rows(design, request, start)
    warn_of(fit.estimates, fit.optimum)
    return fit


def _fit_independent(design: Design, request: Request, start: Array | None) -> MixedFit:
    working = make_working(design)
    objective = Objective(working.products, working.blocks, request.reml)
    optimum, point = minimise(objective, starting_theta(objective) if start is None else start)
    estimates = estimates_at(design, working, request.reml, point)
    return MixedFit(request, optimum, estimates, design, working)


def refit(fit: MixedFit, response: Array) -> MixedFit:
    """Fit the same model to another response on the same rows.

    Parameters
    ----------
    fit : MixedFit
    response : array, shape (n,)
        In the order of the rows used, offset included.

    Returns
    -------
    MixedFit
        Started from the optimum of ``fit``.
    """
    from dataclasses import replace

    design = replace(fit.design, y=np.asarray(response, dtype=np.float64))
    return fit_design(design, fit.request, restart(fit))


def restart(fit: MixedFit) -> Array:
    """Return parameters near a fit's optimum to start another from: no variance quite zero."""
    if isinstance(fit, CorrelatedFit):
        return fit.optimum.end
    nudge = np.concatenate([0.05 * block.is_diagonal for block in fit.working.blocks])
    end = fit.optimum.end
    return np.where(np.abs(end) < nudge, nudge, end)


def _request(formula: ModelFormula, reml: bool, df: str, weights: WeightsLike) -> Request:
    if df not in DF_METHODS:
        must = f"df must be one of {', '.join(DF_METHODS)}"
        raise UsageError(must, got=f"'{df}'")
    if df == "kenward-roger" and not reml:
        must = "Kenward-Roger needs a REML fit"
        raise UsageError(
            must,
            got="reml=False",
            remedy="Use reml=True, or df='satterthwaite'.",
        )
    if not formula.random and formula.residual is None:
        must = "A mixed model needs a random term such as (1 | episode_id)"
        raise FormulaError(
            must,
            got="none",
            where=f"in '{formula.text}'",
            remedy="For independent rows use ordinary least squares: statsmodels.formula.api.ols.",
        )
    return Request(formula.text, reml, df, weights is not None)


def estimates_at(design: Design, working: Working, reml: bool, point: Evaluation) -> Estimates:
    """Report what an evaluation of the likelihood holds, in the units of the data.

    Raises
    ------
    FitError
        No residual variance is left.
    """
    objective = Objective(working.products, working.blocks, reml)
    solved, lam = point.solved, factors_of(point.theta, working.blocks)
    refuse_exact(design, solved.rss / objective.degrees)
    basis = working.basis
    sigma = basis.scale * float(np.sqrt(solved.rss / objective.degrees))
    sigmas = working.sigma_from_working([block @ block.T for block in lam])
    constant = 2.0 * objective.degrees * np.log(basis.scale) - working.log_weights
    if objective.reml:
        constant += basis.log_det
    return Estimates(
        terms=tuple(design.fixed.names[j] for j in basis.kept),
        aliased_terms=tuple(
            name for j, name in enumerate(design.fixed.names) if j not in set(basis.kept.tolist())
        ),
        beta=basis.coefficients(solved.beta),
        vcov=basis.covariance(solved.Phi) * sigma**2,
        sigma=sigma,
        theta=np.concatenate([b.theta(s) for b, s in zip(working.blocks, sigmas, strict=True)]),
        covariances=tuple(s * sigma**2 for s in sigmas),
        loglik=-(point.value + constant) / 2.0,
        singular_terms=tuple(
            str(factor.terms[k])
            for factor, relative in zip(design.factors, [b @ b.T for b in lam], strict=True)
            for k in singular_directions(relative, factor.covariance.sizes)
        ),
    )


def _warn_of_exposures(formula: ModelFormula) -> None:
    named = [name for name in variables(formula) if name in SAME_VISIT]
    if named:
        warnings.warn(
            f"{', '.join(named)}: chosen with or after the score, so the score may have caused it. "
            "Use an exposure from before the score (pressure, minutes_before, session_count).",
            ExposureWarning,
            3,
        )
