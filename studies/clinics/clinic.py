"""A clinic's records: courses of therapists who may differ, leaving, missing and rounded scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.provenance import Provenance
from outcomes.study import Study, study_from_tables

Array = NDArray[np.float64]
Rng = np.random.Generator
MANY = 200_000
"""Courses behind a true mean."""


@dataclass(frozen=True)
class Clinic:
    """How a clinic's courses go. Ratings run from 0 to 10, lower is better, in whole points.

    Parameters
    ----------
    courses, therapists : int
    visits : tuple of int
        Fewest and most visits of a script, uniform.
    level, level_sd : float
        Pain when care begins: mean, and standard deviation between courses.
    growth, growth_sd, pace : float
        Improvement with sessions: its plateau, its standard deviation between courses, sessions to
        63 % of it.
    slope_sd : float
        Standard deviation between courses of improvement a session, without plateau.
    natural, natural_weeks : float
        Improvement that comes with time alone, and weeks to 63 % of it.
    noise : float
        Standard deviation of one rating around the course's own line.
    therapist_sd, therapist_slope_sd : float
        Standard deviation between therapists of the plateau, and of improvement a session.
    leave, leave_well, leave_stuck : float
        Chance to leave after a visit: whatever the score; more at a score up to 2; more when less
        than 1 point better from the third visit on.
    missing : float
        Share of later scores that are not taken.
    conditions : tuple of float
        Growth of each condition beyond the mean; one condition by default.
    unequal : float
        The therapist k in the order of their courses has a share in proportion to k to the power
        of minus this; 0: all have as many.
    each : int
        Courses of a patient, one after the other; half of the variance of their growth is shared.
    drift, worse : float
        Points a year, over four years, by which those who come later improve more, and by which
        their pain is worse when care begins.
    """

    courses: int = 60
    therapists: int = 6
    visits: tuple[int, int] = (4, 10)
    level: float = 6.2
    level_sd: float = 1.3
    growth: float = 2.0
    growth_sd: float = 0.8
    pace: float = 2.5
    slope_sd: float = 0.1
    natural: float = 0.5
    natural_weeks: float = 6.0
    noise: float = 1.0
    therapist_sd: float = 0.0
    therapist_slope_sd: float = 0.0
    leave: float = 0.03
    leave_well: float = 0.15
    leave_stuck: float = 0.08
    missing: float = 0.08
    conditions: tuple[float, ...] = (0.0,)
    unequal: float = 0.0
    each: int = 1
    drift: float = 0.0
    worse: float = 0.0


@dataclass(frozen=True, eq=False)
class Courses:
    """What is drawn once for each course; each array has shape (courses,).

    Parameters
    ----------
    therapist, condition, patient, year : array of int
    level, growth, slope : array
        The course's own, its therapist's and condition's parts in them.
    """

    therapist: NDArray[np.int64]
    condition: NDArray[np.int64]
    patient: NDArray[np.int64]
    year: NDArray[np.int64]
    level: Array
    growth: Array
    slope: Array


def draw_courses(clinic: Clinic, rng: Rng) -> Courses:
    """Draw courses: pain at the start, and how each one would improve."""
    n, size = clinic.courses, np.arange(1.0, clinic.therapists + 1) ** -clinic.unequal
    therapist = rng.choice(clinic.therapists, n, p=size / size.sum())
    condition = rng.integers(len(clinic.conditions), size=n)
    patient, year = np.arange(n) // clinic.each, rng.integers(4, size=n)

    def varies(sd: float) -> Array:
        alone, shared = rng.normal(0.0, sd, n), rng.normal(0.0, sd, n)[patient]
        return alone if clinic.each == 1 else np.sqrt(0.5) * (alone + shared)

    plateaus = rng.normal(0.0, clinic.therapist_sd, clinic.therapists)
    slopes = rng.normal(0.0, clinic.therapist_slope_sd, clinic.therapists)
    level = clinic.level + varies(clinic.level_sd) + clinic.worse * (year - 1.5)
    growth = clinic.growth + varies(clinic.growth_sd) + 0.2 * (level - clinic.level)
    growth += plateaus[therapist] + np.array(clinic.conditions)[condition]
    growth += clinic.drift * (year - 1.5)
    slope = rng.normal(0.0, clinic.slope_sd, n) + slopes[therapist]
    return Courses(therapist, condition, patient, year, level, growth, slope)


def rated(clinic: Clinic, own: Courses, received: Any, week: Any, rng: Rng) -> Array:
    """Return a rating of each course after so many sessions, at a week."""
    gain = own.growth * -np.expm1(-received / clinic.pace) + own.slope * received
    gain = gain + clinic.natural * -np.expm1(-week / clinic.natural_weeks)
    latent = own.level - gain + rng.normal(0.0, clinic.noise, len(own.level))
    return np.asarray(np.clip(np.round(latent), 0.0, 10.0))


def clinic_study(clinic: Clinic, rng: Rng) -> Study:
    """Return the records of a clinic as a study of real label."""
    own = draw_courses(clinic, rng)
    n = clinic.courses
    script = rng.integers(clinic.visits[0], clinic.visits[1] + 1, n)
    there, day = np.ones(n, dtype=bool), np.zeros(n)
    ids = np.array([f"c{i:05d}" for i in range(n)])
    visits, scores, first = [], [], np.zeros(n)
    reason = np.array(["plateau"] * n, dtype=object)
    for visit in range(1, clinic.visits[1] + 1):
        there = there & (script >= visit)
        score = rated(clinic, own, visit - 1.0, day / 7, rng)
        first = score if visit == 1 else first
        at = {"episode_id": ids, "session": float(visit), "day": day}
        frame = pd.DataFrame({**at, "score": score, "therapist_id": own.therapist})
        visits.append(frame[there])
        scores.append(frame[there & ((visit == 1) | (rng.random(n) >= clinic.missing))])
        gone = there & (rng.random(n) < _chance_to_leave(clinic, visit, first - score, score))
        reason[gone] = np.where(score[gone] <= 2, "goal_met", "declined")
        there &= ~gone
        day = day + np.clip(np.round(rng.normal(7.0, 2.0, n)), 2, 21)
    return _as_study(own, pd.concat(visits), pd.concat(scores), reason, script)


def _chance_to_leave(clinic: Clinic, visit: int, better: Array, score: Array) -> Array:
    stuck = (better < 1) & (visit >= 3)
    chance = clinic.leave + clinic.leave_well * (score <= 2) + clinic.leave_stuck * stuck
    return np.asarray(chance)


def _as_study(
    own: Courses, visits: pd.DataFrame, scores: pd.DataFrame, reason: Any, script: Any
) -> Study:
    n = len(own.level)
    therapist = pd.Series([f"t{number}" for number in range(own.therapist.max() + 1)])
    episodes = pd.DataFrame(
        {
            "episode_id": [f"c{i:05d}" for i in range(n)],
            "patient_id": [f"p{i:05d}" for i in own.patient],
            "period": [f"{2021 + year}" for year in own.year],
            "condition": np.array(["neck_other", "low_back", "headache", "sciatica"])[
                own.condition
            ],
            "end_reason": reason,
            "sessions_per_week": 1.0,
            "weeks": script.astype(float),
        }
    )
    sessions = visits.drop(columns="score").assign(status="attended", minutes=60.0)
    sessions["therapist_id"] = therapist.to_numpy()[sessions["therapist_id"]]
    rows = scores.drop(columns="therapist_id").assign(instrument="nprs", timing="pre_session")
    tables = {"episodes": episodes, "sessions": sessions, "assessments": rows}
    return study_from_tables(tables, provenance=Provenance(title="a clinic"))


def true_mean(clinic: Clinic) -> Callable[[float], float]:
    """Return the function that gives the true mean improvement after so many sessions.

    As it is for all who start, had everybody gone on, of all therapists such as these.
    """
    everybody = replace(clinic, courses=MANY, therapists=MANY)
    own = draw_courses(everybody, np.random.default_rng(987_654))

    def mean(received: float) -> float:
        rng = np.random.default_rng(123_456)
        before = rated(everybody, own, 0.0, 0.0, rng)
        return float((before - rated(everybody, own, received, received, rng)).mean())

    return mean
