"""Ask a study one question, or all of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from outcomes import __version__
from outcomes.errors import FitError, RecordsWarning, UnvaryingError, UsageError
from outcomes.intake.toml_records import refuse_unknown
from outcomes.privacy.disclosure import disclosure_for
from outcomes.privacy.text import Count, Text, joined
from outcomes.questions.answer import Answer, Source, refusal
from outcomes.questions.claim import SAID
from outcomes.questions.conditions import CONDITIONS
from outcomes.questions.course_frame import LEAST_COURSES, MOSTLY_OWN, rows_said
from outcomes.questions.declared import within
from outcomes.questions.disclosed import disclosed
from outcomes.questions.frequency import FREQUENCY
from outcomes.questions.goals import GOALS
from outcomes.questions.how_much import HOW_MUCH
from outcomes.questions.leavers import LEAVERS
from outcomes.questions.over_time import OVER_TIME
from outcomes.questions.patient import PATIENT
from outcomes.questions.plan import Plan, adjusted, read_plan, under_plan
from outcomes.questions.pressure import PRESSURE
from outcomes.questions.question import Asked, Found, Missing, Question
from outcomes.questions.safety import SAFETY
from outcomes.questions.sessions import SESSIONS
from outcomes.questions.therapists import THERAPISTS
from outcomes.questions.trial import TRIAL
from outcomes.rules.check import check, errors_named
from outcomes.study import Study
from outcomes.words import when

_ALL = (
    HOW_MUCH, PRESSURE, SESSIONS, FREQUENCY, GOALS, CONDITIONS, PATIENT, THERAPISTS, SAFETY,
    LEAVERS, TRIAL, OVER_TIME,
)  # fmt: skip
QUESTIONS: Mapping[str, Question] = MappingProxyType({one.name: one for one in _ALL})
"""Questions by short name."""
_NAMED = 5


def answer(
    study: Study,
    name: str,
    *,
    instrument: str | None = None,
    episode: str | None = None,
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    seed: int = 0,
    anyway: bool = False,
) -> Answer:
    """Answer one clinical question.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        Short name of the question: a key of `QUESTIONS`.
    instrument : str, optional
        Instrument of the outcome; by default the plan's, or else the one with most scores.
    episode : str, optional
        The course, where the question is about one.
    plan : Plan, str, Path or mapping, optional
        Analysis plan, or its TOML file; see `outcomes.questions.plan.read_plan`.
    seed : int
        Of answers that draw random numbers.
    anyway : bool
        Whether to answer although errors of the import stand; sentence and limits then say how many
        rows are left out.

    Returns
    -------
    Answer
        Refused, with the reason, when the data break a rule or cannot carry the question. Counts
        from 1 to 10 of real data, and summaries of the records behind them, are not in it.

    Raises
    ------
    UsageError
        When the question or the instrument is not known, or a course is named where the question is
        not about one.

    Examples
    --------
    >>> import outcomes as oc
    >>> ", ".join(QUESTIONS)
    'how-much, pressure, sessions, frequency, goals, conditions, patient, therapists, safety, ...'
    >>> oc.answer(oc.simulate(episodes=60, seed=1), "how-much")
    Answer(how-much: ... estimates)
    """
    known = _plan(plan, study)
    chosen = instrument or (known.instrument(name) if known else None)
    options = {"instrument": chosen, "episode": episode, "seed": seed}
    question, problem = known_question(name), why_unusable(study, anyway=anyway)
    if episode is not None and not question.about_one:
        must = "a course is named where the question is about one"
        remedy = "Ask `patient`, or leave the course out."
        raise UsageError(must, got=f"{name!r}, about all", remedy=remedy)
    return _answered(study, question, problem, known, options)


def answers(
    study: Study,
    *,
    instrument: str | None = None,
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    seed: int = 0,
    anyway: bool = False,
) -> tuple[Answer, ...]:
    """Answer every question about the whole study, in the order of `QUESTIONS`.

    Parameters
    ----------
    study : Study
        The study.
    instrument, plan, seed, anyway
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
    known, problem = _plan(plan, study), why_unusable(study, anyway=anyway)
    instrument = instrument or (known.instrument() if known else None)
    options = {"instrument": instrument, "seed": seed}
    given = tuple(
        _answered(study, question, problem, known, options)
        for question in QUESTIONS.values()
        if not question.about_one
    )
    return adjusted(given, known, instrument or next(iter(study.scored_instruments()), ""))


def undisclosed(study: Study, name: str, **options: Any) -> Answer:
    """Return an answer with all its numbers: for power, rehearsals and studies of the answers.

    Parameters
    ----------
    study : Study
        Without errors.
    name : str
        Short name of the question.
    **options
        ``instrument`` and other fields of `outcomes.questions.question.Asked`.

    Raises
    ------
    FitError
        When no model fits.
    """
    question = known_question(name)
    asked = Asked(
        question, study, **{"instrument": next(iter(study.scored_instruments()), ""), **options}
    )
    asked = replace(asked, study=within(study, asked.plan.population))
    found = _unmet(asked) or question.find(asked)
    others = {"outside the declared population": len(study.courses) - len(asked.study.courses)}
    source = _source(study, found.rows_used, {**found.rows_left_out, **others})
    about = {"estimand": question.estimand, "record": question}
    private = (SAID["private"],) if question.about_one else ()
    if isinstance(found, Missing):
        about |= {"table": found.table, "limits": (*found.limits, *private)}
        return refusal(question.name, question.words, found.reason, source, **about)
    limits = question.limits if found.limits is None else found.limits
    parts = {
        "name": question.name, "question": question.words,
        "sentence": Text(found.sentence, asked.plan.of_whom),
        "table": found.table, "picture": found.picture, "method": _method(asked, found),
        "assumptions": question.assumptions, "checks": found.checks, "source": source,
        "limits": (*_cautions(asked, found), *limits, *private),
        "references": question.references, "glance": found.glance, "verdict": found.verdict,
    }  # fmt: skip
    return Answer(**{**about, **parts, **found.also})


def _method(asked: Asked, found: Found) -> str:
    """Return the method with what is said of rows and degrees of freedom wherever courses are."""
    name = asked.question.name
    if found.course is None or name in ("pressure", "trial"):
        return found.method
    of = name not in ("therapists", "over-time")
    return Text(found.method, rows_said(asked.course, found.course, found.method, means_of=of))


def _unmet(asked: Asked) -> Missing | None:
    """Why the study has not more patients than one, or what the plan declares; None if it has."""
    plan = asked.plan
    if not asked.question.about_one and asked.study.of_one_patient():
        return Missing(SAID["one patient"])
    scored = asked.instrument in asked.study.scored_instruments()
    if plan.population and asked.question.of_scores and not scored:
        return Missing("no course of the population that the plan declares has a score.")
    if asked.question.of_scores and not asked.question.about_one and not asked.course.n_courses:
        return Missing(SAID["no later score"], course=asked.course)
    if asked.question.one_score and scored and asked.course.several_movements:
        return Missing(SAID["movements"], course=asked.course)
    if plan.weeks and asked.course.axis != "week":
        return Missing(SAID["no days"], course=asked.course)
    if plan.time is None or asked.course.horizon == plan.time:
        return None
    time = when(asked.course.axis, plan.time)
    few = f"fewer than {LEAST_COURSES} courses have a score {time}, which the plan declares."
    return Missing(few, course=asked.course)


def refuse_below_zero(seed: int) -> None:
    """Raise `UsageError` for a number that no random numbers begin from."""
    if seed < 0:
        must = "a seed is a whole number from 0"
        raise UsageError(must, got="one below")


def known_question(name: str) -> Question:
    """Return a question; raises `UsageError` where there is none of that name."""
    refuse_unknown([name], QUESTIONS, "a question")
    return QUESTIONS[name]


def _answered(
    study: Study, question: Question, problem: str, plan: Plan | None, options: Mapping[str, Any]
) -> Answer:
    """Answer a question; `problem` is why these records answer nothing, or empty."""
    refuse_below_zero(options["seed"])
    chosen = options["instrument"] or next(iter(study.scored_instruments()), "")
    if question.of_scores and not chosen:
        problem = "there are no scores. Record a score at the start of each visit."
    if problem:
        return _refused(study, question, problem)
    if chosen:
        study.instrument(chosen)
    declared = plan.find(question.name, chosen) if plan else None
    apart = bool(declared and declared.population)
    study = study.asked_of("" if apart else question.name, options["seed"])
    try:
        asked = {**options, "instrument": chosen, "declared": declared}
        # the answer says so itself
        with warnings.catch_warnings(action="ignore", category=RecordsWarning):
            given = _in_spite_of_errors(undisclosed(study, question.name, **asked), study)
        given = _of_sample(given, study.provenance.sampled)
    except FitError as error:
        given = _refused(study, question, _why_no_model(error))
    return disclosed(under_plan(given, plan, chosen), disclosure_for(study), leaves=False)


def _why_no_model(error: FitError) -> str:
    """Say that scores are alike, where they are; else what the model said, without its advice."""
    if isinstance(error, UnvaryingError):
        return str(SAID["unvarying"])
    said = f"{error.must[:1].lower()}{error.must[1:]}" + f"; got {error.got}" * bool(error.got)
    return f"{SAID['no model']} ({said})."


def _of_sample(given: Answer, sampled: tuple[int, ...]) -> Answer:
    """Say in sentence and limits that an answer is of a random sample, where it is."""
    if given.refused or not sampled:
        return given
    drawn, total, seed = sampled
    which = Text("from a random sample: ", Count(drawn, "course", of=total), f" (seed {seed})")
    sentence = Text(given.sentence, " This is ", which, ".")
    why = "the question cannot be added up over the parts of so large a study."
    return replace(
        given, sentence=sentence, limits=(*given.limits, Text("It is ", which, ": ", why))
    )


def _refused(study: Study, question: Question, reason: str) -> Answer:
    return refusal(question.name, question.words, reason, _source(study), record=question)


def _plan(source: Plan | str | Path | Mapping[str, Any] | None, study: Study) -> Plan | None:
    """Read the plan; each question and instrument that it declares is known."""
    plan = None if source is None else read_plan(source)
    for item in plan.declared if plan else ():
        item.refuse_unsound(known_question(item.question).declares)
        if item.instrument:
            study.instrument(item.instrument)
    return plan


def _cautions(asked: Asked, found: Found) -> tuple[str, ...]:
    """Sentences that must stand beside an answer, by what the study allows."""
    if asked.question.about_one:
        return ()
    cautions = asked.allowed(found.courses, found.n_clusters).cautions
    cautions = cautions[1:] if asked.question.compares == "records" else cautions
    if found.course is None or asked.question.name in ("pressure", "trial"):
        return cautions
    untold = 0 < asked.course.n_treated < asked.course.n_courses
    more = {"untold": untold, "shared": asked.course.own_share < MOSTLY_OWN}
    return (*cautions, *(SAID[name] for name, holds in more.items() if holds))


def _source(study: Study, n_used: int = 0, left_out: Mapping[str, int] | None = None) -> Source:
    """Return what an answer rests on, with the rows left out in reading and in the analysis."""
    about = study.provenance
    dropped = {entry.reason: entry.count for entry in about.left_out}
    for reason, count in (left_out or {}).items():
        if count:
            dropped[reason] = dropped.get(reason, 0) + count
    return Source(
        title=about.title, name=about.source, synthetic=about.synthetic, seed=about.seed,
        sha256=study.digest, version=__version__, n_episodes=len(study.episodes),
        n_used=n_used, left_out=dropped,
    )  # fmt: skip


def why_unusable(study: Study, *, anyway: bool = False) -> str:
    """Return why nothing can be said from these records, or an empty string.

    Parameters
    ----------
    study : Study
        The study.
    anyway : bool
        Whether errors of its imports may stand.
    """
    errors = check(study).errors
    stand = [e for e in errors if not (anyway and e in study.provenance.import_findings)]
    if not stand:
        return SAID["without care"] if study.without_care() else ""
    named = errors_named(stand)
    shown = "; ".join([*named[:_NAMED], *["and others"] * (len(named) > _NAMED)])
    of_import = all(e in study.provenance.import_findings for e in stand)
    remedy = " --anyway passes over errors of an import alone." if anyway else ""
    if of_import:
        remedy = " Import a corrected export, or ask for an answer anyway (--anyway)."
    return (
        f"the data do not keep to the rule{'s' if len(named) > 1 else ''} {shown}. "
        f"`outcomes check` lists each place with its remedy.{remedy}"
    )


def errors_said(study: Study) -> tuple[Text, ...]:
    """Return how many rows the errors of the imports leave out, then each of the errors."""
    errors = [e for e in study.provenance.import_findings if e.severity == "error"]
    if not errors:
        return ()
    imports = study.provenance.imports
    rows, wrong, used = (sum(getattr(one, name) for one in imports)
                         for name in ("rows", "n_wrong", "n_doubtful"))  # fmt: skip
    done = [Text(what, Count(n, "exported row", of=rows))
            for what, n in (("left out ", wrong), ("used ", used)) if n]  # fmt: skip
    said = Text("The import ", joined(" and ", done or ["has errors"]), " in spite of errors that "
                "nobody has corrected." if used or not wrong else " for errors that nobody has "
                "corrected.")  # fmt: skip
    limits = [Text(f"{e.rule} stands: {e.message} (", Count(e.count, "row"), f" of {e.column}).")
              for e in errors]  # fmt: skip
    return said, *limits


def _in_spite_of_errors(given: Answer, study: Study) -> Answer:
    said = () if given.refused else errors_said(study)
    sentence = Text(given.sentence, *(Text(" ", text) for text in said[:1]))
    return replace(given, sentence=sentence, limits=(*given.limits, *said[1:])) if said else given
