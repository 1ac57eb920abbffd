"""The 18 identifiers of the Safe Harbor rule, and the kinds of column that hold them.

Source: 45 CFR 164.514(b)(2)(i)(A) to (R).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identifier:
    """One of the 18 identifiers.

    Parameters
    ----------
    letter : str
        Letter of the paragraph.
    title : str
        What it is.
    kinds : tuple of str
        Kinds of column, as a column map's ``[identifiers]`` calls them, that hold it.
    """

    letter: str
    title: str
    kinds: tuple[str, ...] = ()


SAFE_HARBOR = (
    Identifier("A", "Names", ("name", "physician", "relative", "employer", "attorney")),
    Identifier("B", "Places smaller than a state", ("street", "city", "zip")),
    Identifier("C", "Dates but the year, and ages over 89", ("birth_date", "date", "time")),
    Identifier("D", "Telephone numbers", ("phone",)),
    Identifier("E", "Fax numbers", ("fax",)),
    Identifier("F", "E-mail addresses", ("email",)),
    Identifier("G", "Social security numbers", ("ssn",)),
    Identifier("H", "Medical record numbers", ("record",)),
    Identifier("I", "Health plan numbers", ("plan",)),
    Identifier("J", "Account numbers", ("account",)),
    Identifier("K", "Certificate and licence numbers", ("licence",)),
    Identifier("L", "Vehicle numbers and plates", ("vehicle",)),
    Identifier("M", "Device numbers", ("device",)),
    Identifier("N", "Web addresses", ("url",)),
    Identifier("O", "Internet addresses", ("ip",)),
    Identifier("P", "Finger prints and voice prints", ("biometric",)),
    Identifier("Q", "Photographs of the face", ("photo",)),
    Identifier("R", "Any other number or code of a person", ("appointment", "claim", "other")),
)
"""The checklist that a manifest goes through, in the rule's order."""

KINDS = (*(kind for entry in SAFE_HARBOR for kind in entry.kinds), "free_text")
"""Kinds of column that a map may name under ``[identifiers]``; ``free_text`` may hold any of them.
None of these columns is kept."""
