"""The rows of an export on their way to tables, step by step; nothing is written."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from outcomes.intake import doubtful_days, people, visits
from outcomes.intake.column_map import ColumnMap
from outcomes.intake.drafting.evidence import Column, shapes
from outcomes.intake.readers import BUNDLES, name_of
from outcomes.intake.readers.redcap import from_redcap
from outcomes.intake.readers.text_table import read_text_table
from outcomes.intake.refusals import refuse
from outcomes.intake.rows import TypedRows
from outcomes.intake.tables import with_facts_that_differ
from outcomes.intake.typed_cells import named_rows
from outcomes.intake.wide import stacked
from outcomes.privacy.clients import Earlier
from outcomes.privacy.key_file import KeyFile


def export_text(
    path: str | Path, cells: pd.DataFrame, mapped: ColumnMap
) -> tuple[pd.DataFrame, ColumnMap]:
    """Return the rows with one row a visit or score, under the headers that the map names."""
    if Path(path).suffix.casefold() in BUNDLES:  # a bundle without such scores has no column
        cells = cells.assign(**{c: None for c in mapped.file_columns() if c not in cells})
    if mapped.file.redcap_dictionary:
        dictionary = read_text_table(Path(path).parent / mapped.file.redcap_dictionary).cells
        cells, identifying = from_redcap(cells, dictionary)
        mapped = mapped.with_identifiers(identifying)
    cells, mapped = stacked(cells, mapped, name_of(path))
    return _with_facts_of_records(named_rows(cells, mapped, name_of(path)), mapped), mapped


def _with_facts_of_records(text: pd.DataFrame, mapped: ColumnMap) -> pd.DataFrame:
    """Put name and birth date on all rows of a record, where those that state it say the same."""
    facts = [c for kind in ("name", "birth_date") for c in mapped.identifiers.get(kind, ())]
    for record in (c for c in mapped.identifiers.get("record", ())[:1] if text[c].notna().any()):
        own = text[facts].groupby(text[record])
        only = own.transform("first").where(own.transform("nunique") == 1)
        text = text.assign(**{c: text[c].fillna(only[c]).astype(object) for c in facts})
    return text


def client_rows(
    rows: TypedRows, mapped: ColumnMap, key: KeyFile, today: datetime.date,
    before: Iterable[Earlier] = (), told: Callable[[float], object] = str,
) -> TypedRows:  # fmt: skip
    """Return the rows that have a client and a time, under random ids.

    Raises
    ------
    DataError
        When there is no such row.
    """
    text = rows.text
    rows = people.with_random_ids(people.with_clients(rows, mapped, key, today, before, told), key)
    rows = visits.without_undated(rows)
    if rows.cells.empty:
        reasons = ", ".join(f"{step.rule}: {step.count}" for step in rows.left_out) or "none"
        looks = shapes(Column("", text[mapped.columns["date"]])) if "date" in mapped.columns else ()
        reasons += f"; cells of the date look like {', '.join(looks)}" if looks else ""
        refuse("no_rows", reasons=reasons)
    return rows


def course_rows(rows: TypedRows, mapped: ColumnMap, key: KeyFile, seen: pd.DataFrame) -> TypedRows:
    """Return the rows of courses, each visit once, with ages in bands; see `with_courses`."""
    rows = visits.with_lone_answers(people.with_courses(rows, mapped, key, seen), mapped, seen)
    rows = people.with_returns(rows, mapped, seen)
    rows = doubtful_days.with_days_that_contradict(visits.without_repeats(rows, mapped))
    rows = doubtful_days.with_doubtful_days(doubtful_days.without_far_years(rows, seen), seen)
    rows = people.with_age_bands(visits.with_single_visits(rows, mapped), mapped)
    return with_facts_that_differ(rows)
