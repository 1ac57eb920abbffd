"""The first page: what was found, question by question, and what it cannot show."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from outcomes.privacy.disclosure import Disclosure
from outcomes.privacy.text import Count, Text, told
from outcomes.questions.answer import Answer
from outcomes.questions.picture import Picture
from outcomes.records import number_of_therapists
from outcomes.render.document import (
    Block,
    Bullets,
    Figure,
    Glance,
    GlanceRow,
    Heading,
    Paragraph,
    Section,
)
from outcomes.study import Study
from outcomes.words import COMPARED, DESCRIBED, LABELS, counted, sentence_case

INTERVAL, SYNTHETIC = LABELS["sentences"]["interval"], LABELS["sentences"]["synthetic"]
NOT_HERE, UNANSWERED = "not answerable here", "What these data cannot answer"
ALL, TRIAL = "all", "trial"


def summary(answers: tuple[Answer, ...], label: str, unit: str = "points") -> Section:
    """Return the first page.

    Parameters
    ----------
    answers : tuple of Answer
        All answers, in order; the first that is given is the headline.
    label : str
        ``SYNTHETIC``, or empty.
    unit : str
        Of the outcome.
    """
    blocks: list[Block] = [Paragraph(SYNTHETIC, "warning")] if label else []
    given = [answer for answer in answers if not answer.refused]
    if given:
        picture = hero(answers)
        blocks += [Paragraph(given[0].sentence, "lead")]
        blocks += [Figure(picture, picture.caption, "hero")] if picture else []
    refused = [answer for answer in answers if answer.refused]
    blocks += [] if given else [Paragraph(LABELS["sentences"]["nothing"], "lead")]
    blocks += [Glance(tuple(map(_row, (*given, *refused))), unit)]
    if given:
        blocks += [Paragraph(INTERVAL, "note")]
    blocks += _limits(given)
    if refused:
        blocks += [Heading(UNANSWERED)]
        for reason, asked in refusals(answers).items():
            lone = len(asked) == 1
            blocks += [] if lone else [Paragraph(reason)]
            blocks += [Bullets((f"{asked[0]} {reason}",) if lone else tuple(asked))]
    return Section("summary", "Summary", tuple(blocks))


def refusals(answers: tuple[Answer, ...]) -> dict[str, list[str]]:
    """Return the questions that have no answer, by the reason, a sentence."""
    reasons: dict[str, list[str]] = {}
    for answer in answers:
        if answer.refused:
            reasons.setdefault(sentence_case(answer.reason), []).append(answer.question)
    return reasons


def about(study: Study, answers: tuple[Answer, ...], disclosure: Disclosure) -> str:
    """Return the line below the title: courses, patients, therapists, kind of data, version."""
    source, patients = answers[0].source, study.episodes["patient_id"].nunique()
    told_too = patients and disclosure.tells(patients, "course")  # else it tells who came back
    whose = Text(" of ", Count(patients, "patient")) if told_too else ""
    words = Text(Count(len(study.episodes), "course"), whose)
    therapists = number_of_therapists(study)
    parts = [
        told(words, disclosure),
        counted(therapists, "therapist") if therapists else "therapists not recorded",
        "simulated data" if source.synthetic else "records of real care",
        f"outcomes {source.version}",
    ]
    return " · ".join(parts)


def hero(answers: tuple[Answer, ...]) -> Picture | None:
    """Return the one picture of the first page: all courses over time, or the arms of a trial.

    Parameters
    ----------
    answers : tuple of Answer
        In order.

    Returns
    -------
    Picture or None
        Titled with what the first answer found.
    """
    given = [answer for answer in answers if not answer.refused and answer.picture is not None]
    curves = [a.picture for a in given if a.picture and a.picture.kind == "curves"]
    if not given or not curves or curves[0] is None:
        return given[0].picture if given else None
    over_time, first = curves[0], given[0].picture
    own = over_time.data[over_time.data["group"] == ALL]
    title = first.title if first is not None else over_time.title
    some = 0 < len(own) < len(over_time.data)
    data = own.reset_index(drop=True) if some else over_time.data  # all of it is not drawn twice
    alone = f"{over_time.caption} {LABELS['sentences']['arms_alone']}"
    reading = alone if given[0].name == TRIAL else over_time.reading
    return replace(over_time, data=data, title=title, reading=reading)


def shared_limits(answers: tuple[Answer, ...]) -> Counter[str]:
    """Count in how many answers each limit stands; those of several are said once, in front."""
    given = [answer for answer in answers if not answer.refused]
    return Counter(limit for answer in given for limit in dict.fromkeys(answer.limits))


def _row(answer: Answer) -> GlanceRow:
    if answer.refused:
        return GlanceRow("", answer.question, "–", NOT_HERE)
    found, word = answer.glance or "–", answer.verdict or DESCRIBED
    return GlanceRow(answer.name, answer.question, found, word, bars_of(answer))


def bars_of(answer: Answer) -> tuple[tuple[float, float, float], ...]:
    """Return the estimates and intervals that a row of the first page draws: those it writes.

    Parameters
    ----------
    answer : Answer
        One without an interval in points has none; a trial has one an arm.
    """
    record, table = answer.record, answer.table
    compared = set(answer.verdict.split("; ")) <= set(COMPARED)
    if record is None or not (record.test and record.points and compared):
        return ()
    rows = table[table["kind"].isin(record.glance or record.points)].head(1)
    if "arm" in table and len(rows):  # the first rows of its kind, as many as there are arms
        own = table[table["kind"] == rows["kind"].iloc[0]]
        rows = own[~own["arm"].duplicated()]
    ends = rows[["estimate", "conf_low", "conf_high"]].to_numpy(float)
    return () if np.isnan(ends).any() else tuple((m, low, high) for m, low, high in ends.tolist())


def _limits(given: list[Answer]) -> list[Block]:
    """Return what no answer, and what some answers, cannot show."""
    counts = shared_limits(tuple(given))
    blocks: list[Block] = []
    every = [limit for limit, n in counts.items() if 1 < n == len(given)]  # one says its own
    some = [limit for limit, n in counts.items() if 1 < n < len(given)]
    parts = {"What to keep in mind": every, "What some answers cannot show": some}
    for heading, limits in parts.items():
        blocks += [Heading(heading), Bullets(tuple(limits))] if limits else []
    return blocks
