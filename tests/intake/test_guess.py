"""A draft names what identifies, shows no cell, is right or asks; a substring is never a word."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import openpyxl
import openpyxl.styles
import pytest

import outcomes as oc
from outcomes.intake.column_map import read_column_map
from outcomes.intake.drafting.draft import as_toml
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export
from outcomes.plain_text import shipped

pytestmark = pytest.mark.quick(8)


@pytest.fixture
def draft(invented, tmp_path):
    export = invented(21, n_clients=10)
    export.rows[0]["Pain before"] = "6-7"
    place = tmp_path / "export.csv"
    place.write_text(export.text(), encoding="utf-8")
    return export, as_toml(draft_map(place)), place


@pytest.fixture
def drafted(tmp_path):
    """Return a function that drafts a map of a small file and reads it."""

    def make(text, name="x.csv"):
        place = tmp_path / name
        place.write_text(text, encoding="utf-8")
        return read_column_map(tomllib.loads(as_toml(draft_map(place))))

    return make


def asked(mapped):
    return {question.key: list(question.candidates) for question in mapped.questions}


@pytest.mark.parametrize(
    ("header", "read"), [("Pain before", True), ("Pain on arrival", True), ("Pain", False)]
)
def test_a_score_in_few_words_is_asked_about_word_by_word(drafted, header, read):
    """It was named in a comment at the end of the map; `Pain` may be a place."""
    cells = ["bad", "so-so", "very bad", "so-so"]
    mapped = drafted(
        f"Client,Date,{header}\n"
        + "".join(f"Ann {'ABCD'[i % 4]}lee,2026-01-{i + 1:02d},{cells[i % 4]}\n" for i in range(12))
    )
    words = {key.rpartition(".")[2] for key in asked(mapped) if key.startswith("values.")}
    assert words == ({*cells} if read else set())
    assert (mapped.scores.get("nprs") == {"pre_session": header}) == read


def test_a_draft_is_a_map_that_names_what_identifies(draft):
    _, text, _ = draft
    mapped = read_column_map(tomllib.loads(text))
    named = {column for own in mapped.identifiers.values() for column in own}
    assert named == {"Client", "DOB", "Phone", "E-mail", "Street", "ZIP", "Start", "Appt #",
                     "Referring MD", "Claim #", "Notes"}  # fmt: skip
    assert mapped.columns["date"] == "Appt date"
    assert mapped.scores["nprs"] == {"pre_session": "Pain before", "post_session": "Pain after"}
    assert mapped.file.dates[0] == "%m/%d/%Y"


@pytest.mark.parametrize(
    ("header", "said"), [("Pain", 1), ("Pain right now", 1), ("Pain before", 0)]
)
def test_a_draft_says_where_a_score_is_taken_as_before_the_visit(tmp_path, header, said):
    place = tmp_path / "x.csv"
    place.write_text(f"Client,Date,{header}\nAnn Lee,2025-01-06,8\nAnn Lee,2025-01-13,6\n")
    assert as_toml(draft_map(place)).count("it does not say: taken as before") == said


def test_a_draft_shows_no_cell(draft):
    export, text, _ = draft
    cells = {c for row in export.rows for c in row.values() if len(c) > 3}
    shown = {c for c in cells if c in text}
    assert shown <= {"60 min", "1 hr", "3 (medium)", "firm", "light-med", "deep", "Arrived",
                     "Cancelled"}  # fmt: skip
    assert not export.planted & shown


def test_a_draft_reads_visits_once_its_words_are_explained(draft, tmp_path):
    export, _, place = draft
    made = draft_map(place)
    words = {"firm": "4", "light-med": "2", "lt": "1", "med": "3", "deep": "5"}
    odd = 'values."nprs.pre_session".6-7'
    assert {q["key"] for q in made.questions} == {f"values.pressure.{w}" for w in words} | {odd}
    made = made.answered(odd, False)
    for word, level in words.items():
        made = made.answered(f"values.pressure.{word}", level)
    study, _ = import_export(place, made.content, tmp_path / "key.json")
    received = sum(row["Status"] == "Arrived" for row in export.rows)
    assert study.sessions["session"].notna().sum() == received
    assert len(study.episodes) == 10
    found = oc.check(study).table
    assert set(found.loc[found["rule"] == "R02", "column"]) == {"Pain before"}


def test_columns_of_no_known_kind_are_listed_by_shape(tmp_path):
    place = tmp_path / "x.csv"
    place.write_text("id,Zone,Long\n1,A7-b,2026\n2,A8-รา,x\n", encoding="utf-8")
    text = as_toml(draft_map(place))
    assert '# "Zone": a9-a\n' in text  # marks of other scripts do not show either
    assert set(asked(read_column_map(tomllib.loads(text)))) >= {"columns.date", "identifiers.name"}


def test_parts_of_a_name_are_one_name(drafted):
    mapped = drafted("First name,Last name,Visit date,Other date\nA,B,2026-05-04,\n")
    assert mapped.identifiers["name"] == ("First name", "Last name")
    assert mapped.columns["date"] == "Visit date"


def test_long_text_is_free_text(drafted):
    mapped = drafted(f"id,About,NDI %\n1,{'word ' * 20},20\n")
    assert mapped.identifiers["free_text"] == ("About",)
    assert mapped.scores == {"ndi": {"pre_session": "NDI %"}}
    assert mapped.rules[0].read("20%") == "10"


TRAPS = [
    ("Client,DOB,Date,Pain,Recorded by\nAnn,13/04/1960,2026-05-14,7,Bo\nCy,14/04/1961,2026-05-15,5,"
     "Bo\n", {"record": None, "name": ("Client",)}),
    ("Client,DOB,Date,Pain,Chart signed\nAnn,13/04/1960,2026-05-14,7,yes\n", {"record": None}),
    ("Client,Therapist name,treatment_name,location_name,Date,Pain\nAnn,Bo,Back,North,2026-05-14,"
     "7\n", {"name": ("Client",)}),
    ("Client,patient_preferred_name,Date,Pain\nAnn Lee,Annie,2026-05-14,7\n",
     {"name": ("Client",), "other": ("patient_preferred_name",)}),
    ("Client,Booking IP address,Date,Pain\nAnn,203.0.113.1,2026-05-14,7\n",
     {"ip": ("Booking IP address",), "street": None}),
    ("Client,cancelled_at,Date,Pain\nAnn,,2026-05-14,7\nBo,2026-05-13,2026-05-15,\n",
     {"phone": None}),
    ("Client,Household,DOB,Date,Pain\nAnn Lee,A7,13/01/1960,2026-05-14,7\nBo Lee,A7,14/02/1961,"
     "2026-05-15,5\n", {"record": None}),
    ("Client,Patient ID,DOB,Date,Pain\nAnn Lee,A7,13/01/1960,2026-05-14,7\nBo Lee,A7,14/02/1961,"
     "2026-05-15,5\n", {"record": None}),
    ("Client,Patient ID,Date,Pain\nAnn Lee,A7,2026-05-14,7\nAnn Lee,A7,2026-05-15,5\nBo Lee,A8,"
     "2026-05-15,5\n", {"record": ("Patient ID",)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kinds"), TRAPS)
def test_a_word_counts_as_a_whole_and_a_number_where_it_goes_with_people(drafted, text, kinds):
    mapped = drafted(text)
    assert {kind: mapped.identifiers.get(kind) for kind in kinds} == kinds


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Booked date,Appt date", "Appt date"),
        ("Date Scheduled,Start Time", "Start Time"),
        ("Created,Visit day", "Visit day"),
        ("Buchungsdatum,Behandlungsdatum", "Behandlungsdatum"),
        ("Date de réservation,Date du rendez-vous", "Date du rendez-vous"),
        ("Fecha de reserva,Fecha de la cita", "Fecha de la cita"),
    ],
)
def test_the_date_is_that_of_the_visit_and_not_of_its_booking(drafted, header, column):
    mapped = drafted(f"Name,{header},Pain\nAnn,2026-05-01,2026-05-14,7\n")
    assert mapped.columns["date"] == column


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("Painkillers today (1=yes),Pain level 0-10\n1,8\n0,6\n",
         {"pre_session": "Pain level 0-10"}),
        ("72514-3,72514-3 after,72514-3 alone\n8,6,5\n",
         {"pre_session": "72514-3", "post_session": "72514-3 after",
          "follow_up": "72514-3 alone"}),
        ("Pain location,Pain before,Pain after\nneck,8,6\n",
         {"pre_session": "Pain before", "post_session": "Pain after"}),
        ("Schmerz vorher;Schmerz nachher\n7,5;6,0\n",
         {"pre_session": "Schmerz vorher", "post_session": "Schmerz nachher"}),
        ("Douleur avant;Douleur après\n7;6\n",
         {"pre_session": "Douleur avant", "post_session": "Douleur après"}),
        ("Dolor antes;Dolor después\n7;6\n",
         {"pre_session": "Dolor antes", "post_session": "Dolor después"}),
        ("\"How bad is your pain RIGHT NOW? (0 = none, 10 = worst)\",How often did pain wake you?\n"
         "7,often\n", {"pre_session": "How bad is your pain RIGHT NOW? (0 = none, 10 = worst)"}),
    ],
)  # fmt: skip
def test_scores_are_known_by_their_words_in_four_languages(drafted, text, scores):
    mark = ";" if ";" in text else ","
    head, *rows = text.splitlines()
    lines = [f"Name{mark}Datum{mark}{head}", *(f"Ann{mark}2026-05-14{mark}{row}" for row in rows)]
    assert drafted("\n".join(lines) + "\n").scores == {"nprs": scores}


@pytest.mark.parametrize(
    ("dates", "ways", "asks"),
    [
        (["05/14/2026", "05/02/2026"], ["%m/%d/%Y"], False),
        (["14/05/2026", "02/05/2026"], ["%d/%m/%Y"], False),
        (["05/01/2026", "12/01/2026", "07/02/2026"], None, True),
        (["14.5.26", "2.5.26"], ["%d.%m.%y"], False),
        (
            ["5 Jan 2026", "January 6, 2026", "2026-01-07", "46030"],
            ["%d %b %Y", "%B %d, %Y", "excel"],
            False,
        ),
        (["14/05/2026", "05/14/2026"], None, True),
    ],
)
def test_dates_are_given_the_ways_that_read_them_or_are_asked_about(drafted, dates, ways, asks):
    mapped = drafted("Name;Date;Pain\n" + "".join(f"Ann;{date};7\n" for date in dates))
    assert ("file.dates" in asked(mapped)) == asks
    if ways:
        assert sorted(mapped.file.dates) == sorted(ways)


def test_a_birth_date_proves_the_order_of_the_file_and_has_its_own_way(drafted):
    mapped = drafted("Name,DOB,Date,Pain\nAnn,23/04/1960,05/06/2026,7\n")
    assert (mapped.file.dates, asked(mapped)) == (("%d/%m/%Y",), {})
    mapped = drafted("Name,DOB,Date,Pain\nAnn,23/04/1960,2026-06-05,7\n")
    assert mapped.file.dates_of == {"DOB": ("%d/%m/%Y",)}


def test_moments_in_world_time_ask_for_the_zone(drafted):
    mapped = drafted(
        "Name,Starts at,Pain\nAnn,2026-01-06T22:30:00Z,7\nAnn,2026-01-07T03:00:00Z,6\n"
    )
    assert "Australia/Sydney" in asked(mapped)["file.time_zone"]
    mapped = drafted("Name,Starts at,Pain\nAnn,2026-01-06T22:30:00+10:00,7\n")
    assert asked(mapped) == {}


STATUS = {
    "Completed": "attended", "Early cancel": "cancelled", "Late Canceled": "cancelled",
    "Late cancel": "cancelled", "Show": "attended", "Not arrived": "no_show",
    "Did not arrive": "no_show", "Completed (no-show fee)": "no_show", "Absent": "no_show",
    "Signed in": "attended", "Confirmed": "left_out", "Booked": "left_out",
    "Cancelled early": "cancelled", "Rescheduled": "cancelled", "Nicht erschienen": "no_show",
    "Abgesagt": "cancelled", "Absent(e)": "no_show", "Annulé": "cancelled", "Honoré": "attended",
    "No asistió": "no_show", "Cancelada": "cancelled", "Left early": "stopped_early",
}  # fmt: skip


def test_statuses_are_read_by_whole_words_and_others_asked_about(drafted):
    scored = {word: 7 * (became != "left_out") or "" for word, became in STATUS.items()}
    rows = "".join(f"Ann,2026-05-14,{word},{scored.get(word, 7)}\n"
                   for word in [*STATUS, "Gone fishing", "Zed Lee"])  # fmt: skip
    mapped = drafted("Name,Visit date,Status,Pain\n" + rows + "Zed Lee,2026-05-15,Show,3\n")
    assert mapped.words["sessions.status"] == STATUS
    assert [key for key in asked(mapped) if "values" in key] == ["values.status.Gone fishing"]


def test_bookings_that_nobody_marked_are_asked_about_where_nothing_is_marked(drafted):
    mapped = drafted("Name,Visit date,Status\nAnn,2026-05-14,Confirmed\nBo,2026-05-15,Cancelled\n")
    assert list(asked(mapped)) == ["values.status.Confirmed"]


def test_an_empty_status_is_asked_about(drafted):
    mapped = drafted("Name,Visit date,Status\nAnn,2026-05-14,Arrived\nBo,2026-05-15,\n")
    assert list(asked(mapped)) == ["study.empty_status"]


def test_status_in_two_columns(drafted):
    mapped = drafted("Name,Visit date,Did not arrive,Cancelled at\nAnn,2026-05-14,false,\n"
                     "Bo,2026-05-15,true,\nCy,2026-05-16,false,2026-05-15\n")  # fmt: skip
    told = [(rule.column, rule.becomes or rule.otherwise) for rule in mapped.status]
    assert told == [("Cancelled at", "cancelled"), ("Did not arrive", "no_show"), ("", "attended")]


def test_a_sheet_without_status_counts_where_a_score_shows_that_the_visit_was(drafted):
    assert drafted("Name,Date,Pain\nAnn,2026-05-14,7\n").study.no_status == "attended"
    assert asked(drafted("Name,Date,Min\nAnn,2026-05-14,60\n")) == {"study.no_status": ["attended"]}


def test_rows_of_no_visit_are_left_out(drafted):
    mapped = drafted("Name,Date,Category,Pain\nAnn,2026-05-14,Massage,7\nAnn,2026-05-14,Retail,\n")
    (kind, future) = mapped.leave_out
    assert (kind.column, kind.is_, future.future) == ("Category", ("Retail",), True)


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["60", "45"], {}),
        (["60 min", "45min."], {"60 min": "60", "45min.": "45"}),
        (["1 hr", "1.5 hours"], {"1 hr": "60", "1.5 hours": "90"}),
        (["1h30", "1:15", "60"], {"1h30": "90", "1:15": "75"}),
    ],
)
def test_minutes_are_read_as_they_are_written(drafted, cells, read):
    mapped = drafted("Name,Date,Length,Pain\n" + "".join(f"Ann,2026-05-14,{c},7\n" for c in cells))
    assert mapped.columns["sessions.minutes"] == "Length"
    words = mapped.words.get("sessions.minutes", {})
    found = {c: words.get(c) or next((r.read(c) for r in mapped.rules if r.read(c)), None)
             for c in read}  # fmt: skip
    assert found == read


def test_minutes_stand_in_the_name_of_the_service_or_between_start_and_end(drafted):
    mapped = drafted("Name,Visit Date,Visit Type,Pain\nAnn,2026-05-14,Neck Massage 60,7\n")
    assert mapped.rules[0].read("Neck Massage 60") == "60"
    mapped = drafted("Name,Starts at,Ends at,Pain\nAnn,2026-05-14 09:00,2026-05-14 10:00,7\n")
    assert (mapped.minutes.start, mapped.minutes.end) == ("Starts at", "Ends at")


def test_pressure_is_never_a_part_of_another_number(drafted):
    cells = ["3", "3.5", "5/10", "7/10", "2-3", "4 of 10", "4+", "1 (light)", "3 to 4", "5lbs",
             "2nd", "10", "4/5", "2 - medium firm", "medium", "firm"]  # fmt: skip
    rows = (f"A,2026-05-{day},{cell},7\n" for day, cell in enumerate(cells, start=10))
    mapped = drafted("Name,Date,Pressure,Pain\n" + "".join(rows))
    (rule,) = mapped.rules
    read = {cell: rule.read(cell) for cell in cells if rule.read(cell)}
    assert read == {"3": "3", "1 (light)": "1", "4/5": "4", "2 - medium firm": "2"}
    assert list(asked(mapped)) == ["values.pressure.firm"]


@pytest.mark.parametrize(
    ("header", "cells", "asks"),
    [("NDI score", ["44", "36"], True), ("NDI score", ["21", "36"], False),
     ("NDI", ["44%", "36%"], False), ("NDI %", ["44", "36"], False), ("NDI", ["72", "36"], False)],
)  # fmt: skip
def test_an_index_in_points_or_in_percent(drafted, header, cells, asks):
    mapped = drafted(f"Name,Date,{header}\n" + "".join(f"Ann,2026-05-14,{c}\n" for c in cells))
    assert ("scales.ndi" in asked(mapped)) == asks
    if not asks and cells[0] != "21":
        assert mapped.rules[0].read(cells[1]) == "18"


def test_conditions_are_known_by_words_and_not_by_parts(drafted):
    cells = ["Neck pain", "Low back pain", "Rückenschmerzen", "mal au cou", "accouchement", "LBP"]
    mapped = drafted("Name,Date,Reason,Pain\n" + "".join(f"A,2026-05-14,{c},7\n" for c in cells))
    read = {cell: [r.read(cell) for r in mapped.rules if r.read(cell)][:1] for cell in cells}
    assert read == dict(zip(cells, [["neck_other"], ["low_back"], ["low_back"], ["neck_other"], [],
                                    ["low_back"]], strict=True))  # fmt: skip
    assert [*asked(mapped)] == ["values.condition.accouchement"]


def test_lines_of_one_moment_are_one_visit_and_of_one_day_a_question(drafted):
    head = "Name,Visit date,Visit time,Item,Pain\n"
    mapped = drafted(head + "A,2026-05-14,9:00,Massage,7\nA,2026-05-14,9:00,Stones,7\n")
    assert mapped.study.one_visit == "time"
    mapped = drafted(head.replace(",Visit time", "") + "A,2026-05-14,x,7\nA,2026-05-14,y,7\n")
    assert asked(mapped) == {"study.one_visit": ["day", "line"]}


@pytest.fixture
def months(tmp_path):
    """Return a workbook of two months with titles, merged headers, totals and rows struck out."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for month, days in (("Jan 2026", ("Jan 5", "1/14/26")), ("Feb 2026", ("Feb 2", "2/16/26"))):
        sheet = book.create_sheet(month)
        for row in ([f"Treatments {month}"], ["Patient", "Date", "Pain", None],
                    [None, None, "before", "after"], ["Ann Lee", days[0], 7, 5],
                    ["Bo Fox", days[1], None, None], ["TOTAL", 2, None, None]):  # fmt: skip
            sheet.append(row)
        for cells in ("A1:D1", "A2:A3", "B2:B3", "C2:D2"):
            sheet.merge_cells(cells)
        for cell in ("A5", "B5"):
            sheet[cell].font = openpyxl.styles.Font(strike=True)
    book.save(tmp_path / "months.xlsx")
    return tmp_path / "months.xlsx"


def test_a_workbook_of_months_is_drafted_with_its_struck_rows(months):
    made = draft_map(months)
    assert made.questions == []
    mapped = read_column_map(made.content)
    assert (mapped.file.sheets, mapped.columns["sessions.status"]) == (
        ("*",), mapped.file.struck_out,
    )  # fmt: skip
    assert mapped.words["sessions.status"] == {"no": "attended", "yes": "cancelled"}
    assert mapped.rules[0].read("Jan 5") == "Jan 5 2026"
    assert mapped.scores["nprs"] == {"pre_session": "Pain before", "post_session": "Pain after"}


@pytest.mark.parametrize(
    ("other", "scores", "asked"),
    [("Pain today", {"pre_session": "Pain today"}, []),
     ("Pain after", {"post_session": "Pain after"}, ["scores.nprs.pre_session"])],
)  # fmt: skip
def test_a_pain_that_is_the_same_on_all_rows_of_a_client_is_of_no_visit(
    tmp_path, other, scores, asked
):
    rows = [f"{name} Fox,2026-05-{1 + 7 * week:02},{first},{first - week}\n"
            for name, first in (("Ann", 8), ("Bo", 7), ("Cy", 6)) for week in range(4)]  # fmt: skip
    (tmp_path / "x.csv").write_text("".join([f"Client,Date,Initial pain,{other}\n", *rows]))
    made = draft_map(tmp_path / "x.csv")
    assert made.content["scores"]["nprs"] == scores
    assert [one["key"] for one in made.questions if one["key"].startswith("scores")] == asked


@pytest.mark.parametrize(
    ("header", "codes"),
    [("Therapist", ["T1", "T12"]), ("LMT", ["LMT 1", "LMT 2"]), ("Provider", ["1", "2"]),
     ("Staff ID", ["77", "80"]), ("Therapist", ["JB", "Ann Ray"])],
)  # fmt: skip
def test_who_treats_may_be_a_code(drafted, header, codes):
    rows = [f"{name} Fox,2026-05-{4 + day:02},{codes[day % 2]},7\n"
            for name in ("Ann", "Bo", "Cy") for day in range(4)]  # fmt: skip
    made = drafted("".join([f"Client,Date,{header},Pain before\n", *rows]))
    assert made.columns["sessions.therapist_id"] == header
    both = drafted("".join(["Client,Date,Staff ID,Pain before,Therapist\n",
                            *(f"{row.strip()},Ann Ray\n" for row in rows)]))  # fmt: skip
    assert both.columns["sessions.therapist_id"] == "Therapist"


def test_a_sheet_a_patient_is_named_by_its_sheet(tmp_path):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in ("Ann Lee", "Bo Fox"):
        sheet = book.create_sheet(name)
        for row in ([f"Patient: {name}"], [], ["Date", "Min", "Pain"], ["2026-05-14", 60, 7]):
            sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    made = draft_map(tmp_path / "x.xlsx")
    assert "columns.sessions.therapist_id" not in [one["key"] for one in made.questions]
    mapped = read_column_map(made.content)
    assert mapped.identifiers["name"] == (mapped.file.sheet_name,)


NUMBERED = "Client,Visit date,Primary Insurance,Pain\n" + "".join(
    f"{name},2026-05-{day},Aetna (XEH{number}),7\n"
    for name, day, number in [("John Smith", 14, 111), ("John Smith", 15, 222), *(
        (f"Person {letter}", 16, 300 + i) for i, letter in enumerate("ABCDEFGHIJKL"))]
)  # fmt: skip


def test_one_name_with_two_plan_numbers_is_asked_about(drafted):
    assert asked(drafted(NUMBERED)) == {"identifiers.record": ["Primary Insurance"]}
    assert asked(drafted(NUMBERED.replace("222", "111"))) == {}
    head, *rows = NUMBERED.splitlines()
    born = [f"{head},DOB", *(f"{row},1960-05-{10 + i}" for i, row in enumerate(rows))]
    assert asked(drafted("\n".join(born) + "\n")) == {}


@pytest.mark.parametrize("header", ["Family name", "First name", "Nachname", "Prénom"])
def test_half_a_name_that_alone_tells_people_apart_is_asked_about(drafted, header):
    """Two people called Miller would be one patient: say which column names the client."""
    text = f"{header},Date,Pain\nMiller,2026-05-04,7\nMiller,2026-05-05,3\nFox,2026-05-06,6\n"
    assert asked(drafted(text)) == {"identifiers.name": [header]}
    head, *rows = text.splitlines()
    born = [f"{head},DOB", *(f"{row},1960-05-{10 + i}" for i, row in enumerate(rows))]
    assert asked(drafted("\n".join(born) + "\n")) == {}
    assert asked(drafted(text.replace("Miller", "Ann Miller").replace("Fox", "Bo Fox"))) == {}


def test_names_that_stand_once_above_their_rows_are_asked_about(drafted, tmp_path):
    rows = ("Ann Lee,2026-05-04,7", ",2026-05-11,5", "Bo Fox,2026-05-05,6", ",2026-05-12,4")
    text = "\n".join(["Client,Date,Pain", *rows, ""])
    assert asked(drafted(text)) == {"file.fill_down": ["Client"]}
    made = draft_map(tmp_path / "x.csv").answered("file.fill_down", "Client")
    study, _ = import_export(tmp_path / "x.csv", made.content, tmp_path / "key.json")
    courses = study.assessments.groupby("episode_id")["score"].apply(list).tolist()
    assert sorted(courses) == [[6, 4], [7, 5]]
    made = made.answered("file.fill_down", False)
    study, _ = import_export(tmp_path / "x.csv", made.content, tmp_path / "other.json")
    assert sorted(study.assessments["score"]) == [6, 7]


def test_scores_of_visits_side_by_side_are_spread(drafted, tmp_path):
    head = "Client,DOB,Pain visit 1,Pain visit 2,Pain visit 3"
    text = f"{head}\nAnn,1960-05-14,8,6,\nBo,1961-05-15,7,5,4\n"
    assert asked(drafted(text)) == {}
    study, _ = import_export(tmp_path / "x.csv", draft_map(tmp_path / "x.csv").content,
                             tmp_path / "key.json")  # fmt: skip
    told = study.assessments.sort_values("session").groupby("episode_id")["score"].apply(list)
    assert sorted(told) == [[7, 5, 4], [8, 6]]


def test_the_next_appointment_is_no_visit(drafted):
    mapped = drafted(
        "Pt,DOB,Tx Date,Next appointment,Pain\nAnn,1960-05-14,2026-05-04,2026-05-11,7\n"
    )
    assert mapped.columns["date"] == "Tx Date"


def test_a_scale_that_is_not_confirmed_is_left_out(tmp_path):
    place = tmp_path / "x.csv"
    place.write_text(
        "Name,Date,NDI score,Pain\nAnn,2026-05-14,44,7\nAnn,2026-05-15,36,6\n", "utf-8"
    )
    made = draft_map(place).answered("scales.ndi", False)
    assert read_column_map(made.content).scores == {"nprs": {"pre_session": "Pain"}}
    percent = draft_map(place).answered("scales.ndi", "100").content
    study, _ = import_export(place, percent, tmp_path / "key.json")
    own = study.assessments[study.assessments["instrument"] == "ndi"]
    assert own["score"].tolist() == [22.0, 18.0]


def test_dates_of_cancelling_hold_for_the_next_month_too(drafted):
    head = "Client,DOB,Visit date,Status,Cancelled at\n"
    rows = "Ann,1960-05-14,2026-05-04,Completed,\nAnn,1960-05-14,2026-05-11,Booked,2026-05-10\n"
    (rule,) = drafted(head + rows).status
    assert (rule.fits("2026-06-10"), rule.fits(None), rule.becomes) == (True, False, "cancelled")


def test_conditions_of_the_next_month_are_known_too(drafted):
    mapped = drafted("Name,Date,Reason,Pain\nAnn,2026-05-14,Neck pain,7\n")
    later = {"Headache": "headache", "Rückenschmerzen": "low_back", "M54.5": "low_back"}
    read = {cell: next(r.read(cell) for r in mapped.rules if r.read(cell)) for cell in later}
    assert read == later


def test_each_question_that_is_asked_stands_in_the_file_and_each_there_is_asked():
    folder = files("outcomes.intake")
    modules = [folder / "guess.py", *(folder / "drafting").iterdir()]
    code = "".join(m.read_text("utf-8") for m in modules if m.name.endswith(".py"))
    asked = set(re.findall(r'\bask(?:,|\()\s*"(\w+)"', code))
    assert asked == shipped("intake/drafting/questions.toml").keys()
