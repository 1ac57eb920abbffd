"""Small cells: which counts, and raw summaries behind them, may leave the machine.

A count of 1 to 10 (the threshold being 11) can point at a person, and so can the mean, minimum or
percentage of so few. Such cells are suppressed for real data, wherever data leave: tables, figures,
report, slides. Synthetic data point at nobody; they are exempt and labelled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.records import SERIES, visits_received
from outcomes.study import Study
from outcomes.tables import once

THRESHOLD = 11
"""Smallest count that is shown, and the fewest courses of a group that an answer rests on."""
PARTED = "visit"
"""What groups have none of in common and all together: what one leaves of all is the others'."""
CONTROL = "the control"
"""Whom a count is of that stands beside an arm: its control."""
VISITED = "with a visit"
"""Whom the groups make up that all have visits, such as those with and without adapted care."""
SUPPRESSED = "suppressed"
"""Name of the column that says which rows are suppressed."""


class Told:
    """Counts that a reader has already, of all that leaves together.

    A count of people is told beside another of the same people only where the two are equal or
    differ by no small count: 190 of 200 courses would tell the ten that are missing.

    Parameters
    ----------
    most_scores : iterable of int
        Scores after the first that a course has at most, of each instrument: where that is 2, there
        are 77 courses at least behind 154 scores.
    """

    def __init__(self, most_scores: Iterable[int] = ()) -> None:
        self._numbers: dict[tuple[str, str], set[float]] = {}
        self.most_scores = frozenset(most_scores)

    def numbers(self, noun: str, whom: str = "") -> frozenset[float]:
        """Return what was told of `noun` (``course``) and of `whom` (a group; empty for all)."""
        return frozenset(self._numbers.get((noun, whom), ()))

    def wholes(self) -> frozenset[float]:
        """Return how many courses groups that have none in common may make up together."""
        return self.numbers("course") | self.numbers("course", VISITED)

    def beside(self, noun: str, whom: str) -> frozenset[float]:
        """Return what was told of all, for a group; and of every group, for all."""
        if whom:
            return self.numbers(noun)
        own = (n for (what, of), n in self._numbers.items() if what == noun and of)
        return frozenset().union(*own)

    def names(self) -> list[str]:
        """Return what the groups of the study are called, the longest first."""
        return sorted({whom for _, whom in self._numbers}, key=len, reverse=True)

    def add(self, number: float, noun: str, whom: str = "") -> None:
        """Remember a count."""
        self._numbers.setdefault((noun, whom), set()).add(number)


@dataclass(frozen=True)
class Disclosure:
    """What may be shown.

    Parameters
    ----------
    threshold : int
        Smallest count that is shown, at least 2; a count of 0 is shown too.
    exempt : bool
        True where nothing is suppressed: the data are synthetic.
    told : Told or None
        What a reader has already; None where nothing leaves together with anything.

    Raises
    ------
    UsageError
        When the threshold is below 2.

    Examples
    --------
    >>> Disclosure().hides(10), Disclosure().hides(11), Disclosure().hides(0)
    (True, False, False)
    """

    threshold: int = THRESHOLD
    exempt: bool = False
    told: Told | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.threshold < 2:
            must = "the smallest count that is shown is at least 2"
            raise UsageError(must, got="less", remedy=f"The usual threshold is {THRESHOLD}.")

    def hides(self, count: float) -> bool:
        """Whether a count, and what is computed from so few, must not be shown."""
        return not self.exempt and 0 < count < self.threshold

    def most(self, whole: float) -> str:
        """Return what all but a few of so many are, at the least; more would tell how few.

        Examples
        --------
        >>> Disclosure().most(100), Disclosure().most(22)
        ('nearly all', 'most')
        """
        return "nearly all" if whole >= 10 * (self.threshold - 1) else "most"

    def instead(self, count: float, noun: str, whom: str = "", *, bound: bool = False) -> str:
        """Return the words for a count that must not be told; empty where it may be.

        Whoever knows this rule finds at least `threshold` - 1 counts that are said so: between two
        numbers told that lie near each other, all are.

        Parameters
        ----------
        count : float
            The count.
        noun, whom : str
            What is counted, and of whom.
        bound : bool
            Say ``fewer than`` rather than a part of those told, as is said of any number told
            that is not the largest: it is not the whole.

        Examples
        --------
        >>> rule = Disclosure(told=Told())
        >>> [rule.tells(count, "course") for count in (60, 12)]
        [True, True]
        >>> [rule.instead(count, "course") for count in (55, 13, 11, 3, 30)]
        ['most of 60', 'more than 12', 'fewer than 12', 'fewer than 12', '']
        >>> rule.instead(114, "score")
        'nearly all of 120'
        """
        low, high = self._around(count, noun, whom)
        if self.exempt or low == count:
            return ""
        bound |= self.told is not None and high < max(self.told.numbers(noun, whom), default=0)
        if self.some(count - low, high - low):
            return f"{'fewer than' if bound else 'some of'} {high:,.0f}"
        if self.hides(count - low):
            return f"more than {low:,.0f}" if low else f"fewer than {self.threshold}"
        most = "fewer than" if bound else f"{self.most(high)} of"
        if self.hides(high - count) or self._of_all_but_a_few(count, high, noun, whom):
            return f"{most} {high:,.0f}"
        return self._beside_all(count, noun, whom)

    def _of_all_but_a_few(self, count: float, high: float, noun: str, whom: str) -> bool:
        """Whether so many scores need nearly all the courses that so many more are of."""
        if self.told is None or noun != "score" or math.isinf(high):
            return False
        courses = high / np.array([*self.told.most_scores, math.inf])
        known = np.isin(courses, [*self.told.numbers("course", whom)])
        return bool(known.any() and self.hides((high - count) * courses[known][0] // high))

    def _beside_all(self, count: float, noun: str, whom: str) -> str:
        """Return the words for a group that leaves a few of all, or for all that hold few more."""
        if self.told is None or noun != PARTED:
            return ""
        others = self.told.beside(noun, whom)
        near = [one for one in others if self.hides(one - count if whom else count - one)]
        if not near:
            return ""
        return f"fewer than {min(near):,.0f}" if whom else f"more than {max(near):,.0f}"

    def some(self, part: float, whole: float) -> bool:
        """Whether a part is of a whole so small that either it or the rest is hidden.

        No words then say which: of 12 all but a few are 11.
        """
        return not self.exempt and 0 < part < whole < 2 * self.threshold

    def _around(self, count: float, noun: str, whom: str) -> tuple[float, float]:
        """Return what is told of the same people next below a count and above; both if it is told.

        So many scores for each course are as good as told with the courses.
        """
        known = set(self.told.numbers(noun, whom)) if self.told else set()
        courses = max(self.told.numbers("course", whom), default=0.0) if self.told else 0.0
        if noun == "score" and courses and not self.hides(courses):
            known |= {courses * (count // courses), courses * (count // courses + 1)}
        known = {0.0, *(one for one in known if not self.hides(one))}
        above = min((one for one in known if one > count), default=math.inf)
        return (count, count) if count in known else (max(t for t in known if t < count), above)

    def tells(self, count: float, noun: str, whom: str = "") -> bool:
        """Whether a count may be told beside those told before; it is remembered if so.

        Examples
        --------
        >>> rule = Disclosure(told=Told())
        >>> [rule.tells(count, "course") for count in (200, 190, 189, 7, 200)]
        [True, False, True, False, True]
        """
        if self.instead(count, noun, whom):
            return False
        if self.told is not None:
            self.told.add(count, noun, whom)
        return True

    def shown(self, count: float) -> str:
        """Return a count as text, ``<11`` where it, or a cell beside it, must not be shown.

        Parameters
        ----------
        count : float
            The count; NaN where `suppress_counts` took it out.

        Examples
        --------
        >>> Disclosure().shown(1204), Disclosure().shown(7), Disclosure().shown(float("nan"))
        ('1,204', '<11', 'not shown')
        """
        if self.hides(count):
            return f"<{self.threshold}"
        return "not shown" if math.isnan(count) else f"{count:,.0f}"


def disclosure_for(
    study: Study, *, as_if_real: bool = False, threshold: int = THRESHOLD
) -> Disclosure:
    """Return what may be shown of a study in things that leave together, such as a report.

    Parameters
    ----------
    study : Study
        The study; its number of courses, and that of each arm and condition, are told.
    as_if_real : bool
        Suppress in synthetic data too, as a rehearsal of a real report.
    threshold : int
        Smallest count that is shown, at least 2.

    Returns
    -------
    Disclosure

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> disclosure_for(study_from_tables({}))
    Disclosure(threshold=11, exempt=False)
    """
    exempt = study.provenance.synthetic and not as_if_real
    in_parts = not isinstance(study.assessments, pd.DataFrame)
    told = Told() if exempt or in_parts else _told_by_schedule(study)
    told.add(len(study.courses), "course")
    for name in ("arm", "condition"):
        for group, count in study.courses[name].value_counts().items():
            told.add(count, "course", str(group))
            if group == study.provenance.control:
                told.add(count, "course", CONTROL)
    return Disclosure(threshold, exempt, told)


@once
def _schedule(study: Study) -> tuple[int, list[int]]:
    """Return the courses with a visit, and the most scores after the first, of each instrument."""
    scores = study.assessments[study.assessments["timing"] != "post_session"]
    each = scores.groupby(["instrument", *SERIES], observed=True, dropna=False).size()
    most = each.groupby("instrument", observed=True).max() - 1
    return visits_received(study)["episode_id"].nunique(), [int(n) for n in most if n > 0]


def _told_by_schedule(study: Study) -> Told:
    n_visited, most_scores = _schedule(study)
    told = Told(most_scores)
    told.add(n_visited, "course", VISITED)
    return told


def arms_apart(study: Study, rule: Disclosure) -> list[str]:
    """Return the arms that are shown apart: none where a few are in one of them, or in none.

    Whoever knows how many there are in all has those of the arm that is hidden from the others.
    """
    sizes = study.courses["arm"].value_counts(dropna=False, sort=False)
    return [] if sizes.map(rule.hides).any() else [str(arm) for arm in sizes.index.dropna()]


def suppress_counts(
    frame: pd.DataFrame,
    count_column: str,
    value_columns: Sequence[str] = (),
    *,
    disclosure: Disclosure,
    within: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a table without its small counts and the summaries behind them.

    Parameters
    ----------
    frame : DataFrame
        One row a cell.
    count_column : str
        Column with the number of people (or courses) in the row's cell.
    value_columns : sequence of str
        Columns computed from these people: means, percentages, quantiles, intervals of raw data.
    disclosure : Disclosure
        What may be shown.
    within : sequence of str, optional
        Columns whose groups have a total that a reader knows (``()``: the whole table has one).
        Where the hidden rows of a group could be worked out from its total, the smallest rows
        shown are hidden as well, until those hidden together number at least the threshold and are
        at least two. Without it, no total is known.

    Returns
    -------
    DataFrame
        A copy; suppressed cells are missing, column ``suppressed`` says which rows.

    Examples
    --------
    >>> table = pd.DataFrame({"condition": ["a", "b", "c"], "n": [40, 12, 3]})
    >>> suppress_counts(table, "n", disclosure=Disclosure(), within=())
      condition     n  suppressed
    0         a  40.0       False
    1         b   NaN        True
    2         c   NaN        True
    """
    counts = frame[count_column].to_numpy(float)
    hidden = np.array([disclosure.hides(count) for count in counts], dtype=bool)
    if within is not None:
        groups = frame.groupby(list(within), dropna=False).indices.values() if within else [...]
        for rows in groups:
            hidden[rows] = _complemented(counts[rows], hidden[rows], disclosure.threshold)
    out = frame.copy()
    for name in (count_column, *value_columns):
        values = out[name]
        whole = pd.api.types.is_numeric_dtype(values) and not values.isna().any()
        out[name] = (values.astype("float64") if whole else values).mask(hidden)
    out[SUPPRESSED] = hidden
    return out


def _complemented(counts: Any, hidden: Any, threshold: int) -> Any:
    """Hide the smallest cells shown until the hidden ones cannot be worked out from the total."""
    out = hidden.copy()
    if not out.any():
        return out
    for position in np.argsort(counts, kind="stable"):
        if out.sum() >= 2 and np.nansum(counts[out]) >= threshold:
            break
        out[position] = out[position] or counts[position] > 0
    return out
