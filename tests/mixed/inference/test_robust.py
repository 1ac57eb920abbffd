"""Cluster-robust inference: clubSandwich's numbers, dense algebra, what it is for."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import UsageError
from outcomes.mixed.fit import lmm
from outcomes.mixed.inference import robust
from outcomes.mixed.inference.testing import joint_test

CASES = [
    "hetero",
    "hetero_slopes",
    "sleepstudy",
    "sleepstudy_intercept",
    "clinic",
    "nested_top",
    "orthodont",
    "clinic_weights",
]


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_clubsandwich(reference_entries, reference_fit, name):
    entry = next(e for e in reference_entries("robust.json") if e["name"] == name)
    fit = reference_fit(entry)
    found = fit.robust(entry["cluster"])
    table = found.tidy()
    assert_allclose(table["estimate"], fit.estimates.beta)
    assert_allclose(table["std_error"], entry["std_error"], rtol=1e-5)
    assert_allclose(table["df"], entry["df"], rtol=1e-4)
    assert_allclose(table["p_value"], entry["p_value"], rtol=1e-3, atol=1e-9)
    errors = np.array(entry["std_error"])
    difference = (found.vcov - np.array(entry["vcov_cr2"])) / np.outer(errors, errors)
    assert_allclose(difference, 0.0, atol=1e-5)
    if "wald_htz" in entry:
        wald = entry["wald_htz"]
        joint = joint_test(fit.estimates.beta, found.inference, np.array(wald["L"], dtype=float))
        assert_allclose(joint.statistic, wald["statistic"], rtol=1e-4)
        assert_allclose(joint.df_den, wald["df_den"], rtol=1e-4)
        assert_allclose(joint.p_value, wald["p_value"], rtol=1e-3)


def test_every_table_becomes_robust(clinic):
    fit = lmm("improvement ~ arm * session_count + (1 | episode_id)", clinic)
    found = fit.robust("clinic_id") if fit_is_within(clinic) else fit.robust("episode_id")
    assert found.glance()["df_method"][0].startswith("CR2 by")
    means, plain = found.emmeans("arm"), fit.emmeans("arm")
    assert_allclose(means["estimate"], plain["estimate"])
    assert (np.abs(means["std_error"] / plain["std_error"] - 1.0) > 1e-4).all()
    by_hand = found.test({"arm[T.usual]": 1.0})
    assert_allclose(by_hand["df"], found.tidy().set_index("term").loc["arm[T.usual]", "df"])
    assert found.anova()["df_den"].notna().all()
    assert fit.glance()["df_method"][0] == "satterthwaite"


def fit_is_within(data):
    return (data.groupby("episode_id").clinic_id.nunique() == 1).all()


def test_balanced_means_have_n_minus_one_df():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"patient": np.repeat(range(15), 4)})
    data["score"] = rng.normal(size=15)[data.patient] + rng.normal(size=60)
    found = lmm("score ~ 1 + (1 | patient)", data).robust("patient").tidy()
    means = data.groupby("patient").score.mean()
    assert_allclose(found["df"], [14.0])
    assert_allclose(found["std_error"], [means.std() / np.sqrt(15)])


def test_a_factor_across_clusters_is_refused(clinic):
    fit = lmm("improvement ~ arm + (1 | episode_id) + (1 | therapist_id)", clinic)
    with pytest.raises(UsageError, match="levels of therapist_id in several clusters"):
        fit.robust("episode_id")
    with pytest.raises(UsageError, match="grouping factor or a column"):
        fit.robust("ward")


def test_a_patient_of_several_clusters_is_refused_by_its_column():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"g": np.repeat(range(12), 3), "visit": np.tile(range(3), 12)})
    data["ward"], data["y"] = data.visit % 2, rng.normal(size=36)
    with pytest.raises(UsageError) as refused:
        lmm("y ~ visit + cs(visit | g)", data).robust("ward")
    assert str(refused.value) == (
        "Patients and grouping factors must lie within the clusters; got levels of g in several "
        "clusters (cluster 'ward'). Use a coarser cluster, such as the clinic."
    )


def test_more_rows_than_the_clusters_allow_are_refused():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"clinic": np.repeat(range(5), 24), "visit": np.tile(range(8), 15)})
    data["score"] = rng.normal(size=120) + rng.normal(size=5)[data.clinic]
    fit = lmm("score ~ C(visit) + (1 | clinic)", data).robust("clinic")
    few = fit.test(np.eye(8)[1:5])
    assert few["df_den"].item() == pytest.approx(1.0)  # clubSandwich 0.5.8, test "HTZ"
    for rows in (np.eye(8)[1:6], np.eye(8)[1:]):
        with pytest.raises(UsageError) as refused:
            fit.test(rows)
        assert str(refused.value) == (
            f"A joint test of so many rows needs more clusters; got {len(rows)} rows for 5 "
            "clusters. Test fewer at once; tidy() tests each alone."
        )
    with pytest.raises(UsageError, match="7 rows for 5 clusters"):
        fit.anova()


@pytest.mark.parametrize("fixed", ["0 + arm", "0 + arm + visit"])
def test_an_arm_of_one_cluster_has_no_robust_error(fixed):
    """The cluster's mean is fitted exactly: its residuals say 0, and clubSandwich 0.5.8 says so."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"patient": np.repeat(range(6), 4), "visit": np.tile(range(4), 6)})
    data["arm"] = np.where(data.patient == 0, "a", "b")
    data["score"] = rng.normal(size=24) + rng.normal(size=6)[data.patient]
    fit = lmm(f"score ~ {fixed} + (1 | patient)", data).robust("patient")
    alone, *others = fit.tidy()[["std_error", "df", "p_value", "conf_low"]].to_numpy()
    assert np.isnan(alone).all()
    assert np.isfinite(others).all()
    with pytest.raises(UsageError, match="one of 6 clusters decides alone"):
        fit.test(np.eye(len(others) + 1))


def test_a_cluster_too_large_for_a_dense_matrix_is_refused(clinic, monkeypatch):
    monkeypatch.setattr(robust, "MOST_ROWS", 3)
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic)
    with pytest.raises(UsageError, match=r"clusters of at most 3 rows; got one of \d+"):
        fit.robust("episode_id")
