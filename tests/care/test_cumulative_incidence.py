"""Cumulative incidence: R's survival, a case by hand, and what must hold whatever the data."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from outcomes.care.cumulative_incidence import cumulative_incidence
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
