"""Read a FHIR R4 bundle as rows of text, one a visit, as the importer takes them.

Patient, ServiceRequest, Condition, Procedure, Encounter, Observation, QuestionnaireResponse and
Goal are read (https://hl7.org/fhir/R4). Of scores only those count that are final: statuses
``final``, ``amended``, ``corrected`` and ``completed``; what is left away is counted.
"""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from outcomes.errors import DataError
from outcomes.intake.readers.form import FileFormat
from outcomes.intake.readers.table import Rows, rows_of

Row = dict[str, Any]
COLUMNS = (
    "patient", "name", "birth date", "sex", "telecom", "address", "identifier", "procedure", "date",
    "start", "status", "minutes", "therapist", "condition", "requester", "visits a week", "weeks",
    "script minutes", "goal measure", "goal target", "goal set", "goal due", "note",
)  # fmt: skip
"""Columns that every bundle has; those of scores come after, named by their codes."""
_DAYS = {"d": 1.0, "wk": 7.0, "mo": 365.25 / 12}
_FINAL = (None, "final", "amended", "corrected", "completed")
_SCORES = ("Observation", "QuestionnaireResponse")
_NEAR = datetime.timedelta(hours=3)
"""How far before or after a visit a score is its own, where midnight lies between them."""
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[^/]+)")


def read_bundle(place: str | Path, form: FileFormat | None = None) -> Rows:
    """Return the visits, goals and other scores of a bundle as text.

    Parameters
    ----------
    place : str or Path
        A bundle (``.json``), or one resource a line (``.ndjson``).
    form : FileFormat, optional
        Its time zone; without one the day of a visit is that of its own offset.

    Returns
    -------
    Rows
        One row a visit: a Procedure with its request, reason and patient, or an Encounter in which
        no Procedure was done. A score stands on the row of the visit that it is part of, or that
        was the only one of its day, in a column named by its code; ``CODE after`` where it was
        taken at or after the end of the visit. A score without a visit, ``CODE alone``, has a row
        of its own, as goals have. Answers of a questionnaire are scores by the name
        ``QUESTIONNAIRE LINK-ID``. Moments are compared, whatever their offsets.

    Raises
    ------
    DataError
        When the file is missing, is no bundle, or holds no visit, score or goal.
    """
    path, form = Path(place), form or FileFormat()
    bundle = _Bundle(_resources(path), ZoneInfo(form.time_zone) if form.time_zone else None)
    visits = {id(visit): _visit(bundle, visit) for visit in bundle.visits}
    rows = list(visits.values())
    for kind in _SCORES:
        for resource in bundle.of_kind(kind):
            rows += _scored(bundle, resource, visits)
    first: dict[Any, str] = {}
    for row in sorted(rows, key=lambda row: row["date"], reverse=True):
        first[row["patient"]] = row["date"]
    rows += [_goal(bundle, goal, first) for goal in bundle.of_kind("Goal")]
    if not rows:
        must = "a bundle holds visits (Procedure, Encounter), scores or goals"
        raise DataError(must, got="none that counts", where=path.name)
    others = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *others], dtype=object)
    return replace(rows_of(frame, path.name), skipped=dict(bundle.skipped))


class _Bundle:
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
        days = {self._at(p) for p in self.of_kind("Procedure")}
        alone = [e for e in self.of_kind("Encounter")
                 if id(e) not in told and self._at(e) not in days]  # fmt: skip
        self.visits = [*self.of_kind("Procedure"), *alone]
        self.done: dict[str, list[Any]] = {}
        for visit in self.visits:
            if _at(visit, "status") in ("not-done", "cancelled", "planned", "preparation"):
                continue
            self.done.setdefault(self.patient(visit), []).append(visit)

    def _counts(self, resource: Any) -> bool:
        kind, status = _at(resource, "resourceType"), _at(resource, "status")
        counts = status in _FINAL if kind in _SCORES else status != "entered-in-error"
        if not counts:
            self.skipped[f"{kind} not final or in error"] += 1
        return counts

    def _at(self, visit: Any) -> tuple[str, str]:
        return self.patient(visit), self.local(_period(visit)[0])[:10]

    def of_kind(self, kind: str) -> list[Any]:
        return [r for r in self._all if _at(r, "resourceType") == kind]

    def get(self, resource: Any, *keys: str | int) -> Any:
        """Return what a reference of the resource points at; None where it is not there."""
        reference = _unversioned(str(_at(resource, *keys, "reference") or ""))
        if reference.startswith("#"):
            inside = _list(resource, "contained")
            return next((part for part in inside if f"#{_at(part, 'id')}" == reference), None)
        return self._by.get(reference, self._by.get(self._short(reference)))

    def _short(self, reference: str) -> str:
        """Return ``Patient/1`` of an address that ends so, where only one resource is called so."""
        found = _REFERENCE.fullmatch(reference)
        return found[1] if found and found[1] not in self._doubled else reference

    def patient(self, resource: Any) -> str:
        """Return what the patient of a resource is called, however it is referred to."""
        patient = self.get(resource, "subject")
        reference = _unversioned(str(_at(resource, "subject", "reference") or ""))
        own = _own_name(patient)
        return own if patient and own not in self._doubled else self._short(reference)

    def local(self, moment: str) -> str:
        """Return a moment in the zone of the form, where there is one; else as it is written."""
        when = _moment(moment)
        if self._zone is None or when is None or when.tzinfo is None:
            return moment
        return when.astimezone(self._zone).isoformat()


def _own_name(resource: Any) -> str:
    return f"{_at(resource, 'resourceType')}/{_at(resource, 'id')}"


def _unversioned(reference: str) -> str:
    return reference.partition("/_history/")[0]


def _moment(text: str) -> datetime.datetime | None:
    """Return the moment of a text that has a time of day; None where it has none."""
    try:
        return datetime.datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return None


def _resources(path: Path) -> list[tuple[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.casefold() == ".ndjson":
            return [("", json.loads(line)) for line in text.splitlines() if line.strip()]
        content = json.loads(text)
    except (OSError, ValueError, RecursionError):
        content = None
    entries = _at(content, "entry")
    if _at(content, "resourceType") != "Bundle" or not isinstance(entries, list):
        must = "the file is a FHIR R4 bundle (.json), or has one resource a line (.ndjson)"
        raise DataError(must, got="something else, or none", where=path.name)
    return [(str(_at(entry, "fullUrl") or ""), _at(entry, "resource")) for entry in entries]


def _visit(bundle: _Bundle, visit: Any) -> Row:
    request = bundle.get(visit, "basedOn", 0)
    reason = bundle.get(visit, "reasonReference", 0) or bundle.get(request, "reasonReference", 0)
    start, end = _period(visit)
    local = bundle.local(start)
    actor = _at(visit, "performer", 0, "actor") or _at(visit, "participant", 0, "individual")
    status = (_at(visit, "status"), _code(_at(visit, "statusReason")))
    minutes = _number(_at(visit, "length"), "value")  # of an Encounter; NaN where it has none
    return {
        **_person(bundle, visit), **_script(request), "procedure": _at(visit, "id"),
        "date": local[:10], "start": local[11:16],
        "status": " ".join(str(word) for word in status if word),
        "minutes": minutes if minutes == minutes else _minutes(start, end),
        "therapist": _at(actor, "reference") or _at(actor, "display"),
        "condition": _code(_at(reason, "code")) or _code(_at(visit, "reasonCode", 0)),
        "note": _at(visit, "note", 0, "text"),
    }  # fmt: skip


def _person(bundle: _Bundle, resource: Any) -> Row:
    patient = bundle.get(resource, "subject")
    name = _at(patient, "name", 0)
    given = _at(name, "given")
    names = [*(given if isinstance(given, list) else []), _at(name, "family")]
    return {
        "patient": bundle.patient(resource), "sex": _at(patient, "gender"),
        "name": _at(name, "text") or " ".join(str(word) for word in names if word),
        "birth date": _at(patient, "birthDate"), "telecom": _values(patient, "telecom"),
        "identifier": _values(patient, "identifier"),
        "address": " ".join(str(_at(patient, "address", 0, key) or "")
                            for key in ("text", "city", "postalCode")),
    }  # fmt: skip


def _script(request: Any) -> Row:
    repeat = _at(request, "occurrenceTiming", "repeat")
    per = _number(repeat, "period") * _DAYS.get(str(_at(repeat, "periodUnit")), float("nan"))
    duration = _number(repeat, "duration") if _at(repeat, "durationUnit") == "min" else None
    return {
        "requester": _at(request, "requester", "display"), "script minutes": duration,
        "visits a week": round(_number(repeat, "frequency") * 7 / per, 4) if per else None,
        "weeks": _duration(_at(repeat, "boundsDuration")) / 7,
    }  # fmt: skip


def _scored(bundle: _Bundle, resource: Any, visits: dict[int, Row]) -> Iterator[Row]:
    """Put scores on the row of their visit; yield rows for those that have none."""
    when = str(_at(resource, "effectiveDateTime") or _at(resource, "effectivePeriod", "start")
               or _at(resource, "authored") or "")  # fmt: skip
    of = _visit_of(bundle, resource, when)
    visit = visits.get(id(of))
    late = visit is not None and _minutes(_period(of)[1], when) is not None
    named = list(_named_scores(resource))
    bundle.skipped["scores without a value that is read"] += not named
    for name, value in named:
        name = f"{name} score" if name in COLUMNS else name
        column = f"{name} after" if late else name
        if visit is not None and column not in visit:
            visit[column] = value
            continue
        request = bundle.get(resource, "basedOn", 0)
        condition = bundle.get(resource, "focus", 0) or bundle.get(request, "reasonReference", 0)
        alone = column if visit is not None else f"{name} alone"
        yield {**_person(bundle, resource), "date": bundle.local(when)[:10], alone: value,
               "condition": _code(_at(condition, "code"))}  # fmt: skip


def _visit_of(bundle: _Bundle, resource: Any, when: str) -> Any:
    """Return the visit of a score: its own, the only one of its day, or the only one near."""
    own = bundle.get(resource, "partOf", 0)
    own = bundle.get(resource, "encounter") if own is None else own
    done = bundle.done.get(bundle.patient(resource), [])
    if any(visit is own for visit in bundle.visits):
        return own
    if own is not None:
        done = [visit for visit in done if bundle.get(visit, "encounter") is own] or done
    same_day = [visit for visit in done if _on_day(bundle, visit, when)]
    near = [visit for visit in done if _is_near(visit, when)]
    found = same_day or near
    return found[0] if len(found) == 1 else None


def _on_day(bundle: _Bundle, visit: Any, when: str) -> bool:
    """Whether a score was taken on the day of a visit, by the clock of the visit."""
    start = bundle.local(_period(visit)[0])
    begin, taken = _moment(start), _moment(when)
    if begin is not None and taken is not None and begin.tzinfo and taken.tzinfo:
        when = taken.astimezone(begin.tzinfo).isoformat()
    return bool(start) and when[:10] == start[:10]


def _is_near(visit: Any, when: str) -> bool:
    start, end = (_moment(text) for text in _period(visit))
    taken = _moment(when)
    if start is None or taken is None or bool(start.tzinfo) != bool(taken.tzinfo):
        return False
    end = end if end is not None and bool(end.tzinfo) == bool(start.tzinfo) else start
    return start - _NEAR <= taken <= end + _NEAR


def _named_scores(resource: Any) -> Iterator[tuple[str, Any]]:
    code, value = _code(_at(resource, "code")), _value(resource)
    if code and value is not None:
        yield str(code), value
    for part in _list(resource, "component"):
        yield from _named_scores(part)
    questionnaire = str(_at(resource, "questionnaire") or "").rpartition("/")[2]
    yield from _answers(resource, questionnaire.partition("|")[0])


def _answers(resource: Any, questionnaire: str) -> Iterator[tuple[str, Any]]:
    for item in _list(resource, "item"):
        for answer in _list(item, "answer"):
            value = _value(answer)
            if value is not None:
                yield f"{questionnaire} {_at(item, 'linkId')}", value
            yield from _answers(answer, questionnaire)  # items inside an answer
        yield from _answers(item, questionnaire)


def _goal(bundle: _Bundle, goal: Any, first: dict[Any, str]) -> Row:
    person, target = _person(bundle, goal), _at(goal, "target", 0)
    begin, due = _at(goal, "startDate"), _duration(_at(target, "dueDuration"))
    return {
        **person, "condition": _code(_at(bundle.get(goal, "addresses", 0), "code")),
        "date": begin or first.get(person["patient"]), "goal set": begin,
        "goal measure": _code(_at(target, "measure")), "goal target": _value(target, "detail"),
        "goal due": _at(target, "dueDate") or due,
    }  # fmt: skip


def _at(value: Any, *keys: str | int) -> Any:
    """Return what stands at a path of names and positions; None where it is not there."""
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: Any, key: str) -> list[Any]:
    found = _at(value, key)
    return found if isinstance(found, list) else []


def _values(resource: Any, key: str) -> str:
    return " ".join(str(_at(part, "value") or "") for part in _list(resource, key))


def _code(concept: Any) -> Any:
    return _at(concept, "coding", 0, "code") or _at(concept, "text")


def _value(resource: Any, name: str = "value") -> Any:
    found = [
        _at(resource, f"{name}Integer"),
        _at(resource, f"{name}Decimal"),
        _at(resource, f"{name}Quantity", "value"),
        _at(resource, f"{name}Coding", "code"),
        _code(_at(resource, f"{name}CodeableConcept")),
        _at(resource, f"{name}String"),
    ]
    return next((value for value in found if value is not None), None)


def _number(value: Any, key: str) -> float:
    found = _at(value, key)
    return float(found) if isinstance(found, int | float) else float("nan")


def _duration(quantity: Any) -> float:
    """Return a duration in days; NaN where there is none."""
    return _number(quantity, "value") * _DAYS.get(str(_at(quantity, "code")), float("nan"))


def _period(visit: Any) -> tuple[str, str]:
    period = _at(visit, "performedPeriod") or _at(visit, "period")
    start = _at(period, "start") or _at(visit, "performedDateTime") or ""
    return str(start), str(_at(period, "end") or "")


def _minutes(start: str, end: str) -> float | None:
    """Return the minutes between two moments; None where one has no time or the end is earlier."""
    begin, finish = _moment(start), _moment(end)
    if begin is None or finish is None or bool(begin.tzinfo) != bool(finish.tzinfo):
        return None
    minutes = (finish - begin).total_seconds() / 60
    return minutes if minutes >= 0 else None
