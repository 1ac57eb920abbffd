"""Many trials at once against the textbook formula, one trial at a time and V written out."""

import numpy as np
import pytest

from outcomes.planning.side_by_side import Fit, Trials, fitted

T, Q, N = 3, 2, 12


def trials(number=2, seed=3, effect=1.0):
    """Trials of 12 courses, three therapists each; some scores are missing."""
    rng = np.random.default_rng(seed)
    n = number * N
    seen = rng.random((n, T)) < 0.8
    seen[:, 0] = True
    cluster = np.repeat(np.arange(3 * number), N // 3)
    Z = np.stack([np.tile([0.0, 1, 1], (n, 1)), np.tile([0.0, 0.5, 1], (n, 1))], axis=2)
    arm = np.tile([0.0, 1.0], n // 2)
    X = np.concatenate([np.tile(np.eye(T), (n, 1, 1)), np.zeros((n, T, 1))], axis=2)
    X[:, -1, -1] = arm
    own = effect * rng.normal(size=(3 * number, Q))[cluster]
    scores = rng.normal(size=(n, T)) + rng.normal(size=(n, 1)) + np.einsum("ntq,nq->nt", Z, own)
    there = seen[..., None]
    return Trials(
        scores * seen, X * there, Z * there, seen, np.repeat(np.arange(number), N), cluster
    )


def dense(data, k, R, v):
    """REML deviance of one trial, its coefficients and their covariance, from V itself."""
    own, seen = data.trial == k, data.seen[data.trial == k].ravel()
    same = data.cluster[own][:, None] == data.cluster[own]
    Z = data.Z[own].reshape(-1, Q)
    V = np.kron(np.eye(own.sum()), R) + np.kron(same, np.ones((T, T))) * (Z * v @ Z.T)
    V, X = V[np.ix_(seen, seen)], data.X[own].reshape(-1, data.X.shape[2])[seen]
    y, inverse = data.scores[own].ravel()[seen], np.linalg.inv(V)
    XVX = X.T @ inverse @ X
    beta = np.linalg.solve(XVX, X.T @ inverse @ y)
    left = y - X @ beta
    value = np.linalg.slogdet(V)[1] + np.linalg.slogdet(XVX)[1] + left @ inverse @ left
    return value, beta, np.linalg.inv(XVX)


R = np.array([[2.0, 0.5, 0.3], [0.5, 1.5, 0.4], [0.3, 0.4, 1.8]])
V = np.array([0.4, 0.2])


def moved(data, j, by):
    """R and v with one parameter moved."""
    k = len(data.basis)
    step = by * np.eye(k + Q)[j]
    return R + np.einsum("k,kab->ab", step[:k], data.basis), V + step[k:]


def test_deviance_and_coefficients_are_those_of_the_textbook():
    data = trials()
    fit = Fit(data, np.stack([R, R]), np.stack([V, V]))
    for k in range(2):
        value, beta, covariance = dense(data, k, R, V)
        assert fit.deviance[k] == pytest.approx(value, 1e-12)
        np.testing.assert_allclose(fit.beta[k], beta, rtol=1e-10)
        np.testing.assert_allclose(fit.Phi[k], covariance, rtol=1e-10, atol=1e-14)


def test_derivatives_are_those_of_differences():
    data, h = trials(), 1e-5
    fit = Fit(data, np.stack([R, R]), np.stack([V, V]))
    for j in range(len(data.basis) + Q):
        ends = [moved(data, j, by) for by in (h, -h)]
        up, down = (Fit(data, np.stack([r, r]), np.stack([v, v])) for r, v in ends)
        slope = [(dense(data, k, *ends[0])[0] - dense(data, k, *ends[1])[0]) / (2 * h)
                 for k in range(2)]  # fmt: skip
        np.testing.assert_allclose(fit.gradient[:, j], slope, rtol=1e-6, atol=1e-6)
        curved = (up.gradient - down.gradient) / (2 * h)
        np.testing.assert_allclose(fit.hessian[:, j], curved, rtol=1e-6, atol=1e-6)


def test_the_degrees_of_freedom_are_satterthwaites():
    data, h, weights = trials(4, effect=2.0), 1e-5, np.array([0.0, 0.0, 0.0, 1.0])
    fit, ended = fitted(data)
    assert ended.all()
    k, at = len(data.basis), 0
    estimate, error, df = fit.contrast(weights)

    def variance(step):
        R = fit.R[at] + np.einsum("k,kab->ab", step[:k], data.basis)
        return dense(data, at, R, fit.v[at] + step[k:])[2][3, 3]

    steps = np.eye(k + Q) * h
    slope = np.array([variance(step) - variance(-step) for step in steps]) / (2 * h)
    spread = 2.0 * slope @ np.linalg.inv(fit.hessian[at]) @ slope
    assert (fit.v[at] > 0).all()
    assert df[at] == pytest.approx(2.0 * error[at] ** 4 / spread, 1e-5)
    assert estimate[at] == pytest.approx(fit.beta[at, 3])


def test_a_trial_is_the_same_alone_and_among_others():
    data = trials(4)
    together, _ = fitted(data)
    own = data.trial == 2
    alone, _ = fitted(
        Trials(data.scores[own], data.X[own], data.Z[own], data.seen[own],
               data.trial[own] - 2, data.cluster[own] - data.cluster[own].min())
    )  # fmt: skip
    np.testing.assert_allclose(alone.beta[0], together.beta[2], rtol=1e-9)
    np.testing.assert_allclose(alone.v[0], together.v[2], rtol=1e-6, atol=1e-9)


def test_therapists_who_do_not_differ_have_no_variance():
    """Of many trials without a difference some end at zero, where the deviance grows."""
    fit, ended = fitted(trials(20, seed=8, effect=0.0))
    zero = ended[:, None] & (fit.v == 0.0)
    assert ended.sum() >= 15
    assert zero.sum() >= 5
    assert (fit.gradient[:, -Q:][zero] >= 0.0).all()
