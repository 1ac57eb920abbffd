"""who.csv beside the key file: from a name to the ids of a course, for whoever holds the key.

It is the one file of this package that holds names, and as private as the key file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from outcomes.errors import UsageError
from outcomes.folders import locked, write_file
from outcomes.plain_text import cleaned, neutralised, restored

NAME = "who.csv"
COLUMNS = ("name", "record", "born", "condition", "course", "patient", "study")
"""Words of the export, the year of birth, and the ids that a letter or a finding names."""
Entry = tuple[str, ...]


def read_who(key_file: Path) -> list[Entry]:
    """Return the entries of the file beside a key file; none where there is no such file.

    Parameters
    ----------
    key_file : Path
        The key file.

    Returns
    -------
    list of tuple of str
        In the order of `COLUMNS`.

    Raises
    ------
    UsageError
        When a file of this name is no such list.
    """
    place = key_file.with_name(NAME)
    try:
        with place.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = csv.reader(lines, strict=True)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error):
        header, rows = [], []
    if tuple(header) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        must = f"{NAME} beside the key file is the list that an import wrote"
        remedy = "Move it, or keep the key file in a folder of its own. Nothing was changed."
        raise UsageError(must, got="another file", remedy=remedy)
    return [tuple(restored(cell) for cell in row) for row in rows]


def write_who(entries: Iterable[Entry], key_file: Path) -> None:
    """Add entries to the file beside a key file, for its owner only.

    Parameters
    ----------
    entries : iterable of tuple of str
        In the order of `COLUMNS`; one that is there already is not written twice.
    key_file : Path
        The key file, locked.
    """
    place = key_file.with_name(NAME)
    with locked(place), io.StringIO(newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        fresh = (tuple(map(cleaned, entry)) for entry in entries)
        for entry in sorted({*read_who(key_file), *fresh}):
            writer.writerow([neutralised(cell) for cell in entry])
        content = lines.getvalue().encode("utf-8-sig")
        write_file(place, content, private=True, replaces=True)
