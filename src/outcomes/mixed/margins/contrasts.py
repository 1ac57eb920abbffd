"""Comparisons of marginal means, or of slopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.small_sample import normal
from outcomes.mixed.inference.testing import (
    Family,
    JointTest,
    Null,
    adjusted,
    f_tail,
    independent_rows,
    joint_test,
)
from outcomes.mixed.margins.margins import (
    NO_DATA,
    Margins,
    Names,
    back_transformed,
    logarithm,
    margin_table,
    margins,
    names_of,
    nested_pairs,
)
from outcomes.mixed.margins.reference_grid import At, reference_grid
from outcomes.mixed.reading.expressions import columns_of
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

Weights = Sequence[float] | Mapping[str, float]
Method = str | Mapping[str, Weights]
Named = dict[str, Array]

DEGREES = ("linear", "quadratic", "cubic", "quartic")
ALL_PAIRS = ("pairwise", "revpairwise")
REFERENCE = ("reference", "trt.vs.ctrl")


def _pairs(labels: Sequence[str], pairs: Iterable[tuple[int, int]]) -> Named:
    unit = np.eye(len(labels))
    return {f"{labels[i]} - {labels[j]}": unit[i] - unit[j] for i, j in pairs}


def _against(labels: Sequence[str], reference: int) -> Named:
    return _pairs(labels, [(i, reference) for i in range(len(labels)) if i != reference])


def _deviations(labels: Sequence[str], n: int) -> Named:
    """Return each level minus the mean of all (of ``n``), or of all others."""
    k = len(labels)
    rows = (np.eye(k) - 1.0 / k) * (k / n)
    return {f"{label} effect": row for label, row in zip(labels, rows, strict=True)}


def _mean_change(labels: Sequence[str]) -> Named:
    k = len(labels)
    rows = [np.where(np.arange(k) >= i, 1.0 / (k - i), -1.0 / i) for i in range(1, k)]
    return {f"{labels[i]}|{labels[i + 1]}": row for i, row in enumerate(rows)}


def _helmert(labels: Sequence[str]) -> Named:
    unit = np.eye(len(labels))
    later = range(1, len(labels))
    return {f"{labels[i]} vs earlier": unit[i] - unit[:i].mean(axis=0) for i in later}


def _polynomial(labels: Sequence[str]) -> Named:
    """Return orthogonal polynomials in whole numbers, as emmeans makes them."""
    k = len(labels)
    powers = np.linalg.qr(np.vander(np.arange(k) - (k - 1) / 2.0, increasing=True))[0]
    found = {}
    for degree in range(1, min(k - 1, 6) + 1):
        row = powers[:, degree] * np.sign(powers[-1, degree])
        row, gap = row / row[row > 0.01].min(), 1.0
        while (gap := float(np.abs(row - np.round(row)).max())) > 0.05:
            row = row / gap
        found[DEGREES[degree - 1] if degree <= len(DEGREES) else f"degree {degree}"] = np.round(row)
    return found


METHODS: dict[str, Callable[[Sequence[str]], Named]] = {
    "pairwise": lambda own: _pairs(own, combinations(range(len(own)), 2)),
    "revpairwise": lambda own: _pairs(own, [(i, j) for i in range(len(own)) for j in range(i)]),
    "consec": lambda own: _pairs(own, [(i + 1, i) for i in range(len(own) - 1)]),
    "eff": lambda own: _deviations(own, len(own)),
    "del.eff": lambda own: _deviations(own, len(own) - 1),
    "mean_chg": _mean_change,
    "helmert": _helmert,
    "poly": _polynomial,
}
"""Contrasts by R's names for them, each made from the labels of the means."""


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
    reference: object = None,
    conf_level: float = 0.95,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
    type: str = "link",
) -> pd.DataFrame:
    """Compare marginal means, or slopes.

    Parameters
    ----------
    fit : Fit
    factor : str or list of str
        Columns whose levels are compared.
    method : str or dict
        "pairwise" or "revpairwise": each level minus each later or earlier one; "reference", in R
        trt.vs.ctrl: each level minus ``reference``; "consec": each minus the one before; "eff",
        "del.eff": each minus the mean of all, or of all others; "mean_chg": the mean of the later
        ones minus that of the earlier; "helmert": each minus the mean of the earlier; "poly":
        linear, quadratic, ... trends over equally spaced levels; or contrasts by name, each a list
        of weights in the order of the levels or a dict of weights by level.
    adjust : str
        Adjustment within each family (within each combination of ``by``), "holm" or "none" or
        another of `outcomes.mixed.inference.testing.adjusted`.
    at, weights, conf_level, null, side, delta
        As in `emmeans`.
    by : str or list of str, optional
        Compare within each combination of these columns.
    trend : str, optional
        Compare slopes of this number instead of means.
    reference : level, optional
        For method "reference"; the first level by default.
    type : {"link", "response"}
        "response": where the response is a logarithm, ratios of means instead of differences.

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
    if adjust == "tukey" and method not in ALL_PAIRS:
        must = "Tukey's adjustment is for pairwise contrasts"
        raise UsageError(must, got="another method", remedy="Use adjust='holm' or 'mvt'.")
    log, against = logarithm(fit, type), Null(null, side, delta)
    within = names_of(by)
    found = margins(fit, [*within, *names_of(factor)], at, weights, trend)
    parts = []
    for rows in families(found.labels[within]):
        own = found.labels.iloc[rows].drop(columns=within)
        labels = [" ".join(_label(value) for value in row) for row in own.itertuples(index=False)]
        compared = _compare(fit, found, rows, _weights(method, labels, reference))
        table = margin_table(fit, compared, conf_level, against)
        n_means = int((~found.missing[rows]).sum())
        table = adjusted(table, adjust, _family(fit, compared, table, n_means, conf_level, against))
        table = back_transformed(table, log[0]) if log else table
        names = compared.labels["contrast"]
        table.insert(0, "contrast", names.str.replace(" - ", " / ") if log else names)
        for position, name in enumerate(within):
            table.insert(position, name, found.labels[name].iloc[rows[0]])
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def joint_tests(
    fit: Fit, by: Names | None = None, at: At | None = None, weights: str = "equal"
) -> pd.DataFrame:
    """Test main effects and interactions of marginal means, also within levels of others.

    Parameters
    ----------
    fit : Fit
    by : str or list of str, optional
        Test within each combination of these columns.
    at, weights
        As in `emmeans`; other numbers are compared one above and one below their mean.

    Returns
    -------
    pandas.DataFrame
        The columns of ``by``, term, df_num, df_den, statistic (F), p_value, note. As emmeans has
        it, df_den are the fewest of orthogonal contrasts. Without numbers where cells are empty.

    Raises
    ------
    UsageError
        A name or option is unknown.
    """
    within, grid = names_of(by), reference_grid(fit, at)
    means = {name: v.points[0] for name, v in grid.variables.items() if not (v.levels or v.given)}
    at = {**(at or {}), **{name: [mean - 1.0, mean + 1.0] for name, mean in means.items()}}
    terms = [columns_of([structure.term]) for structure in fit.design.fixed.spec.structure]
    nests = [(inner.name, outer.name) for inner, outer in nested_pairs(fit, grid)]
    alone = {name for term in terms if len(term) == 1 for name in term}
    nests += [(n, out) for term in terms for n in term - alone for out in term & alone]
    terms += [frozenset(pair) for pair in nests]
    several = {name for name, variable in grid.variables.items() if len(variable.points) > 1}
    several = (several | {*means}) - {*within}
    names = [n for n in dict.fromkeys(n for term in terms for n in sorted(term)) if n in several]
    every = [own for size in range(1, len(names) + 1) for own in combinations(names, size)]
    parts = []
    for own in every:
        outer = list(dict.fromkeys(out for inner, out in nests if inner in own))
        if not any({*own} <= term for term in terms) or not {*outer} <= {*own, *within}:
            continue
        found = margins(fit, [*within, *own], at, weights)
        for rows in families(found.labels[within]):
            kept = rows if not outer else rows[~found.missing[rows]]
            cells = families(found.labels.iloc[kept][outer])
            inner = [name for name in own if name not in outer]
            L = [_interaction(found, kept[cell], inner) for cell in cells]
            row = {name: found.labels[name].iloc[rows[0]] for name in within}
            parts.append({**row, "term": ":".join(own), **_joint(fit, L)})
    return pd.DataFrame(parts)


def _interaction(found: Margins, rows: Array, names: Sequence[str]) -> Array | None:
    """Return consecutive differences in each name of differences in the others; None with gaps."""
    sizes = [found.labels[name].iloc[rows].nunique() for name in names]
    if found.missing[rows].any() or np.prod(sizes) != len(rows):
        return None
    differences: Array = np.ones((1, 1))
    for size in sizes:
        differences = np.kron(np.diff(np.eye(size), axis=0), differences)
    return np.asarray(differences @ found.rows[rows])


def _joint(fit: Fit, parts: Sequence[Array | None]) -> dict[str, object]:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        nothing = dict.fromkeys(("df_num", "df_den", "statistic", "p_value"), np.nan)
        return {**nothing, "note": NO_DATA + " in some cells"}
    rows = np.linalg.qr(independent_rows(fit.inference, np.vstack(known)).T)[0].T
    wald = replace(fit.inference, method=normal(fit.inference.method.covariance))
    test, df = joint_test(fit.estimates.beta, wald, rows), fit.inference.df(rows).min()
    tail = f_tail(test.statistic, len(rows), df)
    return JointTest(test.statistic, float(len(rows)), float(df), tail).row() | {"note": ""}


def families(keys: pd.DataFrame) -> list[Array]:
    """Return the rows of each combination of keys, in order of appearance."""
    if keys.empty:
        return [np.arange(len(keys))]
    number = keys.groupby(list(keys), sort=False, observed=True).ngroup().to_numpy()
    return [np.flatnonzero(number == family) for family in range(number.max() + 1)]


def _compare(fit: Fit, found: Margins, rows: Array, weights: Named) -> Margins:
    matrix = np.array(list(weights.values())).reshape(-1, len(rows))
    used = matrix != 0.0
    return Margins(
        labels=pd.DataFrame({"contrast": list(weights)}),
        rows=matrix @ found.rows[rows],
        offset=matrix @ found.offset[rows],
        n_observations=np.where(used, found.n_observations[rows], fit.n_observations).min(axis=1),
        note=np.array([_first(found.note[rows][u]) for u in used], dtype=object),
        missing=(used & found.missing[rows]).any(axis=1),
    )


def _family(
    fit: Fit, compared: Margins, table: pd.DataFrame, n_means: int, conf_level: float, null: Null
) -> Family:
    known, rows = table[~compared.missing], compared.rows[~compared.missing]
    p, t, df = (known[name].to_numpy() for name in ("p_value", "statistic", "df"))
    return Family(p, t, df, n_means, fit.inference.covariance(rows), conf_level, null)


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first(notes: Array) -> str:
    """Return the gravest note: no data before anything else."""
    return min((str(note) for note in notes if note), key=lambda n: n[:2] != "no", default="")


def _weights(method: Method, labels: Sequence[str], reference: object) -> Named:
    if len(labels) < 2 and isinstance(method, str):
        must = "A comparison needs at least two means"
        raise UsageError(must, got="one", remedy="Name a factor, or give more values in at.")
    if reference is not None and method not in REFERENCE:
        must = "reference is for method='reference'"
        raise UsageError(must, got="another method")
    if method in REFERENCE:
        label = labels[0] if reference is None else _label(reference)
        if label not in labels:
            must = f"reference must be one of {', '.join(labels)}"
            raise UsageError(must, got="another")
        return _against(labels, labels.index(label))
    if isinstance(method, Mapping) and method:
        return {name: _custom(name, weights, labels) for name, weights in method.items()}
    if not isinstance(method, str) or method not in METHODS:
        must = f"method must be 'reference', {', '.join(map(repr, METHODS))} or a dict of contrasts"
        raise UsageError(must, got=f"{method!r}")
    return METHODS[method](labels)


def _custom(name: str, weights: Weights, labels: Sequence[str]) -> Array:
    if isinstance(weights, Mapping):
        named = {_label(level): weight for level, weight in weights.items()}
        weights = [named.pop(label, 0.0) for label in labels] + list(named.values())
    must = f"The contrast '{name}' needs weights for {', '.join(labels)}, not all zero"
    try:
        row = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(must, got="what is no number") from error
    if row.shape != (len(labels),) or not np.isfinite(row).all() or not row.any():
        raise UsageError(must, got="others")
    return row
