"""The formats of a report: file name, what renders it, and the package it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType

from outcomes.answers.answer import Answer
from outcomes.errors import UnavailableError
from outcomes.render.document import Document
from outcomes.render.html import page_html

Answers = tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Parameters
    ----------
    file : str
        Name of the file in the report's folder.
    render : callable
        Takes the document and the answers, returns the file's bytes.
    package, module : str
        What must be installed, and how it is imported; empty for nothing.
    """

    file: str
    render: Callable[[Document, Answers], bytes]
    package: str = ""
    module: str = ""


def _html(document: Document, answers: Answers) -> bytes:
    del answers
    return page_html(document).encode("utf-8")


def _pdf(document: Document, answers: Answers) -> bytes:
    from outcomes.render.pdf import pdf_bytes

    del answers
    return pdf_bytes(document)


def _docx(document: Document, answers: Answers) -> bytes:
    from outcomes.render.docx import docx_bytes

    del answers
    return docx_bytes(document)


def _pptx(document: Document, answers: Answers) -> bytes:
    from outcomes.render.slides.deck import deck
    from outcomes.render.slides.pptx import pptx_bytes

    return pptx_bytes(deck(document, answers))


def _slides(document: Document, answers: Answers) -> bytes:
    from outcomes.render.slides.deck import deck
    from outcomes.render.slides.html_deck import deck_html

    return deck_html(deck(document, answers)).encode("utf-8")


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "html": Format("index.html", _html),
        "pdf": Format("report.pdf", _pdf, "typst", "typst"),
        "docx": Format("report.docx", _docx, "python-docx", "docx"),
        "pptx": Format("slides.pptx", _pptx, "python-pptx", "pptx"),
        "slides": Format("slides.html", _slides),
    }
)
"""Formats by name."""


def check_available(formats: Sequence[str]) -> None:
    """Refuse formats whose package is missing, before any work is done.

    Raises
    ------
    UnavailableError
        Naming the packages and how to get them.
    """
    needed = [FORMATS[name] for name in formats]
    missing = [kind.package for kind in needed if kind.module and not find_spec(kind.module)]
    if missing:
        must = f"these formats need {', '.join(missing)}"
        raise UnavailableError(must, got="not installed", remedy="Install outcomes[report].")
