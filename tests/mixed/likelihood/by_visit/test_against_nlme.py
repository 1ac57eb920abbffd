"""Fits with a residual covariance against nlme, dense algebra in R, and the R package mmrm."""

import json
from pathlib import Path

import numpy as np
import pytest

NLME = Path(__file__).parents[3] / "reference" / "nlme"
NAMES = (
    "fev_us", "fev_ar1", "fev_ar1h", "fev_cs", "fev_csh", "fev_intercept_ar1", "serial_five_us",
    "serial_ar1", "serial_ar1h", "serial_cs", "serial_csh", "serial_ou", "serial_intercept_ar1",
    "serial_intercept_ou", "serial_intercept_only",
)  # fmt: skip

MMRM_DF = "unstructured_reml_satterthwaite"


def matched(entry, fit, values):
    """Return R's values in the order of the fit's terms."""
    translated = [name.replace("(Intercept)", "Intercept") for name in entry["terms"]]
    factors = ("RACE", "SEX", "ARMCD", "AVISIT", "arm")
    ours = [
        ":".join(
            next((f + part[len(f) + 3 : -1] for f in factors if part.startswith(f + "[T.")), part)
            for part in term.split(":")
        )
        for term in fit.estimates.terms
    ]
    return np.array([values[translated.index(name)] for name in ours], dtype=float)


def test_every_entry_is_tested(nlme_entries):
    assert set(nlme_entries) == set(NAMES)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("name", NAMES)
def test_likelihood_estimates_and_satterthwaite(name, method, nlme_entries, nlme_fit):
    entry = nlme_entries[name]
    expected = entry[method]
    fit = nlme_fit(name, reml=method == "reml")
    table = fit.tidy()
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-8)
    assert fit.loglik >= expected["nlme"]["loglik"] - 1e-9
    for column, key, tolerance in (
        ("estimate", "estimate", 1e-5),
        ("std_error", "std_error", 1e-5),
        ("df", "df_satterthwaite", 1e-4),
    ):
        wanted = matched(entry, fit, expected[key])
        np.testing.assert_allclose(table[column], wanted, rtol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_kenward_roger_of_first_order(name, nlme_entries, nlme_fit):
    entry = nlme_entries[name]
    table = nlme_fit(name, df="kenward-roger").tidy()
    fit = nlme_fit(name, df="kenward-roger")
    for column, key in (("std_error", "std_error_kr_linear"), ("df", "df_kr_linear")):
        np.testing.assert_allclose(
            table[column], matched(entry, fit, entry["reml"][key]), rtol=1e-5
        )


@pytest.mark.parametrize("name", ["fev_us", "fev_csh", "fev_ar1h", "serial_five_us"])
def test_covariance_of_visits(name, nlme_entries, nlme_fit):
    expected = np.array(nlme_entries[name]["reml"]["covariance"], dtype=float)
    rows = nlme_fit(name).variance_components()
    found = np.diag(rows.loc[rows["term_2"] == "", "variance"].to_numpy())
    found[np.triu_indices(len(found), 1)] = rows.loc[rows["term_2"] != "", "variance"]
    upper = np.triu_indices(len(found))
    np.testing.assert_allclose(found[upper], expected[upper], rtol=1e-5, atol=1e-5)


def test_degrees_of_freedom_as_mmrm_prints_them(nlme_fit):
    text = (NLME / "mmrm.json").read_text(encoding="utf-8")
    printed = json.loads(text)[MMRM_DF]
    table = nlme_fit("fev_us").tidy().set_index("term")
    names = {
        "(Intercept)": "Intercept",
        "RACE Black": "RACE[T.Black or African American]",
        "RACE White": "RACE[T.White]",
        "SEX Female": "SEX[T.Female]",
        "ARMCD TRT": "ARMCD[T.TRT]",
    }
    for name, (estimate, std_error, df) in printed.items():
        first, _, visit = name.partition(":")
        ours = names.get(name) or f"AVISIT[T.{name.split()[-1]}]"
        if visit:
            ours = f"{names[first]}:AVISIT[T.{visit}]"
        row = table.loc[ours]
        assert row["estimate"] == pytest.approx(estimate, abs=2e-4)
        assert row["std_error"] == pytest.approx(std_error, rel=1e-4)
        assert row["df"] == pytest.approx(df, rel=1e-3)
