"""The same model fitted to many responses: power simulation, the parametric bootstrap.

The rows are visited once for all: products of the columns are those of the fit, and only products
with the responses are made anew. The searches go on side by side, each evaluation being one pass
over groups for all responses still on their way (`batched`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from outcomes.errors import FitError, OutcomesWarning
from outcomes.mixed.covariance import SINGULAR
from outcomes.mixed.fit_design import estimates_at, refit, restart
from outcomes.mixed.likelihood.deviance import (
    Evaluation,
    Objective,
    Profile,
    assess,
    evaluate,
    factors_of,
)
from outcomes.mixed.likelihood.elimination import Eliminated, eliminate
from outcomes.mixed.one_thread import one_blas_thread
from outcomes.mixed.optimise import TOLERANCE, descend, minimise
from outcomes.mixed.products.conditioning import EXACT
from outcomes.mixed.products.cross_products import CrossProducts, Stage
from outcomes.mixed.products.patterns import compress
from outcomes.mixed.products.working import Working, make_working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.record import Estimates, Fit
from outcomes.mixed.types import Array

CACHED = 262_144
"""Numbers of Z_i'W_i, over all responses, an evaluation may hold at once: a megabyte."""

CHEAPER = 8
"""How much less an element of the moments costs than one of the products they replace."""

TOGETHER = 64
"""Responses fitted at once, if the rows are few."""

CELLS = 4_000_000
"""Rows times responses held at once."""


def refit_many(fit: Fit, responses: Array) -> tuple[Estimates | None, ...]:
    """Fit the same model to other responses on the same rows, all started from the fit's optimum.

    Parameters
    ----------
    fit : Fit
    responses : array, shape (n_rows, n_responses)
        In the order of the rows used, offset included.

    Returns
    -------
    tuple of Estimates or None
        None where a response cannot be fitted, or the optimiser stopped early.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> doubled, constant = refit_many(fit, np.column_stack([2.0 * fit.y, np.ones(120)]))
    >>> (doubled.beta / fit.estimates.beta).round(6), constant
    (array([2., 2.]), None)
    """
    if fit.correlated is not None:
        return tuple(_one(fit, response) for response in responses.T)
    size = max(1, min(TOGETHER, CELLS // fit.design.n))
    found: list[Estimates | None] = []
    with one_blas_thread():
        working = make_working(fit.design, patterns=False)
        X = _root(fit.design) * fit.design.fixed.matrix[:, working.basis.kept]
        Q = solve_triangular(working.basis.R, X.T, trans=1).T
        for first in range(0, responses.shape[1], size):
            found += _together(fit, working, Q, responses[:, first : first + size])
    return tuple(found)


def _one(fit: Fit, response: Array) -> Estimates | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        try:
            again = refit(fit, response)
        except FitError:
            return None
    return again.estimates if again.optimum.converged else None


def _together(fit: Fit, working: Working, Q: Array, responses: Array) -> list[Estimates | None]:
    fitted, residuals = _residuals(fit.design, Q, responses)
    start, scale = solve_triangular(working.basis.R, fitted), np.sqrt(np.mean(residuals**2, axis=0))
    size = np.sqrt(np.mean(responses**2, axis=0))
    able = np.flatnonzero(scale > EXACT * size)
    residuals = residuals[:, able] / scale[able]
    products = _with_responses(working, fit.design, residuals)
    objective = Objective(working.products, working.blocks, fit.request.reml)
    ends = _search(objective, products, restart(fit), len(able))
    found: list[Estimates | None] = [None] * responses.shape[1]
    for i, d in enumerate(able):
        basis = replace(working.basis, start=start[:, d], scale=float(scale[d]))
        point, promised = ends[i]
        if promised > TOLERANCE or _at_a_boundary(point, objective):
            own = _of_responses(products, np.append(np.arange(Q.shape[1]), Q.shape[1] + i))
            optimum, point = minimise(replace(objective, products=own), point.theta)
            if not optimum.converged:
                continue
        with suppress(FitError):
            own_working = replace(working, basis=basis)
            found[d] = estimates_at(fit.design, own_working, fit.request.reml, point)
    return found


def _at_a_boundary(point: Evaluation, objective: Objective) -> bool:
    """Tell whether a variance is zero there: only exact second derivatives know a saddle."""
    diagonal = np.concatenate([block.is_diagonal for block in objective.blocks])
    return bool(np.abs(point.theta[diagonal]).min() < SINGULAR)


def _residuals(design: Design, Q: Array, responses: Array) -> tuple[Array, Array]:
    """Return the least-squares coefficients of Q, and the residuals, a column each."""
    offset = 0.0 if design.offset is None else design.offset[:, None]
    residuals, fitted = _root(design) * (responses - offset), np.zeros((Q.shape[1], 1))
    for _ in range(2):
        part = Q.T @ residuals
        residuals, fitted = residuals - Q @ part, fitted + part
    return fitted, residuals


def _root(design: Design) -> Array:
    return np.ones((1, 1)) if design.weights is None else np.sqrt(design.weights)[:, None]


def _with_responses(working: Working, design: Design, residuals: Array) -> CrossProducts:
    """Put the products with all responses in the place of those with one."""
    products, p = working.products, working.products.p
    columns = residuals * _root(design)

    def sums(f: int) -> Array:
        factor = design.factors[f]
        at, n = factor.codes, design.n
        by_level = sparse.csr_array((np.ones(n), (at, np.arange(n))), (factor.n_levels, n))
        Z = factor.Z @ np.linalg.inv(working.transforms[f])
        return np.array([(by_level @ (z[:, None] * columns)).T for z in Z.T])

    stages = [
        replace(stage, B=np.concatenate([stage.B[:, :p], sums(stage.factor)], axis=1))
        for stage in products.stages
    ]
    C = np.zeros((p + residuals.shape[1],) * 2)
    C[:p, :p], C[p:, p:] = products.C[:p, :p], residuals.T @ residuals
    crossed = products.crossed
    if crossed is not None:
        own = [sums(f).transpose(2, 0, 1).reshape(-1, residuals.shape[1]) for f in crossed.factors]
        crossed = replace(crossed, B=np.hstack([crossed.B[:, :p], np.vstack(own)]))
    wide = CrossProducts(tuple(stages), crossed, C, design.n)
    return compress(wide, (p + 1) // CHEAPER)


def _search(
    objective: Objective, products: CrossProducts, start: Array, n: int
) -> list[tuple[Evaluation, float]]:
    """Carry out one search a response, side by side."""
    searches = [descend(start) for _ in range(n)]
    wanted = {d: next(search) for d, search in enumerate(searches)}
    found = {}
    while wanted:
        evaluations = _evaluate(objective, products, wanted)
        for d, evaluation in zip(list(wanted), evaluations, strict=True):
            try:
                wanted[d] = searches[d].send(evaluation)
            except StopIteration as end:
                found[d] = end.value
                del wanted[d]
    return [found[d] for d in range(n)]


def _evaluate(
    objective: Objective, products: CrossProducts, thetas: dict[int, Array]
) -> list[Evaluation]:
    """Evaluate some responses, each at its own theta."""
    p, d = objective.products.p, np.array(list(thetas))
    if products.crossed is not None:
        own = [_of_responses(products, np.append(np.arange(p), p + d)) for d in thetas]
        pairs = zip(own, thetas.values(), strict=True)
        return [evaluate(replace(objective, products=part), theta) for part, theta in pairs]
    cells = sum(_cells(stage, p + 1) for stage in products.stages)
    parts = np.array_split(np.arange(len(d)), 1 + len(d) * cells // CACHED)
    tried = np.array(list(thetas.values()))
    return [
        evaluation
        for part in parts
        for evaluation in _side_by_side(objective, products, d[part], tried[part])
    ]


def _cells(stage: Stage, m: int) -> int:
    """Return the size of a stage's products with one response."""
    if stage.moments is None:
        return stage.B[:, :m].size
    return int(np.prod(stage.moments.shape[:3])) * m * m // CHEAPER


def _side_by_side(
    objective: Objective, products: CrossProducts, d: Array, thetas: Array
) -> list[Evaluation]:
    p = objective.products.p
    columns = np.vstack([np.tile(np.arange(p)[:, None], len(d)), p + d])
    lam = factors_of(thetas, objective.blocks)
    last = [np.moveaxis(part, 0, -1)[..., None] for part in lam]
    found = eliminate(_of_responses(products, columns), last)
    whole = assess(objective, thetas, lam, _responses_first(found))
    solved = whole.solved
    return [
        Evaluation(
            theta=thetas[i],
            value=whole.value[i],
            gradient=whole.gradient[i],
            metric=whole.metric[i],
            solved=Profile(solved.beta[i], solved.Phi[i], solved.rss[i], 0.0),
        )
        for i in range(len(d))
    ]


def _responses_first(found: Eliminated) -> Eliminated:
    def first(parts: Sequence[Array]) -> tuple[Array, ...]:
        return tuple(np.ascontiguousarray(np.moveaxis(part, -1, 0)) for part in parts)

    (S,) = first([found.S])
    return Eliminated(found.log_det, S, first(found.H), first(found.T), first(found.J))


def _of_responses(products: CrossProducts, columns: Array) -> CrossProducts:
    """Take the products of the fixed columns with one response, or with several side by side.

    Parameters
    ----------
    products : CrossProducts
        Of all responses.
    columns : array of int, shape (m,) or (m, n_responses)
    """

    def spread(matrix: Array) -> Array:
        if columns.ndim == 1:
            return matrix
        shape = *matrix.shape[:2], columns.shape[1], matrix.shape[2]
        return np.broadcast_to(matrix[:, :, None], shape)

    def moments(of: Array) -> Array:
        at = columns.T
        picked = of[..., at[..., :, None], at[..., None, :]]
        return np.ascontiguousarray(np.moveaxis(picked, range(3, at.ndim + 2), range(at.ndim - 1)))

    stages = tuple(
        replace(
            stage,
            A=spread(stage.A),
            B=stage.B[:, columns],
            links=tuple(replace(link, C=spread(link.C)) for link in stage.links),
            moments=None if stage.moments is None else moments(stage.moments),
        )
        for stage in products.stages
    )
    crossed = products.crossed
    if crossed is not None:
        crossed = replace(crossed, B=crossed.B[:, columns])
    C = products.C[columns[:, None], columns[None]]
    return CrossProducts(stages, crossed, C, products.n)
