"""What became of a visit, how long it was, and which rows are none."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pandas as pd

from outcomes.intake.drafting.draft import Content, ask, merged, rule
from outcomes.intake.drafting.evidence import (
    Column,
    day_of,
    flag_of,
    has_time,
    means_empty,
    minutes,
    number,
    status_of,
)
from outcomes.intake.drafting.seen import STRUCK, Seen, not_visits
from outcomes.privacy.patterns import name_words

_UNIT = r"(\d+) ?-?(?:m|min|mins|minutes?|minuten|minutos?|mn)\.?"
_HOUR = r"(\d+(?:\.\d+)?) ?(?:h|hr|hrs|hours?|std|stunden?|heures?|horas?)\.?"
_IN_SERVICE = (rf".*?(?<!\d){_UNIT}.*", r".*(?<!\d)(\d{2,3})")


_FEW = 8
"""Different words that are asked about one by one."""


def status(seen: Seen) -> Content:
    """Return what became of visits: by one column's words, by flags, or by what rows hold."""
    column = seen.one("columns.status")
    flags = seen.of("flag.cancelled", "flag.no_show", "flag.attended")
    service = next((c for c in seen.of("service") if 0 < c.share(_not_done) < 1), None)
    if column is not None:
        return _status_words(seen, column)
    if seen.said("study", "rows"):
        return {}
    if flags:
        return _status_flags(seen)
    if service is not None:
        entries = [{"column": service.name, "is": words, "becomes": became}
                   for became, words in _by_status(service).items()]  # fmt: skip
        return {"status": [*entries, {"otherwise": "attended"}]}
    if STRUCK in seen.columns:
        return _status_struck(seen)
    return _no_status(seen)


def _not_done(cell: str) -> bool:
    return status_of(cell) in ("cancelled", "no_show")


def _by_status(column: Column) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cell in column.counts:
        if _not_done(cell):
            found.setdefault(status_of(cell), []).append(cell)
    return found


def _status_words(seen: Seen, column: Column) -> Content:
    product = seen.said("values", "status") or {}  # its own signs, of which - may be one
    cells = column.cells[seen.kept.to_numpy()].dropna()
    own = cells[[cell in product or not means_empty(cell) for cell in cells]]
    became = {cell: product.get(cell) or status_of(cell) for cell in own.unique()}
    came = any(word in ("attended", "stopped_early") for word in became.values())
    open_ = [cell for cell, word in became.items() if not word or (word == "left_out" and not came)]
    known = {cell: word for cell, word in became.items() if cell not in open_}
    content: Content = {"columns": {"status": column.name}, "values": {"status": known}}
    said = name_words(str(cell) for name in seen.names for cell in seen.columns[name].counts)
    for cell in open_[:_FEW]:
        if name_words([cell]) & said or re.search(r"\d{4}", cell):
            continue  # never a person's name: such a word stays unread, and stops the import
        asks = f"What became of visits whose {column.name} is {cell}?"
        likely = ["attended", "left_out", "cancelled", "no_show", "stopped_early"]
        content = merged(content, ask(f"values.status.{cell}", asks, likely))
    n_empty = int(seen.kept.sum()) - len(own)
    if n_empty:
        asks = f"What became of the {n_empty} visits whose {column.name} is empty?"
        likely = ["left_out", "attended", "cancelled", "no_show"]
        content = merged(content, ask("study.empty_status", asks, likely))
    return content


def _status_flags(seen: Seen) -> Content:
    entries = []
    for place in ("flag.cancelled", "flag.no_show", "flag.attended"):
        for column in seen.of(place):
            words = [cell for cell in column.counts if flag_of(cell)]
            told = {"is": words} if len(column.counts) <= 3 else {"filled": True}
            became = place.removeprefix("flag.")
            entries.append({"column": column.name, **told, "becomes": became})
    if not seen.of("flag.attended"):
        return {"status": [*entries, {"otherwise": "attended"}]}
    asks = "What became of visits that are neither marked as arrived nor cancelled nor missed?"
    return {
        "status": entries,
        **ask("study.empty_status", asks, ["left_out", "no_show", "attended"]),
    }


def _held(seen: Seen) -> pd.Series[Any]:
    """Return which rows hold what is only known of a visit: a score or the pressure."""
    held = pd.Series(False, index=range(seen.n))
    for header, role in seen.roles.items():
        if role.place.startswith(("scores.", "columns.pressure")):
            cells = seen.columns[header].cells
            held |= cells.isin(seen.columns[header].counts).to_numpy()
    return held


def _status_struck(seen: Seen) -> Content:
    struck = (seen.columns[STRUCK].cells == "yes").to_numpy()
    content: Content = {"columns": {"status": STRUCK}, "values": {"status": {"no": "attended"}}}
    if not _scored(seen)[struck].any():
        return merged(content, {"values": {"status": {"yes": "cancelled"}}})
    likely = ["cancelled", "no_show", "left_out", "attended"]
    asks = "What became of visits whose row is struck through?"
    return merged(content, ask("values.status.yes", asks, likely))


def _scored(seen: Seen) -> pd.Series[Any]:
    scored = pd.Series(False, index=range(seen.n))
    for header, role in seen.roles.items():
        if role.place.startswith("scores."):
            cells = seen.columns[header].cells
            scored |= cells.isin(seen.columns[header].counts).to_numpy()
    return scored


def _no_status(seen: Seen) -> Content:
    attended: Content = {"study": {"no_status": "attended"}}
    if seen.said("study", "no_status"):
        return {}
    at_visit = seen.of("columns.sessions.therapist_id", "columns.sessions.minutes",
                       "columns.pressure")  # fmt: skip
    if seen.is_form and not at_visit:
        asks = "Is each answer of a visit that took place, or does the form stand alone?"
        return merged(attended, ask("study.rows", asks, ["visits", "scores"]))
    if seen.is_form or _held(seen)[seen.kept].mean() >= 0.98:
        return attended
    asks = "No column says what became of a visit. Did every visit of the export take place?"
    return ask("study.no_status", asks, ["attended"])


def visits(seen: Seen) -> Content:
    """Return therapist, clinic and how long; and which rows are left out or are one visit."""
    places = ("sessions.therapist_id", "clinic_id", "age", "arm")
    own = {place: c.name for place in places if (c := seen.one(f"columns.{place}")) is not None}
    out = not_visits(seen)
    future = [{"name": "visits still to come", "future": True}] if seen.date is not None else []
    content = merged({"columns": own}, {"leave_out": [*out, *future]}, _minutes(seen))
    return merged(content, _one_visit(seen))


def _minutes(seen: Seen) -> Content:
    column = seen.one("columns.sessions.minutes")
    if column is not None:
        odd = [cell for cell in column.counts if number(cell) is None and minutes(cell) is not None]
        content: Content = {"columns": {"sessions.minutes": column.name}}
        if any(re.fullmatch(_UNIT, cell, re.IGNORECASE) for cell in odd):
            content = merged(content, rule("60 min", [column.name], pattern=_UNIT, becomes=r"\1"))
        if any(re.fullmatch(_HOUR, cell, re.IGNORECASE) for cell in odd):
            hours = rule("1 hr", [column.name], pattern=_HOUR, becomes=r"\1", multiply=60)
            content = merged(content, hours)
        rest = {cell: f"{minutes(cell):g}" for cell in odd[: 5 * _FEW]
                if not re.fullmatch(f"{_UNIT}|{_HOUR}", cell, re.IGNORECASE)}  # fmt: skip
        return merged(content, {"values": {"sessions.minutes": rest}} if rest else {})
    end, start = seen.one("minutes.end"), seen.one("identifiers.time") or seen.date
    if end is not None and start is not None and start.share(has_time) > 0.5:
        return {"minutes": {"start": start.name, "end": end.name}}
    for column, pattern in ((c, p) for c in seen.of("service") for p in _IN_SERVICE):
        kept = Column(column.name, column.cells[seen.kept.to_numpy()])
        if kept.share(partial(_minutes_in, pattern)) > 0.9:
            own = rule("minutes in the name of the service", [column.name], pattern=pattern,
                       becomes=r"\1", target="sessions.minutes")  # fmt: skip
            return merged({"columns": {"sessions.minutes": column.name}}, own)
    return {}


def _minutes_in(pattern: str, cell: str) -> bool:
    found = re.fullmatch(pattern, cell, re.IGNORECASE)
    return found is not None and 10 <= int(found[1]) <= 240


def came(seen: Seen) -> Any:
    """Return which rows may be of a visit that took place, as booleans, shape (rows,)."""
    kept = seen.kept.to_numpy().copy()
    for column in seen.of("columns.status", "service"):
        kept &= ~column.cells.map(_not_done, na_action="ignore").eq(True).to_numpy()
    for column in seen.of("flag.cancelled", "flag.no_show"):
        kept &= ~column.cells.map(flag_of, na_action="ignore").eq(True).to_numpy()
    return (
        kept & (seen.columns[STRUCK].cells != "yes").to_numpy() if STRUCK in seen.columns else kept
    )


def _one_visit(seen: Seen) -> Content:
    """Say which lines are one visit, where a client has several of one day."""
    if seen.date is None or not seen.names:
        return {}
    time = seen.one("identifiers.time") or seen.date
    lines = pd.DataFrame({h: c.cells.to_numpy() for h, c in seen.columns.items()})
    lines = lines.assign(_who=seen.person.to_numpy())[came(seen)].drop_duplicates()
    day = lines[seen.date.name].map(day_of, na_action="ignore")
    timed = time.share(has_time) > 0.5
    moment = lines[time.name].astype(str) if timed else day
    why = seen.one("columns.condition")
    of = {"who": lines["_who"], "day": day, "at": moment, "why": lines[why.name] if why else ""}
    if not pd.DataFrame(of)[lines["_who"].notna()].duplicated().any():
        return {}
    if timed:
        return {"study": {"one_visit": "time"}}
    asks = "Some clients have several lines of one day. Are the lines of a day one visit?"
    return ask("study.one_visit", asks, ["day"])
