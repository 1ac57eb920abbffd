"""The guard at load: a file that still looks as if it identifies people is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.errors import PrivacyError
from outcomes.privacy.patterns import found_in, plain

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
    "street": "a street", "url": "a web address", "date": "a calendar date", "title": "a name",
}  # fmt: skip


IDS = frozenset(c.name for spec in TABLES.values() for c in spec.columns if c.kind == "id")
_FULL_NAME = re.compile(r"[^\W\d_][\w'-]+,? [^\W\d_][\w'-]*\.?(?: [^\W\d_][\w'-]+)?")


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
        Columns that hold ids of people; two words in one are taken for a name.

    Raises
    ------
    PrivacyError
        With the columns named, what was seen in each, and the command that fixes it; no cell is
        shown.
    """
    seen = [
        f"{table}.{name}: {kind}" if table else f"{name}: {kind}"
        for table, frame in tables.items()
        for name, kind in identified_columns(frame, ids).items()
    ]
    if seen:
        must = "a study identifies nobody"
        got = f"columns that look as if they do ({'; '.join(seen)})"
        raise PrivacyError(must, got=got, where=where, remedy=IMPORT)


def identified_columns(frame: pd.DataFrame, ids: Collection[str] = IDS) -> dict[str, str]:
    """Return the columns that look as if they identify people, with what was seen in them.

    Examples
    --------
    >>> identified_columns(pd.DataFrame({"Client": ["x"], "tel": ["(602) 555-0100"]}))
    {'Client': 'its name', 'tel': 'a telephone number'}
    """
    found = {}
    for name in frame.columns:
        kind = _kind(str(name), frame[name], is_id=name in ids)
        if kind:
            found[str(name)] = kind
    return found


def _kind(name: str, cells: pd.Series[Any], *, is_id: bool) -> str:
    if plain(name) in HEADERS and cells.notna().any():
        return "its name"
    text = pd.Series(cells.dropna().unique(), dtype=object)
    text = text[text.map(lambda cell: not str(cell).isalnum()).astype(bool)]
    for kind, words in _CELLS.items():
        if found_in(text, kind).any():
            return words
    if is_id and text.map(lambda cell: _FULL_NAME.fullmatch(str(cell)) is not None).any():
        return "names"
    return ""
