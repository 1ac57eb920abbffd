"""FHIR bundles: what each resource becomes; whatever the JSON, a table or a clear error."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import outcomes as oc
from outcomes.errors import DataError, OutcomesError, PrivacyError
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export
from outcomes.intake.readers import FileFormat
from outcomes.intake.readers.fhir import COLUMNS, read_bundle

ANN = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-03-04",
       "name": [{"given": ["Ann", "B."], "family": "Lee"}],
       "telecom": [{"value": "602-555-0100"}, {"value": "ann@example.org"}],
       "identifier": [{"value": "MRN173248"}],
       "address": [{"text": "12 Elm St", "city": "Mesa", "postalCode": "85201"}]}  # fmt: skip
WHO = {"subject": {"reference": "Patient/p1"}}
VISIT = {"resourceType": "Procedure", "id": "v1", "status": "completed", **WHO,
         "performedPeriod": {"start": "2026-05-04T09:00:00-07:00",
                             "end": "2026-05-04T09:45:00-07:00"}}  # fmt: skip
PAIN = {"resourceType": "Observation", "id": "o1", "status": "final", **WHO, "valueInteger": 7,
        "code": {"coding": [{"system": "http://loinc.org", "code": "72514-3"}]},
        "effectiveDateTime": "2026-05-04T08:55:00-07:00"}  # fmt: skip


def coded(text):
    return {"coding": [{"code": text}]}


@pytest.fixture
def rows(tmp_path):
    """Return a function that reads a bundle of resources, as dicts without what is empty."""

    def read(*resources):
        entry = [{"resource": resource} for resource in resources]
        place = tmp_path / "bundle.json"
        place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
        frame = read_bundle(place).cells
        assert tuple(frame)[: len(COLUMNS)] == COLUMNS
        return [{k: v for k, v in row.items() if v is not None} for row in frame.to_dict("records")]

    return read


def test_a_visit_with_its_patient(rows):
    actor = {"performer": [{"actor": {"reference": "Practitioner/t1", "display": "Zed"}}]}
    (row,) = rows(ANN, {**VISIT, **actor, "note": [{"text": "better"}]})
    assert row == {
        "patient": "Patient/p1", "name": "Ann B. Lee", "birth date": "1950-03-04", "sex": "female",
        "telecom": "602-555-0100 ann@example.org", "identifier": "MRN173248",
        "address": "12 Elm St Mesa 85201", "procedure": "v1", "date": "2026-05-04",
        "start": "09:00", "status": "completed", "minutes": "45", "therapist": "Practitioner/t1",
        "note": "better",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ({"frequency": 2, "period": 1, "periodUnit": "wk"}, {"visits a week": "2"}),
        ({"frequency": 1, "period": 2, "periodUnit": "d"}, {"visits a week": "3.5"}),
        ({"frequency": 3, "period": 1, "periodUnit": "mo"}, {"visits a week": "0.6899"}),
        ({"frequency": 3, "period": 0, "periodUnit": "wk"}, {}),
        ({"boundsDuration": {"value": 28, "code": "d"}}, {"weeks": "4"}),
        ({"duration": 60, "durationUnit": "min"}, {"script minutes": "60"}),
        ({"duration": 1, "durationUnit": "h"}, {}),
    ],
)
def test_a_script(rows, repeat, expected):
    request = {"resourceType": "ServiceRequest", "id": "r1", "occurrenceTiming": {"repeat": repeat}}
    (row,) = rows({**VISIT, "basedOn": [{"reference": "ServiceRequest/r1"}]}, request)
    names = ("visits a week", "weeks", "script minutes")
    assert {name: row[name] for name in names if name in row} == expected


def test_the_reason_is_the_visits_own_or_that_of_its_request(rows):
    reason = {"resourceType": "Condition", "id": "c1", "code": coded("M54.2")}
    other = {"resourceType": "Condition", "id": "c2", "code": {"text": "headache"}}
    request = {"resourceType": "ServiceRequest", "id": "r1",
               "reasonReference": [{"reference": "Condition/c1"}]}  # fmt: skip
    based = {**VISIT, "basedOn": [{"reference": "ServiceRequest/r1"}]}
    own = {**based, "reasonReference": [{"reference": "Condition/c2"}]}
    assert [r["condition"] for r in rows(reason, other, request, based, own)] == [
        "M54.2",
        "headache",
    ]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({}, "72514-3"),
        ({"effectiveDateTime": "2026-05-04"}, "72514-3"),
        ({"effectiveDateTime": "2026-05-04T16:45:00Z"}, "72514-3 after"),
        ({"effectiveDateTime": "2026-05-04T09:30:00"}, "72514-3"),  # another kind of clock
        ({"effectiveDateTime": "2026-05-05", "partOf": [{"reference": "Procedure/v1"}]}, "72514-3"),
        ({"code": {"text": "date"}}, "date score"),
        ({"valueInteger": None, "valueQuantity": {"value": 7}}, "72514-3"),
        ({"valueInteger": None, "valueCodeableConcept": coded("7")}, "72514-3"),
        (
            {"valueInteger": None, "component": [{"code": coded("worst"), "valueInteger": 7}]},
            "worst",
        ),
    ],
)
def test_a_score_stands_beside_its_visit(rows, change, column):
    (row,) = rows(VISIT, {**PAIN, **change})
    assert row[column] == "7"
    assert row["date"] == "2026-05-04"


@pytest.mark.parametrize(
    ("others", "change"),
    [
        ([VISIT], {"effectiveDateTime": "2026-06-04"}),
        ([VISIT, {**VISIT, "id": "v2"}], {}),  # of which of two?
        ([{**VISIT, "status": "not-done"}], {}),
        ([], {"effectiveDateTime": None, "effectivePeriod": {"start": "2026-05-04"}}),
    ],
)
def test_a_score_without_a_visit_has_its_own_row(rows, others, change):
    *visits, row = rows(*others, {**PAIN, **change})
    assert row["72514-3 alone"] == "7"
    assert "procedure" not in row
    assert len(visits) == len(others)


def test_a_second_score_of_a_visit_is_not_lost(rows):
    visit, again = rows(VISIT, PAIN, {**PAIN, "id": "o2", "valueInteger": 5})
    assert (visit["72514-3"], again["72514-3"]) == ("7", "5")


def test_answers_of_a_questionnaire(rows):
    response = {
        "resourceType": "QuestionnaireResponse", **WHO, "authored": "2026-05-04",
        "questionnaire": "https://clinic.example/Questionnaire/ndi|2.0",
        "item": [{"linkId": "a", "item": [
                     {"linkId": "1", "answer": [{"valueCoding": {"code": "3"}}]}]},
                 {"linkId": "total", "answer": [{"valueDecimal": 14.5}]}, {"linkId": "none"}],
    }  # fmt: skip
    (row,) = rows(VISIT, response)
    assert (row["ndi 1"], row["ndi total"]) == ("3", "14.5")


def test_goals_have_rows_of_their_own(rows):
    goal = {"resourceType": "Goal", **WHO, "addresses": [{"reference": "urn:uuid:1"}],
            "target": [{"measure": coded("ndi"), "detailInteger": 0,
                        "dueDuration": {"value": 6, "code": "wk"}}]}  # fmt: skip
    later = {**goal, "startDate": "2026-05-06", "target": [{"dueDate": "2026-06-30"}]}
    early = {**VISIT, "id": "v0", "performedPeriod": None, "performedDateTime": "2026-05-01"}
    *_, first, second = rows(VISIT, early, goal, later)
    assert first == {"patient": "Patient/p1", "date": "2026-05-01", "goal measure": "ndi",
                     "goal target": "0", "goal due": "42"}  # fmt: skip
    assert (second["date"], second["goal set"], second["goal due"]) == (
        "2026-05-06", "2026-05-06", "2026-06-30",
    )  # fmt: skip


def test_what_was_entered_in_error_was_never_true(rows):
    wrong = {"status": "entered-in-error"}
    (row,) = rows(VISIT, {**VISIT, "id": "v2", **wrong}, {**PAIN, **wrong})
    assert row["procedure"] == "v1"
    assert "72514-3" not in row


def test_references_by_address_and_one_resource_a_line(tmp_path):
    at = {"subject": {"reference": "urn:uuid:1"}}
    entry = [{"fullUrl": "urn:uuid:1", "resource": ANN}, {"resource": {**VISIT, **at}}]
    place = tmp_path / "bundle.json"
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    assert read_bundle(place).cells["name"].tolist() == ["Ann B. Lee"]
    lines = tmp_path / "bundle.ndjson"
    lines.write_text("\n".join(json.dumps(part) for part in (ANN, VISIT)) + "\n", encoding="utf-8")
    assert read_bundle(lines).cells["name"].tolist() == ["Ann B. Lee"]


def test_a_bundle_is_imported_and_never_loaded_as_it_is(tmp_path):
    place = tmp_path / "bundle.json"
    parts = [ANN, {**VISIT, "note": [{"text": "Lee says wife called from 602-555-0100"}]}, PAIN]
    entry = [{"resource": part} for part in parts]
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    columns = oc.__file__.replace("src/outcomes/__init__.py", "docs/maps/fhir-r4.toml")
    study, manifest = import_export(place, columns, tmp_path / "key.json", tmp_path / "out")
    assert study.assessments["score"].tolist() == [7]
    assert {(s.column, s.kind) for s in manifest.sightings} == {("note", "phone"), ("note", "name")}
    with pytest.raises(PrivacyError):
        oc.load(place, {"columns": {"episode_id": "patient", "score": "72514-3", "day": "date"},
                        "constants": {"instrument": "nprs"}})  # fmt: skip


URL = "https://ehr.example/fhir/Patient/p1"


@pytest.mark.parametrize("full", [None, URL])
@pytest.mark.parametrize("reference", [URL, f"{URL}/_history/3", "Patient/p1/_history/2"])
def test_however_a_patient_is_referred_to_it_is_one(tmp_path, reference, full):
    score = {**PAIN, "subject": {"reference": reference}}
    entry = [{"fullUrl": full, "resource": ANN}, {"resource": VISIT}, {"resource": score}]
    place = tmp_path / "bundle.json"
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    (row,) = read_bundle(place).cells.to_dict("records")
    assert (row["patient"], row["name"], row["72514-3"]) == ("Patient/p1", "Ann B. Lee", "7")


def test_two_servers_may_call_two_patients_alike(tmp_path):
    other = URL.replace("ehr", "lab")
    entry = [{"fullUrl": url, "resource": {**ANN, "birthDate": born}}
             for url, born in ((URL, "1950-03-04"), (other, "1960-01-01"))]  # fmt: skip
    entry += [{"resource": {**VISIT, "id": url, "subject": {"reference": url}}}
              for url in (URL, other)]  # fmt: skip
    place = tmp_path / "bundle.json"
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    read = read_bundle(place).cells
    assert read["patient"].nunique() == 2
    assert read["birth date"].tolist() == ["1950-03-04", "1960-01-01"]


@pytest.mark.parametrize(
    ("start", "end", "taken", "column"),
    [
        ("2026-05-04T18:00:00-07:00", "2026-05-04T19:00:00-07:00", "2026-05-05T00:58:00Z", ""),
        (
            "2026-05-04T18:00:00-07:00",
            "2026-05-04T19:00:00-07:00",
            "2026-05-05T02:00:00Z",
            " after",
        ),
        ("2026-05-11T23:30:00Z", "2026-05-12T00:30:00Z", "2026-05-12T00:31:00Z", " after"),
        ("2026-05-12T00:10:00+02:00", "2026-05-12T01:00:00+02:00", "2026-05-11T23:50:00+02:00", ""),
    ],
)
def test_moments_are_compared_whatever_their_offset(rows, start, end, taken, column):
    visit = {**VISIT, "performedPeriod": {"start": start, "end": end}}
    (row,) = rows(visit, {**PAIN, "effectiveDateTime": taken})
    assert row[f"72514-3{column}"] == "7"
    assert row["date"] == (start if start.endswith("Z") else start[:10])  # then the map asks


def test_the_day_is_that_of_the_zone_of_the_clinic(tmp_path):
    late = {**VISIT, "performedPeriod": {"start": "2026-05-04T22:30:00Z",
                                         "end": "2026-05-04T23:30:00Z"}}  # fmt: skip
    score = {**PAIN, "effectiveDateTime": "2026-05-05T00:31:00Z"}
    entry = [{"resource": part} for part in (ANN, late, score)]
    place = tmp_path / "bundle.json"
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    read = read_bundle(place, FileFormat(time_zone="Australia/Brisbane")).cells.iloc[0]
    assert (read["date"], read["start"], read["72514-3 after"]) == ("2026-05-05", "08:30", "7")


@pytest.mark.parametrize("status", ["cancelled", "preliminary", "registered", "unknown"])
def test_only_final_scores_count_and_others_are_counted(tmp_path, status):
    entry = [{"resource": part} for part in
             (VISIT, {**PAIN, "status": status, "valueInteger": 9}, PAIN)]  # fmt: skip
    place = tmp_path / "bundle.json"
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    read = read_bundle(place)
    assert read.cells["72514-3"].tolist() == ["7"]
    assert read.skipped["Observation not final or in error"] == 1


def test_a_value_may_be_text_and_an_item_may_stand_inside_an_answer(rows):
    text = {**PAIN, "valueInteger": None, "valueString": "7"}
    inner = [{"linkId": "total", "answer": [{"valueDecimal": 22}]}]
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", **WHO,
                "authored": "2026-05-04", "questionnaire": "x/ndi",
                "item": [{"linkId": "1", "answer": [{"valueCoding": {"code": "a"},
                                                     "item": inner}]}]}  # fmt: skip
    (row,) = rows(VISIT, text, response)
    assert (row["72514-3"], row["ndi 1"], row["ndi total"]) == ("7", "a", "22")


def test_an_encounter_is_a_visit_unless_a_procedure_tells_of_it(rows):
    period = VISIT["performedPeriod"]
    met = {"resourceType": "Encounter", "id": "e1", "status": "finished", **WHO, "period": period,
           "reasonCode": [{"text": "headache"}],
           "participant": [{"individual": {"display": "Zed"}}]}  # fmt: skip
    (row,) = rows(ANN, met, {**PAIN, "encounter": {"reference": "Encounter/e1"}})
    assert (row["status"], row["minutes"], row["72514-3"]) == ("finished", "45", "7")
    assert (row["condition"], row["therapist"]) == ("headache", "Zed")
    (row,) = rows(ANN, met, {**VISIT, "encounter": {"reference": "Encounter/e1"}},
                  {**PAIN, "encounter": {"reference": "Encounter/e1"}})  # fmt: skip
    assert (row["procedure"], row["72514-3"]) == ("v1", "7")


@pytest.mark.parametrize(
    ("status", "column"), [("fulfilled", "72514-3"), ("noshow", "72514-3 alone")]
)
def test_an_appointment_is_a_visit_unless_another_resource_tells_of_its_day(rows, status, column):
    met = {"resourceType": "Appointment", "id": "a1", "status": status,
           "start": "2026-05-04T09:00:00-07:00", "end": "2026-05-04T09:30:00-07:00",
           "participant": [{"actor": {"reference": "Practitioner/z"}},
                           {"actor": {"reference": "Patient/p1"}}]}  # fmt: skip
    row, *others = rows(ANN, met, PAIN)
    assert (row["status"], row["minutes"], row["therapist"]) == (status, "30", "Practitioner/z")
    assert (others or [row])[0][column] == "7"
    (row, *_) = rows(ANN, met, VISIT)
    assert row["procedure"] == "v1"


def test_a_bundle_without_anything_usable_is_refused(tmp_path):
    place = tmp_path / "bundle.json"
    entry = [{"resource": ANN}, {"resource": {**PAIN, "status": "cancelled"}}]
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    with pytest.raises(DataError, match="holds visits"):
        read_bundle(place)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"resourceType": "Patient"}', "[" * 100_000, "\xff",
                '{"resourceType": "Bundle", "entry": 3}'],
)  # fmt: skip
def test_a_file_that_is_no_bundle(tmp_path, content):
    (tmp_path / "x.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match="a FHIR R4 bundle"):
        read_bundle(tmp_path / "x.json")
    with pytest.raises(DataError):
        read_bundle(tmp_path / "none.ndjson")


NAMES = st.sampled_from(sorted({*ANN, *VISIT, *PAIN, "entry", "item", "answer", "target", "repeat",
                                "basedOn", "partOf", "component", "startDate"}))  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5),
                   st.sampled_from(["Patient/p1", "2026-05-04", "Observation", "Goal", "Procedure",
                                    "QuestionnaireResponse", "2026-05-04T09:00:00Z"]))  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.lists(st.tuples(st.sampled_from([ANN, VISIT, PAIN]), NAMES, JSON), max_size=5))
def test_whatever_the_json_the_reader_ends(tmp_path, parts):
    entry = [{"resource": {**whole, name: change}} for whole, name, change in parts]
    place = tmp_path / "bundle.json"
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}), encoding="utf-8")
    try:
        frame = read_bundle(place).cells
    except OutcomesError:
        return
    assert len(frame) <= 3 * len(parts)


def test_moments_in_world_time_ask_for_the_zone_of_the_clinic(tmp_path):
    patient = {"resourceType": "Patient", "id": "1", "birthDate": "1960-05-14"}
    visits = [{"resourceType": "Procedure", "id": f"v{day}", "status": "completed",
               "subject": {"reference": "Patient/1"},
               "performedPeriod": {"start": f"2026-01-0{day}T22:30:00Z",
                                   "end": f"2026-01-0{day}T23:30:00Z"}}
              for day in (5, 6)]  # fmt: skip
    place = tmp_path / "bundle.json"
    entries = [{"resource": resource} for resource in (patient, *visits)]
    place.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}), encoding="utf-8")
    draft = draft_map(place)
    assert "file.time_zone" in {question["key"] for question in draft.questions}
    local = read_bundle(place, FileFormat(time_zone="Australia/Brisbane")).cells
    assert local["date"].tolist() == ["2026-01-06", "2026-01-07"]


def versions(first, last):
    return ({**first, "meta": {"versionId": "9"}}, {**last, "meta": {"versionId": "10"}})


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("told", "score"),
    [(versions(PAIN, {**PAIN, "status": "amended", "valueInteger": 4}), "4"),
     (versions(PAIN, {**PAIN, "status": "entered-in-error"}), None),
     ((PAIN, PAIN), "7")],
)  # fmt: skip
def test_of_a_history_the_last_version_counts_and_what_is_sent_twice_once(
    rows, told, score, turned
):
    (row,) = rows(ANN, VISIT, *(told[::-1] if turned else told))
    assert row.get("72514-3") == score


def test_contained_patients_of_one_id_are_two_and_one_without_anything_is_nobody(rows):
    bob = {**ANN, "name": [{"given": ["Bob"], "family": "Ray"}], "birthDate": "1961-03-14"}
    unknown = {"resourceType": "Patient", "gender": "male"}
    people = [{"contained": [{**own, "id": "p"}], "subject": {"reference": "#p"}}
              for own in (ANN, bob, unknown)]  # fmt: skip
    visits = [{**VISIT, "id": f"v{i}", **who} for i, who in enumerate(people)]
    pains = [{**PAIN, "id": f"o{i}", "valueInteger": i, **who} for i, who in enumerate(people)]
    found = rows(*visits, *pains)
    assert [row.get("72514-3") for row in found] == ["0", "1", "2"]
    assert len({row.get("patient") for row in found}) == 3
    assert "patient" not in found[2]


def test_a_patient_known_by_a_number_or_replaced_by_another_is_one(rows):
    by_number = {"subject": {"identifier": {"value": "MRN173248"}}}
    old = {"resourceType": "Patient", "id": "p0",
           "link": [{"type": "replaced-by", "other": WHO["subject"]}]}  # fmt: skip
    second = {**PAIN, "id": "o2", "subject": {"reference": "Patient/p0"},
              "effectiveDateTime": "2026-05-04T10:00:00-07:00"}  # fmt: skip
    (row,) = rows(ANN, old, {**VISIT, **by_number}, PAIN, second)
    assert (row["patient"], row["72514-3"], row["72514-3 after"]) == ("Patient/p1", "7", "7")


def test_a_group_is_no_patient_a_bound_no_value_and_an_instant_a_time(rows):
    bound = {key: value for key, value in PAIN.items() if key != "valueInteger"}
    instant = {"effectiveInstant": bound.pop("effectiveDateTime")}
    quantity = {"valueQuantity": {"value": 7, "comparator": "<"}}
    (row,) = rows(ANN, VISIT, {**bound, **instant, **quantity})
    assert row["72514-3"] == "<7"
    (row,) = rows({**VISIT, "subject": {"reference": "Group/p1"}})
    assert "patient" not in row


RECORDS = [{"client": {"name": "Ann Lee"}, "pain": 7, "came": True, "note": None},
        {"client": {"name": "Bo Ray"}, "pain": 6.5, "came": False}]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.json", json.dumps(RECORDS)),
     ("x.json", json.dumps({"data": {"visits": RECORDS}, "page": [1]})),
     ("x.ndjson", "\n".join(map(json.dumps, RECORDS)))],
)  # fmt: skip
def test_records_of_another_program_are_rows(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    cells = read_bundle(tmp_path / name).cells
    own = cells[["client.name", "pain", "came"]].to_numpy().tolist()
    assert own == [["Ann Lee", "7", "True"], ["Bo Ray", "6.5", "False"]]
