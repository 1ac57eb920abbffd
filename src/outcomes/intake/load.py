"""Load a study: a folder or workbook of the four tables, or one flat file through a map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from outcomes import __version__
from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.findings import Finding, finding
from outcomes.intake import column_map
from outcomes.intake.column_map import ColumnMap
from outcomes.intake.daily import is_daily, load_daily
from outcomes.intake.readers import WORKBOOKS, Rows, is_database, name_of, read_source
from outcomes.intake.readers.database import read_database_tables
from outcomes.intake.readers.text_table import read_text_table
from outcomes.intake.readers.workbook import read_tables, sheet_names
from outcomes.intake.refusals import refuse
from outcomes.intake.rows import TypedRows
from outcomes.intake.tables import tables_of, with_facts_that_differ, with_stated_days
from outcomes.intake.template import GUIDE
from outcomes.intake.toml_records import folded
from outcomes.intake.typed_cells import named_rows, read_cells, typed_rows
from outcomes.intake.visits import states_visit
from outcomes.intake.wide import in_file, n_beside, stacked
from outcomes.plain_text import each, restored
from outcomes.privacy import guard
from outcomes.privacy.risk import age_band
from outcomes.provenance import LeftOut, Provenance
from outcomes.scale.folder import is_parted
from outcomes.scale.study import load_parts
from outcomes.storage import PACKAGE, TRUTH
from outcomes.study import Study, Truth, study_from_tables

_OF_SIMULATION = ("title", "source", "synthetic", "seed")
"""What a folder says of itself that no longer holds once its tables were edited."""


def load(path: str | Path, columns: str | Path | Mapping[str, Any] | None = None) -> Study:
    r"""Load a study.

    Parameters
    ----------
    path : str or Path
        A folder with some or all of ``episodes.csv``, ``sessions.csv``, ``assessments.csv``,
        ``goals.csv``; an Excel workbook with sheets, or the address of a database with tables, of
        these names; or one flat file (CSV, Excel, Parquet) with one row a score, or with a map the
        address of a database that holds such rows.
    columns : str, Path or mapping, optional
        Column map of a flat file: a TOML file or a dict. Without one the file's own headers must be
        names of the data contract.

    Returns
    -------
    Study
        Cells that cannot be read are missing in it and listed by `check`; rows left out are
        counted in ``provenance.left_out``.

    Raises
    ------
    DataError
        When a file is empty, has no rows, or lacks what the contract requires.
    PrivacyError
        When the file still looks as if it identifies people.
    UnavailableError
        When a file is missing, or reading it needs what is not installed.
    UsageError
        When the map is wrong, or given for a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "scores.csv"
    ...     _ = file.write_text("episode_id,session,instrument,score\na,1,nprs,6\na,2,nprs,4\n")
    ...     load(file)
    Study(1 episodes, 0 sessions, 2 scores, 0 goals)
    """
    if is_database(path) and columns is None:
        held = read_database_tables(str(path), TABLES)
        return _load_tables({name: rows.cells for name, rows in held.items()}, name_of(path))
    place = Path(path)
    if place.is_dir():
        if columns is not None:
            refuse("map_and_folder")
        if is_parted(place):
            return _load_parts(place)
        present = {name: place / f"{name}.csv" for name in TABLES}
        own = {name: read_text_table(file, may_be_empty=True)
               for name, file in present.items() if file.is_file()}  # fmt: skip
        texts = {name: _as_counted(rows.cells.apply(each, change=restored), rows)
                 for name, rows in own.items()}  # fmt: skip
        return _load_tables(texts, place.name, place)
    if columns is None and place.suffix.casefold() in WORKBOOKS:
        sheets = sheet_names(place)
        if is_daily(sheets):
            return load_daily(place, sheets)
        names = [name for name in TABLES if name in sheets]
        if "assessments" in names:
            held = read_tables(place, names)
            counted = {name: _as_counted(rows.cells, rows) for name, rows in held.items()}
            others = {*sheet_names(place, hidden=False)} - {*TABLES, GUIDE}
            return _load_tables(counted, place.name, others=len(others))
    return _load_flat(path, columns)


def _load_flat(path: str | Path, columns: str | Path | Mapping[str, Any] | None) -> Study:
    where, given = name_of(path), None if columns is None else column_map.read_column_map(columns)
    source = read_source(path, None if given is None else given.file)
    rows = source.cells
    mapped = _own_headers(rows) if given is None else given
    ids = [column for name, column in mapped.columns.items() if name.split(".")[-1] in guard.IDS]
    guard.refuse_identified({"": _as_counted(rows, source)}, where, ids)
    guard.refuse_named_words(mapped.kept_words(), ())
    of_visits = {column_map.IMPORTED, column_map.SERVICE} & {*mapped.columns}
    if mapped.identifiers or mapped.scores or of_visits:
        refuse("not_imported", where, remedy=guard.IMPORT)
    column_map.refuse_unread(mapped, export=False)
    long, mapped = stacked(rows, mapped, where)
    long = named_rows(long, mapped, where)
    typed, assumed = _flat_rows(long, mapped, where)
    tables = {name: frame for name, frame in tables_of(typed).items() if len(frame)}
    findings = in_file(typed.findings, source, mapped)
    n, n_empty = n_beside(mapped), int(typed.cells["assessments.score"].isna().sum())
    lines = {name: [source.row(i // n) for i in frame.index.tolist()]
             for name, frame in tables.items()}  # fmt: skip
    provenance = Provenance(
        title=mapped.title, source=guard.shown_name(where), version=__version__,
        synthetic=_is_simulated(Path(path)), control=mapped.study.control,
        randomised=mapped.study.randomised, reading=tuple(findings), assumed=tuple(assumed),
        left_out=(LeftOut("assessments", "no score", n_empty),) if n_empty else (),
        unused_columns=_unused(mapped.unnamed(long), [*map(str, long)]), file_rows=lines,
    )  # fmt: skip
    own = {name: frame[[c for c in frame if c in TABLES[name].names]]
           for name, frame in tables.items()}  # fmt: skip
    return study_from_tables(own, provenance=provenance, instruments=mapped.declared())


def _as_counted(cells: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Return cells whose index counts as a spreadsheet does."""
    return cells.set_axis(np.asarray(rows.numbers) - 1) if len(rows.numbers) else cells


def _flat_rows(text: pd.DataFrame, mapped: ColumnMap, where: str) -> tuple[TypedRows, list[str]]:
    """Return a flat file's rows, typed, with the choices that it does not state itself."""
    rows = typed_rows(TypedRows(text, pd.DataFrame(index=text.index)), mapped, export=False)
    cells = rows.cells
    needed = ["assessments.episode_id", "assessments.instrument", "assessments.score"]
    missing = [name.split(".")[1] for name in needed if name not in cells]
    if not {"assessments.session", "assessments.day", "week", "month"} & set(cells):
        missing.append("session, day, week or month")
    if missing:
        refuse("flat_columns", where, names="; no ".join(missing))
    course = cells["assessments.episode_id"]
    rows = with_stated_days(rows.having(**{"episodes.episode_id": course}))
    rows = rows.having(visit=states_visit(rows), order=0.0)
    if "age" in cells:
        rows = rows.having(**{"episodes.age_band": age_band(cells["age"])})
    rows, assumed = _with_timing(with_facts_that_differ(rows))
    return rows, assumed


def _with_timing(rows: TypedRows) -> tuple[TypedRows, list[str]]:
    """Where the file does not say when a score was taken, decide by one stated rule."""
    cells = rows.cells
    if "assessments.timing" in cells:
        return rows, []
    numbered = "assessments.session" in cells
    if "baseline" in cells or numbered:
        kind = "taken at the start of the visit" if numbered else "follow-up scores"
        rows = rows.having(**{"assessments.timing": "pre_session" if numbered else "follow_up"})
        return rows, [f"The file does not say when scores were taken: all count as {kind}."]
    timing = np.where(cells["day"] <= 0, "baseline", "follow_up")
    rows = rows.having(**{"assessments.timing": timing})
    return rows, ["The file does not say when scores were taken: those of day 0 count as baseline, "
                  "later ones as follow-up scores."]  # fmt: skip


def _own_headers(rows: pd.DataFrame) -> ColumnMap:
    """Map a file to itself where its headers are names of the contract."""
    columns = {}
    for header in rows.columns:
        try:
            columns[column_map.contract_name(str(header))] = str(header)
        except UsageError:
            continue  # listed as an unused column
    return ColumnMap(columns=columns)


def _load_tables(
    texts: Mapping[str, pd.DataFrame], where: str, folder: Path | None = None, others: int = 0
) -> Study:
    if not {"assessments", "sessions"} & set(texts):
        refuse("no_table", where)
    if all(texts[name].empty for name in ("assessments", "sessions") if name in texts):
        refuse("empty_tables", where)
    texts = {name: _in_small_letters(text, {*TABLES[name].names} - {*text})
             for name, text in texts.items()}  # fmt: skip
    guard.refuse_identified(texts, where)
    tables, unused = {}, []
    got = "sheets that are not"
    findings = [finding("R41", "file", "sheets", others, got=got)] if others else []
    for name, text in texts.items():
        tables[name], found, own = _read_table(text, name)
        findings += found
        unused += own
    about, edited = _about(folder) if folder else ({}, False)
    provenance, instruments = _described(about, where, [*findings, *_edited(where, edited)], unused)
    lines = {name: (text.index + 1).tolist() for name, text in texts.items()
             if not isinstance(text.index, pd.RangeIndex)}  # fmt: skip
    provenance = replace(provenance, file_rows=lines)
    truth = _truth(folder / TRUTH) if folder and not edited else None
    if tables.get("episodes", pd.DataFrame()).empty:
        tables.pop("episodes", None)  # one row for each course that the other tables name
    return study_from_tables(tables, provenance=provenance, truth=truth, instruments=instruments)


def _in_small_letters(text: pd.DataFrame, wanted: Collection[str]) -> pd.DataFrame:
    """Return a table with headers that are names of the contract but for their case as these."""
    own = {folded(str(name)): name for name in reversed(text.columns)}
    return text.rename(columns={name: low for low, name in own.items() if low in wanted})


def _load_parts(folder: Path) -> Study:
    """Load a study in parts: it holds no rows."""
    about, edited = _about(folder)
    described = _described(about, folder.name, _edited(folder.name, edited), [])
    truth = None if edited else _truth(folder / TRUTH)
    return load_parts(folder, described[0], truth, described[1])


def _edited(where: str, edited: bool) -> list[Finding]:
    return [finding("R42", where, "", 1, got="others")] * edited


def _read_table(text: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Finding], list[str]]:
    spec = TABLES[name]
    missing = [c.name for c in spec.columns if c.required and c.name not in text]
    if name == "assessments" and not {"session", "day"} & set(text.columns):
        missing.append("session or day")
    if missing:
        refuse("required_columns", name, called=name, names=", ".join(missing))
    own = [column for column in text if column in spec.names]
    others = [str(column) for column in text if column not in spec.names]
    frame, findings = read_cells(text[own].reset_index(drop=True), spec)
    findings = [found.in_file(lambda row: int(text.index[row - 1]) + 1) for found in findings]
    return frame, findings, [f"{name}.{column}" for column in _unused(others, [*map(str, text)])]


def _unused(names: Iterable[str], headers: Sequence[str]) -> tuple[str, ...]:
    """Return what columns that nothing is read from are called: one may be a person's name."""
    small = [header for header in headers if header.islower()]  # a capital may be a name's
    shown = guard.shown_headers(headers, small, ())
    return tuple(shown[name] for name in names)


def _about(folder: Path) -> tuple[dict[str, Any], bool]:
    """Return what a folder says of itself, and whether it is a simulated study that was edited."""
    try:
        package = _package(folder)
        about = dict(package.get("outcomes", {}))
        if not about.get("synthetic") or _as_saved(package, folder):
            return about, False
    except (ValueError, AttributeError, TypeError, KeyError):
        refuse("no_description", folder.name)
    return {name: about[name] for name in about if name not in _OF_SIMULATION}, True


def _package(folder: Path) -> dict[str, Any]:
    path = folder / PACKAGE
    text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    package: dict[str, Any] = json.loads(text)
    return package


def _as_saved(package: Mapping[str, Any], folder: Path) -> bool:
    """Whether the tables of a folder are those that its description was written with."""
    saved = {entry["path"]: entry.get("hash") for entry in package.get("resources", ())}
    present = [folder / f"{name}.csv" for name in TABLES] + sorted(folder.rglob("*.parquet"))
    return saved == {path.relative_to(folder).as_posix(): _digest(path)
                     for path in present if path.is_file()}  # fmt: skip


def _is_simulated(path: Path) -> bool:
    """Whether a file is, unchanged, a table of a simulated study beside its description."""
    try:
        package = _package(path.parent)
        written = {entry.get("hash") for entry in package.get("resources", ())}
        simulated = bool(package.get("outcomes", {}).get("synthetic"))
        return simulated and path.is_file() and _digest(path) in written
    except (ValueError, AttributeError, TypeError, KeyError):
        return False


def _digest(path: Path) -> str:
    """Return the digest of a table as it was saved, whatever line ends a checkout gave it."""
    content = path.read_bytes()
    if path.suffix == ".csv":
        content = content.replace(b"\r\n", b"\n")
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(
    about: dict[str, Any], where: str, findings: list[Finding], unused: list[str]
) -> tuple[Provenance, dict[str, Instrument]]:
    """Return the provenance and the instruments that a folder's description states."""
    try:
        kept = msgspec.convert(about, Provenance)
        kept = replace(kept, unused_columns=tuple(unused), reading=tuple(findings),
                       source=kept.source or guard.shown_name(where))  # fmt: skip
        return kept, column_map.declared_instruments(about.get("instruments", {}))
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError):
        refuse("no_description", where)


def _truth(path: Path) -> Truth | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Truth(dict(content["parameters"]), pd.DataFrame(content["estimands"]))
    except (ValueError, KeyError, TypeError):
        refuse("no_truth", path.parent.name, truth=TRUTH)
