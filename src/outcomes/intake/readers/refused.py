"""Files that no reader takes are refused by their name, with what to do."""

from __future__ import annotations

from pathlib import Path

from outcomes.errors import DataError
from outcomes.intake.readers.form import is_database

_EXCEL = "Open it in Excel or LibreOffice and save it as .xlsx."
_ASK = "Ask the program that made it for a CSV or Excel export; a printed table cannot be read."
_UNPACK = "Unpack it, and name the file inside."
_CSV = "Open it in its own program and save it as CSV."
_OF = {
    _EXCEL: {"xls": "an old Excel workbook", "xlsb": "a binary Excel workbook",
             "ods": "an OpenDocument sheet", "html": "a web page", "htm": "a web page"},
    "In Numbers choose File, Export To, Excel or CSV.": {"numbers": "an Apple Numbers sheet"},
    _ASK: {"pdf": "a PDF", "doc": "a Word document", "docx": "a Word document",
           "odt": "a text document", "rtf": "a text document"},
    _UNPACK: {"zip": "a packed folder", "gz": "a packed file", "7z": "a packed folder",
              "rar": "a packed folder"},
    _CSV: {"sav": "an SPSS file", "dta": "a Stata file", "sas7bdat": "a SAS file",
           "rds": "an R file", "mdb": "an Access database", "accdb": "an Access database"},
}  # fmt: skip
FOREIGN = {f".{ending}": (f"{what} (.{ending})", remedy)
           for remedy, kinds in _OF.items() for ending, what in kinds.items()}  # fmt: skip
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
