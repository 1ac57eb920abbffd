"""What share reached the physician's goal? Cumulative incidence of sustained attainment."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from outcomes.care.attainment import EVENTS, Attainment, Unit, goal_attainment_over_time
from outcomes.care.goals import goal_attainment_scores, goal_progress
from outcomes.questions.answer import Answer, Check, Picture, refusal
from outcomes.questions.claim import basis_of, words
from outcomes.questions.source import source_of
from outcomes.questions.wording import counted, percent, there_are
from outcomes.study import Study

NAME = "goals"
QUESTION = "What share reached the physician's goal?"
LEAST_GOALS = 10

ESTIMAND = (
    "Share of goals set before the second visit that two scores in a row have shown to be reached, "
    "by time since the first visit, with the end of care as a competing event."
)
ASSUMPTIONS = (
    "Courses that are still going on will fare like those seen so long.",
    "A goal is counted as reached only by scores; discharge `goal_met` without them is not enough.",
)
LIMITS = (
    "Reaching a goal is not due to care alone; an easy goal is reached by noise.",
    "Goals of one course are counted as independent.",
)
REFERENCES = (
    "Aalen & Johansen (1978), Scand J Stat 5:141: cumulative incidence with competing events.",
    "Kiresuk & Sherman (1968), Community Ment Health J 4:443: goal attainment scaling.",
)


def goals(study: Study, *, instrument: str, planned: bool = False) -> Answer:
    """Estimate the share of goals with sustained attainment.

    Parameters
    ----------
    study : Study
        A study without errors.
    instrument : str
        Instrument of the goals.
    planned : bool
        Whether an analysis plan declared the question.

    Returns
    -------
    Answer
        ``.table``: ``kind`` is ``sustained`` or ``ended before`` (cumulative shares by ``time``)
        or ``goal attainment scale`` (mean T score). Refused with fewer than ten goals that were
        set in time and can be followed.
    """
    own = replace(study, goals=study.goals[study.goals["instrument"] == instrument])
    own = replace(own, goals=own.goals.reset_index(drop=True))
    source = source_of(study)
    unit: Unit = "sessions" if study.sessions["session"].notna().any() else "day"
    attained = goal_attainment_over_time(own, unit=unit) if len(own.goals) else None
    if attained is None or len(attained.goals) < LEAST_GOALS:
        count = 0 if attained is None else len(attained.goals)
        reason = (
            f"at least {LEAST_GOALS} goals on {study.instrument(instrument).title} that were set "
            f"before the second visit and have a score after it are needed; "
            f"{there_are(count, 'goal')}. Write a target and a date at the first visit."
        )
        return refusal(NAME, QUESTION, reason, source, estimand=ESTIMAND)
    table = _table(own, attained)
    allowed = words(basis_of(study, contrast=False, planned=planned))
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(table, attained),
        table=table,
        picture=_picture(table, unit),
        method=f"Aalen-Johansen cumulative incidence by {unit}; variance by the jackknife that "
        "leaves out one therapist at a time (with fewer than three: by the delta method), "
        "intervals on the log(-log) scale. A goal is sustained at the second of two scores in a "
        "row that reach it.",
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=_checks(own, attained),
        limits=(*allowed.cautions, *LIMITS),
        references=REFERENCES,
        source=replace(source, n_used=len(attained.goals), left_out=dict(attained.left_out)),
    )


def _table(study: Study, attained: Attainment) -> pd.DataFrame:
    curves = attained.table.rename(columns={"event": "kind"})
    labels = curves["kind"] + " by " + curves["time"].map("{:g}".format)
    status = attained.goals["status"].map(EVENTS)
    reached = [
        int(((status == kind) & (attained.goals["time"] <= time)).sum())
        for kind, time in zip(curves["kind"], curves["time"], strict=True)
    ]
    curves = curves.assign(term=labels, n_episodes=len(attained.goals), n_reached=reached)
    gas = goal_attainment_scores(study)["gas"].dropna()
    row = {
        "term": "mean T score", "kind": "goal attainment scale", "estimate": gas.mean(),
        "std_error": gas.sem(), "n_episodes": len(gas),
    }  # fmt: skip
    scale = pd.DataFrame([row] if len(gas) else [])
    return pd.concat([curves.drop(columns="group"), scale], ignore_index=True)


def _headline(table: pd.DataFrame) -> dict[str, float]:
    """Return the last time at which ten goals were still to be reached, or the first."""
    curve = table[table["kind"] == "sustained"]
    enough = curve[curve["n_at_risk"] >= LEAST_GOALS]
    row = (enough if len(enough) else curve.head(1)).iloc[-1]
    names = ("time", "n_reached", "estimate", "conf_low", "conf_high")
    return {name: float(row[name]) for name in names}


def _sentence(table: pd.DataFrame, attained: Attainment) -> str:
    at = _headline(table)
    clock = _clock(at["time"], attained.unit)
    ends = f"{percent(at['conf_low'])} to {percent(at['conf_high'])}"
    found = f"{percent(at['estimate'])}, 95 % CI {ends}"
    return (
        f"By {clock}, {at['n_reached']:.0f} of {len(attained.goals)} goals had been reached and "
        f"kept at the next score ({found}, allowing for courses that are still going on)."
    )


def _clock(time: float, unit: Unit) -> str:
    return f"{time:g} sessions" if unit == "sessions" else f"day {time:g}"


def _picture(table: pd.DataFrame, unit: Unit) -> Picture:
    data = table[table["kind"].isin(["sustained", "ended before"])]
    data = data.rename(columns={"kind": "group", "time": "x"})
    at = _headline(table)
    clock = _clock(at["time"], unit)
    columns = ["group", "x", "estimate", "conf_low", "conf_high", "n_episodes", "n_reached"]
    return Picture(
        kind="curves",
        data=data[columns].reset_index(drop=True),
        title="Goals reached and kept, and courses that ended before",
        x_label="Sessions received" if unit == "sessions" else "Days since the first visit",
        y_label="Share of goals",
        alt="Cumulative shares with 95 % intervals; goals reached and kept: "
        f"{percent(at['estimate'])} by {clock}.",
    )


def _checks(study: Study, attained: Attainment) -> tuple[Check, ...]:
    progress = goal_progress(study)
    easy = progress["easy"].dropna().astype(bool)
    late = attained.left_out.get("set after the fact", 0)
    return (
        Check(
            "goals are larger than the measurement error",
            bool(easy.mean() <= 0.2) if len(easy) else False,
            f"{int(easy.sum())} of {len(easy)} goals are no further than the MDC"
            if len(easy)
            else "no published MDC for these conditions",
        ),
        Check(
            "goals were set before the second visit",
            late == 0,
            f"{counted(late, 'goal')} set after the fact",
        ),
        Check(
            "discharge as `goal_met` is borne out by scores",
            attained.n_discharged_as_met == 0,
            f"{counted(attained.n_discharged_as_met, 'goal')} discharged so without two scores "
            "that show it",
        ),
    )
