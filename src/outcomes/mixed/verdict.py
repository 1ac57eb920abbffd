"""What is said of every fit: refused where the residual vanishes, warned of where it must be."""

from __future__ import annotations

import warnings

from outcomes.errors import ConvergenceWarning, FitError, OutcomesWarning, SingularFitWarning
from outcomes.mixed.optimise import Optimum
from outcomes.mixed.reading.design import Design
from outcomes.mixed.record import Estimates

LOST_DIGITS = 5e-11
"""Smallest residual variance, as a share of that around the fixed part, that keeps its digits."""


def refuse_exact(design: Design, relative_variance: float) -> None:
    """Refuse a residual too small for its digits to be more than rounding.

    Raises
    ------
    FitError
        The residual variance is below `LOST_DIGITS`.
    """
    if not relative_variance > LOST_DIGITS:
        must = "The residual variance must be above zero"
        raise FitError(
            must,
            got="groups and fixed part that reproduce every score",
            where=f"in '{design.formula.text}'",
            remedy="Use fewer fixed or random columns.",
        )


def warn_of(estimates: Estimates, optimum: Optimum) -> None:
    """Warn of aliased columns, of a boundary, and of an optimiser that stopped early."""
    if estimates.aliased_terms:
        names = ", ".join(estimates.aliased_terms)
        warnings.warn(
            f"The fixed part is rank deficient; not estimated: {names}.", OutcomesWarning, 4
        )
    if estimates.singular_terms:
        names = ", ".join(estimates.singular_terms)
        warnings.warn(
            f"A variance is zero or a correlation is one in {names}.", SingularFitWarning, 4
        )
    if not optimum.converged:
        warnings.warn(
            f"The optimiser stopped early: {optimum.message}; largest gradient element "
            f"{optimum.gradient_norm:.1e} after {optimum.evaluations} evaluations.",
            ConvergenceWarning,
            4,
        )
