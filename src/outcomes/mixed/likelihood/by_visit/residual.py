"""The covariance of correlated residuals: of the rows used, of other rows, and as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.mixed.likelihood.by_visit.model import Model
from outcomes.mixed.likelihood.protocol import Component
from outcomes.mixed.types import Array

FLAT = 1e-7
"""A residual covariance whose smallest eigenvalue is relatively below this is singular."""


@dataclass(frozen=True)
class CorrelatedResidual:
    """Residuals that are correlated within patients.

    Parameters
    ----------
    model : Model
    theta : array, shape (k,)
    """

    model: Model
    theta: Array

    def matrix(self, stratum: int, times: Array) -> Array:
        """Return R at sets of times, shape (P, n, n) for times of shape (P, n)."""
        free = self.model.residual_free(self.theta)[stratum]
        scale = self.model.basis.scale
        return self.model.strata[stratum].structure.covariances(free, times) * scale**2

    def roots(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return T and its inverse over the rows used, T R T' being the identity.

        T is lower triangular patient by patient: rows T y are those of a model with independent
        residuals of variance one, each score given the patient's earlier ones.
        """
        layout, weights = self.model.layout, self.model.design.weights
        root = np.ones(len(layout.codes)) if weights is None else np.sqrt(weights)
        order = np.lexsort((layout.times, layout.codes))
        codes = layout.codes[order]
        first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        size = np.diff(np.append(first, len(codes)))
        parts: list[tuple[Array, Array, Array, Array]] = []
        for stratum in range(len(self.model.strata)):
            for n in np.unique(size):
                own = order[first[size == n][:, None] + np.arange(n)]
                own = own[layout.strata[own[:, 0]] == stratum]
                if len(own):
                    L = np.linalg.cholesky(self.matrix(stratum, layout.times[own]))
                    at = np.broadcast_to(own[:, :, None], L.shape)
                    T = np.linalg.inv(L) * root[own][:, None, :]
                    parts.append((T, L / root[own][:, :, None], at, at.transpose(0, 2, 1)))
        T, back, rows, columns = (np.concatenate([p[i].ravel() for p in parts]) for i in range(4))
        return _without_zeros(T, rows, columns), _without_zeros(back, rows, columns)

    def variance(self, new: pd.DataFrame) -> Array:
        """Return the residual variance of other rows, NaN where a visit or stratum is missing."""
        strata, variance = self.model.layout.strata_of(new), np.full(len(new), np.nan)
        for stratum, part in enumerate(self.model.strata):
            rows = np.flatnonzero(strata == stratum)
            times, visits = np.zeros(len(rows)), part.structure.visits
            if visits is not None:
                times = self.model.layout.times_of(new.iloc[rows], visits)
            known = np.isfinite(times)
            variance[rows[known]] = self.matrix(stratum, times[known, None])[:, 0, 0]
        return variance

    def covariance(self, new: pd.DataFrame) -> Array:
        """Return the residual covariance of other rows of one patient, shape (k, k)."""
        stratum = int(self.model.layout.strata_of(new)[0])
        visits = self.model.strata[stratum].structure.visits
        return np.asarray(self.matrix(stratum, self.model.layout.times_of(new, visits)[None])[0])

    def components(self) -> list[Component]:
        """Return the residual's rows of the table of variances, stratum by stratum.

        Where each visit has its own variance, one row a visit, then one row a pair with its
        covariance and correlation. Else one variance, and the correlation of scores one unit of
        time apart (of any two scores under ``cs``).
        """
        found: list[Component] = []
        for stratum, name in enumerate(self.model.layout.stratum_names):
            times, labels = self._places(stratum)
            own = [""] if self.model.strata[stratum].structure.visits is None else labels
            R = self.matrix(stratum, times[None])[0]
            sd, group = np.sqrt(np.diag(R)), f"residual {name}".strip()
            found += [(group, label, "", R[i, i], sd[i]) for i, label in enumerate(own)]
            found += [
                (group, labels[i], labels[j], R[i, j], R[i, j] / (sd[i] * sd[j]))
                for i in range(len(labels))
                for j in range(i + 1, len(labels))
            ]
        return found

    def _places(self, stratum: int) -> tuple[Array, list[str]]:
        """Return the times to tabulate, and what they are called."""
        structure, layout = self.model.strata[stratum].structure, self.model.layout
        if structure.visits is not None:
            return structure.visits, [layout.labels[float(visit)] for visit in structure.visits]
        n = structure.n_parameters
        return np.arange(float(n)), [layout.term.time, f"{layout.term.time} + 1"][:n]

    def is_singular(self) -> bool:
        """Tell whether a variance is zero or a correlation is one."""
        for stratum, part in enumerate(self.model.strata):
            visits = part.structure.visits
            times = np.array([0.0, self.model.layout.gap]) if visits is None else visits
            R = self.matrix(stratum, times[None])[0]
            sd = np.sqrt(np.diag(R))
            if sd.min() < np.sqrt(FLAT) * sd.max():
                return True
            if np.linalg.eigvalsh(R / np.outer(sd, sd))[0] < FLAT:
                return True
        return False

    def mean_variance(self) -> float:
        """Return the mean over the rows used of the diagonal of R, weights apart."""
        total = 0.0
        for stratum, part in enumerate(self.model.strata):
            for batch in part.batches:
                R = self.matrix(stratum, batch.times)
                total += float(batch.counts @ np.trace(R, axis1=1, axis2=2))
        return total / self.model.design.n


def _without_zeros(values: Array, rows: Array, columns: Array) -> sparse.csr_array:
    kept = values != 0.0
    n = int(rows.max()) + 1
    return sparse.csr_array((values[kept], (rows[kept], columns[kept])), shape=(n, n))
