"""Whether two may be one: each rule by a pair of people made for it."""

from __future__ import annotations

import pytest

from outcomes.privacy.person import Person, near_births, person_of, verdict

BORN, TURNED, OTHER = "1950-01-02", "1950-02-01", "1961-05-06"
PHONE, MAIL = "602-555-0100", "a@ex.example"
BY_BIRTH = "{}, one birth date"
BY_RECORD = "spelling, one record number"
BY_CONTACT = "spelling, one telephone number or e-mail address"


def who(name, birth=None, record=None, contact=None):
    return person_of(name, birth, record, [contact])


NOTHING, DOUBT = (None, False), (None, True)
RULES = {
    "other birth dates are two people": (
        who("Ann Lee", BORN), who("Ann Lee", OTHER), False, NOTHING),
    "day and month in turn": (who("Ann Lee", BORN), who("Ann Lee", TURNED), False, DOUBT),
    "mistyped, of another name": (who("Ann Lee", BORN), who("Bob Ray", TURNED), False, NOTHING),
    "one record, two birth dates": (
        who("Ann Lee", BORN, "7"), who("Bob Ray", OTHER, "7"), False, DOUBT),
    "father and son of one telephone": (
        who("Sam Lee", BORN, None, PHONE), who("Sam Lee", OTHER, None, PHONE), False, DOUBT),
    "like names of one telephone, two birth dates": (
        who("Katherine Lee", BORN, None, PHONE), who("Katharine Lee", OTHER, None, PHONE), False,
        DOUBT),
    "a telephone alone, two birth dates": (
        who("Ann Lee", BORN, None, PHONE), who("Bob Ray", OTHER, None, PHONE), False, NOTHING),
    "no name, one record": (who(None, None, "7"), who("Ann Lee", None, "7"), False, ("", False)),
    "no name, one birth date": (who(None, BORN), who("Ann Lee", BORN), False, NOTHING),
    "name and birth date": (who("Ann Lee", BORN), who("Lee, Ann", BORN), False, ("", False)),
    "registered twice": (
        who("Ann Lee", BORN, "1"), who("Ann Lee", BORN, "2"), False,
        ("two record numbers, one name and birth date", True)),
    "one name and birth date, two telephones, in turn": (
        who("Ann Lee", BORN, None, PHONE), who("Ann Lee", BORN, None, MAIL), True,
        ("two telephone numbers or addresses, one name and birth date", True)),
    "one name and birth date, a new telephone": (
        who("Ann Lee", BORN, None, PHONE), who("Ann Lee", BORN, None, MAIL), False, ("", False)),
    "name and telephone": (
        who("Ann Lee", None, None, PHONE), who("Ann Lee", None, None, PHONE), False, ("", False)),
    "name and record": (who("Ann Lee", None, "7"), who("Ann Lee", BORN, "7"), False, ("", False)),
    "name and telephone, two records": (
        who("Ann Lee", None, "1", PHONE), who("Ann Lee", None, "2", PHONE), False, DOUBT),
    "a name alone": (who("Ann Lee"), who("Ann Lee", BORN), False, NOTHING),
    "a name with two telephones": (
        who("Ann Lee", None, None, PHONE), who("Ann Lee", None, None, MAIL), False, DOUBT),
    "a spelling": (
        who("Katherine Lee", BORN, None, PHONE), who("Katharine Lee", BORN, None, PHONE), False,
        (BY_BIRTH.format("spelling"), False)),
    "a spelling under one record": (
        who("Katherine Lee", BORN, "7"), who("Katharine Lee", BORN, "7"), False,
        (BY_BIRTH.format("spelling"), False)),
    "a spelling, on one day": (
        who("Katherine Lee", BORN, None, PHONE), who("Katharine Lee", BORN, None, PHONE), True,
        (BY_BIRTH.format("spelling"), True)),
    "his name and hers": (
        who("Robert Lee", BORN, None, PHONE), who("Roberta Lee", BORN, None, PHONE), False,
        (BY_BIRTH.format("spelling"), True)),
    "first names that begin alike": (
        who("Marie Lee", BORN, None, PHONE), who("Marion Lee", BORN, None, PHONE), False,
        (BY_BIRTH.format("spelling"), True)),
    "endings of his name and hers": (
        who("Christian Lee", BORN, None, PHONE), who("Christina Lee", BORN, None, PHONE), False,
        (BY_BIRTH.format("spelling"), True)),
    "his name and hers, on one day": (
        who("Mario Lee", BORN, None, PHONE), who("Maria Lee", BORN, None, PHONE), True, DOUBT),
    "a new family name": (
        who("Ann Lee", BORN, None, MAIL), who("Ann Poe", BORN, None, MAIL), False,
        (BY_BIRTH.format("a new family name"), True)),
    "a new family name of two letters before it": (
        who("Bo Lee", BORN, None, MAIL), who("Bo Ray", BORN, None, MAIL), False, DOUBT),
    "a short form": (
        who("Thaddeus Fox", BORN, None, MAIL), who("Ted Fox", BORN, None, MAIL), False,
        (BY_BIRTH.format("a short form of the name"), True)),
    "a short form, on one day": (
        who("Thaddeus Fox", BORN, None, MAIL), who("Ted Fox", BORN, None, MAIL), True, DOUBT),
    "twins": (
        who("Castor Lee", BORN, None, PHONE), who("Polly Lee", BORN, None, PHONE), False, DOUBT),
    "one birth date and telephone, nothing else": (
        who("Castor Lee", BORN, None, PHONE), who("Polly Ray", BORN, None, PHONE), False, DOUBT),
    "one record, a spelling": (
        who("Anna Bo", None, "7"), who("Ann Bo", None, "7"), False, (BY_RECORD, False)),
    "one record, a short form": (
        who("Thaddeus Fox", None, "7"), who("Ted Fox", None, "7"), False, (BY_RECORD, True)),
    "one record, a new family name": (
        who("Ann Lee", None, "7"), who("Ann Poe", None, "7"), False, (BY_RECORD, True)),
    "one record of a household": (
        who("Ann Lee", None, "7"), who("Bob Ray", None, "7"), False, DOUBT),
    "one telephone, a spelling": (
        who("Katherine Lee", None, None, PHONE), who("Katharine Lee", None, None, PHONE), False,
        (BY_CONTACT, True)),
    "one telephone, a spelling, on one day": (
        who("Katherine Lee", None, None, PHONE), who("Katharine Lee", None, None, PHONE), True,
        DOUBT),
    "one telephone, a spelling, two records": (
        who("Katherine Lee", None, "1", PHONE), who("Katharine Lee", None, "2", PHONE), False,
        DOUBT),
    "one telephone, the beginning of a name": (
        who("Zebulonia Fox", None, None, PHONE), who("Zebu Fox", None, None, PHONE), False,
        (BY_CONTACT, True)),
    "one telephone, a listed short form": (
        who("Thaddeus Fox", None, None, PHONE), who("Ted Fox", None, None, PHONE), False,
        (BY_CONTACT, True)),
    "one telephone, names that begin with one letter": (
        who("Zebulonia Fox", None, None, PHONE), who("Zoe Fox", None, None, PHONE), False, NOTHING),
    "one telephone of a household": (
        who("Ann Lee", None, None, PHONE), who("Bob Lee", None, None, PHONE), False, NOTHING),
    "one telephone, an initial": (
        who("A Lee", None, None, PHONE), who("Ann Lee", None, None, PHONE), False, DOUBT),
    "one birth date, like names": (
        who("Ann Leigh", BORN), who("Anne Leigh", BORN), False, DOUBT),
    "one birth date, one first name": (who("Ann Lee", BORN), who("Ann Poe", BORN), False, DOUBT),
    "one birth date": (who("Ann Lee", BORN), who("Bob Ray", BORN), False, NOTHING),
    "like names and nothing else": (who("Katherine Lee"), who("Katharine Lee"), False, DOUBT),
    "like names, one with a record": (
        who("Katherine Lee"), who("Katharine Lee", None, "7"), False, DOUBT),
    "two names": (who("Ann Lee"), who("Bob Ray"), False, NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_what_joins_two_and_what_is_in_doubt(rule):
    one, other, together, expected = RULES[rule]
    assert verdict(one, other, together=together) == expected
    assert verdict(other, one, together=together) == expected


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("Ann Lee", "ann", "lee"),
        ("Lee, Ann M.", "ann m", "lee"),
        ("Dr. Ann Lee", "ann", "lee"),
        ("Lee, Mrs Ann", "ann", "lee"),
        ("Frau Dr. Lee, Ann", "ann", "lee"),
        ("JosÃ© NÃºÃ±ez", "jose", "nunez"),
        ("Mr Lee", "mr", "lee"),  # no name is left without it
        ("Lee", "", "lee"),
        (None, "", ""),
    ],
)
def test_a_name_is_read_without_titles(name, given, family):
    found = person_of(name, None, None, [])
    assert (found.given, found.family) == (given, family)


def test_what_a_row_says_is_plain():
    reached = ["+1 602 555 0100", "0100", "11", "555 5555", "none", None, "A@Ex.example"]
    found = person_of("Lee, Ann", "1950", " R-7 ", reached)
    told = frozenset({"025550100", "0100", "aexexample"})  # the last nine digits, or all of fewer
    assert found == Person("ann", "lee", "1950", "r 7", told)
    assert found.name == "ann lee"


@pytest.mark.parametrize(
    ("person", "bare"),
    [
        (who("Ann Lee"), True),
        (who("P 17"), False),
        (who("Ann Lee", BORN), False),
        (who("Ann Lee", None, "7"), False),
        (who("Ann Lee", None, None, PHONE), False),
    ],
)
def test_a_name_is_bare_where_nothing_else_is_known_and_it_is_no_code(person, bare):
    assert person.is_bare is bare


def test_birth_dates_that_one_slip_makes_of_one():
    found = near_births(BORN)
    assert TURNED in found
    assert BORN not in found
    assert len(found) == 8 * 9 + 1
    differ = [sum(a != b for a, b in zip(BORN, near, strict=True)) for near in found - {TURNED}]
    assert set(differ) == {1}
