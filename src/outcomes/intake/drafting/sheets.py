"""Sheets of a workbook that are not of its visits: whose their rows are, or what is to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.intake.drafting.draft import Content
from outcomes.intake.drafting.seen import DATES, STRUCK, Seen, seen_in
from outcomes.intake.presets import preset_of
from outcomes.intake.readers import FileFormat
from outcomes.intake.readers.other_sheets import known_by, n_of_several, said_of
from outcomes.intake.readers.workbook import sheet_names, sheets_of

UNREAD = "unread"
"""Of a file that was read: its sheets of people or scores that are not read, and what is."""
OF_CLIENTS = "of clients"
"""Of such a file: columns that would be of a visit, and are of clients: a date, a status."""
_NAME, _PART = ("identifiers.name",), ("identifiers.first_name", "identifiers.last_name")
_MORE = ("identifiers.birth_date", "identifiers.email", "identifiers.phone")
_NUMBERS = (("identifiers.appointment",), ("identifiers.record",))
_WHO = (*_NUMBERS, _NAME, _PART, *((*own, more) for more in _MORE for own in (_NAME, _PART)),
        *((more,) for more in _MORE[1:]))  # fmt: skip
"""What tells whose a row is, the surest first; a name with more, where several people have it."""
_OF_VISITS = ("columns.status", "columns.sessions.minutes", "service", "flag.cancelled",
              "flag.no_show", "flag.attended")  # fmt: skip
_MOST = 0.5


def other_sheets(path: Path, form: FileFormat) -> Content:
    """Return the entries of ``[file]`` for sheets of other columns than the visits'.

    A sheet in which each client of the visits stands once is looked up; scores with a day, of
    people of the visits, are read below them. What else holds people or scores is asked about.
    """
    tables = sheets_of(path, sheet_names(path, hidden=False), form, may_be_empty=True)
    seen = {name: seen_in(rows.cells, preset_of(map(str, rows.cells)))
            for name, rows in tables.items() if len(rows.cells)}  # fmt: skip
    dated = [name for name, one in seen.items() if one.date is not None]
    if not dated:
        return {}
    main = max(dated, key=lambda name: (
        _comes_again(seen[name]), bool(seen[name].of(*_OF_VISITS)), seen[name].n))  # fmt: skip
    found: Content = {"looked_up": {}, "below": {}, UNREAD: {}, OF_CLIENTS: []}
    same = [name for name, one in seen.items() if _alike(one, seen[main])]
    for name, one in ((name, one) for name, one in seen.items() if name not in same):
        how, columns = _joined(one, seen[main])
        if how:
            found[how][name] = columns
            by_visit = how == "below" or columns == _pairs(one, seen[main], _WHO[0])
            told = () if by_visit else one.of(*_OF_VISITS, *DATES)
            found[OF_CLIENTS] += [own.name for own in told if own.name not in columns]
        elif any(role.place.startswith(("identifiers.", "scores.")) for role in one.roles.values()):
            found[UNREAD][name] = same[0] if len(same) == 1 else "*"
    left = [name for name in seen if name not in (*found["looked_up"], *found["below"])]
    if found[UNREAD] or max(left, key=lambda name: seen[name].n) not in same:
        found["sheets"] = same
    return {entry: said for entry, said in found.items() if said}


def _comes_again(sheet: Seen) -> bool:
    """Whether people stand in several rows of a sheet."""
    told = any(sheet.of(place) for places in _WHO[1:] for place in places)
    return told and not sheet.is_of_people


def _alike(one: Seen, other: Seen) -> bool:
    """Whether two sheets are of one kind: of another month, with most columns the same."""
    first, second = ({*seen.columns} - {STRUCK} for seen in (one, other))
    return 2 * len(first & second) >= len(first | second)


def _joined(sheet: Seen, visits: Seen) -> tuple[str, dict[str, str]]:
    """Return how a sheet goes with the visits, and by which of its columns; empty: not surely."""
    scored = any(role.place.startswith("scores.") for role in sheet.roles.values())
    pairs = {places: _pairs(sheet, visits, places) for places in _WHO}
    for places, columns in pairs.items():
        may_be = columns and (places == _WHO[0] or not scored)
        if may_be and _is_sure(sheet, visits, columns, places):
            return "looked_up", columns
    if not scored or sheet.date is None or visits.date is None or pairs[_WHO[0]]:
        return "", {}
    told = {places: own for places, own in pairs.items() if own}
    sure = [own for own in told.values() if _share(sheet, visits, own) >= _MOST]
    if not sure:
        return "", {}
    whole = {theirs: ours for own in told.values() for theirs, ours in own.items()}
    return "below", {**whole, sheet.date.name: visits.date.name}


def _pairs(sheet: Seen, visits: Seen, places: tuple[str, ...]) -> dict[str, str]:
    """Return the columns of a sheet that tell whose a row is to those of the visits."""
    found: dict[str, str] = {}
    for place in places:
        theirs, ours = (seen.of(place)[:1] for seen in (sheet, visits))
        if (place,) == _NAME and not theirs:
            theirs = [one for part in _PART for one in sheet.of(part)[:1]]
        if not (theirs and ours):
            return {}
        found |= {one.name: ours[0].name for one in theirs}
    return found


def _cells(sheet: Seen) -> pd.DataFrame:
    return pd.DataFrame({header: column.cells for header, column in sheet.columns.items()})


def _keys(sheet: Seen, visits: Seen, columns: dict[str, str]) -> tuple[pd.Series[Any], ...]:
    same = {name: name for name in columns.values()}
    theirs, ours = (known_by(_cells(seen), own) for seen, own in ((sheet, columns), (visits, same)))
    return theirs.dropna(), ours.dropna()


def _is_sure(sheet: Seen, visits: Seen, columns: dict[str, str], places: tuple[str, ...]) -> bool:
    """Whether each row of the visits finds one row of a sheet, of one person, and several do."""
    theirs, ours = _keys(sheet, visits, columns)
    found = ours.isin(theirs).all() or (places == _WHO[0] and theirs.isin(ours).all())
    if not (theirs.is_unique and len(ours) and len(theirs) > 1 and found):
        return False
    said = [said_of(known, _cells(seen).loc[known.index], _telling(seen))
            for known, seen in ((ours, visits), (theirs, sheet))]  # fmt: skip
    return places == _WHO[0] or not n_of_several(*said, numbered=places in _NUMBERS)


def _telling(sheet: Seen) -> dict[str, list[str]]:
    """Return the columns that tell people apart; a number that each row has another of is none."""
    kinds = {kind: [one.name for one in sheet.of(f"identifiers.{kind}")
                    if kind != "record" or len(one.counts) < one.n]
             for kind in ("birth_date", "record", "phone", "email")}  # fmt: skip
    return {"name": sheet.names, **kinds}


def _share(sheet: Seen, visits: Seen, columns: dict[str, str]) -> float:
    theirs, ours = _keys(sheet, visits, columns)
    return float(theirs.isin(ours).mean()) if len(theirs) else 0.0
