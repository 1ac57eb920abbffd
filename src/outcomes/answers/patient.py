"""Is this one patient really better? The change against the measurement error."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from outcomes.answers.answer import Answer, Check, Picture, refusal
from outcomes.answers.source import source_of
from outcomes.answers.wording import decimals, scale
from outcomes.dictionary.instruments import Instrument, judge_individual_change
from outcomes.dictionary.instruments.judgement import IndividualJudgement
from outcomes.errors import UsageError
from outcomes.study import Study

NAME = "patient"
QUESTION = "Is this one patient really better?"

ESTIMAND = (
    "Change of one course from its baseline to its last score in the better direction (positive = "
    "better), against the smallest change that is more than measurement error (MDC)."
)
ASSUMPTIONS = ("The published measurement error holds for this patient and this way of asking.",)
LIMITS = (
    "A change beyond the measurement error is real; what brought it about, one course cannot tell.",
    "The first score is often taken at the worst time; some return towards the usual is expected.",
    "One patient's record: it stays inside the clinic.",
)


def patient(study: Study, *, instrument: str, episode: str | None = None) -> Answer:
    """Judge the change of one course against the minimal detectable change.

    Parameters
    ----------
    study : Study
        A study without errors.
    instrument : str
        Instrument of the outcome.
    episode : str, optional
        The course; refused without.

    Returns
    -------
    Answer
        ``.table``: ``kind`` is ``change`` (last score; ``mdc`` beside it) or ``score`` (each score
        in order, with ``day`` and ``session``). Refused when the course has no later score, or no
        MDC is published for its condition.

    Raises
    ------
    UsageError
        When the study has no such course.
    """
    source = source_of(study)
    if episode is None:
        reason = "the course is not named. Give episode=, one of study.episodes."
        return refusal(NAME, QUESTION, reason, source, estimand=ESTIMAND)
    facts = study.episodes[study.episodes["episode_id"] == episode]
    if facts.empty:
        must = "the course is one of the study's episodes"
        raise UsageError(must, got="another id", remedy="See study.episodes.")
    rows = study.trajectory(instrument)
    rows = rows[rows["episode_id"] == episode]
    measure = study.instrument(instrument)
    condition = facts["condition"].iloc[0]
    judged, problem = _judge(rows, measure, condition)
    if judged is None:
        return refusal(NAME, QUESTION, problem, source, estimand=ESTIMAND, limits=LIMITS)
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(judged, measure, len(rows)),
        table=_table(rows, judged),
        picture=_picture(rows, judged, measure),
        method=f"Last score minus baseline, judged against {judged.threshold.describe()}: the "
        "largest published for the condition, the cautious choice.",
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=(_kept(rows, judged),),
        limits=LIMITS,
        references=(judged.threshold.source,),
        source=replace(source, n_used=len(rows)),
    )


def _judge(
    rows: pd.DataFrame, measure: Instrument, condition: object
) -> tuple[IndividualJudgement | None, str]:
    if rows.empty:
        return None, "this course has no score after its baseline. Ask again at the next visit."
    change = float(rows["improvement"].iloc[-1])
    try:
        return judge_individual_change(change, measure, population=str(condition)), ""
    except UsageError:
        return None, (
            f"no measurement error (MDC) of {measure.title} is published for this condition on "
            "this scale, so nobody can tell a change from noise."
        )


def _sentence(judged: IndividualJudgement, measure: Instrument, n_scores: int) -> str:
    digits = decimals(measure)
    way = "better" if judged.improvement >= 0 else "worse"
    verdict = {
        "better": "more than measurement error: really better",
        "worse": "more than measurement error: really worse",
        "within measurement error": "no more than measurement error can bring about",
    }
    return (
        f"After {n_scores} later scores this patient's {measure.title} is "
        f"{abs(judged.improvement):.{digits}f} {measure.unit} {way} since baseline, "
        f"{verdict[judged.verdict]} (MDC {judged.threshold.value:g}; {scale(measure)})."
    )


def _table(rows: pd.DataFrame, judged: IndividualJudgement) -> pd.DataFrame:
    change = {
        "term": judged.verdict, "kind": "change", "estimate": judged.improvement,
        "mdc": judged.threshold.value,
    }  # fmt: skip
    scores = rows[["day", "session", "score", "improvement"]].rename(
        columns={"improvement": "estimate"}
    )
    scores = scores.assign(kind="score", term=[f"score {i + 1}" for i in range(len(rows))])
    return pd.concat([pd.DataFrame([change]), scores], ignore_index=True)


def _picture(rows: pd.DataFrame, judged: IndividualJudgement, measure: Instrument) -> Picture:
    dated = bool(rows["day"].notna().all())
    x = rows["day"] if dated else rows["session"]
    width = judged.threshold.value
    data = pd.DataFrame({"x": x, "estimate": rows["improvement"], "group": "this patient"})
    data["conf_low"] = data["estimate"] - width
    data["conf_high"] = data["estimate"] + width
    return Picture(
        kind="curves",
        data=data.assign(n_episodes=1).reset_index(drop=True),
        title=f"One patient: {measure.title}",
        x_label="Days since the first visit" if dated else "Visit",
        y_label=f"Improvement since baseline ({measure.unit}; up = better)",
        alt=f"Improvement at {len(rows)} scores, last {judged.improvement:.1f}; the band is the "
        f"measurement error, {width:g} to either side.",
        reading="The band or bars: the measurement error (MDC) to either side.",
    )


def _kept(rows: pd.DataFrame, judged: IndividualJudgement) -> Check:
    """Whether the last two scores both lie on the verdict's side."""
    last = rows["improvement"].tail(2).abs() >= judged.threshold.value
    held = bool(last.all()) if judged.verdict != "within measurement error" else True
    return Check(
        "the last two scores agree",
        held and len(rows) >= 2,
        f"{int(last.sum())} of the last {len(last)} beyond the measurement error",
    )
