"""Look for identifiers in cells where they do not belong, and report them by position."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pandas as pd

from outcomes.privacy.names import names_somebody
from outcomes.privacy.patterns import PATTERNS, any_holds, found_in, plain, words_in


@dataclass(frozen=True)
class Sighting:
    """One kind of identifier in one column.

    Parameters
    ----------
    column : str
        Column of the file.
    kind : str
        What it looks like, ``name`` among them.
    rows : tuple of int
        Positions of the rows, 1 = first row of data; shape (count,).
    """

    column: str
    kind: str
    rows: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.rows)


def scan(
    rows: pd.DataFrame, columns: Collection[str], names: Collection[str], expected: Collection[str]
) -> list[Sighting]:
    """Return the identifiers that stand in the given columns. Nothing is changed.

    Parameters
    ----------
    rows : DataFrame of str
        Cells as they were read, shape (rows, columns); the index is the position in the file.
    columns : collection of str
        Columns to look at.
    names : collection of str
        Single words of names that the file's own name columns hold.
    expected : collection of str
        Columns that hold names or dates by their nature: these two kinds are not looked for there.

    Returns
    -------
    list of Sighting
        In the order of the columns. What is not listed may still be there: a name that no column of
        the file holds has no shape that a program could know.

    Examples
    --------
    >>> cells = pd.DataFrame({"goal": ["walk", "call 602-555-0100"]})
    >>> scan(cells, ["goal"], [], [])
    [Sighting(column='goal', kind='phone', rows=(2,))]
    """
    return [
        sighting
        for column in columns
        for sighting in _column(rows[column], column, names, own=column in expected)
    ]


def _column(
    cells: pd.Series[str], column: str, names: Collection[str], *, own: bool
) -> Iterator[Sighting]:
    words = set(names)
    different = [str(cell) for cell in cells.dropna().unique()]
    for kind in PATTERNS:
        if (own and kind == "date") or not any_holds(different, kind):
            continue
        yield Sighting(column, kind, _positions(cells, found_in(cells, kind)))
    titled = {cell for cell in different if not own and names_somebody(cell, surely=True)}
    if titled:
        yield Sighting(column, "title", _positions(cells, cells.isin(titled)))
    if not own and any(not words.isdisjoint(plain(cell).split()) for cell in different):
        yield Sighting(column, "name", _positions(cells, words_in(cells, words)))


def _positions(cells: pd.Series[str], found: pd.Series[bool]) -> tuple[int, ...]:
    return tuple(int(i) + 1 for i in cells.index[found.to_numpy()])
