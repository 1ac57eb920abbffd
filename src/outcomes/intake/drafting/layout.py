"""How the rows of an export stand in its file, and the entries of ``[file]`` that this needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.intake import readers
from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import Content
from outcomes.intake.drafting.evidence import YEARLESS, Column, is_date, status_of, worded
from outcomes.intake.drafting.facts import names_condition
from outcomes.intake.drafting.headers import holds, roles_of, score_role, vocabulary, words_of
from outcomes.intake.drafting.seen import DATES, SHEET, STRUCK
from outcomes.intake.drafting.sheets import OF_CLIENTS, UNREAD, other_sheets
from outcomes.intake.readers import FileFormat, Rows
from outcomes.intake.readers.table import DAY, HEADINGS, headings_in
from outcomes.intake.readers.workbook import OTHERS, sheet_names
from outcomes.intake.refusals import refuse
from outcomes.privacy.names import names_somebody

HEADED, _TICKED, THERAPIST = "Client", "Condition", "Therapist"
"""Columns that names and days above rows become, and tick boxes beside each other."""
ENDS = "ends"
"""Of a file that was read: whether rows hold a first and a last visit."""
TREATS = "columns.sessions.therapist_id"
_NAMED = {"identifiers.name", "identifiers.first_name", "identifiers.last_name"}
_SURE = 0.9


def rows_of_export(path: str | Path, form: FileFormat | None) -> tuple[Rows, Content]:
    """Return the rows, and the entries of ``[file]`` that reading them needs.

    Where no column is a name, or a day, and rows of a name or day alone stand above others, these
    become a column.
    """
    own = form or FileFormat()
    rows, file = _read_as(path, own)
    if not own.split and (joined := _visits_in_cells(rows)):
        rows, file = readers.apart(rows, joined, readers.name_of(path)), {**file, "split": joined}
    if not own.dated and (dated := _dates_in_parts(rows)):
        rows, file = readers.with_dates(rows, dated), {**file, "dated": dated}
        parts = {h for own in dated.values() for h in own} - {SHEET}
        rows = replace(rows, cells=rows.cells.drop(columns=[*parts]))
    items = {} if own.totals else _questionnaires(rows)
    if items:
        scored = rows.cells.drop(columns=[header for own in items.values() for header in own])
        stated = {role.place.split(".")[1] for h in map(str, scored) for role in score_role(h)
                  if Column(h, scored[h]).share(evidence.score)}  # fmt: skip
        few = {name: one.n_items_minimum or one.n_items or 1 for name, one in registry().items()}
        totals = {name: own for name, own in items.items()
                  if name not in stated and len(own) >= few[name]}  # fmt: skip
        file |= {"totals": totals} if totals else {}
        rows = replace(rows, cells=readers.with_totals(rows, totals).cells[[*scored, *totals]])
    ticks = _tick_boxes(rows) if not own.ticked else []
    if ticks:
        rows = readers.with_ticked(rows, {_TICKED: ticks})
        file |= {"ticked": {_TICKED: ticks}}
    if not own.beside and (beside := _visits_beside(rows)):
        ends = any(re.search(readers.LAST, h, re.IGNORECASE) for h in map(str, rows.cells))
        return readers.visit_by_visit(rows, beside), {**file, "beside": beside, ENDS: ends}
    places = {role.place for header in map(str, rows.cells) for role in roles_of(header)[:1]}
    made: dict[str, tuple[Callable[[str], Any], set[str]]] = {
        readers.DAY_COLUMN: (is_date, {*DATES}), HEADED: (names_somebody, _NAMED),
        THERAPIST: (names_somebody, {TREATS}),
    }  # fmt: skip
    for head, (looks, said) in made.items():
        if own.headings or said & places:
            continue
        under, file_under = _read_as(path, msgspec.structs.replace(own, headings=head))
        if head in under.cells and not _stated(rows.cells, head):
            heads = under.cells[head].dropna().unique()
            several = under.skipped.get(HEADINGS, 0) > 1 or len(heads) > 1
            if several and sum(map(looks, heads)) > 0.7 * len(heads):
                return under, {**file_under, "headings": head}
    return rows, file


def _visits_in_cells(rows: Rows) -> list[str]:
    """Return the columns whose cells hold what several visits have; the first holds their days.

    None where a score is there once for several days: nobody knows of which.
    """
    columns = [Column(str(h), own) for h, own in rows.cells.items()]
    held = {column.name: [*map(readers.parts_of, column.counts)] for column in columns}
    _refuse_scored_days(column for column in columns if any(
        sum(map(_is_scored_day, parts)) > 1 for parts in held[column.name]))  # fmt: skip
    days = [h for h, own in held.items() if any(len(parts) > 1 for parts in own)
            and all(is_date(part) for parts in own for part in parts)]  # fmt: skip
    if not days:
        return []
    n = rows.cells.map(lambda cell: len(readers.parts_of(cell)))
    told = [h for h, own in held.items() if h not in days and n[h].eq(n[days[0]]).all() and all(
        re.search(r"\d", part) or status_of(part) for parts in own for part in parts)]  # fmt: skip
    alone = [h for h in held if h not in (*days, *told) and _is_of_a_visit(h)]
    return [] if alone else [*days, *told]  # a name or a condition may have a comma


def _is_of_a_visit(header: str) -> bool:
    """Whether a column is of one visit by its header: one number of it is not of all visits."""
    places = [role.place for role in (*roles_of(header)[:1], *score_role(header)[:1])]
    return any(place.startswith(("scores.", "columns.pressure")) for place in places)


def _dates_in_parts(rows: Rows) -> dict[str, list[str]]:
    """Return a new column of dates to the columns of its year, month and day."""
    parts, found = vocabulary()["parts_of_date"], dict[str, dict[str, str]]()
    for header in map(str, rows.cells):
        words = words_of(header)
        for part in [part for part, own in parts.items() if not {*own}.isdisjoint(words)]:
            stem = " ".join(word for word in words if word not in parts[part])
            found.setdefault(f"{stem} date".strip().capitalize(), {})[part] = header
    whole = {name: [own[part] for part in parts] for name, own in found.items()
             if len(own) == len(parts) and name not in rows.cells}  # fmt: skip
    days = [h for h in map(str, rows.cells) if SHEET in rows.cells and _is_of_a_month(rows, h)]
    if len(days) == 1 and not whole and all(map(_is_month, rows.cells[SHEET].unique())):
        return {f"{days[0]} of {SHEET}": [SHEET, days[0]]}
    looks = (r"(?:19|20)\d\d", r"\d{1,2}|[^\W\d]{3,}\.?", r"\d{1,2}")
    columns = [Column(str(h), own) for h, own in rows.cells.items()]
    yearless = [c.name for c in columns if c.share(partial(worded, ways=YEARLESS)) > _SURE]
    years = [c.name for c in columns if c.share(partial(re.fullmatch, r"20\d\d")) == 1 and (
        c.name == SHEET or {*words_of(c.name)} <= {*parts["year"], "visit", "of"})]  # fmt: skip
    if len(yearless) == len(years) == 1 and not whole:
        return {f"{yearless[0]} of {years[0]}": [*years, *yearless]}
    return {name: own for name, own in whole.items() if all(
        Column(h, rows.cells[h]).share(partial(re.fullmatch, look)) > _SURE
        for h, look in zip(own, looks, strict=True))}  # fmt: skip


def _is_of_a_month(rows: Rows, header: str) -> bool:
    """Whether a column is of dates by its header, and holds days of the month alone."""
    own, days = Column(header, rows.cells[header]), {*vocabulary()["parts_of_date"]["day"]}
    named = any(role.place in DATES for role in roles_of(header)) or days & {*words_of(header)}
    return bool(named) and own.share(partial(re.fullmatch, r"0?[1-9]|[12]\d|3[01]")) > _SURE


def _is_month(sheet: str) -> bool:
    return is_date(f"1 {sheet}") or is_date(f"{sheet}-01")


def _questionnaires(rows: Rows) -> dict[str, list[str]]:
    """Return the columns of items by instrument, in published order; half of them at least.

    They are known by the instrument's name with a number, or by what the items are about.
    """
    found: dict[str, list[str]] = {}
    headers = [*map(str, rows.cells)]
    words = {header: words_of(header) for header in headers}
    places = {header: [role.place for role in score_role(header)] for header in headers}
    for name, one in registry().items():
        titles = [*map(words_of, vocabulary()["items"].get(name, ()))]
        likely: dict[int, list[int]] = {}
        for place, header in enumerate(headers if one.scoring and one.n_items else ()):
            called = any(place.startswith(f"scores.{name}.") for place in places[header])
            numbers = re.findall(r"\d+", header.casefold().replace(name, "")) if called else []
            titled = (i for i, own in enumerate(titles, start=1) if holds(words[header], own))
            at = [*map(int, numbers)] or [*titled]
            if len(at) != 1:
                continue
            cells = Column(header, rows.cells[header]).counts
            if all(_is_item(*one.item_range, cell) for cell in cells):
                likely.setdefault(at[0], []).append(place)
        alone = [places[0] - i for i, places in likely.items() if len(places) == 1] or [0]
        own = {i: headers[min(places, key=lambda at: abs(at - i - median(alone)))]
               for i, places in likely.items()}  # fmt: skip
        if len(own) > 1 and 2 * len(own) > (one.n_items or 0) >= max(own):
            found[name] = [own[i] for i in sorted(own)]
    return found


def _is_item(low: float, high: float, cell: str) -> bool:
    value = evidence.number(cell)
    return value is not None and low <= value <= high and value % 1 == 0


def _tick_boxes(rows: Rows) -> list[str]:
    """Return the columns of tick boxes that name conditions; none where a column says them."""
    roles = {header: roles_of(header)[:1] for header in map(str, rows.cells)}
    if any(role.place == "columns.condition" for own in roles.values() for role in own):
        return []
    boxes = [Column(h, rows.cells[h]) for h, own in roles.items() if not own]
    ticks = [c.name for c in boxes if c.n and all(
        evidence.flag_of(cell) is not None and not is_date(cell) for cell in c.counts)]  # fmt: skip
    named = [i for i, header in enumerate(ticks) if names_condition(header)]
    return ticks[named[0] : named[-1] + 1] if len(named) > 1 else []


def _stated(cells: pd.DataFrame, head: str) -> bool:
    """Whether a column of that name is there, with more than names in rows of their own."""
    return head in cells and bool((cells[head].notna() & headings_in(cells).isna()).any())


def _visits_beside(rows: Rows) -> list[str]:
    """Return the patterns of columns that stand there once for each of several visits."""
    heads = [*map(str, rows.cells)]
    days: dict[str, list[str]] = {}
    for header in heads:
        own = Column(header, rows.cells[header])
        if (day := DAY.search(header)) and own.share(evidence.score) > 0.5:
            days.setdefault(header.replace(day[0], "#"), []).append(header)
    if sum(re.fullmatch(r"\d{1,2}[/.-]\d{1,2}", header) is not None for header in heads) > 1:
        refuse("days_without_year_at_heads")
    if any(len(headers) > 1 for headers in days.values()):
        return [*days]
    bare = {h: re.sub(r"\(.*?\)", lambda m: " " * len(m[0]), h) for h in map(str, rows.cells)}
    numbers = re.compile(readers.NUMBER, re.IGNORECASE)
    headers = [(h, list(numbers.finditer(text))) for h, text in bare.items()]
    stems: dict[str, dict[str, str]] = {}
    for header, (which,) in ((h, found) for h, found in headers if len(found) == 1):
        stem = f"{header[: which.start()]}#{header[which.end() :]}"
        stems.setdefault(stem, {})[str(readers.nth(which[0]))] = header
    several = {stem: own for stem, own in stems.items() if len(own) > 1}
    places = {stem: roles_of(readers.without_number(stem))[:1] for stem in several}
    first = {stem: Column(stem, rows.cells[next(iter(own.values()))])
             for stem, own in several.items()}  # fmt: skip
    _refuse_scored_days(first.values())
    dated = [set(own) for stem, own in several.items()  # by its name, or nothing but a date
             if all(role.place in DATES for role in places[stem])
             and first[stem].share(is_date) > 0.5]  # fmt: skip
    if not dated:
        return []
    return [stem for stem, own in several.items() if 2 * len(dated[0] & set(own)) > len(dated[0])
            and not any(role.place.startswith("identifiers.") and role.place != "identifiers.time"
                        for role in places[stem])]  # fmt: skip


def _refuse_scored_days(columns: Iterable[Column]) -> None:
    for column in columns:
        if column.share(lambda cell: any(
                map(_is_scored_day, (cell, *readers.parts_of(cell))))) > 0.5:  # fmt: skip
            refuse("scored_day", column.name)


def _is_scored_day(cell: str) -> bool:
    return not is_date(cell) and is_date(re.sub(r"\W+\d{1,2}\)?$|\s*[(:=].*\d.*$", "", cell))


def _read_as(path: str | Path, own: FileFormat) -> tuple[Rows, Content]:
    """Return the rows, of a workbook with all sheets and with what is struck through."""
    if readers.is_database(path) or Path(path).suffix.casefold() not in readers.WORKBOOKS:
        return readers.read_source(path, own), {}
    several = len(sheet_names(Path(path), hidden=False)) > 1 and not own.sheets
    file: Content = {"struck_out": STRUCK}
    file |= {"sheets": ["*"], "sheet_name": SHEET} if several else {}
    rows = readers.read_source(path, msgspec.structs.replace(own, **file))
    if several and rows.skipped.get(OTHERS) and not (own.looked_up or own.below):
        file |= other_sheets(Path(path), msgspec.structs.replace(own, struck_out=STRUCK))
        said = {name: entry for name, entry in file.items() if name not in (UNREAD, OF_CLIENTS)}
        rows = readers.read_source(path, msgspec.structs.replace(own, **said))
        others = [f"{h} (2)" if f"{h} (2)" in rows.cells else h for h in file.pop(OF_CLIENTS, [])]
        rows = replace(rows, cells=rows.cells.drop(columns=others))
    if not rows.cells[STRUCK].eq("yes").any():
        del file["struck_out"]
        rows = replace(rows, cells=rows.cells.drop(columns=STRUCK))
    return rows, file
