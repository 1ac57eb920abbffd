"""The numbered rules that a study is checked against; the checks themselves stand in `intake`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


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

    Examples
    --------
    >>> RULES["R03"].severity
    'error'
    """

    number: str
    severity: Severity
    must: str
    remedy: str


_ALL = (
    Rule("R01", "error", "a required cell has a value", "Fill the cell in, or remove the row."),
    Rule("R02", "error", "a cell can be read as what its column holds",
         "Correct the cell; leave it empty where the value is not known."),
    Rule("R03", "error", "a number lies inside its column's range",
         "Correct the cell, or check its unit."),
    Rule("R04", "error", "a value is one of its column's list",
         "Use a value of the list, or map yours to one in the column map ([values.COLUMN])."),
    Rule("R05", "warning", "a value is one of its column's usual list",
         "Check the spelling; a value of your own is kept as it is."),
    Rule("R06", "error", "a whole number has no fraction", "Correct the cell."),
    Rule("R07", "error", "a script's minutes are a multiple of 15", "Write 15, 30, 45, 60 ..."),
    Rule("R08", "warning", "a visit's minutes are quarter hours",
         "Check that they are hands-on minutes."),
    Rule("R09", "error", "a course stands once in episodes, and a visit once in sessions",
         "Remove the repeated row."),
    Rule("R10", "error", "a score stands once", "Remove the repeated row."),
    Rule("R11", "error", "a course has one baseline for each instrument",
         "Keep one; call the later one pre_session."),
    Rule("R12", "error", "a score lies inside its instrument's range",
         "Correct the score, or check which version of the instrument was used."),
    Rule("R13", "error", "an instrument is known",
         "Correct the name, or declare it in the column map ([instruments.NAME])."),
    Rule("R14", "error", "a row belongs to a course in episodes",
         "Add the course to episodes, or correct the id."),
    Rule("R15", "error", "a score or an attended visit has a session or a day", "Fill one in."),
    Rule("R16", "error", "visits are numbered in the order of their days",
         "Correct the visit numbers or the days."),
    Rule("R17", "warning", "attended visits are numbered 1, 2, 3 ... without a gap",
         "Check for a visit that is missing."),
    Rule("R18", "error", "a course's facts are the same on each of its rows",
         "Correct the rows that differ."),
    Rule("R19", "warning", "a course has a baseline for each of its instruments",
         "Such a course is left out of trajectories, and counted."),
)  # fmt: skip

RULES: dict[str, Rule] = {rule.number: rule for rule in _ALL}
"""All rules by number."""
