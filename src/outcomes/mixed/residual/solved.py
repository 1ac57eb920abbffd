"""What was solved at the optimum of a model with a residual covariance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.mixed.residual.likelihood import Derivatives, Solution, differentiate
from outcomes.mixed.residual.model import CorrelatedModel
from outcomes.mixed.residual.structures import ByDistance, Structure
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Correlated:
    """A model with a residual covariance, at its optimum.

    Parameters
    ----------
    model : CorrelatedModel
        The likelihood and its basis.
    solution : Solution
        What was solved at the optimum.
    """

    model: CorrelatedModel
    solution: Solution

    @cached_property
    def derivatives(self) -> Derivatives:
        """Exact derivatives of the deviance at the optimum."""
        return differentiate(self.model.objective, self.solution)

    @property
    def residual_free(self) -> list[Array]:
        """Parameters of R of each stratum."""
        return self.model.objective.residual_free(self.solution.theta)


def residual_components(correlated: Correlated) -> list[tuple[str, str, str, float, float]]:
    """Return the rows of the residual covariance in a table of variance components.

    Parameters
    ----------
    correlated : Correlated

    Returns
    -------
    list of tuple
        group ("residual", with the stratum's name where there are several), term_1, term_2,
        variance, sd_or_corr. Where each visit has its own variance, one row a visit, then one row
        a pair with its covariance and correlation. Else one variance, and the correlation of scores
        one unit of time apart (of any two scores under ``cs``).
    """
    objective, layout = correlated.model.objective, correlated.model.layout
    rows: list[tuple[str, str, str, float, float]] = []
    scale, free = correlated.model.basis.scale, correlated.residual_free
    for name, stratum, own in zip(layout.stratum_names, objective.strata, free, strict=True):
        group = f"residual {name}".strip()
        places, labels = _places(stratum.structure, layout.labels, layout.term.time)
        R = (
            stratum.structure.matrix(own, places)
            if isinstance(stratum.structure, ByDistance)
            else stratum.structure.matrix(own)
        )
        rows += _matrix_rows(group, labels, R * scale**2, isinstance(stratum.structure, ByDistance))
    return rows


def _places(structure: Structure, labels: dict[float, str], time: str) -> tuple[Array, list[str]]:
    if isinstance(structure, ByDistance):
        single = structure.correlation is None
        return np.arange(1.0 if single else 2.0), [time, f"{time} + 1"][: 1 if single else 2]
    return structure.visits, [labels[float(visit)] for visit in structure.visits]


def _matrix_rows(
    group: str, labels: list[str], R: Array, stationary: bool
) -> list[tuple[str, str, str, float, float]]:
    sd = np.sqrt(np.diag(R))
    own = ["", *labels[1:]] if stationary else labels
    count = 1 if stationary else len(labels)
    rows = [(group, own[i], "", float(R[i, i]), float(sd[i])) for i in range(count)]
    rows += [
        (group, labels[i], labels[j], float(R[i, j]), float(R[i, j] / (sd[i] * sd[j])))
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
    ]
    return rows
