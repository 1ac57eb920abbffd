"""A clinic's entry workbook, one line a visit: it is read as an export is, dates become days."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes import __version__
from outcomes.dictionary.tables import TABLES
from outcomes.errors import DataError
from outcomes.intake.append import finished
from outcomes.intake.clean import walton_words
from outcomes.intake.column_map import IMPORTED, ColumnMap, read_column_map
from outcomes.intake.pipeline import visit_rows
from outcomes.intake.readers.table import Rows
from outcomes.intake.readers.workbook import read_tables
from outcomes.intake.tables import tables_of, with_facts_that_differ
from outcomes.intake.toml_records import folded
from outcomes.intake.visits import with_single_visits, without_repeats
from outcomes.privacy.guard import refuse_identified
from outcomes.provenance import LeftOut, Provenance
from outcomes.study import Study, study_from_tables

VISITS, PEOPLE, LISTS = "visits", "people", "lists of outcomes"
CODE, EXAMPLE = "Code", "example"
"""The column of codes, and the code of the example, which never counts."""
_REMEDY = "Give it the name that the template gave it."


@cache
def daily_columns(sheet: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the columns of a sheet by name, as the template writes them."""
    text = files("outcomes.intake").joinpath("daily.toml").read_text(encoding="utf-8")
    columns: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(text)
    return columns[sheet]


def words_of(column: Mapping[str, Any]) -> dict[str, str]:
    """Return what a column offers, and the word of the data contract for each.

    Examples
    --------
    >>> words_of(daily_columns("visits")["What became of it"])["did not come"]
    'no_show'
    """
    said = column.get("words", {})
    if said == "walton":
        return {word: word for word in walton_words()}
    if isinstance(said, str):
        table, _, name = said.partition(".")
        own = TABLES[table].column(name)
        return {word: word for word in own.categories}
    return dict(said)


def is_daily(sheets: Collection[str]) -> bool:
    """Whether a workbook of such sheets is a clinic's entry workbook, under whatever names."""
    names = {folded(name) for name in sheets}
    return LISTS in names or {VISITS, PEOPLE} <= names


def load_daily(path: Path, sheets: Collection[str]) -> Study:
    """Return the study that an entry workbook holds.

    Raises
    ------
    DataError
        When a sheet or column of the template has another name, a code stands in `people` twice,
        or no visit is filled in.
    PrivacyError
        When a cell looks as if it identifies somebody.
    """
    visits, people = _sheets(path, sheets)
    text = visits.cells.merge(_facts(people, path.name), "left", on=CODE)
    mapped = daily_map()
    rows = visit_rows(text, mapped, datetime.datetime.now().astimezone().date())
    nobody = rows.text[CODE].isna()
    rows = rows.found("R20", CODE, nobody, "no code").without(nobody, "no code")
    code = rows.text[CODE]
    rows = rows.having(**{"episodes.episode_id": code, "episodes.patient_id": code})
    unlisted = ~code.isin(people.cells[CODE])
    rows = rows.found("R14", CODE, unlisted, "a code that is not in the sheet people")
    rows = with_facts_that_differ(with_single_visits(without_repeats(rows, mapped), mapped))
    if rows.cells.empty:
        must = "the sheet visits has at least one line below its example"
        raise DataError(must, got="none", where=path.name)
    tables, _ = finished(tables_of(rows))
    provenance = Provenance(
        title=mapped.title, source=path.name, version=__version__,
        reading=tuple(replace(f, first_row=visits.row(f.first_row - 1)) for f in rows.findings),
        left_out=tuple(LeftOut(VISITS, step.rule, step.count) for step in rows.left_out
                       if step.rule not in (EXAMPLE, "empty rows")),
        unused_columns=mapped.unnamed(text),
    )  # fmt: skip
    return study_from_tables(tables, provenance=provenance)


def daily_map() -> ColumnMap:
    """Return the column map of the entry workbook, its two sheets side by side."""
    named = {**daily_columns(PEOPLE), **daily_columns(VISITS)}
    plain = {c["place"]: name for name, c in named.items() if not c["place"].startswith("nprs.")}
    scores = {c["place"].removeprefix("nprs."): name for name, c in named.items()
              if c["place"].startswith("nprs.")}  # fmt: skip
    values = {c["place"]: words_of(c) for c in named.values() if isinstance(c.get("words"), dict)}
    return read_column_map({
        "columns": plain, "scores": {"nprs": scores}, "values": values,
        "constants": {"goals.instrument": "nprs"}, "study": {"empty_status": "attended"},
        "leave_out": [{"name": EXAMPLE, "column": CODE, "is": [EXAMPLE]}],
    })  # fmt: skip


def _sheets(path: Path, sheets: Collection[str]) -> tuple[Rows, Rows]:
    """Return the two sheets, with the template's columns found whatever their case."""
    here = {folded(name): name for name in sheets}
    missing = [name for name in (VISITS, PEOPLE) if name not in here]
    if missing:
        must = f"an entry workbook has the sheets {VISITS} and {PEOPLE}"
        raise DataError(must, got=f"no {', '.join(missing)}", where=path.name, remedy=_REMEDY)
    held = read_tables(path, [here[VISITS], here[PEOPLE]])
    return _named(held[here[VISITS]], VISITS, path), _named(held[here[PEOPLE]], PEOPLE, path)


def _named(rows: Rows, sheet: str, path: Path) -> Rows:
    known = {folded(name): name for name in daily_columns(sheet)}
    cells = rows.cells.rename(columns=lambda name: known.get(folded(str(name)), str(name)))
    missing = [name for name in known.values() if name not in cells]
    where = f"{path.name}, {sheet}"
    if missing:
        must = f"the sheet {sheet} has the columns of the template"
        raise DataError(must, got=f"no {', '.join(missing)}", where=where, remedy=_REMEDY)
    dates = [name for name, c in daily_columns(sheet).items()
             if c["place"] in (IMPORTED, "goals.by_day")]  # fmt: skip
    ids = [name for name, c in daily_columns(sheet).items() if c["place"].endswith("_id")]
    own = cells[cells[CODE].map(folded, na_action="ignore").ne(EXAMPLE)]
    refuse_identified({"": own.drop(columns=dates)}, where, ids)
    return replace(rows, cells=cells)


def _facts(people: Rows, where: str) -> pd.DataFrame:
    """Return what is known of each code; refuse one that stands there twice."""
    cells = people.cells[people.cells[CODE].notna()]
    again = int(cells[CODE].duplicated().sum())
    if again:
        must = f"each code stands in the sheet {PEOPLE} once"
        remedy = "Give another course of the same person a code of its own."
        raise DataError(must, got=f"{again} again", where=where, remedy=remedy)
    return cells
