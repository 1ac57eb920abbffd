"""Read the rows of one file, whatever its format, as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.text_table import read_text_table, tidied
from outcomes.intake.workbook import read_sheets
from outcomes.privacy.patterns import found_in

WORKBOOKS = (".xlsx", ".xlsm")


@dataclass(frozen=True)
class FileFormat:
    """How a file is written, as the section ``[file]`` of a column map says.

    Parameters
    ----------
    sheets : tuple of str
        Sheets of a workbook, read one after the other.
    header_rows : int
        Rows of a workbook's header.
    encoding, delimiter : str
        Of a CSV file; empty: found out.
    decimal : str
        Mark before decimals, ``.`` or ``,``.
    redcap_dictionary : str
        File beside the export with the data dictionary of a REDCap project; empty: no such export.
    dates : tuple of str
        Accepted ways to write a date, tried in order, as `datetime.strptime` takes them.
    """

    sheets: tuple[str, ...] = ()
    header_rows: int = 1
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    redcap_dictionary: str = ""
    dates: tuple[str, ...] = ("%Y-%m-%d",)


def read_rows(path: Path, form: FileFormat | None = None) -> pd.DataFrame:
    """Return the rows of a CSV, Excel or Parquet file as text.

    Parameters
    ----------
    path : Path
        The file; its ending says what it is.
    form : FileFormat, optional
        How it is written.

    Returns
    -------
    DataFrame
        Shape (rows, columns), all text; an empty cell is missing.

    Raises
    ------
    DataError
        When the file cannot be read as a table.
    UnavailableError
        When Parquet is not installed.
    """
    form = form or FileFormat()
    ending = path.suffix.casefold()
    if ending in WORKBOOKS:
        rows = read_sheets(path, form.sheets, header_rows=form.header_rows)
    elif ending == ".parquet":
        rows = _parquet(path)
    else:
        rows = read_text_table(path, encoding=form.encoding, delimiter=form.delimiter)
    _refuse_data_as_header([str(name) for name in rows], path.name)
    return rows


def _refuse_data_as_header(header: list[str], where: str) -> None:
    """Refuse a file without a header: its first row of data would be shown as names."""
    names = pd.Series(header)
    looks = [found_in(names, kind).sum() for kind in ("email", "phone", "ssn", "date")]
    n_numbers = int(pd.to_numeric(names, errors="coerce").notna().sum())
    if max(looks) or n_numbers > len(header) / 2:
        must = "the first line names the columns"
        remedy = "Add a line with the names of the columns."
        raise DataError(must, got="what looks like data", where=where, remedy=remedy)


def _parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except ImportError:
        must = "reading Parquet needs pyarrow"
        remedy = "Install it with: pip install 'outcomes[big]'."
        raise UnavailableError(must, got="none", remedy=remedy) from None
    except (OSError, ValueError):
        must = "the file is a Parquet file"
        raise DataError(must, got="something else, or none", where=path.name) from None
    text = {str(name): frame[name].map(_plain, na_action="ignore") for name in frame.columns}
    return tidied(pd.DataFrame(text, dtype="str"), path.name)


def _plain(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).removesuffix(" 00:00:00")
