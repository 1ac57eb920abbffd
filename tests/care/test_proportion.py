"""Exact intervals, and the widening by patients."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from outcomes.care.proportion import design_effect, difference_of_shares, exact_interval


@settings(deadline=None)
@given(st.integers(1, 300), st.data(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_exact_interval_agrees_with_scipy(n, data, level):
    events = data.draw(st.integers(0, n))
    theirs = stats.binomtest(events, n).proportion_ci(level, method="exact")
    low, high = exact_interval(events, n, level)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_ends_in_closed_form():
    low, high = exact_interval([0, 20], [20, 20])
    assert low.tolist() == [0, pytest.approx(0.025 ** (1 / 20))]
    assert high.tolist() == [pytest.approx(1 - 0.025 ** (1 / 20)), 1]


def test_no_trials_no_interval():
    assert np.isnan(exact_interval(0, 0)).all()


class TestDesignEffect:
    def test_one_visit_a_patient_is_nearly_none(self):
        events = pd.Series([1.0] * 10 + [0.0] * 90)
        assert design_effect(events, pd.Series(range(100))) == pytest.approx(100 / 99)

    def test_patients_who_always_or_never_have_events_count_once(self):
        # 10 patients of 8 visits each: the effective number of visits is near that of patients
        events = pd.Series(np.repeat([1.0] * 3 + [0.0] * 7, 8))
        patients = pd.Series(np.repeat(np.arange(10), 8))
        assert design_effect(events, patients) == pytest.approx(8 * 10 / 9)

    def test_visits_more_alike_between_than_within_patients_are_not_narrowed(self):
        assert design_effect(pd.Series([1.0, 0, 1, 0]), pd.Series(["a", "a", "b", "b"])) == 1

    @pytest.mark.parametrize("events", [[], [0.0, 0.0], [1.0, 1.0]])
    def test_cannot_be_told_without_variation(self, events):
        assert design_effect(pd.Series(events, dtype=float), pd.Series(range(len(events)))) == 1

    def test_cannot_be_told_from_one_patient(self):
        assert design_effect(pd.Series([1.0, 0.0]), pd.Series(["a", "a"])) == 1


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090),
     ((10, 10), (0, 20), 0.6791, 1.0)],
)  # fmt: skip
def test_difference_of_wilsons_intervals_is_newcombes_method_ten(first, second, low, high):
    """Newcombe (1998), Stat Med 17:873, table II, examples a, b and h."""
    shares = [(x / n, *proportion_confint(x, n, method="wilson")) for x, n in (first, second)]
    found = difference_of_shares(*shares)
    assert found == pytest.approx(
        (first[0] / first[1] - second[0] / second[1], low, high), abs=1e-4
    )


def test_a_share_without_an_interval_leaves_the_difference_without_one():
    difference, *ends = difference_of_shares((0.0, np.nan, np.nan), (0.25, 0.1, 0.4))
    assert difference == -0.25
    assert np.isnan(ends).all()
