"""The test of each question in many studies at once, where they are ordinary.

The rows, the model and the combination of its coefficients are those of the question; what the
answer says beside its test is left out. A study that is not ordinary (fewer therapists than vary, a
course with one score, fixed columns that determine each other) asks for the whole answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from outcomes.causal.jackknife import interval_row
from outcomes.causal.measurement_error import (
    answered_visits,
    both_readings,
    less_clear,
    severity_gap,
)
from outcomes.causal.visit_history import PressureHistory, support, visit_history
from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.types import Array
from outcomes.planning.batch import Studies
from outcomes.planning.many import Fitted, Many
from outcomes.planning.repeated import Wanted, asked_of, found_in
from outcomes.planning.side_by_side import searched
from outcomes.planning.stacked import FINE, Fading, estimated, fading
from outcomes.planning.trials import trial_rows
from outcomes.questions.allowed_for_error import error_taken, spanning
from outcomes.questions.course_frame import FEW_TIMES, LEAST_COURSES, MOSTLY_OWN
from outcomes.questions.course_model import LEAST_CLUSTERS, LEAST_FOR_SLOPE, df_of_mean
from outcomes.questions.frequency import USUAL, often_rows
from outcomes.questions.pressure import USUAL as PRESSURE_USUAL
from outcomes.questions.pressure import last_visit_rows
from outcomes.study import Study
from outcomes.trajectory import trajectory

Rows = dict[int, dict[str, Any]]
"""Rows of the test by number of the study."""


def asked_of_all(studies: Studies, wanted: Wanted) -> list[dict[str, Any]]:
    """Return what each study finds, as `asked_of` does."""
    rows = rows_of(studies, wanted)

    @cache
    def true(*named: Any) -> float | None:
        row = pd.Series(dict(named))
        return None if wanted.truth is None else wanted.truth(studies.together, row)

    about = ("arm", "week", "session_count", "horizon")
    return [
        found_in(rows[k], true(*((name, rows[k][name]) for name in about if name in rows[k])))
        if k in rows
        else asked_of(studies.each(k), wanted)
        for k in range(int(studies.numbers.max()) + 1)
    ]


def rows_of(studies: Studies, wanted: Wanted) -> Rows:
    """Return the row of the test of each study that is ordinary; the others are not there.

    Returns
    -------
    dict of int to dict
        By number of the study: ``estimate, p_value`` and, where the answer has them, ``arm, week,
        session_count, horizon, std_error, df, conf_low, conf_high``.
    """
    study, question, declared = studies.together, wanted.question, wanted.declared
    special = declared and (declared.weeks or declared.window or declared.covariates)
    if special or wanted.instrument not in study.scored_instruments():
        return {}
    if question == "trial":
        return trial_rows(study, studies.numbers, wanted)
    if question not in ROADS or (declared and declared.time is not None):
        return {}
    measure, week = study.instrument(wanted.instrument), wanted.week
    many = many_of(studies, wanted.instrument, at_visits=question == "frequency")
    found = ROADS[question](many, study, measure) if len(many.rows) else {}
    return {k: row for k, row in found.items() if week is None or row.get("week") == week}


def many_of(studies: Studies, instrument: str, *, at_visits: bool) -> Many:
    """Return the rows of the studies whose courses are followed from visit to visit."""
    rows = trajectory(studies.together, instrument).rows
    if at_visits:
        rows = often_rows(studies.together, instrument)
    rows = pd.DataFrame(rows).assign(study=studies.numbers.reindex(rows["episode_id"]).to_numpy())
    there = rows["session"].notna() & (rows["session_count"].notna() | at_visits)
    known = there.groupby(rows["study"]).mean() > 0.5
    of = rows.groupby("study")
    known &= (of["session_count"].nunique() > 1) & (of["arm"].nunique() <= 1)
    return Many(rows[there & rows["study"].map(known)])


def how_much(many: Many, study: Study, measure: Instrument) -> Rows:  # noqa: ARG001
    """Mean improvement at the horizon."""
    horizon, gave = many.horizon(), many.rows["therapist_id"]
    many = many.of_courses()
    mostly = many.each(many.rows["therapist_id"] == gave).mean() >= MOSTLY_OWN
    many = many.keep(
        many.ordinary & (many.typical >= LEAST_FOR_SLOPE) & (many.count(many.axis) > FEW_TIMES)
        & many.all_known("day") & horizon.notna() & mostly
        & ~many.each(many.rows.duplicated(["episode_id", "day"])).any()
    )  # fmt: skip
    found: Rows = {}
    for own in many.fits(Many.times, serial=True):
        weights = own.stack.X[own.first(horizon)]
        estimate, error, df, known = _serial(own, weights)
        number = own.many.treating[own.names].to_numpy()
        df = df_of_mean(df, number, number)
        for i in np.flatnonzero(own.ended & known & ~own.dropped.any(axis=1)):
            at = {many.axis: horizon[own.names[i]]}
            found[int(own.names[i])] = interval_row(estimate[i], error[i], df[i], **at)
    return found


def _serial(own: Fitted, weights: Array) -> tuple[Array, Array, Array, Any]:
    """Return estimates, errors and df, of the model with a serial correlation where it is better.

    The last tells where that is beyond doubt.
    """
    chosen, known, theta = fading(own.stack, own.fit)
    found, better = own.told(weights), np.flatnonzero(chosen)
    if len(better):
        point = Fading(own.stack.of(better), theta[better], FINE)
        others = estimated(point, own.stack.scale[better], weights[better])
        for values, new in zip(found, others, strict=True):
            values[better] = new
    return *found, known


def therapists(many: Many, study: Study, measure: Instrument) -> Rows:  # noqa: ARG001
    """Spread of therapists as a standard deviation, and the chance of its being zero."""
    many = many.of_courses()
    rows = many.rows.assign(group=many.groups()).dropna(subset=["therapist_id", "baseline"])
    many = Many(rows)
    counts = rows.groupby(["study", "therapist_id"])["episode_id"].nunique()
    enough = (counts >= LEAST_COURSES).groupby(level=0).sum() >= LEAST_CLUSTERS
    many = many.keep(enough & (many.typical > 1))
    parts = [(many.keep(many.patients_return == again), again) for again in (False, True)]
    return {k: v for own, again in parts if len(own.rows) for k, v in _spreads(own, again).items()}


def _spreads(many: Many, again: bool) -> Rows:
    X = np.column_stack([many.times(), many.dummies("group"), many.rows["baseline"]])
    stack, _ = many.arrays(X, slope=False, alike=int(again), serial=False)
    fit, ended = searched(stack.models())
    without, also = searched(replace(stack, therapist=None).models())
    ratio = np.maximum(0.0, without.deviance - fit.deviance)
    chance = np.where(ratio > 1e-6, 0.5 * chdtrc(1, ratio), 1.0)
    names, spread = many.rows["study"].unique(), np.abs(fit.theta[:, -2]) * stack.scale
    return {
        int(names[i]): {"estimate": spread[i], "statistic": ratio[i], "p_value": chance[i]}
        for i in np.flatnonzero(ended & also)
    }


def frequency(many: Many, study: Study, measure: Instrument) -> Rows:  # noqa: ARG001
    """Scripts of more and fewer visits at equal weeks, error of the baseline allowed for."""
    rows = many.rows
    errors = {k: error_taken(measure, own).value for k, own in rows.groupby("study")}
    one_each = (many.count("therapist_id") > 1) & many.each(rows[USUAL].isin([0.0, 1.0])).all()
    rows = rows[(rows["week"] > 0) & ~rows["study"].map(one_each)]
    seen = rows.groupby(["study", "week", "often"])["episode_id"].nunique().unstack()  # noqa: PD010
    both = seen[(seen.reindex(columns=["no", "yes"]).fillna(0) >= LEAST_COURSES).all(axis=1)]
    time = both.reset_index("week")["week"].groupby(level=0).max()
    many = Many(rows[rows["week"] <= rows["study"].map(time)], "week")
    found: Rows = {}
    for own in many.keep(many.ordinary).fits(_often_columns):
        found |= _frequency(own, measure, time, errors)
    return found


def _often_columns(many: Many) -> Array:
    time, often = many.times(), (many.rows["often"] == "yes").to_numpy()[:, None]
    usual = many.varying(USUAL)
    beside = [usual, usual * many.rows[["week"]].to_numpy(float), many.rows["baseline"]]
    return np.column_stack([often * time, time, many.dummies("condition"), *beside])


def _frequency(
    own: Fitted, measure: Instrument, time: pd.Series[float], errors: Mapping[Any, float]
) -> Rows:
    rows, k, found = own.many.rows, FEW_TIMES, {}
    weights = own.stack.X[own.first(time)]
    weights[:, :k], weights[:, k:] = weights[:, k : 2 * k], 0.0
    exact = np.eye(weights.shape[1])[-1]
    gaps = [_gap(courses, errors[number]) for number, courses in rows.groupby("study")]
    gap, gap_error = np.array([one or (0.0, 0.0) for one in gaps]).T
    plain = own.told(weights)
    estimate, error, df = own.told(weights - gap[:, None] * exact)
    error = np.hypot(error, (own.told(exact)[0] + measure.sign) * gap_error)
    able = own.ended & ~own.dropped.any(axis=1) & np.array([one is not None for one in gaps])
    for i in np.flatnonzero(able):
        allowed = interval_row(
            estimate[i] - gap[i] * measure.sign, error[i], df[i], week=time[own.names[i]]
        )
        first = interval_row(*(part[i] for part in plain))
        found[int(own.names[i])] = _both(first, spanning(first, allowed))
    return found


def _gap(rows: pd.DataFrame, error: float) -> tuple[float, float] | None:
    """Return the gap in severity with its error; None where it cannot be told."""
    if not error:
        return 0.0, 0.0
    courses = rows.drop_duplicates("episode_id")
    found = severity_gap(courses.assign(exposed=(courses["often"] == "yes").astype(float)), error)
    return None if found is None else (found["estimate"], found["std_error"])


def pressure(many: Many, study: Study, measure: Instrument) -> Rows:
    """One level firmer at the last visit, error of the score allowed for."""
    many, horizon = Many(many.rows.assign(group=many.groups())), many.horizon()
    number = many.rows.drop_duplicates("episode_id").set_index("episode_id")["study"]
    visits = visit_history(study, many.rows).dropna(subset=["pressure"])
    compared, seen = support(visits, visits["episode_id"].map(number))
    kept = (compared & seen).groupby(visits["episode_id"]).transform("all")
    visits = visits[kept].reset_index(drop=True)
    rows = last_visit_rows(many.rows, PressureHistory(visits, visits, {}))
    many, answered = Many(rows), answered_visits(visits, rows)
    answered = answered.dropna(subset=["score_earlier", "pressure_before"])
    then = answered[answered["score_next"].notna()]
    of_then = then["episode_id"].groupby(then["episode_id"].map(number)).nunique()
    many = many.keep(
        many.ordinary & (many.count("episode_id") >= LEAST_COURSES)
        & (many.count("pressure") >= 2) & (of_then >= LEAST_COURSES)
    )  # fmt: skip
    by_study, found = dict(list(answered.groupby(answered["episode_id"].map(number)))), {}
    for own in many.fits(_pressure_columns):
        plain = own.told(np.eye(own.stack.X.shape[1])[-1])
        for i in np.flatnonzero(own.ended & ~own.dropped[:, -1]):
            allowed = less_clear(both_readings(by_study[own.names[i]], measure.sign))
            if np.isfinite(allowed["std_error"]):
                allowed["horizon"] = horizon[own.names[i]]
                first = interval_row(*(part[i] for part in plain))
                found[int(own.names[i])] = _both(first, allowed)
    return found


def _pressure_columns(many: Many) -> Array:
    time, group = many.times(), many.dummies("group")
    names = ("baseline", "score_before", "adapted", "age", PRESSURE_USUAL, "pressure")
    by_time = [group[:, [j]] * time for j in range(group.shape[1])]
    return np.column_stack([time, *by_time, *map(many.varying, names)])


def _both(exact: dict[str, Any], allowed: dict[str, Any]) -> dict[str, Any]:
    """Return the row that allows for error, with the p-value of a finding, which needs both."""
    same = exact["estimate"] * allowed["estimate"] > 0
    return allowed | {"p_both": max(exact["p_value"], allowed["p_value"]) if same else 1.0}


ROADS: Mapping[str, Callable[[Many, Study, Instrument], Rows]] = MappingProxyType(
    {"how-much": how_much, "pressure": pressure, "frequency": frequency, "therapists": therapists}
)
