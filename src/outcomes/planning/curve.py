"""Power over designs: a curve with its Monte-Carlo band, and the smallest design that will do."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, ClassVar

import pandas as pd

from outcomes.errors import DesignError, UsageError
from outcomes.planning.power import NEGLIGIBLE, power, refuse_too_small
from outcomes.planning.repeated import Progress, known, silent, told
from outcomes.planning.truths import ARM, LAST
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.picture import Picture
from outcomes.synthetic.design import Design
from outcomes.synthetic.truth import truth_of
from outcomes.words import counted, interval, percent, percent_with_interval, plain

ALIASES = {"leaving": "stop_hazard", "effect": "specific"}
"""Names of axes beside those of the design's own parameters."""
NAMES = {
    "episodes": "Courses", "therapists": "Therapists", "leaving": "Hazard of leaving at a visit",
    "effect": "Specific effect (points)",
}  # fmt: skip
MOST_CELLS = 500
TARGET = 0.8


def _told(name: str, value: float) -> str:
    """Return one value of an axis as a sentence has it: ``90 courses``."""
    if name in ("episodes", "therapists"):
        return counted(int(value), NAMES[name].lower().removesuffix("s"))
    return f"{NAMES.get(name, name).lower()} {value:g}"


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """What studies of several designs show.

    Parameters
    ----------
    question : str
        What was asked.
    axes : tuple of str
        What differs between the designs, the first along the picture's axis.
    table : DataFrame
        One row a design: the axes, ``estimate, conf_low, conf_high`` (the share of studies that
        find a difference, with its 95 % Monte-Carlo interval), ``half_width, half_low, half_high``
        (median, of the 95 % interval, and the Monte-Carlo interval of that median), ``truth``
        where it is known, ``n`` studies, and ``reason`` where none answered.
    target : float
        Power that is wanted, 0 to 1.
    half_width : float or None
        In its place, how far the 95 % interval may reach to either side, in points.
    """

    question: str
    axes: tuple[str, ...]
    table: pd.DataFrame
    target: float
    half_width: float | None = None

    figure: ClassVar[Any]
    """The picture drawn; `outcomes.render.notebook` draws it."""

    def __repr__(self) -> str:
        return f"PowerCurve({self.question}: {counted(len(self.table), 'design')})"

    @property
    def enough(self) -> pd.DataFrame:
        """Designs that reach the power, or the interval, that is wanted; in the table's order."""
        if self.half_width is not None:
            return self.table[self.table["half_width"] <= self.half_width]
        return self.table[self.table["estimate"] >= self.target]

    @property
    def sentence(self) -> str:
        """Say which is the first design that is enough, and how sure that is."""
        if self.table["estimate"].isna().all():
            return f"No study of these designs answers the question. {self.table['reason'].iloc[0]}"
        wide = self.half_width is not None
        wanted = (
            f"a median interval no wider than {self.half_width:g} to either side"
            if wide else f"a power of {percent(self.target)}"
        )  # fmt: skip
        if self.enough.empty:
            best = (
                f"narrowest is {self.table['half_width'].min():.2f}"
                if wide else f"largest is {percent(self.table['estimate'].max())}"
            )  # fmt: skip
            n = len(self.table)
            which = f"any of {counted(n, 'design')}" if n > 1 else "this design"
            return f"{wanted[0].upper()}{wanted[1:]} is not reached by {which}; the {best}."
        row = self.enough.iloc[0]
        at = ", ".join(_told(name, row[name]) for name in self.axes)
        found = percent_with_interval(row["estimate"], row["conf_low"], row["conf_high"])
        sure = row["conf_low"] >= self.target
        if wide:
            found = interval(row["half_width"], row["half_low"], row["half_high"], 2)
            sure = row["half_high"] <= self.half_width
        few = f" Not settled by {counted(int(row['n']), 'simulation')} a design." * (not sure)
        return f"{wanted[0].upper()}{wanted[1:]} is first reached with {at}: {found}.{few}"

    @property
    def picture(self) -> Picture:
        """The curve, one line for each combination of the other axes, with Monte-Carlo bands."""
        first, *others = self.axes
        data = self.table.dropna(subset=["estimate"])
        named = [
            ", ".join(_told(name, row[name]) for name in others) or "all"
            for row in data.to_dict("records")
        ]
        if self.half_width is not None:
            drawn = {"estimate": "half_width", "conf_low": "half_low", "conf_high": "half_high"}
            data = data.assign(**{name: data[own] for name, own in drawn.items()})
        shown = data.assign(x=data[first], group=named, n_episodes=data["n"])
        columns = ["group", "x", "estimate", "conf_low", "conf_high", "n_episodes"]
        shares = self.half_width is None
        show = percent if shares else plain
        whose = [f"{name}, " if others else "" for name in named]
        spoken = "; ".join(
            f"{group}{_told(first, x)}: {show(value)}"
            for group, x, value in zip(whose, shown["x"], shown["estimate"], strict=True)
        )
        return Picture(
            "curves", shown[columns].reset_index(drop=True), self.sentence,
            NAMES.get(first, first),
            "Share of studies that find it" if shares
            else "Half the width of the 95 % interval (median)", f"{spoken}.",
            counted="Studies simulated", reading="Bands are 95 % Monte-Carlo intervals.",
            shares=shares,
        )  # fmt: skip


def power_curve(
    design: Design,
    question: str = "trial",
    *,
    over: Mapping[str, Sequence[float]],
    target: float = TARGET,
    half_width: float | None = None,
    progress: Progress = silent,
    **options: Any,
) -> PowerCurve:
    """Simulate studies of several designs with the same random numbers, and count what is found.

    Parameters
    ----------
    design : Design
        Holds the truth, and all that `over` does not say.
    question : str
        A question whose answer may be a difference: pressure, frequency, therapists or trial.
    over : mapping of str to sequence of float
        Values of parameters of the design, ``leaving`` (``stop_hazard``) and ``effect``
        (``specific``) among them; every combination is simulated.
    target : float
        Power that is wanted, 0 to 1.
    half_width : float, optional
        Above 0; in place of a power, how far the 95 % interval may reach to either side.
    progress : callable
        Told how many designs are done, and of how many.
    **options
        ``instrument, week, n_simulations, seed, processes, keep`` of `power`.

    Returns
    -------
    PowerCurve
        ``.table``, ``.picture`` and ``.sentence``; who interrupts it gets the designs done by then.

    Raises
    ------
    UsageError
        When the question has no power, or `over` names no parameter or more than 500 designs.
    DesignError
        When a value lies outside its range: before anything is simulated.

    Examples
    --------
    >>> from outcomes.synthetic.scenarios import scenario_design
    >>> design = scenario_design("two-arm-trial")
    >>> power_curve(design, over={"episodes": [40, 60]}, week=8, n_simulations=4)
    PowerCurve(trial: 2 designs)
    """
    known(question, options.get("n_simulations", 1), options.get("seed", 1))
    designs = _designs(design, question, over, target, half_width)
    rows: list[dict[str, Any]] = []
    for at, own in designs:
        try:
            rows.append(at | attempted(own, question, **options))
        except KeyboardInterrupt:
            break
        progress(len(rows), len(designs))
        if not rows[-1]["reason"] and rows[-1]["n"] < options.get("n_simulations", 1000):
            break
    return PowerCurve(question, tuple(over), pd.DataFrame(rows), target, half_width)


def _designs(
    design: Design,
    question: str,
    over: Mapping[str, Sequence[float]],
    target: float,
    half_width: float | None,
) -> list[tuple[dict[str, float], Design]]:
    """Return each combination with its design, all of them checked."""
    names = {name: ALIASES.get(name, name) for name in over}
    known_names = {name for name in vars(design) if isinstance(vars(design)[name], int | float)}
    number = math.prod(map(len, over.values()))
    is_difference = QUESTIONS[question].compares != "change"
    unknown = [name for name in over if names[name] not in known_names - {"seed"}]
    near = [near for name in unknown for near in get_close_matches(name, [*known_names, *ALIASES])]
    rules = {
        "the question is about a difference, or an interval (half_width) is wanted":
            (is_difference or half_width is not None, "a question about change, and no half_width"),
        "half_width is above 0": (half_width is None or half_width > 0, f"{half_width}"),
        "`over` names numbers of the design":
            (not unknown, f"{', '.join(unknown)}{f'; did you mean {near[0]}?' if near else ''}"),
        f"there are 1 to {MOST_CELLS} designs":
            (bool(over) and 1 <= number <= MOST_CELLS, f"{number:,}" if over else "none"),
        "the target is between 0 and 1": (0 < target < 1, f"{target:g}"),
    }  # fmt: skip
    for must, (holds, got) in rules.items():
        if not holds:
            raise UsageError(must, got=got)
    cells = [dict(zip(over, values, strict=True)) for values in itertools.product(*over.values())]
    changes: list[dict[str, Any]] = [{names[k]: v for k, v in at.items()} for at in cells]
    return [(at, replace(design, **own)) for at, own in zip(cells, changes, strict=True)]


def attempted(
    design: Design, question: str, changes: Mapping[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    """Return what studies of a design show, in one row.

    Parameters
    ----------
    design : Design
    question : str
    changes : mapping, optional
        Parameters that are others.
    **options
        As in `power`.

    Returns
    -------
    dict
        Columns of `PowerCurve.table`: NaN and the ``reason`` where no study answers.
    """
    names = ("estimate", "conf_low", "conf_high", "half_width", "half_low", "half_high", "truth")
    nothing = dict.fromkeys(names, float("nan"))
    try:
        found = power(replace(design, **(changes or {})), question, **options)
    except DesignError as error:
        return nothing | {"n": 0, "reason": str(error)}
    terms = found.table.set_index("term")["estimate"]
    row = dict(zip(names, told(found.table, "clear"), strict=False))
    if "half_width_median" in terms:
        row |= dict(zip(names[3:], told(found.table, "half_width_median"), strict=False))
    return nothing | row | {"truth": terms.get("truth"), "n": found.n_simulations, "reason": ""}


def smallest_design(
    design: Design,
    question: str = "trial",
    *,
    between: tuple[int, int],
    target: float = TARGET,
    half_width: float | None = None,
    step: int = 2,
    **options: Any,
) -> PowerCurve:
    """Search for the fewest courses that reach a power, or an interval, by bisection.

    Parameters
    ----------
    design : Design
        Holds the truth; its number of courses is not used.
    question : str
        As in `power_curve`.
    between : tuple of int
        Fewest and most courses that are thought of.
    target : float
        Power that is wanted, 0 to 1.
    half_width : float, optional
        In place of a power, how far the 95 % interval may reach to either side, in half of the
        studies.
    step : int
        The search ends when it knows the number to so many courses.
    **options
        As in `power_curve`.

    Returns
    -------
    PowerCurve
        The designs that were tried, by courses; ``.sentence`` says the smallest that will do.

    Raises
    ------
    UsageError
        As `power_curve`, or when `between` is no range.
    DesignError
        When the design has no effect that could be found, which is told before anything is
        simulated; or the most courses do not reach the target either.

    Notes
    -----
    All designs have the same random numbers, so that power grows smoothly between them; the
    interval of the one that is found is still that of its own studies.

    Examples
    --------
    >>> from outcomes.synthetic.scenarios import scenario_design
    >>> design = scenario_design("two-arm-trial")
    >>> smallest_design(design, between=(40, 120), week=8, n_simulations=4, step=40)
    PowerCurve(trial: 2 designs)
    """
    low, high = between
    if not 1 <= low < high or step < 1:
        must = "`between` is a smaller and a larger number of courses, `step` at least 1"
        raise UsageError(must, got=f"{low} to {high}, step {step}")
    refuse_too_small(replace(design, episodes=high), question)
    if half_width is None:
        _refuse_nothing(design, question, options.get("week"))
    tried: dict[int, PowerCurve] = {}

    def reaches(courses: int) -> bool:
        over = {"episodes": [courses]}
        tried[courses] = power_curve(
            design, question, over=over, target=target, half_width=half_width, **options
        )
        return not tried[courses].enough.empty

    if not reaches(high):
        must = f"studies of {high:,} courses reach what is wanted"
        got = tried[high].sentence.removesuffix(".")
        raise DesignError(must, got=got[0].lower() + got[1:], remedy="Think of more courses.")
    if reaches(low):
        high = low
    while high - low > step:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    table = pd.concat([tried[n].table for n in sorted(tried)], ignore_index=True)
    return PowerCurve(question, ("episodes",), table, target, half_width)


def _refuse_nothing(design: Design, question: str, week: float | None) -> None:
    """Refuse to look for what is not there, at the week of the estimate."""
    estimand = {"trial": ARM, "pressure": LAST}.get(question)
    table = truth_of(design).estimands
    table = table[table["estimand"] == estimand]
    at = table["week"].max() if week is None else week
    values = table.loc[table["week"].eq(at) | (question != "trial"), "value"]
    if len(values) and values.abs().max() < NEGLIGIBLE:
        must = "the design has an effect that studies could find"
        remedy = "Set one, or ask for the width of the interval (half_width)."
        raise DesignError(must, got="an effect of 0", where=question, remedy=remedy)
