"""Choose a df method for a fit and carry it to the units of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from outcomes.errors import UsageError
from outcomes.mixed.inference.kenward_roger import KenwardRoger, kenward_roger
from outcomes.mixed.inference.satterthwaite import Satterthwaite, satterthwaite
from outcomes.mixed.inference.testing import DfMethod, Normal
from outcomes.mixed.results import MixedFit

Array = npt.NDArray[Any]


def df_method(fit: MixedFit, name: str) -> DfMethod:
    """Return covariance and degrees of freedom of a fit's coefficients by one method.

    Parameters
    ----------
    fit : MixedFit
    name : {"satterthwaite", "kenward-roger", "normal"}

    Returns
    -------
    DfMethod
        In the units of the data, for the estimated coefficients.

    Raises
    ------
    UsageError
        Kenward-Roger is asked of a maximum-likelihood fit.
    """
    if name == "normal":
        return Normal(fit.estimates.vcov)
    if name == "satterthwaite":
        return _satterthwaite(fit)
    if not fit.request.reml:
        must = "Kenward-Roger needs a REML fit"
        raise UsageError(must, got="reml=False")
    return _kenward_roger(fit)


def _satterthwaite(fit: MixedFit) -> Satterthwaite:
    found = satterthwaite(fit.optimum.curvature)
    forward = _forward(fit)
    return Satterthwaite(
        covariance=fit.estimates.vcov,
        gradients=forward @ found.gradients @ forward.T,
        parameter_covariance=found.parameter_covariance,
    )


def _kenward_roger(fit: MixedFit) -> KenwardRoger:
    found = kenward_roger(fit.objective, fit.optimum.end)
    forward = _forward(fit)
    back = np.linalg.inv(forward)
    return KenwardRoger(
        covariance=forward @ found.covariance @ forward.T,
        unadjusted=fit.estimates.vcov,
        P=back.T @ found.P @ back,
        W=found.W,
    )


def _forward(fit: MixedFit) -> Array:
    """Return the matrix that takes working coefficients (sigma = 1) to those of the data."""
    basis = fit.working.basis
    return np.asarray(solve_triangular(basis.R, np.eye(len(basis.R))) * fit.estimates.sigma)
