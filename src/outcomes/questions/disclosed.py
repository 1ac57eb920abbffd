"""Answers without their small cells: what `ask` returns, and what every rendering starts from.

Hidden by default: a row of a kind, or a column of numbers, that the question's record does not
name, and a picture whose points are no rows of the table, are not there in real data.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from outcomes.privacy.disclosure import SUPPRESSED, Disclosure, suppress_counts
from outcomes.privacy.text import told
from outcomes.questions.answer import Answer
from outcomes.questions.picture import ROW, Picture
from outcomes.questions.question import Question

COUNT = "n_episodes"
COUNTS = "n_"
"""What the names of columns with counts begin with."""
TOTAL = "all"
NAMES = ("term", "group", "arm", "label")
"""Columns with names of groups; one that only few patients bear goes with the rest of its row."""
PLACES = (
    "kind", "role", "week", "session_count", "time", "delta", "pressure", "supported", "x", ROW
)  # fmt: skip
"""Columns that say what a row is about: known to whoever asks, and hidden with no row."""
VALUES = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "p_adjusted",
    "conf_low", "conf_high",
)  # fmt: skip
NOT_SHOWN = "not shown"


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
    if rule.exempt or (answer.record is not None and answer.record.about_one):
        return answer
    decided = decision(answer.table, answer.record, rule, leaves=leaves)
    return replace(
        answer,
        table=masked(answer.table, decided, answer.record),
        picture=_safe_picture(answer.picture, decided, answer.record, rule),
        sentence=told(answer.sentence, rule),
        reason=told(answer.reason, rule),
        method=told(answer.method, rule),
        limits=tuple(told(text, rule) for text in answer.limits),
        checks=tuple(replace(c, detail=told(c.detail, rule)) for c in answer.checks),
        source=replace(
            answer.source,
            left_out={
                why: None if n and rule.hides(n) else n for why, n in answer.source.left_out.items()
            },
        ),
    )


def decision(
    table: pd.DataFrame, record: Question | None, rule: Disclosure, *, leaves: bool = True
) -> pd.DataFrame:
    """Decide once what is hidden of each row of an answer, wherever the row is shown.

    Parameters
    ----------
    table : DataFrame
        Of an answer.
    record : Question or None
        Of its question: which kinds of rows it declares.
    rule : Disclosure
        What may be shown.
    leaves : bool
        As in `disclosed`.

    Returns
    -------
    DataFrame of bool, on the index of `table`
        ``hidden`` (its counts), ``gone`` (its numbers too), ``nameless`` (and the name of its
        group, which few bear).
    """
    unknown = pd.Series(None, index=table.index, dtype=object)
    kind = table["kind"].map(dict(record.kinds)) if record and "kind" in table else unknown
    hidden = _hidden(table, kind, rule)
    gone = hidden & (leaves | (kind != "model"))
    ours = table["kind"].isin(record.fixed) if record and "kind" in table else False
    nameless = gone & (kind.isna() | _few(table, rule)) & ~pd.Series(ours, index=table.index)
    return pd.DataFrame({"hidden": hidden, "gone": gone, "nameless": nameless})


def masked(frame: pd.DataFrame, decided: pd.DataFrame, record: Question | None) -> pd.DataFrame:
    """Return a frame without what was decided to hide.

    Parameters
    ----------
    frame : DataFrame
        A table, or the data of a picture.
    decided : DataFrame
        From `decision`, one row for each of the frame's, in their order.
    record : Question or None
        Which columns of numbers the question declares; others are emptied.
    """
    if frame.empty:
        return frame
    values = {*VALUES, *(record.numbers if record else ())}
    safe = frame.reset_index(drop=True)
    hidden, gone, nameless = (decided[name].to_numpy() for name in decided)
    for name in sorted({*map(str, safe)} - {*PLACES, SUPPRESSED}):
        if name.startswith(COUNTS):
            safe[name] = safe[name].astype("float64").mask(hidden)
        elif name in NAMES:
            safe[name] = safe[name].astype(object).mask(nameless, NOT_SHOWN)
        elif name in values:
            safe[name] = safe[name].astype("float64").mask(gone)
        else:
            safe[name] = float("nan")
    safe[SUPPRESSED] = hidden
    return safe


def _few(table: pd.DataFrame, rule: Disclosure) -> pd.Series[bool]:
    """Return which rows rest on few."""
    counts = [str(name) for name in table if str(name).startswith(COUNTS)]
    return table[counts].map(rule.hides).any(axis=1)


def _hidden(table: pd.DataFrame, kind: pd.Series[str], rule: Disclosure) -> pd.Series[bool]:
    """Return which rows are hidden, for their own counts or so that others cannot be told."""
    hidden = kind.isna() | _few(table, rule)
    if SUPPRESSED in table:
        hidden |= table[SUPPRESSED].astype(bool)
    parts = table[kind == "part"]
    for _, rows in parts.groupby("kind") if len(parts) else ():
        hidden |= _parts_of_a_whole(rows, rule).reindex(table.index, fill_value=False)
    if COUNT in table:
        hidden[_betrayed_by_the_total(table.mask(hidden), table, rule)] = True
    return hidden


def _parts_of_a_whole(rows: pd.DataFrame, rule: Disclosure) -> pd.Series[bool]:
    """Return which rows to hide, so that none can be worked out from the sum of all."""
    count = COUNT if COUNT in rows and rows[COUNT].notna().any() else "n_events"
    if count not in rows:  # hidden before
        return pd.Series(data=True, index=rows.index)
    return suppress_counts(rows, count, disclosure=rule, within=())[SUPPRESSED].astype(bool)


def _betrayed_by_the_total(safe: pd.DataFrame, table: pd.DataFrame, rule: Disclosure) -> list[int]:
    """Return groups to hide as well, so that "all" less those shown is no small count.

    Groups that are not in the table at all count among those not shown.
    """
    if rule.exempt or "group" not in table:
        return []
    about = [name for name in PLACES if name in table]
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


def _safe_picture(
    picture: Picture | None, decided: pd.DataFrame, record: Question | None, rule: Disclosure
) -> Picture | None:
    """Return a picture by the decision about the rows that it draws; none where it draws others."""
    if picture is None or ROW not in picture.data:
        return None
    rows = decided.loc[picture.data[ROW].to_numpy()]
    data = masked(picture.data, rows, record)
    if not rows["gone"].any():
        return replace(picture, data=data, alt=told(picture.alt, rule))
    words = f"{picture.title}. {picture.y_label} {picture.x_label}".strip()
    return replace(
        picture, data=data, alt=f"{words}. Points that rest on few courses are left out."
    )
