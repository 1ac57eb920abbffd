"""Read tables and queries of a database as text, through SQLAlchemy: SQLite, DuckDB, PostgreSQL.

Nothing is ever written: a query's transaction is not committed, and a file must be there already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.errors import DataError, UnavailableError, UsageError
from outcomes.intake.readers.form import FileFormat, name_of
from outcomes.intake.readers.text_table import refuse_repeated, text_frame

_DRIVERS = {"postgres": "postgresql+pg8000", "postgresql": "postgresql+pg8000"}


def read_database(url: str, form: FileFormat) -> pd.DataFrame:
    """Return a table, or what a query selects, as a frame of text.

    Parameters
    ----------
    url : str
        ``sqlite:///file.db``, ``duckdb:///file.duckdb``, ``postgresql://user:password@host/name``,
        or another that SQLAlchemy knows and has a driver for.
    form : FileFormat
        Its table or its query, one of the two; a table may be given with its schema,
        ``records.visits``.

    Returns
    -------
    DataFrame
        Shape (rows, columns), all text; dates as 2026-05-04, a missing value is missing.

    Raises
    ------
    UsageError
        When the address is none, neither or both are given, or the database refuses the query.
    UnavailableError
        When SQLAlchemy or the driver is not installed, or the database cannot be reached.
    DataError
        When the database's file is missing, or no row is selected.
    """
    name = name_of(url)
    if bool(form.table) == bool(form.query):
        must = "the map names the table or the query of a database"
        remedy = 'Write table = "..." or query = "..." under [source] in the column map.'
        raise UsageError(must, got="neither, or both", where=name, remedy=remedy)
    with _connected(url, name) as connection:
        return _rows(connection, name, form.table, form.query)


def read_database_tables(url: str, wanted: Collection[str]) -> dict[str, pd.DataFrame]:
    """Return those of the wanted tables that the database holds, as frames of text by name."""
    name = name_of(url)
    with _connected(url, name) as connection:
        import sqlalchemy

        present = sqlalchemy.inspect(connection).get_table_names()
        return {
            table: _rows(connection, name, table, "", may_be_empty=True)
            for table in wanted
            if table in present
        }


@contextmanager
def _connected(url: str, name: str) -> Iterator[Any]:
    """Connect, and turn whatever the database says into errors that show no cell or password."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    except ImportError:
        raise _not_installed() from None
    try:
        address = sqlalchemy.make_url(url)
        address = address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    except (ArgumentError, NoSuchModuleError, ValueError, TypeError):
        must = "a database address is one that SQLAlchemy knows"
        remedy = "For example sqlite:///clinic.db, or postgresql://user@host/name."
        raise UsageError(must, got="another", where=name, remedy=remedy) from None
    except ImportError as error:
        raise _not_installed(error.name or "its driver") from None
    _refuse_missing_file(address, name)
    try:
        connection = engine.connect()
    except (sqlalchemy.exc.SQLAlchemyError, OSError):
        must = "the database can be opened"
        remedy = "Check its address, that it runs, and the user and password."
        raise UnavailableError(must, got="no connection", where=name, remedy=remedy) from None
    try:
        yield connection
    except sqlalchemy.exc.SQLAlchemyError:
        must = "the database takes the query and holds the table"
        remedy = "Try the query in the database's own program, and check [source]."
        raise UsageError(must, got="a refusal", where=name, remedy=remedy) from None
    finally:
        connection.close()


def _not_installed(library: str = "SQLAlchemy") -> UnavailableError:
    remedy = "Install it with: pip install 'outcomes[sql]'."
    return UnavailableError(f"reading this database needs {library}", got="none", remedy=remedy)


def _refuse_missing_file(address: Any, name: str) -> None:
    """Refuse a file that is not there; SQLite and DuckDB would make an empty one."""
    in_file = address.get_backend_name() in ("sqlite", "duckdb")
    if in_file and not Path(address.database or "").is_file():
        must = "the database's file exists"
        raise DataError(must, got="no such file", where=name, remedy="Check the path.")


def _rows(
    connection: Any, name: str, table: str, query: str, *, may_be_empty: bool = False
) -> pd.DataFrame:
    import sqlalchemy

    schema, _, own = table.rpartition(".")
    whole = sqlalchemy.select(sqlalchemy.text("*")).select_from(
        sqlalchemy.table(own, schema=schema or None)
    )
    result = connection.execute(sqlalchemy.text(query) if query else whole)
    if not result.returns_rows:
        must = "a query selects rows"
        raise UsageError(must, got="another statement", where=name, remedy="Write a SELECT.")
    header = [str(column) for column in result.keys()]  # noqa: SIM118 - not a mapping
    refuse_repeated(header, name)
    cells = pd.DataFrame(list(map(tuple, result)), columns=header, dtype=object)
    return text_frame(cells, name, may_be_empty=may_be_empty)
