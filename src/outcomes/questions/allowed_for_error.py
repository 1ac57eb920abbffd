"""What an answer says of measurement error of the score: whether its finding stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.causal.measurement_error import Sensitivity, largest_error
from outcomes.dictionary.instruments import Instrument, standard_error_of_measurement
from outcomes.questions.question import Check
from outcomes.words import CANNOT_TELL, decimals_for, direction, plain, with_interval

NAME = "the finding stays when measurement error of the score is allowed for"
Row = Mapping[Any, Any]


@dataclass(frozen=True)
class ErrorTaken:
    """The standard error of measurement that an answer takes.

    Parameters
    ----------
    value : float
        In the instrument's units.
    words : str
        Where it comes from.
    """

    value: float
    words: str


def error_taken(measure: Instrument, rows: pd.DataFrame) -> ErrorTaken:
    """Return the published error, or as much of it as the study's own scores leave room for.

    Parameters
    ----------
    measure : Instrument
    rows : DataFrame
        Trajectory; what is published for its conditions goes first.

    Returns
    -------
    ErrorTaken
        Where none is published, all that the scores leave room for.
    """
    room = largest_error(rows)
    found = standard_error_of_measurement(measure, set(rows["condition"].dropna()))
    most = f"{plain(room)} {measure.unit}, the most that successive scores leave room for"
    if found is None:
        return ErrorTaken(room, f"no error of {measure.title} is published; taken: {most}")
    value, source = found[0], found[1].describe()
    if value > room:
        return ErrorTaken(room, f"error taken: {most}; published: {source}")
    return ErrorTaken(value, f"error taken: {plain(value)} {measure.unit}, from {source}")


def with_one_test(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``p_both`` to the row that allows for error: that of a finding, which needs both rows.

    Parameters
    ----------
    table : DataFrame
        The finding first; a row of kind ``error allowed for`` where there is one.

    Returns
    -------
    DataFrame
        The larger of both p-values (1 where estimates differ in sign): each row holds where the
        other takes too much for granted (Berger 1982, Technometrics 24:295, intersection-union).
        ``p_value`` stays that of the row's own estimate.
    """
    row, own = table.iloc[0], table["kind"] == "error allowed for"
    same = row["estimate"] * table["estimate"] > 0
    both = np.maximum(table["p_value"], row["p_value"]).where(same, 1.0)
    return table.assign(p_both=both.where(own))


def spanning(exact: Row, allowed: Row) -> dict[Any, Any]:
    """Return the row that allows for error with an interval over that of the other row too.

    Which of the two holds depends on whether the score was answered or what is behind it, or on how
    much of each; an interval over both holds either way.
    """
    return {
        **allowed,
        "conf_low": min(exact["conf_low"], allowed["conf_low"]),
        "conf_high": max(exact["conf_high"], allowed["conf_high"]),
    }


def clear(row: Row) -> bool:
    """Whether an interval leaves out zero."""
    return bool(row["conf_low"] > 0 or row["conf_high"] < 0)


@dataclass(frozen=True, eq=False)
class AgainstError:
    """A finding held against measurement error of the score, and what is said of that.

    Parameters
    ----------
    row : mapping
        The finding.
    allowed : Sensitivity
        What is left of it.
    measure : Instrument
    error : ErrorTaken
        The error of the score.
    """

    row: Row
    allowed: Sensitivity
    measure: Instrument
    error: ErrorTaken

    @property
    def stays(self) -> bool:
        """Whether it is still there, on the same side of zero, with the error allowed for."""
        other = self.allowed.decisive
        same_side = other is not None and self.row["estimate"] * other["estimate"] > 0
        return clear(self.row) and other is not None and same_side and clear(other)

    @property
    def verdict(self) -> str:
        """The word for it: one that the error of the score may explain is no finding."""
        return direction(self.row) if self.stays or not clear(self.row) else CANNOT_TELL

    @property
    def doubt(self) -> str:
        """What follows it in a sentence; empty where nothing was found."""
        if not clear(self.row):
            return ""
        if self.stays:
            return ", an association that measurement error of the score does not explain"
        can = "can no longer" if self.allowed.decisive is not None else "cannot"
        return f", but this {can} be told apart from measurement error of the score"

    @property
    def also(self) -> str:
        """The number with the error allowed for: the other is too sure, and says so without one."""
        if self.allowed.decisive is None or (self.allowed.table.empty and not clear(self.row)):
            return "" if clear(self.row) else ", with the score taken as exact"
        error = "the error" if clear(self.row) else "measurement error of the score"
        return f", and {self._left()} allowing for {error}"

    @property
    def digits(self) -> int:
        """Decimals of the number; what is left of it, and what stands beside it, has as many."""
        return decimals_for(self.row["conf_low"], self.row["conf_high"])

    def _left(self, unit: str = "") -> str:
        """Return what is left, where its interval says anything."""
        left, scale = self.allowed.decisive, self.measure.maximum - self.measure.minimum
        assert left is not None
        if left["conf_high"] - left["conf_low"] > scale:
            return "an interval wider than the scale"
        return with_interval(left, self.digits, unit)

    @property
    def check(self) -> Check:
        """The check of it, with the numbers; where nothing was found, there is none to explain."""
        if not clear(self.row):
            taken = self.error.words if self.allowed.decisive is not None else "no error taken"
            return Check(NAME, True, f"no clear difference to explain; {taken}")
        allowed, share = self.allowed, self.allowed.reliability or 0.0
        spread = f"a reliability of {plain(share, 2)}"
        spread = spread if share > 0 else "at least as large as the spread of scores"
        parts = [self.error.words, f"{spread} among comparable patients"]
        if allowed.decisive is not None:
            parts.insert(0, f"allowing for it {self._left(self.measure.unit)}")
        if allowed.answered is not None:
            found = allowed.answered
            above = ", above 1 by chance alone" if found["estimate"] > 1 else ""
            told = f"put it at {with_interval(found, 2)}{above}; at 1 the choice follows the score"
            wide = not (found["conf_low"] > 0 or found["conf_high"] < 1)  # all that it can be
            parts.append(f"earlier scores {'cannot tell it' if wide else told}")
        tipping = f"a reliability below {plain(allowed.tipping, 2)} would explain it"
        none = "no reliability down to 0.2 would explain it"
        parts.append(tipping if allowed.tipping > 0 else none)
        unmet = "Measurement error of the score alone could explain the finding ({detail})."
        return Check(NAME, self.stays, "; ".join(parts), unmet)
