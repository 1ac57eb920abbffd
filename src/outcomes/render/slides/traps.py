"""The traps that have a teaching deck: case, naive analysis, why it misleads, truth, rule."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

import msgspec

from outcomes.planning.truths import ARM, CHANGE, EVERY, LAST

ESTIMANDS = {
    "last": LAST, "every": EVERY, "change": CHANGE, "arm": ARM,
    "no care": "mean improvement without any care, by week",
}  # fmt: skip
"""Names of true values in traps.toml."""


class Trap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trap; ``{naive}``, ``{honest}`` and ``{truth}`` in its titles become numbers.

    Parameters
    ----------
    scenario, question, arm : str
        Of the generator and of the answers; the arm where there are several.
    naive : str
        The naive analysis, one of `outcomes.planning.truths.NAIVE`; empty where the
        largest gap in the picture is the naive finding.
    shows, axis : str
        Column that the naive picture shows mean improvement against, and its name.
    asks, case, poll : str
        The question, the case that the deck begins with, what the room is asked.
    naive_says, because, honest_says, rule, take_home : str
        The naive claim, why it misleads, the honest answer, the rule and the last question.
    why : tuple of str
        Points below `because`.
    kind, time : str, tuple of (str, float)
        Rows of the answer's table that are shown, and when; empty where the answer refuses.
    estimand, truth_time, truth_is : str, tuple of (str, float), str
        Key of `ESTIMANDS`, where it is read, and the name of its row.
    divisor : float
        True value in units of the answer's row: 2 for pressure 4 against 2, per level.
    curve : bool
        Whether the three are shown as curves.
    seed, taught, tried : int
        Seed of a study that teaches, and how many of the seeds tried make one (seeds.json).
    """

    scenario: str
    question: str
    naive: str
    shows: str
    axis: str
    asks: str
    case: str
    poll: str
    naive_says: str
    because: str
    why: tuple[str, ...]
    honest_says: str
    rule: str
    take_home: str
    arm: str = ""
    kind: str = ""
    time: tuple[str, float] = ("session_count", 4)
    estimand: str = ""
    truth_time: tuple[str, float] = ("session_count", 4)
    truth_is: str = "truth (known here)"
    divisor: float = 1.0
    curve: bool = False
    seed: int = 1
    taught: int = 0
    tried: int = 0


def _read() -> Mapping[str, Trap]:
    place = files(__package__)
    text = place.joinpath("traps.toml").read_text(encoding="utf-8")
    seeds = msgspec.json.decode(place.joinpath("seeds.json").read_bytes())
    traps = msgspec.toml.decode(text, type=dict[str, tuple[Trap, ...]])["traps"]
    return MappingProxyType(
        {t.scenario: msgspec.structs.replace(t, **seeds.get(t.scenario, {})) for t in traps}
    )


TRAPS = _read()
"""Traps by scenario."""
