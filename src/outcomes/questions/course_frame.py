"""The rows a question about the course is answered from: time axis, groups, and where data end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from outcomes.causal.planned_visits import planned_weeks
from outcomes.privacy.disclosure import disclosure_for
from outcomes.records import baselines, therapist_of_most
from outcomes.study import Study
from outcomes.tables import once
from outcomes.trajectory import TrajectoryFrame, trajectory
from outcomes.words import in_order

LEAST_COURSES = 10
"""Fewer courses than this in a group are not described on their own."""
SMALL_GROUPS = "smaller groups"
FEW_TIMES = 4
"""Up to this many distinct times each has a mean of its own; beyond, a curve is fitted."""

Axis = Literal["session_count", "week"]


@dataclass(frozen=True, eq=False)
class CourseFrame:
    """Trajectory rows ready for a course model.

    Parameters
    ----------
    rows : DataFrame
        Trajectory of one instrument; small groups of conditions are pooled.
    axis : {"session_count", "week"}
        Sessions received before the score where they are known, else weeks since the first visit;
        whole weeks where arms are compared.
    group : str
        ``arm`` (a trial), ``condition``, or empty when there is one group only.
    times : tuple of float
        Values of the axis to report: those at which enough courses have a score.
    horizon : float
        Latest time that at least half of the courses reach.
    left_out : dict of str to int
        Rows left out, by reason.
    """

    rows: pd.DataFrame
    axis: Axis
    group: str
    times: tuple[float, ...]
    horizon: float
    left_out: dict[str, int]

    @property
    def n_courses(self) -> int:
        """Courses with a score after baseline."""
        return int(self.rows["episode_id"].nunique())

    @cached_property
    def therapists(self) -> pd.Series[Any]:
        """Therapist of each course, by most of its scores; none where a course has none recorded.

        Who stands in at a few visits is not one more therapist from whom others can be foretold,
        and a visit without a name does not leave the therapists of all courses out.
        """
        known = self.known_therapists
        return known if len(known) == self.n_courses else known.head(0)

    @cached_property
    def known_therapists(self) -> pd.Series[Any]:
        """Therapist of each course that has one recorded."""
        return therapist_of_most(self.rows)

    @property
    def own_share(self) -> float:
        """Share of scores at visits of the course's own therapist; 1 where none is recorded."""
        named = self.rows[self.rows["therapist_id"].notna()]
        own = named["episode_id"].map(self.known_therapists)
        return float((named["therapist_id"] == own).mean()) if len(named) else 1.0

    def of_courses(self, *, of_visits: bool = False) -> CourseFrame:
        """Return the frame whose rows name the therapist of the course, not of each visit.

        Improvement adds up over a course: little of a score is of who stood in at its visit. With
        `of_visits` only a visit without a name gets that of its course.
        """
        if not len(self.known_therapists):
            return self
        who = self.rows["therapist_id"]
        own = self.rows["episode_id"].map(self.known_therapists).astype(who.dtype)
        own = who.fillna(own) if of_visits else own
        found = replace(self, rows=self.rows.assign(therapist_id=own))
        for name in ("therapists", "known_therapists"):  # the same, and counted already
            vars(found)[name] = getattr(self, name)
        return found

    @property
    def groups(self) -> dict[str, int]:
        """Courses by group, in sorted order; one group ``all`` where there are no groups."""
        return courses_by_group(self.rows, self.group)

    @property
    def few_times(self) -> bool:
        """Whether there are so few times that each has a mean of its own."""
        return int(self.rows[self.axis].nunique()) <= FEW_TIMES

    @property
    def time_term(self) -> str:
        """Time in a model's formula: a mean for each of few times, else a natural spline."""
        return (
            f"C({self.axis})" if self.few_times else f"cr({self.axis}, df=3, constraints='center')"
        )


@once
def course_frame(
    study: Study,
    instrument: str,
    due: tuple[float, ...] = (),
    window: float | None = None,
    at: float | None = None,
) -> CourseFrame:
    """Return the course rows of one instrument with their axis, groups and horizon.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Short name.
    due, window
        Weeks at which scores of the arms were due, as in `outcomes.causal.planned_visits`.
    at : float, optional
        The horizon that a plan declares; NaN is the horizon where too few have a score then.

    Returns
    -------
    CourseFrame

    Raises
    ------
    UsageError
        When the instrument has no scores.
    """
    found = trajectory(study, instrument)
    rows, left_out = found.rows.copy(deep=False), dict(found.left_out)
    del found  # its rows are there once where nobody else holds them
    known = rows["session_count"].notna() & rows["session"].notna()
    several = rows["session_count"].nunique() > 1
    axis: Axis = "session_count" if several and known.mean() > 0.5 else "week"
    if rows["arm"].nunique() > 1 and rows["week"].notna().any():
        axis = "week"  # arms are compared at the same time: a control may have no sessions
    if axis == "week" and rows["arm"].nunique() > 1:
        rows["week"] = planned_weeks(rows, due, window)
    elif axis == "week" and rows["week"].any() and not rows["episode_id"].duplicated().any():
        middle = round(float(rows["week"].median()))  # before and after: one later score each
        rows["week"] = rows["week"].where(rows["week"].isna(), max(float(middle), 1.0))
    elsewhere = rows["session"].isna() & (axis == "session_count")  # weeks after the last visit
    left_out["not at the start of a visit"] = int(elsewhere.sum())
    untimed = rows[axis].isna() & ~elsewhere
    left_out[f"no {axis.replace('_', ' ')}"] = int(untimed.sum())
    out = untimed | elsewhere
    rows = _some(rows, ~out.to_numpy(bool)) if out.any() else rows
    started = baselines(study, instrument)["episode_id"].drop_duplicates()
    unfollowed = ~started.isin(rows["episode_id"])
    left_out["course without a score after baseline"] = int(unfollowed.sum())
    group = _group_column(rows)
    if group:
        rows[group] = _sorted(_pooled(rows, group))
        group = group if rows[group].nunique() > 1 else ""  # all of them were small
    times, horizon = _times(rows, axis, least_shown(study))
    if at is not None:
        horizon = at if at in times else float("nan")
    return CourseFrame(rows, axis, group, times, horizon, left_out)


def _some(rows: pd.DataFrame, keep: Any) -> pd.DataFrame:
    """Return some rows, column by column: so many may be there that they do not fit in twice."""
    columns = {name: rows.pop(name).array[keep] for name in rows.columns.tolist()}
    return TrajectoryFrame(columns, copy=False).__finalize__(rows)


def _group_column(rows: pd.DataFrame) -> str:
    for name in ("arm", "condition"):
        if rows[name].nunique() > 1:
            return name
    return ""


def _pooled(rows: pd.DataFrame, group: str) -> pd.Series[Any]:
    """Pool conditions with fewer than ten courses; name a course without a group so."""
    number, found = pd.factorize(rows[group], use_na_sentinel=False)
    code, levels = pd.factorize(pd.Series(found, dtype=object).fillna("not recorded").astype(str))
    names, number = pd.Series(levels), code[number]
    if group == "condition":
        courses = rows["episode_id"].groupby(number).nunique()
        names = names.where(courses >= LEAST_COURSES, SMALL_GROUPS)
    if isinstance(rows[group].dtype, pd.CategoricalDtype):
        names = names.astype(pd.CategoricalDtype(sorted(names.unique())))
    return names.iloc[number].set_axis(rows.index)


def _sorted(names: pd.Series[Any]) -> pd.Series[Any]:
    """Return names whose order is that of people, 2 before 10, where letters have another one."""
    levels = sorted(names.unique(), key=in_order)
    return names if levels == sorted(levels) else names.astype(pd.CategoricalDtype(levels))


def courses_by_group(rows: pd.DataFrame, group: str) -> dict[str, int]:
    """Count the courses of each group in `rows`; one group ``all`` where `group` is empty."""
    if not group:
        return {"all": int(rows["episode_id"].nunique())}
    counted = rows.groupby(group, observed=True)["episode_id"].nunique()
    return {str(name): int(count) for name, count in counted.items()}


def raw_means(groups: Any) -> pd.DataFrame:
    """Return the mean improvement of groups of rows as they are, its error, and the courses."""
    found: pd.DataFrame = groups.agg(
        estimate=("improvement", "mean"),
        std_error=("improvement", "sem"),
        n_episodes=("episode_id", "nunique"),
    )
    return found


def _times(rows: pd.DataFrame, axis: str, least: int) -> tuple[tuple[float, ...], float]:
    """Return the times with enough courses, and the latest that half of the courses reach."""
    last = rows.groupby("episode_id")[axis].max()
    enough = times_of(rows, axis, least)
    reached = [t for t in enough if (last >= t).mean() >= 0.5]
    return enough, max(reached, default=float("nan"))


def times_of(rows: pd.DataFrame, axis: str, least: int = LEAST_COURSES) -> tuple[float, ...]:
    """Return the times after baseline at which ten courses, or `least`, have a score."""
    seen = rows.groupby(axis)["episode_id"].nunique()
    return tuple(float(t) for t in seen.index[seen >= least] if t > 0)


def least_shown(study: Study) -> int:
    """Return how many courses a time needs: no headline rests on fewer than a figure may show."""
    return max(LEAST_COURSES, 0 if study.provenance.synthetic else disclosure_for(study).threshold)
