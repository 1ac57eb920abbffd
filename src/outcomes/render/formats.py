"""The formats of a report: file name, what renders it, and the package it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType

from outcomes.errors import UnavailableError
from outcomes.render.docx import docx_bytes
from outcomes.render.explorer.page import explorer_bytes
from outcomes.render.html import page_html
from outcomes.render.material import Material
from outcomes.render.pdf import pdf_bytes
from outcomes.render.slides.deck import deck
from outcomes.render.slides.html_deck import deck_html
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


def _html(material: Material) -> bytes:
    return page_html(material.document).encode("utf-8")


def _pdf(material: Material) -> bytes:

    return pdf_bytes(material.document)


def _docx(material: Material) -> bytes:

    return docx_bytes(material.document)


def _pptx(material: Material) -> bytes:

    return pptx_bytes(deck(material.document, material.answers))


def _slides(material: Material) -> bytes:

    return deck_html(deck(material.document, material.answers)).encode("utf-8")


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "html": Format("index.html", _html),
        "pdf": Format("report.pdf", _pdf, "typst", "typst"),
        "docx": Format("report.docx", _docx, "python-docx", "docx"),
        "pptx": Format("slides.pptx", _pptx, "python-pptx", "pptx"),
        "slides": Format("slides.html", _slides),
        "explorer": Format("explorer.html", explorer_bytes),
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
        remedy = 'Add them: pip install "outcomes[report]"'
        raise UnavailableError(must, got="not installed", remedy=remedy)
