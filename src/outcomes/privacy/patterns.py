"""What identifiers look like in a cell: patterns for those that have a shape, words for names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import pandas as pd

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
PATTERNS: dict[str, str] = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"\b(?:https?://|www\.)\S+",
    "ip": r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",
    "ssn": r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)",
    "phone": r"(?<!\d)(?:\+?\d{1,3}[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\d)"
    r"|\+\d[\d ().-]{7,}\d",
    "local phone": r"(?<![\d-])\d{3}-\d{4}(?![\d-])",
    "date": r"(?<!\d)(?:\d{1,2}/\d{1,2}/(?:19|20)?\d{2}|\d{1,2}[.-]\d{1,2}[.-](?:19|20)\d{2}"
    r"|(?:19|20)\d{2}[/.-]\d{1,2}[/.-]\d{1,2})"
    rf"(?!\d)|\b\d{{1,2}}\.? {_MONTH},? (?:19|20)\d{{2}}\b"
    rf"|\b{_MONTH} \d{{1,2}},? (?:19|20)\d{{2}}\b",
    "street": r"\b\d{1,6} (?:[\w'.-]+ ){1,4}(?:ave|avenue|st|street|rd|road|ln|lane|dr|drive|blvd|"
    r"boulevard|way|court|ct|place|pl|terrace|circle|cir|hwy|highway|pkwy|parkway)\b\.?",
    "record": r"\b(?:mrn|ssn|dob|clm|claim|acct|account|policy|member|case|chart|patient|record)"
    r"[ #:.-]*(?:no\.?|id|number)?[ #:.-]*[a-z]{0,4}-?\d{4,}\b",
    "title": r"\b(?:[Dd]r|[Mm]rs?|[Mm]s|[Pp]rof)\.? [A-Z][\w'-]+",
    "long number": r"(?<![\d.])\d{7,}(?![\d.])",
}
"""Kind of identifier to a regular expression for a part of a cell."""

_CASED = ("title",)
_COMPILED = {
    kind: re.compile(text, 0 if kind in _CASED else re.IGNORECASE)
    for kind, text in PATTERNS.items()
}


def found_in(text: pd.Series[Any], kind: str) -> pd.Series[Any]:
    """Return which cells hold something of the kind's shape, shape (rows,).

    Examples
    --------
    >>> found_in(pd.Series(["see a.b@example.org", None, "better"]), "email").tolist()
    [True, False, False]
    """
    pattern = _COMPILED[kind]
    return _in_cells(text, lambda cell: pattern.search(cell) is not None)


def any_holds(cells: Iterable[str], kind: str) -> bool:
    """Return whether any cell holds something of the kind's shape."""
    return any(_COMPILED[kind].search(cell) for cell in cells)


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
    """Return text in lower case without accents, each run of other signs as one blank.

    Examples
    --------
    >>> plain("  Grünwald,  HUGO ")
    'grunwald hugo'
    """
    split = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(sign for sign in split if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[^\W_]+", letters))


def _in_cells(text: pd.Series[Any], holds: Any) -> pd.Series[Any]:
    """Ask each different cell once."""
    different = text.dropna().unique()
    known = {cell: bool(holds(str(cell))) for cell in different}
    return pd.Series([known.get(cell, False) for cell in text], index=text.index, dtype=bool)
