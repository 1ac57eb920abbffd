"""How a file is written, what messages call it, and whether its place is a database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from outcomes.intake.toml_records import Section, Texts


class FileFormat(Section, frozen=True, kw_only=True):
    """How a file is written, as the section ``[file]`` of a column map says.

    Parameters
    ----------
    sheets : tuple of str
        Sheets of a workbook, read one after the other: names, or patterns with ``*``.
    sheet_name : str
        Column that the name of the sheet becomes.
    header_rows : int
        Lines of the header; 0: found out.
    skip_rows : int or None
        Lines above the header; None: found out.
    fill_down : tuple of str
        Columns whose empty cells hold what stands above them.
    struck_out : str
        Column that says ``yes`` of rows that are struck through.
    encoding, delimiter : str
        Of a CSV file; empty: found out.
    decimal : str
        Mark before decimals, ``.`` or ``,``.
    redcap_dictionary : str
        File beside the export with the data dictionary of a REDCap project; empty: no such export.
    dates : tuple of str
        Accepted ways to write a date, tried in order, as `datetime.strptime` takes them; ``excel``
        for the serial numbers of a spreadsheet.
    dates_of : mapping of str to tuple of str
        Column to the ways in which its dates alone are written.
    time_zone : str
        Zone of the clinic (``Europe/Berlin``), into which instants with an offset are turned.
    empty : tuple of str
        Words that mean an empty cell, in any case.
    table, query : str
        Of a database, as the section ``[source]`` says.
    """

    sheets: Texts = Texts()
    sheet_name: str = ""
    header_rows: int = 0
    skip_rows: int | None = None
    fill_down: Texts = Texts()
    struck_out: str = ""
    encoding: str = ""
    delimiter: str = ""
    decimal: Literal[".", ","] = "."
    redcap_dictionary: str = ""
    dates: Texts = Texts(["%Y-%m-%d"])
    dates_of: dict[str, Texts] = msgspec.field(default_factory=dict)
    time_zone: str = ""
    empty: Texts = Texts()
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
