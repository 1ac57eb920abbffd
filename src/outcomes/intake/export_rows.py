"""From an export's text to typed rows: cleaned, each of one client, course and day; no free text.

Whatever is kept is a number, yes or no, a random id, or a word that the dictionary or the map
lists; any other cell is emptied and reported by position.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from outcomes.dictionary.columns import ColumnSpec
from outcomes.dictionary.instruments import registry
from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.findings import Finding, finding
from outcomes.intake.cells import read_column, read_numbers
from outcomes.intake.clean import Change, clean
from outcomes.intake.column_map import IMPORTED, ColumnMap
from outcomes.intake.dates import Dates, read_dates
from outcomes.privacy.clients import Clients, by_name, by_record

EXPORT = "export"
"""What findings call the table whose rows they count."""
_NO_RULE = "a word that no rule of the column map covers"
_TWO_WAYS = "two ways that give different dates"
_REMEDY = "Correct the cell, or say how to read it in the column map ([values] or [[rules]])."
LONG = 10_000
"""Numbers from here on are no measure of the data contract."""


@dataclass
class ExportRows:
    """An export on its way into a study.

    Parameters
    ----------
    cells : DataFrame
        Typed columns by contract name, ``INSTRUMENT.TIMING`` for scores; shape (rows, columns). The
        index is the 0-based position in the file.
    findings : list of Finding
        What could not be read, by position in the file.
    changes : list of Change
        What the cleaning rules changed.
    dates : dict of str to Series
        Columns of a day that the export states as a date: days since 1970-01-01, shape (rows,).
    """

    cells: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    dates: dict[str, pd.Series[Any]] = field(default_factory=dict)

    def report(self, rule: str, column: str, rows: Any, got: str, remedy: str = "") -> None:
        """Add a finding about rows (boolean, shape (rows,)) where there are any."""
        positions = [int(i) for i in self.cells.index[rows.to_numpy(bool)]]
        if positions:
            entry = finding(rule, EXPORT, column, positions, got=got, remedy=remedy)
            self.findings.append(entry)


def read_export(rows: pd.DataFrame, mapped: ColumnMap) -> ExportRows:
    """Return the columns that the map names, cleaned and typed.

    Parameters
    ----------
    rows : DataFrame of str
        Cells as they were read.
    mapped : ColumnMap
        The map; all columns it names are there.

    Returns
    -------
    ExportRows
        Ids still as the export writes them.
    """
    export = ExportRows(pd.DataFrame(index=rows.index))
    cells: dict[str, pd.Series[Any]] = {}
    for target, column in _targets(mapped).items():
        text, changes = clean(rows[column], column, target, mapped)
        export.changes += changes
        if target == "date":
            continue
        cells[target] = _typed(export, text, target, column, mapped)
    for target, constant in mapped.constants.items():
        text = pd.Series([constant] * len(rows), index=rows.index, dtype=object)
        cells[target] = _typed(export, text, target, "a constant", mapped)
    export.cells = pd.DataFrame(cells, index=rows.index)
    return export


def _targets(mapped: ColumnMap) -> dict[str, str]:
    scores = {
        f"{instrument}.{timing}": column
        for instrument, timings in mapped.scores.items()
        for timing, column in timings.items()
    }
    return {**mapped.columns, **scores}


def _typed(
    export: ExportRows, text: pd.Series[Any], target: str, column: str, mapped: ColumnMap
) -> pd.Series[Any]:
    table, _, name = target.partition(".")
    if table not in TABLES:  # a score, or what becomes a day, a band or a baseline
        read: pd.Series[Any] = read_numbers(text)
        bad = text.notna() & read.isna()
    else:
        spec = TABLES[table].column(name)
        if spec.kind in ("category", "list"):
            read, bad = _words(text, spec, target, mapped)
        else:
            read, unread = read_column(text, spec)
            bad = pd.Series(unread, index=text.index)
            if spec.unit == "day" and IMPORTED in mapped.columns:
                dates = read_dates(text, mapped.file.dates)
                export.report("R22", column, dates.ambiguous, _TWO_WAYS)
                export.dates[target] = dates.days
                bad &= dates.days.isna()
    export.report("R02", column, bad, _NO_RULE, _REMEDY)
    if not pd.api.types.is_float_dtype(read):
        return read
    long = read.abs() >= LONG  # a telephone number, a ZIP code: nothing that care is measured in
    export.report("R02", column, long, "a number of five digits or more", "Correct the cell.")
    return read.mask(long)


def _words(
    text: pd.Series[Any], spec: ColumnSpec, target: str, mapped: ColumnMap
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return the listed words, and which cells hold another one."""
    listed = [*spec.categories, *mapped.words.get(target, {}).values()]
    if target in mapped.constants:
        listed.append(mapped.constants[target])
    if spec.name == "instrument":
        listed += [*registry(), *mapped.instruments]
    known = {word.casefold(): word for word in listed if word}
    split = ";" if spec.kind == "list" else None
    read = text.map(lambda cell: _listed(str(cell), known, split), na_action="ignore")
    read = read.astype(object).where(read.notna(), None)
    return read, text.notna() & read.isna()


def _listed(cell: str, known: dict[str, str], split: str | None) -> str | None:
    words = [part.strip() for part in cell.split(split)] if split else [cell]
    found = [known.get(word.casefold()) for word in words if word]
    return "; ".join(word for word in found if word) if all(found) else None


def read_day_numbers(
    export: ExportRows, rows: pd.DataFrame, mapped: ColumnMap
) -> tuple[Dates | None, Counter[str]]:
    """Read the date column, where the map names one, and report what cannot be read."""
    column = mapped.columns.get("date")
    if column is None:
        return None, Counter()
    text, _ = clean(rows[column], column, "date", mapped)
    dates = read_dates(text, mapped.file.dates)
    export.report("R21", column, dates.days.isna(), "another way of writing, or none")
    export.report("R22", column, dates.ambiguous, _TWO_WAYS)
    return dates, dates.counts


def read_clients(export: ExportRows, rows: pd.DataFrame, mapped: ColumnMap) -> Clients:
    """Return whose each row is, and report rows of nobody and names in doubt.

    Raises
    ------
    UsageError
        When the map names no column that tells clients apart.
    """
    kinds = mapped.identifiers
    record = mapped.columns.get("episodes.patient_id") or next(iter(kinds.get("record", ())), "")
    names = kinds.get("name", ())
    if record:
        people, column = by_record(_texts(rows[record])), record
    elif names:
        column = names[0]
        whole = rows[list(names)].fillna("").agg(" ".join, axis=1).str.strip()
        births = next(iter(kinds.get("birth_date", ())), "")
        born = read_dates(rows[births], mapped.file.dates).texts() if births else [None] * len(rows)
        contacts = [c for kind in ("phone", "email") for c in kinds.get(kind, ())]
        people = by_name(
            _texts(whole.where(whole != "")), born, [_texts(rows[c]) for c in contacts]
        )
    else:
        must = "the map names the column that tells clients apart"
        remedy = "Write name and birth_date, or record, under [identifiers]."
        raise UsageError(must, got="none", remedy=remedy)
    nobody = pd.Series([not own for own in people.spellings], index=rows.index)
    export.report("R20", column, nobody, "none, or a name that several have")
    doubtful = pd.Series(False, index=rows.index)
    doubtful.iloc[list(people.doubtful)] = True
    export.report("R24", column, doubtful, "like names with one birth date")
    return people


def _texts(cells: pd.Series[Any]) -> list[str | None]:
    return [cell if isinstance(cell, str) and cell else None for cell in cells]


def birth_days(rows: pd.DataFrame, mapped: ColumnMap) -> pd.Series[Any] | None:
    """Return birth dates as days since 1970-01-01; None where the map names no such column."""
    column = next(iter(mapped.identifiers.get("birth_date", ())), "")
    return read_dates(rows[column], mapped.file.dates).days if column else None
