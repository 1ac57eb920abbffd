"""Where a clinic starts: a sheet a day, or the four tables; filled in, either loads unchanged."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.pressure import CREDIT, WALTON
from outcomes.dictionary.tables import TABLES, ColumnSpec
from outcomes.folders import write_file, written_whole
from outcomes.intake.daily import CODE, LISTS, PEOPLE, VISITS, daily_columns, words_of
from outcomes.intake.typed_cells import walton_words

GUIDE = "read me"
N_ROWS = 2000
"""Rows of a sheet that have drop-downs."""
N_CODES = 300
"""Codes that stand ready for people."""
_QUARTERS = [str(minutes) for minutes in range(15, 121, 15)]


def write_template(path: str | Path, *, tables: bool = False) -> Path:
    """Write an empty entry workbook: a sheet of visits and one of people, or the four tables.

    Parameters
    ----------
    path : str or Path
        A new file ending in ``.xlsx``, or a folder for one CSV file a table.
    tables : bool, optional
        Whether a workbook has the four tables of the data contract, for analysts. CSV files always
        are these.

    Returns
    -------
    Path
        What was written. `outcomes.load` reads it, once filled in, as it is.

    Raises
    ------
    UsageError
        When the file is there already, or the folder holds something else.

    Notes
    -----
    Labels are words and cells have drop-downs (pressure in the words of the Walton scale). Codes
    for people stand ready; dates are dates, and become days since the first visit on loading.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write_template(Path(place) / "clinic.xlsx").name
    'clinic.xlsx'
    """
    place = Path(path)
    if place.suffix.casefold() == ".xlsx":
        return _write_book(place, _table_book() if tables else _daily_book())
    with written_whole(place, "template") as folder:
        for name, spec in TABLES.items():
            _write_csv(folder / f"{name}.csv", [spec.names])
        _write_csv(folder / "read-me.csv", _guide())
    return place


def choices(column: ColumnSpec) -> list[str]:
    """Return what a drop-down of the column offers; empty where any value may be typed.

    Examples
    --------
    >>> choices(TABLES["sessions"].column("pressure"))[3]
    '3 - medium'
    """
    if column.unit == "Walton 0-5":
        return walton_words()
    if column.unit == "min":
        return _QUARTERS
    if column.name == "instrument":
        return list(registry())
    if column.kind == "boolean":
        return ["yes", "no"]
    return list(column.categories) if column.kind == "category" else []


def _guide() -> list[tuple[str, ...]]:
    rows = [("table", "column", "needed", "what it is", "unit", "what may stand in it")]
    for table, spec in TABLES.items():
        rows += [(table, c.name, "yes" if c.required else "", c.description, c.unit, c.allowed)
                 for c in spec.columns]  # fmt: skip
    rows += [("", f"{e.level} - {e.name}", "", e.description, "Walton 0-5", "") for e in WALTON]
    return [*rows, ("", "", "", CREDIT, "", "")]


def _write_csv(path: Path, rows: list[Any]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as lines:
        csv.writer(lines).writerows(rows)


def _write_book(path: Path, book: Any) -> Path:
    with io.BytesIO() as content:
        book.save(content)
        return write_file(path, content.getvalue())


def _book(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> tuple[Any, Any]:
    """Return a workbook with a guide, and its hidden sheet for what drop-downs offer."""
    import openpyxl

    book = openpyxl.Workbook()
    guide, lists = book.active, book.create_sheet(LISTS)
    guide.title, lists.sheet_state = GUIDE, "hidden"
    for row in rows:
        guide.append(row)
    for letter, width in zip("ABCDEF", widths, strict=False):
        guide.column_dimensions[letter].width = width
    return book, lists


def _table_book() -> Any:
    book, lists = _book(_guide(), (14, 20, 8, 60, 12, 60))
    lists.title = "lists"
    for spec in TABLES.values():
        sheet = book.create_sheet(spec.name)
        for position, column in enumerate(spec.columns, start=1):
            needed = "Needed. " if column.required else ""
            letter = _head(sheet, position, column.name, f"{needed}{column.description} "
                           f"{column.allowed}", max(12, len(column.name) + 3))  # fmt: skip
            if column.kind == "id" or column.name == "age_band":
                # text: keeps 007 as it is, and 10-19 from becoming a date
                sheet.column_dimensions[letter].number_format = "@"
            must = not column.open_list and column.unit != "min"
            _offer(sheet, lists, f"{letter}2:{letter}{N_ROWS + 1}", choices(column), must=must)
        sheet.freeze_panes = "B2"
    return book


def _daily_book() -> Any:
    about = [(name, label, column["help"]) for name in (VISITS, PEOPLE)
             for label, column in daily_columns(name).items()]  # fmt: skip
    scale = [("Walton scale", f"{e.level} - {e.name}", e.description) for e in WALTON]
    how = [(str(i), line) for i, line in enumerate(daily_columns("guide")["how"], start=1)]
    book, lists = _book([*how, (), *about, *scale, ("", "", CREDIT)], (14, 26, 90))
    for name in (VISITS, PEOPLE):
        sheet = book.create_sheet(name)
        for position, (label, column) in enumerate(daily_columns(name).items(), start=1):
            _fill(sheet, lists, position, label, column)
        sheet.freeze_panes = "C2"
        _set_print(sheet)
    for row in range(N_CODES):
        book[PEOPLE].cell(row + 3, 1, f"P{row + 1:03d}")
    book.active = book.sheetnames.index(VISITS)
    return book


def _fill(sheet: Any, lists: Any, position: int, label: str, column: Any) -> None:
    """Write a column of a daily sheet: its label, its example, and what may stand in it."""
    from openpyxl.styles import Font

    letter = _head(sheet, position, label, column["help"], column["width"])
    sheet.cell(2, position, column["example"]).font = Font(italic=True, color="00999999")
    cells = f"{letter}2:{letter}{N_ROWS + 1}"
    if column["place"] in ("date", "goals.by_day"):
        sheet.cell(2, position).number_format = "yyyy-mm-dd"
        sheet.column_dimensions[letter].number_format = "yyyy-mm-dd"
        _allow(sheet, cells, "Write a day, such as 2026-01-15.", type="date",
               operator="greaterThan", formula1="36526")  # fmt: skip
    elif label == CODE and sheet.title == VISITS:
        _allow(sheet, cells, "Choose a code of the sheet people, or add it there.", type="list",
               formula1=f"{PEOPLE}!$A$3:$A${N_ROWS + 1}")  # fmt: skip
    elif "low" in column:
        low, high = str(column["low"]), str(column["high"])
        _allow(sheet, cells, f"Write a number from {low} to {high}.", type="decimal",
               operator="between", formula1=low, formula2=high)  # fmt: skip
    else:
        must = column["place"] != "episodes.adaptations"  # several may stand in one cell
        _offer(sheet, lists, cells, list(words_of(column)), must=must)


def _head(sheet: Any, position: int, label: str, about: str, width: int) -> str:
    """Write the head of a column and return its letter."""
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    cell, letter = sheet.cell(1, position, label), get_column_letter(position)
    cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    cell.comment = Comment(about[:300], "outcomes")
    sheet.column_dimensions[letter].width = width
    return str(letter)


def _set_print(sheet: Any) -> None:
    """Print all columns on one page's width, lying, with the head on each page."""
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth = "landscape", 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    sheet.print_options.gridLines = True


def _offer(sheet: Any, lists: Any, cells: str, offered: list[str], *, must: bool) -> None:
    """Offer a list that stands on the hidden sheet; Excel limits lists typed into a rule."""
    from openpyxl.utils import get_column_letter

    if not offered:
        return
    place = lists.max_column + (lists.max_row > 1 or lists.cell(1, 1).value is not None)
    for row, word in enumerate(offered, start=1):
        lists.cell(row, place, int(word) if word.isdigit() else word)
    letter = get_column_letter(place)
    choose = "Choose a value of the list, or leave the cell empty."
    _allow(sheet, cells, choose, must=must, type="list",
           formula1=f"'{lists.title}'!${letter}$1:${letter}${len(offered)}")  # fmt: skip


def _allow(sheet: Any, cells: str, error: str, *, must: bool = True, **what: str) -> None:
    """Let cells hold what a rule of the spreadsheet says."""
    from openpyxl.worksheet.datavalidation import DataValidation

    rule = DataValidation(allow_blank=True, showErrorMessage=must, error=error, **what)
    sheet.add_data_validation(rule)
    rule.add(cells)
