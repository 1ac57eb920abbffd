"""Judge a change: one person's against the measurement error, a group's against a stated threshold.

A minimal important change says what patients call important; it does not say that one person's
change is more than noise. So one person is judged against a minimal detectable change only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from outcomes.dictionary.instruments.record import Instrument
from outcomes.dictionary.instruments.threshold import Threshold, matching
from outcomes.errors import UsageError

IndividualVerdict = Literal["better", "worse", "within measurement error"]
GroupVerdict = Literal["reached", "not reached", "not settled"]

ROUNDING = 1e-9
"""Differences of decimals are not exact: a change of 0.3 may be stored as a little more."""


@dataclass(frozen=True, slots=True)
class IndividualJudgement:
    """What one person's change says.

    Parameters
    ----------
    verdict : {"better", "worse", "within measurement error"}
        Better or worse where the change is larger than the measurement error; one as large as it
        is within it.
    improvement : float
        The change judged, positive = better, in the instrument's units.
    threshold : Threshold
        The minimal detectable change used.
    """

    verdict: IndividualVerdict
    improvement: float
    threshold: Threshold

    def __repr__(self) -> str:
        return f"IndividualJudgement(against {self.threshold.describe()})"


@dataclass(frozen=True, slots=True)
class GroupJudgement:
    """What a group's mean change says against a threshold.

    Parameters
    ----------
    verdict : {"reached", "not reached", "not settled"}
        Reached where the whole interval is at or above the threshold, not reached where it is
        below it, not settled where it holds both.
    mean, conf_low, conf_high : float
        Mean improvement and its interval, positive = better, in the instrument's units.
    size : float
        The threshold in those units.
    threshold : Threshold
        The threshold used.
    """

    verdict: GroupVerdict
    mean: float
    conf_low: float
    conf_high: float
    size: float
    threshold: Threshold


def judge_individual_change(
    improvement: float,
    instrument: Instrument,
    *,
    population: str,
    scale: str = "",
    kind: str = "MDC",
    method: str = "",
    source: str = "",
) -> IndividualJudgement:
    """Judge one person's change against the minimal detectable change.

    Parameters
    ----------
    improvement : float
        Change in the better direction, positive = better, in the instrument's units.
    instrument : Instrument
        With its thresholds.
    population : str
        A condition of the data contract, or a population in a threshold's own words.
    scale : str, optional
        Scale of `improvement`; by default the instrument's.
    kind : str
        ``MDC``; anything else is refused, with the reason.
    method, source : str, optional
        Choose among several published values; otherwise the largest is used, the cautious choice.

    Returns
    -------
    IndividualJudgement

    Raises
    ------
    UsageError
        When another kind than MDC is asked for, there is none for this scale and population, or
        the change is not a number.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> judge_individual_change(3.0, instrument("nprs"), population="neck_other").verdict
    'within measurement error'
    >>> judge_individual_change(4.0, instrument("nprs"), population="neck_other").verdict
    'within measurement error'
    >>> judge_individual_change(5.0, instrument("nprs"), population="neck_other").verdict
    'better'
    """
    if kind != "MDC":
        must = "one person's change is judged against a minimal detectable change (MDC)"
        remedy = "An important change (MIC) is often smaller than the measurement error."
        raise UsageError(must, got="another kind of threshold", remedy=remedy)
    _require_numbers(improvement)
    largest = measurement_error(
        instrument, population=population, scale=scale, method=method, source=source
    )
    verdict: IndividualVerdict = "within measurement error"
    if abs(improvement) - largest.value > ROUNDING:
        verdict = "better" if improvement > 0 else "worse"
    return IndividualJudgement(verdict, float(improvement), largest)


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


def judge_group_change(
    mean: float,
    conf_low: float,
    conf_high: float,
    threshold: Threshold,
    *,
    baseline: float | None = None,
    scale: str = "",
) -> GroupJudgement:
    """Judge a group's mean change, with its interval, against a stated threshold.

    Parameters
    ----------
    mean, conf_low, conf_high : float
        Mean improvement and its interval, positive = better, in the instrument's units.
    threshold : Threshold
        From `Instrument.threshold`; of kind MIC, group MID or responder.
    baseline : float, optional
        Mean score at baseline, needed where the threshold is in per cent of it.
    scale : str, optional
        Scale of the numbers; by default that of the threshold.

    Returns
    -------
    GroupJudgement

    Raises
    ------
    UsageError
        When scales differ, the threshold is a measurement error (MDC, SEM), a baseline is missing,
        or the interval does not hold the mean.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> mic = instrument("nprs").threshold(kind="MIC", population="low_back")
    >>> judge_group_change(2.6, 2.1, 3.1, mic).verdict
    'reached'
    """
    _require_numbers(mean, conf_low, conf_high)
    if not conf_low <= mean <= conf_high:
        must = "an interval holds its mean"
        raise UsageError(must, got="an interval beside it")
    if (scale or threshold.scale) != threshold.scale:
        must = f"numbers are on the threshold's scale, {threshold.scale}"
        raise UsageError(must, got="another scale", remedy="Convert them first.")
    if threshold.kind in ("MDC", "SEM"):
        must = "a group's mean is judged against an important change or difference"
        remedy = "A measurement error of one person says nothing about a mean."
        raise UsageError(must, got=threshold.kind, remedy=remedy)
    size = _size(threshold, baseline)
    verdict: GroupVerdict = "not settled"
    if conf_low >= size:
        verdict = "reached"
    elif conf_high < size:
        verdict = "not reached"
    return GroupJudgement(verdict, mean, conf_low, conf_high, size, threshold)


def _size(threshold: Threshold, baseline: float | None) -> float:
    if not threshold.relative:
        return threshold.value
    if baseline is None or not math.isfinite(baseline) or baseline <= 0:
        must = "a threshold in per cent comes with the mean score at baseline, above 0"
        raise UsageError(must, got="none", remedy="Give baseline=.")
    return threshold.value / 100 * baseline


def _require_numbers(*values: float) -> None:
    if not all(math.isfinite(value) for value in values):
        must = "a change and its interval are numbers"
        raise UsageError(must, got="a missing or infinite one")
