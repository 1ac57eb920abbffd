"""What rows say of their person, and whether two may be one: no weak sign against a strong one."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from outcomes.plain_text import shipped
from outcomes.privacy.names import WORDS
from outcomes.privacy.patterns import plain

ALIKE = 0.8
"""Similarity from which two words may be spellings of one (`difflib.SequenceMatcher.ratio`)."""
BEGINS = 3
"""Letters of a first name that a spelling keeps."""


BY_CONTACT = "spelling, one telephone number or e-mail address"
"""Why two are joined of whom one spelling and one contact alone speak."""
_DIGITS = 9
_HIS_AND_HERS = re.compile(
    r"(.{3,})(?:(?:|o|us|es|os|s) \1(?:i?n?[ae]|l[ae]|lle|ie|ette|)|an \1n[ae]|er \1ra|is \1es)"
)
"""Endings of his name and of hers: Robert, Roberta; Mario, Maria; Christian, Christina."""


@dataclass(frozen=True)
class Person:
    """What one or several rows say of their person.

    Parameters
    ----------
    given, family : str
        Plain words of the name; the family name is the last word, or what stands before a comma.
    birth, record : str
        As the rows write them, plainly; empty where they do not.
    contacts : frozenset of str
        Telephone numbers and e-mail addresses.
    """

    given: str = ""
    family: str = ""
    birth: str = ""
    record: str = ""
    contacts: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The words of the name in alphabetical order."""
        return " ".join(sorted(f"{self.given} {self.family}".split()))

    @property
    def is_bare(self) -> bool:
        """Whether nothing is known but the name, which is no code."""
        coded = any(map(str.isdigit, self.name))
        return not (self.birth or self.record or self.contacts or coded)

    @property
    def letters(self) -> str:
        """The letters of the name: ONeill is O'Neill, and Mueller is Müller or Muller."""
        return re.sub(r"([aou])e|\s", r"\1", f"{self.given} {self.family}")


def person_of(
    name: str | None, birth: str | None, record: str | None, contacts: Iterable[str | None]
) -> Person:
    """Return what a row says of its person."""
    name = _repaired(name or "")
    head, _, degree = name.rpartition(",")
    is_degree = plain(degree).replace(" ", "") in WORDS["degrees"]
    name = head if " " in head.strip() and is_degree else name
    family, comma, given = name.partition(",")
    words = _untitled(plain(given if comma else family).split(), 1 if comma else 2)
    last = _untitled(plain(family).split(), 1) if comma else words[-1:]
    return Person(
        " ".join(words if comma else words[:-1]), " ".join(last), birth or "",
        record_of(record or ""), frozenset(filter(None, map(_contact, contacts))),
    )  # fmt: skip


def _repaired(name: str) -> str:
    """Return a name of whose letters a program made two each: JosÃ© is José."""
    with suppress(UnicodeError):
        return name.encode("cp1252").decode("utf-8")
    return name


def record_of(cell: str) -> str:
    """Return a record number plainly; a spreadsheet makes 12 or 12.0 of 0012.

    Examples
    --------
    >>> [record_of(cell) for cell in ("0012", "12.0", " R-007 ")]
    ['12', '12', 'r 007']
    """
    number = re.fullmatch(r"\s*0*(\d+)(?:\.0+)?\s*", cell)
    return number[1] if number else plain(cell)


def _contact(cell: str | None) -> str:
    """Return an e-mail address in plain letters, or the last digits of a telephone number.

    Nine digits tell numbers apart, with the code of a country before them or without. Fewer than
    three, one digit repeated, and words are no number.
    """
    if "@" in (cell or ""):
        return plain(cell or "").replace(" ", "")
    digits = "".join(filter(str.isdecimal, cell or ""))
    return digits[-_DIGITS:] if len(digits) > 2 and len({*digits}) > 1 else ""


def _untitled(words: list[str], least: int) -> list[str]:
    """Return the words of a name without titles and degrees, where a name is left."""
    while len(words) > least and words[0] in WORDS["called"]:
        words = words[1:]
    while len(words) > least and words[-1] in WORDS["degrees"]:
        words = words[:-1]
    return words


def verdict(one: Person, other: Person, *, together: bool) -> tuple[str | None, bool]:
    """Return what joins two (None: nothing does; empty: nothing to tell), and any doubt of it.

    `together`: they came on one day, or in turn, as two people of one household do.
    """
    born, recorded = one.birth == other.birth != "", one.record == other.record != ""
    reached, same = bool(one.contacts & other.contacts), one.letters == other.letters != ""
    named = one.name == other.name != "" or (born and (same or _but_an_initial(one, other)))
    spelled = named or same or _spelled(one, other)
    if one.birth and other.birth and not born:
        mistyped = named and other.birth in near_births(one.birth)
        return None, recorded or (spelled and reached) or mistyped
    if not one.name or not other.name:
        alone = not (one.name or other.name or one.record or other.record)
        return ("" if recorded or (alone and reached) else None), False
    other_contact = bool(one.contacts and other.contacts) and not reached
    other_record = bool(one.record and other.record) and not recorded
    if named and born and (other_record or (other_contact and together)):
        two = "record numbers" if other_record else "telephone numbers or addresses"
        return f"two {two}, one name and birth date", True
    if named:
        joined = born or recorded or (reached and not other_record)
        return ("", False) if joined else (None, other_contact or other_record)
    short = _short_form(one, other) and not together
    hers = _his_and_hers(one, other)
    if born and (reached or recorded):
        new_name = one.given == other.given and len(one.given) >= BEGINS
        reasons = {"spelling": spelled, "a short form of the name": short,
                   "a new family name": new_name,
                   "a name in two scripts": _two_scripts(one, other)}  # fmt: skip
        why = next(
            (word for word, holds in reasons.items() if holds and not (together and hers)), ""
        )
        doubt = together or hers or not _alike(one, other)
        return (f"{why}, one birth date" if why else None), doubt
    if recorded:
        joins = spelled or short or one.given == other.given != ""
        return ("spelling, one record number" if joins else None), not spelled
    begins = short and _known_short(one.given, other.given)
    if reached and not other_record and (spelled or begins):
        apart = together or hers
        return (None if apart else BY_CONTACT), True
    first, second = (person.given.partition(" ")[0] for person in (one, other))
    married = first == second and len(first) >= BEGINS
    alike = spelled or short or married or _two_scripts(one, other)
    initial = short and min(len(one.given), len(other.given)) == 1
    bare = spelled and (one.is_bare or other.is_bare)
    return None, (born and alike) or (reached and (spelled or initial)) or bare


def _but_an_initial(one: Person, other: Person) -> bool:
    """Whether one name is the other, of two words or more, with an initial."""
    words, others = {*one.name.split()}, {*other.name.split()}
    return (words < others or others < words) and len(words & others) > 1 and all(
        len(word) == 1 for word in words ^ others)  # fmt: skip


def near_births(birth: str) -> set[str]:
    """Return the birth dates that one mistyped digit, or day and month in turn, make of one.

    Examples
    --------
    >>> "1950-02-01" in near_births("1950-01-02"), "1950-01-12" in near_births("1950-01-02")
    (True, True)
    """
    turned = f"{birth[:5]}{birth[8:]}-{birth[5:7]}"
    digits = [i for i, sign in enumerate(birth) if sign.isdigit()]
    return {turned, *(birth[:i] + d + birth[i + 1 :] for i in digits for d in "0123456789")} - {
        birth
    }


def _two_scripts(one: Person, other: Person) -> bool:
    """Whether what two names do not share begins alike, in letters of different scripts."""
    shared = set(one.name.split()) & set(other.name.split())
    words = [[word for word in person.name.split() if word not in shared]
             for person in (one, other)]  # fmt: skip
    scripts = [{unicodedata.name(word[0], "").partition(" ")[0] for word in own} for own in words]
    begin = [{_latin(word[0]) for word in own} for own in words]
    return scripts[0].isdisjoint(scripts[1]) and not begin[0].isdisjoint(begin[1])


def _latin(sign: str) -> str:
    """Return the Latin letter that a letter's name begins with: n of CYRILLIC SMALL LETTER EN."""
    name = unicodedata.name(sign, "").rpartition(" LETTER ")[2].casefold()
    return name[1] if len(name) == 2 and name.startswith("e") else name[:1]


def _spelled(one: Person, other: Person) -> bool:
    """Whether two names may be spellings of one: given and family name each are alike."""
    if _ratio(one.name, other.name) < ALIKE:
        return False
    pairs = ((one.given, other.given), (one.family, other.family))
    return all(a == b or _ratio(a, b) >= ALIKE or _known_short(a, b) for a, b in pairs)


def _alike(one: Person, other: Person) -> bool:
    """Whether both parts of two names are nearly the same, and not of one beginning alone."""
    return min(_ratio(one.given, other.given), _ratio(one.family, other.family)) >= ALIKE


def _his_and_hers(one: Person, other: Person) -> bool:
    """Whether two first names differ by the ending of a man's name and of a woman's."""
    both = (f"{one.given} {other.given}", f"{other.given} {one.given}")
    return one.given != other.given and any(map(_HIS_AND_HERS.fullmatch, both))


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _short_form(one: Person, other: Person) -> bool:
    """Whether one first name may be a short form of the other, under one family name."""
    shared = set(one.name.split()) & set(other.name.split())
    given = [" ".join(w for w in f"{p.given} {p.family}".split() if w not in shared)
             for p in (one, other)]  # fmt: skip
    if not shared or not all(given):
        return bool(shared)  # one has a middle name more
    short, long = sorted((word.replace(" ", "") for word in given), key=len)
    return short[0] == long[0] or long.endswith(short) or _known_short(*given)


def _known_short(one: str, other: str) -> bool:
    """Whether a word of one name begins a word of the other, or is known to be short for it."""
    names = _short_forms()
    return any((a.startswith(b[:BEGINS]) and min(len(a), len(b)) >= BEGINS)
               or bool(names.get(a, frozenset()) & names.get(b, frozenset()))
               for a in one.split() for b in other.split())  # fmt: skip


@cache
def _short_forms() -> dict[str, frozenset[int]]:
    """Return word to the numbers of the names that it may be short for."""
    lines = shipped("privacy/nicknames.toml")["names"]
    words = {word for line in lines for word in line.split()}
    return {
        word: frozenset(i for i, line in enumerate(lines) if word in line.split()) for word in words
    }
