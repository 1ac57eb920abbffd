"""Fit a design that is built: condition, minimise, report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from outcomes.mixed.likelihood.by_elimination import by_elimination
from outcomes.mixed.likelihood.by_visit.likelihood import by_visit
from outcomes.mixed.one_thread import one_blas_thread
from outcomes.mixed.reading.design import Design
from outcomes.mixed.record import Fit, Request
from outcomes.mixed.search import minimise
from outcomes.mixed.types import Array
from outcomes.mixed.verdict import require_maximum, warn_of


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
