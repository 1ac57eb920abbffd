"""Exports that were silently wrong once: each is right as drafted, or asked about."""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from outcomes.dictionary.instruments import registry
from outcomes.errors import DataError
from outcomes.intake.drafting.evidence import Column, dates_of
from outcomes.intake.drafting.headers import score_role
from outcomes.intake.drafting.layout import rows_of_export
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export

pytestmark = pytest.mark.quick(3)


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


def test_remarks_that_begin_with_it_or_name_somebody(imported, tmp_path):
    told = ("7;", ";no show, called no answer", ";Quill cancelled", ";missed, (555) 010-4477",
            "5;saw no change, no show of pain")  # fmt: skip
    rows = "".join(f"Quill {who};2026-01-{13 + 3 * i};{cells}\n" for who in ("Ann", "Bo")
                   for i, cells in enumerate(told))  # fmt: skip
    study, _ = imported(f"Client;Date;Pain before;Notes\n{rows}")
    became = ["attended", "no_show", "cancelled", "no_show", "attended"]
    assert study.sessions["status"].tolist() == became * 2
    drafted = str(draft_map(tmp_path / "export.csv").content["status"])
    assert not any(word in drafted for word in ("Quill", "4477"))


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


@pytest.mark.quick(4)
@pytest.mark.parametrize(
    ("header", "cells", "key", "scores"),
    [("NDI", ("0.44", "0.2"), "scales.ndi", [10, 22]),
     ("Pain before", ("0.7", "0"), "scales.nprs", [0, 7]),
     ("Pain before", ("6-7", "5"), 'values."nprs.pre_session".6-7', [5]),  # a range, no pair
     ("Pain before", ("７", "5"), 'values."nprs.pre_session".７', [5, 7]),
     ("Neck rotation (rad)", ("0.78", "1.05"), "study.no_status", []),
     ("Neck rotation", ("0.78", "1.05"), "study.no_status", []),
     ("Knee flexion (% of normal)", ("60", "80"), "study.no_status", []),
     ("Neck rotation (deg)", ("45", "60"), "scores.rom.pre_session", [45, 60])],
)  # fmt: skip
def test_scores_in_another_unit_are_asked_about_or_left_away(imported, header, cells, key, scores):
    rows = (f"Ann Lee,1950-02-03,2026-01-{5 + i:02d},{c}\n" for i, c in enumerate(cells))
    study, asked = imported(f"Client,DOB,Visit date,{header}\n{''.join(rows)}")
    assert [*asked][-1] == key
    assert sorted(study.assessments["score"]) == scores


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


def test_nobody_in_particular_is_no_person_and_neither_are_two_in_one_cell(imported):
    study, _ = imported(
        "Date,Client,DOB,Status,Pain before\n2026-02-01,Walk In,,Completed,7\n"
        "2026-02-02,Walk-in,,Completed,3\n2026-02-02,Bob & Ann Lee,,Completed,3\n"
        "2026-02-02,Cy Poe,1950-02-03,Completed,3\n"
    )
    found = oc.check(study).table.set_index("rule")
    assert study.episodes["patient_id"].nunique() == 1
    assert found.loc["R20", "count"] == 3


@pytest.mark.parametrize(
    "dates",
    [
        ("26-01-05", "26-01-06", "26-01-19", "26-01-30"),  # the year first: 26 is one, 05 a day
        ("5 de janeiro de 2026", "6 janeiro 2026", "19 janeiro 2026", "30 de janeiro de 2026"),
        ("٢٠٢٦-٠١-٠٥", "٢٠٢٦-٠١-٠٦", "٢٠٢٦-٠١-١٩", "٢٠٢٦-٠١-٣٠"),
    ],
)
def test_days_of_one_month_however_they_are_written(imported, dates):
    rows = "".join(f"Ann Lee,1950-02-03,{date},Completed,7\n" for date in dates)
    study, asked = imported(f"Client,DOB,Visit date,Status,Pain before\n{rows}")
    assert not asked
    assert days(study) == [[0, 1, 14, 25]]


@pytest.mark.parametrize(
    ("cells", "way"),
    [
        (("13.05.24", "13.06.25", "13.07.26"), "%d.%m.%y"),  # one day of the month, three years
        (
            ("13/05/23", "14/06/24", "13/07/25", "14/07/26"),
            "?/%y",
        ),  # in an order of its own
        (("26-01-05", "26-01-06", "26-01-19"), "%y-%m-%d"),
        (("26.01.05", "26.01.06", "26.02.08"), "%y.%m.%d"),
    ],
)
def test_years_of_two_digits_are_told_from_days(cells, way):
    assert dates_of(Column("Visit date", pd.Series(cells, dtype=object))).ways == (way,)


def test_record_numbers_that_a_spreadsheet_shortened_are_one_and_others_in_doubt(imported):
    ids = ("0012", "12", "12.0", "P-7", "P7")
    rows = "".join(f"{one},2026-01-0{i},Completed,7\n" for i, one in enumerate(ids, start=1))
    study, _ = imported(f"Patient ID,Visit date,Status,Pain before\n{rows}")
    assert days(study) == [[0], [0], [0, 1, 2]]
    found = oc.check(study).table.set_index("rule")
    assert found.loc["R24", "count"] == 5


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


def visits(study):
    """Return the visits of each course: day, minutes, and the scores before and after."""
    scores = study.assessments.pivot_table(
        index=["episode_id", "day"], columns="timing", values="score", aggfunc="first"
    ).reset_index()
    rows = study.sessions.merge(scores, how="left", on=["episode_id", "day"])
    names = [n for n in ("day", "minutes", "pre_session", "post_session") if n in rows]
    rows = rows[rows["status"] == "attended"].sort_values("day")
    own = rows[names].dropna(axis=1, how="all")
    return sorted(g.to_numpy().tolist() for _, g in own.groupby(rows["episode_id"]))


def test_minutes_over_the_change_of_the_clocks(imported):
    study, _ = imported(
        "client,dob,start,end,status,pain pre\n"
        "Ann Lee,1950-02-03,2026-03-08T01:30:00-05:00,2026-03-08T03:30:00-04:00,Completed,7\n"
        "Ann Lee,1950-02-03,2026-11-01T00:30:00-04:00,2026-11-01T01:30:00-05:00,Completed,6\n"
        "Ann Lee,1950-02-03,2026-11-02T23:30:00-05:00,2026-11-03T00:15:00-05:00,Completed,5\n",
        **{"study.new_course_after_days": False},
    )
    assert visits(study) == [[[0, 60, 7], [238, 120, 6], [239, 45, 5]]]


def test_the_day_that_a_booking_was_made_is_no_visit(imported):
    study, asked = imported(
        "Client,Mobile,Created,Scheduled,Duration,Status\n"
        'Ann Lee,+44 7700 900123,02 Jan 2026,"05 Jan 2026, 10:00am",1h,Completed\n'
        'Ann Lee,+44 7700 900123,05 Jan 2026,"12 Jan 2026, 10:00am",1h 30min,Completed\n'
    )
    assert not asked
    assert visits(study) == [[[0, 60], [7, 90]]]


def test_a_date_of_writing_beside_another_date_is_asked_about(imported):
    head = "Client,DOB,Created on,Held,Pain before\n"
    rows = (
        "Ann Lee,1950-02-03,2026-01-02,2026-01-05,7\nAnn Lee,1950-02-03,2026-01-03,2026-01-12,5\n"
    )
    study, asked = imported(head.replace("Created on", "Entry date") + rows)
    assert asked == {"columns.date": ["Held", "Entry date"]}
    assert days(study) == [[0, 7]]


@pytest.mark.parametrize("line", [
    ',,,,,,"{""ImportId"":""QID1""}"', "", ',,,,,Date / Time,0 - 10', ",,,,,mm/dd/yyyy,(0-10)",
])  # fmt: skip
def test_lines_below_the_header_that_explain_it(imported, line):
    head = ("Respondent ID,Collector ID,Email Address,First Name,Last Name,Date of your visit,"
            "How bad was your pain before the massage?\n")  # fmt: skip
    if "ImportId" in line:  # Qualtrics writes codes above the questions
        line = ",".join('"{""ImportId"":""Q""}"' for _ in range(7))
        head = "Q1,Q2,Q3,Q4,Q5,Q6,Q7\n" + head
    study, asked = imported(
        f"{head}{line}\n11,5,ann@q.example,Ann,Lee,01/05/2026,7\n"
        "12,5,ann@q.example,Ann,Lee,01/13/2026,6\n13,5,bob@z.example,Bob,Ray,01/15/2026,8\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7], [8, 6]], [[0, 8]]]
    assert oc.check(study).ok


def test_a_first_visit_without_a_score_is_no_line_of_the_header(imported):
    study, _ = imported(
        "Client,DOB,Visit date,Pain before\nAnn Lee,1950-02-03,2026-01-05,n/a\n"
        "Ann Lee,1950-02-03,2026-01-12,6\nAnn Lee,1950-02-03,2026-01-19,5\n"
    )
    assert days(study) == [[0, 7, 14]]


def test_minutes_between_from_and_to(imported):
    study, asked = imported(
        "Client Id,Client Name,Appointment Date,From,To,Status\n"
        "1001,Ann Lee,15/01/2026,09:00,10:00,Attended\n"
        "1002,Bob Ray,16/01/2026,23:30,00:15,Attended\n"
    )
    assert not asked
    assert visits(study) == [[[0, 45]], [[0, 60]]]


def test_scores_that_stand_below_one_another(imported):
    study, asked = imported(
        "Client,DOB,Date,Measure,Score\n"
        "Ann Lee,1950-02-03,2026-01-05,Pain before,7\nAnn Lee,1950-02-03,2026-01-05,Pain after,4\n"
        "Ann Lee,1950-02-03,2026-01-05,NDI,23\nAnn Lee,1950-02-03,2026-02-05,Pain before,5\n"
        "Ann Lee,1950-02-03,2026-02-05,NDI,11\nBob Ray,1960-12-30,2026-01-06,ODI,40\n",
        **{"scales.odi": "50"},
    )
    scores = study.assessments[["instrument", "timing", "day", "score"]]
    assert asked == {"scales.odi": ["100", "50"]}
    assert sorted(scores.itertuples(index=False, name=None)) == [
        ("ndi", "pre_session", 0, 23), ("ndi", "pre_session", 31, 11),
        ("nprs", "post_session", 0, 4), ("nprs", "pre_session", 0, 7),
        ("nprs", "pre_session", 31, 5), ("odi", "pre_session", 0, 80),
    ]  # fmt: skip


def test_names_with_births_above_the_rows_of_a_person(imported, tmp_path):
    study, asked = imported(
        "Lee Ann (geb. 03.02.1950),,,\nDatum,Minuten,Schmerz vorher,Schmerz nachher\n"
        "05.01.2026,60,7,5\n12.01.2026,60,6,4\nLee Ann (geb. 30.12.1960),,,\n06.01.2026,45,8,6\n"
    )
    assert not asked
    assert visits(study) == [[[0, 45, 8, 6]], [[0, 60, 7, 5], [7, 60, 6, 4]]]
    assert sorted(study.episodes["age_band"]) == ["60-69", "70-79"]
    assert "Lee" not in "".join(f.read_text() for f in (tmp_path / "study").iterdir())


def test_numbers_of_a_spreadsheet_for_days_of_either_century(imported):
    study, asked = imported(
        "Name,DOB,Visit date,Pain before\nAnn Lee,18297,46027,7\nAnn Lee,18297,46034,6\n"
        "Bob Ray,22280,46028.4375,8\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7], [7, 6]], [[0, 8]]]
    assert sorted(study.episodes["age_band"]) == ["60-69", "70-79"]


def test_a_hidden_sheet_is_an_older_copy(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    copy = book.create_sheet("old copy")
    copy.sheet_state = "hidden"
    for sheet, rows in ((book.active, [("2026-01-05", 7), ("2026-01-12", 6)]),
                        (copy, [("2025-12-01", 9)])):  # fmt: skip
        sheet.append(["Client", "DOB", "Date", "Pain before"])
        for day, pain in rows:
            sheet.append(["Ann Lee", "1950-02-03", day, pain])
    book.save(tmp_path / "x.xlsx")
    draft = draft_map(tmp_path / "x.xlsx")
    study, manifest = import_export(tmp_path / "x.xlsx", draft.content, tmp_path / "key.json")
    assert visits(study) == [[[0, 7], [7, 6]]]
    assert any("hidden sheets" in step.rule for step in (*manifest.cleaned, *manifest.left_out))


def test_before_and_after_in_brackets(imported):
    study, asked = imported(
        "Client Name,DOB,Date,Pain Level (before),Pain Level (after)\n"
        "Ann Lee,1950-02-03,2026-01-05,7/10,4/10\nAnn Lee,1950-02-03,2026-01-12,5/10,3/10\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 4], [7, 5, 3]]]


def test_the_column_that_an_answer_names_is_read_as_it_is_written(imported):
    head = "Client,DOB,Visit date,Pain left (before),Pain right (before)\n"
    study, asked = imported(f"{head}Ann Lee,1950-02-03,2026-01-05,7/10,2/10\n",
                            **{"scores.nprs.pre_session": "Pain right (before)"})  # fmt: skip
    assert [*asked] == ["scores.nprs.pre_session"]
    assert visits(study) == [[[0, 2]]]


def test_pain_in_percent_is_read_once_its_scale_is_said(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Pain before (%)\nAnn Lee,1950-02-03,2026-01-05,70%\n"
        "Ann Lee,1950-02-03,2026-01-12,45 %\n"
    )
    assert [*asked] == ["scores.vas.pre_session"]
    assert study.assessments[["instrument", "score"]].to_numpy().tolist() == [
        ["vas", 70],
        ["vas", 45],
    ]


@pytest.mark.parametrize(
    ("answers", "scores", "n_unread"),
    [({}, [8, 10], 0), ({"10+": False, "6-7": False, "stark": False}, [8], 3),
     ({"stark": "9", "6-7": "6", "10+": "empty"}, [6, 8, 9], 0)],
)  # fmt: skip
def test_words_among_scores_are_asked_about_and_never_dropped(imported, answers, scores, n_unread):
    key = 'values."nprs.pre_session".{}'.format
    study, asked = imported(
        "Client,DOB,Visit date,Pain before\nAnn Lee,1950-02-03,2026-01-05,10+\n"
        "Ann Lee,1950-02-03,2026-01-12,6-7\nBob Ray,1960-12-30,2026-01-06,8.0\n"
        "Bob Ray,1960-12-30,2026-01-13,stark\nBob Ray,1960-12-30,2026-01-20,see Lee\n",
        **{key(word): answer for word, answer in answers.items()},
    )
    assert {k: v[0] for k, v in asked.items()} == {key("10+"): "10", key("6-7"): "empty",
                                                   key("stark"): "empty"}  # fmt: skip
    found = oc.check(study).table.set_index("rule")
    assert found["count"]["R02"] == n_unread + 1  # a client's name is never asked about
    assert '[values."nprs.pre_session"]' in found["remedy"]["R02"]
    assert sorted(study.assessments["score"]) == scores


def test_words_for_minutes_are_asked_about(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Status,Minutes\nAnn Lee,1950-02-03,2026-01-05,Completed,60\n"
        "Ann Lee,1950-02-03,2026-01-12,Completed,double\n",
        **{'values."sessions.minutes".double': "120"},
    )
    assert (len(asked), study.sessions["minutes"].tolist()) == (1, [60, 120])


def test_the_ways_of_a_date_whose_header_is_hidden_still_count(imported):
    """A header with a client's name is shown by its number; its dates are read as it says."""
    study, asked = imported(
        "Client,DOB,Lee visit date,Pain before\nAnn Lee,02/13/1950,05.01.2026,7\n"
        "Ann Lee,02/13/1950,12.01.2026,6\n"
    )
    assert asked == {"file.dates": ["%d.%m.%Y", "%m.%d.%Y"]}
    assert days(study) == [[0, 7]]
    assert study.episodes["age_band"].tolist() == ["70-79"]


def test_the_words_of_the_contract_need_no_answer(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Condition,Pain before\n"
        "Ann Lee,1950-02-03,2026-01-05,low_back,7\nBob Ray,1960-12-30,2026-01-05,neck_mvc,6\n"
    )
    assert not asked
    assert sorted(study.episodes["condition"]) == ["low_back", "neck_mvc"]


@pytest.mark.parametrize(
    ("cells", "minutes", "asks"),
    [(("0.0416666667", "0.0625", "0.03125"), [45, 60, 90], []), (("1", "1.5", "0.75"),
      [45, 60, 90], []), (("1.5", "60", "45"), [45, 60, 90], ["columns.sessions.minutes"]),
     (("60", "90", "45"), [45, 60, 90], [])],
)  # fmt: skip
def test_minutes_as_parts_of_a_day_as_hours_and_as_both(imported, cells, minutes, asks):
    rows = "".join(
        f"Ann Lee,1950-02-03,2026-01-{5 + i:02d},{cell},7\n" for i, cell in enumerate(cells)
    )
    study, asked = imported(f"Client,DOB,Visit date,Duration,Pain before\n{rows}")
    assert ([*asked], sorted(study.sessions["minutes"])) == (asks, minutes)


def test_a_fee_for_a_missed_visit_is_no_visit(imported):
    study, asked = imported(
        "Client,DOB,Date,Item,Status,Minutes\n"
        "Ann Lee,1950-02-03,2026-01-05,Massage 60,Completed,60\n"
        "Ann Lee,1950-02-03,2026-01-12,No Show Fee,Completed,60\n"
        "Ann Lee,1950-02-03,2026-01-19,Massage 60,Completed,60\n"
    )
    assert asked == {"study.sign_that_counts": ["rules", "status"]}
    assert visits(study) == [[[0, 60], [14, 60]]]


def test_a_line_that_gives_money_back_is_no_visit(imported):
    study, _ = imported(
        "Client,DOB,Date,Service,Amount,Pain before\n"
        "Ann Lee,1950-02-03,2026-01-05,Massage,$90,7\n"
        "Ann Lee,1950-02-03,2026-01-07,Massage,-$90,7\n"
        "Ann Lee,1950-02-03,2026-01-12,Massage,$90,5\n"
    )
    assert visits(study) == [[[0, 7], [7, 5]]]


def test_the_day_that_a_visit_was_moved_from_is_asked_about(imported):
    _, asked = imported(
        "Client,DOB,Original date,New date,Status,Pain before\n"
        "Ann Lee,1950-02-03,2026-01-05,,Completed,7\nAnn Lee,1950-02-03,2026-01-12,2026-01-14,"
        "Completed,6\n"
    )
    assert asked == {"columns.date": ["Original date", "New date"]}


@pytest.mark.parametrize("header", ["Pain before/after", "Pain (before → after)", "Pain pre-post"])
def test_scores_before_and_after_in_one_cell(imported, header):
    mark = " → " if "→" in header else "/"
    study, asked = imported(
        f"Client,DOB,Visit date,{header}\nAnn Lee,1950-02-03,2026-01-05,7{mark}10\n"
        f"Ann Lee,1950-02-03,2026-01-12,6{mark}4\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 10], [7, 6, 4]]]


@pytest.mark.parametrize("header", ["Pain after/before", "Pain in back (post, pre)", "Pain out/in",
                                    "Schmerz nachher / vorher", "Douleur après/avant",
                                    "Dolor después/antes"])  # fmt: skip
def test_the_words_of_a_header_say_which_of_two_scores_is_first(imported, header):
    study, asked = imported(
        f'Client,DOB,Visit date,"{header}"\nAnn Lee,1950-02-03,2026-01-05,5/7\n'
        "Ann Lee,1950-02-03,2026-01-12,4/6\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 5], [7, 6, 4]]]


@pytest.mark.quick(4)
@pytest.mark.parametrize(
    ("cells", "pairs"),
    [(("7/5", "6"), [(1, "post_session", 5), (1, "pre_session", 7), (2, "pre_session", 6)]),
     (("7/5", '"6,4"'), [(1, "post_session", 5), (1, "pre_session", 7), (2, "pre_session", 6.4)]),
     (("7", "6"), [(1, "pre_session", 7), (2, "pre_session", 6)]),
     (('"7,5"', '"6,4"'), [(1, "pre_session", 7.5), (2, "pre_session", 6.4)])],
)  # fmt: skip
@pytest.mark.parametrize("header", ["Pain before/after", "Pain post/pre"])
def test_one_number_where_two_are_named_is_asked_about(imported, header, cells, pairs):
    cells = [f'"{b}/{a}"' if "post" in header and "/" in cell else cell
             for cell in cells for a, _, b in [cell.partition("/")]]  # fmt: skip
    study, asked = imported(
        f"Client,DOB,Visit date,{header}\nAnn Lee,1950-02-03,2026-01-05,{cells[0]}\n"
        f"Ann Lee,1950-02-03,2026-01-12,{cells[1]}\n"
    )
    assert [*asked] == ["scores.nprs.pre_session"]
    told = study.assessments[["session", "timing", "score"]].itertuples(index=False)
    assert sorted((int(visit), timing, score) for visit, timing, score in told) == pairs


@pytest.mark.parametrize("header", [
    "Pain improvement (0-10)", "Improvement in pain", "NPRS improvement", "ODI change",
    "ODI (change)", "Change in NDI", "Schmerzlinderung", "Besserung der Schmerzen",
    "Soulagement de la douleur", "Alivio del dolor", "Mejoría del dolor", "PainRelief",
    "Pain control", "Pain coping", "Pain confidence", "Pain, next morning", "Pain (2 days later)",
])  # fmt: skip
def test_a_change_or_another_time_is_no_score_of_a_visit(tmp_path, header):
    place = tmp_path / "export.csv"
    place.write_text(f'Client,DOB,Visit date,Status,"{header}"\n' + "".join(
        f"Ann Lee,1950-02-03,2026-01-{day:02d},Arrived,{day % 7}\n" for day in range(5, 15)
    ), encoding="utf-8")  # fmt: skip
    draft = draft_map(place)
    assert "scores" not in draft.content
    assert header in draft.unused


@pytest.mark.parametrize(
    ("header", "cells", "asks", "scores"),
    [("Pain (mm)", ("8", "6"), ["scores.vas.pre_session"], [("vas", 6), ("vas", 8)]),
     ("Pain VAS (mm)", ("8", "6"), [], [("vas", 6), ("vas", 8)]),
     ("Pain VAS (cm)", ("7.2", "6"), ["scores.nprs.pre_session"], [("nprs", 6), ("nprs", 7.2)]),
     ("Pain before", ("7", "6", "99"), [], [("nprs", 6), ("nprs", 7)]),
     ("Pain before (0-10)", ("70", "80", "6"), [], [("nprs", 6)]),
     ("Pain before", ("70", "80", "6"), ["scores.vas.pre_session"],
      [("vas", 6), ("vas", 70), ("vas", 80)])],
)  # fmt: skip
def test_scales_of_ten_and_of_a_hundred(imported, header, cells, asks, scores):
    rows = "".join(
        f"Ann Lee,1950-02-03,2026-01-{5 + i:02d},{cell}\n" for i, cell in enumerate(cells)
    )
    study, asked = imported(f"Client,DOB,Visit date,{header}\n{rows}")
    assert [*asked] == asks
    assert sorted(study.assessments[["instrument", "score"]].itertuples(index=False)) == scores


def test_titles_are_no_part_of_a_name_but_junior_is(imported):
    study, _ = imported(
        "Client,DOB,Visit date,Pain before\nDr. Ann Lee,1950-02-03,2026-01-05,7\n"
        'Ann Lee,1950-02-03,2026-01-12,6\n"Lee, Mrs Ann",1950-02-03,2026-01-19,5\n'
        "Bob Ray Jr.,,2026-01-06,8\nBob Ray Sr.,,2026-01-06,3\n"
    )
    assert days(study) == [[0], [0], [0, 7, 14]]


def test_a_line_of_a_week_is_no_client(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Pain before\nWeek of 01/05/2026,,,\n"
        "Ann Lee,02/13/1950,01/05/2026,7\n"
        "Week of 01/12/2026,,,\nAnn Lee,02/13/1950,01/12/2026,6\n"
    )
    assert (days(study), asked) == ([[0, 7]], {})


def test_a_status_with_a_clients_name_is_read_and_never_shown(tmp_path):
    place = tmp_path / "export.csv"
    place.write_text(
        "Client,DOB,Visit date,Status,Pain before\nAnn Quill,1950-02-03,2026-01-05,Completed,7\n"
        "Ann Quill,1950-02-03,2026-01-12,Completed by Quill,6\n", encoding="utf-8",
    )  # fmt: skip
    draft = draft_map(place)  # a word that says nothing before the name stays unread: an error
    assert draft.content["values"]["status"] == {"Completed": "attended"}
    assert not oc.check(import_export(place, draft.content, tmp_path / "first.json")[0]).ok
    place.write_text(
        "Client,DOB,Visit date,Status,Pain before\nAnn Quill,1950-02-03,2026-01-05,Completed,7\n"
        "Ann Quill,1950-02-03,2026-01-12,Cancelled by Mrs Quill,\n", encoding="utf-8",
    )  # fmt: skip
    draft = draft_map(place)
    study, _ = import_export(place, draft.content, tmp_path / "key.json")
    assert "Quill" not in str(draft.content)
    assert study.sessions["status"].tolist() == ["attended", "cancelled"]


@pytest.mark.parametrize("columns", [("15/02/1950", "01/15/2026", "01/22/2026"),
                                     ("02/15/1950", "15/01/2026", "22/01/2026")])  # fmt: skip
def test_columns_that_prove_their_own_order_are_not_asked_about(imported, columns):
    born, first, second = columns
    study, asked = imported(
        f"Client,DOB,Visit date,Pain before\nAnn Lee,{born},{first},7\nAnn Lee,{born},{second},6\n"
    )
    assert (days(study), asked) == ([[0, 7]], {})
    assert study.episodes["age_band"].tolist() == ["70-79"]


def test_days_of_the_week_in_two_letters_and_hours_with_an_h(imported):
    study, asked = imported(
        "Kunde;Datum;Beginn;Ende;Schmerz\nLee;Mo, 05.01.2026;09h00;10h00;7\n"
        "Lee;Di 13.01.2026;23h30;00h15;6\n"
    )
    assert not asked
    assert visits(study) == [[[0, 60, 7], [8, 45, 6]]]


def test_one_birth_date_and_a_name_in_two_scripts_is_in_doubt(imported):
    study, _ = imported(
        "Client,DOB,Visit date,Pain before\nИван Петров,1950-02-03,2026-01-05,7\n"
        "Ivan Petrov,1950-02-03,2026-01-12,6\nBob Ray,1950-02-03,2026-01-12,6\n"
    )
    assert [f.rows for f in oc.check(study).items if f.rule == "R24"] == [(2, 3)]


def test_a_class_that_was_attended_is_asked_about_and_a_members_massage_is_not(imported):
    study, asked = imported(
        "Date,Client,Class/Service,Status,Duration\n01/15/2026,Ann Lee,Massage,Signed In,60\n"
        "01/16/2026,Ann Lee,Yoga Flow,Signed In,60\n"
        "01/22/2026,Ann Lee,Membership massage,Signed In,45\n"
    )
    assert asked == {"values.service.Yoga Flow": ["left_out", "visit"]}
    assert visits(study) == [[[0, 60], [7, 45]]]


def test_minutes_in_the_names_of_services_beside_sales(imported):
    study, _ = imported(
        "Date,Client,Item,Amount\n01/15/2026,Ann Lee,60 Min Massage,90\n01/15/2026,Ann Lee,Tip,15\n"
        "01/22/2026,Ann Lee,90 Min Massage,90\n01/22/2026,Bob Ray,Gift Card $100,100\n"
        "01/22/2026,Ann Lee,Product: Lotion,20\n"
    )
    assert visits(study) == [[[0, 60], [7, 90]]]


HEAD = "Client,DOB,Visit date,Status,Pain before,Minutes"
ANN, BOB = "Ann Lee,02/03/1950", "Bob Ray,03/13/1960"


def test_completed_beside_a_reason_of_cancelling_is_asked_about(imported):
    text = (
        "Client,DOB,Visit date,Status,Cancellation reason,Pain before\n"
        f"{ANN},01/05/2026,Completed,,7\n{ANN},01/12/2026,Completed,Client was ill,\n"
        f"{ANN},01/19/2026,No show,Forgot,\n{BOB},01/26/2026,Cancelled,Weather,\n"
    )
    key = "study.sign_that_counts"
    study, asked = imported(text, **{key: "rules"})
    assert asked == {key: ["status", "rules"]}
    told = study.sessions.sort_values("day")["status"].tolist()
    assert sorted(told) == ["attended", "cancelled", "cancelled", "no_show"]


def test_a_visit_that_was_moved_is_asked_about(imported):
    _, asked = imported(
        "Client,DOB,Visit date,Rescheduled to,Status\n"
        f"{ANN},01/15/2026,,Completed\n{ANN},01/22/2026,01/24/2026,Completed\n"
    )
    assert [*asked] == ["study.sign_that_counts"]


def test_a_mark_of_who_came_stands_beside_a_status_that_does_not_say(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Status,Showed\n"
        f"{ANN},01/05/2026,Active,Yes\n{ANN},01/12/2026,Active,No\n{ANN},01/19/2026,Cancelled,\n"
    )
    assert not asked
    assert study.sessions["status"].tolist() == ["attended", "no_show", "cancelled"]


def test_a_booking_of_which_all_is_confirmed_is_not_the_status(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Booking status,Attendance\n"
        f"{ANN},01/05/2026,Confirmed,Arrived\n{ANN},01/16/2026,Confirmed,Cancelled <24h\n"
    )
    assert not asked
    assert study.sessions["status"].tolist() == ["attended", "cancelled"]


def test_a_break_in_the_column_of_names_is_nobody(imported):
    study, asked = imported(
        f"{HEAD}\n{ANN},01/05/2026,Completed,7,60\nLUNCH,,01/16/2026,Completed,,60\n"
        "Staff Meeting,,01/16/2026,Completed,,60\n"
    )
    assert not asked
    assert len(study.episodes) == len(study.sessions) == 1


def test_talk_from_afar_is_asked_about(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Type,Status,Pain before\n"
        f"{ANN},01/05/2026,Massage,Completed,7\n{ANN},01/16/2026,Phone follow-up,Completed,2\n"
    )
    assert asked == {"values.service.Phone follow-up": ["left_out", "visit"]}
    assert study.assessments["score"].tolist() == [7]
    assert rows_with(study, "R71") == 1  # and that its score goes with it is said


def test_scores_of_a_form_without_a_day_are_found(imported):
    study, _ = imported(
        "record_id,redcap_repeat_instrument,redcap_repeat_instance,name,visit_date,came,pain_pre\n"
        "1,,,Ann Lee,,,\n1,visit,1,,2026-01-15,yes,\n1,pain,1,,,,7\n",
        **{"values.status.yes": "attended"},
    )
    assert rows_with(study, "R71") == 1


@pytest.mark.parametrize(("score", "told"), [("2", 1), ("2 / 10", 1), ("", 0), ("called", 0)])
def test_a_score_that_goes_with_a_row_of_no_visit_is_found(imported, score, told):
    study, asked = imported(
        "Client,DOB,Visit date,Status,Pain before\n"
        f"{ANN},01/05/2026,Completed,7\n{ANN},01/16/2026,Follow-up call,{score}\n",
        **{"values.status.Follow-up call": "left_out"},
    )
    assert "values.status.Follow-up call" in asked
    assert study.assessments["score"].tolist() == [7]
    assert rows_with(study, "R71") == told


@pytest.mark.parametrize(
    ("header", "cells", "minutes"),
    [("Time", ("9:00 AM - 10:00 AM", "1:00 - 1:45 PM"), [60, 45]),
     ("Zeit", ("9.00–10.30 Uhr", "12:30–13:00 Uhr"), [90, 30]),
     ("Hours", ("0.75", "1"), [45, 60]), ("Dauer", ("60,0 Min.", "1,5 Std."), [60, 90])],
)  # fmt: skip
def test_minutes_as_clinics_write_them(imported, header, cells, minutes):
    study, asked = imported(
        f'Client,DOB,Visit date,Status,{header}\n{ANN},01/05/2026,Completed,"{cells[0]}"\n'
        f'{ANN},01/16/2026,Completed,"{cells[1]}"\n'
    )
    assert not asked
    assert study.sessions["minutes"].tolist() == minutes


def test_a_clock_of_twelve_hours_that_passes_noon(imported):
    study, _ = imported(
        f"Client,DOB,Visit date,In,Out,Status\n{ANN},01/05/2026,12:30,1:30,Completed\n"
        f"{ANN},01/16/2026,9:15,10:00,Completed\n{ANN},01/23/2026,23:30,0:15,Completed\n"
    )
    assert study.sessions["minutes"].tolist() == [60, 45, 45]


@pytest.mark.parametrize(
    ("head", "weeks"),
    [("nprs_baseline,nprs_week4,nprs_week12", 7), ("Pain at start,Pain 4 weeks,Pain wk 12", 7),
     ("Pain week 0,Pain week 4,Pain week 12", 7), ("Pain start,Pain 4 months,Pain month 12", 30.4)],
)  # fmt: skip
def test_scores_of_later_weeks_beside_each_other(imported, head, weeks):
    study, asked = imported(
        f"Name,DOB,Start date,{head}\n{ANN},01/05/2026,7,5,3\n{BOB},01/16/2026,6,4,\n"
    )
    assert not asked
    told = study.assessments.sort_values(["episode_id", "day"])
    own = told.groupby("episode_id")[["timing", "score"]].agg(list).to_numpy().tolist()
    later = ["follow_up"]
    assert sorted(own) == [[["baseline", *later], [6, 4]], [["baseline", *later, *later],
                                                           [7, 5, 3]]]  # fmt: skip
    days = sorted(set(told["day"]))
    assert days == pytest.approx([0, 4 * weeks, 12 * weeks], abs=1)
    assert study.sessions.empty


def test_a_later_week_beside_visits_is_no_score_of_them(imported):
    study, asked = imported(
        f"Name,DOB,Visit date,Status,nprs_week4\n{ANN},01/05/2026,Attended,3\n"
        f"{ANN},01/16/2026,Attended,3\n"
    )
    assert not asked
    assert study.assessments.empty


@pytest.mark.parametrize("head", ["Visit 1,Visit 2", "First visit,Second visit", "1st,2nd"])
def test_days_of_visits_beside_each_other(imported, head):
    study, _ = imported(
        f"Client,DOB,{head}\n{ANN},01/05/2026,01/19/2026\n{BOB},01/16/2026,01/20/2026\n"
    )
    assert days(study) == [[0, 4], [0, 14]]


def test_days_above_the_rows_of_a_day(imported):
    text = (
        'Client,Minutes,Pain before\n"Monday, January 5, 2026",,\nAnn Lee,60,7\nBob Ray,45,6\n'
        '"Monday, January 12, 2026",,\nAnn Lee,60,6\nBob Ray,30,5\n'
    )
    study, asked = imported(text)
    assert not asked
    assert visits(study) == [[[0, 45, 6], [7, 30, 5]], [[0, 60, 7], [7, 60, 6]]]


def test_a_day_in_a_column_of_its_own_above_its_rows_is_asked_about(imported):
    study, asked = imported(
        "Date,Client,Minutes,Pain before\n01/15/2026,,,\n,Ann Lee,60,7\n,Bob Ray,45,6\n"
        "01/22/2026,,,\n,Ann Lee,60,6\n,Bob Ray,30,5\n"
    )
    assert asked["file.fill_down"] == ["Date"]
    assert visits(study) == [[[0, 45, 6], [7, 30, 5]], [[0, 60, 7], [7, 60, 6]]]


@pytest.mark.parametrize("head", [("01/05/2026", "01/16/2026"), ("Jan 5, 2026", "Jan 16, 2026")])
@pytest.mark.parametrize("last", ["5", ""])
def test_a_column_for_each_day_becomes_a_row_for_each_visit(imported, head, last):
    named = ",".join(f'"{day}"' for day in head)
    study, asked = imported(f"Pain\nClient,DOB,{named}\n{ANN},7,{last}\n{BOB},,6\n")
    assert asked["scores.nprs.pre_session"] == ["Score"]
    assert visits(study) == ([[[0, 6]], [[0, 7], [11, 5]]] if last else [[[0, 6]], [[0, 7]]])


def test_days_as_heads_between_semicolons(imported):
    study, _ = imported("Kunde;05.01.2026;16.01.2026;23.01.2026\nAnn Lee;7,5;;6\nBob Ray;;;5\n")
    assert visits(study) == [[[0, 5]], [[0, 7.5], [18, 6]]]


def test_scores_before_and_after_under_each_day(imported):
    study, _ = imported(
        "Client,DOB,2026-01-05 before,2026-01-05 after,2026-01-16 before,2026-01-16 after\n"
        f"{ANN},7,5,6,4\n{BOB},,,8,8\n"
    )
    assert visits(study) == [[[0, 7, 5], [11, 6, 4]], [[0, 8, 8]]]


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (
            ("moderate", "mild"),
            [f'values."nprs.pre_session".{one}' for one in ("moderate", "mild")],
        ),
        (("2026-07-10", "2026-05-10"), ["scores.nprs.pre_session"]),
    ],
)
def test_scores_in_words_or_made_days_by_a_spreadsheet_are_asked_about(imported, cells, keys):
    _, asked = imported(
        "Client,DOB,Visit date,Status,Pain before\n"
        f"{ANN},01/05/2026,Completed,{cells[0]}\n{ANN},01/16/2026,Completed,{cells[1]}\n"
    )
    assert list(asked) == keys
    assert asked.get("scores.nprs.pre_session", ["Pain before"]) == ["Pain before"]


def test_a_column_that_says_when_each_score_was_taken(imported):
    study, asked = imported(
        "Client,DOB,Date,Question,When,Answer\n"
        f"{ANN},01/15/2026,Pain,Before,7\n{ANN},01/15/2026,Pain,After,7\n"
    )
    assert not asked
    told = study.assessments[["timing", "score"]].to_numpy().tolist()
    assert told == [["pre_session", 7], ["post_session", 7]]


def test_rows_of_weeks_after_the_first_may_be_no_visits(imported):
    study, asked = imported(
        "Record ID,Event Name,Date of assessment,Pain (0-10)\n1,Week 0,2026-01-05,7\n"
        "1,Week 4,2026-02-02,5\n2,Week 0,2026-01-16,6\n2,Week 4,2026-02-13,4\n"
    )
    assert asked == {"study.rows": ["scores", "visits"]}
    assert study.sessions.empty
    assert sorted(study.assessments["score"]) == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("names", "n", "doubt"),
    [(("Robert Lee", "Roberta Lee", "Robert Lee", "Roberta Lee"), 2, True),
     (("Paul Lee", "Paul Lee", "Paula Lee", "Paula Lee"), 2, True),
     (("Katherine Lee", "Katharine Lee", "Katherine Lee", "Katharine Lee"), 2, True),
     (("Katherine Lee", "Katherine Lee", "Katharine Lee", "Katharine Lee"), 1, True),
     (("Ann Lee", "A. Lee", "Ann Lee", "Ann Lee"), 2, True)],
)  # fmt: skip
def test_two_of_a_household_and_one_of_two_spellings(imported, names, n, doubt):
    rows = "".join(f"{name},555-210-1000,2026-01-{day},6\n"
                   for name, day in zip(names, (15, 17, 22, 24), strict=True))  # fmt: skip
    study, _ = imported(f"Client,Phone,Visit date,Pain before\n{rows}")
    assert len(study.episodes) == n
    assert ("R24" in set(oc.check(study).table["rule"])) == doubt


def test_twins_of_one_telephone_are_in_doubt(imported):
    come = zip(("Anna", "Anne") * 2, (15, 17, 22, 24), strict=True)
    rows = "".join(f"{name} Lee,1950-02-03,555-210-1000,2026-01-{day},6\n" for name, day in come)
    study, _ = imported(f"Client,DOB,Phone,Visit date,Pain before\n{rows}")
    assert "R24" in set(oc.check(study).table["rule"])


def test_the_day_of_a_booking_that_is_not_read_is_no_finding(imported):
    study, _ = imported(f"{HEAD},Booked on\n{ANN},01/16/2026,Completed,7,60,01/02/2026\n")
    assert "R25" not in set(oc.check(study).table["rule"])


def test_before_and_after_in_two_rows_of_a_visit(imported):
    study, asked = imported(
        "Client,DOB,Date,Pre/Post,Pain\n"
        f"{ANN},01/15/2026,Pre,7/10\n{ANN},01/15/2026,Post,7/10\n"
        f"{ANN},01/22/2026,Pre,6/10\n{ANN},01/22/2026,Post,5/10\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 7], [7, 6, 5]]]


def test_what_an_unknown_status_speaks_of_is_offered_first(imported):
    _, asked = imported(
        "Client,DOB,Visit date,Status\n"
        f"{ANN},01/15/2026,Completed\n{ANN},01/22/2026,Completed (client no show)\n"
    )
    assert asked["values.status.Completed (client no show)"][0] == "no_show"


def test_notes_that_tell_pain_are_of_visits_once_the_rest_took_place(imported):
    study, _ = imported(
        f"Client,DOB,Date,SOAP\n{ANN},01/15/2026,S: pain 7/10. Pain after 5/10\n"
        f"{ANN},01/22/2026,did not show\n{ANN},01/29/2026,S: pain 6/10. Pain after 4/10\n"
        f"{ANN},02/05/2026,S: pain 5/10. Pain after 4/10\n"
    )
    assert visits(study) == [[[0, 7, 5], [14, 6, 4], [21, 5, 4]]]


def test_an_odd_item_among_massages_is_asked_about(imported):
    rows = "".join(f"{ANN},01/{day}/2026,60 min Massage,Completed\n" for day in range(13, 25))
    _, asked = imported(
        f"Client,DOB,Date,Item,Status\n{rows}{ANN},01/28/2026,Sunflower kit,Completed\n"
    )
    assert asked == {"values.service.Sunflower kit": ["left_out", "visit"]}


def test_start_and_end_may_be_written_in_two_ways(imported):
    study, _ = imported(
        "Client,DOB,Start,End,Status\n"
        f"{ANN},01/15/2026 09:00,15 Jan 2026 10:30,Completed\n"
        f"{ANN},01/22/2026 09:00,22 Jan 2026 09:45,Completed\n"
    )
    assert study.sessions["minutes"].tolist() == [90, 45]


def test_pain_when_somebody_arrived_is_a_score(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Status,Pain when you arrived (0-10)\n"
        f"{ANN},01/15/2026,Completed,7\n{ANN},01/22/2026,Completed,5\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7], [7, 5]]]


def test_family_name_under_name_beside_a_first_name_is_half_of_it(imported):
    study, asked = imported(
        "Name;Vorname;Datum;Schmerz vorher\nRoth;Anna;05.01.2026;7\nRoth;Otto;07.01.2026;3\n"
        "Roth;Anna;19.01.2026;6\n"
    )
    assert not asked
    assert days(study) == [[0], [0, 14]]


def test_moments_with_an_offset_hold_no_second_time(imported):
    study, _ = imported(
        "Client,DOB,Start,Status\n"
        + "".join(f"{ANN},2026-01-{day}T20:00:00-07:00,Completed\n" for day in ("05", "19"))
    )
    assert days(study) == [[0, 14]]
    assert study.sessions["minutes"].isna().all()


@pytest.mark.parametrize("status", ["", ",Status"])
def test_what_is_often_sold_beside_massages_is_asked_about(imported, status):
    came = ",Completed" if status else ""
    study, asked = imported(
        f"Date,Customer,Item{status}\n01/05/2026,Ann Lee,60-min Massage{came}\n"
        f"01/06/2026,Ann Lee,Biofreeze 4oz{came}\n01/19/2026,Ann Lee,90-min Massage{came}\n"
    )
    assert asked["values.service.Biofreeze 4oz"] == ["left_out", "visit"]
    assert study.sessions[["day", "minutes"]].to_numpy().tolist() == [[0, 60], [14, 90]]


def test_a_column_of_unknown_name_that_parts_scores_is_asked_about(imported):
    rows = "".join(f"{ANN},01/{day}/2026,{word},{pain}\n" for day, word, pain in (
        ("05", "OK", 7), ("12", "X", ""), ("19", "OK", 5), ("26", "X", "")))  # fmt: skip
    study, asked = imported(f"Client,DOB,Visit date,Mark,Pain before\n{rows}",
                            **{"values.status.X": "no_show"})  # fmt: skip
    assert asked["values.status.OK"][0] == "attended"
    assert asked["values.status.X"][0] == "left_out"
    assert study.sessions["status"].tolist() == ["attended", "no_show", "attended", "no_show"]


def test_who_comes_again_after_months_may_begin_a_new_course(imported):
    rows = "".join(f"{ANN},{day},7\n" for day in ("01/05/2025", "01/19/2025", "01/05/2026"))
    study, asked = imported(f"Client,DOB,Visit date,Pain before\n{rows}")
    assert asked == {"study.new_course_after_days": ["180"]}
    assert days(study) == [[0], [0, 14]]


def test_weeks_of_several_instruments_beside_each_other(imported):
    study, asked = imported(
        "Client,DOB,ndi_baseline,ndi_week4,nprs_baseline,nprs_week4\n"
        f"{ANN},44%,38%,7/10,5/10\n{BOB},30%,25%,8/10,\n"
    )
    assert not asked
    told = study.assessments.sort_values(["instrument", "timing", "score"])
    assert told[["instrument", "timing", "day", "score"]].to_numpy().tolist() == [
        ["ndi", "baseline", 0, 15], ["ndi", "baseline", 0, 22], ["ndi", "follow_up", 28, 12.5],
        ["ndi", "follow_up", 28, 19], ["nprs", "baseline", 0, 7], ["nprs", "baseline", 0, 8],
        ["nprs", "follow_up", 28, 5],
    ]  # fmt: skip


def test_percent_of_an_index_that_has_100_points_is_offered_first(imported):
    _, asked = imported(f"Client,DOB,odi_baseline,odi_week4\n{ANN},44,38\n{BOB},30,24\n")
    assert asked["scales.odi"] == ["100", "50"]


def test_words_of_pressure_that_no_scale_has_are_offered_the_nearest_level_first(imported):
    _, asked = imported(
        f"Client,DOB,Visit date,Pressure,Pain before\n{ANN},01/05/2026,very deep,7\n"
        f"{ANN},01/12/2026,firm,6\n"
    )
    assert [asked[f"values.pressure.{word}"][0] for word in ("very deep", "firm")] == ["5", "3"]


@pytest.mark.parametrize("cells", [("7/5", "6/3"), ('"7, 5"', '"6, 3"'), ("7 -> 5", "6 -> 3")])
def test_two_numbers_under_one_pain_are_asked_about(imported, cells):
    rows = "".join(
        f"{ANN},01/{day}/2026,{cell}\n" for day, cell in zip(("05", "19"), cells, strict=True)
    )
    study, asked = imported(f"Client,DOB,Visit date,Pain\n{rows}")
    assert asked == {"scores.nprs.pre_session": ["Pain"], "scores.nprs.post_session": ["Pain"]}
    assert visits(study) == [[[0, 7, 5], [14, 6, 3]]]


def test_days_under_an_unknown_head_ask_for_their_order(imported):
    study, asked = imported(
        "Client,DOB,Visit,Pain before\nAnn Lee,1950-02-03,05/01/2026,7\n"
        "Ann Lee,1950-02-03,09/01/2026,5\n", **{"file.dates": "%d/%m/%Y"}
    )  # fmt: skip
    assert set(asked) == {"columns.date", "file.dates"}
    assert days(study) == [[0, 4]]


def test_words_of_statuses_under_an_unknown_head_are_asked_about(imported):
    rows = f"{ANN},01/05/2026,Attended\n{ANN},01/12/2026,Cancelled\n"
    study, asked = imported(f"Client,DOB,Visit date,How it went\n{rows}")
    assert asked["values.status.Cancelled"][0] == "cancelled"
    assert study.sessions["status"].tolist() == ["attended", "cancelled"]


@pytest.mark.parametrize("identity", ["Subject ID", "Client"])
def test_an_arm_on_the_waiting_list_is_no_status(imported, identity):
    who = [f"S{i:03d}" if identity == "Subject ID" else f"Ann L{chr(97 + i)}e" for i in range(12)]
    rows = [f"{name},{('massage', 'waiting list')[i % 2]},2026-0{month}-05,{7 - month}\n"
            for i, name in enumerate(who) for month in (1, 2, 3)]  # fmt: skip
    study, asked = imported(f"{identity},Group,Visit date,Pain\n{''.join(rows)}")
    assert not any("status" in key for key in asked if key != "study.no_status")
    assert len(study.episodes) == 12
    assert len(study.sessions) == len(study.assessments) == 36  # no arm is left out


def test_the_words_of_an_arm_are_kept_and_the_control_is_asked_for(imported):
    rows = [f"S{i:03d},{('Massage', 'waiting list')[i % 2]},2026-0{month}-05,{7 - month}\n"
            for i in range(12) for month in (1, 2)]  # fmt: skip
    text = f"Subject ID,Study group,Visit date,Pain\n{''.join(rows)}"
    study, asked = imported(text, **{"study.control": "waiting list"})
    assert set(asked) == {"study.control"}
    assert set(asked["study.control"]) == {"Massage", "waiting list"}
    assert study.provenance.control in set(study.episodes["arm"])
    assert study.episodes["arm"].value_counts().tolist() == [6, 6]
    assert "R02" not in set(oc.check(study).table["rule"])


@pytest.mark.parametrize(("score", "is_error"), [("", False), ("5", True)])
def test_a_booking_in_an_export_without_status_is_no_mistake(tmp_path, score, is_error):
    place = tmp_path / "export.csv"
    rows = f"{ANN},01/05/2026,60,6\n{ANN},01/12/2026,60,5\n{ANN},12/30/2999,60,{score}\n"
    place.write_text(f"Client,DOB,Visit date,Minutes,Pain\n{rows}")
    columns = {**draft_map(place).content, "questions": []}
    columns["study"] = {"no_status": "attended"}
    study, _ = import_export(place, columns, tmp_path / "key.json", tmp_path / "study")
    assert len(study.sessions) == 2
    assert ("R49" in set(oc.check(study).table["rule"])) == is_error


def test_an_empty_status_that_means_attended_is_a_visit_whatever_else_is_written(imported):
    study, asked = imported(
        f"Client,DOB,Visit date,Status\n{ANN},01/05/2026,\n{ANN},01/12/2026,Cancelled\n"
    )
    assert asked["study.empty_status"][0] == "attended"  # nothing but absence is said
    assert study.sessions["status"].tolist() == ["attended", "cancelled"]


def test_hours_with_a_decimal_comma_are_minutes(imported):
    study, _ = imported(
        "Client;DOB;Visit date;Stunden;Schmerz vorher\nAnn Lee;03.02.1950;05.01.2026;1,5;7,5\n"
        "Ann Lee;03.02.1950;19.01.2026;0,5;6\n"
    )
    assert visits(study) == [[[0, 90, 7.5], [14, 30, 6]]]


def test_of_rival_days_the_births_are_offered_last(imported):
    _, asked = imported("Client;Data urodzenia;Data wizyty\nAnn Lee;03.02.1950;05.01.2026\n"
                        "Bob Ray;13.02.1960;16.01.2026\n")  # fmt: skip
    assert asked["columns.date"] == ["Data wizyty", "Data urodzenia"]


@pytest.mark.parametrize(
    "later", ["Ann Lee,02/03/1951,01/05/2026,Completed,6", "Ann Lee,02/03/1950,01/05/2026,Booked,"]
)
def test_namesakes_and_bookings_begin_no_new_course(imported, later):
    _, asked = imported(
        "Client,DOB,Visit date,Status,Pain before\nAnn Lee,02/03/1950,01/19/2025,Completed,7\n"
        f"Ann Lee,02/03/1950,01/26/2025,Completed,7\n{later}\n"
    )
    assert "study.new_course_after_days" not in asked


@pytest.mark.parametrize("cell", ["1/{}/2026: 7", "1/{}/2026 (7)", "Jan {}, 2026 - 7"])
def test_days_with_a_score_behind_them_are_refused_with_what_to_do(imported, cell):
    first, second = cell.format(5), cell.format(19)
    with pytest.raises(DataError, match=r"a day with a score behind it.*each score a column"):
        imported(f'Client,DOB,Visit 1,Visit 2\n{ANN},"{first}","{second}"\n{BOB},"{first}",\n')


@pytest.mark.parametrize(("name", "instrument"), registry().items())
def test_an_instrument_is_known_by_its_name_and_title(name, instrument):
    for header in (name, instrument.title):
        assert score_role(header)[0].place.split(".")[1] == name


@pytest.mark.quick(12)
@pytest.mark.parametrize(("header", "timing"), [
    ("Rate your pain today from 0 (none) to 10 (worst)", "now"),
    ("Before today's massage, how bad was your pain, where 0 is no pain and 10 is the worst pain "
     "imaginable?", "pre_session"), ("Pain 0 none, 10 worst after the session", "post_session"),
    ("On a scale of 0-10, with 10 being the worst, how is your pain today?", "now"),
    ("Quelle est votre douleur maintenant, 0 étant aucune et 10 la pire imaginable ?", "now"),
    ("Schmerzen vorher, 0 (keine) bis 10 (stärkste vorstellbare)", "pre_session"),
    ("Pain 0-10 (worst 24h)", None), ("Pain 0-10 (worst)", None), ("Pain (avg)", None),
    ("Stärkster Schmerz (24 h)", None), ("Pire douleur", None), ("Dolor promedio", None),
])  # fmt: skip
def test_the_worst_of_a_scale_is_not_the_worst_of_a_week(header, timing):
    roles = [role.place.removeprefix("scores.nprs.") for role in score_role(header)]
    assert roles == ([] if timing is None else [timing])


def rows_with(study, rule):
    return sum(f.count for f in oc.check(study).items if f.rule == rule)


def test_a_header_that_says_utc_asks_for_the_zone_of_the_clinic(imported):
    study, asked = imported(
        "Name,DOB,Pain before,Submit Date (UTC)\nAnn Lee,1950-02-03,7,2026-01-06 02:30:00\n"
        "Ann Lee,1950-02-03,5,2026-01-12 18:00:00\n",
        **{"file.time_zone": "America/Denver", "study.rows": "visits"},
    )
    assert "file.time_zone" in asked
    assert days(study) == [[0, 7]]  # 5 January in Denver, and 12


def test_start_and_end_in_world_time_give_the_day_and_the_minutes(imported):
    study, asked = imported(
        "Client,DOB,Start (UTC),End (UTC),Status\n"
        f"{BOB},2026-01-06 02:30,2026-01-06 03:15,Attended\n"
        f"{BOB},2026-01-13 18:00,2026-01-13 19:00,Attended\n",
        **{"file.time_zone": "America/Phoenix"},
    )
    assert [*asked] == ["file.time_zone"]
    assert (days(study), study.sessions["minutes"].tolist()) == ([[0, 8]], [45, 60])


@pytest.mark.quick(5)
@pytest.mark.parametrize(
    ("header", "rows", "minutes"),
    [
        ("Date (UTC),Time (UTC)", ["2026-01-06,02:30", "2026-01-13,18:00"], []),
        ("Date (UTC),Time", ["01/16/2026,2:30 AM", "01/23/2026,6:00 PM"], []),
        ("Date (UTC),Start (UTC),End (UTC)",
         ["2026-01-06,02:30,03:15", "2026-01-13,18:00,19:00"], [45, 60]),
        ("Start (UTC),End (UTC)", ["2026-01-06 02:30,03:15", "2026-01-13 18:00,19:00"], [45, 60]),
        ("Date (UTC),Time (UTC)", ["2026-01-06 00:00,02:30Z", "2026-01-13 00:00,18:00Z"], []),
        ("Date,Time", ["2026-01-06,02:30Z", "2026-01-13,18:00Z"], []),
        ("Date,Start,End", ["2026-01-06,02:30 UTC,03:15 UTC", "2026-01-13,18:00 UTC,19:00 UTC"],
         [45, 60]),
        ("Start", ["2026-01-06 02:30:00 UTC", "2026-01-13 18:00:00 UTC"], []),
        ("Start", ["2026-01-06 02:30:00 +0000", "2026-01-13 18:00:00 +0000"], []),
        ("Start (UTC),End", ["2026-01-06 02:30,2026-01-05 20:15",  # the end of the clinic's clock
                             "2026-01-13 18:00,2026-01-13 12:00"], [45, 60]),
    ],
)  # fmt: skip
def test_a_day_of_world_time_is_that_of_date_and_clock(imported, header, rows, minutes):
    text = f"Client,DOB,{header},Status\n" + "".join(f"{BOB},{row},Attended\n" for row in rows)
    study, asked = imported(text, **{"file.time_zone": "America/Denver"})
    assert [*asked] == ["file.time_zone"]
    assert days(study) == [[0, 8]]
    assert study.sessions["minutes"].dropna().tolist() == minutes


@pytest.mark.parametrize(("header", "born", "cells"), [
    ("Start", "1960-02-03", ["2026-01-06T00:00:00Z", "2026-01-13T00:00:00.000Z"]),
    ("Date (UTC)", "1960-02-03", ["2026-01-06 00:00", "2026-01-13 00:00"]),
    ("Start", "1960-02-03T00:00:00Z", ["2026-01-06T18:00Z", "2026-01-13T18:00Z"]),
])  # fmt: skip
def test_days_that_a_program_wrote_as_midnight_of_world_time_are_days(
    imported, header, born, cells
):
    text = f"Client,DOB,{header},Status\n" + "".join(
        f"Bob Ray,{born},{cell},Attended\n" for cell in cells)  # fmt: skip
    study, _ = imported(text, **{"file.time_zone": "America/Denver"})
    assert days(study) == [[0, 7]]
    assert rows_with(study, "R44") == 0


def test_a_moment_that_no_calendar_has_is_a_finding(imported):
    study, _ = imported(
        f"Client,DOB,Start,Status\n{BOB},2026-01-06T18:00Z,Attended\n"
        f"{BOB},2026-13-45T25:61:00Z,Attended\n", **{"file.time_zone": "America/Denver"},
    )  # fmt: skip
    assert (days(study), rows_with(study, "R21")) == ([[0]], 1)


def test_visits_of_one_day_stand_in_the_order_of_the_clinics_clock(imported):
    study, _ = imported(
        "Client,DOB,Date (UTC),Time (UTC),Status,Pain before\n"
        f"{BOB},2026-01-07,00:30,Attended,3\n{BOB},2026-01-06,18:00,Attended,8\n",
        **{"file.time_zone": "America/Denver"},
    )
    assert (days(study), study.assessments["score"].tolist()) == ([[0, 0]], [8, 3])


@pytest.mark.parametrize("written", ["mié 14/01/2026", "mer. 14/01/2026", "Mi 14.01.2026",
                                     "Wednesday, 14/01/2026", "Wed 14/01/26"])  # fmt: skip
def test_a_day_of_the_week_before_a_date_of_numbers(imported, written):
    study, _ = imported(f'Client,DOB,Date,Status\n{ANN},"{written}",Completed\n')
    assert len(study.sessions) == 1


def test_an_open_order_of_births_is_asked_of_births_alone(imported):
    study, asked = imported(f"Client,DOB,Date,Status\n{ANN},14.01.2026,Completed\n")
    assert [*asked] == ["file.dates_of.DOB"]
    assert (len(study.sessions), study.episodes["age_band"].tolist()) == (1, ["70-79"])


@pytest.mark.parametrize(
    ("cells", "n_found"),
    [
        (["01/13", "01/14", "02/01", "02/03", "02/16", "02/17", "02/18", "02/19"], 0),
        (["01/13", "01/14", "01/02", "03/02", "02/16", "02/17", "02/18", "02/19"], 2),
        (["02/19", "02/18", "02/17", "02/16", "03/02", "01/02", "01/14", "01/13"], 2),
        (["02/19", "01/14", "02/13", "01/15", "03/02", "01/02", "01/14", "01/13"], 0),
    ],
)  # fmt: skip
def test_a_day_exchanged_with_its_month_stands_out_of_the_order_of_rows(imported, cells, n_found):
    names = ("Ann", "Bob", "Cyd", "Dan", "Eve", "Flo", "Gus", "Hal")
    rows = [f"{name} Lee,1950-02-03,{cell}/2026,Completed,7\n"
            for name, cell in zip(names, cells, strict=True)]  # fmt: skip
    study, _ = imported("Client,DOB,Visit date,Status,Pain before\n" + "".join(rows))
    assert rows_with(study, "R69") == n_found


def test_a_day_of_the_week_that_contradicts_the_date_is_found(imported):
    rows = "".join(f"Ann Lee,1950-02-03,{day:02d}.01.2026,{name},7\n" for day, name in enumerate(
        ("Do", "Fr", "Sa", "So", "Mo", "Di", "Mi", "Do", "Freitag", "Samstag", "Sonntag", "Montag",
         "Dienstag", "Mittwoch", "Donnerstag"), start=1))  # fmt: skip
    text = f"Name,Geburtsdatum,Datum,Wochentag,Schmerz vorher\n{rows}"
    study, _ = imported(text)
    assert rows_with(study, "R69") == 0
    study, _ = imported(text.replace("09.01.2026", "01.09.2025"))
    assert rows_with(study, "R69") == 1


def test_boxes_under_days_of_the_week_are_refused_and_under_conditions_are_read(imported):
    with pytest.raises(DataError, match="a column for each day of the week"):
        imported("Client,Week of,Mon,Tue,Wed,Thu\nAnn Lee,01/05/2026,x,,x,\n")
    study, asked = imported(
        "Client,DOB,Visit date,Status,Low back,Legs,Neck,Pain before\n"
        f"{ANN},01/15/2026,Completed,x,,,7\nBo Ray,03/04/1960,01/16/2026,Completed,,,TRUE,5\n"
        "Cy Poe,03/04/1960,01/16/2026,Completed,no,x,false,5\n",
        **{"values.condition.Legs": "sciatica"},
    )
    assert [*asked] == ["values.condition.Legs"]
    assert sorted(study.episodes["condition"]) == ["low_back", "neck_other", "sciatica"]


@pytest.mark.parametrize(
    ("header", "cell"), [("Knee flexion L active", "105"), ("Kniebeugung, Beugung", "105°"),
                         ("Knee flexion (L/R)", "105/95")])  # fmt: skip
def test_a_column_of_degrees_is_asked_about(imported, header, cell):
    study, asked = imported(
        f'Client,DOB,Visit date,Status,"{header}"\n{ANN},01/15/2026,Seen,{cell}\n'
    )
    assert asked == {"scores.rom.pre_session": [header]}
    assert study.assessments[["instrument", "score"]].to_numpy().tolist() == [["rom", 105]]


def test_what_stands_beside_numbers_in_other_programs_is_read(imported):
    study, asked = imported(
        "Client,Phone,Age,Appt,Slot,Status,Touch,VAS before (mm)\n"
        "Ann Lee,555-0134,45 yrs,Thu 1/15/26 @ 9:15a,9:15-10:00,Seen,P3,80 mm\n"
        "Ann Lee,555-0177,60 y/o,Fri 1/16/26 @ 12:45p,12:45-1:15,Seen,P2,70 mm\n"
    )
    assert [*asked] == ["values.pressure.P3", "values.pressure.P2"]
    assert sorted(study.episodes["age_band"]) == ["40-49", "60-69"]  # two of one name
    assert sorted(study.sessions["minutes"]) == [30, 45]
    assert sorted(study.sessions["pressure"]) == [2, 3]
    assert sorted(study.assessments["score"]) == [70, 80]


def test_a_time_of_day_behind_a_date_as_germans_write_it(imported):
    study, asked = imported("Name;Geb;Datum;Status;Schmerz vorher\nAnn Lee;13.02.1950;"
                            "Do 15.01.2026, 09.15 Uhr;erschienen;7\n")  # fmt: skip
    assert (len(study.sessions), asked) == (1, {})


def test_a_second_line_tells_columns_of_one_name_apart(imported):
    study, asked = imported(
        "Client,DOB,Appt,Appt,Status,NPRS,NPRS\n,,date,time,,in,out\n"
        f"{ANN},01/15/2026,9:15 AM,Completed,7,4\n{ANN},01/22/2026,9:15 AM,Completed,5,3\n"
    )
    assert asked == {}
    assert study.assessments["score"].tolist() == [7, 4, 5, 3]


def test_visits_in_two_locations_are_no_error(imported):
    study, _ = imported(
        f"Client,DOB,Date,Location,Status\n{ANN},01/15/2026,East,Completed\n"
        f"{ANN},01/22/2026,West,Completed\n"
    )
    assert oc.check(study).ok
    assert rows_with(study, "R70") == 1


@pytest.mark.parametrize(
    ("head", "words"),
    [("Canceled", ("", "Canceled", "No-Show")), ("No show", ("no", "Cancelled", "yes")),
     ("Cancelled?", ("No", "Late cancel", "Did not attend"))],
)  # fmt: skip
def test_a_mark_of_missed_visits_may_hold_words_of_statuses(imported, head, words):
    study, asked = imported(
        f"Client,DOB,Visit date,{head},Pain before\n{ANN},01/05/2026,{words[0]},7\n"
        f"{ANN},01/16/2026,{words[1]},\n{ANN},01/23/2026,{words[2]},\n{BOB},01/06/2026,,6\n"
    )
    assert not asked
    told = study.sessions.sort_values("day")["status"].tolist()
    assert told == ["attended", "attended", "cancelled", "no_show"]
    assert study.sessions["session"].notna().sum() == 2


def test_a_word_under_a_mark_that_nothing_reads_stops_the_import(imported):
    study, _ = imported(
        f"Client,DOB,Visit date,Cancelled,Pain before\n{ANN},01/05/2026,no,7\n"
        f"{ANN},01/16/2026,yes,\n{ANN},01/23/2026,Lake house,\n"
    )
    assert rows_with(study, "R46") == 1
    assert study.sessions["session"].notna().sum() == 1


@pytest.mark.parametrize("heads", [
    [f"NDI {i}" for i in range(1, 11)], [f"NDI_Q{i}" for i in range(1, 11)],
    ["Pain intensity", "Personal care", "Lifting", "Reading", "Headaches", "Concentration", "Work",
     "Driving", "Sleeping", "Recreation"],
])  # fmt: skip
def test_items_of_a_questionnaire_add_up_by_its_rule(imported, heads):
    """The Neck Disability Index adds ten items of 0 to 5; 8 of 10 answered count as 10 * 3 / 8."""
    items = ["3,2,1,0,5,4,3,2,1,0", "3,3,3,3,3,3,3,3,,", "3,,,,,,,,,"]
    study, asked = imported(f"Client,DOB,Visit date,Minutes,{','.join(heads)}\n" + "".join(
        f"{ANN},01/{day}/2026,60,{own}\n"
        for day, own in zip(("05", "16", "23"), items, strict=True)
    ))  # fmt: skip
    assert [*asked] == ["study.no_status"]
    told = study.assessments[["instrument", "timing", "day", "score"]]
    assert [*told.itertuples(index=False, name=None)] == [
        ("ndi", "pre_session", 0, 21), ("ndi", "pre_session", 11, 30)]  # fmt: skip


@pytest.mark.parametrize("total", ["NDI total", "NDI"])
def test_a_stated_total_counts_and_not_its_items(imported, total):
    heads = ",".join(f"NDI {i}" for i in range(1, 11))
    study, _ = imported(f"Client,DOB,Visit date,{heads},{total}\n{ANN},01/05/2026,"
                        f"3,2,1,0,5,4,3,2,1,0,21\n{BOB},01/16/2026,{'1,' * 10}11\n")  # fmt: skip
    assert sorted(study.assessments["score"]) == [11, 21]


def test_parts_of_a_questionnaire_that_is_not_whole_are_no_scores(imported):
    """Pain intensity among its sections is an item of 0 to 5, and no pain of 0 to 10."""
    study, _ = imported(
        "Client,DOB,Visit date,Minutes,Pain intensity,Personal care,Lifting,Reading,Headaches,"
        f"Concentration,Work\n{ANN},01/05/2026,60,3,2,1,0,5,4,3\n"
        f"{BOB},01/16/2026,60,1,1,1,1,1,1,1\n"
    )
    assert study.assessments.empty


@pytest.mark.parametrize(
    ("cell", "script"),
    [("2x/wk x 6 wks, 45 min", [2, 45, 6]), ("MT 1 time per week for 8 weeks, 60-min", [1, 60, 8]),
     ("2x wöchentlich, 30 Min.", [2, 30, None]),
     ("3 séances par semaine, 4 semaines", [3, None, 4]),
     ("2 veces por semana", [2, None, None]), ("12 visits, 45 min", [None, 45, None])],
)  # fmt: skip
def test_a_script_in_words(imported, cell, script):
    study, _ = imported("Client,DOB,Visit date,Prescription,Pain before\n"
                        f'{ANN},01/05/2026,"{cell}",7\n{BOB},01/16/2026,"{cell}",6\n')  # fmt: skip
    told = study.episodes[["sessions_per_week", "minutes", "weeks"]].iloc[0]
    assert [None if one != one else one for one in told] == script
    assert rows_with(study, "R02") == 0


def test_a_script_of_a_range_is_not_read_and_said(imported):
    cells = ["1-2x/wk, 60 min", "2x/wk, 60 min", "2 visits a week"]
    study, _ = imported("Client,DOB,Visit date,Rx,Pain before\n" + "".join(
        f'{who},01/16/2026,"{cell}",7\n' for who, cell in zip(
            (ANN, BOB, "Cy Fay,04/15/1970"), cells, strict=True)))  # fmt: skip
    assert sorted(study.episodes["sessions_per_week"].dropna()) == [2, 2]
    assert rows_with(study, "R02") == 1


def test_goals_are_no_scores(imported):
    study, _ = imported(
        "Client,DOB,Visit date,Pain before,Pain goal (0-10),Goal met?\n"
        f"{ANN},01/05/2026,7,3,no\n{ANN},01/16/2026,5,3,no\n{BOB},01/16/2026,6,2,no\n"
    )
    assert sorted(study.goals[["instrument", "target"]].itertuples(index=False, name=None)) == [
        ("nprs", 2), ("nprs", 3)]  # fmt: skip
    assert sorted(study.assessments["score"]) == [5, 6, 7]


@pytest.mark.parametrize(("answer", "arms"), [("Group", ["Massage", "Usual care"]), (False, [])])
def test_a_group_may_be_an_arm(imported, answer, arms):
    people = [ANN, BOB, "Cy Fay,04/15/1970", "Di Orr,05/16/1980"]
    study, asked = imported("Client,DOB,Visit date,Pain before,Group\n" + "".join(
        f"{who},01/{day}/2026,7,{'Massage' if i % 2 else 'Usual care'}\n"
        for i, who in enumerate(people) for day in ("05", "16")),
        **{"columns.arm": answer, "study.control": answer and "Usual care"})  # fmt: skip
    assert {*asked} == {"columns.arm", "study.control"}
    assert sorted(study.episodes["arm"].dropna().unique()) == arms


@pytest.mark.parametrize(
    ("head", "cells", "minutes"),
    [("Sesion", ("45'", "60'"), [45, 60]), ("Appt", ("½ hr", "1½ hr"), [30, 90]),
     ("What", ("1/2 hour", "1 1/2 hours"), [30, 90]), ("Massage", ("60min", "90min"), [60, 90])],
)  # fmt: skip
def test_lengths_under_a_head_that_does_not_say_so_are_asked_about(imported, head, cells, minutes):
    study, asked = imported(f"Client,DOB,Visit date,{head},Pain before\n"
                            f"{ANN},01/05/2026,{cells[0]},7\n"
                            f"{ANN},01/16/2026,{cells[1]},6\n")  # fmt: skip
    assert asked == {"columns.sessions.minutes": [head]}
    assert study.sessions["minutes"].tolist() == minutes


@pytest.mark.parametrize("answer", ["Therapist", False])
def test_names_above_rows_that_name_clients_may_be_of_therapists(imported, answer):
    study, asked = imported(
        f"Date,Client,DOB,Pain before\nZoe Dietrich,,,\n01/05/2026,{ANN},7\n"
        f"01/16/2026,{BOB},6\nSubtotal,,,2\nMax Tindall,,,\n01/23/2026,{ANN},5\nGrand total,,,3\n",
        **{"columns.sessions.therapist_id": answer},
    )
    assert "columns.sessions.therapist_id" in asked
    assert visits(study) == [[[0, 6]], [[0, 7], [18, 5]]]
    assert study.sessions["therapist_id"].nunique() == (2 if answer else 0)


@pytest.mark.parametrize(
    ("heads", "cells", "scores"),
    [("Before,After", "NPRS 7,NPRS 5", [("nprs", 5), ("nprs", 7)]),
     ("Pain before,Pain after", "VAS 65/100,VAS 40/100", [("vas", 40), ("vas", 65)]),
     ("VAS pre,VAS post", "6.5 cm,4.0 cm", [("nprs", 4), ("nprs", 6.5)]),
     ("Pain when you came in,Pain when you left", "7,5", [("nprs", 5), ("nprs", 7)]),
     ("Pain now before we start,Pain now that we are done", "7,5", [("nprs", 5), ("nprs", 7)])],
)  # fmt: skip
def test_scores_with_what_they_are_of_in_the_cell(imported, heads, cells, scores):
    study, _ = imported(f"Client,DOB,Visit date,{heads}\n{ANN},01/05/2026,{cells}\n")
    told = study.assessments[["instrument", "score"]].itertuples(index=False, name=None)
    assert sorted(told) == scores


def test_pain_of_no_stated_time_beside_pain_before_is_asked_about(imported):
    study, asked = imported(f"Client,DOB,Visit date,Pain before,Pain\n{ANN},01/15/2026,7,5\n",
                            **{"scores.nprs.post_session": False})  # fmt: skip
    assert asked == {"scores.nprs.post_session": ["Pain"]}
    assert study.assessments["score"].tolist() == [7]


@pytest.mark.parametrize("heads", [("Nom de naissance", "Prénom", "Date de naissance"),
                                   ("First and last name", "Unused", "DOB")])  # fmt: skip
def test_a_name_at_birth_is_no_birth_date(imported, heads):
    study, _ = imported(f"{','.join(heads)},Visit date,Pain before\n"
                        "Lee,Ann,02/13/1950,01/05/2026,7\n"
                        "Ray,Ann,02/13/1960,01/16/2026,6\n")  # fmt: skip
    assert sorted(study.episodes["age_band"]) == ["60-69", "70-79"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [({}, [[0, 60], [7, 45]]), ({"minutes.of_lines": "longest"}, [[0, 30], [7, 45]]),
     ({"study.one_visit": "line"}, [[0, 30], [0, 30], [7, 45]])],
)  # fmt: skip
@pytest.mark.parametrize("times", [("9:00 AM", "9:30 AM"), ("", "")])
def test_lines_of_a_day_one_after_the_other_are_asked_about(imported, answers, expected, times):
    first, second = times
    study, asked = imported(
        f"Client,DOB,Date,Time,Status,Service,Minutes\n{ANN},01/16/2026,{first},Completed,Swedish,30\n"
        f"{ANN},01/16/2026,{second},Completed,Deep tissue,30\n"
        f"{ANN},01/23/2026,1:00 PM,Completed,Swedish,45\n",
        **answers,
    )
    assert asked == {"study.one_visit": ["day", "line"], "minutes.of_lines": ["sum", "longest"]}
    assert visits(study) == [expected]


@pytest.mark.parametrize("sheets", [("Selma", "Joaquin"), ("Selma Dietrich", "J. Abreu")])
def test_sheets_may_be_called_after_who_treats(tmp_path, sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for i, name in enumerate(sheets):
        sheet = book.create_sheet(name)
        sheet.append(["Client", "DOB", "Date", "Pain before"])
        sheet.append([f"Ann Lee{'dale' * i}", "1950-02-13", f"2026-01-{15 + i}", 7])
    book.save(tmp_path / "x.xlsx")
    draft = draft_map(tmp_path / "x.xlsx")
    key = "columns.sessions.therapist_id"
    assert {question["key"]: question["candidates"] for question in draft.questions}[key] == [
        "Sheet"
    ]
    study, _ = import_export(tmp_path / "x.xlsx", draft.answered(key, "Sheet").content,
                             tmp_path / "key.json")  # fmt: skip
    assert study.sessions["therapist_id"].nunique() == 2


def test_months_as_sheets_are_nobody(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "January"
    for i, sheet in enumerate((book.active, book.create_sheet("März"))):
        sheet.append(["Client", "DOB", "Date", "Pain before"])
        sheet.append(["Ann Lee", "1950-02-13", f"2026-01-{15 + i}", 7])
    book.save(tmp_path / "x.xlsx")
    assert not draft_map(tmp_path / "x.xlsx").questions


def test_a_time_with_the_letters_of_its_zone_is_a_time(imported):
    study, _ = imported(
        "Client,DOB,Start,End,Pain before\nAnn Lee,1950-02-13,2026-01-15 9:00 AM EST,"
        "2026-01-15 10:00 AM EST,7\nAnn Lee,1950-02-13,2026-07-15 23:30 CEST,"
        "2026-07-16 00:15 CEST,6\n",
        **{"study.new_course_after_days": False},
    )
    assert study.sessions["minutes"].tolist() == [60, 45]


def test_the_day_before_and_the_day_after_a_visit_are_not_its_day(imported):
    study, _ = imported(
        f"Client,DOB,Last visit,This visit,Next visit,Pain before\n{ANN},,01/16/2026,01/23/2026,7\n"
        f"{ANN},01/16/2026,01/23/2026,,6\n"
    )
    assert visits(study) == [[[0, 7], [7, 6]]]


@pytest.mark.parametrize(("answer", "n_visits"), [("scores", 0), ("visits", 2)])
@pytest.mark.parametrize(
    "head", ["Initial {},Discharge {}", "First {},Last {}", "Baseline {},Final {}"]
)
def test_a_first_and_a_last_time_beside_each_other(imported, head, answer, n_visits):
    """The last score is of its own day, and never one after the first visit."""
    study, asked = imported(
        f"Client,DOB,{head.format('date', 'date')},{head.format('pain', 'pain')}\n"
        f"{ANN},01/05/2026,02/16/2026,7,3\n", **{"study.rows": answer},
    )  # fmt: skip
    assert asked["study.rows"] == ["scores", "visits"]
    told = study.assessments[["day", "score"]].itertuples(index=False, name=None)
    assert sorted(told) == [(0, 7), (42, 3)]
    assert study.sessions["session"].notna().sum() == n_visits
    assert "post_session" not in {*study.assessments["timing"]}


@pytest.mark.parametrize(("chosen", "score"), [("Oswestry raw (0-50)", 42), ("Oswestry %", 44)])
def test_each_of_several_columns_of_an_index_is_on_its_own_scale(imported, chosen, score):
    study, asked = imported(
        "Client,DOB,Visit date,Status,Oswestry raw (0-50),Oswestry %\n"
        f"{ANN},01/16/2026,Completed,21,44%\n",
        **{"scores.odi.pre_session": chosen, "scores.odi.post_session": False},
    )  # fmt: skip
    assert "scores.odi.pre_session" in asked
    assert study.assessments["score"].tolist() == [score]


def test_none_among_scores_is_asked_about_and_so_are_minutes_of_two_kinds(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Status,Booked min,Actual min,Pain before\n"
        f"{ANN},01/16/2026,Completed,90,45,7\n{ANN},01/19/2026,Cancelled,90,,\n"
        f"{ANN},01/23/2026,Completed,90,60,None\n",
        **{"columns.sessions.minutes": "Actual min", 'values."nprs.pre_session".None': "0"},
    )
    assert asked["columns.sessions.minutes"] == ["Booked min", "Actual min"]
    assert study.assessments["score"].tolist() == [7, 0]
    received = study.sessions[study.sessions["session"].notna()]
    assert received["minutes"].tolist() == [45, 60]


def test_points_of_a_maximum_one_below_another(imported):
    study, asked = imported(
        f"Client,DOB,Visit date,Measure,Score,Status\n{ANN},01/16/2026,NDI,20/50,Completed\n"
        f"{ANN},01/16/2026,NPRS,7/10,Completed\n{BOB},01/16/2026,NDI,9,Completed\n",
        **{"scales.ndi": "50"},
    )
    assert not [key for key in asked if key.startswith("values")]
    assert sorted(study.assessments["score"]) == [7, 9, 20]


@pytest.mark.parametrize(
    ("header", "name"),
    [("QuickDASH", "quickdash"), ("Quick DASH score", "quickdash"), ("HIT6", "hit-6"),
     ("Oswestry", "odi"), ("Roland Morris", "rmdq"), ("PROMIS Physical Function", "promis-pf")],
)  # fmt: skip
def test_an_instrument_is_known_by_what_people_call_it(header, name):
    assert [role.place.split(".")[1] for role in score_role(header)] == [name]


@pytest.mark.parametrize(
    ("words", "asks"), [(("Light", "Medium", "Deep"), ["deep"]), (("Strong", "Medium", "Deep"), [])]
)
def test_deep_is_asked_about_where_no_strong_stands_beside_it(imported, words, asks):
    """What most clients call deep is the scale's strong, 4; its own deep is 5."""
    study, asked = imported("Client,DOB,Visit date,Pressure,Pain before\n" + "".join(
        f"{ANN},01/{15 + i}/2026,{word},7\n" for i, word in enumerate(words)),
        **{"values.pressure.deep": "4"})  # fmt: skip
    assert [*asked] == [f"values.pressure.{word}" for word in asks]
    assert study.sessions["pressure"].max() == (4 if asks else 5)


def test_days_without_a_year_at_the_heads_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "x.csv").write_text("Client,1/5,1/16,1/23\nAnn Lee,7,6,5\n")
    with pytest.raises(DataError, match="days without one at the heads"):
        draft_map(tmp_path / "x.csv")


def test_the_remedy_for_a_word_of_an_arm_names_a_word(imported):
    study, _ = imported(
        f"Client,DOB,Visit date,Pain before,Study group\n{ANN},01/16/2026,7,massage\n"
        f"{BOB},01/16/2026,6,Bob Ray's\n"
    )
    told = oc.check(study).table.set_index("rule")["remedy"]
    assert '[values."episodes.arm"] of the column map what it becomes: "massage"' in told["R02"]


@pytest.mark.parametrize(
    ("head", "rows"),
    [("Month,Day,Year", ("1,5,2026", "1,12,2026")), ("Year,Month,Day", ("2026,Jan,5",
      "2026,January,12")), ("Tag,Monat,Jahr", ("5,Januar,2026", "12,1,2026")),
     ("Visit month,Visit day,Visit year", ("01,05,2026", "01,12,2026"))],
)  # fmt: skip
def test_a_date_in_three_columns(imported, head, rows):
    text = "".join(
        f"Ann Lee,2,3,1950,{row},{pain}\n" for row, pain in zip(rows, (7, 6), strict=True)
    )
    study, asked = imported(
        f"Client,Birth month,Birth day,Birth year,{head},Pain before\n{text}"
        f"Ann Lee,3,3,1960,{rows[0]},8\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7], [7, 6]], [[0, 8]]]
    assert sorted(study.episodes["age_band"]) == ["60-69", "70-79"]


@pytest.mark.parametrize("mark", ["; ", " | ", ", ", "\n"])
def test_all_visits_of_a_patient_in_one_cell(imported, mark):
    rows = f'"Lee, Ann","01/15/2026{mark}01/22/2026","7{mark}6","5{mark}4",neck\n'
    study, asked = imported(
        f"Client,Visit dates,Pain before,Pain after,Condition\n{rows}Bob Ray,01/16/2026,8,6,neck\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 5], [7, 6, 4]], [[0, 8, 6]]]


@pytest.mark.parametrize("cells", ["7", "7; 6"])
def test_a_score_that_several_days_share_is_not_copied_to_each(tmp_path, cells):
    place = tmp_path / "x.csv"
    place.write_text(
        "Client,Visit dates,Pain before\nAnn Lee,01/15/2026; 01/22/2026; 01/29/2026,"
        f"{cells}\nBob Ray,01/16/2026; 01/23/2026,8\n", "utf-8",
    )  # fmt: skip
    rows, file = rows_of_export(place, None)
    assert len(rows.cells) == 2
    assert "split" not in file


def test_cells_of_several_visits_that_differ_in_number_are_refused(tmp_path):
    head = "Client,DOB,Visit dates,Pain before\n"
    columns = {"identifiers": {"name": "Client"}, "columns": {"date": "Visit dates"}, "file": {
        "split": ["Visit dates", "Pain before"], "dates": ["%m/%d/%Y"]}}  # fmt: skip
    place = tmp_path / "x.csv"
    place.write_text(f"{head}{BOB},01/16/2026,8\n{ANN},01/15/2026; 01/22/2026,7\n", "utf-8")
    with pytest.raises(DataError, match=r"as many values each.*row 3"):
        import_export(place, columns, tmp_path / "key.json")


def test_two_questionnaires_of_like_items_add_up_apart(imported):
    parts = [["Pain intensity", "Personal care", "Lifting", "Reading", "Headaches", "Concentration",
              "Work", "Driving", "Sleeping", "Recreation"],
             ["Pain intensity", "Personal care", "Lifting", "Walking", "Sitting", "Standing",
              "Sleeping", "Sex life", "Social life", "Travelling"]]  # fmt: skip
    head = ",".join([*parts[0], *parts[1]])
    study, _ = imported(f"Client,DOB,Visit date,{head}\n{ANN},01/15/2026,{'1,' * 10}{'3,' * 9}3\n")
    found = study.assessments.set_index("instrument")["score"].to_dict()
    assert found == {"ndi": 10, "odi": 60}


@pytest.mark.parametrize(
    "note", ["tight neck, pain 7/10 -> 4/10", "Pain went from 7/10 to 4/10.", "Pain 7 → 4, 60 min",
             "Pre: pain 7/10. Post: 4/10", "pain 7/10 pre, 4/10 post tx", "pain 7, after 4",
             "LBP 3 wks, pain 7. MFR 30 min. After tx 4.", "NRS 7 on arrival, 4 after"],
)  # fmt: skip
def test_notes_that_tell_pain_before_and_after(imported, note):
    study, asked = imported(f'Client,DOB,Visit date,Status,Notes\n{ANN},01/15/2026,Seen,"{note}"\n')
    assert [*asked] == ["scores.nprs.pre_session", "scores.nprs.post_session"]
    assert visits(study) == [[[0, 7, 4]]]


def test_one_pain_in_a_note_is_not_the_pain_after_too(imported):
    head = "Client,DOB,Visit date,Status,Notes\n"
    _, asked = imported(f"{head}{ANN},01/15/2026,Seen,Pain worse after work 7/10\n")
    assert [*asked] == ["scores.nprs.pre_session"]


def test_few_notes_that_tell_pain_are_asked_about_and_the_rest_are_no_mistakes(imported):
    rows = "".join(f"{ANN},0{1 + i // 28}/{1 + i % 28:02}/2026,Seen,pain 2 weeks after skiing\n"
                   for i in range(8))  # fmt: skip
    study, asked = imported(
        f"Client,DOB,Visit date,Status,Notes\n{rows}{ANN},03/15/2026,Seen,pain 7 after 4 today\n"
        f"{ANN},03/16/2026,Seen,pain 6-7\n"
    )
    assert [*asked] == ["scores.nprs.pre_session", "scores.nprs.post_session"]
    assert study.assessments["score"].tolist() == [7, 4]
    assert [one.first_row for one in study.provenance.import_findings if one.rule == "R02"] == [11]


def test_a_pain_in_each_of_two_columns_of_notes_is_before_and_after(imported):
    study, asked = imported(
        f"Client,DOB,Visit date,Did not arrive,Complaint,Outcome\n{ANN},01/15/2026,no,"
        f"Reports pain 7/10 on arrival,Pain 4/10 on leaving\n{ANN},01/22/2026,yes,,\n"
        f"{ANN},01/23/2026,no,Reports pain 6/10 on arrival,Pain 3/10 on leaving\n"
    )
    assert [*asked] == ["scores.nprs.pre_session", "scores.nprs.post_session"]
    assert visits(study) == [[[0, 7, 4], [8, 6, 3]]]
    assert study.sessions["status"].tolist() == ["attended", "no_show", "attended"]


def test_a_name_on_the_first_row_of_a_record_is_on_all(imported, tmp_path):
    study, _ = imported(
        "record_id,redcap_event_name,last_name,dob,visit_date,pain_pre\n"
        "7,enrolment,Lee,1950-02-03,,\n7,visit_1,,,2026-01-15,7\n7,visit_2,,,2026-01-22,6\n"
        "8,enrolment,Ray,1960-02-03,,\n8,visit_1,,,2026-01-16,5\n"
    )
    assert days(study) == [[0], [0, 7]]
    assert sorted(study.episodes["age_band"]) == ["60-69", "70-79"]
    assert (tmp_path / "who.csv").read_text(encoding="utf-8-sig").count("Lee") == 1
    assert oc.check(study).ok


def test_two_numbered_scores_of_rows_with_a_date_are_asked_about(imported):
    """They were two visits of one day; of one row a person they are one visit each."""
    study, asked = imported(
        f"Client,DOB,Visit date,NRS 1,NRS 2\n{ANN},01/15/2026,7,4\n{ANN},01/22/2026,6,3\n"
    )
    assert [*asked] == ["scores.nprs.pre_session", "scores.nprs.post_session"]
    assert visits(study) == [[[0, 7, 4], [7, 6, 3]]]


@pytest.mark.parametrize(
    ("head", "asks", "before", "after"),
    [("Date", "Is this before or after your massage?", "Before", "After"),
     ("Timestamp", "Is this before or after your massage?", "Before", "After"),
     ("Date", "Form", "Pre-visit check-in", "Post-visit check-out")],
)  # fmt: skip
def test_rows_that_say_before_or_after_are_one_visit(imported, head, asks, before, after):
    study, asked = imported(
        f"{head},Client,DOB,{asks},Pain right now\n"
        f"01/15/2026 9:50,{ANN},{before},7\n01/15/2026 11:10,{ANN},{after},4\n"
        f"01/22/2026 9:50,{ANN},{before},6\n01/22/2026 11:10,{ANN},{after},3\n"
        f"01/22/2026 15:50,{ANN},{before},5\n01/22/2026 16:50,{ANN},{after},2\n",
        **{"study.rows": "visits"},
    )
    assert [*asked] == (["study.rows"] if head == "Timestamp" else [])
    assert days(study) == [[0, 7, 7]]
    told = study.assessments.sort_values(["session", "timing"], ascending=[True, False])
    assert told[["session", "score"]].to_numpy().tolist() == [
        [1, 7], [1, 4], [2, 6], [2, 3], [3, 5], [3, 2]]  # fmt: skip


def test_a_score_at_discharge_is_asked_when_it_was_taken(imported):
    study, asked = imported(
        "Patient ID,Date,Measure,Timepoint,Value\n11,2026-01-15,NPRS,Initial,7\n"
        "11,2026-02-12,NPRS,Discharge,3\n"
    )
    assert [*asked] == ["values.timing.Discharge"]
    assert study.assessments["timing"].tolist() == ["pre_session", "pre_session"]


def test_days_with_points_whose_second_number_is_no_month(imported):
    rows = f"{ANN},1.15.26,7\n{ANN},2.5.26,6\n"
    study, asked = imported(f"Client,DOB,Visit date,Pain before\n{rows}")
    assert (days(study), asked) == ([[0, 21]], {})


@pytest.mark.parametrize("words", [("annulé", "absent"), ("cx", "NS"), ("abgesagt", "DNA")])
def test_statuses_in_the_place_of_a_score_are_statuses(imported, words):
    """They were asked about as numbers, and their visits counted as received."""
    study, asked = imported(
        f"Client,DOB,Visit date,Pain before,Pain after\n{ANN},01/15/2026,7,5\n{ANN},01/22/2026,"
        f"{words[0]},\n{ANN},01/29/2026,{words[1]},\n{ANN},01/30/2026,6,4\n"
    )
    assert not asked
    assert study.sessions["status"].tolist() == ["attended", "cancelled", "no_show", "attended"]
    assert sorted(study.assessments["score"]) == [4, 5, 6, 7]


@pytest.mark.parametrize("born", ["Date de mon arrivée au monde", "Date B."])
def test_a_birth_in_unknown_words_is_no_day_of_a_visit(imported, born):
    study, asked = imported(
        f"Client,{born},Xy,Pain before\nAnn Lee,1950-02-13,2026-01-15,7\n"
        "Ann Lee,1950-02-13,2026-01-22,6\n"
    )
    assert asked["columns.date"] == ["Xy", born]
    assert days(study) == [[0, 7]]


@pytest.mark.parametrize("cells", ["absente,", "absent,3"])
def test_a_word_that_may_be_of_the_pain_or_of_the_client_is_refused(imported, cells):
    heads = "Douleur avant,Douleur après" if cells[-1] != "," else "Douleur avant,Notes"
    with pytest.raises(DataError, match="of the pain, or of the visit"):
        imported(
            f"Patient,Date séance,{heads}\nAnn Lee,15/01/2026,7,5\nAnn Lee,22/01/2026,{cells}\n"
        )


def test_a_pain_that_is_absent_beside_a_status_is_asked_about_as_a_number(imported):
    study, asked = imported(
        f"Client,DOB,Visit date,Status,Pain before\n{ANN},01/15/2026,Seen,7\n"
        f"{ANN},01/22/2026,Seen,absent\n", **{'values."nprs.pre_session".absent': "0"}
    )  # fmt: skip
    assert [*asked] == ['values."nprs.pre_session".absent']
    assert visits(study) == [[[0, 7], [7, 0]]]


def test_blanks_at_which_no_line_breaks_are_blanks(imported):
    study, asked = imported(
        "Client\u00a0name;Birth\u00a0date;Visit\u00a0date;Length;Pain\u00a0before\n"
        "Ann\u00a0Lee;13\u00a0Feb\u00a01950;15\u00a0Jan\u00a02026;45\u00a0min;7\u202f/\u00a010\n"
    )
    assert not asked
    assert (study.sessions["minutes"].tolist(), study.assessments["score"].tolist()) == ([45], [7])


def test_a_missed_appointment_among_services_was_missed(imported):
    study, _ = imported(
        f"Client,DOB,Visit date,Description,Pain before\n{ANN},01/15/2026,Massage therapy,7\n"
        f"{ANN},01/22/2026,Missed appointment,\n"
    )
    assert study.sessions["status"].tolist() == ["attended", "no_show"]


def test_months_of_other_languages_in_three_letters_and_years_in_two_digits(imported):
    study, _ = imported(
        "Nombre,Fecha sesión,EVA inicial\nAnn Lee,05-ene-25,7\nAnn Lee,12-feb-25,6\n"
    )
    assert days(study) == [[0, 38]]


@pytest.mark.parametrize("heads", ["Pain 1st,Pain last", "Pain there,Pain when left"])
def test_of_two_pains_of_no_stated_time_the_second_is_asked_about(imported, heads):
    study, asked = imported(
        f"Client,DOB,Visit date,{heads}\n{ANN},01/15/2026,7,4\n",
        **dict(zip(("scores.nprs.pre_session", "scores.nprs.post_session"), heads.split(","),
                   strict=True)),
    )  # fmt: skip
    assert {"scores.nprs.pre_session", "scores.nprs.post_session"} <= {*asked}
    assert visits(study) == [[[0, 7, 4]]]


@pytest.mark.parametrize(
    ("head", "asks"), [("Client,DOB,Visit date", ["%d.%m.%Y", "%m.%d.%Y"]),
                       ("Kunde,Geburtsdatum,Termin", None)],
)  # fmt: skip
def test_days_with_points_that_read_both_ways_are_asked_about(imported, head, asks):
    _, asked = imported(f"{head},Pain before\nAnn Lee,02.03.1950,05.01.2026,7\n")
    assert asked.get("file.dates") == asks


@pytest.mark.parametrize(
    ("head", "cell"),
    [("Client", "Ann Lee (cx)"), ("Client", "NO SHOW: Ann Lee"), ("Client", "Ann Lee - cancelled")],
)
def test_names_with_a_status_are_refused(imported, head, cell):
    """They were people of their own, and their visits were received."""
    with pytest.raises(DataError, match="status"):
        imported(f"{head},Date,Pain before\nAnn Lee,2026-01-05,7\n{cell},2026-01-12,\n")


@pytest.mark.parametrize("mark", ["-", " #", "_v"])
def test_codes_that_number_the_visits_are_refused(imported, mark):
    rows = [
        f"{who}{mark}{n},2026-01-{day:02},7"
        for who, n, day in (
            ("Lee", 1, 5),
            ("Ray", 1, 6),
            ("Lee", 2, 12),
            ("Ray", 2, 13),
            ("Ng", 1, 13),
        )
    ]
    with pytest.raises(DataError, match="another on each row"):
        imported("\n".join(["Patient-Visit,Date,Pain before", *rows]), **{
            "identifiers.name": "Patient-Visit"})  # fmt: skip


def test_lengths_under_a_head_of_time_are_no_times_of_day(imported):
    study, _ = imported(
        f"Client,DOB,Visit date,Time on table,Pain before\n{ANN},01/15/2026,1:15,7\n"
        f"{ANN},01/22/2026,0:30,6\n"
    )
    assert study.sessions["minutes"].tolist() == [75, 30]


def test_the_end_of_an_appointment_is_not_its_day(imported):
    study, asked = imported(
        "Client,DOB,Appointment starts,Appointment ends,Pain before\nAnn Lee,1950-02-13,"
        "2026-01-15 09:00,2026-01-15 09:45,7\n"
    )
    assert not asked
    assert study.sessions["minutes"].tolist() == [45]


@pytest.mark.parametrize("head", ["Schmerzsta\u0308rke vor\u00a0der Behandlung"])
def test_a_column_is_found_in_any_form_of_its_letters(tmp_path, head):
    (tmp_path / "x.csv").write_text(f"Name;Tag;{head}\nAnn Lee;15.01.2026;7\n", "utf-8")
    columns = {
        "identifiers": {"name": "Name"},
        "columns": {"date": "Tag"},
        "file": {"dates": "%d.%m.%Y"},
        "scores": {"nprs": {"pre_session": "Schmerzst\u00e4rke vor der Behandlung"}},
    }
    study, _ = import_export(tmp_path / "x.csv", columns, tmp_path / "key.json")
    assert study.assessments["score"].tolist() == [7]


def test_a_diary_is_asked_whether_its_days_are_visits(imported):
    rows = "".join(f"{ANN},01/{day}/2026,{day % 7}\n" for day in range(14, 19))
    study, asked = imported(f"Client,DOB,Date,Pain AM\n{rows}")
    assert asked == {"study.rows": ["scores", "visits"]}
    assert len(study.sessions) == 0


def test_of_columns_that_may_be_a_status_the_one_with_words_of_it_is_asked_about(imported):
    _, asked = imported(
        f"Client,DOB,DOS,Visit no,Cx/NS,Pain before\n{ANN},01/15/2026,1,,7\n{ANN},01/22/2026,,NS,\n"
        f"{BOB},01/15/2026,1,,7\n{BOB},01/22/2026,,CX,\n"
    )
    assert {k: v[0] for k, v in asked.items()} == {"values.status.NS": "no_show",
        "values.status.CX": "cancelled", "study.empty_status": "attended"}  # fmt: skip


def test_of_redcap_without_its_dictionary_repeats_are_of_their_record(imported):
    study, asked = imported(
        "record_id,redcap_repeat_instrument,redcap_repeat_instance,last_name,dob,visit_date,nprs_pre\n"
        "1,,,Lee,1950-02-03,,\n1,visit,1,,,2026-01-15,7\n1,visit,2,,,2026-01-22,6\n"
        "2,,,Ray,1960-02-03,,\n2,visit,1,,,2026-01-16,5\n"
    )
    assert not asked
    assert days(study) == [[0], [0, 7]]
    assert oc.check(study).ok


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Question", "Answer"), ("Item", "Result"), ("Measure", "Value"), ("Field", "Response")],
)
def test_answers_of_which_few_are_scores_are_read_by_their_questions(imported, question, answer):
    """All rows were visits without a score, where most questions were of something else."""
    rows = "".join(
        f"Ann Lee,2026-01-{day},{asked},{said}\n"
        for day, pain in (("05", 7), ("12", 6))
        for asked, said in (("Pain before (0-10)", pain), ("Pain after (0-10)", pain - 2),
                            ("How did you sleep?", "ok"), ("Anything new?", "no"), ("Mood", "fine"))
    )  # fmt: skip
    study, asked = imported(f"Client,Visit date,{question},{answer}\n{rows}")
    assert set(asked) <= {"study.no_status"}
    assert visits(study) == [[[0, 7, 5], [7, 6, 4]]]


@pytest.mark.parametrize(
    ("header", "cells"),
    [("Pain Rating", ("Pre: 7 Post: 5", "Pre: 6 Post: 4")),
     ("Pain", ("Came in at 7/10, left at 5/10", "Came in at 6/10, left at 4/10")),
     ("Pain", ("before 7, after 5", "after 4, before 6")),
     ("Schmerz", ("vorher 7, nachher 5", "vorher 6, nachher 4")),
     ("Pain", ("7 before and 5 after", "6/10 before, 4/10 after"))],
)  # fmt: skip
def test_words_in_a_cell_say_which_of_two_scores_is_first(imported, header, cells):
    """Cells of this kind were read from nothing."""
    rows = "".join(
        f'{ANN},01/{day}/2026,"{cell}"\n' for day, cell in zip(("05", "19"), cells, strict=True)
    )
    study, asked = imported(f"Client,DOB,Visit date,{header}\n{rows}")
    assert not asked
    assert visits(study) == [[[0, 7, 5], [14, 6, 4]]]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Scores", ("7→5", "6→4")),
        ("Notes", ("Came in at 7/10, left at 5/10", "in 6/10, out 4/10")),
        ("Rating", ("before 7, after 5", "before 6, after 4")),
        ("VAS pre/post", ("7/5", "6/4")),
    ],
)
def test_two_scores_under_a_header_that_does_not_say_pain_are_asked_about(imported, header, cells):
    rows = "".join(
        f'{ANN},01/{day}/2026,"{cell}"\n' for day, cell in zip(("05", "19"), cells, strict=True)
    )
    study, asked = imported(f"Client,DOB,Visit date,{header}\n{rows}")
    assert {"scores.nprs.pre_session", "scores.nprs.post_session"} <= set(asked)
    assert visits(study) == [[[0, 7, 5], [14, 6, 4]]]


def test_the_score_of_a_psfs_is_the_mean_of_its_activities(imported):
    """One of three was offered, or none was read."""
    study, _ = imported(
        f"Client,DOB,Visit date,PSFS activity 1,PSFS score 1,PSFS activity 2,PSFS score 2,"
        f"PSFS activity 3,PSFS score 3\n{ANN},01/05/2026,stairs,2,lifting,4,sleeping,9\n"
    )
    assert study.assessments[["instrument", "score"]].to_numpy().tolist() == [["psfs", 5]]


@pytest.mark.parametrize(
    "text",
    ["PSFS: walking,PSFS: lifting,PSFS: sleeping\n{},2,4,9\n{},3,4,8\n",
     "Activity,PSFS\n{0},walking,2\n{0},lifting,4\n{1},walking,3\n{1},lifting,5\n"],
)  # fmt: skip
def test_activities_that_are_not_one_score_are_refused(imported, text):
    own = text.format(f"{ANN},01/05/2026", f"{ANN},01/12/2026")
    with pytest.raises(DataError, match="mean"):
        imported(f"Client,DOB,Visit date,{own}")


def test_two_sides_are_no_before_and_after(imported):
    study, asked = imported(
        f"Client,DOB,Visit date,ROM (L),ROM (R)\n{ANN},01/15/2026,40,60\n{ANN},01/19/2026,45,60\n"
    )
    assert asked == {"scores.rom.pre_session": ["ROM (L)", "ROM (R)"]}
    assert study.assessments["score"].tolist() == [40, 45]


def test_a_minus_among_signs_of_a_status_says_something(imported):
    """It was empty, and the first that was offered for it is attended."""
    cells = zip(("05", "12", "19", "26"), "+-0+", (7, "", "", 6), strict=True)
    rows = "".join(f"{ANN},01/{day}/2026,{sign},{pain}\n" for day, sign, pain in cells)
    said = {"values.status.+": "attended", "values.status.-": "cancelled",
            "values.status.0": "no_show"}  # fmt: skip
    study, asked = imported(f"Client,DOB,Visit date,Status,Pain before\n{rows}", **said)
    assert set(asked) == set(said)
    assert study.sessions["status"].tolist() == ["attended", "cancelled", "no_show", "attended"]


def test_comfort_of_which_ten_is_best_is_asked_about(imported):
    _, asked = imported(f"Client,DOB,Visit date,Comfort (10 = no pain)\n{ANN},01/05/2026,3\n")
    assert "scores.nprs.pre_session" in asked


def test_a_household_whose_names_are_alike_is_not_one_person(imported):
    """John, Jon and Johanna of one telephone were one, where each came by himself."""
    names = ("John", "Joan", "Jon", "Johanna")
    rows = "".join(f"{name} Smith,555-210-1000,2026-0{1 + i}-{5 + k:02d},{7 - k}\n"
                   for i, name in enumerate(names) for k in (0, 1))  # fmt: skip
    study, _ = imported(f"Client,Phone,Visit date,Pain before\n{rows}")
    assert len(study.episodes) == 4
    assert "R24" in set(oc.check(study).table["rule"])


def test_a_name_that_two_therapists_see_in_turn_is_in_doubt(imported):
    others = [f"Ann L{chr(97 + i)}e,Zoe,2026-01-{5 + k:02d},7\n" for i in range(5) for k in (0, 7)]
    john = [f"John Smith,{('Zoe', 'Max')[k % 2]},2026-01-{5 + k:02d},7\n" for k in range(5)]
    study, _ = imported(f"Client,Therapist,Visit date,Pain before\n{''.join(others + john)}")
    assert "R24" in set(oc.check(study).table["rule"])


def test_numbers_of_ten_in_notes_that_name_no_pain_are_asked_about(imported):
    """Such notes were read from nothing, without a word."""
    rows = "".join(f"{ANN},01/{day}/2026,Seen,Px {a}/10 on arrival. UFT. Px {b}/10 on leaving\n"
                   for day, a, b in (("05", 7, 5), ("19", 6, 4)))  # fmt: skip
    study, asked = imported(f"Client,DOB,Visit date,Status,SOAP\n{rows}")
    assert set(asked) == {"scores.nprs.pre_session", "scores.nprs.post_session"}
    assert visits(study) == [[[0, 7, 5], [14, 6, 4]]]


def test_the_best_pain_of_a_day_is_no_pain_before_the_visit(imported):
    study, asked = imported(
        f"Client,DOB,Visit date,Status,Best pain (24h),Worst pain\n{ANN},01/15/2026,Seen,2,8\n"
    )
    assert not asked
    assert study.assessments.empty


def test_two_visits_of_a_day_are_not_several_scores_of_one(imported):
    rows = "".join(f"{ANN},01/{day}/2026,{time},Seen,{pain}\n" for day in (15, 22)
                   for time, pain in (("9:00 AM", 8), ("1:00 PM", 5)))  # fmt: skip
    study, _ = imported(f"Client,DOB,Visit date,Time,Status,Pain before\n{rows}",
                        **{"study.one_visit": "line"})  # fmt: skip
    assert sorted(study.assessments["score"]) == [5, 5, 8, 8]


def test_an_empty_status_beside_scores_is_offered_as_attended(imported):
    rows = f"{ANN},01/15/2026,Seen,7\n{ANN},01/22/2026,,6\n{ANN},01/29/2026,Cancelled,\n"
    _, asked = imported(f"Client,DOB,Visit date,Status,Pain before\n{rows}")
    assert asked["study.empty_status"][0] == "attended"


MISSED = ["attended", "no_show", "cancelled"]


@pytest.mark.parametrize(
    ("header", "rows"),
    [("Erschienen;Grund der Absage", ("ja;;7", "nein;nicht abgesagt;", "nein;krank;")),
     ("Arrived;Cancelled reason", ("Yes;;7", ";No show;", ";No ride;")),
     ("Status;Charge", ("Completed - paid;5;7", "No show - unpaid;5;", "Cancelled (paid);5;")),
     ("Attendance;Room", ("✓;1;7", "✗;1;", "canc;1;")),
     ("RDV;Salle", ("honoré;1;7", "non honoré;1;", "annulé par le patient;1;"))],
)  # fmt: skip
def test_what_became_of_a_visit_is_read_from_reasons_signs_and_words(imported, header, rows):
    """A reason that denies it was a cancellation; ticks and money beside a status were asked."""
    lines = "".join(f"Ann Lee;1950-02-03;2026-01-{5 + 7 * i:02d};{cells}\n"
                    f"Bo Ray;1960-12-30;2026-01-{6 + 7 * i:02d};{cells}\n"
                    for i, cells in enumerate(rows))  # fmt: skip
    study, asked = imported(f"Client;DOB;Visit date;{header};Pain before\n{lines}")
    assert ([*asked], study.sessions["status"].tolist()) == ([], MISSED * 2)


@pytest.mark.parametrize(
    "header", ["VAS (0-10) before,VAS (0-10) after", "Pain VAS pre (/10),Pain VAS post (/10)",
               "EVA avant /10,EVA après sur 10"],
)  # fmt: skip
def test_a_vas_whose_header_says_of_ten_is_the_pain_of_ten(imported, header):
    study, asked = imported(
        f"Client,DOB,Visit date,{header}\nAnn Lee,1950-02-03,2026-01-05,7,5\n"
        "Ann Lee,1950-02-03,2026-01-12,6,4\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 5], [7, 6, 4]]]


def test_answers_of_before_and_after_the_massage_are_of_a_visit(imported):
    """It was asked whether they were; seconds of a response were minutes of a visit."""
    study, asked = imported(
        "StartDate,EndDate,Duration (in seconds),Finished,RecordedDate,ResponseId,LocationLatitude,"
        "LocationLongitude,Your name,Pain before the massage,Pain after the massage\n"
        "2026-01-05 9:00,2026-01-05 9:03,180,True,2026-01-05 9:03,R_1,39.1,-104.1,Ann Lee,7,5\n"
        "2026-01-12 9:00,2026-01-12 9:03,180,True,2026-01-12 9:03,R_2,39.2,-104.2,Ann Lee,6,4\n"
    )
    assert not asked
    assert visits(study) == [[[0, 7, 5], [7, 6, 4]]]
    assert study.sessions["minutes"].isna().all()


def test_a_number_of_the_study_names_who_is_named_once(imported):
    study, asked = imported(
        "Study ID,Repeat Instrument,Repeat Instance,First name,Last name,Complete?,Visit date,"
        "NRS pain before\nMT-1,,,Ann,Lee,Complete,,\nMT-1,Visit,1,,,,2026-01-05,7\n"
        "MT-1,Visit,2,,,,2026-01-12,6\nMT-2,,,Bo,Ray,Complete,,\nMT-2,Visit,1,,,,2026-01-06,8\n"
    )
    assert not asked
    assert days(study) == [[0], [0, 7]]


def test_a_sale_is_no_visit(imported):
    _, asked = imported(
        "Sale Date,Client ID,Client,Item name,Item Price\n2026-01-05,81,Ann Lee,10 Pack,850\n"
        "2026-01-12,81,Ann Lee,10 Pack,850\n"
    )
    assert "columns.date" in asked


@pytest.mark.parametrize("times", [1, 1000])
def test_moments_in_seconds_since_1970_are_of_the_day_of_the_clinic(imported, times):
    """21:00 of 5 January in Denver is the 6th in world time; both were refused."""
    moments = [1767672000 * times, 1767675600 * times, 1768276800 * times, 1768279500 * times]
    study, asked = imported(
        "client,dob,startTime,endTime,state,painBefore\n"
        f"Ann Lee,1950-02-03,{moments[0]},{moments[1]},Completed,7\n"
        f"Ann Lee,1950-02-03,{moments[2]},{moments[3]},Completed,6\n",
        **{"file.time_zone": "America/Denver"},
    )
    assert [*asked] == ["file.time_zone"]
    assert visits(study) == [[[0, 60, 7], [7, 45, 6]]]


YEARLESS = ("{}Client,DOB,{}Date,Pain before\nAnn Lee,1950-02-03,{}5 Jan,7\n"
            "Ann Lee,1950-02-03,{}12 Jan,6\nBo Ray,1960-12-30,{}20 Feb,5\n")  # fmt: skip


@pytest.mark.parametrize(
    ("title", "header", "year"), [("Massage log 2026\n\n", "", ""), ("", "Year,", "2026,")]
)
def test_the_year_of_days_without_one_is_in_the_title_or_a_column(imported, title, header, year):
    study, asked = imported(YEARLESS.format(title, header, year, year, year))
    assert not asked
    assert days(study) == [[0], [0, 7]]


@pytest.mark.parametrize("text", [
    YEARLESS.format("", "", "", "", ""),
    YEARLESS.format("Printed 11/28/2026\n\n", "", "", "", ""),
    YEARLESS.format("", "Birth year,", "1961,", "1961,", "1960,"),
    YEARLESS.format("", "Injury year,", "2024,", "2024,", "2024,"),
    "Log 2025\n\nClient,Date,Pain before\n" + "".join(
        f"Ann Lee,{day} {month},7\n" for month in ("Nov", "Dec", "Jan") for day in range(1, 28, 3)),
])  # fmt: skip
def test_days_without_a_year_are_refused_where_none_is_stated_or_it_turns(imported, text):
    with pytest.raises(DataError, match="a day has its year"):
        imported(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [("Client,Visits\nAnn Lee,1/5/2026 (7->5); 8/5/2026 (6->4)\n"
      "Bo Ray,1/6/2026 (8->5); 9/5/2026 (6->3)\n", "a day with a score behind it"),
     ("Client,DOB,Date,Pain before\n" + "".join(
         f"Ann Lee - massage {m},1950-02-03,2026-01-{d:02d},7\n" for m, d in ((60, 5), (90, 12))),
      "words of a service")],
)  # fmt: skip
def test_a_cell_that_holds_more_than_it_should_is_refused_by_name(imported, text, says):
    """The second was two people, one for each length of the massage."""
    with pytest.raises(DataError, match=says):
        imported(text)


def test_a_fee_of_nothing_is_told_beside_the_question_what_took_place(tmp_path):
    place = tmp_path / "export.csv"
    place.write_text("Client,Visit date,Fee\nAnn Lee,2026-01-05,$90.00\nAnn Lee,2026-01-12,$0.00\n")
    (question,) = draft_map(place).questions
    assert "Fee, which is 0 in 1 rows" in question["asks"]


@pytest.mark.parametrize(
    "words", [("Confirmed", "No show", "Cancelled"), ("Completed", "No show", "Cancelled")]
)
def test_a_word_that_stands_beside_scores_alone_is_of_visits_that_took_place(imported, words):
    header = "Status" if words[0] == "Confirmed" else "Label"
    rows = "".join(f"{who},2026-01-{5 + 7 * i:02d},{word},{'' if i else 7}\n"
                   for who in ("Ann Lee,1950-02-03", "Bo Ray,1960-12-30")
                   for i, word in enumerate(words))  # fmt: skip
    study, asked = imported(f"Client,DOB,Visit date,{header},Pain before\n{rows}")
    assert ([*asked], study.sessions["status"].tolist()) == ([], MISSED * 2)


def test_rows_of_a_test_fees_and_codes_of_nothing_are_no_errors(imported):
    study, asked = imported(
        "Client,DOB,Visit date,Item,Pain before\nAnn Lee,1950-02-03,2026-01-05,Massage 60 min,7\n"
        "Ann Lee,1950-02-03,2026-01-12,No Show Fee,-99\n"
        "Test Client,,2026-01-13,Massage 60 min,5\nBo Ray,1960-12-30,2026-01-06,Massage 45 min,8\n"
    )
    assert not asked
    assert visits(study) == [[[0, 45, 8]], [[0, 60, 7]]]
    assert oc.check(study).errors == ()


def test_an_initial_more_is_the_same_person_where_the_birth_is(imported):
    study, _ = imported(
        "Client,DOB,Visit date,Pain before\nAnn Lee,1950-02-03,2026-01-05,7\n"
        "Ms. Ann Q. Lee,1950-02-03,2026-01-12,6\nAnn B. Lee,1961-02-03,2026-01-12,6\n"
    )
    assert days(study) == [[0], [0, 7]]


def test_the_manifest_says_of_dates_alone_that_they_became_days(tmp_path):
    place = tmp_path / "export.csv"
    place.write_text("Client,Date,Status,Pain before\nAnn Lee,2026-01-05,Completed,7\n")
    _, manifest = import_export(place, draft_map(place).content, tmp_path / "key.json")
    days = [s.column for s in manifest.de_identified if s.rule == "date made a day of its course"]
    assert days == ["Date"]
