"""A fit with a residual covariance: the same interface as any other fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import DfMethod
from outcomes.mixed.residual.likelihood import Derivatives, Solution, differentiate
from outcomes.mixed.residual.model import CorrelatedModel
from outcomes.mixed.residual.structures import ByDistance, Structure
from outcomes.mixed.results import MixedFit

if TYPE_CHECKING:
    from outcomes.mixed.after.bootstrap import Bootstrap

Array = npt.NDArray[Any]


@dataclass(frozen=True, repr=False)
class CorrelatedFit(MixedFit):
    """A fitted model whose residuals are correlated within patients.

    Parameters
    ----------
    model : CorrelatedModel
        The likelihood and its basis.
    solution : Solution
        What was solved at the optimum.
    """

    model: CorrelatedModel
    solution: Solution

    def __repr__(self) -> str:
        group = self.model.layout.term.group[-1]
        kind = "REML" if self.request.reml else "ML"
        return (
            f"<MixedFit {self.request.formula}: {self.design.n:,} rows, "
            f"{group} {len(self.model.layout.levels):,}; {kind}, sigma {self.estimates.sigma:.3g}>"
        )

    @cached_property
    def derivatives(self) -> Derivatives:
        """Exact derivatives of the deviance at the optimum."""
        return differentiate(self.model.objective, self.solution)

    @cached_property
    def inference(self) -> DfMethod:
        """Covariance and degrees of freedom by the method asked for."""
        from outcomes.mixed.residual.inference import correlated_df_method

        return correlated_df_method(self, self.request.df)

    def variance_components(self) -> pd.DataFrame:
        """Tabulate variances and correlations, those of the residuals last."""
        own = super().variance_components().iloc[:-1]
        return pd.concat([own, residual_components(self)], ignore_index=True)

    def residual_variance(self, new: pd.DataFrame) -> Array | float:
        """Return the residual variance of other rows, by visit and stratum where these have one."""
        from outcomes.mixed.residual.new_rows import new_variance

        return new_variance(self, new)

    def residual_covariance(self, new: pd.DataFrame) -> Array:
        """Return the residual covariance of other rows of one patient."""
        from outcomes.mixed.residual.new_rows import new_covariance

        return new_covariance(self, new)

    def robust(self, cluster: str) -> MixedFit:
        """Return the fit with cluster-robust inference; see `mixed.inference.robust.robust`."""
        from outcomes.mixed.residual.robust import robust_correlated

        return robust_correlated(self, cluster)

    def profile(self, which: str = "all", conf_level: float = 0.95) -> pd.DataFrame:
        """Refuse: profile likelihoods are for independent residuals."""
        del which, conf_level
        self._refuse("Profile-likelihood intervals", "tidy() or bootstrap()")

    def icc(self, bootstrap: Bootstrap | None = None, conf_level: float = 0.95) -> pd.DataFrame:
        """Refuse: with correlated residuals scores resemble each other by their distance too."""
        del bootstrap, conf_level
        self._refuse("Intraclass correlations", "variance_components()")

    def r2(self, bootstrap: Bootstrap | None = None, conf_level: float = 0.95) -> pd.DataFrame:
        """Refuse: Nakagawa's R2 has one residual variance."""
        del bootstrap, conf_level
        self._refuse("R2 and its parts", "variance_components()")

    def crosscheck(self) -> pd.DataFrame:
        """Refuse: statsmodels has no residual covariance."""
        self._refuse("Cross-checks by statsmodels", "the R packages mmrm or nlme")

    def _refuse(self, what: str, instead: str) -> NoReturn:
        must = f"{what} need independent residuals"
        raise UsageError(
            must,
            got=f"'{self.model.layout.term}'",
            remedy=f"Use {instead}.",
        )


def residual_components(fit: CorrelatedFit) -> pd.DataFrame:
    """Tabulate the residual covariance.

    Parameters
    ----------
    fit : CorrelatedFit

    Returns
    -------
    pandas.DataFrame
        group ("residual", with the stratum's name where there are several), term_1, term_2,
        variance, sd_or_corr. Where each visit has its own variance, one row a visit, then one row
        a pair with its covariance and correlation. Else one variance, and the correlation of scores
        one unit of time apart (of any two scores under ``cs``).
    """
    objective, layout = fit.model.objective, fit.model.layout
    rows: list[tuple[str, str, str, float, float]] = []
    free = objective.residual_free(fit.optimum.end)
    scale = fit.model.basis.scale
    for name, stratum, own in zip(layout.stratum_names, objective.strata, free, strict=True):
        group = f"residual {name}".strip()
        places, labels = _places(stratum.structure, layout.labels, layout.term.time)
        R = (
            stratum.structure.matrix(own, places)
            if isinstance(stratum.structure, ByDistance)
            else stratum.structure.matrix(own)
        )
        rows += _matrix_rows(group, labels, R * scale**2, isinstance(stratum.structure, ByDistance))
    return pd.DataFrame(rows, columns=["group", "term_1", "term_2", "variance", "sd_or_corr"])


def _places(structure: Structure, labels: dict[float, str], time: str) -> tuple[Array, list[str]]:
    if isinstance(structure, ByDistance):
        single = structure.correlation is None
        return np.arange(1.0 if single else 2.0), [time, f"{time} + 1"][: 1 if single else 2]
    return structure.visits, [labels[float(visit)] for visit in structure.visits]


def _matrix_rows(
    group: str, labels: list[str], R: Array, stationary: bool
) -> list[tuple[str, str, str, float, float]]:
    sd = np.sqrt(np.diag(R))
    own = ["", *labels[1:]] if stationary else labels
    count = 1 if stationary else len(labels)
    rows = [(group, own[i], "", float(R[i, i]), float(sd[i])) for i in range(count)]
    rows += [
        (group, labels[i], labels[j], float(R[i, j]), float(R[i, j] / (sd[i] * sd[j])))
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
    ]
    return rows
