"""Which rows are of one person, by evidence: no weak sign ever stands against a strong one."""

from __future__ import annotations

import difflib
import math
import secrets
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from itertools import combinations

from outcomes.privacy.key_file import KeyFile
from outcomes.privacy.patterns import plain

ALIKE = 0.8
"""Similarity from which two words may be spellings of one (`difflib.SequenceMatcher.ratio`)."""
BEGINS = 3
"""Letters of a first name that a spelling keeps."""


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
        """Whether nothing is known but the name."""
        return not (self.birth or self.record or self.contacts)


def person_of(
    name: str | None, birth: str | None, record: str | None, contacts: Iterable[str | None]
) -> Person:
    """Return what a row says of its person."""
    family, comma, given = (name or "").partition(",")
    words = plain(given if comma else family).split()
    last = plain(family).split() if comma else words[-1:]
    reached = (plain(cell).replace(" ", "") for cell in contacts if cell)
    return Person(
        " ".join(words if comma else words[:-1]), " ".join(last), birth or "",
        plain(record or ""), frozenset(text for text in reached if len(text) > 4),
    )  # fmt: skip


@dataclass(frozen=True)
class _Signs:
    """What two people have in common, and what speaks against their being one."""

    named: bool
    born: bool
    reached: bool
    recorded: bool
    other_birth: bool
    other_contact: bool
    other_record: bool
    spelled: bool


def _signs(one: Person, other: Person) -> _Signs:
    named, reached = one.name == other.name != "", bool(one.contacts & other.contacts)
    born, recorded = one.birth == other.birth != "", one.record == other.record != ""
    return _Signs(
        named, born, reached, recorded,
        other_birth=bool(one.birth and other.birth) and not born,
        other_contact=bool(one.contacts and other.contacts) and not reached,
        other_record=bool(one.record and other.record) and not recorded,
        spelled=named or _spelled(one, other),
    )  # fmt: skip


def verdict(one: Person, other: Person, *, together: bool) -> tuple[str | None, bool]:
    """Return what joins two (None: nothing does; empty: nothing to tell), and any doubt of it."""
    signs = _signs(one, other)
    if signs.other_birth:
        mistyped = signs.named and other.birth in near_births(one.birth)
        return None, signs.recorded or (signs.spelled and signs.reached) or mistyped
    if not one.name or not other.name:
        return ("" if signs.recorded else None), False
    if signs.named:
        return _of_one_name(signs)
    short = _short_form(one, other) and not together
    if signs.born and (signs.reached or signs.recorded):
        new_name = one.given == other.given and len(one.given) >= BEGINS
        why = _first(("spelling", signs.spelled), ("a short form of the name", short),
                     ("a new family name", new_name),
                     ("a name in two scripts", _two_scripts(one, other)))  # fmt: skip
        return (f"{why}, one birth date" if why else None), not signs.spelled and (
            bool(why) or one.family == other.family
        )
    if signs.recorded:
        joins = signs.spelled or short or one.given == other.given != ""
        return ("spelling, one record number" if joins else None), not signs.spelled
    begins = short and _known_short(one.given, other.given)
    if signs.reached and not signs.other_record and (signs.spelled or begins):
        return "spelling, one telephone number or e-mail address", True
    first, second = (person.given.partition(" ")[0] for person in (one, other))
    married = first == second and len(first) >= BEGINS
    alike = signs.spelled or short or married
    bare = one.is_bare and other.is_bare
    return None, (signs.born and alike) or (signs.spelled and (signs.reached or bare))


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


def _of_one_name(signs: _Signs) -> tuple[str | None, bool]:
    if signs.born and signs.other_record:
        return "two record numbers, one name and birth date", True
    if signs.born or signs.recorded or (signs.reached and not signs.other_record):
        return "", False
    return None, signs.other_contact or signs.other_record


def _first(*choices: tuple[str, bool]) -> str:
    return next((word for word, holds in choices if holds), "")


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
    return any(
        (a.startswith(b[:BEGINS]) and min(len(a), len(b)) >= BEGINS)
        or bool(names.get(a, frozenset()) & names.get(b, frozenset()))
        for a in one.split()
        for b in other.split()
    )  # fmt: skip


@cache
def _short_forms() -> dict[str, frozenset[int]]:
    """Return word to the numbers of the names that it may be short for."""
    text = resources.files("outcomes.privacy").joinpath("nicknames.toml").read_text("utf-8")
    lines = tomllib.loads(text)["names"]
    words = {word for line in lines for word in line.split()}
    return {
        word: frozenset(i for i, line in enumerate(lines) if word in line.split()) for word in words
    }


Cells = Sequence[str | None]

_SHARED = 6  # names that one telephone number may have; more, and it is the clinic's
_BLOCK = 300  # people with one sign in common that are looked at pair by pair
_HAS = "\0has"
UNREAD = "?"
"""What stands before a birth date that nobody could read: it tells rows apart, nothing more."""


@dataclass(frozen=True)
class Clients:
    """The people of an export.

    Parameters
    ----------
    of_row : tuple of int
        Number of each row's person; -1 where it is not known.
    evidence : tuple of tuple of str
        For each person what finds him or her again in a later export, the strongest first.
    joined : Counter of str
        People whose rows were joined, by what joined them.
    doubtful : tuple of int
        0-based positions of rows that may be of another person than they count for.
    said : tuple of tuple of Person
        For each person what the export says of him or her.
    """

    of_row: tuple[int, ...]
    evidence: tuple[tuple[str, ...], ...]
    joined: Counter[str] = field(default_factory=Counter)
    doubtful: tuple[int, ...] = ()
    said: tuple[tuple[Person, ...], ...] = ()


def clients_of(
    names: Cells,
    births: Cells,
    records: Cells,
    contacts: Sequence[Cells] = (),
    days: Sequence[float] = (),
) -> Clients:
    """Return the people of an export.

    Parameters
    ----------
    names : sequence of str or None
        Names, one a row. "Lee, Ann" and "Ann Lee", case, accents and blanks make no difference.
    births : sequence of str or None
        Birth dates, one a row, all written in one way.
    records : sequence of str or None
        Record numbers, one a row.
    contacts : sequence of sequences
        Columns of telephone numbers, e-mail addresses and the like.
    days : sequence of float, optional
        Day of each row. People who came on one day are not joined by a short form of the name.

    Returns
    -------
    Clients

    Examples
    --------
    >>> nobody = [None] * 3
    >>> people = clients_of(["Ann Lee", "LEE, Ann", "Ann Lee"], ["1950", "1950", "1961"], nobody)
    >>> people.of_row
    (0, 0, 1)
    """
    reached = list(zip(*contacts, strict=True)) or [()] * len(names)
    said = [person_of(*of_row) for of_row in zip(names, births, records, reached, strict=True)]
    telling = _telling(list(dict.fromkeys(said)))
    rows = [telling[person] for person in said]
    seen: dict[Person, set[float]] = defaultdict(set)
    for person, day in zip(rows, days or [math.nan] * len(rows), strict=True):
        seen[person] |= set() if math.isnan(day) else {day}
    groups = _Groups([person for person in seen if person.name or person.record])
    doubts = _join(groups, seen)
    nobody = _join_by_name_alone(groups)
    known = {person: one for person, one in groups.leader.items() if person not in nobody}
    number = {leader: i for i, leader in enumerate(dict.fromkeys(known.values()))}
    evidence = _exclusive([_evidence(groups.members[leader]) for leader in number])
    return Clients(
        tuple(number[known[p]] if p in known else -1 for p in rows), evidence, groups.joined,
        tuple(i for i, person in enumerate(rows) if person in doubts),
        tuple(tuple(groups.members[leader]) for leader in number),
    )  # fmt: skip


def ids_of(
    clients: Clients, key: KeyFile, before: Iterable[Earlier] = ()
) -> tuple[list[str], Clients]:
    """Return the random id of each person of an export; the key remembers new ones.

    A name alone finds a person of an earlier export only where nothing speaks against it: not where
    both exports state a birth date, a contact or a record, and these differ. Who is found by no
    sign is held against the people of earlier exports as people of one export are: joined by a
    spelling where the evidence allows it, else in doubt.

    Parameters
    ----------
    clients : Clients
        The people of the export.
    key : KeyFile
        The key of the study.
    before : iterable of Earlier
        Name, record and id of the people of earlier exports.

    Returns
    -------
    list of str
        An id for each person.
    Clients
        The same people, with what was joined and what is in doubt now.
    """
    known = _by_words(before)
    joined, doubts, ids = Counter(clients.joined), set(), []
    for i, evidence in enumerate(clients.evidence):
        found = _known_sign(evidence, key)
        if found is None and known:
            found, why, in_doubt = _earlier(clients.said[i], known, key)
            joined[why] += bool(why)
            doubts |= {i} if in_doubt else set()
        ids.append(_bound(evidence, key, found))
    doubtful = {*clients.doubtful, *(i for i, who in enumerate(clients.of_row) if who in doubts)}
    return ids, replace(clients, joined=joined, doubtful=tuple(sorted(doubtful)))


Earlier = tuple[str, str, str]
"""Name, record and id of a person of an earlier export."""


def _by_words(before: Iterable[Earlier]) -> dict[str, set[Earlier]]:
    """Return people of earlier exports by each word of their name, and by its initials."""
    known: dict[str, set[Earlier]] = defaultdict(set)
    for entry in before:
        for word in _words_of(person_of(entry[0], None, None, ())):
            known[word].add(entry)
    return known


def _words_of(person: Person) -> list[str]:
    words = person.name.split()
    return [*words, "".join(sorted(word[0] for word in words))]


def _earlier(
    said: Sequence[Person], known: Mapping[str, set[Earlier]], key: KeyFile
) -> tuple[str | None, str, bool]:
    """Return the sign of the earlier person whom one is joined to, why, and any doubt."""
    in_doubt = False
    for one in said:
        for entry in sorted({e for word in _words_of(one) for e in known.get(word, ())}):
            other = _as_known(entry, one, key)
            why, doubt = verdict(one, other, together=False)
            in_doubt |= doubt or (one.is_bare and one.name == other.name)
            if why is not None:
                signs = (sign for sign in _evidence([other]) if not sign.startswith(_HAS))
                found = next((s for s in signs if key.known("patient", s) == entry[2]), None)
                return found, why, in_doubt
    return None, "", in_doubt


def _as_known(entry: Earlier, one: Person, key: KeyFile) -> Person:
    """Return an earlier person beside another: birth date and contacts are asked of the key."""
    name, record, patient = entry
    other = person_of(name, None, record, ())
    births = (one.birth, *sorted(near_births(one.birth)))
    birth = next((birth for birth in births if birth
                  and key.known("patient", f"{other.name}\0{birth}") == patient), "")  # fmt: skip
    reached = [contact for contact in one.contacts
               if key.known("patient", f"{contact}\0{other.name}") == patient]  # fmt: skip
    states = {what for what in ("birth", "contacts")
              if key.known("mark", f"{patient}{_HAS} {what}")}  # fmt: skip
    return replace(
        other,
        birth=birth or ("another" if "birth" in states else ""),
        contacts=frozenset(reached or (["another"] if "contacts" in states else [])),
    )


def _known_sign(evidence: Sequence[str], key: KeyFile) -> str | None:
    """Return the sign by which the key knows a person; None where it knows nobody by any."""
    marks = [sign for sign in evidence if sign.startswith(_HAS)]
    signs = [sign for sign in evidence if not sign.startswith(_HAS)]
    for sign in sorted(signs, key=lambda sign: "\0" not in sign):  # a name alone comes last
        held = key.known("patient", sign)
        spoken_against = "\0" not in sign and any(key.known("mark", f"{held}{m}") for m in marks)
        if held and not spoken_against:
            return sign
    return None


def _bound(evidence: Sequence[str], key: KeyFile, found: str | None) -> str:
    """Return the id of a person; the key remembers all signs of him or her."""
    marks = [sign for sign in evidence if sign.startswith(_HAS)]
    alone = [sign for sign in evidence if "\0" not in sign]
    signs = [sign for sign in evidence if sign not in (*marks, *alone)]
    new = signs or [sign for sign in alone if key.known("patient", sign) is None]
    one = key.id_of("patient", found or next(iter(new), secrets.token_hex()))
    key.bind("patient", one, *signs)
    for sign in alone:  # of several people a name alone finds nobody
        key.bind("patient", one if key.known("patient", sign) in (None, one) else "", sign)
    key.bind("mark", one, *(one + mark for mark in marks))
    return one


def _telling(people: Sequence[Person]) -> dict[Person, Person]:
    """Return people without the contacts that many names share: these tell nobody apart."""
    names: dict[str, set[str]] = defaultdict(set)
    for person in people:
        for contact in person.contacts:
            names[contact].add(person.name)
    many = {contact for contact, own in names.items() if len(own) > _SHARED}
    return {person: replace(person, contacts=person.contacts - many) for person in people}


class _Groups:
    """People put together, each under one leader; births that differ keep groups apart."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.leader = {person: person for person in people}
        self.members = {person: [person] for person in people}
        self.joined: Counter[str] = Counter()

    def births(self, person: Person) -> set[str]:
        return {one.birth for one in self.members[self.leader[person]] if one.birth}

    def join(self, one: Person, other: Person, why: str, *, despite: bool = False) -> bool:
        """Put the groups of two together; returns False where birth dates speak against it."""
        first, second = self.leader[one], self.leader[other]
        if first == second:
            return True
        if len(self.births(one) | self.births(other)) > 1 and not despite:
            return False
        self.joined[why] += bool(why)
        moved = self.members.pop(second)
        self.members[first] += moved
        self.leader.update(dict.fromkeys(moved, first))
        return True


def _join(groups: _Groups, seen: Mapping[Person, set[float]]) -> set[Person]:
    """Join what is one person, strong signs first; return those of whom it is in doubt."""
    doubts: set[Person] = set()
    for one, other in sorted(_pairs(list(groups.leader)), key=lambda pair: _weakness(*pair)):
        why, in_doubt = verdict(one, other, together=bool(seen[one] & seen[other]))
        joined = why is not None and groups.join(one, other, why)
        if in_doubt and (joined or groups.leader[one] != groups.leader[other]):
            doubts |= {one, other}
    return doubts


def _pairs(people: Sequence[Person]) -> Iterator[tuple[Person, Person]]:
    """Yield each pair that has a name, a birth date, a record or a contact in common, once."""
    blocks: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, one in enumerate(people):
        signs = [("name", one.name), ("birth", one.birth), ("record", one.record)]
        signs += [("bare", word) for word in (_words_of(one) if one.is_bare else ())]
        for sign in [*signs, *(("contact", contact) for contact in one.contacts)]:
            if sign[1]:
                blocks[sign].append(i)
    usable = (block for block in blocks.values() if len(block) <= _BLOCK)
    for i, j in {pair for block in usable for pair in combinations(block, 2)}:
        yield people[i], people[j]


def _weakness(one: Person, other: Person) -> tuple[int, list[str]]:
    return (
        -2 * (one.name == other.name) - 2 * (one.birth == other.birth != "")
        - (one.record == other.record != "") - bool(one.contacts & other.contacts),
        sorted((repr(one), repr(other))),
    )  # fmt: skip


def _join_by_name_alone(groups: _Groups) -> set[Person]:
    """Give who states no birth date and no record to the only person of that name.

    Returns those whom several people of that name might be, and who are nobody therefore.
    """
    of_name: dict[str, list[Person]] = defaultdict(list)
    nobody = set()
    for person in sorted(groups.leader, key=lambda p: (not (p.birth or p.record), not p.contacts)):
        leaders = {groups.leader[one] for one in of_name[person.name]} - {groups.leader[person]}
        bare = person.name and not (person.birth or person.record)
        fits = [one for one in leaders if not _contacts_differ(groups, person, one)]
        if bare and len(groups.members[groups.leader[person]]) == 1 and fits:
            if len(leaders) == 1:
                groups.join(fits[0], person, "rows with the name alone")
            elif not person.contacts:
                nobody.add(person)
                continue
        of_name[person.name].append(person)
    return nobody


def _contacts_differ(groups: _Groups, person: Person, leader: Person) -> bool:
    held = {contact for one in groups.members[leader] for contact in one.contacts}
    return bool(person.contacts and held) and not person.contacts & held


def _evidence(people: Sequence[Person]) -> list[str]:
    """Return what finds a person again, strongest first; a name without a zero byte is alone.

    What stands before the zero byte is a name, a record or a contact: see `KeyFile`.
    """
    signs: list[str] = []
    for one in people:
        begins = one.given[:BEGINS]
        signs += [f"{one.name}\0{one.birth}"] if one.name and one.birth else []
        signs += [f"{one.record}\0{begins}"] if one.record else []
        for contact in sorted(one.contacts):
            signs += [f"{contact}\0{one.name}"] if one.name else []
            signs += [f"{contact}\0{begins}\0{one.birth}"] if one.birth and begins else []
    signs += [one.name for one in people if one.name]
    births = [one.birth for one in people if one.birth and not one.birth.startswith(UNREAD)]
    stated = {"birth": births, "record": [one.record for one in people if one.record],
              "contacts": [one.contacts for one in people if one.contacts]}  # fmt: skip
    signs += [f"{_HAS} {what}" for what, own in stated.items() if own]
    return list(dict.fromkeys(signs))


def _exclusive(evidence: Sequence[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the evidence of each person without what is true of another as well."""
    counts = Counter(sign for signs in evidence for sign in signs)
    return tuple(
        tuple(sign for sign in signs if counts[sign] == 1 or sign.startswith(_HAS))
        for signs in evidence
    )
