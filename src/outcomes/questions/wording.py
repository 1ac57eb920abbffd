"""Words and numbers in sentences: intervals, time, and what an instrument measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from outcomes.dictionary.instruments import Instrument


def decimals(instrument: Instrument) -> int:
    """Digits after the point that a change on this instrument deserves: 1 or 2, by its range."""
    return 2 if instrument.maximum - instrument.minimum <= 5 else 1


def interval(estimate: float, low: float, high: float, digits: int, unit: str = "") -> str:
    """Return an estimate with its unit and its 95 % interval.

    Examples
    --------
    >>> interval(1.94, 1.6, 2.21, 1, "points")
    '1.9 points (95 % CI 1.6 to 2.2)'
    """
    value = f"{_fixed(estimate, digits)} {unit}".strip()
    return f"{value} (95 % CI {_fixed(low, digits)} to {_fixed(high, digits)})"


def percent(value: float) -> str:
    """Return a share in per cent, with the space that all percentages here have.

    Examples
    --------
    >>> percent(0.534), percent(0.013)
    ('53 %', '1 %')
    """
    return f"{100 * value:.0f} %"


def turned(row: Mapping[Any, Any]) -> tuple[float, float, float, str]:
    """Return a difference as a size, its interval turned with it, and ``more`` or ``less``.

    Examples
    --------
    >>> turned({"estimate": -0.4, "conf_low": -0.9, "conf_high": 0.1})
    (0.4, -0.1, 0.9, 'less')
    """
    low, high = row["conf_low"], row["conf_high"]
    if row["estimate"] >= 0:
        return row["estimate"], low, high, "more"
    return -row["estimate"], -high, -low, "less"


def _fixed(value: float, digits: int) -> str:
    """Return a number with its digits, a true minus sign, and no negative zero."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def scale(instrument: Instrument) -> str:
    """Return what a score runs over and which way is better.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> scale(instrument("nprs"))
    '0 to 10, lower is better'
    """
    low, high = f"{instrument.minimum:g}", f"{instrument.maximum:g}"
    return f"{low} to {high}, {instrument.better} is better"


def in_words(name: object) -> str:
    """Return a name of the data as it is written in a sentence.

    Examples
    --------
    >>> in_words("neck_mvc")
    'neck mvc'
    """
    return str(name).replace("_", " ")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which always follows it.

    Examples
    --------
    >>> [counted(n, "course") for n in (0, 1, 12)]
    ['no courses', '1 course', '12 courses']
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number else f"no {noun}s"


def there_are(number: int, noun: str) -> str:
    """Return how many there are.

    Examples
    --------
    >>> there_are(1, "course"), there_are(5, "course"), there_are(0, "goal")
    ('there is 1 course', 'there are 5 courses', 'there are no goals')
    """
    return f"there {'is' if number == 1 else 'are'} {counted(number, noun)}"


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, ...

    Examples
    --------
    >>> [ordinal(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    tail = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{tail or 'th'}"


def when(axis: str, time: float) -> str:
    """Return a time of a course in words.

    Examples
    --------
    >>> when("session_count", 6.0), when("week", 52.0), when("week", 8.7)
    ('after 6 sessions', 'at week 52', 'at week 8.7')
    """
    if axis == "session_count":
        return f"after {time:.0f} session{'' if math.isclose(time, 1) else 's'}"
    return f"at week {round(time, 1):g}"


def probability(p_value: float) -> str:
    """Return a p-value as it is printed: two digits, three below 0.1, never zero.

    Examples
    --------
    >>> [probability(p) for p in (0.152, 0.0441, 0.00001)]
    ['p = 0.15', 'p = 0.044', 'p < 0.001']
    """
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.2f}" if p_value >= 0.1 else f"p = {p_value:.3f}"
