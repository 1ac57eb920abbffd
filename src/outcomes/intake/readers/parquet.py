"""Read a Parquet file as text."""

from __future__ import annotations

from pathlib import Path

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.readers.form import FileFormat
from outcomes.intake.readers.table import Rows, rows_of


def read_parquet(place: str, _form: FileFormat) -> Rows:
    """Return the rows of a Parquet file; raises `DataError` where it is none."""
    try:
        from pyarrow import ArrowException, parquet

        table = parquet.read_table(place).to_pandas(ignore_metadata=True)  # an index is a column
        cells = table.astype(object)
    except ImportError:
        must = "reading Parquet needs pyarrow"
        remedy = "Install it with: pip install 'outcomes[big]'."
        raise UnavailableError(must, got="none", remedy=remedy) from None
    except (OSError, ValueError, LookupError, TypeError, ArrowException):
        must = "the file is a Parquet file"
        raise DataError(must, got="something else, or none", where=Path(place).name) from None
    return rows_of(cells, Path(place).name)
