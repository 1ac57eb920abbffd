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
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from outcomes.care.goals import goal_progress
from outcomes.errors import UsageError
from outcomes.records import therapist_of_course, visits_received
from outcomes.study import Study

Array = NDArray[np.float64]


LEAST_CLUSTERS = 3
"""Fewer clusters than this do not show how much clusters differ."""
_KINDS = 2
"""Kinds of event: what was hoped for, and what comes before it."""


def cumulative_incidence(
    time: ArrayLike, status: ArrayLike, *, clusters: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Estimate how many have had each of two kinds of event by each time, the other competing.

    Parameters
    ----------
    time : array, shape (n,)
        Time of the event or of the last look, 0 or more, in any unit.
    status : array of int, shape (n,)
        0 still without an event at the last look (censored); 1 or 2 the kind of the first event.
    clusters : array, shape (n,), optional
        Who is not independent of whom, such as patients of one therapist; at least three clusters.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        One row a kind and a time at which anyone had an event or left: ``event, time, n_at_risk,
        estimate, std_error, conf_low, conf_high``; the interval is missing where the estimate is 0
        or 1.

    Raises
    ------
    UsageError
        When times are negative or missing, a status is not one of 0 to 2, or there are
        fewer than three clusters.

    Notes
    -----
    With clusters: the jackknife that leaves out one cluster at a time, and Student's t with one
    degree of freedom less than there are clusters (Shao and Tu 1995; Lipsitz and Parzen 1996 for
    clustered survival data). Without: the delta method (Marubini and Valsecchi 1995; Dinse and
    Larson 1986). Intervals on the log(-log) scale. By the delta method those still at risk at a
    time when all of them end add nothing there, so the last row has a standard error too.

    Examples
    --------
    >>> table = cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1])
    >>> table[table["event"] == 1][["time", "n_at_risk", "estimate"]]
       time  n_at_risk  estimate
    0   1.0          4      0.25
    1   2.0          3      0.25
    2   3.0          2      0.25
    3   4.0          1      0.75
    """
    times, kinds = np.asarray(time, dtype=float), np.asarray(status)
    _check(times, kinds)
    moments, position = np.unique(times, return_inverse=True)
    counts = np.zeros((len(moments), _KINDS + 1))
    np.add.at(counts, (position, kinds.astype(int)), 1)
    incidence, at_risk, before = _incidence(counts)
    df, errors = np.inf, None
    if clusters is not None:
        df, errors = _jackknife(counts, position, kinds.astype(int), np.asarray(clusters))
    parts = []
    for kind in range(1, _KINDS + 1):
        estimate = incidence[:, kind - 1]
        if errors is None:
            ended = counts[:, 1:].sum(axis=1)
            error = _std_error(estimate, counts[:, kind], ended, at_risk, before)
        else:
            error = errors[:, kind - 1]
        low, high = _interval(estimate, error, conf_level, df)
        columns = {
            "event": kind, "time": moments, "n_at_risk": at_risk.astype(int),
            "estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high,
        }  # fmt: skip
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _incidence(counts: Array) -> tuple[Array, Array, Array]:
    """Cumulative incidence (..., T, events), at risk and free of events before (..., T)."""
    at_risk = counts.sum(axis=-1)[..., ::-1].cumsum(axis=-1)[..., ::-1]
    safe = np.where(at_risk > 0, at_risk, 1.0)
    left = np.cumprod(1 - counts[..., 1:].sum(axis=-1) / safe, axis=-1)
    before = np.ones_like(left)
    before[..., 1:] = left[..., :-1]
    share = (before / safe)[..., None] * counts[..., 1:]
    return np.cumsum(share, axis=-2), at_risk, before


def _jackknife(
    counts: Array, position: NDArray[Any], kinds: NDArray[Any], clusters: NDArray[Any]
) -> tuple[float, Array]:
    """Degrees of freedom, and standard errors by leaving out one cluster at a time (T, events)."""
    codes, names = pd.factorize(clusters)
    k = len(names)
    if k < LEAST_CLUSTERS or (codes < 0).any():
        must = f"there are at least {LEAST_CLUSTERS} clusters, and everybody is in one"
        raise UsageError(must, got="fewer, or somebody in none")
    own = np.zeros((k, *counts.shape))
    np.add.at(own, (codes, position, kinds), 1)
    without = _incidence(counts - own)[0]
    squares = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    return k - 1.0, np.sqrt((k - 1) / k * squares)


def _check(times: Array, kinds: NDArray[Any]) -> None:
    if times.shape != kinds.shape or not np.all(np.isfinite(times) & (times >= 0)):
        must = "each course has a time of 0 or more, and a status"
        raise UsageError(must, got="a time that is missing or negative, or another number of them")
    if not np.isin(kinds, np.arange(_KINDS + 1)).all():
        must = f"a status is a whole number from 0 to {_KINDS}"
        raise UsageError(must, got="another value")


def _std_error(estimate: Array, own: Array, ended: Array, at_risk: Array, before: Array) -> Array:
    """Delta-method standard errors: sums over earlier times s of F(t) - F(s) and its square."""
    left = at_risk - ended
    lost = np.divide(ended, at_risk * left, out=np.zeros_like(ended), where=left > 0)
    own_share = before * own / at_risk**2
    squares = (
        estimate**2 * np.cumsum(lost)
        - 2 * estimate * np.cumsum(estimate * lost)
        + np.cumsum(estimate**2 * lost)
    )
    products = estimate * np.cumsum(own_share) - np.cumsum(estimate * own_share)
    own_variance = np.cumsum(before**2 * (at_risk - own) * own / at_risk**3)
    return np.asarray(np.sqrt(np.maximum(squares - 2 * products + own_variance, 0.0)))


def _interval(estimate: Array, error: Array, conf_level: float, df: float) -> tuple[Array, Array]:
    inside = (estimate > 0) & (estimate < 1 - 1e-12)
    safe = np.where(inside, estimate, 0.5)
    width = stdtrit(df, (1 + conf_level) / 2) * error / (safe * -np.log(safe))
    low, high = safe ** np.exp(width), safe ** np.exp(-width)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)


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
    n_end_untold : int
        Goals used, and not sustained, of courses whose end is not recorded: as if they went on.
    """

    table: pd.DataFrame
    goals: pd.DataFrame
    unit: Unit
    left_out: Mapping[str, int]
    n_discharged_as_met: int
    n_end_untold: int

    def __repr__(self) -> str:
        n_left = sum(self.left_out.values())
        return f"Attainment({len(self.goals)} goals by {self.unit}, {n_left} left out)"


def goal_attainment_over_time(
    study: Study,
    *,
    instrument: str = "",
    by: str = "",
    unit: Unit = "day",
    ends_compete: bool = True,
    conf_level: float = 0.95,
) -> Attainment:
    """Estimate the share of goals with sustained attainment by day, or by sessions received.

    Parameters
    ----------
    study : Study
        With goals and scores.
    instrument : str
        Short name of the instrument of the goals; all by default.
    by : {"", "instrument", "condition", "arm", "set_by"}
        Column of groups; one group by default.
    unit : {"day", "sessions"}
        Clock: days since the first visit, or sessions received.
    ends_compete : bool
        Whether a goal can no longer be reached once care has ended; else all are followed as long
        as they are scored, whatever care they had, as in a trial.
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
    censored at its last score. Patients of one therapist are not independent, where there are
    three or more (a course without one stands for itself); else the goals of one patient are not.

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
    groups = ("", "instrument", "condition", "arm", "set_by")
    if by not in groups or unit not in ("day", "sessions"):
        must = "goals are grouped by instrument, condition, arm or set_by, by day or by sessions"
        raise UsageError(must, got="another word")
    progress = goal_progress(study, instrument)
    progress["arm"] = study.courses["arm"].reindex(progress["episode_id"]).to_numpy()
    goals, left_out = _eligible(_with_ends(progress.copy(), study, unit, ends_compete))
    goals["patient_id"] = study.courses["patient_id"].reindex(goals["episode_id"]).to_numpy()
    goals["therapist_id"] = therapist_of_course(study).reindex(goals["episode_id"]).to_numpy()
    goals["group"] = goals[by].fillna("not recorded") if by else "all"
    each = goals.groupby("group", sort=True)
    parts = [_incidence_of_goal(str(name), group, conf_level) for name, group in each]
    parts = parts or [_incidence_of_goal("all", goals, conf_level)]
    table = pd.concat(parts, ignore_index=True)
    table = table[ends_compete | (table["event"] != EVENTS[ENDED])].reset_index(drop=True)
    as_met = (goals["status"] != SUSTAINED) & (goals["end_reason"] == "goal_met")
    untold = ends_compete & goals["end_reason"].isna() & (goals["status"] == CENSORED)
    columns = ["episode_id", "instrument", "group", "time", "status"]
    return Attainment(
        table=table,
        goals=goals[columns].reset_index(drop=True),
        unit=unit,
        left_out=MappingProxyType(left_out),
        n_discharged_as_met=int(as_met.sum()),
        n_end_untold=int(untold.sum()),
    )


def _with_ends(goals: pd.DataFrame, study: Study, unit: Unit, ends_compete: bool) -> pd.DataFrame:
    """Add to each goal its time and status: sustained, care ended before, or censored."""
    facts = study.courses
    goals["end_reason"] = facts["end_reason"].reindex(goals["episode_id"]).to_numpy()
    visits = visits_received(study).groupby("episode_id")
    seen = visits["day"].max() if unit == "day" else visits.size().astype(float)
    last = goals["last_day" if unit == "day" else "last_sessions"]
    end: Any = np.fmax(last, seen.reindex(goals["episode_id"]).to_numpy(float))
    if unit == "day":
        recorded = facts["end_day"].reindex(goals["episode_id"]).to_numpy()
        end = pd.Series(recorded, index=goals.index).fillna(end)
    ended = ends_compete & goals["end_reason"].notna() & (goals["end_reason"] != "ongoing")
    reached = goals[f"sustained_{unit}"]
    in_time = reached.notna() & (~ended | (reached <= end))
    goals["status"] = np.select([in_time, ended], [SUSTAINED, ENDED], CENSORED)
    goals["time"] = np.select([in_time, ended], [reached, end], last)
    return goals


def _eligible(goals: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    reasons = {
        "set after the fact": goals["set_late"].fillna(False).astype(bool),
        "target on the wrong side of baseline": goals["wrong_side"].fillna(False).astype(bool),
        "no score after baseline": ~(goals["time"] >= 0),  # or one before the first visit
    }
    left_out, kept = {}, pd.Series(data=True, index=goals.index)
    for reason, mask in reasons.items():
        left_out[reason] = int((mask & kept).sum())
        kept &= ~mask
    return goals[kept].copy(), left_out


def _incidence_of_goal(group: str, goals: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    who, own = goals["therapist_id"], goals["patient_id"].fillna(goals["episode_id"])
    who = who.astype(object).fillna(own) if who.nunique() >= LEAST_CLUSTERS else own
    alike = LEAST_CLUSTERS <= who.nunique() < len(who)
    table = cumulative_incidence(
        goals["time"], goals["status"], conf_level=conf_level,
        clusters=who.to_numpy() if alike else None,
    )  # fmt: skip
    table["event"] = table["event"].map(EVENTS)
    table.insert(0, "group", group)
    return table
