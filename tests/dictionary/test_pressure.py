"""The pressure scale: six ordered levels, credited; only its own words have a level."""

import dataclasses

import pytest

from outcomes.dictionary.pressure import CREDIT, WALTON, WORDS


def test_levels_are_zero_to_five_in_order():
    assert [entry.level for entry in WALTON] == [0, 1, 2, 3, 4, 5]


def test_each_level_is_described_and_the_authors_credited():
    assert all(entry.description for entry in WALTON)
    for author in ("Tracy Walton", "Gayle MacDonald", "Dawn Nelson"):
        assert author in CREDIT


def test_only_words_of_the_scale_have_a_level():
    assert WORDS == {"hold": 0, "light": 1, "light lotioning": 1, "heavy lotioning": 2, "medium": 3,
                     "strong": 4, "deep": 5}  # fmt: skip


def test_records_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WALTON[0].level = 1
    with pytest.raises(TypeError):
        WORDS["firm"] = 4
