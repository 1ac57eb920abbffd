"""Two sheets of one workbook are one study where their rows agree surely; else it is asked."""

from __future__ import annotations

import re

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
    assert not re.search(r"Quux|bob@ray|\b1961\b|Lee", written)  # a digest may hold the digits


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


PHONES = ["+1 555 201 7788", "+1 555 301 9911", "+1 555 401 2211"]
BIRTHS = ["1950-02-13", "1990-05-17", "1961-03-14"]
OF_ANN = [[ANN, BIRTHS[0], "Neck pain"], [BOB, BIRTHS[2], "Low back pain"]]


def told_apart(kind, cells, names=(ANN, "LEE, Ánn", BOB)):
    head = ["Client", kind, *VISITS[0][2:], "Pain before"]
    return [head, *([name, cell, day, 60, "Arrived", 7 - i] for i, (name, cell) in
                    enumerate(zip(names, cells, strict=True))
                    for day in ("2026-01-15", "2026-01-22"))]  # fmt: skip


@pytest.mark.parametrize(
    ("visits", "clients"),
    [(told_apart("Phone", PHONES), [["Client", "DOB", "Condition"], *OF_ANN]),
     (told_apart("E-mail", ["ann@x.example", "lee@y.example", "bob@x.example"]),
      [["Client", "DOB", "Condition"], *OF_ANN]),
     (told_apart("Client number", ["P1", "P2", "P3"]), [["Client", "DOB", "Condition"], *OF_ANN]),
     (told_apart("DOB", BIRTHS), [["Client", "Sex", "Condition"],
      *([row[0], "F", row[2]] for row in OF_ANN)]),
     (told_apart("DOB", BIRTHS), [["Client", "DOB", "Condition"], *OF_ANN]),
     (told_apart("Phone", PHONES[1:], (ANN, BOB)), [["Client", "Phone", "DOB", "Condition"],
      [ANN, PHONES[0], *OF_ANN[0][1:]], [BOB, PHONES[2], *OF_ANN[1][1:]]]),
     (told_apart("Phone", [PHONES[0], PHONES[0], PHONES[2]], (ANN, "Zoe Lee", BOB)),
      [["Phone", "DOB", "Condition"], [PHONES[0], *OF_ANN[0][1:]], [PHONES[2], *OF_ANN[1][1:]]])],
)  # fmt: skip
def test_two_of_one_name_do_not_both_get_what_a_sheet_says_of_one(drafted, tmp_path, visits,
                                                                  clients):  # fmt: skip
    place, draft = drafted(Visits=visits, Clients=clients)
    assert "looked_up" not in draft.content["file"]
    assert "file.sheets" in [question["key"] for question in draft.questions]
    for one in draft.questions:
        draft = draft.answered(one["key"], one["candidates"][0])
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert len(study.episodes) == len({row[0] + row[1] for row in visits[1:]})
    assert "condition" not in study.episodes or study.episodes["condition"].isna().all()


def test_birth_dates_beside_names_tell_two_of_one_name_apart(drafted, tmp_path):
    clients = [["Client", "DOB", "Condition"], *OF_ANN, [ANN, BIRTHS[1], "Headache"]]
    place, draft = drafted(Visits=told_apart("DOB", BIRTHS), Clients=clients)
    assert draft.content["file"]["looked_up"] == {"Clients": {"Client": "Client", "DOB": "DOB"}}
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    of = study.episodes.set_index("age_band")["condition"].to_dict()
    assert of == {"70-79": "neck_other", "30-39": "headache", "60-69": "low_back"}


def test_a_map_of_last_month_refuses_two_of_one_name(drafted, tmp_path):
    clients = [["Client", "DOB", "Condition"], *OF_ANN]
    place, draft = drafted(Visits=told_apart("Phone", PHONES[1:], (ANN, BOB)), Clients=clients)
    assert draft.content["file"]["looked_up"] == {"Clients": {"Client": "Client"}}
    place, _ = drafted(Visits=told_apart("Phone", PHONES), Clients=clients)
    with pytest.raises(DataError, match="1 of the Client looked up that several people have"):
        import_export(place, draft.content, tmp_path / "key.json")


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


def test_a_sheet_of_few_cells_has_the_header_of_the_others(tmp_path):
    book, head = openpyxl.Workbook(), ["Date", "Came", "Min", "Pain in", "Pain out"]
    book.remove(book.active)
    rows = {"A": [["2026-01-15", "yes", 60, 7, 5], ["2026-01-22", "yes", 60, 5, 4]],
            "B": [["2026-01-16", "yes", 60, 6, 5], ["2026-01-23", "yes", 60, 5, 3]],
            "C": [["2026-01-17", "yes", 60, 8, 6], ["2026-01-24", "no"], ["2026-01-27", "no"],
                  ["2026-01-30", "no"]]}  # fmt: skip
    for name, own in rows.items():
        sheet = book.create_sheet(name)
        for row in (["Patient:", f"Quux {name}"], ["Born:", "1950"], [], head, *own):
            sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    read = read_source(tmp_path / "x.xlsx", FileFormat(sheets=("*",), sheet_name="Sheet"))
    assert read.cells["Sheet"].value_counts().to_dict() == {"A": 2, "B": 2, "C": 4}
    assert [*read.cells][:5] == head


@pytest.mark.parametrize(
    ("first", "second"),
    [("January 2026", "February 2026"), ("2026-01", "2026-02"), ("Januar 2026", "Februar 2026")],
)
def test_days_of_the_month_that_a_sheet_is_called_after(drafted, tmp_path, first, second):
    """They were no dates, and the export was refused."""
    rows = [["Day", "Client", "Status", "Pain before"], [5, ANN, "Arrived", 7],
            [19, ANN, "Arrived", 5]]  # fmt: skip
    path, draft = drafted(**{first: rows, second: rows})
    assert not draft.questions
    study, _ = import_export(path, draft.content, tmp_path / "key.json", tmp_path / "study")
    assert study.sessions["day"].tolist() == [0, 14, 31, 45]


def test_scores_of_some_appointments_are_looked_up_by_their_number(drafted, tmp_path):
    """Who did not come has none; the sheet was asked about as one that agrees with no visit."""
    head, day = ["Appt no", "Client", "Visit date", "Status"], "2026-01-15"
    visits = [head, ["A1", ANN, day, "Arrived"], ["A2", BOB, day, "Arrived"],
              ["A3", ANN, "2026-01-22", "Cancelled"]]  # fmt: skip
    scores = [["Appt no", "Pain before"], ["A1", 7], ["A2", 5]]
    path, draft = drafted(Visits=visits, Outcomes=scores)
    study, _ = import_export(path, draft.content, tmp_path / "key.json", tmp_path / "study")
    assert not draft.questions
    assert sorted(study.assessments["score"]) == [5, 7]
