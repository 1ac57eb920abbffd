"""Answers without their small cells: what `ask` returns, and what every rendering starts from."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from outcomes.privacy.disclosure import SUPPRESSED, Disclosure, suppress_counts
from outcomes.questions.answer import Answer, Picture
from outcomes.questions.safe_words import safe_words

COUNT = "n_episodes"
COUNTS = "n_"
"""What the names of columns with counts begin with."""
TOTAL = "all"
VALUES = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "conf_low",
    "conf_high", "baseline", "last_score", "rule_of_three", "design_effect",
)  # fmt: skip
PARTS = ("trap", "reason", "clearance")
"""Kinds of row that are parts of a whole whose size a reader may know."""
RAW = (
    *PARTS, "by reason", "stayed", "sustained", "ended before", "goal attainment scale", "events",
    "events by pressure", "clearance met", "overlap", "deviation",
)  # fmt: skip
"""Kinds of row that summarise records as they are, without a model."""
RAW_PICTURES = ("safety", "goals")
ONE_PATIENT = "patient"


def disclosed(
    answer: Answer, disclosure: Disclosure | None = None, *, leaves: bool = True
) -> Answer:
    """Return an answer whose table, picture and words hold no small count and nothing behind one.

    Parameters
    ----------
    answer : Answer
        The answer.
    disclosure : Disclosure, optional
        What may be shown; by default everything of synthetic data, and of real data no count from
        1 to 10.
    leaves : bool
        Whether it leaves the machine: then estimates of models behind a small count are hidden too,
        not only the count and summaries of the records themselves.

    Returns
    -------
    Answer
        A copy; suppressed cells are missing and column ``suppressed`` says which. The answer about
        one patient is returned as it is: it stays inside the clinic.
    """
    rule = disclosure or Disclosure(exempt=answer.source.synthetic)
    if rule.exempt or answer.name == ONE_PATIENT:
        return answer
    picture, left_out = answer.picture, answer.source.left_out
    raw = leaves or answer.name in RAW_PICTURES
    return replace(
        answer,
        table=_without_small_cells(answer.table, rule, leaves=leaves),
        picture=None if picture is None else _safe_picture(picture, rule, leaves=raw),
        sentence=safe_words(answer.sentence, rule),
        reason=safe_words(answer.reason, rule),
        method=safe_words(answer.method, rule),
        limits=tuple(safe_words(text, rule) for text in answer.limits),
        checks=tuple(replace(c, detail=safe_words(c.detail, rule)) for c in answer.checks),
        source=replace(
            answer.source,
            left_out={why: None if n and rule.hides(n) else n for why, n in left_out.items()},
        ),
    )


def _without_small_cells(table: pd.DataFrame, rule: Disclosure, *, leaves: bool) -> pd.DataFrame:
    counts = [str(c) for c in table if str(c).startswith(COUNTS)]
    if not counts:
        return table
    before = table[SUPPRESSED].astype(bool) if SUPPRESSED in table else False
    hidden = table[counts].map(rule.hides).any(axis=1) | before
    kind = table["kind"] if "kind" in table else pd.Series("", index=table.index)
    for name in PARTS:
        hidden |= _parts_of_a_whole(table[kind == name], rule).reindex(
            table.index, fill_value=False
        )
    if COUNT in table:
        hidden[_betrayed_by_the_total(table.mask(hidden), table, rule)] = True
    safe = table.copy()
    safe[counts] = safe[counts].astype("float64")
    safe.loc[hidden, counts] = float("nan")
    values = [name for name in VALUES if name in table]
    safe[values] = safe[values].astype("float64")
    safe.loc[hidden & (kind.isin(RAW) | leaves), values] = float("nan")
    safe[SUPPRESSED] = hidden
    return safe


def _parts_of_a_whole(rows: pd.DataFrame, rule: Disclosure) -> pd.Series[bool]:
    """Return which rows to hide, so that none can be worked out from the sum of all."""
    count = COUNT if COUNT in rows and rows[COUNT].notna().any() else "n_events"
    if rows.empty:
        return pd.Series(data=False, index=rows.index)
    return suppress_counts(rows, count, disclosure=rule, within=())[SUPPRESSED].astype(bool)


def _betrayed_by_the_total(safe: pd.DataFrame, table: pd.DataFrame, rule: Disclosure) -> list[int]:
    """Return groups to hide as well, so that "all" less those shown is no small count.

    Groups that are not in the table at all count among those not shown.
    """
    if rule.exempt or "group" not in table:
        return []
    known = (*VALUES, "group", "term", SUPPRESSED)
    about = [str(c) for c in table if c not in known and not str(c).startswith(COUNTS)]
    hidden: list[int] = []
    for rows in _alike(table, about):
        counts = safe.loc[rows, COUNT].dropna().astype(float)
        whole = table.loc[rows, "group"] == TOTAL
        parts = counts.drop(rows[whole], errors="ignore").sort_values(kind="stable")
        total = float(table.loc[rows[whole], COUNT].sum())
        while len(parts) and rule.hides(total - parts.sum()):
            hidden.append(int(parts.index[0]))
            parts = parts.iloc[1:]
    return hidden


def _alike(table: pd.DataFrame, about: list[str]) -> list[pd.Index[int]]:
    """Return the rows that speak of the same quantity at the same time."""
    if not about:
        return [table.index]
    groups = table.groupby(about, dropna=False).indices.values()
    return [table.index[positions] for positions in groups]


def _safe_picture(picture: Picture, rule: Disclosure, *, leaves: bool) -> Picture:
    data = _without_small_cells(picture.data, rule, leaves=leaves)
    if not leaves or SUPPRESSED not in data or not data[SUPPRESSED].any():
        return replace(picture, data=data, alt=safe_words(picture.alt, rule))
    words = f"{picture.title}. {picture.y_label} {picture.x_label}".strip()
    return replace(
        picture, data=data, alt=f"{words}. Points that rest on few courses are left out."
    )
