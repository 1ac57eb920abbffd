"""Which lines of a day are one visit."""

from __future__ import annotations

import pandas as pd

from outcomes.intake.dates import read_times
from outcomes.intake.drafting.draft import Content, ask, merged
from outcomes.intake.drafting.evidence import day_of
from outcomes.intake.drafting.people import lengths
from outcomes.intake.drafting.seen import Seen

_SOON = 150
"""Minutes after the start of a line in which the next of that day may be of the same visit."""


def one_visit(seen: Seen) -> Content:
    """Say which lines are one visit, where a client has several of one day."""
    if seen.date is None or seen.later or not seen.names or seen.one("columns.score") is not None:
        return {}
    time = seen.one("identifiers.time") or seen.date
    lines = pd.DataFrame({h: c.cells.to_numpy() for h, c in seen.columns.items()})
    lines = lines.assign(_who=seen.person.to_numpy())[seen.came].drop_duplicates()
    lines = lines.assign(_day=lines[seen.date.name].map(day_of, na_action="ignore"))
    lines = lines.assign(_at=read_times(lines[time.name]))[lines["_who"].notna()]
    told = (seen.one("columns.condition"), seen.one("identifiers.birth_date"))
    apart = ["_who", "_day", *(column.name for column in told if column is not None)]
    if lines[lines["_at"].notna()].duplicated([*apart, "_at"]).any():
        return {"study": {"one_visit": "time"}}
    gaps = lines.sort_values("_at").groupby(apart, dropna=False)["_at"].diff()  # one after another
    if not (gaps.between(1, _SOON) | lines[lines["_at"].isna()].duplicated(apart)).any():
        return {}
    return merged(ask("lines"), ask("minutes_of_lines") if lengths(seen) else {})
