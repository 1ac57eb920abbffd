"""Is this one patient really better, and what is to come? One course against measurement error."""

from __future__ import annotations

from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument, judge_individual_change
from outcomes.dictionary.instruments.judgement import IndividualJudgement
from outcomes.errors import UsageError
from outcomes.questions.course_picture import course_picture
from outcomes.questions.outlook_of_course import LIMITS as OUTLOOK_LIMITS
from outcomes.questions.outlook_of_course import Outlook, outlook_of
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.questions.wording import counted, decimals, scale
from outcomes.records import SERIES


def patient(asked: Asked) -> Found | Missing:
    """Judge the change of one course against the minimal detectable change, and look ahead.

    Parameters
    ----------
    asked : Asked
        The question, with the course; its seed is of the outlook's draws.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``change`` (last score; ``mdc`` beside it), ``score`` (each score
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
    judged, problem = _judge(rows, asked.measure, facts["condition"].iloc[0])
    outlook = "" if rows.empty else outlook_of(study, asked.measure, episode, asked.seed)
    if judged is None and not isinstance(outlook, Outlook):
        reason = problem + (f" Nor is there an outlook: {outlook}." if outlook else "")
        return Missing(reason, limits=about.limits)
    return _found(asked, rows, judged, outlook)


def _found(
    asked: Asked, rows: pd.DataFrame, judged: IndividualJudgement | None, outlook: Outlook | str
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
        checks=_checks(rows, judged, ahead),
        limits=(
            *about.limits, *(OUTLOOK_LIMITS if ahead else (f"No outlook is given: {outlook}.",))
        ),
        n_used=len(rows),
        also=also,
    )  # fmt: skip


def _judge(
    rows: pd.DataFrame, measure: Instrument, condition: object
) -> tuple[IndividualJudgement | None, str]:
    if rows.empty:
        return None, "this course has no score after its baseline. Ask again at the next visit."
    if len(rows[rows.columns.intersection(SERIES)].drop_duplicates()) > 1:
        return None, "this course scores several movements. Keep the rows of one, and ask again."
    change = float(rows["improvement"].iloc[-1])
    try:
        return judge_individual_change(change, measure, population=str(condition)), ""
    except UsageError:
        return None, (
            f"no measurement error (MDC) of {measure.title} is published for this condition on "
            "this scale, so nobody can tell a change from noise."
        )


def _sentence(judged: IndividualJudgement | None, rows: pd.DataFrame, measure: Instrument) -> str:
    digits, change = decimals(measure), float(rows["improvement"].iloc[-1])
    size = f"{abs(change):.{digits}f} {measure.unit}"
    way = f"{size} better" if change > 0 else f"{size} worse"
    way = way if change else "unchanged"
    verdict = {
        "better": "which is more than measurement error: really better",
        "worse": "which is more than measurement error: really worse",
        "within measurement error": "no more than measurement error can bring about",
    }
    compared = (
        f"{verdict[judged.verdict]} (MDC {judged.threshold.value:g}; {scale(measure)})"
        if judged
        else f"which cannot be told from measurement error: none is published ({scale(measure)})"
    )
    return (
        f"{measure.title}: at the last of {counted(len(rows), 'later score')} this patient was "
        f"{way} since baseline, {compared}."
    )


def _against(judged: IndividualJudgement | None) -> str:
    if judged is None:
        return "nothing: no measurement error (MDC) is published for the condition on this scale"
    said = judged.threshold.describe()
    return f"{said}: the largest published for the condition, the cautious choice"


def _table(
    rows: pd.DataFrame, judged: IndividualJudgement | None, ahead: Outlook | None
) -> pd.DataFrame:
    change = {
        "term": judged.verdict if judged else "not judged", "kind": "change",
        "estimate": rows["improvement"].iloc[-1],
        "mdc": judged.threshold.value if judged else float("nan"),
    }  # fmt: skip
    scores = rows[["day", "session", "score", "improvement"]].rename(
        columns={"improvement": "estimate"}
    )
    scores = scores.assign(kind="score", term=[f"score {i + 1}" for i in range(len(rows))])
    parts = [pd.DataFrame([change]), scores, *([ahead.rows] if ahead else [])]
    return pd.concat(parts, ignore_index=True)


def _checks(
    rows: pd.DataFrame, judged: IndividualJudgement | None, ahead: Outlook | None
) -> tuple[Check, ...]:
    checks = (_kept(rows, judged),) if judged else ()
    if ahead is None:
        return checks
    words = ahead.goal_note or "set in time, beyond measurement error"
    fair = Check("a fair goal lies ahead", not ahead.goal_note, words)
    return (*checks, fair)


def _kept(rows: pd.DataFrame, judged: IndividualJudgement) -> Check:
    """Whether the last two scores both lie on the verdict's side."""
    last = rows["improvement"].tail(2).abs() >= judged.threshold.value
    held = bool(last.all()) if judged.verdict != "within measurement error" else True
    return Check(
        "the last two scores agree",
        held and len(rows) >= 2,
        f"{int(last.sum())} of the last {len(last)} beyond the measurement error",
    )


PATIENT = question("patient", patient)
