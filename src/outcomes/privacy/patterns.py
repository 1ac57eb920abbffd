"""The 18 identifiers of the Safe Harbor rule: columns that hold them, and their shapes in cells.

Source: 45 CFR 164.514(b)(2)(i)(A) to (R). What is known of them stands in ``identifiers.toml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from outcomes.plain_text import same_letters, shipped


@dataclass(frozen=True)
class Identifier:
    """One of the 18 identifiers.

    Parameters
    ----------
    letter : str
        Letter of the paragraph.
    title : str
        What it is.
    kinds : tuple of str
        Kinds of column, as a column map's ``[identifiers]`` calls them, that hold it.
    shapes : dict of str to list of str
        What it looks like: name of a shape to regular expressions.
    same : str
        Name of a shape of another identifier that it shares; else empty.
    """

    letter: str
    title: str
    kinds: tuple[str, ...]
    shapes: dict[str, list[str]] = field(default_factory=dict)
    same: str = ""

    @property
    def looked_for(self) -> tuple[str, ...]:
        """Kinds of sighting that are of it; none where it is not looked for."""
        names = ("name", "title") if "name" in self.kinds else ()
        return (*names, *self.shapes, *([self.same] if self.same else []))


_CONTENT = shipped("privacy/identifiers.toml")
SAFE_HARBOR = tuple(
    Identifier(**{**entry, "kinds": tuple(entry["kinds"])}) for entry in _CONTENT["identifier"]
)
"""The checklist that a manifest goes through, in the rule's order."""

KINDS = (*(kind for entry in SAFE_HARBOR for kind in entry.kinds), "free_text")
"""Kinds of column that a map may name under ``[identifiers]``; ``free_text`` may hold any of them.
None of these columns is kept."""

NOT_CHECKED = tuple(_CONTENT["not_checked"])
"""What an import does not look at."""
HEADERS = frozenset(_CONTENT["headers"])
"""Headers of columns that hold identifiers, as `plain` gives them."""

SAYS: dict[str, str] = _CONTENT["says"]
"""Name of a shape to what messages call it."""

PARTS: dict[str, str] = _CONTENT["parts"]
"""What stands in several shapes, by its name in braces."""


def _whole(alternatives: list[str]) -> str:
    whole = "|".join(alternatives)
    for name, part in PARTS.items():
        whole = whole.replace(f"{{{name}}}", part)
    return whole


PATTERNS = {name: _whole(own) for entry in SAFE_HARBOR for name, own in entry.shapes.items()}
"""Name of a shape to a regular expression for a part of a cell, in any case."""
UNTYPED = re.compile(_whole(_CONTENT["untyped"]["shapes"]))
"""A count of people or records as bare prose."""
_COMPILED = {kind: re.compile(text, re.IGNORECASE) for kind, text in PATTERNS.items()}


_ACCENTED = ("LATIN", "GREEK", "ARABIC", "HEBREW")
_ONE_LETTER = str.maketrans(dict(zip("łøđıðħىةیک", "lodidhيهيك", strict=True)) |
                            {"æ": "ae", "œ": "oe", "þ": "th", "ـ": ""})  # fmt: skip
"""Letters that people write as others; no rule of Unicode takes them apart."""


def found_in(text: pd.Series[Any], kind: str) -> pd.Series[Any]:
    """Return which cells hold something of the kind's shape, shape (rows,).

    Examples
    --------
    >>> found_in(pd.Series(["see a.b@example.org", None, "better"]), "email").tolist()
    [True, False, False]
    """
    pattern = _COMPILED[kind]
    return _in_cells(text, lambda cell: pattern.search(same_letters(cell)) is not None)


def any_holds(cells: Iterable[str], kind: str) -> bool:
    """Return whether any cell holds something of the kind's shape."""
    return any(_COMPILED[kind].search(same_letters(cell)) for cell in cells)


def words_in(text: pd.Series[Any], words: Iterable[str]) -> pd.Series[Any]:
    """Return which cells hold one of the words, whatever their case and accents, shape (rows,).

    Examples
    --------
    >>> words_in(pd.Series(["told GRUNWALD", "told Grunwalder"]), ["Grünwald"]).tolist()
    [True, False]
    """
    wanted = {plain(word) for word in words}
    return _in_cells(text, lambda cell: not wanted.isdisjoint(plain(cell).split()))


def name_words(names: Iterable[str]) -> set[str]:
    """Return the single words of names, without titles and initials.

    Examples
    --------
    >>> sorted(name_words(["Dr. Ada M. Quill-Feather"]))
    ['ada', 'feather', 'quill']
    """
    words = {word for name in names for word in plain(name).split()}
    return {word for word in words if len(word) > 2 and word not in ("mrs", "prof", "the")}


def plain(text: str) -> str:
    """Return text in lower case, each run of other signs as one blank.

    Accents on Latin and Greek letters go, signs that nobody sees, and points that people leave out
    (of Arabic, Hebrew, and the dots of ё); marks and vowel signs of other scripts stay, for these
    make another word.

    Examples
    --------
    >>> plain("  Grünwald,  HUGO "), plain("Wałęsa, Søren")
    ('grunwald hugo', 'walesa soren')
    """
    split = unicodedata.normalize("NFKD", same_letters(text)).casefold()
    kept, accented = [], False
    for sign in unicodedata.normalize("NFKD", split).translate(_ONE_LETTER):
        is_mark = unicodedata.category(sign).startswith("M")
        if not is_mark:
            accented = unicodedata.name(sign, "").startswith(_ACCENTED)
        if not (is_mark and (accented or sign == "\u0308")):
            kept.append(sign if is_mark or sign.isalnum() else " ")
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def _in_cells(text: pd.Series[Any], holds: Any) -> pd.Series[Any]:
    """Ask each different cell once."""
    different = text.dropna().unique()
    known = {cell: bool(holds(str(cell))) for cell in different}
    return pd.Series([known.get(cell, False) for cell in text], index=text.index, dtype=bool)
