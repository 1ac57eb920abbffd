"""What is said of every fit: warned of where it must be, refused without a maximum."""

from __future__ import annotations

import warnings

from outcomes.errors import ConvergenceWarning, FitError, OutcomesWarning, SingularFitWarning
from outcomes.mixed.likelihood.estimates import Estimates
from outcomes.mixed.reading.design import Design
from outcomes.mixed.search import Optimum


def require_maximum(design: Design, estimates: Estimates, optimum: Optimum) -> None:
    """Refuse a residual covariance that the search could only follow towards zero.

    Raises
    ------
    FitError
        The search stopped, and the residual covariance is singular.
    """
    residual = str(design.formula.residual)
    if residual in estimates.singular_terms and not optimum.converged:
        must = "The likelihood must have a maximum"
        raise FitError(
            must,
            got="a residual covariance that shrinks to nothing",
            where=residual,
            remedy="Either these patients are too few for it (csh, ar1h, cs and ar1 have fewer "
            "parameters than us), or its groups and the fixed part reproduce every score.",
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
