"""Into a protocol: power, assumptions with their sources, what if one is wrong, and a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from outcomes.plain_text import shipped
from outcomes.planning.curve import PowerCurve, attempted, power_curve
from outcomes.planning.power import Power, power
from outcomes.planning.repeated import Progress, silent, told
from outcomes.questions.ask import QUESTIONS
from outcomes.synthetic.conditions import Arm
from outcomes.synthetic.design import Design
from outcomes.synthetic.parameter import records
from outcomes.words import counted, percent, percent_with_interval

_SAID = shipped("planning/protocol.toml")
ASSUMED = tuple(_SAID["assumed"])
"""Numbers of a design that a protocol must account for; those at zero are not halved or doubled."""
SIZES = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Courses of the figure, relative to the plan."""
FACTORS = {"halved": 0.5, "doubled": 2.0}


@dataclass(frozen=True, eq=False)
class Protocol:
    """The part of a protocol that says how large the study must be, and why.

    Parameters
    ----------
    power : Power
        Of the design, analyzed under the plan.
    curve : PowerCurve
        The same for fewer and more courses.
    assumptions : DataFrame
        One row an assumption: ``assumption, value, unit, source``.
    what_if : DataFrame
        One row an assumption and change: ``assumption, change, value, power, conf_low, conf_high,
        half_width`` (median), ``note, n``; the note says why there is no number.
    plan : str
        Analysis plan, TOML; `oc.answer(plan=...)` takes it back.
    """

    power: Power
    curve: PowerCurve
    assumptions: pd.DataFrame
    what_if: pd.DataFrame
    plan: str

    @property
    def paragraph(self) -> str:
        """What an ethics committee reads: the size, what it shows, and what that rests on."""
        found, design = self.power, self.power.design
        named = ", ".join(map(_arm, design.arms))
        arms = f", in {counted(len(design.arms), 'arm')}: {named}" if design.arms else ""
        said = "; ".join(
            f"{row['assumption']}: {_amount(row['value'], row['unit'])} ({row['source']})"
            for row in self.assumptions.to_dict("records")
        )
        asked, told_of = QUESTIONS[found.question].words, found.sentence
        return str(_SAID["paragraph"]).format(
            courses=f"{design.episodes:,} courses", arms=arms, asked=asked, assumed=said,
            studies=f"{found.n_simulations:,} studies", weakest=self._weakest,
            found=told_of.removeprefix(asked).lstrip(),
        ).rstrip()  # fmt: skip

    @property
    def _weakest(self) -> str:
        known = self.what_if.dropna(subset=["power"])
        if known.empty or QUESTIONS[self.power.question].compares == "change":
            return ""
        row = known.sort_values("power", kind="stable").to_dict("records")[0]
        share = percent_with_interval(row["power"], row["conf_low"], row["conf_high"])
        simulations = counted(row["n"], "simulation")
        told_of = {"assumption": row["assumption"], "change": row["change"], "share": share}
        return str(_SAID["weakest"]).format(simulations=simulations, **told_of)

    @property
    def text(self) -> str:
        """The paragraph and the table as Markdown."""
        rows = [
            f"| {row['assumption']} | {row['change']} | "
            + (
                f"{row['value']:g} | {percent(row['power'])} | {row['half_width']:.2f} |"
                if not row["note"] else f"{row['note']} | | |"
            )
            for row in self.what_if.to_dict("records")
        ]  # fmt: skip
        simulations = counted(max(self.what_if["n"]), "simulation")
        said = {"paragraph": self.paragraph, "simulations": simulations, "rows": "\n".join(rows)}
        return str(_SAID["text"]).format(**said)


def protocol(
    design: Design,
    question: str = "trial",
    *,
    instrument: str = "nprs",
    week: float | None = None,
    n_simulations: int = 1000,
    n_what_if: int = 200,
    progress: Progress = silent,
    **options: Any,
) -> Protocol:
    """Work out the part of a protocol that says how large the study must be.

    Parameters
    ----------
    design : Design
        The study that is planned.
    question, instrument, week
        As in `power`; the week stands in the plan as the time of the answer.
    n_simulations, n_what_if : int
        Studies of the plan, and of each change of it.
    progress : callable
        Told how many studies are done, and of how many.
    **options
        ``seed, processes, keep`` of `power`.

    Returns
    -------
    Protocol

    Raises
    ------
    UsageError, DesignError
        As `power`.
    KeyboardInterrupt
        When somebody interrupts it; the same call with `keep` goes on.

    Examples
    --------
    >>> from outcomes.synthetic.scenarios import scenario_design
    >>> design = scenario_design("two-arm-trial", episodes=40)
    >>> made = protocol(design, week=8, n_simulations=4, n_what_if=2)
    >>> made.plan.splitlines()[-4:]
    ['[primary]', 'question = "trial"', 'instrument = "nprs"', 'time = 8.0']
    """
    plan = {"question": question, "instrument": instrument}
    if question == "trial" and design.allocation != "patient":
        plan["unit"] = design.allocation
    timed: dict[str, Any] = {} if week is None else {"time": float(week)}
    options = {**options, "instrument": instrument, "plan": {"primary": {**plan, **timed}}}
    known = {item.name: item for item in records(Design)}
    used = [name for name in ASSUMED if getattr(design, name)]
    changes = [(name, change) for name in used for change in FACTORS]
    sizes = sorted({max(2, round(size * design.episodes)) for size in SIZES})
    total = n_simulations + n_what_if * (len(changes) + len(sizes))

    def done(before: int, each: int = 1) -> Progress:
        return lambda n, _: progress(min(before + n * each, total), total)

    planned = power(design, question, n_simulations=n_simulations, progress=done(0), **options)
    _whole(planned.n_simulations, n_simulations)
    rows = []
    for number, (name, change) in enumerate(changes):
        before = n_simulations + number * n_what_if
        found = _changed(design, question, name, change, n_simulations=n_what_if,
                         progress=done(before), **options)  # fmt: skip
        _whole(found["n"] or n_what_if, n_what_if)
        rows.append({"assumption": known[name].about, "change": change, **found})
        done(before)(n_what_if, 0)
    width = None
    if QUESTIONS[question].compares == "change":
        width = told(planned.table, "half_width_median")[0]
    curve = power_curve(
        design, question, over={"episodes": sizes}, half_width=width, n_simulations=n_what_if,
        progress=done(n_simulations + len(changes) * n_what_if, n_what_if), **options,
    )  # fmt: skip
    _whole(len(curve.table), len(sizes))
    _whole(curve.table["n"].iloc[-1] or n_what_if, n_what_if)
    told_of = [
        {"assumption": known[name].about, "value": getattr(design, name),
         "unit": known[name].unit, "source": _source(known[name], getattr(design, name))}
        for name in used
    ]  # fmt: skip
    made = pd.DataFrame(told_of), pd.DataFrame(rows), _toml(design, plan | timed)
    return Protocol(planned, curve, *made)


def _whole(n: int, wanted: int) -> None:
    """End where somebody interrupted a design: a protocol is whole, and what is done is kept."""
    if n < wanted:
        raise KeyboardInterrupt


def _arm(arm: Arm) -> str:
    """Return the name of an arm, with what its protocol fixes."""
    values = [(getattr(arm, item.name), item) for item in records(Arm) if item.default is None]
    fixed = [f"{value:g} {item.unit}" for value, item in values if value is not None]
    told = ["the control"] * arm.control + (fixed if arm.care else ["without visits"])
    return f"{arm.name} ({', '.join(told)})" if told else arm.name


def _amount(value: float, unit: str) -> str:
    """Return a number with its unit; one point is a point."""
    return f"{value:g} {unit.replace('points', 'point') if value == 1 else unit}".rstrip()


def _source(parameter: Any, value: Any) -> str:
    """Return where a value comes from; the source of a default is not that of another value."""
    if value != parameter.default:
        return "set for this study"
    text, mark = parameter.source.rsplit("[", 1)[0].strip(), parameter.source[-3:]
    return ", ".join(part for part in (text, _SAID["marks"].get(mark, "")) if part)


def _changed(design: Design, question: str, name: str, change: str, **options: Any) -> Any:
    """Return what is found where one assumption is another, or why nothing is."""
    now = getattr(design, name)
    value = now * FACTORS[change]
    value = max(1, round(value)) if isinstance(now, int) else value
    row = attempted(design, question, {name: value}, truth=False, **options)
    kept = {column: row[column] for column in ("conf_low", "conf_high", "half_width", "n")}
    return {"value": value, "power": row["estimate"], **kept, "note": row["reason"]}


def _toml(design: Design, primary: Mapping[str, Any]) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in primary.items()]
    title = json.dumps(f"Study of {design.episodes:,} courses")
    return str(_SAID["plan"]).format(title=title, primary="\n".join(lines))
