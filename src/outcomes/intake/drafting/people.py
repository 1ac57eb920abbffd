"""Whose a row is, of which day, and how long a visit was, as an export shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import RECEIVED
from outcomes.intake.dates import MIDNIGHT, day_of_week, read_dates, read_ends, read_times, says_utc
from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import FEW, Content, ask, merged, rule
from outcomes.intake.drafting.evidence import Column
from outcomes.intake.drafting.headers import vocabulary, words_of
from outcomes.intake.drafting.seen import SHEET, Seen, one_to_one, which
from outcomes.intake.refusals import refuse

_DAY_FIRST = {*vocabulary()["dates"]["day_first"]}
_ZONES = tuple(vocabulary()["dates"]["zones"])
_GROWN = 8
"""Years before the visits that dates of birth lie."""
_APART = (180, 730)
"""Days without a visit after which one may be of a new course; after more, of a mistyped year."""
_IN_WEEK = 2
"""Days of the week that may stand among the headers of a table of visits."""
_TURNS = 0.1
"""Steps from row to row of more than half a year below which the year turns in them."""
_HOURS = 5
"""Numbers up to this are hours, not minutes."""
_DAY = 0.2
"""Numbers below this may be parts of a day, as a spreadsheet keeps times."""


def people(seen: Seen) -> Content:
    """Return the columns that identify people; a record number only where it goes with people."""
    named: dict[str, list[str]] = {"name": seen.names} if seen.names else {}
    births = seen.one("identifiers.birth_date")
    for header, role in seen.roles.items():
        kind = role.place.removeprefix("identifiers.")
        if role.place in ("free_text", "flag.reason"):
            kind = "free_text"
        elif kind == role.place or header in seen.names:
            continue
        elif kind in ("first_name", "last_name", "name"):
            kind = "other"
        elif kind == "record":
            kind = "record" if seen.later else _number_of(seen.columns[header], seen.person, births)
        named.setdefault(kind, []).append(header)
    moment = seen.date
    if "time" not in named and moment is not None and moment.share(evidence.has_time) > 0.5:
        named["time"] = [moment.name]
    told = seen.names or "record" in named or SHEET in seen.columns
    emails = [] if told else named.pop("email", [])
    content: Content = merged({"identifiers": named}, _unnamed_birth(seen, named))
    if not seen.names and "record" not in named and SHEET in seen.columns:
        return merged(content, {"identifiers": {"name": [SHEET]}})
    content = merged(content, _half_named(seen, named), _namesakes(seen, named))
    content = content if "record" in named else merged(content, _blank_above(seen))
    rivals = seen.rivals.get("identifiers.name", [])
    if rivals and rivals[0] in seen.names:
        likely = sorted(rivals, key=lambda header: -len(seen.columns[header].counts))
        content = merged(content, ask("who", likely))
    if emails:
        content = merged(content, ask("email_alone", emails, column=emails[0]))
    elif not seen.names and "record" not in named:
        content = merged(content, ask("who", seen.rest))
    return content


def _number_of(column: Column, person: pd.Series[Any], births: Column | None) -> str:
    """Return what a number is of: of people, of rows where no two have the same, of neither."""
    each_row = len(column.counts) == column.n
    if one_to_one(column, person, births) and not (each_row and words_of(column.name) == ("id",)):
        return "record"
    return "appointment" if each_row else "other"


def _unnamed_birth(seen: Seen, named: Mapping[str, list[str]]) -> Content:
    """Ask about a column of dates long past, where nothing but the name tells people apart."""
    if {"birth_date", "record"} & named.keys() or seen.date is None:
        return {}
    now = _median_year(seen.date)
    old = [h for h in seen.rest if seen.columns[h].share(evidence.is_date) > 0.8
           and _median_year(seen.columns[h]) < now - _GROWN]  # fmt: skip
    if not old:
        return {}
    ways = {header: _ways(evidence.dates_of(seen.columns[header]), "") for header in old}
    return merged({"file": {"dates_of": ways}}, ask("birth", old))


def _median_year(column: Column) -> float:
    found = [re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", cell) for cell in column.counts]
    return float(np.median([float(year[0]) for year in found if year] or [np.inf]))


def _blank_above(seen: Seen) -> Content:
    """Ask about rows without a name, or a date, below one that has it."""
    if len(seen.names) != 1 or seen.date is None:
        return {}
    own = (seen.columns[seen.names[0]], seen.date)
    beside = np.sum([c.cells.notna().to_numpy() for c in seen.columns.values()], axis=0) > 1
    for column, other in (own, own[::-1]):
        filled = other.cells.notna().to_numpy() & seen.kept.to_numpy() & beside
        n_blank = int((column.cells.isna().to_numpy() & filled).sum())
        if n_blank >= (0.2 if column is own[0] else 0.1) * seen.n:
            return ask("blank_below", [column.name], n=n_blank, column=column.name)
    return {}


def _half_named(seen: Seen, named: Mapping[str, list[str]]) -> Content:
    """Ask about a first or last name alone, where nothing else tells people apart."""
    halves = seen.of("identifiers.first_name", "identifiers.last_name")
    alone = [c for c in halves if [c.name] == seen.names and c.share(lambda w: " " in w) < 0.5]
    if not alone or {"birth_date", "record", "phone", "email"} & named.keys():
        return {}
    return ask("half_a_name", [alone[0].name, *seen.rest], name=alone[0].name)


def _namesakes(seen: Seen, named: Mapping[str, list[str]]) -> Content:
    """Ask about one name with several plan or account numbers, where nothing else tells people."""
    if {"birth_date", "record", "phone", "email"} & named.keys() or not seen.names:
        return {}
    own = {one.name for one in seen.of("identifiers.record")} & {*named.get("other", [])}
    for header in (*named.get("plan", []), *named.get("account", []), *own):
        numbers = seen.columns[header].cells.groupby(seen.person.to_numpy()).nunique()
        usual = numbers.max() > 1 and 2 * (numbers > 1).sum() <= len(numbers)
        if usual and (header in own or one_to_one(seen.columns[header], seen.person, None)):
            return ask("several_numbers", [header], column=header)
    return {}


def dates(seen: Seen) -> Content:
    """Return the column of the visit's date, and how dates are written."""
    day, births, read = seen.date, seen.one("identifiers.birth_date"), list[Column]()
    content: Content = {}
    if day is not None and not seen.later:
        place = seen.roles[day.name].place
        rivals = seen.rivals.get(place, []) or _likelier(seen, place)
        content = {"columns": {"date": day.name}}
        if rivals:
            rivals = sorted(rivals, key=lambda header: -_median_year(seen.columns[header]))
            content = ask("day", rivals)
        ends = [c for c in seen.of("minutes.end") if c.share(evidence.is_date) > 0.5]
        read = [day, *(seen.columns[h] for h in rivals if h != day.name), *ends]
    elif not (seen.later or seen.beside):
        dated = (c for c in seen.columns.values() if evidence.looks_like(c, "date"))
        read = [column for column in dated if column is not births]
        if sum(day_of_week(header) is not None for header in seen.columns) > _IN_WEEK:
            refuse("days_of_the_week")
        read.sort(key=lambda column: (column.name in seen.roles, -_median_year(column)))
        content = ask("day_unnamed", [column.name for column in read] or seen.rest)
    return merged(content, _written(seen, [*read, *([births] if births is not None else [])]))


def _written(seen: Seen, columns: list[Column]) -> Content:
    """Return how the dates of columns are written, the first of which is the visits' own."""
    if not columns:
        return {}
    written = {column.name: evidence.dates_of(column) for column in columns}
    proven, first = {order for found in written.values() for order in found.orders}, columns[0]
    order = proven.pop() if len(proven) == 1 else ""  # which the file's dates prove
    ways = {name: _ways(found, order) for name, found in written.items()}
    points = {found.dotted for found in written.values()} - {"", "?"}
    if points == {"%m.%d"}:
        ways = {name: [way.replace("%d.%m", "%m.%d") for way in own] for name, own in ways.items()}
    said = {"dates": ways[first.name] or ["%Y-%m-%d"]}
    apart = {name: own for name, own in ways.items() if own and own != said["dates"]}
    file = {"file": {**said, **({"dates_of": apart} if apart else {})}}
    found = written[first.name]
    if any(not _DAY_FIRST.isdisjoint(words_of(name)) for name in written):
        points = {"%d.%m"}
    open_ = [] if len(points) == 1 else [n for n, one in written.items() if one.dotted == "?"]
    return merged(file, _open_order(written, order), _open_points(open_, ways, first.name),
                  _zone(seen, first, found, said["dates"]), _yearless(seen, first, found),
                  _gaps(seen, first, said["dates"]))  # fmt: skip


def _gaps(seen: Seen, day: Column, ways: list[str]) -> Content:
    """Ask whether who comes again after months begins a new course."""
    told = seen.of("identifiers.birth_date", "identifiers.record", "columns.condition")
    cells = {"": seen.person.to_numpy(), **{c.name: c.cells.to_numpy() for c in told}}
    whose = pd.DataFrame(cells).fillna("").groupby([*cells]).ngroup()
    days = pd.DataFrame({"whose": whose, "day": read_dates(day.cells, ways).days.to_numpy()})
    for column in seen.of("columns.status"):  # bookings to come, and visits that were missed
        days = days[~column.where(lambda cell: evidence.status_of(cell) not in ("", *RECEIVED))]
    days = days[seen.kept.reindex(days.index)].dropna().sort_values("day")
    n = days.loc[days.groupby("whose")["day"].diff().between(*_APART), "whose"].nunique()
    if not n or seen.later or seen.beside:
        return {}
    many, (few, _) = "1 client" if n == 1 else f"{n} clients", _APART
    return ask("new_course", [f"{few}"], clients=many, days=few)


def _likelier(seen: Seen, place: str) -> list[str]:
    """Return other columns of dates, where the day may be a birth, or when something was written.

    A birth in words that nobody knows lies years before another column of dates.
    """
    if seen.preset is not None:
        return []
    assert seen.date is not None
    dated = [h for h in seen.rest if evidence.looks_like(seen.columns[h], "date")]
    born, years = _median_year(seen.date), {h: _median_year(seen.columns[h]) for h in dated}
    after = _GROWN if place not in ("date.filled", "date.created") else -_GROWN
    others = [h for h, year in years.items() if born + after < year < np.inf]
    return [*others, seen.date.name] if others else []


def _ways(found: evidence.WaysOfDates, order: str) -> list[str]:
    own = sorted(found.orders) if found.orders else [order or "%m/%d"]
    if len(own) > 1 and order:
        own = [order]
    return [way if not way.startswith("?") else f"{o.replace('/', way[1])}{way[1]}{way[2:]}"
            for way in found.ways for o in (own if way.startswith("?") else [""])]  # fmt: skip


def _open_order(written: Mapping[str, evidence.WaysOfDates], order: str) -> Content:
    open_ = [name for name, found in written.items()
             if found.numeric and not order and len(found.orders) != 1]  # fmt: skip
    if not open_:
        return {}
    mixed = any(len(found.orders) > 1 for found in written.values())
    reads = "some have the day first, others the month" if mixed else "each date reads both ways"
    sign = next(way[1] for found in written.values() for way in found.ways if way.startswith("?"))
    year = next(way[2:] for found in written.values() for way in found.ways if way.startswith("?"))
    likely = [f"%m{sign}%d{sign}{year}", f"%d{sign}%m{sign}{year}"]
    keys = ["file.dates"] if next(iter(written)) in open_ else [f"file.dates_of.{h}" for h in open_]
    told = {"columns": ", ".join(open_), "reads": reads}
    return merged(*(ask("order", likely, key, **told) for key in keys))


def _open_points(open_: list[str], ways: Mapping[str, list[str]], first: str) -> Content:
    """Ask for the order of dates with points, where none of the file has a day after the 12th."""
    likely = {name: next(way for way in ways[name] if "%d.%m" in way) for name in open_}
    return merged(*(ask("order_of_points", [way, way.replace("%d.%m", "%m.%d")],
                        "file.dates" if name == first else f"file.dates_of.{name}",
                        columns=", ".join(open_))
                    for name, way in likely.items()))  # fmt: skip


def _zone(seen: Seen, day: Column, found: evidence.WaysOfDates, ways: list[str]) -> Content:
    clock = next(iter(seen.of("identifiers.time")), day)
    utc = [column.name for column in (day, clock) if says_utc(column.name, column.cells)]
    if not (found.instants or utc) or seen.said("file", "time_zone"):
        return {}
    bare = Column(day.name, day.cells.str.replace(MIDNIGHT, "", regex=True))
    cells = bare.cells if bare.share(evidence.has_time) else bare.cells + " " + clock.cells
    instants = read_dates(cells, ways, utc=True).instants.dropna()
    if instants.empty:
        return {}  # days without a time are the same in any zone
    moments = pd.Timestamp(0, tz="UTC") + pd.to_timedelta(instants, unit="m")
    hours = {zone: moments.dt.tz_convert(ZoneInfo(zone)).dt.hour for zone in _ZONES}
    open_hours = {zone: ((hour >= 6) & (hour <= 21)).mean() for zone, hour in hours.items()}
    likely = sorted(_ZONES, key=lambda z: (-round(open_hours[z], 2), abs(hours[z].mean() - 13)))
    return ask("zone", likely[:6], column=next(iter(utc), day.name))


def _yearless(seen: Seen, day: Column, found: evidence.WaysOfDates) -> Content:
    """Read ``Jan 31`` as of the one year that other dates, sheets, file or title state.

    Raises
    ------
    DataError
        When no day of the column has its year, and nothing else states one alone.
    """
    if not found.yearless:
        return {}
    sheets = list(seen.columns[SHEET].counts) if SHEET in seen.columns else []
    title = re.sub(r"(?:\d+[-_./]){1,2}\d+|\d{5,}", " ", seen.title)  # no day of an export
    stated = (" ".join([*sheets, *day.counts]), title)
    told = ({*re.findall(r"(?<!\d)(20\d\d)(?!\d)", text)} for text in stated)
    years = next(filter(None, told), set())
    dated = day.cells.dropna() + f" {min(years, default=2024)}"
    steps = read_dates(dated, [f"{found.yearless} %Y"]).days.dropna().diff().abs()
    years = set() if 0 < (steps > _APART[0]).mean() < _TURNS else years  # December, then January
    if len(years) != 1 and not found.ways:
        refuse("days_without_year", day.name)
    if len(years) != 1:
        return {}  # such rows are reported, none is read in a wrong year
    pattern = r"([^\W\d]{3,9}\.? \d{1,2}|\d{1,2}\.? [^\W\d]{3,9})"
    own = rule("a day without its year", [day.name], pattern=pattern, becomes=rf"\1 {years.pop()}")
    return merged({"file": {"dates": [f"{found.yearless} %Y"]}}, own)


def lengths(seen: Seen) -> Content:
    """Return how long visits were: a column of minutes, start and end, or the service's name."""
    if (column := seen.one("columns.sessions.minutes")) is not None:
        rivals = seen.rivals.get("columns.sessions.minutes", [column.name])
        return merged(*(_stated_minutes(seen.columns[own]) for own in rivals[::-1]))
    end, start = seen.one("minutes.end"), seen.one("identifiers.time") or seen.date
    if start is not None and start.share(evidence.has_time) > 0.5:
        clocks = (c for c in seen.columns.values() if c.share(evidence.has_time) > 0.5)
        end = end or next((column for column in clocks if _is_end(start, column)), None)
        ranges = (read_ends(start.cells) != start.cells)[start.cells.notna()].mean() > 0.5
        end = end or (start if ranges else None)
        if end is not None:
            return {"minutes": {"start": start.name, "end": end.name}}
    for column, pattern in ((c, p) for c in seen.of("service") for p in evidence.IN_SERVICE):
        of_visits = seen.kept.to_numpy() & column.where(evidence.is_visit)
        kept = Column(column.name, column.cells[of_visits])
        if kept.share(partial(evidence.minutes_in, pattern)) > 0.9:
            own = rule("minutes in the name of the service", [column.name], pattern=pattern,
                       becomes=r"\1", target="sessions.minutes")  # fmt: skip
            return merged({"columns": {"sessions.minutes": column.name}}, own)
    timed = [h for h in seen.rest if seen.columns[h].share(evidence.is_length) > 0.9]
    what, place = "how long the visit was", "columns.sessions.minutes"
    return {**which(seen, place, what, timed, _stated_minutes), "columns": {}} if timed else {}


def _stated_minutes(column: Column) -> Content:
    content: Content = {"columns": {"sessions.minutes": column.name}}
    plainly = {cell: n for cell in column.counts if (n := evidence.number(cell)) is not None}
    small, low = {c: n for c, n in plainly.items() if 0 < n <= _HOURS}, min([*plainly.values(), 1])
    if small and any(value > _HOURS for value in plainly.values()):
        pattern = r"([0-5](?:\.\d+)?)"
        hours = rule("hours", [column.name], pattern=pattern, becomes=r"\1", multiply=60)
        return merged(hours, ask("hours", [column.name], column=column.name, most=_HOURS))
    if small and len(small) == len(column.counts):
        of_day = max(small.values()) < _DAY and all(
            abs(24 * 60 * n - round(24 * 60 * n)) < 0.01 for n in small.values())  # fmt: skip
        unit, factor = ("parts of a day", 24 * 60) if of_day else ("hours", 60)
        read = rule(unit, [column.name], pattern=r"(\d+(?:\.\d+)?)", becomes=r"\1", multiply=factor)
        return merged(content, read) if low < 1 or max(small.values()) % 1 else {}
    odd = [c for c in column.counts if evidence.minutes(c) not in (None, evidence.number(c))]
    for unit, pattern, times in (("60 min", evidence.UNIT, 1), ("1 hr", evidence.HOUR, 60)):
        if any(evidence.tells(pattern, cell) for cell in odd):
            said = {"multiply": times} if times > 1 else {}
            read = rule(unit, [column.name], pattern=pattern, becomes=r"\1", **said)
            content = merged(content, read)
    rest = {cell: f"{evidence.minutes(cell):g}" for cell in odd[: 5 * FEW]
            if not re.fullmatch(f"{evidence.UNIT}|{evidence.HOUR}", cell, re.I)}  # fmt: skip
    return merged(content, {"values": {"sessions.minutes": rest}} if rest else {})


def _is_end(start: Column, other: Column) -> bool:
    """Whether nearly all rows of a column are 10 minutes to 4 hours, in fives, after the start."""
    between = (read_times(other.cells) - read_times(start.cells)).dropna() % (24 * 60)
    fits = between.between(10, 240) & (between % 5 == 0)
    return bool(len(fits) and fits.mean() >= 0.95)
