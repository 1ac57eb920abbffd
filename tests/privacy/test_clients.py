"""Who is who in an export."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.privacy.clients import clients_of, ids_of
from outcomes.privacy.key_file import new_key


def people(names, births=None, records=None, contacts=(), days=()):
    nothing = [None] * len(names)
    return clients_of(names, births or nothing, records or nothing, contacts, days)


def groups(clients):
    """Return for each row the first row of the same person; -1 for nobody."""
    first = {}
    return [first.setdefault(n, i) if n >= 0 else -1 for i, n in enumerate(clients.of_row)]


def test_a_record_number_is_a_person():
    assert groups(people([None] * 4, records=["1", "2", None, "1"])) == [0, 1, -1, 0]


def test_ways_of_writing_one_name():
    names = ["Hugo Grünwald", "GRUNWALD, Hugo", " hugo  grünwald ", "Hugo Grunwalt"]
    assert groups(people(names, ["1950"] * 4)) == [0, 0, 0, 3]
    joined = people(names, ["1950"] * 4, contacts=[["602-555-0100"] * 4])
    assert groups(joined) == [0, 0, 0, 0]
    assert dict(joined.joined) == {"spelling, one birth date": 1}


def test_twins_share_birth_date_and_telephone_but_not_the_name():
    twins = people(["Castor Lee", "Polly Lee"], ["1950"] * 2, contacts=[["6025550100"] * 2])
    assert groups(twins) == [0, 1]
    assert twins.doubtful == (0, 1)  # one of them may be a short form that nobody listed


def test_one_name_in_two_scripts_with_one_birth_date_and_address_is_joined_and_in_doubt():
    names = ["Наталья Щербакова", "Natalia Shcherbakova Щербакова", "Иван Щербакова"]
    found = people(names, ["1954"] * 3, contacts=[["n@x.example"] * 3])
    assert groups(found) == [0, 0, 2]
    assert dict(found.joined) == {"a name in two scripts, one birth date": 1}
    assert {0, 1} <= set(found.doubtful)
    alone = people(names[:2], ["1954"] * 2)
    assert groups(alone) == [0, 1]


def test_like_names_with_nothing_in_common_are_in_doubt():
    phones = [["60255501", None, "x"]]
    alike = people(["Ann Leigh", "Anne Leigh", "Bob"], ["1950"] * 3, contacts=phones)
    assert groups(alike) == [0, 1, 2]
    assert alike.doubtful == (0, 1)


def test_a_missing_birth_date():
    names, births = ["A Lee", "A Lee", "B Ray", "B Ray", "B Ray", "C Poe"], ["1", None, "1", "2"]
    births = [*births, None, None]
    assert groups(people(names, births)) == [0, 0, 2, 3, -1, 5]
    phones = ["", "", "60255501", "60255502", "60255502", ""]
    assert groups(people(names, births, contacts=[phones]))[4] == 3


def test_without_any_birth_date_the_name_is_the_person():
    assert groups(people(["A Lee", "a lee", None])) == [0, 0, -1]


def test_several_spellings_join_in_a_chain():
    names = ["Anna Leighton", "Anna Leightom", "Ana Leightom"]
    contacts = [["60255501", "60255501", None], [None, "a@example.org", "a@example.org"]]
    assert groups(people(names, ["1950"] * 3, contacts=contacts)) == [0, 0, 0]


PHONES = ["602-555-0101", "602-555-0199"]
MAILS = ["john1@ex.example", "js@other.example"]


@pytest.mark.parametrize(
    ("names", "births", "records", "contacts", "expected"),
    [
        pytest.param(["John Smith"] * 4, None, None, [PHONES * 2, MAILS * 2], [0, 1, 0, 1],
                     id="two of one name with other telephone and e-mail"),
        pytest.param(["John Smith"] * 3, None, None, [[PHONES[0], PHONES[1], None]], [0, 1, -1],
                     id="a row of that name alone is nobody's"),
        pytest.param(["Katherine Lee", "Katharine Lee", "Kathy Lee"], None, None,
                     [[PHONES[0]] * 3], [0, 0, 0], id="spellings with one telephone"),
        pytest.param(["Ann Lee", "Bob Lee"] * 2, ["1961", "1959"] * 2, ["77"] * 4, [],
                     [0, 1, 0, 1], id="a household number"),
        pytest.param(["Ann Lee", "Bob Lee"], None, ["77"] * 2, [], [0, 1],
                     id="a household number without birth dates"),
        pytest.param(["Ann Lee", "Ann Lee"], ["1961"] * 2, ["1", "2"], [], [0, 0],
                     id="registered twice"),
        pytest.param(["Ann Lee", "Ann Lee"], None, ["1", "2"], [], [0, 1],
                     id="two records of one name alone"),
        pytest.param(["Ann Lee", "Ann Poe"], ["1961"] * 2, None, [["a@ex.example"] * 2], [0, 0],
                     id="a new family name"),
        pytest.param(["Ann Lee", "Ann Poe"], ["1961"] * 2, None, [], [0, 1],
                     id="a new family name that nothing else bears out"),
        pytest.param(["Mary Ellen Fox", "Mel Fox"], ["1961"] * 2, None, [["a@ex.example"] * 2],
                     [0, 0], id="letters of the name"),
        pytest.param(["Thaddeus Fox", "Ted Fox"], ["1961"] * 2, None, [["a@ex.example"] * 2],
                     [0, 0], id="a listed short form"),
        pytest.param(["Oluwaseun Fox", "Seun Fox"], ["1961"] * 2, None, [["a@ex.example"] * 2],
                     [0, 0], id="the end of the name"),
        pytest.param(["Wilhelmina Fox", "Billie Fox"], ["1961", "1962"], None,
                     [["a@ex.example"] * 2], [0, 1], id="a short form with another birth date"),
        pytest.param(["Ann Lee"] * 6, None, None,
                     [["555-0134", "555-0135", "tel. 55 501 34", "0171 111", "17 12", "1712"]],
                     [0, 1, 0, 3, 4, 4], id="short numbers, however they are written"),
        pytest.param(["Ann Lee"] * 4, None, None,
                     [["0171 1112223", "+49 171 1112223", "(602) 555-0134", "+1 602 555 0134"]],
                     [0, 0, 2, 2], id="a number with the code of a country and without"),
        pytest.param(["Ann Lee"] * 2, None, None, [["none", "000-0000"]], [0, 0],
                     id="no number at all"),
        pytest.param(["Sam Lee", "Sam Lee"], ["1930", "1961"], None, [["602-555-0101"] * 2],
                     [0, 1], id="father and son of one name and telephone"),
        pytest.param(["Łukasz Wałęsa", "LUKASZ WALESA", "Søren Ærø", "Soren Aero"], None, None, [],
                     [0, 0, 2, 2], id="letters that are no letter with an accent"),
        pytest.param(["Jürgen Müller", "Juergen Mueller", "Muller, Jurgen", "Søren Ærø",
                      "Soeren Aeroe"], ["1950"] * 5, None, [], [0, 0, 0, 3, 3],
                     id="umlauts written as two letters"),
        pytest.param(["Sean O’Neill", "Sean ONeill", "O Neill, Sean", "王小明", "王 小明",
                      "王小红"], ["1950"] * 6, None, [], [0, 0, 0, 3, 3, 5], id="blanks in a name"),
        pytest.param(["Jo Lee", "Joe Lee"], None, None, [], [0, 1], id="two letters that are two"),
        pytest.param(["Ida Holt", "Id\u00ada Ho\u200blt", "\ufeffIDA HOLT\u202c"], None, None, [],
                     [0, 0, 0], id="signs that nobody sees"),
        pytest.param(["مُحَمَّد علي", "محمد على", "דָּוִד כהן", "דוד כהן", "Пётр Ким", "Петр Ким",
                      "Андрей Ким", "Андреи Ким"], None, None, [], [0, 0, 2, 2, 4, 4, 6, 7],
                     id="points that people leave out"),
        pytest.param(["Prof. Dr. med. Ann Lee", "Ann Lee, M.D.", "Lee, Ann"], None, None, [],
                     [0, 0, 0], id="titles and degrees"),
        pytest.param(["रीना शर्मा", "रानी शर्मा"], None, None, [], [0, 1], id="vowel signs"),
        pytest.param(["ガトウ ハナ", "カトウ ハナ"], None, None, [], [0, 1], id="marks of kana"),
        pytest.param(["Anna Bo", "Ann Bo"], None, ["yes"] * 2, [], [0, 0],
                     id="spellings under one record"),
    ],
)  # fmt: skip
def test_who_is_one_person(names, births, records, contacts, expected):
    assert groups(people(names, births, records, contacts)) == expected


def test_people_who_came_on_one_day_are_not_one_by_a_short_form():
    names, mail = ["Amy Lee", "Ann Lee", "Amy Lee"], [["a@ex.example"] * 3]
    assert groups(people(names, ["1961"] * 3, None, mail, [1.0, 2.0, 3.0])) == [0, 0, 0]
    assert groups(people(names, ["1961"] * 3, None, mail, [1.0, 1.0, math.nan])) == [0, 1, 0]


def test_a_man_and_a_woman_who_come_in_turn_are_two_though_they_share_all_but_the_name():
    names, days = ["Jan Kern", "Jana Kern"] * 2, [1.0, 2.0, 3.0, 4.0]
    twins = people(names, ["1961"] * 4, None, [["k@ex.example"] * 4], days)
    assert groups(twins) == [0, 1, 0, 1]
    assert twins.doubtful == (0, 1, 2, 3)


def test_a_number_of_many_names_tells_nobody_apart():
    names = [f"{word} Lee" for word in ("Ann", "Anne", "Bo", "Cy", "Di", "Ed", "Flo", "Gus")]
    assert groups(people(names, contacts=[["602-555-0100"] * 8])) == list(range(8))


LATER = [
    # first export, later export (name, birth, contact), one person?
    (("Katherine Lee", "1961", "k@ex.example"), ("Katharine Lee", "1961", "k@ex.example"), True),
    (("Ann Lee", "1961", "k@ex.example"), ("Ann Poe", "1961", "k@ex.example"), True),
    (("Ann Lee", "1961", None), ("Ann Lee", None, None), True),
    (("Ann Lee", None, None), ("Ann Lee", "1961", None), True),
    (("Ann Lee", "1961", None), ("Ann Lee", "1962", None), False),
    (("Ann Lee", None, PHONES[0]), ("Ann Lee", None, PHONES[1]), False),
    (("Ann Lee", "1961", "k@ex.example"), ("Bob Lee", "1961", "k@ex.example"), False),
    (("Ann Lee", None, "k@ex.example"), ("Bob Lee", None, "k@ex.example"), False),
    (("Ann Lee", None, PHONES[0]), ("Lee, Ann", None, None), True),
    (("Ann Lee", None, PHONES[0]), ("Ann Poe", None, PHONES[0]), False),
    (("Lee", "1961", PHONES[0]), ("Poe", "1961", PHONES[0]), False),
]


@pytest.mark.parametrize(("first", "later", "same"), LATER)
def test_a_later_export_finds_its_person(first, later, same):
    key = new_key()
    ids = [
        ids_of(people([name], [birth], contacts=[[contact]]), key)[0]
        for name, birth, contact in (first, later, first)
    ]
    assert ids[2] == ids[0]
    assert (ids[1] == ids[0]) == same


def test_a_name_that_two_exports_gave_to_two_people_finds_neither():
    key = new_key()
    ids = [ids_of(people(["Ann Lee"], [birth]), key)[0][0] for birth in ("1961", "1962", None)]
    assert len(set(ids)) == 3


def test_a_name_that_two_people_have_finds_neither():
    key = new_key()
    (one, other), _ = ids_of(people(["Ann Lee"] * 2, ["1961", "1962"]), key)
    [third], _ = ids_of(people(["Ann Lee"]), key)
    assert third not in (one, other)
    assert ids_of(people(["Ann Lee"] * 2, ["1961", "1962"]), key)[0] == [one, other]


@given(st.permutations(list(range(6))))
def test_the_order_of_rows_makes_no_difference(order):
    names = ["A Lee", "Lee, A", "B Ray", "B Ray", "Bee Ray", "C Poe"]
    births, phones = ["1", "1", "1", "2", "2", None], ["60255501"] * 6
    straight = groups(people(names, births, contacts=[phones]))
    mixed = people([names[i] for i in order], [births[i] for i in order], contacts=[phones])
    for a, i in enumerate(order):
        for b, j in enumerate(order):
            same = mixed.of_row[a] == mixed.of_row[b]
            assert same == (straight[i] == straight[j])


KATHERINE = ("Katherine Lee", "1961", PHONES[0])
FOUND_AGAIN = [
    # people of the earlier export, the later one, whose id, why, in doubt?
    ([KATHERINE], ("Catherine Lee", "1961", PHONES[0]), 0, "spelling, one birth date", False),
    ([KATHERINE], ("Catherine Lee", "1984", PHONES[0]), None, "", True),
    ([KATHERINE], ("Catherine Lee", None, PHONES[0]), 0,
     "spelling, one telephone number or e-mail address", True),
    ([KATHERINE], ("Catherine Lee", None, PHONES[1]), None, "", False),
    ([KATHERINE], ("Catherine Lee", None, None), None, "", True),
    ([KATHERINE], ("Katherine Lee", None, None), 0, "", False),
    ([KATHERINE], ("Bob Ray", "1961", PHONES[0]), None, "", False),
    ([("Katherine Lee", None, None)], ("Catherine Lee", None, None), None, "", True),
    ([KATHERINE, ("Katherine Lee", "1984", PHONES[1])], ("Katherine Lee", None, None), None, "",
     True),
    ([KATHERINE, ("Katherine Lee", "1984", PHONES[1])], ("Catherine Lee", "1984", PHONES[1]), 1,
     "spelling, one birth date", False),
    ([("Ann Lee", "1950-01-02", None)], ("Ann Lee", "1950-02-01", None), None, "", True),
]  # fmt: skip


@pytest.mark.parametrize(("first", "later", "same", "why", "doubt"), FOUND_AGAIN)
def test_who_is_found_by_no_sign_is_held_against_those_of_earlier_exports(
    first, later, same, why, doubt
):
    key = new_key()
    names, births, contacts = zip(*first, strict=True)
    ids, _ = ids_of(people(names, births, contacts=[contacts]), key)
    before = [(name, "", one) for name, one in zip(names, ids, strict=True)]
    name, birth, contact = later
    [own], told = ids_of(people([name], [birth], contacts=[[contact]]), key, before)
    assert (ids.index(own) if own in ids else None) == same
    assert dict(+told.joined) == ({why: 1} if why else {})
    assert told.doubtful == ((0,) if doubt else ())
    assert told.of_row == (0,)


def test_of_two_signs_as_strong_the_one_that_both_state_counts():
    """A telephone joins the first two; a record that would join the first to another is later."""
    found = people(
        ["Katherine Lee", "Katharine Lee", "Kathrine Lee"], [None, "1950", "1961"],
        ["7", None, "7"], [[PHONES[0], PHONES[0], None]],
    )  # fmt: skip
    assert groups(found) == [0, 0, 2]
