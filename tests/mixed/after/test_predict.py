"""Prediction: R's fitted values, Henderson's standard errors by dense algebra, edges."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import FormulaError, UsageError
from outcomes.mixed.fit import lmm

CASES = ["clinic_two", "clinic_one", "clinic_double_bar", "sleepstudy", "nested", "therapist_zero"]
NORMAL = 1.959963984540054


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_lme4_and_henderson(reference_entries, reference_fit, name):
    entry = next(e for e in reference_entries("prediction.json") if e["name"] == name)
    fit, new = reference_fit(entry), pd.DataFrame(entry["new"])
    if name == "sleepstudy":
        new["Subject"] = new["Subject"].astype(int)
    if name == "nested":
        new["patient"] = new["patient"].astype(int)
    for random, kind in ((True, "random"), (False, "fixed")):
        confidence = fit.predict(new, random, "confidence")
        prediction = fit.predict(new, random, "prediction")
        assert_allclose(confidence["fitted"], entry[kind], rtol=1e-5)
        assert_allclose(confidence["std_error"], entry[f"{kind}_std_error"], rtol=1e-5)
        spread = (prediction["pred_high"] - prediction["pred_low"]) / (2.0 * NORMAL)
        assert_allclose(spread, entry[f"{kind}_pred_sd"], rtol=1e-5)
        assert_allclose(prediction["std_error"], confidence["std_error"])


def test_known_rows_give_the_fitted_values(clinic):
    fit = lmm(
        "improvement ~ session_count + (1 + session_count | episode_id) + (1 | therapist_id)",
        clinic,
    )
    assert_allclose(fit.predict(clinic)["fitted"], fit.augment()["fitted"], atol=1e-10)
    assert_allclose(fit.predict(clinic, random=False)["fitted"], fit.augment()["fixed_fitted"])


def test_a_categorical_of_numbers_holds_numbers():
    new = pd.DataFrame(
        {"id": np.repeat(np.arange(8), 3), "y": np.random.default_rng(1).normal(size=24)}
    )
    as_groups = new.assign(id=pd.Categorical(new["id"], range(7, -1, -1)))
    fit = lmm("y ~ 1 + (1 | id)", as_groups)
    for rows in (as_groups.head(3), new.head(3)):
        assert_allclose(fit.predict(rows)["fitted"], fit.augment()["fitted"].head(3))


def test_the_fixed_part_has_the_df_of_the_fit(clinic):
    fit = lmm("improvement ~ arm + (1 | episode_id)", clinic, df="kenward-roger")
    new = pd.DataFrame({"arm": ["massage", "usual"]})
    means = fit.emmeans("arm")
    found = fit.predict(new, random=False, interval="confidence", conf_level=0.9)
    by_margin = fit.emmeans("arm", conf_level=0.9)
    assert_allclose(found[["std_error"]], means[["std_error"]])
    assert_allclose(found["conf_low"], by_margin["conf_low"])


def test_a_missing_value_gives_no_prediction_and_keeps_the_index(clinic):
    fit = lmm("improvement ~ session_count + (1 + session_count | episode_id)", clinic)
    new = clinic.head(3).set_axis(["a", "b", "c"]).copy()
    new["session_count"] = [1.0, np.nan, 2.0]
    found = fit.predict(new, interval="prediction")
    assert list(found.index) == ["a", "b", "c"]
    assert found.isna().all(axis=1).tolist() == [False, True, False]


def test_a_missing_level_counts_as_a_new_one(clinic):
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic)
    new = pd.DataFrame({"session_count": 3, "episode_id": [None, "not seen"]})
    found = fit.predict(new, interval="confidence")
    assert_allclose(found.iloc[0], found.iloc[1])
    assert_allclose(found["fitted"], fit.predict(new, random=False)["fitted"])
    variance = fit.variance_components().variance[0]
    fixed = fit.predict(new, random=False, interval="confidence")["std_error"]
    assert_allclose(found["std_error"] ** 2, variance + fixed**2)


def test_no_rows(clinic):
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic)
    assert fit.predict(clinic.head(0)).shape == (0, 1)
    assert fit.predict(clinic.head(0), interval="confidence").shape == (0, 4)


def test_bad_requests_are_refused_by_name(clinic):
    fit = lmm("improvement ~ condition + (1 | episode_id)", clinic)
    with pytest.raises(FormulaError, match="episode_id"):
        fit.predict(clinic[["condition"]])
    with pytest.raises(FormulaError, match="levels the model has seen"):
        fit.predict(clinic.assign(condition="knee"))
    with pytest.raises(UsageError, match="numbers for text"):
        fit.predict(clinic.assign(episode_id=1))
    with pytest.raises(UsageError, match="interval must be"):
        fit.predict(clinic, interval="tolerance")


def test_offset_and_spline_of_new_rows(clinic):
    data = clinic.assign(half=clinic.baseline / 2.0)
    fit = lmm("improvement ~ bs(session_count, df=4) + offset(half) + (1 | episode_id)", data)
    part = data.iloc[[5, 40, 90]]
    assert_allclose(fit.predict(part)["fitted"], fit.augment()["fitted"].iloc[[5, 40, 90]])
