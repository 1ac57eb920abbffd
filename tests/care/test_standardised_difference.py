"""Standardised differences: closed forms, the two-level formula, invariances, edges."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.care.table_one import category_difference, number_difference

VALUES = st.lists(st.integers(-50, 50), min_size=2, max_size=20).map(
    lambda values: pd.Series(values, dtype=float)
)


def shares(**counts):
    return pd.Series([level for level, count in counts.items() for _ in range(count)])


def test_numbers_in_closed_form():
    # means 2 and 6; variances 1 and 4
    first, second = pd.Series([1.0, 2, 3, np.nan]), pd.Series([4.0, 6, 8])
    assert number_difference(first, second) == pytest.approx(4 / math.sqrt(2.5))


@settings(deadline=None)
@given(VALUES, VALUES, st.floats(0.5, 20), st.floats(-100, 100))
def test_numbers_do_not_depend_on_unit_or_order(first, second, scale, shift):
    difference = number_difference(first, second)
    moved = number_difference(second * scale + shift, first * scale + shift)
    if np.isfinite(difference):
        assert moved == pytest.approx(difference, abs=1e-6)


def test_numbers_that_do_not_vary():
    same, other = pd.Series([2.0, 2]), pd.Series([3.0, 3])
    assert number_difference(same, same) == 0
    assert number_difference(same, other) == math.inf


def test_one_value_has_no_spread():
    assert math.isnan(number_difference(pd.Series([1.0]), pd.Series([1.0, 2.0])))


@settings(deadline=None)
@given(*[st.integers(1, 30)] * 4)
def test_two_levels_by_the_formula_of_proportions(a, b, c, d):
    p, q = a / (a + b), c / (c + d)
    expected = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    difference = category_difference(shares(yes=a, no=b), shares(yes=c, no=d))
    assert difference == pytest.approx(expected, abs=1e-7)


def test_three_levels_by_hand():
    # shares (.5, .3, .2) and (.3, .3, .4); covariance of the first two levels, solved by hand:
    # [[.23, -.12], [-.12, .21]] x = (.2, 0)  ->  x1 = .2 * .21 / (.23 * .21 - .0144)
    first, second = shares(a=5, b=3, c=2), shares(a=3, b=3, c=4)
    expected = math.sqrt(0.2 * 0.2 * 0.21 / (0.23 * 0.21 - 0.12**2))
    assert category_difference(first, second) == pytest.approx(expected)


@settings(deadline=None)
@given(st.permutations(["a", "b", "c"]))
def test_names_and_order_of_levels_do_not_matter(names):
    first, second = shares(a=5, b=3, c=2), shares(a=3, b=3, c=4)
    renamed = dict(zip("abc", names, strict=True))
    other = category_difference(second.map(renamed)[::-1], first.map(renamed))
    assert other == pytest.approx(category_difference(first, second))


def test_missing_values_are_left_out():
    first = pd.concat([shares(a=2, b=2), pd.Series([None])])
    assert category_difference(first, shares(a=2, b=2)) == pytest.approx(0)


def test_no_shared_level_is_infinite():
    assert category_difference(shares(a=3), shares(b=3)) == math.inf
    assert category_difference(shares(a=3, b=1), shares(c=3)) == math.inf


def test_one_level_in_both_is_no_difference():
    assert category_difference(shares(a=3), shares(a=5)) == 0


def test_an_empty_group_cannot_be_compared():
    assert math.isnan(category_difference(shares(a=3), pd.Series([None, None])))
