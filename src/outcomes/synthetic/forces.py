"""What acts on pain over a course: natural course, residuals, what sessions and pressure do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outcomes.synthetic.design import Design
from outcomes.synthetic.entry import spread_of
from outcomes.synthetic.people import Clusters, Floats, Ints, People
from outcomes.synthetic.schedule import Schedule, make_schedule, of_arm, unless_fixed


@dataclass(frozen=True)
class Backdrop:
    """All that would happen to people whatever care they get.

    Parameters
    ----------
    times : Schedule
        Time grid.
    residual : ndarray, shape (columns, n)
        Residuals of pain, NPRS points.
    natural : ndarray, shape (columns, n)
        Improvement without care, NPRS points.
    therapist : ndarray of int, shape (columns, n)
        Who would give each visit.
    """

    times: Schedule
    residual: Floats
    natural: Floats
    therapist: Ints


def make_backdrop(design: Design, people: People) -> Backdrop:
    """Return what would happen to people whatever care they get."""
    times = make_schedule(design, people)
    return Backdrop(
        times,
        _residuals(design, people, times),
        _natural_course(design, people, times),
        _visit_therapists(design, people, len(times.day)),
    )


def _visit_therapists(design: Design, people: People, n_columns: int) -> Ints:
    """Therapist of each visit; some visits are given by another one of the same clinic."""
    uniform = people.uniforms["therapist"][:n_columns]
    clinic, place = people.therapist % design.clinics, people.therapist // design.clinics
    size = (design.therapists - clinic - 1) // design.clinics + 1
    switches = (uniform < design.switch_share) & (size > 1)
    share = np.where(switches, uniform, 0) / (design.switch_share or 1)  # 0 to 1
    further = 1 + np.floor(share * np.maximum(size - 1, 1)).astype(np.int64)
    other = clinic + design.clinics * ((place + further) % size)
    return np.where(switches, other, people.therapist)


def _residuals(design: Design, people: People, times: Schedule) -> Floats:
    """Residuals: an Ornstein-Uhlenbeck part with memory and a part without, shape (columns, n)."""
    spread = spread_of(design)
    serial, white = np.empty(times.day.shape), np.empty(times.day.shape)
    serial[0], white[0] = people.serial, people.white
    weeks = np.diff(times.day, axis=0) / 7
    kept = design.serial_correlation**weeks
    fresh = np.sqrt(spread.serial * (1 - kept**2))
    for column in range(1, len(serial)):
        new = fresh[column - 1] * people.normals[0, column]
        serial[column] = kept[column - 1] * serial[column - 1] + new
    fresh_error = np.sqrt(spread.white) * people.normals[1, 1 : len(white)]
    white[1:] = np.where(times.day[1:] > 0, fresh_error, people.white)  # day 0 is one rating
    return serial + white


def _natural_course(design: Design, people: People, times: Schedule) -> Floats:
    """Improvement without care, shape (columns, n): levels off, plus each patient's own slope."""
    week = times.day / 7
    by_ten = np.array([item.natural_improvement for item in design.conditions])[people.condition]
    by_ten = (
        by_ten
        + design.adaptive_prognosis * people.adaptive
        + design.claim_prognosis * people.claim
        + design.cotreatment_benefit * people.cotreated
    )
    shape = np.expm1(-week / design.natural_weeks) / np.expm1(-10 / design.natural_weeks)
    improved: Floats = by_ten * shape + people.slope * np.minimum(week, design.slope_weeks)
    return improved


def plateaus(design: Design, people: People) -> tuple[Floats, Floats]:
    """Factor of minutes and plateau of benefit, shape (2, n); mean drop from before to after."""
    specific, contextual = (of_arm(design, people, name) for name in ("specific", "contextual"))
    response = np.array([item.response for item in design.conditions])[people.condition]
    minutes, factors = zip(*design.minutes_factors, strict=True)
    factor = np.interp(minutes_of(design, people), minutes, factors)
    plateau = design.contextual * contextual + design.specific * specific * response
    drop = design.immediate_contextual * contextual + design.immediate_specific * specific
    return np.stack([factor, plateau]), drop


def minutes_of(design: Design, people: People) -> Floats:
    """Return the script's minutes, those of the arm where it fixes them."""
    return unless_fixed(design, people, "minutes", people.minutes)


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
    reaction = design.pressure_reaction * clusters.reaction_sign[(*clusters.study, therapist)]
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
