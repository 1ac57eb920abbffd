"""Estimated marginal means and slopes: averages over the reference grid.

Searle, Speed & Milliken (1980), Am. Stat. 34, 216; Lenth (2016), J. Stat. Softw. 69(1). Where no
data were seen a row says so and holds no number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import Null, contrast_table
from outcomes.mixed.margins.reference_grid import (
    At,
    ReferenceGrid,
    Variable,
    cell_counts,
    cell_of,
    grid_offset,
    reference_grid,
    require_variable,
)
from outcomes.mixed.reading.design import design_matrix
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

Names = str | Sequence[str]

NO_DATA = "no data here"
_LOGARITHM = re.compile(r"^(?:np\.)?(log|log2|log10|log1p)\((?:.*?)(?:\+ *([\d.]+))?\)$")
_BASES = {"log": np.e, "log1p": np.e, "log2": 2.0, "log10": 10.0}
WEIGHTS = ("equal", "proportional", "observed")


@dataclass(frozen=True)
class Margins:
    """Linear functions of the coefficients, one a margin.

    Parameters
    ----------
    labels : pandas.DataFrame
        The levels of each margin.
    rows : array, shape (k, p)
    offset : array, shape (k,)
    n_observations : array of int, shape (k,)
        Rows used that lie in the margin's own cell.
    note : array of str, shape (k,)
        Why there is no number, or a warning.
    missing : array of bool, shape (k,)
    """

    labels: pd.DataFrame
    rows: Array
    offset: Array
    n_observations: Array
    note: Array
    missing: Array


def margins(
    fit: Fit,
    names: Sequence[str],
    at: At | None = None,
    weights: str = "equal",
    trend: str | None = None,
) -> Margins:
    """Return margins as linear functions of the coefficients; slopes of ``trend`` if given."""
    if weights not in WEIGHTS:
        must = f"weights must be one of {', '.join(WEIGHTS)}"
        raise UsageError(must, got=f"'{weights}'")
    if len({*names}) < len(names):
        must = "Each column of a margin is named once"
        raise UsageError(must, got=f"{', '.join(names)}")
    for name in names:
        require_variable(fit, name, "factor")
    if trend is not None:
        require_variable(fit, trend, "variable")
    grid = reference_grid(fit, at)
    _require_kinds(grid, names, trend)
    values, offset = (grid.rows, grid.offset) if trend is None else _slopes(fit, grid, trend)
    cells, labels = _cells(grid, names)
    share = _shares(fit, grid, names, cells, weights)
    average = np.zeros((len(labels), len(cells)))
    average[cells, np.arange(len(cells))] = share
    n, note, missing = _state(fit, grid, labels, average > 0.0)
    return Margins(labels, average @ values, average @ offset, n, note, missing)


def names_of(factor: Names | None) -> list[str]:
    """Return the columns meant: one name, ``a:b``, a list or nothing."""
    if factor is None:
        return []
    if not isinstance(factor, str):
        return list(factor)
    return [name.strip() for name in factor.replace("*", ":").split(":")]


def _require_kinds(grid: ReferenceGrid, names: Sequence[str], trend: str | None) -> None:
    for name in names:
        variable = grid.variables[name]
        if variable.levels is None and not variable.given:
            must = f"A margin over the number '{name}' needs values"
            raise UsageError(
                must, got="none", remedy=f"Give them: at={{'{name}': [...]}}, or use emtrends."
            )
    if trend is not None and grid.variables[trend].levels is not None:
        must = "A slope needs a number"
        raise UsageError(must, got="categories", where=f"column '{trend}'", remedy="Use contrasts.")


def _slopes(fit: Fit, grid: ReferenceGrid, name: str) -> tuple[Array, Array]:
    """Differentiate the grid's rows and offset by central differences."""
    seen = fit.design.frame.numbers(name)
    step = 1e-3 * (float(np.ptp(seen)) or 1.0)
    after = grid.frame.assign(**{name: grid.frame[name] + step})
    before = grid.frame.assign(**{name: grid.frame[name] - step})
    fixed, kept = fit.design.fixed, fit.basis.kept
    rows = (design_matrix(fixed, after) - design_matrix(fixed, before))[:, kept]
    offset = grid_offset(fit, after) - grid_offset(fit, before)
    return rows / (2.0 * step), offset / (2.0 * step)


def _cells(grid: ReferenceGrid, names: Sequence[str]) -> tuple[Array, pd.DataFrame]:
    """Return the margin each grid row belongs to, and the labels; the first name varies fastest."""
    if not names:
        return np.zeros(len(grid.frame), dtype=np.intp), pd.DataFrame(index=[0])
    code = np.zeros(len(grid.frame), dtype=np.int64)
    for name in reversed(names):
        values = pd.Index(list(grid.variables[name].points))
        code = code * len(values) + values.get_indexer(pd.Index(grid.frame[name]))
    first, cells = np.unique(code, return_index=True, return_inverse=True)[1:]
    return cells, grid.frame.iloc[first][list(names)].reset_index(drop=True)


def _shares(
    fit: Fit, grid: ReferenceGrid, names: Sequence[str], cells: Array, weights: str
) -> Array:
    """Return the weight of each grid row in its margin."""
    counted = [
        variable
        for name, variable in grid.variables.items()
        if variable.levels is not None and (weights == "observed" or name not in names)
    ]
    share = np.ones(len(cells))
    if weights != "equal" and counted:
        share = cell_counts(fit, counted)[cell_of(counted, grid.frame)].astype(float)
    for pair in nested_pairs(fit, grid):
        share = share * (cell_counts(fit, pair)[cell_of(pair, grid.frame)] > 0)
    total = np.bincount(cells, weights=share)[cells]
    size = np.bincount(cells)[cells]
    return np.divide(share, total, out=1.0 / size, where=total > 0.0)


def nested_pairs(fit: Fit, grid: ReferenceGrid) -> list[list[Variable]]:
    """Return pairs (inner, outer) where each level of the inner is in one level of the outer.

    A therapist of one clinic is none of another: means of clinics are over their own therapists, as
    R's emmeans takes them. Two columns that stand for each other are not nested.
    """
    found = []
    for pair in permutations([v for v in grid.variables.values() if v.levels], 2):
        seen = cell_counts(fit, pair) > 0
        if (seen.sum(axis=1) == 1).all() and (seen.sum(axis=0) > 1).any() and seen.shape[1] > 1:
            found.append(list(pair))
    return found


def _state(
    fit: Fit, grid: ReferenceGrid, labels: pd.DataFrame, used: Array
) -> tuple[Array, Array, Array]:
    """Return the rows in each margin's cell, its note, and whether it has no number."""
    own: list[Variable] = [
        variable
        for variable in (grid.variables[str(name)] for name in labels)
        if variable.levels is not None
    ]
    n = cell_counts(fit, own)[cell_of(own, labels)] if own else fit.n_observations
    n = np.broadcast_to(n, len(labels)).copy()
    empty, cells = (used & ~grid.supported).sum(axis=1), used.sum(axis=1)
    lost = (used & ~grid.estimable).any(axis=1)
    beyond = (used & grid.beyond).any(axis=1)
    n[empty == cells] = 0
    note = np.where(beyond, "beyond the values seen", "").astype(object)
    note[lost] = "not estimable: columns are aliased"
    for k in np.flatnonzero(empty):
        part = "" if empty[k] == cells[k] else f" in {empty[k]} of {cells[k]} cells"
        note[k] = NO_DATA + part
    return n, note, lost | (empty > 0)


def margin_table(fit: Fit, found: Margins, conf_level: float, null: Null) -> pd.DataFrame:
    """Tabulate linear functions, with missing numbers where they have no data behind them."""
    known = np.flatnonzero(~found.missing)
    rows, shift = found.rows[known], found.offset[known]
    table = contrast_table(fit.estimates.beta, fit.inference, rows, conf_level, null, shift)
    table.index = pd.Index(known)
    table = table.reindex(range(len(found.rows)))
    return table.assign(n_observations=found.n_observations, note=found.note)


def logarithm(fit: Fit, type: str) -> tuple[float, float] | None:
    """Return base and added constant of a response ``log(y + 1)``; None for tables on its scale.

    Raises
    ------
    UsageError
        There is no such scale, or the response is no logarithm.
    """
    found = _LOGARITHM.match(fit.design.formula.response)
    if type == "response" and found:
        return _BASES[found[1]], 1.0 if found[1] == "log1p" else float(found[2] or 0.0)
    if type != "link":
        must = "type must be 'link', or 'response' where the response is a logarithm"
        raise UsageError(must, got=f"'{type}'", where=f"response {fit.design.formula.response}")
    return None


def back_transformed(table: pd.DataFrame, base: float, added: float = 0.0) -> pd.DataFrame:
    """Carry estimates and limits from a logarithm to what it is of; tests stay as they are."""
    powers = base ** table[["estimate", "conf_low", "conf_high"]]
    std_error = np.log(base) * powers["estimate"] * table["std_error"]
    return table.assign(std_error=std_error, **(powers - added))


def emmeans(
    fit: Fit,
    factor: Names,
    at: At | None = None,
    weights: str = "equal",
    conf_level: float = 0.95,
    *,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
    type: str = "link",
) -> pd.DataFrame:
    """Estimate marginal means.

    Parameters
    ----------
    fit : Fit
    factor : str or list of str
        Columns of the fixed part whose levels make the rows; ``"a:b"`` is the same as
        ``["a", "b"]``. A number needs values in ``at``.
    at : dict of str to value or list of values, optional
        Where to hold other columns: by default numbers at their mean over the rows used, and
        categorical columns averaged over.
    weights : {"equal", "proportional", "observed"}
        How to average over the levels of other columns: equally; by their frequency in the rows
        used; by their frequency within each cell of ``factor``.
    conf_level : float, between 0 and 1
    null, side, delta : float, str, float
        What the test is against: `outcomes.mixed.inference.testing.Null`. On the response as
        written in the formula.
    type : {"link", "response"}
        "response": where the response is a logarithm, what it is the logarithm of (a geometric
        mean), with limits to match.

    Returns
    -------
    pandas.DataFrame
        The columns of ``factor``, estimate, std_error, df, statistic, p_value, conf_low, conf_high,
        n_observations, note. A margin over a combination of interacting columns that was never seen
        has the note "no data here" and no numbers. On the scale of the response as written in the
        formula.

    Raises
    ------
    UsageError
        A name, level or option is unknown.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 4), "arm": ["a", "b"] * 40})
    >>> data["score"] = (data.arm == "b") + rng.normal(size=20)[data.patient] + rng.normal(size=80)
    >>> fit = lmm("score ~ arm + (1 | patient)", data)
    >>> list(emmeans(fit, "arm").estimate.round(2))
    [0.03, 0.84]
    """
    log, against = logarithm(fit, type), Null(null, side, delta)
    found = margins(fit, names_of(factor), at, weights)
    table = margin_table(fit, found, conf_level, against)
    table = back_transformed(table, *log) if log else table
    return pd.concat([found.labels, table], axis=1)


def emtrends(
    fit: Fit,
    variable: str,
    by: Names | None = None,
    at: At | None = None,
    weights: str = "equal",
    conf_level: float = 0.95,
    *,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
) -> pd.DataFrame:
    """Estimate slopes: the change of the fitted value per unit of a number.

    Parameters
    ----------
    fit : Fit
    variable : str
        A numeric column of the fixed part.
    by : str or list of str, optional
        Columns within whose levels to give the slope.
    at, weights, conf_level, null, side, delta
        As in `emmeans`.

    Returns
    -------
    pandas.DataFrame
        As `emmeans`, with a first column ``variable``. For a curve it is the slope at the values of
        the grid, by central differences.

    Raises
    ------
    UsageError
        ``variable`` is no number of the fixed part.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> emtrends(fit, "visit")[["variable", "estimate", "std_error"]].round(2)
      variable  estimate  std_error
    0    visit     -0.29       0.05
    """
    found = margins(fit, names_of(by), at, weights, trend=variable)
    against = Null(null, side, delta)
    table = pd.concat([found.labels, margin_table(fit, found, conf_level, against)], axis=1)
    table.insert(0, "variable", variable)
    return table
