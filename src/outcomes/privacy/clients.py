"""Which rows are of one person: name with birth date, and spellings that share a contact."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outcomes.privacy.patterns import plain

Cells = Sequence[str | None]
People = dict[str, set[str]]

ALIKE = 0.8
"""Similarity from which two names may be spellings of one (`difflib.SequenceMatcher.ratio`)."""


@dataclass(frozen=True)
class Clients:
    """The people of an export.

    Parameters
    ----------
    spellings : tuple of tuple of str
        One a row: how the export writes the row's person. Rows of one person have the same, and a
        row whose person is not known an empty one.
    n_joined : int
        People whose name is spelled in several ways.
    n_completed : int
        Rows without a birth date that were given to the one person of that name and contact.
    doubtful : tuple of int
        0-based positions of rows whose name is like another's with the same birth date, and that
        nothing else joins.
    """

    spellings: tuple[tuple[str, ...], ...]
    n_joined: int = 0
    n_completed: int = 0
    doubtful: tuple[int, ...] = ()


def by_record(records: Cells) -> Clients:
    """Return the people of an export that numbers them, one number a row."""
    return Clients(tuple(() if cell is None else (plain(cell),) for cell in records))


def by_name(names: Cells, births: Cells, contacts: Sequence[Cells] = ()) -> Clients:
    """Return the people of an export that names them.

    Parameters
    ----------
    names : sequence of str or None
        Names, one a row. "Lee, Ann" and "Ann Lee", case, accents and blanks make no difference.
    births : sequence of str or None
        Birth dates, one a row, all written in one way.
    contacts : sequence of sequences
        Columns of telephone numbers, e-mail addresses and the like.

    Returns
    -------
    Clients
        A name with a birth date is one person. Two names that are alike, with the same birth date
        and a contact in common, are one as well. A row without a birth date belongs to the only
        person of that name; where there are several, to the one with its contact, else to nobody.

    Examples
    --------
    >>> people = by_name(["Ann Lee", "LEE, Ann", "Ann Lee"], ["1950", "1950", "1961"])
    >>> people.spellings[0] == people.spellings[1], people.spellings[0] == people.spellings[2]
    (True, False)
    """
    ordered = [None if name is None else _ordered(name) for name in names]
    own = [_contacts(row) for row in zip(*contacts, strict=True)] or [set()] * len(ordered)
    dated = any(birth is not None for birth in births)
    keys = [
        f"{name}|{birth or ''}" if name and (birth or not dated) else None
        for name, birth in zip(ordered, births, strict=True)
    ]
    people: People = defaultdict(set)
    for key, found in zip(keys, own, strict=True):
        if key:
            people[key] |= found
    n_completed = _complete(keys, ordered, own, people)
    joined, doubtful = _joined(people)
    return Clients(
        tuple(joined.get(key, (key,)) if key else () for key in keys),
        n_joined=len(set(joined.values())),
        n_completed=n_completed,
        doubtful=tuple(i for i, key in enumerate(keys) if key in doubtful),
    )


def _ordered(name: str) -> str:
    """Return a name plainly, its words in alphabetical order."""
    return " ".join(sorted(plain(name).split()))


def _contacts(cells: Sequence[str | None]) -> set[str]:
    plainly = [plain(cell).replace(" ", "") for cell in cells if cell]
    return {text for text in plainly if len(text) > 4}


def _complete(
    keys: list[str | None], names: Cells, contacts: list[set[str]], people: People
) -> int:
    """Give rows without a birth date to the one person who alone can be meant."""
    of_name: dict[str, list[str]] = defaultdict(list)
    for key in people:
        of_name[key.partition("|")[0]].append(key)
    n_completed = 0
    for row, name in enumerate(names):
        if keys[row] is None and name:
            meant = of_name.get(name, [])
            if len(meant) > 1:
                meant = [key for key in meant if people[key] & contacts[row]]
            if len(meant) == 1:
                keys[row] = meant[0]
                n_completed += 1
    return n_completed


def _joined(people: People) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """Return the keys that are spellings of one person, and those that only may be."""
    leader = {key: key for key in people}
    doubtful: set[str] = set()
    for one, other in _alike(people):
        if people[one] & people[other]:
            first, second = leader[one], leader[other]
            leader = {key: first if at == second else at for key, at in leader.items()}
        else:
            doubtful |= {one, other}
    groups: dict[str, list[str]] = defaultdict(list)
    for key, first in leader.items():
        groups[first].append(key)
    joined = {key: tuple(sorted(own)) for own in groups.values() if len(own) > 1 for key in own}
    return joined, doubtful - set(joined)


def _alike(people: People) -> Iterator[tuple[str, str]]:
    """Yield pairs of like names with the same birth date."""
    of_birth: dict[str, list[str]] = defaultdict(list)
    for key in people:
        of_birth[key.partition("|")[2]].append(key)
    for birth, keys in of_birth.items():
        for i, one in enumerate(keys if birth else []):
            for other in keys[i + 1 :]:
                names = one.partition("|")[0], other.partition("|")[0]
                if difflib.SequenceMatcher(None, *names).ratio() >= ALIKE:
                    yield one, other
