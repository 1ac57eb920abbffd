"""Two sheets of one workbook are one study where their rows agree surely; else it is asked."""

from __future__ import annotations

import openpyxl
import pytest

from outcomes.errors import DataError
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export
from outcomes.intake.readers import FileFormat, read_source

ANN, BOB = "Ann Lee", "Bob Ray"
VISITS = [
    ["Client", "Number", "Visit date", "Length (min)", "Status"],
    [ANN, "P1", "2026-01-15", 60, "Arrived"], [BOB, "P2", "2026-01-15", 45, "Arrived"],
    [ANN, "P1", "2026-01-22", 60, "Cancelled"], [BOB, "P2", "2026-01-22", 30, "Arrived"],
]  # fmt: skip
CLIENTS = [["Surname", "First name", "DOB", "E-mail", "Status"],
           ["Ray", "Bob", "1961-03-14", "bob@ray.example", "active"],
           ["Lee", "Ann", "1950-02-13", "ann@lee.example", "active"],
           *([f"Quux{i}", "Zoe", "1950-02-13", f"q{i}@quux.example", "former"]
             for i in "abcdef")]  # fmt: skip
SURVEYS = [["Full name", "Completed at", "Pain right now (0-10)"], [BOB, "2026-01-15 08:30", 6],
           [ANN, "2026-01-14 21:00", 8], [BOB, "2026-01-22 08:30", 5]]  # fmt: skip


@pytest.fixture
def drafted(tmp_path):
    """Return a function that writes sheets, and drafts a map of them."""

    def draft(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / "x.xlsx")
        return tmp_path / "x.xlsx", draft_map(tmp_path / "x.xlsx")

    return draft


def scores(study):
    return sorted(study.assessments[["day", "session", "score"]].astype(float).to_numpy().tolist())


def test_clients_are_looked_up_though_their_list_is_longer(drafted, tmp_path):
    place, draft = drafted(Clients=CLIENTS, Visits=VISITS)
    assert draft.content["file"]["looked_up"] == {
        "Clients": {"First name": "Client", "Surname": "Client"}
    }
    assert not draft.questions
    study, manifest = import_export(place, draft.content, tmp_path / "key.json", tmp_path / "s")
    assert sorted(study.episodes["age_band"]) == ["60-69", "70-79"]
    assert sorted(study.sessions["minutes"]) == [30, 45, 60, 60]
    told = {step.rule: step.count for step in manifest.cleaned}
    assert told["rows of a further sheet without a visit"] == 6
    written = "".join(file.read_text() for file in (tmp_path / "s").iterdir())
    assert not [word for word in ("Quux", "bob@ray", "1961", "Lee") if word in written]


def test_a_status_or_date_of_clients_is_none_of_their_visits(drafted, tmp_path):
    visits = [[*VISITS[0][:3], "Pain before"], [ANN, "P1", "2026-01-15", 7],
              [BOB, "P2", "2026-01-15", 6], [ANN, "P1", "2026-01-22", 5]]  # fmt: skip
    visits[0][1] = "Client number"
    clients = [["Client number", "DOB", "Status", "Start date"],
               ["P1", "1950-02-13", "Cancelled", "2025-12-01"],
               ["P2", "1961-03-14", "Completed", "2025-12-02"]]  # fmt: skip
    place, draft = drafted(Visits=visits, Clients=clients)
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert study.sessions["status"].tolist() == ["attended"] * 3
    assert sorted(study.sessions["day"]) == [0, 0, 7]


def test_answers_are_read_below_the_visits_and_find_theirs(drafted, tmp_path):
    place, draft = drafted(Visits=VISITS, Answers=SURVEYS)
    assert draft.content["file"]["below"] == {
        "Answers": {"Full name": "Client", "Completed at": "Visit date"}
    }
    assert not draft.questions
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert scores(study) == [[0, 1, 6], [0, 1, 8], [7, 2, 5]]
    assert (len(study.sessions), study.sessions["session"].count()) == (4, 3)


def test_a_questionnaire_with_names_and_days_of_the_visits_is_read_below_them(drafted, tmp_path):
    head, own = ["Client", "DOB", "Date"], [ANN, "1950-02-13", "2026-01-15"]
    visits = [[*head, "Status", "Pain before", "Pain after"], [*own, "Arrived", 7, 5]]
    place, draft = drafted(Visits=visits, NDI=[[*head, "NDI (0-50)"], [*own, 20]])
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert (len(study.sessions), sorted(study.assessments["score"])) == (1, [5, 7, 20])


def test_an_answer_of_somebody_without_a_visit_is_named(drafted, tmp_path):
    place, draft = drafted(Visits=VISITS, Answers=[*SURVEYS, ["Zoe Quux", "2026-01-15", 3]])
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    found = {one.rule: (one.count, one.first_row) for one in study.provenance.import_findings}
    assert found["R73"] == (1, 5)


def test_an_answer_with_an_address_alone_is_of_whom_it_belongs_to(drafted, tmp_path):
    visits = [["E-mail", *VISITS[0]], *([f"{row[0][:3]}@x.example", *row] for row in VISITS[1:])]
    answers = [["Timestamp", "Email address", "Pain right now (0-10)"],
               ["2026-01-15", "BOB@x.example", 6], ["2026-01-15", "zoe@x.example", 3]]  # fmt: skip
    place, draft = drafted(Visits=visits, Answers=answers)
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert scores(study) == [[0, 1, 6]]
    found = {one.rule: (one.count, one.first_row) for one in study.provenance.import_findings}
    assert found["R20"] == (1, 3)


@pytest.mark.parametrize(
    "other",
    [[*CLIENTS, ["Lee", "Ann", "1990-05-17", "a@b.example", "active"]],  # a namesake
     [["Full name", "Pain at intake"], [ANN, 8], [BOB, 7]],  # would be of each visit
     [["Code", "NPRS before"], ["K1", 8], ["K2", 7]]],
)  # fmt: skip
def test_a_sheet_that_does_not_agree_surely_is_asked_about_by_name(drafted, tmp_path, other):
    place, draft = drafted(Visits=VISITS, Others=other)
    (question,) = (one for one in draft.questions if one["key"] == "file.sheets")
    assert "Others" in question["asks"]
    for one in draft.questions:
        draft = draft.answered(one["key"], one["candidates"][0])
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert (len(study.sessions), len(study.assessments)) == (4, 0)


def test_a_list_of_prices_is_not_asked_about(drafted):
    assert not drafted(Visits=VISITS, Prices=[["Service", "Price"], ["60 min", 90]])[1].questions


@pytest.mark.parametrize(
    ("entry", "got"),
    [({"looked_up": {"Clients": {"First name": "Client", "Last": "Client"}}}, "no column Last"),
     ({"looked_up": {"Clients": {"First name": "Client"}}}, "it twice"),
     ({"below": {"Other": {"Full name": "Client"}}}, "no such sheet")],
)  # fmt: skip
def test_what_a_map_says_of_sheets_that_is_not_so_is_refused(drafted, entry, got):
    place, _ = drafted(Clients=CLIENTS, Visits=VISITS)
    with pytest.raises(DataError) as raised:
        read_source(place, FileFormat(sheets=["Visits"], **entry))
    assert got in str(raised.value)
