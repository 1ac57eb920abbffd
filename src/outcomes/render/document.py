"""A report as a value: sections of blocks that every format renders in its own way."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from outcomes import words
from outcomes.plain_text import cleaned, cleaned_within, shortened
from outcomes.questions.picture import Picture
from outcomes.render.figures.shown import ShownFigure

PAGE = 105
"""Letters that a line of a table holds."""
Role = Literal["text", "lead", "note", "warning"]


class Kind:
    """What a template calls a block: its name in small letters."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        """The name of the block's class."""
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True)
class Heading(Kind):
    """A heading inside a section.

    Parameters
    ----------
    text : str
        One line.
    about : str
        What it is about, for those who hear a list of headings.
    """

    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph(Kind):
    """A paragraph; words between backticks are code.

    Parameters
    ----------
    text : str
        The words.
    role : {"text", "lead", "note", "warning"}
        How it stands out.
    """

    text: str
    role: Role = "text"


@dataclass(frozen=True, slots=True)
class Bullets(Kind):
    """A list of sentences.

    Parameters
    ----------
    items : tuple of str
        One sentence each.
    """

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts(Kind):
    """Names with their values.

    Parameters
    ----------
    items : tuple of (str, str)
        Name and value.
    """

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table(Kind):
    """A table of texts.

    Parameters
    ----------
    caption : str
        What it shows.
    head : tuple of str
        Column names; the first column names the row.
    rows : tuple of tuple of str
        Cells.
    note : str
        Below the table.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Figure(Kind):
    """A figure.

    Parameters
    ----------
    picture : Picture or ShownFigure
        What it shows, or one that is drawn already.
    caption : str
        What it shows, and how to read it.
    preset : {"page", "hero", "letter"}
        Size; the figures of a first page and of a letter are low, so that each is one page.
    """

    picture: Picture | ShownFigure
    caption: str
    preset: str = "page"


@dataclass(frozen=True, slots=True)
class GlanceRow:
    """A question with what was found and what follows.

    Parameters
    ----------
    section : str
        Name of the section that answers it; empty for none.
    question, found, verdict : str
        The question, a number with its interval, and a word such as "better".
    bars : tuple of (float, float, float)
        Estimates and ends of their intervals, positive = better, in the order of `found`; empty
        where nothing is compared.
    """

    section: str
    question: str
    found: str
    verdict: str
    bars: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Glance(Kind):
    """All questions in one table, their intervals on one axis from worse to better.

    Parameters
    ----------
    rows : tuple of GlanceRow
        One a question.
    unit : str
        Of the axis.
    """

    rows: tuple[GlanceRow, ...]
    unit: str

    @property
    def table(self) -> Table:
        """The same without bars."""
        rows = tuple((row.question, row.found, row.verdict) for row in self.rows)
        return Table("Questions and answers", ("Question", "Found (95 % CI)", "Answer"), rows)

    @property
    def reach(self) -> float:
        """Where the axis ends on both sides, a round number: every interval lies within."""
        bars = [bar for row in self.rows for bar in row.bars]
        most = max((abs(value) for bar in bars for value in bar), default=1.0) or 1.0
        half = float(10 ** math.floor(math.log10(most))) / 2
        return math.ceil(most / half) * half


@dataclass(frozen=True, slots=True)
class Fold(Kind):
    """Blocks that a page shows on demand and paper always.

    Parameters
    ----------
    title, about : str
        What is inside; whom that heading is about, for those who hear a list of headings.
    blocks : tuple of Block
        What is inside.
    """

    title: str
    about: str
    blocks: tuple[Block, ...]

    @property
    def unfolded(self) -> tuple[Block, ...]:
        """The same as heading and blocks."""
        return (Heading(self.title), *self.blocks)


Block = Heading | Paragraph | Bullets | Facts | Table | Figure | Glance | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A section.

    Parameters
    ----------
    name : str
        Unique in the document; used in addresses (``how-much``).
    title : str
        Heading.
    blocks : tuple of Block
        What stands in it.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report.

    Parameters
    ----------
    title, subtitle : str
        At the top.
    label : str
        ``SYNTHETIC`` for simulated data, else empty; every format prints it on every page.
    sections : tuple of Section
        In order; the first is the one-page summary.
    date : str
        Printed where given.
    """

    title: str
    subtitle: str
    label: str
    sections: tuple[Section, ...]
    date: str = ""

    def __post_init__(self) -> None:
        for name, most in (("title", 120), ("subtitle", 200), ("date", 40)):
            object.__setattr__(self, name, shortened(cleaned(getattr(self, name)), most))
        object.__setattr__(self, "sections", cleaned_within(self.sections))

    @property
    def blocks(self) -> Iterator[Block]:
        """All blocks in order."""
        return (block for section in self.sections for block in _each(section.blocks))

    @property
    def unfolded(self) -> Document:
        """The same for paper: folds are open, and the table of questions is a plain one."""
        opened = (replace(one, blocks=tuple(_each(one.blocks))) for one in self.sections)
        return replace(self, sections=tuple(opened))


def _each(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """All blocks, those of a fold after its title."""
    for block in blocks:
        if isinstance(block, Fold):
            yield from _each(block.unfolded)
        else:
            yield block.table if isinstance(block, Glance) else block


def numbered(document: Document) -> Document:
    """Return the document with "Figure 1." and "Table 1." in front of the captions.

    Examples
    --------
    >>> table = Table("Courses", ("condition",), (("headache",),))
    >>> done = numbered(Document("t", "", "", (Section("s", "S", (table, table)),)))
    >>> [block.caption for block in done.blocks]
    ['Table 1. Courses', 'Table 2. Courses']
    """
    counts = {"figure": 0, "table": 0}

    def one(block: Block) -> Block:
        if isinstance(block, Fold):
            return replace(block, blocks=tuple(one(inner) for inner in block.blocks))
        if not isinstance(block, Figure | Table):
            return block
        counts[block.kind] += 1
        caption = f"{block.kind.capitalize()} {counts[block.kind]}. {block.caption}"
        return replace(block, caption=caption)

    sections = (replace(each, blocks=tuple(map(one, each.blocks))) for each in document.sections)
    return replace(document, sections=tuple(sections))


def is_number(cell: str) -> bool:
    """Whether a cell of a table holds a number and nothing but its interval, share or spread.

    Examples
    --------
    >>> is_number("2.1 (1.8 to 2.4)"), is_number("< 0.001"), is_number("neck other")
    (True, True, False)
    >>> is_number("52.1 (11.7), n = 63"), is_number("2.1 points after 5 sessions")
    (True, False)
    """
    begins = cell[:1].isdigit() or cell[:1] in set("<–\N{MINUS SIGN}")
    return begins and set(re.findall(r"[^\W\d_]+", cell)) <= {"to", "of", "CI", "n"}


def numeric(table: Table) -> list[bool]:
    """Return for each column of a table whether it holds numbers and is aligned by them.

    Examples
    --------
    >>> numeric(Table("Courses", ("condition", "n"), (("headache", "80"), ("sciatica", "–"))))
    [False, True]
    """
    nothing = {"", words.DASH, "not shown"}  # alone they make no column of numbers
    columns = [{*cells} - nothing for _, *cells in zip(table.head, *table.rows, strict=True)]
    return [bool(cells) and all(map(is_number, cells)) for cells in columns]


def widths(table: Table) -> list[int]:
    """Return how wide the columns of a table are to be, in letters.

    A column is as wide as its longest cell where all together fit a page; else the widest give way.

    Examples
    --------
    >>> widths(Table("Courses", ("condition", "n"), (("neck pain after a crash", "80"),)))
    [25, 4]
    """
    columns = zip((f"{bold} " for bold in table.head), *table.rows, strict=True)
    needed = [2 + max(map(len, column)) for column in columns]
    most = next((m for m in range(PAGE, 26, -1) if sum(min(m, n) for n in needed) <= PAGE), 26)
    return [min(most, n) for n in needed]


def unbroken(cell: str) -> str:
    """Return a cell whose number no line break parts from its interval."""
    return cell.replace(" ", words.SPACE) if is_number(cell) else words.unbroken(cell)


def spans(text: str) -> list[tuple[str, bool]]:
    """Split text into parts and whether each is code (between backticks); others are unbroken.

    Examples
    --------
    >>> spans("the term `week`")
    [('the term ', False), ('week', True)]
    """
    parts = re.split(r"`([^`]*)`", text)
    told = ((part if i % 2 else words.unbroken(part), i % 2 == 1) for i, part in enumerate(parts))
    return [one for one in told if one[0]]


@cache
def environment(package: str = "outcomes.render", folder: str = "templates") -> Environment:
    """Return what writes documents from the templates of a folder, as pages and Office files."""
    loader = PackageLoader(package, folder)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    made.globals.update(spans=spans, numeric=numeric, unbroken=unbroken)
    return made
