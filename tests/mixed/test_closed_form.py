"""Models whose answer can be written down, and NIST's least-squares problems."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc

NIST = Path(__file__).parents[1] / "reference" / "nist"


@pytest.fixture(scope="module")
def one_way():
    """Balanced one-way layout: 12 groups of 5, with its mean squares."""
    rng = np.random.default_rng(4)
    groups, each = 12, 5
    data = pd.DataFrame({"g": np.repeat(np.arange(groups), each)})
    data["y"] = 10 + 2 * rng.normal(size=groups)[data.g] + rng.normal(size=len(data))
    means = data.groupby("g")["y"].mean()
    between = each * means.var()
    within = ((data.y - means[data.g].to_numpy()) ** 2).sum() / (groups * (each - 1))
    return data, groups, each, between, within


def test_balanced_one_way_layout_by_reml(one_way):
    data, groups, each, between, within = one_way
    fit = oc.lmm("y ~ 1 + (1 | g)", data)
    components = fit.variance_components()["variance"]
    np.testing.assert_allclose(components, [(between - within) / each, within], rtol=1e-9)
    row = fit.tidy().iloc[0]
    np.testing.assert_allclose(row["estimate"], data.y.mean(), rtol=1e-12)
    np.testing.assert_allclose(row["std_error"], np.sqrt(between / len(data)), rtol=1e-9)
    np.testing.assert_allclose(row["df"], groups - 1, rtol=1e-6)


def test_balanced_one_way_layout_by_kenward_roger(one_way):
    data, groups, _, between, _ = one_way
    row = oc.lmm("y ~ 1 + (1 | g)", data, df="kenward-roger").tidy().iloc[0]
    np.testing.assert_allclose(row["df"], groups - 1, rtol=1e-8)
    np.testing.assert_allclose(row["std_error"], np.sqrt(between / len(data)), rtol=1e-8)


def test_balanced_one_way_layout_by_maximum_likelihood(one_way):
    data, groups, each, between, within = one_way
    components = oc.lmm("y ~ 1 + (1 | g)", data, reml=False).variance_components()["variance"]
    expected = [((groups - 1) / groups * between - within) / each, within]
    np.testing.assert_allclose(components, expected, rtol=1e-9)


def test_random_effects_of_the_one_way_layout_are_shrunken_means(one_way):
    data, _, each, between, within = one_way
    found = oc.lmm("y ~ 1 + (1 | g)", data).random_effects()
    shrinkage = 1 - within / between
    expected = shrinkage * (data.groupby("g")["y"].mean() - data.y.mean())
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-7)
    variance = within / each * shrinkage
    np.testing.assert_allclose(found["std_error"], np.sqrt(variance), rtol=1e-7)


def test_a_split_plot_has_the_f_test_of_its_strata():
    rng = np.random.default_rng(8)
    data = pd.DataFrame(
        [(p, arm, t) for p, arm in enumerate("ab" * 6) for t in range(4)],
        columns=["person", "arm", "time"],
    )
    data["time"] = data["time"].astype(str)
    data["y"] = 2 * rng.normal(size=12)[data.person] + rng.normal(size=len(data))
    found = oc.lmm("y ~ arm * time + (1 | person)", data).anova().set_index("term")
    means = data.groupby(["person", "arm"])["y"].mean().reset_index()
    first, second = (means.loc[means.arm == arm, "y"] for arm in "ab")
    t = stats.ttest_ind(first, second)
    np.testing.assert_allclose(found.loc["arm", "statistic"], t.statistic**2, rtol=1e-7)
    np.testing.assert_allclose(found.loc["arm", "df_den"], 10, rtol=1e-6)
    np.testing.assert_allclose(found.loc["arm", "p_value"], t.pvalue, rtol=1e-5)
    np.testing.assert_allclose(found.loc["arm:time", "df_den"], 30, rtol=1e-6)


NIST_FORMULAS = {
    "longley": "employment ~ deflator + gnp + unemployed + armed_forces + population + year",
    "filip": "y ~ " + " + ".join(f"I(x**{power})" for power in range(1, 11)),
}


@pytest.mark.parametrize("name", NIST_FORMULAS)
def test_nist_certified_values(name):
    """Groups whose means of least-squares residuals agree: their variance is estimated as zero."""
    certified = json.loads((NIST / "nist.json").read_text(encoding="utf-8"))[name]
    data = pd.read_csv(NIST / f"{name}.csv")
    groups = {"longley": 8, "filip": 20}[name]
    data["g"] = np.random.default_rng(0).permutation(np.arange(len(data)) % groups)
    with pytest.warns(oc.SingularFitWarning):
        fit = oc.lmm(f"{NIST_FORMULAS[name]} + (1 | g)", data)
    table = fit.tidy()
    np.testing.assert_allclose(table["estimate"], certified["estimate"], rtol=1e-7)
    np.testing.assert_allclose(table["std_error"], certified["std_error"], rtol=1e-7)
