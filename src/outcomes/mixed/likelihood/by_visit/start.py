"""Where the optimisation starts, and whether the data can tell the parameters apart."""

from __future__ import annotations

import numpy as np

from outcomes.errors import FitError
from outcomes.mixed.likelihood.by_visit.model import Model, parameter_directions
from outcomes.mixed.types import Array

SHARE = 0.5
"""Standard deviation of the random effects to start from, in that of the residuals."""

UNTELLABLE = 1e-9
"""Directions in which no V changes, relatively."""


def start_values(model: Model) -> Array:
    """Return parameters to start from: moments of the least-squares residual.

    Returns
    -------
    array, shape (k,)
    """
    layout = model.layout
    left = np.sqrt(1.0 - SHARE**2 * len(model.own))
    parts = []
    for position, stratum in enumerate(model.strata):
        rows = layout.strata == position
        moments = left * model.residual[rows], layout.codes[rows], layout.times[rows]
        parts.append(stratum.structure.start(*moments, layout.gap))
    effects = [*model.own, *model.across]
    parts += [SHARE * part.block.is_diagonal.astype(float) for part in effects]
    return np.concatenate(parts)


def require_identified(model: Model, start: Array) -> None:
    """Refuse covariance parameters that these visits cannot tell apart.

    The derivatives of V in the parameters must be linearly independent over the patterns of visits,
    at values with nothing special about them.

    Raises
    ------
    FitError
        Naming the parameters.
    """
    inner = model.n_inner
    theta = start + 0.1 * np.cos(1.0 + np.arange(len(start)))
    gram = np.zeros((inner, inner))
    for position, stratum in enumerate(model.strata):
        free = model.residual_free(theta)[position]
        for number, batch in enumerate(stratum.batches):
            directions = stratum.directions(free, number)
            unit = np.broadcast_to(
                np.eye(batch.times.shape[1]), (len(batch.counts), *[batch.times.shape[1]] * 2)
            )
            pairs = directions.pairs(unit, batch.counts[:, None, None] * unit)
            C, _ = parameter_directions(model, theta, position, np.zeros(len(pairs)))
            gram += C @ pairs @ C.T
    size = np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(gram / np.outer(size + (size == 0.0), size + (size == 0.0)))
    if values[0] > UNTELLABLE:
        return
    involved = np.abs(vectors[:, 0]) > 0.1 * np.abs(vectors[:, 0]).max()
    names = [name for name, used in zip(parameter_names(model), involved, strict=False) if used]
    must = "The visits must tell the parameters of the covariance apart"
    raise FitError(
        must,
        got=f"visits that cannot tell {_listed(names)}",
        where=f"in '{model.design.formula.text}'",
        remedy="Leave a random term out (us, cs and csh hold a random intercept already), or use a "
        "covariance with fewer parameters.",
    )


def _listed(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return ", ".join(distinct[:3]) + more


def parameter_names(model: Model) -> list[str]:
    """Return what each parameter of R and of the patients' own random effects stands for."""
    names = []
    for position, stratum in enumerate(model.strata):
        inside = f" in stratum {position + 1}" if len(model.strata) > 1 else ""
        names += [f"{name}{inside}" for name in stratum.structure.names(model.layout.labels)]
    for effects in model.own:
        factor = model.design.factors[effects.position]
        pairs = zip(factor.terms, factor.columns, strict=True)
        terms = [str(term) for term, columns in pairs for _ in columns.names]
        names += [terms[row] for row in effects.block.rows]
    return names
