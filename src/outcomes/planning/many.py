"""Rows of a trajectory of many studies, and the model of each, fitted together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import scipy

from outcomes.mixed.types import Array
from outcomes.planning.side_by_side import Fit, searched
from outcomes.planning.stacked import Stack, estimated, independent, numbered, within
from outcomes.questions.course_frame import (
    FEW_TIMES,
    LEAST_COURSES,
    SMALL_GROUPS,
    a_tenth_return,
    effective_number,
    many_return,
)
from outcomes.questions.course_model import LEAST_FOR_SLOPE, LEAST_RANDOM
from outcomes.records import therapist_of_most


@lru_cache(maxsize=4096)
def curve(times: tuple[float, ...]) -> Array:
    """Return the natural spline through four knots at each of the times, or one column a time."""
    x = np.array(times)
    if len(x) <= FEW_TIMES:
        return np.eye(FEW_TIMES)[: len(x)]
    knots = np.array([x[0], *np.percentile(x, [100 / 3, 200 / 3]), x[-1]])
    return np.asarray(scipy.interpolate.CubicSpline(knots, np.eye(FEW_TIMES), bc_type="natural")(x))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Studies of one layout and their fits.

    Parameters
    ----------
    many : Many
        Their rows.
    names : array of int, shape (studies,)
        Their numbers.
    stack : Stack
    fit : Fit
    ended : array of bool, shape (studies,)
        Whether the fit is an optimum.
    dropped : array of bool, shape (studies, p)
        Fixed columns that others determine.
    """

    many: Many
    names: Any
    stack: Stack
    fit: Fit
    ended: Any
    dropped: Any

    def first(self, at: pd.Series[float]) -> Any:
        """Return a row of each study at its time."""
        there = self.many.rows[self.many.axis].to_numpy() == at[self.many.rows["study"]].to_numpy()
        return pd.Series(there).groupby(self.stack.study).idxmax()

    def told(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return estimates of a combination a study, their errors and degrees of freedom."""
        return estimated(self.fit, self.stack.scale, weights)


@dataclass(frozen=True, eq=False)
class Many:
    """Rows of a trajectory of many studies.

    Parameters
    ----------
    rows : DataFrame
        With ``study``, its number; ids are of one study each.
    axis : str
        Of time.
    """

    rows: pd.DataFrame
    axis: str = "session_count"

    def __post_init__(self) -> None:
        """Put the rows in order."""
        order = ["study", "episode_id", "day"]
        rows = self.rows.sort_values(order, kind="stable", ignore_index=True)
        object.__setattr__(self, "rows", rows)

    def keep(self, fits: Any) -> Many:
        """Return the rows of studies that fit, by number of the study."""
        return Many(self.rows[self.rows["study"].map(fits).to_numpy(bool)], self.axis)

    def each(self, of: Any) -> Any:
        """Group values by study."""
        return pd.Series(of, self.rows.index).groupby(self.rows["study"])

    def count(self, column: str) -> Any:
        """Count what differs in a column, by study."""
        return self.each(self.rows[column]).nunique()

    def all_known(self, column: str) -> Any:
        """Tell whether a column has no gap, by study."""
        return self.each(self.rows[column].notna()).all()

    def of_courses(self) -> Many:
        """Return rows that name the therapist of the course, as those of a `CourseFrame` do."""
        known = self.rows["study"].map(self.all_known("therapist_id")).to_numpy(bool)
        own = self.rows["episode_id"].map(therapist_of_most(self.rows[known]))
        who = self.rows["therapist_id"].astype(object).mask(known, own)
        return Many(self.rows.assign(therapist_id=who), self.axis)

    @property
    def treating(self) -> Any:
        """Effective number of therapists of each study, by their courses."""
        courses = self.rows.drop_duplicates("episode_id")
        return effective_number(courses.groupby(["study", "therapist_id"]).size())

    @property
    def typical(self) -> Any:
        """Scores of the median course of each study."""
        return self.rows.groupby(["study", "episode_id"]).size().groupby(level=0).median()

    @property
    def ordinary(self) -> Any:
        """Studies whose therapists vary in a model of a mean, and whose courses have scores."""
        of_courses = self.of_courses().count("therapist_id")
        varied = self.all_known("therapist_id") & (of_courses >= LEAST_RANDOM)
        return varied & (self.typical > 1) & self.all_known("baseline")

    def times(self) -> Array:
        """Return a column for each place on a curve of time, those of the answer's formula."""
        x, found = self.rows[self.axis].to_numpy(float), np.zeros((len(self.rows), FEW_TIMES))
        for rows in self.rows.groupby("study").indices.values():
            values, own = np.unique(x[rows], return_inverse=True)
            found[rows] = curve(tuple(values))[own]
        return found

    def dummies(self, column: str) -> Array:
        """Return a column for each word but the most frequent of each study."""
        words = pd.get_dummies(self.rows[column].astype(str))
        usual = words.groupby(self.rows["study"]).transform("sum").to_numpy().argmax(axis=1)
        found = words.to_numpy(float)
        return np.asarray(found * (np.arange(found.shape[1]) != usual[:, None]))

    def varying(self, column: str) -> Array:
        """Return a column of numbers, zero in studies in which it does not vary."""
        values = self.rows[column].astype(float)
        return values.where(self.rows["study"].map(self.count(column)) > 1, 0.0).to_numpy()[:, None]

    def horizon(self) -> pd.Series[float]:
        """Latest time that half of a study's courses reach and ten have a score at; NaN if none."""
        last = self.rows.groupby(["study", "episode_id"])[self.axis].max()
        seen = self.rows.groupby(["study", self.axis])["episode_id"].nunique()
        found = dict.fromkeys(self.rows["study"].unique(), np.nan)
        for study, time in seen[seen >= LEAST_COURSES].index:
            if time > 0 and (last[study] >= time).mean() >= 0.5:
                found[study] = time
        return pd.Series(found)

    def groups(self) -> pd.Series[str]:
        """Return the group of each row, small ones pooled in each study as in a `CourseFrame`."""
        names = self.rows["condition"].astype(object).fillna("not recorded")
        courses = self.rows["episode_id"].groupby([self.rows["study"], names]).transform("nunique")
        return names.where(courses >= LEAST_COURSES, SMALL_GROUPS)

    @property
    def patients_return(self) -> Any:
        """Whether so many courses of a study are of patients seen before."""
        again = many_return(self.count("episode_id"), self.count("patient_id"))
        return again & self.all_known("patient_id")

    @property
    def alike(self) -> Any:
        """What courses of a patient share in a study: nothing, their level, or slope as well."""
        tenth = a_tenth_return(self.count("episode_id"), self.count("patient_id"))
        return self.patients_return.astype(int) + (self.patients_return & tenth)

    def arrays(self, X: Array, *, slope: bool, alike: int, serial: bool) -> tuple[Stack, Any]:
        """Return the rows as arrays, and which fixed columns of each study others determine."""
        study = numbered(self.rows["study"].to_numpy())
        course, own, who = (
            numbered(study, pd.factorize(self.rows[name])[0])
            for name in ("episode_id", "patient_id", "therapist_id")
        )
        X, dropped = independent(X, study)
        stack = Stack(
            study, course, own if alike else None, within(who, study),
            self.rows[self.axis].to_numpy(float) if slope else None, X,
            self.rows["improvement"].to_numpy(float),
            self.rows["day"].groupby(course).diff().to_numpy() if serial else None, alike,
        )  # fmt: skip
        return stack, dropped

    def fits(self, columns: Callable[[Many], Array], *, serial: bool = False) -> Iterator[Fitted]:
        """Fit the model of `course_formula` with further columns, studies of one layout together.

        Parameters
        ----------
        columns : callable
            Returns the fixed columns of some studies.
        serial : bool
            Whether rows keep the days between scores.
        """
        alike = self.alike
        steep = (self.typical >= LEAST_FOR_SLOPE) & (self.count(self.axis) > FEW_TIMES)
        for layout in sorted(set(zip(steep, alike, strict=True))):
            many = self.keep((steep == layout[0]) & (alike == layout[1]))
            stack, dropped = many.arrays(
                columns(many), slope=layout[0], alike=layout[1], serial=serial
            )
            fit, ended = searched(stack.models())
            yield Fitted(many, many.rows["study"].unique(), stack, fit, ended, dropped)
