"""Stop after n sessions, or go on? The trial that nobody ran, emulated from the courses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.care.dose import sessions_prescribed
from outcomes.causal.clone_censor_weight import Clones, clones, stopping_weights, weighted_means
from outcomes.causal.visit_history import visit_history
from outcomes.errors import FitError
from outcomes.privacy.text import Count, Resting, Text
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.question import Asked, Check
from outcomes.records import baselines
from outcomes.study import Study
from outcomes.words import counted, direction, sentence_case, when, with_interval

KIND = "clone-censor-weight"
NO_DECISION = ("ongoing", "death")
"""Ends of a record at which nobody chose to stop."""
NEAR = 2.0
"""Weeks by which a score may miss the week of the comparison."""
MEAN_WITHIN = 0.3
"""How far the mean of the weights may be from 1."""


@dataclass(frozen=True, eq=False)
class Stopping:
    """What the emulated trial says.

    Parameters
    ----------
    table : DataFrame
        Rows of kind `KIND`: ``go on, nobody leaving`` with ``session_count``, then, with ``week``,
        ``stop``, ``go on`` and ``stop minus go on``. What has no support is not there.
    checks : tuple of Check
        The support of each strategy, and its weights.
    """

    table: pd.DataFrame
    checks: tuple[Check, ...]

    def sentence(self, asked: Asked) -> str:
        """Return the comparison in words, or an empty string where there is none."""
        rows = self.table.tail(3).to_dict("records")
        if len(self.table) < 3:
            return ""
        stop, go_on, difference = rows
        way = direction(difference, "better", "worse", "")
        return asked.question.say(
            "stopping", stop=when("session_count", stop["session_count"]),
            n=f"{go_on['session_count']:.0f}", week=when("week", difference["week"]),
            followed=f"followed by {way}" if way else "not clearly followed by better or worse",
            found=with_interval(difference, unit=asked.measure.unit),
        )  # fmt: skip


def stopping(asked: Asked, go_on_to: int) -> Stopping:
    """Compare stopping half-way with going on; and estimate the mean had nobody left.

    Parameters
    ----------
    asked : Asked
        The question about sessions.
    go_on_to : int
        Sessions of those who go on; the others stop after half as many, rounded down.
    """
    study, instrument = asked.study, asked.instrument
    if asked.course.several_movements or study.sessions.empty:
        return _not_modelled(asked, "unlisted" if study.sessions.empty else "several")
    rows = study.trajectory(instrument)
    decided = _decisions(study, rows, instrument, go_on_to)
    stop_at = go_on_to // 2
    try:
        weights = stopping_weights(decided)
    except FitError:
        return _not_modelled(asked, "all or none")
    there = decided.merge(weights, on=["episode_id", "session"]).set_index("episode_id")
    reached = rows[rows["session"].notna() & (rows["session_count"] == go_on_to)]
    stayed = _clones(reached, there[there["session"] == go_on_to]["went_on"])
    week, later = _at_one_week(rows)
    on = there[there["session"] == go_on_to - 1]["went_on"]
    go_on = _clones(later[later["session_count"] >= go_on_to], on)
    own = there[(there["session"] == stop_at) & (there["stopped"] == 1)]["stopped_here"]
    stop = _clones(later[later["session_count"] == stop_at], own)
    labels = (f"stop after {stop_at}", f"go on to {go_on_to} or more")
    checks = (
        _check(f"going on to {go_on_to} sessions, nobody leaving", stayed, "then"),
        *(
            _check(name, arm, "at follow-up")
            for name, arm in zip(labels, (stop, go_on), strict=True)
        ),
    )
    parts = []
    if checks[0].passed:
        at = {"session_count": float(go_on_to), "term": "go on, nobody leaving"}
        parts.append({**weighted_means(stayed)[0], **at})
    if checks[1].passed and checks[2].passed:
        terms = zip((*labels, "stop minus go on"), (stop_at, go_on_to, np.nan), strict=True)
        found = zip(terms, weighted_means(stop, go_on), strict=True)
        parts += [
            {**row, "term": term, "session_count": float(count), "week": week}
            for (term, count), row in found
        ]
    return Stopping(pd.DataFrame(parts).assign(kind=KIND), checks)


def _not_modelled(asked: Asked, why: str) -> Stopping:
    check = asked.question.check("modelled", False, asked.question.notes[why])
    return Stopping(pd.DataFrame(), (check,))


def _decisions(study: Study, rows: pd.DataFrame, instrument: str, until: int) -> pd.DataFrame:
    """Visits of courses with a script long enough, and whether the course stopped after each."""
    first = baselines(study, instrument)[["episode_id", "score"]].dropna()
    first = first.sort_values("episode_id").drop_duplicates("episode_id")
    first = first.rename(columns={"score": "baseline"})
    unseen = first[~first["episode_id"].isin(rows["episode_id"])]
    visits = visit_history(study, pd.concat([rows, unseen], ignore_index=True))
    facts = study.courses
    script = sessions_prescribed(facts).reindex(visits["episode_id"]).to_numpy()
    visits = visits[~(script < until)].reset_index(drop=True)
    total = visits.groupby("episode_id")["session"].transform("max")
    reason = visits["episode_id"].map(facts["end_reason"])
    last = np.where(reason.isin(NO_DECISION), np.nan, 1.0)
    visits["change"] = visits["score_now"] - visits["baseline"]
    visits["stopped"] = np.where(visits["session"] < total, 0.0, last)
    return visits[visits["session"] <= until].reset_index(drop=True)


def _at_one_week(rows: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Return the week in which most courses were followed up, and their scores nearest to it."""
    later = rows[rows["session"].isna() & rows["week"].notna()]
    if later.empty:
        return float("nan"), later
    week = float(later["week"].round().mode().iloc[0])
    away = (later["week"] - week).abs()
    near = later.assign(away=away)[away <= NEAR].sort_values("away", kind="stable")
    return week, near.drop_duplicates("episode_id")


def _clones(outcomes: pd.DataFrame, weights: pd.Series[float]) -> Clones:
    own = outcomes.drop_duplicates("episode_id").assign(weight=outcomes["episode_id"].map(weights))
    cluster = own["patient_id"].fillna(own["episode_id"])
    return clones(own.assign(cluster=cluster).dropna(subset=["weight"]))


def _check(name: str, arm: Clones, when: str) -> Check:
    """Whether the courses that kept to a strategy can stand for all who started."""
    n = len(arm.rows)
    fine = arm.effective_n >= LEAST_COURSES and abs(arm.mean - 1) <= MEAN_WITHIN
    detail = Text(Count(n, "course"), f" with a score {when}")
    if n:  # of few they tell how few: where mean and largest are one, there is one
        worth = round(arm.effective_n)
        words = f"; weights: mean {arm.mean:.2f} (should be 1), largest {arm.largest:.1f}, worth "
        detail = Text(detail, Resting(min(n, worth), words=words + counted(worth, "course")))
    unmet = f"{sentence_case(name)}: too few courses can stand for all ({{detail}})."
    return Check(f"{name}: enough courses stand for all", bool(fine), detail, unmet)
