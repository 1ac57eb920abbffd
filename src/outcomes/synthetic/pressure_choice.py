"""How therapists choose pressure, and what pressure does."""

from __future__ import annotations

import numpy as np

from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Clusters, Floats, Ints, People

MIDDLE = 5.0
"""Pain at which therapists use their usual pressure, NPRS points."""
MEDIUM = 3.0
"""Pressure (Walton) whose effect counts as zero."""


def choose_pressure(
    design: Design,
    people: People,
    clusters: Clusters,
    *,
    seen: Floats,
    therapist: Ints,
    column: int,
) -> Floats:
    """Return the pressure (Walton 0-5) that therapists choose at one visit.

    Parameters
    ----------
    design, people, clusters
        Who chooses for whom.
    seen : ndarray, shape (n,)
        Last recorded pain: today's where it was taken.
    therapist : ndarray of int, shape (n,)
        Therapists of the visit.
    column : int
        Column of the time grid.

    Notes
    -----
    Usual pressure, moved by adaptation, age and today's recorded pain, plus logistic noise,
    rounded: an ordinal logit with equally spaced thresholds.
    """
    reaction = design.pressure_reaction * clusters.reaction_sign[therapist]
    wanted = planned_pressure(design, people) + reaction * (seen - MIDDLE)
    uniform = np.clip(people.uniforms["pressure"][column], 1e-12, 1 - 1e-12)
    scale = design.pressure_noise_sd * np.sqrt(3) / np.pi
    wanted = wanted + scale * np.log(uniform / (1 - uniform))
    level = as_level(wanted, design)
    violated = people.uniforms["post"][column] > 1 - design.ceiling_violation
    return np.where(violated, level, np.fmin(level, people.ceiling))


def planned_pressure(design: Design, people: People) -> Floats:
    """Return the pressure that the plan asks for, before today's pain is known."""
    older = design.pressure_age * np.maximum(people.age - 70, 0) / 10
    return design.pressure_usual + design.pressure_adaptive * people.adaptive + older


def as_level(wanted: Floats, design: Design) -> Floats:
    """Round to a level; still holding (0) is used at the end of life only."""
    return np.clip(np.floor(wanted + 0.5), 0.0 if design.end_of_life else 1.0, 5.0)


def pressure_benefit(level: Floats, people: People, design: Design) -> Floats:
    """Return what a level sustained in every session adds, NPRS points; nothing if adaptive."""
    above = level - MEDIUM
    benefit = design.pressure_effect * above - design.pressure_curvature * above**2
    return np.where(people.adaptive, 0.0, benefit)
