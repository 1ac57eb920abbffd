"""The likelihood of a residual covariance, patients sorted by their visits; what it finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.errors import UsageError
from outcomes.mixed.likelihood.by_visit.deviance import Solution, solve
from outcomes.mixed.likelihood.by_visit.model import (
    Model,
    make_model,
    require_identified,
    scale_of,
    start_values,
)
from outcomes.mixed.likelihood.estimates import Component, Curvature, Estimates, Slopes, report
from outcomes.mixed.reading.design import Design
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
        order, first = layout.by_course(np.ones(len(root), dtype=bool))
        size = np.diff(np.append(first, len(order)))
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
            gone = sd.min() < np.sqrt(FLAT) * sd.max()
            if gone or np.linalg.eigvalsh(R / np.outer(sd, sd))[0] < FLAT:
                return True
        return False

    def mean_variance(self) -> float:
        """Return the mean over the rows used of the diagonal of R, weights apart."""
        total, layout = 0.0, self.model.layout
        for stratum in range(len(self.model.strata)):
            times = layout.times[layout.strata == stratum]
            visits, counts = np.unique(times, return_counts=True)
            total += float(counts @ self.matrix(stratum, visits[:, None])[:, 0, 0])
        return total / self.model.design.n


def _without_zeros(values: Array, rows: Array, columns: Array) -> sparse.csr_array:
    kept = values != 0.0
    n = int(rows.max()) + 1
    return sparse.csr_array((values[kept], (rows[kept], columns[kept])), shape=(n, n))


@dataclass(frozen=True)
class ByVisit(Model):
    """A likelihood of the parameters of R and of the random effects."""

    def start(self) -> Array:
        """Return where a search begins: moments of the least-squares residuals."""
        return start_values(self)

    def near(self, theta: Array) -> Array:
        """Return a start close to the optimum of another response."""
        return theta

    def at(self, theta: Array) -> VisitPoint:
        """Evaluate the deviance."""
        return VisitPoint(**vars(solve(self, theta)))

    def require_slopes(self) -> None:
        """Refuse Kenward and Roger's method beside random effects that reach across patients.

        Raises
        ------
        UsageError
        """
        if self.across:
            must = "With a residual covariance, Kenward-Roger needs patients that are independent"
            got = "random effects that reach across them"
            raise UsageError(must, got=got, remedy="Use df='satterthwaite'.")


@dataclass(frozen=True)
class VisitPoint(Solution):
    """The likelihood at one theta."""

    model: ByVisit
    is_exact = True

    @property
    def likelihood(self) -> ByVisit:
        """The likelihood."""
        return self.model

    @property
    def gradient(self) -> Array:
        """Its exact gradient, shape (k,)."""
        return self.derivatives.gradient

    @property
    def metric(self) -> Array:
        """Its exact Hessian, shape (k, k)."""
        return self.derivatives.hessian

    @property
    def unit(self) -> float:
        """Root mean square of the least-squares residual."""
        return self.model.basis.scale

    def curvature(self) -> Curvature:
        """Return exact second derivatives."""
        found, p = self.derivatives, self.model.p
        Phi = self.inverse[:p]
        d_Phi = -Phi @ found.slopes[:, :-1, :-1] @ Phi.T
        return Curvature(found.hessian, Phi[:, :p], d_Phi, found.hessian)

    def slopes(self) -> Slopes:
        """Return what Kenward and Roger's method needs, second derivatives of V left out.

        Then it does not depend on how the covariance is parametrised (mmrm's Kenward-Roger-Linear,
        SAS's FIRSTORDER; Harville & Jeske 1992, J. Am. Stat. Assoc. 87, 724); for us and cs, linear
        in variances and covariances, it is the complete one.
        """
        Phi, P = self.inverse, self.derivatives.slopes[:, :-1, :-1]
        traces, fixed_traces = _traces(self, Phi)
        return Slopes(Phi, P, traces, fixed_traces, lambda W: _weighted_Q(self, W))

    def estimates(self) -> Estimates:
        """Report what theta determines, in the units of the data."""
        model, residual = self.model, self.residual()
        p = model.p
        degrees = model.design.n - p * model.reml
        return report(
            model.design,
            model.basis,
            model.reml,
            deviance=self.value + degrees * float(np.log(2.0 * np.pi)),
            beta=self.coefficients[:p],
            Phi=self.inverse[:p, :p],
            unit=self.unit,
            variance=residual.mean_variance() / model.basis.scale**2,
            factors=model.factors(self.theta),
            transforms=[np.diag(scale_of(factor)) for factor in model.design.factors],
            residual_theta=self.theta[: model.n_residual - 1],
            residual_singular=[str(model.layout.term)] if residual.is_singular() else [],
        )

    def residual(self) -> CorrelatedResidual:
        """Return the covariance of the residuals."""
        return CorrelatedResidual(self.model, self.theta)


def _traces(at: VisitPoint, Phi: Array) -> tuple[Array, Array]:
    """Return tr(V^-1 V_r V^-1 V_s) and tr(Phi Q_rs), Q_rs = X'V^-1 V_r V^-1 V_s V^-1 X."""
    k = at.model.n_parameters
    traces, fixed = np.zeros((k, k)), np.zeros((k, k))
    for batch, K, U, directions, C in at.sorted_parts:
        U = U[:, :, :-1]
        fitted = batch.by_pattern(U @ Phi @ U.transpose(0, 2, 1))
        traces += C @ directions.pairs(K, batch.counts[:, None, None] * K) @ C.T
        fixed += C @ directions.pairs(K, fitted) @ C.T
    return traces, (fixed + fixed.T) / 2.0


def _weighted_Q(at: VisitPoint, W: Array) -> Array:  # noqa: N802
    """Return sum_rs W_rs Q_rs, one pass over the patterns for each eigenvector of W."""
    values, vectors = np.linalg.eigh(W)
    total = np.zeros((at.model.p, at.model.p))
    for batch, own, U, found, C in at.sorted_parts:
        U, K = U[:, :, :-1], own[batch.pattern]
        for weight, vector in zip(values, vectors.T, strict=True):
            moved = found.combine(vector @ C)[batch.pattern] @ U
            total += weight * np.tensordot(moved, K @ moved, axes=([0, 1], [0, 1]))
    return total


def by_visit(design: Design, reml: bool) -> ByVisit:
    """Prepare the likelihood of a design with a residual covariance.

    Raises
    ------
    FitError
        The data cannot carry the model.
    """
    found = ByVisit(**vars(make_model(design, reml)))
    require_identified(found, found.start())
    return found
