"""What the cells of a column look like; every cell of it is looked at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

import pandas as pd

from outcomes.intake.dates import AFTER_DATE, UNIX, in_english, without_weekday
from outcomes.intake.drafting.headers import holds, timing_of, vocabulary, words_of
from outcomes.privacy.names import is_of_care
from outcomes.privacy.patterns import PATTERNS, plain

_NUMERIC = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})")
_WORDED = tuple(vocabulary()["dates"]["ways"])
_MAY_BE_DATE, _HOURS, _SCORE, _CLOCK, _ISO, _SERIAL, _EARLY, _ID, _CODE = (
    re.compile(vocabulary()["patterns"][name], re.IGNORECASE) for name in (
        "may_be_date", "hours", "score", "clock", "iso", "serial", "early", "id", "code")
)  # fmt: skip
UNIT, HOUR, AGE = (vocabulary()["patterns"][name] for name in ("minutes", "hour", "age"))
_PAIRS = {name: part for name, part in vocabulary()["pairs"].items() if name != "ways"}
PAIRS = {pattern.format(**{name: part.format() for name, part in _PAIRS.items()}): order
         for order, own in vocabulary()["pairs"]["ways"].items() for pattern in own}  # fmt: skip
"""Two scores in one cell: pattern to which words say stands first; ``plain`` where none does."""
YEARLESS = tuple(vocabulary()["dates"]["yearless"])
IN_SERVICE = (rf".*?(?<!\d){UNIT}.*", r".*(?<!\d)(\d{2,3})")
"""Minutes, and hours, as cells and the names of services write them."""
_PARTS = {"¼": 0.25, "½": 0.5, "¾": 0.75, "1/4": 0.25, "1/2": 0.5, "3/4": 0.75}
_FRACTION = re.compile(rf"(?:(\d+) ?)?(?:(?<!\d)(?=\d)|(?=\D))({'|'.join(_PARTS)})(?= ?[hs])", re.I)
_LEVEL_WORDS = vocabulary()["pressure"]["words"]
_EMPTY = {word.casefold() for word in vocabulary()["empty"]["words"]}
_MOST, _SHORT = 0.5, 12
_LAST_DAY, _MONTHS, _DECADE = 31, 12, 10


@dataclass(frozen=True)
class Column:
    """A column of an export.

    Parameters
    ----------
    name : str
        Its header.
    cells : Series of str
        Shape (rows,); an empty cell is missing.
    """

    name: str
    cells: pd.Series[Any]

    @cached_property
    def counts(self) -> Counter[str]:
        """Each different cell that means something, and how often it stands there."""
        found = Counter(self.cells.dropna().astype(str).tolist())
        return Counter({cell: n for cell, n in found.items() if not means_empty(cell)})

    @property
    def n(self) -> int:
        """Number of cells that mean something."""
        return self.counts.total()

    def where(self, holds: Callable[[str], Any]) -> Any:
        """Return in which cells something holds, as booleans, shape (rows,); each asked once."""
        return self.cells.isin([cell for cell in self.counts if holds(cell)]).to_numpy()

    def share(self, holds: Callable[[str], Any]) -> float:
        """Return the share of its filled cells of which something holds; 0 where none is filled."""
        return sum(n for cell, n in self.counts.items() if holds(cell)) / (self.n or 1)


def means_empty(cell: str) -> bool:
    """Whether a cell says that there is nothing."""
    return cell.casefold() in _EMPTY


def looks_like(column: Column, cells: str) -> bool:
    """Return whether the cells of a column are what a role asks for.

    Examples
    --------
    >>> pains = Column("Pain", pd.Series(["7", "6/10", None]))
    >>> looks_like(pains, "score"), looks_like(pains, "date"), looks_like(pains, "any")
    (True, False, True)
    """
    if not column.n:
        return False
    if cells == "any":
        return True
    few = len(column.counts) <= max(12, column.n // 10)
    if cells == "words":
        return few
    if cells == "names or codes":
        return column.share(_is_name) >= _MOST or (few and column.share(_CODE.fullmatch) >= _MOST)
    if cells == "status":
        return column.share(status_of) >= 0.5 or len(column.counts) <= 12
    return column.share(_TESTS[cells]) >= _MOST


def number(cell: str) -> float | None:
    """Return a plain number; None for anything else."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def score(cell: str) -> float | None:
    """Return the number of ``7``, ``7/10``, ``44%``, ``3 (mild)``; None for anything else."""
    found = _SCORE.fullmatch(cell.strip())
    return float(found[1].replace(",", ".")) if found else None


def is_up_to(top: float, cell: str) -> bool:
    """Whether a cell is a number, as scores are written, of 0 to a maximum."""
    value = score(cell)
    return value is not None and 0 <= value <= top


def tells(pattern: str, cell: str) -> bool:
    """Whether a pattern is for the whole cell, in any case."""
    return re.fullmatch(pattern, cell, re.IGNORECASE | re.DOTALL) is not None


def is_pair(cell: str, *, worded: bool = False) -> bool:
    """Whether a cell holds two scores, as ``7/4`` or, in words, as ``before 7, after 4``."""
    return any(tells(own, cell) for own, order in PAIRS.items() if order != "plain" or not worded)


def minutes(cell: str) -> float | None:
    """Return the minutes of ``60``, ``60 min``, ``1 hr``, ``1h30``, ``1:30``, ``3600`` (seconds).

    Examples
    --------
    >>> [minutes(cell) for cell in ("60", "45 min.", "1 hr 15 min", "1:30", "soon")]
    [60.0, 45.0, 75.0, 90.0, None]
    """
    cell = _FRACTION.sub(lambda m: f"{int(m[1] or 0) + _PARTS[m[2]]:g}", cell.strip())
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::00)?", cell)
    found = clock or _HOURS.fullmatch(cell)
    if not found or not any(found.groups()):
        read = number(cell)
    else:
        hours = (found[1] or "0").replace(",", ".")
        read = 60.0 * float(hours) + float(found[2] or 0)
    if read is not None and 600 < read <= 36_000 and read % 60 == 0:
        read /= 60  # seconds
    return read if read is not None and 0 <= read <= 600 else None


def is_money(header: str) -> bool:
    """Whether a header is of what a visit cost."""
    return not {*vocabulary()["money"]["words"]}.isdisjoint(words_of(header))


def is_nothing(cell: str) -> bool:
    """Whether a cell is an amount of zero, ``$0.00``."""
    return number(re.sub(r"[^\d.,]", "", cell)) == 0


def is_length(cell: str) -> bool:
    """Whether a cell is 10 minutes to 4 hours, with the unit or as ``1:15``."""
    return number(cell) is None and 10 <= (minutes(cell) or 0) <= 240


def is_sale(cell: str) -> bool:
    """Whether a service has a word of what is sold, paid or met for beside visits."""
    sold = {word for phrase in vocabulary()["not_a_visit"]["words"] for word in words_of(phrase)}
    return bool({*words_of(cell)} & ({*vocabulary()["services"]["sales"]} | sold))


def minutes_in(pattern: str, cell: str) -> bool:
    """Whether the first group of a pattern is minutes that a visit may have."""
    found = re.fullmatch(pattern, cell, re.IGNORECASE)
    return found is not None and 10 <= int(found[1]) <= 240


def is_visit(cell: str) -> bool:
    """Whether a service is one of hands on a person, by words of care, and none of a sale."""
    return not is_sale(cell) and (is_named(cell) or any(map(is_of_care, words_of(cell))))


def is_named(cell: str) -> bool:
    """Whether a service is called a massage, a session and the like, or has its minutes."""
    timed = any(minutes_in(pattern, cell) for pattern in IN_SERVICE)
    return timed or not {*words_of(cell)}.isdisjoint(vocabulary()["services"]["visits"])


def status_of(cell: str) -> str:
    """Return what a cell says became of a visit; empty where it is not known.

    A whole phrase of the vocabulary, or a longer remark that says one thing: cancelled or missed.

    Examples
    --------
    >>> [status_of(cell) for cell in ("> Checked out", "Cancelled by Mary", "Not cancelled")]
    ['attended', 'cancelled', '']
    """
    return whole_status(cell) or _status_in(tuple(plain(cell).split()))


def not_done(cell: str) -> bool:
    """Whether a cell says that the visit did not take place."""
    return status_of(cell) in ("cancelled", "no_show")


def is_missed(cell: str) -> bool:
    """Whether a cell of another kind says that the visit did not take place; no mere ``no``."""
    return flag_of(cell) is None and not_done(cell)


def whole_status(cell: str) -> str:
    """Return what a cell says that is a whole phrase of the vocabulary; empty for another."""
    said = plain(cell) or cell.strip()
    bare = " ".join(word for word in said.split() if word not in _plain("status_beside")["words"])
    return next((status for status, own in _plain("status").items() if {said, bare} & own), "")


@cache
def _status_in(words: tuple[str, ...]) -> str:
    said, rest = _spoken_of(words), set(words)
    rest -= {word for status in said for phrase in _plain("status_in")[status]
             if holds(words, tuple(phrase.split())) for word in phrase.split()}  # fmt: skip
    clear = len(said) == 1 and said <= {"cancelled", "no_show"}
    return next(iter(said)) if clear and not rest & _plain("status_in")["not"] else ""


def _spoken_of(words: tuple[str, ...]) -> set[str]:
    return {status for status, phrases in _plain("status_in").items() if status != "not"
            and any(holds(words, tuple(phrase.split())) for phrase in phrases)}  # fmt: skip


def likely_statuses(cell: str) -> list[str]:
    """Return what a word that is not known may mean, the likeliest first.

    Examples
    --------
    >>> likely_statuses("Completed (client no show)")[:2]
    ['no_show', 'attended']
    >>> likely_statuses("Never arrived")[-1]
    'attended'
    """
    likely = ["attended", "left_out", "cancelled", "no_show", "stopped_early"]
    if status_of(cell) == "left_out":
        likely[:2] = ["left_out", "attended"]
    words = tuple(plain(cell).split())
    missed = _spoken_of(words) & {"cancelled", "no_show"}
    if not missed and {*words[:1]} & _plain("status_in")["not"]:
        missed = {*likely[1:]}  # not completed, never arrived
    return sorted(likely, key=lambda status: status not in missed)


def tells_all(column: Column) -> bool:
    """Whether each cell is a status, attended and cancelled among them."""
    said = {*map(whole_status, column.counts)}
    return "" not in said and {"attended", "cancelled"} <= said


def why_missed(cell: str) -> str:
    """Return what a cell under ``Reason for cancellation`` says; empty: it was not cancelled.

    Examples
    --------
    >>> [why_missed(cell) for cell in ("No ride", "No show", "not cancelled")]
    ['cancelled', 'no_show', '']
    """
    words, inside = tuple(plain(cell).split()), _plain("status_in")
    denied = any(holds(words, (no, *phrase.split()))
                 for no in inside["not"] for phrase in inside["cancelled"])  # fmt: skip
    return "" if denied else "no_show" if whole_status(cell) == "no_show" else "cancelled"


def flag_of(cell: str) -> bool | None:
    """Return what yes and no, in several languages, and dates (of when it was) say."""
    word = plain(cell) or cell.strip()
    if word in _plain("flag")["yes"] or is_dated(cell):
        return True
    return False if word in _plain("flag")["no"] else None


def pressure(cell: str) -> float | None:
    """Return the level of ``3``, ``3 (medium)``, ``4/5``; never a part of another number."""
    found = re.fullmatch(pressure_pattern(_LEVEL_WORDS), " ".join(cell.split()), re.IGNORECASE)
    return float(found[1]) if found else None


def stated_top(header: str) -> float | None:
    """Return where a header says that its scale ends: 10 of ``Pain (0-10)``; None: it does not."""
    found = re.search(vocabulary()["patterns"]["top"], header)
    return float(found[1] or found[2]) if found else None


def pressure_pattern(words: Iterable[str]) -> str:
    """Return the pattern of a level of pressure: alone, of five, or with one of the words."""
    said = "|".join(words) or "medium"
    return rf"([0-5])(?: ?/ ?5)?(?:(?: ?[-–:=(,]+ ?| )(?:(?:{said})[ /)-]*)+)?"


def is_date(cell: str) -> bool:
    """Whether a cell begins with a date, in whatever way it is written."""
    day = day_of(cell)
    return bool(_ISO.match(day) or _NUMERIC.fullmatch(day) or worded(day) or worded(day, YEARLESS))


def day_of(cell: str) -> str:
    """Return what stands before the time of day, without a day of the week before numbers."""
    return without_weekday(AFTER_DATE.sub("", cell.strip()))


def has_time(cell: str) -> bool:
    """Whether a cell holds a time of day."""
    return bool(_CLOCK.search(cell) or UNIX.fullmatch(cell))


def is_dated(cell: str) -> bool:
    """Whether a cell says when something was: it holds a date, or a time of day."""
    return is_date(cell) or has_time(cell)


def worded(day: str, ways: Iterable[str] = _WORDED) -> str:
    """Return the way in which a date with the name of its month is written; empty: none."""
    day = in_english(day)
    if not _MAY_BE_DATE.search(day):
        return ""
    for way in ways:
        with suppress(ValueError):
            datetime.strptime(f"{day} 2024" if way in YEARLESS else day,  # noqa: DTZ007
                              f"{way} %Y" if way in YEARLESS else way)  # fmt: skip
            return way
    return ""


def shapes(column: Column, n: int = 3) -> list[str]:
    """Return the most frequent shapes of cells: digits as 9, letters of any script as a."""
    made: Counter[str] = Counter()
    for cell, count in column.counts.items():
        digits = re.sub(r"\d", "9", cell)  # marks of other scripts belong to their letters
        made[re.sub(r"(?:[^\W\d_]|[^\x00-\x7f\s])+", "a", digits)] += count
    return [shape for shape, _ in made.most_common(n)]


@dataclass(frozen=True)
class WaysOfDates:
    """How the dates of a column are written.

    Parameters
    ----------
    ways : tuple of str
        As a column map takes them, the most frequent first.
    orders : frozenset of str
        What its numeric dates prove: ``"%m/%d"``, ``"%d/%m"``, both, or nothing.
    numeric : bool
        Whether it has dates of which only the order of day and month is open.
    instants : bool
        Whether its cells are moments in world time (``2025-01-06T22:30:00Z``).
    yearless : str
        The way of dates without a year, as ``Jan 31``; empty where there are none.
    dotted : str
        What its dates with points prove: ``"%d.%m"``, ``"%m.%d"``, or ``"?"``, nothing; empty where
        there are none.
    """

    ways: tuple[str, ...] = ()
    orders: frozenset[str] = frozenset()
    numeric: bool = False
    instants: bool = False
    yearless: str = ""
    dotted: str = ""


def dates_of(column: Column) -> WaysOfDates:
    """Return how the dates of a column are written, by all of its cells."""
    ways: Counter[str] = Counter()
    numeric, instants, yearless = False, 0, ""
    read = [_NUMERIC.fullmatch(day_of(cell)) for cell in column.counts]
    year_first = _year_first([(int(one[1]), int(one[4])) for one in read if one])
    pairs = [(int(one[1]), int(one[3])) for one in read if one and one[2] == "."
             and not year_first]  # fmt: skip
    firsts, seconds = (max((pair[i] for pair in pairs), default=0) > _MONTHS for i in (0, 1))
    dotted = "%d.%m" if firsts else "%m.%d" if seconds else "?" if pairs else ""
    orders = {"%m/%d"} if dotted == "%m.%d" else set()
    for cell, n in column.counts.items():
        day = day_of(cell)
        found = _NUMERIC.fullmatch(day)
        if UNIX.fullmatch(cell):
            instants += n
        elif _ISO.match(day):
            instants += n * bool(re.search(r":\d{2}.*(?:Z|UTC|GMT|[+-]00:?00)$", cell))
        elif found and year_first:
            ways["%y{0}%m{0}%d".format(found[2])] += n
        elif found and found[2] == ".":
            ways[f"{dotted.replace('?', '%d.%m')}.%{'Y' if len(found[4]) == 4 else 'y'}"] += n
        elif found:
            numeric = True
            first, second = int(found[1]), int(found[3])
            orders |= {"%d/%m"} if first > 12 else {"%m/%d"} if second > 12 else set()
            ways[f"?{found[2]}{'%Y' if len(found[4]) == 4 else '%y'}"] += n
        elif _EARLY.fullmatch(cell):
            ways["excel"] += n
        elif way := worded(day):
            ways[way] += n
        else:
            yearless = yearless or worded(day, YEARLESS)
    most = tuple(way for way, _ in ways.most_common())
    return WaysOfDates(most, frozenset(orders), numeric, 2 * instants > column.n, yearless, dotted)


def _year_first(ends: list[tuple[int, int]]) -> bool:
    """Whether the first of three numbers is the year: no day, or one of a few beside many.

    Last numbers that are later than the first and near each other are years: 13.05.24, 13.06.26.
    """
    first, last = ({pair[i] for pair in ends} for i in (0, 1))
    if not ends or max(last) > _LAST_DAY:
        return False
    years = max(last) >= max(first) and max(last) - min(last) < _DECADE
    few = min(first) > _MONTHS and len(first) < len(last) - 1
    return max(first) > _LAST_DAY or (few and not years)


@cache
def _plain(section: str) -> dict[str, set[str]]:
    said = vocabulary()[section].items()
    return {name: {plain(word) or word for word in words} for name, words in said}


def _is_name(cell: str) -> bool:
    return (len(cell) <= 70 and len(cell.split()) <= 7 and any(map(str.isalpha, cell))
            and (" " in cell or not any(map(str.isdigit, cell))))  # fmt: skip


def _is_number_in_words(cell: str) -> bool:
    """Whether a cell is short and holds a number: ``~5``, ``10+``, which a person must read."""
    return len(cell) <= _SHORT and any(map(str.isdigit, cell)) and not is_date(cell)


_TESTS: dict[str, Callable[[str], Any]] = {
    "names": _is_name,
    "date": lambda cell: is_date(cell) or bool(
        _SERIAL.fullmatch(cell) or UNIX.fullmatch(cell)),
    "time": has_time,
    "email": re.compile(PATTERNS["email"]).search,
    "phone": lambda cell: "@" in cell or (sum(map(str.isdigit, cell)) >= 3 and not is_date(cell)),
    "age": lambda cell: 0 <= (number(re.sub(AGE, r"\1", cell, flags=re.IGNORECASE)) or -1) <= 120,
    "id": lambda cell: bool(_ID.fullmatch(cell)) and not is_date(cell),
    "flag": lambda cell: flag_of(cell) is not None or bool(status_of(cell)),
    "minutes": lambda cell: (minutes(cell) or 0) > 0,
    "pressure": lambda cell: any(
        map(str.isdigit, cell)) or not {*words_of(cell)}.isdisjoint(_LEVEL_WORDS),
    "score": lambda cell: (
        score(cell) is not None or _is_number_in_words(cell) or is_pair(cell, worded=True)),
    "text": lambda cell: any(map(str.isalpha, cell)),
    "timing": lambda cell: bool(timing_of(words_of(cell))),
}  # fmt: skip
"""Kind of cell to what must hold of most of them."""
