"""Rows that come piece by piece: too many to hold, or cut to be passed quicker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Rows that come piece by piece, each with every row of the courses in it; none is kept.

    Parameters
    ----------
    sources : tuple of callable
        Each reads one piece, a frame with the columns of all others.
    n : int
        Rows of all pieces, after the changes.
    changes : tuple of callable
        What is done to a piece after it is read: takes and returns a frame.

    Examples
    --------
    >>> rows = Pieces((lambda: pd.DataFrame({"x": [1, 2]}), lambda: pd.DataFrame({"x": [3]})), 3)
    >>> odd = rows.changed(lambda piece: piece[piece["x"] % 2 == 1], 2)
    >>> len(odd), [piece["x"].tolist() for piece in odd], odd.together()["x"].tolist()
    (2, [[1], [3]], [1, 3])
    """

    sources: tuple[Callable[[], pd.DataFrame], ...]
    n: int
    changes: tuple[Change, ...] = ()

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for read in self.sources:
            piece = read()
            for change in self.changes:
                piece = change(piece)
            yield piece

    def changed(self, change: Change, n: int | None = None) -> Pieces:
        """Return the pieces with a further change, after which there are `n` rows."""
        return replace(self, changes=(*self.changes, change), n=self.n if n is None else n)

    def together(self) -> pd.DataFrame:
        """Return all rows."""
        return pd.concat(list(self), ignore_index=True)


def cut_rows(data: pd.DataFrame, group: str, size: int) -> Iterator[pd.DataFrame]:
    """Cut a table into parts of about so many rows that hold whole groups.

    Parameters
    ----------
    data : DataFrame
    group : str
        The column of the finest groups.
    size : int
        Rows.
    """
    codes = pd.factorize(data[group])[0]
    order = None if (codes[1:] >= codes[:-1]).all() else np.argsort(codes, kind="stable")
    ordered = codes if order is None else codes[order]
    start = 0
    while start < len(data):
        last = ordered[min(start + size, len(data)) - 1]
        end = int(np.searchsorted(ordered, last, side="right"))
        yield data.iloc[start:end] if order is None else data.iloc[order[start:end]]
        start = end
