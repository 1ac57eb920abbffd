"""Which cells are hidden follows from the threshold alone; expected sets are written by hand."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.errors import UsageError
from outcomes.privacy.disclosure import (
    CONTROL,
    Disclosure,
    Told,
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
    with pytest.raises(UsageError) as refused:
        Disclosure(1)
    assert str(refused.value) == (
        "the smallest count that is shown is at least 2; got less. The usual threshold is 11."
    )
    assert not Disclosure(2).hides(2)


def test_texts_of_large_and_of_missing_counts():
    assert REAL.shown(1204.0) == "1,204"
    assert REAL.shown(np.nan) == "not shown"


def test_what_a_reader_knows_of_a_study_from_the_start():
    episodes = pd.DataFrame({"episode_id": [f"e{i}" for i in range(30)]})
    episodes["arm"] = ["care"] * 12 + ["wait"] * 18
    episodes["condition"] = ["headache"] * 29 + ["sciatica"]
    study = study_from_tables({"episodes": episodes},
                              provenance=Provenance(synthetic=False, control="wait"))  # fmt: skip
    told = disclosure_for(study).told
    known = {whom: set(told.numbers("course", whom))
             for whom in ("", "care", "wait", CONTROL, "headache", "sciatica", "x")}  # fmt: skip
    assert known == {"": {30}, "care": {12}, "wait": {18}, CONTROL: {18}, "headache": {29},
                     "sciatica": {1}, "x": set()}  # fmt: skip
    assert disclosure_for(study, threshold=5).threshold == 5


def test_a_group_is_not_told_where_it_leaves_a_few_of_all_nor_all_where_a_group_is_told():
    rule = Disclosure(told=Told())
    assert rule.tells(43, "visit")
    assert rule.instead(39, "visit", "without adapted care") == "fewer than 43"
    assert rule.instead(43, "visit", "without adapted care") == ""
    assert rule.instead(32, "visit", "without adapted care") == ""
    other = Disclosure(told=Told())
    assert other.tells(39, "visit", "without adapted care")
    assert [other.instead(n, "visit") for n in (43, 39, 50)] == ["more than 39", "", ""]


@pytest.mark.parametrize(
    ("count", "noun", "whom", "words"),
    [
        (60, "course", "", ""),
        (50, "course", "", "most of 60"),
        (49, "course", "", ""),
        (70, "course", "", "more than 60"),
        (71, "course", "", ""),
        (50, "course", "a", ""),
        (50, "visit", "", ""),
        (119, "score", "", "nearly all of 120"),  # two for each course
        (109, "score", "", ""),
        (52, "score", "", "most of 60"),  # one for each but a few
        (101, "visit", "b", "some of 121"),  # between 100 and 121 each is near one of the two
        (120, "visit", "b", "some of 121"),
        (101, "visit", "c", "more than 100"),
    ],
)
def test_a_count_beside_those_told_before(count, noun, whom, words):
    rule = Disclosure(told=Told())
    assert rule.tells(60, "course")
    for told, about in ((100, "b"), (121, "b"), (100, "c"), (122, "c")):
        assert rule.tells(told, "visit", about)
    assert rule.instead(count, noun, whom) == words
    assert Disclosure().instead(count, noun, whom) == ""
    assert Disclosure(exempt=True, told=rule.told).instead(count, noun, whom) == ""


@given(st.lists(st.integers(1, 150), max_size=8), st.sampled_from(["course", "score"]))
def test_words_for_a_hidden_count_leave_ten_that_it_may_be(numbers, noun):
    """Whoever knows the rule, and all that was told, asks which counts would be said so."""
    rule = Disclosure(told=Told())
    for number in numbers:
        rule.tells(number, "course")
    said = Counter(rule.instead(count, noun) for count in range(600))
    words = {rule.instead(count, noun) for count in range(400)} - {""}
    assert all(said[one] >= 10 for one in words)


def test_hidden_rows_are_the_smallest_whatever_their_order():
    out = suppress_counts(table(5, 30, 20, 11), "n", ["mean"], disclosure=REAL, within=())
    assert out["suppressed"].tolist() == [True, False, False, True]
    assert out["mean"].isna().tolist() == [True, False, False, True]
    alone = suppress_counts(table(5, 30, 20, 11), "n", disclosure=REAL)
    assert alone["suppressed"].tolist() == [True, False, False, False]
    assert alone["mean"].tolist() == [5.0, 30.0, 20.0, 11.0]


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


@pytest.mark.parametrize(("whole", "said"), [(99, "most"), (100, "nearly all"), (22, "most")])
def test_all_but_a_few_are_called_what_they_are_at_the_least(whole, said):
    assert REAL.most(whole) == said
    assert Disclosure(5).most(40) == "nearly all"
    assert Disclosure(5).most(39) == "most"


@pytest.mark.parametrize(
    ("count", "words"),
    [(166, ""), (154, "nearly all of 166"), (146, "nearly all of 166"), (144, ""), (100, "")],
)
def test_scores_of_nearly_all_courses_are_not_told_where_each_has_two(count, words):
    """154 scores are of 77 courses at least, if none has more than two."""
    rule = Disclosure(told=Told([2]))
    assert rule.tells(83, "course")
    assert rule.instead(count, "score") == words
