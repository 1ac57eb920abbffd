"""Likelihood-ratio tests of nested fits, and the information criteria beside them.

A variance of zero lies on the boundary, where the statistic follows a mixture of chi-squared
distributions (Self & Liang 1987, J. Am. Stat. Assoc. 82, 605; Stram & Lee 1994, Biometrics 50,
1171): one more random effect on a grouping factor that had q of them gives
0.5 chi2(q) + 0.5 chi2(q + 1). Several such additions multiply as if they were independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from outcomes.errors import UsageError
from outcomes.mixed.after.tables import glance
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

Mixture = dict[int, float]
Blocks = list[frozenset[str]]

SAME = 1e-8
"""A column is in the span of others when its remainder is relatively smaller than this."""

ROUNDING = 1e-8
"""A statistic below this is zero."""


NESTED = {
    "id": {"idh", "cs", "csh", "ar1", "ar1h", "us"},
    "idh": {"csh", "ar1h", "us"},
    "cs": {"csh", "us"},
    "ar1": {"ar1h", "us"},
    "csh": {"us"},
    "ar1h": {"us"},
}
"""Kinds that each kind is a special case of, away from the boundary."""


def compare(fit: Fit, larger: Fit) -> pd.DataFrame:
    """Compare two nested fits by their likelihood.

    Parameters
    ----------
    fit, larger : Fit
        Fits to the same rows; the larger one has everything the smaller one has, and more.

    Returns
    -------
    pandas.DataFrame
        One row a fit: model, n_parameters, loglik, aic, bic, statistic, df, p_value, reference. The
        last four stand in the larger fit's row; ``df`` counts the added parameters and
        ``reference`` names the distribution the p-value is from. Where the boundary mixture has no
        closed form, it is the chi-squared distribution with ``df``, which is conservative.

    Raises
    ------
    UsageError
        The fits are to other rows or another response, are not nested, mix REML and ML, or are REML
        fits with different fixed parts, whose likelihoods cannot be compared.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> small = lmm("score ~ 1 + (1 | patient)", data, reml=False)
    >>> large = lmm("score ~ visit + (1 | patient)", data, reml=False)
    >>> compare(small, large)[["statistic", "df", "reference"]].tail(1).round(1)
       statistic   df reference
    1       26.1  1.0   chi2(1)
    """
    _require_comparable(fit, larger)
    if fit.design.formula.residual or larger.design.formula.residual:
        return _compare_residuals(fit, larger)
    mixture, closed = reference_mixture(fit, larger)
    if _parameters(larger) <= _parameters(fit):
        must = "The second fit must have more parameters than the first"
        raise UsageError(must, got="as many or fewer")
    statistic = _statistic(fit, larger)
    p_value = mixture_tail(statistic, mixture)
    return _table(fit, larger, statistic, p_value, _describe(mixture, closed))


def _parameters(fit: Fit) -> int:
    return len(fit.estimates.beta) + len(fit.estimates.theta)


def _statistic(small: Fit, large: Fit) -> float:
    return max(0.0, 2.0 * (large.loglik - small.loglik))


def _table(
    small: Fit, large: Fit, statistic: float, p_value: float, reference: str
) -> pd.DataFrame:
    both = pd.concat([glance(small), glance(large)], ignore_index=True)
    both.insert(0, "model", [small.request.formula, large.request.formula])
    return both[["model", "n_parameters", "loglik", "aic", "bic"]].assign(
        statistic=[np.nan, statistic],
        df=[np.nan, float(_parameters(large) - _parameters(small))],
        p_value=[np.nan, p_value],
        reference=["", reference],
    )


def mixture_tail(statistic: float, mixture: Mapping[int, float]) -> float:
    """Return the upper tail of a mixture of chi-squared distributions.

    Parameters
    ----------
    statistic : float, >= 0
    mixture : dict of int to float
        Weight by degrees of freedom; 0 is a point mass at zero.

    Examples
    --------
    >>> round(mixture_tail(2.71, {0: 0.5, 1: 0.5}), 2)
    0.05
    """
    if statistic <= ROUNDING:
        return 1.0
    return float(sum(w * chdtrc(df, statistic) for df, w in mixture.items() if df))


def reference_mixture(small: Fit, large: Fit) -> tuple[Mixture, bool]:
    """Return the null distribution of the statistic, and whether it is known in closed form.

    Raises
    ------
    UsageError
        The random part of the smaller fit is not within that of the larger one.
    """
    p = len(large.estimates.beta) - len(small.estimates.beta)
    mixture: Mixture = {p: 1.0}
    before, after = _random_blocks(small), _random_blocks(large)
    _require_random_nested(before, after)
    for group, blocks in after.items():
        for block in blocks:
            inside = [len(old) for old in before.get(group, []) if old <= block]
            step = _added(len(block), inside)
            if step is None:
                n_theta = len(large.estimates.theta) - len(small.estimates.theta)
                return {p + n_theta: 1.0}, False
            mixture = _convolve(mixture, step)
    return mixture, True


def _added(size: int, inside: list[int]) -> Mixture | None:
    """Return the mixture for one block of the larger fit; None where it has no closed form."""
    covariances = size * (size + 1) // 2 - sum(k * (k + 1) // 2 for k in inside)
    new = size - sum(inside)
    if new == 0:
        return {covariances: 1.0}
    if new == 1 and len(inside) <= 1:
        return {covariances - 1: 0.5, covariances: 0.5}
    return None


def _convolve(left: Mixture, right: Mixture) -> Mixture:
    total: Mixture = {}
    for (a, weight), (b, other) in product(left.items(), right.items()):
        total[a + b] = total.get(a + b, 0.0) + weight * other
    return total


def _describe(mixture: Mixture, closed: bool) -> str:
    if len(mixture) == 1:
        text = f"chi2({next(iter(mixture))})"
        return text if closed else f"{text}, conservative: a variance is on the boundary"
    return " + ".join(f"{weight:g} chi2({df})" for df, weight in sorted(mixture.items()))


def _random_blocks(fit: Fit) -> dict[str, Blocks]:
    return {
        ":".join(sorted(factor.group)): [frozenset(columns.names) for columns in factor.columns]
        for factor in fit.design.factors
    }


def _require_random_nested(before: dict[str, Blocks], after: dict[str, Blocks]) -> None:
    for group, blocks in before.items():
        for block in blocks:
            if not any(block <= other for other in after.get(group, [])):
                must = "The larger fit must hold every random effect of the smaller one"
                raise UsageError(must, got="one that it lacks", where=f"grouping factor '{group}'")


def _require_comparable(small: Fit, large: Fit) -> None:
    same_rows = small.n_observations == large.n_observations and np.array_equal(small.y, large.y)
    if not same_rows or not np.array_equal(_weights(small), _weights(large)):
        must = "Both fits must be to the same rows, response and weights"
        got = f"{small.n_observations} and {large.n_observations} rows"
        remedy = "Leave out the rows with a missing value in either formula first."
        raise UsageError(must, got=got, remedy=remedy)
    if small.request.reml != large.request.reml:
        must = "Both fits must be by ML, or both by REML"
        raise UsageError(must, got="one of each")
    if not _spans(large.X, small.X):
        must = "The larger fit's fixed part must hold that of the smaller one"
        raise UsageError(must, got="columns that it lacks")
    if small.request.reml and len(small.estimates.beta) != len(large.estimates.beta):
        must = "REML likelihoods, AIC and BIC compare only fits with the same fixed part"
        raise UsageError(must, got="different fixed parts", remedy="Fit both with reml=False.")


def _weights(fit: Fit) -> Array:
    weights = fit.design.weights
    return np.ones(fit.n_observations) if weights is None else weights


def _spans(X: Array, columns: Array) -> bool:
    Q = np.linalg.qr(X / np.linalg.norm(X, axis=0))[0]
    rest = columns / np.linalg.norm(columns, axis=0)
    rest = rest - Q @ (Q.T @ rest)
    return bool((np.linalg.norm(rest, axis=0) < SAME).all())


def _compare_residuals(small: Fit, large: Fit) -> pd.DataFrame:
    """Compare fits that differ in their residual covariance; a test only where nested."""
    df = _parameters(large) - _parameters(small)
    if not _is_nested(small, large) or df < 1:
        return _table(small, large, np.nan, np.nan, "not nested: compare AIC")
    statistic = _statistic(small, large)
    return _table(small, large, statistic, float(chdtrc(df, statistic)), f"chi2({df})")


def _is_nested(small: Fit, large: Fit) -> bool:
    inner, outer = small.design.formula, large.design.formula
    if outer.residual is None or inner.random != outer.random:
        return False
    if inner.residual is None:
        return bool(outer.residual.kind != "ou")
    if inner.residual.time != outer.residual.time:
        return False
    if inner.residual.kind == outer.residual.kind:
        return set(inner.residual.group) <= set(outer.residual.group)
    kinds = NESTED.get(inner.residual.kind, set())
    return outer.residual.kind in kinds and inner.residual.group == outer.residual.group
