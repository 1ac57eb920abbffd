"""Write a study to a folder: one CSV a table, a data package description, truth when simulated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes import __version__
from outcomes.dictionary.tables import TABLES, ColumnSpec, TableSpec
from outcomes.folders import written_whole
from outcomes.plain_text import each, neutralised
from outcomes.provenance import Provenance
from outcomes.tables import Tables, Truth, once

PACKAGE = "datapackage.json"
TRUTH = "truth.json"
OF_READING = ("reading", "file_rows", "file_words")
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}


def save(study: Tables, directory: str | Path) -> Path:
    """Write `study` to `directory`, whole or not at all.

    Parameters
    ----------
    study : Study
        The study.
    directory : str or Path
        Folder to write. A simulated study may take the place of a simulated one; one of real data
        takes no other's place, and its owner alone may read it.

    Returns
    -------
    Path
        The folder, with ``episodes.csv`` and the other tables that have rows,
        ``datapackage.json`` (Table Schema) and, when simulated, ``truth.json``.

    Raises
    ------
    UsageError
        When the folder holds anything else.
    """
    real = not study.provenance.synthetic
    maker = "save" if real else "simulate"
    with written_whole(directory, maker, private=real, replaces=not real) as folder:
        write_study(study, folder)
    return Path(directory)


def write_study(study: Tables, folder: Path) -> None:
    """Write the files of `save` into a folder that is there."""
    digests = {name: _write_table(study, name, folder) for name in TABLES}
    written = {name: digest for name, digest in digests.items() if digest}
    resources = [_resource(study, name, sha) for name, sha in written.items()]
    own = {name: _declared(instrument) for name, instrument in study.instruments.items()}
    describe(folder, study.provenance, study.truth, own, resources, written)


def describe(
    folder: Path, about: Provenance, truth: Truth | None, instruments: Mapping[str, Any],
    resources: list[dict[str, Any]], digests: Mapping[str, str],
) -> None:  # fmt: skip
    """Write what tells of a folder's tables: the data package, and the truth when simulated."""
    package = {
        "profile": "tabular-data-package",
        "title": about.title or "outcomes study",
        "outcomes": {
            **{k: v for k, v in asdict(about).items() if k not in OF_READING},
            "label": "SYNTHETIC" if about.synthetic else "",
            "instruments": instruments,
        },
        "resources": resources,
    }
    _write_json(folder / PACKAGE, package)
    if truth is not None:
        _write_json(folder / TRUTH, _told(about, truth, digests))


@once
def digest(study: Tables) -> str:
    """Return the SHA-256 of the study's tables as `save` would write them.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> len(digest(study_from_tables({})))
    64
    """
    whole = hashlib.sha256()
    for name, spec in TABLES.items():
        whole.update(_csv(study.table(name), spec).encode("utf-8"))
    return whole.hexdigest()


def _write_table(study: Tables, name: str, folder: Path) -> str:
    frame = study.table(name)
    if frame.empty and name != "episodes":
        return ""
    text = _csv(frame, TABLES[name])
    (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _csv(frame: pd.DataFrame, spec: TableSpec) -> str:
    used = [c for c in spec.columns if c.required or frame[c.name].notna().any()]
    columns = {column.name: _cells(frame[column.name], column) for column in used}
    text: str = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")
    return text


def _cells(values: pd.Series[Any], column: ColumnSpec) -> pd.Series[Any]:
    if column.kind == "integer" and (values.dropna() % 1 == 0).all():
        return values.astype("Int64")
    if column.kind == "number":
        return values.map(lambda cell: f"{cell:.10g}", na_action="ignore")
    if column.kind == "boolean":
        return values.map({True: "true", False: "false"}, na_action="ignore")
    return each(values, neutralised)


def _declared(instrument: Any) -> dict[str, Any]:
    names = ("title", "minimum", "maximum", "unit", "better")
    return {name: getattr(instrument, name) for name in names}


def _resource(study: Tables, name: str, sha: str) -> dict[str, Any]:
    spec, frame = TABLES[name], study.table(name)
    used = [c for c in spec.columns if c.required or frame[c.name].notna().any()]
    return {
        "name": name,
        "path": f"{name}.csv",
        "description": spec.description,
        "hash": f"sha256:{sha}",
        "schema": {"fields": [_field(column) for column in used], "missingValues": [""]},
    }


def _field(column: ColumnSpec) -> dict[str, Any]:
    bounds = {"minimum": column.minimum, "maximum": column.maximum}
    constraints: dict[str, Any] = {k: v for k, v in bounds.items() if v is not None}
    if column.required:
        constraints["required"] = True
    if column.categories and not column.open_list and column.kind == "category":
        constraints["enum"] = list(column.categories)
    entry = {
        "name": column.name,
        "type": _TYPES.get(column.kind, "string"),
        "description": column.description,
        "unit": column.unit,
        "constraints": constraints,
    }
    return {key: value for key, value in entry.items() if value}


def _told(about: Provenance, truth: Truth, digests: Mapping[str, str]) -> dict[str, Any]:
    return {
        "label": "SYNTHETIC",
        "seed": about.seed,
        "version": about.version or __version__,
        "sha256": digests,
        "parameters": dict(truth.parameters),
        "estimands": json.loads(truth.estimands.to_json(orient="records")),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=False)
    path.write_text(text + "\n", encoding="utf-8", newline="")
