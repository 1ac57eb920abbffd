"""The rows a question about the course is answered from: time axis, groups, and where data end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from outcomes.causal.planned_visits import MOST_DATED, planned_weeks
from outcomes.mixed.fit import MANY_ROWS
from outcomes.mixed.products.pieces import Pieces
from outcomes.privacy.disclosure import THRESHOLD
from outcomes.questions.claim import SAID
from outcomes.questions.tallies import Tallies, counted, each, having, median_of, tallied
from outcomes.records import baselines, last_of_each, therapist_of_most
from outcomes.study import Study
from outcomes.tables import once
from outcomes.trajectory import trajectory
from outcomes.words import in_order, listed

LEAST_COURSES = THRESHOLD
"""Fewer courses than this in a group are not described on their own."""
SMALL_GROUPS, NOT_RECORDED = "smaller groups", "not recorded"
LEAST_REPEATS, MOST_REPEATS = 2, 10
"""Courses of patients seen before that show how patients vary: a tenth of all, within these."""
MOSTLY_OWN = 0.8
"""From this share of visits given by a course's own therapist on, the others count as chance."""
FEW_TIMES = 4
"""Up to this many distinct times each has a mean of its own; beyond, a curve is fitted."""

Axis = Literal["session_count", "week"]


@dataclass(frozen=True, eq=False)
class CourseFrame:
    """Trajectory rows ready for a course model.

    Parameters
    ----------
    rows : DataFrame or Pieces
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

    rows: Any
    axis: Axis
    group: str
    times: tuple[float, ...]
    horizon: float
    left_out: dict[str, int]

    @cached_property
    def tallies(self) -> Tallies:
        """Counts of its rows and courses."""
        return tallied(self.rows, self.axis, self.group)

    @property
    def n_courses(self) -> int:
        """Courses with a score after baseline."""
        return int(self.tallies.sizes.sum())

    @property
    def one_score_each(self) -> bool:
        """Whether each course has one score after baseline: all that varies is the residual."""
        return self.n_courses == len(self.rows)

    @property
    def several_movements(self) -> bool:
        """Whether a course has scores of several movements; rows in parts are not looked at."""
        if isinstance(self.rows, Pieces):
            return False
        return bool(last_of_each(self.rows)["episode_id"].duplicated().any())

    @property
    def conditions(self) -> list[Any]:
        """Names of the conditions of courses."""
        return [*self.tallies.courses["condition"].dropna().unique()]

    @property
    def n_therapists(self) -> int:
        """Therapists of courses, each by most of its scores; none where a course has none recorded.

        Who stands in at a few visits is not one more therapist from whom others can be foretold,
        and a visit without a name does not leave the therapists of all courses out.
        """
        all_treated = self.n_treated == self.n_courses
        return int(self.tallies.treated["therapist_id"].nunique()) if all_treated else 0

    @property
    def patients_return(self) -> bool:
        """Whether patients are named and so many courses are of some seen before."""
        return not self.tallies.unnamed and bool(many_return(self.n_courses, self.tallies.patients))

    @property
    def n_treated(self) -> int:
        """Courses that have a therapist recorded."""
        return int(self.tallies.treated["n"].sum())

    def treating(self, groups: pd.Series[Any] | None = None) -> Any:
        """Return the `effective_number` of therapists of all courses, or of each group named."""
        treated = self.tallies.treated.assign(all="all")
        keys = ["all" if groups is None else self.group, "therapist_id"]
        found = effective_number(treated.groupby(keys, observed=True)["n"].sum())
        return found.item() if groups is None else found.reindex(groups).to_numpy()

    def one_therapist_each(self, group: str) -> bool:
        """Whether several groups have one therapist each, so that nobody can tell the two apart."""
        by_group = self.tallies.treated.groupby(group, observed=True)["therapist_id"].nunique()
        return len(by_group) > 1 and bool(by_group.max() == 1 < self.n_therapists)

    @property
    def own_share(self) -> float:
        """Share of scores at visits of the course's own therapist; 1 where none is recorded."""
        return self.tallies.own / self.tallies.named if self.tallies.named else 1.0

    def of_courses(self, *, of_visits: bool = False) -> CourseFrame:
        """Return the frame whose rows name the therapist of the course, not of each visit.

        Improvement adds up over a course: little of a score is of who stood in at its visit. With
        `of_visits` only a visit without a name gets that of its course.
        """
        if not self.n_treated:
            return self

        def renamed(rows: pd.DataFrame) -> pd.DataFrame:
            who = rows["therapist_id"]
            own = rows["episode_id"].map(therapist_of_most(rows)).astype(who.dtype)
            return rows.assign(therapist_id=who.fillna(own) if of_visits else own)

        found = self.counted_alike(rows=each(self.rows, renamed))
        vars(found)["tallies"] = replace(self.tallies, own=self.tallies.named)
        return found

    def counted_alike(self, **changes: Any) -> CourseFrame:
        """Return the frame with something changed that changes no count."""
        found = replace(self, **changes)
        vars(found)["tallies"] = self.tallies
        return found

    @cached_property
    def seen(self) -> pd.Series[int]:
        """Courses with a score by time and group, in sorted order; without groups all are one."""
        seen = self.tallies.seen
        group = seen[self.group] if self.group else pd.Series("all", seen.index)
        return seen.groupby([self.axis, group.rename("group")], observed=True)["n"].sum()

    @property
    def seen_at_horizon(self) -> pd.Series[int]:
        """Courses with a score at the horizon, by group."""
        seen = self.seen
        return seen[seen.index.get_level_values(0) == self.horizon].droplevel(0)

    @cached_property
    def groups(self) -> dict[str, int]:
        """Courses by group, in sorted order; one group ``all`` where there are no groups."""
        if not self.group:
            return {"all": self.n_courses}
        counted = self.tallies.courses.groupby(self.group, observed=True)["n"].sum()
        return {str(name): int(count) for name, count in counted.items()}

    @property
    def typical_size(self) -> float:
        """Scores after baseline that the median course has."""
        return median_of(self.tallies.sizes)

    @property
    def n_times(self) -> int:
        """Distinct times."""
        return int(self.tallies.seen[self.axis].nunique())

    @property
    def few_times(self) -> bool:
        """Whether there are so few times that each has a mean of its own."""
        return self.n_times <= FEW_TIMES

    @property
    def time_term(self) -> str:
        """Time in a model's formula: a mean for each of few times, else a natural spline."""
        few = f"C({self.axis})" if self.n_times > 1 else "1"
        return few if self.few_times else f"cr({self.axis}, df=3, constraints='center')"

    def over_time(self, term: str) -> str:
        """Return a term of a formula with its change over time; time alone without one."""
        time = self.time_term
        return " * ".join(part for part in (term, time) if part and (part != "1" or not term))


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
    rows, left_out = found.rows, dict(found.left_out)
    if isinstance(rows, Pieces) and len(rows) <= MANY_ROWS:
        rows = rows.together()
    axis, rows = _on_axis(rows, due, window)
    counts = counted(rows, partial(_with_a_time, axis))
    left_out["not at the start of a visit"] = counts["elsewhere"]
    left_out["outside the windows of weeks, or not the nearest in one"] = counts["outside"]
    left_out[f"no {axis.replace('_', ' ')}"] = counts["untimed"]
    out = counts["elsewhere"] + counts["outside"] + counts["untimed"]
    rows = each(rows, partial(_kept, axis), len(rows) - out) if out else rows
    started = baselines(study, instrument)["episode_id"].nunique()
    left_out["course without a later score that counts"] = started - counts["courses"]
    group = next((name for name in ("arm", "condition") if len(counts[name]) > 1), "")
    if group:
        change, several = _pooling(counts[group], group, counts["courses"])
        rows, group = each(rows, change), group if several else ""  # all of them were small
    whole = CourseFrame(rows, axis, group, (), float("nan"), left_out)
    times, horizon = _times(whole)
    if at is not None:
        horizon = at if at in times else float("nan")
    return whole.counted_alike(times=times, horizon=horizon)


def within_groups(rows: pd.DataFrame, of: str, group: str) -> int:
    """Count the differences between levels of a column that no difference of groups can be."""
    pairs = rows[[of, group]].astype(str).drop_duplicates()
    return int(np.linalg.matrix_rank(pd.get_dummies(pairs, dtype=float))) - pairs[group].nunique()


def many_return(courses: Any, patients: Any) -> Any:
    """Whether so many courses are of patients seen before that those of one are alike in part.

    Taken as independent, 95 % intervals of the mean change held the truth in 32 of 40 simulated
    studies of 12 courses of four patients, and with patients alike in level alone in 35 of 40 of
    30 courses of ten; alike in level and slope it is 37 and 38.
    """
    return courses - patients >= np.clip(courses / 10, LEAST_REPEATS, MOST_REPEATS)


def a_tenth_return(courses: Any, patients: Any) -> Any:
    """Whether a tenth of all courses are of patients seen before: fewer move no mean by their gain.

    Where every tenth course is the second of a patient and their gains correlate by a half, the
    variance of a mean is 1 + 2 x 0.1 x 0.5 times as large, its error 5 % larger; the level that
    patients share has part of that, and a slope takes the fit two to three times as long. With
    level alone intervals held the truth in 76 of 80 simulated studies of 200 courses, 19 of them of
    patients seen before.
    """
    return courses - patients >= courses / 10


def _on_axis(rows: Any, due: tuple[float, ...], window: float | None) -> tuple[Axis, Any]:
    """Return the axis of time, and rows that have a place on it; windows need all rows at once.

    Scores of arms, and those of a plan with weeks, belong to the weeks at which they were due; so
    do others where most were taken on days that fewer than 11 courses share.
    """
    found = counted(rows, _placed)
    weeks, counts = found["weeks"], found["counts"]
    arms = (len(found["arms"]) > 1 or due) and weeks.sum() >= MOST_DATED * len(rows)
    visited = len(counts) > 1 and found["known"] > 0.5 * len(rows)
    if not arms and not found["repeated"]:
        return _one_time(rows, weeks, counts)
    if not arms and visited:
        return "session_count", rows
    if arms or weeks[weeks >= LEAST_COURSES].sum() < 0.5 * weeks.sum():
        rows = rows.together() if isinstance(rows, Pieces) else rows
        rows = rows.assign(week=planned_weeks(rows, due, window))
    return "week", rows


def _one_time(rows: Any, weeks: pd.Series[int], counts: pd.Series[int]) -> tuple[Axis, Any]:
    """Return rows of which each course has one as of one time, the median.

    How well those do who were last seen after so many visits is no course of improvement: they
    stopped then.
    """
    axis: Axis = "week" if weeks.sum() >= counts.sum() else "session_count"
    times = weeks if axis == "week" else counts
    if not (times.index != 0).any():
        return axis, rows
    middle = max(float(round(median_of(times))), 1.0)
    return axis, each(rows, lambda piece: piece.assign(**{
        axis: piece[axis].mask(piece[axis].notna(), middle)}))  # fmt: skip


def _placed(rows: pd.DataFrame) -> dict[str, Any]:
    known = rows["session_count"].notna() & rows["session"].notna()
    return {"known": int(known.sum()), "repeated": int(rows["episode_id"].duplicated().sum()),
            "counts": having(rows["session_count"]), "arms": having(rows["arm"]),
            "weeks": having(rows["week"])}  # fmt: skip


def _with_a_time(axis: Axis, rows: pd.DataFrame) -> dict[str, Any]:
    """Count rows without a time, on the axis of visits those after the last, and kept courses."""
    elsewhere = rows["session"].isna() & (axis == "session_count")
    untimed = rows[axis].isna() & ~elsewhere
    outside = untimed & rows["day"].notna() & (axis == "week")
    courses = _kept(axis, rows).drop_duplicates("episode_id")
    return {"elsewhere": int(elsewhere.sum()), "courses": len(courses),
            "outside": int(outside.sum()), "untimed": int((untimed & ~outside).sum()),
            **{name: having(courses[name]) for name in ("arm", "condition")}}  # fmt: skip


def _kept(axis: Axis, rows: pd.DataFrame) -> pd.DataFrame:
    known = rows[axis].notna()
    known &= rows["session"].notna() | (axis != "session_count")
    return rows if known.all() else rows[known].reset_index(drop=True)


def _pooling(
    courses: pd.Series[int], group: str, n: int
) -> tuple[Callable[[pd.DataFrame], pd.DataFrame], bool]:
    """Return what names the groups of rows, and whether these are several.

    Conditions with fewer than 11 courses are pooled; a course without a group is named so. Where
    letters have another order than people, 10 before 2, levels have that of people.
    """
    sizes = courses.groupby(courses.index.astype(str)).sum()
    if sizes.sum() < n:
        sizes[NOT_RECORDED] = sizes.get(NOT_RECORDED, 0) + n - sizes.sum()
    small = (sizes < LEAST_COURSES) & (group == "condition")
    names = pd.Series(sizes.index, sizes.index).mask(small, SMALL_GROUPS)
    levels = sorted(names.unique(), key=in_order)
    plain = levels == sorted(levels)

    def named(rows: pd.DataFrame) -> pd.DataFrame:
        number, found = pd.factorize(rows[group], use_na_sentinel=False)
        pooled = pd.Series(found, dtype=object).fillna(NOT_RECORDED).astype(str).map(names)
        if not plain or isinstance(rows[group].dtype, pd.CategoricalDtype):
            pooled = pooled.astype(pd.CategoricalDtype(levels))
        return rows.assign(**{group: pooled.iloc[number].set_axis(rows.index)})

    return named, len(levels) > 1


def effective_number(courses: pd.Series[int]) -> pd.Series[float]:
    """Return how many therapists with as many courses each tell as much as these do.

    Parameters
    ----------
    courses : Series of int
        Courses of each therapist; the first level of the index names the study or group.

    Notes
    -----
    The square of the sum over the sum of squares (Kish 1965, Survey Sampling, 11.7): of the
    variance of therapists a mean over courses has one part in so many. To one decimal: the whole
    number would tell that of the courses, of which a few are hidden (5.2364 is 24 * 24 / 110).

    Examples
    --------
    >>> effective_number(pd.Series({("all", "t1"): 8, ("all", "t2"): 1, ("all", "t3"): 1})).item()
    1.5
    """
    whole, squares = (own.groupby(level=0).sum() for own in (courses, courses**2))
    return (whole**2 / squares).round(1)


def raw_means(groups: Any) -> pd.DataFrame:
    """Return the mean improvement of groups of rows as they are, its error, and the courses."""
    found: pd.DataFrame = groups.agg(
        estimate=("improvement", "mean"),
        std_error=("improvement", "sem"),
        n_episodes=("episode_id", "nunique"),
    )
    return found


def _times(course: CourseFrame) -> tuple[tuple[float, ...], float]:
    """Return the times with enough courses, and the latest that half of the courses reach."""
    seen, last = course.seen.groupby(level=0).sum(), course.tallies.last
    enough = tuple(float(t) for t in seen.index[seen >= LEAST_COURSES] if t > 0)
    reached = [t for t in enough if last[last.index >= t].sum() >= 0.5 * course.n_courses]
    return enough, max(reached, default=float("nan"))


def times_of(rows: pd.DataFrame, axis: str) -> tuple[float, ...]:
    """Return the times after baseline at which 11 courses have a score."""
    seen = rows.groupby(axis)["episode_id"].nunique()
    return tuple(float(t) for t in seen.index[seen >= LEAST_COURSES] if t > 0)


def rows_said(course: CourseFrame, used: CourseFrame, method: str, *, means_of: bool) -> str:
    """Say what of rows and degrees of freedom a formula does not, so that anyone can fit it again.

    Parameters
    ----------
    course, used : CourseFrame
        Of the study, and as the question used it.
    method : str
        Its formula is the first in it.
    means_of : bool
        Whether `means` were read off the model.
    """
    formula = method.split("`")[1]
    hands = "| therapist_id" in formula
    notes = {"whose therapist": hands, "df of means": hands and means_of,
             "diluted": hands and means_of and course.own_share < MOSTLY_OWN,
             "as one": "condition" in formula and SMALL_GROUPS in used.groups}  # fmt: skip
    said = "".join(SAID[name] for name, holds in notes.items() if holds)
    return said.format(least=LEAST_COURSES) + _as_taken(course)


def _as_taken(course: CourseFrame) -> str:
    """Say in which weeks the scores of each time were taken, where these are several."""
    if course.axis != "week":
        return ""
    due = course.tallies.seen["week"].unique()
    taken = pd.Series(course.tallies.days.index / 7)
    near = due[np.abs(taken.to_numpy()[:, None] - due).argmin(axis=1)]
    spans = taken.groupby(near).agg(["min", "max"]).round()
    spans = spans[spans["min"] < spans["max"]]
    said = [f"{low:g} to {high:g} (counted as week {at:g})" for at, low, high in spans.itertuples()]
    return str(SAID["as taken"]).format(spans=listed(said)) if said else ""
