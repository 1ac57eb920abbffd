"""What products' exports look like, one TOML file each; known by the set of their headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from outcomes.intake.drafting.headers import Role, words_of
from outcomes.plain_text import shipped


@dataclass(frozen=True)
class Preset:
    """A product's export.

    Parameters
    ----------
    name, version, source : str
        The product, of when its headers are, and the public source that says so.
    tells : tuple of str
        Headers that together tell the product; see `fit`.
    needs : tuple of str
        Headers without which its visits cannot be read; one that is missing becomes a question.
    roles : mapping of str to str
        Header to its place in a map, or ``ignored``.
    map : mapping
        What a map of it says beside its columns.
    given : tuple of mapping
        Further parts (``map``) of a map, each where all cells of a ``column`` are among ``words``.
    """

    name: str
    version: str
    source: str
    tells: tuple[str, ...]
    needs: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    map: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[Mapping[str, Any], ...] = ()

    def role(self, header: str) -> Role | None:
        """Return what a column is in this product; None where it is not one of its own."""
        place = {bare(name): place for name, place in self.roles.items()}.get(bare(header))
        return Role(place, "any", words_of(header)) if place else None

    def fit(self, headers: Iterable[str]) -> float:
        """Return how much of the product is in the export; 0 where it is another's.

        One of `tells` may have another name, where most of the export's columns are the product's.
        """
        there = {bare(header) for header in headers}
        n_missing = sum(bare(header) not in there for header in self.tells)
        known = {bare(header) for header in self.roles}
        renamed = n_missing == 1 and len(self.tells) > 2 and len(known & there) > len(there) / 2
        return len(known & there) / len(known) if not n_missing or renamed else 0.0


def bare(header: str) -> str:
    """Return a header without case, blanks and signs."""
    return "".join(words_of(header))


def preset_of(headers: Iterable[str]) -> Preset | None:
    """Return the product whose export has such headers; None where none is known.

    Examples
    --------
    >>> preset_of(["Timestamp", "Email Address", "Your name"]).name
    'Google Forms'
    >>> preset_of(["Client", "Date", "Pain"])
    """
    headers = list(headers)
    found = [preset for preset in presets() if preset.fit(headers)]
    return max(found, key=lambda preset: (len(preset.tells), preset.fit(headers)), default=None)


@cache
def presets() -> tuple[Preset, ...]:
    """Return every product that is known, by name."""
    names = [entry.name for entry in files(__name__).iterdir() if entry.name.endswith(".toml")]
    read = (msgspec.convert(shipped(f"intake/presets/{name}"), Preset) for name in names)
    return tuple(sorted(read, key=lambda preset: preset.name))
