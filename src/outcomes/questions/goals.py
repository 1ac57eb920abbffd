"""What share reached the physician's goal? Cumulative incidence of sustained attainment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.care.attainment import EVENTS, Attainment, Unit, goal_attainment_over_time
from outcomes.care.goals import goal_attainment_scores, goal_progress
from outcomes.privacy.text import Count, Resting, Text
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.picture import Picture, curves
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.study import Study
from outcomes.words import DESCRIBED, counted, percent, percent_with_interval


def goals(asked: Asked) -> Found | Missing:
    """Estimate the share of goals with sustained attainment.

    Parameters
    ----------
    asked : Asked
        The question; its instrument is that of the goals.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``sustained`` or ``ended before`` (cumulative shares by ``time``)
        or ``goal attainment scale`` (mean T score). Missing with fewer than 11 goals that were
        set in time and can be followed.
    """
    study, instrument = asked.study, asked.instrument
    arms, dated = study.courses["arm"].nunique() > 1, study.assessments["day"].notna().any()
    by_sessions = study.sessions["session"].notna().any() and not (arms and dated)
    unit: Unit = "sessions" if by_sessions else "day"  # a control may have no sessions
    attained = goal_attainment_over_time(
        study, instrument=instrument, unit=unit, ends_compete=not arms
    )
    if len(attained.goals) < LEAST_COURSES:
        there = Count(len(attained.goals), "goal", there=True)
        least = {"least": str(LEAST_COURSES), "measure": asked.measure.title}
        return Missing(asked.question.say("few", there=there, **least))
    table = _table(attained, goal_attainment_scores(study, instrument)["gas"].dropna())
    return Found(
        table,
        _sentence(table, attained, arms=arms),
        asked.question.say("method", unit=unit),
        _picture(table, attained),
        checks=_checks(goal_progress(study, instrument), attained, study),
        glance=_glance(table, attained),
        verdict=DESCRIBED,
        n_used=len(attained.goals),
        left_out=attained.left_out,
    )


def _table(attained: Attainment, gas: pd.Series[float]) -> pd.DataFrame:
    curves = attained.table.rename(columns={"event": "kind"})
    labels = curves["kind"] + " by " + curves["time"].map("{:g}".format)
    status = attained.goals["status"].map(EVENTS)
    reached = [
        int(((status == kind) & (attained.goals["time"] <= time)).sum())
        for kind, time in zip(curves["kind"], curves["time"], strict=True)
    ]
    curves = curves.assign(term=labels, n_episodes=len(attained.goals), n_reached=reached)
    row = {
        "term": "mean T score, all courses with a rated goal", "kind": "goal attainment scale",
        "estimate": gas.mean(), "std_error": gas.sem(), "n_episodes": len(gas),
    }  # fmt: skip
    scale = pd.DataFrame([row] if len(gas) else [])
    return pd.concat([curves.drop(columns="group"), scale], ignore_index=True)


def _headline(table: pd.DataFrame) -> Mapping[Any, Any]:
    """Return the last time at which 11 goals were still to be reached, or the first."""
    curve = table[table["kind"] == "sustained"]
    enough = curve[curve["n_at_risk"] >= LEAST_COURSES]
    return (enough if len(enough) else curve.head(1)).to_dict("records")[-1]


def _sentence(table: pd.DataFrame, attained: Attainment, *, arms: bool) -> str:
    at = _headline(table)
    clock = _clock(at["time"], attained.unit)
    share = _share(at).replace(" (", ", ").rstrip(")")
    kind = "of arms" if arms else "untold" if attained.n_end_untold else "of care"
    note = GOALS.say(f"note {kind}", share=share)
    reached = Count(
        int(at["n_reached"]), "goal", of=len(attained.goals), part="sustained",
        more=GOALS.notes["kept"], note=str(note),
    )  # fmt: skip
    return Text(f"By {clock}, {'the arms together, ' * arms}", reached, ".")


def _glance(table: pd.DataFrame, attained: Attainment) -> str:
    at = _headline(table)
    return Text(_of_goals(at, attained, _share(at)), f" by {_clock(at['time'], attained.unit)}")


def _share(at: Mapping[Any, Any]) -> str:
    """Return a share of goals with its interval, which none or all do not have."""
    return percent_with_interval(at["estimate"], at["conf_low"], at["conf_high"])


def _of_goals(at: Mapping[Any, Any], attained: Attainment, share: str) -> Resting:
    """Say a share of the goals, which beside their number is a count."""
    n, of = int(at["n_reached"]), len(attained.goals)
    return Resting(n, "goal", of=of, part="sustained", words=f"{share} of goals")


def _clock(time: float, unit: Unit) -> str:
    return counted(time, "session") if unit == "sessions" else f"day {time:g}"


def _picture(table: pd.DataFrame, attained: Attainment) -> Picture:
    rows = table[table["kind"].isin(["sustained", "ended before"])]
    at, unit = _headline(table), attained.unit
    clock, share = _clock(at["time"], unit), _of_goals(at, attained, percent(at["estimate"]))
    gone_on = GOALS.notes["gone on"] if attained.n_end_untold else ""
    drawn = curves(
        rows.assign(group=rows["kind"]),
        "time",
        Text(f"By {clock}, ", share, " were reached and kept", gone_on),
        "Sessions received" if unit == "sessions" else "Days since the first visit",
        "Share of goals",
        Text("Cumulative shares with 95 % intervals. ", share, f" reached and kept by {clock}."),
    )
    data = drawn.data.assign(n_at_risk=rows["n_at_risk"].to_numpy())
    names = {"sustained": "reached and kept", "ended before": "care ended first"}
    data["group"] = data["group"].map(names)
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
