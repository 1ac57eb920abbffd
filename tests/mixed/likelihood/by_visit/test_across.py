"""Random effects that reach across patients: each patient's few columns against whole matrices."""

import numpy as np
import pandas as pd
import pytest

from outcomes.mixed.fit import lmm
from outcomes.mixed.likelihood.by_visit.deviance import solve

pytestmark = pytest.mark.filterwarnings("ignore::outcomes.errors.OutcomesWarning")

RANDOM = "(1 | clinic) + (1 + visit | therapist)"
OU = f"score ~ visit * arm + ou(visit | arm / patient) + (1 | patient) + {RANDOM}"
US = f"score ~ visit * arm + us(visit | arm / patient) + {RANDOM}"
PEOPLE = OU.replace("(1 | patient)", "(1 | patient) + (1 | person)")
COMPACT, WHOLE, COURSES = 0.0, np.inf, None
WAYS = {"touched columns": COMPACT, "all columns": WHOLE, "course by course": COURSES}
BY_VISIT = "outcomes.mixed.likelihood.by_visit"


@pytest.fixture(scope="module")
def data():
    """Patients of two or three visits: many see one therapist, others a new one at a visit."""
    rng = np.random.default_rng(5)
    n = 80
    patient = np.repeat(np.arange(n), np.where(np.arange(n) % 5, 3, 2))
    visit = np.concatenate([np.arange(1, size + 1) for size in np.bincount(patient)])
    first = rng.integers(0, 3, n)[patient]
    switches = rng.random(len(patient)) < 0.15
    frame = pd.DataFrame(
        {
            "patient": patient,
            "person": np.where(patient < 20, patient // 2, patient),  # ten come twice
            "visit": visit,
            "arm": np.where(patient % 2, "massage", "usual"),
            "clinic": rng.integers(0, 2, n)[patient],
            "therapist": np.where(switches, rng.integers(3, 6, len(patient)), first),
        }
    )
    effects = rng.normal(size=(6, 2))[frame["therapist"]]
    frame["score"] = rng.normal(size=n)[patient] + effects[:, 0] + effects[:, 1] * visit
    frame["score"] += 0.5 * frame["clinic"] + rng.normal(size=len(frame))
    return frame


@pytest.fixture
def made(data, monkeypatch):
    """Return a maker of a fit that keeps rows in one way, and parameters beside its optimum."""

    def make(formula, slower, *, reml=True):
        monkeypatch.setattr(f"{BY_VISIT}.courses.MOST_COLUMNS", 100 * (slower is COURSES))
        monkeypatch.setattr(f"{BY_VISIT}.batches.SLOWER", slower or 0.0)
        fit = lmm(formula, data, reml=reml)
        k = fit.likelihood.n_parameters
        return fit, fit.optimum.start + 0.1 * np.cos(np.arange(k))

    return make


def dense_deviance(fit, theta, *, reml):
    """Return the deviance in the working basis by whole matrices over all rows."""
    model, rows = fit.likelihood, fit.design.frame.data
    X, y = fit.X @ np.linalg.inv(model.basis.R), model.residual
    gaps = np.abs(np.subtract.outer(rows["visit"].to_numpy(), rows["visit"].to_numpy()))
    in_arm = [(rows["arm"] == arm).to_numpy() for arm in ("massage", "usual")]
    free = model.residual_free(theta)
    V = sum(
        np.outer(own, own) * np.exp(2 * a) * np.exp(-np.exp(b) * gaps)
        for own, (a, b) in zip(in_arm, free, strict=True)
    )
    V = V * np.equal.outer(rows["patient"].to_numpy(), rows["patient"].to_numpy())
    for factor, lam in zip(fit.design.factors, model.factors(theta), strict=True):
        Z = factor.Z / np.sqrt(np.mean(factor.Z**2, axis=0)) @ lam
        V = V + np.equal.outer(factor.codes, factor.codes) * (Z @ Z.T)
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    residual = y - X @ np.linalg.solve(information, X.T @ inverse @ y)
    value = np.linalg.slogdet(V)[1] + residual @ inverse @ residual
    return value + reml * np.linalg.slogdet(information)[1]


@pytest.mark.quick(6)
@pytest.mark.parametrize("slower", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", [OU, PEOPLE], ids=["patients", "people"])
def test_deviance_and_gradient_are_those_of_whole_matrices(formula, slower, reml, made):
    fit, theta = made(formula, slower, reml=reml)
    at = solve(fit.likelihood, theta)
    assert at.value == pytest.approx(dense_deviance(fit, theta, reml=reml), rel=1e-11)
    step = 1e-5 * np.eye(len(theta))
    up, down = ([dense_deviance(fit, theta + s * d, reml=reml) for d in step] for s in (1, -1))
    wanted = np.subtract(up, down) / 2e-5
    found = at.derivatives
    np.testing.assert_allclose(found.gradient, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("formula", [OU, US], ids=["ou", "us"])
def test_all_ways_to_keep_rows_have_the_same_derivatives(formula, made):
    fits = [made(formula, way) for way in WAYS.values()]
    ours, *others = (solve(fit.likelihood, theta).derivatives for fit, theta in fits)
    for theirs in others:
        np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours.hessian, theirs.hessian, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours.slopes, theirs.slopes, rtol=1e-9, atol=1e-9)


def test_narrow_patients_are_filled_up_and_equal_ones_added_up(made):
    fit, _ = made(OU, COMPACT)
    strata = fit.likelihood.strata
    batches = [batch for stratum in strata for batch in stratum.batches]
    filled = [np.sum(batch.columns == 0, axis=1) > 1 for batch in batches]
    assert any(some.any() and not some.all() for some in filled)
    assert max(batch.W.shape[2] for batch in batches) < fit.likelihood.m
    assert sum(len(batch.W) for batch in batches) < sum(int(b.counts.sum()) for b in batches)


def test_people_who_come_once_have_no_column_and_the_exact_derivatives(made):
    fit, theta = made(PEOPLE, COMPACT)
    model = fit.likelihood
    people = [factor.name for factor in model.across].index("person")
    assert (model.lone, model.n_levels[people], model.across[people].n_levels) == (people, 10, 70)
    found, step = solve(model, theta).derivatives, 1e-5 * np.eye(len(theta))
    near = [[solve(model, theta + s * d) for d in step] for s in (1, -1)]
    slopes = [[at.derivatives.gradient for at in side] for side in near]
    np.testing.assert_allclose(found.hessian, np.subtract(*slopes) / 2e-5, rtol=1e-5, atol=1e-5)
    Phi = [[at.inverse[: model.p, : model.p] for at in side] for side in near]
    moved = -solve(model, theta).inverse[: model.p] @ found.slopes[:, :-1, :-1]
    moved = moved @ solve(model, theta).inverse[:, : model.p]
    np.testing.assert_allclose(moved, np.subtract(*Phi) / 2e-5, rtol=1e-4, atol=1e-6)
