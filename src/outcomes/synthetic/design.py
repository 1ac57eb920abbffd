"""The frozen design of a simulated study: its parameters, what holds between them, and TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from outcomes.dictionary.instruments import instrument
from outcomes.dictionary.tables import CONDITIONS
from outcomes.errors import DesignError, UsageError
from outcomes.plain_text import read_toml
from outcomes.synthetic import parameter
from outcomes.synthetic.conditions import DEFAULT, Arm, SimulatedCondition
from outcomes.synthetic.parameter import Pairs, check_ranges, check_shares, frozen

given = parameter.given("Design")
ALLOCATIONS = ("patient", "therapist", "clinic")
_TABLES: dict[str, Any] = {"conditions": SimulatedCondition, "arms": Arm}


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
    allocation : {"patient", "therapist", "clinic"}
        What chance allots to the arms.
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

    episodes: int = given("episodes")
    seed: int = given("seed")
    scenario: str = ""
    conditions: tuple[SimulatedCondition, ...] = DEFAULT
    arms: tuple[Arm, ...] = ()
    allocation: str = ALLOCATIONS[0]
    # who takes part
    therapists: int = given("therapists")
    clinics: int = given("clinics")
    repeat_share: float = given("repeat_share")
    switch_share: float = given("switch_share")
    adaptive_share: float = given("adaptive_share")
    end_of_life: bool = given("end_of_life")
    cotreatment_share: float = given("cotreatment_share")
    frequencies: Pairs = given("frequencies")
    script_weeks: Pairs = given("script_weeks")
    script_minutes: Pairs = given("script_minutes")
    # pain and its noise
    entry_minimum: float = given("entry_minimum")
    patient_sd: float = given("patient_sd")
    person_share: float = given("person_share")
    slope_sd: float = given("slope_sd")
    slope_weeks: float = given("slope_weeks")
    residual_sd: float = given("residual_sd")
    serial_share: float = given("serial_share")
    serial_correlation: float = given("serial_correlation")
    therapist_icc: float = given("therapist_icc")
    clinic_icc: float = given("clinic_icc")
    # what changes pain
    natural_weeks: float = given("natural_weeks")
    contextual: float = given("contextual")
    specific: float = given("specific")
    dose_sessions: float = given("dose_sessions")
    minutes_factors: Pairs = given("minutes_factors")
    fade_half_life: float = given("fade_half_life")
    fade_after: float = given("fade_after")
    immediate_contextual: float = given("immediate_contextual")
    immediate_specific: float = given("immediate_specific")
    immediate_sd: float = given("immediate_sd")
    immediate_carryover: float = given("immediate_carryover")
    adaptive_prognosis: float = given("adaptive_prognosis")
    claim_prognosis: float = given("claim_prognosis")
    cotreatment_benefit: float = given("cotreatment_benefit")
    # pressure
    pressure_effect: float = given("pressure_effect")
    pressure_curvature: float = given("pressure_curvature")
    pressure_memory: float = given("pressure_memory")
    pressure_usual: float = given("pressure_usual")
    pressure_adaptive: float = given("pressure_adaptive")
    pressure_age: float = given("pressure_age")
    pressure_reaction: float = given("pressure_reaction")
    reaction_random_sign: bool = given("reaction_random_sign")
    pressure_noise_sd: float = given("pressure_noise_sd")
    ceiling_violation: float = given("ceiling_violation")
    clearance_violation: float = given("clearance_violation")
    # leaving and what goes wrong
    stop_hazard: float = given("stop_hazard")
    stop_better: float = given("stop_better")
    stop_not_helped: float = given("stop_not_helped")
    stop_cover: float = given("stop_cover")
    cover_share: float = given("cover_share")
    stop_unseen: float = given("stop_unseen")
    missed_visit: float = given("missed_visit")
    adverse_event: float = given("adverse_event")
    serious_event: float = given("serious_event")
    death_per_week: float = given("death_per_week")
    # scores
    visit_scores: bool = given("visit_scores")
    rating_step: float = given("rating_step")
    digit_preference: float = given("digit_preference")
    missing_score: float = given("missing_score")
    missing_seen: float = given("missing_seen")
    missing_unseen: float = given("missing_unseen")
    follow_ups: Pairs = given("follow_ups")
    discharge_share: float = given("discharge_share")
    post_session_share: float = given("post_session_share")
    function_every: int = given("function_every")
    function_correlation: float = given("function_correlation")
    goals_share: float = given("goals_share")
    goal_points: float = given("goal_points")
    goal_share: float = given("goal_share")
    goal_late: float = given("goal_late")

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_ranges(self)
        check_shares("conditions", [item.share for item in self.conditions])
        for name in ("frequencies", "script_weeks", "script_minutes"):
            check_shares(name, [pair[1] for pair in getattr(self, name)])
        for check in (_conditions, _scripts, _goals, _arms, _clinics):
            check(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the design as plain values, ready for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Design:
        """Return the design of plain values.

        Raises
        ------
        DesignError
            When a name is not a parameter, or a value is refused.
        """
        _refuse_unknown(values, cls, "design")
        given = {name: frozen(value) for name, value in values.items()}
        for name, kind in _TABLES.items():
            if name in values:
                given[name] = tuple(_row(kind, row, name) for row in values[name])
        return cls(**given)

    def to_toml(self) -> str:
        """Return the design as TOML: numbers first, then one table for each condition and arm."""
        values = self.to_dict()
        tables = {name: values.pop(name) for name in _TABLES}
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        for name, rows in tables.items():
            for row in rows:
                lines += ["", f"[[{name}]]"]
                lines += [f"{k} = {json.dumps(v)}" for k, v in row.items() if v is not None]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str | Path) -> Design:
        """Return the design of a TOML text or file.

        Raises
        ------
        DesignError
            When the text is not TOML or a value is refused.
        """
        if isinstance(text, Path):
            return cls.from_dict(read_toml(text, "a design"))
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            must = "a design file is TOML"
            raise DesignError(must, got=str(error), where="design") from None
        return cls.from_dict(values)


def _row(kind: Any, row: Any, name: str) -> Any:
    if not isinstance(row, Mapping) or "name" not in row:
        must = f"each of {name} is a table with a name"
        raise DesignError(must, got=type(row).__name__, where="design")
    _refuse_unknown(row, kind, f"{name}, {row['name']}")
    try:
        return kind(**row)
    except TypeError:
        needed = "name and function_instrument" if kind is SimulatedCondition else "name"
        must = f"each of {name} has {needed}"
        raise DesignError(must, got="a table without", where="design") from None


def _refuse_unknown(values: Mapping[str, Any], kind: Any, where: str) -> None:
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        must = "names are those of the design's parameters"
        remedy = "See docs/simulation.md."
        raise DesignError(must, got=", ".join(unknown), where=where, remedy=remedy)


def _conditions(design: Design) -> None:
    names = [item.name for item in design.conditions]
    if not names or len(set(names)) < len(names) or not set(names) <= set(CONDITIONS):
        must = "conditions are one or more, each once, of " + ", ".join(CONDITIONS)
        _refuse(must, ", ".join(names) or "none", "Change the names.")
    for item in design.conditions:
        try:
            measure = instrument(item.function_instrument)
        except UsageError as error:
            _refuse("function_instrument is in the registry", "another name", str(error))
        if not measure.minimum <= item.function_mean <= measure.maximum:
            must = f"function_mean lies in {measure.minimum:g} to {measure.maximum:g}"
            _refuse(must, f"{item.function_mean:g}", f"Range of {item.function_instrument}.")
        if not design.entry_minimum < item.baseline_mean < 10:
            _refuse(
                f"baseline_mean lies between entry_minimum ({design.entry_minimum:g}) and 10",
                f"{item.baseline_mean:g}",
                "Raise baseline_mean or lower entry_minimum.",
            )


def _scripts(design: Design) -> None:
    for per_week, _ in design.frequencies:
        if not 0.25 <= per_week <= 7:
            _refuse("frequencies lie in 0.25 to 7 per week", f"{per_week:g}", "Change it.")
    for weeks, _ in design.script_weeks:
        if not 1 <= weeks <= 52:
            _refuse("script_weeks lie in 1 to 52", f"{weeks:g}", "Change it.")
    for minutes, _ in design.script_minutes:
        if minutes % 15 or not 15 <= minutes <= 120:
            _refuse("script_minutes are multiples of 15 to 120", f"{minutes:g}", "Change it.")
    for name in ("minutes_factors", "follow_ups"):
        firsts = [pair[0] for pair in getattr(design, name)]
        empty = not firsts and name == "minutes_factors"
        if empty or firsts != sorted(set(firsts)) or min(firsts, default=1) <= 0:
            _refuse(f"the first numbers of {name} rise from above 0", "others", "Sort them.")


def _goals(design: Design) -> None:
    lowest = min(item.baseline_mean for item in design.conditions)
    if design.goals_share > 0 and design.goal_points >= lowest:
        _refuse(
            "goal_points is below the mean baseline of every condition, so that the target is "
            f"not better than the floor of the scale (less than {lowest:g} NPRS points)",
            f"{design.goal_points:g}",
            "Lower goal_points, or set goals_share to 0.",
        )


def _arms(design: Design) -> None:
    names = [arm.name for arm in design.arms]
    if len(set(names)) < len(names) or "" in names:
        _refuse("arms have names, each once", "others", "Rename them.")
    if len(names) == 1:
        _refuse("a trial has two arms or more", "one", "Leave arms empty for routine care.")
    if design.allocation not in ALLOCATIONS:
        _refuse(f"allocation is one of {', '.join(ALLOCATIONS)}", "another word", "Change it.")
    if sum(arm.control for arm in design.arms) > 1:
        _refuse("one arm at most is the control", "several", "Mark one.")


def _clinics(design: Design) -> None:
    if design.clinics > design.therapists:
        _refuse(
            "every clinic has a therapist",
            f"{design.clinics} clinics and {design.therapists} therapists",
            "Set clinics to at most therapists.",
        )


def _refuse(must: str, got: str, remedy: str) -> None:
    raise DesignError(must, got=got, where="design", remedy=remedy)
