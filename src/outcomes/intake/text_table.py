"""Read a CSV file as text, cell by cell, and say what is wrong with the file itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from outcomes.errors import DataError

DELIMITERS = (",", ";", "\t", "|")


def read_text_table(path: Path) -> pd.DataFrame:
    """Return a CSV file as a frame of text; an empty cell is missing.

    Parameters
    ----------
    path : Path
        File in UTF-8, with or without a byte order mark, one header line. The delimiter is the one
        of comma, semicolon, tab and bar that splits the header into most columns.

    Returns
    -------
    DataFrame
        Shape (rows, columns), all text, in file order.

    Raises
    ------
    DataError
        When the file is missing, empty, not text, without rows, or a row is longer than the header.
    """
    header = _header(path)
    delimiter = max(DELIMITERS, key=header.count)
    if delimiter not in header:
        must = "a table has several columns, separated by a comma, semicolon, tab or bar"
        raise DataError(must, got="one column", where=path.name, remedy="Export it as CSV.")
    frame = _parsed(path, delimiter)
    if frame.empty:
        must = "a table has at least one row below its header"
        raise DataError(must, got="a header alone", where=path.name)
    return frame


def _header(path: Path) -> str:
    if not path.is_file():
        must = "the file exists"
        raise DataError(must, got="no such file", where=path.name, remedy="Check the path.")
    try:
        with path.open(encoding="utf-8-sig") as lines:
            header = lines.readline().strip()
    except UnicodeDecodeError:
        must = "the file is text in UTF-8"
        remedy = "Save it as CSV UTF-8."
        raise DataError(must, got="other bytes", where=path.name, remedy=remedy) from None
    if not header:
        must = "the file has a header line"
        raise DataError(must, got="an empty file or first line", where=path.name)
    return header


def _parsed(path: Path, delimiter: str) -> pd.DataFrame:
    _refuse_ragged(path, delimiter)
    frame = pd.read_csv(
        path, sep=delimiter, dtype=str, encoding="utf-8-sig", keep_default_na=False,
        na_values=[""], skipinitialspace=True,
    )  # fmt: skip
    frame.columns = [str(name).strip() for name in frame.columns]
    stripped = {name: frame[name].str.strip().replace("", None) for name in frame.columns}
    return pd.DataFrame(stripped, index=frame.index)


def _refuse_ragged(path: Path, delimiter: str) -> None:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines, delimiter=delimiter)
        header = next(rows)
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            must = "column names are different from each other"
            raise DataError(must, got=f"{len(repeated)} repeated names", where=path.name)
        for position, row in enumerate(rows, start=1):
            if row and len(row) != len(header):
                must = f"each row has {len(header)} cells, as the header"
                where = f"{path.name}, row {position}"
                remedy = "Put text with a delimiter in it between quotation marks."
                raise DataError(must, got=f"{len(row)} cells", where=where, remedy=remedy)
