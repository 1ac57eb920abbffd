"""Read sheets of an Excel workbook as text, with headers of one or several rows."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from outcomes.errors import UnavailableError
from outcomes.intake.readers.other_sheets import below, looked_up
from outcomes.intake.readers.table import SAMPLE, FileFormat, Record, Repeated, Rows, table_of
from outcomes.intake.readers.text_table import header_lines
from outcomes.intake.refusals import refuse
from outcomes.plain_text import refuse_missing

MAX_UNPACKED = 1_000_000_000
"""Bytes that a workbook may unpack to; more is a broken or hostile file."""
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, LookupError, ValueError, TypeError, SyntaxError,
    AttributeError, ArithmeticError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What reading a file that is no workbook, or a broken one, has been seen to raise."""
OTHERS, HIDDEN = "sheets of another kind", "hidden sheets"
MAX_CELLS = 30_000_000
"""Cells that a sheet may span, empty ones included."""
_NAMESPACE = re.compile(r"\{.*\}")


def sheet_names(path: Path, *, hidden: bool = True) -> list[str]:
    """Return the names of a workbook's sheets; raises `DataError` when it is none."""
    with _opened(path) as book:
        state = {str(n): getattr(book[n], "sheet_state", "visible") for n in book.sheetnames}
    return [name for name, shown in state.items() if hidden or shown == "visible"]


def read_sheets(place: str | Path, form: FileFormat | None = None) -> Rows:
    """Return the rows of one or several sheets of the same headers as one table of text.

    Parameters
    ----------
    place : str or Path
        An ``.xlsx`` file.
    form : FileFormat, optional
        Its sheets, by name or pattern (``* 2025``), which may be left out where there is one; where
        their header is (else found); columns to make of the sheet's name and of rows that are
        struck out. With a header of several rows a merged cell counts for all columns below it and
        the names are joined: ``Visit 1`` over ``Pain`` is ``Visit 1 Pain``.

    Returns
    -------
    Rows
        Dates as 2026-05-04, numbers without a needless ``.0``, cells shown as percent with their
        sign (``36%``). A cell merged over several rows stands on each, below the first as
        `Repeated`. Formula cells hold the value that was last worked out.

    Raises
    ------
    DataError
        When the file is no workbook, unpacks to too much, has no such sheet, a formula has no
        worked-out value, or rows are struck through and the form does not name a column for it.
    UnavailableError
        When the file is missing.
    """
    form, path = form or FileFormat(), Path(place)
    every, shown = sheet_names(path), sheet_names(path, hidden=False)
    further = {**form.looked_up, **form.below}
    names = [name for name in _chosen(every, shown, form.sheets, path.name) if name not in further]
    exact = len(names) == 1 or not any(set(pattern) & set("*?") for pattern in form.sheets)
    every_one = sheets_of(path, names, form, may_be_empty=len(names) > 1)
    tables, n_others = _of_one_kind([*every_one.items()], path.name, form.struck_out, exact=exact)
    parts = [_with_its_name(rows, name, form) for name, rows in tables]
    left = {OTHERS: n_others, HIDDEN: len({*every} - {*shown, *names})}
    skipped = sum((Counter(part.skipped) for part in parts), Counter(left))
    cells = pd.concat([part.cells for part in parts], ignore_index=True).astype(object)
    if cells.empty:
        refuse("header_alone", path.name)
    sheets = [names.index(name) + 1 for name, rows in tables for _ in rows.numbers]
    rows = Rows(
        cells.where(cells.notna(), None), np.concatenate([part.numbers for part in parts]),
        tuple(sheets) if len(names) > 1 or further else (), +skipped,
        title=" ".join(part.title for part in parts),
    )  # fmt: skip
    return _with_others(rows, path, form, len(names))


def _with_others(rows: Rows, path: Path, form: FileFormat, n: int) -> Rows:
    """Return the rows with what further sheets say of them, and those of scores below."""
    for number, (name, columns) in enumerate({**form.looked_up, **form.below}.items(), start=n + 1):
        every = sheet_names(path)
        own = _chosen(every, every, [name], path.name)
        (sheet,) = sheets_of(path, own, form, may_be_empty=True).values()
        if name in form.looked_up:
            known = sheet.cells.drop(columns=form.struck_out, errors="ignore")
            rows = looked_up(rows, replace(sheet, cells=known), columns, path.name)
        else:
            sheet = replace(sheet, sheets=(number,) * len(sheet.cells))
            rows = below(rows, _with_its_name(sheet, name, form), columns, path.name)
    return rows


def _with_its_name(rows: Rows, sheet: str, form: FileFormat) -> Rows:
    made = {form.sheet_name: sheet.strip()} if form.sheet_name else {}
    return replace(rows, cells=rows.cells.assign(**made))


def _of_one_kind(
    tables: list[tuple[str, Rows]], where: str, made: str, *, exact: bool
) -> tuple[list[tuple[str, Rows]], int]:
    """Return the sheets that share most of their columns with the longest one, by its names.

    A column that was `made` of each tells nothing.

    Others are left away and counted where a pattern chose them, and refused where their name did.
    """
    _, longest = max(tables, key=lambda table: len(table[1].cells))
    names = {str(name).casefold(): str(name) for name in longest.cells}
    kept = []
    for number, (sheet, rows) in enumerate(tables, start=1):
        own = {str(name): names.get(str(name).casefold(), str(name)) for name in rows.cells}
        wanted, held = {*names.values()} - {made}, {*own.values()} - {made}
        if 2 * len(wanted & held) >= len(wanted | held):
            kept.append((sheet, replace(rows, cells=rows.cells.rename(columns=own))))
        elif exact:
            refuse("other_columns_in_sheet", where, number=number)
    return kept, len(tables) - len(kept)


def read_tables(path: Path, sheets: Sequence[str]) -> dict[str, Rows]:
    """Return sheets as tables of text by name; a header without rows is an empty table."""
    return sheets_of(path, sheets, FileFormat(header_rows=1, skip_rows=0), may_be_empty=True)


def _chosen(
    names: Sequence[str], shown: Sequence[str], patterns: Sequence[str], where: str
) -> list[str]:
    """Return the sheets that the form's names and patterns mean, in the workbook's order.

    A hidden sheet, often an older copy, is meant by its name alone.
    """
    if not patterns and len(shown) > 1:
        refuse("sheets_not_named", where, n=len(shown))
    meant = [{name for name in names if _means(pattern, name, name in shown)}
             for pattern in patterns or ["*"]]  # fmt: skip
    for i, own in enumerate(meant, start=1):
        if not own:
            refuse("no_such_sheet", where, number=i)
    return [name for name in names if any(name in own for own in meant)]


def _means(pattern: str, name: str, is_shown: bool) -> bool:
    own, wanted = name.strip().casefold(), pattern.strip().casefold()
    return own == wanted or (is_shown and fnmatchcase(own, wanted))


def sheets_of(
    path: Path, names: Sequence[str], form: FileFormat, *, may_be_empty: bool
) -> dict[str, Rows]:
    """Return sheets by name, each as a table of its own."""
    with _opened(path) as book:
        parts = {name: _part(path, book[name]) for name in names}
        n_unworked = sum(part.unworked for part in parts.values())
        if n_unworked:  # their cells would look empty
            refuse("formulas", path.name, n=n_unworked)
        read = partial(_sheet, book, form=form, where=path.name, may_be_empty=may_be_empty)
        sheets = {name: read(name, part) for name, part in parts.items()}
        heads = {name: frozenset(map(str, rows.cells)) for name, rows in sheets.items()}
        usual, n = Counter(heads.values()).most_common(1)[0]
        own = usual - {form.struck_out} if n > 1 else frozenset[str]()
        return {name: rows if own <= heads[name] else read(name, parts[name], usual=own)
                for name, rows in sheets.items()}  # fmt: skip


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a workbook to be read row by row; whatever it then raises means that it is none."""
    import openpyxl

    refuse_missing(path, "file", UnavailableError)
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        if unpacked > MAX_UNPACKED:
            refuse("unpacked_size", path.name, most=MAX_UNPACKED // 1_000_000)
        # from memory: openpyxl leaves a file open when its contents are broken
        content = io.BytesIO(path.read_bytes())
        book = openpyxl.load_workbook(content, data_only=True, read_only=True)
        try:
            yield book
        finally:
            book.close()
    except _UNREADABLE:
        refuse("no_workbook", path.name)


@dataclass(frozen=True)
class _Part:
    """What is not told when a sheet is read row by row.

    `merged`: (first row, first column, last row, last column), from 1; `unworked`: formulas without
    a value; `struck`: whether anything in the workbook is struck out.
    """

    merged: tuple[tuple[int, int, int, int], ...] = ()
    unworked: int = 0
    struck: bool = False


def _part(path: Path, sheet: Any) -> _Part:
    from openpyxl.utils.cell import range_boundaries

    merged, unworked = [], 0
    try:
        with zipfile.ZipFile(path) as packed:
            struck = b"<strike" in packed.read("xl/styles.xml")
            with packed.open(sheet._worksheet_path) as part:
                for _, element in ElementTree.iterparse(part):
                    kind = _NAMESPACE.sub("", element.tag)
                    if kind == "mergeCell":
                        left, top, right, bottom = range_boundaries(element.get("ref"))
                        merged.append((top, left, bottom, right))
                    elif kind == "c":
                        own = {_NAMESPACE.sub("", child.tag): child.text for child in element}
                        unworked += "f" in own and not own.get("v")
                    elif kind == "row":
                        element.clear()
    except _UNREADABLE:  # what opens the workbook says what is wrong with it
        return _Part()
    return _Part(tuple(merged), unworked, struck)


def _sheet(
    book: Any, name: str, part: _Part, form: FileFormat, where: str,
    usual: frozenset[str] = frozenset(), *, may_be_empty: bool,
) -> Rows:  # fmt: skip
    sheet = book[name]
    if not hasattr(sheet, "iter_rows"):
        refuse("chart", where)
    sheet.reset_dimensions()  # what a program wrote there may be wrong
    struck: set[int] = set()
    records = _records(sheet, struck if part.struck else None, where)
    head = list(islice(records, SAMPLE))
    start, stop = _header_lines([record for _, record in head], part, form, usual)
    lines = range(start, min(stop, len(head)))
    header = [_spread(head[i][1], i + 1, part) for i in lines] or [[]]
    width = max(len(line) for line in (*header, *(record for _, record in head)))
    header[-1] = header[-1] + [None] * (width - len(header[-1]))
    body = _filled_down(chain(head[stop:], records), part, width)
    rows = table_of(body, header, where, before=[record for _, record in head[:start]],
                    may_be_empty=may_be_empty, headings=form.headings)  # fmt: skip
    marks = np.isin(rows.numbers, list(struck))
    if form.struck_out:
        marked = rows.cells.assign(**{form.struck_out: np.where(marks, "yes", "no")})
        return replace(rows, cells=marked)
    if marks.any():
        refuse("struck_through", where, n=marks.sum())
    return rows


def _records(
    sheet: Any, struck: set[int] | None, where: str
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the rows by number; note those of which most cells are struck out."""
    n_cells = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        n_cells += len(cells)
        if n_cells > MAX_CELLS:
            refuse("sheet_size", where, most=MAX_CELLS)
        if struck is not None:
            marks = [bool(cell.font.strike) for cell in cells if cell.value is not None]
            if marks and 2 * sum(marks) >= len(marks):
                struck.add(number)
        yield number, [_text(cell) for cell in cells]


def _header_lines(
    sample: list[list[str | None]], part: _Part, form: FileFormat, usual: frozenset[str]
) -> tuple[int, int]:
    """Return where the header is; names of groups merged over its columns belong to it.

    A line of the `usual` names, those of other sheets, is one.
    """
    is_open = not form.header_rows and form.skip_rows is None
    same = [i for i, record in enumerate(sample) if usual and usual == {*filter(None, record)}]
    start, stop = (same[0], same[0] + 1) if same and is_open else header_lines(sample, form)
    groups = [m for m in part.merged if m[0] == start and m[3] > m[1]]
    above = len(groups) > 1 and is_open
    return start - above, stop


def _spread(record: list[str | None], number: int, part: _Part) -> list[str | None]:
    """Give each column below a merged cell of the header that cell's text."""
    line = list(record)
    for top, left, _, right in part.merged:
        if top == number and left <= len(line):
            line += [None] * (right - len(line))
            line[left - 1 : right] = [line[left - 1]] * (right - left + 1)
    return line


def _filled_down(
    records: Iterable[tuple[int, list[str | None]]], part: _Part, width: int
) -> Iterator[tuple[int, Record]]:
    """Put what stands in a cell merged over several rows on each of them."""
    # what stands to the right of all that the first rows hold has no name and is left away
    high = {(top, left): bottom for top, left, bottom, _ in part.merged if bottom > top}
    open_: dict[int, tuple[int, str | None]] = {}
    for number, record in records:
        line = record[:width] + [None] * (width - len(record))
        for left, (bottom, text) in list(open_.items()):
            if number <= bottom:
                line[left - 1] = line[left - 1] or (text and Repeated(text))
            else:
                del open_[left]
        for top, left in [place for place in high if place[0] == number]:
            open_[left] = high.pop((top, left)), line[left - 1]
        yield number, line


def _text(cell: Any) -> str | None:
    value = cell.value
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        at_midnight = value.time() == datetime.time()
        return value.date().isoformat() if at_midnight else value.isoformat(" ", "minutes")
    if isinstance(value, int | float) and not isinstance(value, bool):
        percent = "%" in (cell.number_format or "")
        return f"{value * 100:.12g}%" if percent else f"{value:.15g}"
    return " ".join(str(value).split()) or None
