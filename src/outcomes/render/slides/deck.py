"""A deck made of answers: one whole claim a slide, its picture, and always what it cannot show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.plain_text import cleaned, cleaned_within
from outcomes.questions.answer import Answer
from outcomes.questions.picture import ROW, Picture
from outcomes.render.contents.summary import SYNTHETIC, UNANSWERED, refusals, shared_limits
from outcomes.render.document import Document
from outcomes.words import ended

MOST_LETTERS = 270
"""Of a title: four lines of 24 points."""
MOST_SPOKEN = 150
MOST_NAME = 60
"""Of a study, at the foot of each slide."""
MOST_READ = 600
"""Of all reasons on one slide."""
MOST_GROUPS = 4
MOST_ROWS = 6
LONG_NAME = 45
"""Rows of a forest: as many as have room for letters of 18 points, one less of two lines each."""
MOST_POINTS, MOST_NAMED = 4, 6
_SCALE = re.compile(r" \(\d[^();]* is better\)|; \d[^();]* is better(?=\))")
"""What a score runs over: the axis says it."""


@dataclass(frozen=True, eq=False, slots=True)
class Slide:
    """One slide.

    Parameters
    ----------
    title : str
        The claim, whole.
    picture : Picture or None
        The figure below it.
    bullets : tuple of str
        Points below the title, where there is no figure.
    notes : str
        What the speaker says.
    asks : str
        The question that the claim answers; above it.
    """

    title: str
    picture: Picture | None
    bullets: tuple[str, ...]
    notes: str
    asks: str = ""


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
        Where the numbers come from; at the foot of every slide.
    slides : tuple of Slide
        In order, after the title.
    """

    title: str
    subtitle: str
    label: str
    source: str
    slides: tuple[Slide, ...]

    def __post_init__(self) -> None:
        for name in ("title", "subtitle", "source"):
            object.__setattr__(self, name, cleaned(getattr(self, name)))
        object.__setattr__(self, "slides", tuple(map(_cleaned, self.slides)))

    @property
    def opening(self) -> Slide:
        """What the first slide says below its title, and the speaker first of all."""
        said = (SYNTHETIC,) if self.label else ()
        notes = f"Say this first: {SYNTHETIC}" if self.label else self.subtitle
        return Slide(self.title, None, (self.subtitle, *said), notes)


def _cleaned(slide: Slide) -> Slide:
    """Return a slide with clean words; its notes keep their paragraphs."""
    whole: Slide = cleaned_within(slide)
    return replace(whole, notes="\n\n".join(map(cleaned, slide.notes.split("\n\n"))))


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
    source = answers[0].source
    words = f"{source.known_as[:MOST_NAME]}, data {source.sha256[:8]}, outcomes {source.version}"
    return Deck(
        document.title, document.subtitle, document.label, words,
        (*(_answer_slide(a, shared_limits(answers)) for a in given), *_refused(answers),
         _limits(given)),
    )  # fmt: skip


def claim(sentence: str) -> str:
    """Return what a slide can carry of an answer: whole sentences, those with the interval.

    Examples
    --------
    >>> claim("Of 9 courses 3 ended. Pain fell by 2 (95 % CI 1 to 2; 0 to 10, lower is better).")
    'Of 9 courses 3 ended. Pain fell by 2 (95 % CI 1 to 2).'
    """
    whole = _SCALE.sub("", sentence)
    return next((text for text in _runs(whole) if "CI" in text or "CI" not in whole), "")


def _runs(text: str) -> Iterator[str]:
    """All runs of whole sentences that fit a title: the earliest first, of these the longest."""
    parts = re.split(r"(?<=[.!?]) (?=[A-Z0-9])", text)
    for start in range(len(parts)):
        for end in range(len(parts), start, -1):
            run = " ".join(parts[start:end])
            if len(run) <= MOST_LETTERS:
                yield run


def _answer_slide(answer: Answer, shared: Mapping[str, int]) -> Slide:
    notes = "\n\n".join(_spoken(answer)).replace("`", "")
    title, shown = claim(answer.sentence), answer.picture
    if shown and not answer.sentence.startswith(title[:40]):  # a verdict that would be left out
        title = ended(shown.title) if len(shown.title) < MOST_LETTERS else title
    picture = fewer(answer.picture, answer.table) if answer.picture is not None else None
    if not title:  # too long for a title, and half of it would mislead
        words = () if picture else (answer.sentence,)
        short = ended(answer.picture.title) if picture and answer.picture else ""
        whole = short and len(short) <= MOST_LETTERS
        asks = answer.question if whole else ""
        return Slide(short if whole else answer.question, picture, words, notes, asks)
    own = tuple(limit for limit in answer.limits if shared[limit] < 2)  # the last slide has others
    points = () if picture else short_limits([replace(answer, limits=own or answer.limits)])
    return Slide(title, picture, points, notes, answer.question)


def _spoken(answer: Answer) -> list[str]:
    """Return what is said, in that order; the method only when somebody asks."""
    reading = answer.picture.caption if answer.picture is not None else ""
    limits = " ".join(answer.limits[:MOST_POINTS])
    said = [answer.question, answer.sentence, reading, limits and f"What it cannot show: {limits}"]
    return [text for text in (*said, f"If somebody asks how: {answer.method}") if text]


def fewer(picture: Picture, table: pd.DataFrame) -> Picture | None:
    """Return a picture that a hall can take in: six curves, of more the four largest, or six rows.

    Of more rows than that those of the first kind of estimate are shown; of more still, some
    from all over, both ends among them. The axis says how many.

    Parameters
    ----------
    picture : Picture
        The answer's.
    table : DataFrame
        The answer's table.

    Returns
    -------
    Picture or None
        None where nothing of it can be drawn on a slide.
    """
    data = picture.data.dropna(subset=["estimate"]) if "estimate" in picture.data else None
    if data is None or data.empty or picture.kind not in ("curves", "forest"):
        return None
    if picture.kind == "forest":
        shown, all_, what = data, len(data), "rows"
        if len(data) > MOST_ROWS and {ROW, "kind"} <= {*data, *table}:
            kinds = table["kind"].reindex(data[ROW])
            own = (kinds == kinds.iloc[0]).to_numpy()
            shown = data[own] if own.sum() > 1 else data
        most = MOST_ROWS - bool(shown["label"].str.len().max() > LONG_NAME)
        kept = np.linspace(0, len(shown) - 1, min(len(shown), most)).round().astype(int)
        shown, n = shown.iloc[kept], len(kept)
    else:
        size = data.groupby("group", sort=False)["n_episodes"].sum()
        most = MOST_GROUPS if len(size) > MOST_ROWS else MOST_ROWS
        keep = size.sort_values(ascending=False, kind="stable").index[:most]
        shown, all_, what = data[data["group"].isin(keep)], len(size), "groups"
        n = len(keep)
    more = f"; {n} of {all_} {what}" if n < all_ else ""
    return replace(picture, data=shown.reset_index(drop=True), x_label=picture.x_label + more)


def _refused(answers: tuple[Answer, ...]) -> Iterator[Slide]:
    """Say why questions have no answer: a reason that several share above them, others together."""
    reasons = refusals(answers)
    alone = [f"{q[0]} {next(_runs(why), '')}".strip() for why, q in reasons.items() if len(q) == 1]
    for reason, asked in reasons.items():
        if len(asked) > 1:
            title = next(_runs(reason), UNANSWERED)
            yield from _dealt(title, asked, MOST_NAMED, reason, UNANSWERED)
    longest = max(map(len, alone), default=1)
    yield from _dealt(UNANSWERED, alone, max(1, min(MOST_POINTS, MOST_READ // longest)))


def _dealt(
    title: str, points: list[str], most: int, first: str = "", asks: str = ""
) -> Iterator[Slide]:
    """Deal points out to slides, as many on each, so that none is left with one."""
    slides = -(-len(points) // most)
    for slide in range(slides):
        part = points[slide * len(points) // slides : (slide + 1) * len(points) // slides]
        number = f" ({slide + 1}/{slides})" if slides > 1 else ""
        notes = "\n\n".join(filter(None, (first, *part)))
        yield Slide(f"{title}{number}", None, tuple(part), notes, asks)


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
    said = [start for start in starts
            if len(start) <= MOST_SPOKEN and not re.search(r"\d|`|\brows?\b", start)]  # fmt: skip
    return said[-1].rstrip(".:;") + "." if said else ""


def series(picture: Picture) -> dict[str, pd.DataFrame]:
    """Return the rows of each group of a curve, in order of x."""
    return {
        str(name): rows.sort_values("x") for name, rows in picture.data.groupby("group", sort=False)
    }
