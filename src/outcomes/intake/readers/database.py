"""Read tables and queries of a database as text, through SQLAlchemy: SQLite, DuckDB, PostgreSQL.

Nothing is ever written. A statement is judged before it is sent (one SELECT, without a word that
writes), files are opened read-only (SQLite ``mode=ro`` with an authorizer, DuckDB ``read_only``
without access to other files), PostgreSQL in a read-only transaction, and nothing is committed.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from outcomes.errors import DataError
from outcomes.intake.readers.table import FileFormat, Record, Rows, name_of, plain_text, table_of
from outcomes.intake.refusals import refuse
from outcomes.plain_text import refuse_missing, shipped

_WRITES: list[str] = shipped("intake/readers/database.toml")["writes"]
"""Words that no query needs which only reads; where a column has such a name, it is quoted."""
_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION,
          sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION)  # fmt: skip
_DRIVERS = {"postgres": "postgresql+pg8000", "postgresql": "postgresql+pg8000"}


def read_database(url: str, form: FileFormat) -> Rows:
    """Return a table, or what a query selects, as text.

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
    Rows
        Dates as 2026-05-04; a missing value is missing.

    Raises
    ------
    UsageError
        When the address is none, neither or both are given, the query does more than read, or the
        database refuses it.
    UnavailableError
        When SQLAlchemy or the driver is not installed, or the database cannot be reached.
    DataError
        When the database's file is missing, or no row is selected.
    """
    name = name_of(url)
    if bool(form.table) == bool(form.query):
        refuse("table_or_query", name)
    if form.query:
        judge(form.query, name)
    with _connected(url, name) as connection:
        return _rows(connection, name, form.table, form.query)


def read_database_tables(url: str, wanted: Collection[str]) -> dict[str, Rows]:
    """Return those of the wanted tables that the database holds, as text, by name."""
    name = name_of(url)
    with _connected(url, name) as connection:
        import sqlalchemy

        present = sqlalchemy.inspect(connection).get_table_names()
        held = [table for table in wanted if table in present]
        return {table: _rows(connection, name, table, "", may_be_empty=True) for table in held}


def judge(query: str, name: str) -> None:
    """Raise `UsageError` where a query is more than one statement that reads.

    Examples
    --------
    >>> judge("SELECT who, 'drop' AS word FROM visits;", "clinic.db")
    >>> judge("WITH gone AS (DELETE FROM visits RETURNING *) SELECT * FROM gone", "clinic.db")
    Traceback (most recent call last):
    outcomes.errors.UsageError: a query is one SELECT and writes nothing; got the word delete ...
    """
    bare = _parts(query, comments="")
    begins = re.match(r"[\s(]*(select|with)\b", bare, re.IGNORECASE)
    words = set(re.findall(r"\w+", _parts(query, comments=" ").casefold()))
    writes = [word for word in _WRITES if word in words]
    got = (
        "another statement" if not begins
        else f"the word {writes[0]}" if writes
        else "several statements" if ";" in bare.strip().rstrip(";")
        else "quotation marks that may be read in two ways"
        if re.search(r"\\['\"`]|\$\w*\$|/\*!", query) or re.search("['\"`]", bare)
        else ""
    )  # fmt: skip
    if got:
        refuse("query_writes", name, got=got)


def _parts(query: str, *, comments: str) -> str:
    """Return a statement without what is quoted, and without comments or with their words."""
    both = re.compile(f"{_QUOTED.pattern}|({_COMMENT.pattern})", re.DOTALL)
    return both.sub(lambda found: comments + (found[1] or "") if comments else " ", query)


@contextmanager
def _connected(url: str, name: str) -> Iterator[Any]:
    """Connect, and turn whatever the database says into errors that show no cell or password."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    except ImportError:
        refuse("sqlalchemy", library="SQLAlchemy")
    try:
        address = sqlalchemy.make_url(url)
        address = address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))
        read_only = _read_only(address)
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool, **read_only)
    except (ArgumentError, NoSuchModuleError, ValueError, TypeError):
        refuse("database_address", name)
    except ImportError as error:
        refuse("sqlalchemy", library=error.name or "its driver")
    if address.get_backend_name() in ("sqlite", "duckdb"):  # which would make an empty one
        refuse_missing(Path(address.database or name), "database's file", DataError)
    try:
        connection = engine.connect().execution_options(stream_results=True)
        if address.get_backend_name() == "postgresql":
            connection = connection.execution_options(postgresql_readonly=True)
    except (sqlalchemy.exc.SQLAlchemyError, OSError):
        refuse("database_closed", name)
    log = logging.getLogger("sqlalchemy")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)  # it logs what the server says, and that may quote a cell
    try:
        yield connection
    except sqlalchemy.exc.SQLAlchemyError:
        refuse("database_refuses", name)
    finally:
        connection.close()
        log.setLevel(level)


def _read_only(address: Any) -> dict[str, Any]:
    """Return what opens a file of SQLite or DuckDB so that it cannot be written to."""
    if address.get_backend_name() == "duckdb":
        safe = {"enable_external_access": "false"}
        return {"connect_args": {"read_only": True, "config": safe}}
    if address.get_backend_name() != "sqlite":
        return {}

    def opened() -> sqlite3.Connection:
        place = f"{Path(address.database).resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(place, uri=True)
        connection.set_authorizer(_allowed)
        return connection

    return {"creator": opened}


def _allowed(action: int, what: str | None, value: str | None, *_: str | None) -> int:
    """Allow SQLite what reads; SQLAlchemy asks for one setting, and changes none."""
    asks = action == sqlite3.SQLITE_PRAGMA and what == "read_uncommitted" and value is None
    extends = action == sqlite3.SQLITE_FUNCTION and value == "load_extension"
    reads = action in _READS and not extends
    return sqlite3.SQLITE_OK if reads or asks else sqlite3.SQLITE_DENY


def _rows(
    connection: Any, name: str, table: str, query: str, *, may_be_empty: bool = False
) -> Rows:
    import sqlalchemy

    schema, _, own = table.rpartition(".")
    from_table = sqlalchemy.table(own, schema=schema or None)
    whole = sqlalchemy.select(sqlalchemy.text("*")).select_from(from_table)
    result = connection.execute(sqlalchemy.text(query) if query else whole)
    if not result.returns_rows:
        refuse("query_without_rows", name)
    header = [str(column) for column in result.keys()]  # noqa: SIM118 - not a mapping
    rows: Iterator[Record] = ([plain_text(cell) for cell in row] for row in result)
    return table_of(enumerate(rows, start=1), [header], name, may_be_empty=may_be_empty)
