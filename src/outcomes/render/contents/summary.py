"""The first page: what was found, what it rests on, and what it cannot show."""

from __future__ import annotations

import re

from outcomes.questions.answer import Answer
from outcomes.render.document import Block, Bullets, Facts, Heading, Paragraph, Section

INTERVAL = (
    "The range after each number is a 95 % confidence interval: values inside it are compatible "
    "with these data, those near its ends less so. A wide range means that the data say little."
)
SYNTHETIC = (
    "These data are SYNTHETIC: they were simulated to show how the report works. "
    "Nothing here is about real patients."
)
HEADLINE_LIMITS = 2
MOST_LIMITS = 3


def summary(answers: tuple[Answer, ...], label: str, scale: str = "") -> Section:
    """Return the one-page summary.

    Parameters
    ----------
    answers : tuple of Answer
        All answers, in order.
    label : str
        ``SYNTHETIC``, or empty.
    scale : str
        What scores run over ("0 to 10, lower is better"): said once, with the first answer.
    """
    blocks: list[Block] = [Paragraph(SYNTHETIC, "warning")] if label else []
    given = [answer for answer in answers if not answer.refused]
    if given:
        first, *others = given
        blocks += [Heading(first.question), Paragraph(first.sentence, "lead")]
        blocks += [Facts(tuple((a.question, _without(scale, a)) for a in others))] if others else []
        blocks += [Heading("How to read the numbers"), Paragraph(INTERVAL)]
        blocks += [Heading("What this cannot show"), Bullets(_limits(given))]
    blocks += _refused(answers)
    return Section("summary", "Summary", tuple(blocks))


def _limits(answers: list[Answer]) -> tuple[str, ...]:
    """Return the headline's first limits, then the first of each other answer."""
    first, *others = answers
    every = [*first.limits[:HEADLINE_LIMITS], *(limit for a in others for limit in a.limits[:1])]
    return tuple(dict.fromkeys(every))[:MOST_LIMITS]


def _without(scale: str, answer: Answer) -> str:
    return re.sub(rf"( \(|; ){re.escape(scale)}\)", lambda m: ")" * (m[1] == "; "), answer.sentence)


def _refused(answers: tuple[Answer, ...]) -> list[Block]:
    refused = [answer for answer in answers if answer.refused]
    if not refused:
        return []
    lines = tuple(f"{a.question} {a.reason[:1].upper()}{a.reason[1:]}" for a in refused)
    return [Heading("What these data cannot answer"), Bullets(lines)]
