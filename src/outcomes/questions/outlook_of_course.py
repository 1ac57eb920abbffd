"""The outlook of one course of a study, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.care.goals import goal_progress
from outcomes.dictionary.instruments import Instrument
from outcomes.errors import FitError
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, course_frame
from outcomes.questions.outlook import (
    LEAST_OTHERS,
    LEAST_SCORES,
    LEVEL,
    Basis,
    foresee,
    learn,
    time_reached,
)
from outcomes.study import Study
from outcomes.words import decimals, percent, there_are, when

DAYS_A_WEEK = 7
LIMITS = (
    "The outlook is for courses that go on as those of the study did: it does not say what another "
    "plan, or none, would bring, and leaving early is not in it.",
    "An expected score is a mean over such courses; nobody can promise it to one patient.",
)


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
        low, high = (f"{row[name]:.{digits}f}" for name in ("pred_low", "pred_high"))
        text = (
            f" In courses like this one that go on, improvement {when(axis, float(row[axis]))} is "
            f"expected to be {row['estimate']:.{digits}f} {measure.unit} ({percent(LEVEL)} of "
            f"scores between {low} and {high})"
        ).replace("-", "\N{MINUS SIGN}")
        return f"{text}; {self._goal_words()}."

    def _goal_words(self) -> str:
        if self.target is None:
            return self.goal_note
        axis = self.basis.course.axis
        at = self.table[self.table[axis] <= self.by].iloc[-1]
        half = time_reached(self.table, axis, 0.5)
        typical = (
            f"half of such courses get there {when(axis, half)}"
            if np.isfinite(half)
            else f"fewer than half get there {when(axis, float(self.table[axis].iloc[-1]))}"
        )
        goal = f"{self.target:g} or {self.basis.measure.better}"
        return (
            f"{when(axis, float(at[axis]))} the goal ({goal}) has been met twice in a row with "
            f"probability {_probability(at['sustained'])}; {typical}"
        )

    @property
    def method(self) -> str:
        """How it was worked out."""
        others = self.basis.errors["episode_id"].nunique()
        return (
            f"Outlook: {self.basis.fit.request.formula}, given this patient's own scores. "
            f"Intervals and probabilities from errors of prediction of {others} "
            "courses by models that had not seen them (the fifth most like this prediction), cut "
            "off at the ends of the scale; with normal errors intervals meant to hold "
            f"{percent(LEVEL)} would have held {percent(self.basis.normal_coverage)}. See "
            "docs/calibration-of-outlook.md."
        )

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


def _probability(share: float) -> str:
    """Return a share of draws in words; none of them is not never."""
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else percent(share)


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
    problem = _over(study, episode) or _too_little(course, own, n_scores)
    if problem:
        return problem
    try:
        basis = learn(course, measure, len(own), seed)
    except FitError:
        return "the scores of this study cannot carry the model"
    others = basis.errors["episode_id"].nunique()
    if others < LEAST_OTHERS or not basis.course.rows["episode_id"].eq(episode).any():
        return (
            f"only {others} courses have scores to learn from; at least {LEAST_OTHERS} are needed, "
            f"and {LEAST_COURSES} of this course's condition"
        )
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
    told = pd.notna(facts["end_reason"]) and facts["end_reason"] != "ongoing"
    scores = study.assessments[study.assessments["episode_id"] == episode]
    followed = scores["timing"].isin(["discharge", "follow_up"]).any()
    dated = pd.notna(facts["end_day"]) and facts["end_reason"] != "ongoing"
    return "this course has ended" if told or dated or followed else ""


def _too_little(course: CourseFrame, own: pd.DataFrame, n_scores: int) -> str:
    if {"joint", "plane", "side"} & set(course.rows.columns):
        return "the study scores several movements, and a model of one cannot serve another"
    if len(own) < n_scores:
        return "it has a score that belongs to no visit"
    if len(own) < LEAST_SCORES:
        return "this course has no score of a visit after its baseline yet"
    if course.n_courses <= LEAST_OTHERS:
        return (
            f"an outlook needs {LEAST_OTHERS} other courses with a score after baseline to learn "
            f"from; {there_are(max(course.n_courses - 1, 0), 'other')}"
        )
    if not any(time > own[course.axis].iloc[-1] for time in course.times):
        return f"fewer than {LEAST_COURSES} courses have a score later than this one's last"
    return ""


def _goal(
    study: Study, measure: Instrument, episode: str, axis: str
) -> tuple[float | None, float, str]:
    """Return the target of the course's goal, the time it is asked for, and what to know of it."""
    goals = goal_progress(study)
    own = goals[(goals["episode_id"] == episode) & (goals["instrument"] == measure.name)]
    own = own.dropna(subset=["target"])
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
