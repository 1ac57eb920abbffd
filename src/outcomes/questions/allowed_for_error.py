"""What an answer says of measurement error of the score: whether its finding stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from outcomes.causal.measurement_error import Sensitivity
from outcomes.dictionary.instruments import Instrument, standard_error_of_measurement
from outcomes.questions.question import Check
from outcomes.words import interval, plain

NAME = "the finding stays when measurement error of the score is allowed for"
Row = Mapping[Any, Any]


@dataclass(frozen=True)
class PublishedError:
    """A standard error of measurement.

    Parameters
    ----------
    value : float
        In the instrument's units.
    source : str
        What was published, in words.
    """

    value: float
    source: str


def published_error(measure: Instrument, conditions: Iterable[str]) -> PublishedError | None:
    """Return the error published for an instrument, that for the study's conditions first.

    Parameters
    ----------
    measure : Instrument
    conditions : iterable of str
        Of the courses.
    """
    found = standard_error_of_measurement(measure, set(conditions))
    return PublishedError(found[0], found[1].describe()) if found else None


def clear(row: Row) -> bool:
    """Whether an interval leaves out zero."""
    return bool(row["conf_low"] > 0 or row["conf_high"] < 0)


def stays(row: Row, allowed: Sensitivity) -> bool:
    """Whether a finding is still there, on the same side of zero, with the error allowed for."""
    other = allowed.decisive
    same_side = other is not None and row["estimate"] * other["estimate"] > 0
    return clear(row) and other is not None and same_side and clear(other)


def in_doubt(row: Row, allowed: Sensitivity) -> str:
    """Return what follows a finding in a sentence.

    Parameters
    ----------
    row : mapping
        The finding; its interval leaves out zero.
    allowed : Sensitivity
    """
    if stays(row, allowed):
        return ", an association that measurement error of the score does not explain"
    can = "can no longer" if allowed.decisive is not None else "cannot"
    return f", but this {can} be told apart from measurement error of the score"


def allowing(row: Row, allowed: Sensitivity) -> str:
    """Return the number with the error allowed for, where there is a finding and such a number."""
    if not clear(row) or allowed.decisive is None:
        return ""
    return f", and {_told(allowed.decisive)} allowing for the error"


def error_check(
    row: Row, allowed: Sensitivity, measure: Instrument, error: PublishedError | None
) -> Check:
    """Return the check of a finding against measurement error.

    Parameters
    ----------
    row : mapping
        The finding.
    allowed : Sensitivity
    measure : Instrument
    error : PublishedError or None
        What was published for it.
    """
    parts = [] if clear(row) else ["nothing was found that error could explain"]
    if allowed.decisive is not None:
        parts.append(f"allowing for it {_told(allowed.decisive, measure.unit)}")
    parts.append(_published(allowed, measure, error))
    if allowed.answered is not None:
        found = allowed.answered
        number = interval(found["estimate"], found["conf_low"], found["conf_high"], 2)
        parts.append(f"earlier scores put it at {number}, 1 where the number itself is answered")
    if clear(row):
        parts.append(_tipping(allowed))
    return Check(NAME, stays(row, allowed) or not clear(row), "; ".join(parts))


def _published(allowed: Sensitivity, measure: Instrument, error: PublishedError | None) -> str:
    if error is None:
        return f"no measurement error of {measure.title} is published"
    size = f"published error {plain(error.value)} {measure.unit} ({error.source})"
    if allowed.reliability is None:
        return f"{size}, as large as the spread of scores among like visits"
    return f"{size}: a reliability of {plain(allowed.reliability, 2)} among like visits"


def _tipping(allowed: Sensitivity) -> str:
    if allowed.tipping <= 0:
        return "no reliability down to 0.2 would explain it"
    return f"a reliability below {plain(allowed.tipping, 2)} would explain it"


def _told(row: Row, unit: str = "") -> str:
    return interval(row["estimate"], row["conf_low"], row["conf_high"], unit=unit)
