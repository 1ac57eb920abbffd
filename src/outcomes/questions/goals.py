"""What share reached the physician's goal? Cumulative incidence of sustained attainment."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.care.attainment import EVENTS, Attainment, Unit, goal_attainment_over_time
from outcomes.care.goals import goal_attainment_scores, goal_progress
from outcomes.care.proportion import difference_of_shares, exact_interval
from outcomes.privacy.text import Count, Part, Resting, Text, joined
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.picture import Picture, curves
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.study import Study
from outcomes.words import (
    DESCRIBED,
    counted,
    direction,
    named,
    percent,
    percent_with_interval,
    plain,
    with_unit,
)

NAMES = {"sustained": "reached and kept", "ended before": "care ended first"}


def goals(asked: Asked) -> Found | Missing:
    """Estimate the share of goals with sustained attainment.

    Parameters
    ----------
    asked : Asked
        The question; its instrument is that of the goals.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``sustained`` or ``ended before`` (cumulative shares by ``time``),
        ``difference`` (an arm less the control) or ``goal attainment scale`` (mean T score).
        Missing with fewer than 11 goals that were set in time and can be followed.
    """
    study, instrument = asked.study, asked.instrument
    arms, dated = study.courses["arm"].nunique() > 1, study.assessments["day"].notna().any()
    by_sessions = study.sessions["session"].notna().any() and not (arms and dated)
    unit: Unit = "sessions" if by_sessions else "day"  # a control may have no sessions
    attained, control = _attained(study, instrument, unit, arms=arms)
    if len(attained.goals) < LEAST_COURSES:
        there = Count(len(attained.goals), "goal", there=True)
        least = {"least": str(LEAST_COURSES), "measure": asked.measure.title}
        return Missing(asked.question.say("few", there=there, **least))
    table = _table(attained, goal_attainment_scores(study, instrument)["gas"].dropna(), control)
    compared = table[table["kind"] == "difference"].to_dict("records")
    together = "the arms together, " * (arms and not control)
    said = _of_arms(table, attained, control) if control else _of_all(table, attained, together)
    return Found(
        table,
        said,
        Text(GOALS.say("method", unit=unit), (" " + GOALS.notes["method of arms"]) * bool(control)),
        _picture(table, attained, control),
        checks=_checks(goal_progress(study, instrument), attained, study),
        glance=_glance(table, attained, control),
        verdict="; ".join(dict.fromkeys(map(direction, compared))) or DESCRIBED,
        n_used=len(attained.goals),
        left_out=attained.left_out,
    )


def _attained(
    study: Study, instrument: str, unit: Unit, *, arms: bool
) -> tuple[Attainment, str]:  # fmt: skip
    """Return attainment by arm, and the control, where each arm has goals enough; else of all."""
    control = study.provenance.control or ""
    of: dict[str, Any] = {"instrument": instrument, "unit": unit, "ends_compete": not arms}
    if arms:
        apart = goal_attainment_over_time(study, by="arm", **of)
        sizes = apart.goals["group"].value_counts()
        if control in sizes and len(sizes) > 1 and sizes.min() >= LEAST_COURSES:
            return apart, control
    return goal_attainment_over_time(study, **of), ""


def _table(attained: Attainment, gas: pd.Series[float], control: str) -> pd.DataFrame:
    goals, curves = attained.goals, attained.table.rename(columns={"event": "kind"})
    labels = curves["kind"] + " by " + curves["time"].map("{:g}".format)
    status = goals["status"].map(EVENTS)
    reached = [
        int(((goals["group"] == group) & (status == kind) & (goals["time"] <= time)).sum())
        for group, kind, time in zip(curves["group"], curves["kind"], curves["time"], strict=True)
    ]
    sizes = curves["group"].map(goals["group"].value_counts())
    curves = curves.assign(term=labels, n_episodes=sizes, n_reached=reached)
    row = {
        "term": "mean T score of all courses with a rated goal", "kind": "goal attainment scale",
        "estimate": gas.mean(), "std_error": gas.sem(), "n_episodes": len(gas),
    }  # fmt: skip
    scale = pd.DataFrame([row] if len(gas) else [])
    if not control:
        return pd.concat([curves.drop(columns="group"), scale], ignore_index=True)
    curves["term"] += ", " + curves["group"]
    return pd.concat([curves, _differences(curves, control), scale], ignore_index=True)


def _differences(curves: pd.DataFrame, control: str) -> pd.DataFrame:
    """Return each arm less the control at the time of the headline."""
    ends = ["estimate", "conf_low", "conf_high"]
    each = {arm: _with_ends(own) for arm, own in _headlines(curves).to_dict("index").items()}
    other, rows = each.pop(control), []
    for arm, own in each.items():
        found = difference_of_shares([own[end] for end in ends], [other[end] for end in ends])
        about = {
            "kind": "difference", "term": f"{arm} less {control}", "arm": arm, "time": own["by"],
            "n_episodes": own["n_episodes"], "n_reached": own["n_reached"],
            "n_control": other["n_episodes"], "n_control_reached": other["n_reached"],
        }  # fmt: skip
        rows.append(about | dict(zip(ends, found, strict=True)))
    return pd.DataFrame(rows)


def _with_ends(own: dict[Any, Any]) -> dict[Any, Any]:
    """Return a share that none or all reached with its exact interval, on those still followed."""
    if own["conf_low"] == own["conf_low"]:
        return own
    low, high = exact_interval(own["n_reached"], own["n_reached"] or own["n_at_risk"])
    return {**own, "conf_low": float(low), "conf_high": float(high)}


def _headlines(table: pd.DataFrame) -> pd.DataFrame:
    """Return each group at the last time when all had 11 goals still to be reached; else early."""
    curve = table[table["kind"] == "sustained"]
    curve = curve.assign(group=curve.get("group", "all"))
    of_each = curve.groupby("group")["time"]
    enough = curve[curve["n_at_risk"] >= LEAST_COURSES].groupby("group")["time"].max()
    last = enough.min() if len(enough) == of_each.ngroups else float("-inf")
    by = max(last, of_each.min().max())  # each has a row by then
    until: pd.DataFrame = curve[curve["time"] <= by].assign(by=by).groupby("group").tail(1)
    return until.set_index("group")


def _of_all(table: pd.DataFrame, attained: Attainment, together: str) -> Text:
    at = _headlines(table).iloc[0]
    kind = "of arms" if together else "untold" if attained.n_end_untold else "of care"
    reached = Count(
        int(at["n_reached"]), "goal", of=len(attained.goals), part="sustained",
        more=GOALS.notes["kept"], note=str(GOALS.say(f"note {kind}", share=_inside(at))),
    )  # fmt: skip
    return Text(f"By {_clock(at['time'], attained.unit)}, {together}", reached, ".")


def _of_arms(table: pd.DataFrame, attained: Attainment, control: str) -> Text:
    at = _headlines(table)
    each = [
        Count(
            int(own["n_reached"]), "goal", of=int(own["n_episodes"]), whom=str(arm), part=str(arm),
            more=f"with {named(arm)}", note=f"({_inside(own)})",
        )
        for arm, own in at.iterrows()
    ]  # fmt: skip
    return GOALS.say(
        "by arm", clock=_clock(at["by"].iloc[0], attained.unit),
        arms=_and(each), difference=_verdicts(table, at, control),
    )  # fmt: skip


def _verdicts(table: pd.DataFrame, at: pd.DataFrame, control: str) -> Text:
    """Say of which arms more goals were kept than of the control, of which fewer, of which none."""
    found: dict[str, list[Resting]] = {}
    for row in table[table["kind"] == "difference"].to_dict("records"):
        arm, said = named(row["arm"]), _points(row).replace(" (", ", ").rstrip(")")
        rests = _resting(at.loc[[row["arm"], control]], f"{arm} ({said})", arm)
        found.setdefault(direction(row, "more", "fewer", "unclear"), []).append(rests)
    names = {"control": named(control)}
    each = [GOALS.say(way, arms=_and(arms), **names) for way, arms in found.items()]
    return joined("; ", each)


def _and(each: Sequence[Part]) -> Text:
    return Text(joined(", ", each[:-1]), " and " * (len(each) > 1), each[-1])


def _points(row: Mapping[Hashable, Any]) -> str:
    """Return a difference of shares in percentage points, with its interval where it has one."""
    size, low, high = (plain(100 * row[end], 0) for end in ("estimate", "conf_low", "conf_high"))
    ends = f" (95 % CI {low} to {high})" if row["conf_low"] == row["conf_low"] else ""
    return f"{with_unit(size, 'percentage points')}{ends}"


def _shares(at: pd.DataFrame) -> Text:
    each = {str(arm): f"with {named(arm)}" for arm in at.index}
    shares = at["estimate"].map(percent)
    return joined(", ", [
        _resting(at.loc[[arm]], f"{shares[arm]} {words}", f"a share not shown {words}")
        for arm, words in each.items()
    ])  # fmt: skip


def _resting(of: pd.DataFrame, words: str, otherwise: str = "") -> Resting:
    """Return words that rest on numbers of goals, reached and not, of which none may be a few."""
    counts = [*of["n_reached"], *(of["n_episodes"] - of["n_reached"])]
    return Resting(int(min(n for n in counts if n)), words=words, otherwise=otherwise)


def _glance(table: pd.DataFrame, attained: Attainment, control: str) -> Text:
    at = _headlines(table)
    first = at.iloc[0]
    if not control:
        share = _of_goals(first, attained, _share(first))
        return Text(share, f" by {_clock(first['time'], attained.unit)}")
    rows = table[table["kind"] == "difference"].to_dict("records")
    each = [
        _resting(at.loc[[row["arm"], control]], about * (len(rows) > 1) + _points(row), about + "–")
        for row, about in ((row, f"{named(row['arm'])}: ") for row in rows)
    ]
    clock = _clock(first["by"], attained.unit)
    return Text(f"difference from {named(control)} by {clock}: ", joined("; ", each))


def _share(at: Any) -> str:
    """Return a share of goals with its interval, which none or all do not have."""
    return percent_with_interval(at["estimate"], at["conf_low"], at["conf_high"])


def _inside(at: Any) -> str:
    return _share(at).replace(" (", ", ").rstrip(")")


def _of_goals(at: Any, attained: Attainment, share: str) -> Resting:
    """Say a share of the goals, which beside their number is a count."""
    n, of = int(at["n_reached"]), len(attained.goals)
    return Resting(n, "goal", of=of, part="sustained", words=f"{share} of goals")


def _clock(time: float, unit: Unit) -> str:
    return counted(time, "session") if unit == "sessions" else f"day {time:g}"


def _picture(table: pd.DataFrame, attained: Attainment, control: str) -> Picture:
    rows, at, unit = table[table["kind"].isin(NAMES)], _headlines(table), attained.unit
    clock = _clock(at["by" if control else "time"].iloc[0], unit)
    if control:
        claim = Text(f"Goals reached and kept by {clock}: ", _shares(at))
        groups = rows["group"].map(named)
    else:
        of_goals = _of_goals(at.iloc[0], attained, percent(at["estimate"].iloc[0]))
        gone_on = GOALS.notes["gone on"] if attained.n_end_untold else ""
        claim = Text(f"By {clock}, ", of_goals, " were reached and kept", gone_on)
        groups = rows["kind"].map(NAMES)
    drawn = curves(
        rows.assign(group=groups),
        "time",
        claim,
        "Sessions received" if unit == "sessions" else "Days since the first visit",
        "Share of goals",
        Text("Cumulative shares with 95 % intervals. ", claim, "."),
    )
    data = drawn.data.assign(n_at_risk=rows["n_at_risk"].to_numpy())
    return replace(
        drawn, data=data, steps=True, shares=True, counted="Goals that can still be reached"
    )


def _checks(progress: pd.DataFrame, attained: Attainment, study: Study) -> tuple[Check, ...]:
    easy = progress["easy"].dropna().astype(bool)
    late = attained.left_out.get("set after the fact", 0)
    within = Count(int(easy.sum()), "goal", len(easy), "with a published MDC", part="with an MDC")
    as_met = Count(attained.n_discharged_as_met, "goal")
    check, untold = GOALS.check, attained.n_end_untold
    missing = Text("missing for ", Count(untold, "goal", of=len(attained.goals)))
    return (
        check("ends", not untold, missing),
        GOALS.at_most("large", 0.2, within.number, len(easy), study,
                      GOALS.say("easy", goals=within) if len(easy) else GOALS.notes["no error"]),
        check("in time", late == 0, Text(Count(late, "goal"), " set after the fact")),
        check("borne out", not attained.n_discharged_as_met, GOALS.say("as met", goals=as_met)),
    )  # fmt: skip


GOALS = question("goals", goals)
