"""Fit a design that is built: condition, minimise, report; warn where a fit must be warned of."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from outcomes.errors import ConvergenceWarning, FitError, OutcomesWarning, SingularFitWarning
from outcomes.mixed.likelihood.by_elimination import by_elimination
from outcomes.mixed.likelihood.by_visit.likelihood import by_visit
from outcomes.mixed.likelihood.estimates import Estimates
from outcomes.mixed.reading.design import Design
from outcomes.mixed.record import Fit, Request
from outcomes.mixed.search import Optimum, minimise, one_blas_thread
from outcomes.mixed.types import Array


def fit_design(design: Design, request: Request, start: Array | None = None) -> Fit:
    """Fit a design that is already built.

    Parameters
    ----------
    design : Design
    request : Request
    start : array, shape (n_theta,), optional
        Theta to start from, in the working basis.

    Returns
    -------
    Fit

    Raises
    ------
    FitError
        The data cannot carry the model.
    UsageError
        Kenward-Roger is asked where it is not defined.
    """
    prepare = by_elimination if design.formula.residual is None else by_visit
    with one_blas_thread():
        likelihood = prepare(design, request.reml)
        if request.df == "kenward-roger":
            likelihood.require_slopes()
        optimum, point = minimise(likelihood, likelihood.start() if start is None else start)
        fit = Fit(request, optimum, point.estimates(), point)
    require_maximum(design, fit.estimates, optimum)
    warn_of(fit.estimates, optimum)
    return fit


def refit(fit: Fit, response: Array) -> Fit:
    """Fit the same model to another response on the same rows.

    Parameters
    ----------
    fit : Fit
    response : array, shape (n,)
        In the order of the rows used, offset included.

    Returns
    -------
    Fit
        Started from the optimum of ``fit``.
    """
    design = replace(fit.design, y=np.asarray(response, dtype=np.float64))
    return fit_design(design, fit.request, fit.likelihood.near(fit.optimum.end))


def require_maximum(design: Design, estimates: Estimates, optimum: Optimum) -> None:
    """Refuse a residual covariance that the search could only follow towards zero.

    Raises
    ------
    FitError
        The search stopped, and the residual covariance is singular.
    """
    residual = str(design.formula.residual)
    if residual in estimates.singular_terms and not optimum.converged:
        must = "The likelihood must have a maximum"
        raise FitError(
            must,
            got="a residual covariance that shrinks to nothing",
            where=residual,
            remedy="Either these patients are too few for it (csh, ar1h, cs and ar1 have fewer "
            "parameters than us), or its groups and the fixed part reproduce every score.",
        )


def warn_of(estimates: Estimates, optimum: Optimum) -> None:
    """Warn of aliased columns, of a boundary, and of an optimiser that stopped early."""
    if estimates.aliased_terms:
        names = ", ".join(estimates.aliased_terms)
        warnings.warn(
            f"The fixed part is rank deficient; not estimated: {names}.", OutcomesWarning, 4
        )
    if estimates.singular_terms:
        names = ", ".join(estimates.singular_terms)
        warnings.warn(
            f"A variance is zero or a correlation is one in {names}.", SingularFitWarning, 4
        )
    if not optimum.converged:
        warnings.warn(
            f"The optimiser stopped early: {optimum.message}; largest gradient element "
            f"{optimum.gradient_norm:.1e} after {optimum.evaluations} evaluations.",
            ConvergenceWarning,
            4,
        )
