"""Comparisons of marginal means, or of slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.margins.margin_functions import Margins, Names, margin_table, margins, names_of
from outcomes.mixed.margins.multiplicity import adjusted
from outcomes.mixed.margins.reference_grid import At
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

Weights = Sequence[float] | Mapping[str, float]
Method = str | Mapping[str, Weights]


def contrasts(
    fit: Fit,
    factor: Names,
    method: Method = "pairwise",
    adjust: str = "holm",
    at: At | None = None,
    *,
    by: Names | None = None,
    trend: str | None = None,
    weights: str = "equal",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compare marginal means, or slopes.

    Parameters
    ----------
    fit : Fit
    factor : str or list of str
        Columns whose levels are compared.
    method : {"pairwise", "reference"} or dict
        "pairwise": each level minus each later one; "reference": each level minus the first; or
        contrasts by name, each a list of weights in the order of the levels or a dict of weights by
        level.
    adjust : {"holm", "tukey", "none"}
        Adjustment within each family (within each combination of ``by``): see
        `outcomes.mixed.margins.multiplicity.adjusted`.
    at, weights, conf_level
        As in `emmeans`.
    by : str or list of str, optional
        Compare within each combination of these columns.
    trend : str, optional
        Compare slopes of this number instead of means.

    Returns
    -------
    pandas.DataFrame
        The columns of ``by``, contrast, estimate, std_error, df, statistic, p_value, conf_low,
        conf_high, n_observations (of the smallest cell compared), note.

    Raises
    ------
    UsageError
        A name, level or option is unknown, or Tukey is asked of other than pairs.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 4), "arm": ["a", "b"] * 40})
    >>> data["score"] = (data.arm == "b") + rng.normal(size=20)[data.patient] + rng.normal(size=80)
    >>> fit = lmm("score ~ arm + (1 | patient)", data)
    >>> contrasts(fit, "arm", "reference")[["contrast", "estimate"]].round(2)
      contrast  estimate
    0    b - a      0.81
    """
    if adjust == "tukey" and method != "pairwise":
        must = "Tukey's adjustment is for pairwise contrasts"
        raise UsageError(must, got="another method", remedy="Use adjust='holm'.")
    within = names_of(by)
    found = margins(fit, [*within, *names_of(factor)], at, weights, trend)
    families = _families(found.labels[within])
    parts = []
    for rows in families:
        table = _compare(fit, found, rows, within, (method, adjust, conf_level))
        for position, name in enumerate(within):
            table.insert(position, name, found.labels[name].iloc[rows[0]])
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _families(keys: pd.DataFrame) -> list[Array]:
    if keys.empty:
        return [np.arange(len(keys))]
    number = keys.groupby(list(keys), sort=False, observed=True).ngroup().to_numpy()
    return [np.flatnonzero(number == family) for family in range(number.max() + 1)]


def _compare(
    fit: Fit,
    found: Margins,
    rows: Array,
    within: Sequence[str],
    how: tuple[Method, str, float],
) -> pd.DataFrame:
    method, adjust, conf_level = how
    own = found.labels.iloc[rows].drop(columns=list(within))
    labels = [" ".join(_label(value) for value in row) for row in own.itertuples(index=False)]
    weights = _weights(method, labels)
    matrix = np.array(list(weights.values())).reshape(-1, len(labels))
    used = matrix != 0.0
    missing = (used & found.missing[rows]).any(axis=1)
    compared = Margins(
        labels=pd.DataFrame({"contrast": list(weights)}),
        rows=matrix @ found.rows[rows],
        offset=matrix @ found.offset[rows],
        n_observations=np.where(used, found.n_observations[rows], fit.n_observations).min(axis=1),
        note=np.array([_first(found.note[rows][u]) for u in used], dtype=object),
        missing=missing,
    )
    table = margin_table(fit, compared, conf_level)
    n_means = int((~found.missing[rows]).sum())
    table = adjusted(table, adjust, n_means, conf_level)
    table.insert(0, "contrast", compared.labels["contrast"])
    return table


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first(notes: Array) -> str:
    """Return the gravest note: no data before anything else."""
    return min((str(note) for note in notes if note), key=lambda n: n[:2] != "no", default="")


def _weights(method: Method, labels: Sequence[str]) -> dict[str, Array]:
    unit = np.eye(len(labels))
    if method == "pairwise":
        pairs = combinations(range(len(labels)), 2)
        return {f"{labels[i]} - {labels[j]}": unit[i] - unit[j] for i, j in pairs}
    if method == "reference":
        rest = range(1, len(labels))
        return {f"{labels[i]} - {labels[0]}": unit[i] - unit[0] for i in rest}
    if isinstance(method, str):
        must = "method must be 'pairwise', 'reference' or a dict of contrasts"
        raise UsageError(must, got=f"'{method}'")
    return {name: _custom(name, weights, labels) for name, weights in method.items()}


def _custom(name: str, weights: Weights, labels: Sequence[str]) -> Array:
    if isinstance(weights, Mapping):
        named = {str(level): float(weight) for level, weight in weights.items()}
        if set(named) <= set(labels):
            return np.array([named.get(label, 0.0) for label in labels])
        got = "another level"
    elif len(weights) == len(labels):
        return np.asarray(weights, dtype=np.float64)
    else:
        got = f"{len(weights)} weights"
    must = f"The contrast '{name}' needs weights for {', '.join(labels)}"
    raise UsageError(must, got=got)
