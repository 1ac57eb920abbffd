"""What stands beside a report: how it was made, and a description that other tools can read."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from outcomes.folders import contents
from outcomes.questions.answer import Source
from outcomes.render.contents.background import LIBRARIES

RUN = "run.json"
CRATE = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
CONFORMS = "https://w3id.org/ro/crate/1.1"
FORMATS = {
    ".html": "text/html", ".csv": "text/csv", ".json": "application/json",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}  # fmt: skip


def write_run(folder: Path, source: Source, options: Mapping[str, Any]) -> None:
    """Write ``run.json``: the data's digest, options, versions, and the digest of every file.

    Parameters
    ----------
    folder : Path
        Folder of the report, all other files already in it.
    source : Source
        The data.
    options : mapping
        What the report was asked for.
    """
    record = {
        "data": {
            "name": source.name,
            "title": source.title,
            "label": source.label or "REAL",
            "seed": source.seed,
            "sha256": source.sha256,
        },
        "plan_sha256": source.plan_sha256,
        "options": dict(options),
        "versions": {
            "outcomes": source.version,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "files": {path.name: _digest(path) for path in contents(folder)},
    }
    _write(folder / RUN, record)


def write_crate(folder: Path, title: str, source: Source, date: str) -> None:
    """Write the RO-Crate description of the report's folder.

    Parameters
    ----------
    folder : Path
        Folder of the report, all other files already in it.
    title : str
        Title of the report.
    source : Source
        The data.
    date : str
        Date of publication; the crate says it is not given where empty.
    """
    files = [_file(path) for path in contents(folder)]
    data = {
        "@id": "#data",
        "@type": "Dataset",
        "name": f"{source.label} {source.title or source.name}".strip(),
        "identifier": f"sha256:{source.sha256}",
        "description": "The study's tables; not part of this crate.",
    }
    program = {
        "@id": "#outcomes",
        "@type": "SoftwareApplication",
        "name": "outcomes",
        "softwareVersion": source.version,
    }
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "Report",
        "instrument": {"@id": "#outcomes"},
        "object": {"@id": "#data"},
        "result": [{"@id": entry["@id"]} for entry in files],
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "description": "Report of outcomes of care with every estimate as a table.",
        "datePublished": date or "not given",
        "license": "The owner of the data decides.",
        "hasPart": [{"@id": entry["@id"]} for entry in files],
        "mentions": [{"@id": "#run"}, {"@id": "#data"}],
    }
    head = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": CONFORMS},
        "about": {"@id": "./"},
    }
    _write(
        folder / CRATE, {"@context": CONTEXT, "@graph": [head, root, *files, data, program, run]}
    )


def _file(path: Path) -> dict[str, Any]:
    return {
        "@id": path.name,
        "@type": "File",
        "name": path.name,
        "encodingFormat": FORMATS[path.suffix],
        "contentSize": str(path.stat().st_size),
        "sha256": _digest(path),
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="")
