"""The Walton pressure scale, 0 to 5: ordinal, reported by the therapist, force not calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from outcomes.errors import UsageError

CREDIT = (
    "Walton pressure scale by Tracy Walton, after Gayle MacDonald and Dawn Nelson; "
    "paraphrased, reprinted free with this credit (tracywalton.com)."
)
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


WALTON = (
    PressureLevel(0, "hold", "Still contact without weight; added for use in cancer care."),
    PressureLevel(1, "light lotioning", "Full hands, as lotion on sunburn; no tissue is moved."),
    PressureLevel(2, "heavy lotioning", "As rubbing in sunscreen; surface tissue moves a little."),
    PressureLevel(
        3, "medium", "The usual Swedish pressure; muscle is worked, near joints may move a little."
    ),
    PressureLevel(
        4, "strong", "Leaning in; deeper muscle and joints move. What most clients call deep."
    ),
    PressureLevel(
        5,
        "deep",
        "Elbow, forearm or body weight into deep layers, for strong clients; must not bruise.",
    ),
)  # fmt: skip
"""The levels; ``WALTON[level]`` is that level."""

WORDS: Mapping[str, int] = MappingProxyType(
    {**{entry.name: entry.level for entry in WALTON}, "light": 1}
)
"""Words that the scale itself uses, with their level. Any other word (``firm``) has none: what a
clinic means by it is said in its column map."""


def level_named(word: str) -> PressureLevel:
    """Return the level that the scale calls by a word.

    Parameters
    ----------
    word : str
        In any case, for example ``Medium``.

    Returns
    -------
    PressureLevel

    Raises
    ------
    UsageError
        When the scale does not use the word; ``firm`` is not one of its words.

    Notes
    -----
    Clients often say deep for level 4; a clinic that does so maps its own words.

    Examples
    --------
    >>> level_named("Medium").level
    3
    """
    level = WORDS.get(word.strip().casefold())
    if level is None:
        must = "a word for pressure is one of " + ", ".join(WORDS)
        remedy = "Say in the column map which level your clinic means by it."
        raise UsageError(must, got="another word", remedy=remedy)
    return WALTON[level]
