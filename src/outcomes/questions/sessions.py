"""After how many sessions does it stop helping? Curve, plateau, strata of the script, the trap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import chdtri

from outcomes.care.dose import sessions_prescribed
from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.record import fit_design
from outcomes.mixed.types import Array
from outcomes.privacy.text import Count, Text
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, raw_means, times_of
from outcomes.questions.course_model import CourseModel, fit_course, fitted, means, of_whom, quietly
from outcomes.questions.picture import Picture, curves
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.questions.stopping import stopping
from outcomes.records import visits_received
from outcomes.study import Study
from outcomes.words import (
    CANNOT_TELL,
    counted,
    headline,
    interval,
    plain,
    scale,
    when,
    with_interval,
)

BINS = (0, 5, 8, 11)
"""Upper ends of the first groups of the trap: 0-5, 6-8, 9-11, 12 and more sessions in total."""
PACES = tuple(0.5 * 1.25**k for k in range(18))
"""Sessions to 63 % of the growth that are tried: 0.5 to 22, each a quarter longer."""
MOST = 0.75
"""Of its highest value, what the curve of means must have where the plateau is said to be."""
LEAST_TIMES = 5
"""A plateau cannot be looked for over fewer distinct session counts."""


@dataclass(frozen=True)
class Plateau:
    """Sessions after which nine tenths of the growth have happened.

    Parameters
    ----------
    estimate, conf_low, conf_high : float
        Sessions, infinite where the slowest pace tried is the likeliest; 95 % profile-likelihood
        interval, infinite where no end is in sight.
    last : float
        Largest number of sessions that enough courses reach.
    agrees : bool
        Whether the curve of means, which may bend freely, has most of its highest value by then.
    """

    estimate: float
    conf_low: float
    conf_high: float
    last: float
    agrees: bool = True

    @property
    def seen(self) -> bool:
        """Whether the whole interval lies within the sessions looked at, and the curve agrees."""
        return self.agrees and self.conf_high <= self.last


def sessions(asked: Asked) -> Found | Missing:
    """Describe improvement by sessions received, and where it levels off.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``plateau`` (sessions), ``curve`` (improvement by session count),
        ``stratum`` (the same by prescribed sessions), ``clone-censor-weight`` (going on, and
        stopping half-way; see `stopping`) and ``trap`` (mean of the last score by total sessions).
        Missing, with the trap where totals are known, without numbered visits or with fewer than
        11 courses.
    """
    course, study, measure = asked.course, asked.study, asked.measure
    trap = trap_rows(study, course)
    problem = _missing(asked)
    if problem:
        return Missing(problem, trap, asked.question.limits[1:2], course=course)
    course = _within_reach(course)
    curve, fit = _curve(asked.pooled, course.times), asked.pooled.fit
    told: dict[str, str | Count] = {"formula": fit.request.formula}
    told["scores"] = Count(fit.n_observations, "score")
    found = plateau(course)
    found = replace(found, agrees=_levels_off(curve, found.estimate))
    stopped = stopping(asked, int(course.horizon))
    strata = _strata(study, course)
    more = {"weighting": len(stopped.table), "strata": len(strata)}
    parts = [_plateau_row(found, course), curve, strata, stopped.table, trap]
    table = pd.concat(parts, ignore_index=True)
    return Found(
        table,
        Text(_sentence(found, curve, course, measure), stopped.sentence(asked)),
        SESSIONS.say("method", **told, least=str(LEAST_COURSES)),
        _picture(table, measure, course, found),
        glance=_needed(found) if found.seen else f"not to be told by session {found.last:g}",
        verdict="levels off" if found.seen else CANNOT_TELL,
        checks=(*_checks(found, course), *stopped.checks),
        limits=(*asked.question.limits, *(SESSIONS.notes[name] for name in more if more[name])),
        course=asked.course,
    )


def _missing(asked: Asked) -> str:
    course, notes = asked.course, asked.question.notes
    if course.axis != "session_count":
        arms = course.rows["arm"].nunique() > 1
        told = course.rows if len(course.rows) else asked.study.assessments
        if arms or not told["session"].notna().mean() > 0.5:
            return notes["arms" if arms else "no visits"]
        course = replace(course, times=times_of(course.rows, "session_count"))
    if course.n_courses < LEAST_COURSES or len(course.times) < LEAST_TIMES:
        there, times = (
            Count(course.n_courses, "course", there=True),
            str(len(course.times) or "none"),
        )
        least = {"least": str(LEAST_COURSES), "numbers": str(LEAST_TIMES)}
        return SESSIONS.say("few", there=there, times=times, **least)
    return ""


def _within_reach(course: CourseFrame) -> CourseFrame:
    """Keep session counts that enough courses reach, conditions together."""
    rows = course.rows[course.rows["session"].notna()]
    times = tuple(t for t in times_of(rows, "session_count") if t in course.times)
    rows = rows[rows["session_count"].isin(times)]
    return replace(course, rows=rows.reset_index(drop=True), group="", times=times)


def _curve(model: CourseModel, times: tuple[float, ...]) -> pd.DataFrame:
    """Means of the model that `how-much` reads too: one number has one estimate."""
    table = means(model, times)
    labels = "after " + table["session_count"].map("{:g}".format)
    return table.assign(term=labels, kind="curve")


def plateau(course: CourseFrame) -> Plateau:
    """Find where improvement levels off: exponential growth towards a plateau.

    Parameters
    ----------
    course : CourseFrame
        On the session axis.

    Returns
    -------
    Plateau
        From the pace with the largest likelihood, and the paces whose log-likelihood is within half
        the 95 % chi-squared quantile of it.
    """
    loglik = _logliks(course.rows)
    near = np.flatnonzero(loglik >= loglik.max() - chdtri(1, 0.05) / 2)
    needed = np.append(np.ceil(np.log(10) * np.array(PACES)), np.inf)
    best = int(loglik.argmax())
    best += best == len(PACES) - 1  # a slower pace may be likelier still
    low, high = needed[max(near[0] - 1, 0)], needed[near[-1] + 1]
    return Plateau(float(needed[best]), float(low), float(high), max(course.times))


def _levels_off(curve: pd.DataFrame, by: float) -> bool:
    """Whether means that may bend freely have most of their highest value by a session."""
    then = np.interp(by, curve["session_count"], curve["estimate"])
    return bool(then >= MOST * curve["estimate"].max())


def _logliks(rows: pd.DataFrame) -> Array:
    """Return the log-likelihood at each pace; one column of one design changes."""
    grown = -np.expm1(-rows[["session_count"]].to_numpy(float) / np.array(PACES))
    first = fitted(
        "improvement ~ grown + (1 | episode_id)", rows.assign(grown=grown[:, 0]), reml=False
    )
    found, fixed = [first.loglik], first.design.fixed
    with quietly():
        for column in grown.T[1:]:
            factors = tuple(
                replace(factor, values=column[:, None]) if factor.name == "grown" else factor
                for factor in fixed.factors
            )
            design = replace(first.design, fixed=replace(fixed, factors=factors))
            found.append(fit_design(design, first.request).loglik)
    return np.array(found)


def _plateau_row(found: Plateau, course: CourseFrame) -> pd.DataFrame:
    row = {
        "term": "plateau", "kind": "plateau", "estimate": found.estimate,
        "conf_low": found.conf_low, "conf_high": found.conf_high, "n_episodes": course.n_courses,
    }  # fmt: skip
    return pd.DataFrame([row])


def _strata(study: Study, course: CourseFrame) -> pd.DataFrame:
    """Curves of courses with a short and a long script, where 11 courses have each."""
    prescribed = sessions_prescribed(study.episodes)
    by_course = pd.Series(prescribed.to_numpy(), index=study.episodes["episode_id"])
    own = course.rows["episode_id"].map(by_course)
    half = own.groupby(course.rows["episode_id"]).first().median()
    parts = []
    for name, mask in (("at most", own <= half), ("more than", own > half)):
        part = replace(course, rows=course.rows[mask].reset_index(drop=True))
        if part.n_courses >= LEAST_COURSES:
            times = times_of(part.rows, "session_count")
            label = f"{name} {counted(half, 'session')} prescribed"
            parts.append(means(fit_course(part), times).assign(group=label, kind="stratum"))
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    return table.assign(term=table["group"])


def trap_rows(study: Study, course: CourseFrame) -> pd.DataFrame:
    """Return mean improvement at the last score by total sessions: the comparison that misleads.

    Parameters
    ----------
    study : Study
        With totals (`sessions_attended`), else with its visits, of which those received count.
    course : CourseFrame
        Rows of the outcome; with arms, only arms other than the control count.

    Returns
    -------
    DataFrame
        ``term, kind`` (``trap``), ``estimate, std_error, n_episodes``; empty without totals.
    """
    total = study.episodes.set_index("episode_id")["sessions_attended"]
    if not total.notna().any():
        total = visits_received(study)["episode_id"].value_counts()
    last = course.rows
    if course.axis == "week":
        last = last[last["week"] == course.horizon]
    if study.provenance.control is not None:
        last = last[last["arm"] != study.provenance.control]
    last = last.drop_duplicates("episode_id", keep="last")
    own = last["episode_id"].map(total)
    last = last[own.notna()]
    labels = pd.cut(own.dropna(), [-1, *BINS[1:], np.inf], labels=["0-5", "6-8", "9-11", "12+"])
    table = raw_means(last.groupby(labels, observed=True)).reset_index(names="total")
    term = "total " + table["total"].astype(str) + " sessions"
    return table.drop(columns="total").assign(term=term, kind="trap")


def _sentence(found: Plateau, curve: pd.DataFrame, course: CourseFrame, measure: Instrument) -> str:
    at = curve[curve["session_count"] == course.horizon].to_dict("records")[0]
    grown = with_interval(at, unit=measure.unit)
    whose = of_whom(course) and f" in patients{of_whom(course)}"
    time = when("session_count", course.horizon)
    return SESSIONS.say(
        "found", verdict=_verdict(found), time=time, whose=whose, grown=grown,
        measure=f"{measure.title} ({scale(measure)})",
    )  # fmt: skip


def _verdict(found: Plateau) -> str:
    return SESSIONS.say(
        "seen" if found.seen else "unseen", last=f"{found.last:g}", needed=_needed(found)
    )


def _needed(found: Plateau) -> str:
    return interval(found.estimate, found.conf_low, found.conf_high, 0, "sessions")


def _picture(
    table: pd.DataFrame, measure: Instrument, course: CourseFrame, found: Plateau
) -> Picture:
    rows = table[table["kind"].isin(["curve", "stratum"])]
    rows = rows.assign(group=rows["group"].where(rows["kind"] == "stratum", "all courses"))
    last = table[table["kind"] == "curve"].to_dict("records")[-1]
    at = f"{when('session_count', last['session_count'])} {plain(last['estimate'])}"
    return curves(
        rows,
        "session_count",
        headline(_verdict(found)),
        SESSIONS.notes["axis"],
        f"Improvement ({measure.unit}; up = better)",
        SESSIONS.say("alt", courses=Count(course.n_courses, "course"), at=at),
    )


def _checks(found: Plateau, course: CourseFrame) -> tuple[Check, ...]:
    end = f"the interval ends at {found.conf_high:.0f} sessions"
    end = end if np.isfinite(found.conf_high) else "the interval has no upper end"
    rows = course.rows[["session_count", "week"]].dropna()
    near = rows["session_count"].corr(rows["week"])  # NaN without days
    stayed = course.rows.groupby("episode_id")["session_count"].max() >= course.times[-1]
    reached = Text(Count(int(stayed.sum()), "course", of=course.n_courses))
    check = SESSIONS.check
    return (
        check("plateau", found.seen, f"{end}; enough courses reach {found.last:g} sessions"),
        check("apart", near <= 0.95, f"correlation {plain(near, 2)}; the most is 0.95"),
        check("reached", stayed.mean() >= 0.5, reached),
    )


SESSIONS = question("sessions", sessions)
