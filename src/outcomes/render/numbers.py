"""Numbers as people read them: with unit, interval, and no more digits than the interval earns."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"


def decimals_for(half_width: float) -> int:
    """Return how many decimals an estimate with this half-width of interval carries.

    Parameters
    ----------
    half_width : float
        Half of the interval, in the unit of the estimate, 0 or more.

    Returns
    -------
    int
        0 to 4: an estimate known to 10 units shows none, one known to 0.1 shows one.

    Examples
    --------
    >>> decimals_for(0.3), decimals_for(0.04), decimals_for(25)
    (1, 2, 0)
    """
    if not math.isfinite(half_width) or half_width <= 0:
        return 1
    if half_width >= 10:
        return 0
    return min(4, max(1, math.ceil(-math.log10(half_width))))


def plain(value: float, decimals: int = 1) -> str:
    """Return a number with a fixed number of decimals; a dash where there is none.

    Parameters
    ----------
    value : float
        Any number.
    decimals : int
        Digits after the point.

    Examples
    --------
    >>> plain(-0.04), plain(-1.26), plain(1234.5, 0), plain(float("nan"))
    ('0.0', '−1.3', '1,234', '–')
    """
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{decimals}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", MINUS)


def count(value: float) -> str:
    """Return a whole number with thousands separated; a dash where there is none.

    Examples
    --------
    >>> count(12345)
    '12,345'
    """
    return plain(value, 0)


def estimate_with_interval(
    estimate: float, low: float, high: float, unit: str = "", conf_level: float = 0.95
) -> str:
    """Return an estimate with its unit and interval.

    Parameters
    ----------
    estimate, low, high : float
        Estimate and limits, in `unit`.
    unit : str
        Unit in words; empty for none.
    conf_level : float
        Between 0 and 1.

    Examples
    --------
    >>> estimate_with_interval(1.9, 1.62, 2.21, "points")
    '1.9 points (95 % CI 1.6 to 2.2)'
    """
    decimals = decimals_for((high - low) / 2)
    value, bounds = plain(estimate, decimals), limits(low, high, decimals)
    named = f"{value} {unit}".strip()
    return f"{named} ({conf_level * 100:g} % CI {bounds})"


def limits(low: float, high: float, decimals: int | None = None) -> str:
    """Return the two ends of an interval.

    Examples
    --------
    >>> limits(-0.21, 2.21)
    '−0.2 to 2.2'
    """
    digits = decimals_for((high - low) / 2) if decimals is None else decimals
    return f"{plain(low, digits)} to {plain(high, digits)}"


def p_value(value: float) -> str:
    """Return a p value as journals print it.

    Examples
    --------
    >>> p_value(0.0004), p_value(0.0312), p_value(0.4)
    ('< 0.001', '0.031', '0.40')
    """
    if not math.isfinite(value):
        return "–"
    if value < 0.001:
        return "< 0.001"
    return plain(value, 3 if value < 0.1 else 2)
