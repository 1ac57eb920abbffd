"""Read JSON: a FHIR bundle, or the records of any other program, one a row."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.intake.readers.fhir import read_bundle
from outcomes.intake.readers.table import FileFormat, Rows, rows_of


def read_json(place: str, form: FileFormat) -> Rows:
    """Return the rows of a FHIR bundle, or of a list of records; raises `DataError` for neither."""
    path, content = Path(place), None
    with suppress(OSError, ValueError, RecursionError):
        text = path.read_text(encoding="utf-8-sig")
        whole = path.suffix.casefold() == ".json"
        content = (
            json.loads(text) if whole else [*map(json.loads, filter(str.strip, text.splitlines()))]
        )
    records = _records(content)
    return rows_of(pd.json_normalize(records), path.name) if records else read_bundle(path, form)


def _records(content: Any) -> list[dict[str, Any]]:
    """Return the longest list of records in what a program wrote; none where they are FHIR's."""
    if isinstance(content, dict):
        if "resourceType" in content:
            return []
        return max(map(_records, content.values()), key=len, default=[])
    alike = isinstance(content, list) and all(isinstance(one, dict) for one in content)
    return content if alike and not any("resourceType" in one for one in content) else []
