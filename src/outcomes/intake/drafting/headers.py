"""What a column may be, by the words of its header: whole words in four languages, never a part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.tables import TIMINGS
from outcomes.plain_text import shipped
from outcomes.privacy.patterns import plain

Words = tuple[str, ...]
OF_VISIT = ("columns.date", "date.start", "date.any", "identifiers.time", "minutes.end")
"""Places of the time of the visit itself."""


_WHOLE = ("identifiers.name",)
"""What a column is that no other word of its header says: ``Patient surname`` is of a surname."""


@cache
def vocabulary() -> dict[str, Any]:
    """Return the words that headers and cells are known by."""
    return shipped("intake/drafting/vocabulary.toml")


_OTHER_TIME = frozenset(vocabulary()["another_time"]["words"])
_ENDS = re.compile(vocabulary()["patterns"]["ends"], re.IGNORECASE)
"""What a header says that the ends of its scale mean."""


@dataclass(frozen=True)
class Role:
    """What a column may be.

    Parameters
    ----------
    place : str
        Where a map names it (``columns.date``), or what else it tells (``flag.cancelled``).
    cells : str
        What its cells must look like; see `outcomes.intake.drafting.evidence.looks_like`.
    matched : tuple of str
        The words of the header that say so.
    """

    place: str
    cells: str
    matched: Words = ()


def words_of(header: str) -> Words:
    """Return the words of a header, in lower case without accents.

    Examples
    --------
    >>> words_of("patient_firstName"), words_of("Schmerzstärke (0-10)")
    (('patient', 'first', 'name'), ('schmerzstarke', '0', '10'))
    >>> words_of("apptdate"), words_of("painkiller")
    (('appt', 'date'), ('painkiller',))
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_]{3})(?=\d)", " ", header)
    tokens = plain(apart.replace("#", " no ")).split()
    return tuple(word for token in tokens for word in _parts(token) or (token,))


def _parts(token: str) -> Words:
    """Return the words of which a token is made wholly, ``apptdate``; none for a word."""
    known = _all_words()
    if token in known or not token.isalpha():
        return (token,) if token in known else ()
    ends = range(len(token) - 2, 1, -1)
    found = ((token[:i], *_parts(token[i:])) for i in ends
             if token[:i] in known and _parts(token[i:]))  # fmt: skip
    return next(found, ())


@cache
def _all_words() -> frozenset[str]:
    """Return the words that a header may be run together of."""
    roles = vocabulary()["role"].values()
    scores = vocabulary()["scores"]
    lists = [*(entry["words"] for entry in roles), scores["pain"], scores["change"]]
    words = {word for phrases in lists for phrase in phrases for word in plain(phrase).split()}
    return frozenset(word for word in words if len(word) > 2 or word in ("of", "id", "no"))


def holds(words: Words, phrase: Words) -> bool:
    """Whether words hold a phrase, side by side."""
    n, starts = len(phrase), range(len(words) - len(phrase) + 1)
    return phrase[0] in words and any(words[i : i + n] == phrase for i in starts)


@lru_cache(maxsize=10_000)
def roles_of(header: str) -> tuple[Role, ...]:
    """Return what a column may be by its header, the likeliest first.

    Examples
    --------
    >>> [role.place for role in roles_of("Booked date")]
    ['ignored']
    >>> roles_of("Therapist name")[0].place, roles_of("Painful")
    ('columns.sessions.therapist_id', ())
    """
    words = words_of(header)
    found = [role for role in _known(words) if role.matched]
    scored = score_role(header)
    both = sorted([*scored, *found], key=lambda r: (-len(r.matched), r.place in _WHOLE))
    return tuple(both)


def _known(words: Words) -> list[Role]:
    roles = []
    for place, said in _phrases().items():
        fits = [phrase for phrase in said["words"] if holds(words, phrase)]
        out = any(holds(words, phrase) for phrase in said["not"])
        if fits and not out:
            best = max(fits, key=len)
            rest = [word for word in words if word not in best]
            if not (place in OF_VISIT and not _OTHER_TIME.isdisjoint(rest)):
                roles.append(Role(place, said["cells"], best))
    return roles


@cache
def _phrases() -> dict[str, dict[str, Any]]:
    return {
        place: {"cells": entry.get("cells", "any"),
                "words": [words_of(phrase) for phrase in entry["words"]],
                "not": [words_of(phrase) for phrase in entry.get("not", ())]}
        for place, entry in vocabulary()["role"].items()
    }  # fmt: skip


def score_role(header: str) -> list[Role]:
    """Return the instrument and timing that a header names, ``scores.nprs.pre_session``."""
    told = _ENDS.sub(" ", header)  # without "0 = none, 10 = worst"
    asked = re.sub(r"\(.*?\)|\[.*?\]|\b0 ?[=:].*", " ", told)
    words, whole = words_of(asked), words_of(header)
    bracketed = words_of(" ".join(re.findall(r"[(\[](.*?)[)\]]", told)))
    ends = words_of(" ".join(own[0] for own in _ENDS.finditer(header)))
    timing = next(filter(None, map(timing_of, (words, bracketed, ends))), "")
    named = {name: [p for p in phrases if holds(whole, p)] for name, phrases in _titles().items()}
    name, fits = max(named.items(), key=lambda entry: max(map(len, entry[1]), default=0))
    title = {*max(fits, key=len, default=())}  # Patient Global Impression of Change is one
    changes = [phrase for phrase in of_scores("change") if title.isdisjoint(phrase)]
    if any(holds(own, phrase) for phrase in changes for own in (words, bracketed)):
        return []
    if fits and name != "nprs":
        return [Role(f"scores.{name}.{timing}", "score", max(fits, key=len))]
    pain = [*fits, *(p for p in of_scores("pain") if holds(words, p))]
    others = of_scores("not_pain")
    if not pain or any(holds(own, phrase) for phrase in others for own in (words, bracketed)):
        return []
    return [Role(f"scores.nprs.{timing}", "score", max(pain, key=len))]


def first_named(words: Words) -> str:
    """Return which of two scores a header names first, ``before`` or ``after``; empty: not both.

    Examples
    --------
    >>> first_named(words_of("Pain (post, pre)")), first_named(words_of("Pain in neck after"))
    ('after', '')
    """
    found = {when: [i for phrase in of_scores(when)
                    if phrase != ("in",) or "out" in words  # "in" alone is of a place
                    for i in range(len(words)) if words[i : i + len(phrase)] == phrase]
             for when in ("before", "after")}  # fmt: skip
    nearest = min(((abs(b - a), b, a) for b in found["before"] for a in found["after"]), default=())
    return "" if not nearest else "before" if nearest[1] < nearest[2] else "after"


def timing_of(words: Words) -> str:
    """Return when a score was taken by the words of its header; ``now`` or empty: not said."""
    keys = {"follow_up": "later", "post_session": "after", "pre_session": "before", "now": "now"}
    for timing, key in keys.items():
        if any(holds(words, phrase) for phrase in of_scores(key)):
            return timing
    return next((t for t, phrase in _timings().items() if holds(words, phrase)), "")


@cache
def of_scores(kind: str) -> tuple[Words, ...]:
    """Return the phrases of one kind that headers of scores are known by: ``pain``, ``before``."""
    return tuple(map(words_of, vocabulary()["scores"][kind]))


@cache
def _timings() -> dict[str, Words]:
    return {timing: words_of(timing) for timing in TIMINGS}


@cache
def _titles() -> dict[str, list[Words]]:
    """Return what each instrument of the registry is called: its name, and its title."""
    others = vocabulary()["called"]
    return {name: [*map(words_of, (name, instrument.title, *others.get(name, ())))]
            for name, instrument in registry().items()}  # fmt: skip
