"""Profile-likelihood intervals: a root search on lme4's deviance, closed forms, boundaries."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from outcomes.errors import UsageError
from outcomes.mixed.fit import lmm

CASES = ["sleepstudy", "sleepstudy_double_bar", "rail", "dyestuff2", "clinic_weights"]
CROSSED = ["penicillin", pytest.param("clinic_two_factors", marks=pytest.mark.slow)]


def agrees(reference_entries, reference_fit, name, levels):
    entry = next(e for e in reference_entries("profiles.json") if e["name"] == name)
    fit = reference_fit(entry)
    for level in levels:
        rows = pd.DataFrame([row for row in entry["limits"] if row["level"] == level])
        table = fit.profile(conf_level=level)
        assert len(table) == len(rows)
        nearest = [int(np.argmin(np.abs(table["estimate"] - x))) for x in rows["estimate"]]
        assert len(set(nearest)) == len(rows)
        width = (rows["high"] - rows["low"]).to_numpy()
        for column in ("low", "high"):
            found = table[f"conf_{column}"].to_numpy()[nearest]
            assert_allclose((found - rows[column]) / width, 0.0, atol=1e-5, err_msg=str(level))


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_a_root_search_in_r(reference_entries, reference_fit, name):
    agrees(reference_entries, reference_fit, name, (0.8,) if name == "rail" else (0.95,))


@pytest.mark.parametrize("name", CROSSED)
def test_crossed_factors_agree_with_a_root_search_in_r(reference_entries, reference_fit, name):
    agrees(reference_entries, reference_fit, name, (0.95,))


def test_names_and_parts(clinic):
    fit = lmm("improvement ~ session_count + (1 + session_count | episode_id)", clinic)
    random = fit.profile("random")
    assert list(random["term"]) == [
        "sd(Intercept)",
        "sd(session_count)",
        "cor(Intercept, session_count)",
        "sd",
    ]
    assert list(random["group"]) == ["episode_id"] * 3 + ["residual"]
    assert list(fit.profile("episode_id")["term"]) == list(random["term"])[:3]
    fixed = fit.profile("fixed")
    assert list(fixed["group"]) == ["fixed", "fixed"]
    with pytest.raises(UsageError, match="which must be one of"):
        fit.profile("theta")


def test_limits_are_where_the_deviance_rises_by_the_quantile(clinic):
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic, reml=False)
    row = fit.profile("fixed", conf_level=0.9).iloc[1]
    for limit in (row.conf_low, row.conf_high):
        moved = clinic.assign(held=clinic.improvement - limit * clinic.session_count)
        held = lmm("held ~ 1 + (1 | episode_id)", moved, reml=False)
        assert_allclose(2.0 * (fit.loglik - held.loglik), chi2.ppf(0.9, 1), rtol=1e-5)


def test_a_shift_of_origin_changes_only_what_it_should(clinic):
    """With a covariate like 2020 the sd of the slope and of the residual keep their intervals."""
    fit = lmm("improvement ~ session_count + (1 + session_count | episode_id)", clinic)
    moved = clinic.assign(session_count=clinic.session_count + 2020.0)
    again = lmm("improvement ~ session_count + (1 + session_count | episode_id)", moved)
    for terms in (["sd(session_count)", "sd"],):
        a, b = (f.profile("random").set_index("term").loc[terms] for f in (fit, again))
        assert_allclose(a[["conf_low", "conf_high"]], b[["conf_low", "conf_high"]], rtol=1e-4)


def test_a_correlation_with_a_zero_variance_may_be_anything(reference_fit):
    entry = {"data": "slope_zero.csv", "factors": ["episode_id"], "weights": ""}
    formula = "improvement ~ session_count + (1 + session_count | episode_id)"
    fit = reference_fit({**entry, "formula": formula})
    table = fit.profile("random").set_index("term")
    assert table.loc["sd(session_count)", "conf_low"] == 0.0
    assert table.loc["cor(Intercept, session_count)", "conf_high"] <= 1.0
    assert table.loc["cor(Intercept, session_count)", "conf_low"] >= -1.0
