"""Databases: the four tables, a table or a query; errors show neither cells nor passwords."""

from __future__ import annotations

import builtins
import logging
import sqlite3
from contextlib import suppress

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.errors import DataError, PrivacyError, UnavailableError, UsageError
from outcomes.intake.import_export import import_export
from outcomes.intake.readers import FileFormat, name_of, read_source
from outcomes.intake.readers import database as reader

sqlalchemy = pytest.importorskip("sqlalchemy")
pytest.importorskip("duckdb_engine")

FLAT = {"columns": {"episode_id": "id", "score": "pain", "session": "visit"},
        "constants": {"instrument": "nprs"}}  # fmt: skip
EXPORT = {"source": {"table": "visits"}, "identifiers": {"name": "who"},
          "columns": {"date": "seen"}, "scores": {"nprs": {"pre_session": "pain"}}}  # fmt: skip


@pytest.fixture
def database(tmp_path):
    """Return a function that runs statements on a new SQLite file and returns its address."""

    def make(*statements):
        with sqlite3.connect(tmp_path / "clinic.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return f"sqlite:///{tmp_path / 'clinic.db'}"

    return make


SCORES = ("CREATE TABLE pains (id TEXT, visit INTEGER, pain REAL)",
          "INSERT INTO pains VALUES ('a', 1, 7.0), ('a', 2, 5.5), ('b', 1, NULL)")  # fmt: skip
VISITS = ("CREATE TABLE visits (who TEXT, seen DATE, pain INTEGER)",
          "INSERT INTO visits VALUES ('Ann Lee', '2026-05-04', 7), ('Ann Lee', '2026-05-11', 5)",
          )  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_study_in_a_database_is_the_study_in_its_folder(folder, tmp_path, kind):
    study = oc.load(folder())
    url = f"{kind}:///{tmp_path / 'study.db'}"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for name in ("episodes", "sessions", "assessments", "goals"):
            frame = study.table(name).dropna(axis=1, how="all")
            frame.to_sql(name, connection, index=False)
    again = oc.load(url)
    assert again.provenance.source == "study.db"
    for name in ("episodes", "sessions", "assessments", "goals"):
        pd.testing.assert_frame_equal(study.table(name), again.table(name))


@pytest.mark.parametrize("source", [{"table": "pains"}, {"table": "main.pains"},
                                    {"query": "SELECT id, visit, pain FROM pains"}])  # fmt: skip
def test_a_table_or_a_query_of_flat_rows(database, source):
    study = oc.load(database(*SCORES), {**FLAT, "source": source})
    assert study.assessments["score"].tolist() == [7, 5.5]
    assert study.provenance.left_out[0].count == 1


def test_the_command_line_takes_an_address(folder, tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        scores = oc.load(folder()).assessments.dropna(axis=1, how="all")
        scores.to_sql("assessments", connection, index=False)
    assert main(["check", url]) == 0
    assert main(["import", "--guess", url]) == 2
    assert "[source]" in capsys.readouterr().err


def test_rows_that_name_people_are_imported(database, tmp_path):
    url = database(*VISITS)
    with pytest.raises(PrivacyError):
        oc.load(url, {**FLAT, "columns": {"episode_id": "who", "score": "pain", "day": "seen"},
                      "source": {"table": "visits"}})  # fmt: skip
    study, manifest = import_export(url, EXPORT, tmp_path / "key.json", tmp_path / "out")
    assert study.assessments["day"].tolist() == [0, 7]
    again, later = import_export(url, EXPORT, tmp_path / "key.json", tmp_path / "out")
    assert manifest.source_sha256 == later.source_sha256
    pd.testing.assert_frame_equal(study.assessments, again.assessments)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({}, "the table or the query"),
        ({"table": "visits", "query": "SELECT 1"}, "the table or the query"),
        ({"table": "nothing"}, "takes the query"),
        ({"query": "SELECT 'Ann Lee' FROM"}, "takes the query"),
        ({"query": "DELETE FROM visits"}, "a query is one SELECT"),
        ({"query": "SELECT who, who FROM visits"}, "no column seen"),
        ({"query": "SELECT who FROM visits WHERE pain > 10"}, "at least one row"),
        ({"colour": "red"}, "an entry of"),
    ],
)
def test_a_source_that_cannot_be_read(database, tmp_path, source, says):
    url = database(*VISITS)
    with pytest.raises((UsageError, DataError), match=says) as caught:
        import_export(url, {**EXPORT, "source": source}, tmp_path / "key.json", tmp_path / "out")
    assert "Ann" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clinic.db"]
    assert (
        len(sqlite3.connect(tmp_path / "clinic.db").execute("SELECT * FROM visits").fetchall()) == 2
    )


WRITING = (
    "DROP TABLE visits", "drop table visits", "  -- only looking\n DROP TABLE visits",
    "PRAGMA journal_mode=DELETE", "ATTACH 'new.db' AS other", "VACUUM INTO 'copy.db'", "VACUUM",
    "CREATE TABLE mine (a TEXT)", "INSERT INTO visits VALUES ('Bo', '2026-01-01', 3)",
    "UPDATE visits SET pain = 0", "COPY visits TO 'out.csv'", "EXPORT DATABASE 'out'",
    "SELECT 1; DROP TABLE visits", "SELECT 1 /* ; */ ; DELETE FROM visits",
    "WITH gone AS (DELETE FROM visits RETURNING *) SELECT * FROM gone",
    "SELECT * INTO mine FROM visits", "SELECT load_extension('evil')",
    "SELECT writefile('out.txt', 'x')", "SELECT 'a\\' , '; DROP TABLE visits; -- '",
    "SELECT $$'$$; DROP TABLE visits; --'", "SELECT /*! 1 */ 2", "SELECT 'open",
    "INSTALL httpfs", "LOAD 'evil'", "SET x = 1", "BEGIN", "", ";",
)  # fmt: skip


@pytest.mark.parametrize("query", WRITING)
def test_a_statement_that_does_more_than_read_is_not_sent(database, query, monkeypatch):
    url = database(*VISITS)
    monkeypatch.setattr(reader, "_connected", None)
    with pytest.raises(UsageError):
        read_source(url, FileFormat(query=query))


@pytest.mark.parametrize(
    "query",
    ["SELECT who FROM visits;", "-- pains\nSELECT who FROM visits",
     "WITH one AS (SELECT * FROM visits) SELECT who FROM one", "SELECT 'drop; it' AS who",
     'SELECT who AS "update" FROM visits', "SELECT replace(who, 'Ann', 'x') FROM visits"],
)  # fmt: skip
def test_a_statement_that_reads_is_sent(database, query):
    assert len(read_source(database(*VISITS), FileFormat(query=query)).cells)


@pytest.mark.quick(18)
@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize("query", [query for query in WRITING if query.strip("; ")])
def test_what_the_judge_let_through_the_database_refuses(tmp_path, kind, query, monkeypatch):
    url = f"{kind}:///{tmp_path / 'clinic.db'}"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for statement in VISITS:
            connection.execute(sqlalchemy.text(statement))
    monkeypatch.setattr(reader, "judge", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    with suppress(UsageError, DataError):  # some change nothing and give rows
        read_source(url, FileFormat(query=query))
    assert [path.name for path in tmp_path.iterdir()] == ["clinic.db"]
    monkeypatch.undo()
    assert read_source(url, FileFormat(table="visits")).cells["pain"].tolist() == ["7", "5"]


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("sqlite:///none.db", DataError, "the path of the database's file leads to a file"),
        ("duckdb:///none.db", DataError, "the path of the database's file leads to a file"),
        ("sqlite://", DataError, "the path of the database's file leads to a file"),
        ("colour://x", UsageError, "one that SQLAlchemy knows"),
        ("sqlite://[/x", UsageError, "one that SQLAlchemy knows"),
        ("mssql+pymssql://ann:hush@host/x", UnavailableError, "needs pymssql"),
        ("postgresql://ann:hush@127.0.0.1:1/clinic", UnavailableError, "can be opened"),
    ],
)
def test_a_database_that_is_not_there(url, error, says):
    with pytest.raises(error, match=says) as caught:
        oc.load(url)
    assert "hush" not in str(caught.value)
    assert "ann" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database(file, kind):
    place = file("Ann Lee, 602-555-0100\n" * 200, "x.db")
    with pytest.raises((UsageError, UnavailableError)) as caught:
        oc.load(f"{kind}:///{place}")
    assert "Ann" not in str(caught.value)


def test_what_a_server_says_is_not_logged(database, monkeypatch, caplog):
    # As PostgreSQL's driver does where a statement failed: the message of the server holds a cell.
    def failing(*_):
        logging.getLogger("sqlalchemy.pool.impl.NullPool").error("not a number: Ann Lee")
        raise sqlalchemy.exc.ProgrammingError("", {}, Exception("not a number: Ann Lee"))

    monkeypatch.setattr(reader, "_rows", failing)
    with pytest.raises(UsageError, match="got a refusal") as told:
        read_source(database(*VISITS), FileFormat(table="visits"))
    assert "Lee" not in caplog.text + str(told.value)
    assert logging.getLogger("sqlalchemy.pool").isEnabledFor(logging.ERROR)


def test_a_database_without_assessments(database):
    with pytest.raises(DataError, match="a table of assessments"):
        oc.load(database(*SCORES))


def test_without_its_library(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name == "sqlalchemy":
            raise ImportError(name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UnavailableError, match="needs SQLAlchemy"):
        oc.load("sqlite:///x.db")


@pytest.mark.parametrize(
    ("place", "name"),
    [("a/b.csv", "b.csv"), ("sqlite:////a/b.db", "b.db"), ("postgresql://u:p@h", "database"),
     ("postgresql://u:p@h/c?password=q", "c"), ("postgresql://u:p/s@h", "database")],
)  # fmt: skip
def test_what_messages_call_a_source(place, name):
    assert name_of(place) == name
