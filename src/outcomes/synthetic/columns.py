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
Cells = tuple[NDArray[Any], NDArray[Any]]
"""Course and column of the time grid of each row."""


def cells(mask: NDArray[np.bool_]) -> Cells:
    """Return course and column of the true cells, course by course in the order of time."""
    course, column = np.nonzero(mask.T)
    return course, column


def join(tables: list[Table]) -> Table:
    """Join the same table of several blocks."""
    return {name: _joined([table[name] for table in tables]) for name in tables[0]}


def to_frame(table: Table) -> pd.DataFrame:
    """Return a table as a frame, unknown words as None."""
    return pd.DataFrame({name: _as_objects(column) for name, column in table.items()})


def to_arrow(name: str, table: Table) -> Any:
    """Return a table of the data contract as a `pyarrow.Table`, whole numbers as int32."""
    import pyarrow as pa

    whole = {column.name for column in TABLES[name].columns if column.kind == "integer"}
    return pa.table({key: _arrow_array(value, key in whole) for key, value in table.items()})


def _joined(parts: list[Column]) -> Column:
    words = [part for part in parts if isinstance(part, Words)]
    if not words:
        return np.concatenate([part for part in parts if not isinstance(part, Words)])
    if all(part.words == words[0].words for part in words):
        return Words(np.concatenate([part.codes for part in words]), words[0].words)
    return _with_own_words(words)


def _with_own_words(parts: list[Words]) -> Words:
    """Join ids: each block has its own."""
    starts = np.cumsum([0, *(len(part.words) for part in parts)])
    codes = [
        np.where(part.codes < 0, -1, part.codes + start)
        for part, start in zip(parts, starts, strict=False)
    ]
    return Words(np.concatenate(codes), [word for part in parts for word in part.words])


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
