"""Answers without their small cells: every rendering of an answer starts here."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from outcomes.answers.answer import Answer, Picture
from outcomes.privacy.disclosure import SUPPRESSED, Disclosure, suppress_counts
from outcomes.render.safe_words import safe_words

COUNT = "n_episodes"
TOTAL = "all"
VALUES = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "conf_low",
    "conf_high",
)  # fmt: skip


def disclosed(answer: Answer, disclosure: Disclosure | None = None) -> Answer:
    """Return an answer whose table, picture and words hold no small count and nothing behind one.

    Parameters
    ----------
    answer : Answer
        The answer.
    disclosure : Disclosure, optional
        What may be shown; by default everything of synthetic data, and of real data no count from
        1 to 10.

    Returns
    -------
    Answer
        A copy; suppressed cells are missing and column ``suppressed`` says which.
    """
    rule = disclosure or Disclosure(exempt=answer.source.synthetic)
    picture = answer.picture
    return replace(
        answer,
        table=_without_small_cells(answer.table, rule),
        picture=None if picture is None else _safe_picture(picture, rule),
        sentence=safe_words(answer.sentence, rule),
        reason=safe_words(answer.reason, rule),
        method=safe_words(answer.method, rule),
        limits=tuple(safe_words(text, rule) for text in answer.limits),
        checks=tuple(replace(c, detail=safe_words(c.detail, rule)) for c in answer.checks),
    )


def _without_small_cells(table: pd.DataFrame, rule: Disclosure) -> pd.DataFrame:
    if COUNT not in table:
        return table
    values = [name for name in VALUES if name in table]
    safe = suppress_counts(table, COUNT, values, disclosure=rule)
    betrayed = _betrayed_by_the_total(safe, table, rule)
    safe.loc[betrayed, [COUNT, *values]] = float("nan")
    safe.loc[betrayed, SUPPRESSED] = True
    return safe


def _betrayed_by_the_total(safe: pd.DataFrame, table: pd.DataFrame, rule: Disclosure) -> list[int]:
    """Return groups to hide as well, so that "all" less those shown is no small count.

    Groups that are not in the table at all count among those not shown.
    """
    if rule.exempt or "group" not in table:
        return []
    about = [str(c) for c in table if c not in (*VALUES, COUNT, "group", "term")]
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


def _safe_picture(picture: Picture, rule: Disclosure) -> Picture:
    data = _without_small_cells(picture.data, rule)
    if SUPPRESSED not in data or not data[SUPPRESSED].any():
        return replace(picture, data=data, alt=safe_words(picture.alt, rule))
    words = f"{picture.title}. {picture.y_label} {picture.x_label}".strip()
    return replace(
        picture, data=data, alt=f"{words}. Points that rest on few courses are left out."
    )
