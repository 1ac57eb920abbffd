"""Columns as the formula library and NumPy expect them: no nullable and no small integer types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def with_plain_types(data: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return the data with the named columns in NumPy's own types, other columns as they are.

    Parameters
    ----------
    data : pandas.DataFrame
    names : iterable of str

    Returns
    -------
    pandas.DataFrame
        The data themselves where nothing has to change. Integers narrower than 64 bits are
        widened, since a product of them would wrap around in silence; nullable numbers become
        floats with NaN (whole ones stay integers where none is missing), nullable text objects.

    Examples
    --------
    >>> small = pd.DataFrame({"t": np.array([100], dtype="int8"), "n": pd.array([1], "Int64")})
    >>> with_plain_types(small, ["t", "n"]).dtypes.tolist()
    [dtype('int64'), dtype('int64')]
    """
    changed = {name: plain for name in names if (plain := _plain(data[name])) is not None}
    if not changed:
        return data
    copy = data.copy(deep=False)
    for name, column in changed.items():
        copy[name] = column
    return copy


def _plain(column: pd.Series[Any]) -> pd.Series[Any] | None:
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        narrow = dtype.kind in "iu" and dtype != np.int64 and dtype.itemsize <= 8
        return column.astype(np.int64) if narrow else None
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return column.astype(object) if _nullable_text(dtype) else None
    if pd.api.types.is_bool_dtype(dtype) and not column.isna().any():
        return column.astype(bool)
    if pd.api.types.is_bool_dtype(dtype):
        return column.astype(object)
    if pd.api.types.is_integer_dtype(dtype) and not column.isna().any():
        return column.astype(np.int64)
    if pd.api.types.is_numeric_dtype(dtype):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
    return None


def _nullable_text(dtype: pd.CategoricalDtype | pd.StringDtype) -> bool:
    return isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA
