"""Margins, contrasts and slopes: emmeans' numbers, cells without data, options."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import OutcomesWarning, UsageError
from outcomes.mixed.fit import lmm

CUSTOM = {"low_back_vs_rest": [-0.5, 1, -0.5], "neck_minus_headache": [-1, 0, 1]}
CASES = [
    "clinic_two",
    "clinic_factors",
    "clinic_three_way",
    "clinic_empty",
    "clinic_weights",
    "machines",
    "machines_factor_slopes",
    "oats",
    "cake",
    "orthodont",
]
COLUMNS = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value")


def ours(fit, call):
    """Translate one call of R's emmeans."""
    names, by = re.search(r"~ ([\w* ]+?)(?: \| (\w+))?(?=,|\))", call).groups()
    names = [] if names == "1" else [name.strip() for name in names.split("*")]
    found = re.search(r"at = list\((\w+) = (?:c\(([^)]*)\)|(\d+))\)", call)
    at = {found[1]: [float(v) for v in (found[2] or found[3]).split(",")]} if found else None
    weights = re.search(r"weights = '(\w+)'", call)
    weights = {"cells": "observed"}.get(weights[1], weights[1]) if weights else "equal"
    trend = re.search(r"var = '(\w+)'", call)
    trend = trend and trend[1]
    adjust = re.search(r"adjust = '(\w+)'", call)
    if call.startswith("emmeans"):
        return fit.emmeans([*names, by] if by else names, at, weights)
    if call.startswith("emtrends"):
        return fit.emtrends(trend, names or None, at, weights)
    options = {"by": by, "trend": trend, "weights": weights}
    if call.startswith("pairs"):
        return fit.contrasts(names, "pairwise", adjust[1] if adjust else "tukey", at, **options)
    method = CUSTOM if "low_back_vs_rest" in call else "reference"
    return fit.contrasts(names, method, adjust[1], at, **options)


def comparable(margin):
    """Leave out what other tests compare: Bonferroni and deviations from the mean."""
    return not any(word in margin["r"] for word in ("bonferroni", "'eff'"))


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_emmeans(reference_entries, reference_fit, name, df):
    entry = next(e for e in reference_entries("margins.json") if e["name"] == name)
    margins = [m for m in entry["margins"] if m["df_method"].replace("_", "-") == df]
    for margin in filter(comparable, margins):
        if "tukey" in margin["r"] and df == "kenward-roger":
            continue  # the same t and the same studentised range
        table = ours(reference_fit(entry, df=df), margin["r"])
        rows = pd.DataFrame(margin["rows"]).rename(
            columns=lambda c: re.sub(r".*\.trend", "estimate", c)
        )
        tolerance = {"df": 1e-3, "p_value": 1e-4, "std_error": 1e-5, "estimate": 1e-5}
        for column in COLUMNS:
            expected = rows[column].astype(float)
            scale = np.nanmax(np.abs(rows["std_error"].astype(float)))
            atol = 1e-6 if column == "p_value" else 1e-5 * scale
            assert_allclose(
                table[column],
                expected,
                rtol=tolerance.get(column, 1e-4),
                atol=atol,
                err_msg=f"{margin['r']} {column}",
            )
        if "contrast" in rows and "list(" not in margin["r"]:
            assert list(table["contrast"]) == list(rows["contrast"])


@pytest.fixture(scope="module")
def gap():
    """Two conditions by three pressures; the neck never saw pressure 3."""
    rng = np.random.default_rng(7)
    data = pd.DataFrame(
        {
            "patient": np.repeat(range(30), 6),
            "condition": np.repeat(["back", "neck"], 90),
            "pressure": np.tile([1, 2, 3], 60),
        }
    )
    data = data[(data.condition == "back") | (data.pressure < 3)].reset_index(drop=True)
    data["score"] = (
        data.pressure * 0.5 + rng.normal(size=30)[data.patient] + rng.normal(size=len(data))
    )
    data["level"] = data.pressure.map({1: "light", 2: "medium", 3: "deep"})
    return data


@pytest.fixture(scope="module")
def gap_fit(gap):
    with pytest.warns(OutcomesWarning, match="rank deficient"):
        return lmm("score ~ condition * level + (1 | patient)", gap)


def test_a_cell_without_data_has_no_number(gap_fit):
    table = gap_fit.emmeans(["condition", "level"]).set_index(["condition", "level"])
    empty = table.loc[("neck", "deep")]
    assert empty["note"] == "no data here"
    assert empty["n_observations"] == 0
    assert empty[["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]].isna().all()
    rest = table.drop(index=("neck", "deep"))
    assert rest["estimate"].notna().all()
    assert (rest["note"] == "").all()
    assert rest["n_observations"].tolist() == [30] * 5


def test_a_margin_over_an_empty_cell_says_how_many(gap_fit):
    table = gap_fit.emmeans("condition").set_index("condition")
    assert table.loc["neck", "note"] == "no data here in 1 of 3 cells"
    assert np.isnan(table.loc["neck", "estimate"])
    assert table.loc["neck", "n_observations"] == 60
    assert np.isfinite(table.loc["back", "estimate"])


def test_observed_weights_give_an_empty_cell_no_weight(gap_fit):
    table = gap_fit.emmeans("condition", weights="observed")
    assert table["estimate"].notna().all()
    cells = gap_fit.emmeans(["condition", "level"])
    seen = cells[(cells.condition == "neck") & (cells.level != "deep")]
    assert_allclose(table.estimate[table.condition == "neck"], seen.estimate.mean())


def test_contrasts_over_an_empty_cell_have_no_number(gap_fit):
    table = gap_fit.contrasts("level", by="condition", adjust="none")
    lost = (table.condition == "neck") & table.contrast.str.contains("deep")
    assert table.estimate.isna().tolist() == lost.tolist()
    assert set(table.note[lost]) == {"no data here"}
    assert set(table.n_observations[lost]) == {0}


def test_holm_counts_only_contrasts_that_exist(gap_fit):
    table = gap_fit.contrasts("level", by="condition")
    alone = table[(table.condition == "neck") & table.estimate.notna()]
    plain = gap_fit.contrasts("level", by="condition", adjust="none")
    assert len(alone) == 1
    assert_allclose(alone.p_value, plain.p_value[alone.index])


def test_a_number_beyond_its_cell_is_no_data(gap):
    fit = lmm("score ~ condition * pressure + (1 | patient)", gap)
    table = fit.emmeans(["condition", "pressure"], at={"pressure": [1, 3]})
    empty = (table.condition == "neck") & (table.pressure == 3)
    assert table.note[empty].tolist() == ["no data here"]
    assert table.estimate.isna().tolist() == empty.tolist()
    beyond = fit.emmeans("condition", at={"pressure": 5})
    assert set(beyond.note) == {"beyond the values seen"}
    assert beyond.estimate.notna().all()


def test_without_interaction_an_empty_cell_is_what_the_model_assumes(gap):
    table = lmm("score ~ condition + level + (1 | patient)", gap).emmeans(["condition", "level"])
    assert table.estimate.notna().all()
    assert table.n_observations.min() == 0
    assert (table.note == "").all()


def test_aliased_columns_are_not_estimable(gap):
    data = gap.assign(clinic=gap.condition.map({"back": "A", "neck": "B"}))
    with pytest.warns(OutcomesWarning):
        fit = lmm("score ~ condition + clinic + (1 | patient)", data)
    assert set(fit.emmeans("condition").note) == {"not estimable: columns are aliased"}


def test_margins_are_means_of_cells_in_a_balanced_design():
    rng = np.random.default_rng(3)
    data = pd.DataFrame(
        {
            "patient": np.repeat(range(12), 6),
            "arm": np.tile(["a", "b", "c"], 24),
            "visit": np.tile([0, 0, 0, 1, 1, 1], 12),
        }
    )
    data["score"] = rng.normal(size=72) + rng.normal(size=12)[data.patient]
    fit = lmm("score ~ arm * C(visit) + (1 | patient)", data)
    assert_allclose(fit.emmeans("arm").estimate, data.groupby("arm").score.mean(), rtol=1e-9)
    cells = fit.emmeans("arm:visit").set_index(["arm", "visit"]).estimate
    assert_allclose(cells.sort_index(), data.groupby(["arm", "visit"]).score.mean(), rtol=1e-9)


def test_slope_of_a_curve_is_its_derivative_at_the_point():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"patient": np.repeat(range(20), 8), "week": np.tile(np.arange(8.0), 20)})
    data["score"] = 0.3 * data.week**2 + rng.normal(size=20)[data.patient] + rng.normal(size=160)
    fit = lmm("score ~ week + I(week**2) + (1 | patient)", data)
    b = fit.tidy().set_index("term").estimate
    found = fit.emtrends("week", at={"week": 3}).estimate
    assert_allclose(found, b["week"] + 6.0 * b["I(week ** 2)"], rtol=1e-7)
    spline = lmm("score ~ bs(week, df=4) + (1 | patient)", data)
    near = spline.emmeans("week", at={"week": [3 - 1e-4, 3 + 1e-4]}).estimate
    assert_allclose(
        spline.emtrends("week", at={"week": 3}).estimate, np.diff(near) / 2e-4, rtol=1e-4
    )


def test_offsets_move_the_margin():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"patient": np.repeat(range(20), 8), "arm": ["a", "b"] * 80})
    data["base"] = rng.normal(5, 1, size=160)
    data["score"] = data.base + rng.normal(size=20)[data.patient] + rng.normal(size=160)
    with_offset = lmm("score ~ arm + offset(base) + (1 | patient)", data).emmeans("arm")
    by_hand = lmm("change ~ arm + (1 | patient)", data.assign(change=data.score - data.base))
    assert_allclose(with_offset.estimate, by_hand.emmeans("arm").estimate + data.base.mean())
    assert_allclose(with_offset.statistic, with_offset.estimate / with_offset.std_error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.emmeans("conditon"), "Did you mean 'condition'"),
        (lambda f: f.emmeans("session_count"), "needs values"),
        (lambda f: f.emmeans("condition", weights="flat"), "weights must be one of"),
        (lambda f: f.emmeans("condition", at={"condition": "knee"}), "levels the model has seen"),
        (lambda f: f.emmeans("condition", at={"session_count": "six"}), "finite numbers"),
        (lambda f: f.emmeans("condition", at={"session_count": []}), "got nothing"),
        (lambda f: f.emmeans("condition", at={"sessions": 3}), "at must name"),
        (lambda f: f.emtrends("condition"), "A slope needs a number"),
        (lambda f: f.contrasts("condition", "all"), "method must be"),
        (lambda f: f.contrasts("condition", adjust="duncan"), "adjust must be one of"),
        (lambda f: f.contrasts("condition", adjust="scheffe", delta=1), "tests of two sides"),
        (lambda f: f.contrasts("condition", "reference", reference="knee"), "reference must be"),
        (lambda f: f.contrasts("condition", side="up"), "side must be one of"),
        (lambda f: f.contrasts("condition", delta=-1), "not negative"),
        (lambda f: f.emmeans("condition", type="response"), "response is a logarithm"),
        (lambda f: f.joint_tests(by="knee"), "must name a column"),
        (lambda f: f.contrasts("condition", "reference", "tukey"), "pairwise"),
        (lambda f: f.contrasts("condition", {"c": [1, -1]}), "needs weights for headache"),
        (lambda f: f.contrasts("condition", {"c": {"knee": 1.0}}), "not all zero; got others"),
        (
            lambda f: f.emmeans("session_count", at={"session_count": range(300_000)}),
            "at most 200,000 rows",
        ),
    ],
)
def test_bad_requests_are_refused_by_name(clinic, call, message):
    fit = lmm("improvement ~ condition * session_count + (1 | episode_id)", clinic)
    with pytest.raises(UsageError, match=message):
        call(fit)


def test_contrasts_by_level_names(clinic):
    fit = lmm("improvement ~ condition * session_count + (1 | episode_id)", clinic)
    named = fit.contrasts("condition", {"neck": {"neck": 1.0, "headache": -1.0}}, "none")
    reference = fit.contrasts("condition", "reference", "none")
    assert_allclose(named.estimate, reference.estimate[reference.contrast == "neck - headache"])


def test_relabelling_and_row_order_change_nothing(clinic):
    fit = lmm("improvement ~ condition * session_count + (1 | episode_id)", clinic)
    shuffled = clinic.sample(frac=1.0, random_state=2).reset_index(drop=True)
    shuffled["condition"] = shuffled.condition.map({"headache": "C", "low_back": "B", "neck": "A"})
    again = lmm("improvement ~ condition * session_count + (1 | episode_id)", shuffled)
    columns = ["estimate", "std_error", "df"]
    assert_allclose(
        fit.emmeans("condition")[columns], again.emmeans("condition")[columns][::-1], rtol=1e-5
    )
