"""One question of the report: its answer, figure, table, method, and what it cannot show."""

from __future__ import annotations

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.render.contents.estimate_table import estimate_table
from outcomes.render.document import (
    Block,
    Bullets,
    Facts,
    Figure,
    Heading,
    Paragraph,
    Section,
)
from outcomes.words import count


def answer_section(answer: Answer, *, details: bool, disclosure: Disclosure) -> Section:
    """Return the section of one answer.

    Parameters
    ----------
    answer : Answer
        With small cells already suppressed.
    details : bool
        Whether method, assumptions, checks and all estimates are shown.
    disclosure : Disclosure
        What may be shown.
    """
    if answer.refused:
        blocks: list[Block] = [Paragraph(answer.sentence, "warning"), *_limits(answer)]
        return Section(answer.name, answer.question, tuple(blocks))
    blocks = [Paragraph(answer.sentence, "lead")]
    if answer.picture is not None and len(answer.picture.data):
        blocks.append(Figure(answer.picture, f"{answer.picture.title}. {answer.picture.reading}"))
    table = estimate_table(answer, details=details)
    blocks += [] if table is None else [table]
    blocks += _limits(answer)
    blocks += [Heading("How this was worked out")]
    blocks += [
        Facts((("What is estimated", answer.estimand), ("Records used", _used(answer, disclosure))))
    ]
    if details:
        blocks += [Paragraph(answer.method)]
        blocks += [Paragraph("It rests on these assumptions:"), Bullets(answer.assumptions)]
    blocks += _checks(answer, details=details)
    return Section(answer.name, answer.question, tuple(blocks))


def _limits(answer: Answer) -> list[Block]:
    if not answer.limits:
        return []
    return [Heading("What this cannot show"), Bullets(answer.limits)]


def _used(answer: Answer, disclosure: Disclosure) -> str:
    few = f"<{disclosure.threshold}"
    left_out = [
        f"{reason}: {few if n is None else disclosure.shown(n)}"
        for reason, n in answer.source.left_out.items()
        if n != 0
    ]
    tail = f"; left out: {', '.join(left_out)}" if left_out else "; none left out"
    return count(answer.source.n_used) + tail


def _checks(answer: Answer, *, details: bool) -> list[Block]:
    """All checks for analysts; for clinicians those that did not hold."""
    shown = [check for check in answer.checks if details or not check.passed]
    if not shown:
        return []
    lines = tuple(
        f"{'Holds' if check.passed else 'Does not hold'}: {check.name}"
        + (f" ({check.detail})" if check.detail else "")
        for check in shown
    )
    words = "What the answer checked of itself:" if details else "Not met:"
    return [Paragraph(words), Bullets(lines if details else _without_verdict(lines))]


def _without_verdict(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line.removeprefix("Does not hold: ") for line in lines)
