"""Which rows are of one person, by evidence; a later export finds its people again."""

from __future__ import annotations

import math
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations, pairwise, repeat

from outcomes.privacy.key_file import KeyFile
from outcomes.privacy.person import BEGINS, BY_CONTACT, Person, near_births, person_of, verdict

Cells = Sequence[str | None]

_SHARED = 6  # names that one telephone number may have; more, and it is the clinic's
_BLOCK = 300  # people with one sign in common that are looked at pair by pair
_IN_TURN = 3  # changes from one spelling to the other in the order of the days
_HAS = "\0has"
_ALONE, _NAMED = "\0@", " named"  # behind a contact that finds who has no name; who has one
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
    names: Cells, births: Cells, records: Cells, contacts: Sequence[Cells] = (),
    days: Sequence[float] = (),
) -> Clients:  # fmt: skip
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
    reached = zip(*contacts, strict=True) if contacts else repeat((), len(names))
    said = [*map(cache(person_of), names, births, records, reached)]  # each different one once
    telling = _telling(list(dict.fromkeys(said)))
    rows = [telling[person] for person in said]
    seen: dict[Person, set[float]] = defaultdict(set)
    for person, day in zip(rows, days or [math.nan] * len(rows), strict=True):
        seen[person] |= set() if math.isnan(day) else {day}
    named = [person for person in seen if person.name or person.record]
    groups = _Groups(named or [person for person in seen if person.contacts])
    doubts = _join(groups, seen)
    nobody = _join_by_name_alone(groups)
    known = {person: one for person, one in groups.leader.items() if person not in nobody}
    known |= _by_contact_alone(known, seen)
    number = {leader: i for i, leader in enumerate(dict.fromkeys(known.values()))}
    evidence = _exclusive([_evidence(groups.members[leader]) for leader in number])
    return Clients(
        tuple(number[known[p]] if p in known else -1 for p in rows), evidence, groups.joined,
        tuple(i for i, person in enumerate(rows) if person in doubts),
        tuple(tuple(groups.members[leader]) for leader in number),
    )  # fmt: skip


def _by_contact_alone(
    known: Mapping[Person, Person], people: Iterable[Person]
) -> dict[Person, Person]:
    """Return whose rows are that state a contact and nothing else: the one person's who has it."""
    reached: dict[str, set[Person]] = defaultdict(set)
    for person, one in known.items():
        for contact in person.contacts:
            reached[contact].add(one)
    alone = (one for one in people if one not in known and not (one.name or one.record))
    whose = {one: {who for contact in one.contacts for who in reached[contact]} for one in alone}
    return {one: next(iter(found)) for one, found in whose.items() if len(found) == 1}


def ids_of(
    clients: Clients, key: KeyFile, before: Iterable[Earlier] = (),
    told: Callable[[float], object] = str,
) -> tuple[list[str], Clients]:  # fmt: skip
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
    told : callable, optional
        Told which share of the people is looked up.

    Returns
    -------
    list of str
        An id for each person.
    Clients
        The same people, with what was joined and what is in doubt now.
    """
    known = _by_words(before)
    key.prepare((s for own in clients.evidence for s in own if not s.startswith(_HAS)), told)
    joined, doubts, nobody, ids = Counter(clients.joined), set(), set(), []
    signs = Counter(sign for own in clients.evidence for sign in own if sign.endswith(_ALONE))
    key.bind("patient", "", *(sign for sign, n in signs.items() if n > 1))
    for i, evidence in enumerate(clients.evidence):
        found, lone = _known_sign(evidence, key), _is_lone(evidence)
        nobody |= {i} if lone and "" in (key.known("patient", one) for one in evidence) else set()
        if found is None and known and not lone:
            found, why, in_doubt = _earlier(clients.said[i], known, key)
            joined[why] += bool(why)
            doubts |= {i} if in_doubt else set()
        ids.append(_bound(evidence, key, found))
    doubtful = {*clients.doubtful, *(i for i, who in enumerate(clients.of_row) if who in doubts)}
    of_row = tuple(-1 if who in nobody else who for who in clients.of_row)
    return ids, replace(clients, of_row=of_row, joined=joined, doubtful=tuple(sorted(doubtful)))


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
    reached = reached or (["another"] if "contacts" in states else [])
    birth = birth or ("another" if "birth" in states else "")
    return replace(other, birth=birth, contacts=frozenset(reached))


def _known_sign(evidence: Sequence[str], key: KeyFile) -> str | None:
    """Return the sign by which the key knows a person; None where it knows nobody by any."""
    marks = [sign for sign in evidence if sign.startswith(_HAS)]
    signs = [sign for sign in evidence if not sign.startswith(_HAS)]
    for sign in sorted(signs, key=_is_weak):
        held = key.known("patient", sign)
        against = [_NAMED] if sign.endswith(_ALONE) else marks
        spoken_against = not _is_lone(evidence) and _is_weak(sign) and any(
            key.known("mark", f"{held}{m}") for m in against)  # fmt: skip
        if held and not spoken_against:
            return sign
    return None


def _is_lone(evidence: Sequence[str]) -> bool:
    """Whether nothing is known of a person but contacts."""
    return bool(evidence) and all(sign.endswith(_ALONE) for sign in evidence)


def _is_weak(sign: str) -> bool:
    """Whether a sign is a name alone, or a contact."""
    return "\0" not in sign or sign.endswith(_ALONE)


def _bound(evidence: Sequence[str], key: KeyFile, found: str | None) -> str:
    """Return the id of a person; the key remembers all signs of him or her."""
    marks = [sign for sign in evidence if sign.startswith(_HAS)]
    alone = [sign for sign in evidence if _is_weak(sign)]
    signs = [sign for sign in evidence if sign not in (*marks, *alone)]
    new = signs or [sign for sign in alone if key.known("patient", sign) is None]
    one = key.id_of("patient", found or next(iter(new), secrets.token_hex()))
    key.bind("patient", one, *signs)
    for sign in alone:  # of several people a name alone finds nobody
        key.bind("patient", one if key.known("patient", sign) in (None, one) else "", sign)
    marks += [] if _is_lone(evidence) else [_NAMED]
    key.bind("mark", one, *(one + mark for mark in marks))
    return one


def _telling(people: Sequence[Person]) -> dict[Person, Person]:
    """Return people without the contacts that many names share: these tell nobody apart."""
    names: dict[str, set[str]] = defaultdict(set)
    for person in people:
        for contact in person.contacts:
            names[contact] |= {person.name} - {""}
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
    alike: dict[str, set[str]] = defaultdict(set)
    ordered = sorted(_pairs(list(groups.leader)), key=lambda pair: _weakness(*pair))
    for one, other in ordered:
        if verdict(one, other, together=False)[0] == BY_CONTACT:
            both = {one.name, other.name} | ({""} if _together(seen[one], seen[other]) else set())
            alike[one.name] |= both
            alike[other.name] |= both
    for one, other in ordered:
        why, in_doubt = verdict(one, other, together=_together(seen[one], seen[other]))
        if why == BY_CONTACT and ("" in alike[one.name] or alike[one.name] != alike[other.name]):
            why = None  # John, Jon and Joan of one household
        joined = why is not None and groups.join(one, other, why)
        if in_doubt and (joined or groups.leader[one] != groups.leader[other]):
            doubts |= {one, other}
    return doubts


def _together(one: set[float], other: set[float]) -> bool:
    """Whether two came on one day, or in turn: a spelling that was corrected does not come back."""
    whose = [day in one for day in sorted(one | other)]
    n_turns = sum(a != b for a, b in pairwise(whose))
    return bool(one & other) or n_turns >= _IN_TURN


def _pairs(people: Sequence[Person]) -> Iterator[tuple[Person, Person]]:
    """Yield each pair that has a name, a birth date, a record or a contact in common, once."""
    blocks: dict[tuple[str, str], list[int]] = defaultdict(list)
    bare = {word for one in people if one.is_bare for word in _words_of(one)}
    for i, one in enumerate(people):
        signs = [("name", one.name), ("birth", one.birth), ("record", one.record)]
        signs += [("bare", word) for word in (bare.intersection(_words_of(one)) if bare else ())]
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
    signs += [contact + _ALONE for one in people for contact in sorted(one.contacts)]
    if _is_lone(signs):
        return list(dict.fromkeys(signs))
    births = [one.birth for one in people if one.birth and not one.birth.startswith(UNREAD)]
    stated = {"birth": births, "record": [one.record for one in people if one.record],
              "contacts": [one.contacts for one in people if one.contacts]}  # fmt: skip
    signs += [f"{_HAS} {what}" for what, own in stated.items() if own]
    return list(dict.fromkeys(signs))


def _exclusive(evidence: Sequence[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the evidence of each person without what is true of another as well, but contacts."""
    counts = Counter(sign for signs in evidence for sign in signs)
    return tuple(tuple(sign for sign in signs if counts[sign] == 1 or sign.startswith(_HAS)
                       or sign.endswith(_ALONE)) for signs in evidence)  # fmt: skip
