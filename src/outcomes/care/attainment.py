"""What share of goals is reached and sustained by when, with the end of care as competing event.

A patient who has left can no longer be seen to reach a goal. Counting leavers as if they would go
on (Kaplan-Meier) overstates attainment, and so does dropping them; here leaving competes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from outcomes.care.cumulative_incidence import LEAST_CLUSTERS, cumulative_incidence
from outcomes.care.goals import goal_progress
from outcomes.errors import UsageError
from outcomes.records import visits_received
from outcomes.study import Study

Unit = Literal["day", "sessions"]
EVENTS = MappingProxyType({1: "sustained", 2: "ended before"})
CENSORED, SUSTAINED, ENDED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Attainment:
    """Cumulative incidence of sustained attainment.

    Parameters
    ----------
    table : DataFrame
        One row a group, event and time: ``group, event`` (``sustained``, ``ended before``),
        ``time, n_at_risk, estimate, std_error, conf_low, conf_high``.
    goals : DataFrame
        One row a goal used: ``episode_id, instrument, group, time, status``.
    unit : {"day", "sessions"}
        What ``time`` counts.
    left_out : mapping of str to int
        Goals not used, by reason.
    n_discharged_as_met : int
        Goals used whose course ended as ``goal_met`` without two scores that show it.
    """

    table: pd.DataFrame
    goals: pd.DataFrame
    unit: Unit
    left_out: Mapping[str, int]
    n_discharged_as_met: int

    def __repr__(self) -> str:
        n_left = sum(self.left_out.values())
        return f"Attainment({len(self.goals)} goals by {self.unit}, {n_left} left out)"


def goal_attainment_over_time(
    study: Study,
    *,
    instrument: str = "",
    by: str = "",
    unit: Unit = "day",
    conf_level: float = 0.95,
) -> Attainment:
    """Estimate the share of goals with sustained attainment by day, or by sessions received.

    Parameters
    ----------
    study : Study
        With goals and scores.
    instrument : str
        Short name of the instrument of the goals; all by default.
    by : {"", "instrument", "condition", "set_by"}
        Column of groups; one group by default.
    unit : {"day", "sessions"}
        Clock: days since the first visit, or sessions received.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    Attainment

    Raises
    ------
    UsageError
        When `by` or `unit` is another word.

    Notes
    -----
    Left out, and counted: goals set after the fact, goals on the wrong side of baseline, and goals
    without a score after baseline or an end. A course that is ongoing, or has no recorded end, is
    censored at its last score. Patients of one therapist are not independent, where each course has
    a therapist and there are three or more; else goals count as independent.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> episodes = pd.DataFrame({"episode_id": ["a", "b"], "end_reason": ["goal_met", "cost"],
    ...                          "end_day": [21, 14]})
    >>> scores = pd.DataFrame({"episode_id": list("aaaabb"), "instrument": "nprs",
    ...                        "day": [0, 7, 14, 21, 0, 7], "session": [1, 2, 3, 4, 1, 2],
    ...                        "score": [7, 3, 2, 3, 6, 6]})
    >>> goals = pd.DataFrame({"episode_id": ["a", "b"], "instrument": "nprs", "target": 3})
    >>> study = study_from_tables({"episodes": episodes, "assessments": scores, "goals": goals})
    >>> attained = goal_attainment_over_time(study)
    >>> attained.table.loc[attained.table["event"] == "sustained", ["time", "estimate"]]
       time  estimate
    0  14.0       0.5
    """
    if by not in ("", "instrument", "condition", "set_by") or unit not in ("day", "sessions"):
        must = "goals are grouped by instrument, condition or set_by, and timed by day or sessions"
        raise UsageError(must, got="another word")
    progress = goal_progress(study)
    progress = progress[progress["instrument"] == instrument] if instrument else progress
    goals, left_out = _eligible(_with_ends(progress.copy(), study, unit))
    goals["therapist_id"] = _therapists(goals, study)
    goals["group"] = goals[by].fillna("not recorded") if by else "all"
    groups = goals.groupby("group", sort=True)
    parts = [_incidence(str(name), group, conf_level) for name, group in groups]
    parts = parts or [_incidence("all", goals, conf_level)]
    as_met = (goals["status"] == ENDED) & (goals["end_reason"] == "goal_met")
    columns = ["episode_id", "instrument", "group", "time", "status"]
    return Attainment(
        table=pd.concat(parts, ignore_index=True),
        goals=goals[columns].reset_index(drop=True),
        unit=unit,
        left_out=MappingProxyType(left_out),
        n_discharged_as_met=int(as_met.sum()),
    )


def _with_ends(goals: pd.DataFrame, study: Study, unit: Unit) -> pd.DataFrame:
    """Add to each goal its time and status: sustained, care ended before, or censored."""
    facts = study.courses
    goals["end_reason"] = facts["end_reason"].reindex(goals["episode_id"]).to_numpy()
    visits = visits_received(study).groupby("episode_id")
    seen = visits["day"].max() if unit == "day" else visits.size().astype(float)
    seen_last = pd.Series(seen.reindex(goals["episode_id"]).to_numpy(float), index=goals.index)
    last = goals["last_day" if unit == "day" else "last_sessions"]
    end = last.where(~(seen_last > last), seen_last)
    if unit == "day":
        recorded = facts["end_day"].reindex(goals["episode_id"]).to_numpy()
        end = pd.Series(recorded, index=goals.index).fillna(end)
    ended = goals["end_reason"].notna() & (goals["end_reason"] != "ongoing")
    reached = goals[f"sustained_{unit}"]
    in_time = reached.notna() & (~ended | (reached <= end))
    goals["status"] = np.select([in_time, ended], [SUSTAINED, ENDED], CENSORED)
    goals["time"] = np.select([in_time, ended], [reached, end], last)
    return goals


def _eligible(goals: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    reasons = {
        "set after the fact": goals["set_late"].fillna(False).astype(bool),
        "target on the wrong side of baseline": goals["wrong_side"].fillna(False).astype(bool),
        "no score after baseline": goals["time"].isna(),
    }
    left_out, kept = {}, pd.Series(data=True, index=goals.index)
    for reason, mask in reasons.items():
        left_out[reason] = int((mask & kept).sum())
        kept &= ~mask
    return goals[kept].copy(), left_out


def _therapists(goals: pd.DataFrame, study: Study) -> Any:
    """Who gave most visits of a goal's course; the course's own therapist where no visit says."""
    visits = visits_received(study).dropna(subset=["therapist_id"])
    most = visits.groupby("episode_id")["therapist_id"].agg(lambda names: names.mode().iloc[0])
    courses = study.courses
    given = most.reindex(goals["episode_id"]).fillna(
        courses["therapist_id"].reindex(goals["episode_id"])
    )
    return given.to_numpy()


def _incidence(group: str, goals: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    therapists = goals["therapist_id"]
    known = therapists.notna().all() and therapists.nunique() >= LEAST_CLUSTERS
    table = cumulative_incidence(
        goals["time"], goals["status"], conf_level=conf_level,
        clusters=therapists.to_numpy() if known else None,
    )  # fmt: skip
    table["event"] = table["event"].map(EVENTS)
    table.insert(0, "group", group)
    return table
