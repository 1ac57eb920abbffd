"""Cluster-robust inference beside a residual covariance."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from outcomes.errors import UsageError
from outcomes.mixed.after.marginal_covariance import is_within, rows_by_group
from outcomes.mixed.inference.robust import cluster_robust
from outcomes.mixed.inference.testing import DfMethod
from outcomes.mixed.residual.results import CorrelatedFit

Array = npt.NDArray[Any]


@dataclass(frozen=True, repr=False)
class RobustCorrelatedFit(CorrelatedFit):
    """A fit with correlated residuals whose tests are cluster-robust.

    Parameters
    ----------
    cluster : str
        The column or grouping factor whose levels are independent.
    """

    cluster: str

    @cached_property
    def inference(self) -> DfMethod:
        """CR2 covariance and degrees of freedom."""
        return cluster_robust(self, self.cluster)


def robust_correlated(fit: CorrelatedFit, cluster: str) -> RobustCorrelatedFit:
    """Make every table of a fit cluster-robust: see `outcomes.mixed.inference.robust.robust`.

    Raises
    ------
    UsageError
        There is no such column, or a patient or grouping factor reaches across clusters.
    """
    codes, _ = rows_by_group(fit, cluster)
    layout = fit.model.layout
    across = [factor.name for factor in fit.design.factors if not is_within(factor, codes)]
    if len(np.unique(np.column_stack([layout.codes, codes]), axis=0)) > len(layout.levels):
        across.append(layout.term.group[-1])
    if across:
        must = "Patients and grouping factors must lie within the clusters"
        raise UsageError(
            must,
            got=f"levels of {', '.join(dict.fromkeys(across))} in several clusters",
            where=f"cluster '{cluster}'",
            remedy="Use a coarser cluster, such as the clinic.",
        )
    parts = {field.name: getattr(fit, field.name) for field in fields(CorrelatedFit)}
    parts["request"] = replace(fit.request, df=f"CR2 by {cluster}")
    return RobustCorrelatedFit(**parts, cluster=cluster)
