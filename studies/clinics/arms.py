"""Trials: therapists nested in arms, crossed with them, or in one; leaving; unpunctual visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from outcomes.provenance import Provenance
from outcomes.study import Study, study_from_tables
from studies.clinics.clinic import Array, Rng

Therapists = Literal["none", "nested", "crossed", "one arm"]


@dataclass(frozen=True)
class Trial:
    """How a trial goes. Ratings run from 0 to 10, lower is better, in whole points.

    Parameters
    ----------
    patients : int
        In each arm.
    weeks : tuple of int
        Planned follow-up.
    therapists : {"none", "nested", "crossed", "one arm"}
        Who treats: nobody who matters; other therapists in each arm; the same in both; therapists
        in the treated arm only.
    each : int
        Therapists of an arm.
    therapist_sd : float
        Standard deviation between therapists of the improvement of their patients.
    skill_sd : float
        Where they treat both arms: standard deviation of the treatment's effect between them.
    effect : float
        Points that the treatment adds in the end.
    leaving : float
        Chance to leave after each follow-up of the treated who are not better and of controls who
        are.
    window_sd : float
        Standard deviation of the day of a follow-up around its planned day.
    heavy : bool
        Ratings with heavy tails.
    dated : bool
        Whether scores and visits have days; else scores are of visits in order.
    """

    patients: int = 60
    weeks: tuple[int, ...] = (4, 8, 12)
    therapists: Therapists = "none"
    each: int = 0
    therapist_sd: float = 0.0
    skill_sd: float = 0.0
    effect: float = 0.0
    leaving: float = 0.0
    window_sd: float = 0.0
    heavy: bool = False
    dated: bool = True


def trial_study(trial: Trial, rng: Rng) -> Study:
    """Return the records of a randomised trial of real label; the control is ``usual``."""
    n = 2 * trial.patients
    treated = np.arange(n) % 2 == 0
    therapist, gain = _therapists(trial, treated, rng)
    level, own = rng.normal(6.0, 1.3, n), rng.normal(0.0, 0.9, n)
    ids = np.array([f"c{i:05d}" for i in range(n)])
    first = _rated(trial, level, rng)
    at = {"episode_id": ids, "instrument": "nprs"}
    parts = [pd.DataFrame({**at, "day": 0.0, "timing": "baseline", "score": first})]
    there = np.ones(n, dtype=bool)
    for week in trial.weeks:
        so_far = -np.expm1(-week / 4.0)
        score = _rated(trial, level - so_far * (1.2 + own + gain + trial.effect * treated), rng)
        day = np.maximum(np.round(7.0 * week + rng.normal(0.0, trial.window_sd, n)), 2.0)
        frame = pd.DataFrame({**at, "day": day, "timing": "follow_up", "score": score})
        parts.append(frame[there])
        better = first - score >= 1
        there &= ~((better != treated) & (rng.random(n) < trial.leaving))
    scores = pd.concat(parts)
    if not trial.dated:
        visit = 1.0 + scores.groupby("episode_id").cumcount()
        scores = scores.assign(session=visit, timing="pre_session").drop(columns="day")
    return _as_study(trial, ids, treated, therapist, scores)


def _therapists(trial: Trial, treated: Any, rng: Rng) -> tuple[Any, Array]:
    """Return who treats each patient (-1: nobody), and what that adds to the improvement."""
    n = len(treated)
    who = rng.integers(max(trial.each, 1), size=n)
    if trial.therapists == "none":
        return np.full(n, -1), np.zeros(n)
    if trial.therapists == "nested":
        who = who + trial.each * ~treated
    if trial.therapists == "one arm":
        who = np.where(treated, who, -1)
    skill = rng.normal(0.0, trial.therapist_sd, 2 * trial.each)
    more = rng.normal(0.0, trial.skill_sd, 2 * trial.each)
    return who, np.where(who < 0, 0.0, skill[who] + more[who] * treated)


def _rated(trial: Trial, latent: Array, rng: Rng) -> Array:
    noise = rng.standard_t(3, len(latent)) * 0.7 if trial.heavy else rng.normal(0, 1, len(latent))
    return np.clip(np.round(latent + noise), 0.0, 10.0)


def _as_study(trial: Trial, ids: Any, treated: Any, therapist: Any, scores: pd.DataFrame) -> Study:
    names = [f"t{number}" if number >= 0 else None for number in therapist]
    arm = np.where(treated, "massage", "usual")
    episodes = pd.DataFrame({"episode_id": ids, "arm": arm, "therapist_id": names})
    episodes["patient_id"] = [name.replace("c", "p") for name in ids]
    cared = therapist >= 0 if (therapist >= 0).any() else treated
    visits = [
        pd.DataFrame(
            {"episode_id": ids, "session": k + 1.0, "day": 7.0 * k, "therapist_id": names}
        )[cared]
        for k in range(4)
    ]
    attended = pd.concat(visits).assign(status="attended")
    tables = {
        "episodes": episodes,
        "sessions": attended if trial.dated else attended.drop(columns="day"),
        "assessments": scores,
    }
    provenance = Provenance(title="a trial", control="usual", randomised=True)
    return study_from_tables(tables, provenance=provenance)
