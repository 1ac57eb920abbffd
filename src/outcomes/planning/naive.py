"""Naive analyses, each the one that a scenario breaks: estimate and 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS

from outcomes.questions.course_frame import course_frame
from outcomes.records import visits_received
from outcomes.study import Study

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
        columns = np.column_stack([np.ones(len(rows)), rows[column]])
        fit = OLS(rows["improvement"].to_numpy(), columns).fit()
        low, high = fit.conf_int()[1]
        return float(fit.params[1]), float(low), float(high)

    return slope


def _groups(column: str) -> Naive:
    """Largest gap between groups' means; its interval leaves zero where the F test says so."""

    def gap(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
        parts = [part for _, part in study.trajectory("nprs").groupby(column)["improvement"]]
        means = [float(part.mean()) for part in parts]
        width = max(means) - min(means)
        return width, 0.0 if stats.f_oneway(*parts).pvalue >= 0.05 else width, np.inf

    return gap


def _first(study: Study, row: pd.Series[Any]) -> Interval:  # noqa: ARG001
    """Condition with the largest mean against the others together, as if chosen beforehand."""
    last = study.trajectory("nprs").drop_duplicates("episode_id", keep="last")
    top = last["condition"] == last.groupby("condition")["improvement"].mean().idxmax()
    found = stats.ttest_ind(last.loc[top, "improvement"], last.loc[~top, "improvement"])
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
