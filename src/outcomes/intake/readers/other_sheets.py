"""Sheets of a workbook that are not of the rows: facts of clients beside them, scores below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.errors import DataError
from outcomes.intake.dates import AFTER_DATE
from outcomes.intake.readers.table import Rows, distinct
from outcomes.privacy.patterns import plain


def known_by(cells: pd.DataFrame, columns: Mapping[str, str]) -> pd.Series[str]:
    """Return what each row is known by: a record or day as written, a name in any order of words.

    Parameters
    ----------
    cells : DataFrame of str
        Rows of a sheet.
    columns : mapping of str to str
        Its columns to those of the rows that they are held against; parts of a name to one.

    Examples
    --------
    >>> cells = pd.DataFrame({"First": ["Ann"], "Last": ["Lee"]})
    >>> known_by(cells, {"First": "Client", "Last": "Client"}).tolist()
    ['ann lee']
    """
    whole = one_each(cells, columns).map(_same)
    return whole.agg("|".join, axis=1).where((whole != "").all(axis=1))


def one_each(cells: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of a sheet under the names of the rows' own; parts of one joined."""
    parts: dict[str, list[str]] = {}
    for theirs, ours in columns.items():
        parts.setdefault(ours, []).append(theirs)
    joined = {ours: cells[own].fillna("").agg(" ".join, axis=1).str.strip()
              for ours, own in parts.items()}  # fmt: skip
    return pd.DataFrame(joined, dtype=object)


def _same(cell: str) -> str:
    words = plain(AFTER_DATE.sub("", cell.strip())).split()
    return " ".join(words if any(map(str.isdigit, "".join(words))) else sorted(words))


def looked_up(rows: Rows, sheet: Rows, columns: Mapping[str, str], where: str) -> Rows:
    """Return the rows with what a sheet says of each client, or of each visit.

    Raises
    ------
    DataError
        When a client stands there twice, or a column is not there.
    """
    _refuse_absent(rows, sheet, columns, where)
    theirs = known_by(sheet.cells, columns)
    if theirs.dropna().duplicated().any():
        must, got = "what is looked up in a sheet stands there once", "it twice"
        remedy = "Take the repeated row out, or give people a number."
        raise DataError(must, got=got, where=where, remedy=remedy)
    ours = known_by(rows.cells, {name: name for name in columns.values()})
    facts = sheet.cells.drop(columns=[*columns])[theirs.notna()].set_axis(theirs.dropna())
    names = distinct([*rows.cells, *facts])[rows.cells.shape[1] :]
    found = facts.set_axis(names, axis=1).reindex(ours).set_axis(rows.cells.index)
    cells = pd.concat([rows.cells, found.astype(object).where(found.notna(), None)], axis=1)
    n_alone = int((~theirs.isin(ours)).sum())
    told = {"rows of a further sheet without a visit": n_alone} if n_alone else {}
    return replace(rows, cells=cells, skipped={**rows.skipped, **told})


def below(rows: Rows, sheet: Rows, columns: Mapping[str, str], where: str) -> Rows:
    """Return the rows, and below them those of a sheet of scores, under the rows' headers."""
    _refuse_absent(rows, sheet, columns, where)
    own = one_each(sheet.cells, columns)
    own = pd.concat([own.where(own != "", None), sheet.cells.drop(columns=[*columns])], axis=1)
    cells = pd.concat([rows.cells, own], ignore_index=True).astype(object)
    numbers = np.concatenate([rows.numbers, sheet.numbers])
    return Rows(cells.where(cells.notna(), None), numbers, (*rows.sheets, *sheet.sheets),
                {**rows.skipped, **sheet.skipped})  # fmt: skip


def _refuse_absent(rows: Rows, sheet: Rows, columns: Mapping[str, str], where: str) -> None:
    absent = [*(name for name in columns if name not in sheet.cells),
              *(name for name in columns.values() if name not in rows.cells)]  # fmt: skip
    if absent:
        must = "each column that the map names is in its sheet"
        got = f"no column {', '.join(absent)}"
        raise DataError(must, got=got, where=where, remedy="Correct the map.")
