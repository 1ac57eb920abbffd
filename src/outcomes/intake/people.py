"""Whose each row of an export is: people by evidence, and their courses, under random ids."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count, takewhile
from typing import Any

import numpy as np
import pandas as pd

from outcomes.intake.column_map import ColumnMap
from outcomes.intake.dates import MIDNIGHT, day_number, iso
from outcomes.intake.doubtful_days import with_seen
from outcomes.intake.drafting.evidence import is_visit, not_done
from outcomes.intake.refusals import refuse
from outcomes.intake.rows import TypedRows
from outcomes.intake.typed_cells import days_of, moments_of
from outcomes.privacy.clients import UNREAD, Earlier, clients_of, ids_of
from outcomes.privacy.key_file import KeyFile
from outcomes.privacy.names import PLACEHOLDERS
from outcomes.privacy.patterns import plain
from outcomes.privacy.person import person_of, record_of
from outcomes.privacy.risk import age_band

_YEAR, _OLDEST, _LIKELY = 365.2425, 120, (2, 111)
_FEW, _MOST, _A_NAME = 0.7, 0.9, 2
_RETURN = 180
"""Days after which one who comes again may begin a new course."""
_TURNS, _RARE = 3, 0.25
"""Changes of therapist that make one doubt of one name, and the share of names that have any."""
_PARTS = re.compile(r"[()\[\]:;*]| [-–] ")
"""What stands between a name and what does not belong to it."""
_NTH = re.compile(r"(.+?)[-_ /.#]+(?:visit|v|no|nr)?[. ]*(\d{1,3})", re.IGNORECASE)
_TWO = r"\w (?:&|\+|and|und) \w|\w/\w"
"""Two people in one cell of a name."""


def with_clients(
    rows: TypedRows, mapped: ColumnMap, key: KeyFile, today: datetime.date,
    before: Iterable[Earlier] = (), told: Callable[[float], object] = str,
) -> TypedRows:  # fmt: skip
    """Return the rows whose person is known, with ``episodes.patient_id`` and the birth's day.

    Raises
    ------
    UsageError
        When the map names no column that tells people apart.
    """
    kinds = mapped.identifiers
    names = kinds.get("name", ())
    record = mapped.columns.get("episodes.patient_id") or next(iter(kinds.get("record", ())), "")
    contacts = [c for kind in ("phone", "email") for c in kinds.get(kind, ())]
    if not (names or record or contacts):
        refuse("no_clients")
    parts = [rows.text[column].fillna("").astype(object) for column in names]
    whole = sum((" " + part for part in parts[1:]), parts[0]) if parts else None
    named = _texts(whole, rows)
    if not record:
        nobody_else = {name for name in {*named} if name and plain(name) in PLACEHOLDERS}
        named = [None if name in nobody_else else name for name in named]
    _refuse_more_than_names(named, names[0] if names else "")
    rows, births, born = _births(rows, mapped, today)
    rows, records = _records(rows, record, named)
    if not any(born) and not contacts:
        _refuse_numbers_of_visits(named if names else records, (*names, record)[0])
        _refuse_numbers_of_clinics(rows, records if not names else [], record)
    days = rows.cells.get("date", pd.Series(np.nan, index=rows.text.index))
    clients = clients_of(named, born, records, [_texts(rows.text[c], rows) for c in contacts],
                         days.tolist())  # fmt: skip
    column = next(filter(None, (*names, record, *contacts)))
    earlier, before = key.patients, tuple(before)
    own, clients = ids_of(clients, key, before, told)
    ids = np.array([*own, None], dtype=object)
    known = np.array(clients.of_row) >= 0
    two = rows.text[column].str.contains(_TWO, case=False, na=False, regex=True)
    nobody = pd.Series(~known, index=rows.text.index) | two
    doubt = pd.Series(np.isin(np.arange(len(known)), clients.doubtful), index=rows.text.index)
    new = pd.Series([who >= 0 and own[who] not in earlier for who in clients.of_row],
                    index=rows.text.index)  # fmt: skip
    unlisted = earlier - {patient for *_, patient in before}
    got = "none or a part of these in who.csv, so that a corrected spelling is a second client"
    rows = rows.found("R67", column, new & bool(unlisted), got, listed=True)
    rows = rows.found("R20", column, nobody, "none, two, or a name that several have")
    doubt |= _in_turn(rows, clients.of_row) & (not (any(born) or any(records) or contacts))
    doubt &= ~two
    got = "signs that speak for one person and for two"
    rows = rows.found("R24", column, doubt, got, listed=True)
    for why, n in clients.joined.items():
        rows = rows.did(f"joined as one client: {why}", column, n if why else 0)
    rows = rows.having(**{"episodes.patient_id": ids[list(clients.of_row)], "birth": births})
    return rows.without(nobody, "no client")


def _in_turn(rows: TypedRows, whose: Sequence[int]) -> pd.Series[Any]:
    """Return the rows of names that two therapists see in turn, where each other name has one."""
    staff = rows.cells.get("sessions.therapist_id", pd.Series(None, index=rows.text.index))
    own = pd.DataFrame({"who": whose, "staff": staff, "day": rows.cells.get("date", 0.0)})
    own = own[own["who"] >= 0].dropna().sort_values(["who", "day"], kind="stable")
    turns = (own["staff"].ne(own["staff"].shift()) & own["who"].eq(own["who"].shift())).groupby(
        own["who"]).sum()  # fmt: skip
    odd = turns[turns >= _TURNS].index
    rare = len(odd) > 0 and (turns > 0).mean() <= _RARE
    return pd.Series(whose, index=rows.text.index).isin(odd) & rare


def _refuse_more_than_names(named: Iterable[str | None], column: str) -> None:
    """Refuse names with a status or a service beside them, which would be of further people."""
    parts = [(name, *_PARTS.split(name)) for name in named
             if name and len(plain(name).split()) > _A_NAME]  # fmt: skip
    served = pd.DataFrame([(head, rest) for _, head, *rest in parts if any(map(is_visit, rest))])
    several = not served.empty and served.astype(str).groupby(0)[1].nunique().max() > 1
    n = sum(any(map(not_done, own)) for own in parts)
    if n or several:
        what = "a status" if n else "a service"
        refuse("more_than_names", column, what=what, n=n or len(served))


def _refuse_numbers_of_visits(whose: list[str | None], column: str) -> None:
    """Refuse codes of which each row has another, numbered within a name: Lee-1, Lee-2, Ng-1."""
    codes = [code for code in whose if code]
    parts = [part for code in codes if (part := _NTH.fullmatch(code))]
    numbers: dict[str, list[int]] = {}
    for part in parts:
        numbers.setdefault(part[1], []).append(int(part[2]))
    in_turn = [sorted(own) == [*range(1, len(own) + 1)] for own in numbers.values()]
    several = sum(len(own) > 1 for own in numbers.values())
    if len({*codes}) == len(codes) == len(parts) and several > 1 and all(in_turn):
        refuse("numbers_of_visits", column)


def _refuse_numbers_of_clinics(rows: TypedRows, numbers: list[str | None], column: str) -> None:
    """Refuse numbers most of which stand in several clinics, where nothing else tells people."""
    own = [str(name) for name in rows.cells] if numbers else []
    for name in (name for name in own if name.endswith(".clinic_id")):
        clinics = rows.cells[name].groupby(np.array(numbers, dtype=object)).nunique()
        n = int((clinics > 1).sum())
        if n > 1 and 2 * n > len(clinics):
            clinic = rows.names.get(name, name)
            refuse("numbers_of_clinics", column, n=n, of=len(clinics), number=column, clinic=clinic)


def _texts(cells: pd.Series[Any] | None, rows: TypedRows) -> list[str | None]:
    found = [None] * len(rows.text) if cells is None else cells.tolist()
    return [cell.strip() if isinstance(cell, str) and cell.strip() else None for cell in found]


def _births(
    rows: TypedRows, mapped: ColumnMap, today: datetime.date
) -> tuple[TypedRows, pd.Series[Any], list[str | None]]:
    """Return the days of birth, and how they tell people apart: a date, else what is written."""
    column = next(iter(mapped.identifiers.get("birth_date", ())), "")
    if not column:
        return rows, pd.Series(np.nan, index=rows.text.index), [None] * len(rows.text)
    text = rows.text[column]
    dates = moments_of(text.str.replace(MIDNIGHT, "", regex=True), column, mapped)
    rows, sure = days_of(rows, dates, column, mapped)
    rows = rows.found("R50", column, dates.unread, "another way of writing")
    days, n_earlier = _not_after(sure, text, rows, today)
    rows = rows.did("birth year of two digits, taken as a century earlier", column, n_earlier)
    visits = rows.cells.get("date", pd.Series(day_number(today), index=days.index))
    age = (visits.fillna(day_number(today)) - days) / _YEAR
    rows = rows.found("R51", column, (age < 0) | (age > _OLDEST), "another age at the visit")
    told = [(other and UNREAD + other) if pd.isna(day) else iso(day)
            for day, other in zip(days, _texts(text, rows), strict=True)]  # fmt: skip
    return rows, days.mask((age < 0) | (age > _OLDEST)), told


def _not_after(
    days: pd.Series[Any], text: pd.Series[Any], rows: TypedRows, today: datetime.date
) -> tuple[pd.Series[Any], int]:
    """Take a birth after the visit, its year written with two digits, as a century earlier."""
    latest = rows.cells.get("date", pd.Series(day_number(today), index=days.index))
    two_digits = ~text.astype("str").str.contains(r"\d{4}")
    late = (days > latest.fillna(day_number(today))) & two_digits
    earlier = pd.to_datetime(days.where(late), unit="D") - pd.DateOffset(years=100)
    in_days = (earlier - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return days.mask(late, in_days).astype("float64"), int(late.sum())


def _records(
    rows: TypedRows, column: str, names: list[str | None]
) -> tuple[TypedRows, list[str | None]]:
    """Return the record numbers; none where they number the rows and not the people."""
    records = _texts(rows.text[column] if column else None, rows)
    stated = [record for record in records if record]
    n_people = len({plain(name) for name in {*names} if name})
    numbers_rows = len(set(stated)) > _MOST * len(stated) and n_people < _FEW * len(set(stated))
    if not n_people and stated:  # nothing else tells whether 012 and 12 are one
        written = pd.Series(records, rows.text.index).map(plain, na_action="ignore")
        same = written.groupby(pd.Series(records, rows.text.index).map(
            lambda cell: record_of(cell).replace(" ", ""), na_action="ignore"))  # fmt: skip
        got = "a record number written in two ways"
        rows = rows.found("R24", column, same.transform("nunique") > 1, got, listed=True)
    if not (stated and n_people and numbers_rows):
        return rows, records
    got = "another number on each row"
    rows = rows.found("R52", column, pd.Series(True, index=rows.text.index), got)
    return rows, [None] * len(records)


def with_random_ids(rows: TypedRows, key: KeyFile) -> TypedRows:
    """Return the rows with random ids for therapists and clinics."""
    for name in map(str, rows.cells.columns):
        kind = next((k for k in ("therapist", "clinic") if name.endswith(f".{k}_id")), "")
        if kind:
            words = rows.cells[name].dropna().unique()  # Lee, Ann is Ann Lee
            known = {word: key.id_of(kind, plain(str(word)), person_of(str(word), "", "", ()).name)
                     for word in words}  # fmt: skip
            rows = rows.having(**{name: rows.cells[name].map(known).astype(object)})
    return rows


def with_courses(rows: TypedRows, mapped: ColumnMap, key: KeyFile, seen: pd.DataFrame) -> TypedRows:
    """Return the rows with ``episodes.episode_id``: one for each client and condition.

    Parameters
    ----------
    rows : TypedRows
        With ``episodes.patient_id``.
    mapped : ColumnMap
        The map; ``new_course_after_days`` lets a course end at a gap.
    key : KeyFile
        Gives the ids and remembers new ones.
    seen : DataFrame
        What the study holds already: ``episode_id``, ``patient_id``, ``condition``, ``date``. Rows
        near one of its courses are of that course.

    Notes
    -----
    A row without a condition is of the only course of its client. A client with one condition
    keeps his or her course whichever export names it.
    """
    cells = rows.cells
    patients = cells["episodes.patient_id"].astype(str)
    if "assessments.episode_id" in cells:
        course = patients + "|" + cells["assessments.episode_id"].astype(str)
        loose = pd.Series(True, index=cells.index)
    else:
        rows, course, loose = _by_condition(rows, mapped, seen)
    cells = rows.cells
    dates = cells.get("date", pd.Series(np.nan, index=cells.index))
    gap = mapped.study.new_course_after_days
    ids, n_begun = _course_ids(course, loose, dates, gap, key, seen)
    rows = rows.having(**{"episodes.episode_id": ids})
    return rows.did(f"new course after more than {gap} days", mapped.columns.get("date", ""),
                    n_begun)  # fmt: skip


def _by_condition(
    rows: TypedRows, mapped: ColumnMap, seen: pd.DataFrame
) -> tuple[TypedRows, pd.Series[Any], pd.Series[Any]]:
    """Return client and condition of each row, and whether the client has one condition only."""
    cells = rows.cells
    patients = cells["episodes.patient_id"].astype(str)
    own = cells.get("episodes.condition", pd.Series(None, index=cells.index, dtype=object))
    if mapped.study.rows == "scores":  # surveys find their visits, whatever condition they name
        own = pd.Series(None, index=cells.index, dtype=object)
    here = pd.DataFrame({"patient": patients, "condition": own})
    before = seen[["patient_id", "condition"]].set_axis(["patient", "condition"], axis=1)
    stated = pd.concat([here, before]).dropna().drop_duplicates()
    n_stated = patients.map(stated.groupby("patient").size()).fillna(0)
    only = patients.map(stated.drop_duplicates("patient").set_index("patient")["condition"])
    condition = own.where(own.notna() | (n_stated != 1), only)
    lost = condition.isna() & (n_stated > 1) & (mapped.study.rows != "scores")
    rows = rows.found("R53", "episodes.condition", lost, "none, of a client with several")
    rows = rows.without(lost, "no condition, of a client with several courses")
    if "episodes.condition" in rows.cells and mapped.study.rows != "scores":
        rows = rows.having(**{"episodes.condition": condition})
    kept = rows.cells.index
    return rows, (patients + "|" + condition.fillna(""))[kept], (n_stated <= 1)[kept]


def _course_ids(
    course: pd.Series[Any], loose: pd.Series[Any], dates: pd.Series[Any], gap: int, key: KeyFile,
    seen: pd.DataFrame,
) -> tuple[pd.Series[Any], int]:  # fmt: skip
    """Return the id of each row's course, and how many courses began after a gap."""
    single = {str(name): name.partition("|")[0] + "|" for name in course[loose].unique()}
    known = {one: _numbered(key, one, single.get(one)) for one in course.unique()}
    stated = seen.dropna(subset=["condition"]).drop_duplicates(["patient_id", "condition"])
    for patient, condition, one in stated[["patient_id", "condition", "episode_id"]].to_numpy():
        name = f"{patient}|{condition}"
        if known.get(name) == []:  # stored under its patient alone, when that was the only one
            key.bind("episode", one, name)
            known[name] = [one]
    of_id = {one: name for name, ids in known.items() for one in ids}
    old = seen.assign(course=seen["episode_id"].map(of_id), row=-1).dropna(subset=["course"])
    new = pd.DataFrame({"course": course, "date": dates, "episode_id": None,
                        "row": range(len(course))})  # fmt: skip
    columns = ["course", "date", "episode_id", "row"]
    rows = pd.concat([old[columns], new] if len(old) else [new], ignore_index=True)
    rows = rows.sort_values(["course", "date"], kind="stable")
    begins = rows.groupby("course")["date"].diff() > (gap or np.inf)
    rows["part"] = begins.groupby(rows["course"]).cumsum()
    parts = rows.groupby(["course", "part"])["episode_id"].first()
    taken = set(parts.dropna())
    of_part = zip(parts.index.get_level_values("course"), parts, strict=True)
    ids = [one if one else _next(key, name, single.get(name), taken) for name, one in of_part]
    rows = rows.join(pd.Series(ids, index=parts.index, name="id"), on=["course", "part"])
    rows = rows[rows["row"] >= 0].sort_values("row")
    n_begun = len(rows.loc[rows["part"] > 0, ["course", "part"]].drop_duplicates())
    return rows["id"].set_axis(course.index), n_begun


def _spellings(course: str, single: str | None, number: int) -> list[str]:
    """Return how the key knows a course: by client and condition, by client alone if single."""
    names = list(dict.fromkeys([course, single or course]))
    return [f"{name}|{number + 1}" if number else name for name in names]


def _numbered(key: KeyFile, course: str, single: str | None) -> list[str]:
    """Return the ids that the key gave to a client and condition, in the order it gave them."""
    spelled = (_spellings(course, single, n) for n in count())
    known = (next(filter(None, (key.known("episode", name) for name in names)), "")
             for names in spelled)  # fmt: skip
    return [*takewhile(bool, known)]


def _next(key: KeyFile, course: str, single: str | None, taken: set[str]) -> str:
    """Return the first id of a client and condition that is not taken, and take it."""
    ids = (key.id_of("episode", *_spellings(course, single, n)) for n in count())
    found = next(one for one in ids if one not in taken)
    taken.add(found)
    return found


def with_returns(rows: TypedRows, mapped: ColumnMap, seen: pd.DataFrame) -> TypedRows:
    """Warn of who comes again long after what the study holds, and is not of a new course.

    A return within one export is asked about by its draft.
    """
    if "date" not in rows.cells or seen.empty:
        return rows
    gap, held = mapped.study.new_course_after_days, with_seen(rows, seen)
    whole = held.dropna().drop_duplicates().sort_values(["episode_id", "date"])
    last = whole.assign(date=whole.groupby("episode_id")["date"].shift())
    own = pd.MultiIndex.from_frame(held[: len(rows.cells)])
    asked = pd.MultiIndex.from_frame(last).isin(own) & (gap == 0)
    long = whole[(whole["date"] - last["date"] > (gap or _RETURN)) & ~asked]
    marks = own.isin(pd.MultiIndex.from_frame(long)) & rows.cells["visit"]
    return rows.found("R72", "date", marks, "a return after more than that")


def _whole_years(births: pd.Series[Any], days: pd.Series[Any]) -> pd.Series[Any]:
    """Return the age on some days, one more from the birthday on."""
    born, now = (pd.to_datetime(one.astype("float64"), unit="D") for one in (births, days))
    before = now.dt.month * 100 + now.dt.day < born.dt.month * 100 + born.dt.day
    return now.dt.year - born.dt.year - before


def with_age_bands(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Return the rows with ten-year bands: of the age that is stated, else at the first row."""
    cells, column = rows.cells, next(iter(mapped.identifiers.get("birth_date", ())), "")
    if "age" in cells:
        years, column = cells["age"], "age"
    else:
        age = _whole_years(cells["birth"], cells.get("date", pd.Series(np.nan, cells.index)))
        in_order = age.groupby(cells["episodes.episode_id"])
        years = in_order.transform("min")
    if years.isna().all() and "age" not in cells and cells["birth"].isna().all():
        return rows
    odd = years.notna() & ~years.between(*_LIKELY, inclusive="left")
    rows = rows.found("R75", column, odd, "another age")
    return rows.having(**{"episodes.age_band": age_band(years.mask(odd))})
