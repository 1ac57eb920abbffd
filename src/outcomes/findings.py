"""What a check found: one record a rule, table and column, with counts and a row, never a value."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from outcomes.plain_text import shipped

COLUMNS = ("rule", "severity", "table", "column", "count", "first_row", "message", "remedy")
Severity = Literal["error", "warning"]
Broken = tuple[str, str, "pd.Series[Any]", str]
"""Table, column, the rows that break a rule (boolean, shape (rows,)), the kind of thing met."""
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """One numbered rule.

    Parameters
    ----------
    number : str
        ``R01``, ``R02``, ...; a number is never used twice.
    severity : {"error", "warning"}
        An error stops answers; a warning (a protocol deviation among them) does not.
    must : str
        What must hold.
    remedy : str
        What to do where it does not.
    """

    number: str
    severity: Severity
    must: str
    remedy: str


RULES = {number: Rule(number, **entry) for number, entry in shipped("rules/rules.toml").items()}
"""All rules by number."""
FINDERS: dict[str, Callable[..., Iterator[Broken]]] = {}
"""Number to what finds the rule in a study; reading or an import finds the others on the way."""


def rule(number: str, **said: object) -> Callable[[F], F]:
    """Register the function below, which takes a study and yields `Broken`, as a rule's finder.

    Where several rules have one finder, `said` is what it is told besides for this one.
    """

    def registered(find: F) -> F:
        if number in FINDERS or number not in RULES:
            raise ValueError(number)
        FINDERS[number] = partial(find, **said) if said else find
        return find

    return registered


@dataclass(frozen=True)
class Finding:
    """One rule that one column of one table breaks.

    Parameters
    ----------
    rule : str
        Number of the rule (``R03``).
    severity : {"error", "warning"}
        An error stops answers.
    table, column : str
        Where.
    count : int
        Number of rows concerned, at least 1.
    first_row : int
        The first of them: in a file as a spreadsheet counts, in a table of memory 1 is the first
        row of data; 0 where no row can be named.
    message : str
        What must hold and the kind of thing that was met.
    remedy : str
        What to do.
    rows : tuple of int
        All of the rows, where a person must look at each; else empty.
    """

    rule: str
    severity: Severity
    table: str
    column: str
    count: int
    first_row: int
    message: str
    remedy: str
    rows: tuple[int, ...] = ()

    def in_file(self, row: Callable[[int], int]) -> Finding:
        """Return the finding with the rows of the file, which `row` gives for those of a table."""
        return replace(self, first_row=row(self.first_row), rows=tuple(map(row, self.rows)))

    def said_as(self, words: Mapping[str, Mapping[str, str]]) -> Finding:
        """Return the finding in a file's words: what a rule says there, what a column is called."""
        said = words.get(self.rule, {})
        place = words.get(f"{self.table}.{self.column}", words.get(self.table, {}))
        must, got = said.get("must", RULES[self.rule].must), said.get("got")
        return replace(self, message=f"{must}; got {got}" if got else self.message,
                       remedy=said.get("remedy", self.remedy), **place)  # type: ignore[arg-type]  # fmt: skip


def finding(
    number: str, table: str, column: str, rows: Iterable[int] | int, *, got: str, remedy: str = "",
    listed: bool = False,
) -> Finding:  # fmt: skip
    """Make the finding of a rule from the 0-based positions of the rows that break it.

    Parameters
    ----------
    number : str
        Number of the rule.
    table, column : str
        Where.
    rows : iterable of int, or int
        0-based row positions, at least one; or how many things are meant that stand in no row.
    got : str
        The kind of thing that was met, never a value.
    remedy : str, optional
        Replaces the rule's own remedy.
    listed : bool, optional
        Whether all rows are kept.

    Examples
    --------
    >>> finding("R03", "sessions", "pressure", [4, 7], got="above 5").first_row
    5
    """
    broken, positions = RULES[number], [-1] * rows if isinstance(rows, int) else list(rows)
    return Finding(
        rule=number,
        severity=broken.severity,
        table=table,
        column=column,
        count=len(positions),
        first_row=min(positions) + 1,
        message=f"{broken.must}; got {got}",
        remedy=remedy or broken.remedy,
        rows=tuple(position + 1 for position in positions) if listed else (),
    )


def where_broken(
    number: str, table: str, column: str, mask: pd.Series[Any], *, got: str
) -> Iterator[Finding]:
    """Yield the finding of a rule when any row of `mask` (boolean, shape (rows,)) is true."""
    rows = np.flatnonzero(mask.fillna(False).to_numpy(bool))
    if rows.size:
        yield finding(number, table, column, rows.tolist(), got=got)


@dataclass(frozen=True)
class Findings:
    """All that a check found.

    Examples
    --------
    >>> Findings(()).ok
    True
    """

    items: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no finding of severity ``error``."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop an answer."""
        return tuple(item for item in self.items if item.severity == "error")

    @property
    def table(self) -> pd.DataFrame:
        """One row a finding: rule, severity, table, column, count, first_row, message, remedy."""
        return pd.DataFrame([asdict(item) for item in self.items], columns=list(COLUMNS))

    @property
    def counted(self) -> str:
        """How many errors and warnings, in words."""
        counts = {"error": len(self.errors), "warning": len(self.items) - len(self.errors)}
        said = [f"{n or 'no'} {name}{'s' * (n != 1)}" for name, n in counts.items()]
        return ", ".join(said)

    def __str__(self) -> str:
        last = f"{self.counted.capitalize()}."
        return "\n\n".join([*map(_in_words, self.items), last])

    def __repr__(self) -> str:
        return f"Findings({self.counted})"


def _in_words(item: Finding) -> str:
    """Return a finding as lines for a terminal: where, the rule, what was met, the remedy."""
    must, _, got = item.message.partition("; got ")
    rows = "1 row" if item.count == 1 else f"{item.count:,} rows"
    where = f": {rows}, the first is row {item.first_row}" if item.first_row else ""
    said = {"Rule": must, "Found": got, "To do": item.remedy}
    lines = [textwrap.fill(f"{name}: {text}", 96, initial_indent="  ", subsequent_indent="    ")
             for name, text in said.items() if text]  # fmt: skip
    head = f"{item.severity.upper()} {item.rule} in {item.table}, {item.column}{where}"
    return "\n".join([head, *lines])
