"""What the answers made of the clinics, as counts that are kept and as a section of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.care.proportion import exact_interval

FOUND = Path(__file__).with_name("found.csv")
"""Counts of the last run of each cell; written by ``python -m studies.clinics --keep``."""
TITLE = "## Clinics and trials simulated apart from the package\n"
HEAD = f"""{TITLE}
Records made by a simulator that knows nothing of `oc.simulate` (`studies/clinics`: ratings from 0
to 10 in whole points, courses that differ in level and slope, therapists, a natural course and a
plateau, leaving when well or when nothing helps, missing scores), asked by `oc.answer` as users get
it. *Held* is how many intervals held what is true, with its exact 95 % Monte-Carlo interval; where
nothing is there, what is missing to 100 % left zero out. Rows marked here are marked in the answer
too, by what they take for granted: that is where they fail. Cells not listed were not run anew.
Those of pressure but habit and liking, firm and skilled, and pain that persists were run before its
rows that allow for error became the less clear of two. Pressure that persists, that drifts or
answers pain in 250 courses, and frequency with 400 courses or by each visit's score were asked as
`outcomes.planning` asks many studies at once.

| cell | number judged | studies | held | bias | median width |
|---|---|---|---|---|---|"""
MARKED = (
    "last visit",
    "within",
    "error allowed for",
    "sustained",
    "equal weeks",
    "constrained",
    "ancova",
    "change",
    "score",
)
"""Kinds of rows that an answer marks by what they take for granted."""


def counted(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Count what was found: one row a cell and label.

    Parameters
    ----------
    records : iterable of mapping
        From `Cell.run`, with ``cell`` and ``number``.

    Returns
    -------
    DataFrame
        ``cell, label, studies`` (asked), ``given`` (with the row), ``held`` (or said), ``bias,
        width``.
    """
    columns = ["cell", "label", "number", "estimate", "low", "high", "truth", "said"]
    frame = pd.DataFrame(list(records)).reindex(columns=columns)
    asked = frame.groupby("cell")["number"].nunique().rename("studies")
    hidden = frame["truth"].notna() & frame["low"].isna()
    frame = frame[~hidden].drop_duplicates(["cell", "label", "number", "estimate"])
    inside = (frame["low"] <= frame["truth"]) & (frame["truth"] <= frame["high"])
    frame["held"] = inside.astype(float).where(frame["estimate"].notna(), frame["said"])
    frame["held"] = frame["held"].astype(float)
    frame["bias"], frame["width"] = frame["estimate"] - frame["truth"], frame["high"] - frame["low"]
    own = frame.groupby(["cell", "label"], sort=False)
    table = own.agg(given=("number", "size"), held=("held", lambda told: told.sum(min_count=1)),
                    bias=("bias", "mean"), width=("width", "median")).reset_index()  # fmt: skip
    return table.merge(asked, on="cell").round({"bias": 2, "width": 2})


def section(found: pd.DataFrame) -> str:
    """Return the counts as a section of the page."""
    marked = found["label"].isin(MARKED)
    parts = [HEAD]
    parts += [_line(row) for row in found[~marked].to_dict("records")]
    parts += [_line(row, " (marked)") for row in found[marked].to_dict("records")]
    return "\n".join(parts) + "\n"


def _line(row: Mapping[Any, Any], mark: str = "") -> str:
    told, n = row["held"], int(row["given"])
    hits, of = (n, int(row["studies"])) if pd.isna(told) else (int(told), n)
    low, high = (100 * float(end) for end in exact_interval(hits, of))
    held = f"{100 * hits / of:.1f} % ({low:.0f} to {high:.0f})"
    bias = width = ""
    if pd.isna(row["bias"]):
        held = f"in {held}"
    else:
        bias, width = f"{row['bias']:+.2f}", f"{row['width']:.2f}"
    cells = (row["cell"], row["label"] + mark, row["studies"], held, bias, width)
    return f"| {' | '.join(map(str, cells))} |"
