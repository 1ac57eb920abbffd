"""Scenarios by name: what is set, the lesson, and the naive analysis that it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from outcomes.errors import DesignError
from outcomes.synthetic.conditions import KNOWN, Arm, SimulatedCondition
from outcomes.synthetic.design import Design


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


def _only(name: str, **changes: Any) -> tuple[SimulatedCondition, ...]:
    return (replace(KNOWN[name], share=1.0, **changes),)


NO_EFFECT: dict[str, Any] = {
    "contextual": 0.0, "specific": 0.0, "immediate_contextual": 0.0, "immediate_specific": 0.0,
    "pressure_effect": 0.0, "pressure_curvature": 0.0, "therapist_icc": 0.0,
    "adaptive_prognosis": 0.0,
}  # fmt: skip
"""Care does nothing: entry selection, natural course and noise are left."""

VISITS_ONLY: dict[str, Any] = {"follow_ups": ()}
"""Scores at visits only, so that the score before each score is the one its last pressure answered.

A follow-up's score_before is another follow-up or a discharge score; beside that, the pressure of
the last visit still tells of the pain it answered, and looks as if it did something."""

_TRIAL: dict[str, Any] = {
    "visit_scores": False, "therapists": 8, "clinics": 2, "cover_share": 0.0, "repeat_share": 0.0,
    "claim_prognosis": 0.0, "stop_hazard": 0.01, "stop_better": 1.0, "stop_not_helped": 1.0,
    "missed_visit": 0.04, "adaptive_share": 0.05, "pressure_reaction": -0.2,
}  # fmt: skip

_REGISTRY: tuple[SimulatedCondition, ...] = tuple(
    replace(item, share=0.1) for item in KNOWN.values()
)

_ALL = (
    Scenario(
        "default",
        "Routine care as a clinic records it: several conditions, adaptive patients, pressure "
        "chosen from today's pain, people who leave.",
        "Mean change read as the effect of massage.",
        "Change during care, with the natural course beside it.",
    ),
    Scenario(
        "null",
        "Care does nothing, and patients improve all the same: they came at their worst and heal.",
        "Before against after; pressure of the same visit.",
        "A comparison group; pressure before, with baseline and score_before.",
        changes={**NO_EFFECT, **VISITS_ONLY},
    ),
    Scenario(
        "pressure-helps",
        "Firmer pressure helps by 0.15 a level, and therapists lighten it when pain is high.",
        "Pressure of the same visit: far too large.",
        "Pressure before, with baseline and score_before; weights or g-formula for all sessions.",
        changes={**VISITS_ONLY, "pressure_effect": 0.15},
    ),
    Scenario(
        "pressure-inverted-u",
        "Medium pressure is best; lighter and firmer do less.",
        "A straight line in pressure.",
        "Pressure as levels, or with its square.",
        changes={**VISITS_ONLY, "pressure_curvature": 0.25, "pressure_noise_sd": 1.2},
    ),
    Scenario(
        "confounded-pressure",
        "Frail patients get lighter touch and heal less; pressure does nothing.",
        "Mean pressure of a course against its improvement, between patients.",
        "Compare within patients, or among those eligible for both levels.",
        changes={
            **VISITS_ONLY, "adaptive_share": 0.4, "adaptive_prognosis": -1.2,
            "pressure_adaptive": -1.5, "pressure_reaction": 0.0,
        },
    ),
    Scenario(
        "feedback",
        "Pressure changes pain, pain changes the next pressure, and effects of pressure last.",
        "Mean pressure so far in a mixed model, with or without the last score.",
        "Weights (marginal structural model) or g-formula for pressure in every session.",
        changes={
            **VISITS_ONLY, "pressure_effect": 0.3, "pressure_memory": 0.7,
            "pressure_reaction": -0.8,
        },
    ),
    Scenario(
        "informative-dropout",
        "Those who get worse stay away, and nobody records their pain (missing not at random).",
        "Mean of the last scores, or of those who complete.",
        "No model recovers it: show trajectories by reason and a tipping point.",
        changes={
            "stop_unseen": 0.7, "stop_hazard": 0.04, "missing_unseen": 0.4, "discharge_share": 0.3,
        },
    ),
    Scenario(
        "regression-to-the-mean",
        "People enter at 6 or more; nothing heals and nothing helps, and means fall at once.",
        "Before against after; change against baseline.",
        "The expected regression from entry rule and reliability; a comparison group.",
        changes={
            **NO_EFFECT, "entry_minimum": 6.0, "digit_preference": 0.0, "slope_sd": 0.0,
            "claim_prognosis": 0.0, "cotreatment_benefit": 0.0,
            "conditions": _only("neck_other", baseline_mean=6.9, natural_improvement=0.0),
        },
    ),
    Scenario(
        "session-count-trap",
        "Patients stop as soon as they feel good enough, so long courses are those that go badly.",
        "Improvement against sessions attended: more sessions, less benefit.",
        "Sessions received before each score; prescribed sessions.",
        changes={
            "stop_hazard": 0.04, "stop_better": 10.0, "stop_not_helped": 0.5, "slope_sd": 0.2,
        },
    ),
    Scenario(
        "few-clusters",
        "Three therapists who differ: many patients, little information about therapists.",
        "Patients as if independent; normal intervals.",
        "Therapist in the model with small-sample degrees of freedom, and wide intervals.",
        changes={"therapists": 3, "clinics": 1, "therapist_icc": 0.12},
    ),
    Scenario(
        "switching-therapists",
        "Visits are shared out among therapists, so a course has several.",
        "The course's therapist stands for all of its visits.",
        "Therapist of the visit, crossed with courses.",
        changes={"therapists": 12, "switch_share": 0.4, "therapist_icc": 0.1},
    ),
    Scenario(
        "floor-and-ceiling",
        "Pain begins low and reaches 0: the scale cannot show further improvement.",
        "Means that treat 0 as no pain left to lose; spread that looks smaller in time.",
        "Say how many are at the bound; an ordinal model as sensitivity.",
        changes={
            "entry_minimum": 1.0, "specific": 2.0, "goal_points": 1.0,
            "conditions": (
                replace(KNOWN["neck_other"], share=0.5, baseline_mean=3.2),
                replace(KNOWN["low_back"], share=0.5, baseline_mean=3.4),
            ),
        },
    ),
    Scenario(
        "two-arm-trial",
        "Randomised: massage of 60 minutes a week for 8 weeks against usual care, at the knee.",
        "Change in the massage arm alone.",
        "Difference between arms, adjusted for baseline.",
        episodes=220,
        changes={
            **_TRIAL, "follow_ups": ((8.0, 0.10), (24.0, 0.16), (52.0, 0.21)),
            "conditions": _only("knee_pain"),
            "arms": (
                Arm("usual care", control=True, care=False),
                Arm("massage", minutes=60, sessions_per_week=1.0, weeks=8.0),
            ),
        },
    ),
    Scenario(
        "dose-finding-trial",
        "Randomised: 30 or 60 minutes, once or twice a week, against usual care, at the knee.",
        "Sessions or minutes received, in those who came.",
        "Arms as randomised; minutes and visits a week as two questions.",
        episodes=250,
        changes={
            **_TRIAL, "follow_ups": ((8.0, 0.05), (24.0, 0.12)), "conditions": _only("knee_pain"),
            "arms": (
                Arm("usual care", control=True, care=False),
                Arm("30 min weekly", minutes=30, sessions_per_week=1.0, weeks=8.0),
                Arm("30 min twice a week", minutes=30, sessions_per_week=2.0, weeks=8.0),
                Arm("60 min weekly", minutes=60, sessions_per_week=1.0, weeks=8.0),
                Arm("60 min twice a week", minutes=60, sessions_per_week=2.0, weeks=8.0),
            ),
        },
    ),
    Scenario(
        "hospice",
        "Care at the end of life: death ends courses, relief lasts hours, pain does not heal.",
        "Death as drop-out; before against after a visit as lasting relief.",
        "While alive, with deaths counted; immediate and course outcomes apart.",
        episodes=120,
        changes={
            "end_of_life": True, "entry_minimum": 0.0, "patient_sd": 1.9, "goals_share": 0.0,
            "death_per_week": 0.06, "natural_weeks": 10.0, "contextual": 0.3, "specific": 0.0,
            "adaptive_prognosis": 0.0, "claim_prognosis": 0.0, "cotreatment_benefit": 0.0,
            "cover_share": 0.0, "pressure_usual": 2.5,
            "frequencies": ((2.0, 0.5), (3.0, 0.5)), "script_weeks": ((2.0, 0.6), (4.0, 0.4)),
            "script_minutes": ((30.0, 1.0),), "follow_ups": ((8.0, 0.1),),
            "minutes_factors": ((15.0, 0.5), (30.0, 1.0)),
            "conditions": _only("other", claim_share=0.0),
        },
    ),
    Scenario(
        "large-registry",
        "Many clinics and all conditions: small numbers are no longer the excuse.",
        "Tiny p-values read as large effects; therapists ranked.",
        "Sizes with intervals; partial pooling.",
        episodes=5000,
        changes={"therapists": 200, "clinics": 40, "conditions": _REGISTRY},
    ),
)  # fmt: skip

SCENARIOS: dict[str, Scenario] = {item.name: item for item in _ALL}
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
