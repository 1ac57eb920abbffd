"""Workbooks as clinics keep them: several sheets, merged headers, dates, formulas, broken files."""

from __future__ import annotations

import datetime
import gc
import io
import sys
import zipfile

import openpyxl
import openpyxl.chart
import openpyxl.styles
import pytest

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.readers import FileFormat, read_source, workbook
from outcomes.intake.readers.workbook import read_sheets


def read_rows(*said):
    return read_source(*said).cells


@pytest.fixture
def book(tmp_path):
    """Return a function that writes sheets given as lists of rows."""

    def write(*, merge=(), **sheets):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for name, rows in sheets.items():
            sheet = made.create_sheet(name)
            for row in rows:
                sheet.append(row)
            for cells in merge:
                sheet.merge_cells(cells)
        made.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return write


def test_cells_become_text(book):
    day = datetime.datetime.fromisoformat("2026-05-04")
    place = book(
        one=[
            ["a", "b", "c", "d", None],
            [day, 4.0, 2.5, " x  y ", None],
            [day.replace(hour=9, minute=30), True, None, 7, None],
            [None] * 5,
        ]
    )
    assert read_rows(place).to_dict("list") == {
        "a": ["2026-05-04", "2026-05-04 09:30"], "b": ["4", "True"], "c": ["2.5", None],
        "d": ["x y", "7"],
    }  # fmt: skip


def test_sheets_of_one_kind_follow_one_another(book):
    place = book(jan=[["a", "b"], [1, 2]], feb=[["a", "b"], [3, 4]], notes=[["x"]])
    assert read_sheets(place, FileFormat(sheets=("jan", "feb"))).cells["a"].tolist() == ["1", "3"]
    with pytest.raises(DataError, match="got 3 sheets"):
        read_rows(place)
    with pytest.raises(DataError, match="no such sheet"):
        read_rows(place, FileFormat(sheets=("mar",)))


def test_merged_headers_are_joined(book):
    rows = [["id", "Visit 1", None, "Visit 2", None], [None, "Pain", "Touch", "Pain", "Touch"],
            ["a", 7, 3, 5, 2], ["b", 1, None, 1, None]]  # fmt: skip
    place = book(s=rows, merge=["A1:A2", "B1:C1", "D1:E1", "B4:C4"])
    frame = read_rows(place, FileFormat(header_rows=2))
    assert list(frame) == ["id", "Visit 1 Pain", "Visit 1 Touch", "Visit 2 Pain", "Visit 2 Touch"]
    assert frame.iloc[0].tolist() == ["a", "7", "3", "5", "2"]


def test_title_and_header_of_two_rows_are_found(book):
    rows = [["May, by Bo"], ["Patient", "Date", "Pain", None, "Note"],
            [None, None, "before", "after", None], ["Ann", "2026-05-04", 7, 5, "ok"],
            ["TOTAL", 1, None, None, None]]  # fmt: skip
    place = book(s=rows, merge=["A1:E1", "A2:A3", "B2:B3", "C2:D2"])
    read = read_source(place)
    assert list(read.cells) == ["Patient", "Date", "Pain before", "Pain after", "Note"]
    assert read.cells.to_numpy().tolist() == [["Ann", "2026-05-04", "7", "5", "ok"]]
    assert read.skipped == {"lines above the header": 1, "rows of totals": 1}
    assert read.row(0) == 4  # as Excel counts


def test_groups_above_a_whole_header_are_part_of_it(book):
    rows = [[None, "Visit 1", None, "Visit 2", None], ["id", "Pain", "Touch", "Pain", "Touch"],
            ["a", 7, 3, 5, 2]]  # fmt: skip
    frame = read_rows(book(s=rows, merge=["B1:C1", "D1:E1"]))
    assert list(frame) == ["id", "Visit 1 Pain", "Visit 1 Touch", "Visit 2 Pain", "Visit 2 Touch"]


def test_a_cell_merged_over_rows_stands_on_each(book):
    rows = [["Client", "Pain"], ["Ann", 7], [None, 6], [None, 5], ["Bo", 4], [None, 3]]
    read = read_rows(book(s=rows, merge=["A2:A4"]))
    assert read["Client"].tolist() == ["Ann", "Ann", "Ann", "Bo", None]


def test_sheets_are_chosen_by_pattern_and_name_themselves(book):
    head = ["Date", "Pain"]
    place = book(**{"Jan 2026": [head, ["2026-01-05", 7]], "Key": [["word", "means"], ["a", 1]],
                    "Feb 2026 ": [["date", "Pain "], ["2026-02-05", 6]]})  # fmt: skip
    for patterns in (("* 2026",), ("*",), ("jan 2026", "FEB 2026")):
        read = read_source(place, FileFormat(sheets=patterns, sheet_name="Month"))
        assert read.cells["Pain"].tolist() == ["7", "6"]
        assert read.cells["Month"].tolist() == ["Jan 2026", "Feb 2026"]
        assert [read.row(0), read.row(1)] == [2, 2]
        assert len(set(read.sheets)) == 2
        assert read.skipped.get("sheets of another kind", 0) == (patterns == ("*",))
    with pytest.raises(DataError, match="same columns"):
        read_rows(place, FileFormat(sheets=("Jan 2026", "Key")))


def test_a_sheet_a_patient(book):
    about = [["Patient: Ann"], ["DOB 03/04/1961"], [None], ["Date", "Pain"]]
    place = book(Ann=[*about, ["2026-01-05", 7]], Bo=[*about, ["2026-01-06", 4]])
    read = read_source(place, FileFormat(sheets=("*",), sheet_name="Patient"))
    assert read.cells["Patient"].tolist() == ["Ann", "Bo"]
    assert read.skipped == {"lines above the header": 4}


def test_cells_shown_as_percent_keep_their_sign(book):
    place = book(s=[["a", "b"], [0.36, 0.5], [0.125, 2]])
    made = openpyxl.load_workbook(place)
    for cell, form in (("A2", "0%"), ("A3", "0.0 %")):
        made["s"][cell].number_format = form
    made.save(place)
    assert read_rows(place).to_dict("list") == {"a": ["36%", "12.5%"], "b": ["0.5", "2"]}


def test_rows_struck_through_are_told_or_refused(book):
    place = book(s=[["a", "b"], ["x", 1], ["y", 2], ["z", 3]])
    made = openpyxl.load_workbook(place)
    for cell in ("A2", "B2", "B4"):
        made["s"][cell].font = openpyxl.styles.Font(strike=True)
    made["s"]["C4"] = "kept"
    made.save(place)
    read = read_rows(place, FileFormat(struck_out="gone"))
    assert read["gone"].tolist() == ["yes", "no", "no"]
    with pytest.raises(DataError, match=r"struck through; got 1 of them"):
        read_rows(place)


@pytest.mark.parametrize("name", ["x.xls", "x.ods", "x.docx", "x.pdf", "x.numbers", "x.zip"])
def test_other_files_are_refused_by_their_name(file, name):
    with pytest.raises(DataError, match=name[2:]) as caught:
        read_rows(file(b"anything", name))
    assert caught.value.remedy


@pytest.mark.parametrize("begin", [b"%PDF-1.7", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1",
                                   b"<!DOCTYPE html><table>", b"\xef\xbb\xbf<HTML>"])  # fmt: skip
def test_other_files_are_known_by_their_content(file, begin):
    with pytest.raises(DataError, match="an export is a CSV file"):
        read_rows(file(begin + b" and more", "x.csv"))


def test_a_formula_needs_its_value(book):
    place = book(s=[["a", "b"], [1, "=A2+1"], [2, "=A3+1"]])
    with pytest.raises(DataError, match="got 2 without"):
        read_rows(place)


def test_a_formula_with_its_value_is_read(book, tmp_path):
    place = book(s=[["a", "b"], [1, "=A2+1"]])
    kept = tmp_path / "kept.xlsx"
    with zipfile.ZipFile(place) as old, zipfile.ZipFile(kept, "w") as new:
        for entry in old.namelist():
            part = old.read(entry)
            if entry.startswith("xl/worksheets/"):
                part = part.replace(b"<f>A2+1</f><v></v>", b"<f>A2+1</f><v>2</v>")
                part = part.replace(b"<f>A2+1</f><v />", b"<f>A2+1</f><v>2</v>")
            new.writestr(entry, part)
    assert read_rows(kept)["b"].tolist() == ["2"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"a,b\n1,2\n"])
def test_a_file_that_is_no_workbook(file, content):
    with pytest.raises(DataError, match="an Excel workbook"):
        read_rows(file(content, "x.xlsx"))


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as packed:
        packed.writestr("a.txt", "x")
    with pytest.raises(DataError, match="an Excel workbook"):
        read_rows(tmp_path / "x.xlsx")


def test_a_workbook_that_was_cut_off(book):
    place = book(s=[["a", "b"], [1, 2]])
    place.write_bytes(place.read_bytes()[:-400])
    with pytest.raises(DataError, match="an Excel workbook"):
        read_rows(place)


def test_a_workbook_with_a_broken_sheet_leaves_no_file_open(book, tmp_path):
    place, broken = book(visits=[["id", "pain"], ["a", 3]]), tmp_path / "broken.xlsx"
    with zipfile.ZipFile(place) as whole, zipfile.ZipFile(broken, "w") as copy:
        for name in whole.namelist():
            part = whole.read(name)
            copy.writestr(name, part[:-20] if name.startswith("xl/worksheets/") else part)
    with pytest.raises(DataError, match="the file is an Excel workbook") as error:
        read_sheets(broken)
    readers = [item for item in gc.get_objects() if isinstance(item, io.BufferedReader)]
    assert [item.name for item in readers if not item.closed and item.name == str(broken)] == []
    del error  # kept so long, for it holds what the reader had opened


def test_a_workbook_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 20_000_000)
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 21_000_000)
    assert (tmp_path / "x.xlsx").stat().st_size < 100_000
    with pytest.raises(DataError, match="unpacks to at most 20 MB"):
        read_rows(tmp_path / "x.xlsx")


def test_a_sheet_that_spans_too_much(book, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_CELLS", 3)
    with pytest.raises(DataError, match="spans at most 3 cells"):
        read_rows(book(s=[["a", "b"], [1, 2]]))


def test_a_missing_workbook(tmp_path):
    with pytest.raises(UnavailableError, match="nothing there"):
        read_rows(tmp_path / "none.xlsx")


def test_an_empty_sheet_and_a_chart(book, tmp_path):
    with pytest.raises(DataError, match="an empty file or first line"):
        read_rows(book(s=[]))
    with pytest.raises(DataError, match="a header alone"):
        read_rows(book(s=[["a", "b"]]))
    made = openpyxl.Workbook()
    made.create_chartsheet("drawn").add_chart(openpyxl.chart.BarChart())
    made.save(tmp_path / "drawn.xlsx")
    with pytest.raises(DataError, match="a chart"):
        read_rows(tmp_path / "drawn.xlsx", FileFormat(sheets=("drawn",)))
    made.create_chartsheet("chart")
    made.save(tmp_path / "chart.xlsx")
    with pytest.raises(DataError, match="an Excel workbook"):  # openpyxl cannot read it
        read_rows(tmp_path / "chart.xlsx")


def test_parquet(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, None], "b": ["x", "y"],
                          "c": pd.to_datetime(["2026-05-04", None])})  # fmt: skip
    frame.to_parquet(tmp_path / "x.parquet")
    assert read_rows(tmp_path / "x.parquet").to_dict("list") == {
        "a": ["1", None], "b": ["x", "y"], "c": ["2026-05-04", None],
    }  # fmt: skip
    frame.set_index("b").to_parquet(tmp_path / "z.parquet")
    assert set(read_rows(tmp_path / "z.parquet")) == {"a", "b", "c"}
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "w.parquet").write_bytes(content.replace(b"\x01\x00\x00\x00x", b"\x01\0\0\0\xff"))
    with pytest.raises(DataError, match="a Parquet file"):  # a cell that is no text
        read_rows(tmp_path / "w.parquet")
    (tmp_path / "y.parquet").write_bytes(b"x")
    with pytest.raises(DataError, match="a Parquet file"):
        read_rows(tmp_path / "y.parquet")


def test_parquet_without_its_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnavailableError, match="needs pyarrow"):
        read_rows(tmp_path / "x.parquet")
