"""The guard at load: a file that still looks as if it identifies people is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.errors import PrivacyError
from outcomes.privacy.names import identifying_ids, names_somebody
from outcomes.privacy.patterns import any_holds, plain

IMPORT = "Run: outcomes import FILE --columns MAP.toml --out STUDY --key-file KEY"
"""The command that takes a raw export in."""

HEADERS = frozenset(
    plain(name)
    for name in (
        "name", "first name", "last name", "surname", "full name", "given name", "family name",
        "firstname", "lastname", "client", "client name", "patient", "patient name", "clientname",
        "patientname", "dob", "date of birth", "birth date", "birthdate", "birthday", "phone",
        "telephone", "mobile", "cell", "cell phone", "home phone", "fax", "email", "e mail",
        "email address", "address", "street", "street address", "city", "zip", "zip code",
        "postcode", "postal code", "ssn", "social security number", "mrn", "medical record number",
        "insurance id", "policy number", "claim number", "referring md", "referring physician",
        "employer", "attorney", "notes", "note", "comments", "soap note",
    )
)  # fmt: skip
"""Headers of columns that hold identifiers; what stands in them does not matter."""

_CELLS = {
    "email": "an e-mail address", "phone": "a telephone number", "ssn": "a social security number",
    "street": "a street", "url": "a web address", "ip": "an internet address",
    "date": "a calendar date", "zip": "a postal code", "record": "a record number",
    "plan": "a health plan number", "account": "an account number", "claim": "a claim number",
    "licence": "a licence number", "vehicle": "a vehicle number", "plate": "a vehicle plate",
    "device": "a device number", "long number": "a long number",
}  # fmt: skip
CODES = "Give people codes, such as P001, and correct the cells."
IDS = frozenset(c.name for spec in TABLES.values() for c in spec.columns if c.kind == "id")
READ = frozenset(
    c.name for spec in TABLES.values() for c in spec.columns if c.is_number or c.kind == "boolean"
)
"""Columns of which only numbers, yes and no are kept; the rest of them is emptied and reported."""


def refuse_identified(
    tables: Mapping[str, pd.DataFrame], where: str, ids: Collection[str] = IDS
) -> None:
    """Refuse tables that still look as if they identify people.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Text cells by table; the name may be empty.
    where : str
        Name of the file or folder, for the message.
    ids : collection of str
        Columns that hold ids of people; words in one are taken for a name.

    Raises
    ------
    PrivacyError
        With the columns named, what was seen in each, and the command that fixes it; no cell is
        shown.
    """
    seen = {
        f"{table}.{name}" if table else name: kind
        for table, frame in tables.items()
        for name, kind in identified_columns(frame, ids).items()
    }
    if seen:
        must = "a study identifies nobody"
        told = "; ".join(f"{name}: {kind}" for name, kind in seen.items())
        got = f"columns that look as if they do ({told})"
        only_ids = all(name.rpartition(".")[2] in ids for name in seen)
        remedy = f"{CODES} A raw export is taken in so: {IMPORT}" if only_ids else IMPORT
        raise PrivacyError(must, got=got, where=where, remedy=remedy)


def identified_columns(frame: pd.DataFrame, ids: Collection[str] = IDS) -> dict[str, str]:
    """Return the columns that look as if they identify people, with what was seen in them.

    Examples
    --------
    >>> identified_columns(pd.DataFrame({"Client": ["x"], "tel": ["(602) 555-0100"]}))
    {'Client': 'its name', 'tel': 'a telephone number, row 1'}
    """
    found = {}
    for name in frame.columns:
        cells = frame[name].dropna().astype("str").drop_duplicates()
        if plain(str(name)) in HEADERS and len(cells):
            found[str(name)] = "its name"
            continue
        kinds = _of_ids(cells) if name in ids else {} if name in READ else _of_words(cells)
        if kinds:
            row, kind = next(iter(kinds.items()))
            found[str(name)] = f"{kind}, row {row + 1}"
    return found


def _of_ids(cells: pd.Series[str]) -> dict[int, str]:
    kinds = identifying_ids(cells.to_list())
    return {int(str(row)): kinds[cell] for row, cell in cells.items() if cell in kinds}


def _of_words(cells: pd.Series[str]) -> dict[int, str]:
    """Return which cells look as if they identify people, by position, with what was seen."""
    found: dict[int, str] = {}
    for row, cell in cells.items():
        kind = next((kind for kind in _CELLS if any_holds([cell], kind)), "")
        if kind or names_somebody(cell):
            found[int(str(row))] = _CELLS.get(kind, "a name")
    return found
