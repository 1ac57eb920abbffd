"""The methods of a report, written from what was run."""

from __future__ import annotations

from outcomes.questions.answer import Answer
from outcomes.render.document import Bullets, Facts, Fold, Section
from outcomes.study import Study

BEFORE = (
    "Every exposure (sessions received, pressure, minutes) is what happened strictly before a "
    "score, since a score at the start of a visit cannot have been caused by that visit."
)
MISSING = (
    "No score was filled in. Mixed models use every score of a course with a baseline; they are "
    "right when missing scores are like those of courses with the same scores so far."
)
INTERVALS = (
    "Intervals are 95 % confidence intervals, not adjusted for the number of questions, except "
    "where a question says so. No question was chosen for its result: all that the toolkit knows "
    "are asked, and those that the data cannot carry are refused and listed."
)


def methods(study: Study, answers: tuple[Answer, ...], instrument: str) -> Section:
    """Return the methods section.

    Parameters
    ----------
    study : Study
        The study.
    answers : tuple of Answer
        What was asked.
    instrument : str
        Instrument of the outcome.
    """
    measure = study.instrument(instrument)
    facts = (
        ("Design", _design(study)),
        ("Outcome", f"{measure.title or measure.name}, {measure.minimum:g} to {measure.maximum:g} "
         f"{measure.unit}, {measure.better} is better. Improvement is the change from the course's "
         "baseline in the better direction: positive = better."),
        ("Exposure", BEFORE),
        ("Missing data", MISSING),
        ("Uncertainty", INTERVALS),
        ("Software", f"outcomes {answers[0].source.version}"),
    )  # fmt: skip
    each = tuple(f"{a.question} {a.method}" for a in answers if not a.refused)
    models = (Fold("The model of each answer", "", (Bullets(each),)),) if each else ()
    return Section("methods", "Methods", (Facts(facts), *models))


def _design(study: Study) -> str:
    made = "Simulated records" if study.provenance.synthetic else "Session records"
    if not study.recorded("episodes", "arm"):
        return f"{made} of care without a comparison group: what changes is change during care."
    control = study.provenance.control
    allotted = "allotted by chance" if study.provenance.randomised else "not allotted by chance"
    named = f"; control: {control}" if control else "; no arm is named as control"
    return f"{made} of {study.episodes['arm'].nunique()} arms, {allotted}{named}."
