"""Cells of text into the types of the data contract, by declared rules; each change is counted."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd

from outcomes.dictionary.pressure import WALTON, WORDS
from outcomes.dictionary.tables import TABLES, ColumnSpec, TableSpec
from outcomes.findings import Finding, finding, where_broken
from outcomes.intake.column_map import SERVICE, ColumnMap
from outcomes.intake.toml_records import folded
from outcomes.plain_text import cleaned, each
from outcomes.privacy.manifest import Step

_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


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
        Its ``empty`` words come first, then its ``values`` for the target, then its ``rules`` in
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
        name, becomes = "", plainly
        if word in empty:
            name, becomes = "means empty", ""
        elif word in words:
            name, becomes = "words of the map", words[word]
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
    for name in frame.columns:
        column = spec.column(str(name))
        columns[column.name], bad = read_column(frame[name], column)
        if bad.any():
            got = "text" if column.is_number else "neither yes nor no"
            findings.append(finding("R02", spec.name, column.name, _positions(bad), got=got))
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


def _positions(mask: Any) -> list[int]:
    return [int(i) for i in mask.nonzero()[0]]
