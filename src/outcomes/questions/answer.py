"""Answer: one clinical question answered with numbers, method and limits, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from outcomes.privacy.text import Text
from outcomes.questions.picture import Picture
from outcomes.questions.question import Check, Question


@dataclass(frozen=True)
class Source:
    """What an answer was computed from, printed wherever it goes.

    Parameters
    ----------
    title, name : str
        Title of the study and name of the file or folder.
    synthetic : bool
        Whether the package simulated it.
    seed : int or None
        Seed of a simulated study.
    sha256 : str
        Digest of the study's tables.
    version : str
        Version of the package that computed the answer.
    n_episodes : int
        Courses in the study.
    n_used : int or None
        Rows the model used; None where it would tell how few were left out.
    left_out : dict of str to int
        Rows left out, by reason; None where so few of real data are not to be shown.
    plan_sha256 : str
        Digest of the analysis plan, empty without one.
    """

    title: str
    name: str
    synthetic: bool
    seed: int | None
    sha256: str
    version: str
    n_episodes: int
    n_used: int | None = 0
    left_out: Mapping[str, int | None] = field(default_factory=dict)
    plan_sha256: str = ""

    @property
    def label(self) -> str:
        """``SYNTHETIC`` for simulated data, else empty."""
        return "SYNTHETIC" if self.synthetic else ""

    @property
    def known_as(self) -> str:
        """Title of the study, else the name of what it was read from."""
        return self.title or self.name or "made in memory"


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one clinical question.

    Parameters
    ----------
    name : str
        Short name of the question (``how-much``).
    question : str
        The question as a clinician asks it.
    sentence : str
        The answer in one plain sentence with its interval; the refusal when refused.
    source : Source
        The data it comes from.
    table : DataFrame
        Tidy estimates: term, estimate, std_error, df, conf_low, conf_high and more, as numbers.
    picture : Picture or None
        What the figure shows.
    method : str
        What was done, with the model formula.
    estimand : str
        What exactly is estimated.
    assumptions, limits, references : tuple of str
        What it rests on; what it cannot show; where thresholds and methods come from.
    checks : tuple of Check
        Checks the answer made of itself.
    glance, verdict : str
        The number and the word of a report's first page, as in `outcomes.questions.question.Found`.
    refused : bool
        True when the question cannot be answered from these data.
    reason : str
        What is missing, and what would make it answerable.
    record : Question or None
        What is known about the question; without it nothing of real data is shown.
    """

    name: str
    question: str
    sentence: str
    source: Source
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    picture: Picture | None = None
    method: str = "Nothing was estimated."
    estimand: str = ""
    assumptions: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    limits: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    glance: str = ""
    verdict: str = ""
    refused: bool = False
    reason: str = ""
    record: Question | None = None

    figure: ClassVar[Any]
    """The answer's figure, or None when it has no picture; `outcomes.render.notebook` draws it."""
    _repr_html_: ClassVar[Callable[[Answer], str]]

    def __repr__(self) -> str:
        state = "refused" if self.refused else f"{len(self.table)} estimates"
        return f"Answer({self.name}: {state})"


def refusal(name: str, question: str, reason: str, source: Source, **parts: Any) -> Answer:
    """Return an answer that declines, saying what is missing and what would help.

    Parameters
    ----------
    name, question : str
        As in `Answer`.
    reason : str
        What is missing and what would make it answerable; one or two plain sentences.
    source : Source
        The data.
    **parts
        Other fields of `Answer`, such as `estimand` or `limits`.
    """
    sentence = Text("This cannot be answered from these data: ", reason)
    return Answer(name, question, sentence, source, **parts, refused=True, reason=reason)
