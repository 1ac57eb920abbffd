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
    Rule("R19", "warning", "a score has a baseline that it can be compared with",
         "Write baseline in timing, or give the first score its visit (1) or day (0); until then "
         "such scores are left out of trajectories, and counted."),
    Rule("R20", "error", "each row of an export has a client",
         "Fill the client in, or remove the row; it is left out, and counted."),
    Rule("R21", "error", "each row of an export has a date that an accepted format reads",
         "Add the format to [file] dates in the column map; the row is left out, and counted."),
    Rule("R22", "warning", "a date can be read in one way only",
         "The first format of [file] dates counts; check that it is the export's."),
    Rule("R23", "error", "an appointment that stands twice says the same twice",
         "Correct or remove one; the first row counts."),
    Rule("R24", "warning", "it is plain which rows are of one client",
         "Check the rows: the manifest says how many were joined, and by what; the others count as "
         "two."),
    Rule("R25", "warning", "identifiers stand in the columns that are for them",
         "Nothing of these cells is kept; correct them at the source."),
    Rule("R26", "warning", "a clearance that is required is there before the first session",
         "A protocol deviation: find out whether the physician had cleared care."),
    Rule("R27", "warning", "a course whose clearance is refused has no sessions",
         "A protocol deviation: check the clearance, or the sessions."),
    Rule("R28", "warning", "pressure stays within the course's ceiling",
         "A protocol deviation: check the pressure, or the ceiling."),
    Rule("R29", "error", "the highest pressure of a visit is not below its usual pressure",
         "Correct one of the two."),
    Rule("R30", "warning", "a goal is set before the second session",
         "A goal set after the fact does not count as reached."),
    Rule("R31", "warning", "a goal's target is better than its baseline",
         "Check the direction of the instrument, or the target."),
    Rule("R32", "warning", "a goal is due within two weeks of the script's end",
         "Check the day by which it is to be reached."),
    Rule("R33", "warning", "a range of motion is measured with one device and mode in a course",
         "Scores of different devices or modes are not comparable."),
    Rule("R34", "warning", "an instrument asks about one period within a course",
         "Scores about different periods are not comparable."),
    Rule("R35", "warning", "a course has at most two visits a day",
         "Check for a visit entered twice."),
    Rule("R36", "warning", "a course ends after its last session", "Check the day of the end."),
    Rule("R37", "warning", "a script has at most three visits a week",
         "Check whether it is visits a week or a month."),
    Rule("R38", "warning", "an adverse event has a severity above 0, and none has 0",
         "Correct the event or its severity."),
    Rule("R39", "warning", "the first attended visit is day 0",
         "Count days from the first visit of the course."),
    Rule("R40", "error", "no adaptation stands beside the word none", "Remove one of the two."),
    Rule("R41", "warning", "each column of a file is read",
         "Name the columns in the column map if the study needs them; the count is of columns."),
    Rule("R42", "warning", "the tables of a simulated study are as they were saved",
         "The data now count as real: no label, no truth, small counts suppressed. Save the edited "
         "tables elsewhere, or simulate again."),
    Rule("R43", "error", "day and month of a date have not changed places",
         "The spreadsheet was set to the other order when these were typed: write them as text; "
         "such a row is left out, and counted."),
    Rule("R44", "error", "the day of a moment is known",
         "Write the clinic's time_zone, as \"Europe/Berlin\", under [file]."),
    Rule("R45", "warning", "an export says which visits took place",
         "All count as received: write no_status = \"attended\" under [study] if they were, or "
         "name the columns of the status."),
    Rule("R46", "error", "a status is one that the column map reads",
         "Say what the word means under [values.status] or [[status]]; until then the row is left "
         "out, and counted."),
    Rule("R47", "error", "a visit has a status",
         "Fill it in, or write empty_status under [study]; until then the row is left out, and "
         "counted."),
    Rule("R48", "warning", "a score of a visit has the status of the visit",
         "The score counts and the visit does not; empty_status under [study] says what an empty "
         "status means."),
    Rule("R49", "error", "a visit is of a day that has come",
         "Correct the date; for bookings write [[leave_out]] future = true. The row is left out, "
         "and counted."),
    Rule("R50", "error", "a birth date can be read",
         "Add its format to dates or dates_of under [file]; until then what is written tells "
         "people apart."),
    Rule("R51", "error", "a birth date gives an age from 0 to 120",
         "Correct it; the age is left empty."),
    Rule("R52", "error", "a record number is of a client and not of a row",
         "Remove record from [identifiers]; it was not used."),
    Rule("R53", "error", "a row of a client with several conditions says which it is of",
         "Fill the condition in; the row is left out, and counted."),
    Rule("R54", "error", "visits of a course follow each other within two years",
         "Check the year, or write new_course_after_days under [study]; the fewer rows are left "
         "out, and counted."),
    Rule("R55", "warning", "no two rows say the same",
         "Check whether it was entered twice; it counts once."),
    Rule("R56", "error", "visits of one day are told apart by a time or an appointment number",
         "Write one_visit = \"day\" under [study] if such lines are one visit, \"line\" if each is "
         "one; until then each counts."),
    Rule("R57", "error", "an export has the visits that the study holds of the same days",
         "They may have been moved or cancelled: write missing_visits = \"removed\" or \"kept\" "
         "under [study]; until then they are kept."),
    Rule("R60", "warning", "a word holds letters and signs that can be seen",
         "Control characters and hidden marks are taken out; the count is of cells."),
)  # fmt: skip

RULES: dict[str, Rule] = {rule.number: rule for rule in _ALL}
"""All rules by number."""
