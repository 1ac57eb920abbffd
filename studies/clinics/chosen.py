"""Clinics' records made by a simulator that shares nothing with `outcomes.synthetic`.

Scores are whole numbers from 0 to 10, lower is better. A patient's pain has a level and a slope of
its own, a natural course, a benefit of care that levels off, and good and bad weeks that fade; the
score written down is a reading of it with an error. Therapists differ in the benefit that they
bring and in how firmly they press; they answer either the score or the pain that they see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """What is true in a clinic.

    Parameters
    ----------
    courses, therapists, visits : int
        Courses of care, therapists, and the most visits of a course.
    level, slope : float
        Standard deviation of patients' pain at entry (mean 6) and of its change a visit.
    error : float
        Standard deviation of a reading about the pain.
    weeks, persistence : float
        Standard deviation of good and bad weeks, and their correlation from visit to visit.
    natural, natural_end : float
        Points a visit that pain falls by itself, and the visits after which it has done so.
    benefit, benefit_varies, plateau : float
        Points that care brings in the end, their standard deviation between patients, and the
        visits in which two thirds of it are there.
    skill, skill_slope, firmness, together : float
        Standard deviation between therapists of the benefit, of the benefit a visit and of usual
        pressure; correlation of usual pressure with both benefits.
    answers : {"score", "pain", "nothing"}
        What pressure answers, by `reaction` levels a point.
    reaction, trend : float
        Levels of pressure a point of pain, and a visit.
    preference, habit : float
        Standard deviation of the pressure that patients like; share of the last pressure kept.
    effect, memory : float
        Points that one level more at the last visit takes off the next score; share of it that
        stays on with each further visit.
    leave_well, leave_unhelped : float
        Chance a visit to stop when pain is at most 2, and when it has not fallen after 3 visits.
    missing : float
        Share of scores after the first that nobody wrote down.
    entry : float
        Lowest score at which patients are taken on; they are looked for until enough are found.
    script : {"chance", "severity", "score", "each score", "therapist", "none"}
        What decides between one and two visits a week; with "each score" the script is of the
        first score, and each visit's own decides when the next one is.
    clock : {"visits", "weeks"}
        What pain falls with.
    condition : str
    """

    courses: int = 60
    therapists: int = 6
    visits: int = 10
    level: float = 1.5
    slope: float = 0.12
    error: float = 1.0
    weeks: float = 0.0
    persistence: float = 0.0
    natural: float = 0.1
    natural_end: float = 99.0
    benefit: float = 1.5
    benefit_varies: float = 0.0
    plateau: float = 3.0
    skill: float = 0.3
    skill_slope: float = 0.0
    firmness: float = 0.4
    together: float = 0.0
    answers: Literal["score", "pain", "nothing"] = "score"
    reaction: float = -0.4
    trend: float = 0.0
    preference: float = 0.0
    habit: float = 0.0
    effect: float = 0.0
    memory: float = 0.0
    leave_well: float = 0.3
    leave_unhelped: float = 0.2
    missing: float = 0.1
    entry: float = 0.0
    script: Literal["chance", "severity", "score", "each score", "therapist", "none"] = "none"
    clock: Literal["visits", "weeks"] = "visits"
    condition: str = "neck_other"


def records(world: World, seed: int) -> dict[str, pd.DataFrame]:
    """Make the records of one clinic.

    Parameters
    ----------
    world : World
    seed : int

    Returns
    -------
    dict of str to DataFrame
        ``episodes, sessions, assessments`` of the data contract; the instrument is ``nprs``.
    """
    rng = np.random.default_rng(seed)
    level, wobble, first = _entrants(world, rng)
    n, t = world.courses, world.therapists
    who = rng.permutation(np.arange(n) % t)
    press = rng.normal(0, 1, t)
    rest = np.sqrt(1 - world.together**2)
    better = world.together * press + rest * rng.normal(0, 1, t)
    faster = world.together * press + rest * rng.normal(0, 1, t)
    often = _often(world, level, first, who, rng)
    slope = rng.normal(0, world.slope, n)
    benefit = world.benefit + rng.normal(0, world.benefit_varies, n)
    likes = rng.normal(0, world.preference, n)
    stays, given, effect = np.ones(n, bool), np.full(n, np.nan), np.zeros(n)
    day, visits, scores = np.zeros(n), [], []
    for k in range(world.visits):
        if k:
            spread = np.sqrt(1 - world.persistence**2) * world.weeks
            wobble = world.persistence * wobble + rng.normal(0, spread, n)
            effect = world.memory * effect + world.effect * (given - 3)
        at = day / 7 if world.clock == "weeks" else np.full(n, float(k))
        share = 1 - np.exp(-at / world.plateau)
        skill = world.skill * better[who] * share + world.skill_slope * faster[who] * at
        natural = world.natural * np.minimum(at, world.natural_end) + slope * at
        fall = natural + benefit * share + skill + effect
        pain = level + wobble - fall
        score = first if k == 0 else _rated(pain + rng.normal(0, world.error, n))
        written = (rng.random(n) >= world.missing) | (k == 0)
        seen = {"score": score, "pain": pain, "nothing": np.full(n, 5.0)}[world.answers]
        usual = 3 + world.firmness * press[who] + world.trend * k
        wish = usual + likes + world.reaction * (seen - 5) + rng.normal(0, 0.8, n)
        wish = world.habit * given + (1 - world.habit) * wish if k else wish
        given = np.clip(np.round(wish), 1, 5)
        own = {"episode_id": np.arange(n), "session": k + 1, "day": day.copy()}
        visits.append(pd.DataFrame({**own, "pressure": given, "therapist_id": who})[stays])
        found = pd.DataFrame({**own, "score": score, "timing": "pre_session"})
        scores.append(found[stays & written])
        well = (score <= 2) & (rng.random(n) < world.leave_well)
        unhelped = (k >= 2) & (score >= first) & (rng.random(n) < world.leave_unhelped)
        stays = stays & ~well & ~unhelped
        soon = _often(world, level, score, who, rng) if world.script == "each score" else often
        day += np.where(soon == 2, 3.5, 7.0) + rng.integers(-1, 2, n)
    facts = {"episode_id": np.arange(n), "condition": world.condition, "therapist_id": who}
    if world.script != "none":
        facts["sessions_per_week"] = often
    tables = {
        "episodes": pd.DataFrame(facts),
        "sessions": pd.concat(visits),
        "assessments": pd.concat(scores).assign(instrument="nprs"),
    }
    return {name: _named(table) for name, table in tables.items()}


def _entrants(world: World, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Level, wobble and first score of those who are taken on."""
    found: list[Array] = []
    while sum(part.shape[1] for part in found) < world.courses:
        level = rng.normal(6, world.level, 4 * world.courses)
        wobble = rng.normal(0, world.weeks, len(level))
        first = _rated(level + wobble + rng.normal(0, world.error, len(level)))
        found.append(np.array([level, wobble, first])[:, first >= world.entry])
    level, wobble, first = np.concatenate(found, axis=1)[:, : world.courses]
    return level, wobble, first


def _often(world: World, level: Array, first: Array, who: Array, rng: np.random.Generator) -> Array:
    """Visits a week: 1 or 2."""
    by_score = 1 / (1 + np.exp(-1.5 * (first - 6) / max(world.level, 0.1)))
    chance = {
        "none": np.full(len(level), 0.5),
        "chance": np.full(len(level), 0.5),
        "severity": 1 / (1 + np.exp(-1.5 * (level - 6) / max(world.level, 0.1))),
        "score": by_score,
        "each score": by_score,
        "therapist": rng.permutation(np.arange(world.therapists) % 2)[who].astype(float),
    }[world.script]
    return np.where(rng.random(len(level)) < chance, 2.0, 1.0)


def _rated(pain: Array) -> Array:
    return np.clip(np.round(pain), 0, 10)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Ids as words: numbers would be read as counts."""
    named = table.assign(episode_id="c" + table["episode_id"].astype(str))
    if "therapist_id" in named:
        named["therapist_id"] = "t" + named["therapist_id"].astype(str)
    return named.reset_index(drop=True)
