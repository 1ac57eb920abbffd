"""Read sheets of an Excel workbook as text, with headers of one or several rows."""

from __future__ import annotations

import datetime
import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.readers.form import FileFormat
from outcomes.intake.readers.text_table import refuse_repeated, tidied

MAX_UNPACKED = 300_000_000
"""Bytes that a workbook may unpack to; more is a broken or hostile file."""
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, LookupError, ValueError, TypeError, SyntaxError,
    AttributeError, ArithmeticError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What reading a file that is no workbook, or a broken one, has been seen to raise."""
MAX_CELLS = 30_000_000
"""Cells that a sheet may span, empty ones included."""


def sheet_names(path: Path) -> list[str]:
    """Return the names of a workbook's sheets; raises `DataError` when it is none."""
    book = _opened(path)
    try:
        return [str(name) for name in book.sheetnames]
    finally:
        book.close()


def read_sheets(place: str | Path, form: FileFormat | None = None) -> pd.DataFrame:
    """Return the rows of one or several sheets of the same headers as one frame of text.

    Parameters
    ----------
    place : str or Path
        An ``.xlsx`` file.
    form : FileFormat, optional
        Its sheets, which may be left out where there is one, and the rows of their header. With
        several, a merged cell counts for all columns below it and the names are joined: ``Visit 1``
        over ``Pain`` is ``Visit 1 Pain``.

    Returns
    -------
    DataFrame
        All text: dates as 2026-05-04, numbers without a needless ``.0``. Formula cells hold the
        value that was last worked out.

    Raises
    ------
    DataError
        When the file is no workbook, unpacks to too much, has no such sheet, or a formula has no
        worked-out value.
    UnavailableError
        When the file is missing.
    """
    form, path = form or FileFormat(), Path(place)
    names = list(form.sheets) or sheet_names(path)
    if not form.sheets and len(names) > 1:
        must = "a workbook has one sheet, or the map names those to read"
        remedy = 'Write sheets = ["..."] under [file] in the column map.'
        raise DataError(must, got=f"{len(names)} sheets", where=path.name, remedy=remedy)
    frames = _frames(path, names, form.header_rows)
    return tidied(pd.concat(frames.values(), ignore_index=True), path.name)


def read_tables(path: Path, sheets: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return sheets as frames of text by name; a header without rows is an empty table."""
    frames = _frames(path, sheets, 1)
    return {name: tidied(frame, path.name, may_be_empty=True) for name, frame in frames.items()}


def _frames(path: Path, names: Sequence[str], header_rows: int) -> dict[str, pd.DataFrame]:
    book = _opened(path)
    try:
        frames = {name: _sheet(book, name, header_rows, path.name) for name in names}
        _refuse_unworked_formulas(path, names, book)
    finally:
        book.close()
    return frames


def _refuse_unworked_formulas(path: Path, names: Sequence[str], values: Any) -> None:
    """Refuse formulas without a stored value: their cells would look empty."""
    with zipfile.ZipFile(path) as packed:
        parts = [name for name in packed.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f>" in (part := packed.read(name)) or b"<f " in part for name in parts):
            return
    formulas = _opened(path, values=False)
    n_unworked = 0
    for name in names:
        for row in formulas[name].iter_rows():
            at = [cell.coordinate for cell in row if cell.data_type == "f"]
            n_unworked += sum(values[name][place].value is None for place in at)
    formulas.close()
    if n_unworked:
        must = "each formula has the value that it was last worked out to"
        remedy = "Open the workbook in Excel and save it, or paste the values over the formulas."
        raise DataError(must, got=f"{n_unworked} without", where=path.name, remedy=remedy)


def _opened(path: Path, *, values: bool = True) -> Any:
    import openpyxl

    if not path.is_file():
        must = "the file exists"
        raise UnavailableError(must, got="no such file", where=path.name, remedy="Check the path.")
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        if unpacked > MAX_UNPACKED:
            must = f"a workbook unpacks to at most {MAX_UNPACKED // 1_000_000} MB"
            raise DataError(must, got="more", where=path.name, remedy="Export it as CSV.")
        # from memory: openpyxl leaves a file open when its contents are broken
        return openpyxl.load_workbook(io.BytesIO(path.read_bytes()), data_only=values)
    except _UNREADABLE:
        must = "the file is an Excel workbook (.xlsx)"
        remedy = "Open it in Excel and save it again, or export it as CSV."
        raise DataError(must, got="something else", where=path.name, remedy=remedy) from None


def _sheet(book: Any, name: str, header_rows: int, where: str) -> pd.DataFrame:
    if name not in book.sheetnames:
        must = "each sheet that the map names is in the workbook"
        raise DataError(must, got="no such sheet", where=where, remedy="Check [file] sheets.")
    sheet = book[name]
    if not hasattr(sheet, "iter_rows"):
        must = "a sheet holds cells"
        raise DataError(must, got="a chart", where=where)
    if sheet.max_row * sheet.max_column > MAX_CELLS:
        must = f"a sheet spans at most {MAX_CELLS:,} cells"
        raise DataError(must, got="more", where=where, remedy="Export it as CSV.")
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    if not any(any(cell is not None for cell in row) for row in rows[:header_rows]):
        must = "a sheet has a header line"
        raise DataError(must, got="an empty first line", where=where)
    header = _joined(_unmerged(rows, sheet.merged_cells.ranges, header_rows))
    used = [i for i, _ in enumerate(header) if any(_at(row, i) is not None for row in rows)]
    names = [header[i] or f"(column {i + 1})" for i in used]
    refuse_repeated(names, where)
    body = [[_text(_at(row, i)) for i in used] for row in rows[header_rows:]]
    return pd.DataFrame(body, columns=names, dtype=object)


def _unmerged(rows: list[list[Any]], merged: Any, header_rows: int) -> list[list[Any]]:
    """Give each column below a merged header cell that cell's text."""
    header = [list(row) for row in rows[:header_rows]]
    for block in merged:
        if block.min_row <= header_rows:
            text = header[block.min_row - 1][block.min_col - 1]
            width = block.max_col - block.min_col + 1
            for row in header[block.min_row - 1 : block.max_row]:
                row[block.min_col - 1 : block.max_col] = [text] * width
    return header


def _joined(header: list[list[Any]]) -> list[str]:
    columns = zip(*header, strict=True)
    parts = [list(dict.fromkeys(_text(cell) or "" for cell in column)) for column in columns]
    return [" ".join(word for word in column if word) for column in parts]


def _at(row: list[Any], position: int) -> Any:
    return row[position] if position < len(row) else None


def _text(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, datetime.datetime):
        at_midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if at_midnight else cell.isoformat(" ", "minutes")
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return " ".join(str(cell).split())
