"""Load a study from a folder of the four tables, or from one flat long file through a map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes import __version__
from outcomes.dictionary.tables import TABLES
from outcomes.errors import DataError, UsageError
from outcomes.findings import Finding
from outcomes.intake.cells import read_cells
from outcomes.intake.column_map import (
    ColumnMap,
    contract_name,
    declared_instruments,
    read_column_map,
)
from outcomes.intake.flat import split_flat
from outcomes.intake.text_table import read_text_table
from outcomes.provenance import LeftOut, Provenance
from outcomes.storage import PACKAGE, TRUTH
from outcomes.study import Study, Truth, study_from_tables


def load(path: str | Path, columns: str | Path | Mapping[str, Any] | None = None) -> Study:
    """Load a study.

    Parameters
    ----------
    path : str or Path
        A folder with some or all of ``episodes.csv``, ``sessions.csv``, ``assessments.csv``,
        ``goals.csv``; or one flat CSV file with one row a score.
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
        When a file is missing, empty, has no rows, or lacks what the contract requires.
    UsageError
        When the map is wrong, or given for a folder.
    """
    place = Path(path)
    if place.is_dir():
        if columns is not None:
            must = "a column map goes with one flat file"
            raise UsageError(must, got="a map and a folder", remedy="Leave the map out.")
        return _load_folder(place)
    return _load_flat(place, columns)


def _load_flat(path: Path, columns: str | Path | Mapping[str, Any] | None) -> Study:
    rows = read_text_table(path)
    mapped = _own_headers(rows) if columns is None else read_column_map(columns)
    tables, findings, left_out, assumed = split_flat(rows, mapped, path.name)
    unused = tuple(str(name) for name in rows if name not in mapped.columns.values())
    provenance = Provenance(
        title=mapped.title,
        source=path.name,
        version=__version__,
        control=mapped.control,
        randomised=mapped.randomised,
        left_out=tuple(left_out),
        unused_columns=unused,
        reading=tuple(findings),
        assumed=tuple(assumed),
    )
    return study_from_tables(tables, provenance=provenance, instruments=mapped.instruments)


def _own_headers(rows: pd.DataFrame) -> ColumnMap:
    """Map a file to itself where its headers are names of the contract."""
    columns = {}
    for header in rows.columns:
        try:
            columns[contract_name(str(header))] = str(header)
        except UsageError:
            continue  # listed as an unused column
    return ColumnMap(columns=columns)


def _load_folder(folder: Path) -> Study:
    present = [name for name in TABLES if (folder / f"{name}.csv").is_file()]
    if "assessments" not in present:
        must = "a study folder holds assessments.csv"
        remedy = "A flat file is loaded by naming the file itself, with a column map."
        raise DataError(must, got="no such file", where=folder.name, remedy=remedy)
    tables, findings, unused = {}, [], []
    for name in present:
        tables[name], found, others = _read_table(folder, name)
        findings += found
        unused += others
    about = _about(folder)
    provenance = _provenance(about, folder, findings, unused)
    instruments = declared_instruments(about.get("instruments", {}))
    truth = _truth(folder / TRUTH)
    return study_from_tables(tables, provenance=provenance, truth=truth, instruments=instruments)


def _read_table(folder: Path, name: str) -> tuple[pd.DataFrame, list[Finding], list[str]]:
    spec, path = TABLES[name], folder / f"{name}.csv"
    text = read_text_table(path)
    missing = [c.name for c in spec.columns if c.required and c.name not in text]
    if name == "assessments" and not {"session", "day"} & set(text.columns):
        missing.append("session or day")
    if missing:
        must = f"{path.name} has the columns that the contract requires"
        raise DataError(must, got=f"no {', '.join(missing)}", where=path.name)
    own = [column for column in text if column in spec.names]
    others = [f"{name}.{column}" for column in text if column not in spec.names]
    frame, findings = read_cells(text[own], spec)
    return frame, findings, others


def _about(folder: Path) -> dict[str, Any]:
    path = folder / PACKAGE
    if not path.is_file():
        return {}
    try:
        about = json.loads(path.read_text(encoding="utf-8")).get("outcomes", {})
    except (ValueError, AttributeError):
        must = f"{PACKAGE} is the description that a study was saved with"
        raise DataError(must, got="something else", where=folder.name) from None
    return dict(about)


def _provenance(
    about: dict[str, Any], folder: Path, findings: list[Finding], unused: list[str]
) -> Provenance:
    names = {field.name for field in fields(Provenance)}
    kept = {key: value for key, value in about.items() if key in names}
    kept["left_out"] = tuple(LeftOut(**entry) for entry in kept.get("left_out", ()))
    kept["assumed"] = tuple(kept.get("assumed", ()))
    kept["unused_columns"] = tuple(unused)
    kept["reading"] = tuple(findings)
    kept["source"] = kept.get("source") or folder.name
    return Provenance(**kept)


def _truth(path: Path) -> Truth | None:
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return Truth(content["parameters"], pd.DataFrame(content["estimands"]))
