"""What an answer may say: its words follow from the design of the study, by one small table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from outcomes.plain_text import shipped
from outcomes.records import number_of_therapists
from outcomes.study import Study

Claim = Literal["change", "association", "difference", "effect"]

FEW_EPISODES = 30
FEW_CLUSTERS = 5


SAID = shipped("questions/claim.toml")
"""Cautions by claim, and other sentences of all answers."""


@dataclass(frozen=True)
class Basis:
    """What the words of an answer rest on.

    Parameters
    ----------
    arms : int
        Arms of the study; below 2 nothing was compared with care.
    control : bool
        Whether one of them is named as the control.
    randomised : bool
        Whether chance made the arms.
    contrast : bool
        Whether the answer compares groups or exposures, rather than describing a course.
    n_episodes, n_clusters : int
        Courses, and therapists (0 = not recorded), behind the answer.
    planned : bool
        Whether the question was declared in an analysis plan.

    Examples
    --------
    >>> Basis().claim
    'change'
    >>> Basis(arms=2, control=True, randomised=True, contrast=True).claim
    'effect'
    """

    arms: int = 0
    control: bool = False
    randomised: bool = False
    contrast: bool = False
    n_episodes: int = FEW_EPISODES
    n_clusters: int = 0
    planned: bool = False

    @property
    def claim(self) -> Claim:
        """How far the answer may go."""
        if not self.contrast:
            return "change"
        if self.arms < 2 or not self.control:
            return "association"
        return "effect" if self.randomised else "difference"

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences that must stand beside it."""
        few = f"It rests on little data: fewer than {FEW_EPISODES} courses."
        hands = f"Too few therapists to tell how much they differ: {self.n_clusters}."
        rules = (
            (self.claim in SAID["cautions"], SAID["cautions"].get(self.claim, "")),
            (self.n_episodes < FEW_EPISODES, few),
            (0 < self.n_clusters < FEW_CLUSTERS, hands),
            (not self.planned, SAID["exploratory"]),
        )
        return tuple(sentence for holds, sentence in rules if holds)


def basis_of(study: Study, *, contrast: bool, planned: bool = False, **facts: int | bool) -> Basis:
    """Return the basis that a study gives an answer about it.

    Parameters
    ----------
    study : Study
        The study.
    contrast : bool
        Whether the answer compares the arms of the study.
    planned : bool
        Whether the question was declared beforehand.
    **facts
        Other fields of `Basis`, such as `n_episodes`.
    """
    arms = study.episodes["arm"].dropna().unique()
    known: dict[str, Any] = {"n_episodes": len(study.episodes), **facts}
    if "n_clusters" not in facts:
        known["n_clusters"] = number_of_therapists(study)
    chance, named = study.provenance.randomised, study.provenance.control in arms
    return replace(Basis(len(arms), named, chance, contrast, planned=planned), **known)
