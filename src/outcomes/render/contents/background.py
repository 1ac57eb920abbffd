"""The back pages: references and where everything comes from."""

from __future__ import annotations

import platform
from importlib.metadata import version

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.render.document import Block, Bullets, Facts, Paragraph, Section
from outcomes.study import Study

LIBRARIES = ("numpy", "pandas", "scipy", "matplotlib")


def references(answers: tuple[Answer, ...]) -> Section:
    """Return every reference of what was answered once, in order of appearance."""
    given = [answer for answer in answers if not answer.refused]
    every = dict.fromkeys(text for answer in given for text in answer.references)
    return Section("references", "References", (Bullets(tuple(every)),) if every else ())


def provenance(study: Study, answers: tuple[Answer, ...], disclosure: Disclosure) -> Section:
    """Return where the data come from and what made the report.

    Parameters
    ----------
    study : Study
        The study.
    answers : tuple of Answer
        At least one; they carry the digest of the data.
    disclosure : Disclosure
        What may be shown.
    """
    source = answers[0].source
    facts = [
        ("Data", source.title or source.name or "not named"),
        ("Read from", source.name or "made in memory"),
        ("Kind of data", "SYNTHETIC, simulated" if source.synthetic else "records of real care"),
        *([("Seed", str(source.seed))] if source.seed is not None else []),
        ("SHA-256 of the tables", source.sha256),
        ("Made with", f"outcomes {source.version}, Python {platform.python_version()}, "
         + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        ("Small counts", _rule(disclosure)),
        ("Every estimate", "estimates.csv, beside this report"),
    ]  # fmt: skip
    blocks: list[Block] = [Facts(tuple(facts))]
    if study.provenance.assumed:
        blocks += [Paragraph("Choices made in reading that the file does not state:")]
        blocks += [Bullets(study.provenance.assumed)]
    return Section("provenance", "Where this comes from", tuple(blocks))


def _rule(disclosure: Disclosure) -> str:
    if disclosure.exempt:
        return "all shown, since no real person is in the data"
    last = disclosure.threshold - 1
    return f"counts from 1 to {last}, and estimates that rest on them, are not shown"
