"""What is wrong with a map is said with the nearest right name; rules read what they say."""

from __future__ import annotations

import pandas as pd
import pytest

from outcomes.errors import UsageError
from outcomes.intake.column_map import read_column_map, refuse_open_questions, refuse_unread
from outcomes.intake.map_sections import CellTest, CleaningRule
from outcomes.intake.toml_records import converted
from outcomes.intake.typed_cells import clean


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"colums": {}}, "Did you mean columns"),
        ({"columns": {"scroe": "x"}}, "Did you mean score"),
        ({"columns": {"zzzz": "x"}}, "Known: week"),
        ({"columns": {"sessions.scroe": "x"}}, "a column of the data contract"),
        ({"columns": {"minutes": "x"}}, "episodes.minutes"),
        ({"study": {"contrl": "x"}}, "Did you mean control"),
        ({"instruments": {"x": {"minimum": 0, "better": "lower"}}}, "maximum"),
        ({"instruments": {"x": {"min": 0}}}, "Did you mean minimum"),
        ({"file": {"decimal": ";"}}, "[file] decimal is one of ., ,"),
        ({"file": {"sheet": "x"}}, "Did you mean sheets"),
        ({"identifiers": {"names": "x"}}, "Did you mean name"),
        ({"scores": {"nprs": {"before": "x"}}}, "a timing"),
        ({"wide": [{"over": "year", "columns": {"1": "x"}}]}, "week, month"),
        ({"wide": [{"over": "week"}]}, "says columns"),
        ({"rules": [{"pattern": "x"}]}, "has columns, and a pattern"),
        ({"rules": [{"columns": "x"}]}, "has columns, and a pattern"),
        ({"rules": [{"columns": "x", "pattern": "("}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "x", "becomes": r"\1"}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "(x)", "middle": True}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "x", "multiply": "y"}]}, "a number"),
        ({"rules": [{"columns": "x", "pattern": "x", "target": "scroe"}]}, "Did you mean score"),
        ({"file": {"header_rows": "two"}}, "a whole number"),
        ({"file": 3}, "a section"),
        ({"leave_out": [{"name": "retail"}]}, "has a column, and one of is"),
        ({"leave_out": [{"column": "x", "was": "y"}]}, "an entry of [[leave_out]]"),
        ({"status": [{"column": "x", "is": "y"}]}, "a status"),
        ({"status": [{"column": "x", "is": "y", "becomes": "arrived"}]}, "a status"),
        ({"status": [{"column": "x", "becomes": "attended"}]}, "has a column with one of"),
        ({"status": [{"column": "x", "is": "y", "otherwise": "attended"}]}, "has a column with"),
        ({"study": {"empty_status": "here"}}, "a status"),
        ({"study": {"rows": "patients"}}, "[study] rows is one of visits, scores"),
        ({"study": {"one_visit": "appointment"}}, "the column of the appointment number"),
        ({"minutes": {"start": "x"}}, "both start and end"),
        ({"scores": {"nrps": {"pre_session": "x"}}}, "Did you mean nprs"),
        ({"questions": [{"asks": "Which?", "key": "date"}]}, "a place in the map"),
        ({"questions": [{"key": "columns.date"}]}, "says asks"),
    ],
)
def test_what_is_wrong_with_a_map(content, says):
    with pytest.raises(UsageError) as caught:
        read_column_map(content)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"columns = ", "a TOML file"), (b"\xff\xfe\xff", "other bytes")],
)
def test_a_file_that_is_no_map(file, content, says):
    with pytest.raises(UsageError, match=says):
        read_column_map(file(content, "map.toml"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_a_map_is_read_as_windows_writes_it(file, encoding):
    text = '[columns]\r\ndate = "Tag für Tag"\r\n'
    assert read_column_map(file(text.encode(encoding), "map.toml")).columns["date"] == "Tag für Tag"


def test_instruments_are_found_whatever_their_case():
    mapped = read_column_map({"scores": {"NPRS": {"pre_session": "x"}, "Wish": {"baseline": "y"}},
                              "instruments": {"wish": {"minimum": 0, "maximum": 9,
                                                       "better": "lower"}}})  # fmt: skip
    assert list(mapped.scores) == ["nprs", "wish"]


QUESTIONS = [
    {"asks": "Which column is the day of the visit?", "key": "columns.date",
     "candidates": ["Day", "Booked"], "answer": "Day"},
    {"asks": "Which time zone?", "key": "file.time_zone"},
    {"asks": "What does Booked mean?", "key": "values.status.Not yet", "answer": "left_out"},
    {"asks": "Is Chart a record number?", "key": "identifiers.record", "answer": False},
]  # fmt: skip


def test_answers_stand_at_the_place_that_their_question_names():
    mapped = read_column_map({"columns": {"pressure": "P"}, "questions": QUESTIONS})
    assert mapped.columns == {"sessions.pressure": "P", "date": "Day"}
    assert mapped.words == {"sessions.status": {"Not yet": "left_out"}}
    assert not mapped.identifiers


def test_a_question_without_an_answer_is_refused_by_name():
    with pytest.raises(UsageError) as caught:
        refuse_open_questions(read_column_map({"questions": QUESTIONS}))
    assert "file.time_zone (Which time zone?)" in str(caught.value)
    assert "columns.date" not in str(caught.value)


def test_none_of_these_is_no_answer_where_one_must_be_true():
    asked = {"asks": "A visit, or a form?", "key": "study.rows", "answer": False}
    with pytest.raises(UsageError, match=r"no answer to study.rows .A visit, or a form"):
        refuse_open_questions(read_column_map({"questions": [asked]}))


@pytest.mark.parametrize(
    ("entry", "fits", "does_not"),
    [
        ({"is": ["Late cancel", "DNA"]}, ["late  CANCEL", "dna"], ["Late cancelled", "", None]),
        ({"contains": "cancel"}, ["Late Cancelled"], ["attended", None]),
        ({"not": ["Massage"]}, ["Gift card", None, ""], ["massage"]),
        ({"empty": True}, [None, " "], ["x"]),
        ({"filled": True}, ["x"], [None, ""]),
        ({"contains": "fee", "not": "fee waived"}, ["no-show fee"], ["Fee waived"]),
    ],
)
def test_cells_that_an_entry_is_for(entry, fits, does_not):
    test = converted(entry, CellTest, "[[leave_out]]")
    assert all(test.fits(cell) for cell in fits)
    assert not any(test.fits(cell) for cell in does_not)


def test_a_missing_map(tmp_path):
    with pytest.raises(UsageError, match="nothing there"):
        read_column_map(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("entry", "cell", "becomes"),
    [
        ({"pattern": r"(\d+)/10", "becomes": r"\1"}, "7/10", "7"),
        ({"pattern": r"(\d+)/10", "becomes": r"\1"}, "7/100", None),
        ({"pattern": "FIRM", "becomes": "4"}, "firm", "4"),
        ({"pattern": r"(\d+)-(\d+)", "middle": True}, "6-7", "6.5"),
        ({"pattern": r"(\w+)-(\w+)", "middle": True}, "a-b", None),
        ({"pattern": r"(\d+) hr", "becomes": r"\1", "multiply": 60}, "2 hr", "120"),
        ({"pattern": r"(\d+)%", "becomes": r"\1", "multiply": 0.5}, "25%", "12.5"),
        ({"pattern": r"(\d+)-(\d+)", "middle": True, "multiply": 10}, "1-2", "15"),
        ({"pattern": "gone", "becomes": ""}, "gone", ""),
        ({"contains": ["back"], "becomes": "low_back"}, "Low Back Treatment - 45 min", "low_back"),
        ({"contains": ["back"], "becomes": "low_back"}, "Neck", None),
        ({"pattern": r"(\d+) h", "contains": "x", "becomes": r"\1"}, "2 h", None),
        ({"pattern": "(a)|(b)", "becomes": r"\1", "multiply": 2}, "a", None),
    ],
)
def test_a_rule_reads_what_it_says(entry, cell, becomes):
    assert converted({"columns": "x", **entry}, CleaningRule, "[[rules]]").read(cell) == becomes


@pytest.mark.parametrize("name", ["score", "assessments.score", "instrument"])
def test_words_of_scores_that_nothing_would_read_are_refused_by_name(name):
    said = {"scores": {"nprs": {"pre_session": "Pain"}}, "values": {name: {"stark": "8"}}}
    with pytest.raises(UsageError, match=r'\[values\."assessments\..*\[values\."INSTRUMENT\.'):
        refuse_unread(read_column_map(said))


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"values": {"status": {"came": "attended"}}}, r'\[values\."sessions\.status"\]'),
        ({"values": {"nprs.post_session": {"low": "2"}}}, r'\[values\."nprs\.post_session"\]'),
        ({"rules": [{"columns": "Pian", "pattern": "x"}]}, r"\[\[rules\]\] .*Pian"),
        ({"rules": [{"columns": "Pain", "pattern": "x", "target": "pressure"}]}, "sessions.press"),
        ({"scales": {"ndi": "100"}}, r"\[scales\] ndi"),
        ({"file": {"dates_of": {"Born": "%d/%m/%Y"}}}, r"dates_of Born"),
        ({"constants": {"date": "2026-01-01"}}, r"\[constants\] date"),
        ({"minutes": {"start": "S", "end": "E", "of_lines": "sum"}}, "of_lines"),
        ({"study": {"rows": "scores"}, "status": [{"otherwise": "attended"}]}, r"\[\[status\]\]"),
        ({"instruments": {"own": {"minimum": 0, "maximum": 9, "better": "lower"}}}, "own"),
    ],
)  # fmt: skip
def test_entries_that_nothing_reads_are_refused_by_name(entry, named):
    said = {"columns": {"date": "Day"}, "scores": {"NPRS": {"pre_session": "Pain"}}}
    refuse_unread(read_column_map(said))
    with pytest.raises(UsageError, match=f"nothing that reads.*{named}"):
        refuse_unread(read_column_map({**said, **entry}))


def test_entries_of_a_place_that_a_question_is_of_may_stay():
    said = {"columns": {"date": "Day"}, "values": {"status": {"x": "attended"}},
            "rules": [{"columns": "Note", "pattern": "x", "target": "nprs.pre_session"}],
            "questions": [{"asks": "?", "key": "columns.status", "answer": False},
                          {"asks": "?", "key": "scores.nprs.pre_session", "answer": False,
                           "candidates": "Note"}]}  # fmt: skip
    refuse_unread(read_column_map(said))


def test_a_word_for_anything_else_reads_no_number():
    said = {"scores": {"nprs": {"pre_session": "Pain"}},
            "values": {"NPRS.pre_session": {"bad": "8", "see note": "empty", "*": ""}}}  # fmt: skip
    cells = pd.Series(["7", "bad", "See note", "what", "6.5"])
    read, _ = clean(cells, "Pain", "nprs.pre_session", read_column_map(said))
    assert read.tolist() == ["7", "8", None, None, "6.5"]
