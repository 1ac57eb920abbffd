"""Ask a study one question, or all of them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from outcomes.errors import FitError, UsageError
from outcomes.intake.check import check
from outcomes.questions import (
    conditions,
    frequency,
    goals,
    how_much,
    leavers,
    patient,
    pressure,
    safety,
    sessions,
    therapists,
    trial,
)
from outcomes.questions.answer import Answer, refusal
from outcomes.questions.disclosed import disclosed
from outcomes.questions.plan import Plan, adjusted, read_plan, under_plan
from outcomes.questions.source import source_of
from outcomes.study import Study

QUESTIONS: Mapping[str, tuple[str, Callable[..., Answer]]] = MappingProxyType(
    {
        how_much.NAME: (how_much.QUESTION, how_much.how_much),
        pressure.NAME: (pressure.QUESTION, pressure.pressure),
        sessions.NAME: (sessions.QUESTION, sessions.sessions),
        frequency.NAME: (frequency.QUESTION, frequency.frequency),
        goals.NAME: (goals.QUESTION, goals.goals),
        conditions.NAME: (conditions.QUESTION, conditions.conditions),
        patient.NAME: (patient.QUESTION, patient.patient),
        therapists.NAME: (therapists.QUESTION, therapists.therapists),
        safety.NAME: (safety.QUESTION, safety.safety),
        leavers.NAME: (leavers.QUESTION, leavers.leavers),
        trial.NAME: (trial.QUESTION, trial.trial),
    }
)
"""Questions by short name: the words, and the function that answers."""


def answer(
    study: Study,
    name: str,
    *,
    instrument: str | None = None,
    episode: str | None = None,
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Answer:
    """Answer one clinical question.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        Short name of the question: a key of `QUESTIONS`.
    instrument : str, optional
        Instrument of the outcome; by default the one with most scores.
    episode : str, optional
        The course, where the question is about one.
    plan : Plan, str, Path or mapping, optional
        Analysis plan, or its TOML file; see `outcomes.questions.plan.read_plan`.
    seed : int
        Of answers that draw random numbers.

    Returns
    -------
    Answer
        Refused, with the reason, when the data break a rule or cannot carry the question. Counts
        from 1 to 10 of real data, and summaries of the records behind them, are not in it.

    Raises
    ------
    UsageError
        When the question or the instrument is not known.

    Examples
    --------
    >>> import outcomes as oc
    >>> oc.answer(oc.simulate(episodes=60, seed=1), "how-much")
    Answer(how-much: ... estimates)
    """
    _known(name)
    options = {"instrument": instrument, "episode": episode, "plan": plan, "seed": seed}
    return _answered(study, name, _unusable(study), options)


def _answered(study: Study, name: str, problem: str, options: Mapping[str, Any]) -> Answer:
    """Answer a known question; `problem` is why these records answer nothing, or empty."""
    question, ask = QUESTIONS[name]
    if problem:
        return refusal(name, question, problem, source_of(study))
    chosen = options["instrument"] or study.scored_instruments()[0]
    study.instrument(chosen)
    known = None if options["plan"] is None else read_plan(options["plan"])
    for item in known.declared if known else ():
        _known(item.question)
    planned = known is not None and known.find(name, chosen) is not None
    options = taken(ask, **{**options, "instrument": chosen, "planned": planned})
    try:
        given = ask(study, **options)
    except FitError as error:
        given = refusal(name, question, f"no model fits these scores. {error}", source_of(study))
    return disclosed(under_plan(given, known, chosen), leaves=False)


def _known(name: str) -> tuple[str, Callable[..., Answer]]:
    """Return a question's words and function; raises `UsageError` where there is none."""
    if name not in QUESTIONS:
        near = difflib.get_close_matches(name, QUESTIONS, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(QUESTIONS)}."
        must = "the question is one that is known"
        raise UsageError(must, got=f"{name!r}", remedy=remedy)
    return QUESTIONS[name]


def taken(ask: Callable[..., Answer], **options: Any) -> dict[str, Any]:
    """Return the options that a question takes."""
    known = inspect.signature(ask).parameters
    return {name: value for name, value in options.items() if name in known}


def answers(
    study: Study,
    *,
    instrument: str | None = None,
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    seed: int = 0,
) -> tuple[Answer, ...]:
    """Answer every question about the whole study, in the order of `QUESTIONS`.

    Parameters
    ----------
    study : Study
        The study.
    instrument, plan, seed
        As in `answer`.

    Returns
    -------
    tuple of Answer
        P-values adjusted for their number are in ``p_adjusted``: Holm's among declared secondary
        questions, Benjamini and Hochberg's among those not declared.

    Examples
    --------
    >>> import outcomes as oc
    >>> [a.name for a in oc.answers(oc.simulate(episodes=60, seed=1))]
    ['how-much', ...]
    """
    options = {"instrument": instrument, "episode": None, "plan": plan, "seed": seed}
    problem = _unusable(study)
    asked = [name for name in QUESTIONS if name != patient.NAME]
    given = tuple(_answered(study, name, problem, options) for name in asked)
    chosen = instrument or next(iter(study.scored_instruments()), "")
    return adjusted(given, None if plan is None else read_plan(plan), chosen)


def _unusable(study: Study) -> str:
    """Why nothing can be answered from these records, or an empty string."""
    if not study.scored_instruments():
        return "there are no scores. Record a score at the start of each visit."
    rules = sorted({item.rule for item in check(study).errors})
    if not rules:
        return ""
    return (
        f"the data do not keep to the rule{'s' if len(rules) > 1 else ''} {', '.join(rules)}. "
        "`outcomes check` lists each place with its remedy."
    )
