"""Counts in sentences: typed, told again under a disclosure, and never read out of the prose."""

from __future__ import annotations

import pickle
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.privacy.disclosure import Disclosure, Told
from outcomes.privacy.text import (
    UNDECLARED,
    Count,
    Resting,
    Share,
    Text,
    filled,
    joined,
    told,
)

REAL = Disclosure()


@pytest.mark.parametrize(
    ("count", "shown", "hidden"),
    [
        (Count(0, "course"), "no courses", "no courses"),
        (Count(1, "course", there=True), "there is 1 course", "there are too few courses"),
        (Count(10, "course"), "10 courses", "fewer than 11 courses"),
        (Count(11, "course"), "11 courses", "11 courses"),
        (Count(1204, "visit"), "1,204 visits", "1,204 visits"),
        (Count(3, "goal", of=40, note="(8 %)"), "3 of 40 goals (8 %)", "fewer than 11 of 40 goals"),
        (Count(38, "goal", of=40), "38 of 40 goals", "most of 40 goals"),
        (Count(2, "goal", of=11), "2 of 11 goals", "some of 11 goals"),
        (Count(11, "goal", of=12), "11 of 12 goals", "some of 12 goals"),
        (Count(12, "goal", of=12), "12 of 12 goals", "12 of 12 goals"),
        (Count(11, "goal", of=22), "11 of 22 goals", "11 of 22 goals"),
        (Count(2, "goal", of=9), "2 of 9 goals", "some or none of fewer than 11 goals"),
        (Count(0, "goal", of=40), "none of 40 goals", "none of 40 goals"),
    ],
)  # fmt: skip
def test_a_count_is_shown_or_said_without_its_number(count, shown, hidden):
    assert Text(count) == shown
    assert Text(count).under(REAL) == hidden
    assert Text(count).under(Disclosure(exempt=True)) == shown


def test_a_requirement_and_a_week_are_no_counts_and_a_bare_number_is_one():
    text = Text("At least 10 courses by week 8 are needed; there are ", 3, ".")
    assert text == "At least 10 courses by week 8 are needed; there are 3."
    assert text.under(REAL) == (
        "At least 10 courses by week 8 are needed; there are fewer than 11."
    )


def test_texts_keep_their_counts_when_joined_added_and_sent_elsewhere():
    text = "Of these, " + Text(Count(4, "course"), " ended") + joined(", ", [Text(""), Text(5)])
    for same in (text, pickle.loads(pickle.dumps(text))):  # our own bytes
        assert same == "Of these, 4 courses ended, 5"
        assert told(same, REAL) == "Of these, fewer than 11 courses ended, fewer than 11"


@pytest.mark.parametrize("words", ["Of those, 7 patients left.", "n = 7", "4 % of the courses"])
def test_a_bare_count_of_real_data_is_not_shown_alone_or_beside_a_typed_one(words):
    typed = Text(Count(12, "course"), " ended. ", words)
    for text in (words, typed):
        assert told(text, REAL) == UNDECLARED
    assert told(Text(Count(12, "course"), " ended."), REAL) == "12 courses ended."


def test_a_count_that_would_tell_a_few_beside_another_is_not_told():
    rule = Disclosure(told=Told())
    said = [Text(Count(n, "course")).under(rule) for n in (200, 190, 189, 150, 200)]
    assert said == ["200 courses", "nearly all of 200 courses", "189 courses", "150 courses",
                    "200 courses"]  # fmt: skip
    assert Text(Count(195, "visit")).under(rule) == "195 visits"
    assert Text(Count(195, "course", whom="arm a")).under(rule) == "195 courses"


def test_a_part_tells_the_rest_of_its_whole_too():
    rule = Disclosure(told=Told())
    assert Text(Count(26, "course", of=60)).under(rule) == "26 of 60 courses"
    assert Text(Count(30, "course")).under(rule) == "fewer than 34 courses"


@pytest.mark.parametrize(
    ("number", "whole", "said"),
    [(17, 17, "all"), (13, 27, "13"), (14, 17, "some"), (9, 17, "some")],
)
def test_a_part_does_not_tell_the_whole_that_is_hidden(number, whole, said):
    """17 of fewer than 18 are 17 of 17; 13 of fewer than 28 tell no more than the bound does."""
    rule = Disclosure(told=Told())
    assert rule.tells(whole + 1, "goal")
    shown = Text(Count(number, "goal", of=whole)).under(rule)
    assert shown == f"{said} of fewer than {whole + 1} goals"


@pytest.mark.parametrize("whole", [22, 60, 99, 100, 400])
def test_words_for_all_but_a_few_are_true_of_the_least_that_they_stand_for(whole):
    least = whole - REAL.threshold + 1
    said = Text(Count(least, "course", of=whole)).under(REAL)
    share = 0.9 if said.startswith("nearly all of") else 0.5
    assert said in (f"nearly all of {whole} courses", f"most of {whole} courses")
    assert least / whole >= share
    rule = Disclosure(told=Told())
    assert rule.tells(whole, "course")
    there = Text(Count(least, "course", there=True)).under(rule)
    assert there == f"there are fewer than {whole} courses"
    assert Text(Count(whole + 9, "course")).under(rule) == f"more than {whole} courses"


@pytest.mark.parametrize("whole", [11, 12, 14, 21, 22, 23, 32, 60, 110])
def test_words_for_a_count_leave_ten_numbers_that_it_may_be(whole):
    """Whoever knows the rule asks which counts would have been said so."""
    ways = [lambda n: Count(n, "course", of=whole), lambda n: Share(n, whole),
            lambda n: Count(n, "course"), lambda n: Count(n, "course", there=True),
            lambda n: Count(n, "score")]  # fmt: skip
    for way in ways:
        said = defaultdict(list)
        for n in range(whole + 1):
            rule = Disclosure(told=Told())
            rule.tells(whole, "course")
            said[str(Text(way(n)).under(rule))].append(n)
        least = min(whole - 1, 10)
        few = [own for own in said.values() if len(own) < least]
        narrowed = [n for own in few for n in own if n in range(1, 11) or whole - n in range(1, 11)]
        assert not narrowed


def test_none_of_a_study_of_one_are_none():
    rule = Disclosure(told=Told())
    rule.told.add(1, "course")
    assert Text(Count(0, "course", there=True)).under(rule) == "there are no courses"


@given(st.lists(st.integers(0, 300), min_size=2, max_size=12))
def test_no_two_counts_of_the_same_people_differ_by_a_few(numbers):
    rule = Disclosure(told=Told())
    shown = [n for n in numbers if rule.tells(n, "course")]
    assert all(a == b or abs(a - b) >= 11 for a in shown for b in shown)
    assert all(n == 0 or n >= 11 for n in shown)


@pytest.mark.parametrize(
    ("share", "shown", "hidden"),
    [
        (Share(20, 40), "50 %", "50 %"),
        (Share(0, 40), "0 %", "0 %"),
        (Share(40, 40), "100 %", "100 %"),
        (Share(3, 40), "8 %", "under 30 %"),  # 11 of 40 are 27.5 %, in steps of 5
        (Share(10, 40), "25 %", "under 30 %"),
        (Share(11, 40), "28 %", "28 %"),
        (Share(39, 40), "98 %", "over 70 %"),
        (Share(29, 40), "72 %", "72 %"),
        (Share(3, 11), "27 %", "a share not shown"),
        (Share(11, 12), "92 %", "a share not shown"),
        (Share(11, 22), "50 %", "50 %"),
        (Share(12, 22), "55 %", "over 50 %"),
        (Share(2, 9), "22 %", "a share not shown"),
        (Share(0, 9), "0 %", "a share not shown"),
    ],
)
def test_a_share_is_shown_or_bounded_by_what_it_would_tell_of_few(share, shown, hidden):
    assert str(share) == shown
    assert Text(share).under(REAL) == hidden
    assert Text(share).under(Disclosure(exempt=True)) == shown


@pytest.mark.parametrize(
    ("resting", "hidden"),
    [
        (Resting(12, words="one", otherwise="few"), "one"),
        (Resting(8, words="one", otherwise="few"), "few"),
        (Resting(35, of=40, words="one", otherwise="few"), "few"),  # five are missing
        (Resting(29, of=40, words="one", otherwise="few"), "one"),
        (Resting(0, of=40, words="one", otherwise="few"), "one"),
        (Resting(8, "score", words="one"), "fewer than 11 scores"),
        (Resting(8, words="one"), ""),
    ],
)
def test_words_that_rest_on_few_give_way(resting, hidden):
    assert str(resting) == "one"
    assert Text(resting).under(REAL) == hidden
    assert Text(resting).under(Disclosure(exempt=True)) == "one"


def test_what_stands_for_a_count_begins_a_sentence_in_a_capital():
    text = Text("Seen. ", Count(3, "score"), " of ", Count(4, "course"), ".")
    assert text.under(REAL) == "Seen. Fewer than 11 scores of fewer than 11 courses."
    assert Text("Whose? ", Count(3)).under(REAL) == "Whose? Fewer than 11"


def test_a_template_keeps_its_counts_and_joins_its_words():
    words = {"n": Count(3, "score"), "when": "at week 2", "of": Text("in ", Count(40, "course"))}
    made = filled("On {n}, {when} {of}.", words)
    assert made == "On 3 scores, at week 2 in 40 courses."
    assert made.parts == ("On ", words["n"], ", at week 2 in ", Count(40, "course"), ".")
    assert made.under(REAL) == "On fewer than 11 scores, at week 2 in 40 courses."
    assert filled("Nothing.", {}).parts == ("Nothing.",)


def test_texts_are_joined_by_what_stands_between_them_alone():
    assert joined(", ", []) == ""
    assert joined(", ", ["a"]) == "a"
    assert joined(", ", ["a", Count(2, "goal"), Text("c")]).parts == (
        "a", ", ", Count(2, "goal"), ", ", "c",
    )  # fmt: skip
    assert "x " + Text(Count(2, "goal")) + " y" == "x 2 goals y"
    assert isinstance("x" + Text("y"), Text)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (Count(1204, "visit", of=3000), "1,204 of 3,000 visits"),
        (Count(20, "course", more="of adapted patients"), "20 courses of adapted patients"),
        (Count(2, "course", of=1), "2 of 1 course"),
        (Count(0), "0"),
        (Count(0, there=True), "there are 0"),
        (Count(20, "goal", note="(50 %)"), "20 goals (50 %)"),
    ],
)
def test_a_count_is_said_with_what_belongs_to_it(count, said):
    assert str(count) == said


@pytest.mark.parametrize(
    "text",
    ["At least 10 courses", "at most 5 patients", "the first 3 visits", "fewer than 11 courses",
     "at week 12 in patients of this one therapist",
     "7 courses or more", "12.5 courses", "5 % of the width", "1 to 5 points"],
)  # fmt: skip
def test_requirements_are_no_bare_counts(text):
    assert told(text, REAL) == text


@pytest.mark.parametrize("text", ["7 visits", "n=7", "patients: 7", "7 of the 40 late courses"])
def test_a_bare_count_is_shown_of_simulated_data_alone(text):
    assert told(text, REAL) == UNDECLARED
    assert told(text, Disclosure(exempt=True)) == text
