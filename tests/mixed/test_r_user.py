"""What a user of lme4, lmerTest and emmeans asks of a fit: their numbers."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import OutcomesWarning
from outcomes.mixed.fit import lmm
from outcomes.mixed.reading.expressions import natural_spline

FOLDER = Path(__file__).parents[1] / "reference" / "r_user"
TEXT = (FOLDER / "r_user.json").read_text(encoding="utf-8")
ENTRIES = [{**e, "options": e["options"] or {}} for e in json.loads(TEXT)["entries"]]
NUMBERS = {"estimate", "std_error", "df", "statistic", "conf_low", "conf_high", "p_value", "df_num"}
NUMBERS |= {"df_den", "loglik", "aic"}
ROUNDED = {"joint_tests": {"df_den": 5e-3, "statistic": 5e-4}}
"""emmeans rounds what its joint tests return."""
INTEGRATED = 1.5e-3
"""mvtnorm's own error where it integrates by chance."""


def entries(*asks):
    chosen = [entry for entry in ENTRIES if entry["ask"] in asks]
    names = [f"{e['ask']} {e['formula']} {list(e['options'].values())}" for e in chosen]
    return pytest.mark.parametrize("entry", chosen, ids=names)


def fitted(entry):
    formula = entry["formula"].replace("TRUE", "True")
    data = pd.read_csv(FOLDER / "csv" / entry["data"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        return lmm(formula, data, weights=entry["options"].get("weights"))


def assert_rows(found, entry, loose=()):
    expected = pd.DataFrame(entry["rows"])
    rounded = ROUNDED.get(entry["ask"], {})
    assert len(found) == len(expected)
    columns = sorted(NUMBERS & set(found) & set(expected))
    assert columns
    scale = expected.get("std_error", pd.Series(1.0)).astype(float).max()
    for name in columns:
        right = expected[name].astype(float)
        own = found[name].astype(float).where(np.isfinite(found[name].astype(float)))
        rtol = {"df": 1e-4, "df_den": 1e-4, "p_value": 2e-4}.get(name, 2e-5)
        atol = rounded.get(name, 1e-7 if name == "p_value" else 2e-5 * scale)
        if name in loose:
            rtol, atol = INTEGRATED, INTEGRATED * (1.0 if name == "p_value" else 2.0 * scale)
        assert_allclose(own, right, rtol=rtol, atol=atol, err_msg=name)


@entries("tidy")
def test_what_stands_inside_a_formula_means_what_it_means_in_r(entry):
    assert_rows(fitted(entry).tidy(), entry)


@entries("ns")
def test_natural_splines_are_those_of_r_at_new_places_too(entry):
    arguments = entry["formula"].removeprefix("ns(x, ").removesuffix(")").replace("TRUE", "True")
    arguments = arguments.replace("c(", "(").replace("Boundary.knots", "bounds")
    options = eval(f"dict({arguments})")
    x, state = pd.read_csv(FOLDER / "csv" / "visits.csv")["visits"], {}
    natural_spline(x, **options, _state=state)
    found = natural_spline(np.array(entry["options"]["at"]), **options, _state=state)
    assert_allclose(found, entry["rows"], rtol=1e-10, atol=1e-12)


def test_predictions_from_natural_splines_go_on_in_a_straight_line():
    data = pd.read_csv(FOLDER / "csv" / "visits.csv")
    fit = lmm("y ~ ns(visits, df=3) + (1 | id)", data)
    new = pd.DataFrame({"visits": [8.0, 9.0, 10.0, 11.0, np.nan], "id": 0})
    found = fit.predict(new, random=False)["fitted"]
    assert_allclose(np.diff(found[:4], 2), 0.0, atol=1e-10)
    assert found.isna().tolist() == [False, False, False, False, True]


@entries("anova")
def test_terms_of_several_rows_have_the_df_of_lmertest(entry):
    found = fitted(entry).anova(entry["options"]["type"])
    wanted = [row["term"].count(":") for row in entry["rows"]]
    if len(found) > len(wanted):
        found = found[found["term"].str.count(":").isin(wanted)].reset_index(drop=True)
    assert_rows(found, entry)


def test_a_slope_within_cells_is_tested_as_their_average():
    (entry,) = (entry for entry in ENTRIES if entry["ask"] == "slope")
    (expected,) = entry["rows"]
    found = fitted(entry).anova().set_index("term").loc["x"]
    assert_allclose(found["statistic"], expected["statistic"] ** 2, rtol=1e-5)
    assert_allclose(found[["df_den", "p_value"]], [expected["df"], expected["p_value"]], rtol=1e-5)


@entries("joint_tests")
def test_joint_tests(entry):
    found = fitted(entry).joint_tests(**entry["options"])
    expected = pd.DataFrame(entry["rows"])
    sort = ["term", *entry["options"].values()]
    parts = expected["term"].str.split(":").map(lambda own: ":".join(sorted(own)))
    expected = expected.assign(term=parts).sort_values(sort)
    own = found["term"].str.split(":").map(lambda own: ":".join(sorted(own)))
    found = found.assign(term=own).sort_values(sort).reset_index(drop=True)
    assert found["term"].tolist() == expected["term"].tolist()
    assert_rows(found, {**entry, "rows": expected.to_dict("records")})


@entries("drop1")
def test_terms_that_can_be_dropped(entry):
    found = fitted(entry).drop1()
    assert found["term"].tolist() == [row["term"] for row in entry["rows"]]
    assert_rows(found, entry)


@entries("ranova")
def test_random_effects_left_out_one_by_one(entry):
    found = fitted(entry).ranova()
    assert found["term"].tolist() == [row["term"] for row in entry["rows"]]
    assert_rows(found, entry)
    assert (found["p_boundary"] <= found["p_value"]).all()


@entries("emmeans")
def test_means(entry):
    options = dict(entry["options"])
    found = fitted(entry).emmeans(options.pop("factor"), **options)
    assert_rows(found, entry)


@pytest.mark.quick(34)
@entries("contrasts")
def test_contrasts(entry):
    options = dict(entry["options"])
    adjust = options["adjust"]
    found = fitted(entry).contrasts(options.pop("factor"), **options)
    assert found["contrast"].tolist() == [row["contrast"] for row in entry["rows"]]
    loose = {"mvt": {"p_value", "conf_low", "conf_high"}, "dunnettx": {"conf_low", "conf_high"}}
    assert_rows(found, entry, loose.get(adjust, ()))
