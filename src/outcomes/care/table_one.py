"""Table 1: who the patients are when care begins, by condition or arm; no test, no p value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.records import SERIES, baselines
from outcomes.study import Study
from outcomes.words import in_order

NUMBERS = ("onset_weeks", "sessions_per_week", "minutes", "weeks")
CATEGORIES = (
    "age_band", "sex", "condition", "mechanism", "recurrent", "referral", "claim_open",
    "clearance_required",
)  # fmt: skip
GROUPS = ("", "condition", "arm")
NOT_RECORDED = "not recorded"
ALL = "all"
FEW_VALUES = 3
"""A number that has no more values is given away by mean and deviation: 1.4 (0.5) is 5 of 13."""
ROW = (
    "variable", "level", "group", "kind", "n", "n_missing", "mean", "sd", "median", "q1", "q3",
    "least", "count", "share",
)  # fmt: skip
Kind = Literal["count", "number", "category"]


@dataclass(frozen=True, eq=False)
class TableOne:
    """Who the patients are.

    Parameters
    ----------
    rows : DataFrame
        One row a variable, level and group, ``all`` the first group: ``variable, level`` (of a
        category), ``group, kind`` (``count``, ``number``, ``category``), ``n`` (courses with a
        value), ``n_missing``, ``mean, sd, median, q1, q3`` of numbers, ``least`` (courses with the
        rarest value of a number that has three or fewer: mean and deviation tell how many have
        each), ``count, share`` (of those with a value) of levels.
    differences : DataFrame
        One row a variable and pair of groups: ``variable, group_1, group_2, difference``
        (standardised, absolute).
    not_recorded : tuple of str
        Variables of the contract that the study does not hold.
    """

    rows: pd.DataFrame
    differences: pd.DataFrame
    not_recorded: tuple[str, ...]

    def __repr__(self) -> str:
        n_variables, n_groups = self.rows["variable"].nunique(), self.rows["group"].nunique()
        return f"TableOne({n_variables} variables, {n_groups} groups)"


def table_one(study: Study, by: str = "") -> TableOne:
    """Describe courses at their start, together and by group.

    Parameters
    ----------
    study : Study
        The records.
    by : {"", "condition", "arm"}
        Column of groups.

    Returns
    -------
    TableOne
        Courses and patients counted; numbers of the script, weeks since onset and baseline scores;
        categories; each adaptation as yes or no among courses where adaptations were asked about.

    Raises
    ------
    UsageError
        When `by` is another column.

    Notes
    -----
    Only what is known when care begins. A test of baseline differences answers no question, so
    there is none; a standardised difference above 0.1 is worth a look (Austin 2009).

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> episodes = pd.DataFrame({"episode_id": list("abcd"), "arm": list("xxyy"),
    ...                          "sex": ["female", "male", "male", None],
    ...                          "onset_weeks": [2.0, 4.0, 6.0, 8.0]})
    >>> table = table_one(study_from_tables({"episodes": episodes}), by="arm")
    >>> table.rows.loc[table.rows["variable"] == "onset_weeks", ["group", "n", "mean", "median"]]
      group  n  mean  median
    6   all  4   5.0     5.0
    7     x  2   3.0     3.0
    8     y  2   7.0     7.0
    >>> table.differences.round(2)
          variable group_1 group_2  difference
    0  onset_weeks       x       y        2.83
    1          sex       x       y        1.41
    """
    if by not in GROUPS:
        must = "courses are grouped by condition or arm"
        raise UsageError(must, got="another column", remedy='Say by="condition" or by="arm".')
    episodes = study.courses.reset_index()
    named = episodes[by].astype(object).fillna(NOT_RECORDED) if by else None
    groups = [(ALL, episodes.index)]
    if named is not None:
        groups += [(str(name), own.index) for name, own in episodes.groupby(named, sort=True)]
    numbers, categories = _numbers(episodes, study), _categories(episodes, leave_out=by)
    rows = [
        *_counts(episodes, groups),
        *(row for name, own in numbers.items() for row in _number_rows(str(name), own, groups)),
        *(row for name, own in categories.items() for row in _level_rows(str(name), own, groups)),
    ]
    held = {*numbers, *categories, by, *(["adaptations"] if _listed(episodes).any() else [])}
    expected = [*NUMBERS, *CATEGORIES, "adaptations"]
    return TableOne(
        rows=pd.DataFrame(rows, columns=list(ROW)).astype({"count": "Int64"}),
        differences=_differences(numbers, categories, groups[1:]),
        not_recorded=tuple(name for name in expected if name not in held),
    )


def baseline_scores(study: Study) -> pd.DataFrame:
    """Return the baseline of each course and instrument, also where no later score exists.

    Parameters
    ----------
    study : Study
        With assessments.

    Returns
    -------
    DataFrame
        Index ``episode_id``, one column an instrument (and movement, for a range of motion): see
        `outcomes.records.placed_scores`.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> scores = pd.DataFrame({"episode_id": "a", "session": [1, 2], "instrument": "nprs",
    ...                        "score": [6, 4]})
    >>> baseline_scores(study_from_tables({"assessments": scores}))
    instrument  nprs
    episode_id
    a            6.0
    """
    scores = baselines(study)
    for movement in SERIES[1:]:
        words = scores[movement].map(" {}".format, na_action="ignore")
        scores = scores.assign(instrument=scores["instrument"] + words.astype(object).fillna(""))
    return scores.set_index(["episode_id", "instrument"])["score"].unstack()  # noqa: PD010


def _numbers(episodes: pd.DataFrame, study: Study) -> pd.DataFrame:
    table = episodes[[name for name in NUMBERS if episodes[name].notna().any()]].astype(float)
    scores = baseline_scores(study).reindex(episodes["episode_id"]).reset_index(drop=True)
    return table.join(scores.add_prefix("baseline "))


def _categories(episodes: pd.DataFrame, leave_out: str) -> pd.DataFrame:
    kept = [n for n in CATEGORIES if n != leave_out and episodes[n].notna().any()]
    words = {True: "yes", False: "no"}
    table = episodes[kept].astype(object).replace(words)
    lists = _listed(episodes)
    known = episodes["adaptations"].notna()
    for name in TABLES["episodes"].column("adaptations").categories:
        has = lists.map(lambda listed, name=name: name in listed)
        if name != "none" and has.any():
            table[f"adaptation {name}"] = has.map(words).where(known)
    return table


def _listed(episodes: pd.DataFrame) -> pd.Series[Any]:
    cells = episodes["adaptations"].fillna("").astype(str)
    return cells.map(lambda cell: tuple(part.strip() for part in cell.split(";") if part.strip()))


def _counts(episodes: pd.DataFrame, groups: Any) -> Iterator[dict[str, Any]]:
    for variable, column in (("courses", "episode_id"), ("patients", "patient_id")):
        for group, own in groups:
            ids = episodes.loc[own, column]
            yield _row(variable, group, "count", ids, count=ids.nunique())


def _number_rows(name: str, values: pd.Series[Any], groups: Any) -> Iterator[dict[str, Any]]:
    for group, own in groups:
        known = values.loc[own]
        q1, median, q3 = known.quantile([0.25, 0.5, 0.75])
        spread = {"mean": known.mean(), "sd": known.std(), "median": median, "q1": q1, "q3": q3}
        of_value = known.value_counts()
        least = of_value.min() if len(of_value) <= FEW_VALUES else np.nan
        yield _row(name, group, "number", known, **spread, least=least)


def _level_rows(name: str, values: pd.Series[Any], groups: Any) -> Iterator[dict[str, Any]]:
    for level in _levels(name, values):
        for group, own in groups:
            known = values.loc[own]
            count, n = int((known == level).sum()), int(known.notna().sum())
            share = count / n if n else np.nan
            yield _row(name, group, "category", known, level=level, count=count, share=share)


def _levels(name: str, values: pd.Series[Any]) -> list[Any]:
    """Levels met, in the order of the data contract, then others by name, 2 before 11."""
    met = set(values.dropna())
    declared = (
        TABLES["episodes"].column(name).categories if name in TABLES["episodes"].names else ()
    )
    ordered = [level for level in (*declared, "yes", "no") if level in met]
    return ordered + sorted(met - set(ordered), key=in_order)


def _row(
    variable: str, group: str, kind: Kind, values: pd.Series[Any], **rest: Any
) -> dict[str, Any]:
    n = int(values.notna().sum())
    facts = {"variable": variable, "level": "", "group": group, "kind": kind}
    return {**facts, "n": n, "n_missing": len(values) - n, **rest}


def _differences(numbers: pd.DataFrame, categories: pd.DataFrame, groups: Any) -> pd.DataFrame:
    rows = [
        (name, one, other, measure(values.loc[first], values.loc[second]))
        for table, measure in ((numbers, number_difference), (categories, category_difference))
        for name, values in table.items()
        for (one, first), (other, second) in combinations(groups, 2)
    ]
    return pd.DataFrame(rows, columns=["variable", "group_1", "group_2", "difference"])


def number_difference(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """Return the absolute difference of means in units of the groups' standard deviation.

    Parameters
    ----------
    first, second : Series of float
        Values of the two groups; missing ones are left out.

    Returns
    -------
    float
        0 or more; infinite where neither group varies and the means differ; NaN where a group has
        fewer than two values.

    Notes
    -----
    |m1 - m2| / sqrt((s1^2 + s2^2) / 2), with sample variances (Austin 2009).

    Examples
    --------
    >>> round(number_difference(pd.Series([1.0, 3.0]), pd.Series([2.0, 4.0])), 4)
    0.7071
    """
    spread = np.sqrt((first.var() + second.var()) / 2)
    gap = abs(first.mean() - second.mean())
    if spread == 0:
        return 0.0 if gap == 0 else np.inf
    return float(gap / spread)


def category_difference(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """Return the standardised difference of two groups in a category of any number of levels.

    Parameters
    ----------
    first, second : Series
        Levels of the two groups; missing ones are left out.

    Returns
    -------
    float
        0 or more; infinite where the groups share no level; NaN where a group is empty.

    Notes
    -----
    Mahalanobis distance of the two vectors of shares, without the last level, in the mean of their
    multinomial covariances (Yang and Dalton 2012). With two levels it is
    |p1 - p2| / sqrt((p1 (1 - p1) + p2 (1 - p2)) / 2).

    Examples
    --------
    >>> category_difference(pd.Series(["a", "a", "b", "b"]), pd.Series(["a", "b", "b", "b"]))
    0.534522...
    """
    first, second = first.dropna(), second.dropna()
    if first.empty or second.empty:
        return np.nan
    levels = pd.unique(pd.concat([first, second], ignore_index=True))[:-1]
    p, q = (np.array([(group == level).mean() for level in levels]) for group in (first, second))
    gap = p - q
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    solved = np.linalg.pinv(covariance, hermitian=True) @ gap
    if not np.allclose(covariance @ solved, gap):
        return np.inf
    return float(np.sqrt(gap @ solved))
