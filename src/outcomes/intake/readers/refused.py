"""Files that no reader takes are refused by their name, with what to do."""

from __future__ import annotations

from pathlib import Path

from outcomes.errors import DataError
from outcomes.intake.readers.form import is_database

_EXCEL = "Open it in Excel or LibreOffice and save it as .xlsx."
_ASK = "Ask the program that made it for a CSV or Excel export; a printed table cannot be read."
_UNPACK = "Unpack it, and name the file inside."
_CSV = "Open it in its own program and save it as CSV."
FOREIGN: dict[str, tuple[str, str]] = {
    ".xls": ("an old Excel workbook (.xls)", _EXCEL),
    ".xlsb": ("a binary Excel workbook (.xlsb)", _EXCEL),
    ".ods": ("an OpenDocument sheet (.ods)", _EXCEL),
    ".numbers": (
        "an Apple Numbers sheet (.numbers)",
        "In Numbers choose File, Export To, Excel or CSV.",
    ),
    ".pdf": ("a PDF", _ASK),
    ".doc": ("a Word document (.doc)", _ASK),
    ".docx": ("a Word document (.docx)", _ASK),
    ".odt": ("a text document (.odt)", _ASK),
    ".rtf": ("a text document (.rtf)", _ASK),
    ".html": ("a web page", "Open it in Excel and save it as .xlsx."),
    ".htm": ("a web page", "Open it in Excel and save it as .xlsx."),
    ".zip": ("a packed folder (.zip)", _UNPACK),
    ".gz": ("a packed file (.gz)", _UNPACK),
    ".7z": ("a packed folder (.7z)", _UNPACK),
    ".rar": ("a packed folder (.rar)", _UNPACK),
    ".sav": ("an SPSS file (.sav)", _CSV),
    ".dta": ("a Stata file (.dta)", _CSV),
    ".sas7bdat": ("a SAS file (.sas7bdat)", _CSV),
    ".rds": ("an R file (.rds)", _CSV),
    ".mdb": ("an Access database (.mdb)", _CSV),
    ".accdb": ("an Access database (.accdb)", _CSV),
}
"""Ending to what a file is and what to do."""
_BEGINS = {
    b"%PDF": FOREIGN[".pdf"],
    b"\xd0\xcf\x11\xe0": ("an old Office file", _EXCEL),
    b"PK\x03\x04": (
        "a packed file, perhaps an Excel workbook under another name",
        "Give a workbook the ending .xlsx; unpack anything else.",
    ),
    b"\x1f\x8b": FOREIGN[".gz"],
    b"{\\rtf": FOREIGN[".rtf"],
    b"<!doctype html": FOREIGN[".html"],
    b"<html": FOREIGN[".html"],
    b"<table": FOREIGN[".html"],
}
"""How the content of such a file begins, whatever its ending."""
_BINARY = (".xlsx", ".xlsm", ".parquet")


def refuse_foreign(place: str) -> None:
    """Raise `DataError` where a file is of a kind that is not read."""
    path = Path(place)
    if is_database(place) or not path.is_file():
        return
    found = FOREIGN.get(path.suffix.casefold())
    if found is None and path.suffix.casefold() not in _BINARY:
        with path.open("rb") as file:
            head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        found = next((kind for begin, kind in _BEGINS.items() if head.startswith(begin.lower())),
                     None)  # fmt: skip
    if found:
        must = "an export is a CSV file, an Excel workbook (.xlsx), Parquet, FHIR or a database"
        raise DataError(must, got=found[0], where=path.name, remedy=found[1])
