"""Fit a design that is built: condition, minimise, report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from outcomes.mixed.covariance import singular_directions
from outcomes.mixed.likelihood.deviance import Evaluation, Objective, factors_of
from outcomes.mixed.one_thread import one_blas_thread
from outcomes.mixed.optimise import minimise
from outcomes.mixed.products.working import Working, make_working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.record import Estimates, Fit, Request
from outcomes.mixed.residual.fit import fit_correlated
from outcomes.mixed.start import starting_theta
from outcomes.mixed.types import Array
from outcomes.mixed.verdict import refuse_exact, warn_of


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
    """
    fit_rows = _fit_independent if design.formula.residual is None else fit_correlated
    with one_blas_thread():
        fit = fit_rows(design, request, start)
    warn_of(fit.estimates, fit.optimum)
    return fit


def _fit_independent(design: Design, request: Request, start: Array | None) -> Fit:
    working = make_working(design)
    objective = Objective(working.products, working.blocks, request.reml)
    optimum, point = minimise(objective, starting_theta(objective) if start is None else start)
    estimates = estimates_at(design, working, request.reml, point)
    return Fit(request, optimum, estimates, design, working)


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
    return fit_design(design, fit.request, restart(fit))


def restart(fit: Fit) -> Array:
    """Return parameters near a fit's optimum to start another from: no variance quite zero."""
    if fit.correlated is not None:
        return fit.optimum.end
    nudge = np.concatenate([0.05 * block.is_diagonal for block in fit.working.blocks])
    end = fit.optimum.end
    return np.where(np.abs(end) < nudge, nudge, end)


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
