"""The Walton pressure scale, 0 to 5: ordinal, reported by the therapist, force not calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from outcomes.plain_text import shipped

_FILE = shipped("dictionary/pressure.toml")
CREDIT: str = _FILE["credit"]
"""To be shown wherever the levels are described."""


@dataclass(frozen=True, slots=True)
class PressureLevel:
    """One level of the scale.

    Parameters
    ----------
    level : int
        0 to 5. Levels are ordered; nothing says that steps are equal.
    name : str
        The scale's word for it.
    description : str
        What the hands do, paraphrased.

    Examples
    --------
    >>> WALTON[3]
    PressureLevel(level=3, name='medium', description=...)
    """

    level: int
    name: str
    description: str


WALTON = tuple(PressureLevel(**entry) for entry in _FILE["levels"])
"""The levels; ``WALTON[level]`` is that level."""

WORDS: Mapping[str, int] = MappingProxyType(
    {**{entry.name: entry.level for entry in WALTON}, "light": 1}
)
"""Words that the scale itself uses, with their level. Any other word (``firm``) has none: what a
clinic means by it is said in its column map."""
