"""The guard at load: a file that still looks as if it identifies people is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.errors import PrivacyError
from outcomes.privacy.names import WORDS, identifying_ids, is_of_care, names_somebody
from outcomes.privacy.patterns import HEADERS, PATTERNS, SAYS, any_holds, found_in, plain, words_in


@dataclass(frozen=True)
class Sighting:
    """One kind of identifier in one column.

    Parameters
    ----------
    column : str
        Column of the file.
    kind : str
        What it looks like, ``name`` among them.
    rows : tuple of int
        Positions of the rows, 1 = first row of data; shape (count,).
    """

    column: str
    kind: str
    rows: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.rows)


def scan(
    rows: pd.DataFrame, columns: Collection[str], names: Collection[str], expected: Collection[str]
) -> list[Sighting]:
    """Return the identifiers that stand in the given columns. Nothing is changed.

    Parameters
    ----------
    rows : DataFrame of str
        Cells as they were read, shape (rows, columns); the index is the position in the file.
    columns : collection of str
        Columns to look at.
    names : collection of str
        Single words of names that the file's own name columns hold.
    expected : collection of str
        Columns that hold names or dates by their nature: these two kinds are not looked for there.

    Returns
    -------
    list of Sighting
        In the order of the columns. What is not listed may still be there: a name that no column of
        the file holds has no shape that a program could know.

    Examples
    --------
    >>> cells = pd.DataFrame({"goal": ["walk", "call 602-555-0100"]})
    >>> scan(cells, ["goal"], [], [])
    [Sighting(column='goal', kind='phone', rows=(2,))]
    """
    found = (_column(rows[column], column, names, own=column in expected) for column in columns)
    return [*chain.from_iterable(found)]


def _column(
    cells: pd.Series[str], column: str, names: Collection[str], *, own: bool
) -> Iterator[Sighting]:
    words = set(names)
    different = [str(cell) for cell in cells.dropna().unique()]
    for kind in PATTERNS:
        if (own and kind in ("date", "long number")) or not any_holds(different, kind):
            continue
        yield Sighting(column, kind, _positions(cells, found_in(cells, kind)))
    titled = {cell for cell in different if not own and names_somebody(cell, surely=True)}
    if titled:
        yield Sighting(column, "title", _positions(cells, cells.isin(titled)))
    if not own and any(not words.isdisjoint(plain(cell).split()) for cell in different):
        yield Sighting(column, "name", _positions(cells, words_in(cells, words)))


def _positions(cells: pd.Series[str], found: pd.Series[bool]) -> tuple[int, ...]:
    return tuple(int(i) + 1 for i in cells.index[found.to_numpy()])


IMPORT = "Run: outcomes import FILE --columns MAP.toml --out STUDY --key-file KEY"
"""The command that takes a raw export in."""

CODES = "Give people codes, such as P001, and correct the cells."
IDS = frozenset(c.name for spec in TABLES.values() for c in spec.columns if c.kind == "id")
READ = frozenset(
    c.name for spec in TABLES.values() for c in spec.columns if c.is_number or c.kind == "boolean"
)
"""Columns of which only numbers, yes and no are kept; the rest of them is emptied and reported."""


def refuse_identified(
    tables: Mapping[str, pd.DataFrame], where: str, ids: Collection[str] = IDS, remedy: str = ""
) -> None:
    """Refuse tables that still look as if they identify people.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Text cells by table; the name may be empty.
    where : str
        Name of the file or folder, for the message.
    ids : collection of str
        Columns that hold ids of people; words in one are taken for a name.
    remedy : str
        What to do, where it is not to import.

    Raises
    ------
    PrivacyError
        With the columns named, what was seen in each, and the command that fixes it; no cell is
        shown.
    """
    seen = {f"{table}.{name}" if table else name: kind for table, frame in tables.items()
            for name, kind in identified_columns(frame, ids).items()}  # fmt: skip
    if seen:
        must = "a study identifies nobody"
        told = "; ".join(f"{name}: {kind}" for name, kind in seen.items())
        got = f"columns that look as if they do ({told})"
        only_ids = all(name.rpartition(".")[2] in ids for name in seen)
        codes = f"{CODES} To take in a raw export, run{IMPORT.removeprefix('Run')}"
        raise PrivacyError(must, got=got, where=where,
                           remedy=remedy or (codes if only_ids else IMPORT))  # fmt: skip


def identified_columns(frame: pd.DataFrame, ids: Collection[str] = IDS) -> dict[str, str]:
    """Return the columns that look as if they identify people, with what was seen in them.

    Examples
    --------
    >>> identified_columns(pd.DataFrame({"Client": ["x"], "tel": ["(602) 555-0100"]}))
    {'Client': 'its name', 'tel': 'a telephone number, row 1'}
    """
    found = {}
    for name in frame.columns:
        cells = frame[name].dropna().astype("str").drop_duplicates()
        if plain(str(name)) in HEADERS and len(cells):
            found[str(name)] = "its name"
            continue
        kinds = _of_ids(cells) if name in ids else {} if name in READ else _of_words(cells)
        if kinds:
            row, kind = next(iter(kinds.items()))
            found[str(name)] = f"{kind}, row {row + 1}"
    return found


def _of_ids(cells: pd.Series[str]) -> dict[int, str]:
    kinds = identifying_ids(cells.to_list())
    return {int(str(row)): kinds[cell] for row, cell in cells.items() if cell in kinds}


def _of_words(cells: pd.Series[str]) -> dict[int, str]:
    """Return which cells look as if they identify people, by position, with what was seen."""
    found: dict[int, str] = {}
    for row, cell in cells.items():
        kind = next((kind for kind in SAYS if any_holds([cell], kind)), "")
        if kind or names_somebody(cell):
            found[int(str(row))] = SAYS.get(kind, "a name")
    return found


FREE = ("title", "[instruments]")
"""Parts of a map whose words are capitalised by their nature."""


def shown_headers(
    headers: Sequence[str], named: Collection[str], names: Collection[str]
) -> dict[str, str]:
    """Return how outputs call the columns of an export; none by what may be a person.

    Parameters
    ----------
    headers : sequence of str
        Headers as the file has them.
    named : collection of str
        Headers that the map names: these are hidden where they look like a person or hold a name of
        the export. Any other is shown only where each of its words is known.
    names : collection of str
        Single words of the names in the export, folded by `plain`.

    Examples
    --------
    >>> shown_headers(["Visit date", "Mary Quackenbush"], [], ["lee"])
    {'Visit date': 'Visit date', 'Mary Quackenbush': 'column 2'}
    """
    return {header: header if _is_shown(header, header in named, set(names)) else f"column {place}"
            for place, header in enumerate(headers, start=1)}  # fmt: skip


def shown_name(name: str) -> str:
    """Return the name of a file or folder; without its words where these may be a person's.

    Examples
    --------
    >>> shown_name("scores.csv"), shown_name("Mary Quackenbush.csv"), shown_name("602-555-0100")
    ('scores.csv', 'a file', 'a file')
    """
    stem = re.sub(r"\.\w+$|_", " ", name).strip()
    return "a file" if _holds_identifier(stem) else name


def _is_shown(header: str, is_named: bool, names: set[str]) -> bool:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\d]", " ", header)
    words = plain(apart).split()
    unknown = {word for word in words if len(word) > 2 and not is_of_care(word)} - WORDS["headers"]
    if not unknown:
        return not any(any_holds([header], kind) for kind in SAYS)
    return is_named and not names & unknown and not _holds_identifier(header)


def refuse_named_words(words: Mapping[str, Iterable[str]], names: Collection[str]) -> None:
    """Refuse words of a column map that may be a person's, before any of them is kept.

    Parameters
    ----------
    words : mapping of str to iterable of str
        Part of the map to the words that would stand in the study or its manifest.
    names : collection of str
        Single words of the names in the export, folded by `plain`.

    Raises
    ------
    PrivacyError
        With the part of the map named, and no word of it.
    """
    known = {name for name in names if not is_of_care(name)} - WORDS["headers"]
    for part, texts in words.items():
        for place, text in enumerate(texts, start=1):
            free, letters = part in FREE, re.findall(r"[^\W\d_]{3,}", text)
            odd = not free and any(word[0].isupper() and not word.isupper()
                                   and not is_of_care(word) for word in letters)  # fmt: skip
            told = known & set(plain(text).split()) or _is_introduced(text)
            if odd or told or _holds_identifier(text, surely=free):
                must = "the words that a column map keeps name nobody"
                remedy = "Use the dictionary's words; write what is no name in small letters."
                raise PrivacyError(must, got="what may be a name", where=f"{part}, word {place}",
                                   remedy=remedy)  # fmt: skip


def _is_introduced(text: str) -> bool:
    """Whether two capitalised words that nothing else explains stand behind one for a person."""
    words = re.findall(r"[^\W\d_][\w'’-]*", text)
    return any(
        plain(who) in WORDS["people"]
        and all(w[0].isupper() and not is_of_care(w) and plain(w) not in WORDS["headers"]
                for w in pair)
        for who, *pair in zip(words, words[1:], words[2:], strict=False)
    )  # fmt: skip


def _holds_identifier(text: str, *, surely: bool = False) -> bool:
    return names_somebody(text, surely=surely) or any(any_holds([text], kind) for kind in SAYS)
