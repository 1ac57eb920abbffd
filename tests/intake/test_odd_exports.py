"""Exports that were silently wrong once: each is right as drafted, or asked about."""

from __future__ import annotations

import pytest

import outcomes as oc
from outcomes.errors import DataError
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export


@pytest.fixture
def imported(tmp_path):
    """Return a function that drafts an export, answers what it is told, and imports it."""

    def take(text, encoding="utf-8", **answers):
        place = tmp_path / "export.csv"
        place.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        draft = draft_map(place)
        asked = {question["key"]: question["candidates"] for question in draft.questions}
        for key in asked:
            draft = draft.answered(key, answers.get(key, asked[key][0]))
        study, _ = import_export(place, draft.content, tmp_path / "key.json", tmp_path / "study")
        return study, asked

    return take


def days(study):
    return sorted(study.sessions.groupby("episode_id")["day"].apply(list))


def test_visits_beside_each_other_in_one_row(imported):
    study, asked = imported(
        "record_id,last_name,first_name,dob,visit_date_1,pain_pre_1,min_1,visit_date_2,pain_pre_2,"
        "min_2\n1,Lee,Ann,1950-02-03,2026-01-05,7,60,2026-01-12,5,45\n"
        "2,Ray,Bob,1960-02-03,2026-01-06,6,30,,,\n"
    )
    assert not asked
    assert days(study) == [[0], [0, 7]]
    assert sorted(study.assessments["score"]) == [5, 6, 7]
    assert sorted(study.sessions["minutes"]) == [30, 45, 60]


def test_lines_of_two_encodings_are_one_person(imported):
    head, name = b"Client;Birth date;Visit date;Pain before\n", "Müller, Åsa;03.02.1950;{};7\n"
    lines = (name.format("05.01.2026").encode("cp1252"), name.format("12.01.2026").encode())
    study, _ = imported(head + b"".join(lines))
    assert days(study) == [[0, 7]]


def test_remarks_that_a_visit_did_not_take_place(imported):
    study, asked = imported(
        "Name;geb.;Datum;Dauer (Min.);Schmerz vor;Bemerkung\nLee;03.02.1950;05.01.2026;60;7;\n"
        "Lee;03.02.1950;12.01.2026;60;;abgesagt\nLee;03.02.1950;19.01.2026;60;5;war sehr müde\n"
    )
    assert [*asked] == ["study.empty_status"]
    assert study.sessions["status"].tolist() == ["attended", "cancelled", "attended"]


@pytest.mark.parametrize(
    ("header", "key"),
    [("Pain before (0-5)", "scales.nprs"), ("Pain (10 = no pain, 0 = worst)",
      "scores.nprs.pre_session"), ("Pain before (0-10)", "")],
)  # fmt: skip
def test_a_scale_that_the_header_states_is_asked_about(imported, header, key):
    rows = "Ann Lee,1950-02-03,2026-01-05,4\nAnn Lee,1950-02-03,2026-01-12,2\n"
    study, asked = imported(f'Client,DOB,Visit date,"{header}"\n{rows}')
    assert [*asked] == ([key] if key else [])
    assert sorted(study.assessments["score"]) == ([4, 8] if key == "scales.nprs" else [2, 4])


@pytest.mark.parametrize(
    ("header", "cells", "asks"),
    [("Pressure (1-3)", ("3", "2"), ["columns.pressure"]), ("Pressure", ("7", "2"),
      ["columns.pressure"]), ("Pressure", ("2 - medium", "3 - deep"),
      ["values.pressure.2 - medium", "values.pressure.3 - deep"]),
     ("Pressure (0-5)", ("3 (medium)", "5"), [])],
)  # fmt: skip
def test_pressure_on_another_scale_is_asked_about(imported, header, cells, asks):
    rows = (f"Ann Lee,1950-02-03,2026-01-{5 + i:02d},{c},6\n" for i, c in enumerate(cells))
    _, asked = imported(f"Client,DOB,Visit date,{header},Pain before\n{''.join(rows)}")
    assert [*asked] == asks


def test_a_number_after_the_visit_without_the_word_pain_is_asked_about(imported):
    rows = "".join(f"Ann Lee,1950-02-03,2026-01-0{i},{i},{i - 1}\n" for i in range(2, 8))
    study, asked = imported(
        "Client,DOB,Visit date,Pain right now? (0-10),And after the massage? (0-10)\n" + rows
    )
    assert [*asked] == ["scores.nprs.post_session"]
    assert study.assessments["timing"].value_counts().to_dict() == {
        "pre_session": 6, "post_session": 6,
    }  # fmt: skip


def test_nobody_in_particular_is_no_person_and_two_in_one_cell_are_in_doubt(imported):
    study, _ = imported(
        "Date,Client,DOB,Status,Pain before\n2026-02-01,Walk In,,Completed,7\n"
        "2026-02-02,Walk-in,,Completed,3\n2026-02-02,Bob & Ann Lee,,Completed,3\n"
        "2026-02-02,Cy Poe,1950-02-03,Completed,3\n"
    )
    found = oc.check(study).table.set_index("rule")
    assert study.episodes["patient_id"].nunique() == 2
    assert (found.loc["R20", "count"], found.loc["R24", "first_row"]) == (2, 3)


def test_a_date_that_stands_above_is_asked_about(imported):
    study, asked = imported(
        "Datum;Patient;Geb.;Schmerz vorher\n05.01.26;Lee;03.02.1950;7\n;Ray;03.02.1960;6\n"
        "12.01.26;Lee;03.02.1950;5\n"
    )
    assert asked == {"file.fill_down": ["Datum"]}
    assert days(study) == [[0], [0, 7]]


def test_a_missed_visit_in_two_lines_is_missed_once(imported):
    study, _ = imported(
        "Date,Time,Client,Phone,Service,Minutes,Status,Pain before\n"
        "1/5/2026,9:00 AM,Ann Lee,602 555 0100,Massage,60,Checked out,7\n"
        "1/5/2026,9:00 AM,Ann Lee,602 555 0100,Hot stones,0,Checked out,\n"
        "1/13/2026,9:00 AM,Ann Lee,602 555 0100,Massage,60,No-show,\n"
        "1/13/2026,9:00 AM,Ann Lee,602 555 0100,Hot stones,0,No-show,\n"
    )
    assert study.sessions["status"].tolist() == ["attended", "no_show"]
    assert study.sessions["minutes"].tolist() == [60, 60]


def test_an_export_of_which_nothing_is_left_is_refused(tmp_path):
    place = tmp_path / "export.csv"
    place.write_text("Client,Date,Type\nAnn Lee,2026-01-05,Retail\n", encoding="utf-8")
    columns = {"identifiers": {"name": "Client"}, "columns": {"date": "Date"},
               "leave_out": [{"column": "Type", "is": ["Retail"]}]}  # fmt: skip
    with pytest.raises(DataError, match="no such row"):
        import_export(place, columns, tmp_path / "key.json")
