"""Sections of a column map: what each entry may say, as records that a map is converted into."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from outcomes.dictionary.tables import STATUSES
from outcomes.intake.refusals import refuse
from outcomes.intake.toml_records import Section, Texts, Word, folded, refuse_unknown

LEFT_OUT = "left_out"
"""What a status may become beside the contract's: the row is of no visit at all."""
STATUS_WORDS = (*STATUSES, LEFT_OUT)
VISIT = "visit"
"""What a service may become, beside ``left_out``: the row is of a visit."""


NOTHING = "empty"
"""What a word of ``[values]`` may become in any column: the cell says nothing."""


class CellTest(Section, frozen=True, kw_only=True):
    """Which cells an entry is for; all that it states must hold.

    Parameters
    ----------
    is_ : tuple of str
        ``is``: the whole cell is one of these; case and blanks make no difference.
    contains : tuple of str
        The cell has one of these in it, in any case.
    not_ : tuple of str
        ``not``: the cell is none of these; an empty cell is none of them.
    empty, filled : bool
        The cell is empty; it is not.
    """

    is_: Texts = msgspec.field(default=Texts(), name="is")
    contains: Texts = Texts()
    not_: Texts = msgspec.field(default=Texts(), name="not")
    empty: bool = False
    filled: bool = False

    @property
    def states(self) -> bool:
        """Whether it states anything."""
        return bool(self.is_ or self.contains or self.not_ or self.empty or self.filled)

    def fits(self, cell: object) -> bool:
        """Return whether the entry is for a cell (None: an empty one)."""
        word = folded(cell) if isinstance(cell, str) else ""
        return (
            (not self.is_ or word in map(folded, self.is_))
            and (not self.contains or any(folded(part) in word for part in self.contains))
            and (not self.not_ or word not in map(folded, self.not_))
            and not (self.empty and word)
            and not (self.filled and not word)
        )


class LeaveOut(CellTest, frozen=True, kw_only=True):
    """Rows that are left out and counted.

    Parameters
    ----------
    column : str
        Column of the file that tells them; not needed with `future`.
    name : str
        What the manifest calls them.
    future : bool
        Rows of a day that is still to come.
    """

    column: str = ""
    name: str = "rows that the map leaves out"
    future: bool = False

    def __post_init__(self) -> None:
        if self.future == bool(self.column and self.states):
            refuse("leave_out", self.name)


class StatusRule(CellTest, frozen=True, kw_only=True):
    """What became of a visit, by one column; the first rule of the map that fits counts.

    Parameters
    ----------
    column : str
        Column of the file.
    becomes : str
        A status of the contract, or ``left_out``: the row is of no visit.
    otherwise : str
        Instead of a column: the status where no rule fits.
    known : tuple of str
        Words of the column that say nothing of the visit. Where some are stated, any other that no
        rule of the column fits is an error.
    """

    column: str = ""
    becomes: str = ""
    otherwise: str = ""
    known: Texts = Texts()

    def __post_init__(self) -> None:
        refuse_unknown([self.becomes or self.otherwise], STATUS_WORDS, "a status")
        if bool(self.otherwise) == bool(self.column and self.states):
            refuse("status_rule", "[[status]]")


class CleaningRule(CellTest, frozen=True, kw_only=True):
    r"""One further way of writing that a map says how to read.

    Parameters
    ----------
    columns : tuple of str
        Columns of the file that it is for.
    name : str
        What the manifest calls it.
    target : str
        Contract column that it is for, where a column of the file fills several; else empty.
    pattern : str
        Regular expression for the whole cell, in any case; or is, contains, not.
    becomes : str
        What the cell becomes; ``\1`` is the first group. Empty: an empty cell.
    multiply : float or None
        Factor of the number it becomes.
    middle : bool
        Whether the cell becomes the middle of its two groups ("6-7" becomes 6.5).

    Examples
    --------
    >>> rule = CleaningRule(columns=Texts(["Pain"]), pattern="(.+)/10", becomes=Word("\\1"))
    >>> rule.read("7/10"), rule.read("7")
    ('7', None)
    """

    columns: Texts = Texts()
    name: str = "without a name"
    target: str = ""
    pattern: str = ""
    becomes: Word = Word("")
    multiply: float | None = None
    middle: bool = False

    def __post_init__(self) -> None:
        if not self.columns or not (self.pattern or self.states):
            refuse("rule_without_test", f"rule {self.name}")
        try:
            groups = [int(group) for group in re.findall(r"\\(\d+)", self.becomes)]
            lost = max([*groups, 2 if self.middle else 0]) > re.compile(self.pattern).groups
        except re.error:
            lost = True
        if lost:
            refuse("rule_pattern", f"rule {self.name}")

    def read(self, cell: str) -> str | None:
        """Return what the cell becomes; None where the rule is not for it."""
        match = re.fullmatch(self.pattern or ".*", cell, re.IGNORECASE | re.DOTALL)
        if match is None or not self.fits(cell):
            return None
        if not self.middle and self.multiply is None:
            return match.expand(self.becomes).strip()
        try:
            parts = match.groups()[:2] if self.middle else (match.expand(self.becomes),)
            number = sum(float(part) for part in parts) / len(parts)
        except (TypeError, ValueError):
            return None
        return f"{number * (1.0 if self.multiply is None else self.multiply):.8g}"


class Spread(Section, frozen=True, kw_only=True):
    """Scores of several times that stand beside each other in one row.

    Parameters
    ----------
    over : str
        What tells them apart: ``session``, ``day``, ``week``, ``month`` or ``timing``.
    columns : mapping of str to str
        Value of `over` to the name of the column.
    score : str
        Contract column that they hold, ``score`` or another; in an import ``INSTRUMENT.TIMING``
        as well.
    """

    over: Literal["session", "day", "week", "month", "timing"]
    columns: dict[str, str]
    score: str = "score"


class Minutes(Section, frozen=True, kw_only=True):
    """Minutes of a visit from its start and end.

    Parameters
    ----------
    start, end : str
        Columns of the file with a time of day, or with date and time.
    of_lines : {"longest", "sum"}
        Minutes of a visit that stands in several lines; see ``[study] one_visit``.
    """

    start: str = ""
    end: str = ""
    of_lines: Literal["longest", "sum"] = "longest"


class StudyFacts(Section, frozen=True, kw_only=True):
    """What the export does not say of itself.

    Parameters
    ----------
    control : str or None
        Name of the control arm.
    randomised : bool
        Whether the arms were made by chance.
    new_course_after_days : int
        Days without a row after which the next is of a new course; 0: never.
    period : {"", "year", "quarter"}
        Period of its first visit that each course keeps; empty: none. Quarters become years where
        one of them has few courses.
    rows : {"visits", "scores"}
        What a row is. Rows of scores (a survey) are no visits: each finds its patient's visit.
    no_status, empty_status : str
        Status of every visit of an export without a status, and of visits where it is empty.
    sign_that_counts : {"", "status", "rules"}
        Which counts where the column of the status says that a visit took place and a rule of
        ``[[status]]`` that it did not, or the other way round. Empty: not said.
    one_visit : {"", "line", "day", "time", "appointment"}
        Which lines of a patient are one visit: each line by itself, those of one day, of one day
        and time, of one appointment number. Empty: not said.
    missing_visits : {"", "kept", "removed"}
        What becomes of visits of the study, within the days of a course that a later export
        covers, which that export does not have. Empty: not said.
    """

    control: str | None = None
    randomised: bool = False
    new_course_after_days: int = 0
    period: Literal["", "year", "quarter"] = ""
    rows: Literal["visits", "scores"] = "visits"
    no_status: str = ""
    empty_status: str = ""
    sign_that_counts: Literal["", "status", "rules"] = ""
    one_visit: Literal["", "line", "day", "time", "appointment"] = ""
    missing_visits: Literal["", "kept", "removed"] = ""

    def __post_init__(self) -> None:
        stated = [word for word in (self.no_status, self.empty_status) if word]
        refuse_unknown(stated, STATUS_WORDS, "a status")
        if self.new_course_after_days < 0:
            refuse("gap_of_days", "[study]")


class Question(Section, frozen=True, kw_only=True):
    """One thing that a draft is not sure of.

    Parameters
    ----------
    asks : str
        The question, in words.
    key : str
        Place in the map that the answer is for: ``columns.date``, ``file.time_zone``,
        ``values.status.Booked``.
    candidates : tuple of str
        Likely answers, the likeliest first.
    answer : str, list or bool
        The answer; false leaves the place as it is. Empty: not answered yet.
    """

    asks: str
    key: str
    candidates: Texts = Texts()
    answer: str | int | float | bool | list[str] = ""

    def __post_init__(self) -> None:
        if len(self.place) < 2:
            refuse("place_of_question", "[[questions]]")

    @property
    def place(self) -> list[str]:
        """Section, entry and, in sections of sections, the name in it."""
        deep = self.key.startswith(("scores.", "values.", "instruments.", "file.dates_of."))
        quoted = re.fullmatch(r'(values)\."([^"]+)"\.(.+)', self.key, re.DOTALL)
        return [*quoted.groups()] if quoted else self.key.split(".", 2 if deep else 1)


class Preset(Section, frozen=True, kw_only=True):
    """The product whose export the map is for.

    Parameters
    ----------
    name, version : str
        What the product is called, and the version whose headers these are.
    """

    name: str = ""
    version: str = ""


class Source(Section, frozen=True, kw_only=True):
    """Of a database: what gives the rows.

    Parameters
    ----------
    table : str
        A table; all of its rows.
    query : str
        One ``SELECT``.
    """

    table: str = ""
    query: str = ""


class Declared(Section, frozen=True, kw_only=True):
    """An instrument that the registry does not know.

    Parameters
    ----------
    minimum, maximum : float
        Both ends of its range.
    better : {"lower", "higher"}
        Which way is better.
    title : str
        What people call it.
    unit : str
        Its unit, plural.
    """

    minimum: float
    maximum: float
    better: Literal["lower", "higher"]
    title: str = ""
    unit: str = "points"
