"""CSV as it is met: marks, encodings, line ends, blank rows; and what is wrong with a file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.readers import FileFormat
from outcomes.intake.readers.text_table import read_text_table

WHOLE = {"name": ["Grün", None], "pain": ["4", "5"]}


@pytest.mark.parametrize(
    "content",
    [
        "name,pain\nGrün,4\n,5\n".encode(),
        "\ufeffname;pain\r\nGrün;4\r\n;5\r\n".encode(),
        "name\tpain\nGrün\t4\n\t5\n".encode("utf-16"),
        "name|pain\rGrün|4\r|5\r".encode("cp1252"),
        ' "name" , pain \n Grün , 4 \n , 5 \n,\n\n , \n'.encode(),
        "name,pain\n\nGrün,4\n\n,5\n\n".encode(),
    ],
    ids=["plain", "mark and semicolon", "utf-16 and tab", "cp1252 and bar", "blanks", "empty rows"],
)
def test_csv_in_the_wild(file, content):
    assert read_text_table(file(content)).to_dict("list") == WHOLE


def test_a_header_may_have_line_ends_and_a_nameless_column(file):
    frame = read_text_table(file('"pain\nbefore",,x\n1,2,3\n'))
    assert list(frame) == ["pain\nbefore", "(column 2)", "x"]


def test_given_encoding_and_delimiter_win(file):
    frame = read_text_table(file("a,b:c\n\xe9,1:2\n".encode("latin-1")),
                            FileFormat(encoding="latin-1", delimiter=":"))  # fmt: skip
    assert frame.to_dict("list") == {"a,b": ["é,1"], "c": ["2"]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty file or first line"),
        (b"\n\na,b\n", "empty file or first line"),
        (b"a,b\n", "a header alone"),
        (b"a,b\n,\n", "a header alone"),
        (b"a:b\n1:2\n", "one column"),
        (b"a,a\n1,2\n", "1 repeated names"),
        (b"a,b\n1,2\n3,4,5\n", r"3 cells \(scores.csv, row 2\)"),
        (b"a,b\n\n1,2\n\n3\n", r"1 cells \(scores.csv, row 2\)"),
        (b'a,b\n1,2\n3,"cut of', "a cell that does not end"),
        (b'a,b\n"' + b"x" * 200_000 + b'",2\n', "a cell that does not end"),
        (b'"' + b"x" * 200_000 + b'",b\n1,2\n', "a cell that does not end"),
        (b"a,b\n\0,1\n", "other bytes"),
        (bytes(range(128, 256)), "other bytes"),
    ],
)
def test_what_is_wrong_with_a_file(file, content, says):
    with pytest.raises(DataError, match=says) as caught:
        read_text_table(file(content))
    assert caught.value.remedy or caught.value.where


def test_a_missing_file(tmp_path):
    with pytest.raises(UnavailableError, match="no such file"):
        read_text_table(tmp_path / "none.csv")


def test_a_table_that_may_be_empty_is(file):
    frame = read_text_table(file("a,b\n"), may_be_empty=True)
    assert (list(frame), len(frame)) == (["a", "b"], 0)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_clear_error(scratch, content):
    place = scratch / "x.csv"
    place.write_bytes(content)
    try:
        frame = read_text_table(place)
    except DataError:
        return
    assert len(frame)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_what_was_written_is_read(scratch, rows, mark):
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    text = "\n".join([f"a{mark}b", *(mark.join(row) for row in quoted), f"end{mark}end"])
    place = scratch / "x.csv"
    place.write_text(text, encoding="utf-8")
    frame = read_text_table(place)
    expected = [tuple(cell.strip() or None for cell in row) for row in rows]
    assert list(frame.itertuples(index=False, name=None))[:-1] == expected
