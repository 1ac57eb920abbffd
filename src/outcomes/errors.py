"""Every error and warning this package raises: what must hold, what was got, where, what to do.

No message ever shows a patient's value: ``got`` names the *kind* of thing that was met ("text",
"above the maximum"), ``where`` a table, column and row position.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


class OutcomesError(Exception):
    """Root of all errors of this package.

    Parameters
    ----------
    must : str
        What must hold, as one sentence without a full stop.
    got : str, optional
        The kind of thing that was met, never a value from the data.
    where : str, optional
        File, table, column and row position (1 = first row of data).
    remedy : str, optional
        What the reader can do about it.

    Attributes
    ----------
    exit_code : int
        What the command line ends with: 1 the data break a rule, 2 wrong use, 3 could not be done.

    Examples
    --------
    >>> print(OutcomesError("score must be a number", got="text", where="assessments, row 3"))
    score must be a number; got text (assessments, row 3).
    """

    exit_code = 3

    def __init__(self, must: str, *, got: str = "", where: str = "", remedy: str = "") -> None:
        self.must, self.got, self.where, self.remedy = must, got, where, remedy
        super().__init__(must)

    def __str__(self) -> str:
        got = f"; got {self.got}" if self.got else ""
        where = f" ({self.where})" if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.must}{got}{where}.{remedy}"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in a cell: the sentence, not the frames it came through."""
        whole = (
            "The whole traceback: import sys, traceback; traceback.print_exception(sys.last_value)"
        )
        return [f"{type(self).__name__}: {self}", whole]

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword parts when a worker process hands the error back."""
        return _rebuild, (type(self), self.must, self.got, self.where, self.remedy)


def _rebuild(
    kind: type[OutcomesError], must: str, got: str, where: str, remedy: str
) -> OutcomesError:
    return kind(must, got=got, where=where, remedy=remedy)


def refuse_all(errors: Sequence[OutcomesError]) -> None:
    """Raise the first of several errors, the sentences of the others after its own; none of none.

    Examples
    --------
    >>> refuse_all([UsageError("time is above 0", got="-3"), UsageError("weeks rise", got="4, 2")])
    Traceback (most recent call last):
    outcomes.errors.UsageError: time is above 0; got -3. weeks rise; got 4, 2.
    """
    if errors:
        first = errors[0]
        others = dict.fromkeys(map(str, errors[1:]))
        first.remedy = " ".join(filter(None, (first.remedy, *others)))
        raise first


class DataError(OutcomesError):
    """The data break a rule, so the work cannot go on."""

    exit_code = 1


class PrivacyError(DataError):
    """A file still looks as if it identifies people."""


class UsageError(OutcomesError):
    """A name, option or argument is not one that is known here."""

    exit_code = 2


class FormulaError(UsageError):
    """A model formula cannot be read, or names a column that is not there."""


class DesignError(UsageError):
    """A simulation or planning design asks for something impossible."""


class FitError(OutcomesError):
    """A model cannot be estimated from these rows."""


class UnvaryingError(FitError):
    """Scores are the same where a model needs some that differ."""


class UnavailableError(OutcomesError):
    """What was asked needs something that is not installed or not present."""


class OutcomesWarning(UserWarning):
    """Root of all warnings of this package."""


class SingularFitWarning(OutcomesWarning):
    """A variance is estimated as zero, or a correlation as plus or minus one."""


class ConvergenceWarning(OutcomesWarning):
    """The optimiser stopped before its own criterion was met."""


class RecordsWarning(OutcomesWarning):
    """Rows come from a study that breaks rules which `check` calls errors."""


class ExposureWarning(OutcomesWarning):
    """A formula uses an exposure that the outcome may have caused (see the "before" idea)."""


def warn(text: str, kind: type[OutcomesWarning] = OutcomesWarning) -> None:
    """Warn at the line outside this package that led here, whatever lies between.

    Parameters
    ----------
    text : str
        What the reader must know, as whole sentences.
    kind : type
        Which of the warnings above.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, kind, level)
