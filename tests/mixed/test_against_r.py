"""Fits against lme4, lmerTest and pbkrtest: forty shapes of model, nine public data sets."""

import json
import re
from pathlib import Path

import numpy as np
import numpy.testing as npt
import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"
# lme4 itself stops short of the optimum: the flat direction of an over-parametrised covariance
NOT_UNIQUE = "machines_double_bar_factor"
# a covariate near 2020: lme4 and lmerTest lose digits; its twin, less 2022, has the answer
NUMERICAL_DF = "clinic_year"


def entries(path):
    found = json.loads((REFERENCE / path).read_text(encoding="utf-8"))
    return found["entries"] if isinstance(found, dict) else found


MODELS = {entry["name"]: entry for entry in entries("lme4_extended/models.json")}
ANOVA = {entry["name"]: entry for entry in entries("lme4_extended/anova.json")}
TESTS = entries("lme4_extended/tests.json")["multi_row"]
PUBLIC = {entry["name"]: entry for entry in entries("lme4/lme4.json")}
BOTH = pytest.mark.parametrize("criterion", ["reml", "ml"])
EACH_MODEL = pytest.mark.parametrize("name", MODELS)


def estimates_agree(found, fit):
    """Estimates to 1e-5 of a standard error, standard errors to 1e-5, variances to 1e-4."""
    table = fit.tidy()
    std_error = np.atleast_1d(found.get("std_error", found.get("se")))
    npt.assert_allclose(fit.loglik, found["loglik"], rtol=1e-6)
    npt.assert_allclose(fit.estimates.sigma, found["sigma"], rtol=1e-4)
    npt.assert_array_less(np.abs(table["estimate"] - found["estimate"]), 1e-5 * std_error)
    npt.assert_allclose(table["std_error"], std_error, rtol=5e-5)


def variance_rows(found):
    frame = pd.DataFrame(found)
    names = {"grp": "group", "var1": "term_1", "var2": "term_2", "vcov": "variance"}
    frame = frame.rename(columns=names).reindex(columns=["group", "term_1", "term_2", "variance"])
    # R numbers the terms that share a group: Subject, Subject.1
    frame["group"] = frame["group"].str.replace(r"\.\d+$", "", regex=True)
    return alike(frame)


def alike(frame):
    """Names as both write them: the parts of a group sorted, all of it in lower case."""
    group = [":".join(sorted(name.split(":"))).lower() for name in frame["group"]]
    terms = {key: [term_in_r(t) for t in frame[key]] for key in ("term_1", "term_2")}
    return frame.assign(group=group, **terms)


def term_in_r(term):
    if not isinstance(term, str) or not term:
        return ""
    if term == "Intercept":
        return "(Intercept)"
    return re.sub(r"\[(T\.)?|\]|\s", "", term).replace("**", "^")


def variances_agree(found, fit):
    """Every variance and covariance to 1e-4, small ones to 1e-7 of the residual variance."""
    ours = alike(fit.variance_components())
    keys = ["group", "term_1", "term_2"]
    both = ours.merge(variance_rows(found), on=keys, how="outer", suffixes=("", "_r"))
    assert both[["variance", "variance_r"]].notna().all(axis=None)
    scale = float(fit.estimates.sigma**2)
    npt.assert_allclose(both["variance"], both["variance_r"], rtol=1e-4, atol=2e-6 * scale)


@EACH_MODEL
@BOTH
def test_estimates(reference_fit, name, criterion):
    entry = MODELS[name]
    fit = reference_fit(entry, reml=criterion == "reml")
    found = entry[criterion]
    estimates_agree(found, fit)
    assert fit.n_observations == found["n_observations"]
    assert list(fit.tidy()["term"]) == list(fit.estimates.terms)
    glance = fit.glance().iloc[0]
    npt.assert_allclose(glance["aic"], found["aic"], rtol=1e-6)
    npt.assert_allclose(glance["bic"], found["bic"], rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in MODELS if n not in (NOT_UNIQUE, NUMERICAL_DF)])
@BOTH
def test_covariance_of_the_random_effects(reference_fit, name, criterion):
    entry = MODELS[name]
    fit = reference_fit(entry, reml=criterion == "reml")
    found = entry[criterion]
    assert fit.is_singular == found["singular"]
    variances_agree(found["variance_components"], fit)


@pytest.mark.parametrize("name", [name for name in MODELS if name != NUMERICAL_DF])
@BOTH
def test_satterthwaite(reference_fit, name, criterion):
    entry = MODELS[name]
    table = reference_fit(entry, reml=criterion == "reml").tidy()
    npt.assert_allclose(table["df"], entry[criterion]["df_satterthwaite"], rtol=1e-3)
    npt.assert_allclose(table["p_value"], entry[criterion]["p_value"], rtol=1e-3, atol=1e-12)


def test_a_covariate_shifted_by_a_constant_keeps_the_df_of_its_slope(reference_fit):
    here = reference_fit(MODELS[NUMERICAL_DF]).tidy()["df"].to_numpy()
    there = np.asarray(MODELS["clinic_year_centred"]["reml"]["df_satterthwaite"])
    npt.assert_allclose(here[1:], there[1:], rtol=1e-3)


@pytest.mark.parametrize("name", [n for n, e in MODELS.items() if "df_kr" in e["reml"]])
def test_kenward_roger(reference_fit, name):
    found = MODELS[name]["reml"]
    table = reference_fit(MODELS[name], df="kenward-roger").tidy()
    npt.assert_allclose(table["df"], found["df_kr"], rtol=1e-3)
    npt.assert_allclose(table["std_error"], found["std_error_kr"], rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in MODELS if name != NOT_UNIQUE])
def test_random_effects(reference_fit, name):
    fit = reference_fit(MODELS[name])
    for group, found in MODELS[name]["reml"]["random_effects"].items():
        table = fit.random_effects(group)
        levels = table["level"].astype(str).str.replace(r"\s", "", regex=True)
        for row, level in enumerate(np.atleast_1d(found["levels"])):
            ours = table[levels == level]
            order = [term_in_r(t) for t in ours["term"]]
            theirs = dict(zip(found["terms"], found["values"][row], strict=True))
            scale = float(fit.estimates.sigma)
            npt.assert_allclose(
                ours["estimate"], [theirs[t] for t in order], rtol=1e-4, atol=1e-5 * scale
            )


@EACH_MODEL
def test_fitted_values(reference_fit, name):
    found = MODELS[name]["reml"]
    fit = reference_fit(MODELS[name])
    table = fit.augment().iloc[np.asarray(found["rows_used"]) - 1]
    scale = 1e-5 * fit.estimates.sigma
    npt.assert_allclose(table["fixed_fitted"], found["fixed_fitted"], rtol=1e-5, atol=scale)
    npt.assert_allclose(table["fitted"], found["fitted"], rtol=1e-5, atol=scale)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (name, key)
        for name, entry in ANOVA.items()
        for key in entry
        if key.startswith("type") and name != "clinic_empty"
    ],
)
def test_anova(reference_fit, name, key):
    kind, df = key.removeprefix("type").split("_", 1)
    found = pd.DataFrame(ANOVA[name][key])
    table = reference_fit(ANOVA[name], df=df.replace("_", "-")).anova(type=int(kind))
    assert list(table["term"]) == list(found["term"])
    npt.assert_allclose(table["df_num"], found["df_num"])
    npt.assert_allclose(table["df_den"], found["df_den"], rtol=1e-3)
    npt.assert_allclose(table["statistic"], found["statistic"], rtol=1e-4)


@pytest.mark.parametrize("entry", TESTS, ids=[f"{e['name']}-{i}" for i, e in enumerate(TESTS)])
def test_several_rows(reference_fit, entry):
    for df in ("satterthwaite", "kenward-roger"):
        key = df.replace("-", "_")
        found = entry.get(f"joint_{key}", [entry["dense_kenward_roger"]])[0]
        row = reference_fit(entry, df=df).test(np.asarray(entry["L"])).iloc[0]
        assert row["df_num"] == found["df_num"]
        npt.assert_allclose(row["df_den"], found["df_den"], rtol=1e-3)
        npt.assert_allclose(row["statistic"], found["statistic"], rtol=1e-4)
        npt.assert_allclose(row["p_value"], found["p_value"], rtol=2e-3)


@pytest.mark.parametrize("name", PUBLIC)
@BOTH
def test_public_data(reference_fit, name, criterion):
    entry, found = PUBLIC[name], PUBLIC[name][criterion]
    fit = reference_fit(entry, reml=criterion == "reml")
    estimates_agree(found, fit)
    variances_agree(found["varcorr"], fit)
    npt.assert_allclose(fit.tidy()["df"], found["df_satterthwaite"], rtol=1e-3)
    if "df_kr" in found:
        table = reference_fit(entry, df="kenward-roger").tidy()
        npt.assert_allclose(table["df"], found["df_kr"], rtol=1e-2)
        npt.assert_allclose(table["std_error"], found["se_kr"], rtol=1e-4)
