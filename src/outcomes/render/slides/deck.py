"""A deck made of answers: one claim a slide, few numbers, and always what it cannot show."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.questions.answer import Answer
from outcomes.questions.picture import Picture
from outcomes.render.contents.summary import SYNTHETIC
from outcomes.render.document import Document

MOST_NUMBERS = 6
MOST_LETTERS = 150
MOST_GROUPS = 4
MOST_ROWS = 12
MOST_POINTS = 4
_CLAUSE_ENDS = re.compile(r"[;:] |\. | \((?!95)|, on average|, in (?=\d)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, eq=False, slots=True)
class Slide:
    """One slide.

    Parameters
    ----------
    title : str
        The claim.
    picture : Picture or None
        The figure below it.
    bullets : tuple of str
        Points below the title, where there is no figure.
    notes : str
        What the speaker needs to know.
    """

    title: str
    picture: Picture | None
    bullets: tuple[str, ...]
    notes: str


@dataclass(frozen=True, eq=False, slots=True)
class Deck:
    """A deck.

    Parameters
    ----------
    title, subtitle : str
        Of the first slide.
    label : str
        ``SYNTHETIC``, or empty; on every slide.
    source : str
        Where the numbers come from; on the first slide.
    slides : tuple of Slide
        In order, after the title.
    """

    title: str
    subtitle: str
    label: str
    source: str
    slides: tuple[Slide, ...]


def deck(document: Document, answers: tuple[Answer, ...]) -> Deck:
    """Return the deck of a report.

    Parameters
    ----------
    document : Document
        The report.
    answers : tuple of Answer
        Its answers, small cells already suppressed; at least one.
    """
    given = [answer for answer in answers if not answer.refused]
    shown = tuple(slide for answer in given for slide in _answer_slides(answer))
    source = answers[0].source
    words = f"{source.name or source.title}, data {source.sha256[:8]}, outcomes {source.version}"
    return Deck(
        document.title, document.subtitle, document.label, words,
        (*_open(document), *shown, *_refused(answers), _limits(given)),
    )  # fmt: skip


def claim(sentence: str) -> str:
    """Return the start of a sentence that a slide can carry, with its interval.

    At most six numbers and whole clauses; empty where the sentence has no such start.

    Examples
    --------
    >>> claim("Pain fell by 2 points (95 % CI 1.7 to 2.4), on average over 199 courses of 8 to 10.")
    'Pain fell by 2 points (95 % CI 1.7 to 2.4)'
    """
    whole = sentence.rstrip(".")
    ends = [found.start() for found in _CLAUSE_ENDS.finditer(whole)]
    starts = [whole, *(whole[:end] for end in reversed(ends))]
    return next((text for text in starts if _fits(text) and _closed(text)), "")


def _fits(text: str) -> bool:
    return len(_NUMBER.findall(text)) <= MOST_NUMBERS and len(text) <= MOST_LETTERS


def _closed(text: str) -> bool:
    return text.count("(") == text.count(")")


def _open(document: Document) -> tuple[Slide, ...]:
    if not document.label:
        return ()
    return (Slide("These data are simulated", None, (SYNTHETIC,), "Say this aloud first."),)


def _answer_slides(answer: Answer) -> list[Slide]:
    limits = [f"Limit: {text}" for text in answer.limits]
    notes = "\n\n".join([answer.question, answer.sentence, answer.method, *limits])
    title = claim(answer.sentence) or answer.question
    if answer.picture is None or answer.picture.kind not in ("curves", "forest"):
        return [Slide(title, None, (answer.question,), notes)]
    return [Slide(title, fewer(answer.picture), (), notes)]


def fewer(picture: Picture) -> Picture:
    """Return a picture that a hall can take in: the four largest curves, or twelve rows.

    Of more rows those shown are spread over all, both ends among them, and the axis says how many.
    """
    data = picture.data.dropna(subset=["estimate"])
    if picture.kind == "forest":
        kept = np.linspace(0, len(data) - 1, min(len(data), MOST_ROWS)).round().astype(int)
        more = f"; {len(kept)} of {len(data)} rows" if len(kept) < len(data) else ""
        shown = data.iloc[kept].reset_index(drop=True)
        return replace(picture, data=shown, x_label=picture.x_label + more)
    size = data.groupby("group", sort=False)["n_episodes"].max()
    keep = size.sort_values(ascending=False, kind="stable").index[:MOST_GROUPS]
    return replace(picture, data=data[data["group"].isin(keep)].reset_index(drop=True))


def _refused(answers: tuple[Answer, ...]) -> tuple[Slide, ...]:
    refused = [answer for answer in answers if answer.refused]
    if not refused:
        return ()
    questions = tuple(answer.question for answer in refused[:MOST_POINTS])
    notes = "\n\n".join(f"{answer.question} {answer.sentence}" for answer in refused)
    return (Slide("What these data cannot answer", None, questions, notes),)


def _limits(answers: list[Answer]) -> Slide:
    every = tuple(dict.fromkeys(text for answer in answers for text in answer.limits))
    return Slide("What this cannot show", None, short_limits(answers), "\n\n".join(every))


def short_limits(answers: list[Answer]) -> tuple[str, ...]:
    """Return the start of the first few limits, as far as it is short and names no number or table.

    Parameters
    ----------
    answers : list of Answer
        The answers; where they have no such limit, that nothing was estimated.
    """
    every = dict.fromkeys(text for answer in answers for text in answer.limits)
    points = tuple(filter(None, map(_start, every)))[:MOST_POINTS]
    return points or ("Nothing was estimated.",)


def _start(text: str) -> str:
    """Return as many clauses from the start as a listener can take in; empty where none is."""
    clauses = re.split(r"(?<=[.:;]) ", text)
    starts = [" ".join(clauses[: i + 1]) for i in range(len(clauses))]
    said = [start for start in starts if _speakable(start)]
    return said[-1].rstrip(".:;") + "." if said else ""


def _speakable(text: str) -> bool:
    return not re.search(r"\d|`|\brows?\b", text) and len(text) <= MOST_LETTERS


def series(picture: Picture) -> dict[str, pd.DataFrame]:
    """Return the rows of each group of a curve, in order of x."""
    return {
        str(name): rows.sort_values("x") for name, rows in picture.data.groupby("group", sort=False)
    }
