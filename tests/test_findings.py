from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import outcomes.rules.records  # noqa: F401 - its rules
from outcomes.findings import COLUMNS, FINDERS, RULES, Findings, finding, rule, where_broken


def test_a_finding_counts_rows_and_names_the_first_from_one():
    found = finding("R03", "sessions", "pressure", [7, 4], got="above 5")
    assert (found.count, found.first_row, found.severity) == (2, 5, "error")
    assert found.message.endswith("; got above 5")
    assert found.remedy == RULES["R03"].remedy


def test_a_mask_with_unknown_cells_breaks_nothing_by_itself():
    mask = pd.Series([True, None, False], dtype="boolean")
    assert [f.count for f in where_broken("R03", "t", "c", mask, got="x")] == [1]
    assert not list(where_broken("R03", "t", "c", pd.Series([False]), got="x"))


def test_warnings_alone_are_ok_and_the_table_is_tidy():
    warning = finding("R05", "episodes", "condition", [0], got="another word")
    error = finding("R01", "episodes", "episode_id", [0], got="an empty cell")
    assert Findings((warning,)).ok
    assert not Findings((warning, error)).ok
    assert tuple(Findings((warning, error)).table.columns) == COLUMNS
    assert repr(Findings((warning, error))) == "Findings(1 error, 1 warning)"
    assert repr(Findings((warning, warning))) == "Findings(no errors, 2 warnings)"


def test_in_a_terminal_each_finding_says_where_what_and_the_remedy():
    found = finding("R03", "sessions", "pressure", [7, 4], got="above 5")
    assert str(Findings((found,))) == (
        "ERROR R03 in sessions, pressure: 2 rows, the first is row 5\n"
        "  Rule: a number lies inside its column's range\n"
        "  Found: above 5\n"
        "  To do: Correct the cell, or check its unit.\n"
        "\n"
        "1 error, no warnings."
    )


def test_one_row_is_one_and_a_finding_may_speak_of_what_was_got_twice():
    found = finding("R03", "sessions", "pressure", [0], got="a word; got late")
    head, _, said, *_ = str(Findings((found,))).split("\n")
    assert head == "ERROR R03 in sessions, pressure: 1 row, the first is row 1"
    assert said == "  Found: a word; got late"


def test_a_workbook_has_words_of_its_own_for_a_rule_and_a_column():
    found = finding("R03", "sessions", "pressure", [0], got="above 5")
    words = {"sessions.pressure": {"column": "Depth"}, "sessions": {"table": "visits"}}
    whole = found.said_as(words | {"R03": {"must": "m", "got": "g", "remedy": "r"}})
    assert (whole.table, whole.column) == ("sessions", "Depth")
    assert (whole.message, whole.remedy) == ("m; got g", "r")
    other = replace(found, column="minutes").said_as(words)
    assert (other.table, other.message, other.remedy) == ("visits", found.message, found.remedy)


def test_all_rows_are_kept_where_each_is_looked_at_and_told_as_rows_of_the_file():
    asked = finding("R24", "export", "name", [7, 4], got="two", listed=True)
    assert asked.rows == (8, 5)
    assert finding("R24", "export", "name", [7, 4], got="two").rows == ()
    in_file = asked.in_file(lambda row: row + 100)
    assert (in_file.first_row, in_file.rows) == (105, (108, 105))


def test_a_rule_is_found_by_the_function_below_it(monkeypatch):
    monkeypatch.delitem(FINDERS, "R01")
    assert rule("R01")(iter) is iter
    assert FINDERS["R01"] is iter


def test_long_words_of_a_finding_are_wrapped_and_no_row_is_named_where_there_is_none():
    found = replace(finding("R05", "episodes", "condition", [0], got="w " * 99), first_row=0)
    head, *lines, _, last = str(Findings((found,))).split("\n")
    assert head == "WARNING R05 in episodes, condition"
    assert lines == [
        "  Rule: a value is one of its column's usual list",
        "  Found: " + " ".join(["w"] * 44),
        "    " + " ".join(["w"] * 46),
        "    " + " ".join(["w"] * 9),
        "  To do: Check the spelling; a value of your own is kept as it is.",
    ]
    assert last == "No errors, 1 warning."


def test_an_empty_check_still_has_its_columns():
    assert tuple(Findings(()).table.columns) == COLUMNS


def test_a_number_is_never_used_twice():
    assert all(one.number == number for number, one in RULES.items())
    with pytest.raises(ValueError, match="R03"):
        rule("R03")(iter)
    with pytest.raises(ValueError, match="R99"):
        rule("R99")(iter)
    assert RULES["R03"].must == "a number lies inside its column's range"
