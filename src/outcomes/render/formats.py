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


FORMATS: Mapping[str, Format] = MappingProxyType({"html": Format("index.html", _html)})
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
