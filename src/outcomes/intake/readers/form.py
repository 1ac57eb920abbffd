"""How a file is written, what messages call it, and whether its place is a database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


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
