"""A sheet a day: what is written in words and dates becomes the study, and no date stays in it."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pytest

import outcomes as oc
from outcomes.errors import DataError, PrivacyError
from outcomes.intake.daily import PEOPLE, VISITS, daily_columns, words_of
from outcomes.intake.template import write_template
from outcomes.storage import write_study

pytestmark = pytest.mark.quick(4)

DAY = dt.date(2026, 3, 2)
LINES = (
    ("P001", 0, 8, 6, 60, "3 - medium", "took place", "soreness"),
    ("P002", 1, 5, None, 45, "1 - light lotioning", None, None),
    ("P001", 7, None, None, None, None, "did not come", None),
    ("P001", 9, 6, 5, 60, "4 - strong", None, "none"),
    ("P001", 21, 4, 4, 30, "4 - strong", "stopped early", "none"),
    ("P002", 8, None, None, None, None, "cancelled", None),
)
PERSON = {"Condition": "low back pain", "Age group": "40-49", "Script: visits a week": 2,
          "Script: minutes a visit": 60, "Goal: pain of (0-10)": 2,
          "Goal: by": DAY + dt.timedelta(42), "Touch is adapted for": "hypertension; scar",
          "Why care ended": "goal_met"}  # fmt: skip


@pytest.fixture
def book(tmp_path):
    """Return an entry workbook of two people, and a function that saves and loads it."""
    made = openpyxl.load_workbook(write_template(tmp_path / "clinic.xlsx"))
    for row, (code, day, *others) in enumerate(LINES, start=3):
        for column, value in enumerate([code, DAY + dt.timedelta(day), *others], start=1):
            made[VISITS].cell(row, column, value)
    place = {cell.value: cell.column for cell in made[PEOPLE][1]}
    for label, value in PERSON.items():
        made[PEOPLE].cell(3, place[label], value)
    made[PEOPLE].cell(4, place["Sex"], "female")

    def load():
        made.save(tmp_path / "clinic.xlsx")
        return oc.load(tmp_path / "clinic.xlsx")

    return made, load


def test_a_file_called_by_a_name_is_a_file(book, tmp_path):
    book[1]()
    named = (tmp_path / "clinic.xlsx").rename(tmp_path / "Mary Quackenbush.xlsx")
    assert oc.load(named).provenance.source == "a file"


def test_a_code_with_visits_and_nothing_else_in_its_line_is_told(book):
    made, load = book
    assert made[PEOPLE].cell(4, 1).value == "P002"
    for cell in made[PEOPLE][4][1:]:
        cell.value = None
    (found,) = oc.check(load()).items
    assert (found.rule, found.table, found.column, found.first_row) == ("R76", PEOPLE, "Code", 4)


def test_words_and_dates_become_the_study(book):
    study = book[1]()
    assert repr(study) == "Study(2 episodes, 6 sessions, 7 scores, 1 goals)"
    assert not oc.check(study).items
    one = study.sessions[study.sessions["episode_id"] == "P001"]
    assert one["day"].tolist() == [0, 7, 9, 21]
    assert one["session"].fillna(0).tolist() == [1, 0, 2, 3]
    assert one["status"].tolist() == ["attended", "no_show", "attended", "stopped_early"]
    assert one["pressure"].dropna().tolist() == [3, 4, 4]
    assert one["adverse_event"].dropna().tolist() == ["soreness", "none", "none"]
    pains = study.assessments[study.assessments["episode_id"] == "P001"]
    told = pains.set_index(["session", "timing"])["score"].to_dict()
    assert told == {(1, "pre_session"): 8, (1, "post_session"): 6, (2, "pre_session"): 6,
                    (2, "post_session"): 5, (3, "pre_session"): 4,
                    (3, "post_session"): 4}  # fmt: skip
    facts = study.courses.loc["P001"]
    assert (facts["condition"], facts["age_band"], facts["minutes"]) == ("low_back", "40-49", 60)
    assert (facts["adaptations"], facts["end_reason"]) == ("hypertension; scar", "goal_met")
    goal = study.goals.iloc[0]
    assert (goal["instrument"], goal["target"], goal["by_day"]) == ("nprs", 2, 42)


def test_no_date_stays(book, tmp_path):
    study = book[1]()
    (tmp_path / "study").mkdir()
    write_study(study, tmp_path / "study")
    written = " ".join(p.read_text("utf-8") for p in (tmp_path / "study").iterdir())
    assert "2026-0" not in written
    assert "example" not in written


def test_a_template_that_is_not_filled_in_has_no_visit(tmp_path):
    with pytest.raises(DataError, match="a line with a code and a date as its example"):
        oc.load(write_template(tmp_path / "clinic.xlsx"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: setattr(b[VISITS], "title", "sessions"), "no visits"),
        (lambda b: setattr(b[PEOPLE], "title", "clients"), "no people"),
        (lambda b: b[VISITS].cell(1, 3, "Pain"), r"no Pain before \(0-10\)"),
        (lambda b: b[PEOPLE].cell(4, 1, "P001"), "1 again"),
    ],
)
def test_a_renamed_sheet_or_column_is_an_error_by_name(book, change, says):
    change(book[0])
    with pytest.raises(DataError, match=says):
        book[1]()


@pytest.mark.parametrize("cell", [(3, 1, "Mary Quackenbush"), (3, 9, "Dashiell Hammersmythe")])
def test_a_name_for_a_code_is_refused(book, cell):
    book[0][VISITS].cell(*cell)
    with pytest.raises(PrivacyError, match="row 3"):
        book[1]()


def test_what_cannot_be_read_is_found_by_the_row_of_the_workbook(book):
    sheet = book[0][VISITS]
    for row, column, value in ((4, 3, "six"), (6, 7, "maybe"), (8, 1, "P999"), (5, 2, "soon")):
        sheet.cell(row, column, value)
    study = book[1]()
    found = {f.rule: (f.column, f.first_row) for f in oc.check(study).items}
    assert found["R02"] == ("Pain before (0-10)", 4)
    assert found["R46"] == ("What became of it", 6)
    assert found["R14"] == ("Code", 8)
    assert found["R21"] == ("Date", 5)


def test_a_line_whose_date_cannot_be_read_is_no_visit(book):
    made, load = book
    made[VISITS].cell(6, 2, "3/11")
    study = load()
    assert study.sessions["day"].tolist() == [0, 7, 21, 0, 7]
    assert [f.rule for f in oc.check(study).errors] == ["R21"]
    (left_out,) = study.provenance.left_out
    assert (left_out.reason, left_out.count) == ("no date that can be read", 1)


def test_dates_and_codes_however_they_were_typed(book):
    made, load = book
    typed = ("02.03.2026", "3 March 2026", DAY + dt.timedelta(7), "March 11, 2026", 46104)
    for row, date in enumerate(typed, start=3):
        made[VISITS].cell(row, 2, date).number_format = "General"
        code = made[VISITS].cell(row, 1)
        code.value = code.value.lower() + " "
    study = load()
    assert not oc.check(study).items
    one = study.sessions[study.sessions["episode_id"] == "P001"]
    assert one["day"].tolist() == [0, 7, 9, 21]


def test_a_year_that_is_last_years_is_in_doubt(book):
    made, load = book
    made[VISITS].cell(6, 2, dt.date(2025, 3, 11))
    found = [(f.rule, f.first_row) for f in oc.check(load()).items]
    assert found == [("R68", 6)]


def test_drop_downs_codes_and_print(tmp_path):
    made = openpyxl.load_workbook(write_template(tmp_path / "clinic.xlsx"))
    for name in (VISITS, PEOPLE):
        sheet = made[name]
        assert [cell.value for cell in sheet[1]] == list(daily_columns(name))
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.print_title_rows == "$1:$1"
        assert sheet["A2"].font.color.rgb == "00999999"
    offers = [rule.formula1 for rule in made[VISITS].data_validations.dataValidation]
    assert "people!$A$3:$A$2001" in offers
    assert made[PEOPLE]["A3"].value == "P001"
    assert made[VISITS]["B2"].is_date
    listed = {cell.value for row in made["lists of outcomes"].iter_rows() for cell in row}
    for column in daily_columns(VISITS).values():
        assert set(words_of(column)) <= listed


def test_words_count_in_any_case_with_or_without_their_number(book):
    made, load = book
    for row, (level, became) in enumerate([("Heavy Lotioning", "TOOK PLACE"), ("Medium", "")], 3):
        made[VISITS].cell(row, 6, level)
        made[VISITS].cell(row, 7, became or None)
    place = {cell.value: cell.column for cell in made[PEOPLE][1]}
    made[PEOPLE].cell(3, place["Condition"], "Low Back Pain")
    made[PEOPLE].cell(3, place["Touch is adapted for"], "Breast Cancer, frail; organ_failure")
    made[PEOPLE].cell(3, place["Why care ended"], "Goal met")
    study = load()
    assert not oc.check(study).items
    first = study.sessions.drop_duplicates("episode_id").set_index("episode_id")
    assert first["pressure"].to_dict() == {"P001": 2, "P002": 3}
    one = study.episodes.set_index("episode_id").loc["P001"]
    assert one["condition"] == "low_back"
    assert one["adaptations"] == "breast_cancer; frail; organ_failure"
    assert one["end_reason"] == "goal_met"


def test_a_column_of_ones_own_needs_nothing_and_names_nobody(book):
    made, load = book
    for column, header in enumerate(["Mood", "Mary Quackenbush"], start=10):
        made[VISITS].cell(1, column, header)
        made[VISITS].cell(3, column, "good")
    (only,) = oc.check(load()).items
    assert (only.rule, only.severity, only.count) == ("R41", "warning", 2)
    assert "Nothing has to be done" in only.remedy
    assert "Quackenbush" not in str(only)


def test_a_score_that_became_a_day_is_a_finding_and_is_not_kept(book):
    made, load = book
    made[VISITS].cell(3, 3, dt.date(2026, 7, 10))  # 7/10, as Excel takes it
    study = load()
    told = [(f.rule, f.table, f.column, f.first_row) for f in oc.check(study).items]
    assert ("R02", "visits", "Pain before (0-10)", 3) in told
    assert len(study.assessments) == 6


def test_a_workbook_without_a_goal_is_a_study(book):
    made, load = book
    for name in ("Goal: pain of (0-10)", "Goal: by"):
        (column,) = (cell.column for cell in made[PEOPLE][1] if cell.value == name)
        made[PEOPLE].cell(3, column).value = None
    assert repr(load()) == "Study(2 episodes, 6 sessions, 7 scores, 0 goals)"


def test_findings_name_the_sheet_its_line_and_what_to_do_in_a_workbook(book):
    made, load = book
    for line, value in ((5, "03/02/2026"), (6, dt.date(1926, 3, 2))):
        made[VISITS].cell(line, 2, value)
    made[VISITS].cell(7, 5, "1 h")
    place = {cell.value: cell.column for cell in made[PEOPLE][1]}
    made[PEOPLE].cell(4, place["Condition"], "sore back")
    made[PEOPLE].cell(4, place["Goal: by"], "soon")
    made[PEOPLE].cell(3, place["Goal: by"], DAY)  # a date is one
    table = oc.check(load()).table
    assert set(zip(table["rule"], table["table"], table["column"], table["first_row"],
                   strict=True)) == {
        ("R21", "visits", "Date", 5), ("R54", "visits", "Date", 6), ("R02", "visits", "Minutes", 7),
        ("R02", "people", "Condition", 4), ("R02", "people", "Goal: by", 4),
    }  # fmt: skip
    assert set(table["count"]) == {1}
    assert not table["remedy"].str.contains("map").any()


@pytest.mark.parametrize(("column", "value"), [(1, None), (2, "soon"), (7, "perhaps")])
def test_no_finding_of_a_workbook_speaks_of_a_map_or_an_export(book, column, value):
    book[0][VISITS].cell(4, column).value = value
    found = [f for f in book[1]().provenance.reading if f.first_row == 4]
    assert found
    assert not [f for f in found if "map" in f.message or "export" in f.message]


def test_a_day_that_may_be_a_month_is_named_by_its_line(book):
    made, load = book
    made[VISITS].cell(7, 2, dt.date(2026, 11, 3))  # 11 March, among the others
    found = [(f.table, f.first_row) for f in oc.check(load()).items if f.rule == "R68"]
    assert found == [(VISITS, 7)]


def test_findings_of_rules_speak_of_the_sheets_and_their_lines(book):
    made, load = book
    sheet, place = made[VISITS], {cell.value: cell.column for cell in made[PEOPLE][1]}
    for column in (3, 4):
        sheet.cell(3, column).value = None  # the first pain of P001 stands on line 6
    sheet.cell(5, 6, "3 - medium")  # the person did not come
    sheet.cell(6, 5, 50)
    made[PEOPLE].cell(3, place["Script: minutes a visit"], 50)
    found = {f.rule: f for f in oc.check(load()).items}
    assert {rule: (f.table, f.column, f.first_row) for rule, f in found.items()} == {
        "R08": (VISITS, "Minutes", 6), "R19": (VISITS, "Pain before (0-10)", 6),
        "R07": (PEOPLE, "Script: minutes a visit", 3), "R61": (VISITS, "What became of it", 5),
    }  # fmt: skip
    said = f"{found['R19'].message} {found['R19'].remedy} {found['R61'].message}"
    for word in ("baseline", "timing", "session", "score", "episode"):
        assert word not in said
