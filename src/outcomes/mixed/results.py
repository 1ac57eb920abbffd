"""The result of a fit: what was asked, how the optimum was found, what was estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.mixed.design import Design
from outcomes.mixed.deviance import Objective
from outcomes.mixed.optimise import Optimum
from outcomes.mixed.testing import DfMethod
from outcomes.mixed.working import Working

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Request:
    """What was asked.

    Parameters
    ----------
    formula : str
    reml : bool
    df : {"satterthwaite", "kenward-roger", "normal"}
    weighted : bool
        Whether prior weights were given.
    """

    formula: str
    reml: bool
    df: str
    weighted: bool


@dataclass(frozen=True)
class Estimates:
    """What was estimated, in the units of the data.

    Parameters
    ----------
    terms : tuple of str
        Names of the estimated coefficients, length p.
    aliased_terms : tuple of str
        Columns left out because those before them determine them.
    beta : array, shape (p,)
        Fixed coefficients.
    vcov : array, shape (p, p)
        Their covariance (unadjusted).
    sigma : float
        Residual standard deviation.
    theta : array, shape (n_theta,)
        Relative Cholesky factors of the random effects, on lme4's scale and in its order.
    covariances : tuple of array, shape (q, q)
        Covariance of the random effects of each grouping factor.
    loglik : float
        (Restricted) log-likelihood.
    singular_terms : tuple of str
        Random terms with a zero variance or a correlation of one.
    """

    terms: tuple[str, ...]
    aliased_terms: tuple[str, ...]
    beta: Array
    vcov: Array
    sigma: float
    theta: Array
    covariances: tuple[Array, ...]
    loglik: float
    singular_terms: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class MixedFit:
    """A fitted linear mixed-effects model.

    Parameters
    ----------
    request : Request
    optimum : Optimum
        The record of the optimisation.
    estimates : Estimates
    design : Design
        Response, fixed columns and random effects of the rows used.
    working : Working
        The cross-products in the basis the optimisation worked in.
    """

    request: Request
    optimum: Optimum
    estimates: Estimates
    design: Design
    working: Working

    def __repr__(self) -> str:
        groups = ", ".join(f"{factor.name} {factor.n_levels:,}" for factor in self.design.factors)
        kind = "REML" if self.request.reml else "ML"
        return (
            f"<MixedFit {self.request.formula}: {self.design.n:,} rows, {groups}; "
            f"{kind}, sigma {self.estimates.sigma:.3g}>"
        )

    @property
    def n_observations(self) -> int:
        """Rows used."""
        return self.design.n

    @property
    def dropped(self) -> Mapping[str, int]:
        """Rows with a missing value, by column."""
        return self.design.frame.dropped

    @property
    def aliased_terms(self) -> tuple[str, ...]:
        """Columns of the fixed part that could not be estimated."""
        return self.estimates.aliased_terms

    @property
    def is_singular(self) -> bool:
        """Whether a variance is zero or a correlation is one."""
        return bool(self.estimates.singular_terms)

    @property
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return self.estimates.loglik

    @property
    def X(self) -> Array:  # noqa: N802
        """Estimated fixed columns expanded over the rows used, shape (n, p)."""
        return np.asarray(self.design.fixed.matrix[:, self.working.basis.kept])

    @property
    def y(self) -> Array:
        """Response of the rows used, shape (n,)."""
        return self.design.y

    @cached_property
    def objective(self) -> Objective:
        """The likelihood that was maximised, in the working basis."""
        return Objective(self.working.products, self.working.blocks, self.request.reml)

    @cached_property
    def inference(self) -> DfMethod:
        """Covariance and degrees of freedom by the method asked for."""
        from outcomes.mixed.inference import df_method

        return df_method(self, self.request.df)

    @property
    def vcov(self) -> Array:
        """Covariance of the fixed coefficients that tests use, shape (p, p)."""
        return self.inference.covariance

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Tabulate the fixed coefficients: see `outcomes.mixed.tables.tidy`."""
        from outcomes.mixed.tables import tidy

        return tidy(self, conf_level)

    def glance(self) -> pd.DataFrame:
        """Summarise the fit in one row: see `outcomes.mixed.tables.glance`."""
        from outcomes.mixed.tables import glance

        return glance(self)

    def variance_components(self) -> pd.DataFrame:
        """Tabulate variances and correlations: see `outcomes.mixed.tables.variance_components`."""
        from outcomes.mixed.tables import variance_components

        return variance_components(self)

    def random_effects(self, group: str | None = None) -> pd.DataFrame:
        """Tabulate random effects: see `outcomes.mixed.random_effects.random_effects`."""
        from outcomes.mixed.random_effects import random_effects

        return random_effects(self, group)

    def augment(self) -> pd.DataFrame:
        """Add fitted values and residuals to the rows used: see `outcomes.mixed.tables.augment`."""
        from outcomes.mixed.tables import augment

        return augment(self)

    def test(
        self, hypothesis: Mapping[str, float] | npt.ArrayLike, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """Test combinations of coefficients: see `outcomes.mixed.hypotheses.hypothesis_table`."""
        from outcomes.mixed.hypotheses import hypothesis_table

        return hypothesis_table(self, hypothesis, conf_level)

    def anova(self, type: int | str = 3) -> pd.DataFrame:
        """Test each term of the fixed part: see `outcomes.mixed.anova.anova`."""
        from outcomes.mixed.anova import anova

        return anova(self, type)
