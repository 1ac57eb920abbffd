"""A folder of Parquet parts: what is in it, what is wrong with it, and one part as a study."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import TABLES
from outcomes.errors import DataError
from outcomes.privacy.guard import refuse_identified
from outcomes.provenance import Provenance
from outcomes.scale.writing import arrow_parquet, file_digest
from outcomes.storage import PACKAGE, TRUTH
from outcomes.study import Study, study_from_tables

_ALLOWED = (PACKAGE, TRUTH, "_SUCCESS", "_metadata", "_common_metadata", "README.md")
_NAMED = 5
_FILE = re.compile(r"(" + "|".join(TABLES) + r")(?:[-_.](.+))?\.parquet", re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """One Parquet file of a part.

    Parameters
    ----------
    path : Path
    shown : str
        Its place in the folder, for messages.
    constants : mapping of str to str
        Columns that its folders name (``clinic_id=c01``).
    n_rows : int
    """

    path: Path
    shown: str
    constants: Mapping[str, str]
    n_rows: int


@dataclass(frozen=True)
class Part:
    """The files of one part: whole courses, with all that the tables hold of them.

    Parameters
    ----------
    name : str
        What its files have in common.
    files : mapping of str to tuple of File
        By table.
    """

    name: str
    files: Mapping[str, tuple[File, ...]]

    def n_rows(self, table: str) -> int:
        """Return the rows of a table."""
        return sum(file.n_rows for file in self.files.get(table, ()))


def is_parted(folder: Path) -> bool:
    """Whether a folder holds Parquet files of the tables."""
    return any(_place(folder, path) for path in folder.rglob("*.parquet"))


def parts_of(folder: Path) -> tuple[Part, ...]:
    """List the parts of a folder, and read the footer of each file.

    Parameters
    ----------
    folder : Path
        Files such as ``sessions-0001.parquet``, or a folder for each table with files or Hive
        folders (``sessions/clinic_id=c01/...``) in it. What has one name in every table is a part.

    Raises
    ------
    DataError
        When a file is foreign, does not read, or has other columns than the first of its table;
        or a table has parts that `episodes` has not. Each is named.
    UnavailableError
        When pyarrow is missing.
    """
    found: dict[str, dict[str, list[Path]]] = {}
    foreign = []
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        if path.is_dir() or inner[-1] in _ALLOWED or any(part.startswith(".") for part in inner):
            continue
        place = _place(folder, path)
        if place is None:
            foreign.append("/".join(inner))
        else:
            found.setdefault(place[1], {}).setdefault(place[0], []).append(path)
    if foreign:
        must = "a folder of parts holds Parquet files of the four tables alone"
        raise DataError(must, got=_some(foreign), where=folder.name, remedy="Move them elsewhere.")
    _refuse_unmatched(folder, found)
    schemas: dict[str, tuple[str, dict[str, str]]] = {}
    return tuple(
        Part(name, {table: tuple(_file(folder, path, table, schemas) for path in paths)
                    for table, paths in tables.items()})
        for name, tables in sorted(found.items())
    )  # fmt: skip


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _place(folder: Path, path: Path) -> tuple[str, str] | None:
    """Return the table and the name of the part that a file belongs to."""
    inner = path.relative_to(folder).parts
    if path.suffix.lower() != ".parquet":
        return None
    if len(inner) == 1:
        found = _FILE.fullmatch(inner[0])
        return (found[1].lower(), found[2] or "") if found else None
    if inner[0] not in TABLES:
        return None
    return inner[0], "/".join(inner[1:-1]) or Path(inner[-1]).stem


def _refuse_unmatched(folder: Path, found: Mapping[str, Mapping[str, Any]]) -> None:
    tables = {table for part in found.values() for table in part}
    must = "every part has the same tables, under one name"
    for name, part in found.items():
        missing = [table for table in ("episodes", "assessments")
                   if table in tables and table not in part]  # fmt: skip
        if missing:
            remedy = ("Write the tables in the same parts, each course in one of them: by patient "
                      "or clinic.")  # fmt: skip
            where = f"part '{name}' of {folder.name}"
            raise DataError(must, got=f"no {' and no '.join(missing)}", where=where, remedy=remedy)


def _file(
    folder: Path, path: Path, table: str, schemas: dict[str, tuple[str, dict[str, str]]]
) -> File:
    inner = path.relative_to(folder)
    shown = inner.as_posix()
    said = [part.split("=", 1) for part in inner.parts[1:-1] if "=" in part]
    constants = {name: value for name, value in said if name in TABLES[table].names}
    footer = _readable(shown, lambda: arrow_parquet().ParquetFile(path))
    with footer as opened:
        kinds = {field.name: _kind(str(field.type)) for field in opened.schema_arrow}
        n_rows = int(opened.metadata.num_rows)
    first, known = schemas.setdefault(table, (shown, kinds))
    both = {name: {kinds.get(name), known.get(name)} - {"null"} for name in {**kinds, **known}}
    other = sorted(name for name, own in both.items() if len(own) > 1)
    if other:
        must = f"all files of {table} have the same columns, of the same kind"
        got = f"others than {first}: {_some(other)}"
        raise DataError(must, got=got, where=shown, remedy="Write this file again as the others.")
    return File(path, shown, constants, n_rows)


def _kind(dtype: str) -> str:
    """Return the kind of a column: text, however it is stored, numbers, or what it is."""
    if "string" in dtype:
        return "text"
    return "number" if dtype.startswith(("int", "uint", "float", "double", "halffloat")) else dtype


def _readable(shown: str, read: Callable[[], Any]) -> Any:
    """Read, or say which file does not read."""
    arrow_parquet()
    from pyarrow import ArrowException

    try:
        return read()
    except (ArrowException, OSError, ValueError) as error:
        must = "every file of a study in parts is a whole Parquet file"
        kept = isinstance(error, PermissionError)
        got = "one that may not be read" if kept else "one that is empty, cut off or damaged"
        remedy = "Write or copy this file again; nothing was read from the others."
        raise DataError(must, got=got, where=shown, remedy=remedy) from None


@dataclass(frozen=True)
class Reader:
    """What it takes to read a part as a study.

    Parameters
    ----------
    provenance : Provenance
    instruments : mapping of str to Instrument
        That the study declares.
    """

    provenance: Provenance
    instruments: Mapping[str, Instrument]

    def __call__(self, part: Part, *, coded: bool = False) -> Study:
        """Read one part; its words as categories where `coded`.

        Raises
        ------
        DataError
            When a file does not read.
        PrivacyError
            When a part of real data looks as if it identifies people.
        UsageError
            When a column is not one of the data contract, or a cell not of its kind.
        """
        tables = {name: pd.concat([_rows(file) for file in files], ignore_index=True)
                  for name, files in part.files.items()}  # fmt: skip
        if not self.provenance.synthetic:
            refuse_identified(tables, f"part '{part.name}'")
        own = dict(self.instruments)
        return study_from_tables(tables, provenance=self.provenance, instruments=own, coded=coded)


def _rows(file: File) -> pd.DataFrame:
    table = _readable(file.shown, lambda: arrow_parquet().ParquetFile(file.path).read())
    if table.num_rows != file.n_rows:
        must = "a file stays as it was when the study was opened"
        raise DataError(must, got="other rows", where=file.shown, remedy="Load the study again.")
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, strings_to_categorical=False)
    return frame.assign(**{n: v for n, v in file.constants.items() if n not in frame})


def column_of(file: File, column: str) -> pd.Series[Any]:
    """Read one column of a file, or what its folders say of it.

    Raises
    ------
    DataError
        When the file does not read.
    """

    def read() -> Any:
        with arrow_parquet().ParquetFile(file.path) as opened:
            known = column in opened.schema_arrow.names
            return opened.read(columns=[column]).to_pandas()[column] if known else None

    found: pd.Series[Any] | None = _readable(file.shown, read)
    if found is None:
        return pd.Series([file.constants.get(column)] * file.n_rows, dtype=object)
    return found


def digest_of(parts: tuple[Part, ...]) -> str:
    """Return one SHA-256 for all files of the parts: of their places and digests."""
    files = [file for part in parts for own in part.files.values() for file in own]
    lines = sorted(f"{file.shown} {file_digest(file.path)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()
