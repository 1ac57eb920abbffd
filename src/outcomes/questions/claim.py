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
    """

    arms: int = 0
    control: bool = False
    randomised: bool = False
    contrast: bool = False
    n_episodes: int = FEW_EPISODES
    n_clusters: int = 0
    planned: bool = False


@dataclass(frozen=True)
class Words:
    """The words an answer may use.

    Parameters
    ----------
    claim : {"change", "association", "difference", "effect"}
        How far the answer may go.
    cautions : tuple of str
        Sentences that must stand beside it.
    """

    claim: Claim
    cautions: tuple[str, ...]


SAID = shipped("questions/claim.toml")
"""Cautions by claim, and other sentences of all answers."""


def words(basis: Basis) -> Words:
    """Return the words that a design allows.

    Parameters
    ----------
    basis : Basis
        The design and the data behind the answer.

    Returns
    -------
    Words

    Examples
    --------
    >>> words(Basis()).claim
    'change'
    >>> words(Basis(arms=2, control=True, randomised=True, contrast=True)).claim
    'effect'
    """
    claim = _claim(basis)
    return Words(claim, _cautions(basis, claim))


def _claim(basis: Basis) -> Claim:
    if not basis.contrast:
        return "change"
    if basis.arms < 2 or not basis.control:
        return "association"
    return "effect" if basis.randomised else "difference"


def _cautions(basis: Basis, claim: Claim) -> tuple[str, ...]:
    few = f"It rests on little data: fewer than {FEW_EPISODES} courses."
    hands = f"Too few therapists to tell how much they differ: {basis.n_clusters}."
    rules = (
        (claim in SAID["cautions"], SAID["cautions"].get(claim, "")),
        (basis.n_episodes < FEW_EPISODES, few),
        (0 < basis.n_clusters < FEW_CLUSTERS, hands),
        (not basis.planned, SAID["exploratory"]),
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
