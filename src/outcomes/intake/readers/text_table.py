"""Read a CSV file as text, cell by cell, and say what is wrong with the file itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pandas as pd

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.readers.form import FileFormat

DELIMITERS = (",", ";", "\t", "|")
_END = "\x1d"
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_text_table(
    place: str | Path, form: FileFormat | None = None, *, may_be_empty: bool = False
) -> pd.DataFrame:
    """Return a CSV file as a frame of text; an empty cell is missing.

    Parameters
    ----------
    place : str or Path
        File with one header line.
    form : FileFormat, optional
        Its encoding (else what the byte order mark says, else UTF-8, else, as old Windows programs
        write, Windows-1252) and delimiter (else that of comma, semicolon, tab and bar which splits
        the header into most columns).
    may_be_empty : bool, optional
        Whether a header without rows is a table.

    Returns
    -------
    DataFrame
        Shape (rows, columns), all text, in file order. Empty rows at the end are left away.

    Raises
    ------
    DataError
        When the file is empty, not text, without rows, or a row is longer or shorter than the
        header.
    UnavailableError
        When the file is missing.
    """
    form, path = form or FileFormat(), Path(place)
    text = _decoded(path, form.encoding)
    delimiter = form.delimiter or max(DELIMITERS, key=lambda mark: _n_columns(text, mark))
    header = _header(text, delimiter, path)
    if len(header) == 1 and not header[0].isidentifier():
        must = "a table has several columns, separated by a comma, semicolon, tab or bar"
        raise DataError(must, got="one column", where=path.name, remedy="Export it as CSV.")
    refuse_repeated(header, path.name)
    _refuse_ragged(text, delimiter, len(header), path.name)
    frame = pd.read_csv(
        StringIO(text, newline=""), sep=delimiter, dtype=str, keep_default_na=False,
        na_values=[""], skipinitialspace=True, index_col=False, low_memory=False,
    )  # fmt: skip
    frame.columns = header
    return tidied(frame, path.name, may_be_empty=may_be_empty)


def tidied(frame: pd.DataFrame, where: str, *, may_be_empty: bool = False) -> pd.DataFrame:
    """Return a frame of text without blanks around cells and without empty rows at the end.

    Raises
    ------
    DataError
        When no row is left.
    """
    cells = [
        [(cell.strip() or None) if isinstance(cell, str) else None for cell in row]
        for row in frame.to_numpy(object)
    ]
    whole = pd.DataFrame(cells, columns=frame.columns, dtype=object)
    filled = whole.notna().any(axis=1).to_numpy().nonzero()[0]
    if not len(filled):
        if may_be_empty:
            return whole.iloc[:0]
        must = "a table has at least one row below its header"
        raise DataError(must, got="a header alone", where=where)
    return whole.iloc[: filled[-1] + 1].reset_index(drop=True)


def text_frame(frame: pd.DataFrame, where: str, *, may_be_empty: bool = False) -> pd.DataFrame:
    """Return a frame of any cells as tidied text: whole numbers without .0, days without a time."""
    text = {str(name): frame[name].map(_plain, na_action="ignore") for name in frame.columns}
    return tidied(pd.DataFrame(text, dtype="str"), where, may_be_empty=may_be_empty)


def _plain(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).removesuffix(" 00:00:00")


def refuse_repeated(header: list[str], where: str) -> None:
    """Raise `DataError` where two columns have one name."""
    named = [name for name in header if name]
    n_repeated = len(named) - len(set(named))
    if n_repeated:
        must = "column names are different from each other"
        raise DataError(must, got=f"{n_repeated} repeated names", where=where)


def _decoded(path: Path, encoding: str) -> str:
    if not path.is_file():
        must = "the file exists"
        raise UnavailableError(must, got="no such file", where=path.name, remedy="Check the path.")
    content = path.read_bytes()
    marked = [name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)]
    for name in [encoding] if encoding else [*marked, "utf-8", "cp1252"]:
        try:
            text = content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" not in text and _END not in text:
            return text
    must = "the file is text"
    remedy = "Save it as CSV UTF-8."
    raise DataError(must, got="other bytes", where=path.name, remedy=remedy)


def _n_columns(text: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader(StringIO(text, newline=""), delimiter=delimiter), []))
    except csv.Error:
        return 0


def _header(text: str, delimiter: str, path: Path) -> list[str]:
    header = next(_records(text, delimiter, path.name), [])
    if not any(name.strip() for name in header):
        must = "the file has a header line"
        raise DataError(must, got="an empty file or first line", where=path.name)
    names = [name.strip() for name in header]
    return [name or f"(column {i})" for i, name in enumerate(names, start=1)]


def _records(text: str, delimiter: str, where: str) -> Iterator[list[str]]:
    """Yield the records; a quotation mark that is never closed would swallow the line added."""
    lines = StringIO(f"{text}\n{_END}\n", newline="")
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    row: list[str] = []
    with suppress(csv.Error):
        for row in rows:
            if row == [_END]:
                return
            yield row
    must = "text in quotation marks ends with one, and no cell is longer than 131,072 letters"
    remedy = "The file may have been cut off; export it again."
    raise DataError(must, got="a cell that does not end", where=where, remedy=remedy)


def _refuse_ragged(text: str, delimiter: str, n_columns: int, where: str) -> None:
    rows = (row for row in _records(text, delimiter, where) if row)
    for position, row in enumerate(rows):
        if len(row) != n_columns:
            must = f"each row has {n_columns} cells, as the header"
            remedy = "Put text with a delimiter in it between quotation marks."
            got = f"{len(row)} cells"
            raise DataError(must, got=got, where=f"{where}, row {position}", remedy=remedy)
