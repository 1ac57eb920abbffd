"""One question of the report: its answer, figure, table, method, and what it cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.question import Check
from outcomes.render.contents.estimate_table import estimate_tables
from outcomes.render.document import (
    Block,
    Bullets,
    Facts,
    Figure,
    Fold,
    Heading,
    Paragraph,
    Section,
)
from outcomes.words import count


def answer_section(
    answer: Answer,
    *,
    details: bool,
    disclosure: Disclosure,
    said: Mapping[str, int] = MappingProxyType({}),
    drawn: bool = True,
) -> Section:
    """Return the section of one answer.

    Parameters
    ----------
    answer : Answer
        With small cells already suppressed.
    details : bool
        Whether method, assumptions, checks and all estimates are shown.
    disclosure : Disclosure
        What may be shown.
    said : mapping of str to int
        In how many answers each limit stands; what stands in several is said in front.
    drawn : bool
        Whether its figure is shown; it may stand in front already.
    """
    limits = tuple(text for text in answer.limits if said.get(text, 1) < 2)
    own: list[Block] = (
        [Heading("What this cannot show", answer.question), Bullets(limits)] if limits else []
    )
    if answer.refused:
        blocks: list[Block] = [Paragraph(answer.sentence, "warning"), *own]
        return Section(answer.name, answer.question, tuple(blocks))
    blocks = [Paragraph(answer.sentence, "lead")]
    if drawn and answer.picture is not None and len(answer.picture.data):
        blocks.append(Figure(answer.picture, answer.picture.reading))
    blocks += estimate_tables(answer, details=details)
    blocks += [*own, *_not_met(answer)]
    blocks.append(
        Fold(
            "How this was worked out", answer.question, _method(answer, disclosure, details=details)
        )
    )
    return Section(answer.name, answer.question, tuple(blocks))


def _method(answer: Answer, disclosure: Disclosure, *, details: bool) -> tuple[Block, ...]:
    """Return what was estimated, how, on what it rests, and how to have it again."""
    facts = (
        ("What is estimated", answer.estimand),
        ("Records used", _used(answer, disclosure)),
        *([("Method", answer.method)] if details else []),
        ("In Python", f'`oc.answer(study, "{answer.name}")`'),
    )
    held = tuple(_said(check) for check in answer.checks if check.passed)
    lists = (("It rests on these assumptions:", answer.assumptions), ("What holds:", held))
    return (
        Facts(facts),
        *(block for words, lines in lists if lines for block in (Paragraph(words), Bullets(lines))),
    )


def _used(answer: Answer, disclosure: Disclosure) -> str:
    few = f"<{disclosure.threshold}"
    left_out = [
        f"{reason}: {few if n is None else disclosure.shown(n)}"
        for reason, n in answer.source.left_out.items()
        if n != 0
    ]
    tail = f"; left out: {', '.join(left_out)}" if left_out else "; none left out"
    used = answer.source.n_used
    return ("not shown" if used is None else count(used)) + tail


def _not_met(answer: Answer) -> list[Block]:
    """Return the checks that failed, which every reader is told."""
    lines = tuple(f"Not met: {_said(check)}" for check in answer.checks if not check.passed)
    return [Bullets(lines)] if lines else []


def _said(check: Check) -> str:
    return check.name + (f" ({check.detail})" if check.detail else "")
