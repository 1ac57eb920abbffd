"""What is wrong with a map is said with the nearest right name; rules read what they say."""

from __future__ import annotations

import pytest

from outcomes.errors import UsageError
from outcomes.intake.column_map import read_column_map
from outcomes.intake.map_sections import cleaning_rule


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
        ({"file": {"decimal": ";"}}, "decimal is . or ,"),
        ({"file": {"sheet": "x"}}, "Did you mean sheets"),
        ({"identifiers": {"names": "x"}}, "Did you mean name"),
        ({"scores": {"nprs": {"before": "x"}}}, "a timing"),
        ({"wide": [{"over": "year", "columns": {"1": "x"}}]}, "says over"),
        ({"wide": [{"over": "week"}]}, "says over"),
        ({"rules": [{"pattern": "x"}]}, "has columns and a pattern"),
        ({"rules": [{"columns": "x"}]}, "has columns and a pattern"),
        ({"rules": [{"columns": "x", "pattern": "("}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "x", "becomes": r"\1"}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "(x)", "middle": True}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "x", "multiply": "y"}]}, "regular expression"),
        ({"rules": [{"columns": "x", "pattern": "x", "target": "scroe"}]}, "Did you mean score"),
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


def test_a_missing_map(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
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
        ({"pattern": "(a)|(b)", "becomes": r"\1", "multiply": 2}, "a", None),
    ],
)
def test_a_rule_reads_what_it_says(entry, cell, becomes):
    assert cleaning_rule({"columns": "x", **entry}).read(cell) == becomes
