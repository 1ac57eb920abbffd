"""The 18 identifiers of the Safe Harbor rule, the columns that hold them, and their shapes.

Source: 45 CFR 164.514(b)(2)(i)(A) to (R). What is known of them stands in ``identifiers.toml``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files


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
    shapes : dict of str to list of str
        What it looks like: name of a shape to regular expressions.
    same : str
        Name of a shape of another identifier that it shares; else empty.
    """

    letter: str
    title: str
    kinds: tuple[str, ...]
    shapes: dict[str, list[str]] = field(default_factory=dict)
    same: str = ""

    @property
    def looked_for(self) -> tuple[str, ...]:
        """Kinds of sighting that are of it; none where it is not looked for."""
        names = ("name", "title") if "name" in self.kinds else ()
        return (*names, *self.shapes, *([self.same] if self.same else []))


_CONTENT = tomllib.loads(
    files("outcomes.privacy").joinpath("identifiers.toml").read_text(encoding="utf-8")
)
SAFE_HARBOR = tuple(
    Identifier(**{**entry, "kinds": tuple(entry["kinds"])}) for entry in _CONTENT["identifier"]
)
"""The checklist that a manifest goes through, in the rule's order."""

KINDS = (*(kind for entry in SAFE_HARBOR for kind in entry.kinds), "free_text")
"""Kinds of column that a map may name under ``[identifiers]``; ``free_text`` may hold any of them.
None of these columns is kept."""

HEADERS = frozenset(_CONTENT["headers"])
"""Headers of columns that hold identifiers, as `plain` gives them."""

SAYS: dict[str, str] = _CONTENT["says"]
"""Name of a shape to what messages call it."""

PARTS: dict[str, str] = _CONTENT["parts"]
"""What stands in several shapes, by its name in braces."""
