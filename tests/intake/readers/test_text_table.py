"""CSV as it is met: marks, encodings, line ends, blank rows; and what is wrong with a file."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.errors import DataError, UnavailableError
from outcomes.intake import readers
from outcomes.intake.readers import FileFormat, read_source
from outcomes.intake.readers.table import rows_of
from outcomes.intake.readers.text_table import read_text_table

WHOLE = {"name": ["Grün", None], "pain": ["4", "5"]}
TWO = pd.DataFrame({"name": ["A", "B"], "pain": ["4", "5"]}, dtype=object)


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
    assert read_text_table(file(content)).cells.to_dict("list") == WHOLE


def test_a_header_may_have_line_ends_and_a_nameless_column(file):
    frame = read_text_table(file('"pain\nbefore",,x\n1,2,3\n')).cells
    assert list(frame) == ["pain\nbefore", "(column 2)", "x"]


def test_given_encoding_and_delimiter_win(file):
    frame = read_text_table(file("a,b:c\n\xe9,1:2\n".encode("latin-1")),
                            FileFormat(encoding="latin-1", delimiter=":")).cells  # fmt: skip
    assert frame.to_dict("list") == {"a,b": ["é,1"], "c": ["2"]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty file or first line"),
        (b"\n\na,b\n", "a header alone"),
        (b"a,b\n", "a header alone"),
        (b"a,b\n,\n", "a header alone"),
        (b"a:b\n1:2\n", "one column"),
        (b"a,b\n1,2\n3,4,5\n", r"3 for 2 \(scores.csv, row 3\)"),
        (b"a,b\n\n1,2\n\n3\n", r"1 for 2 \(scores.csv, row 5\)"),
        (b'a,b\n1,2\n3,"cut of', "a cell that does not end"),
        (b'a,b\n"' + b"x" * 200_000 + b'",2\n', "a cell that does not end"),
        (b'"' + b"x" * 200_000 + b'",b\n1,2\n', "a cell that does not end"),
        (b"a,b\n\0\0\0\0,1\n", "other bytes"),
        (bytes(range(128, 256)), "one column"),
    ],
)
def test_what_is_wrong_with_a_file(file, content, says):
    with pytest.raises(DataError, match=says) as caught:
        read_text_table(file(content))
    assert caught.value.remedy or caught.value.where


def test_a_missing_file(tmp_path):
    with pytest.raises(UnavailableError, match="nothing there"):
        read_text_table(tmp_path / "none.csv")


def test_a_table_that_may_be_empty_is(file):
    frame = read_text_table(file("a,b\n"), may_be_empty=True).cells
    assert (list(frame), len(frame)) == (["a", "b"], 0)


ONE = {"Client": ["Ann Lee", "Ann Lee"], "Day": ["2026-05-04", "2026-05-11"], "Pain": ["7", "5"]}
DATA = "Ann Lee,2026-05-04,7\nAnn Lee,2026-05-11,5\n"


@pytest.mark.parametrize(
    ("content", "skipped"),
    [
        ("sep=,\nClient,Day,Pain\n" + DATA, {"lines above the header": 1}),
        ('"sep=;"\nClient;Day;Pain\n' + DATA.replace(",", ";"), {"lines above the header": 1}),
        ("Appointments\nMade 20 May 2026\n\nClient,Day,Pain\n" + DATA,
         {"lines above the header": 2}),
        ('"Clinic North, May"\nThe Clinic,1/1/2026 - 7/1/2026\n,,\nClient,Day,Pain\n' + DATA,
         {"lines above the header": 2}),
        ("Client,Day,Pain\n" + DATA.replace("\n", ",\n"), {}),
        ("Client,Day,Pain,\n" + DATA.replace("\n", ",\n"), {}),
        ("Client,Day,Pain\n" + DATA + "Total for Ann Lee,,12\n,,\nGrand total,,12\n",
         {"rows of totals": 2}),
        ("Client,Day,Pain\n" + DATA + "Durchschnitt,,6.0\nGrand total\n", {"rows of totals": 2}),
        ("Client,Day,Pain\n" + DATA.replace("\nAnn", "\nClient,Day,Pain\nAnn", 1),
         {"headers repeated": 1}),
        ("Client,Day,Pain\n" + DATA + "Printed by Bo on 5/20/2026\n",
         {"remarks around the rows": 1}),
        ("Client,Day,Pain\n" + DATA + "Printed by Bo on 5/20/2026,,\n",
         {"remarks around the rows": 1}),
    ],
)  # fmt: skip
def test_what_stands_around_the_rows_is_left_away_and_counted(file, content, skipped):
    rows = read_text_table(file(content))
    assert rows.cells.to_dict("list") == ONE
    assert rows.skipped == skipped


def test_rows_keep_their_number_when_one_before_them_is_left_away(file):
    rows = read_text_table(file("Client,Day,Pain\nTotal,,3\n,,\nAnn Lee,2026-05-04,7\n"))
    assert [rows.row(i) for i in range(len(rows.cells))] == [4]


@pytest.mark.parametrize("row", ["Total Wong,2026-05-04,7", "Sum Wong,2026-05-04,", "Total,ok,7"])
def test_a_row_with_a_date_or_a_word_is_no_total(file, row):
    rows = read_text_table(file(f"Client,Day,Pain\n{row}\n" + DATA))
    assert (len(rows.cells), dict(rows.skipped)) == (3, {})


def test_headers_of_two_lines_are_joined(file):
    lines = "Clinic North\nClient,Day,Pain,,Note\n,,before,after,\nAnn,2026-05-04,7,5,ok\n"
    rows = read_text_table(file(lines))
    assert list(rows.cells) == ["Client", "Day", "Pain before", "Pain after", "Note"]
    assert len(rows.cells) == 1


def test_where_the_header_is_may_be_said(file):
    text = "a,b,c\nx,y,z\nClient,Day,Pain\n" + DATA
    rows = read_text_table(file(text), FileFormat(skip_rows=2))
    assert rows.cells.to_dict("list") == ONE


def test_repeated_names_are_told_apart_by_position(file):
    rows = read_text_table(file("Client,Paid,Paid,Paid (2),Paid\nAnn,1,2,3,4\n"))
    assert list(rows.cells) == ["Client", "Paid", "Paid (2)", "Paid (2) (2)", "Paid (3)"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Kunde;Ort\nJürgen Großkreutz;Köln\nRenée O’Brien;Zoë\n", "cp1252"),
        ("Kunde;Ort\nJürgen Großkreutz;Köln\nRenée don’t;Zoë\n", "mac_roman"),
        ("Klient;Miasto\nŁukasz Wiśniewski;Łódź\nZdzisław;Gdańsk\n", "cp1250"),
        ("Kunde;Ort\nJürgen;Köln\n", "utf-16-le"),
        ("Kunde;Ort\nJürgen;Köln\n", "utf-16-be"),
        ("\ufeffKunde;Ort\nJürgen;Köln\n", "utf-16-be"),
        ("\ufeffKunde;Ort\nJürgen;Köln\n", "utf-8"),
    ],
)
def test_the_encoding_is_found_by_the_words_that_it_makes(file, text, encoding):
    read = read_text_table(file(text.encode(encoding))).cells
    rows = [line.split(";") for line in text.lstrip("\ufeff").splitlines()]
    assert [list(read), *read.to_numpy().tolist()] == rows


@pytest.mark.parametrize(
    "text",
    ["Name;Min;Schmerz, jetzt, heute, 0 bis 10, (schlimm)\nAnn;60;7\n",
     "Name;Min;Schmerz\nAnn;60;7,5\nBo;45;6,5\n",
     "Name;A;B;C\nAnn;6,0;7,5;1,1\nBo;4,5;6,5;2,0\n",
     'Name;Min;Note\nAnn;60;"a, b; c, d"\n'],
)  # fmt: skip
def test_commas_inside_cells_do_not_hide_the_semicolon(file, text):
    read = read_text_table(file(text)).cells
    assert list(read) == text.splitlines()[0].split(";")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_clear_error(scratch, content):
    place = scratch / "x.csv"
    place.write_bytes(content)
    try:
        frame = read_text_table(place).cells
    except DataError:
        return
    assert len(frame)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8).filter(
    lambda cell: not re.search(r"[^\W\d_]{3}", cell)  # a word may head a line of totals
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_what_was_written_is_read(scratch, rows, mark):
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    text = "\n".join([f"a{mark}b", *(mark.join(row) for row in quoted), f"end{mark}end"])
    place = scratch / "x.csv"
    place.write_text(text, encoding="utf-8")
    frame = read_text_table(place).cells
    blanks = re.compile("[\u00a0\u2007\u2009\u202f]")
    expected = [tuple(blanks.sub(" ", cell).strip() or None for cell in row) for row in rows]
    expected = [row for row in expected if any(row)]
    assert list(frame.itertuples(index=False, name=None))[:-1] == expected


def test_stray_control_characters_are_taken_out_and_counted(tmp_path):
    place = tmp_path / "x.csv"
    place.write_bytes(b"Client,Date,Pain\nAnn\x00 Lee,2026-05-14,7\nBo\x1d,2026-05-15,6\n")
    rows = read_text_table(place)
    assert rows.cells["Client"].tolist() == ["Ann Lee", "Bo"]
    assert rows.skipped == {"lines with a control character, taken out": 2}


def test_a_header_of_another_order_among_the_rows_is_refused(tmp_path):
    place = tmp_path / "x.csv"
    head, again = "Client,Date,Pain before,Pain after", "Client,Date,Pain after,Pain before"
    rows = ["Ann Lee,2026-01-05,7,5", "Bo Fox,2026-01-06,4,6"]
    place.write_text("\n".join([head, rows[0], again, rows[1]]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"one header.*row 3.*Two files"):
        read_text_table(place)
    place.write_text("\n".join([head, rows[0], head, rows[1]]) + "\n", encoding="utf-8")
    assert read_text_table(place).skipped == {"headers repeated": 1}


def test_a_reader_of_a_further_kind_of_file_needs_one_entry(tmp_path, monkeypatch):
    sheet = tmp_path / "visits.ods"
    sheet.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="an OpenDocument sheet"):
        read_source(sheet)
    monkeypatch.setitem(readers._READERS, ".ods", lambda place, _: rows_of(TWO, place))
    assert read_source(sheet).cells.equals(TWO)
