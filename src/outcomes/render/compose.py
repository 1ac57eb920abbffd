"""Put a report together: summary first, then each question, then what stands behind them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from outcomes.errors import FitError
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.picture import Picture
from outcomes.questions.plan import Plan
from outcomes.render.contents.answer_section import answer_section
from outcomes.render.contents.background import checklists, methods, model, provenance, references
from outcomes.render.contents.flow import flow_picture
from outcomes.render.contents.patients import patients
from outcomes.render.contents.summary import about, hero, shared_limits, summary
from outcomes.render.document import Document, Figure, Paragraph, Section, numbered
from outcomes.render.figures.of_study import pressure_map, trajectories, waterfall
from outcomes.rules.check import check
from outcomes.study import Study
from outcomes.words import LABELS

AUDIENCES = ("clinician", "analyst")
HOW_MUCH = "how-much"


@dataclass(frozen=True, eq=False, slots=True)
class Material:
    """What a report is made of.

    Parameters
    ----------
    document : Document
        The report, numbers as words.
    answers : tuple of Answer
        Its answers, small cells already suppressed; at least one.
    study : Study
        The study they come from; what a format computes from it goes through `disclosure`.
    disclosure : Disclosure
        What may be shown.
    instrument : str
        Instrument of the answers; empty where the study has no scores.
    anyway : bool
        Whether the answers were given although errors of the import stand.
    """

    document: Document
    answers: tuple[Answer, ...]
    study: Study
    disclosure: Disclosure
    instrument: str = ""
    anyway: bool = False


def compose(
    study: Study,
    answers: tuple[Answer, ...],
    *,
    audience: str = "clinician",
    instrument: str | None = None,
    disclosure: Disclosure,
    date: str = "",
    plan: Plan | None = None,
) -> Document:
    """Return the report as a document.

    Parameters
    ----------
    study : Study
        The study.
    answers : tuple of Answer
        Its answers, small cells already suppressed; at least one.
    audience : {"clinician", "analyst"}
        Analysts also get assumptions, checks and every estimate.
    instrument : str, optional
        Instrument of the flow of courses; by default the one with most scores.
    disclosure : Disclosure
        What may be shown.
    date : str
        Printed below the title where given.
    plan : Plan, optional
        Analysis plan that the answers were given under; named below the title.
    """
    details, said, first = audience == "analyst", shared_limits(answers), hero(answers)
    label = answers[0].source.label
    scored = [instrument] if instrument else study.scored_instruments()[:1]
    sections = [
        summary(answers, label, study.instrument(scored[0]).unit if scored else "points"),
        *(
            answer_section(
                a, details=details, disclosure=disclosure, said=said, drawn=_drawn(a, first)
            )
            for a in answers
            if details or not a.refused  # the first page lists what cannot be answered, once
        ),
        *_sections_of_records(study, answers, scored, disclosure, details=details),
        *(_model(study, answers, scored, disclosure) if details else ()),
        references(answers),
        provenance(study, answers, disclosure),
    ]
    if details:
        shown = {s.name: s.title for s in sections if s.name not in _refused(answers)}
        sections.insert(-2, checklists(shown, randomised=study.provenance.randomised))
    title = study.provenance.title or "Outcomes of care"
    subtitle = about(study, answers, disclosure) + (f" · {plan.named}" if plan else "")
    return numbered(Document(title, subtitle, label, tuple(s for s in sections if s.blocks), date))


def _drawn(answer: Answer, first: Picture | None) -> bool:
    """Whether a section draws the answer's picture: not again what the first page shows."""
    return first is None or answer.picture is None or answer.picture.data is not first.data


def _refused(answers: tuple[Answer, ...]) -> set[str]:
    return {answer.name for answer in answers if answer.refused}


def _sections_of_records(
    study: Study, answers: tuple[Answer, ...], scored: list[str], disclosure: Disclosure,
    *, details: bool,
) -> tuple[Section, ...]:  # fmt: skip
    """Return the patients, and where there are scores the flow of courses and the methods.

    Nothing of records with errors for which no question was answered: their means are wrong too.
    """
    if all(answer.refused for answer in answers) and check(study).errors:
        return ()
    start = patients(study, disclosure)
    if not scored:
        return (start,)
    analyzed = bool({a.name for a in answers if not a.refused} - {"goals", "safety"})
    picture = flow_picture(study, scored[0], disclosure, analyzed=analyzed)
    many = "of them the first question rests on" if analyzed else "have what is needed"
    words = f"How many courses were recorded, and how many {many}."
    if any("Constrained longitudinal" in answer.method for answer in answers):
        words += f" {LABELS['sentences']['baselines_too']}"
    blocks = (Paragraph(words), Figure(picture, "From the records to the analysis."))
    flow = Section("flow", "Flow of courses", blocks)
    records = _records(study, scored[0], disclosure, details=details)
    return start, *records, flow, methods(study, answers, scored[0])


def _model(
    study: Study, answers: tuple[Answer, ...], scored: list[str], disclosure: Disclosure
) -> tuple[Section, ...]:
    if HOW_MUCH in {answer.name for answer in answers if not answer.refused}:
        with suppress(FitError):  # answers that were given need no model that fits
            return (model(study, scored[0], disclosure),)
    return ()


def _records(
    study: Study, instrument: str, disclosure: Disclosure, *, details: bool
) -> tuple[Section, ...]:
    """Return pictures of single courses, where no real patient is in them."""
    if not disclosure.exempt or study.trajectory(instrument).empty:
        return ()
    drawn = [waterfall(study, instrument)]
    if study.recorded("sessions", "pressure"):
        drawn.append(pressure_map(study))
    if details:
        drawn.append(trajectories(study, instrument))
    words = "Each course by itself; of real patients these pictures do not leave the screen."
    figures = tuple(Figure(one, one.alt.removeprefix(f"{one.claim}. ")) for one in drawn)
    return (Section("records", "Course by course", (Paragraph(words), *figures)),)
