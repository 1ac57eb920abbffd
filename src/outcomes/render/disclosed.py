"""Answers without their small cells: every rendering of an answer starts here."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from outcomes.answers.answer import Answer, Picture
from outcomes.privacy.disclosure import SUPPRESSED, Disclosure, suppress_counts

COUNT = "n_episodes"
VALUES = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "conf_low",
    "conf_high",
)  # fmt: skip


def disclosed(answer: Answer, disclosure: Disclosure | None = None) -> Answer:
    """Return an answer whose table and picture hold no small count and nothing behind one.

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
    )


def _without_small_cells(table: pd.DataFrame, rule: Disclosure) -> pd.DataFrame:
    if COUNT not in table:
        return table
    values = [name for name in VALUES if name in table]
    return suppress_counts(table, COUNT, values, disclosure=rule)


def _safe_picture(picture: Picture, rule: Disclosure) -> Picture:
    data = _without_small_cells(picture.data, rule)
    if SUPPRESSED not in data or not data[SUPPRESSED].any():
        return replace(picture, data=data)
    words = f"{picture.title}. {picture.y_label} {picture.x_label}".strip()
    return replace(
        picture, data=data, alt=f"{words}. Points that rest on few courses are left out."
    )
