"""Models of further kinds, by lme4, lmerTest, pbkrtest, emmeans, nlme and clubSandwich."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import OutcomesWarning
from outcomes.mixed.fit import lmm

FOLDER = Path(__file__).parents[1] / "reference" / "third_look"
MODELS = json.loads((FOLDER / "models.json").read_text(encoding="utf-8"))
FOUND = json.loads((FOLDER / "third_look.json").read_text(encoding="utf-8"))["entries"]
NAMES = [f"{m['formula']} {'' if m.get('reml', True) else 'ML'} {m['data']}" for m in MODELS]
TOLERANCE = {"estimate": 2e-5, "std_error": 2e-5, "df": 1e-3, "df_den": 1e-3, "p_value": 1e-3}


def fitted(model, df="satterthwaite"):
    data = pd.read_csv(FOLDER / "csv" / f"{model['data']}.csv")
    if model["data"] == "series":
        data["vis"] = data["k"].astype(str)
    options = {name: model[name] for name in ("reml", "weights") if name in model}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)  # some are singular
        return lmm(model["formula"], data, df=df, **options)


def numbers(column):
    return np.array([np.inf if v == "Inf" else np.nan if v in ("NA", None) else v for v in column])


def assert_table(own, expected, columns):
    scale = own["std_error"].max() if "std_error" in own else 1.0
    for name in columns:
        wanted = numbers(np.atleast_1d(expected[name]).tolist()).astype(float)
        atol = 1e-7 if name in ("p_value", "df", "df_den") else 1e-4 * scale
        assert_allclose(own[name], wanted, rtol=TOLERANCE.get(name, 2e-4), atol=atol, err_msg=name)


@pytest.mark.parametrize(("model", "expected"), [*zip(MODELS, FOUND, strict=True)], ids=NAMES)
def test_coefficients_variances_and_rows(model, expected):
    fit = fitted(model)
    order = np.argsort(expected["estimate"], kind="stable") if "estimate" in expected else []
    own = fit.tidy().sort_values("estimate", kind="stable")
    sorted_ = {
        name: np.atleast_1d(expected[name])[order]
        for name in ("estimate", "std_error", "df")
        if name in expected
    }
    assert_table(own, sorted_, sorted_)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-8, atol=1e-6)
    if "kr" in expected:
        table = fitted(model, "kenward-roger").tidy().loc[own.index]
        kr = {name: np.atleast_1d(values)[order] for name, values in expected["kr"].items()}
        assert_allclose(table["std_error"], kr["std_error"], rtol=1e-4)
        assert_allclose(table["df"], kr["df"], rtol=1e-2)
    if "sd_or_corr" in expected:
        spread = np.sort(fit.variance_components()["sd_or_corr"])
        wanted = np.sort(np.atleast_1d(expected["sd_or_corr"]))
        assert_allclose(spread, wanted, rtol=2e-4, atol=2e-4 * fit.estimates.sigma)
        rows = fit.residuals().head(6)
        for name in ("fitted", "leverage", "residual_pearson"):
            assert_allclose(rows[name], expected[name], atol=3e-4 * fit.estimates.sigma)


ASKED = [
    pytest.param(model, ask, rows, id=f"{name} {ask['ask']} {list(ask['options'].values())}")
    for model, found, name in zip(MODELS, FOUND, NAMES, strict=True)
    for ask, rows in zip(model.get("asks", []), found.get("asks", []), strict=True)
]


@pytest.mark.parametrize(("model", "ask", "rows"), ASKED)
def test_what_is_asked_of_a_fit(model, ask, rows):
    options = dict(ask["options"])
    fit = fitted(model, options.pop("df", "satterthwaite"))
    if "robust" in options:
        fit = fit.robust(options.pop("robust"))
    own = getattr(fit, ask["ask"])(**options)
    columns = set(rows) & set(own) - {"term"}
    assert len(columns) >= 2
    assert_table(own, rows, sorted(columns))
