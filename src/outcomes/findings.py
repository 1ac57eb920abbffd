"""What a check found: one record a rule, table and column, with counts and a row, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.rules import RULES, Severity

COLUMNS = ("rule", "severity", "table", "column", "count", "first_row", "message", "remedy")


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
        Position of the first of them; 1 is the first row of data. 0 where no row can be named.
    message : str
        What must hold and the kind of thing that was met.
    remedy : str
        What to do.
    """

    rule: str
    severity: Severity
    table: str
    column: str
    count: int
    first_row: int
    message: str
    remedy: str


def finding(
    number: str, table: str, column: str, rows: Iterable[int], *, got: str, remedy: str = ""
) -> Finding:
    """Make the finding of a rule from the 0-based positions of the rows that break it.

    Parameters
    ----------
    number : str
        Number of the rule.
    table, column : str
        Where.
    rows : iterable of int
        0-based row positions, at least one.
    got : str
        The kind of thing that was met, never a value.
    remedy : str, optional
        Replaces the rule's own remedy.

    Examples
    --------
    >>> finding("R03", "sessions", "pressure", [4, 7], got="above 5").first_row
    5
    """
    rule, positions = RULES[number], list(rows)
    return Finding(
        rule=number,
        severity=rule.severity,
        table=table,
        column=column,
        count=len(positions),
        first_row=min(positions) + 1,
        message=f"{rule.must}; got {got}",
        remedy=remedy or rule.remedy,
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

    def __repr__(self) -> str:
        n_warnings = len(self.items) - len(self.errors)
        return f"Findings({len(self.errors)} errors, {n_warnings} warnings)"
