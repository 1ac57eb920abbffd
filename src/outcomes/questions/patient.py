"""Is this one patient really better, and what is to come? One course against measurement error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from outcomes.causal.regression_to_the_mean import Rating, expected_return
from outcomes.dictionary.instruments import (
    Instrument,
    Threshold,
    judge_individual_change,
    measurement_error,
)
from outcomes.dictionary.instruments.judgement import standard_error
from outcomes.errors import UsageError
from outcomes.questions.course_picture import course_picture
from outcomes.questions.outlook_of_course import LIMITS as OUTLOOK_LIMITS
from outcomes.questions.outlook_of_course import Outlook, outlook_of
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.records import SERIES, baselines
from outcomes.words import counted, decimals, scale


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
        when the course has no later score, or there is neither a published MDC for its condition
        nor enough data for an outlook; a missing part is named in ``.limits``.

    Raises
    ------
    UsageError
        When the study has no such course.
    """
    study, episode, about = asked.study, asked.episode, asked.question
    if episode is None:
        return Missing("the course is not named. Give episode=, one of study.episodes.")
    facts = study.episodes[study.episodes["episode_id"] == episode]
    if facts.empty:
        must = "the course is one of the study's episodes"
        raise UsageError(must, got="another id", remedy="See study.episodes.")
    rows = study.trajectory(asked.instrument)
    rows = rows[rows["episode_id"] == episode]
    judged, problem = _judge(asked, rows, facts["condition"].iloc[0])
    outlook = "" if rows.empty else outlook_of(study, asked.measure, episode, asked.seed)
    if judged is None and not isinstance(outlook, Outlook):
        reason = problem + (f" Nor is there an outlook: {outlook}." if outlook else "")
        return Missing(reason, limits=about.limits)
    return _found(asked, rows, judged, outlook)


def _found(
    asked: Asked, rows: pd.DataFrame, judged: _Verdict | None, outlook: Outlook | str
) -> Found:
    measure, about = asked.measure, asked.question
    ahead = outlook if isinstance(outlook, Outlook) else None
    method = f"Last score minus baseline, judged against {_against(judged)}."
    also: dict[str, Any] = {"references": (judged.threshold.source,) if judged else ()}
    if ahead:
        notes = about.notes
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
        limits=(
            *about.limits, *(OUTLOOK_LIMITS if ahead else (f"No outlook is given: {outlook}.",))
        ),
        n_used=len(rows),
        also=also,
    )  # fmt: skip


@dataclass(frozen=True)
class _Verdict:
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


def _judge(asked: Asked, rows: pd.DataFrame, condition: object) -> tuple[_Verdict | None, str]:
    measure = asked.measure
    if rows.empty:
        return None, "this course has no score after its baseline. Ask again at the next visit."
    if len(rows[rows.columns.intersection(SERIES)].drop_duplicates()) > 1:
        return None, "this course scores several movements. Keep the rows of one, and ask again."
    try:
        mdc = measurement_error(measure, population=str(condition))
    except UsageError:
        return None, (
            f"no measurement error (MDC) of {measure.title} is published for this condition on "
            "this scale, so nobody can tell a change from noise."
        )
    back = _expected_return(asked, float(rows["baseline"].iloc[0]), standard_error(mdc))
    sides = []
    for change in rows["improvement"]:
        # a worse change is not excused by a return, a better one by that much
        judged = change - (back or 0.0) if change > 0 else change
        verdict = judge_individual_change(judged, measure, population=str(condition)).verdict
        sides.append({"better": 1, "worse": -1}.get(verdict, 0))
    return _Verdict(mdc, back, tuple(sides)), ""


def _expected_return(asked: Asked, first: float, error: float) -> float | None:
    """Return to the usual that is expected after this first score, among those who came."""
    measure = asked.measure
    scores = baselines(asked.study, measure.name)["score"].to_numpy(float)
    ends = sorted((-measure.sign * measure.minimum, -measure.sign * measure.maximum))
    step = measure.step or (measure.maximum - measure.minimum) / 1000
    worse = -measure.sign * scores
    rating = Rating(ends[0], float(worse.min()), ends[1], step)
    return expected_return(-measure.sign * first, worse, rating, error)


def _sentence(judged: _Verdict | None, rows: pd.DataFrame, measure: Instrument) -> str:
    digits, change = decimals(measure), float(rows["improvement"].iloc[-1])
    size = f"{abs(change):.{digits}f} {measure.unit}"
    way = f"{size} {'better' if change > 0 else 'worse'} than at baseline"
    way = way if change else "unchanged since baseline"
    compared = (
        f", which cannot be told from measurement error: none is published ({scale(measure)})"
    )
    if judged:
        said = f", {_said(judged)}" if change else ""
        error = f"MDC {judged.threshold.value:g}{_and_return(judged)}"
        compared = f"{said} ({error}; {scale(measure)})"
    return (
        f"{measure.title}: at the last of {counted(len(rows), 'later score')} this patient was "
        f"{way}{compared}."
    )


def _said(judged: _Verdict) -> str:
    way, _, once = judged.name.partition(" ")
    if not judged.sides[-1]:
        return "no more than measurement error can bring about"
    if once:
        return (
            "more than measurement error at this score, but not at two in a row: of many looks one "
            "goes so far by chance, so ask again at the next visit"
        )
    return f"more than measurement error at two scores in a row: really {way}"


def _and_return(judged: _Verdict) -> str:
    """Name the return expected after the first score where it is more than a tenth."""
    if not judged.expected_return or judged.expected_return < 0.1:
        return ""
    return f", plus {judged.expected_return:.1f} expected after so bad a first score"


def _against(judged: _Verdict | None) -> str:
    if judged is None:
        return "nothing: no measurement error (MDC) is published for the condition on this scale"
    said = judged.threshold.describe()
    back = judged.expected_return
    picked = "; too few baselines tell what return a first score like this one leads to expect"
    if back is not None:
        picked = f", and {back:.1f} of return expected after this first score (Kelley)"
    return f"{said}: the largest published for the condition, the cautious choice{picked}"


def _table(rows: pd.DataFrame, judged: _Verdict | None, ahead: Outlook | None) -> pd.DataFrame:
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


def _checks(judged: _Verdict | None, ahead: Outlook | None) -> tuple[Check, ...]:
    checks = (_kept(judged),) if judged else ()
    if ahead is None:
        return checks
    words = ahead.goal_note or "set in time, beyond measurement error"
    fair = Check("a fair goal lies ahead", not ahead.goal_note, words)
    return (*checks, fair)


def _kept(judged: _Verdict) -> Check:
    """Whether the last two scores lie on one side of the measurement error, or both within."""
    last = judged.sides[-2:]
    return Check(
        "the last two scores agree",
        len(last) == 2 and last[0] == last[1],
        f"{sum(map(abs, last))} of the last {len(last)} beyond the measurement error",
    )


PATIENT = question("patient", patient)
