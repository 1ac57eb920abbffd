"""A model's design on some of its rows: the same columns, so the same coefficients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from outcomes.mixed.reading.columns import Columns
from outcomes.mixed.reading.design import Design
from outcomes.mixed.reading.random_effects_design import GroupingFactor
from outcomes.mixed.types import Array


def take_rows(design: Design, rows: Array) -> Design:
    """Keep some rows of a design.

    Unlike building it anew from the data, this keeps what the columns learned from all rows: knots
    of a spline, the mean of a centred number, levels that no longer occur.

    Parameters
    ----------
    design : Design
    rows : array of int, shape (k,)

    Returns
    -------
    Design
    """
    frame = design.frame
    weights = None if frame.weights is None else frame.weights[rows]
    return Design(
        formula=design.formula,
        frame=replace(frame, data=frame.data.iloc[rows], weights=weights),
        y=design.y[rows],
        offset=None if design.offset is None else design.offset[rows],
        fixed=_columns(design.fixed, rows),
        factors=tuple(_factor(factor, rows) for factor in design.factors),
    )


def _columns(columns: Columns, rows: Array) -> Columns:
    factors = tuple(
        replace(factor, values=factor.values[rows])
        if factor.codes is None
        else replace(factor, codes=factor.codes[rows])
        for factor in columns.factors
    )
    return replace(columns, factors=factors, n_rows=len(rows))


def _factor(factor: GroupingFactor, rows: Array) -> GroupingFactor:
    kept, codes = np.unique(factor.codes[rows], return_inverse=True)
    return replace(
        factor,
        codes=codes,
        levels=factor.levels[kept],
        columns=tuple(_columns(columns, rows) for columns in factor.columns),
    )
