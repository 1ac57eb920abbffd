"""A clinic's entry workbook, one line a visit: it is read as an export is, dates become days."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from outcomes import __version__
from outcomes.dictionary.tables import TABLES
from outcomes.findings import Finding, finding
from outcomes.intake.append import finished
from outcomes.intake.column_map import IMPORTED, ColumnMap, read_column_map
from outcomes.intake.doubtful_days import with_doubtful_days, without_far_years
from outcomes.intake.readers.table import Rows
from outcomes.intake.readers.workbook import read_tables
from outcomes.intake.refusals import refuse
from outcomes.intake.rows import TypedRows
from outcomes.intake.tables import tables_of, with_facts_that_differ
from outcomes.intake.toml_records import folded
from outcomes.intake.typed_cells import in_range, targets_of, typed_rows, walton_words
from outcomes.intake.visits import visit_rows, with_single_visits, without_repeats, without_undated
from outcomes.plain_text import shipped
from outcomes.privacy.guard import refuse_identified, shown_headers, shown_name
from outcomes.provenance import LeftOut, Provenance
from outcomes.study import Study, study_from_tables

VISITS, PEOPLE, LISTS = "visits", "people", "lists of outcomes"
FINDINGS, GUIDE = "findings", "guide"
CODE, EXAMPLE = "Code", "example"
"""The column of codes, and the code of the example, which never counts."""
_OF_CODE = ("episodes", "goals")
"""Tables whose rows are of a line of the sheet of people."""


@cache
def daily_columns(sheet: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the columns of a sheet by name, or what its findings say, as the template has them."""
    columns: dict[str, dict[str, dict[str, Any]]] = shipped("intake/daily.toml")
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
        return {word.replace("_", " "): word for word in own.categories}
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
    listed = people.cells[CODE].dropna()
    known = {**{folded(code): code for code in listed}, **{code: code for code in listed}}
    codes = visits.cells[CODE].map(
        lambda one: known.get(one, known.get(folded(one), one)), na_action="ignore")  # fmt: skip
    text = visits.cells.assign(**{CODE: codes}).merge(_facts(people, path.name), "left", on=CODE)
    rows = _course_rows(text, set(people.cells[CODE]))
    if rows.cells.empty:
        refuse("no_daily_line", path.name)
    tables, _ = finished(tables_of(rows))
    found = [finding for finding in rows.findings if finding.rule != "R71"]  # the example's scores
    of_code = {code: people.row(i) for i, code in enumerate(people.cells[CODE])}
    lines = {name: frame["episode_id"].map(of_code).fillna(0).astype(int).tolist()
             if name in _OF_CODE else [visits.row(i) for i in frame.index]
             for name, frame in tables.items() if len(frame)}  # fmt: skip
    shown = shown_headers([*map(str, text)], (), ())
    provenance = Provenance(
        title=daily_map().title, source=shown_name(path.name), version=__version__,
        reading=(*_said(found, VISITS, visits), *_of_people(people, codes)),
        left_out=tuple(LeftOut(VISITS, step.rule, step.count) for step in rows.left_out
                       if step.rule not in (EXAMPLE, "empty rows")),
        unused_columns=tuple(shown[name] for name in daily_map().unnamed(text)),
        file_rows=lines, file_words=_words(),
    )  # fmt: skip
    return study_from_tables(tables, provenance=provenance)


def _course_rows(text: pd.DataFrame, codes: Collection[object]) -> TypedRows:
    """Return the lines that are visits of a code, each visit once."""
    mapped, never = daily_map(), pd.DataFrame(columns=["episode_id", "date"])
    rows = visit_rows(text, mapped, datetime.datetime.now().astimezone().date())
    nobody = rows.text[CODE].isna()
    rows = rows.found("R20", CODE, nobody, "no code").without(nobody, "no code")
    rows = without_undated(rows)
    code = rows.text[CODE]
    rows = rows.having(**{"episodes.episode_id": code, "episodes.patient_id": code})
    rows = rows.found("R14", CODE, ~code.isin(codes), "a code that is not in the sheet people")
    rows = with_doubtful_days(without_far_years(without_repeats(rows, mapped), never), never)
    return with_facts_that_differ(with_single_visits(rows, mapped))


def _of_people(people: Rows, seen: pd.Series[Any]) -> Iterator[Finding]:
    """Yield what is found in the sheet of people, by its own lines."""
    own = daily_map(PEOPLE)
    facts = people.cells[[*daily_columns(PEOPLE)]].drop(columns=CODE)
    bare = facts.isna().all(axis=1) & people.cells[CODE].isin(seen)
    if bare.any():
        told = finding("R76", PEOPLE, CODE, np.flatnonzero(bare), got="the code alone")
        yield from _said([told], PEOPLE, people)
    cells = people.cells[people.cells[CODE].map(folded, na_action="ignore").ne(EXAMPLE)]
    cells = cells.assign(**{own.columns[IMPORTED]: None})
    rows = TypedRows(cells, pd.DataFrame(index=cells.index), targets_of(own))
    yield from _said(in_range(typed_rows(rows, own, export=True), own).findings, PEOPLE, people)


def _said(findings: Collection[Finding], sheet: str, rows: Rows) -> Iterator[Finding]:
    """Yield findings by sheet and line, with what to do in a workbook, which has no column map."""
    other = set(daily_columns(PEOPLE if sheet == VISITS else VISITS)) - {CODE}
    for found in findings:
        if found.column not in other:
            own = found.in_file(lambda row: rows.row(row - 1))
            yield replace(own.said_as(daily_columns(FINDINGS)), table=sheet)


def _words() -> dict[str, Mapping[str, str]]:
    """Return what findings say in a workbook, and where its sheets have the contract's columns."""
    words: dict[str, Mapping[str, str]] = {
        place: {"table": sheet, "column": name}
        for sheet in (VISITS, PEOPLE)
        for name, column in daily_columns(sheet).items()
        for place in (column["place"], *column.get("also", ()))
    }
    sheets = {table: PEOPLE if table in _OF_CODE else VISITS for table in TABLES}
    words |= {table: {"table": sheet} for table, sheet in sheets.items()}
    return {**words, **daily_columns(FINDINGS)}


def daily_map(*sheets: str) -> ColumnMap:
    """Return the column map of both sheets side by side, or of some; the day is in each."""
    both = (PEOPLE, VISITS)
    named = {name: column for sheet in both for name, column in daily_columns(sheet).items()
             if sheet in (sheets or both) or column["place"] == IMPORTED}  # fmt: skip
    plain = {c["place"]: name for name, c in named.items() if not c["place"].startswith("nprs.")}
    scores = {c["place"].removeprefix("nprs."): name for name, c in named.items()
              if c["place"].startswith("nprs.")}  # fmt: skip
    values = {c["place"]: words_of(c) for c in named.values() if isinstance(c.get("words"), dict)}
    return read_column_map({
        "columns": plain, "scores": {"nprs": scores} if scores else {}, "values": values,
        "constants": {"goals.instrument": "nprs"}, "study": {"empty_status": "attended"},
        "file": {"dates": ["%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "excel"]},
        "leave_out": [{"name": EXAMPLE, "column": CODE, "is": [EXAMPLE]}],
    })  # fmt: skip


def _sheets(path: Path, sheets: Collection[str]) -> tuple[Rows, Rows]:
    """Return the two sheets, with the template's columns found whatever their case."""
    here = {folded(name): name for name in sheets}
    missing = [name for name in (VISITS, PEOPLE) if name not in here]
    if missing:
        refuse("daily_sheets", path.name, names=", ".join(missing))
    held = read_tables(path, [here[VISITS], here[PEOPLE]])
    return _named(held[here[VISITS]], VISITS, path), _named(held[here[PEOPLE]], PEOPLE, path)


def _named(rows: Rows, sheet: str, path: Path) -> Rows:
    known = {folded(name): name for name in daily_columns(sheet)}
    cells = rows.cells.rename(columns=lambda name: known.get(folded(str(name)), str(name)))
    missing = [name for name in known.values() if name not in cells]
    where = f"{path.name}, {sheet}"
    if missing:
        refuse("daily_columns", where, sheet=sheet, names=", ".join(missing))
    dates = [name for name, c in daily_columns(sheet).items()
             if c["place"] in (IMPORTED, "goals.by_day")]  # fmt: skip
    ids = [name for name, c in daily_columns(sheet).items() if c["place"].endswith("_id")]
    own = cells[cells[CODE].map(folded, na_action="ignore").ne(EXAMPLE)]
    own = own.set_axis([rows.row(i) - 1 for i in own.index])  # messages count as the sheet does
    own = own.drop(columns=dates)
    told = {name: own[name].mask(_no_name(own[name], column))
            for name, column in daily_columns(sheet).items() if name in own}  # fmt: skip
    refuse_identified({"": own.assign(**told)}, where, ids, str(daily_columns(GUIDE)["named"]))
    return replace(rows, cells=cells)


def _no_name(cells: pd.Series[Any], column: Mapping[str, Any]) -> pd.Series[bool]:
    """Return which cells are a word on offer in any case, or a score that became a day (6/7)."""
    whole = {folded(one) for one in words_of(column)}
    offered = whole | {word.split(" - ")[-1] for word in whole}
    days = cells.astype("str").str.match(r"\d{4}-\d\d-\d\d") & ("high" in column)
    return cells.map(folded, na_action="ignore").isin(offered) | days


def _facts(people: Rows, where: str) -> pd.DataFrame:
    """Return what is known of each code; refuse one that stands there twice."""
    cells = people.cells[people.cells[CODE].notna()]
    again = int(cells[CODE].duplicated().sum())
    if again:
        refuse("code_twice", where, again=again)
    return cells
