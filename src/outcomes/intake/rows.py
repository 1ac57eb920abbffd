"""Rows of a file on their way into tables: cells, what was found, what was done, what was left out.

Each step takes rows and returns rows; nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from outcomes.findings import Finding, finding
from outcomes.privacy.manifest import Step

EXPORT = "export"
"""What findings call the table whose rows they count, where a file is no table by itself."""


@dataclass(frozen=True)
class TypedRows:
    """Rows of a file.

    Parameters
    ----------
    text : DataFrame of str
        Cells as they were read; the index is the 0-based position in the file.
    cells : DataFrame
        Typed columns by contract name, ``INSTRUMENT.TIMING`` for scores; on the same index.
    names : mapping of str to str
        Typed column to the column of the file, for findings; empty for a file of the contract.
    findings : tuple of Finding
        What was found, by position in the file.
    done, left_out : tuple of Step
        What was done, and rows that are left out, with counts.
    wrong : frozenset of int
        Positions in the file of all rows with an error.
    """

    text: pd.DataFrame
    cells: pd.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    done: tuple[Step, ...] = ()
    left_out: tuple[Step, ...] = ()
    wrong: frozenset[int] = frozenset()

    def found(
        self, rule: str, name: str, mask: Any, got: str, remedy: str = "", *, listed: bool = False
    ) -> TypedRows:
        """Return the rows with a finding about those of `mask`, where there are any.

        Parameters
        ----------
        rule : str
            Number of the rule.
        name : str
            Typed column, or column of the file.
        mask : Series of bool
            On the rows' index; what it does not hold is no finding.
        got, remedy, listed
            As in `outcomes.findings.finding`.
        """
        mask = pd.Series(mask, index=self.text.index) if not hasattr(mask, "index") else mask
        positions = [int(i) for i in mask.index[mask.fillna(False).to_numpy(bool)]]
        if not positions:
            return self
        if self.names:
            table, column = EXPORT, self.names.get(name, name)
        else:
            table, _, column = name.rpartition(".") if "." in name else ("file", "", name)
        entry = finding(rule, table, column, positions, got=got, remedy=remedy, listed=listed)
        wrong = self.wrong.union(positions) if entry.severity == "error" else self.wrong
        return replace(self, findings=(*self.findings, entry), wrong=wrong)

    def did(self, what: str, column: str, count: Any) -> TypedRows:
        """Return the rows with one more thing that was done, where it was done at all."""
        step = Step(what, column, int(count))
        return replace(self, done=(*self.done, step)) if step.count else self

    def without(self, mask: Any, reason: str, column: str = "") -> TypedRows:
        """Return the rows but those of `mask` (boolean, on the rows' index), which are counted."""
        out = mask.reindex(self.text.index, fill_value=False).astype(bool)
        if not out.any():
            return self
        step = Step(reason, column, int(out.sum()))
        kept = replace(self, text=self.text[~out], cells=self.cells[~out])
        return replace(kept, left_out=(*self.left_out, step))

    def having(self, **columns: Any) -> TypedRows:
        """Return the rows with typed columns added or replaced."""
        return replace(self, cells=self.cells.assign(**columns))
