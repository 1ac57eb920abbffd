"""Columns of a block's tables as arrays; words are kept as codes until somebody needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.dictionary.tables import TABLES


@dataclass(frozen=True)
class Words:
    """A column of words.

    Parameters
    ----------
    codes : ndarray of int, shape (rows,)
        Positions in `words`; -1 for unknown.
    words : sequence of str
        The words.
    """

    codes: NDArray[Any]
    words: Any


Column = NDArray[Any] | Words
"""Numbers with NaN where unknown, booleans, or words."""
Table = Mapping[str, Column]


def take(column: Column, rows: NDArray[Any]) -> Column:
    """Return some rows of a column."""
    if isinstance(column, Words):
        return Words(column.codes[rows], column.words)
    kept: NDArray[Any] = column[rows]
    return kept


def to_frame(tables: list[Table]) -> pd.DataFrame:
    """Join the same table of several blocks to one frame."""
    names = list(tables[0])
    return pd.DataFrame({name: _joined([table[name] for table in tables]) for name in names})


def to_arrow(name: str, table: Table) -> Any:
    """Return a table of the data contract as a `pyarrow.Table`, whole numbers as int32."""
    import pyarrow as pa

    whole = {column.name for column in TABLES[name].columns if column.kind == "integer"}
    return pa.table({key: _arrow_array(value, key in whole) for key, value in table.items()})


def _joined(parts: list[Column]) -> NDArray[Any]:
    return np.concatenate([_as_objects(part) for part in parts])


def _as_objects(column: Column) -> NDArray[Any]:
    if not isinstance(column, Words):
        return column
    words = np.array([*column.words, None], dtype=object)  # code -1 is the last: unknown
    named: NDArray[Any] = words[column.codes]
    return named


def _arrow_array(column: Column, whole: bool) -> Any:
    import pyarrow as pa

    if isinstance(column, Words):
        codes = pa.array(column.codes.astype(np.int32), mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(list(column.words), pa.string()))
    if column.dtype == bool:
        return pa.array(column)
    unknown = np.isnan(column)
    if whole:
        return pa.array(np.where(unknown, 0, column).astype(np.int32), mask=unknown)
    return pa.array(column, mask=unknown)
