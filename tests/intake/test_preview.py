"""A page before anything is written: what follows is said, no cell shows; a map is drafted."""

from __future__ import annotations

import sqlite3
import sys
import tomllib

import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.intake.guess import draft_map
from outcomes.intake.preview import preview, write_preview

EXPORT = """Client,DOB,Appt date,Status,Min,Pain before
Ann Quackenbush,04/23/1960,05/14/2026,Completed,60 min,7/10
Ann Quackenbush,04/23/1960,05/21/2026,No Show,60 min,
Bo Featherstone,12/30/1971,05/15/2026,Completed,45 min,5/10
Bo Featherstone,12/30/1971,05/29/2026,Completed,45 min,4/10
Total,,,,210,
"""
PLANTED = ("Quackenbush", "Featherstone", "Ann", "1960", "1971")


@pytest.fixture
def export(file):
    return file(EXPORT, "export.csv")


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that lets somebody sit at a terminal and type lines."""

    def sits(*lines):
        typed = iter(lines)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(
            "typer.prompt", lambda *_, value_proc=str, **__: value_proc(next(typed))
        )

    return sits


def test_the_page_says_what_follows_and_shows_no_cell(export):
    html = oc.preview(export)._repr_html_()
    for said in ("2 people, 2 courses, 3 visits received, 3 scores", "<td>attended</td><td>3</td>",
                 "<td>missed without notice</td><td>1</td>", "its words: dob",
                 "<td>2026-05-14</td><td>2026-05-29</td>", "4 to 7",
                 "<td>rows of totals</td><td>the file</td><td>1</td>",
                 "identifies people, not kept: birth date"):  # fmt: skip
        assert said in html
    assert not [word for word in PLANTED if word in html]


def test_an_export_that_cannot_be_imported_says_why(file):
    shown = preview(file("Client,Date,Pain\nAnn Lee,99-99-2026,7\n", "x.csv"))
    assert shown.study is None
    assert "cannot be imported yet" in shown._repr_html_()


def test_open_questions_stand_first_and_their_first_answer_is_assumed(file):
    text = "Client,Date,Pain\nAnn Lee,05/01/2026,7\nAnn Lee,05/08/2026,5\n"
    html = preview(file(text, "x.csv"))._repr_html_()
    assert "Does the month come first or the day in Date?" in html
    assert "takes the first answer" in html
    assert "<td>2026-05-01</td><td>2026-05-08</td>" in html


def test_a_page_is_its_owners_alone_and_the_next_run_deletes_it(export, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, own = tmp_path / "page.html", tmp_path / "own.html"
    own.write_text("mine", encoding="utf-8")
    assert main(["import", str(export), "--guess", "--preview", str(page)]) == 0
    assert page.stat().st_mode & 0o777 == 0o600
    text = page.read_text(encoding="utf-8")
    assert "://" not in text
    assert "<script" not in text
    copy = tmp_path / "mine.html"
    copy.write_text(text, encoding="utf-8")
    saved = tmp_path / "map.toml"
    assert main(["import", str(export), "--guess", "--save", str(saved)]) == 0
    study = ["--out", str(tmp_path / "study"), "--key-file", str(tmp_path / "key.json")]
    assert main(["import", str(export), "--columns", str(tmp_path / "none.toml"), *study]) == 2
    assert page.exists()
    assert main(["import", str(export), "--columns", str(saved), *study]) == 0
    assert (page.exists(), own.read_text(encoding="utf-8")) == (False, "mine")
    assert copy.read_text(encoding="utf-8") == text


def test_a_page_never_replaces_a_file_of_ones_own(export, tmp_path):
    own = tmp_path / "thesis.html"
    own.write_text("mine", encoding="utf-8")
    with pytest.raises(oc.UsageError, match="a new file"):
        write_preview(preview(export), own)
    assert own.read_text(encoding="utf-8") == "mine"


def test_a_page_is_written_where_the_next_import_deletes_it(export, tmp_path, capsys):
    elsewhere = tmp_path / "far" / "page.html"
    elsewhere.parent.mkdir()
    assert main(["import", str(export), "--guess", "--preview", str(elsewhere)]) == 2
    assert "beside the export" in capsys.readouterr().err
    assert not elsewhere.exists()


def test_a_map_is_saved_once_and_imports(export, tmp_path, capsys):
    saved = tmp_path / "map.toml"
    assert main(["import", str(export), "--guess", "--save", str(saved)]) == 0
    assert main(["import", str(export), "--guess", "--save", str(saved)]) == 2
    out, key = tmp_path / "study", tmp_path / "key.json"
    assert main(["import", str(export), "--columns", str(saved), "--out", str(out),
                 "--key-file", str(key)]) == 0  # fmt: skip
    assert len(oc.load(out).sessions) == 4
    assert "4 scores" not in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_map_as_windows_writes_it_is_read(export, tmp_path, capsys, encoding):
    assert main(["import", str(export), "--guess"]) == 0
    saved = tmp_path / "map.toml"
    saved.write_text(capsys.readouterr().out, encoding=encoding)
    study, _ = oc.import_export(export, saved, tmp_path / "key.json")
    assert len(study.sessions) == 4


ASKS = "Client,Date,Status,Pain\nAnn,05/01/2026,Came,7\nAnn,05/08/2026,Gone off,\n"


@pytest.mark.parametrize(
    ("typed", "dates", "status"),
    [
        (("2", "3"), ["%d/%m/%Y"], "no_show"),
        (("%d/%m/%Y", "cancelled"), ["%d/%m/%Y"], "cancelled"),
        (("no", ""), ["%m/%d/%Y"], None),
    ],
)
def test_questions_are_asked_in_the_terminal(file, terminal, capsys, typed, dates, status):
    terminal(*typed)
    assert main(["import", str(file(ASKS, "x.csv")), "--guess"]) == 0
    printed = capsys.readouterr()
    mapped = oc.intake.column_map.read_column_map(tomllib.loads(printed.out))
    assert list(mapped.file.dates) == dates
    assert mapped.words["sessions.status"].get("Gone off") == status
    assert "month come first" in printed.err


def test_a_draft_of_a_database_takes_its_table_from_a_map_that_is_begun(tmp_path, capsys):
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        connection.execute("CREATE TABLE visits (client TEXT, visit_date DATE, pain INTEGER)")
        connection.execute("INSERT INTO visits VALUES ('Ann Lee', '2026-05-04', 7)")
    connection.close()
    begun = tmp_path / "part.toml"
    begun.write_text('[source]\ntable = "visits"\n', encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'clinic.db'}"
    assert main(["import", url, "--guess", "--columns", str(begun)]) == 0
    drafted = tomllib.loads(capsys.readouterr().out)
    assert drafted["source"] == {"table": "visits"}
    study, _ = oc.import_export(url, drafted, tmp_path / "key.json")
    assert study.assessments["score"].tolist() == [7]


def test_headers_and_names_of_files_are_no_html(file, tmp_path):
    place = file("Client,<b>Date</b>,Pain <script>\nAnn,2026-05-14,7\n", "<i>x.csv")
    made = draft_map(place).answered("columns.date", "<i>none</i>")
    write_preview(preview(place, made), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not [mark for mark in ("<script", "<i>", "<b>Date") if mark in text]


def test_the_preview_lists_the_cells_that_the_import_will_not_read(file, tmp_path):
    text = EXPORT.replace("60 min,7/10", "60 min,6-7").replace("45 min,4/10", "45 min,bad")
    place = file(text, "export.csv")
    draft = draft_map(place)
    for question in draft.questions:
        draft = draft.answered(question["key"], False)
    shown = preview(place, draft)
    study, _ = oc.import_export(place, shown.draft.content, tmp_path / "key.json")
    found = oc.check(study).table
    unread = found[found["rule"] == "R02"]
    assert unread[["column", "count"]].to_numpy().tolist() == [["Pain before", 2]]
    page = shown._repr_html_()
    assert "<td>R02</td><td>Pain before</td><td>2</td>" in page
    assert "6-7" not in page
    assert "<td>bad" not in page


def test_a_saved_map_with_open_questions_says_that_they_are_to_be_answered(file, tmp_path, capsys):
    place, saved = file(ASKS, "x.csv"), tmp_path / "map.toml"
    assert main(["import", str(place), "--guess", "--save", str(saved)]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "Answer its open questions, then run: outcomes import" in said
    assert f"--columns {saved} --out STUDY --key-file KEY" in said


def test_a_form_drafted_beside_a_study_of_visits_is_of_scores_first(tmp_path, capsys):
    export = tmp_path / "form.csv"
    export.write_text("Timestamp,Your name,Pain now\n1/15/2026 9:00:00,Ann Lee,7\n")
    study = tmp_path / "study"
    study.mkdir()
    offered = []
    for _ in ("alone", "beside visits"):
        assert main(["import", str(export), "--guess", "--out", str(study)]) == 0
        drafted = tomllib.loads(capsys.readouterr().out)
        offered += [q["candidates"] for q in drafted["questions"] if q["key"] == "study.rows"]
        (study / "sessions.csv").write_text("episode_id,session\n")
    assert offered == [["visits", "scores"], ["scores", "visits"]]


def test_the_preview_tells_the_last_day_that_counts_and_headers_in_the_files_own_words(file):
    text = EXPORT.replace("Min,", "Min Featherstone,")
    late = "Bo Featherstone,12/30/1971,05/15/2036,Completed,45 min,4/10\n"
    page = preview(file(text.replace("Total", f"{late}Total"), "x.csv"))._repr_html_()
    assert "<td>2026-05-14</td><td>2026-05-29</td>" in page  # 2036 is still to come
    assert "<td>Min Featherstone</td>" in page
    assert "<td>column 5</td>" not in page
