"""Cluster-robust inference: CR2 with its own Satterthwaite degrees of freedom.

The bias-reduced sandwich of Bell & McCaffrey (2002) with the fitted covariance V as working model
and weight (Pustejovsky & Tipton 2018, J. Bus. Econ. Stat. 36, 672). For cluster i, with the upper
Cholesky factor V_i = D'D and M = (X'V^-1X)^-1,

    A_i = D' (D (V_i - X_i M X_i') D')^(-1/2) D,    vcov = M sum_i s_i s_i' M,
    s_i = X_i' V_i^-1 A_i r_i.

For a contrast c, c'vcov c is a quadratic form whose matrix under V is diag(c'M N_i M c) - U M U',
rows of U being c'M J_i, with J_i = X_i'V_i^-1 A_i X_i and N_i = X_i'V_i^-1 A_i V_i A_i V_i^-1 X_i;
its trace and squared trace give the df. Several contrasts use Hotelling's T^2 with df by the same
moments (AHT-Z there). X is in the working basis, as for every df method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigvalsh

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import Inference
from outcomes.mixed.reading.design import group_codes
from outcomes.mixed.record import Fit, Kind
from outcomes.mixed.row_covariance import RowCovariance, is_within
from outcomes.mixed.types import Array

LEAST_DF = 1e-6
"""With fewer denominator degrees of freedom, a joint test is rounding error and none."""

HELD = 0.9
"""Least part of a contrast's variance that CR2 finds on average where the model holds: all of it,
but where a cluster fits exactly (an arm of one patient) and leaves no residual to tell from."""

MOST_ROWS = 5_000
"""Rows of the largest cluster: its covariance is a dense matrix."""

EMPTY = 1e-12
"""A direction of a cluster that the fixed part takes up entirely has no residual to adjust."""


@dataclass(frozen=True)
class ClusterRobust:
    """CR2 at one fit.

    Parameters
    ----------
    covariance : array, shape (p, p)
    model : array, shape (p, p)
        M, the covariance that the model states.
    J, N : array, shape (n_clusters, p, p)
    """

    covariance: Array
    model: Array
    J: Array
    N: Array

    def df(self, contrasts: Array) -> Array:
        """Return degrees of freedom of single contrasts, shape (k,); NaN where CR2 is biased."""
        return np.array([self._scale_and_df(row[None])[1] for row in contrasts])

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return the factor of the joint F statistic and its denominator df.

        The robust covariance of contrasts s and t is a quadratic form in the residuals, of matrix
        Q_st = diag D_st - U_s M U_t'. Contrasts are taken whose covariance is expected to be the
        identity; the spread of theirs is sum_st <Q_ss, Q_tt> + <Q_st, Q_ts>.

        Raises
        ------
        UsageError
            The clusters are too few for so many contrasts, or one of them decides a contrast alone.
        """
        scale, df = self._scale_and_df(contrasts)
        if np.isnan(df):
            must = "What a robust test is about must rest on several clusters"
            got = f"what one of {len(self.J)} clusters decides alone"
            raise UsageError(must, got=got, remedy="Leave the term out, or use smaller clusters.")
        if df < LEAST_DF:
            must = "A joint test of so many rows needs more clusters"
            got = f"{len(contrasts)} rows for {len(self.J)} clusters"
            raise UsageError(must, got=got, remedy="Test fewer at once; tidy() tests each alone.")
        return scale, df

    def _scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        q, M = len(contrasts), self.model
        half = contrasts @ M
        D, U = half @ self.N @ half.T, half @ self.J  # shapes (k, q, q) and (k, q, p)
        E = U @ M @ U.swapaxes(1, 2)  # the diagonals of U_s M U_t'
        expected = (D - E).sum(axis=0)
        if eigvalsh(expected, half @ contrasts.T)[0] < HELD:
            return np.nan, np.nan
        back = np.linalg.inv(np.linalg.cholesky(expected))
        D, E, U = back @ D @ back.T, back @ E @ back.T, back @ U
        own, taken = (np.trace(part, axis1=1, axis2=2) for part in (D, E))
        spread = own @ (own - 2.0 * taken) + np.sum(D * (D - 2.0 * E))
        MUU = M @ np.tensordot(U, U, axes=(0, 0)).transpose(0, 2, 1, 3)
        spread += np.einsum("stij,tsji->", MUU, MUU) + np.einsum("stij,stji->", MUU, MUU)
        eta = q * (q + 1) / spread
        df = eta - q + 1.0
        return float(df / eta), float(df)


def robust(fit: Kind, cluster: str) -> Kind:
    """Make every table of a fit cluster-robust.

    Protects tests of the fixed part against a wrong covariance model, variances that differ between
    clusters for instance; estimates stay as they are.

    Parameters
    ----------
    fit : Fit
    cluster : str
        A grouping factor or column whose levels are independent: every grouping factor must lie
        within it.

    Returns
    -------
    Fit
        The same fit; its ``tidy``, ``test``, ``anova``, margins and contrasts use the CR2
        covariance and its Satterthwaite degrees of freedom.

    Raises
    ------
    UsageError
        There is no such factor or column, or a grouping factor reaches across clusters.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> found = robust(lmm("score ~ visit + (1 | patient)", data), "patient").tidy()
    >>> found[["term", "std_error", "df"]].round(2)
            term  std_error    df
    0  Intercept       0.18  19.0
    1      visit       0.05  19.0
    """
    codes, _ = fit.groups(cluster)
    across = [factor.name for factor in fit.design.factors if not is_within(factor, codes)]
    residual = fit.design.formula.residual
    if residual is not None:
        patients, levels = group_codes(residual.group, fit.design.frame)
        if len(np.unique(np.column_stack([patients, codes]), axis=0)) > len(levels):
            across.append(residual.group[-1])
    if across:
        must = "Every grouping factor must lie within the clusters"
        if residual is not None:
            must = "Patients and grouping factors must lie within the clusters"
        got = f"levels of {', '.join(dict.fromkeys(across))} in several clusters"
        remedy = "Use a coarser cluster, such as the clinic."
        raise UsageError(must, got=got, where=f"cluster '{cluster}'", remedy=remedy)
    request = replace(fit.request, df=f"CR2 by {cluster}")
    return replace(fit, request=request, robust_inference=cluster_robust(fit, cluster))


def cluster_robust(fit: Fit, cluster: str) -> Inference:
    """Return the CR2 covariance of a fit's coefficients and what its df need.

    Raises
    ------
    UsageError
        There is no such factor or column, or a cluster is too large.
    """
    codes, _ = fit.groups(cluster)
    if (largest := int(np.bincount(codes).max())) > MOST_ROWS:
        must = f"CR2 is for clusters of at most {MOST_ROWS:,} rows"
        raise UsageError(must, got=f"one of {largest:,}", where=f"cluster '{cluster}'")
    found, forward = fit.rows, fit.inference.forward
    M = np.linalg.inv(forward.T @ found.X.T @ found.VX @ forward)
    order = np.argsort(codes, kind="stable")
    pieces = [
        _cluster(found, rows, forward, M)
        for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    ]
    scores = np.array([score for score, _, _ in pieces])
    method = ClusterRobust(
        covariance=M @ scores.T @ scores @ M,
        model=M,
        J=np.array([J for _, J, _ in pieces]),
        N=np.array([N for _, _, N in pieces]),
    )
    return Inference(method, forward)


def _cluster(
    found: RowCovariance, rows: Array, forward: Array, M: Array
) -> tuple[Array, Array, Array]:
    """Return the score of one cluster, J and N, in the working basis."""
    X, VX = found.X[rows] @ forward, found.VX[rows] @ forward
    V = found.covariance(rows)
    D = np.linalg.cholesky(V).T
    B = D @ (V - X @ M @ X.T) @ D.T
    values, vectors = np.linalg.eigh((B + B.T) / 2.0)
    kept = values > EMPTY * values.max(initial=0.0)
    half = D.T @ vectors[:, kept] / values[kept] ** 0.25
    AVX = half @ (half.T @ VX)
    return AVX.T @ found.residual[rows], AVX.T @ X, AVX.T @ V @ AVX
