"""Judge one person's change against the measurement error that is published.

A minimal important change says what patients call important; it does not say that one person's
change is more than noise. So one person is judged against a minimal detectable change only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from outcomes.dictionary.instruments.record import Instrument
from outcomes.dictionary.instruments.threshold import Threshold, matching
from outcomes.errors import UsageError

IndividualVerdict = Literal["better", "worse", "within measurement error"]

ROUNDING = 1e-9
"""Differences of decimals are not exact: a change of 0.3 may be stored as a little more."""


def judge_individual_change(improvement: float, error: Threshold) -> IndividualVerdict:
    """Judge one person's change against a minimal detectable change.

    Parameters
    ----------
    improvement : float
        Change in the better direction, positive = better, in points of the threshold's scale.
    error : Threshold
        A minimal detectable change; see `measurement_error`.

    Returns
    -------
    {"better", "worse", "within measurement error"}
        Better or worse where the change is larger than the measurement error; one as large as it
        is within it.

    Raises
    ------
    UsageError
        When the threshold is another than an MDC, or the change is not a number.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> error = measurement_error(instrument("nprs"), population="neck_other")
    >>> judge_individual_change(4.0, error), judge_individual_change(5.0, error)
    ('within measurement error', 'better')
    """
    if error.kind != "MDC":
        must = "one person's change is judged against a minimal detectable change (MDC)"
        remedy = "An important change (MIC) is often smaller than the measurement error."
        raise UsageError(must, got="another kind of threshold", remedy=remedy)
    if not math.isfinite(improvement):
        must = "a change is a number"
        raise UsageError(must, got="a missing or infinite one")
    if abs(improvement) - error.value <= ROUNDING:
        return "within measurement error"
    return "better" if improvement > 0 else "worse"


def measurement_error(
    instrument: Instrument,
    *,
    population: str,
    scale: str = "",
    method: str = "",
    source: str = "",
) -> Threshold:
    """Return the largest minimal detectable change published for a population.

    Parameters
    ----------
    instrument, population, scale, method, source
        As in `judge_individual_change`.

    Returns
    -------
    Threshold
        Of kind MDC.

    Raises
    ------
    UsageError
        When there is none for this scale and population.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> measurement_error(instrument("ndi"), population="neck_mvc").value
    10.2
    """
    found = matching(
        instrument.thresholds, kind="MDC", population=population, scale=scale or instrument.scale,
        method=method, source=source,
    )  # fmt: skip
    return max(found, key=lambda threshold: threshold.value)


def standard_error_of_measurement(
    instrument: Instrument, conditions: Iterable[str] = ()
) -> tuple[float, Threshold] | None:
    """Return the largest standard error of measurement published for an instrument on its scale.

    Parameters
    ----------
    instrument : Instrument
        With its thresholds.
    conditions : iterable of str
        Conditions of the data contract. What was found in one of them goes before what was found
        in others.

    Returns
    -------
    float and Threshold, or None
        In the instrument's units, and what it was taken from: a SEM, or an MDC, which is 1.96 (of
        90 %: 1.645) times the square root of two SEMs (Weir 2005, J Strength Cond Res 19:231).
        None where neither is published.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> value, source = standard_error_of_measurement(instrument("nprs"))
    >>> round(value, 2), source.describe()
    (1.44, 'MDC 4 on 0-10 in neck pain (Kovacs 2008, BMC Musculoskelet Disord 9:43)')
    """
    known = [
        threshold
        for threshold in instrument.thresholds
        if (threshold.scale, threshold.relative) == (instrument.scale, False)
        and threshold.kind in ("SEM", "MDC")
    ]
    own = [t for t in known if any(t.covers(condition) for condition in conditions)]
    if not known:
        return None
    largest = max(own or known, key=standard_error)
    return standard_error(largest), largest


def standard_error(threshold: Threshold) -> float:
    """Return the standard error of measurement behind a SEM or an MDC.

    Examples
    --------
    >>> round(standard_error(Threshold("MDC", 4.0, "0-10", "neck pain", "A 2001", "read")), 2)
    1.44
    """
    if threshold.kind == "SEM":
        return threshold.value
    level = 1.645 if "MDC90" in threshold.method else 1.96
    return threshold.value / (level * math.sqrt(2))
