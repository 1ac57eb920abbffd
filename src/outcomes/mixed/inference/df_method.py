"""Make a df method by its name, in the units of the data."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from outcomes.mixed.inference.kenward_roger import KenwardRoger, kenward_roger
from outcomes.mixed.inference.satterthwaite import Satterthwaite, satterthwaite
from outcomes.mixed.inference.testing import DfMethod, Normal
from outcomes.mixed.likelihood.protocol import Curvature, Point
from outcomes.mixed.types import Array


def df_method(name: str, vcov: Array, curvature: Curvature, point: Point) -> DfMethod:
    """Return covariance and degrees of freedom of the estimated coefficients by one method.

    Parameters
    ----------
    name : {"satterthwaite", "kenward-roger", "normal"}
    vcov : array, shape (p, p)
        Unadjusted covariance of the coefficients, in the units of the data.
    curvature : Curvature
        At the optimum.
    point : Point
        The optimum.
    """
    if name == "normal":
        return Normal(vcov)
    R = point.likelihood.basis.R
    forward = solve_triangular(R, np.eye(len(R))) * point.unit
    if name == "satterthwaite":
        found = satterthwaite(curvature)
        gradients = forward @ found.gradients @ forward.T
        return Satterthwaite(vcov, gradients, found.parameter_covariance)
    working, back = kenward_roger(point.slopes()), np.linalg.inv(forward)
    covariance = forward @ working.covariance @ forward.T
    return KenwardRoger(covariance, vcov, back.T @ working.P @ back, working.W)
