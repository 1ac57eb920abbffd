"""Make a df method by its name, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular

from outcomes.mixed.inference.kenward_roger import KenwardRoger
from outcomes.mixed.inference.satterthwaite import Satterthwaite, satterthwaite
from outcomes.mixed.inference.testing import DfMethod, Normal
from outcomes.mixed.optimise import Optimum
from outcomes.mixed.types import Array


def df_method(
    name: str,
    vcov: Array,
    optimum: Optimum,
    R: Array,
    unit: float,
    adjusted: Callable[[], KenwardRoger],
) -> DfMethod:
    """Return covariance and degrees of freedom of the estimated coefficients by one method.

    Parameters
    ----------
    name : {"satterthwaite", "kenward-roger", "normal"}
    vcov : array, shape (p, p)
        Unadjusted covariance of the coefficients, in the units of the data.
    optimum : Optimum
    R : array, shape (p, p)
        Upper triangular, with X = Q R for the columns Q of the working basis.
    unit : float
        What one is in the working basis, in the units of the data.
    adjusted : callable
        Makes Kenward and Roger's method in the working basis.
    """
    if name == "normal":
        return Normal(vcov)
    forward = solve_triangular(R, np.eye(len(R))) * unit
    if name == "satterthwaite":
        found = satterthwaite(optimum.curvature)
        gradients = forward @ found.gradients @ forward.T
        return Satterthwaite(vcov, gradients, found.parameter_covariance)
    working, back = adjusted(), np.linalg.inv(forward)
    covariance = forward @ working.covariance @ forward.T
    return KenwardRoger(covariance, vcov, back.T @ working.P @ back, working.W)
