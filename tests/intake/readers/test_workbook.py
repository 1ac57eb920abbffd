"""Workbooks as clinics keep them: several sheets, merged headers, dates, formulas, broken files."""

from __future__ import annotations

import datetime
import gc
import io
import sys
import zipfile

import openpyxl
import openpyxl.chart
import pytest

from outcomes.errors import DataError, UnavailableError
from outcomes.intake.readers import FileFormat, read_rows, workbook
from outcomes.intake.readers.workbook import read_sheets


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
    assert read_sheets(place, FileFormat(sheets=("jan", "feb")))["a"].tolist() == ["1", "3"]
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
    with pytest.raises(UnavailableError, match="no such file"):
        read_rows(tmp_path / "none.xlsx")


def test_an_empty_sheet_and_a_chart(book, tmp_path):
    with pytest.raises(DataError, match="an empty first line"):
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
