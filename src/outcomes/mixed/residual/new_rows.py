"""The residual variance and covariance of rows that a model may not have seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.errors import FormulaError
from outcomes.mixed.reading.frame import require_columns
from outcomes.mixed.residual.results import CorrelatedFit
from outcomes.mixed.residual.structures import ByDistance, ByVisit

Array = npt.NDArray[Any]


def new_variance(fit: CorrelatedFit, new: pd.DataFrame) -> Array:
    """Return the residual variance of other rows.

    Parameters
    ----------
    fit : CorrelatedFit
    new : pandas.DataFrame
        The time column where each visit has its own variance, and the columns of the strata.

    Returns
    -------
    array, shape (k,)
        NaN where a visit or stratum is missing.

    Raises
    ------
    FormulaError
        A column is absent, or holds a visit or stratum that the model has not seen.
    """
    layout, objective = fit.model.layout, fit.model.objective
    stratum = _strata(fit, new)
    variance = np.full(len(new), np.nan)
    free = objective.residual_free(fit.optimum.end)
    for position, (own, part) in enumerate(zip(objective.strata, free, strict=True)):
        rows = stratum == position
        if isinstance(own.structure, ByDistance):
            variance[rows] = np.exp(2.0 * part[0])
            continue
        visits = [layout.labels[float(visit)] for visit in own.structure.visits]
        at = _positions(new, layout.term.time, visits)
        known = rows & (at >= 0)
        variance[known] = np.diag(own.structure.matrix(part))[at[known]]
    return variance * fit.model.basis.scale**2


def new_covariance(fit: CorrelatedFit, new: pd.DataFrame) -> Array:
    """Return the residual covariance of other rows of one patient.

    Parameters
    ----------
    fit : CorrelatedFit
    new : pandas.DataFrame
        The time column and the columns of the strata.

    Returns
    -------
    array, shape (k, k)

    Raises
    ------
    FormulaError
        A column is absent, or holds a visit or stratum that the model has not seen.
    """
    layout, objective = fit.model.layout, fit.model.objective
    position = int(_strata(fit, new)[0])
    structure = objective.strata[position].structure
    free = objective.residual_free(fit.optimum.end)[position]
    if isinstance(structure, ByDistance) and layout.term.kind == "ou":
        covariance = structure.matrix(free, new[layout.term.time].to_numpy(float))
    else:
        places = structure.visits if isinstance(structure, ByVisit) else np.array([*layout.labels])
        at = _positions(new, layout.term.time, [layout.labels[float(place)] for place in places])
        covariance = (
            structure.matrix(free)[np.ix_(at, at)]
            if isinstance(structure, ByVisit)
            else structure.matrix(free, places[at])
        )
    return covariance * fit.model.basis.scale**2


def _strata(fit: CorrelatedFit, new: pd.DataFrame) -> Array:
    layout = fit.model.layout
    names = layout.term.group[:-1]
    if not names:
        return np.zeros(len(new), dtype=np.intp)
    require_columns({name: [str(layout.term)] for name in names}, new)
    label = new[names[0]].astype(str)
    for name in names[1:]:
        label = label + ":" + new[name].astype(str)
    missing = new[list(names)].isna().any(axis=1)
    at = pd.Index(layout.stratum_names).get_indexer(pd.Index(label))
    return _refuse_unseen(np.where(missing, -2, at), ":".join(names))


def _positions(new: pd.DataFrame, time: str, visits: list[str]) -> Array:
    require_columns({time: ["the residual covariance"]}, new)
    column = new[time]
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    label = column.map("{:g}".format, na_action="ignore") if numeric else column.astype(str)
    at = pd.Index(visits).get_indexer(pd.Index(label))
    return _refuse_unseen(np.where(column.isna(), -2, at), time)


def _refuse_unseen(at: Array, name: str) -> Array:
    unseen = int((at == -1).sum())
    if unseen:
        must = "New rows must hold visits and strata the model has seen"
        raise FormulaError(must, got=f"{unseen} rows with another", where=f"column '{name}'")
    return at
