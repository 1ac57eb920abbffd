"""Where the optimisation starts, and whether the data can tell the parameters apart."""

from __future__ import annotations

import numpy as np

from outcomes.errors import FitError
from outcomes.mixed.reading.design import Design
from outcomes.mixed.residual.model import CorrelatedModel
from outcomes.mixed.residual.objective import parameter_directions
from outcomes.mixed.residual.structures import ByDistance, ByVisit
from outcomes.mixed.types import Array

CORRELATION = 0.4
"""Correlation of neighbouring scores to start from."""

SHARE = 0.5
"""Standard deviation of the random effects to start from, in that of the residuals."""

UNTELLABLE = 1e-9
"""Directions in which no V changes, relatively."""


def start_values(model: CorrelatedModel) -> Array:
    """Return parameters to start from: moments of the least-squares residual.

    Returns
    -------
    array, shape (k,)
    """
    parts = [_residual_start(model, stratum) for stratum in range(len(model.objective.strata))]
    own = model.objective.own
    blocks = [own] if own.sizes else []
    blocks += [part.block for part in model.objective.across]
    parts += [SHARE * block.is_diagonal.astype(float) for block in blocks]
    return np.concatenate(parts)


def _residual_start(model: CorrelatedModel, stratum: int) -> Array:
    structure = model.objective.strata[stratum].structure
    rows = np.flatnonzero(model.layout.strata == stratum)
    times, codes = model.layout.times[rows], model.layout.codes[rows]
    residual = model.residual[rows]
    left = 1.0 - SHARE**2 * bool(model.objective.own.sizes)
    if isinstance(structure, ByVisit):
        at = np.searchsorted(structure.visits, times)
        covariance = left * _moments(residual, codes, at, structure.v)
        if structure.unstructured:
            L = np.linalg.cholesky(covariance)
            free = L[structure.lower]
            free[: structure.v] = np.log(free[: structure.v])
            return np.asarray(free)
        scale = np.log(np.diag(covariance)) / 2.0
    else:
        scale = np.array([np.log(left * np.mean(residual**2)) / 2.0])
    if structure.correlation is None:
        return scale
    free_correlation = structure.correlation.start(model.layout.gap, CORRELATION)
    return np.append(scale, free_correlation)


def _moments(residual: Array, codes: Array, visits: Array, v: int) -> Array:
    """Return mean products of residuals by pair of visits, made positive definite."""
    _, patient = np.unique(codes, return_inverse=True)
    wide, seen = np.zeros((patient.max() + 1, v)), np.zeros((patient.max() + 1, v))
    wide[patient, visits], seen[patient, visits] = residual, 1.0
    products = wide.T @ wide / np.maximum(seen.T @ seen, 1.0)
    values, vectors = np.linalg.eigh(products)
    floor = 0.1 * float(np.mean(np.diag(products)))
    return np.asarray(vectors * np.maximum(values, floor) @ vectors.T)


def require_identified(model: CorrelatedModel, design: Design, start: Array) -> None:
    """Refuse covariance parameters that these visits cannot tell apart.

    The derivatives of V in the parameters must be linearly independent over the patterns of visits,
    at values with nothing special about them.

    Raises
    ------
    FitError
        Naming the parameters.
    """
    objective = model.objective
    inner = objective.n_inner
    theta = start + 0.1 * np.cos(1.0 + np.arange(len(start)))
    gram = np.zeros((inner, inner))
    for position, stratum in enumerate(objective.strata):
        free = objective.residual_free(theta)[position]
        for number, batch in enumerate(stratum.batches):
            directions = stratum.directions(free, number)
            unit = np.broadcast_to(
                np.eye(batch.times.shape[1]), (len(batch.counts), *[batch.times.shape[1]] * 2)
            )
            pairs = directions.pairs(unit, batch.counts[:, None, None] * unit)
            C, _ = parameter_directions(objective, theta, position, np.zeros(len(pairs)))
            gram += C @ pairs @ C.T
    size = np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(gram / np.outer(size + (size == 0.0), size + (size == 0.0)))
    if values[0] > UNTELLABLE:
        return
    involved = np.abs(vectors[:, 0]) > 0.1 * np.abs(vectors[:, 0]).max()
    names = [
        name for name, used in zip(parameter_names(model, design), involved, strict=False) if used
    ]
    must = "The visits must tell the parameters of the covariance apart"
    raise FitError(
        must,
        got=f"visits that cannot tell {_listed(names)}",
        where=f"in '{design.formula.text}'",
        remedy="Leave a random term out (us, cs and csh hold a random intercept already), or use a "
        "covariance with fewer parameters.",
    )


def _listed(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return ", ".join(distinct[:3]) + more


def parameter_names(model: CorrelatedModel, design: Design) -> list[str]:
    """Return what each parameter of R and of the patients' own random effects stands for."""
    names = []
    for position, stratum in enumerate(model.objective.strata):
        inside = f" in stratum {position + 1}" if len(model.objective.strata) > 1 else ""
        structure = stratum.structure
        if isinstance(structure, ByDistance):
            names += [f"the residual {name}{inside}" for name in structure.names]
            continue
        visits = [model.layout.labels[float(visit)] for visit in structure.visits]
        names += [f"the variance at {visit}{inside}" for visit in visits]
        if structure.unstructured:
            rows, columns = (part[structure.v :] for part in structure.lower)
            pairs = zip(columns, rows, strict=True)
            names += [f"the covariance of {visits[a]} and {visits[b]}{inside}" for a, b in pairs]
        elif structure.correlation is not None:
            names.append(f"the residual correlation{inside}")
    if model.own is not None:
        factor = design.factors[model.own]
        rows, columns = factor.covariance.rows, factor.covariance.columns
        terms = [
            str(term) for term, c in zip(factor.terms, factor.columns, strict=True) for _ in c.names
        ]
        names += [terms[row] for row in rows]
    return names
