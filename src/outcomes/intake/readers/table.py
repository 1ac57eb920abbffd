"""Records as a table: its header found, and what stands around its rows left away and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, zip_longest
from pathlib import Path
from statistics import median
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd

from outcomes.intake.refusals import refuse
from outcomes.intake.toml_records import Section, Texts
from outcomes.plain_text import shipped
from outcomes.privacy.patterns import any_holds


class FileFormat(Section, frozen=True, kw_only=True):
    """How a file is written, as the section ``[file]`` of a column map says.

    Parameters
    ----------
    sheets : tuple of str
        Sheets of a workbook, read one after the other: names, or patterns with ``*``.
    sheet_name : str
        Column that the name of the sheet becomes.
    looked_up : mapping of str to mapping
        Sheet of clients (or of what is known of each visit) to its columns that tell whose a row
        is, each with the column of the visits that it is held against.
    below : mapping of str to mapping
        Sheet of scores, read below the visits, to those of its columns that the visits have under
        another name.
    header_rows : int
        Lines of the header; 0: found out.
    skip_rows : int or None
        Lines above the header; None: found out.
    fill_down : tuple of str
        Columns whose empty cells hold what stands above them.
    beside : tuple of str
        Columns of several visits beside each other in one row, with ``#`` for the number or the day
        of the visit: ``pain_before_#``; each visit becomes a row, its day a column ``Day``.
    headings : str
        Column that names in a row of their own become, of the rows below each.
    totals : mapping of str to tuple of str
        Instrument to the columns of its items, in published order; a column of its name holds what
        they add up to by its rule.
    dated : mapping of str to tuple of str
        New column to the columns of the year, month and day of the date that it holds, or to those
        of a month with its year (the name of the sheet) and of the day.
    split : tuple of str
        Columns whose cells hold what several visits have, with a semicolon, bar, line break or
        comma between; each visit becomes a row.
    ticked : mapping of str to tuple of str
        New column to the columns of tick boxes whose headers it holds where they are ticked.
    struck_out : str
        Column that says ``yes`` of rows that are struck through.
    encoding, delimiter : str
        Of a CSV file; empty: found out.
    decimal : str
        Mark before decimals, ``.`` or ``,``.
    redcap_dictionary : str
        File beside the export with the data dictionary of a REDCap project; empty: no such export.
    dates : tuple of str
        Accepted ways to write a date, tried in order, as `datetime.strptime` takes them; ``excel``
        for the serial numbers of a spreadsheet.
    two_ways : {"", "first"}
        Which way counts where two of `dates` read a cell as different days. Empty: not said.
    dates_of : mapping of str to tuple of str
        Column to the ways in which its dates alone are written.
    time_zone : str
        Zone of the clinic (``Europe/Berlin``), into which instants with an offset are turned.
    empty : tuple of str
        Words that mean an empty cell, in any case.
    table, query : str
        Of a database, as the section ``[source]`` says.
    """

    sheets: Texts = Texts()
    sheet_name: str = ""
    looked_up: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    below: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    header_rows: int = 0
    skip_rows: int | None = None
    fill_down: Texts = Texts()
    beside: Texts = Texts()
    headings: str = ""
    totals: dict[str, Texts] = msgspec.field(default_factory=dict)
    dated: dict[str, Texts] = msgspec.field(default_factory=dict)
    split: Texts = Texts()
    ticked: dict[str, Texts] = msgspec.field(default_factory=dict)
    struck_out: str = ""
    encoding: str = ""
    delimiter: str = ""
    decimal: Literal[".", ","] = "."
    redcap_dictionary: str = ""
    dates: Texts = Texts(["%Y-%m-%d"])
    two_ways: Literal["", "first"] = ""
    dates_of: dict[str, Texts] = msgspec.field(default_factory=dict)
    time_zone: str = ""
    empty: Texts = Texts()
    table: str = ""
    query: str = ""


def is_database(place: str | Path) -> bool:
    """Whether a place is the address of a database."""
    return "://" in str(place)


def name_of(place: str | Path) -> str:
    """Return what messages call a file or database: its name, without its path or password.

    Examples
    --------
    >>> name_of("postgresql://ann:secret@host/clinic"), name_of("safe/export.csv")
    ('clinic', 'export.csv')
    """
    if not is_database(place):
        return Path(place).name
    address = re.split(r"[?#]", str(place).partition("://")[2])[0]
    _, slash, name = address.rpartition("/")
    return name if slash and name and "@" not in name else "database"


Record = Sequence[str | None]
SAMPLE = 200
"""Records that are looked at to find the header."""
ABOVE, TOTALS, AGAIN, REMARKS, HEADINGS = (
    "lines above the header", "rows of totals", "headers repeated", "remarks around the rows",
    "names above the rows of a person",
)  # fmt: skip
"""What is left away, as messages call it."""
_BLOCK = 20_000
_LINES = {name: re.compile(pattern, re.IGNORECASE)
          for name, pattern in shipped("intake/readers/lines.toml").items()}  # fmt: skip
"""Lines that are no rows, by the words of four languages."""
DAY = _LINES["day"]
_NUMBER = re.compile(r"[-+(]?[$€£]? ?[\d.,]*\d[\d.,]* ?[%€$£)]?")
_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d)")
_BLANKS = dict.fromkeys((0xA0, 0x2007, 0x2009, 0x202F), " ")
"""Blanks at which no line breaks, and narrow ones."""
_SEVERAL = 3
"""Lines from which on a first one that is unlike the others is seen to be."""


class Repeated(str):
    """A cell that stands in its row because it is merged with the one above: a score is not."""

    __slots__ = ()


@dataclass(frozen=True)
class Rows:
    """The rows of a file or database, as text.

    Parameters
    ----------
    cells : DataFrame of str
        Shape (rows, columns); an empty cell is missing.
    numbers : array of int
        Number of each row as a spreadsheet shows it, shape (rows,): the header of a file counts.
    sheets : tuple of int
        Number of each row's sheet, shape (rows,), where several were read; else empty.
    skipped : mapping of str to int
        What was left away, and how often.
    facts : tuple of tuple of str
        Columns that each sheet that was looked up gave.
    title : str
        What stands above the header.
    """

    cells: pd.DataFrame
    numbers: Any = ()
    sheets: tuple[int, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    facts: tuple[tuple[str, ...], ...] = ()
    title: str = ""

    def taken(self, cells: pd.DataFrame, at: Any, **skipped: int) -> Rows:
        """Return other cells, each row of the one that stood at a position of these."""
        numbers = self.numbers if len(self.numbers) else np.arange(1, len(self.cells) + 1)
        sheets = tuple(int(n) for n in np.array(self.sheets)[at]) if self.sheets else ()
        left, whole = {**self.skipped, **skipped}, cells.reset_index(drop=True)
        return Rows(whole, np.asarray(numbers)[at], sheets, left, self.facts, self.title)

    def row(self, position: int) -> int:
        """Return what people call the row at a 0-based position."""
        return int(self.numbers[position]) if len(self.numbers) else position + 1


def find_header(records: Sequence[Record]) -> tuple[int, int]:
    """Return where the header begins and where the rows begin, as positions in the records.

    The header is the first record that spans (nearly) as many columns as the records usually do
    and holds no data; a second record belongs to it where each fills the other's gaps.

    Examples
    --------
    >>> find_header([["Report"], ["Client", "Day", "Pain"], ["Ann Lee", "2026-05-04", "7"]])
    (1, 2)
    """
    both = [_continues(*records[i : i + 2]) for i in range(len(records))]
    whole = [[a or b for a, b in zip_longest(record, records[i + 1])] if both[i] else record
             for i, record in enumerate(records)]  # fmt: skip
    usual = median([n for n in map(_span, records) if n > 1] or [1])
    several = median([n for record in records if (n := sum(map(bool, record))) > 1] or [1])
    first = next((i for i, record in enumerate(records) if any(record)), 0)
    wide = next((i for i, record in enumerate(records) if _span(record) >= 0.8 * usual), first)
    if are_days(records[wide:]):
        return wide, wide + 1
    codes = next((i for i, record in enumerate(records) if _of_a_program(record)), 0)
    if codes:  # Qualtrics: codes of the questions, the questions, codes for programs
        return codes - 1, codes
    start = next((i for i, record in enumerate(whole) if _span(record) >= 0.8 * usual
                  and sum(map(bool, record)) >= several / 2 and are_names(record)),
                 first)  # fmt: skip
    second = bool(records) and (both[start] or _tells_apart(*records[start : start + 2])
                                or _explains(records[start + 1 :]))  # fmt: skip
    return start, start + 1 + second


def are_days(records: Sequence[Record]) -> bool:
    """Whether several cells of the first line are days, and none of those below them."""
    days = [i for record in records[:1] for i, cell in enumerate(record)
            if cell and DAY.match(cell)]  # fmt: skip
    below = [record[i] or "" for record in records[1:] for i in days if i < len(record)]
    return len(days) > 1 and not any(map(DAY.match, below))


def _of_a_program(record: Record) -> bool:
    """Whether a line is Qualtrics' third, which no person reads."""
    cells = [cell for cell in record if cell]
    return bool(cells) and all(cell.startswith('{"ImportId"') for cell in cells)


def _tells_apart(header: Record, below: Record = ()) -> bool:
    """Whether a line says what columns of one name are, and nothing of others."""
    pairs, number = list(zip_longest(header, below)), Counter(header)
    again = [own for name, own in pairs if name and number[name] > 1]
    alone = [own for name, own in pairs if number[name] < 2]
    words = are_names(below) and not any(_NUMBER.fullmatch(own or "") for own in again)
    return bool(again) and all(again) and not any(alone) and words


def _explains(records: Sequence[Record]) -> bool:
    """Whether a line says what the columns below hold: words where others hold numbers.

    A scale (``0 - 10``), a format (``mm/dd/yyyy``), a kind of answer (``Response``).
    """
    if len(records) < _SEVERAL or not any(records[0]):
        return False
    width = max(map(len, records))
    line, *below = ([*record, *[None] * (width - len(record))] for record in records)
    columns = [[cell for cell in column if cell] for column in zip(*below, strict=True)]
    measured = [i for i, own in enumerate(columns) if own and all(map(_is_measured, own))]
    dated = any(all(map(_DAY.match, columns[i])) for i in measured)
    said = [line[i] for i in measured]
    return dated and any(said) and not any(_is_measured(cell) for cell in said if cell)


def _is_measured(cell: str) -> bool:
    """Whether a cell is a number or begins with a day."""
    return bool(_NUMBER.fullmatch(cell)) or bool(_DAY.match(cell))


def are_names(record: Record) -> bool:
    """Whether cells can be names of columns: no date or contact, and not mostly numbers."""
    cells = [cell for cell in record if cell]
    n_numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in cells)
    kinds = ("email", "phone", "ssn", "date")
    return 2 * n_numbers <= len(cells) and not any(any_holds(cells, kind) for kind in kinds)


def _continues(top: Record, below: Record = ()) -> bool:
    pairs = [(bool(above), bool(own)) for above, own in zip_longest(top, below)]
    fills = (False, True) in pairs and (True, False) in pairs
    return fills and are_names(below) and not any(_NUMBER.fullmatch(cell or "") for cell in below)


def column_names(header: Sequence[Record]) -> list[str]:
    """Return one name a column: of several lines joined, nameless ones by number, each once.

    Examples
    --------
    >>> column_names([["Client", "Pain", None, "Paid", "Paid"],
    ...               [None, "before", "after", None, None]])
    ['Client', 'Pain before', 'Pain after', 'Paid', 'Paid (2)']
    """
    width = max(map(len, header), default=0)
    lines = [[(cell or "").translate(_BLANKS).strip() for cell in line]
             + [""] * (width - len(line)) for line in header]  # fmt: skip
    for i in range(1, width):  # the name of a group counts for the columns beside it
        for j, line in enumerate(lines[:-1]):
            if not line[i] and lines[j + 1][i]:
                line[i] = line[i - 1]
    columns = zip(*lines, strict=True)
    names = [" ".join(word for word in dict.fromkeys(column) if word) for column in columns]
    return distinct(name or f"(column {i})" for i, name in enumerate(names, start=1))


def distinct(names: Iterable[str]) -> list[str]:
    """Return names each once: the second ``Paid`` is ``Paid (2)``."""
    taken: dict[str, None] = {}
    for name in names:
        made = (f"{name} ({n})" if n > 1 else name for n in count(1))
        taken[next(own for own in made if own not in taken)] = None
    return [*taken]


def table_of(
    records: Iterable[tuple[int, Record]],
    header: Sequence[Record],
    where: str,
    *,
    before: Sequence[Record] = (),
    may_be_empty: bool = False,
    headings: str = "",
) -> Rows:
    """Return numbered records below their header as a table.

    Parameters
    ----------
    records : iterable of (int, record)
        Number and cells of each; read once, in blocks.
    header : sequence of record
        Its lines, one or several.
    where : str
        What messages call the file.
    before : sequence of record, optional
        The lines above the header; the last may be the first of the names of `headings`.
    may_be_empty : bool, optional
        Whether a header without rows is a table.
    headings : str, optional
        Column that rows of one name become for the rows below; empty: there are none.

    Returns
    -------
    Rows
        Without rows of totals, repeated headers, empty rows, remarks after the last row, and
        columns that have neither name nor cell.

    Raises
    ------
    DataError
        When the header is empty, a row has more or fewer cells than it, or no row is left.
    """
    names, counts = column_names(header), Counter({ABOVE: sum(map(any, before))})
    if not any(map(any, header)):
        refuse("empty_header", where)
    kept = _kept(records, header[-1:], len(names), counts, where, alone=bool(headings))
    cells, numbers = _stored(kept, len(names))
    n_remarks = _remarks_at_end(cells)
    counts[REMARKS] += n_remarks
    cells, numbers = cells[: len(cells) - n_remarks], numbers[: len(numbers) - n_remarks]
    if not len(cells) and not may_be_empty:
        refuse("header_alone", where)
    filled = (cells != np.array(None)).any(axis=0)
    named = [name != f"(column {i})" for i, name in enumerate(names, start=1)]
    used = np.flatnonzero(filled | np.array(named, dtype=bool))
    frame = pd.DataFrame(cells[:, used], columns=[names[i] for i in used], dtype=object)
    if headings:
        frame, numbers, counts[HEADINGS] = _under_headings(frame, numbers, headings, before[-1:])
    title = " ".join(cell for line in before for cell in line if cell)
    left = {what: n for what, n in counts.items() if n}
    return Rows(frame, numbers, skipped=left, title=title)


def headings_in(cells: pd.DataFrame) -> pd.Series[Any]:
    """Return the rows that are one cell of words alone, as those words; else missing."""
    return _heads(cells)["name"]


def _heads(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the name that each row of one cell is, and the day of birth behind it."""
    words = cells.bfill(axis=1).iloc[:, 0].where(cells.notna().sum(axis=1) == 1)
    text = words.astype("str")
    found = text.str.extract(_LINES["heading"]).where(words.notna())
    days = text.where(text.str.fullmatch(_LINES["day"]).astype(bool) & words.notna())
    if found["name"].isna().all() and days.notna().any():
        return found.assign(name=days)
    return found.assign(name=found["name"].str.replace(r"^[^:]{2,20}: *", "", regex=True))


def _under_headings(
    cells: pd.DataFrame, numbers: Any, name: str, above: Sequence[Record]
) -> tuple[pd.DataFrame, Any, int]:
    """Return the rows with the name and birth that stand above them, and how many were names."""
    heads = _heads(cells)
    top = [[cell or None for cell in line] for line in above if any(line)]
    first = _heads(pd.DataFrame(top, dtype=object)) if top else heads[:0]
    own = pd.concat([first, heads]).ffill()[len(first) :].astype(object)
    own = own.where(own.notna(), None)
    born = {f"{name} born": own["born"]} if own["born"].notna().any() else {}
    is_row = heads["name"].isna()
    rows = cells.assign(**{name: own["name"], **born})[is_row]
    return rows.reset_index(drop=True), numbers[is_row], int((~is_row).sum()) + len(first)


def _kept(
    records: Iterable[tuple[int, Record]], header: Sequence[Record], width: int,
    counts: Counter[str], where: str, *, alone: bool,
) -> Iterator[tuple[int, list[str | None]]]:  # fmt: skip
    """Yield the records that are rows, as wide as the header."""
    known: dict[str, str] = {}  # each different cell once: most stand there many times
    again = [cell or "" for line in header for cell in line]
    for number, record in records:
        row = [_once(cell, known) for cell in record]
        if len(row) != width:
            row = _fitted(row, width, counts, f"{where}, row {number}", alone=alone)
        label = next((cell for cell in row if cell), "")
        if not label:
            continue
        if _of_a_program(row):
            counts[AGAIN] += 1
        elif width > 2 and sum(map(bool, row)) == 1 and _LINES["week"].match(label):
            counts[REMARKS] += 1
        elif _LINES["total"].fullmatch(label) and _is_total(row):
            counts[TOTALS] += 1
        elif width > 1 and label in again and _names_again(row, again, f"{where}, row {number}"):
            counts[AGAIN] += 1
        else:
            yield number, row


def _once(cell: str | None, known: dict[str, str]) -> str | None:
    """Return a cell with plain blanks, each different one as one object; missing where empty."""
    if type(cell) is not str or not cell:
        return cell or None
    return known.get(cell) or known.setdefault(cell, cell.translate(_BLANKS).strip()) or None


def _names_again(row: Record, header: Sequence[str], where: str) -> bool:
    """Whether a row is the header again; one of the same names in another order is refused."""
    cells = [cell or "" for cell in row]
    if cells == header:
        return True
    known = sum(cell in header for cell in cells if cell)
    if known >= 2 and 2 * known >= sum(map(bool, cells)):
        refuse("second_header", where)
    return False


def _fitted(
    row: list[str | None], width: int, counts: Counter[str], where: str, *, alone: bool
) -> list[str | None]:
    """Return a row of the header's width; refuse one that was split wrongly.

    A line of one cell is a remark and left away, unless such lines are names (`alone`).
    """
    if len(row) > width and not any(row[width:]):
        return row[:width]
    whole = row + [None] * (width - len(row))
    if len(row) < width and _LINES["total"].fullmatch(row[0] or "") and _is_total(whole):
        return whole
    if len(row) > width or sum(map(bool, row)) != 1 or width <= 2:
        refuse("cells_in_row", where, n=len(row), width=width)
    if alone:
        return whole
    counts[REMARKS] += 1
    return [None] * width


def _is_total(row: Record) -> bool:
    """Whether all that stands beside the row's label is numbers, with gaps."""
    cells = [cell for cell in row if cell]
    return len(cells) < len(row) and all(_NUMBER.fullmatch(cell) for cell in cells[1:])


def _stored(rows: Iterator[tuple[int, list[str | None]]], width: int) -> tuple[Any, Any]:
    """Return rows and their numbers as arrays, filled block by block."""
    blocks: list[Any] = [np.empty((0, width), dtype=object)]
    numbers: list[int] = []
    while block := list(islice(rows, _BLOCK)):
        numbers += [number for number, _ in block]
        blocks.append(np.array([row for _, row in block], dtype=object).reshape(-1, width))
    return np.concatenate(blocks), np.array(numbers, dtype=int)


def _remarks_at_end(cells: Any) -> int:
    """Return how many rows at the end hold one cell alone, where rows usually hold more."""
    filled = (cells[-SAMPLE:] != np.array(None)).sum(axis=1)
    if not len(filled) or median(filled.tolist()) < 3:
        return 0
    return int(np.argmax((filled > 1)[::-1]))


def _span(record: Record) -> int:
    return max((i for i, cell in enumerate(record, start=1) if cell), default=0)


def rows_of(frame: pd.DataFrame, where: str) -> Rows:
    """Return a frame of any cells as text."""
    columns = [[plain_text(cell) for cell in frame[name]] for name in frame.columns]
    records = enumerate(zip(*columns, strict=True), start=1)
    return table_of(records, [[str(name) for name in frame.columns]], where)


def plain_text(cell: object) -> str | None:
    """Return a cell as text: whole numbers without .0, days without a time; None where missing."""
    if cell is None or cell is pd.NaT or cell is pd.NA or cell != cell:  # NaN
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).removesuffix(" 00:00:00").strip() or None
