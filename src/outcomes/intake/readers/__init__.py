"""Readers of files and databases: each gives rows of text under one line of headers.

A further kind of file is one more entry of `_READERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import score
from outcomes.errors import DataError
from outcomes.intake.readers import table
from outcomes.intake.readers.database import read_database
from outcomes.intake.readers.fhir import read_bundle
from outcomes.intake.readers.table import FileFormat, Rows, is_database, name_of
from outcomes.intake.readers.text_table import read_text_table
from outcomes.intake.readers.workbook import read_sheets
from outcomes.intake.refusals import refuse
from outcomes.intake.toml_records import folded
from outcomes.plain_text import shipped
from outcomes.privacy.patterns import found_in

__all__ = ["BUNDLES", "WORKBOOKS", "FileFormat", "Rows", "is_database", "name_of", "read_source"]

_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
             "tenth", "eleventh", "twelfth"]  # fmt: skip
_ENDS = {"initial": 1, "baseline": 1, "last": 99, "final": 99, "discharge": 99}
LAST = r"\b(?:last|final|discharge)\b"
NUMBER = rf"\d+(?:st|nd|rd|th)?|\b(?:{'|'.join([*_ORDINALS, *_ENDS])})\b"
"""The number of a visit in a header."""
DAY_COLUMN, SCORE = "Day", "Score"
"""Columns that the days at the heads of columns become, and the cells below these."""
WORKBOOKS = (".xlsx", ".xlsm")
BUNDLES = (".json", ".ndjson")
_FOREIGN: list[dict[str, Any]] = shipped("intake/readers/foreign.toml")["kinds"]
_UNTICKED = ("no", "false", "0", "n", "nein", "non", "falsch", "faux", "falso", "☐", "✗")


def read_source(path: str | Path, form: FileFormat | None = None) -> Rows:
    """Return the rows of a CSV, Excel or Parquet file, a FHIR bundle, or a database, as text.

    Parameters
    ----------
    path : str or Path
        The file, whose ending says what it is, or the address of a database.
    form : FileFormat, optional
        How it is written.

    Returns
    -------
    Rows
        All text; with the number of each row, and what was left away.

    Raises
    ------
    DataError
        When the file cannot be read as a table.
    UnavailableError
        When what reads it is not installed, or the database cannot be reached.
    """
    form, place = form or FileFormat(), str(path)
    if is_database(place):
        rows = read_database(place, form)
    else:
        refuse_foreign(Path(place))
        rows = _READERS.get(Path(place).suffix.casefold(), read_text_table)(place, form)
    _refuse_data_as_header(rows.cells, name_of(path))
    rows = with_dates(apart(_filled_down(rows, form), form.split, name_of(path)), form.dated)
    rows = with_totals(with_ticked(rows, form.ticked), form.totals)
    return visit_by_visit(rows, form.beside)


def _named(cells: pd.DataFrame, headers: Sequence[str]) -> list[Any]:
    """Return the columns that are there, whatever the case of their names."""
    found = {folded(str(header)): header for header in cells}
    return [found[folded(header)] for header in headers if folded(header) in found]


def with_dates(rows: Rows, made: Mapping[str, Sequence[str]]) -> Rows:
    """Return the rows with new columns of dates, of the columns of their year, month and day.

    Of two columns the first says the month, as the name of a sheet does: ``May 2026``, ``2026-05``.
    """
    cells = rows.cells
    for name, headers in made.items():
        parts = cells[_named(cells, headers)].astype("str").map(lambda part: part.zfill(2))
        joined = [" ".join(own[::-1]) if re.search(r"[^\W\d]", " ".join(own)) else "-".join(own)
                  for own in parts.to_numpy()]  # fmt: skip
        whole = pd.Series(joined, cells.index).where(cells[parts.columns].notna().all(axis=1), None)
        cells = cells.assign(**{name: whole.astype(object)})
    return replace(rows, cells=cells)


def parts_of(cell: object) -> list[str]:
    """Return what a cell holds of each of several visits.

    Examples
    --------
    >>> parts_of("7; 6; 4"), parts_of("1/5/2026, 1/12/2026"), parts_of(None)
    (['7', '6', '4'], ['1/5/2026', '1/12/2026'], [])
    """
    if not isinstance(cell, str):
        return []
    mark = r"[;|\n]" if re.search(r"[;|\n]", cell) else ","
    return [part.strip() for part in re.split(mark, cell)]


def apart(rows: Rows, headers: Sequence[str], where: str) -> Rows:
    """Return one row a visit where cells of some columns hold what several visits have.

    Raises
    ------
    DataError
        When cells of one row hold different numbers of visits.
    """
    own = _named(rows.cells, headers)
    if not own:
        return rows
    parts = rows.cells[own].map(parts_of)
    counts = parts.map(len)
    most = counts.max(axis=1)
    if (odd := (counts.ne(most, axis=0) & counts.gt(0)).any(axis=1)).any():
        must, got = "cells of several visits hold as many values each", "more in one than another"
        place = f"{where}, row {rows.row(int(odd.to_numpy().argmax()))}"
        raise DataError(must, got=got, where=place, remedy="Give each visit a row of its own.")
    whole: dict[str, Any] = {name: [
        part or [None] * max(n, 1) for part, n in zip(parts[name], most, strict=True)]
        for name in own}  # fmt: skip
    cells = rows.cells.assign(**whole).explode(own)
    return rows.taken(cells.where(cells.notna(), None), cells.index.to_numpy())


def with_totals(rows: Rows, items: Mapping[str, Sequence[str]]) -> Rows:
    """Return the rows with a column for each instrument: the total of the columns of its items.

    Raises
    ------
    DataError
        When an item is no number that it can be.
    UsageError
        When the instrument has another number of items.
    """
    for name, headers in items.items():
        own = rows.cells[_named(rows.cells, headers)]
        own = own.mask(own.map(lambda cell: isinstance(cell, table.Repeated)), None)
        total = score(name, own)
        few = int((total.isna() & own.notna().any(axis=1)).sum())
        told = {f"answers to {name} too few for a total": few} if few else {}
        text = total.map(lambda one: f"{one:g}", na_action="ignore").astype(object)
        cells = rows.cells.assign(**{name: text.where(total.notna(), None)})
        rows = replace(rows, cells=cells, skipped={**rows.skipped, **told})
    return rows


def with_ticked(rows: Rows, named: Mapping[str, Sequence[str]]) -> Rows:
    """Return the rows with new columns: the headers of those tick boxes that are ticked."""
    cells = rows.cells
    for name, headers in named.items():
        words = pd.Series("", index=cells.index, dtype=object)
        for header in _named(cells, headers):
            ticked = ~cells[header].fillna("no").map(folded).isin(_UNTICKED)
            words += ticked.map({True: f"; {header}", False: ""})
        cells = cells.assign(**{name: words.str[2:].where(words != "", None)})
    return replace(rows, cells=cells)


def visit_by_visit(rows: Rows, patterns: Sequence[str]) -> Rows:
    """Return one row a visit where the columns of several visits stand beside each other.

    Parameters
    ----------
    rows : Rows
        As they stand in the file.
    patterns : sequence of str
        Names of the columns, with ``#`` for the visit's number or day.

    Returns
    -------
    Rows
        In the file's order, then by number or as the days stand; visits of which no column holds
        anything are left away. A day becomes a cell of the column ``Day``.
    """
    number = f"({table.DAY.pattern}|{NUMBER})"
    named = {pattern: re.escape(pattern).replace(r"\#", number) for pattern in patterns}
    own = {(pattern, nth(found[1])): header for header in map(str, rows.cells)
           for pattern, text in named.items()
           if (found := re.fullmatch(text, header, re.IGNORECASE))}  # fmt: skip
    if not own:
        return rows
    others = rows.cells.drop(columns=list(own.values()))
    blocks = []
    which = dict.fromkeys(which for _, which in own)
    for one in sorted(which, key=lambda one: one if isinstance(one, int) else 0):
        columns = {pattern: own.get((pattern, one)) for pattern in patterns}
        day = {DAY_COLUMN: one} if isinstance(one, str) else {}
        visit = pd.DataFrame({without_number(pattern): rows.cells[header] if header else None
                              for pattern, header in columns.items()}, dtype=object)  # fmt: skip
        visit = visit.rename(columns={"#": SCORE}) if day else visit
        blocks.append(pd.concat([others.assign(**day), visit], axis=1)[visit.notna().any(axis=1)])
    whole = pd.concat(blocks).sort_index(kind="stable")
    return rows.taken(whole, whole.index.to_numpy())


def nth(number: str) -> int | str:
    """Return the number that a header says, in digits or as a word; a day as it is written.

    Examples
    --------
    >>> nth("12"), nth("2nd"), nth("Third"), nth("Initial")
    (12, 2, 3, 1)
    """
    if table.DAY.fullmatch(number):
        return number
    digits = re.match(r"\d+", number)
    words = {**{word: i for i, word in enumerate(_ORDINALS, start=1)}, **_ENDS}
    return int(digits[0]) if digits else words[number.casefold()]


def without_number(pattern: str) -> str:
    """Return the name of a column without the number of its visit: ``pain_#`` is ``pain``."""
    return " ".join(re.sub(r"[ _.-]*#", "", pattern).split()).strip("_-. ") or pattern


def _filled_down(rows: Rows, form: FileFormat) -> Rows:
    """Put what stands above on the empty cells of the columns that the form names, by sheet.

    A row that holds nothing else is a heading of those below, and none of them.
    """
    named = _named(rows.cells, form.fill_down)
    if not named:
        return rows
    sheets = pd.Series(rows.sheets or [0] * len(rows.cells), index=rows.cells.index)
    above = rows.cells[named].groupby(sheets).ffill()
    cells = rows.cells.assign(**above.astype(object).where(above.notna(), None))
    own = set(rows.cells) - {form.sheet_name, form.struck_out, *named}
    heads = rows.cells[named].notna().any(axis=1) & rows.cells[[*own]].isna().all(axis=1)
    if not own or not heads.any():
        return replace(rows, cells=cells)
    kept = ~heads.to_numpy()
    return rows.taken(cells[kept], kept, **{table.HEADINGS: int(heads.sum())})


def _refuse_data_as_header(cells: pd.DataFrame, where: str) -> None:
    """Refuse a file without a header: its first row of data would be shown as names.

    Several days above cells that are none are heads of columns.
    """
    names = pd.Series([str(name) for name in cells])
    looks = [found_in(names, kind).sum() for kind in ("email", "phone", "ssn")]
    dated = cells.loc[:, found_in(names, "date").to_numpy()]
    heads = dated.shape[1] > 1 and not any(
        found_in(dated[name].dropna(), "date").any() for name in dated)  # fmt: skip
    n_numbers = int(pd.to_numeric(names, errors="coerce").notna().sum())
    if max(*looks, 0 if heads else dated.shape[1]) or n_numbers > len(names) / 2:
        refuse("no_header", where)


def read_parquet(place: str, _form: FileFormat) -> Rows:
    """Return the rows of a Parquet file; raises `DataError` where it is none."""
    try:
        from pyarrow import ArrowException, parquet

        held = parquet.read_table(place)
        cells = held.to_pandas(ignore_metadata=True).astype(object)  # an index is a column
    except ImportError:
        refuse("pyarrow")
    except (OSError, ValueError, LookupError, TypeError, ArrowException):
        refuse("no_parquet", Path(place).name)
    return table.rows_of(cells, Path(place).name)


_READERS: dict[str, Callable[[str, FileFormat], Rows]] = {
    **dict.fromkeys(WORKBOOKS, read_sheets), **dict.fromkeys(BUNDLES, read_bundle),
    ".parquet": read_parquet,
}  # fmt: skip
"""Ending of a file to what reads it; of any other a CSV file is expected."""


def refuse_foreign(path: Path) -> None:
    """Raise `DataError` where a file is of a kind that is not read, with what to do."""
    if not path.is_file():
        return
    ending = path.suffix.casefold().removeprefix(".")
    own = f".{ending}" in _READERS.keys() - {*BUNDLES}
    with path.open("rb") as file:
        head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for kind in _FOREIGN:
        begins = [] if own else [what for begin, what in kind.get("begins", {}).items()
                                 if head.startswith(bytes.fromhex(begin))]  # fmt: skip
        found = [f"{what} (.{e})" for e, what in kind.get("endings", {}).items()
                 if e == ending and not own]  # fmt: skip
        if found or begins:
            got = (found or begins)[0]
            refuse("foreign_file", path.name, got=got, remedy=kind["remedy"])
