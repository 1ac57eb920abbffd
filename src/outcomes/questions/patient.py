"""Is this one patient really better, and what is to come? One course against measurement error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.care.goals import goal_progress
from outcomes.causal.regression_to_the_mean import expected_return, rated
from outcomes.dictionary.instruments import (
    Instrument,
    Threshold,
    judge_individual_change,
    measurement_error,
)
from outcomes.dictionary.instruments.judgement import standard_error
from outcomes.errors import FitError, UsageError
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, course_frame, times_of
from outcomes.questions.course_picture import course_picture, last_of
from outcomes.questions.outlook import (
    LEAST_OTHERS,
    LEAST_SCORES,
    LEVEL,
    Basis,
    foresee,
    learn,
    time_reached,
)
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.records import SERIES, baselines
from outcomes.study import Study
from outcomes.words import MINUS, decimals, percent, percent_of_draws, scale, there_are, when

DAYS_A_WEEK = 7


def patient(asked: Asked) -> Found | Missing:
    """Judge the change of one course against the minimal detectable change, and look ahead.

    Parameters
    ----------
    asked : Asked
        The question, with the course; its seed is of the outlook's draws.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``change`` (last score; ``mdc`` and ``expected_return``
        beside it), ``score`` (each score
        in order, with ``day`` and ``session``), and where an outlook is given ``expected``
        (improvement with ``pred_low, pred_high``, 80 % of scores), ``goal met`` (probability that
        this score meets the goal) and ``goal kept by`` (that two in a row have by then). Missing
        when the course has no later score, or scores of several movements. Without a published MDC
        the change is told, and that nobody can judge it; without an outlook, why.

    Raises
    ------
    UsageError
        When the study has no such course.
    """
    study, episode, about = asked.study, asked.episode, asked.question
    if episode is None:
        return Missing("no course is named. Name one of the study's: episode=, or --episode.")
    facts = study.episodes[study.episodes["episode_id"] == episode]
    if facts.empty:
        must = "the course is one of the study's episodes"
        raise UsageError(must, got="another id", remedy="See study.episodes.")
    rows = study.trajectory(asked.instrument)
    rows = rows[rows["episode_id"] == episode]
    found, problem = _judge(asked, rows, facts["condition"].iloc[0])
    outlook = "" if rows.empty else outlook_of(study, asked.measure, episode, asked.seed)
    if problem:
        reason = problem + (f" Nor is there an outlook: {outlook}." if outlook else "")
        return Missing(reason, limits=about.limits)
    return _found(asked, rows, found, outlook)


def _found(
    asked: Asked, rows: pd.DataFrame, judged: Verdict | None, outlook: Outlook | str
) -> Found:
    measure, about, notes = asked.measure, asked.question, asked.question.notes
    ahead = outlook if isinstance(outlook, Outlook) else None
    method = f"Last score minus baseline, judged against {_against(judged)}."
    also: dict[str, Any] = {"references": (judged.threshold.source,) if judged else ()}
    if ahead:
        also["estimand"] = f"{about.estimand} {notes['outlook_estimand']}"
        also["assumptions"] = (*about.assumptions, notes["outlook_assumption"])
    return Found(
        _table(rows, judged, ahead),
        _sentence(judged, rows, measure) + (ahead.sentence if ahead else ""),
        f"{method} {ahead.method}" if ahead else method,
        course_picture(
            asked.study, measure, str(rows["episode_id"].iloc[0]),
            mdc=judged.threshold.value if judged else None, coming=ahead.table if ahead else None,
        ),
        checks=_checks(judged, ahead),
        limits=(*about.limits, *(notes[name] for name in ("of_courses", "of_means")))
        if ahead else (*about.limits, f"No outlook is given: {outlook}."),
        n_used=len(rows),
        also=also,
    )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """One course's change against measurement error, at each of its later scores.

    Parameters
    ----------
    threshold : Threshold
        The measurement error (MDC).
    expected_return : float or None
        Points by which a score is expected to be better after so bad a first one.
    sides : tuple of int
        At each later score: +1 better and -1 worse by more than that, 0 neither.
    """

    threshold: Threshold
    expected_return: float | None
    sides: tuple[int, ...]

    @property
    def name(self) -> str:
        """In a word: ``better``, ``better once``, ``worse``, ... of the last two scores."""
        last, before = self.sides[-1], self.sides[-2] if len(self.sides) > 1 else 0
        if not last:
            return "within measurement error"
        return ("better" if last > 0 else "worse") + ("" if before == last else " once")


def _judge(asked: Asked, rows: pd.DataFrame, condition: object) -> tuple[Verdict | None, str]:
    if rows.empty:
        return None, asked.question.notes["no score"]
    if len(rows[rows.columns.intersection(SERIES)].drop_duplicates()) > 1:
        return None, asked.question.notes["several"]
    try:
        return against_error(asked.study, asked.measure, rows, condition), ""
    except UsageError:
        return None, ""


def against_error(
    study: Study, measure: Instrument, rows: pd.DataFrame, condition: object
) -> Verdict:
    """Judge one series of scores of one course against measurement error.

    Parameters
    ----------
    study : Study
        The study; its first scores tell what return a first score so bad leads to expect.
    measure : Instrument
        Of the scores.
    rows : DataFrame
        Rows of the trajectory: one course, one movement.
    condition : object
        Of the course.

    Raises
    ------
    UsageError
        When no measurement error is published for the condition.
    """
    mdc = measurement_error(measure, population=str(condition))
    worse, rating = rated(measure, baselines(study, measure.name)["score"])
    first = -measure.sign * float(rows["baseline"].iloc[0])
    back = expected_return(first, worse, rating, standard_error(mdc))
    back = back and round(back, decimals(measure))  # judged by the number that is said
    sides = []
    for change in rows["improvement"]:
        # a worse change is not excused by a return, a better one by that much
        less = change - (back or 0.0) if change > 0 else change
        sides.append({"better": 1, "worse": -1}.get(judge_individual_change(less, mdc), 0))
    return Verdict(mdc, back, tuple(sides))


def _sentence(judged: Verdict | None, rows: pd.DataFrame, measure: Instrument) -> str:
    change = float(rows["improvement"].iloc[-1])
    size = f"{abs(change):.{digits_beside(abs(change), judged, decimals(measure))}f} {measure.unit}"
    way = f"{size} {'better' if change > 0 else 'worse'} than at baseline"
    way = way if change else "unchanged since baseline"
    compared: str = PATIENT.say("not told", scale=scale(measure))
    if judged:
        said = f", {_said(judged)}" if change else ""
        error = f"MDC {judged.threshold.value:g}{and_return(judged, change)}"
        compared = f"{said} ({error}; {scale(measure)})"
    return PATIENT.say(
        "found", measure=measure.title, later=last_of(len(rows)), way=way, compared=compared
    )


def digits_beside(size: float, judged: Verdict | None, least: int) -> int:
    """Return the digits with which a change beyond measurement error reads as more than it."""
    error = judged.threshold.value if judged else np.inf
    limit = error + (judged.expected_return or 0.0 if judged and judged.sides[-1] > 0 else 0.0)
    beyond = bool(judged and judged.sides[-1])
    return next((n for n in range(least, 6) if (round(size, n) > limit) == beyond), least)


def _said(judged: Verdict) -> str:
    way, _, once = judged.name.partition(" ")
    if not judged.sides[-1]:
        return PATIENT.notes["within"]
    return PATIENT.notes["once"] if once else PATIENT.say("really", way=way)


def and_return(judged: Verdict, change: float) -> str:
    """Name the return expected after the first score; it explains no change for the worse."""
    back = judged.expected_return if change > 0 else None
    return f", plus {back:g} expected after so bad a first score" if back else ""


def _against(judged: Verdict | None) -> str:
    if judged is None:
        return PATIENT.notes["nothing"]
    said = judged.threshold.describe()
    back = judged.expected_return
    known = "untold" if back is None else "returned"
    return PATIENT.say("against", said=said, picked=PATIENT.say(known, back=f"{back or 0:g}"))


def _table(rows: pd.DataFrame, judged: Verdict | None, ahead: Outlook | None) -> pd.DataFrame:
    change = {
        "term": judged.name if judged else "not judged", "kind": "change",
        "estimate": rows["improvement"].iloc[-1],
        "mdc": judged.threshold.value if judged else float("nan"),
        "expected_return": judged.expected_return if judged else float("nan"),
    }  # fmt: skip
    scores = rows[["day", "session", "score", "improvement"]].rename(
        columns={"improvement": "estimate"}
    )
    scores = scores.assign(kind="score", term=[f"score {i + 1}" for i in range(len(rows))])
    parts = [pd.DataFrame([change]), scores, *([ahead.rows] if ahead else [])]
    return pd.concat(parts, ignore_index=True)


def _checks(judged: Verdict | None, ahead: Outlook | None) -> tuple[Check, ...]:
    checks = (_kept(judged),) if judged else ()
    if ahead is None:
        return checks
    words = ahead.goal_note or "set in time, beyond measurement error"
    return (*checks, PATIENT.check("fair", not ahead.goal_note, words))


def _kept(judged: Verdict) -> Check:
    """Whether the last two scores lie on one side of the measurement error, or both within."""
    last = judged.sides[-2:]
    beyond = f"{sum(map(abs, last))} of the last 2 scores beyond the measurement error"
    beyond = beyond if len(last) == 2 else "there is only one later score"
    return PATIENT.check("agree", len(last) == 2 and last[0] == last[1], beyond)


@dataclass(frozen=True, eq=False, repr=False)
class Outlook:
    """What scores to come are expected to be.

    Parameters
    ----------
    table : DataFrame
        From `outcomes.questions.outlook.foresee`.
    basis : Basis
        What it was read off.
    target : float or None
        Score that the goal asks for; None without a goal.
    by : float
        Time by which the goal is asked for, or the last time foreseen.
    goal_note : str
        Why a goal was left out, or what is to be known of it; empty else.
    """

    table: pd.DataFrame
    basis: Basis
    target: float | None
    by: float
    goal_note: str

    @property
    def sentence(self) -> str:
        """What is expected, in words."""
        axis, measure = self.basis.course.axis, self.basis.measure
        row, digits = self.table.iloc[0], decimals(measure)
        size, low, high = (
            f"{row[name]:.{digits}f}".replace("-", MINUS)
            for name in ("estimate", "pred_low", "pred_high")
        )
        return PATIENT.say(
            "expected", when=when(axis, float(row[axis])), size=f"{size} {measure.unit}",
            level=percent(LEVEL), low=low, high=high, goal=self._goal_words(),
        )  # fmt: skip

    def _goal_words(self) -> str:
        if self.target is None:
            return self.goal_note
        axis = self.basis.course.axis
        at = self.table[self.table[axis] <= self.by].iloc[-1]
        half = time_reached(self.table, axis, 0.5)
        known = np.isfinite(half)
        reach = half if known else float(self.table[axis].iloc[-1])
        return PATIENT.say(
            "goal", when=when(axis, float(at[axis])), chance=percent_of_draws(at["sustained"]),
            goal=f"{self.target:g} or {self.basis.measure.better}",
            typical=f"{'half of such courses' if known else 'fewer than half'} get there "
            f"{when(axis, reach)}",
        )  # fmt: skip

    @property
    def method(self) -> str:
        """How it was worked out."""
        others = self.basis.errors["episode_id"].nunique()
        return PATIENT.say(
            "outlook_method", formula=self.basis.fit.request.formula, others=str(others),
            level=percent(LEVEL), normal=percent(self.basis.normal_coverage),
        )  # fmt: skip

    @property
    def rows(self) -> pd.DataFrame:
        """Rows of an answer's table: kinds ``expected``, ``goal met``, ``goal kept by``."""
        axis = self.basis.course.axis
        times = [when(axis, float(time)) for time in self.table[axis]]
        scores = self.table.drop(columns=["met", "sustained"], errors="ignore")
        parts = [scores.assign(kind="expected", term=times)]
        if self.target is not None:
            parts += [
                self.table[[axis, "day"]].assign(kind=kind, term=times, estimate=self.table[name])
                for kind, name in (("goal met", "met"), ("goal kept by", "sustained"))
            ]
        return pd.concat(parts, ignore_index=True)


def outlook_of(study: Study, measure: Instrument, episode: str, seed: int = 0) -> Outlook | str:
    """Return the outlook of a course, or the reason why there is none.

    Parameters
    ----------
    study : Study
        A study without errors.
    measure : Instrument
    episode : str
        The course.
    seed : int
        Of the split of courses and the draws.

    Returns
    -------
    Outlook or str
    """
    course = course_frame(study, measure.name)
    n_scores = int(study.trajectory(measure.name)["episode_id"].eq(episode).sum())
    own = course.rows[course.rows["episode_id"] == episode].reset_index(drop=True)
    if course.group:  # what comes later is told by courses of its own group
        like = course.rows[course.rows[course.group].isin(own[course.group])]
        course = replace(course, times=times_of(like, course.axis))
    problem = _over(study, episode) or _too_little(course, own, n_scores)
    if problem:
        return problem
    try:
        basis = learn(course, measure, len(own), seed)
    except FitError:
        return "the scores of this study cannot carry the model"
    others = basis.errors["episode_id"].nunique()
    if others < LEAST_OTHERS or not basis.course.rows["episode_id"].eq(episode).any():
        least = {"least": str(LEAST_OTHERS), "condition": str(LEAST_COURSES)}
        return PATIENT.say("few others", there=there_are(others, "course"), **least)
    target, by, note = _goal(study, measure, episode, course.axis)
    ahead = _rows_to_come(study, course, own)
    seen = np.arange(len(own) + len(ahead)) < len(own)
    rows = pd.concat([own, ahead], ignore_index=True)
    if basis.course.group:
        rows[basis.course.group] = own[basis.course.group].iloc[0]
    table = foresee(basis, rows, seen, target=target, seed=seed)
    last = float(table[course.axis].iloc[-1])
    within = table[course.axis].iloc[0] <= by <= last
    return Outlook(table, basis, target, by if within else last, note)


def _over(study: Study, episode: str) -> str:
    """Say that a course has ended: its record says how or when, or it has been followed up."""
    facts = study.courses.loc[episode]
    if facts["end_reason"] == "ongoing":
        return ""
    scores = study.assessments[study.assessments["episode_id"] == episode]
    followed = scores["timing"].isin(["discharge", "follow_up"]).any()
    told = facts[["end_reason", "end_day"]].notna().any()
    return "this course has ended" if told or followed else ""


def _too_little(course: CourseFrame, own: pd.DataFrame, n_scores: int) -> str:
    if set(SERIES[1:]) & set(course.rows.columns):
        return PATIENT.notes["movements"]
    if len(own) < n_scores:
        return "it has a score that belongs to no visit"
    if len(own) < LEAST_SCORES:
        return "this course has no score of a visit after its baseline yet"
    if course.n_courses <= LEAST_OTHERS:
        there = there_are(max(course.n_courses - 1, 0), "other")
        return PATIENT.say("few", least=str(LEAST_OTHERS), there=there)
    if not any(time > own[course.axis].iloc[-1] for time in course.times):
        return f"fewer than {LEAST_COURSES} such courses have a score later than this one's last"
    return ""


def _goal(
    study: Study, measure: Instrument, episode: str, axis: str
) -> tuple[float | None, float, str]:
    """Return the target of the course's goal, the time it is asked for, and what to know of it."""
    goals = goal_progress(study, measure.name)
    own = goals[goals["episode_id"] == episode].dropna(subset=["target"])
    if own.empty:
        return None, np.nan, "no goal is recorded for this measure"
    goal = own.iloc[0]
    flagged = goal[["wrong_side", "off_scale", "set_late", "easy"]].eq(True)
    if flagged["wrong_side"] or flagged["off_scale"]:
        return None, np.nan, "the goal is not better than the baseline, or off the scale"
    if pd.notna(goal["sustained_sessions"]) or pd.notna(goal["sustained_day"]):
        return None, np.nan, "the goal has been met at two scores in a row already"
    known = {"set_late": "it was set after the fact", "easy": "it is within measurement error"}
    note = "; ".join(words for name, words in known.items() if flagged[name])
    by = goal["by_sessions"] if axis == "session_count" else goal["by_day"] / DAYS_A_WEEK
    return float(goal["target"]), float(by), note


def _rows_to_come(study: Study, course: CourseFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return rows for the times ahead: the last one again, without score, at the script's pace."""
    last, axis = own.iloc[-1], course.axis
    times = np.array([time for time in course.times if time > last[axis]])
    rows = pd.DataFrame([last] * len(times)).reset_index(drop=True)
    rows[axis] = times
    rows[["score", "improvement"]] = np.nan
    if axis == "week":
        return rows.assign(day=times * DAYS_A_WEEK)
    script = study.episodes.set_index("episode_id")["sessions_per_week"].get(last["episode_id"])
    own_pace = last["day"] / max(float(last[axis]), 1.0)
    gap = own_pace if pd.isna(script) else DAYS_A_WEEK / float(script)
    day = last["day"] + gap * (times - last[axis])
    return rows.assign(day=day, week=day / DAYS_A_WEEK)


PATIENT = question("patient", patient)
