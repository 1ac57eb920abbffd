"""Predictions from a patient's own scores: two other paths to the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from outcomes.errors import OutcomesWarning
from outcomes.mixed.after.predict import predict_given
from outcomes.mixed.fit import lmm


@pytest.fixture(scope="module", name="data")
def data_fixture() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"patient": np.repeat(range(60), 6), "visit": np.tile(range(6), 60)})
    data["day"] = data["visit"] * 7.0 + rng.integers(0, 3, len(data))
    distance = np.abs(np.subtract.outer(range(6), range(6)))
    serial = rng.normal(size=(60, 6)) @ np.linalg.cholesky(0.6**distance).T
    level, slope = rng.normal(size=(2, 60))
    data["score"] = 6 - (0.4 + 0.1 * slope[data["patient"]]) * data["visit"] + serial.ravel()
    data["score"] += level[data["patient"]]
    return data


def test_scores_the_fit_has_seen_give_what_predict_gives(data: pd.DataFrame) -> None:
    seen = data[(data["patient"] != 7) | (data["visit"] < 3)]
    fit = lmm("score ~ visit + (1 + visit | patient)", seen, df="normal")
    own = data[data["patient"] == 7].reset_index(drop=True)
    _, found = next(predict_given(fit, own, "patient", own["visit"] < 3))
    expected = fit.predict(own[3:], interval="prediction", conf_level=0.8)
    half = norm.ppf(0.9) * np.sqrt(np.diag(found.covariance))
    assert found.rows.tolist() == [3, 4, 5]
    np.testing.assert_allclose(found.mean, expected["fitted"], rtol=1e-9)
    np.testing.assert_allclose(found.mean + half, expected["pred_high"], rtol=1e-9)


@pytest.mark.parametrize("term", ["ou(day | patient)", "ar1(visit | patient)"])
def test_serial_correlation_is_used_as_the_normal_distribution_says(
    data: pd.DataFrame, term: str
) -> None:
    fit = lmm(f"score ~ visit + (1 | patient) + {term}", data, df="normal")
    parts = fit.variance_components()
    level = parts.loc[parts["group"] == "patient", "variance"].iloc[0]
    residual = parts[parts["group"] == "residual"]
    new = data[data["patient"] == 9].assign(patient="new").reset_index(drop=True)
    time = new["day" if term.startswith("ou") else "visit"].to_numpy(float)
    correlation = residual["sd_or_corr"].iloc[1] ** np.abs(np.subtract.outer(time, time))
    V = level + residual["variance"].iloc[0] * correlation
    X = np.column_stack([np.ones(6), new["visit"]])
    W = V[4:, :4] @ np.linalg.inv(V[:4, :4])
    gap = X[4:] - W @ X[:4]
    mean = gap @ fit.estimates.beta + W @ new["score"].to_numpy()[:4]
    covariance = V[4:, 4:] - W @ V[:4, 4:] + gap @ fit.vcov @ gap.T
    level_found, found = next(predict_given(fit, new, "patient", new["visit"] < 4))
    assert level_found == "new"
    np.testing.assert_allclose(found.mean, mean, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-8)


def test_a_covariance_by_visit_gives_its_own_conditional_mean(data: pd.DataFrame) -> None:
    fit = lmm("score ~ visit + us(visit | patient)", data, df="normal")
    parts = fit.variance_components()
    V = np.empty((6, 6))
    for row in parts.to_dict("records"):
        i, j = int(row["term_1"]), int(row["term_2"] or row["term_1"])
        V[i, j] = V[j, i] = row["variance"]
    own = data[data["patient"] == 0].iloc[[5, 1, 3]].reset_index(drop=True)
    at, beta = own["visit"].to_numpy(), fit.estimates.beta
    _, found = next(predict_given(fit, own, "patient", [False, True, True]))
    W = V[at[:1]][:, at[1:]] @ np.linalg.inv(V[np.ix_(at[1:], at[1:])])
    residual = own["score"].to_numpy()[1:] - beta[0] - beta[1] * at[1:]
    np.testing.assert_allclose(found.mean, beta[0] + beta[1] * at[0] + W @ residual, rtol=1e-8)


def test_a_patient_with_nothing_to_predict_is_passed_over(data: pd.DataFrame) -> None:
    fit = lmm("score ~ visit + (1 | patient)", data, df="normal")
    rows = data[data["patient"] < 2].reset_index(drop=True)
    found = dict(predict_given(fit, rows, "patient", rows["patient"] == 0))
    assert list(found) == [1]
    np.testing.assert_allclose(found[1].mean, fit.predict(rows[6:], random=False)["fitted"])


def test_a_row_that_aliased_columns_leave_open_has_no_prediction(data: pd.DataFrame) -> None:
    """The switch was on at visit 0 alone, and always: on later it says what no row has told."""
    data = data.assign(switch=(data["visit"] == 0).astype(float), first=data["visit"] == 0)
    with pytest.warns(OutcomesWarning, match="not estimated"):
        fit = lmm("score ~ visit + first + switch + (1 | patient)", data, df="normal")
    rows = data[data["patient"] < 2].assign(switch=lambda own: own["switch"]).reset_index(drop=True)
    rows.loc[4, "switch"] = 1.0  # one to come of the first patient
    rows.loc[6 + 1, "switch"] = 1.0  # one seen of the second
    with pytest.warns(OutcomesWarning, match="2 of the rows"):
        found = dict(predict_given(fit, rows, "patient", rows["visit"] < 3))
    assert np.isnan(found[0].mean).tolist() == [False, True, False]
    assert np.isnan(np.diag(found[0].covariance)).tolist() == [False, True, False]
    assert np.isnan(found[1].mean).all()
