"""Turn columns of text into the types of the data contract; what cannot be read is a finding."""

from __future__ import annotations

from typing import Any

import pandas as pd

from outcomes.dictionary.pressure import WALTON, WORDS
from outcomes.dictionary.tables import ColumnSpec, TableSpec
from outcomes.findings import Finding, finding, on_the_way, where_broken
from outcomes.plain_text import cleaned, each

TRUE = ("true", "yes", "y", "1")
FALSE = ("false", "no", "n", "0")
_WALTON = {
    **{f"{entry.level} - {entry.name}": entry.level for entry in WALTON},
    **WORDS,
}


def walton_words() -> list[str]:
    """Return the levels as a drop-down shows them: ``3 - medium``."""
    return [f"{entry.level} - {entry.name}" for entry in WALTON]


@on_the_way("R02", "error", "a cell can be read as what its column holds",
      "Correct the cell; leave it empty where the value is not known.")  # fmt: skip
@on_the_way("R60", "warning", "a word holds letters and signs that can be seen",
      "Control characters and hidden marks are taken out; the count is of cells.")  # fmt: skip
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
