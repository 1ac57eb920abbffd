"""Read the rows of one file, whatever its format, as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.text_table import read_text_table, text_frame
from outcomes.intake.workbook import read_sheets
from outcomes.privacy.patterns import found_in

WORKBOOKS = (".xlsx", ".xlsm")
BUNDLES = (".json", ".ndjson")


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
    table, query : str
        Of a database, as the section ``[source]`` says.
    """

    sheets: tuple[str, ...] = ()
    header_rows: int = 1
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    redcap_dictionary: str = ""
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    table: str = ""
    query: str = ""


def is_database(place: str | Path) -> bool:
    """Whether a place is the address of a database."""
    return "://" in str(place)


def name_of(place: str | Path) -> str:
    """Return what messages call a file or database: its name, without its path or password.

    Examples
    --------
    >>> name_of("postgresql://ann:secret@host/clinic"), name_of("safe/export.csv")
    ('clinic', 'export.csv')
    """
    if not is_database(place):
        return Path(place).name
    address = re.split(r"[?#]", str(place).partition("://")[2])[0]
    _, slash, name = address.rpartition("/")
    return name if slash and name and "@" not in name else "database"


def read_rows(path: str | Path, form: FileFormat | None = None) -> pd.DataFrame:
    """Return the rows of a CSV, Excel or Parquet file, a FHIR bundle, or a database, as text.

    Parameters
    ----------
    path : str or Path
        The file, whose ending says what it is, or the address of a database.
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
        When what reads it is not installed, or the database cannot be reached.
    """
    form, place = form or FileFormat(), Path(path)
    ending = place.suffix.casefold()
    if is_database(path):
        from outcomes.intake.sql import read_database

        rows = read_database(str(path), name_of(path), table=form.table, query=form.query)
    elif ending in WORKBOOKS:
        rows = read_sheets(place, form.sheets, header_rows=form.header_rows)
    elif ending in BUNDLES:
        from outcomes.intake.fhir import read_bundle

        rows = read_bundle(place)
    elif ending == ".parquet":
        rows = _parquet(place)
    else:
        rows = read_text_table(place, encoding=form.encoding, delimiter=form.delimiter)
    _refuse_data_as_header([str(name) for name in rows], name_of(path))
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
        from pyarrow import ArrowException, parquet

        table = parquet.read_table(path).to_pandas(ignore_metadata=True)  # an index is a column
        cells = table.astype(object)
    except ImportError:
        must = "reading Parquet needs pyarrow"
        remedy = "Install it with: pip install 'outcomes[big]'."
        raise UnavailableError(must, got="none", remedy=remedy) from None
    except (OSError, ValueError, LookupError, TypeError, ArrowException):
        must = "the file is a Parquet file"
        raise DataError(must, got="something else, or none", where=path.name) from None
    return text_frame(cells, path.name)
