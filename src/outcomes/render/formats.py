"""The formats of a report: file name, what renders it, and the package it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from outcomes.errors import UnavailableError, UsageError
from outcomes.render.compose import Material
from outcomes.render.document import Document
from outcomes.render.docx import docx_bytes
from outcomes.render.explorer.page import explorer_bytes
from outcomes.render.html import deck_html, page_html
from outcomes.render.pdf import pdf_bytes
from outcomes.render.slides.deck import Deck, deck
from outcomes.render.slides.pptx import pptx_bytes


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Parameters
    ----------
    file : str
        Name of the file in the report's folder.
    render : callable
        Takes what the report is made of, returns the file's bytes.
    package, module : str
        What must be installed, and how it is imported; empty for nothing.
    """

    file: str
    render: Callable[[Material], bytes]
    package: str = ""
    module: str = ""


DOCUMENTS: Mapping[str, Callable[[Document], bytes]] = {
    "html": lambda document: page_html(document).encode("utf-8"),
    "pdf": pdf_bytes,
    "docx": docx_bytes,
}
"""What writes a document, a report or a letter, in each format."""


DECKS: Mapping[str, Callable[[Deck], bytes]] = {"slides": deck_html, "pptx": pptx_bytes}
"""What writes a deck, of a report or to teach, in each format."""


def _slides(name: str) -> Callable[[Material], bytes]:
    return lambda material: DECKS[name](deck(material.document, material.answers))


def _pages(name: str) -> Callable[[Material], bytes]:
    return lambda material: DOCUMENTS[name](material.document)


FORMATS: Mapping[str, Format] = {
    "html": Format("index.html", _pages("html")),
    "pdf": Format("report.pdf", _pages("pdf"), "typst", "typst"),
    "docx": Format("report.docx", _pages("docx"), "python-docx", "docx"),
    "pptx": Format("slides.pptx", _slides("pptx"), "python-pptx", "pptx"),
    "slides": Format("slides.html", _slides("slides")),
    "explorer": Format("explorer.html", explorer_bytes),
}
"""Formats by name."""


def check_available(
    formats: Sequence[str], known: Iterable[str] = (), must: str = "formats are one or more of"
) -> None:
    """Refuse formats that are not known, or whose package is missing, before any work is done.

    Raises
    ------
    UsageError
        Naming the formats that are known.
    UnavailableError
        Naming the packages and how to get them.
    """
    known = tuple(known or FORMATS)
    unknown = [name for name in formats if name not in known]
    if unknown or not formats:
        letter = "A letter is no format: write it in a run of its own, with --letter and --episode."
        got = ", ".join(map(repr, unknown)) or "none"
        remedy = letter if "letter" in unknown else ""
        must = f"{must} {', '.join(known)}"
        raise UsageError(must, got=got, remedy=remedy)
    needed = [FORMATS[name] for name in formats]
    missing = [kind.package for kind in needed if kind.module and not find_spec(kind.module)]
    if missing:
        must = f"these formats need {', '.join(missing)}"
        remedy = 'Add them: pip install "outcomes[report]"'
        raise UnavailableError(must, got="an installation without", remedy=remedy)
