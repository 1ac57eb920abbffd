"""Turn columns of text into the types of the data contract; what cannot be read is a finding."""

from __future__ import annotations

from typing import Any

import pandas as pd

from outcomes.dictionary.columns import ColumnSpec, TableSpec
from outcomes.findings import Finding, finding

TRUE = ("true", "yes", "y", "1")
FALSE = ("false", "no", "n", "0")


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
        The same rows; an unreadable cell is missing and counted in a finding (R02).
    """
    columns: dict[str, pd.Series[Any]] = {}
    findings: list[Finding] = []
    for name in frame.columns:
        column = spec.column(str(name))
        columns[column.name], bad = _read_column(frame[name], column)
        if bad.any():
            got = "text" if column.is_number else "neither yes nor no"
            findings.append(finding("R02", spec.name, column.name, _positions(bad), got=got))
    return pd.DataFrame(columns, index=frame.index), findings


def _read_column(text: pd.Series[Any], column: ColumnSpec) -> tuple[pd.Series[Any], Any]:
    if column.is_number:
        numbers = pd.to_numeric(text, errors="coerce")
        numbers = numbers.where(numbers.abs() != float("inf"))
        return numbers, (text.notna() & numbers.isna()).to_numpy()
    if column.kind == "boolean":
        words = text.str.lower()
        read = words.map({**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)})
        return read.astype("boolean"), (text.notna() & read.isna()).to_numpy()
    return text, (text.isna() & text.notna()).to_numpy()


def _positions(mask: Any) -> list[int]:
    return [int(i) for i in mask.nonzero()[0]]
