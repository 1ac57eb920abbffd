"""The frozen design of a simulated study: every parameter with default, unit, range and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes.dictionary.tables import CONDITIONS as CONTRACT_CONDITIONS
from outcomes.synthetic.conditions import DEFAULT, Arm, SimulatedCondition
from outcomes.synthetic.parameter import check_ranges, check_shares, parameter

_POINTS = "NPRS points"
_HU = "Hu 2022 arms [D]"
_KUTNER = "Kutner 2008 [F]"
_ODDS = "log odds per NPRS point"


@dataclass(frozen=True)
class Design:
    """Everything that makes a simulated study; the same design makes the same study.

    Parameters
    ----------
    episodes : int
        Number of courses.
    seed : int
        Seed of every random number.
    scenario : str
        Name of the scenario the design comes from; a label without consequence.
    conditions : tuple of SimulatedCondition
        The conditions; their shares add up to 1.
    arms : tuple of Arm
        Arms of a trial; none for routine care.
    **parameters
        All others are numbers, switches or pairs of numbers. ``records(Design)`` lists each with
        its default, unit, range and source, and docs/simulation.md shows that list.

    Raises
    ------
    DesignError
        When a parameter lies outside its range or the parameters cannot hold together.

    Examples
    --------
    >>> design = Design(episodes=50, seed=3, pressure_effect=0.15)
    >>> Design.from_toml(design.to_toml()) == design
    True
    """

    episodes: int = parameter(200, "courses", between=(1, 10**9))
    seed: int = parameter(1, "seed of every random number", between=(0, 2**63))
    scenario: str = ""
    conditions: tuple[SimulatedCondition, ...] = DEFAULT
    arms: tuple[Arm, ...] = ()
    # who takes part
    therapists: int = parameter(10, "therapists", between=(1, 10**6))
    clinics: int = parameter(3, "clinics, therapists dealt round", between=(1, 10**5))
    repeat_share: float = parameter(0.08, "courses that are a patient's second", between=(0, 0.5))
    switch_share: float = parameter(
        0.10, "visits given by another therapist of the clinic", between=(0, 1)
    )
    adaptive_share: float = parameter(
        0.20, "patients under 70 who need adapted touch; twice that from 70", between=(0, 1)
    )
    end_of_life: bool = parameter(False, "all patients have cancer and are in hospice care")
    cotreatment_share: float = parameter(0.30, "courses with other treatment", between=(0, 1))
    frequencies: tuple[tuple[float, float], ...] = parameter(
        ((1.0, 0.65), (2.0, 0.35)),
        "script: visits a week, share",
        unit="per week",
        source="trial norms [F]",
        between=(0, 1),
    )
    script_weeks: tuple[tuple[float, float], ...] = parameter(
        ((6.0, 0.3), (8.0, 0.4), (10.0, 0.3)),
        "script: weeks, share",
        unit="weeks",
        source="trial norms [F]",
        between=(0, 1),
    )
    script_minutes: tuple[tuple[float, float], ...] = parameter(
        ((30.0, 0.2), (45.0, 0.2), (60.0, 0.6)),
        "script: minutes, share",
        unit="min",
        source="trial norms [F]",
        between=(0, 1),
    )
    # pain and its noise
    entry_minimum: float = parameter(
        3.0, "lowest pain with which people enter", unit=_POINTS, between=(0, 9)
    )
    patient_sd: float = parameter(
        1.5,
        "SD of patients' true level, before selection",
        unit=_POINTS,
        source="ICC .57 with residual 1.3 [D]",
        between=(0, 5),
    )
    person_share: float = parameter(
        0.5, "part of that variance which a patient's courses share", between=(0, 1)
    )
    slope_sd: float = parameter(
        0.08, "SD of patients' own slope", unit=f"{_POINTS} a week", between=(0, 1)
    )
    slope_weeks: float = parameter(
        12.0, "weeks after which own slopes end", unit="weeks", between=(0, 104)
    )
    residual_sd: float = parameter(
        1.3, "visit-to-visit SD", unit=_POINTS, source="Chow 2006 sham 1.35 [D]", between=(0, 5)
    )
    serial_share: float = parameter(
        0.5, "part of residual variance with memory", source="r .7 next visit [D]", between=(0, 1)
    )
    serial_correlation: float = parameter(
        0.6, "its correlation over one week", source="r by lag [D]", between=(0, 0.99)
    )
    therapist_icc: float = parameter(
        0.04,
        "therapists' share of variance in outcome",
        source="Lewis 2010 .026-.071 [F]",
        between=(0, 0.9),
    )
    clinic_icc: float = parameter(
        0.015,
        "clinics' share of variance in level",
        source="BMC Med Res Methodol 2020 [F]",
        between=(0, 0.9),
    )
    # what changes pain
    natural_weeks: float = parameter(
        6.0, "time constant of the natural course", unit="weeks", between=(0.1, 100)
    )
    contextual: float = parameter(
        1.0, "contextual effect at its plateau", unit=_POINTS, source=_HU, between=(-5, 8)
    )
    specific: float = parameter(
        1.0, "specific effect at its plateau", unit=_POINTS, source=_HU, between=(-5, 8)
    )
    dose_sessions: float = parameter(
        4.0, "sessions to 63 % of the plateau", unit="sessions", between=(0.1, 50)
    )
    minutes_factors: tuple[tuple[float, float], ...] = parameter(
        ((15.0, 0.1), (30.0, 0.4), (45.0, 0.75), (60.0, 1.0), (75.0, 1.0)),
        "effect by minutes",
        unit="min",
        source="Perlman 2012, Sherman 2014 [D]",
        between=(0, 3),
    )
    fade_half_life: float = parameter(
        8.0,
        "half-life of the effect without sessions",
        unit="weeks",
        source="Cook 2015, Perlman 2012 [D]",
        between=(0.5, 1000),
    )
    fade_after: float = parameter(
        2.0, "weeks without a session before it fades", unit="weeks", between=(0, 52)
    )
    immediate_contextual: float = parameter(
        0.97,
        "drop from before to after a visit, touch alone",
        unit=_POINTS,
        source=_KUTNER,
        between=(0, 5),
    )
    immediate_specific: float = parameter(
        0.90, "further drop with massage", unit=_POINTS, source=_KUTNER, between=(0, 5)
    )
    immediate_sd: float = parameter(1.0, "SD of that drop", unit=_POINTS, between=(0, 4))
    immediate_carryover: float = parameter(
        0.05,
        "part of the drop left a week later",
        source="Kutner 2008, at most .1 [D]",
        between=(0, 1),
    )
    adaptive_prognosis: float = parameter(
        -0.3, "extra improvement by week 10 of adaptive patients", unit=_POINTS, between=(-5, 5)
    )
    claim_prognosis: float = parameter(
        -0.5,
        "extra improvement by week 10 with an open claim",
        unit=_POINTS,
        source="direction: Carroll 2008 [M]",
        between=(-5, 5),
    )
    cotreatment_benefit: float = parameter(
        0.3, "extra improvement by week 10 with other treatment", unit=_POINTS, between=(-5, 5)
    )
    # pressure
    pressure_effect: float = parameter(
        0.0,
        "improvement for each level above 3, in every session",
        unit=f"{_POINTS} a level",
        source="no trustworthy estimate exists: 0",
        between=(-2, 2),
    )
    pressure_curvature: float = parameter(
        0.0,
        "loss for each squared level from 3",
        unit=f"{_POINTS} a level squared",
        source="no trustworthy estimate exists: 0",
        between=(-2, 2),
    )
    pressure_memory: float = parameter(
        0.5, "part of pressure's effect that comes from earlier visits", between=(0, 0.99)
    )
    pressure_usual: float = parameter(3.0, "usual pressure", unit="Walton", between=(0, 5))
    pressure_adaptive: float = parameter(
        -1.2, "lighter for adaptive patients", unit="levels", between=(-5, 5)
    )
    pressure_age: float = parameter(
        -0.3, "lighter from age 70", unit="levels a decade", between=(-5, 5)
    )
    pressure_reaction: float = parameter(
        -0.6,
        "change for each point of today's recorded pain above 5",
        unit="levels a point",
        between=(-3, 3),
    )
    reaction_random_sign: bool = parameter(
        False, "half of the therapists react the other way, which hides the trap"
    )
    pressure_noise_sd: float = parameter(
        0.9, "SD of pressure for no recorded reason", unit="levels", between=(0, 5)
    )
    ceiling_violation: float = parameter(
        0.02, "visits at which a ceiling is not looked at", between=(0, 1)
    )
    clearance_violation: float = parameter(
        0.04, "courses needing clearance that begin without it", between=(0, 1)
    )
    # leaving and what goes wrong
    stop_hazard: float = parameter(
        0.06, "chance of stopping before the next visit", unit="per visit", between=(0, 0.9)
    )
    stop_better: float = parameter(
        1.8, "times that, when pain is 2 or less or at the goal", between=(0, 20)
    )
    stop_not_helped: float = parameter(
        1.5, "times that, from visit 4 when less than 10 % better", between=(0, 20)
    )
    stop_cover: float = parameter(2.0, "times that, after insurance units end", between=(0, 20))
    cover_share: float = parameter(0.5, "courses whose cover ends after 4 to 12", between=(0, 1))
    stop_unseen: float = parameter(
        0.0,
        "log hazard of stopping per point of pain nobody recorded (MNAR)",
        unit=f"per {_POINTS}",
        between=(-3, 3),
    )
    missed_visit: float = parameter(0.10, "visits cancelled or missed", between=(0, 0.9))
    adverse_event: float = parameter(
        0.12,
        "visits followed by mild soreness or the like",
        source="Cambron 2007 .10, Paanalahti 2014 .16 [D]",
        between=(0, 1),
    )
    serious_event: float = parameter(0.001, "visits with a serious event", between=(0, 1))
    death_per_week: float = parameter(
        0.0, "chance of death of patients at the end of life", unit="per week", between=(0, 0.9)
    )
    # scores
    visit_scores: bool = parameter(True, "scores are taken at every visit")
    rating_step: float = parameter(1.0, "step of a pain rating", unit=_POINTS, between=(1e-6, 5))
    digit_preference: float = parameter(
        0.10, "ratings of 4, 6 and 9 that are given as 5 and 10", between=(0, 1)
    )
    missing_score: float = parameter(0.08, "visit scores not recorded", between=(0, 0.9))
    missing_seen: float = parameter(
        0.10, "more, by the last recorded pain (MAR)", unit=_ODDS, between=(-3, 3)
    )
    missing_unseen: float = parameter(
        0.0, "more, by the pain that is not recorded (MNAR)", unit=_ODDS, between=(-3, 3)
    )
    follow_ups: tuple[tuple[float, float], ...] = parameter(
        ((12.0, 0.18), (24.0, 0.27)),
        "follow-up week, share lost",
        unit="weeks",
        source="Elder 2017 [F]",
        between=(0, 0.95),
    )
    discharge_share: float = parameter(0.8, "planned ends with a discharge score", between=(0, 1))
    post_session_share: float = parameter(0.3, "visits with a score after", between=(0, 1))
    function_every: int = parameter(4, "visits between scores of function", between=(1, 100))
    function_correlation: float = parameter(
        0.6, "correlation of function with pain", between=(-0.99, 0.99)
    )
    goals_share: float = parameter(0.85, "courses with goals", between=(0, 1))
    goal_points: float = parameter(
        2.0,
        "least improvement a pain goal asks for",
        unit=_POINTS,
        source="Farrar 2001 [F]",
        between=(0, 10),
    )
    goal_share: float = parameter(
        0.30, "or this share of baseline, if more", source="Farrar 2001 [F]", between=(0, 1)
    )
    goal_late: float = parameter(0.03, "goals set after the fact", between=(0, 1))

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_ranges(self)
        check_shares("conditions", [item.share for item in self.conditions])
        for name in ("frequencies", "script_weeks", "script_minutes"):
            check_shares(name, [pair[1] for pair in getattr(self, name)])
        from outcomes.synthetic.design_checks import check_together

        check_together(self, CONTRACT_CONDITIONS)

    @property
    def has_control(self) -> bool:
        """Whether the design has an arm to compare with."""
        return any(arm.control for arm in self.arms)

    def to_dict(self) -> dict[str, Any]:
        """Return the design as plain values."""
        from outcomes.synthetic.design_files import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Design:
        """Return the design of plain values; raises `DesignError` for a name it does not know."""
        from outcomes.synthetic.design_files import from_dict

        return from_dict(values)

    def to_toml(self) -> str:
        """Return the design as TOML."""
        from outcomes.synthetic.design_files import to_toml

        return to_toml(self)

    @classmethod
    def from_toml(cls, text: str | Path) -> Design:
        """Return the design of a TOML text or file."""
        from outcomes.synthetic.design_files import from_toml

        return from_toml(text)
