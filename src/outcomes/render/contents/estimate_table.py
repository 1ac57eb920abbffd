"""An answer's tidy table as people read it."""

from __future__ import annotations

import pandas as pd

from outcomes.answers.answer import Answer
from outcomes.render.document import Table
from outcomes.render.figures.style import spoken
from outcomes.render.numbers import count, decimals_for, limits, p_value, plain

STATISTICS = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "conf_low",
    "conf_high", "conf_level", "n_episodes", "suppressed",
)  # fmt: skip
HEADS = {
    "n_episodes": "Courses",
    "session_count": "Sessions received",
    "kind": "Quantity",
    "group": "Group",
    "week": "Week",
}
"""Column names in words; others are shown with spaces for underscores."""
HIDDEN = "too few to show"


def estimate_table(answer: Answer, *, details: bool) -> Table:
    """Return an answer's estimates as a table of texts.

    Parameters
    ----------
    answer : Answer
        With small cells already suppressed.
    details : bool
        Whether to add std. error, df and p value, and the rows that the figure shows.

    Returns
    -------
    Table
    """
    rows = answer.table
    if not details and "kind" in rows and (rows["kind"] != "curve").any():
        rows = rows[rows["kind"] != "curve"]
    settings = _settings(rows)
    extra = [c for c in ("std_error", "df", "p_value") if details and c in rows]
    counted = ["n_episodes"] if "n_episodes" in rows else []
    heads = [*settings, *counted, "estimate (95 % CI)", *extra]
    cells = tuple(tuple(_cells(record, settings, counted, extra)) for record in _records(rows))
    caption = answer.picture.y_label if answer.picture else "Estimates"
    return Table(caption, tuple(HEADS.get(h, _words(h)) for h in heads), cells)


def _records(rows: pd.DataFrame) -> list[dict[str, object]]:
    return [
        dict(zip(map(str, rows.columns), values, strict=True))
        for values in rows.itertuples(index=False, name=None)
    ]


def _settings(rows: pd.DataFrame) -> list[str]:
    """Return the columns that say what a row is about: those that differ or name something."""
    names = [c for c in rows.columns if c not in STATISTICS and rows[c].notna().any()]
    if "group" in names and "term" in names:
        names.remove("term")
    if "kind" in names and len(rows["kind"].unique()) == 1:
        names.remove("kind")
    return sorted(names, key=lambda name: name != "group")


def _cells(
    record: dict[str, object],
    settings: list[str],
    counted: list[str],
    extra: list[str],
) -> list[str]:
    shown = [_setting(record[name]) for name in settings]
    estimate, low, high = (_number(record, c) for c in ("estimate", "conf_low", "conf_high"))
    digits = decimals_for((high - low) / 2)
    if record.get("suppressed"):
        return [
            *shown,
            *("not shown" for _ in counted),
            HIDDEN,
            *("" for _ in extra),
        ]
    interval = f"{plain(estimate, digits)} ({limits(low, high, digits)})"
    counts = [count(_number(record, name)) for name in counted]
    return [*shown, *counts, interval, *(_detail(record, name, digits) for name in extra)]


def _detail(record: dict[str, object], name: str, digits: int) -> str:
    value = _number(record, name)
    if name == "p_value":
        return p_value(value)
    return plain(value, digits + 1 if name == "std_error" else 1)


def _number(record: dict[str, object], name: str) -> float:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _setting(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}" if value == value else "–"
    return spoken(str(value))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize().replace("ci)", "CI)")
