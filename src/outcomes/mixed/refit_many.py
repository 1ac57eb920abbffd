"""The same model fitted to many responses on the same rows: the bootstrap, power, rehearsal.

The rows are visited once for all: products of the columns are those of the fit, and only products
with the responses are made anew. Where these are small, the cost of a fit is that of calling its
steps, so all responses are searched at once: every array has the responses as an axis of its own
(`batched`), and a sweep evaluates each response at its own theta. Ends at a boundary or a saddle,
crossed factors and large products are searched one by one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from outcomes.errors import FitError, OutcomesWarning
from outcomes.mixed.fit_design import refit
from outcomes.mixed.likelihood.by_elimination import ByElimination, EliminationPoint
from outcomes.mixed.likelihood.cross_products import CrossProducts
from outcomes.mixed.likelihood.deviance import Evaluation, Objective, Profile, curvature, evaluate
from outcomes.mixed.likelihood.elimination import Eliminated, eliminate
from outcomes.mixed.likelihood.estimates import Curvature
from outcomes.mixed.likelihood.patterns import compress
from outcomes.mixed.likelihood.working import EXACT, Working, make_working
from outcomes.mixed.record import Kind
from outcomes.mixed.search import (
    MAX_STEPS,
    MAX_TRIES,
    NEAR,
    ROUNDING,
    TOLERANCE,
    Optimum,
    downhill,
    largest,
    minimise,
    newton_step,
    one_blas_thread,
    secant,
)
from outcomes.mixed.types import Array

CACHED = 131_072
"""Numbers that the products of the responses searched at once may hold: a megabyte."""

FEW = 8
"""Responses that are searched one by one rather than at once."""

CHEAPER = 8
"""How much less an element of the moments costs than one of the products they replace."""

TOGETHER = 64
"""Responses whose products are made at once, if the rows are few."""

CELLS = 4_000_000
"""Rows times responses held at once."""


def refit_many(fit: Kind, responses: Array) -> Iterator[Kind | None]:
    """Fit the same model to other responses on the same rows, all started from the fit's optimum.

    Parameters
    ----------
    fit : Fit
    responses : array, shape (n_rows, n_responses)
        In the order of the rows used, offset included.

    Yields
    ------
    Fit or None
        In the order of the responses. None where a response cannot be fitted, or the search stopped
        early. Nothing is warned of.

    Examples
    --------
    >>> import pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> doubled, constant = refit_many(fit, np.column_stack([2.0 * fit.y, np.ones(120)]))
    >>> (doubled.estimates.beta / fit.estimates.beta).round(6), constant
    (array([2., 2.]), None)
    """
    if not isinstance(fit.likelihood, ByElimination):
        yield from (_one(fit, response) for response in responses.T)
        return
    with one_blas_thread():
        shared = _share(fit.likelihood)
    size = max(1, min(TOGETHER, CELLS // fit.design.n))
    for first in range(0, responses.shape[1], size):
        with one_blas_thread():
            found = _fits(fit, shared, responses[:, first : first + size])
        yield from found


def _one(fit: Kind, response: Array) -> Kind | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        try:
            again = refit(fit, response)
        except FitError:
            return None
    return again.bound(type(fit)) if again.optimum.converged else None


@dataclass(frozen=True)
class Shared:
    """What fits to the same rows share.

    Parameters
    ----------
    likelihood : ByElimination
        Of the fit, groups kept one by one.
    Q : array, shape (n, p)
        Orthonormal fixed columns.
    root : array, shape (n, 1)
        Square roots of the prior weights.
    """

    likelihood: ByElimination
    Q: Array
    root: Array


def _share(likelihood: ByElimination) -> Shared:
    design = likelihood.design
    working = make_working(design, patterns=False)
    root = np.ones((1, 1)) if design.weights is None else np.sqrt(design.weights)[:, None]
    X = root * design.fixed.matrix[:, working.basis.kept]
    Q = solve_triangular(working.basis.R, X.T, trans=1).T
    return Shared(ByElimination(design, working, likelihood.reml), Q, root)


def _fits(fit: Kind, shared: Shared, responses: Array) -> list[Kind | None]:
    working, p = shared.likelihood.working, shared.Q.shape[1]
    fitted, residuals = _residuals(shared, responses)
    starts, scales = (
        solve_triangular(working.basis.R, fitted),
        np.sqrt(np.mean(residuals**2, axis=0)),
    )
    able = np.flatnonzero(scales > EXACT * np.sqrt(np.mean(responses**2, axis=0)))
    wide = _with_responses(shared, residuals[:, able] / scales[able])
    begin = fit.likelihood.near(fit.optimum.end)
    cells = sum(_cells(stage.B, stage.moments, p + 1) for stage in wide.stages)
    together = wide.crossed is None and cells * FEW <= CACHED
    found: list[Kind | None] = [None] * responses.shape[1]
    for part in np.array_split(np.arange(len(able)), 1 + len(able) * cells // CACHED):
        ends = _together(shared, wide, part, begin) if together else [None] * len(part)
        for i, end in zip(part, ends, strict=True):
            d = able[i]
            basis = replace(working.basis, start=starts[:, d], scale=float(scales[d]))
            products = of_responses(wide, np.append(np.arange(p), p + i))
            design = replace(shared.likelihood.design, y=responses[:, d])
            own = Working(basis, working.transforms, products)
            likelihood = ByElimination(design, own, fit.request.reml)
            with suppress(FitError):
                found[d] = _record(fit, likelihood, begin, end)
    return found


def _record(fit: Kind, likelihood: ByElimination, begin: Array, end: End | None) -> Kind | None:
    """Make the record of one response, after a search of its own where that is needed."""
    if end is None or not end.is_regular:
        start = begin if end is None else end.point.theta
        optimum, point = minimise(likelihood, start)
    else:
        point = EliminationPoint(**vars(end.point), likelihood=likelihood)
        optimum = end.optimum(begin)
    if not optimum.converged:
        return None
    return type(fit)(fit.request, optimum, point.estimates(), point)


def _residuals(shared: Shared, responses: Array) -> tuple[Array, Array]:
    """Return the least-squares coefficients of Q, and the residuals, a column each."""
    design, Q = shared.likelihood.design, shared.Q
    offset = 0.0 if design.offset is None else design.offset[:, None]
    residuals, fitted = shared.root * (responses - offset), np.zeros((Q.shape[1], 1))
    for _ in range(2):
        part = Q.T @ residuals
        residuals, fitted = residuals - Q @ part, fitted + part
    return fitted, residuals


def _with_responses(shared: Shared, residuals: Array) -> CrossProducts:
    """Put the products with all responses in the place of those with one."""
    design, working = shared.likelihood.design, shared.likelihood.working
    products, p = working.products, working.products.p
    columns = residuals * shared.root

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
    return compress(wide, max(1, (p + 1) // CHEAPER))


def _cells(B: Array, moments: Array | None, m: int) -> int:
    """Return the size of a stage's products with one response."""
    if moments is None:
        return B[:, :m].size
    return int(np.prod(moments.shape[:3])) * m * m // CHEAPER


@dataclass(frozen=True)
class Many(Objective):
    """The deviances of many responses at once; every array has them as its first axis."""

    def eliminate(
        self, lam: Sequence[Array], directions: Sequence[Array] | None = None
    ) -> Eliminated:
        """Eliminate all random effects, each response at its own Lambda."""

        def last(parts: Sequence[Array]) -> list[Array]:
            return [np.moveaxis(part, 0, -1)[..., None] for part in parts]

        def first(parts: Sequence[Array]) -> tuple[Array, ...]:
            return tuple(np.ascontiguousarray(np.moveaxis(part, -1, 0)) for part in parts)

        along = None if directions is None else last(directions)
        found = eliminate(self.products, last(lam), along)
        (S,) = first([found.S])
        return Eliminated(found.log_det, S, first(found.H), first(found.T), first(found.J))


@dataclass(frozen=True)
class End:
    """Where the search of one response ended.

    Parameters
    ----------
    point : Evaluation
    curvature : Curvature
        Before the last step.
    eigenvalues : array, shape (k,)
        Of the Hessian in theta.
    decrease : float
        Of the deviance, promised by the last step.
    evaluations : int
    """

    point: Evaluation
    curvature: Curvature
    eigenvalues: Array
    decrease: float
    evaluations: int

    @property
    def is_regular(self) -> bool:
        """Whether it is a minimum, reached."""
        scale = max(1.0, float(np.abs(self.eigenvalues).max()))
        return bool(self.decrease < TOLERANCE and self.eigenvalues[0] >= -1e-6 * scale)

    def optimum(self, start: Array) -> Optimum:
        """Return the record of the search."""
        return Optimum(
            start=start,
            end=self.point.theta,
            deviance=self.point.value,
            evaluations=self.evaluations,
            gradient_norm=largest(self.point.gradient),
            curvature=self.curvature,
            hessian_eigenvalues=self.eigenvalues,
            status="converged",
            message=f"a Newton step lowers the deviance by {self.decrease:.0e}",
        )


def _together(shared: Shared, wide: CrossProducts, part: Array, begin: Array) -> list[End]:
    """Search the optimum of some responses, all at once."""
    known = shared.likelihood.objective

    def objective(rows: Array) -> Many:
        columns = np.vstack([np.tile(np.arange(known.products.p)[:, None], len(rows)), rows])
        return Many(of_responses(wide, columns), known.blocks, known.reml)

    rows = known.products.p + part
    walk = Walk.begin(evaluate(objective(rows), np.tile(begin, (len(part), 1))))
    active, current = np.arange(len(part)), np.arange(len(part))
    tried = objective(rows)
    while len(active):
        if 2 * len(active) <= len(current):
            current, tried = active, objective(rows[active])
        active = walk.sweep(tried, current, active)
    return _ends(objective(rows), walk)


def _ends(objective: Many, walk: Walk) -> list[End]:
    """Take the last step with exact second derivatives."""
    point = walk.point
    found = curvature(objective, point)
    values, vectors = np.linalg.eigh(found.searched)
    step = newton_step(values, vectors, point.gradient)
    decrease = -np.sum(point.gradient * step, axis=-1) / 2.0
    better = evaluate(objective, point.theta + step)
    improved = np.abs(better.gradient).max(axis=-1) <= np.abs(point.gradient).max(axis=-1)
    _put(point, np.flatnonzero(improved), better, np.flatnonzero(improved))
    evaluations = walk.evaluations + objective.n_theta + 1
    return [
        End(
            point=_pick(point, i),
            curvature=Curvature(found.hessian[i], found.Phi[i], found.d_Phi[i], found.searched[i]),
            eigenvalues=values[i],
            decrease=float(decrease[i]),
            evaluations=int(evaluations[i]),
        )
        for i in range(len(values))
    ]


@dataclass(frozen=True)
class Walk:
    """Many searches on their way downhill: the steps of `search.descend`, in arrays.

    Parameters
    ----------
    point : Evaluation
        Where each search stands.
    last : Evaluation
        Where it stood before.
    step : array, shape (n, k)
    length : array, shape (n,)
        Share of the step that is tried.
    tries, evaluations : array of int, shape (n,)
    """

    point: Evaluation
    last: Evaluation
    step: Array
    length: Array
    tries: Array
    evaluations: Array

    @classmethod
    def begin(cls, point: Evaluation) -> Walk:
        """Make the first steps."""
        n = len(point.theta)
        step = downhill(point.metric, point.gradient)
        tries, evaluations = np.zeros(n, dtype=int), np.ones(n, dtype=int)
        return cls(point, _pick(point, np.arange(n)), step, np.ones(n), tries, evaluations)

    def sweep(self, objective: Many, current: Array, active: Array) -> Array:
        """Try a step of each active search; returns those that go on.

        Parameters
        ----------
        objective : Many
            Of the searches ``current``, which hold the active ones.
        current, active : array of int
        """
        trial = self.point.theta[current]
        inside = np.searchsorted(current, active)
        trial[inside] += self.length[active, None] * self.step[active]
        better = evaluate(objective, trial)
        self.evaluations[active] += 1
        promised = np.sum(self.point.gradient[active] * self.step[active], axis=-1)
        length, value = self.length[active], self.point.value[active]
        least = 1e-4 * length * promised + ROUNDING * np.abs(value)
        good = better.value[inside] <= value + least
        self.length[active] = np.where(good, 1.0, length / 2.0)
        self.tries[active] = np.where(good, 0, self.tries[active] + 1)
        moved = active[good]
        _put(self.last, moved, self.point, moved)
        _put(self.point, moved, better, inside[good])
        gradient = self.point.gradient[moved]
        change_of_gradient = gradient - self.last.gradient[moved]
        change_of_theta = self.point.theta[moved] - self.last.theta[moved]
        metric = secant(self.point.metric[moved], change_of_theta, change_of_gradient)
        self.step[moved] = downhill(metric, gradient)
        left = -np.sum(gradient * self.step[moved], axis=-1) / 2.0
        ended = moved[(left < NEAR) | (self.evaluations[moved] > MAX_STEPS)]
        ended = np.append(ended, active[self.tries[active] >= MAX_TRIES])
        return np.setdiff1d(active, ended)


def _pick(point: Evaluation, rows: int | Array) -> Evaluation:
    """Return a copy of the evaluation of some responses, or of one."""
    solved = Profile(**{name: values[rows] for name, values in vars(point.solved).items()})
    own = {name: values[rows] for name, values in vars(point).items() if name != "solved"}
    return Evaluation(**own, solved=solved)


def _put(into: Evaluation, rows: Array, values: Evaluation, at: Array) -> None:
    """Overwrite the evaluation of some responses by those of others."""
    for old, new in ((into, values), (into.solved, values.solved)):
        for name, array in vars(old).items():
            if name != "solved":
                array[rows] = vars(new)[name][at]


def of_responses(products: CrossProducts, columns: Array) -> CrossProducts:
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
