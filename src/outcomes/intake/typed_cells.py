"""From a file's text to typed columns under the names of the data contract.

In an export whatever is kept is a number in its range, yes or no, an id, or a word that the
dictionary or the map lists; any other cell is emptied and reported by position.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument, registry
from outcomes.dictionary.pressure import WALTON, WORDS
from outcomes.dictionary.tables import TABLES, ColumnSpec, TableSpec
from outcomes.findings import Finding, finding, where_broken
from outcomes.intake.column_map import DERIVED, IMPORTED, SERVICE, ColumnMap
from outcomes.intake.dates import Dates, iso, read_dates, read_times, says_utc
from outcomes.intake.readers.table import Repeated
from outcomes.intake.refusals import refuse
from outcomes.intake.rows import TypedRows
from outcomes.intake.toml_records import folded
from outcomes.plain_text import cleaned, each
from outcomes.privacy.manifest import Step
from outcomes.rules.records import OUT_OF_RANGE, SCORE_OUT_OF_RANGE

NO_RULE = "a word that no rule of the column map covers"
SAY_HOW = ('Correct the cell, or write under [values."{}"] of the column map what it becomes: '
           '"{}", or "" for nothing.')  # fmt: skip
_TWO_WAYS = "two ways that give different dates"
_LONG, _OLDEST = 10_000, 120
_SCORE, _MERGED = "assessments.score", "a cell merged over several rows"
_OF_INSTRUMENT = {_SCORE: "assessments.instrument",
                  "baseline": "assessments.instrument", "goals.target": "goals.instrument",
                  "goals.baseline": "goals.instrument"}  # fmt: skip
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def named_rows(text: pd.DataFrame, mapped: ColumnMap, where: str) -> pd.DataFrame:
    """Return the rows with the columns that the map names, found whatever their case and blanks.

    Raises
    ------
    DataError
        When a column that the map names is not in the file.
    """
    here: dict[str, list[str]] = {}
    for header in map(str, text):
        here.setdefault(folded(header), []).append(header)
    absent, renamed = [], {}
    for name in mapped.file_columns():
        found = here.get(folded(name), [])
        if name not in text and len(found) == 1:
            renamed[found[0]] = name
        elif name not in text:
            near = difflib.get_close_matches(name, list(map(str, text)), n=1)
            absent.append(f"{name} (near: {near[0]})" if near else name)
    if absent:
        refuse("absent_from_file", where, names=", ".join(absent))
    return text.rename(columns=renamed)


def targets_of(mapped: ColumnMap) -> dict[str, str]:
    """Return contract column, or ``INSTRUMENT.TIMING`` of a score, to the column of the file."""
    scores = {f"{instrument}.{timing}": column for instrument, own in mapped.scores.items()
              for timing, column in own.items()}  # fmt: skip
    return {**mapped.columns, **scores}


def typed_rows(rows: TypedRows, mapped: ColumnMap, *, export: bool) -> TypedRows:
    """Return the columns that the map names, cleaned and typed.

    Parameters
    ----------
    rows : TypedRows
        With their text; all columns that the map names are there.
    mapped : ColumnMap
        The map.
    export : bool
        Whether the file may identify people: only listed words and numbers in range are kept.

    Returns
    -------
    TypedRows
        Ids still as the file writes them; ``date`` in days since 1970-01-01 and ``minute`` of the
        day where it has one. Columns of a day that are stated as dates stand in ``NAME.date``.
    """
    instruments = {*registry(), *mapped.instruments}
    for target, column in targets_of(mapped).items():
        cells = rows.text[column]
        if target == _SCORE or target.partition(".")[0] in instruments:
            cells, again = once(cells)
            rows = rows.found("R74", target, again, _MERGED)
        cleaned, changes = clean(cells, column, target, mapped)
        rows = replace(rows, done=(*rows.done, *changes))
        rows = _with_column(rows, cleaned, target, mapped, export=export)
    for target, constant in mapped.constants.items():
        cells = pd.Series([str(constant)] * len(rows.text), index=rows.text.index, dtype=object)
        rows = _with_column(rows, cells, target, mapped, export=export)
    return _on_their_scale(rows, mapped)


def once(cells: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    """Return cells without those merged with the one above, and which these are."""
    again = cells.map(lambda cell: isinstance(cell, Repeated)).astype(bool)
    return cells.mask(again, None), again


def _on_their_scale(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Turn scores that the map says are on another scale into the instrument's points."""
    known = {**registry(), **mapped.declared()}
    factor = {name: known[name].maximum / float(top) for name, top in mapped.scales.items()}
    cells, own = rows.cells, {}
    for name in map(str, cells):
        if (instrument := name.partition(".")[0]) in factor:
            own[name] = (cells[name] * factor[instrument]).round(10)
        elif name == _SCORE and "assessments.instrument" in cells:
            each = cells["assessments.instrument"].map(factor).astype("float64").fillna(1.0)
            own[name] = (cells[name] * each).round(10)
    return rows.having(**own)


def _with_column(
    rows: TypedRows, cells: pd.Series[Any], target: str, mapped: ColumnMap, *, export: bool
) -> TypedRows:
    table, _, name = target.partition(".")
    if target == IMPORTED:
        return _with_dates(rows, cells, mapped)
    if target in ("sessions.status", SERVICE) and export:  # read with what else says it
        return rows.having(**{target: cells})
    spec = TABLES[table].column(name) if table in TABLES else None
    if spec is None:
        read: pd.Series[Any] = read_numbers(cells)
        bad = cells.notna() & read.isna()
    elif export and spec.kind in ("category", "list"):
        read, bad = _words(cells, spec, target, mapped)
    else:
        read, unread = read_column(cells, spec)
        bad = pd.Series(unread, index=cells.index)
    if export and spec is not None and spec.unit == "day" and IMPORTED in mapped.columns:
        dates = moments_of(cells, mapped.columns.get(target, ""), mapped)
        rows, days = days_of(rows, dates, target, mapped)
        rows = rows.having(**{f"{target}.date": days})
        bad &= dates.days.isna()
    got = "neither yes nor no" if spec is not None and spec.kind == "boolean" else "text"
    word = "5" if spec is None or spec.is_number else next(iter(spec.categories), "massage")
    remedy = SAY_HOW.format(target, word)
    remedy = remedy if export else ""
    return rows.having(**{target: read}).found("R02", target, bad, NO_RULE if export else got,
                                               remedy)  # fmt: skip


def _with_dates(rows: TypedRows, cells: pd.Series[Any], mapped: ColumnMap) -> TypedRows:
    column = mapped.columns[IMPORTED]
    clock = next(iter(mapped.identifiers.get("time", ())), column)
    utc = says_utc(f"{column} {clock}", rows.text[clock])
    dates = moments_of(cells, column, mapped, utc=utc)
    if utc:  # the day in the clinic's zone is known by both
        times = read_times(rows.text[clock]).where(dates.minutes.isna() & dates.days.notna())
        known = zip(dates.days.dropna(), times.fillna(0)[dates.days.notna()], strict=True)
        whole = [f"{iso(day)} {at // 60:02.0f}:{at % 60:02.0f}" for day, at in known]
        both = moments_of(cells.mask(times.notna(), pd.Series(whole, dates.days.dropna().index)),
                          column, mapped, utc=True)  # fmt: skip
        dates = replace(dates, days=both.days, minutes=both.minutes, utc=both.utc)
    rows = rows.found("R21", IMPORTED, dates.days.isna(), "another way of writing, or none")
    rows, days = days_of(rows, dates, IMPORTED, mapped)
    rows = rows.having(date=days, minute=dates.minutes)
    for way, count in dates.counts.items():
        rows = rows.did(f"date written as {way}", column, count)
    return rows


def days_of(
    rows: TypedRows, dates: Dates, target: str, mapped: ColumnMap
) -> tuple[TypedRows, pd.Series[Any]]:
    """Return what is doubtful about a column of dates as findings, and the days that are sure."""
    open_ = dates.ambiguous & (mapped.file.two_ways != "first")
    rows = rows.found("R22", target, open_, _TWO_WAYS)
    got = "dates before the 13th beside text that has the day first, or the month"
    rows = rows.found("R43", target, dates.turned, got)
    rows = rows.found("R44", target, dates.utc, "moments in UTC and no time zone")
    return rows, dates.days.mask(dates.turned | open_)


def moments_of(
    cells: pd.Series[Any], column: str, mapped: ColumnMap, *, utc: bool = False
) -> Dates:
    """Return dates and times of a column as those of the clinic's zone; `utc`: so they are."""
    utc = utc or says_utc(column, cells)
    ways = mapped.file.dates_of.get(column, mapped.file.dates)
    return read_dates(cells, ways, mapped.file.time_zone, utc=utc)


def _words(
    cells: pd.Series[Any], spec: ColumnSpec, target: str, mapped: ColumnMap
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return the listed words, and which cells hold another one."""
    listed = [*spec.categories, *mapped.words.get(target, {}).values()]
    listed += [str(mapped.constants[target])] if target in mapped.constants else []
    if spec.name == "instrument":
        listed += [*registry(), *mapped.instruments]
    known = {word.replace("_", " ").casefold(): str(word) for word in listed if word}
    split = r"[;,]" if spec.kind == "list" else r"(?!)"
    read = cells.map(lambda cell: _listed(str(cell), known, split), na_action="ignore")
    read = read.astype(object).where(read.notna(), None)
    return read, cells.notna() & read.isna()


def _listed(cell: str, known: dict[str, str], split: str) -> str | None:
    words = [part.strip() for part in re.split(split, cell)]
    found = [known.get(word.replace("_", " ").casefold()) for word in words if word]
    return "; ".join(word for word in found if word) if all(found) else None


def in_range(rows: TypedRows, mapped: ColumnMap) -> TypedRows:
    """Return the rows with numbers outside their range emptied, whatever their size."""
    instruments = {**registry(), **mapped.declared()}
    named = [name for name in map(str, rows.cells) if name in DERIVED or "." in name]
    for name in named:
        values = rows.cells[name]
        if not pd.api.types.is_float_dtype(values) or name.endswith(".date"):
            continue
        low, high = _bounds(name, rows.cells, instruments)
        out = (values < low) | (values > high)
        score = name in _OF_INSTRUMENT or name.partition(".")[0] in instruments
        rule = SCORE_OUT_OF_RANGE if score else OUT_OF_RANGE
        rows = rows.found(rule, name, out, "a number outside it")
        rows = rows.having(**{name: values.mask(out)})
    return rows


def _bounds(name: str, cells: pd.DataFrame, instruments: dict[str, Instrument]) -> tuple[Any, Any]:
    """Return lowest and highest value of a typed column, one for all rows or one a row."""
    table, _, column = name.partition(".")
    if table in instruments:
        return instruments[table].minimum, instruments[table].maximum
    if name in _OF_INSTRUMENT:
        known = cells.get(_OF_INSTRUMENT[name], pd.Series(None, index=cells.index, dtype=object))
        low = known.map({k: one.minimum for k, one in instruments.items()}).astype("float64")
        high = known.map({k: one.maximum for k, one in instruments.items()}).astype("float64")
        return low.fillna(-_LONG + 1), high.fillna(_LONG - 1)
    if name in DERIVED:
        return 0, {"age": _OLDEST, "week": 1000, "month": 240}.get(name, _LONG - 1)
    spec = TABLES[table].column(column)
    lowest = 1 - _LONG if spec.minimum is None else spec.minimum
    return lowest, _LONG - 1 if spec.maximum is None else spec.maximum


def clean(
    text: pd.Series[Any], column: str, target: str, mapped: ColumnMap
) -> tuple[pd.Series[Any], list[Step]]:
    """Return the cells of a column as the map's rules read them, with what each rule changed.

    Parameters
    ----------
    text : Series of str
        Cells, shape (rows,).
    column : str
        Name of the column in the file.
    target : str
        Contract column, or ``INSTRUMENT.TIMING`` of a score, that the cells are for.
    mapped : ColumnMap
        Its ``values`` for the target come first, then its ``empty`` words, then its ``rules`` in
        the order they stand. The first one that is for a cell reads it; ``*`` among the values is
        for any cell that none reads, and never for a number in a column of numbers.

    Returns
    -------
    Series of str, list of Step
    """
    empty = {folded(word) for word in mapped.file.empty}
    words = {folded(k): v for k, v in mapped.words.get(target, {}).items()}
    rules = [r for r in mapped.rules if column in r.columns and r.target in ("", target)]
    table, _, own = target.partition(".")
    numeric = TABLES[table].column(own).is_number if table in TABLES else target != SERVICE
    counts: Counter[str] = Counter()
    read: dict[str, tuple[str, str | None]] = {}
    for cell, n in text.dropna().value_counts().items():
        plainly = cleaned(str(cell))
        word = folded(plainly)
        comma = mapped.file.decimal == ","
        number = _DECIMAL_COMMA.sub(".", plainly) if comma else plainly
        if word in words:
            name, becomes = "words of the map", str(words[word])
        elif word in empty:
            name, becomes = "means empty", ""
        else:
            found = ((rule.name, rule.read(" ".join(text.split())))
                     for rule in rules for text in dict.fromkeys((plainly, number)))  # fmt: skip
            name, becomes = next(((n, b) for n, b in found if b is not None), ("", plainly))
        if not name and "*" in words and not (numeric and _NUMBER.fullmatch(number)):
            name, becomes = "any other word", words["*"]
        if not name and number != plainly and re.fullmatch(r"-?\d+\.\d+", number):
            name, becomes = "decimal comma", number
        if not name and plainly != cell:
            name = "control characters taken out"
        read[str(cell)] = (name, becomes or None)
        if name and becomes != cell:
            counts[name] += int(n)
    done = text.map(lambda cell: read[cell][1], na_action="ignore").astype(object)
    return done.where(done.notna(), None), [Step(name, column, n) for name, n in counts.items()]


TRUE = ("true", "yes", "y", "1")
FALSE = ("false", "no", "n", "0")
_WALTON = {**{f"{entry.level} - {entry.name}": entry.level for entry in WALTON}, **WORDS}


def walton_words() -> list[str]:
    """Return the levels as a drop-down shows them: ``3 - medium``."""
    return [f"{entry.level} - {entry.name}" for entry in WALTON]


def read_cells(frame: pd.DataFrame, spec: TableSpec) -> tuple[pd.DataFrame, list[Finding]]:
    """Return `frame` typed as `spec` says, with one finding a column that has unreadable cells.

    Parameters
    ----------
    frame : DataFrame
        Text cells; column names of the contract.
    spec : TableSpec
        The table.

    Returns
    -------
    DataFrame, list of Finding
        The same rows; an unreadable cell is missing and counted in a finding (R02). Pressure may be
        a level (``3``), the Walton scale's word for one (``medium``) or both (``3 - medium``).
    """
    columns: dict[str, pd.Series[Any]] = {}
    findings: list[Finding] = []
    if "score" in frame:
        scores, again = once(frame["score"])
        frame = frame.assign(score=scores)
        findings += where_broken("R74", spec.name, "score", again, got=_MERGED)
    for name in frame.columns:
        column = spec.column(str(name))
        columns[column.name], bad = read_column(frame[name], column)
        if bad.any():
            got = "text" if column.is_number else "neither yes nor no"
            positions = bad.nonzero()[0].tolist()
            findings.append(finding("R02", spec.name, column.name, positions, got=got))
        if not column.is_number and column.kind != "boolean":
            columns[column.name] = each(frame[name], cleaned)
            odd = (columns[column.name] != frame[name]) & frame[name].notna()
            findings += where_broken("R60", spec.name, column.name, odd, got="others")
    return pd.DataFrame(columns, index=frame.index), findings


def read_column(text: pd.Series[Any], column: ColumnSpec) -> tuple[pd.Series[Any], Any]:
    """Return the cells of one column typed, and which of them cannot be read (shape (rows,))."""
    if column.is_number:
        words = text
        if column.unit == "Walton 0-5":
            words = text.map(lambda cell: _WALTON.get(cell.casefold(), cell), na_action="ignore")
        numbers = read_numbers(words)
        return numbers, (text.notna() & numbers.isna()).to_numpy()
    if column.kind == "boolean":
        words = text.map(str.lower, na_action="ignore")
        read = words.map({**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)})
        return read.astype("boolean"), (text.notna() & read.isna()).to_numpy()
    return text, text.isna().to_numpy() & False


def read_numbers(text: pd.Series[Any]) -> pd.Series[Any]:
    """Return cells as float64, NaN where they are no finite number."""
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    return numbers.where(numbers.abs() != float("inf"))
