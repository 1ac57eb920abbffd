"""A FHIR bundle: its resources by kind and by reference, and its visits."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outcomes.errors import DataError

SCORES = ("Observation", "QuestionnaireResponse")
_FINAL = (None, "final", "amended", "corrected", "completed")
_NOT_DONE = ("not-done", "cancelled", "planned", "preparation")
_UTC = re.compile(r".*T.*(?:Z|[+-]00:00)")
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[^/]+)")


class Bundle:
    """Resources by kind and by reference, the visits, and those done by patient and day."""

    def __init__(self, entries: list[tuple[str, Any]], zone: ZoneInfo | None) -> None:
        self._zone = zone
        self.skipped: Counter[str] = Counter()
        self._all = [resource for _, resource in entries if self._counts(resource)]
        own = Counter(_own_name(resource) for resource in self._all)
        self._by = {_own_name(resource): resource for resource in self._all}
        self._doubled = {name for name, n in own.items() if n > 1}  # of several servers
        self._by |= {_unversioned(url): resource for url, resource in entries if url}
        told = {id(self.get(p, "encounter")) for p in self.of_kind("Procedure")}
        days = {self._day(p) for p in self.of_kind("Procedure")}
        alone = [e for e in self.of_kind("Encounter")
                 if id(e) not in told and self._day(e) not in days]  # fmt: skip
        self.visits = [*self.of_kind("Procedure"), *alone]
        self.done: dict[str, list[Any]] = {}
        for visit in self.visits:
            if at(visit, "status") in _NOT_DONE:
                continue
            self.done.setdefault(self.patient(visit), []).append(visit)

    def _counts(self, resource: Any) -> bool:
        kind, status = at(resource, "resourceType"), at(resource, "status")
        counts = status in _FINAL if kind in SCORES else status != "entered-in-error"
        if not counts:
            self.skipped[f"{kind} not final or in error"] += 1
        return counts

    def _day(self, visit: Any) -> tuple[str, str]:
        return self.patient(visit), self.local(period_of(visit)[0])[:10]

    def of_kind(self, kind: str) -> list[Any]:
        """Return the resources of a kind, in the bundle's order."""
        return [r for r in self._all if at(r, "resourceType") == kind]

    def get(self, resource: Any, *keys: str | int) -> Any:
        """Return what a reference of the resource points at; None where it is not there."""
        reference = _unversioned(str(at(resource, *keys, "reference") or ""))
        if reference.startswith("#"):
            inside = list_at(resource, "contained")
            return next((part for part in inside if f"#{at(part, 'id')}" == reference), None)
        return self._by.get(reference, self._by.get(self._short(reference)))

    def _short(self, reference: str) -> str:
        """Return ``Patient/1`` of an address that ends so, where only one resource is called so."""
        found = _REFERENCE.fullmatch(reference)
        return found[1] if found and found[1] not in self._doubled else reference

    def patient(self, resource: Any) -> str:
        """Return what the patient of a resource is called, however it is referred to."""
        patient = self.get(resource, "subject")
        reference = _unversioned(str(at(resource, "subject", "reference") or ""))
        own = _own_name(patient)
        return own if patient and own not in self._doubled else self._short(reference)

    def local(self, moment: str) -> str:
        """Return a moment in the zone of the form, where there is one; else as it is written."""
        when = moment_of(moment)
        if self._zone is None or when is None or when.tzinfo is None:
            return moment
        return when.astimezone(self._zone).isoformat()

    def day(self, moment: str) -> str:
        """Return the day of a moment; the whole of it where it is in UTC and no zone is known."""
        local = self.local(moment)
        return local if self._zone is None and _UTC.fullmatch(local) else local[:10]


def _own_name(resource: Any) -> str:
    return f"{at(resource, 'resourceType')}/{at(resource, 'id')}"


def _unversioned(reference: str) -> str:
    return reference.partition("/_history/")[0]


def moment_of(text: str) -> datetime.datetime | None:
    """Return the moment of a text that has a time of day; None where it has none."""
    try:
        return datetime.datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return None


def resources(path: Path) -> list[tuple[str, Any]]:
    """Return the address and content of each resource; raises `DataError` for no bundle."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.casefold() == ".ndjson":
            return [("", json.loads(line)) for line in text.splitlines() if line.strip()]
        content = json.loads(text)
    except (OSError, ValueError, RecursionError):
        content = None
    entries = at(content, "entry")
    if at(content, "resourceType") != "Bundle" or not isinstance(entries, list):
        must = "the file is a FHIR R4 bundle (.json), or has one resource a line (.ndjson)"
        raise DataError(must, got="something else, or none", where=path.name)
    return [(str(at(entry, "fullUrl") or ""), at(entry, "resource")) for entry in entries]


def period_of(visit: Any) -> tuple[str, str]:
    """Return the start and end of a visit as they are written; empty where not said."""
    period = at(visit, "performedPeriod") or at(visit, "period")
    start = at(period, "start") or at(visit, "performedDateTime") or ""
    return str(start), str(at(period, "end") or "")


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
