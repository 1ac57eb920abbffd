"""Readers of files and databases: each gives rows of text under one line of headers.

A further kind of file is one more entry of `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from outcomes.errors import DataError
from outcomes.intake.readers.database import read_database
from outcomes.intake.readers.fhir import read_bundle
from outcomes.intake.readers.form import FileFormat, is_database, name_of
from outcomes.intake.readers.parquet import read_parquet
from outcomes.intake.readers.refused import refuse_foreign
from outcomes.intake.readers.table import Rows
from outcomes.intake.readers.text_table import read_text_table
from outcomes.intake.readers.workbook import read_sheets
from outcomes.intake.toml_records import folded
from outcomes.privacy.patterns import found_in

__all__ = ["BUNDLES", "READERS", "WORKBOOKS", "FileFormat", "Reader", "Rows", "is_database",
           "name_of", "read_rows", "read_source"]  # fmt: skip

WORKBOOKS = (".xlsx", ".xlsm")
BUNDLES = (".json", ".ndjson")


@dataclass(frozen=True)
class Reader:
    """What reads one kind of place.

    Parameters
    ----------
    takes : callable
        Whether a place (the path of a file, or the address of a database) is of its kind.
    read : callable
        Returns the rows of a place, written as a `FileFormat` says, as text.
    """

    takes: Callable[[str], bool]
    read: Callable[[str, FileFormat], Rows]


def _ends(*endings: str) -> Callable[[str], bool]:
    return lambda place: Path(place).suffix.casefold() in endings


READERS: tuple[Reader, ...] = (
    Reader(is_database, read_database),
    Reader(_ends(*WORKBOOKS), read_sheets),
    Reader(_ends(*BUNDLES), read_bundle),
    Reader(_ends(".parquet"), read_parquet),
    Reader(lambda _: True, read_text_table),
)
"""Tried in this order; the first that takes a place reads it."""


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
    refuse_foreign(place)
    rows = next(reader for reader in READERS if reader.takes(place)).read(place, form)
    _refuse_data_as_header([str(name) for name in rows.cells], name_of(path))
    return _filled_down(rows, form)


def _filled_down(rows: Rows, form: FileFormat) -> Rows:
    """Put what stands above on the empty cells of the columns that the form names, by sheet."""
    wanted = set(map(folded, form.fill_down))
    named = [name for name in rows.cells if folded(str(name)) in wanted]
    if not named:
        return rows
    sheets = pd.Series(rows.sheets or [0] * len(rows.cells), index=rows.cells.index)
    above = rows.cells[named].groupby(sheets).ffill()
    return replace(rows, cells=rows.cells.assign(**above.astype(object).where(above.notna(), None)))


def read_rows(path: str | Path, form: FileFormat | None = None) -> pd.DataFrame:
    """Return the cells alone of what `read_source` reads, shape (rows, columns)."""
    return read_source(path, form).cells


def _refuse_data_as_header(header: list[str], where: str) -> None:
    """Refuse a file without a header: its first row of data would be shown as names."""
    names = pd.Series(header)
    looks = [found_in(names, kind).sum() for kind in ("email", "phone", "ssn", "date")]
    n_numbers = int(pd.to_numeric(names, errors="coerce").notna().sum())
    if max(looks) or n_numbers > len(header) / 2:
        must = "the first line names the columns"
        remedy = "Add a line with the names of the columns."
        raise DataError(must, got="what looks like data", where=where, remedy=remedy)
