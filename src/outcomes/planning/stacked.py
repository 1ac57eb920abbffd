"""Scores of many studies, one below the other, turned into what models side by side add up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from outcomes.mixed.inference.small_sample import generalised_inverse
from outcomes.mixed.likelihood.cross_products import indicator
from outcomes.mixed.likelihood.working import independent_columns
from outcomes.mixed.search import descend_all
from outcomes.mixed.types import Array
from outcomes.planning.side_by_side import (
    LONGEST,
    Blocks,
    Fit,
    Models,
    bordered,
    symmetric,
)

STEP = 0.05
"""Distance in the logarithm of a rate over which a deviance is differenced."""
GAIN = 4.0
"""Deviance that a serial correlation must gain to be chosen: one parameter by AIC, and 2 of AIC."""
NEAR, CLOSE = 1e-4, 1e-15
"""Promised decreases of the deviance at which a serial correlation is judged, and reported."""


def numbered(*columns: Any) -> Any:
    """Return a number from 0 for each different row of columns, in their order."""
    code = np.zeros(len(columns[0]), int)
    for column in columns:
        code = code * (int(column.max(initial=0)) + 1) + column
    return np.unique(code, return_inverse=True)[1]


def independent(X: Array, study: Any) -> tuple[Array, Any]:
    """Empty the columns that those before them determine.

    Parameters
    ----------
    X : array, shape (rows, p)
    study : array of int, shape (rows,)
        Ascending from 0.

    Returns
    -------
    array, shape (rows, p), array of bool, shape (studies, p)
        The columns, and which of them are empty only now.
    """
    found, dropped = X.copy(), np.zeros((int(study[-1]) + 1, X.shape[1]), bool)
    for k, rows in enumerate(np.split(np.arange(len(X)), np.flatnonzero(np.diff(study)) + 1)):
        used = np.flatnonzero(X[rows].any(axis=0))
        lost = np.delete(used, independent_columns(X[np.ix_(rows, used)]))
        dropped[k, lost], found[np.ix_(rows, lost)] = True, 0.0
    return found, dropped


def within(number: Any, studies: Any) -> Any:
    """Return numbers that begin anew in each study, given ascending numbers and their studies."""
    first = np.full(int(studies.max()) + 1, len(number))
    np.minimum.at(first, studies, number)
    return number - first[studies]


@dataclass(frozen=True, eq=False)
class Stack:
    """Rows of several studies with the same model, sorted by study and course (and day).

    Parameters
    ----------
    study, course, patient : array of int, shape (rows,)
        Numbers from 0; a course and a patient belong to one study. `patient` is None where courses
        are independent but for therapists.
    therapist : array of int, shape (rows,), or None
        Numbers from 0 in each study; None where they do not vary.
    slope : array, shape (rows,), or None
        What courses, patients and therapists differ in the slope of.
    X : array, shape (rows, p)
    y : array, shape (rows,)
    gap : array, shape (rows,), or None
        Days since the score before of the course; NaN at the first.
    alike : int
        What courses of a patient share: 1 their level, 2 their slope as well.
    """

    study: Any
    course: Any
    patient: Any
    therapist: Any
    slope: Array | None
    X: Array
    y: Array
    gap: Array | None = None
    alike: int = 2

    @cached_property
    def counts(self) -> Array:
        """Rows of each study."""
        return np.bincount(self.study)

    def mean(self, values: Array) -> Array:
        """Mean of each study."""
        return np.bincount(self.study, values) / self.counts

    @cached_property
    def scale(self) -> Array:
        """Standard deviation of each study's scores, the unit that a search works in."""
        return np.sqrt(self.mean((self.y - self.mean(self.y)[self.study]) ** 2))

    @cached_property
    def random(self) -> tuple[Array, Array, Any]:
        """Columns of a course, those of therapists, and the variance of each of the latter."""
        one = np.ones((len(self.y), 1))
        Z, own = one, one
        if self.slope is not None:
            centred = self.slope - self.mean(self.slope)[self.study]
            centred /= np.sqrt(self.mean(centred**2))[self.study]
            size = np.sqrt(self.mean(self.slope**2))[self.study]
            own = np.column_stack([one, self.slope / size])
            courses_alone = self.patient is None or self.alike < 2
            Z = np.column_stack([one, centred]) if courses_alone else own
        if self.therapist is None:
            return Z, np.empty((len(one), 0)), np.empty(0, int)
        who = np.eye(int(self.therapist.max()) + 1)[self.therapist]
        across = np.concatenate([who * column[:, None] for column in own.T], axis=1)
        return Z, across, np.repeat(np.arange(own.shape[1]), who.shape[1])

    @cached_property
    def W(self) -> Array:  # noqa: N802
        """All columns, therapists' first, the scores last."""
        return np.column_stack([self.random[1], self.X, self.y / self.scale[self.study]])

    @cached_property
    def layout(self) -> list[tuple[int, Any, Any, Any]]:
        """How many courses blocks have: their number, and course, place and slot of each course."""
        first = np.flatnonzero(np.diff(self.course, prepend=-1))
        study = self.study[first]
        block = np.arange(len(first)) if self.patient is None else numbered(self.patient[first])
        order = np.argsort(block, kind="stable")
        size = np.bincount(block)
        place = np.empty(len(first), int)
        place[order] = np.arange(len(first)) - np.repeat(np.cumsum(size) - size, size)
        found = []
        for c in np.unique(size):
            own = np.flatnonzero(size[block] == c)
            slot = within(numbered(study[own], block[own]), study[own])
            found.append((int(c), own, place[own], slot))
        return found

    def _gram(self, W: Array) -> Array:
        padded = np.zeros((len(self.counts), int(self.counts.max()), W.shape[1]))
        padded[self.study, within(np.arange(len(W)), self.study)] = W
        return np.asarray(padded.swapaxes(1, 2) @ padded)

    def models(self, log_rate: Array | None = None) -> Models:
        """Return what the rows add up to, residuals of a course fading at a rate where it is given.

        Parameters
        ----------
        log_rate : array, shape (studies,), optional
            Logarithm of the rate a day; rows are made independent by it.
        """
        Z, W, logs = self.random[0], self.W, np.zeros(len(self.counts))
        if log_rate is not None and self.gap is not None:
            kept = np.exp(-np.exp(log_rate)[self.study] * np.nan_to_num(self.gap))
            kept[np.isnan(self.gap)] = 0.0
            left = 1.0 - kept**2
            logs = np.asarray(np.bincount(self.study, np.log(left)))
            Z, W = (
                (M - kept[:, None] * np.roll(M, 1, axis=0)) / np.sqrt(left)[:, None] for M in (Z, W)
            )
        n, q, S = int(self.course[-1]) + 1, Z.shape[1], len(self.counts)
        by_course = indicator(self.course, n)
        A = np.array([(by_course @ (z[:, None] * Z)).T for z in Z.T])
        B = np.array([(by_course @ (z[:, None] * W)).T for z in Z.T])
        study = self.study[np.flatnonzero(np.diff(self.course, prepend=-1))]
        blocks = []
        for c, own, place, slot in self.layout:
            k = int(slot.max()) + 1
            whole, beside = np.zeros((c * q, c * q, S, k)), np.zeros((c * q, W.shape[1], S, k))
            for a in range(q):
                beside[q * place + a, :, study[own], slot] = B[a][:, own].T
                for b in range(q):
                    whole[q * place + a, q * place + b, study[own], slot] = A[a, b, own]
            basis = np.array([np.kron(np.eye(c), E) for E in symmetric(q)])
            if self.patient is not None:
                shared = [np.kron(np.ones((c, c)), np.diag(one)) for one in np.eye(q)[: self.alike]]
                basis = np.concatenate([basis, shared])
            blocks.append(Blocks(whole, beside, basis))
        C = np.moveaxis(self._gram(W), 0, -1)
        return Models(tuple(blocks), C, self.counts.astype(float), self.random[2], q, logs)

    def of(self, studies: Any) -> Stack:
        """Return some studies, given by ascending numbers."""
        rows = np.isin(self.study, studies)
        own: dict[str, Any] = {
            name: values[rows] if isinstance(values, np.ndarray) else values
            for name, values in vars(self).items() if name in self.__dataclass_fields__
        }  # fmt: skip
        for name in ("study", "course", "patient"):
            if own[name] is not None:
                own[name] = numbered(own[name])
        return Stack(**own)


OFFSETS = np.arange(-3, 4)
FIRST = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60 * STEP)
SECOND = np.array([2, -27, 270, -490, 270, -27, 2]) / (180 * STEP**2)
"""Weights of differences whose error is of the sixth order; the plain ones are `ROUGH`."""
ROUGH = (
    np.array([-1, 0, 1]) / (2 * STEP), np.array([1, -2, 1]) / STEP**2, np.array([-1, 0, 1]),
)  # fmt: skip
FINE = (FIRST, SECOND, OFFSETS)


class Fading:
    """Studies whose residuals fade with the days between scores, at their parameters.

    Parameters
    ----------
    stack : Stack
    theta : array, shape (studies, k + 1)
        As of `Fit`, and the logarithm of the rate.
    weights : tuple of array
        Of the first and of the second difference, and where they are taken.
    """

    def __init__(self, stack: Stack, theta: Array, weights: Any) -> None:
        self.stack, self.theta, self.weights = stack, theta, weights
        self.middle = self._at(0)

    def _at(self, offset: int) -> Fit:
        return Fit(self.stack.models(self.theta[:, -1] + offset * STEP), self.theta[:, :-1])

    @property
    def deviance(self) -> Array:
        """Of each study."""
        return np.asarray(self.middle.deviance)

    @cached_property
    def around(self) -> list[Fit]:
        """Fits at the rates of the differences."""
        return [self._at(offset) if offset else self.middle for offset in self.weights[2]]

    def first(self, values: Any) -> Array:
        """Differentiate in the logarithm of the rate."""
        found: Array = np.tensordot(self.weights[0], np.asarray(values), axes=1)
        return found

    @cached_property
    def in_theta(self) -> tuple[Array, Array]:
        """Gradient and second derivatives."""
        gradient, hessian = self.middle.in_theta
        deviances = np.array([one.deviance for one in self.around])
        last = self.first(deviances)
        beside = self.first([one.slope for one in self.around])[..., None]
        corner = np.tensordot(self.weights[1], deviances, axes=1)[:, None, None]
        return np.column_stack([gradient, last]), bordered(hessian, beside, corner)

    def contrast(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return what `Fit.contrast` does."""
        found = [one.contrast(weights) for one in self.around]
        estimate, variance, slope = self.middle.contrast(weights)
        return estimate, variance, np.column_stack([slope, self.first([v for _, v, _ in found])])


def fading(stack: Stack, fit: Fit) -> tuple[Any, Any, Array]:
    """Let residuals fade, and judge whether that is better.

    Parameters
    ----------
    stack : Stack
    fit : Fit
        Of the same rows with independent residuals.

    Returns
    -------
    chosen, known : array of bool, shape (studies,)
        Whether a fading correlation is chosen by AIC, and whether that is beyond doubt.
    theta : array, shape (studies, k + 1)
        As of `Fading`, at the optimum of those chosen.
    """
    parts: dict[tuple[Any, ...], Stack] = {}

    def walk(studies: Any, start: Array, weights: Any, enough: float) -> Any:
        def at(some: Any, theta: Array) -> Fading:
            key = tuple(studies[some])
            parts.setdefault(key, stack.of(studies[some]))
            return Fading(parts[key], theta, weights)

        return descend_all(at, start, enough, LONGEST)

    assert stack.gap is not None
    typical = np.array([np.nanmedian(stack.gap[stack.study == k]) for k in range(len(fit.theta))])
    start = np.column_stack([fit.theta, np.log(-np.log(0.3) / typical)])
    everyone = np.arange(len(start))
    theta, ended = walk(everyone, start, ROUGH, NEAR)
    gain = fit.deviance - Fading(stack, theta, ROUGH).deviance
    close = np.flatnonzero(gain > GAIN - 0.1)
    known = ended | (gain > GAIN)
    if len(close):
        theta[close], known[close] = walk(close, theta[close], FINE, CLOSE)
        gain[close] = fit.deviance[close] - Fading(stack.of(close), theta[close], FINE).deviance
    return gain > GAIN, known, theta


def satterthwaite(variance: Array, slope: Array, hessian: Array) -> Array:
    """Return the degrees of freedom of estimates, given what their variance changes by.

    Parameters
    ----------
    variance : array, shape (n,)
    slope : array, shape (n, k)
    hessian : array, shape (n, k, k)
        Of the deviance in the same parameters.
    """
    parameters = 2.0 * generalised_inverse(hessian)
    spread = np.einsum("sk,skl,sl->s", slope, parameters, slope)
    infinite = np.full_like(spread, np.inf)
    return np.asarray(np.divide(2.0 * variance**2, spread, out=infinite, where=spread > 0.0))


def estimated(point: Fit | Fading, scale: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return estimates of a combination, their errors and degrees of freedom."""
    estimate, variance, slope = point.contrast(weights)
    df = satterthwaite(variance, slope, point.in_theta[1])
    return estimate * scale, np.sqrt(variance) * scale, df
