"""Models that no other oracle holds, by lme4, lmerTest, pbkrtest, emmeans and nlme."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import OutcomesWarning
from outcomes.mixed.fit import lmm

FOLDER = Path(__file__).parents[1] / "reference" / "second_look"
ENTRIES = json.loads((FOLDER / "second_look.json").read_text(encoding="utf-8"))["entries"]


@pytest.fixture(scope="module")
def visits():
    return pd.read_csv(FOLDER / "csv" / "visits.csv")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e['formula']} {e['df']} {e['weights']}")
def test_estimates_errors_df_variances_and_contrasts(visits, entry):
    options = {name: entry[name] for name in ("df", "reml", "weights")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)  # some are singular
        fit = lmm(entry["formula"], visits, **options)
    own, other = fit.tidy().sort_values("estimate"), np.argsort(entry["estimate"])
    for name, column in {"estimate": "estimate", "std_error": "std_error", "df_den": "df"}.items():
        if name in entry:
            expected = np.array(entry[name])[other]
            rtol = 1e-4 if column == "df" else 1e-5
            assert_allclose(own[column], expected, rtol=rtol, atol=1e-5 * own["std_error"].max())
    if "loglik" in entry:
        assert_allclose(fit.loglik, entry["loglik"], rtol=1e-9)
    if "sd_or_corr" in entry:
        found = fit.variance_components()["sd_or_corr"]
        assert_allclose(np.sort(found), np.sort(entry["sd_or_corr"]), rtol=1e-4, atol=1e-5)
    if "contrasts" in entry:
        found = fit.contrasts("arm", "pairwise", "tukey")
        for name, column in {"estimate": "estimate", "SE": "std_error", "df": "df"}.items():
            assert_allclose(found[column], entry["contrasts"][name], rtol=1e-4, atol=1e-6)
        assert_allclose(found["p_value"], entry["contrasts"]["p.value"], atol=1e-6)
