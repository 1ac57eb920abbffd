"""Does deeper pressure work better? Overlap first, then exposure before the score."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import pandas as pd

from outcomes.causal.g_formula import forward_rows, g_formula
from outcomes.causal.marginal_model import weighted_slope, with_weights
from outcomes.causal.pressure_history import LEAST_EPISODES, PressureHistory, pressure_history
from outcomes.causal.weights import Weights, stabilised_weights
from outcomes.dictionary.instruments import Instrument
from outcomes.errors import FitError, OutcomesWarning
from outcomes.mixed.results import MixedFit
from outcomes.privacy.text import Count, Text, joined
from outcomes.questions.contrasts import estimates
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import fit_course
from outcomes.questions.picture import Picture, forest
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.questions.wording import decimals, interval, scale, turned

SEEN = ("baseline", "score_before")
LEAST_EFFECTIVE = 0.5
"""Weights that leave less than this share of the visits' information are not relied on."""
MEAN_WITHIN = 0.1
"""How far the mean of the weights may be from 1."""


@dataclass(frozen=True, eq=False)
class _Sustained:
    """Rows of the sustained estimators, and what the weights looked like."""

    table: pd.DataFrame
    check: Check


def pressure(asked: Asked) -> Found | Missing:
    """Relate pressure before a score to improvement, where pressures overlap.

    Parameters
    ----------
    asked : Asked
        The question; its seed is of the resampling behind the g-formula's interval.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``last visit`` (the answer, per level), ``curvature`` (per squared
        level, below zero where medium pressure did better), ``within`` and ``between`` courses,
        ``marginal structural model`` and ``g-formula`` (sustained, per level), and ``overlap``
        (counts by level). Missing without pressure, or with fewer than two levels in ten courses
        each.
    """
    course = asked.course
    if not asked.study.recorded("sessions", "pressure"):
        reason = "pressure was never recorded. Record the Walton level (0 to 5) of each visit."
        return Missing(reason, course=course)
    history = pressure_history(asked.study, course.rows)
    rows = last_visit_rows(course.rows, history)
    lost = int(course.rows["episode_id"].isin(history.episodes).sum()) - len(rows)
    problem = no_support(history, rows)
    if problem:
        return Missing(problem, _overlap_rows(history), course=course)
    left_out = {**history.left_out, "no score at the start of the visit before": lost}
    course = replace(course, rows=rows)
    table, fit = _last_visit(course)
    if "last visit" not in set(table["kind"]):
        reason = f"pressure cannot be told from {', '.join(fit.estimates.terms[1:])} in these rows."
        return Missing(reason, course=course)
    sustained = _sustained(course, history, asked.measure, asked.seed)
    table = pd.concat([table, sustained.table, _overlap_rows(history)], ignore_index=True)
    return Found(
        table,
        _sentence(table, course, asked.measure),
        _method(fit.request.formula, course, history),
        _picture(table, asked.measure),
        checks=(
            _overlap_check(history),
            _terms_check(fit),
            _curvature_check(table),
            sustained.check,
        ),
        course=course,
        left_out=left_out,
    )


def last_visit_rows(rows: pd.DataFrame, history: PressureHistory) -> pd.DataFrame:
    """Return the first score after each visit whose own start was scored.

    Only there is known what was seen. A later score (a follow-up, or one after a visit without a
    score) stands beside a pressure that answered pain nobody recorded.

    Parameters
    ----------
    rows : DataFrame
        Rows of a `CourseFrame`.
    history : PressureHistory
        Their visits.

    Returns
    -------
    DataFrame
        The rows kept, with ``adapted`` and ``age``.
    """
    known = history.visits.loc[
        history.visits["scored"], ["episode_id", "session", "adapted", "age"]
    ]
    known = known.rename(columns={"session": "session_count"})
    first = rows[rows["session"].notna()].drop_duplicates(["episode_id", "session_count"])
    joined = first.merge(known, on=["episode_id", "session_count"], validate="one_to_one")
    return joined.dropna(subset=[*SEEN, "pressure"]).reset_index(drop=True)


def no_support(history: PressureHistory, rows: pd.DataFrame) -> str:
    """Return why pressures cannot be compared in these rows, or an empty string.

    Parameters
    ----------
    history : PressureHistory
        Visits and which levels have support.
    rows : DataFrame
        From `last_visit_rows`.
    """
    n_courses = rows["episode_id"].nunique()
    if history.n_levels >= 2 and n_courses >= LEAST_COURSES and rows["pressure"].nunique() >= 2:
        return ""
    levels = joined(
        ", ",
        (
            Text(f"level {level:g}: ", Count(int(count), "course"))
            for level, count in history.overlap.groupby("pressure")["n_episodes"].sum().items()
        ),
    )
    return Text(
        f"two pressure levels, each in at least {LEAST_EPISODES} courses of like patients, are "
        "needed to compare (courses by level: ",
        levels or "none",
        "). Patients alike but for pressure are not in these data, and no model can stand in for "
        "them.",
    )


def _last_visit(course: CourseFrame) -> tuple[pd.DataFrame, MixedFit]:
    """Last visit's pressure, and its split within and between courses."""
    bent = replace(course, rows=course.rows.assign(pressure_squared=_squared(course.rows)))
    whole = last_visit_fit(course)
    curved = last_visit_fit(bent, ("pressure", "pressure_squared"))
    parts = [
        _term_row(whole, "pressure", "last visit"),
        _term_row(curved, "pressure_squared", "curvature"),
    ]
    if course.rows["pressure_within"].abs().max() > 0:
        split = last_visit_fit(course, ("pressure_within", "pressure_mean"))
        parts += [
            _term_row(split, "pressure_within", "within"),
            _term_row(split, "pressure_mean", "between"),
        ]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return table.assign(n_episodes=course.n_courses), whole


def last_visit_fit(course: CourseFrame, exposure: tuple[str, ...] = ("pressure",)) -> MixedFit:
    """Return the model of the next score given what was seen when pressure was chosen.

    Parameters
    ----------
    course : CourseFrame
        With the rows of `last_visit_rows`.
    exposure : tuple of str
        Columns of pressure.
    """
    facts = [name for name in ("adapted", "age") if course.rows[name].nunique() > 1]
    with warnings.catch_warnings():  # terms that cannot be estimated are listed among the checks
        warnings.filterwarnings("ignore", "The fixed part is rank deficient", OutcomesWarning)
        return fit_course(course, (*SEEN, *facts, *exposure)).fit


def _squared(rows: pd.DataFrame) -> pd.Series[float]:
    return (rows["pressure"] - rows["pressure"].mean()) ** 2


def _curvature_check(table: pd.DataFrame) -> Check:
    name = "one level is worth the same from light to firm"
    rows = table[table["kind"] == "curvature"].to_dict("records")
    if not rows:
        return Check(name, False, "cannot be told from two levels")
    low, high = rows[0]["conf_low"], rows[0]["conf_high"]
    found = f"{rows[0]['estimate']:.2f} a squared level (95 % CI {low:.2f} to {high:.2f})"
    return Check(name, low <= 0 <= high, f"{found}; below zero, medium pressure did better")


def _term_row(fit: MixedFit, term: str, kind: str) -> pd.DataFrame:
    """Estimate of a term; no row where the terms before it determine it."""
    weights = [float(name == term) for name in fit.estimates.terms]
    row = estimates(fit, weights) if any(weights) else pd.DataFrame()
    row.insert(0, "term", term)
    row.insert(1, "kind", kind)
    return row


def _terms_check(fit: MixedFit) -> Check:
    lost = fit.estimates.aliased_terms
    name = "every term of the model can be estimated"
    return Check(name, not lost, f"not estimated: {', '.join(lost)}" if lost else "all of them")


def _sustained(
    course: CourseFrame, history: PressureHistory, measure: Instrument, seed: int
) -> _Sustained:
    """Rows of the marginal structural model, where its weights can be relied on, and g-formula."""
    if course.axis != "session_count":
        return _Sustained(pd.DataFrame(), Check("sustained pressure", False, "no session counts"))
    try:
        weights = stabilised_weights(history.visits)
    except FitError as error:
        return _Sustained(pd.DataFrame(), Check("weights", False, str(error)))
    rows = with_weights(course.rows, history.visits, weights)
    rows = rows[rows["session_count"] <= course.horizon].reset_index(drop=True)
    check = _weights_check(weights)
    forward = g_formula(forward_rows(rows), measure.sign, int(course.horizon), seed=seed)
    found = [{"term": "sustained pressure", "kind": "g-formula", **forward}]
    if check.passed:
        slope = weighted_slope(rows)
        found.append({"term": "sustained pressure", "kind": "marginal structural model", **slope})
    return _Sustained(pd.DataFrame(found), check)


def _weights_check(weights: Weights) -> Check:
    share = weights.effective_n / len(weights.table)
    fine = share >= LEAST_EFFECTIVE and abs(weights.mean - 1) <= MEAN_WITHIN
    return Check(
        "weights of the marginal structural model can be relied on (else it is not shown)",
        bool(fine),
        f"mean {weights.mean:.2f} (should be 1), largest {weights.largest:.1f} before truncation, "
        f"worth {100 * share:.0f} % of the visits",
    )


def _overlap_rows(history: PressureHistory) -> pd.DataFrame:
    table = history.overlap
    who = table["adapted"].map({0.0: "not adapted", 1.0: "adapted"})
    term = [f"level {x:g}, {y}" for x, y in zip(table["pressure"], who, strict=True)]
    counts = table[["pressure", "n_visits", "n_episodes", "supported"]]
    return counts.assign(term=term, kind="overlap")


def _overlap_check(history: PressureHistory) -> Check:
    lost = sum(history.left_out.values())
    left = Text(Count(lost, "course"), " left out")
    return Check("every pressure level has ten courses", lost == 0, left)


def _sentence(table: pd.DataFrame, course: CourseFrame, measure: Instrument) -> str:
    row = table[table["kind"] == "last visit"].to_dict("records")[0]
    size, low, high, more = turned(row)
    found = interval(size, low, high, decimals(measure) + 1, measure.unit)
    clear = "an association" if low > 0 else "no clear association"
    return Text(
        f"A visit one Walton level firmer was followed by {found} {more} improvement at the next "
        "score, in ",
        Count(course.n_courses, "course"),
        f" and among patients alike in baseline and last score: {clear} ({scale(measure)}).",
    )


def _picture(table: pd.DataFrame, measure: Instrument) -> Picture:
    labels = {
        "last visit": "last visit one level firmer",
        "within": "firmer than this patient's usual",
        "between": "patients who get firmer pressure",
        "marginal structural model": "every visit firmer (weights)",
        "g-formula": "every visit firmer (g-formula)",
    }
    rows = table[table["kind"].isin(labels)]
    first = rows.to_dict("records")[0]
    spoken = interval(first["estimate"], first["conf_low"], first["conf_high"], 2, measure.unit)
    return forest(
        rows,
        rows["kind"].map(labels),
        "Pressure before a score, and the score",
        f"Improvement for one Walton level firmer ({measure.unit}; right = more)",
        "Improvement for one level firmer with 95 % intervals, in several analyses; last visit "
        f"one level firmer: {spoken}.",
    )


def _method(formula: str, course: CourseFrame, history: PressureHistory) -> str:
    return Text(
        f"Linear mixed model by REML: {formula}, on ",
        Count(len(course.rows), "score"),
        "; curvature: the same with the squared distance from mean pressure; within and between: "
        "the same with pressure split into its mean so far and the difference from it. Marginal "
        "structural model: "
        "weighted least squares on the mean pressure so far, stabilised weights from "
        "proportional-odds models of pressure, truncated at their 1st and 99th percentile, "
        "errors robust to courses. G-formula: linear model of the next score played forward for "
        f"{course.horizon:g} sessions, interval from 200 resamples of courses. "
        f"Pressure levels kept: {history.n_levels}.",
    )


PRESSURE = question("pressure", pressure)
