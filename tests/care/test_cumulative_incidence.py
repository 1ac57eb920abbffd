"""Cumulative incidence: R's survival, a case by hand, and what must hold whatever the data."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.duration.survfunc import CumIncidenceRight

from outcomes.care.attainment import cumulative_incidence
from outcomes.errors import UsageError

REFERENCE = Path(__file__).parents[1] / "reference" / "survival" / "cumulative_incidence.json"
CASES = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
COURSES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=30).map(
    lambda pairs: tuple(np.array(column) for column in zip(*pairs, strict=True))
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("event", [1, 2])
def test_agrees_with_r(name, event):
    case = CASES[name]
    table = cumulative_incidence(case["time"], case["status"])
    own = table[table["event"] == event]
    assert own["time"].tolist() == case["at"]
    assert own["n_at_risk"].tolist() == case["n_at_risk"]
    np.testing.assert_allclose(own["estimate"], case["estimate"][event - 1], rtol=1e-12)
    np.testing.assert_allclose(own["std_error"], case["std_error"][event - 1], atol=1e-7)
    for column in ("conf_low", "conf_high"):
        theirs = np.array(case[column][event - 1], dtype=float)
        inside = (own["estimate"] > 0) & (own["estimate"] < 1 - 1e-9)
        np.testing.assert_allclose(own[column][inside], theirs[inside], rtol=1e-10)
        assert own[column][~inside].isna().all()


@settings(deadline=None)
@given(COURSES)
def test_agrees_with_statsmodels_while_someone_remains(courses):
    time, status = courses
    if status.max() < 2 or status[time == time.max()].all():
        return  # statsmodels gives no second event, or no standard error at the last time
    theirs = CumIncidenceRight(time.astype(float), status)
    table = cumulative_incidence(time, status)
    for event in (1, 2):
        own = table[table["event"] == event]
        np.testing.assert_allclose(own["estimate"], theirs.cinc[event - 1], atol=1e-12)
        np.testing.assert_allclose(own["std_error"] ** 2, theirs.cinc_se[event - 1] ** 2, atol=1e-9)


@settings(deadline=None)
@given(COURSES)
def test_events_and_those_without_one_share_everybody(courses):
    time, status = courses
    wide = cumulative_incidence(time, status).pivot_table("estimate", "time", "event")
    assert ((wide.diff().dropna() >= -1e-12).all()).all()
    assert (wide.sum(axis=1) <= 1 + 1e-12).all()


@settings(deadline=None)
@given(COURSES)
def test_without_censoring_it_is_the_share(courses):
    time, status = courses[0], np.where(courses[1] == 0, 1, courses[1])
    table = cumulative_incidence(time, status)
    for event, at, estimate in table[["event", "time", "estimate"]].itertuples(index=False):
        assert estimate == pytest.approx(np.mean((status == event) & (time <= at)))


@settings(deadline=None)
@given(COURSES)
def test_order_of_rows_does_not_matter(courses):
    time, status = courses
    turned = cumulative_incidence(time[::-1], status[::-1])
    assert turned.equals(cumulative_incidence(time, status))


def test_nobody_gives_an_empty_table():
    assert cumulative_incidence([], []).empty


@pytest.mark.parametrize(
    ("time", "status"), [([-1], [1]), ([np.nan], [1]), ([1], [3]), ([1], [0.5]), ([1, 2], [1])]
)
def test_impossible_courses_are_refused(time, status):
    with pytest.raises(UsageError):
        cumulative_incidence(time, status)


def test_a_wider_level_gives_a_wider_interval():
    narrow, wide = (
        cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1], conf_level=level).iloc[0]
        for level in (0.8, 0.95)
    )
    assert wide["conf_low"] < narrow["conf_low"] < narrow["conf_high"] < wide["conf_high"]


def test_clusters_of_one_size_have_the_error_of_their_means():
    """Without censoring the jackknife over clusters is the standard error of the cluster means."""
    rng = np.random.default_rng(3)
    status = rng.choice([1, 2], size=(6, 20), p=[0.4, 0.6])
    clusters = np.repeat(np.arange(6), 20)
    table = cumulative_incidence(np.ones(120), status.ravel(), clusters=clusters)
    means = (status == 1).mean(axis=1)
    row = table[table["event"] == 1].iloc[0]
    assert row["estimate"] == pytest.approx(means.mean())
    assert row["std_error"] == pytest.approx(stats.sem(means))
    shift = np.log(-np.log([row["conf_low"], row["conf_high"]])) - np.log(-np.log(means.mean()))
    per_unit = row["std_error"] / (means.mean() * -np.log(means.mean()))
    assert np.abs(shift) == pytest.approx(stats.t.ppf(0.975, 5) * per_unit)


def test_clusters_that_are_single_courses_have_nearly_the_delta_method_s_error():
    rng = np.random.default_rng(5)
    time, status = rng.exponential(5, 300).round(1), rng.integers(0, 3, 300)
    alone = cumulative_incidence(time, status, clusters=np.arange(300))
    delta = cumulative_incidence(time, status)
    middle = delta["n_at_risk"].between(30, 250)
    np.testing.assert_allclose(
        alone.loc[middle, "std_error"], delta.loc[middle, "std_error"], rtol=0.03
    )


def test_copies_of_a_course_in_one_cluster_tell_no_more_than_the_course():
    rng = np.random.default_rng(7)
    time, status = rng.integers(1, 9, 60).astype(float), rng.integers(0, 3, 60)
    once = cumulative_incidence(time, status, clusters=np.arange(60))
    four = cumulative_incidence(
        np.repeat(time, 4), np.repeat(status, 4), clusters=np.repeat(np.arange(60), 4)
    )
    np.testing.assert_allclose(four["std_error"], once["std_error"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("clusters", [[1, 1, 2, 2], [1, 2, 3, None]])
def test_too_few_clusters_are_refused(clusters):
    with pytest.raises(UsageError, match="clusters"):
        cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1], clusters=clusters)
