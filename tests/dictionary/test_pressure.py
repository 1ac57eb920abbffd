"""The pressure scale: six ordered levels, credited; only its own words have a level."""

import dataclasses

import pytest

from outcomes.dictionary.pressure import CREDIT, WALTON, WORDS, level_named
from outcomes.errors import UsageError


def test_levels_are_zero_to_five_in_order():
    assert [entry.level for entry in WALTON] == [0, 1, 2, 3, 4, 5]


def test_each_level_is_described_and_the_authors_credited():
    assert all(entry.description for entry in WALTON)
    for author in ("Tracy Walton", "Gayle MacDonald", "Dawn Nelson"):
        assert author in CREDIT


@pytest.mark.parametrize(
    ("word", "level"),
    [("hold", 0), ("light", 1), ("heavy lotioning", 2), ("MEDIUM ", 3), ("strong", 4), ("Deep", 5)],
)
def test_words_of_the_scale_have_their_level(word, level):
    assert level_named(word).level == level


@pytest.mark.parametrize("word", ["firm", "light-med", "", "4"])
def test_other_words_are_refused_without_being_repeated(word):
    with pytest.raises(UsageError, match="column map") as caught:
        level_named(word)
    assert not word or f"got {word}" not in str(caught.value)


def test_records_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WALTON[0].level = 1
    with pytest.raises(TypeError):
        WORDS["firm"] = 4
