"""What is true of a case, and what the naive analysis that its scenario breaks says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import scipy
from scipy.special import stdtrit

from outcomes.questions.course_frame import course_frame
from outcomes.questions.frequency import OFTEN
from outcomes.records import visits_received
from outcomes.study import Study
from outcomes.synthetic.design import Design
from outcomes.synthetic.truth import truth_of

CHANGE = "mean improvement after session_count sessions, nobody leaving"
LAST = "effect of pressure 4 against 2 in the last session only"
EVERY = "effect of pressure 4 against 2 in every session"
ARM = "effect of the arm against the control, as randomised, by week"
GOAL = "share that was at the pain goal twice in a row by session_count sessions"

Truth = Callable[[Study, "pd.Series[Any]"], float]


def _between(
    table: pd.DataFrame, estimand: str, axis: str, moment: float, condition: str = "all",
    arm: str = "",
) -> float:  # fmt: skip
    """Value of an estimand at a time, on a straight line between the times that are given."""
    here = (table["estimand"] == estimand) & (table["condition"] == condition)
    rows = table[here & (table["instrument"] == "nprs") & (table["arm"] == arm)]
    rows = rows.sort_values(axis)
    return float(np.interp(moment, rows[axis].to_numpy(float), rows["value"].to_numpy(float)))


def _estimands(study: Study) -> pd.DataFrame:
    if study.truth is None:
        message = "only simulated studies have a truth"
        raise ValueError(message)
    return study.truth.estimands


def _value(estimand: str, axis: str = "session_count", *, at: str = "", per: float = 1.0) -> Truth:
    """Value of an estimand at the time in a column of the row, by default at the horizon."""

    def truth(study: Study, row: pd.Series[Any]) -> float:
        table = _estimands(study)
        moment = row[at] if at else row.get("horizon", np.nan)
        if np.isnan(moment):
            moment = course_frame(study, "nprs").horizon
        condition = row["term"] if row.get("kind") in ("own", "pooled") and not at else "all"
        arm = row["arm"] if estimand == ARM else ""
        return _between(table, estimand, axis, moment, condition, arm) / per

    return truth


def _last_curvature(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    """Per squared level; memory leaves the rest to earlier visits, adapted patients have none."""
    assert study.truth is not None
    given = study.truth.parameters
    return -float(given["pressure_curvature"] * (1 - given["pressure_memory"]))


def _events(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    """Per 100 visits, mild and serious together; adapted or not."""
    assert study.truth is not None
    given = study.truth.parameters
    return 100 * float(given["adverse_event"] + given["serious_event"])


def _more_visits(axis: str) -> Truth:
    """Compare scripts of each frequency in the same people, at equal weeks or equal sessions."""

    def truth(study: Study, row: pd.Series[Any]) -> float:
        assert study.truth is not None
        design = Design.from_dict(study.truth.parameters)
        at = {True: 0.0, False: 0.0}
        for often in at:
            chosen = [pair for pair in design.frequencies if (pair[0] >= OFTEN) is often]
            total = sum(share for _, share in chosen)
            for visits, share in chosen:
                table = truth_of(replace(design, frequencies=((visits, 1.0),))).estimands
                at[often] += share / total * _between(table, CHANGE, axis, row[axis])
        return at[True] - at[False]

    return truth


def _nothing(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    return 0.0


TRUTHS: Mapping[str, Truth] = MappingProxyType(
    {
        "nothing": _nothing,
        "change": _value(CHANGE, at="session_count"),
        "change at the horizon": _value(CHANGE),
        "change of the condition": _value(CHANGE),
        "last pressure": _value(LAST, per=2),
        "last curvature": _last_curvature,
        "every pressure": _value(EVERY, per=2),
        "effect of the arm": _value(ARM, "week", at="week"),
        "goal twice in a row": _value(GOAL, at="time"),
        "events per 100 visits": _events,
        "more visits, equal weeks": _more_visits("week"),
        "more visits, equal sessions": _more_visits("session_count"),
    }
)
"""True values by name: of a study and of the row of the answer that is judged."""


Interval = tuple[float, float, float]
Naive = Callable[[Study, "pd.Series[Any]"], Interval]
"""Of a study and of the row of the answer that is judged."""


def _mean(values: pd.Series[float]) -> Interval:
    array = values.to_numpy(float)
    mean, half = float(array.mean()), 1.96 * float(array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


def _mean_seen(study: Study, row: pd.Series[Any]) -> Interval:
    """Mean improvement of those who have a score then."""
    rows = study.trajectory("nprs")
    return _mean(rows.loc[rows["session_count"] == row["session_count"], "improvement"])


def _mean_at_horizon(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    course = course_frame(study, "nprs")
    return _mean(course.rows.loc[course.rows[course.axis] == course.horizon, "improvement"])


def _before_and_after(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Change from baseline to the last score, read as the effect of care."""
    rows = study.trajectory("nprs")
    return _mean(rows.drop_duplicates("episode_id", keep="last")["improvement"])


def _after_a_visit(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Drop from before to after a visit, read as lasting."""
    return _mean(study.trajectory("nprs", timing="immediate")["improvement"])


def _by_total(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Change to the last score of those with six to eight visits in all."""
    last = study.trajectory("nprs").drop_duplicates("episode_id", keep="last")
    total = last["episode_id"].map(study.episodes.set_index("episode_id")["sessions_attended"])
    return _mean(last.loc[total.between(6, 8), "improvement"])


def _slope(column: str, *, same_visit: bool = False) -> Naive:
    """Improvement against a column, rows as if independent."""

    def slope(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
        rows = study.trajectory("nprs", same_visit=same_visit)
        rows = rows.dropna(subset=[column, "improvement"])
        found = scipy.stats.linregress(rows[column], rows["improvement"])
        half = float(found.stderr * stdtrit(len(rows) - 2, 0.975))
        return float(found.slope), float(found.slope) - half, float(found.slope) + half

    return slope


def _groups(column: str) -> Naive:
    """Largest gap between groups' means; its interval leaves zero where the F test says so."""

    def gap(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
        parts = [part for _, part in study.trajectory("nprs").groupby(column)["improvement"]]
        means = [float(part.mean()) for part in parts]
        width = max(means) - min(means)
        return width, 0.0 if scipy.stats.f_oneway(*parts).pvalue >= 0.05 else width, np.inf

    return gap


def _first(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Condition with the largest mean against the others together, as if chosen beforehand."""
    last = study.trajectory("nprs").drop_duplicates("episode_id", keep="last")
    top = last["condition"] == last.groupby("condition")["improvement"].mean().idxmax()
    found = scipy.stats.ttest_ind(last.loc[top, "improvement"], last.loc[~top, "improvement"])
    low, high = found.confidence_interval()
    return (float(low) + float(high)) / 2, float(low), float(high)


def _treated_alone(study: Study, row: pd.Series[Any]) -> Interval:
    """Mean improvement of the treated arm, read as an effect."""
    rows = study.trajectory("nprs")
    here = (rows["arm"] == row["arm"]) & (rows["week"].round() == row["week"])
    return _mean(rows.loc[here, "improvement"])


def _any_score(study: Study, row: pd.Series[Any]) -> Interval:
    """Share of goals that any score by then had reached."""
    rows = study.trajectory("nprs")
    goals = study.goals[study.goals["instrument"] == "nprs"].set_index("episode_id")["target"]
    rows = rows[rows["episode_id"].isin(goals.index) & (rows["session_count"] <= row["time"])]
    hit = rows["score"].astype(float) <= rows["episode_id"].map(goals).astype(float)
    return _mean(hit.groupby(rows["episode_id"]).max().astype(float))


def _two_points(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Two points on the scale taken as a real change of one patient."""
    change = float(row["estimate"])
    return change, change - 1.999, change + 1.999


def _straight(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Bend of a straight line, which has none to find."""
    return 0.0, 0.0, 0.0


def _wald(study: Study, row: pd.Series[Any]) -> Interval:
    """Events per 100 visits with the textbook interval, visits as if independent."""
    adapted = study.episodes.set_index("episode_id")["adaptations"].fillna("none") != "none"
    visits = visits_received(study)
    visits = visits[visits["episode_id"].map(adapted) == (row["term"] == "adapted")]
    event = visits["adverse_event"].dropna() != "none"
    share, half = event.mean(), 1.96 * np.sqrt(event.mean() * (1 - event.mean()) / len(event))
    return 100 * float(share), 100 * float(share - half), 100 * float(share + half)


NAIVE: Mapping[str, Naive] = MappingProxyType(
    {
        "mean seen": _mean_seen,
        "mean at the horizon": _mean_at_horizon,
        "before and after": _before_and_after,
        "before and after a visit": _after_a_visit,
        "total of six to eight": _by_total,
        "same visit": _slope("pressure_same_visit", same_visit=True),
        "mean before": _slope("pressure_mean"),
        "straight line": _straight,
        "sessions so far": _slope("session_count"),
        "analysis of variance": _groups("therapist_id"),
        "first against the rest": _first,
        "treated alone": _treated_alone,
        "goal at any score": _any_score,
        "two points": _two_points,
        "Wald interval": _wald,
    }
)
"""Naive analyses by name."""
