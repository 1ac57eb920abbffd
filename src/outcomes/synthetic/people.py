"""The people of a block: what they bring, and the random numbers of their courses, drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from outcomes.dictionary.tables import ADAPTATIONS
from outcomes.synthetic import entry
from outcomes.synthetic.design import Design
from outcomes.synthetic.parameter import Pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNIFORMS = (
    "leave", "reason", "missed", "missing", "heap", "pressure", "therapist", "adverse", "extra",
    "post", "jitter",
)  # fmt: skip
"""Names of the uniform numbers that every person has for every column of the time grid."""

KINDS = tuple(name for name in ADAPTATIONS if name not in ("none", "end_of_life"))
NEEDS_CLEARANCE = ("organ_failure", "cancer", "osteoporosis")
"""Adaptations for which the simulated clinics ask for a physician's clearance."""


@dataclass(frozen=True)
class Clusters:
    """What all courses share; of several studies, these are the first axis.

    Parameters
    ----------
    clinic_level : ndarray, shape (clinics,)
        Level of pain of a clinic's patients, NPRS points.
    therapist_benefit : ndarray, shape (therapists,)
        Further improvement under a therapist at the plateau, NPRS points.
    reaction_sign : ndarray, shape (therapists,)
        1, or -1 for therapists who react to pain the other way.
    arm : ndarray of int, shape (therapists,)
        Arm of a therapist's courses, where therapists or clinics are allotted.
    study : tuple of ndarray of int, shape (n,)
        The study of each course, where there are several.
    """

    clinic_level: Floats
    therapist_benefit: Floats
    reaction_sign: Floats
    arm: Ints
    study: tuple[Ints, ...] = ()


@dataclass(frozen=True)
class People:
    """The courses of one block, one entry a course.

    Parameters
    ----------
    first : int
        Number of the block's first course in the study.
    source : ndarray of int, shape (n,)
        Position of the patient's first course in the block: a second course points to the first.
    condition, therapist, arm : ndarray of int
        Positions in the design.
    age : ndarray
        Years.
    female, adaptive, claim, cotreated, recurrent : ndarray of bool
        Traits.
    kinds : ndarray of int, shape (2, n)
        Adaptations, positions in `KINDS`; -1 for none.
    onset_weeks, frequency, weeks, minutes : ndarray
        Weeks since onset and script.
    ceiling : ndarray
        Pressure ceiling (Walton), NaN where there is none.
    cover : ndarray
        Sessions that insurance covers; inf without a limit.
    level, slope, serial, white : ndarray
        Level of pain (NPRS points, clinic and condition included), own slope (a week, positive =
        better), residual parts at the first visit.
    function_level : ndarray
        Standard normal part of the second instrument that pain does not share.
    uniforms : dict of str to ndarray, shape (columns, n)
        Uniform numbers for each column of the time grid.
    normals : ndarray, shape (4, columns, n)
        Standard normal numbers: serial, white, function, drop after a visit.
    traits : ndarray, shape (12, n)
        Uniform numbers for records that nothing else depends on.
    """

    first: int
    source: Ints
    condition: Ints
    therapist: Ints
    arm: Ints
    age: Floats
    female: Bools
    adaptive: Bools
    claim: Bools
    cotreated: Bools
    recurrent: Bools
    kinds: Ints
    onset_weeks: Floats
    frequency: Floats
    weeks: Floats
    minutes: Floats
    ceiling: Floats
    cover: Floats
    level: Floats
    slope: Floats
    serial: Floats
    white: Floats
    function_level: Floats
    uniforms: dict[str, Floats]
    normals: Floats
    traits: Floats

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the courses."""
        return [f"e{self.first + i + 1:07d}" for i in range(self.count)]

    @property
    def count(self) -> int:
        """Number of courses."""
        return len(self.condition)


def draw_clusters(design: Design, rng: np.random.Generator) -> Clusters:
    """Draw clinics and therapists.

    Parameters
    ----------
    design : Design
        The design.
    rng : Generator
        Stream of the clusters.
    """
    total = entry.spread_of(design).total
    clinic, therapist = rng.standard_normal(design.clinics), rng.standard_normal(design.therapists)
    opposite = rng.permutation(design.therapists) % 2 == 1
    return Clusters(
        clinic_level=clinic * entry.cluster_sd(design.clinic_icc, total),
        therapist_benefit=therapist * entry.cluster_sd(design.therapist_icc, total),
        reaction_sign=np.where(design.reaction_random_sign & opposite, -1.0, 1.0),
        arm=_arms_of_clusters(design, rng),
    )


def _arms_of_clusters(design: Design, rng: np.random.Generator) -> Ints:
    """Allot therapists, or clinics with theirs, to arms as evenly as their shares allow."""
    if design.allocation == "patient":  # draws nothing: what follows in the stream is as ever
        return np.zeros(design.therapists, dtype=int)
    who = np.arange(design.therapists) % (
        design.clinics if design.allocation == "clinic" else design.therapists
    )
    units = int(who.max()) + 1
    return _choice(_allocation(design), (rng.permutation(units) + 0.5) / units)[who].astype(int)


def draw_people(
    design: Design,
    clusters: Clusters,
    rng: np.random.Generator,
    *,
    n: int,
    n_columns: int,
    conditions: Ints | None = None,
) -> People:
    """Draw the people of a block.

    Parameters
    ----------
    design : Design
        The design.
    clusters : Clusters
        Clinics and therapists.
    rng : Generator
        Stream of the block.
    n, n_columns : int
        Courses, and columns of the time grid.
    conditions : ndarray of int, optional
        Conditions to use instead of drawn ones.
    """
    u, z = rng.random((31, n)), rng.standard_normal((10, n))
    uniforms = rng.random((len(UNIFORMS), n_columns, n))
    normals = rng.standard_normal((4, n_columns, n))
    source = _sources(u[0] < design.repeat_share)
    again = source != np.arange(n)
    drawn = _choice(tuple((i, item.share) for i, item in enumerate(design.conditions)), u[1])
    condition = drawn.astype(np.int64) if conditions is None else conditions
    therapist = np.minimum((u[2] * design.therapists).astype(np.int64), design.therapists - 1)
    therapist = therapist[source]
    age = np.clip(52 + 16 * z[0], 18, 97)[source]
    adaptive = _adaptive(design, age, u[3][source])
    kinds = _kinds(design, adaptive, u[4][source], u[5][source])
    claim = u[6] < np.array([item.claim_share for item in design.conditions])[condition]
    means = entry.population_means(design)[condition]
    means = means + clusters.clinic_level[therapist % design.clinics]
    person, course, serial, white = _pain(design, means, source, again, u[7], z[1:5])
    return People(
        first=0,
        source=source,
        condition=condition,
        therapist=therapist,
        arm=clusters.arm[therapist]
        if design.allocation != "patient"
        else _choice(_allocation(design), u[8]).astype(np.int64),
        age=age,
        female=u[9][source] < 0.68,
        adaptive=adaptive,
        claim=claim,
        cotreated=u[10] < design.cotreatment_share,
        recurrent=u[11] < 0.3,
        kinds=kinds,
        onset_weeks=_onset(design, condition, z[5]),
        frequency=_choice(design.frequencies, u[12]),
        weeks=_choice(design.script_weeks, u[13]),
        minutes=_choice(design.script_minutes, u[14]),
        ceiling=np.where(adaptive & (u[15] < 0.7), 2.0 + (u[16] < 0.5), np.nan),
        cover=np.where(u[17] < design.cover_share, 4 + np.floor(u[18] * 9), np.inf),
        level=means + person + course,
        slope=design.slope_sd * z[6],
        serial=serial,
        white=white,
        function_level=z[7],
        uniforms=dict(zip(UNIFORMS, uniforms, strict=True)),
        normals=normals,
        traits=u[19:],
    )


def _sources(again: Bools) -> Ints:
    """Point a second course to the one before it; nobody has a third."""
    own = np.arange(len(again))
    again = again.copy()
    again[:1] = False
    runs = np.where(again, 0, own)
    start = np.maximum.accumulate(runs)
    return np.where((own - start) % 2 == 1, own - 1, own)


def _adaptive(design: Design, age: Floats, uniform: Floats) -> Bools:
    if design.end_of_life:
        return np.ones(len(age), dtype=bool)
    share = np.minimum(design.adaptive_share * np.where(age >= 70, 2.0, 1.0), 1.0)
    return uniform < share


def _kinds(design: Design, adaptive: Bools, first: Floats, second: Floats) -> Ints:
    if design.end_of_life:
        return np.stack([np.full(len(adaptive), KINDS.index("cancer")), np.full(len(adaptive), -1)])
    one = (first * len(KINDS)).astype(np.int64)
    another = (one + 1 + (second * 4 * (len(KINDS) - 1)).astype(np.int64)) % len(KINDS)
    has_two = second < 0.25
    return np.stack([np.where(adaptive, one, -1), np.where(adaptive & has_two, another, -1)])


def _pain(
    design: Design, means: Floats, source: Ints, again: Bools, uniform: Floats, normals: Floats
) -> Floats:
    """Parts of pain at the first visit; a second course keeps the person's level."""
    spread, cut = entry.spread_of(design), entry.threshold(design)
    parts = entry.draw_entrants(means, spread.parts, cut, uniform, normals)
    person = parts[0][source]
    rest = entry.draw_entrants(
        (means + person)[again], spread.parts[1:], cut, uniform[again], normals[1:, again]
    )
    parts[0] = person
    parts[1:, again] = rest
    return parts


def _onset(design: Design, condition: Ints, normal: Floats) -> Floats:
    median = np.array([item.onset_weeks for item in design.conditions])[condition]
    weeks = median * np.exp(0.7 * normal)
    rounded: Floats = np.round(np.clip(weeks, 0.5, 1500), 1)
    return rounded


def _allocation(design: Design) -> Pairs:
    if not design.arms:
        return ((0.0, 1.0),)
    total = sum(arm.share for arm in design.arms)
    return tuple((float(i), arm.share / total) for i, arm in enumerate(design.arms))


def _choice(pairs: Pairs, uniform: Floats) -> Floats:
    """Choose among values by their shares."""
    values = np.array([pair[0] for pair in pairs], dtype=float)
    bounds = np.cumsum([pair[1] for pair in pairs])[:-1]
    chosen: Floats = values[np.searchsorted(bounds, uniform, side="right")]
    return chosen
