"""Read a FHIR R4 bundle as rows of text, one a visit, as the importer takes them.

Patient, ServiceRequest, Condition, Procedure, Encounter, Appointment, Observation,
QuestionnaireResponse and Goal are read (https://hl7.org/fhir/R4). Of scores only those count that
are final: statuses ``final``, ``amended``, ``corrected`` and ``completed``; what is left away is
counted.
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

from outcomes.intake.readers.json_text import (
    as_encounter,
    at,
    list_at,
    loaded,
    moment_of,
    records_in,
)
from outcomes.intake.readers.table import FileFormat, Rows, rows_of
from outcomes.intake.refusals import refuse

SCORES = ("Observation", "QuestionnaireResponse")
_FINAL = (None, "final", "amended", "corrected", "completed")
_NOT_DONE = ("not-done", "cancelled", "planned", "preparation", "noshow", "booked", "pending",
             "proposed", "waitlist")  # fmt: skip
_UTC = re.compile(r".*T.*(?:Z|[+-]00:00)")
AGAIN = "earlier versions of a resource, or the same again"
_WHO = ("name", "birthDate", "identifier", "telecom")
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[^/]+)")


class Bundle:
    """Resources by kind and by reference, the visits, and those done by patient and day."""

    def __init__(self, entries: list[tuple[str, Any]], zone: ZoneInfo | None) -> None:
        self._zone = zone
        last = _last_versions(entries)
        self.skipped: Counter[str] = +Counter({AGAIN: len(entries) - len(last)})  # none is no news
        entries = last
        self._all = [as_encounter(resource) for _, resource in entries if self._counts(resource)]
        own = Counter(_own_name(resource) for resource in self._all)
        self._by = {_own_name(resource): resource for resource in self._all}
        self._doubled = {name for name, n in own.items() if n > 1}  # of several servers
        self._by |= {_unversioned(url): resource for url, resource in entries if url}
        self._by |= {_identified(one): patient for patient in self.of_kind("Patient")
                     for one in list_at(patient, "identifier")}  # fmt: skip
        for patient in self.of_kind("Patient"):
            for link in list_at(patient, "link"):
                if at(link, "type") == "replaced-by" and self.get(link, "other"):
                    self._by[_own_name(patient)] = self.get(link, "other")
        told = {id(self.get(p, "encounter")) for p in self.of_kind("Procedure")}
        self.visits = self.of_kind("Procedure")
        for kind in ("Encounter", "Appointment"):
            days = {self._day(visit) for visit in self.visits}
            self.visits += [one for one in self.of_kind(kind)
                            if id(one) not in told and self._day(one) not in days]  # fmt: skip
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
        told = at(resource, *keys)
        reference = _unversioned(str(at(told, "reference") or _identified(at(told, "identifier"))))
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
        patient, subject = self.get(resource, "subject"), at(resource, "subject")
        reference = _unversioned(str(at(subject, "reference") or ""))
        if reference.startswith("#"):  # its id is known inside the resource alone
            said = {key: at(patient, key) for key in _WHO if at(patient, key)}
            return json.dumps(said, sort_keys=True) if said else ""
        if not reference or (patient and at(patient, "resourceType") != "Patient"):
            reference = _identified(at(subject, "identifier"))
        own = _own_name(patient)
        known = at(patient, "resourceType") == "Patient" and own not in self._doubled
        reference = reference if "Group/" not in reference else ""  # is nobody
        return own if known else self._short(reference)

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


def _identified(identifier: Any) -> str:
    """Return how who is referred to by a number is called; empty where there is none."""
    value = at(identifier, "value")
    return f"{at(identifier, 'system') or ''}|{value}" if value else ""


def _last_versions(entries: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return each resource once, of a history its last version; those of two servers stay."""
    whose = [(_unversioned(url), _own_name(resource)) for url, resource in entries]
    turns = [_version(resource) for _, resource in entries]
    often = Counter(zip(whose, turns, strict=True))
    last: dict[tuple[Any, ...], tuple[tuple[str, int], tuple[str, Any]]] = {}
    for entry, own, turn in zip(entries, whose, turns, strict=True):
        twice = often[own, turn] > 1
        key = (*own, json.dumps(entry[1], sort_keys=True) if twice else "")
        if key not in last or turn >= last[key][0]:
            last[key] = (turn, entry)
    return [entry for _, entry in last.values()]


def _version(resource: Any) -> tuple[str, int]:
    version, moment = (str(at(resource, "meta", key) or "") for key in ("versionId", "lastUpdated"))
    return moment, int(version) if version.isdecimal() else 0


def _unversioned(reference: str) -> str:
    return reference.partition("/_history/")[0]


def resources(path: Path, content: Any) -> list[tuple[str, Any]]:
    """Return the address and content of each resource; raises `DataError` for no bundle."""
    if isinstance(content, list) and path.suffix.casefold() == ".ndjson":
        return [("", one) for one in content]
    entries = at(content, "entry")
    if at(content, "resourceType") != "Bundle" or not isinstance(entries, list):
        refuse("no_bundle", path.name)
    return [(str(at(entry, "fullUrl") or ""), at(entry, "resource")) for entry in entries]


def period_of(visit: Any) -> tuple[str, str]:
    """Return the start and end of a visit as they are written; empty where not said."""
    period = at(visit, "performedPeriod") or at(visit, "period")
    start = at(period, "start") or at(visit, "performedDateTime") or ""
    return str(start), str(at(period, "end") or "")


Row = dict[str, Any]
COLUMNS = (
    "patient", "name", "birth date", "sex", "telecom", "address", "identifier", "procedure", "date",
    "start", "status", "minutes", "therapist", "condition", "requester", "visits a week", "weeks",
    "script minutes", "goal measure", "goal target", "goal set", "goal due", "note",
)  # fmt: skip
"""Columns that every bundle has; those of scores come after, named by their codes."""
_VALUES: tuple[tuple[str | int, ...], ...] = (
    ("Integer",), ("Decimal",), ("Quantity", "value"), ("Coding", "code"),
    ("CodeableConcept", "coding", 0, "code"), ("CodeableConcept", "text"), ("String",))  # fmt: skip
"""Kinds of a value, and where it stands in each."""
_DAYS = {"d": 1.0, "wk": 7.0, "mo": 365.25 / 12}
_NEAR = datetime.timedelta(hours=3)
"""How far before or after a visit a score is its own, where midnight lies between them."""


def read_bundle(place: str | Path, form: FileFormat | None = None) -> Rows:
    """Return the visits, goals and other scores of a bundle as text; of other JSON its records.

    Parameters
    ----------
    place : str or Path
        A bundle (``.json``), or one resource a line (``.ndjson``); or what another program wrote.
    form : FileFormat, optional
        Its time zone; without one the day of a visit is that of its own offset.

    Returns
    -------
    Rows
        One row a visit: a Procedure with its request, reason and patient, an Encounter in which no
        Procedure was done, or an Appointment of a day of which neither tells. A score stands on the
        row of the visit that it is part of, or that was the only one of its day, in a column named
        by its code; ``CODE after`` where it was taken at or after the end of the visit. A score
        without a visit, ``CODE alone``, has a row of its own, as goals have. Answers of a
        questionnaire are scores by the name ``QUESTIONNAIRE LINK-ID``. Moments are compared,
        whatever their offsets.

    Raises
    ------
    DataError
        When the file is missing, is no bundle, or holds no visit, score or goal.
    """
    path, form = Path(place), form or FileFormat()
    content = loaded(path)
    if records := records_in(content):
        return rows_of(pd.json_normalize(records), path.name)
    bundle = Bundle(resources(path, content), ZoneInfo(form.time_zone) if form.time_zone else None)
    visits = {id(visit): _visit(bundle, visit) for visit in bundle.visits}
    rows = list(visits.values())
    for kind in SCORES:
        for resource in bundle.of_kind(kind):
            rows += _scored(bundle, resource, visits)
    first: dict[Any, str] = {}
    for row in sorted(rows, key=lambda row: row["date"], reverse=True):
        first[row["patient"]] = row["date"]
    rows += [_goal(bundle, goal, first) for goal in bundle.of_kind("Goal")]
    if not rows:
        refuse("empty_bundle", path.name)
    others = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *others], dtype=object)
    return replace(rows_of(frame, path.name), skipped=dict(bundle.skipped))


def _visit(bundle: Bundle, visit: Any) -> Row:
    request = bundle.get(visit, "basedOn", 0)
    reason = bundle.get(visit, "reasonReference", 0) or bundle.get(request, "reasonReference", 0)
    start, end = period_of(visit)
    local = bundle.local(start)
    actor = at(visit, "performer", 0, "actor") or at(visit, "participant", 0, "individual")
    status = (at(visit, "status"), _code(at(visit, "statusReason")))
    minutes = _number(at(visit, "length"), "value")  # of an Encounter; NaN where it has none
    return {
        **_person(bundle, visit), **_script(request), "procedure": at(visit, "id"),
        "date": bundle.day(start), "start": local[11:16],
        "status": " ".join(str(word) for word in status if word),
        "minutes": minutes if minutes == minutes else _minutes(start, end),
        "therapist": at(actor, "reference") or at(actor, "display"),
        "condition": _code(at(reason, "code")) or _code(at(visit, "reasonCode", 0)),
        "note": at(visit, "note", 0, "text"),
    }  # fmt: skip


def _person(bundle: Bundle, resource: Any) -> Row:
    patient = bundle.get(resource, "subject")
    name = at(patient, "name", 0)
    given = at(name, "given")
    names = [*(given if isinstance(given, list) else []), at(name, "family")]
    return {
        "patient": bundle.patient(resource), "sex": at(patient, "gender"),
        "name": at(name, "text") or " ".join(str(word) for word in names if word),
        "birth date": at(patient, "birthDate"), "telecom": _values(patient, "telecom"),
        "identifier": _values(patient, "identifier"),
        "address": " ".join(str(at(patient, "address", 0, key) or "")
                            for key in ("text", "city", "postalCode")),
    }  # fmt: skip


def _script(request: Any) -> Row:
    repeat = at(request, "occurrenceTiming", "repeat")
    per = _number(repeat, "period") * _DAYS.get(str(at(repeat, "periodUnit")), float("nan"))
    duration = _number(repeat, "duration") if at(repeat, "durationUnit") == "min" else None
    return {
        "requester": at(request, "requester", "display"), "script minutes": duration,
        "visits a week": round(_number(repeat, "frequency") * 7 / per, 4) if per else None,
        "weeks": _duration(at(repeat, "boundsDuration")) / 7,
    }  # fmt: skip


def _scored(bundle: Bundle, resource: Any, visits: dict[int, Row]) -> Iterator[Row]:
    """Put scores on the row of their visit; yield rows for those that have none."""
    when = str(at(resource, "effectiveDateTime") or at(resource, "effectivePeriod", "start")
               or at(resource, "effectiveInstant") or at(resource, "authored") or "")  # fmt: skip
    of = _visit_of(bundle, resource, when)
    visit = visits.get(id(of))
    late = visit is not None and _minutes(period_of(of)[1], when) is not None
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
        yield {**_person(bundle, resource), "date": bundle.day(when), alone: value,
               "condition": _code(at(condition, "code"))}  # fmt: skip


def _visit_of(bundle: Bundle, resource: Any, when: str) -> Any:
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


def _on_day(bundle: Bundle, visit: Any, when: str) -> bool:
    """Whether a score was taken on the day of a visit, by the clock of the visit."""
    start = bundle.local(period_of(visit)[0])
    begin, taken = moment_of(start), moment_of(when)
    if begin is not None and taken is not None and begin.tzinfo and taken.tzinfo:
        when = taken.astimezone(begin.tzinfo).isoformat()
    return bool(start) and when[:10] == start[:10]


def _is_near(visit: Any, when: str) -> bool:
    start, end = (moment_of(text) for text in period_of(visit))
    taken = moment_of(when)
    if start is None or taken is None or bool(start.tzinfo) != bool(taken.tzinfo):
        return False
    end = end if end is not None and bool(end.tzinfo) == bool(start.tzinfo) else start
    return start - _NEAR <= taken <= end + _NEAR


def _named_scores(resource: Any) -> Iterator[tuple[str, Any]]:
    code, value = _code(at(resource, "code")), _value(resource)
    if code and value is not None:
        yield str(code), value
    for part in list_at(resource, "component"):
        yield from _named_scores(part)
    questionnaire = str(at(resource, "questionnaire") or "").rpartition("/")[2]
    yield from _answers(resource, questionnaire.partition("|")[0])


def _answers(resource: Any, questionnaire: str) -> Iterator[tuple[str, Any]]:
    for item in list_at(resource, "item"):
        for answer in list_at(item, "answer"):
            value = _value(answer)
            if value is not None:
                yield f"{questionnaire} {at(item, 'linkId')}", value
            yield from _answers(answer, questionnaire)  # items inside an answer
        yield from _answers(item, questionnaire)


def _goal(bundle: Bundle, goal: Any, first: dict[Any, str]) -> Row:
    person, target = _person(bundle, goal), at(goal, "target", 0)
    begin, due = at(goal, "startDate"), _duration(at(target, "dueDuration"))
    return {
        **person, "condition": _code(at(bundle.get(goal, "addresses", 0), "code")),
        "date": begin or first.get(person["patient"]), "goal set": begin,
        "goal measure": _code(at(target, "measure")), "goal target": _value(target, "detail"),
        "goal due": at(target, "dueDate") or due,
    }  # fmt: skip


def _values(resource: Any, key: str) -> str:
    return " ".join(str(at(part, "value") or "") for part in list_at(resource, key))


def _code(concept: Any) -> Any:
    return at(concept, "coding", 0, "code") or at(concept, "text")


def _value(resource: Any, name: str = "value") -> Any:
    found = (at(resource, f"{name}{kind}", *inside) for kind, *inside in _VALUES)
    value = next((value for value in found if value is not None), None)
    less = at(resource, f"{name}Quantity", "comparator")  # "<7" is no 7
    return f"{less}{value}" if less and value is not None else value


def _number(value: Any, key: str) -> float:
    found = at(value, key)
    return float(found) if isinstance(found, int | float) else float("nan")


def _duration(quantity: Any) -> float:
    """Return a duration in days; NaN where there is none."""
    return _number(quantity, "value") * _DAYS.get(str(at(quantity, "code")), float("nan"))


def _minutes(start: str, end: str) -> float | None:
    """Return the minutes between two moments; None where one has no time or the end is earlier."""
    begin, finish = moment_of(start), moment_of(end)
    if begin is None or finish is None or bool(begin.tzinfo) != bool(finish.tzinfo):
        return None
    minutes = (finish - begin).total_seconds() / 60
    return minutes if minutes >= 0 else None
