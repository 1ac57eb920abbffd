"""Many studies at once against the textbook formula, one study at a time and V written out."""

import numpy as np
import pytest

from outcomes.planning.side_by_side import Blocks, Fit, Models, searched, symmetric
from outcomes.planning.stacked import FINE, Fading, Stack, fading, independent, satterthwaite


def stack(number=3, seed=3, effect=1.0, pairs=2, fade=0.0):
    """Studies of 40 courses with 2 to 5 scores, patients with two, four therapists, some changed.

    `pairs` is what courses of a patient share: nothing, their level, or their slope as well.

    The course in a study, its patient and its days are the same in each; who treats and scores not.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for study in range(number):
        for course in range(40):
            n = 2 + (course + study) % 4
            days = np.cumsum(rng.integers(3, 12, n)).astype(float)
            patient = course - (course % 5 == 1) * (pairs > 0)
            who = np.where(rng.random(n) < 0.9, course % 4, rng.integers(0, 4, n))
            noise = rng.normal(size=n)
            for j in range(1, n):
                kept = np.exp(-fade * (days[j] - days[j - 1])) if fade else 0.0
                noise[j] = kept * noise[j - 1] + np.sqrt(1 - kept**2) * noise[j]
            rows = np.column_stack([np.full(n, study), np.full(n, course), np.full(n, patient),
                                    who, np.arange(n), days, noise])  # fmt: skip
            rows[:, -1] += rng.normal() + 0.3 * rng.normal() * np.arange(n) + 0.4 * np.arange(n)
            parts.append(rows)
    rows = np.concatenate(parts)
    study, course, patient, who = rows[:, :4].T.astype(int)
    time, days, y = rows[:, 4:].T
    therapists = effect * rng.normal(size=(number, 4, 2)) * [0.6, 0.2]
    own = therapists[study, who]
    y = (
        y
        + own[:, 0]
        + own[:, 1] * time
        + rng.normal(size=(number, 40))[study, patient] * (pairs > 0)
    )
    course = study * 40 + course
    gap = np.append(np.nan, np.where(np.diff(course) == 0, np.diff(days), np.nan))
    X = np.column_stack([np.ones(len(y)), time])
    own = study * 40 + patient if pairs else None
    return Stack(study, course, own, who, time, X, y, gap, pairs)


def variance(rows, k, theta, log_rate=None):
    """Columns, scores and V of one study, in the units that a search works in."""
    own = rows.study == k
    Z, across, _ = rows.random
    Z, across = Z[own], across[own]
    L = np.array([[theta[0], 0.0], [theta[1], theta[2]]])
    same = rows.course[own][:, None] == rows.course[own]
    V = same * (Z @ L @ L.T @ Z.T)
    at = 3
    if rows.patient is not None:
        alike = rows.patient[own][:, None] == rows.patient[own]
        for column, own_sd in zip(Z.T[: rows.alike], theta[at : at + rows.alike], strict=True):
            V = V + own_sd**2 * alike * np.outer(column, column)
        at += rows.alike
    sizes = np.repeat(np.square(theta[at : at + 2]), across.shape[1] // 2)
    V = V + across * sizes @ across.T
    residual = np.eye(own.sum())
    if log_rate is not None:
        days = np.nan_to_num(rows.gap[own]).cumsum()  # any origin within a course will do
        residual = same * np.exp(-np.exp(log_rate) * np.abs(days[:, None] - days))
    return rows.X[own], rows.y[own] / rows.scale[k], V + theta[-1] ** 2 * residual


def dense(X, y, V):
    """REML deviance, coefficients and their covariance."""
    inverse = np.linalg.inv(V)
    C = X.T @ inverse @ X
    beta = np.linalg.solve(C, X.T @ inverse @ y)
    left = y - X @ beta
    value = np.linalg.slogdet(V)[1] + np.linalg.slogdet(C)[1] + left @ inverse @ left
    return value, beta, np.linalg.inv(C)


def thetas(rows, seed=1):
    size = 6 + rows.alike * (rows.patient is not None)
    return np.random.default_rng(seed).uniform(0.2, 0.9, (int(rows.study[-1]) + 1, size))


@pytest.mark.parametrize("pairs", [0, 1, 2])
@pytest.mark.parametrize("fade", [None, -2.0])
def test_deviance_and_coefficients_are_those_of_the_textbook(pairs, fade):
    rows = stack(pairs=pairs)
    theta = thetas(rows)
    rate = None if fade is None else np.full(len(theta), fade) + 0.3 * np.arange(len(theta))
    fit = Fit(rows.models(rate), theta)
    for k in range(3):
        own = None if rate is None else rate[k]
        value, beta, covariance = dense(*variance(rows, k, theta[k], own))
        assert fit.deviance[k] == pytest.approx(value, 1e-10)
        np.testing.assert_allclose(fit.beta[k], beta, rtol=1e-9)
        np.testing.assert_allclose(fit.Phi[k], covariance, rtol=1e-9)


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_derivatives_are_those_of_differences(pairs):
    rows, h = stack(pairs=pairs), 1e-5
    models, theta = rows.models(), thetas(rows)
    gradient, hessian = Fit(models, theta).in_theta
    for j in range(theta.shape[1]):
        step = h * np.eye(theta.shape[1])[j]
        up, down = Fit(models, theta + step), Fit(models, theta - step)
        slope = (up.deviance - down.deviance) / (2 * h)
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-6, atol=1e-5)
        curved = (up.slope - down.slope) / (2 * h)
        np.testing.assert_allclose(hessian[:, j], curved, rtol=1e-6, atol=1e-5)


def test_derivatives_in_the_rate_are_those_of_differences():
    rows, h = stack(fade=0.1), 1e-3
    theta = np.column_stack([thetas(rows), np.full(3, -2.0)])
    last = theta.shape[1] - 1
    gradient, hessian = Fading(rows, theta, FINE).in_theta
    ends = [
            Fading(rows, theta + by * np.eye(last + 1)[last], FINE) for by in (h, -h)]  # fmt: skip
    slope = (ends[0].deviance - ends[1].deviance) / (2 * h)
    np.testing.assert_allclose(gradient[:, -1], slope, rtol=1e-4, atol=1e-5)
    curved = (ends[0].in_theta[0] - ends[1].in_theta[0]) / (2 * h)
    np.testing.assert_allclose(hessian[:, -1], curved, rtol=1e-4, atol=1e-4)


def test_the_degrees_of_freedom_are_satterthwaites():
    """The variance of the estimate is differenced in V written out."""
    rows, h = stack(effect=2.0), 1e-5
    fit, ended = searched(rows.models())
    assert ended.all()
    _, size, slope = fit.contrast(np.array([1.0, 2.0]))
    hessian = fit.in_theta[1]
    df = satterthwaite(size, slope, hessian)

    def of(theta):
        covariance = dense(*variance(rows, 1, theta))[2]
        return covariance.sum() + 2 * covariance[0, 1] + 3 * covariance[1, 1]

    k = fit.theta.shape[1]
    steps = [(of(fit.theta[1] + s) - of(fit.theta[1] - s)) / (2 * h) for s in h * np.eye(k)]
    free = np.abs(fit.theta[1]) > 1e-4
    inverse = np.linalg.inv(hessian[1][np.ix_(free, free)])
    expected = of(fit.theta[1]) ** 2 / (np.array(steps)[free] @ inverse @ np.array(steps)[free])
    assert df[1] == pytest.approx(expected, 1e-4)


def test_a_study_is_the_same_alone_and_among_others():
    rows = stack(4)
    together, _ = searched(rows.models())
    alone, _ = searched(rows.of([2]).models())
    np.testing.assert_allclose(alone.beta[0], together.beta[2], rtol=1e-9)
    np.testing.assert_allclose(alone.deviance[0], together.deviance[2], rtol=1e-12)


def test_therapists_who_do_not_differ_have_no_variance():
    fit, ended = searched(stack(20, seed=8, effect=0.0, pairs=0).models())
    assert ended.all()
    zero = np.abs(fit.theta[:, 3:5]) < 1e-6
    assert 10 <= zero.sum() < 40
    assert (fit.gradient[:, 3:5][zero] >= 0.0).all()


def test_a_serial_correlation_is_found_where_there_is_one_and_not_where_there_is_none():
    """Against a search over the rate with V written out."""
    for fade, least in ((0.08, 3), (0.0, 0)):
        rows = stack(4, pairs=0, fade=fade)
        fit, _ = searched(rows.models())
        chosen, known, theta = fading(rows, fit)
        assert known.all()
        assert least <= chosen.sum() <= least + 1
        for k in np.flatnonzero(chosen):
            at = dense(*variance(rows, k, theta[k, :-1], theta[k, -1]))[0]
            for j in range(theta.shape[1]):
                for by in (-0.01, 0.01):
                    other = theta[k] + by * np.eye(theta.shape[1])[j]
                    assert at <= dense(*variance(rows, k, other[:-1], other[-1]))[0] + 1e-9


def test_a_column_that_others_determine_is_dropped_where_they_do():
    X = np.column_stack([np.ones(8), np.arange(8) % 4, 2.0 + np.arange(8) % 4])
    X[7, 2] = 9.0
    found, dropped = independent(X, np.repeat([0, 1], 4))
    assert dropped.tolist() == [[False, False, True], [False, False, False]]
    assert (found[:4, 2] == 0.0).all()
    assert (found[4:] == X[4:]).all()


def test_occasions_with_a_free_covariance_are_those_of_the_textbook():
    """Three occasions, some not seen; therapists across courses."""
    rng = np.random.default_rng(5)
    T, n, d = 3, 12, 3
    seen = rng.random((2, n, T)) < 0.8
    W = rng.normal(size=(2, n, T, d + 2 + 1)) * seen[..., None]
    W[..., d] = seen
    B = W.transpose(2, 3, 0, 1)
    blocks = Blocks(B[:, :0], B, symmetric(T), seen.transpose(2, 0, 1))
    models = Models((blocks,), np.zeros((6, 6, 2)), seen.sum(axis=(1, 2)), np.zeros(d, int), T)
    theta = np.tile([1.2, 0.4, 0.9, 0.2, 0.3, 1.1, 0.5], (2, 1))
    fit = Fit(models, theta)
    L = np.zeros((T, T))
    L[np.triu_indices(T)[::-1]] = theta[0, :6]  # column by column
    for k in range(2):
        rows = W[k].reshape(-1, d + 3)
        V = np.kron(np.eye(n), L @ L.T) + 0.25 * rows[:, :d] @ rows[:, :d].T
        there = seen[k].ravel()
        value, beta, covariance = dense(rows[there, d:-1], rows[there, -1], V[np.ix_(there, there)])
        assert fit.deviance[k] == pytest.approx(value, 1e-10)
        np.testing.assert_allclose(fit.beta[k], beta, rtol=1e-9)
        np.testing.assert_allclose(fit.Phi[k], covariance, rtol=1e-9, atol=1e-12)
