"""Numbers, units, times and names of the data as people read them: the same wherever they stand.

A sentence, the table below it, the figure beside it, a slide and a letter all call these functions,
so that one estimate has one sign, one number of digits and one name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.plain_text import shipped

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
SPACE = "\N{NO-BREAK SPACE}"
"""Stands where a line must not break: between a number and what it belongs to."""
UNCLEAR, UNCHANGED = "no clear difference", "no clear change"
CANNOT_TELL, DESCRIBED = "cannot tell", "described"
"""Verdicts beside better and worse; the last is of numbers that compare nothing."""
COMPARED = ("better", "worse", UNCLEAR, UNCHANGED, CANNOT_TELL)
"""Verdicts whose interval stands on an axis from worse to better."""
LABELS: Mapping[str, Mapping[str, Any]] = shipped("labels.toml")
"""What names of the data and of tables are called; sentences that stand in every report."""


def named(name: object) -> str:
    """Return a name of the data as people write it.

    Parameters
    ----------
    name : object
        A condition, group, reason or another word of the data.

    Examples
    --------
    >>> named("neck_mvc"), named("carpal_tunnel"), named("usual care")
    ('neck pain after a crash', 'carpal tunnel', 'usual care')
    """
    return str(LABELS["names"].get(str(name), str(name).replace("_", " ")))


def decimals(instrument: Instrument) -> int:
    """Return the digits after the point that a score of this instrument deserves: 1, or 2.

    Two where its whole range is 5 or less.
    """
    return 2 if instrument.maximum - instrument.minimum <= 5 else 1


def decimals_for(low: float, high: float, least: int | None = None) -> int:
    """Return how many decimals an estimate with this interval carries, and its two ends.

    One digit beyond the first of the half-width's own, as long as that digit is below 2, so that an
    interval never reads "0.0 (-0.1 to 0.1)"; one decimal below a hundred, so that shares of visits
    and scores below each other read alike. More where the two ends would print alike.

    Parameters
    ----------
    low, high : float
        Ends of the interval, in the unit of the estimate.
    least : int, optional
        Decimals to begin with, where custom or a list sets them.

    Returns
    -------
    int
        0 or more; 1 where there is no width.

    Examples
    --------
    >>> [decimals_for(-width, width) for width in (250, 25, 2.5, 0.11, 0.04)]
    [0, 1, 1, 2, 2]
    >>> decimals_for(0.3, 24.5), decimals_for(0.514, 0.541), decimals_for(52.1, 52.4, 0)
    (1, 3, 2)
    """
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return 1 if least is None else least
    exact = max(1, -math.floor(math.log10(half / 2))) if half < 100 else 0
    digits = min(exact, 4) if least is None else least
    return max(exact, digits) if round(low, digits) == round(high, digits) else digits


def digits_of(rows: pd.DataFrame) -> int:
    """Return the decimals of estimates of one unit that stand together, in a list or a sentence.

    Parameters
    ----------
    rows : DataFrame
        With ``conf_low`` and ``conf_high``; the first that has an interval, which a sentence names,
        decides.

    Examples
    --------
    >>> digits_of(pd.DataFrame({"conf_low": [2, -0.1, 1], "conf_high": [2, 0.1, 1.9]}))
    2
    """
    ends = rows.reindex(columns=["conf_low", "conf_high"])
    wide = ends[ends["conf_high"] > ends["conf_low"]]
    return decimals_for(*wide.iloc[0]) if len(wide) else 1


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
        return DASH
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


def beside(value: float, digits: int, *lines: float) -> str:
    """Return a number with more decimals where it would read as a line that it is not on.

    Examples
    --------
    >>> beside(0.004, 1, 0), beside(-0.98, 1, 0, -1), beside(1.26, 1, 0), beside(0.96, 0, 1)
    ('0.004', '−0.98', '1.3', '0.96')
    """
    apart = [line for line in lines if abs(value - line) > 1e-9]
    while any(round(value, digits) == round(line, digits) for line in apart):
        digits += 1
    return plain(value, digits)


def limits(low: float, high: float, decimals: int | None = None, *lines: float) -> str:
    """Return the two ends of an interval; one, where so many decimals do not tell them apart.

    Ends `beside` a line, by default zero, do not read as if they lay on it.

    Examples
    --------
    >>> limits(-0.21, 2.21), limits(7.3364, 7.3381, 2), limits(7.3364, 7.3481, 2)
    ('−0.2 to 2.2', '7.34', '7.34 to 7.35')
    """
    digits = decimals_for(low, high, decimals)
    if decimals is not None and plain(low, decimals) == plain(high, decimals):
        return plain(low, decimals)
    shown = lines if decimals is not None else (0.0, *lines)
    return " to ".join(beside(end, digits, *shown) for end in (low, high))


def interval(
    estimate: float,
    low: float,
    high: float,
    digits: int | None = None,
    unit: str = "",
    lines: tuple[float, ...] = (),
) -> str:
    """Return an estimate with its unit and its 95 % interval.

    Parameters
    ----------
    estimate, low, high : float
        Estimate and limits, in `unit`.
    digits : int, optional
        Decimals to begin with; by default those of `decimals_for`.
    unit : str
        Unit in words; empty for none.
    lines : tuple of float
        Values beside zero that a verdict holds the ends against, as in `beside`.

    Examples
    --------
    >>> interval(1.94, 1.6, 2.21, unit="points")
    '1.9 points (95 % CI 1.6 to 2.2)'
    >>> interval(1.2, 0.8, 3.1, 0, "sessions")
    '1 session (95 % CI 1 to 3)'
    """
    shown = _decimals_of(estimate, low, high, digits)
    lines = (0.0, *lines) if shown else ()
    ends = " to ".join(beside(end, shown, *lines) for end in (low, high))
    return f"{with_unit(plain(estimate, shown), unit)} (95 % CI {ends})"


def _decimals_of(estimate: float, low: float, high: float, digits: int | None) -> int:
    """Return the decimals of an estimate, which is no zero where its interval holds none."""
    shown = decimals_for(low, high, digits)
    while shown and estimate and low * high > 0 and not round(estimate, shown):
        shown += 1
    return shown


def with_unit(value: str, unit: str) -> str:
    """Return a number with its unit, which is one where the number is.

    Examples
    --------
    >>> with_unit("1", "points of 50"), with_unit("1.0", "points"), with_unit("3", "")
    ('1 point of 50', '1.0 points', '3')
    """
    one = re.sub(r"^(\w+)s\b", r"\1", unit) if value.lstrip(MINUS) == "1" else unit
    return f"{value} {one}".strip()


def with_ends(estimate: float, low: float, high: float, digits: int | None = None) -> str:
    """Return an estimate as a table has it, its interval in brackets; `digits` are of its list.

    Examples
    --------
    >>> with_ends(1.94, 1.6, 2.21), with_ends(1.8004, 1.8, 1.801), with_ends(2, 2, 2)
    ('1.9 (1.6 to 2.2)', '1.8004 (1.8000 to 1.8010)', '2.0')
    >>> with_ends(0.11, -0.24, 0.45, 2), with_ends(0.04, 0.01, 0.4, 1)
    ('0.11 (−0.24 to 0.45)', '0.04 (0.01 to 0.40)')
    """
    if not high > low:
        return plain(estimate, 1 if digits is None else digits)
    shown = _decimals_of(estimate, low, high, digits)
    return f"{plain(estimate, shown)} ({limits(low, high, shown, 0.0)})"


def with_interval(
    row: Mapping[Any, Any], digits: int | None = None, unit: str = "", lines: tuple[float, ...] = ()
) -> str:
    """Return the estimate of a row of a table as `interval` does."""
    return interval(row["estimate"], row["conf_low"], row["conf_high"], digits, unit, lines)


def each_with_interval(
    rows: Iterable[Mapping[Any, Any]], name: str, digits: int | None = None, unit: str = ""
) -> str:
    """Return the estimates of rows, each behind the name of its group where there are several.

    By default all have the decimals of the first.

    Examples
    --------
    >>> row = {"arm": "usual_care", "estimate": 4.0, "conf_low": 2.1, "conf_high": 6.0}
    >>> each_with_interval([row], "arm"), each_with_interval([row, row], "arm")[:38]
    ('4.0 (95 % CI 2.1 to 6.0)', 'usual care: 4.0 (95 % CI 2.1 to 6.0); ')
    """
    listed = list(rows)
    together = decimals_for(listed[0]["conf_low"], listed[0]["conf_high"], digits)
    each = [with_interval(row, together, unit) for row in listed]
    if len(listed) == 1:
        return each[0]
    return "; ".join(f"{named(row[name])}: {one}" for one, row in zip(each, listed, strict=True))


def percent(value: float, decimals: int = 0) -> str:
    """Return a share in per cent, with the space that all percentages here have; a dash for none.

    Examples
    --------
    >>> percent(0.534), percent(0.013), percent(0.534, 1), percent(float("nan"))
    ('53 %', '1 %', '53.4 %', '–')
    """
    return f"{100 * value:.{decimals}f} %" if math.isfinite(value) else DASH


def percent_of_draws(share: float) -> str:
    """Return a share of draws in per cent; none of them is not never, all of them not always.

    Examples
    --------
    >>> percent_of_draws(0.554), percent_of_draws(0.0), percent_of_draws(0.9999)
    ('55 %', 'under 1 %', 'over 99 %')
    """
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else percent(share)


def percent_with_interval(estimate: float, low: float, high: float, digits: int = 0) -> str:
    """Return a share with its 95 % interval, where it has one.

    Examples
    --------
    >>> percent_with_interval(0.25, 0.2, 0.31), percent_with_interval(0.531, 0.5305, 0.5314)
    ('25 % (95 % CI 20 % to 31 %)', '53.10 % (95 % CI 53.05 % to 53.14 %)')
    """
    digits = decimals_for(100 * low, 100 * high, digits)
    share, *ends = (percent(value, digits) for value in (estimate, low, high))
    return f"{share} (95 % CI {' to '.join(ends)})" if math.isfinite(high - low) else share


def p_value(value: float) -> str:
    """Return a p-value as journals print it: two digits, three below 0.1, never zero.

    Examples
    --------
    >>> p_value(0.0004), p_value(0.0312), p_value(0.4)
    ('< 0.001', '0.031', '0.40')
    """
    if not math.isfinite(value):
        return DASH
    if value < 0.001:
        return "< 0.001"
    return plain(value, 3 if value < 0.1 else 2)


def probability(value: float) -> str:
    """Return a p-value as a sentence says it.

    Examples
    --------
    >>> [probability(p) for p in (0.152, 0.0441, 0.00001)]
    ['p = 0.15', 'p = 0.044', 'p < 0.001']
    """
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


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


def direction(
    row: Mapping[Any, Any], better: str = "better", worse: str = "worse", neither: str = UNCLEAR
) -> str:
    """Return which of three words an interval allows; one that holds zero allows the last.

    An estimate without an interval shows neither a difference nor that there is no clear one: where
    the last word is a verdict, the verdict is ``cannot tell``.

    Examples
    --------
    >>> direction({"conf_low": -0.4, "conf_high": 0.9}), direction({"conf_low": 1, "conf_high": 2})
    ('no clear difference', 'better')
    >>> direction({"conf_low": math.nan, "conf_high": math.nan})
    'cannot tell'
    """
    if row["conf_low"] > 0:
        return better
    if row["conf_high"] < 0:
        return worse
    untold = math.isnan(row["conf_low"]) or math.isnan(row["conf_high"])
    return CANNOT_TELL if untold and neither in (UNCLEAR, UNCHANGED) else neither


def headline(text: str) -> str:
    """Return a verdict without its interval, as the title of a figure.

    Examples
    --------
    >>> headline("Patients improved by 2.1 points (95 % CI 1.8 to 2.4) after 5 sessions")
    'Patients improved by 2.1 points after 5 sessions'
    """
    return re.sub(r" \(95 % CI [^()]*\)", "", text)


def sentence_case(text: str) -> str:
    """Return a text with its first letter large and the others as they are."""
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """Return a text with a period where it does not end as a sentence.

    Examples
    --------
    >>> ended("Ask who is in it"), ended("Who is in it?")
    ('Ask who is in it.', 'Who is in it?')
    """
    return text if text.endswith((".", "?", "!")) else f"{text}."


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Return parts in a row, with a word before the last.

    Examples
    --------
    >>> listed(["age"]), listed(["age", "sex", "baseline"]), listed(["a", "b"], "or")
    ('age', 'age, sex and baseline', 'a or b')
    """
    return f" {last} ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def in_order(name: object) -> str:
    """Return what sorts names as people do: 2 before 11.

    Examples
    --------
    >>> sorted(["t11", "t2"], key=in_order)
    ['t2', 't11']
    """
    return re.sub(r"\d+", lambda digits: digits[0].zfill(12), str(name))


def scale(instrument: Instrument) -> str:
    """Return what a score runs over and which way is better.

    Examples
    --------
    >>> from outcomes.dictionary.instruments import instrument
    >>> scale(instrument("nprs"))
    '0 to 10, lower is better'
    """
    low, high = f"{instrument.minimum:g}", f"{instrument.maximum:g}"
    return f"{low} to {high}, {instrument.better} is better".replace("-", MINUS)


def with_movement(title: str, parts: Iterable[str]) -> str:
    """Return the title of an instrument with what of a movement it does not name itself.

    Examples
    --------
    >>> with_movement("Knee range of motion, extension", ["knee", "extension", "left"])
    'Knee range of motion, extension left'
    """
    return " ".join([title, *(part for part in parts if part not in title.lower())])


def counted(number: float, noun: str) -> str:
    """Return a number with its noun, which always follows it.

    Examples
    --------
    >>> [counted(n, "course") for n in (0, 1, 12.0)]
    ['no courses', '1 course', '12 courses']
    """
    return f"{number:,.12g} {noun}{'' if number == 1 else 's'}" if number else f"no {noun}s"


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


def unbroken(text: str) -> str:
    """Return a text whose numbers keep to their signs and units at the end of a line.

    Parameters
    ----------
    text : str
        Prose with plain spaces.

    Examples
    --------
    >>> unbroken("53 % (95 % CI 1 to 2), p = 0.04").count(SPACE)
    8
    """
    for old, new in (
        (" %", f"{SPACE}%"), ("% CI ", f"%{SPACE}CI{SPACE}"),
        *((f"{sign} {is_} ", f"{sign}{SPACE}{is_}{SPACE}") for sign in "pnN" for is_ in "=<"),
    ):  # fmt: skip
        text = text.replace(old, new)
    return re.sub(
        rf"(?<=\d) (?=(?:points?|sessions?|weeks?|courses|per|visits|min|to {MINUS}?\d)\b|\w+ \()"
        rf"|(?<=\d to) (?={MINUS}?\d)"
        r"|(?<=\bweek) (?=\d)|(?<=\bMDC) (?=\d)|(?<=\bpressure) (?=\d)|(?<=\bsession) (?=\d)",
        SPACE,
        text,
    )
