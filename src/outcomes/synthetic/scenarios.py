"""Scenarios by name: what is set, the lesson, and the naive analysis that it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from outcomes.errors import DesignError
from outcomes.plain_text import shipped
from outcomes.synthetic.conditions import KNOWN, Arm
from outcomes.synthetic.design import Design
from outcomes.synthetic.parameter import frozen


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Parameters
    ----------
    name : str
        Its name.
    lesson : str
        What it teaches.
    naive : str
        The analysis that goes wrong in it.
    honest : str
        What to do instead, or what can be said at all.
    episodes : int
        Courses, unless asked otherwise.
    changes : mapping
        Parameters that differ from the default design.
    """

    name: str
    lesson: str
    naive: str
    honest: str
    episodes: int = 200
    changes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


_FILE = shipped("synthetic/scenarios.toml")
_SETS = {name: {k: frozen(v) for k, v in values.items()} for name, values in _FILE["sets"].items()}
NO_EFFECT: dict[str, Any] = _SETS["no_effect"]
"""Care does nothing: entry selection, natural course and noise are left."""


def _scenario(entry: dict[str, Any]) -> Scenario:
    """Return one scenario; its conditions are those of `KNOWN` but for what it says of them."""
    changes: dict[str, Any] = {}
    for name in entry.pop("sets", ()):
        changes |= _SETS[name]
    changes |= {k: frozen(v) for k, v in entry.pop("changes", {}).items()}
    if own := entry.pop("conditions", None):
        changes["conditions"] = tuple(replace(KNOWN[item.pop("name")], **item) for item in own)
    if arms := entry.pop("arms", None):
        changes["arms"] = tuple(Arm(**arm) for arm in arms)
    return Scenario(**entry, changes=MappingProxyType(changes))


SCENARIOS: dict[str, Scenario] = {item.name: item for item in map(_scenario, _FILE["scenarios"])}
"""All scenarios by name."""


def scenario_design(name: str = "default", *, episodes: int | None = None, seed: int = 1) -> Design:
    """Return the design of a scenario.

    Parameters
    ----------
    name : str
        Name of the scenario.
    episodes : int, optional
        Courses; by default the scenario's.
    seed : int
        Seed.

    Raises
    ------
    DesignError
        When no scenario has the name.

    Examples
    --------
    >>> scenario_design("two-arm-trial").arms[0].control
    True
    """
    if name not in SCENARIOS:
        must = "a scenario is one of " + ", ".join(SCENARIOS)
        raise DesignError(must, got="another name", where="scenario")
    chosen = SCENARIOS[name]
    size = chosen.episodes if episodes is None else episodes
    return Design(episodes=size, seed=seed, scenario=name, **chosen.changes)
