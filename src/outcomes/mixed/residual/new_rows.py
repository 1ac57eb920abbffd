"""The residual variance and covariance of rows that a model may not have seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.errors import FormulaError
from outcomes.mixed.reading.plain import require_columns
from outcomes.mixed.record import Fit
from outcomes.mixed.residual.solved import Correlated
from outcomes.mixed.residual.structures import ByDistance, ByVisit
from outcomes.mixed.types import Array


def residual_variance(fit: Fit, new: pd.DataFrame) -> Array | float:
    """Return the residual variance of other rows; prior weights count as one.

    Parameters
    ----------
    fit : Fit
    new : pandas.DataFrame
        Where each visit has its own variance, its time column, and the columns of the strata.

    Returns
    -------
    float or array, shape (k,)
        NaN where a visit or stratum is missing.

    Raises
    ------
    FormulaError
        A column is absent, or holds a visit or stratum that the model has not seen.
    """
    if fit.correlated is None:
        return fit.estimates.sigma**2
    return _variance(fit.correlated, new)


def residual_covariance(fit: Fit, new: pd.DataFrame) -> Array:
    """Return the residual covariance of other rows of one patient.

    Parameters
    ----------
    fit : Fit
    new : pandas.DataFrame
        As in `residual_variance`.

    Returns
    -------
    array, shape (k, k)

    Raises
    ------
    FormulaError
        A column is absent, or holds a visit or stratum that the model has not seen.
    """
    if fit.correlated is None:
        return fit.estimates.sigma**2 * np.eye(len(new))
    return _covariance(fit.correlated, new)


def _variance(correlated: Correlated, new: pd.DataFrame) -> Array:
    layout, objective = correlated.model.layout, correlated.model.objective
    stratum = _strata(correlated, new)
    variance = np.full(len(new), np.nan)
    parts = zip(objective.strata, correlated.residual_free, strict=True)
    for position, (own, part) in enumerate(parts):
        rows = stratum == position
        if isinstance(own.structure, ByDistance):
            variance[rows] = np.exp(2.0 * part[0])
            continue
        visits = [layout.labels[float(visit)] for visit in own.structure.visits]
        at = _positions(new, layout.term.time, visits)
        known = rows & (at >= 0)
        variance[known] = np.diag(own.structure.matrix(part))[at[known]]
    return variance * correlated.model.basis.scale**2


def _covariance(correlated: Correlated, new: pd.DataFrame) -> Array:
    layout, objective = correlated.model.layout, correlated.model.objective
    position = int(_strata(correlated, new)[0])
    structure = objective.strata[position].structure
    free = correlated.residual_free[position]
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
    return covariance * correlated.model.basis.scale**2


def _strata(correlated: Correlated, new: pd.DataFrame) -> Array:
    layout = correlated.model.layout
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
