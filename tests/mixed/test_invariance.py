"""What must not matter does not: order of rows, labels, origin and unit of what is measured."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import outcomes as oc

FORMULA = "y ~ x * arm + (1 + x | id) + (1 | care)"
SHIFTS = st.floats(-1e4, 1e4)
SCALES = st.floats(1e-4, 1e4)
FEW = settings(max_examples=12, deadline=None, derandomize=True)


def make():
    rng = np.random.default_rng(21)
    person = np.repeat(np.arange(30), 6)
    data = pd.DataFrame(
        {
            "id": person,
            "care": person // 5,
            "x": np.tile(np.arange(6.0), 30) + rng.uniform(0, 0.3, 180),
            "arm": np.where(person % 2, "care", "wait"),
        }
    )
    level, slope = rng.normal(size=30), 0.4 * rng.normal(size=30)
    data["y"] = 3 + 0.5 * data.x + level[person] + slope[person] * data.x
    data["y"] += 0.8 * rng.normal(size=6)[data.care] + rng.normal(size=180)
    return data


DATA = make()
FIT = oc.lmm(FORMULA, DATA)


@FEW
@given(st.integers(0, 10_000))
def test_order_of_rows(seed):
    found = oc.lmm(FORMULA, DATA.sample(frac=1, random_state=seed))
    np.testing.assert_allclose(found.loglik, FIT.loglik, rtol=1e-12)
    np.testing.assert_allclose(found.estimates.theta, FIT.estimates.theta, rtol=1e-6, atol=1e-7)
    pd.testing.assert_frame_equal(found.tidy(), FIT.tidy(), rtol=1e-6)


@FEW
@given(st.permutations(range(30)))
def test_labels_of_groups(labels):
    found = oc.lmm(FORMULA, DATA.assign(id=[f"p{labels[i]}" for i in DATA.id]))
    np.testing.assert_allclose(found.loglik, FIT.loglik, rtol=1e-12)
    ours = found.random_effects("id").set_index(["level", "term"])["estimate"]
    theirs = FIT.random_effects("id")
    keys = [
        (f"p{labels[level]}", term) for level, term in zip(theirs.level, theirs.term, strict=True)
    ]
    np.testing.assert_allclose(ours.loc[keys], theirs["estimate"], rtol=1e-5, atol=1e-6)


@FEW
@given(SHIFTS, SCALES)
def test_origin_and_unit_of_the_response(shift, scale):
    found = oc.lmm(FORMULA, DATA.assign(y=DATA.y * scale + shift))
    table, expected = found.tidy(), FIT.tidy()
    np.testing.assert_allclose(table["std_error"], expected["std_error"] * scale, rtol=1e-5)
    np.testing.assert_allclose(table["df"], expected["df"], rtol=1e-4)
    estimate = expected["estimate"] * scale + np.r_[shift, 0, 0, 0]
    tolerance = 1e-5 * table["std_error"] + 1e-11 * abs(shift)
    assert (np.abs(table["estimate"] - estimate) <= tolerance).all()
    df = len(DATA) - 4
    np.testing.assert_allclose(found.loglik, FIT.loglik - df * np.log(scale), rtol=1e-8, atol=1e-6)


@FEW
@given(SHIFTS, SCALES)
def test_origin_and_unit_of_the_slope(shift, scale):
    found = oc.lmm(FORMULA, DATA.assign(x=DATA.x * scale + shift))
    expected = FIT.tidy().set_index("term").loc[["x", "x:arm[T.wait]"]]
    table = found.tidy().set_index("term").loc[["x", "x:arm[T.wait]"]]
    np.testing.assert_allclose(table["statistic"], expected["statistic"], rtol=1e-4)
    np.testing.assert_allclose(table["df"], expected["df"], rtol=1e-3)
    np.testing.assert_allclose(found.estimates.sigma, FIT.estimates.sigma, rtol=1e-6)
    fitted, ours = FIT.augment()["fitted"], found.augment()["fitted"]
    np.testing.assert_allclose(ours, fitted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("reml", [True, False])
def test_constant_weights_change_only_sigma(reml):
    plain = oc.lmm(FORMULA, DATA, reml=reml)
    found = oc.lmm(FORMULA, DATA, reml=reml, weights=np.full(len(DATA), 4.0))
    np.testing.assert_allclose(found.loglik, plain.loglik, rtol=1e-10)
    np.testing.assert_allclose(found.estimates.sigma, 2 * plain.estimates.sigma, rtol=1e-6)
    pd.testing.assert_frame_equal(found.tidy(), plain.tidy(), rtol=1e-5)
