"""Who is who in an export."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outcomes.privacy.clients import by_name, by_record


def groups(clients):
    """Return for each row the first row of the same person; -1 for nobody."""
    first = {}
    return [first.setdefault(own, i) if own else -1 for i, own in enumerate(clients.spellings)]


def test_a_record_number_is_a_person():
    assert groups(by_record(["1", "2", None, "1"])) == [0, 1, -1, 0]


def test_ways_of_writing_one_name():
    names = ["Hugo Grünwald", "GRUNWALD, Hugo", " hugo  grünwald ", "Hugo Grunwalt"]
    assert groups(by_name(names, ["1950"] * 4)) == [0, 0, 0, 3]
    joined = by_name(names, ["1950"] * 4, [["602-555-0100"] * 4])
    assert groups(joined) == [0, 0, 0, 0]
    assert joined.n_joined == 1


def test_twins_share_birth_date_and_telephone_but_not_the_name():
    twins = by_name(["Castor Lee", "Polly Lee"], ["1950"] * 2, [["6025550100"] * 2])
    assert groups(twins) == [0, 1]
    assert twins.doubtful == ()


def test_like_names_with_nothing_in_common_are_in_doubt():
    alike = by_name(["Ann Leigh", "Anne Leigh", "Bob"], ["1950"] * 3, [["60255501", None, "x"]])
    assert groups(alike) == [0, 1, 2]
    assert alike.doubtful == (0, 1)


def test_a_missing_birth_date():
    names, births = ["A Lee", "A Lee", "B Ray", "B Ray", "B Ray", "C Poe"], ["1", None, "1", "2"]
    births = [*births, None, None]
    one = by_name(names, births)
    assert groups(one) == [0, 0, 2, 3, -1, -1]
    assert one.n_completed == 1
    phones = ["", "", "60255501", "60255502", "60255502", ""]
    assert groups(by_name(names, births, [phones]))[4] == 3


def test_without_any_birth_date_the_name_is_the_person():
    assert groups(by_name(["A Lee", "a lee", None], [None] * 3)) == [0, 0, -1]


def test_several_spellings_join_in_a_chain():
    names = ["Anna Leighton", "Anna Leightom", "Ana Leightom"]
    clients = by_name(names, ["1950"] * 3, [["60255501", "60255501", None],
                                            [None, "a@example.org", "a@example.org"]])  # fmt: skip
    assert groups(clients) == [0, 0, 0]
    assert clients.n_joined == 1


@given(st.permutations(list(range(6))))
def test_the_order_of_rows_makes_no_difference(order):
    names = ["A Lee", "Lee, A", "B Ray", "B Ray", "Bee Ray", "C Poe"]
    births, phones = ["1", "1", "1", "2", "2", None], ["60255501"] * 6
    straight = groups(by_name(names, births, [phones]))
    mixed = by_name([names[i] for i in order], [births[i] for i in order], [phones])
    for a, i in enumerate(order):
        for b, j in enumerate(order):
            same = mixed.spellings[a] == mixed.spellings[b]
            assert same == (straight[i] == straight[j])
