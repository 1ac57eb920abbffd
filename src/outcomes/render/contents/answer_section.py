"""One question of the report: its answer, figure, table, method, and what it cannot show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from outcomes.privacy.disclosure import SUPPRESSED, Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.disclosed import NAMES, NOT_SHOWN
from outcomes.render.document import (
    Block,
    Bullets,
    Facts,
    Figure,
    Fold,
    Heading,
    Paragraph,
    Section,
    Table,
)
from outcomes.render.figures.forest import HIDDEN
from outcomes.render.fit_table import KINDS
from outcomes.words import DASH, LABELS, count, digits_of, named, p_value, plain, with_ends

STATISTICS = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "conf_low",
    "conf_high", "conf_level", "n_episodes", "suppressed", "p_both", "p_adjusted", "role",
)  # fmt: skip
DETAILS = ("std_error", "df", "p_value", "p_both", "p_adjusted")
MOST_ROWS = 12
"""A clinician's table is not longer than this."""


def answer_section(
    answer: Answer,
    *,
    details: bool,
    disclosure: Disclosure,
    said: Mapping[str, int] = MappingProxyType({}),
    drawn: bool = True,
) -> Section:
    """Return the section of one answer.

    Parameters
    ----------
    answer : Answer
        With small cells already suppressed.
    details : bool
        Whether method, assumptions, checks and all estimates are shown.
    disclosure : Disclosure
        What may be shown.
    said : mapping of str to int
        In how many answers each limit stands; what stands in several is said in front.
    drawn : bool
        Whether its figure is shown; it may stand in front already.
    """
    failed = () if answer.refused else [c.said for c in answer.checks if not c.passed]
    cannot = (*(text for text in answer.limits if said.get(text, 1) < 2), *failed)
    own: list[Block] = [Heading("What this cannot show", answer.question), Bullets(cannot)]
    own = own if cannot else []
    if answer.refused:
        blocks: list[Block] = [Paragraph(answer.sentence, "warning"), *own]
        return Section(answer.name, answer.question, tuple(blocks))
    blocks = [Paragraph(answer.sentence, "lead")]
    if drawn and answer.picture is not None and len(answer.picture.data):
        blocks.append(Figure(answer.picture, answer.picture.caption))
    blocks += estimate_tables(answer, details=details)
    blocks += own
    worked_out = _method(answer, disclosure, details=details)
    blocks.append(Fold("How this was worked out", answer.question, worked_out))
    return Section(answer.name, answer.question, tuple(blocks))


def _method(answer: Answer, disclosure: Disclosure, *, details: bool) -> tuple[Block, ...]:
    """Return what was estimated, how, on what it rests, and how to have it again."""
    facts = (
        ("What is estimated", answer.estimand),
        ("Records used", _used(answer, disclosure)),
        *([("Method", answer.method)] if details else []),
        ("In Python", f'`oc.answer(study, "{answer.name}")`'),
    )
    held = tuple(check.said for check in answer.checks if check.passed)
    lists = (("It rests on these assumptions:", answer.assumptions), ("What holds:", held))
    return (
        Facts(facts),
        *(block for words, lines in lists if lines for block in (Paragraph(words), Bullets(lines))),
    )


def _used(answer: Answer, disclosure: Disclosure) -> str:
    few = f"<{disclosure.threshold}"
    left_out = [
        f"{few if n is None else disclosure.shown(n)} ({reason})"
        for reason, n in answer.source.left_out.items()
        if n != 0
    ]
    tail = f". Left out: {'; '.join(left_out)}" if left_out else "; none left out"
    used = answer.source.n_used
    return ("not shown" if used is None else count(used)) + tail


def estimate_tables(answer: Answer, *, details: bool) -> tuple[Table, ...]:
    """Return an answer's estimates as tables of texts.

    Parameters
    ----------
    answer : Answer
        With small cells already suppressed.
    details : bool
        True: every row, a table a kind, with std. error, df and p value. False: the rows that say
        the answer, and none where the figure prints them already.

    Returns
    -------
    tuple of Table
        Empty where there is nothing to add to the figure.
    """
    if not details:
        rows = _headline(answer)
        return (_table(rows, _caption(answer, rows, _settings(rows)[1])),) if len(rows) else ()
    rows = answer.table
    if not len(rows) or "kind" not in rows:
        return (_table(rows, "All estimates", DETAILS),) if len(rows) else ()
    rows = rows[~(rows.reindex(columns=[*NAMES]) == NOT_SHOWN).any(axis=1)]  # no name, no number
    rows = rows.assign(kind=rows["kind"].map(lambda kind: KINDS.get(kind, kind)))
    alone = rows.groupby("kind")["kind"].transform("size") == 1
    return tuple(
        _table(own, f"Estimates{kind}", DETAILS)
        for kind, own in rows.groupby((": " + rows["kind"]).mask(alone, ""), sort=False)
    )


def _table(rows: pd.DataFrame, caption: str, extra: tuple[str, ...] = ()) -> Table:
    if {"term", "group"} <= set(rows.columns):
        rows = rows.assign(group=rows["term"].fillna(rows["group"])).drop(columns="term")
    settings, _ = _settings(rows)
    extra_here = [c for c in extra if c in rows]
    counted = ["n_episodes"] if "n_episodes" in rows else []
    heads = [*settings, *counted, "estimate (95 % CI)", *extra_here]
    parts = settings, counted, extra_here, digits_of(rows)
    cells = [_cells(row, *parts) for row in rows.to_dict("records")]
    columns = list(zip(map(_head, heads), *cells, strict=True))
    told = [column for column in columns if set(column[1:]) - {DASH, ""}]  # counts have no estimate
    head, *kept = zip(*(told if len(told) > 1 else columns), strict=True)
    return Table(caption, head, tuple(kept))


def _caption(answer: Answer, rows: pd.DataFrame, alike: list[str]) -> str:
    """Say what the estimates are, in their unit, and what all rows have in common."""
    words = (answer.picture.y_label or answer.picture.x_label) if answer.picture else "Estimates"
    words = re.sub(r"(up|right) = ", "positive = ", words)
    if answer.picture and answer.picture.kind == "course":  # drawn as scores, not as improvement
        words = "Improvement since baseline (positive = better); for a goal, probabilities"
    return "; ".join([words, *(f"{_head(c).lower()}: {_setting(rows[c].iloc[0])}" for c in alike)])


def _headline(answer: Answer) -> pd.DataFrame:
    """Return the first kind of row, where it is short enough to be read."""
    rows = answer.table
    drawn = answer.picture
    if drawn is not None and (drawn.kind in ("forest", "course") or drawn.shares):
        return rows.iloc[:0]
    if "kind" in rows and len(rows):
        rows = rows[rows["kind"] == rows["kind"].iloc[0]]
    shown = int((~rows[SUPPRESSED].astype(bool)).sum()) if SUPPRESSED in rows else len(rows)
    return rows if shown > 1 and len(rows) <= MOST_ROWS else rows.iloc[:0]


def _settings(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns that say what a row is about, and those that are the same in all rows."""
    names = [c for c in rows.columns if c not in STATISTICS and rows[c].notna().any()]
    if "group" in names and "term" in names:
        names.remove("group")  # a term names its group, and other models than the group's
    named_alone = bool(names) and names[0] != "kind" and rows[names[0]].is_unique
    if "kind" in names and (rows["kind"].nunique() == 1 or named_alone):
        names.remove("kind")  # it says nothing more than what each row is called
    alike = [c for c in names[1:] if len(rows) > 1 and rows[c].nunique(dropna=False) == 1]
    first = ("group", "term", "kind")
    return sorted(set(names) - set(alike), key=lambda c: (c not in first, names.index(c))), alike


def _cells(
    row: Mapping[Any, Any], settings: list[str], counted: list[str], extra: list[str], digits: int
) -> list[str]:
    shown = [_setting(row[name]) for name in settings]
    if row.get("suppressed"):
        return [*shown, *("not shown" for _ in counted), HIDDEN, *("" for _ in extra)]
    estimate, low, high = (_number(row, c) for c in ("estimate", "conf_low", "conf_high"))
    interval = with_ends(estimate, low, high, digits)
    counts = [count(_number(row, name)) for name in counted]
    return [*shown, *counts, interval, *(_detail(row, name, digits) for name in extra)]


def _detail(record: Mapping[Any, Any], name: str, digits: int) -> str:
    value = _number(record, name)
    if name.startswith("p_"):
        return p_value(value)
    return plain(value, digits + 1 if name == "std_error" else 1)


def _number(record: Mapping[Any, Any], name: str) -> float:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return plain(value, 0) if value.is_integer() else plain(value, 2)
    return "–" if value is None else named(str(value))


def _head(name: str) -> str:
    return str(LABELS["heads"].get(name, name.replace("_", " ").capitalize().replace("ci)", "CI)")))
