"""The result of a fit: what was asked, how the optimum was found, what was estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.mixed.inference.testing import DfMethod
from outcomes.mixed.likelihood.deviance import Objective
from outcomes.mixed.optimise import Optimum
from outcomes.mixed.products.working import Working
from outcomes.mixed.reading.design import Design

if TYPE_CHECKING:
    from outcomes.mixed.after.bootstrap import Bootstrap
    from outcomes.mixed.margins.contrasts import Method
    from outcomes.mixed.margins.margin_functions import Names
    from outcomes.mixed.margins.reference_grid import At

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
        from outcomes.mixed.inference.inference import df_method
        from outcomes.mixed.one_thread import one_blas_thread

        with one_blas_thread():
            return df_method(self, self.request.df)

    @property
    def vcov(self) -> Array:
        """Covariance of the fixed coefficients that tests use, shape (p, p)."""
        return self.inference.covariance

    def residual_variance(self, new: pd.DataFrame) -> Array | float:
        """Return the residual variance of other rows; prior weights count as one."""
        del new
        return self.estimates.sigma**2

    def residual_covariance(self, new: pd.DataFrame) -> Array:
        """Return the residual covariance of other rows of one patient, shape (k, k)."""
        return self.estimates.sigma**2 * np.eye(len(new))

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Tabulate the fixed coefficients; see `mixed.after.tables.tidy`."""
        from outcomes.mixed.after.tables import tidy

        return tidy(self, conf_level)

    def glance(self) -> pd.DataFrame:
        """Summarise the fit in one row; see `mixed.after.tables.glance`."""
        from outcomes.mixed.after.tables import glance

        return glance(self)

    def variance_components(self) -> pd.DataFrame:
        """Tabulate variances and correlations; see `mixed.after.tables.variance_components`."""
        from outcomes.mixed.after.tables import variance_components

        return variance_components(self)

    def random_effects(self, group: str | None = None) -> pd.DataFrame:
        """Tabulate random effects; see `mixed.after.random_effects.random_effects`."""
        from outcomes.mixed.after.random_effects import random_effects

        return random_effects(self, group)

    def augment(self) -> pd.DataFrame:
        """Add fitted values and residuals to the rows used; see `mixed.after.tables.augment`."""
        from outcomes.mixed.after.tables import augment

        return augment(self)

    def test(
        self, hypothesis: Mapping[str, float] | npt.ArrayLike, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """Test combinations of coefficients; see `mixed.inference.hypotheses.hypothesis_table`."""
        from outcomes.mixed.inference.hypotheses import hypothesis_table

        return hypothesis_table(self, hypothesis, conf_level)

    def anova(self, type: int | str = 3) -> pd.DataFrame:
        """Test each term of the fixed part; see `mixed.inference.anova.anova`."""
        from outcomes.mixed.inference.anova import anova

        return anova(self, type)

    def emmeans(
        self,
        factor: Names,
        at: At | None = None,
        weights: str = "equal",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """Estimate marginal means: see `outcomes.mixed.margins.margins.emmeans`."""
        from outcomes.mixed.margins.margins import emmeans

        return emmeans(self, factor, at, weights, conf_level)

    def contrasts(
        self,
        factor: Names,
        method: Method = "pairwise",
        adjust: str = "holm",
        at: At | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Compare marginal means or slopes: see `outcomes.mixed.margins.contrasts.contrasts`."""
        from outcomes.mixed.margins.contrasts import contrasts

        return contrasts(self, factor, method, adjust, at, **options)

    def emtrends(
        self,
        variable: str,
        by: Names | None = None,
        at: At | None = None,
        weights: str = "equal",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """Estimate slopes: see `outcomes.mixed.margins.margins.emtrends`."""
        from outcomes.mixed.margins.margins import emtrends

        return emtrends(self, variable, by, at, weights, conf_level)

    def predict(
        self,
        new: pd.DataFrame,
        random: bool = True,
        interval: str | None = None,
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """Predict rows; see `mixed.after.predict.predict`."""
        from outcomes.mixed.after.predict import predict

        return predict(self, new, random, interval, conf_level)

    def residuals(self) -> pd.DataFrame:
        """Tabulate residuals and leverages; see `mixed.after.diagnostics.residuals`."""
        from outcomes.mixed.after.diagnostics import residuals

        return residuals(self)

    def normal_quantiles(self, group: str | None = None) -> pd.DataFrame:
        """Pair residuals or random effects with normal quantiles: see `mixed.diagnostics`."""
        from outcomes.mixed.after.diagnostics import normal_quantiles

        return normal_quantiles(self, group)

    def influence(self, group: str, refit: bool = False) -> pd.DataFrame:
        """Tell what each group does to the coefficients: see `mixed.influence.influence`."""
        from outcomes.mixed.after.influence import influence

        return influence(self, group, refit)

    def profile(self, which: str = "all", conf_level: float = 0.95) -> pd.DataFrame:
        """Compute profile-likelihood intervals; see `mixed.after.profile`."""
        from outcomes.mixed.after.profile import profile_intervals

        return profile_intervals(self, which, conf_level)

    def bootstrap(self, n: int, seed: int) -> Bootstrap:
        """Draw a parametric bootstrap; see `mixed.after.bootstrap.bootstrap`."""
        from outcomes.mixed.after.bootstrap import bootstrap

        return bootstrap(self, n, seed)

    def icc(self, bootstrap: Bootstrap | None = None, conf_level: float = 0.95) -> pd.DataFrame:
        """Estimate intraclass correlations; see `mixed.after.effect_sizes.icc`."""
        from outcomes.mixed.after.effect_sizes import icc

        return icc(self, bootstrap, conf_level)

    def r2(self, bootstrap: Bootstrap | None = None, conf_level: float = 0.95) -> pd.DataFrame:
        """Estimate Nakagawa's R2: see `outcomes.mixed.after.effect_sizes.r2`."""
        from outcomes.mixed.after.effect_sizes import r2

        return r2(self, bootstrap, conf_level)

    def robust(self, cluster: str) -> MixedFit:
        """Return the fit with cluster-robust inference; see `mixed.inference.robust.robust`."""
        from outcomes.mixed.inference.robust import robust

        return robust(self, cluster)

    def compare(self, larger: MixedFit) -> pd.DataFrame:
        """Test against a larger fit; see `mixed.inference.likelihood_ratio.compare`."""
        from outcomes.mixed.inference.likelihood_ratio import compare

        return compare(self, larger)

    def crosscheck(self) -> pd.DataFrame:
        """Fit the same model with statsmodels; see `mixed.after.crosscheck.crosscheck`."""
        from outcomes.mixed.after.crosscheck import crosscheck

        return crosscheck(self)
