"""What must hold between the parameters of a design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outcomes.dictionary.instruments import instrument
from outcomes.errors import DesignError, UsageError

if TYPE_CHECKING:
    from outcomes.synthetic.design import Design


def check_together(design: Design, known_conditions: tuple[str, ...]) -> None:
    """Raise `DesignError` for the first thing that cannot be.

    Parameters
    ----------
    design : Design
        A design whose single parameters lie in their ranges.
    known_conditions : tuple of str
        The conditions of the data contract.
    """
    _conditions(design, known_conditions)
    _scripts(design)
    _goals(design)
    _arms(design)
    if design.clinics > design.therapists:
        _refuse(
            "every clinic has a therapist",
            f"{design.clinics} clinics and {design.therapists} therapists",
            "Set clinics to at most therapists.",
        )


def _conditions(design: Design, known: tuple[str, ...]) -> None:
    names = [item.name for item in design.conditions]
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        must = "conditions are one or more, each once, of " + ", ".join(known)
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
    if sum(arm.control for arm in design.arms) > 1:
        _refuse("one arm at most is the control", "several", "Mark one.")


def _refuse(must: str, got: str, remedy: str) -> None:
    raise DesignError(must, got=got, where="design", remedy=remedy)
