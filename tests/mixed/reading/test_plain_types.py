"""What a table can be made of, and what a model makes of it: the same numbers, or a refusal."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
from pandas.testing import assert_frame_equal

import outcomes as oc
from outcomes.errors import FitError, FormulaError, UsageError
from outcomes.mixed.reading.frame import plain_table

FORMULA = "y ~ x * done + arm + I(t**2) + (1 + x | g)"


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        {
            "g": np.repeat([f"g{i:02d}" for i in range(24)], 8),
            "x": rng.normal(size=192),
            "arm": rng.choice(["p", "q", "r"], 192),
            "t": rng.integers(0, 100, 192),
            "done": rng.random(192) < 0.4,
            "w": rng.uniform(0.5, 2.0, 192),
        }
    )
    own = rng.normal(size=24).repeat(8) + 0.6 * rng.normal(size=24).repeat(8) * frame["x"]
    frame["y"] = 1 + own + 0.001 * frame["t"] ** 2 - frame["done"] + rng.normal(size=192)
    return frame


@pytest.fixture(scope="module")
def plain(data):
    return oc.lmm(FORMULA, data, weights="w")


def as_objects(frame):
    return frame.astype(object)


def with_index(frame, index):
    return frame.set_axis(index, axis=0)


DRESSES = {
    "nullable": lambda d: d.convert_dtypes(),
    "pyarrow": lambda d: d.convert_dtypes(dtype_backend="pyarrow"),
    "objects": as_objects,
    "decimals": lambda d: d.assign(x=[Decimal(repr(float(v))) for v in d.x]),
    "text by pyarrow": lambda d: d.astype({"arm": "string[pyarrow]", "g": "large_string[pyarrow]"}),
    "dictionaries of pyarrow": lambda d: d.astype(
        {"arm": pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))}
    ),
    "categories nobody has": lambda d: d.assign(
        arm=pd.Categorical(d.arm, ["o", "p", "q", "qq", "r", "s"]),
        g=pd.Categorical(d.g, [f"g{i:02d}" for i in range(40)], ordered=True),
    ),
    "categories of nullable text": lambda d: d.assign(
        arm=d.arm.astype("string").astype("category"), done=d.done.astype("category")
    ),
    "small integers": lambda d: d.astype({"t": "int8"}),
    "unsigned integers": lambda d: d.astype({"t": "uint8"}),
    "integers of 16 bits": lambda d: d.astype({"t": "uint16"}),
    "large unsigned integers": lambda d: d.astype({"t": "uint64"}),
    "sparse": lambda d: d.astype({"t": pd.SparseDtype("int64"), "x": pd.SparseDtype("float64")}),
    "a label on every row": lambda d: with_index(d, [7] * len(d)),
    "labels of two parts": lambda d: with_index(
        d, pd.MultiIndex.from_arrays([d.g, np.arange(len(d))], names=["who", "when"])
    ),
    "polars": lambda d: polars.from_pandas(d),
    "polars categories as they came": lambda d: (
        polars.from_pandas(d[::-1])
        .with_columns(polars.col("arm", "g").cast(polars.Categorical))
        .reverse()
    ),
    "columns that are no text": lambda d: (
        d.rename(columns={"y": np.str_("y")}).assign(z=1).rename(columns={"z": 3})
    ),
}


@pytest.mark.parametrize("name", DRESSES)
def test_the_same_data_in_another_dress_give_the_same_numbers(data, plain, name):
    dressed = DRESSES[name](data)
    fit = oc.lmm(FORMULA, dressed, weights="w")
    assert_frame_equal(fit.tidy(), plain.tidy(), rtol=1e-10)
    assert_frame_equal(fit.anova(), plain.anova(), rtol=1e-10)
    margins = fit.emmeans(["done", "arm"])
    assert_frame_equal(
        margins.astype({"arm": str}), plain.emmeans(["done", "arm"]).astype({"arm": str})
    )
    assert_frame_equal(fit.contrasts("arm", by="done"), plain.contrasts("arm", by="done"))
    fitted = ["fitted", "fixed_fitted", "residual"]
    np.testing.assert_allclose(fit.augment()[fitted], plain.augment()[fitted], rtol=1e-9, atol=1e-9)
    for interval in (None, "prediction"):
        found = plain.predict(dressed, interval=interval).to_numpy()
        np.testing.assert_allclose(found, plain.predict(data, interval=interval), rtol=1e-10)


def test_numbers_of_32_bits_are_calculated_with_64(data):
    small = data.astype({"x": "float32"})
    found = oc.lmm("y ~ I(x**3) + (1 | g)", small).tidy()
    assert_frame_equal(found, oc.lmm("y ~ I(x**3) + (1 | g)", small.astype({"x": float})).tidy())


@pytest.mark.parametrize("dress", ["nullable", "pyarrow", "objects", "polars"])
def test_missing_values_of_every_kind_are_counted(data, dress):
    gaps = data.astype({"x": object, "t": object, "done": object, "arm": object})
    gaps.loc[3, "x"] = None
    gaps.loc[[5, 6], "t"] = None
    gaps.loc[9, "done"] = None
    gaps.loc[11, "arm"] = None
    fit = oc.lmm(FORMULA, DRESSES[dress](gaps.convert_dtypes()))
    assert dict(fit.dropped) == {"x": 1, "t": 2, "done": 1, "arm": 1}
    expected = oc.lmm(FORMULA, data.drop(index=[3, 5, 6, 9, 11]))
    assert_frame_equal(fit.tidy(), expected.tidy(), rtol=1e-10)
    assert_frame_equal(fit.emmeans("done"), expected.emmeans("done"), rtol=1e-10)
    lost = fit.predict(gaps)["fitted"].isna()
    assert np.flatnonzero(lost).tolist() == [3, 5, 6, 9, 11]


def test_a_missing_category_has_no_prediction(data):
    fit = oc.lmm("y ~ arm + (1 | g)", data)
    new = pd.DataFrame({"arm": ["p", None, "q"], "g": "g01"})
    assert fit.predict(new)["fitted"].isna().tolist() == [False, True, False]
    assert fit.predict(new, random=False)["fitted"].isna().tolist() == [False, True, False]


def test_true_and_false_are_two_levels_as_the_words_are(data):
    words = data.assign(done=data["done"].map({True: "True", False: "False"}))
    fit, by_words = oc.lmm(FORMULA, data), oc.lmm(FORMULA, words)
    assert_frame_equal(fit.tidy(), by_words.tidy())
    assert_frame_equal(fit.contrasts("arm"), by_words.contrasts("arm"))
    assert fit.emmeans("done", at={"done": True})["done"].tolist() == [True]


def test_a_condition_is_two_levels_too(data):
    found = oc.lmm("y ~ I(x > 0) * arm + (1 | g)", data).anova()
    words = data.assign(high=np.where(data["x"] > 0, "yes", "no"))
    expected = oc.lmm("y ~ high * arm + (1 | g)", words).anova()
    np.testing.assert_allclose(found.iloc[:, 1:], expected.iloc[:, 1:])


def test_true_and_true_is_two(data):
    found = oc.lmm("y ~ I((x > 0) + (t > 50)) + I(done + (x > 1)) + (1 | g)", data).tidy()
    counts = data.assign(
        a=(data.x > 0).astype(int) + (data.t > 50), b=data.done.astype(int) + (data.x > 1)
    )
    expected = oc.lmm("y ~ a + b + (1 | g)", counts).tidy()
    np.testing.assert_allclose(found["estimate"], expected["estimate"])


def test_conditions_may_be_joined(data):
    joined = data.assign(both=(data["x"] > 0) & data["done"])
    found = oc.lmm("y ~ I((x > 0) & done) + (1 | g)", data).tidy()
    expected = oc.lmm("y ~ both + (1 | g)", joined).tidy()
    np.testing.assert_allclose(found["estimate"], expected["estimate"])


def test_a_response_of_true_and_false_is_one_and_zero(data):
    found = oc.lmm("done ~ x + (1 | g)", data.convert_dtypes()).tidy()
    assert_frame_equal(
        found, oc.lmm("done ~ x + (1 | g)", data.assign(done=data.done * 1.0)).tidy()
    )


def test_whole_numbers_do_not_wrap_around(data):
    large = data.assign(t=data["t"] * 10**9)
    found = oc.lmm("y ~ I((t / 1e9)**2) + (1 | g)", large).tidy()["estimate"]
    wide = oc.lmm("y ~ I(t**2) + (1 | g)", large).tidy()["estimate"] * [1.0, 1e18]
    np.testing.assert_allclose(wide, found, rtol=1e-9)
    np.testing.assert_allclose(found[1], oc.lmm("y ~ I(t**2) + (1 | g)", data).tidy().estimate[1])


def test_groups_that_are_numbers_dates_or_months_are_groups(data):
    expected = oc.lmm("y ~ x + (1 | g)", data).tidy()
    number = data["g"].str[1:].astype(int)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(number, unit="D")
    for group in (number, number.astype("Int64"), days, days.dt.to_period("D"), days.dt.date):
        assert_frame_equal(oc.lmm("y ~ x + (1 | g)", data.assign(g=group)).tidy(), expected)


def test_one_group_written_as_number_and_as_text_is_refused(data):
    mixed = data.assign(g=[7 if i % 2 else "7" for i in range(len(data))])
    with pytest.raises(FitError, match=r"look the same \(column 'g'\)"):
        oc.lmm("y ~ x + (1 | g)", mixed)


def test_the_given_frame_is_not_changed(data):
    small = data.astype({"t": "int8"}).convert_dtypes()
    before = small.copy()
    fit = oc.lmm(FORMULA, small)
    assert_frame_equal(small, before)
    assert_frame_equal(fit.augment()[list(small)], small)


@pytest.mark.parametrize("dress", ["x + 1j", "dates", "months"])
def test_columns_that_are_no_numbers_are_refused_by_name(data, dress):
    values = {
        "x + 1j": data["x"] + 1j,
        "dates": pd.Timestamp("2024-01-01", tz="UTC"),
        "months": pd.Period("2024-01", "M"),
    }
    with pytest.raises(FitError, match="column 'z'"):
        oc.lmm("y ~ z + (1 | g)", data.assign(z=values[dress]))
    fit = oc.lmm("y ~ x + (1 | g)", data)
    with pytest.raises(FitError, match="column 'x'"):
        fit.predict(data.assign(x=values[dress]))


def test_text_where_the_model_saw_numbers_is_refused(data):
    with pytest.raises(FormulaError, match="the other kind"):
        oc.lmm("y ~ x + (1 | g)", data).predict(data.assign(x="six"))


def test_one_and_zero_are_not_true_and_false(data):
    with pytest.raises(FormulaError, match="another level in 192 of the rows"):
        oc.lmm("y ~ done + (1 | g)", data).predict(data.assign(done=data["done"] * 1))


@pytest.mark.parametrize("new", ["x", None, {"x": [1]}, polars.LazyFrame({"x": [1]})])
def test_something_else_than_new_rows(plain, new):
    with pytest.raises(
        UsageError, match="data must be a data frame of pandas, polars or pyarrow; got"
    ):
        plain.predict(new)


def test_two_columns_of_one_name_are_refused(data):
    twice = data.rename(columns={"w": 1, "t": "1"})
    with pytest.raises(FitError, match=r"a name used twice \(column 1\)"):
        oc.lmm("y ~ x + (1 | g)", twice)


def test_a_column_called_by_a_number_is_refused_in_a_formula(data):
    numbered = data.rename(columns={"x": 1})
    with pytest.raises(FormulaError, match="name is a number must be renamed"):
        oc.lmm("y ~ `1` + (1 | g)", numbered)
    assert_frame_equal(
        oc.lmm("y ~ t + (1 | g)", numbered).tidy(), oc.lmm("y ~ t + (1 | g)", data).tidy()
    )


def test_factor_is_another_name_for_c(data):
    found = oc.lmm("y ~ factor(t // 25) + factor(arm) * x + (1 | g)", data)
    expected = oc.lmm("y ~ C(t // 25) + arm * x + (1 | g)", data)
    np.testing.assert_allclose(found.tidy()["estimate"], expected.tidy()["estimate"])
    one = oc.lmm("y ~ factor(arm) + (1 | g)", data).emmeans("arm")
    assert_frame_equal(one, oc.lmm("y ~ arm + (1 | g)", data).emmeans("arm"))


def test_a_column_that_is_the_index_is_named(data):
    with pytest.raises(FormulaError, match="reset_index"):
        oc.lmm("y ~ x + (1 | g)", data.set_index("g"))


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


def test_columns_are_known_in_any_form_of_their_letters():
    data = pd.DataFrame({"a\u0308": [1.0], "b\u00a0c": [2.0], "x\u00b2": [3.0], "x2": [4.0]})
    assert [*plain_table(data)] == ["\u00e4", "b c", "x\u00b2", "x2"]
