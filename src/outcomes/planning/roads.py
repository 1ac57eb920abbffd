"""The test of each question in many studies at once, where they are ordinary.

The rows, the model and the combination of its coefficients are those of the question; what the
answer says beside its test is left out. A study that is not ordinary (fewer therapists than vary, a
course with one score, fixed columns that determine each other) asks for the whole answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.interpolate import CubicSpline

from outcomes.causal.measurement_error import (
    answered_visits,
    last_visit,
    readings,
    severity_gap,
)
from outcomes.causal.visit_history import LEAST_EPISODES, PressureHistory, visit_history
from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.inference.testing import quantile, two_sided_p
from outcomes.mixed.types import Array
from outcomes.planning.batch import Studies
from outcomes.planning.repeated import Truth, asked_of, found_in
from outcomes.planning.side_by_side import searched
from outcomes.planning.stacked import (
    FINE,
    Fading,
    Stack,
    fading,
    independent,
    numbered,
    told,
    within,
)
from outcomes.planning.trials import trial_rows
from outcomes.questions.allowed_for_error import error_taken
from outcomes.questions.course_frame import FEW_TIMES, LEAST_COURSES, SMALL_GROUPS
from outcomes.questions.course_model import (
    LEAST_CLUSTERS,
    LEAST_FOR_SLOPE,
    LEAST_RANDOM,
    LEAST_REPEATS,
    MOST_DF,
)
from outcomes.questions.declared import Declared
from outcomes.questions.frequency import USUAL, often_rows
from outcomes.questions.pressure import USUAL as PRESSURE_USUAL
from outcomes.questions.pressure import last_visit_rows
from outcomes.questions.therapists import LEAST_EACH
from outcomes.study import Study
from outcomes.trajectory import trajectory

Rows = dict[int, dict[str, Any]]
"""Rows of the test by number of the study."""


def asked_of_all(
    studies: Studies, question: str, instrument: str, *, week: float | None = None,
    truth: Truth | None = None, declared: Declared | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return what each study finds, as `asked_of` does.

    Parameters
    ----------
    studies : Studies
    question, instrument, week, truth, declared
        As in `asked_of`.
    """
    rows = rows_of(studies, question, instrument, week, declared)

    @cache
    def true(*named: Any) -> float | None:
        return None if truth is None else truth(studies.together, pd.Series(dict(named)))

    about = ("arm", "week", "session_count")
    return [
        found_in(rows[k], true(*((name, rows[k][name]) for name in about if name in rows[k])))
        if k in rows
        else asked_of(
            studies.each(k), question, instrument, week=week, truth=truth, declared=declared
        )
        for k in range(int(studies.numbers.max()) + 1)
    ]


def rows_of(
    studies: Studies, question: str, instrument: str, week: float | None = None,
    declared: Declared | None = None,
) -> Rows:  # fmt: skip
    """Return the row of the test of each study that is ordinary; the others are not there.

    Parameters
    ----------
    studies : Studies
    question, instrument, week, declared
        As in `asked_of`.

    Returns
    -------
    dict of int to dict
        By number of the study: ``estimate, p_value`` and, where the answer has them, ``arm, week,
        session_count, std_error, df, conf_low, conf_high``.
    """
    study, at = studies.together, declared.time if declared else None
    special = declared and any(
        getattr(declared, name) for name in ("weeks", "window", "covariates", "unit")
    )
    if special or instrument not in study.scored_instruments():
        return {}
    if question == "trial":
        return trial_rows(study, studies.numbers, instrument, week, at)
    if at is not None:
        return {}
    measure = study.instrument(instrument)
    try:
        many = many_of(studies, instrument, at_visits=question == "frequency")
        found = ROADS[question](many, study, measure) if len(many.rows) else {}
    except np.linalg.LinAlgError:  # one of them is singular in the middle of its search
        return {}
    return {k: row for k, row in found.items() if week is None or row.get("week") == week}


def many_of(studies: Studies, instrument: str, *, at_visits: bool) -> Many:
    """Return the rows of the studies whose courses are followed from visit to visit."""
    rows = trajectory(studies.together, instrument).rows
    if at_visits:
        rows = often_rows(studies.together, instrument)
    rows = pd.DataFrame(rows).assign(study=studies.numbers.reindex(rows["episode_id"]).to_numpy())
    of = rows["study"]
    known = (rows["session_count"].notna() & rows["session"].notna()).groupby(of).mean() > 0.5
    known &= rows["session_count"].groupby(of).nunique() > 1
    known &= rows["arm"].groupby(of).nunique() <= 1
    there = rows["session"].notna() & rows["session_count"].notna() & of.map(known)
    return Many(rows[there], "session_count")


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
    axis: str

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

    @property
    def typical(self) -> Any:
        """Scores of the median course of each study."""
        sizes = self.rows.groupby(["study", "episode_id"]).size()
        return sizes.groupby(level=0).median()

    def count(self, column: str) -> Any:
        """Count what differs in a column, by study."""
        return self.each(self.rows[column]).nunique()

    @property
    def varied(self) -> Any:
        """Studies whose therapists vary in a model of a mean."""
        return self.each(self.rows["therapist_id"].notna()).all() & (
            self.count("therapist_id") >= LEAST_RANDOM
        )

    @property
    def repeats(self) -> Any:
        """Studies with so many courses of patients seen before that patients vary."""
        again = self.count("episode_id") - self.count("patient_id") >= LEAST_REPEATS
        return self.each(self.rows["patient_id"].notna()).all() & again

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

    def codes(self, column: str) -> Any:
        """Return numbers for the words of a column."""
        return pd.factorize(self.rows[column])[0]

    def arrays(
        self, X: Array, *, slope: bool, patient: bool, therapist: bool, serial: bool
    ) -> tuple[Stack, Any]:
        """Return the rows as arrays, and which fixed columns of each study others determine."""
        study = numbered(self.rows["study"].to_numpy())
        course = numbered(study, self.codes("episode_id"))
        gap = self.rows["day"].groupby(course).diff().to_numpy() if serial else None
        who = numbered(study, self.codes("therapist_id"))
        X, dropped = independent(X, study)
        stack = Stack(
            study, course,
            numbered(study, self.codes("patient_id")) if patient else None,
            within(who, study) if therapist else None,
            self.rows[self.axis].to_numpy(float) if slope else None,
            X, self.rows["improvement"].to_numpy(float), gap,
        )  # fmt: skip
        return stack, dropped


@lru_cache(maxsize=4096)
def curve(times: tuple[float, ...]) -> Array:
    """Return the natural spline through four knots at each of the times, or one column a time."""
    x = np.array(times)
    if len(x) <= FEW_TIMES:
        return np.eye(FEW_TIMES)[: len(x)]
    knots = np.array([x[0], *np.percentile(x, [100 / 3, 200 / 3]), x[-1]])
    return np.asarray(CubicSpline(knots, np.eye(FEW_TIMES), bc_type="natural")(x))


def row_of(estimate: float, std_error: float, df: float, **more: Any) -> dict[str, Any]:
    """Return a row of a table with its interval."""
    half = float(quantile(np.array(df), 0.95)) * std_error
    return {
        **more, "estimate": estimate, "std_error": std_error, "df": df,
        "p_value": float(two_sided_p(np.array(estimate / std_error), np.array(df))),
        "conf_low": estimate - half, "conf_high": estimate + half,
    }  # fmt: skip


def how_much(many: Many, study: Study, measure: Instrument) -> Rows:  # noqa: ARG001
    """Mean improvement at the horizon."""
    many = many.keep(
        many.varied & (many.typical >= LEAST_FOR_SLOPE) & (many.count(many.axis) > FEW_TIMES)
        & (many.count("episode_id") >= LEAST_COURSES) & many.each(many.rows["day"].notna()).all()
        & ~many.each(many.rows.duplicated(["episode_id", "day"])).any()
    )  # fmt: skip
    found: Rows = {}
    for patient, kept in parted(many, many.repeats):
        horizon = horizons(kept)
        kept = kept.keep(horizon.notna())
        X = kept.times()
        stack, dropped = kept.arrays(X, slope=True, patient=patient, therapist=True, serial=True)
        names = kept.rows["study"].unique()
        at = horizon[names].to_numpy()
        first = pd.Series(kept.rows[kept.axis].to_numpy() == at[stack.study]).groupby(stack.study)
        weights = X[first.idxmax()]
        fit, ended = searched(stack.models())
        chosen, known, theta = fading(stack, fit)
        estimate, error, df = told(fit, stack.scale, weights)
        if chosen.any():
            own = np.flatnonzero(chosen)
            serial = Fading(stack.of(own), theta[own], FINE)
            for values, better in zip(
                (estimate, error, df), told(serial, stack.scale[own], weights[own]), strict=True
            ):
                values[own] = better
        number = kept.count("therapist_id")[names].to_numpy()
        df = np.where(number < LEAST_CLUSTERS, np.minimum(df, MOST_DF * (number - 1.0)), df)
        for i in np.flatnonzero(ended & known & ~dropped.any(axis=1)):
            found[int(names[i])] = row_of(estimate[i], error[i], df[i], **{kept.axis: at[i]})
    return found


def therapists(many: Many, study: Study, measure: Instrument) -> Rows:  # noqa: ARG001
    """Spread of therapists as a standard deviation, and the chance of its being zero."""
    group = groups(many)
    rows = many.rows.assign(group=group).dropna(subset=["therapist_id", "baseline"])
    many = Many(rows, many.axis)
    counts = rows.groupby(["study", "therapist_id"])["episode_id"].nunique()
    enough = (counts >= LEAST_EACH).groupby(level=0).sum() >= LEAST_CLUSTERS
    many = many.keep(enough & (many.typical > 1))
    if many.rows.empty:
        return {}
    X = np.column_stack([many.times(), many.dummies("group"), many.rows["baseline"]])
    stack, _ = many.arrays(X, slope=False, patient=False, therapist=True, serial=False)
    fit, ended = searched(stack.models())
    without, also = searched(replace(stack, therapist=None).models())
    ratio = np.maximum(0.0, without.deviance - fit.deviance)
    chance = np.where(ratio > 1e-6, 0.5 * stats.chi2.sf(ratio, 1), 1.0)
    names, spread = many.rows["study"].unique(), np.abs(fit.theta[:, -2]) * stack.scale
    return {
        int(names[i]): {"estimate": spread[i], "statistic": ratio[i], "p_value": chance[i]}
        for i in np.flatnonzero(ended & also)
    }


def groups(many: Many) -> pd.Series[str]:
    """Return the group of each row, small ones pooled in each study as in a `CourseFrame`."""
    rows = many.rows
    names = rows["condition"].astype(object).fillna("not recorded")
    courses = rows["episode_id"].groupby([rows["study"], names]).transform("nunique")
    return names.where(courses >= LEAST_COURSES, SMALL_GROUPS)


def frequency(many: Many, study: Study, measure: Instrument) -> Rows:  # noqa: ARG001
    """Scripts of more and fewer visits at equal weeks, error of the baseline allowed for."""
    rows = many.rows
    errors = {k: error_taken(measure, own).value for k, own in rows.groupby("study")}
    one_each = (
        many.each(rows["therapist_id"]).nunique().gt(1)
        & many.each(rows[USUAL].isin([0.0, 1.0])).all()
    )
    rows = rows[(rows["week"] > 0) & ~rows["study"].map(one_each)]
    seen = rows.groupby(["study", "week", "often"])["episode_id"].nunique().unstack()  # noqa: PD010
    both = seen[(seen.reindex(columns=["no", "yes"]).fillna(0) >= LEAST_COURSES).all(axis=1)]
    time = both.reset_index("week")["week"].groupby(level=0).max()
    many = Many(rows[rows["week"] <= rows["study"].map(time)], "week")
    many = many.keep(
        many.varied & (many.typical > 1) & many.each(many.rows["baseline"].notna()).all()
    )
    steep = (many.typical >= LEAST_FOR_SLOPE) & (many.count("week") > FEW_TIMES)
    found: Rows = {}
    for slope, some in parted(many, steep):
        for patient, kept in parted(some, some.repeats):
            found |= _frequency(kept, measure, time, errors, slope=slope, patient=patient)
    return found


def _frequency(
    many: Many, measure: Instrument, time: pd.Series[float], errors: Mapping[Any, float], *,
    slope: bool, patient: bool,
) -> Rows:  # fmt: skip
    rows = many.rows
    T, often = many.times(), (rows["often"] == "yes").to_numpy()[:, None]
    usual = rows[USUAL].where(rows["study"].map(many.count(USUAL)) > 1, 0.0).to_numpy()[:, None]
    week = rows[["week"]].to_numpy(float)
    beside = many.dummies("condition")
    X = np.column_stack([T, often * T, beside, usual, usual * week, rows["baseline"]])
    stack, dropped = many.arrays(X, slope=slope, patient=patient, therapist=True, serial=False)
    fit, ended = searched(stack.models())
    names = rows["study"].unique()
    weights, exact = np.zeros((len(names), X.shape[1])), np.zeros(X.shape[1])
    last = rows["week"].to_numpy() == time[rows["study"]].to_numpy()
    first = pd.Series(last).groupby(stack.study).idxmax()
    k = T.shape[1]
    weights[:, k : 2 * k], exact[-1] = T[first], 1.0
    gaps: dict[int, Any] = {}
    for i, (number, courses) in enumerate(rows.groupby("study")):
        courses = courses.drop_duplicates("episode_id")
        courses = courses.assign(exposed=(courses["often"] == "yes").astype(float))
        nothing = {"estimate": 0.0, "std_error": 0.0}
        gaps[i] = severity_gap(courses, errors[number]) if errors[number] else nothing
    able = np.array([gaps[i] is not None for i in range(len(names))])
    gap, error = (
        np.array([gaps[i][name] if able[i] else 0.0 for i in range(len(names))])
        for name in ("estimate", "std_error")
    )
    plain = told(fit, stack.scale, weights)
    estimate, within_error, df = told(fit, stack.scale, weights - gap[:, None] * exact)
    steepness = told(fit, stack.scale, exact)[0] + measure.sign
    whole = np.hypot(within_error, steepness * error)
    found: Rows = {}
    for i in np.flatnonzero(ended & ~dropped.any(axis=1) & able).tolist():
        first_row = row_of(plain[0][i], plain[1][i], plain[2][i])
        row = row_of(estimate[i] - gap[i] * measure.sign, whole[i], df[i], week=time[names[i]])
        found[int(names[i])] = both(first_row, row)
    return found


def pressure(many: Many, study: Study, measure: Instrument) -> Rows:
    """One level firmer at the last visit, error of the score allowed for."""
    many = Many(many.rows.assign(group=groups(many)), many.axis)
    number = many.rows.drop_duplicates("episode_id").set_index("episode_id")["study"]
    visits = visit_history(study, many.rows).dropna(subset=["pressure"])
    visits = visits[_supported(visits, visits["episode_id"].map(number))].reset_index(drop=True)
    rows = last_visit_rows(many.rows, PressureHistory(visits, visits, {}))
    many = Many(rows, many.axis)
    answered = answered_visits(visits, rows)
    answered = answered.dropna(subset=["score_earlier", "pressure_before"])
    then = answered[answered["score_next"].notna()]
    of_then = then["episode_id"].groupby(then["episode_id"].map(number)).nunique()
    many = many.keep(
        many.varied & (many.typical > 1) & (many.count("episode_id") >= LEAST_COURSES)
        & (many.count("pressure") >= 2) & (of_then >= LEAST_COURSES)
    )  # fmt: skip
    steep = (many.typical >= LEAST_FOR_SLOPE) & (many.count(many.axis) > FEW_TIMES)
    found: Rows = {}
    for slope, some in parted(many, steep):
        for patient, kept in parted(some, some.repeats):
            T, rows = kept.times(), kept.rows
            group = kept.dummies("group")
            by_time = [group[:, [j]] * T for j in range(group.shape[1])]
            facts = ["baseline", "score_before", "adapted", "age", PRESSURE_USUAL, "pressure"]
            facts = [
                rows[name].where(rows["study"].map(kept.count(name)) > 1, 0.0) for name in facts
            ]
            X = np.column_stack([T, *by_time, *facts])
            stack, dropped = kept.arrays(
                X, slope=slope, patient=patient, therapist=True, serial=False
            )
            fit, ended = searched(stack.models())
            names = rows["study"].unique()
            plain = told(fit, stack.scale, np.eye(X.shape[1])[-1])
            by_study = dict(list(answered.groupby(answered["episode_id"].map(number))))
            for i in np.flatnonzero(ended & ~dropped[:, -1]):
                allowed = last_visit(readings(by_study[names[i]], measure.sign))
                if np.isfinite(allowed["std_error"]):
                    found[int(names[i])] = both(row_of(*(x[i] for x in plain)), allowed)
    return found


def both(exact: dict[str, Any], allowed: dict[str, Any]) -> dict[str, Any]:
    """Return the row that allows for error, with the p-value of a finding, which needs both."""
    same = exact["estimate"] * allowed["estimate"] > 0
    return allowed | {"p_value": max(exact["p_value"], allowed["p_value"]) if same else 1.0}


def _supported(visits: pd.DataFrame, study: pd.Series[int]) -> pd.Series[bool]:
    """Return which visits are of courses kept by `pressure_history`, study by study."""
    keys = [study, visits["adapted"]]
    courses = visits["episode_id"].groupby([*keys, visits["pressure"]]).transform("nunique")
    level = visits["pressure"].where(courses >= LEAST_EPISODES)
    good = level.notna() & (level.groupby(keys).transform("nunique") >= 2)
    return good.groupby(visits["episode_id"]).transform("all")


def parted(many: Many, by: pd.Series[bool]) -> Any:
    """Yield each value of what differs between studies, with the rows of its studies."""
    for value in sorted(by[many.rows["study"].unique()].unique()):
        yield bool(value), many.keep(by == value)


def horizons(many: Many) -> pd.Series[float]:
    """Latest time of each study that half of its courses reach and ten have a score at."""
    rows, axis = many.rows, many.axis
    last = rows.groupby(["study", "episode_id"])[axis].max()
    seen = rows.groupby(["study", axis])["episode_id"].nunique()
    seen = seen[seen >= LEAST_COURSES]
    found = {}
    for study, times in seen.groupby(level=0):
        own = last[study].to_numpy()
        reached = [t for t in times.index.get_level_values(1) if t > 0 and (own >= t).mean() >= 0.5]
        found[study] = max(reached, default=np.nan)
    return pd.Series(found).reindex(rows["study"].unique())


ROADS: Mapping[str, Callable[[Many, Study, Instrument], Rows]] = MappingProxyType(
    {"how-much": how_much, "pressure": pressure, "frequency": frequency, "therapists": therapists}
)
