"""Which cells are hidden follows from the threshold alone; expected sets are written by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.errors import UsageError
from outcomes.privacy.disclosure import (
    Disclosure,
    disclosure_for,
    suppress_counts,
)
from outcomes.provenance import Provenance
from outcomes.study import study_from_tables

REAL = Disclosure()


def table(*counts):
    return pd.DataFrame({"n": counts, "mean": [float(c) for c in counts]})


@pytest.mark.parametrize("count", [1, 5, 10])
def test_counts_of_one_to_ten_are_hidden(count):
    out = suppress_counts(table(40, count), "n", ["mean"], disclosure=REAL)
    assert out["suppressed"].tolist() == [False, True]
    assert out.loc[1, ["n", "mean"]].isna().all()
    assert out.loc[0, "n"] == 40


@pytest.mark.parametrize("count", [0, 11, 12])
def test_zero_and_eleven_are_shown(count):
    out = suppress_counts(table(count), "n", ["mean"], disclosure=REAL)
    assert not out["suppressed"].any()
    assert out["n"].tolist() == [count]


def test_synthetic_data_are_exempt_unless_treated_as_real():
    study = study_from_tables({}, provenance=Provenance(synthetic=True))
    assert disclosure_for(study).exempt
    assert not disclosure_for(study, as_if_real=True).exempt
    real = study_from_tables({}, provenance=Provenance(synthetic=False))
    assert disclosure_for(real) == Disclosure(threshold=11, exempt=False)
    shown = suppress_counts(table(3), "n", ["mean"], disclosure=disclosure_for(study))
    assert shown["n"].tolist() == [3]


def test_the_frame_given_is_not_changed():
    frame = table(3, 40)
    suppress_counts(frame, "n", ["mean"], disclosure=REAL)
    pd.testing.assert_frame_equal(frame, table(3, 40))


def test_text_columns_and_columns_with_gaps_are_hidden_too():
    frame = pd.DataFrame({"n": [3, 40], "range": ["1 to 9", "0 to 10"], "sd": [np.nan, 1.0]})
    out = suppress_counts(frame, "n", ["range", "sd"], disclosure=REAL)
    assert out["range"].isna().tolist() == [True, False]
    assert out["sd"].isna().tolist() == [True, False]


def test_one_hidden_cell_takes_the_smallest_shown_with_it():
    out = suppress_counts(table(40, 12, 3, 0), "n", disclosure=REAL, within=())
    assert out["suppressed"].tolist() == [False, True, True, False]


def test_two_hidden_cells_that_number_too_few_take_a_third():
    out = suppress_counts(table(40, 2, 3), "n", disclosure=REAL, within=())
    assert out["suppressed"].tolist() == [True, True, True]
    enough = suppress_counts(table(40, 6, 5), "n", disclosure=REAL, within=())
    assert enough["suppressed"].tolist() == [False, True, True]


def test_each_group_with_a_known_total_is_protected_by_itself():
    frame = pd.DataFrame({"arm": ["a", "a", "b", "b"], "n": [40, 3, 50, 60]})
    out = suppress_counts(frame, "n", disclosure=REAL, within=["arm"])
    assert out["suppressed"].tolist() == [True, True, False, False]


def test_texts():
    assert [REAL.shown(c) for c in (0, 1, 10, 11)] == ["0", "<11", "<11", "11"]
    assert Disclosure(5).shown(4) == "<5"
    assert Disclosure(exempt=True).shown(4) == "4"


def test_a_threshold_of_one_hides_nothing_and_is_refused():
    with pytest.raises(UsageError, match="at least 2"):
        Disclosure(1)


def test_what_may_be_shown_cannot_be_changed_afterwards():
    with pytest.raises(dataclasses.FrozenInstanceError):
        REAL.exempt = True


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(2, 20))
def test_no_hidden_count_follows_from_the_total(counts, threshold):
    out = suppress_counts(table(*counts), "n", disclosure=Disclosure(threshold), within=())
    hidden = out["suppressed"].to_numpy()
    counts = np.array(counts)
    assert not ((counts > 0) & (counts < threshold) & ~hidden).any()
    assert not hidden[counts == 0].any()
    others = hidden.sum() >= 2 and counts[hidden].sum() >= threshold
    assert not hidden.any() or others or not (~hidden & (counts > 0)).any()
