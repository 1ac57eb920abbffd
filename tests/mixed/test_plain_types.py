"""What pandas can hold, and what a model makes of it: the same numbers, or a refusal by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import FitError

FORMULA = "y ~ x + a + I(t**2) + (1 + x | g)"


@pytest.fixture
def data():
    rng = np.random.default_rng(8)
    groups = np.repeat([f"g{i:02d}" for i in range(24)], 8)
    frame = pd.DataFrame(
        {
            "g": groups,
            "x": rng.normal(size=192),
            "a": rng.choice(["p", "q", "r"], 192),
            "t": rng.integers(0, 100, 192),
        }
    )
    own = rng.normal(size=24).repeat(8) + 0.6 * rng.normal(size=24).repeat(8) * frame["x"]
    frame["y"] = 1 + own + 0.001 * frame["t"] ** 2 + rng.normal(size=192)
    return frame


def test_nullable_types_give_the_same_fit(data):
    expected = oc.lmm(FORMULA, data).tidy()
    pd.testing.assert_frame_equal(oc.lmm(FORMULA, data.convert_dtypes()).tidy(), expected)


def test_nullable_types_with_missing_values_are_counted(data):
    nullable = data.convert_dtypes()
    nullable.loc[3, "x"] = pd.NA
    nullable.loc[[5, 6], "t"] = pd.NA
    fit = oc.lmm(FORMULA, nullable)
    assert dict(fit.dropped) == {"x": 1, "t": 2}
    expected = oc.lmm(FORMULA, data.drop(index=[3, 5, 6])).tidy()
    pd.testing.assert_frame_equal(fit.tidy(), expected)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int32", "uint32"])
def test_small_integers_do_not_wrap_around(data, kind):
    expected = oc.lmm(FORMULA, data).tidy()
    pd.testing.assert_frame_equal(oc.lmm(FORMULA, data.astype({"t": kind})).tidy(), expected)


def test_small_integers_do_not_wrap_around_in_prediction(data):
    fit = oc.lmm(FORMULA, data)
    new = data.head(5)
    expected = fit.predict(new)["fitted"]
    found = fit.predict(new.astype({"t": "int8"}))["fitted"]
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-12)


def test_the_given_frame_is_not_changed(data):
    small = data.astype({"t": "int8"})
    before = small.copy()
    oc.lmm(FORMULA, small)
    pd.testing.assert_frame_equal(small, before)


def test_complex_numbers_are_refused(data):
    with pytest.raises(FitError, match="complex numbers"):
        oc.lmm("y ~ z + (1 | g)", data.assign(z=data["x"] + 1j))


@pytest.mark.parametrize("term", ["np.log(x)", "I(1 / (t - t))"])
def test_a_column_that_is_not_finite_is_refused_by_name(data, term):
    with pytest.raises(FitError, match="finite on every row"):
        oc.lmm(f"y ~ {term} + (1 | g)", data)


@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-7, 1e-6])
def test_a_residual_lost_in_rounding_is_refused(noise):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"g": np.repeat(range(20), 6), "t": np.tile(range(6), 20)})
    frame["y"] = rng.normal(size=20)[frame["g"]] + frame["t"] + noise * rng.normal(size=120)
    with pytest.raises(FitError, match="residual variance must be above zero"):
        oc.lmm("y ~ t + (1 | g)", frame)


def test_a_small_residual_that_keeps_its_digits_is_estimated():
    rng = np.random.default_rng(2)
    errors = rng.normal(size=120)
    frame = pd.DataFrame({"g": np.repeat(range(20), 6), "t": np.tile(range(6), 20)})
    own = rng.normal(size=20)[frame["g"]] + frame["t"]
    small = oc.lmm("y ~ t + (1 | g)", frame.assign(y=own + 1e-4 * errors))
    within = np.asarray(errors) - pd.Series(errors).groupby(frame["g"]).transform("mean")
    slope = np.polyfit(frame["t"], within, 1)
    rest = within - np.polyval(slope, frame["t"])
    expected = 1e-4 * np.sqrt((rest**2).sum() / (120 - 20 - 1))
    assert small.estimates.sigma == pytest.approx(expected, rel=1e-5)
