"""What a JSON file holds: records of any program, and values at a path of names."""

from __future__ import annotations

import datetime
import json
from contextlib import suppress
from pathlib import Path
from typing import Any


def loaded(path: Path) -> Any:
    """Return what a JSON file holds, or a list of what its lines hold; None where it is none."""
    with suppress(OSError, ValueError, RecursionError):
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.casefold() == ".ndjson":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    return None


def records_in(content: Any) -> list[dict[str, Any]]:
    """Return the longest list of records that a program wrote; none where they are resources."""
    if isinstance(content, dict) and "resourceType" not in content:
        return max(map(records_in, content.values()), key=len, default=[])
    alike = isinstance(content, list) and all(isinstance(one, dict) for one in content)
    return content if alike and not any("resourceType" in one for one in content) else []


def at(value: Any, *keys: str | int) -> Any:
    """Return what stands at a path of names and positions; None where it is not there."""
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def list_at(value: Any, key: str) -> list[Any]:
    """Return the list at a key; empty where there is none."""
    found = at(value, key)
    return found if isinstance(found, list) else []


def moment_of(text: str) -> datetime.datetime | None:
    """Return the moment of a text that has a time of day; None where it has none."""
    try:
        return datetime.datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return None


def as_encounter(resource: Any) -> Any:
    """Return an appointment as an encounter says whose it is, with whom and when; others as is."""
    if at(resource, "resourceType") != "Appointment":
        return resource
    who = [at(one, "actor") for one in list_at(resource, "participant")]
    own = [actor for actor in who if "Patient" in str(at(actor, "reference") or at(actor, "type"))]
    others = [{"individual": actor} for actor in who if actor not in own]
    return {**resource, "subject": next(iter(own), None), "participant": others,
            "period": {key: at(resource, key) for key in ("start", "end")}}  # fmt: skip
