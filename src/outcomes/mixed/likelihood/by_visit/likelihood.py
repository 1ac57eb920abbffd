"""The likelihood of a residual covariance, its patients sorted by the visits they have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.errors import UsageError
from outcomes.mixed.likelihood.by_visit.deviance import (
    Derivatives,
    Solution,
    differentiate,
    solve,
)
from outcomes.mixed.likelihood.by_visit.model import Model, make_model, parameter_directions
from outcomes.mixed.likelihood.by_visit.residual import CorrelatedResidual
from outcomes.mixed.likelihood.by_visit.start import require_identified, start_values
from outcomes.mixed.likelihood.estimates import Estimates, Solved, report
from outcomes.mixed.likelihood.protocol import Curvature, Slopes
from outcomes.mixed.products.conditioning import FixedBasis
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class ByVisit:
    """A likelihood of the parameters of R and of the random effects.

    Parameters
    ----------
    model : Model
    """

    model: Model

    @property
    def design(self) -> Design:
        """Response, fixed columns and random effects of the rows used."""
        return self.model.design

    @property
    def basis(self) -> FixedBasis:
        """The basis of the fixed columns."""
        return self.model.basis

    @property
    def reml(self) -> bool:
        """Whether it is restricted."""
        return self.model.reml

    def start(self) -> Array:
        """Return where a search begins: moments of the least-squares residuals."""
        return start_values(self.model)

    def near(self, theta: Array) -> Array:
        """Return a start close to the optimum of another response."""
        return theta

    def at(self, theta: Array) -> VisitPoint:
        """Evaluate the deviance."""
        return VisitPoint(solve(self.model, theta), self)

    def require_slopes(self) -> None:
        """Refuse Kenward and Roger's method beside random effects that reach across patients.

        Raises
        ------
        UsageError
        """
        if self.model.across:
            must = "With a residual covariance, Kenward-Roger needs patients that are independent"
            got = "random effects that reach across them"
            raise UsageError(must, got=got, remedy="Use df='satterthwaite'.")


@dataclass(frozen=True)
class VisitPoint:
    """The likelihood at one theta.

    Parameters
    ----------
    solution : Solution
    likelihood : ByVisit
    """

    solution: Solution
    likelihood: ByVisit

    is_exact = True

    @property
    def theta(self) -> Array:
        """Covariance parameters, shape (k,)."""
        return self.solution.theta

    @property
    def value(self) -> float:
        """The deviance, but for its constants; infinite where some V is not positive definite."""
        return self.solution.value

    @cached_property
    def derivatives(self) -> Derivatives:
        """Exact derivatives of the deviance."""
        return differentiate(self.likelihood.model, self.solution)

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
        return self.likelihood.basis.scale

    def curvature(self) -> Curvature:
        """Return exact second derivatives."""
        found, p = self.derivatives, self.likelihood.model.p
        Phi = self.solution.inverse[:p]
        d_Phi = -Phi @ found.slopes[:, :-1, :-1] @ Phi.T
        return Curvature(found.hessian, Phi[:, :p], d_Phi, found.hessian)

    def slopes(self) -> Slopes:
        """Return what Kenward and Roger's method needs, second derivatives of V left out.

        Then it does not depend on how the covariance is parametrised (mmrm's Kenward-Roger-Linear,
        SAS's FIRSTORDER; Harville & Jeske 1992, J. Am. Stat. Assoc. 87, 724); for us and cs, linear
        in variances and covariances, it is the complete one.
        """
        Phi = self.solution.inverse
        traces, fixed_traces = _traces(self, Phi)
        P = self.derivatives.slopes[:, :-1, :-1]
        return Slopes(Phi, P, traces, fixed_traces, lambda W: _weighted_Q(self, W))

    def estimates(self) -> Estimates:
        """Report what theta determines, in the units of the data."""
        model, residual = self.likelihood.model, self.residual()
        factors = model.factors(self.theta)
        degrees = model.design.n - model.p * model.reml
        found = Solved(
            deviance=self.value + degrees * float(np.log(2.0 * np.pi)),
            beta=self.solution.coefficients[: model.p],
            Phi=self.solution.inverse[: model.p, : model.p],
            unit=self.unit,
            variance=residual.mean_variance() / model.basis.scale**2,
            factors=[lam for _, lam in factors],
            transforms=[np.diag(effects.scale) for effects, _ in factors],
        )
        singular = [str(model.layout.term)] if residual.is_singular() else []
        theta = self.theta[: model.n_residual - 1]
        return report(model.design, model.basis, model.reml, found, theta, singular)

    def residual(self) -> CorrelatedResidual:
        """Return the covariance of the residuals."""
        return CorrelatedResidual(self.likelihood.model, self.theta)


def _traces(at: VisitPoint, Phi: Array) -> tuple[Array, Array]:
    """Return tr(V^-1 V_r V^-1 V_s) and tr(Phi Q_rs), Q_rs = X'V^-1 V_r V^-1 V_s V^-1 X."""
    model, theta, solution = at.likelihood.model, at.theta, at.solution
    k = model.n_parameters
    traces, fixed = np.zeros((k, k)), np.zeros((k, k))
    for position, stratum in enumerate(model.strata):
        free = model.residual_free(theta)[position]
        for number, batch in enumerate(stratum.batches):
            directions = stratum.directions(free, number)
            K, U = solution.K[position][number], solution.U[position][number][:, :, :-1]
            fitted = batch.by_pattern(U @ Phi @ U.transpose(0, 2, 1))
            own = directions.pairs(K, batch.counts[:, None, None] * K)
            C, _ = parameter_directions(model, theta, position, np.zeros(len(own)))
            traces += C @ own @ C.T
            fixed += C @ directions.pairs(K, fitted) @ C.T
    return traces, (fixed + fixed.T) / 2.0


def _weighted_Q(at: VisitPoint, W: Array) -> Array:  # noqa: N802
    """Return sum_rs W_rs Q_rs, one pass over the patterns for each eigenvector of W."""
    model, theta, solution = at.likelihood.model, at.theta, at.solution
    values, vectors = np.linalg.eigh(W)
    total = np.zeros((model.p, model.p))
    for position, stratum in enumerate(model.strata):
        free = model.residual_free(theta)[position]
        for number, batch in enumerate(stratum.batches):
            found = stratum.directions(free, number)
            C, _ = parameter_directions(model, theta, position, np.zeros(found.size))
            U = solution.U[position][number][:, :, :-1]
            K = solution.K[position][number][batch.pattern]
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
    found = ByVisit(make_model(design, reml))
    require_identified(found.model, found.start())
    return found
