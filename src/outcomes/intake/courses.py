"""Give each row of an export its client, course and day, all under random ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import received
from outcomes.errors import DataError
from outcomes.intake.column_map import ColumnMap
from outcomes.intake.course_ids import course_ids
from outcomes.intake.dates import Dates
from outcomes.intake.export_rows import (
    ExportRows,
    birth_days,
    read_clients,
    read_day_numbers,
)
from outcomes.intake.visits import derived_day, states_visit
from outcomes.privacy.clients import Clients
from outcomes.privacy.generalise import age_band
from outcomes.privacy.key_file import KeyFile, Sealed
from outcomes.privacy.manifest import Step
from outcomes.privacy.patterns import plain

_YEAR = 365.2425


@dataclass(frozen=True)
class Courses:
    """Rows with random ids and days, and what was done to get there.

    Parameters
    ----------
    cells : DataFrame
        Typed columns by contract name, with the ids, ``day`` and ``order``; rows left out are not
        in it. The index is the 0-based position in the file.
    sealed : mapping
        Patient to the dates of day 0 of all courses, those of the study that is there among them.
    shifts : dict of str to float
        Course to the days by which its day 0 is earlier than before.
    cleaned, steps, left_out : tuple of Step
        For the manifest.
    aged : bool
        Whether ages became bands.
    """

    cells: pd.DataFrame
    sealed: Sealed
    shifts: dict[str, float]
    cleaned: tuple[Step, ...]
    steps: tuple[Step, ...]
    left_out: tuple[Step, ...]
    aged: bool


def courses_of(
    export: ExportRows, rows: pd.DataFrame, mapped: ColumnMap, key: KeyFile,
    sealed: Sealed, seen: pd.DataFrame,
) -> Courses:  # fmt: skip
    """Return the rows of an export under random ids, in days since each course's first visit.

    Parameters
    ----------
    export : ExportRows
        Cleaned and typed; findings are added to it.
    rows : DataFrame of str
        The same rows as they were read.
    mapped : ColumnMap
        The map.
    key : KeyFile
        Gives the ids and remembers new ones.
    sealed : mapping
        Dates of day 0 in the study that is there already, as `KeyFile.sealed` gives them.
    seen : DataFrame
        Rows of that study: ``episode_id`` and ``day``.

    Returns
    -------
    Courses

    Raises
    ------
    DataError
        When no row has a client and a date.
    """
    people = read_clients(export, rows, mapped)
    dates, ways = read_day_numbers(export, rows, mapped)
    cells = export.cells.copy()
    cells["order"] = _times(rows, mapped)
    cells["calendar"] = dates.days if dates is not None else np.nan
    own_days = derived_day(cells)
    cells["stated_day"] = np.nan if own_days is None else own_days
    known = pd.Series([bool(own) for own in people.spellings], index=rows.index)
    dated = _dated(cells, dates)
    left_out = [Step("no client", "", int((~known).sum())),
                Step("no date that can be read", "", int((known & ~dated).sum()))]  # fmt: skip
    cells = cells[known & dated].copy()
    if cells.empty:
        must = "a row of the export is of a client and has a date"
        raise DataError(must, got="none", remedy="Correct the column map.")
    _add_ids(cells, people, key, rows)
    anchors = key.opened(sealed)
    cells["episodes.episode_id"], n_begun = course_ids(
        _client_and_condition(cells),
        cells["calendar"],
        mapped.study.new_course_after_days,
        key,
        seen.assign(calendar=seen["day"] + seen["episode_id"].map(anchors).astype("float64")),
    )
    cells, repeated = _without_repeats(cells, export, rows, mapped)
    left_out += repeated
    new_anchors, shifts = _days(cells, anchors, export)
    aged = _add_age_bands(cells, birth_days(rows, mapped))
    _report_differing_facts(cells, export, mapped)
    return Courses(
        cells=cells,
        sealed={**sealed, **_sealed_again(cells, {**anchors, **new_anchors}, key, sealed)},
        shifts=shifts,
        cleaned=tuple(_cleaning(people, ways, mapped, n_begun)),
        steps=tuple(_steps(cells, rows, mapped, export.dates)),
        left_out=tuple(step for step in left_out if step.count),
        aged=aged,
    )


def _sealed_again(
    cells: pd.DataFrame, anchors: Mapping[str, float], key: KeyFile, sealed: Sealed
) -> Sealed:
    """Seal the dates of every patient of the export."""
    owners = {course: patient for patient, own in sealed.items() for course in own}
    now = zip(cells["episodes.episode_id"], cells["episodes.patient_id"], strict=True)
    return key.sealed(anchors, {**owners, **dict(now)})


def _dated(cells: pd.DataFrame, dates: Dates | None) -> pd.Series[Any]:
    numbered = [name for name in ("assessments.session", "sessions.session") if name in cells]
    if dates is None and numbered and cells["stated_day"].isna().all():
        return cells[numbered].notna().any(axis=1)
    return cells["calendar"].notna() | cells["stated_day"].notna()


def _times(rows: pd.DataFrame, mapped: ColumnMap) -> pd.Series[Any]:
    """Minutes after midnight, where the map names a time; it orders the visits of one day."""
    column = next(iter(mapped.identifiers.get("time", ())), "")
    if not column:
        return pd.Series(0.0, index=rows.index)
    parts = rows[column].astype("str").str.extract(r"^(\d{1,2}):(\d{2})(?::\d{2})? ?([AaPp])?")
    hours, minutes = pd.to_numeric(parts[0]), pd.to_numeric(parts[1])
    half = parts[2].str.lower().map({"a": 0.0, "p": 12.0})
    hours = hours.where(half.isna(), hours % 12 + half.fillna(0.0))
    return (hours * 60 + minutes).astype("float64").fillna(0.0)


def _add_ids(cells: pd.DataFrame, people: Clients, key: KeyFile, rows: pd.DataFrame) -> None:
    spellings = pd.Series(list(people.spellings), index=rows.index, dtype=object)[cells.index]
    ids = {own: key.id_of("patient", *own) for own in dict.fromkeys(spellings)}
    cells["episodes.patient_id"] = spellings.map(ids)
    for name in cells.columns:
        kind = next((k for k in ("therapist", "clinic") if str(name).endswith(f".{k}_id")), "")
        if kind:
            words = cells[name].dropna().unique()
            known = {word: key.id_of(kind, plain(str(word))) for word in words}
            cells[name] = cells[name].map(known).astype(object)


def _client_and_condition(cells: pd.DataFrame) -> pd.Series[Any]:
    """Return what makes a course: client and condition, or client and the export's own number."""
    patients = cells["episodes.patient_id"]
    if "assessments.episode_id" in cells:
        parts = cells["assessments.episode_id"].astype("str")
    elif "episodes.condition" in cells:
        conditions = cells["episodes.condition"]
        only = conditions.groupby(patients).transform("nunique").eq(1)
        first = conditions.groupby(patients).transform("first")
        cells["episodes.condition"] = conditions.where(conditions.notna() | ~only, first)
        parts = cells["episodes.condition"].fillna("")
    else:
        parts = pd.Series("", index=cells.index)
    return patients + "|" + parts


def _without_repeats(
    cells: pd.DataFrame, export: ExportRows, rows: pd.DataFrame, mapped: ColumnMap
) -> tuple[pd.DataFrame, list[Step]]:
    """Leave out rows that say again what another said; report those that contradict it."""
    column = next(iter(mapped.identifiers.get("appointment", ())), "")
    same = cells.duplicated()
    if not column:
        said = pd.concat([cells, rows.loc[cells.index, sorted(_kept_identifiers(mapped))]], axis=1)
        same = said.duplicated()
        return cells[~same], [Step("the same row again", "", int(same.sum()))]
    numbers = rows.loc[cells.index, column]
    again = numbers.notna() & numbers.duplicated()
    same = pd.concat([cells, numbers], axis=1).duplicated() & numbers.notna()
    differs = (again & ~same).reindex(export.cells.index, fill_value=False)
    export.report("R23", column, differs, "something else the second time")
    steps = [Step("the same appointment again", column, int(same.sum())),
             Step("an appointment that contradicts an earlier row", column,
                  int((again & ~same).sum()))]  # fmt: skip
    return cells[~(again | same)], steps


def _kept_identifiers(mapped: ColumnMap) -> set[str]:
    names = {c for kind in ("name", "birth_date") for c in mapped.identifiers.get(kind, ())}
    return {column for own in mapped.identifiers.values() for column in own} - names


def _days(
    cells: pd.DataFrame, before: Mapping[str, float], export: ExportRows
) -> tuple[dict[str, float], dict[str, float]]:
    """Turn dates into days since the first visit received, in place."""
    courses = cells["episodes.episode_id"]
    if cells["calendar"].isna().all():
        cells["day"] = cells["stated_day"]
        cells["order"] = _session_order(cells)
        return {}, {}
    status = cells.get("sessions.status", pd.Series(None, index=cells.index, dtype=object))
    given = received(status)
    if "sessions.status" in cells:
        given &= states_visit(cells)
    first = cells["calendar"].where(given).groupby(courses).min()
    first = first.fillna(cells["calendar"].groupby(courses).min())
    earlier = pd.Series(before, dtype=float).reindex(first.index)
    anchor = pd.concat([first, earlier], axis=1).min(axis=1)
    day_0 = courses.map(anchor)
    cells["day"] = cells["calendar"] - day_0
    for name, dates in export.dates.items():
        cells[name] = (dates.reindex(cells.index) - day_0).fillna(cells[name])
    shifts = (earlier - anchor).dropna()
    return (
        {str(course): float(day) for course, day in anchor.items()},
        {str(course): float(days) for course, days in shifts.items() if days},
    )


def _session_order(cells: pd.DataFrame) -> pd.Series[Any]:
    for name in ("assessments.session", "sessions.session"):
        if name in cells:
            return cells[name].fillna(0.0)
    return cells["order"]


def _add_age_bands(cells: pd.DataFrame, births: pd.Series[Any] | None) -> bool:
    if "age" in cells:
        cells["episodes.age_band"] = age_band(cells["age"])
    elif births is not None:
        days = cells["calendar"] - cells["day"] - births.reindex(cells.index)
        courses = cells["episodes.episode_id"]
        years = (days / _YEAR).groupby(courses).transform("first")
        cells["episodes.age_band"] = age_band(years)
    return "episodes.age_band" in cells


def _report_differing_facts(cells: pd.DataFrame, export: ExportRows, mapped: ColumnMap) -> None:
    keys = {"episodes": ["episodes.episode_id"], "goals": ["episodes.episode_id"]}
    if "goals.instrument" in cells:
        keys["goals"].append("goals.instrument")
    for name, column in mapped.columns.items():
        own = keys.get(name.partition(".")[0], [])
        if own and name in cells and name not in own:
            first = cells.groupby(own, dropna=False)[name].transform("first")
            differs = cells[name].notna() & cells[name].ne(first)
            whole = differs.reindex(export.cells.index, fill_value=False).astype(bool)
            export.report("R18", column, whole, "different ones within a course")


def _cleaning(
    people: Clients, ways: Mapping[str, int], mapped: ColumnMap, n_begun: int
) -> Iterator[Step]:
    name = ", ".join(mapped.identifiers.get("name", ()))
    if people.n_joined:
        yield Step("clients written in several ways, joined", name, people.n_joined)
    if people.n_completed:
        yield Step("rows without a birth date, given to their client", name, people.n_completed)
    if n_begun:
        gap = mapped.study.new_course_after_days
        yield Step(f"new course after more than {gap} days", mapped.columns["date"], n_begun)
    for way, count in ways.items():
        yield Step(f"date written as {way}", mapped.columns["date"], count)


def _steps(
    cells: pd.DataFrame, rows: pd.DataFrame, mapped: ColumnMap, dates: Iterable[str]
) -> Iterator[Step]:
    """Say what was done to each column that identifies people."""
    for kind, columns in mapped.identifiers.items():
        for column in columns:
            yield Step(
                f"{kind.replace('_', ' ')} not kept", column, int(rows[column].notna().sum())
            )
    for name in ("date", *dates):
        if name in mapped.columns:
            yield Step("date made a day of its course", mapped.columns[name], len(cells))
    for name, column in mapped.columns.items():
        kind = name.rpartition(".")[2].removesuffix("_id")
        if kind in ("therapist", "clinic"):
            n = int(cells[name].nunique())
            yield Step(f"{kind} given a random id ({n} different)", column, len(cells))
    yield Step("client given a random id", "", int(cells["episodes.patient_id"].nunique()))
    for other in mapped.unnamed(rows):
        yield Step("not named in the map, not kept", other, int(rows[other].notna().sum()))
