"""The choice of a residual covariance, and the variogram that shows it."""

import numpy as np
import pandas as pd
import pytest

from outcomes.errors import FitError, UsageError
from outcomes.mixed.after.diagnostics import variogram
from outcomes.mixed.fit import MARGIN, choose_residual, lmm

TRIED = ("", "ar1(visit | episode_id)", "ou(day | episode_id)")


def test_serial_correlation_is_found(courses):
    data = courses(n=80, visits=7, level=1.0, rho=0.7)
    found = choose_residual("score ~ arm * visit + (1 | episode_id)", data, TRIED)
    assert found.table["chosen"].sum() == 1
    assert not found.table["chosen"].iloc[0]
    assert "ar1" in found.fit.request.formula
    assert "lowest AIC" in found.rule


def test_the_simpler_one_stays_without_it(courses):
    data = courses(n=80, visits=7, level=1.0, rho=0.0)
    found = choose_residual("score ~ arm * visit + (1 | episode_id)", data, TRIED)
    best = found.table["aic"].min()
    assert found.table.loc[found.table["chosen"], "residual"].iloc[0] == "independent"
    assert found.table.loc[found.table["chosen"], "aic"].iloc[0] <= best + MARGIN


def test_what_cannot_be_fitted_has_a_note(courses):
    data = courses(n=10, visits=12, missing=0.0)
    found = choose_residual(
        "score ~ visit", data, ["us(visit | episode_id)", "ar1(visit | episode_id)"]
    )
    assert "more episode_id levels than visits" in found.table["note"].iloc[0]
    assert found.table["chosen"].tolist() == [False, True]
    with pytest.raises(FitError, match="At least one"):
        choose_residual("score ~ visit", data, ["us(visit | episode_id)"])


def test_all_are_fitted_to_the_rows_that_all_of_them_know(courses):
    data = courses(n=80, visits=7, level=1.0, rho=0.5)
    data.loc[data.index[::9], "day"] = np.nan
    tried = ["", "ou(day | episode_id)"]
    found = choose_residual("score ~ arm * visit + (1 | episode_id)", data, tried)
    known = data[data["day"].notna()]
    alone = lmm("score ~ arm * visit + (1 | episode_id)", known)
    assert found.table["loglik"].iloc[0] == pytest.approx(alone.loglik, abs=1e-8)
    assert {fit.n_observations for fit in found.fits.values()} == {len(known)}


def test_variogram_by_hand():
    data = pd.DataFrame({"id": [1, 1, 1, 2, 2, 2, 3, 3, 3], "t": [0, 1, 2] * 3})
    data["y"] = [0.0, 1.0, 4.0, 1.0, 0.0, 2.0, 3.0, 1.0, 1.5]
    fit = lmm("y ~ 1 + id(t | id)", data)
    found = variogram(fit, "t", "id")
    one = [1.0, 9.0, 1.0, 4.0, 4.0, 0.25]
    two = [16.0, 1.0, 2.25]
    np.testing.assert_allclose(found["semivariance"], [np.mean(one) / 2, np.mean(two) / 2])
    assert found["n_pairs"].tolist() == [6, 3]
    assert found["distance"].tolist() == [1.0, 2.0]


def test_variogram_of_serial_correlation_rises(courses):
    data = courses(n=300, visits=8, rho=0.7, missing=0.0)
    found = variogram(lmm("score ~ visit + ar1(visit | episode_id)", data), "visit", "episode_id")
    np.testing.assert_allclose(found["correlation"].head(4), 0.7 ** np.arange(1, 5), atol=0.08)
    bins = variogram(lmm("score ~ visit + (1 | episode_id)", data), "day", "episode_id", n_bins=5)
    assert len(bins) <= 5


def test_variogram_refuses_what_it_cannot_use(courses):
    fit = lmm("score ~ visit + ar1(visit | episode_id)", courses())
    with pytest.raises(UsageError, match="numeric column"):
        variogram(fit, "arm", "episode_id")
    with pytest.raises(UsageError, match="grouping factor"):
        variogram(fit, "visit", "nobody")


def test_of_many_rows_only_what_adds_up_is_tried(courses, monkeypatch):
    data, tried = courses(n=40, visits=5, level=1.0, rho=0.0), TRIED[:2]
    few = choose_residual("score ~ visit + (1 | episode_id)", data, tried)
    monkeypatch.setattr("outcomes.mixed.fit.MANY_ROWS", 50)
    monkeypatch.setattr("outcomes.mixed.fit.PART_ROWS", 40)
    found = choose_residual("score ~ visit + (1 | episode_id)", data, tried)
    assert found.table["chosen"].tolist() == [True, False]
    must = f"A residual covariance is tried with up to 50 rows; got {found.fit.n_observations}."
    assert found.table["note"].iloc[1].startswith(must)
    assert found.fit.loglik == pytest.approx(few.fits[""].loglik, abs=1e-6)
    assert list(found.fits) == [""]
