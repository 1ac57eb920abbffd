"""Risk of re-identification: k-anonymity, l-diversity, unique visit patterns, coarser values.

Sources: Sweeney 2002 (k-anonymity); Machanavajjhala and others 2007 (l-diversity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from outcomes.study import Study

QUASI_IDENTIFIERS = ("age_band", "sex", "condition", "clinic_id", "period")
"""What an outsider may know of a patient."""
SENSITIVE = ("adaptations", "claim_open", "end_reason")
INSIDE, PUBLIC = 5, 11
"""Smallest k inside the clinic, and for the public."""


@dataclass(frozen=True)
class Risk:
    """How far the people of a table can be told apart.

    Parameters
    ----------
    n : int
        Rows.
    k : int
        Size of the smallest group alike in the quasi-identifiers; 0 without rows.
    n_unique : int
        Rows alone in their group.
    n_below : int
        Rows in groups smaller than `INSIDE`.
    diversity : dict
        Sensitive column to the smallest number of different values in a group.
    n_unique_patterns : int or None
        Courses whose days of visits no other course has.
    suggestions : tuple of str
        Generalisations, one after the other, until k is reached; empty where it is already.
    """

    n: int
    k: int
    n_unique: int
    n_below: int
    diversity: dict[str, int]
    n_unique_patterns: int | None = None
    suggestions: tuple[str, ...] = ()


def k_anonymity(frame: pd.DataFrame, quasi_identifiers: Sequence[str]) -> int:
    """Return the size of the smallest group alike in the quasi-identifiers.

    Parameters
    ----------
    frame : DataFrame
        One row a person; a missing cell is a value of its own.
    quasi_identifiers : sequence of str
        Columns; without any, all rows are alike.

    Examples
    --------
    >>> k_anonymity(pd.DataFrame({"sex": ["f", "f", "m"]}), ["sex"])
    1
    """
    return int(_sizes(frame, quasi_identifiers).min()) if len(frame) else 0


def l_diversity(frame: pd.DataFrame, quasi_identifiers: Sequence[str], sensitive: str) -> int:
    """Return the smallest number of different sensitive values in a group (distinct l-diversity).

    Examples
    --------
    >>> table = pd.DataFrame({"sex": ["f", "f", "m"], "illness": ["a", "b", "a"]})
    >>> l_diversity(table, ["sex"], "illness")
    1
    """
    if frame.empty:
        return 0
    groups = _groups(frame, quasi_identifiers)
    return int(frame[sensitive].groupby(groups).nunique(dropna=False).min())


def assess(study: Study) -> Risk:
    """Return the risk of a study's episodes, with what would bring k to the threshold.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    Risk

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> table = pd.DataFrame({"episode_id": ["a", "b"], "sex": ["female", "male"]})
    >>> assess(study_from_tables({"episodes": table})).suggestions
    ('leave out sex: k is 2',)
    """
    people = study.episodes
    columns = [name for name in QUASI_IDENTIFIERS if people[name].notna().any()]
    sizes = _sizes(people, columns)
    recorded = [name for name in SENSITIVE if people[name].notna().any()]
    return Risk(
        n=len(people), k=k_anonymity(people, columns), n_unique=int((sizes == 1).sum()),
        n_below=int((sizes < INSIDE).sum()), n_unique_patterns=unique_patterns(study.sessions),
        diversity={name: l_diversity(people, columns, name) for name in recorded},
        suggestions=tuple(suggestions(people, columns, INSIDE)),
    )  # fmt: skip


def unique_patterns(sessions: pd.DataFrame) -> int | None:
    """Return how many courses have days of visits that no other course has; None without days."""
    dated = sessions[sessions["day"].notna()]
    if dated.empty:
        return None
    patterns = dated.sort_values("day").groupby("episode_id")["day"].agg(tuple)
    return int((~patterns.duplicated(keep=False)).sum())


def suggestions(frame: pd.DataFrame, quasi_identifiers: Sequence[str], k: int) -> list[str]:
    """Return steps, one after the other, until the smallest group has `k` rows or nothing is left.

    Parameters
    ----------
    frame : DataFrame
        One row a person.
    quasi_identifiers : sequence of str
        Columns.
    k : int
        Wanted.

    Returns
    -------
    list of str
        Each step is the one after which fewest rows are in too small groups: age in twenty-year
        bands before it is left out, any other column left out.
    """
    left, rows = list(quasi_identifiers), frame.copy()
    steps: list[str] = []
    while left and len(rows) and k_anonymity(rows, left) < k:
        options = [(f"leave out {name}", rows, [o for o in left if o != name]) for name in left]
        if "age_band" in left and not rows["age_band"].isin(_WIDER.values()).any():
            wider = rows.assign(age_band=rows["age_band"].replace(_WIDER))
            options.insert(0, ("give age_band in bands of twenty years", wider, left))
        words, rows, left = min(options, key=lambda o: int((_sizes(o[1], o[2]) < k).sum()))
        steps.append(f"{'then ' * bool(steps)}{words}: k is {k_anonymity(rows, left)}")
    return steps


def age_band(age: pd.Series[Any]) -> pd.Series[Any]:
    """Return ten-year bands of ages in years, 90 and over together.

    Examples
    --------
    >>> age_band(pd.Series([47.0, 93.0])).tolist()
    ['40-49', '90+']
    """
    low = (age.clip(upper=90) // 10 * 10).astype("Int64")
    band = low.astype("str") + "-" + (low + 9).astype("str")
    return band.astype(object).mask(low >= 90, "90+").where(age.notna() & (age >= 0), None)


def periods(days: pd.Series[Any], kind: str, least: int) -> pd.Series[Any]:
    """Return the quarter or the year of days since 1970-01-01; missing where a day is.

    Parameters
    ----------
    days : Series of float
        First days of courses, shape (courses,).
    kind : {"quarter", "year"}
        What is wanted. A quarter says more than the Safe Harbor rule allows of a date: years are
        given instead where a quarter before the last has fewer than `least` courses.
    least : int
        Courses that a quarter has at least.

    Examples
    --------
    >>> periods(pd.Series([20100.0, 20200.0]), "quarter", 1).tolist()
    ['2025-Q1', '2025-Q2']
    >>> periods(pd.Series([20100.0, 20200.0]), "quarter", 2).tolist()
    ['2025', '2025']
    """
    dates = pd.to_datetime(days, unit="D")
    years = dates.dt.strftime("%Y").astype(object)
    quarters = years + "-Q" + dates.dt.quarter.astype("Int64").astype("str")
    counts = quarters[days.notna()].value_counts().sort_index()
    coarse = kind == "year" or bool((counts.iloc[:-1] < least).any())
    return (years if coarse else quarters).where(days.notna(), None)


_WIDER = {f"{a}-{a + 9}": f"{a // 20 * 20}-{a // 20 * 20 + 19}" for a in range(0, 80, 10)}
_WIDER |= dict.fromkeys(("80-89", "90+"), "80+")


def _groups(frame: pd.DataFrame, columns: Sequence[str]) -> Any:
    if not columns:
        return pd.Series(0, index=frame.index)
    return frame.groupby(list(columns), dropna=False, observed=True).ngroup()


def _sizes(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series[Any]:
    groups = _groups(frame, columns)
    sizes: pd.Series[Any] = groups.map(groups.value_counts())
    return sizes
