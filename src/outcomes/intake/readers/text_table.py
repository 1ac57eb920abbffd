"""Read a CSV file as text, cell by cell, and say what is wrong with the file itself."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from outcomes.errors import UnavailableError
from outcomes.intake.readers import table
from outcomes.intake.readers.table import FileFormat, Rows
from outcomes.intake.refusals import refuse
from outcomes.plain_text import refuse_missing

DELIMITERS = (",", ";", "\t", "|")
ODD = "lines with a control character, taken out"
_END, _STRAY = "\x1d", 3
"""A sign that no line of text ends with, and how many of its kind a line may have."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16",
          codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
_MIXED = "utf-8-or-"
_OLD = ("cp1252", "mac_roman", "cp1250")
"""Encodings of old programs; of those that fit equally well the first."""
_USUAL = frozenset("‘’“”–—…«»€£°²³½¼¾®™·ºª")
"""Signs that stand in text beside letters."""
_RAISED = "²³½¼¾£"
"""Those that no letter follows, unless they are half of one (``Ã¼``) in a file of two encodings."""
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_CHUNK = 1 << 20


def read_text_table(
    place: str | Path, form: FileFormat | None = None, *, may_be_empty: bool = False
) -> Rows:
    """Return a CSV file as a table of text.

    Parameters
    ----------
    place : str or Path
        The file. Lines above its header are found and left away, as rows of totals are.
    form : FileFormat, optional
        Its encoding (else what the byte order mark says, else UTF-8, else that of an old program
        whose letters make words), its delimiter (else that of comma, semicolon, tab and bar which
        makes the most of its lines), and where its header is (else found).
    may_be_empty : bool, optional
        Whether a header without rows is a table.

    Returns
    -------
    Rows
        In file order.

    Raises
    ------
    DataError
        When the file is empty, not text, without rows, or a row is longer or shorter than the
        header.
    UnavailableError
        When the file is missing.
    """
    form, path = form or FileFormat(), Path(place)
    encoding = form.encoding or _encoding(path)
    head = list(islice(_lines(path, encoding), table.SAMPLE))
    delimiter = form.delimiter or _delimiter(head)
    sample = list(_records(iter(head), delimiter, path.name, whole=len(head) < table.SAMPLE))
    start, stop = header_lines(sample, form)
    header = sample[start:stop]
    if header and len(header[0]) == 1 and not (header[0][0] or "empty").isidentifier():
        refuse("one_column", path.name)
    odd: Counter[str] = Counter()
    records = islice(_records(_lines(path, encoding, odd), delimiter, path.name), stop, None)
    filled = ((line, record) for line, record in enumerate(records, start=stop + 1) if record)
    rows = table.table_of(filled, header, path.name, before=sample[:start],
                          may_be_empty=may_be_empty, headings=form.headings)  # fmt: skip
    return replace(rows, skipped={**rows.skipped, **odd})


def header_lines(sample: Sequence[Sequence[str | None]], form: FileFormat) -> tuple[int, int]:
    """Return where the header begins and ends: as the form says, else as it looks."""
    start, stop = table.find_header(sample)
    if form.skip_rows is not None:
        start, stop = form.skip_rows, form.skip_rows + 1
    elif form.header_rows > 1:  # its first line may be of groups alone
        start = next((i for i, record in enumerate(sample) if sum(map(bool, record)) > 1), start)
    return start, start + form.header_rows if form.header_rows else stop


def _encoding(path: Path) -> str:
    """Return the encoding that a file's bytes show."""
    refuse_missing(path, "file", UnavailableError)
    with path.open("rb") as file:
        head = file.read(_CHUNK)
        for mark, name in _MARKS.items():
            if head.startswith(mark):
                return name
        for name, at in (("utf-16-le", 1), ("utf-16-be", 0)):
            if head[at::2].count(0) > len(head) / 4:
                return name
        decoder, odd = codecs.getincrementaldecoder("utf-8")(), b""
        file.seek(0)
        try:
            while chunk := file.read(_CHUNK):
                odd = chunk
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return f"{_MIXED}{max(_OLD, key=lambda name: _letters(odd, name))}"
    return "utf-8"


def _read_old(encoding: str, error: UnicodeError) -> tuple[str, int]:
    """Read what is no UTF-8 in an older encoding: lines of both may stand in one file."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode(encoding), error.end


def _letters(content: bytes, encoding: str) -> int:
    """Return how many more of the special signs of a text stand as in words than do not."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return -len(content)
    near = zip(f" {text}", text, f"{text[1:]} ", strict=False)
    well = [not (sign in _RAISED and after.isalpha() and before != "Ã") if sign in _USUAL else
            sign.isalpha() and (sign.islower() or not before.islower())
            for before, sign, after in near if sign > "\x7f"]  # fmt: skip
    return 2 * sum(well) - len(well)


def _lines(path: Path, encoding: str, counts: Counter[str] | None = None) -> Iterator[str]:
    """Yield the lines of a file without stray signs that end text; refuse what is no text."""
    try:
        own = {"encoding": encoding, "errors": "strict"}
        if encoding.startswith(_MIXED):
            own = {"encoding": "utf-8", "errors": encoding}
            codecs.register_error(encoding, partial(_read_old, encoding.removeprefix(_MIXED)))
        with path.open(**own, newline="") as file:  # type: ignore[call-overload]
            for line in file:
                n_odd = line.count("\0") + line.count(_END)
                if n_odd > _STRAY:
                    break
                if n_odd and counts is not None:
                    counts[ODD] += 1
                yield line.replace("\0", "").replace(_END, "") if n_odd else line
            else:
                return
    except (UnicodeDecodeError, UnicodeError, LookupError):
        pass
    refuse("no_text", path.name)


def _delimiter(head: Sequence[str]) -> str:
    """Return the delimiter that splits most lines into most cells below a line of names."""
    said = _SEPARATOR.fullmatch(head[0].strip()) if head else None
    return said[1] if said else max(DELIMITERS, key=lambda mark: _made(head, mark))


def _made(head: Sequence[str], delimiter: str) -> tuple[int, int]:
    """Return the cells that a delimiter makes of the rows, and those of the header."""
    try:
        records = [row for row in csv.reader(head, delimiter=delimiter) if any(row)]
    except csv.Error:
        return 0, 0
    start = table.find_header(records)[0]
    width = len(records[start]) if records else 0
    if width < 2 or not (table.are_names(records[start]) or table.are_days(records[start:])):
        return 0, 0
    return (width - 1) * sum(abs(len(row) - width) <= 1 for row in records[start + 1 :]), width


def _records(
    lines: Iterator[str], delimiter: str, where: str, *, whole: bool = True
) -> Iterator[list[str]]:
    """Yield the records; a quotation mark that is never closed would swallow the line added."""

    def ended() -> Iterator[str]:
        yield from lines
        yield "\n"  # the last line may have no end
        yield f"{_END}\n"

    row: list[str] = []
    try:
        for row in csv.reader(ended(), delimiter=delimiter, skipinitialspace=True):
            if row == [_END]:
                return
            yield [cell.strip() for cell in row]
    except csv.Error:
        pass
    if whole:
        refuse("open_quotation", where)
