from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.render.figures.canvas import spread


def test_labels_that_do_not_touch_stay_where_they_are() -> None:
    assert spread([5.0, 1.0, 9.0], [1.0, 1.0, 1.0], 0, 10) == [5.0, 1.0, 9.0]


def test_three_labels_at_one_place_are_centred_on_it() -> None:
    assert spread([5.0, 5.0, 5.0], [1.0, 2.0, 1.0], 0, 10) == [3.5, 5.0, 6.5]


def test_no_labels() -> None:
    assert spread([], [], 0, 1) == []


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 1.5)), min_size=1, max_size=12))
def test_labels_never_overlap_and_keep_their_order(pairs: list[tuple[float, float]]) -> None:
    wanted, heights = zip(*pairs, strict=True)
    places = spread(wanted, heights, 0, 20)
    order = np.argsort(wanted, kind="stable")
    for below, above in pairwise(order):
        least = (heights[below] + heights[above]) / 2
        assert places[above] - places[below] >= least - 1e-9


def test_labels_stay_inside_where_they_fit() -> None:
    places = spread([9.9, 9.9], [1.0, 1.0], 0, 10)
    assert places == pytest.approx([8.5, 9.5])
