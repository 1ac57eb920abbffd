"""What stands beside a report: how it was made, and a description that other tools can read."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from outcomes.folders import contents
from outcomes.questions.answer import Source
from outcomes.render.contents.background import LIBRARIES

RUN, CRATE = "run.json", "ro-crate-metadata.json"
KINDS: Mapping[str, str] = json.loads(
    files("outcomes.render").joinpath("templates", "media_types.json").read_text("utf-8")
)
"""Media types by the ending of a file's name."""


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
    data = {name: getattr(source, name) for name in ("name", "title", "seed", "sha256")}
    made = {"outcomes": source.version, "python": platform.python_version()}
    record = {
        "data": data | {"label": source.label or "REAL"},
        "plan_sha256": source.plan_sha256,
        "options": dict(options),
        "versions": made | {name: version(name) for name in LIBRARIES},
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
    described = [
        {
            "@id": path.name, "@type": "File", "name": path.name, "sha256": _digest(path),
            "encodingFormat": KINDS[path.suffix], "contentSize": str(path.stat().st_size),
        }
        for path in contents(folder)
    ]  # fmt: skip
    parts = [{"@id": entry["@id"]} for entry in described]
    text = files("outcomes.render").joinpath("templates", "crate.json").read_text("utf-8")
    crate = json.loads(text)
    entries = {entry["@id"]: entry for entry in crate["@graph"]}
    entries["./"] |= {"name": title, "datePublished": date or "not given", "hasPart": parts}
    entries["#data"] |= {
        "name": f"{source.label} {source.title or source.name}".strip(),
        "identifier": f"sha256:{source.sha256}",
    }
    entries["#outcomes"]["softwareVersion"] = source.version
    entries["#run"]["result"] = parts
    crate["@graph"][2:2] = described
    _write(folder / CRATE, crate)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="")
