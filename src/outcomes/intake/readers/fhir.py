"""Read a FHIR R4 bundle as rows of text, one a visit, as the importer takes them.

Patient, ServiceRequest, Condition, Procedure, Observation, QuestionnaireResponse and Goal are read;
resources marked ``entered-in-error`` were never true and are left away (https://hl7.org/fhir/R4).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def read_bundle(place: str | Path, _form: FileFormat | None = None) -> Rows:
    """Return the visits, goals and other scores of a bundle as a frame of text.

    Parameters
    ----------
    place : str or Path
        A bundle (``.json``), or one resource a line (``.ndjson``).
    _form : FileFormat, optional
        Of no effect: a bundle says itself how it is written.

    Returns
    -------
    DataFrame
        One row a Procedure with its request, reason and patient. A score stands on the row of the
        Procedure that it is part of, or that was the only one of its day, in a column named by its
        code; ``CODE after`` where it was taken at or after the end of the visit. A score without a
        visit, ``CODE alone``, has a row of its own, as goals have. Answers of a questionnaire are
        scores by the name ``QUESTIONNAIRE LINK-ID``.

    Raises
    ------
    DataError
        When the file is missing, is no bundle, or holds no visit, score or goal.
    """
    path = Path(place)
    bundle = _Bundle(_resources(path))
    visits = {id(p): _visit(bundle, p) for p in bundle.of_kind("Procedure")}
    rows = list(visits.values())
    for kind in ("Observation", "QuestionnaireResponse"):
        for resource in bundle.of_kind(kind):
            rows += _scored(bundle, resource, visits)
    first: dict[Any, str] = {}
    for row in sorted(rows, key=lambda row: row["date"], reverse=True):
        first[row["patient"]] = row["date"]
    rows += [_goal(bundle, goal, first) for goal in bundle.of_kind("Goal")]
    others = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *others], dtype=object)
    return rows_of(frame, path.name)


class _Bundle:
    """Resources by kind and by reference, and the procedures done by patient and day."""

    def __init__(self, entries: list[tuple[str, Any]]) -> None:
        self._all = [r for _, r in entries if _at(r, "status") != "entered-in-error"]
        self._by = {url: resource for url, resource in entries if url}
        self._by |= {f"{_at(r, 'resourceType')}/{_at(r, 'id')}": r for r in self._all}
        self.done: dict[tuple[str, str], list[Any]] = {}
        for procedure in self.of_kind("Procedure"):
            if _at(procedure, "status") != "not-done":
                at = str(_at(procedure, "subject", "reference")), _period(procedure)[0][:10]
                self.done.setdefault(at, []).append(procedure)

    def of_kind(self, kind: str) -> list[Any]:
        return [r for r in self._all if _at(r, "resourceType") == kind]

    def get(self, resource: Any, *keys: str | int) -> Any:
        """Return what a reference of the resource points at; None where it is not there."""
        return self._by.get(str(_at(resource, *keys, "reference")))


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


def _visit(bundle: _Bundle, procedure: Any) -> Row:
    request = bundle.get(procedure, "basedOn", 0)
    reason = bundle.get(procedure, "reasonReference", 0)
    start, end = _period(procedure)
    actor = _at(procedure, "performer", 0, "actor")
    status = (_at(procedure, "status"), _code(_at(procedure, "statusReason")))
    return {
        **_person(bundle, procedure), **_script(request), "procedure": _at(procedure, "id"),
        "date": start[:10], "start": start[11:16],
        "status": " ".join(str(word) for word in status if word), "minutes": _minutes(start, end),
        "therapist": _at(actor, "reference") or _at(actor, "display"),
        "condition": _code(_at(reason or bundle.get(request, "reasonReference", 0), "code")),
        "note": _at(procedure, "note", 0, "text"),
    }  # fmt: skip


def _person(bundle: _Bundle, resource: Any) -> Row:
    patient = bundle.get(resource, "subject")
    name = _at(patient, "name", 0)
    given = _at(name, "given")
    names = [*(given if isinstance(given, list) else []), _at(name, "family")]
    return {
        "patient": str(_at(resource, "subject", "reference") or ""), "sex": _at(patient, "gender"),
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
    procedure = _procedure(bundle, resource, when)
    visit = visits.get(id(procedure))
    late = visit is not None and _minutes(_period(procedure)[1], when) is not None
    for name, value in _named_scores(resource):
        name = f"{name} score" if name in COLUMNS else name
        column = f"{name} after" if late else name
        if visit is not None and column not in visit:
            visit[column] = value
            continue
        request = bundle.get(resource, "basedOn", 0)
        condition = bundle.get(resource, "focus", 0) or bundle.get(request, "reasonReference", 0)
        alone = column if visit is not None else f"{name} alone"
        yield {**_person(bundle, resource), "date": when[:10], alone: value,
               "condition": _code(_at(condition, "code"))}  # fmt: skip


def _procedure(bundle: _Bundle, resource: Any, when: str) -> Any:
    part = bundle.get(resource, "partOf", 0)
    if part is not None:
        return part
    same_day = bundle.done.get((str(_at(resource, "subject", "reference")), when[:10]), [])
    return same_day[0] if len(same_day) == 1 else None


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
        value = _value(_at(item, "answer", 0))
        if value is not None:
            yield f"{questionnaire} {_at(item, 'linkId')}", value
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
    found = [_at(resource, f"{name}Integer"), _at(resource, f"{name}Decimal"),
             _at(resource, f"{name}Quantity", "value"), _at(resource, f"{name}Coding", "code"),
             _code(_at(resource, f"{name}CodeableConcept"))]  # fmt: skip
    return next((value for value in found if value is not None), None)


def _number(value: Any, key: str) -> float:
    found = _at(value, key)
    return float(found) if isinstance(found, int | float) else float("nan")


def _duration(quantity: Any) -> float:
    """Return a duration in days; NaN where there is none."""
    return _number(quantity, "value") * _DAYS.get(str(_at(quantity, "code")), float("nan"))


def _period(procedure: Any) -> tuple[str, str]:
    period = _at(procedure, "performedPeriod")
    start = _at(period, "start") or _at(procedure, "performedDateTime") or ""
    return str(start), str(_at(period, "end") or "")


def _minutes(start: str, end: str) -> float | None:
    """Return the minutes between two moments; None where one has no time or the end is earlier."""
    try:
        moments = [datetime.datetime.fromisoformat(text) for text in (start, end)]
        minutes = (moments[1] - moments[0]).total_seconds() / 60
    except (ValueError, TypeError):
        return None
    return minutes if minutes >= 0 and len(start) > 10 and len(end) > 10 else None
