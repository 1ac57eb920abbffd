"""Thresholds of change: what a number means, on which scale, for whom, and who published it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from outcomes.errors import UsageError
from outcomes.plain_text import shipped

ThresholdKind = Literal["MIC", "MDC", "SEM", "group MID", "responder"]
Tag = Literal["read", "cited", "derived", "assumed"]

KINDS: dict[ThresholdKind, str] = shipped("dictionary/instruments/words.toml")["kinds"]
"""Kinds of threshold in words."""

TAGS: dict[Tag, str] = shipped("dictionary/instruments/words.toml")["tags"]
"""How certain a number is, in words."""


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One published threshold of change.

    Parameters
    ----------
    kind : {"MIC", "MDC", "SEM", "group MID", "responder"}
        What the number is; see `KINDS`.
    value : float
        Size of the change, above 0, in the instrument's units, or in per cent of baseline when
        `relative`. Where a source gives only a range, its larger end.
    scale : str
        The scale of the scores it holds for ("0-50").
    population : str
        Whom it was found in, in words.
    source : str
        Who published it.
    tag : {"read", "cited", "derived", "assumed"}
        How certain the number is; see `TAGS`.
    conditions : tuple of str, optional
        Conditions of the data contract that the population covers; ``any`` covers all.
    relative : bool, optional
        Whether `value` is in per cent of baseline.
    low, high : float, optional
        Published range or interval.
    method, treatment, follow_up : str, optional
        How it was found, after what care, over what time.

    Raises
    ------
    UsageError
        When a number or word is not one of those allowed.

    Examples
    --------
    >>> Threshold("MDC", 10.2, "0-50", "neck pain", "Young 2009", "read").describe()
    'MDC 10.2 on 0-50 in neck pain (Young 2009)'
    """

    kind: ThresholdKind
    value: float
    scale: str
    population: str
    source: str
    tag: Tag
    conditions: tuple[str, ...] = ()
    relative: bool = False
    low: float | None = None
    high: float | None = None
    method: str = ""
    treatment: str = ""
    follow_up: str = ""

    def __post_init__(self) -> None:
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        require(self.kind in KINDS, "kind is one of " + ", ".join(KINDS))
        require(math.isfinite(self.value) and self.value > 0, "value is a number above 0")
        require(0 < low <= self.value <= high, "value lies between low and high")
        require(
            bool(self.scale and self.population and self.source), "scale, population and source"
        )

    def covers(self, population: str) -> bool:
        """Whether it was found in `population`: its own words, or a condition it covers."""
        return population == self.population or bool({population, "any"} & set(self.conditions))

    def describe(self) -> str:
        """Say the threshold in one line."""
        unit = " % of baseline" if self.relative else ""
        how = f"{self.method}; " if self.method else ""
        whom = "" if self.population == "any" else f" in {self.population}"
        return f"{self.kind} {self.value:g}{unit} on {self.scale}{whom} ({how}{self.source})"


def require(holds: bool, must: str) -> None:
    """Raise `UsageError` saying what must hold, unless it does."""
    if not holds:
        raise UsageError(must, got="something else", where="instrument or threshold")


def matching(
    thresholds: tuple[Threshold, ...],
    *,
    kind: str,
    population: str,
    scale: str,
    relative: bool = False,
    method: str = "",
    source: str = "",
) -> tuple[Threshold, ...]:
    """Select the thresholds of one kind that hold for a population on a scale.

    Parameters
    ----------
    thresholds : tuple of Threshold
        Where to look.
    kind : str
        One of `KINDS`.
    population : str
        A condition of the data contract, or a population in a threshold's own words.
    scale : str
        Scale of the numbers to be judged ("0-50").
    relative : bool
        Whether a threshold in per cent of baseline is wanted.
    method, source : str
        Keep those whose method or source contains these words, in any case.

    Returns
    -------
    tuple of Threshold
        At least one.

    Raises
    ------
    UsageError
        When none matches; the message lists those that exist.

    Examples
    --------
    >>> mdc = Threshold("MDC", 10.2, "0-50", "neck pain", "Young 2009", "read")
    >>> matching((mdc,), kind="MDC", population="neck pain", scale="0-100")
    Traceback (most recent call last):
    ...
    outcomes.errors.UsageError: a threshold is used on its own scale and in its own population; ...
    """
    require(kind in KINDS, "kind is one of " + ", ".join(KINDS))
    found = tuple(
        t
        for t in thresholds
        if (t.kind, t.scale, t.relative) == (kind, scale, relative)
        and t.covers(population)
        and method.casefold() in t.method.casefold()
        and source.casefold() in t.source.casefold()
    )
    if not found:
        must = "a threshold is used on its own scale and in its own population"
        wanted = f"no {kind}{' in per cent of baseline' if relative else ''} for what was asked"
        raise UsageError(must, got=wanted, remedy=_listing(thresholds, kind))
    return found


def only(found: tuple[Threshold, ...]) -> Threshold:
    """Return the single threshold in `found`; raise `UsageError` listing them when several."""
    if len(found) > 1:
        must = "one threshold is stated, not a choice among several"
        listing = "; ".join(t.describe() for t in found)
        remedy = f"Name its method or source: {listing}."
        raise UsageError(must, got=f"{len(found)} that match", remedy=remedy)
    return found[0]


def _listing(thresholds: tuple[Threshold, ...], kind: str) -> str:
    same_kind = [t.describe() for t in thresholds if t.kind == kind]
    return (
        f"There are: {'; '.join(same_kind)}."
        if same_kind
        else f"The registry has no {kind} for it."
    )


LINES = {"MIC": "smallest important change", "MDC": "measurement error"}
"""Thresholds that figures draw as lines, and what the lines are called."""


def line_name(kind: str, line: Threshold) -> str:
    """Return what a line of a figure is called; of a measurement error also in whom it was found.

    Examples
    --------
    >>> line_name("MDC", Threshold("MDC", 4.0, "0-10", "neck pain, 4 weeks", "Kovacs 2008", "read"))
    'measurement error in neck pain'
    """
    own = kind == "MDC" and line.population != "any"
    return LINES[kind] + f" in {line.population.partition(',')[0]}" * own


def lines_of(thresholds: Iterable[Threshold], conditions: set[str]) -> dict[str, Threshold]:
    """Return MIC and MDC in points, where they are published.

    Parameters
    ----------
    thresholds : iterable of Threshold
        Of one instrument.
    conditions : set of str
        Conditions that the figure is about.

    Returns
    -------
    dict of str to Threshold
        The MIC is the first that holds for all of these conditions, else one of no special
        condition; the MDC the largest that is published for any of them, the cautious choice.
    """
    known = [t for t in thresholds if not t.relative]
    important = [t for t in known if t.kind == "MIC"]
    for_all = [t for t in important if conditions and all(map(t.covers, conditions))]
    general = [t for t in important if not t.conditions]
    errors = [t for t in known if t.kind == "MDC" and any(map(t.covers, conditions))]
    errors = sorted(errors, key=lambda t: -t.value)
    found = {"MIC": [*for_all, *general][:1], "MDC": errors}
    return {kind: own[0] for kind, own in found.items() if own}
