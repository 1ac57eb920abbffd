"""Fit a model with a residual covariance: prepare, start, minimise, report."""

from __future__ import annotations

import numpy as np

from outcomes.errors import FitError
from outcomes.mixed.covariance import singular_directions
from outcomes.mixed.products.cross_products import CrossProducts
from outcomes.mixed.products.working import Working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.record import Estimates, Fit, Request
from outcomes.mixed.residual.inference import require_kenward_roger
from outcomes.mixed.residual.likelihood import Solution
from outcomes.mixed.residual.model import CorrelatedModel, make_model
from outcomes.mixed.residual.newton import CorrelatedOptimum, minimise_correlated
from outcomes.mixed.residual.objective import CorrelatedObjective
from outcomes.mixed.residual.solved import Correlated
from outcomes.mixed.residual.start import require_identified, start_values
from outcomes.mixed.residual.structures import ByDistance
from outcomes.mixed.types import Array
from outcomes.mixed.verdict import refuse_exact

FLAT = 1e-7
"""A residual covariance whose smallest eigenvalue is relatively below this is singular."""


def fit_correlated(design: Design, request: Request, start: Array | None = None) -> Fit:
    """Fit a design whose formula has a residual covariance.

    Parameters
    ----------
    design : Design
    request : Request
    start : array, shape (k,), optional
        Covariance parameters to start from, as in ``fit.optimum.end``.

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
    model = make_model(design, request.reml)
    if request.df == "kenward-roger":
        require_kenward_roger(request.reml, bool(model.across))
    first = start_values(model)
    require_identified(model, design, first)
    optimum, solution = minimise_correlated(model.objective, first if start is None else start)
    refuse_exact(design, _mean_variance(model.objective, optimum.end))
    estimates = _estimates(design, model, optimum, solution)
    _require_maximum(design, estimates, optimum)
    solved = Correlated(model, solution)
    return Fit(request, optimum, estimates, design, _working(design, model), solved)


def _working(design: Design, model: CorrelatedModel) -> Working:
    """Return the record that every fit keeps: here rows are not eliminated group by group."""
    return Working(
        basis=model.basis,
        transforms=tuple(np.diag(scale) for scale in model.scales),
        products=CrossProducts((), None, np.eye(model.objective.p + 1) * design.n, design.n),
        blocks=tuple(factor.covariance for factor in design.factors),
        log_weights=_log_weights(design),
    )


def _log_weights(design: Design) -> float:
    return 0.0 if design.weights is None else float(np.log(design.weights).sum())


def _estimates(
    design: Design, model: CorrelatedModel, optimum: CorrelatedOptimum, solution: Solution
) -> Estimates:
    objective, basis = model.objective, model.basis
    p, scale, kept = objective.p, basis.scale, set(basis.kept.tolist())
    sigma = scale * float(np.sqrt(_mean_variance(objective, optimum.end)))
    relative = _relative_covariances(model, optimum.end)
    in_units = [
        scale**2 * S / np.outer(own, own) for S, own in zip(relative, model.scales, strict=True)
    ]
    blocks = [factor.covariance for factor in design.factors]
    degrees = design.n - (p if objective.reml else 0)
    constant = degrees * np.log(2.0 * np.pi * scale**2) - _log_weights(design)
    if objective.reml:
        constant += basis.log_det
    random = [block.theta(S / sigma**2) for block, S in zip(blocks, in_units, strict=True)]
    return Estimates(
        terms=tuple(design.fixed.names[j] for j in basis.kept),
        aliased_terms=tuple(n for j, n in enumerate(design.fixed.names) if j not in kept),
        beta=basis.coefficients(solution.coefficients[:p]),
        vcov=basis.covariance(solution.inverse[:p, :p]) * scale**2,
        sigma=sigma,
        theta=np.concatenate([*random, optimum.end[: objective.n_residual - 1]]),
        covariances=tuple(in_units),
        loglik=-(optimum.deviance + float(constant)) / 2.0,
        singular_terms=_singular(design, model, relative, optimum.end),
    )


def _mean_variance(objective: CorrelatedObjective, theta: Array) -> float:
    """Return the mean over the rows of the diagonal of R."""
    total, count = 0.0, 0
    for stratum, free in zip(objective.strata, objective.residual_free(theta), strict=True):
        for number, batch in enumerate(stratum.batches):
            R = stratum.covariances(free, number)
            total += float(batch.counts @ np.trace(R, axis1=1, axis2=2))
            count += int(batch.counts.sum()) * batch.times.shape[1]
    return total / count


def _relative_covariances(model: CorrelatedModel, theta: Array) -> list[Array]:
    """Return the covariance of the working random effects, in the design's order."""
    found = dict(zip(model.across, model.objective.across_factors(theta), strict=True))
    if model.own is not None:
        found[model.own] = model.objective.own_factor(theta)
    return [found[i] @ found[i].T for i in sorted(found)]


def _singular(
    design: Design, model: CorrelatedModel, relative: list[Array], theta: Array
) -> tuple[str, ...]:
    terms = [
        str(factor.terms[k])
        for factor, S in zip(design.factors, relative, strict=True)
        for k in singular_directions(S, factor.covariance.sizes)
    ]
    objective = model.objective
    for stratum, free in zip(objective.strata, objective.residual_free(theta), strict=True):
        structure = stratum.structure
        near = np.array([0.0, model.layout.gap])
        R = (
            structure.matrix(free, near)
            if isinstance(structure, ByDistance)
            else structure.matrix(free)
        )
        sd = np.sqrt(np.diag(R))
        if (
            sd.min() < np.sqrt(FLAT) * sd.max()
            or np.linalg.eigvalsh(R / np.outer(sd, sd))[0] < FLAT
        ):
            terms.append(str(model.layout.term))
    return tuple(dict.fromkeys(terms))


def _require_maximum(design: Design, estimates: Estimates, optimum: CorrelatedOptimum) -> None:
    if not np.isfinite(estimates.loglik):
        must = "The covariance must be positive definite at its start"
        raise FitError(must, got="one that is not", where=f"in '{design.formula.text}'")
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
