"""Did those who quit skew the result? Courses by reason, worse leavers, and the tipping point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.causal.missing_not_at_random import delta_adjusted, tipping_point
from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.disclosure import Disclosure, disclosure_for
from outcomes.privacy.text import Count, Resting, Text
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, raw_means
from outcomes.questions.course_model import CourseModel, means, of_whom
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.records import baselines, last_of_each
from outcomes.study import Study
from outcomes.trajectory import trajectory
from outcomes.words import (
    CANNOT_TELL,
    beside,
    decimals,
    direction,
    plain,
    scale,
    when,
    with_interval,
)

WELL = ("goal_met", "ongoing")
"""Reasons for which nobody supposes that those who left did worse."""
STEPS = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Deltas shown, as shares of the instrument's range."""
FRAGILE = 0.1
"""A tipping point below this share of the instrument's range is called fragile."""


@dataclass(frozen=True, eq=False)
class _Leavers:
    """Who has no score at the horizon, and why.

    Parameters
    ----------
    reasons : Series, index episode_id
        Reason for the end of each course with a baseline.
    left : Series of bool, index episode_id
        Whether the course has no score at or after the horizon.
    worse : Series of bool
        Whether it left for another reason than a goal met; all who left, where those who left well
        are so few that the number of the others would tell them.
    untold : int
        Courses without a baseline, where they are so few that nothing may tell them; else 0.
    """

    reasons: pd.Series[str]
    left: pd.Series[bool]
    worse: pd.Series[bool]
    untold: int = 0

    @property
    def n_worse(self) -> int:
        """Courses that may have done worse than similar ones."""
        return int(self.worse.sum())

    @property
    def shares(self) -> pd.Series[float]:
        """Share of all courses that left, by reason, leaving well apart."""
        return self.reasons[self.worse].value_counts() / len(self.left)


def leavers(asked: Asked) -> Found | Missing:
    """Show what the result owes to those without a later score.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``tipping point`` (points), ``delta`` (mean under worse and worse
        leavers; ``delta`` in points), ``stayed`` (mean of the scores seen), ``reason`` (improvement
        at the last score by reason for the end, with mean ``baseline`` and ``last_score``) and
        ``by reason`` (mean improvement over time by that reason). Missing with fewer than eleven
        courses.
    """
    course, measure = asked.course, asked.measure
    if course.n_courses < LEAST_COURSES or not course.times:
        there = Count(course.n_courses, "course", there=True)
        few = asked.question.say("few", least=str(LEAST_COURSES), there=there)
        return Missing(few, course=course)
    model = asked.pooled
    gone = _who_left(asked.study, course, asked.instrument)
    table, formula = _table(model, course, gone, measure)
    tip = float(table["estimate"].iloc[0])
    fragile = tip < FRAGILE * (measure.maximum - measure.minimum)
    stands = CANNOT_TELL if fragile else "it stands"
    return Found(
        table,
        _sentence(table, gone, course, measure),
        asked.question.say("method", formula=formula),
        _picture(table, gone, measure) if gone.left.any() else None,
        checks=_checks(gone, tip, measure, asked.study),
        glance=_glance(table, gone, measure),
        verdict=Text(Resting(gone.n_worse, words=stands, otherwise=CANNOT_TELL)),
        course=course,
    )


def _who_left(study: Study, course: CourseFrame, instrument: str) -> _Leavers:
    """Courses of the trajectory, and those with a baseline whose only score it is."""
    facts = study.courses
    ids = facts.index[facts.index.isin(baselines(study, instrument)["episode_id"])]
    reasons = facts["end_reason"].reindex(ids).fillna("not recorded")
    last = course.rows.groupby("episode_id")[course.axis].max().reindex(ids)
    if course.axis == "week":  # a score too far from the week that it was due is a later score
        taken = trajectory(study, instrument).rows.groupby("episode_id")["week"].max()
        last = last.combine(taken.reindex(ids), np.fmax)
    left = ~(last >= course.horizon)
    well = left & reasons.isin(WELL)
    rule, without = disclosure_for(study), len(facts) - len(ids)
    few = rule.hides(int(well.sum()))
    return _Leavers(reasons, left, left & (~well | few), without * rule.hides(without))


def _table(
    model: CourseModel, course: CourseFrame, gone: _Leavers, measure: Instrument
) -> tuple[pd.DataFrame, str]:
    at = means(model, (course.horizon,)).to_dict("records")[0]
    known = (float(at["estimate"]), float(at["std_error"]), float(at["df"]))
    n, shares = len(gone.left), gone.shares
    width = measure.maximum - measure.minimum
    tip = tipping_point(*known, shares, n)
    # what the sentence says stands in the figure
    there = 0 < tip <= width and not Disclosure().hides(gone.n_worse)
    at_tip = (round(tip, decimals(measure)) if gone.untold else tip) if there else 0.0
    deltas = sorted({*(step * width for step in STEPS), at_tip})
    rows = delta_adjusted(*known, shares, deltas, n)
    rows = rows.assign(kind="delta", delta=deltas, n_episodes=n)
    rows["term"] = [_supposed(delta, measure) for delta in deltas]
    # whoever subtracts one of these rows from another has the share that left, and so its whole
    rows["n_left"] = np.where(rows["delta"] > 0, gone.n_worse, np.nan)
    if gone.untold:
        rows.loc[~rows["delta"].isin([0, at_tip]), "n_left"] = gone.untold
    row = {"term": "tipping point", "kind": "tipping point", "estimate": tip, "n_episodes": n}
    first = pd.DataFrame([{**row, "n_left": gone.n_worse}])
    parts = [first, rows, _stayed(course), _by_reason(course, gone)]
    parts.append(_courses_by_reason(course, gone))
    return pd.concat(parts, ignore_index=True), model.fit.request.formula


def _supposed(delta: float, measure: Instrument) -> str:
    if not delta:
        return "early leavers like similar courses"
    return f"early leavers {_points(delta, measure)} worse"


def _points(size: float, measure: Instrument) -> str:
    """Return a size with its unit; one beside a line that decides does not read as on it."""
    tenth = FRAGILE * (measure.maximum - measure.minimum)
    return f"{beside(size, decimals(measure), 0, tenth)} {measure.unit}"


def _stayed(course: CourseFrame) -> pd.DataFrame:
    seen = course.rows[course.rows[course.axis] == course.horizon]
    last = last_of_each(seen).assign(term="those with a score then")
    return raw_means(last.groupby("term")).reset_index().assign(kind="stayed")


def _by_reason(course: CourseFrame, gone: _Leavers) -> pd.DataFrame:
    """Mean of the last score at a visit of each course, by the reason for its end."""
    at_visits = course.rows[course.rows["session"].notna()]
    last = last_of_each(at_visits if len(at_visits) else course.rows)
    groups = last.groupby(last["episode_id"].map(gone.reasons).to_numpy())
    scores = groups[["baseline", "score"]].mean().rename(columns={"score": "last_score"})
    return raw_means(groups).join(scores).reset_index(names="term").assign(kind="reason")


def _courses_by_reason(course: CourseFrame, gone: _Leavers) -> pd.DataFrame:
    """Mean improvement over time of courses that ended for each reason, 11 courses or more."""
    keys = [course.rows["episode_id"].map(gone.reasons).rename("term"), course.axis]
    table = raw_means(course.rows.groupby(keys))
    table = table[table["n_episodes"] >= LEAST_COURSES]
    return table.reset_index().assign(kind="by reason")


def _sentence(table: pd.DataFrame, gone: _Leavers, course: CourseFrame, measure: Instrument) -> str:
    base = _as_similar_courses(table)
    found = with_interval(base, unit=measure.unit)
    whose = of_whom(course) and f" in patients{of_whom(course)}"
    whose += ", the arms together," if course.group == "arm" else ""
    n_left = int(gone.left.sum())
    left = Count(n_left, "course", of=len(gone.left)) if n_left else "No course"
    supposed = "if they went on like similar courses, " if n_left else ""
    return LEAVERS.say(
        "found", verdict=_verdict(table, gone, measure), left=left, since=_from(course),
        had="had no" if n_left else "was without a", supposed=supposed, whose=whose, found=found,
        measure=f"{measure.title} ({scale(measure)})",
    )  # fmt: skip


def _as_similar_courses(table: pd.DataFrame) -> dict[Any, Any]:
    """Return the row in which those who left went on like similar courses."""
    return table[table["kind"] == "delta"].to_dict("records")[0]


def _glance(table: pd.DataFrame, gone: _Leavers, measure: Instrument) -> Text:
    tip, width = float(table["estimate"].iloc[0]), measure.maximum - measure.minimum
    if tip == 0:  # known from the mean alone
        worse = "scores got worse during care"
        return Text(direction(_as_similar_courses(table), "", worse, "improvement is not clear"))
    words = f"{_points(tip, measure)} worse would undo it" if tip <= width else "none could undo it"
    return Text(Resting(gone.n_worse, words=words, otherwise=LEAVERS.notes["few worse"]))


def _verdict(table: pd.DataFrame, gone: _Leavers, measure: Instrument) -> Text:
    """Say how much worse those who left early would have to be; of few, that would tell them."""
    tip = float(table["estimate"].iloc[0])
    if tip == 0:
        worse = "Scores got worse during care"
        found = direction(_as_similar_courses(table), "", worse, "Improvement is not clear")
        left = ", even if those who left went on like similar courses" if gone.left.any() else ""
        return Text(found, left)
    words = _in_words(tip, measure) if gone.left.any() else LEAVERS.notes["all there"]
    return Text(Resting(gone.n_worse, words=words, otherwise=LEAVERS.notes["untold"]))


def _in_words(tip: float, measure: Instrument) -> str:
    if not np.isfinite(tip):
        return LEAVERS.notes["nobody"]
    if tip > measure.maximum - measure.minimum:
        return LEAVERS.notes["none could"]
    return LEAVERS.say("tips", worse=_points(tip, measure))


def _from(course: CourseFrame) -> str:
    """Return the time from which a score would have counted."""
    if course.one_score_each and course.n_times == 1:
        return "after baseline"
    if course.axis == "session_count":
        return f"at a visit after {course.horizon:.0f} or more sessions"
    return f"{when(course.axis, course.horizon)} or later"


def _picture(table: pd.DataFrame, gone: _Leavers, measure: Instrument) -> Picture:
    rows = table[table["kind"] == "delta"]
    digits, title = decimals(measure), _verdict(table, gone, measure)
    told = [f"{r['term']}: {plain(r['estimate'], digits)}" for r in rows.to_dict("records")]
    return LEAVERS.forest(rows, rows["term"], title, unit=measure.unit, spoken="; ".join(told))


def _checks(gone: _Leavers, tip: float, measure: Instrument, study: Study) -> tuple[Check, ...]:
    left, unknown = gone.left, gone.reasons == "not recorded"
    width = measure.maximum - measure.minimum
    at = f"tipping point {_points(tip, measure)}" if 0 < tip <= width else "no tipping point"
    n, n_left, n_unknown = len(left), int(left.sum()), int(unknown.sum())
    untold = Text("without a reason: ", Count(n_unknown, "course", of=n))
    untold_tip = not n_left or disclosure_for(study).hides(gone.n_worse)
    bears = [] if untold_tip else [LEAVERS.check("bears", tip >= FRAGILE * width, at)]
    return (
        LEAVERS.at_most("few", 0.2, n_left, n, study, Text(Count(n_left, "course", of=n))),
        *bears,
        LEAVERS.at_most("reasons", 0.2, n_unknown, n, study, untold),
    )


LEAVERS = question("leavers", leavers)
