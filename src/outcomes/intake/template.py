"""The entry sheet: where a clinic starts. Filled in, it loads unchanged."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Literal

from outcomes.dictionary.columns import ColumnSpec, TableSpec
from outcomes.dictionary.instruments import registry
from outcomes.dictionary.pressure import CREDIT, WALTON
from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.folders import write_file, written_whole
from outcomes.intake.cells import walton_words

GUIDE = "read me"
N_ROWS = 2000
"""Rows of a sheet that have drop-downs."""
_QUARTERS = [str(minutes) for minutes in range(15, 121, 15)]


def write_template(path: str | Path, format: Literal["xlsx", "csv", ""] = "") -> Path:
    """Write an empty entry sheet for the four tables.

    Parameters
    ----------
    path : str or Path
        A new file ending in ``.xlsx``, or a folder for one CSV file a table.
    format : {"xlsx", "csv"}, optional
        By default what the ending of `path` says.

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
    The workbook has one sheet a table with drop-downs (pressure in the words of the Walton scale,
    minutes in quarter hours, end reasons) and a sheet that explains each column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write_template(Path(place) / "clinic.xlsx").name
    'clinic.xlsx'
    """
    place = Path(path)
    if format not in ("", "xlsx", "csv"):
        must = "a template is xlsx or csv"
        raise UsageError(must, got="another format")
    if (format or place.suffix.removeprefix(".").casefold()) == "xlsx":
        return _write_workbook(place)
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
        rows += [
            (table, c.name, "yes" if c.required else "", c.description, c.unit, c.allowed)
            for c in spec.columns
        ]
    rows += [("", f"{e.level} - {e.name}", "", e.description, "Walton 0-5", "") for e in WALTON]
    return [*rows, ("", "", "", CREDIT, "", "")]


def _write_csv(path: Path, rows: list[Any]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as lines:
        csv.writer(lines).writerows(rows)


def _write_workbook(path: Path) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    lists = book.create_sheet("lists")
    lists.sheet_state = "hidden"
    for spec in TABLES.values():
        _fill_sheet(book.create_sheet(spec.name), lists, spec)
    guide = book.create_sheet(GUIDE, 0)
    for row in _guide():
        guide.append(row)
    for letter, width in zip("ABCDEF", (14, 20, 8, 60, 12, 60), strict=True):
        guide.column_dimensions[letter].width = width
    with io.BytesIO() as content:
        book.save(content)
        return write_file(path, content.getvalue())


def _fill_sheet(sheet: Any, lists: Any, spec: TableSpec) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for position, column in enumerate(spec.columns, start=1):
        cell = sheet.cell(1, position, column.name)
        cell.font = Font(bold=column.required)
        needed = "Needed. " if column.required else ""
        cell.comment = Comment(f"{needed}{column.description} {column.allowed}"[:300], "outcomes")
        letter = get_column_letter(position)
        sheet.column_dimensions[letter].width = max(12, len(column.name) + 3)
        if column.kind == "id" or column.name == "age_band":
            # text: keeps 007 as it is, and 10-19 from becoming a date
            sheet.column_dimensions[letter].number_format = "@"
        offered = choices(column)
        if offered:
            _add_drop_down(sheet, lists, f"{letter}2:{letter}{N_ROWS + 1}", offered, column)
    sheet.freeze_panes = "B2"


def _add_drop_down(
    sheet: Any, lists: Any, cells: str, offered: list[str], column: ColumnSpec
) -> None:
    """Offer a list that stands on the hidden sheet; Excel limits lists typed into a rule."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    place = lists.max_column + (lists.max_row > 1 or lists.cell(1, 1).value is not None)
    for row, word in enumerate(offered, start=1):
        lists.cell(row, place, int(word) if word.isdigit() else word)
    letter = get_column_letter(place)
    rule = DataValidation(
        type="list", formula1=f"lists!${letter}$1:${letter}${len(offered)}", allow_blank=True
    )
    rule.showErrorMessage = not column.open_list and column.unit != "min"
    rule.error = "Choose a value of the list, or leave the cell empty."
    sheet.add_data_validation(rule)
    rule.add(cells)
