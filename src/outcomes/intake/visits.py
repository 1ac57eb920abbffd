"""Which rows of an export are visits, and what became of each: nothing counts that did not happen.

Steps from rows to rows, before anybody is looked for in them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import AT_VISIT, RECEIVED, TIMINGS, received
from outcomes.intake.column_map import IMPORTED, SERVICE, ColumnMap
from outcomes.intake.dates import day_number, read_ends, read_times, says_utc
from outcomes.intake.map_sections import LEFT_OUT, STATUS_WORDS, VISIT
from outcomes.intake.rows import TypedRows
from outcomes.intake.tables import with_stated_days
from outcomes.intake.toml_records import folded
from outcomes.intake.typed_cells import NO_RULE, clean, in_range, moments_of, targets_of, typed_rows
from outcomes.rules.care import NOT_RECEIVED, given_unreceived

STAYED, UNREAD = ("cancelled", "no_show"), "unread"
_A_DAY = 24 * 60
NOT_SAID = "The export does not say which visits took place: all of them count as received."


def visit_rows(text: pd.DataFrame, mapped: ColumnMap, today: datetime.date) -> TypedRows:
    """Return the rows of an export that count, cleaned and typed; each is a visit or none."""
    rows = TypedRows(text, pd.DataFrame(index=text.index), targets_of(mapped))
    rows = typed_rows(without_left_out(rows, mapped), mapped, export=True)
    rows = with_stated_days(in_range(with_minutes(with_time(rows, mapped), mapped), mapped))
    rows = without_zeros(with_status(rows, mapped))
    return without_unknown(without_future(rows, mapped, today), mapped)


def without_left_out(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Leave out the rows that the map leaves out, and empty ones; each entry is counted."""
    rows = rows.without(rows.text.isna().all(axis=1), "empty rows")
    for entry in mapped.leave_out:
        if not entry.future:
            fits = fitting(rows.text[entry.column], entry.fits)
            rows = _without_visits(rows, fits, entry.name, entry.column)
    if SERVICE in mapped.columns:
        column = mapped.columns[SERVICE]
        words, _ = clean(rows.text[column], column, SERVICE, mapped)
        rows = _without_visits(rows, words.eq(LEFT_OUT), "a service that is no visit", SERVICE)
    return rows


def without_zeros(rows: TypedRows) -> TypedRows:
    """Empty the scores of visits that were not received where all are 0, as forms fill them in."""
    names = [name for name in rows.cells if str(name).rpartition(".")[2] in AT_VISIT]
    scores = rows.cells[names]
    zeros = scores.notna().any(axis=1) & (scores.isna() | scores.eq(0)).all(axis=1)
    zeros &= rows.cells["sessions.status"].isin(STAYED)
    what = "scores of 0 of a visit that was not received, taken as none"
    rows = rows.did(what, rows.names.get("sessions.status", ""), zeros.sum())
    return rows.having(**{str(name): scores[name].mask(zeros) for name in names})


def _without_visits(rows: TypedRows, mask: pd.Series[Any], why: str, name: str) -> TypedRows:
    """Leave out rows that are no visit; that scores go with them is found."""
    scores = (*TIMINGS, "score")
    columns = {column for target, column in rows.names.items()
               if target.rpartition(".")[2] in scores and column in rows.text}  # fmt: skip
    scored = rows.text[sorted(columns)].apply(lambda cells: fitting(cells, _is_short_number))
    rows = rows.found("R71", name, mask & scored.any(axis=1), "a score")
    return rows.without(mask, why, rows.names.get(name, name))


def _is_short_number(cell: object) -> bool:
    """Whether a cell is a number with few words beside it, and no note that has numbers in it."""
    return isinstance(cell, str) and re.fullmatch(r"(?=.*\d).{1,12}", cell.strip()) is not None


def fitting(cells: pd.Series[Any], fits: Callable[[object], bool]) -> pd.Series[Any]:
    """Return which cells a test of the map is for, shape (rows,); each different cell once."""
    known = {cell: fits(cell) for cell in cells.dropna().unique()}
    return cells.map(known).where(cells.notna(), fits(None)).astype(bool)


def with_time(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Give each row what orders it within a day: its time, as a column or the date's own."""
    cells = rows.cells
    minute = cells.get("minute", pd.Series(np.nan, index=cells.index))
    for column in mapped.identifiers.get("time", ())[:1]:
        clock = moments_of(rows.text[column], column, mapped).minutes
        headers = f"{mapped.columns.get(IMPORTED, '')} {column}"
        world = says_utc(headers, rows.text[column])  # the date took it along
        minute = minute.fillna(clock) if world else clock.fillna(minute)
        if "date" in cells and (late := minute.ge(_A_DAY)).any():  # 24:00 is of the next day
            rows, minute = rows.having(date=cells["date"] + late), minute % _A_DAY
    rows = rows.having(minute=minute) if minute.notna().any() else rows
    return rows.having(order=minute.fillna(0.0))


def without_undated(rows: TypedRows) -> TypedRows:
    """Leave out rows of which nothing says when they were."""
    cells = rows.cells
    times = [name for name in ("date", "day", "assessments.session", "sessions.session")
             if name in cells]  # fmt: skip
    dated = cells[times[:2] if cells[times[:2]].notna().any(axis=None) else times]
    return rows.without(dated.isna().all(axis=1), "no date that can be read")


def with_minutes(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Give each row its minutes from start to end, where the map names these columns."""
    if not mapped.minutes.start:
        return rows
    column, first = mapped.minutes.end, mapped.minutes.start
    within = column == first  # both in one cell
    ends, starts = read_ends(rows.text[column]) if within else rows.text[column], rows.text[first]
    ended, begun = moments_of(ends, column, mapped), moments_of(starts, first, mapped)
    end, start = (at.minutes + _A_DAY * at.days for at in (ended, begun))
    between = (ended.instants - begun.instants).fillna(end - start)  # clocks may be put on between
    between = between.fillna(read_times(ends) - read_times(starts))
    twelve = (begun.minutes < 13 * 60) & (between + _A_DAY / 2 > 0)  # 12:30 to 1:30, no a.m.
    between += (_A_DAY / (1 + twelve)) * ((between < 0) & (between > -_A_DAY))  # past midnight
    between = between % (_A_DAY / 2) if within else between  # 1:00 to 2:00 PM
    stated = rows.cells.get("sessions.minutes", pd.Series(np.nan, index=rows.text.index))
    odd = rows.text[column].notna() & (between.isna() | (between >= _A_DAY))
    rows = rows.found("R02", column, odd, "no time after the start")
    return rows.having(**{"sessions.minutes": stated.fillna(between.mask(odd))})


def with_status(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Say of each row whether it is a visit (``visit``) and what became of it (``status``).

    The rules of ``[[status]]`` come first, in their order, then the column of the status with its
    words. A row whose status nothing reads is left out with an error, and so is a visit without
    one, unless the map says what that means. Where nothing but the map's word for the rest says
    that a visit took place, its service must be one that the map knows.
    """
    cells, study = rows.cells, mapped.study
    index = rows.text.index
    words = cells.get("sessions.status", pd.Series(None, index=index, dtype=object))
    stated = bool(mapped.status) or "sessions.status" in cells
    if study.rows == "scores":
        return rows.having(**{"sessions.status": None, "visit": False, "status_word": None})
    rows, read = _signs(rows, _by_words(words, mapped), mapped)
    said = read.notna()
    otherwise = next((entry.otherwise for entry in mapped.status if entry.otherwise), None)
    read = read.where(said, otherwise)
    facts, scored = states_visit(rows), _scored(rows)
    pressed = cells.get("sessions.pressure", pd.Series(None, index=index, dtype=object))
    held = given_unreceived(read.where(read.isin(STAYED)), pressed, scored)
    held &= ~index.isin(rows.wrong)
    rows = rows.found(NOT_RECEIVED, "sessions.status", held, "one that was not received")
    visit = read.notna() | words.notna() | facts | (scored & (not stated))
    if not stated:
        visit |= not _says_anything(rows)
        if study.no_status and not mapped.wide and "date" in cells:
            visit |= cells["date"].notna()  # it took place, whatever else was written down
        read = read.mask(visit, study.no_status or None)
        got = "no column that tells them"
        rows = rows.found("R45", "status", visit & (not study.no_status), got)
    if study.empty_status:
        silent = words.isna() & read.isna()
        dated = cells["date"].notna() if IMPORTED in cells else scored
        counts = visit | ((scored | dated) & (study.empty_status != LEFT_OUT))
        read = read.mask(silent & counts, study.empty_status)
        visit |= counts & read.notna()
    forms = of_forms(rows, mapped)
    read, words, visit = read.mask(forms, None), words.mask(forms, None), visit & ~forms
    service = cells.get(SERVICE, pd.Series(None, index=index, dtype=object))
    new = visit & ~said & service.notna() & service.ne(VISIT)
    rows = rows.found("R58", SERVICE, new, NO_RULE)
    rows = rows.having(**{"sessions.status": read, "visit": visit, "status_word": words})
    return rows.without(new, "a service that the map does not know")


def of_forms(rows: TypedRows, mapped: ColumnMap) -> pd.Series[Any]:
    """Return which rows are of a sheet of scores that is read below the visits."""
    sheets = rows.text.get(mapped.file.sheet_name, pd.Series(None, index=rows.text.index))
    return sheets.isin([*mapped.file.below])


def _signs(
    rows: TypedRows, words: pd.Series[Any], mapped: ColumnMap
) -> tuple[TypedRows, pd.Series[Any]]:
    """Return the status that the rules say, then the words; columns that differ are reported."""
    by_column: dict[str, pd.Series[Any]] = {}
    read, unread = words, pd.Series(False, index=words.index)
    for entry in reversed(mapped.status):
        if entry.column:
            fits = fitting(rows.text[entry.column], entry.fits)
            own = by_column.get(entry.column, pd.Series(None, index=words.index, dtype=object))
            by_column[entry.column] = own.mask(fits, entry.becomes)
            read = read.mask(fits, entry.becomes)
    for entry in mapped.status:
        if entry.known:
            known = {"", *map(folded, (*entry.known, *mapped.file.empty))}
            new = ~rows.text[entry.column].fillna("").map(folded).isin(known)
            new &= by_column[entry.column].isna()
            rows, unread = rows.found("R46", entry.column, new, NO_RULE), unread | new
    said = pd.DataFrame({**by_column, "\0": words})
    came, stayed = (said.isin(own).any(axis=1) for own in (RECEIVED, STAYED))
    which = mapped.study.sign_that_counts
    rows = rows.found("R59", next(iter(by_column), ""), came & stayed & (which == ""),
                      "signs that it took place and that it did not")  # fmt: skip
    read = words.fillna(read) if which == "status" else read
    return rows, read.mask(unread, UNREAD)


def _by_words(words: pd.Series[Any], mapped: ColumnMap) -> pd.Series[Any]:
    listed = {word: word for word in STATUS_WORDS}
    own = {str(word): str(word) for word in mapped.words.get("sessions.status", {}).values()}
    known = {**own, **listed}
    return words.map(lambda cell: known.get(cell.casefold()), na_action="ignore").astype(object)


def without_unknown(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Leave out visits of which nobody knows whether they took place; each is an error."""
    status, visit, words = (rows.cells[c] for c in ("sessions.status", "visit", "status_word"))
    if not mapped.status and "sessions.status" not in rows.names and words.isna().all():
        return rows
    left_out = status.eq(LEFT_OUT)
    unread = visit & status.isna() & words.notna()
    silent = visit & status.isna() & words.isna()
    alone = ~visit & _scored(rows) & ~of_forms(rows, mapped)
    rows = rows.found("R46", "sessions.status", unread, NO_RULE)
    rows = rows.found("R47", "sessions.status", silent, "an empty one beside minutes or the like")
    rows = rows.found("R48", "sessions.status", alone, "a score of a visit beside an empty status")
    rows = _without_visits(rows, left_out, "a status that the map leaves out", "sessions.status")
    rows = rows.without(unread | status.eq(UNREAD), "a status that no rule reads")
    return rows.without(silent, "a visit without a status")


def states_visit(rows: TypedRows) -> pd.Series[Any]:
    """Return which rows state something of a visit beside its number and day, shape (rows,)."""
    facts = [name for name in rows.cells if str(name).startswith("sessions.")
             and name not in ("sessions.session", "sessions.day", "sessions.status")]  # fmt: skip
    return _stated(rows, facts)


def _scored(rows: TypedRows) -> pd.Series[Any]:
    """Return which rows hold a score that is taken at a visit, shape (rows,)."""
    cells = rows.cells
    scored = _stated(rows, [n for n in cells if str(n).rpartition(".")[2] in AT_VISIT])
    if {"assessments.score", "assessments.timing"} <= set(cells):
        at_visit = cells["assessments.timing"].isin(AT_VISIT)
        scored |= _stated(rows, ["assessments.score"]) & at_visit
    return scored


def _stated(rows: TypedRows, names: list[Any]) -> pd.Series[Any]:
    """Return which rows state one of some columns; what could not be read was stated too."""
    written = rows.text[[rows.names[name] for name in names if name in rows.names]]
    unread = written.notna().any(axis=1) & rows.text.index.isin(rows.wrong)
    return rows.cells[names].notna().any(axis=1) | unread


def _says_anything(rows: TypedRows) -> bool:
    """Whether the file has scores, goals or facts of visits, so that it need not be of visits."""
    other = [name for name in map(str, rows.cells) if "." in name
             and name.partition(".")[0] not in ("episodes", "sessions")]  # fmt: skip
    return bool(other) or bool(states_visit(rows).any())


def without_future(rows: TypedRows, mapped: ColumnMap, today: datetime.date) -> TypedRows:
    """Leave out what is still to come; a visit received or scored there is an error."""
    if "date" not in rows.cells:
        return rows
    future = rows.cells["date"] > day_number(today) + 1  # a day more: zones east of here
    expected = any(entry.future for entry in mapped.leave_out)
    took_place = _scored(rows) | _stated(rows, [n for n in rows.cells if n == "sessions.pressure"])
    if not mapped.study.no_status:  # said of each visit, and not of all for want of a column
        took_place |= rows.cells["sessions.status"].isin(RECEIVED)
    rows = rows.found("R49", "date", future & (took_place | (not expected)), "a day still to come")
    return rows.without(future, "a day that is still to come")


def without_repeats(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Leave out rows that say again what another said; report those that contradict it."""
    column = next(iter(mapped.identifiers.get("appointment", ())), "")
    if not column:
        others = [name for kind, names in mapped.identifiers.items() for name in names
                  if kind not in ("name", "birth_date")]  # fmt: skip
        others = [*rows.text] if mapped.study.one_visit else sorted(set(others))
        said = pd.concat([rows.cells, rows.text[others]], axis=1)
        same = said.duplicated()
        rows = rows.found("R55", "a row", same, "the same row again")
        return rows.without(same, "the same row again")
    numbers = rows.text[column]
    again = numbers.notna() & numbers.duplicated()
    same = pd.concat([rows.cells, numbers], axis=1).duplicated() & numbers.notna()
    rows = rows.without(same, "the same appointment again", column)
    if mapped.study.one_visit == "appointment":
        return rows
    differs = (again & ~same)[rows.cells.index]
    rows = rows.found("R23", column, differs, "something else the second time")
    return rows.without(differs, "an appointment that contradicts an earlier row", column)


def with_lone_answers(rows: TypedRows, mapped: ColumnMap, seen: pd.DataFrame) -> TypedRows:
    """Report answers to a survey of people who have no visit, where others have."""
    who, kinds = rows.cells["episodes.patient_id"], mapped.identifiers
    visited = {*who[rows.cells["visit"]], *seen.loc[seen["visit"].eq(True), "patient_id"]}
    column = next(iter([*kinds.get("name", ()), *kinds.get("email", ())]), "a row")
    lone = ~who.isin(visited) & (of_forms(rows, mapped) | (mapped.study.rows == "scores"))
    return rows.found("R73", column, lone & bool(visited), "somebody without one", listed=True)


def with_single_visits(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Make one row of the lines of one visit, as the map tells them; report lines in doubt."""
    cells, how = rows.cells, mapped.study.one_visit
    if "date" not in cells or "assessments.score" in cells or how == "line":
        return rows
    keys = cells[["episodes.episode_id", "date", "sessions.status"]]
    appointment = list(mapped.identifiers.get("appointment", ()))
    if how == "appointment" or (not how and appointment):
        keys = keys.assign(number=rows.text[appointment[0]])
    if how == "time" or (not how and "minute" in cells):
        keys = keys.assign(minute=cells["minute"])
    lines = cells["visit"] & (received(cells["sessions.status"]) | (how != ""))
    again = keys[lines].duplicated().reindex(cells.index, fill_value=False)
    if not how:
        return rows.found("R56", "date", again, "a second line that may be of the same visit")
    group = keys[lines].groupby(list(keys), dropna=False, sort=False).ngroup()
    whole = cells[lines].groupby(group).transform("first")
    if "sessions.minutes" in cells:
        minutes = cells.loc[lines, "sessions.minutes"].groupby(group)
        summed = mapped.minutes.of_lines == "sum"
        total = minutes.transform("sum", min_count=1) if summed else minutes.transform("max")
        whole["sessions.minutes"] = total
    for name in map(str, whole):
        if name.rpartition(".")[2] in AT_VISIT:
            differs = cells[name].notna() & cells[name].ne(whole[name].reindex(cells.index))
            rows = rows.found("R23", name, differs & lines, "another score on a further line")
    merged = {str(name): cells[name].where(~lines, whole[name]) for name in whole}
    return rows.having(**merged).without(again, "a further line of one visit")
