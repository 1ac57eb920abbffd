"""Products are known by the set of their headers; a renamed column becomes a question."""

from __future__ import annotations

import pytest

from outcomes.intake.column_map import read_column_map
from outcomes.intake.drafting.draft import as_toml
from outcomes.intake.guess import draft_map
from outcomes.intake.presets import preset_of, presets
from outcomes.privacy.patterns import KINDS

PLACES = ("columns.", "identifiers.", "scores.", "flag.", "date.", "minutes.end", "service",
          "free_text", "ignored")  # fmt: skip


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset.name)
def test_a_preset_says_its_source_and_is_known_by_its_own_headers(preset):
    assert all([preset.version, len(preset.source) > 30, preset.tells])
    assert all(place.startswith(PLACES) for place in preset.roles.values())
    kinds = {p.split(".")[1] for p in preset.roles.values() if p.startswith("identifiers.")}
    assert kinds <= {*KINDS, "first_name", "last_name"}
    assert set(preset.needs) <= set(preset.roles)
    headers = [*dict.fromkeys([*preset.tells, *preset.roles])]
    assert preset_of(headers) is preset
    assert preset_of([header.upper().replace(" ", "_") for header in headers]) is preset


def test_headers_in_common_are_no_product():
    assert preset_of(["Client", "Date", "Status", "Notes", "Phone", "Email"]) is None


JANE = ("id,location_name,start_at,end_at,patient_guid,patient_first_name,patient_preferred_name,"
        "patient_last_name,treatment_name,staff_member_name,break,state,no_show_at,cancelled_at\n"
        "1,North,2026-01-07 17:00,2026-01-07 17:45,g-1,Ann,,Lee,Neck Care,Bo T,false,arrived,,\n"
        "2,North,2026-01-08 12:00,2026-01-08 12:30,,,,,,Bo T,true,,,\n"
        "3,North,2026-01-14 17:00,2026-01-14 17:45,g-1,Ann,,Lee,Neck Care,Bo T,false,no_show,"
        "2026-01-14,\n")  # fmt: skip


def drafted(tmp_path, text):
    place = tmp_path / "export.csv"
    place.write_text(text, encoding="utf-8")
    return draft_map(place)


def test_the_draft_says_the_product_and_asks_nothing(tmp_path):
    made = drafted(tmp_path, JANE)
    assert 'name = "Jane appointments"' in as_toml(made)
    mapped = read_column_map(made.content)
    assert made.questions == []
    assert mapped.identifiers["name"] == ("patient_first_name", "patient_last_name")
    assert mapped.columns["date"] == "start_at"
    assert (mapped.minutes.start, mapped.minutes.end) == ("start_at", "end_at")
    assert (mapped.leave_out[0].column, mapped.leave_out[0].is_) == ("break", ("true",))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("start_at", "appointment_start", "columns.date"), ("state", "visit_state", "columns.status"),
     ("patient_guid", "patient_uuid", "identifiers.record")],
)  # fmt: skip
def test_a_renamed_column_is_asked_about_by_name(tmp_path, old, new, key):
    made = drafted(tmp_path, JANE.replace(old, new))
    (question,) = [q for q in made.questions if q["key"] == key]
    assert old in question["asks"]
    assert new in question["candidates"]


def test_columns_of_a_clinics_own_are_guessed_beside_the_product(tmp_path):
    head, *rows = JANE.splitlines()
    own = [f"{head},Pain before", *(f"{row},7" for row in rows)]
    made = drafted(tmp_path, "\n".join(own) + "\n")
    assert made.content["scores"] == {"nprs": {"pre_session": "Pain before"}}


def test_units_of_fifteen_minutes_are_minutes_of_timed_codes_only(tmp_path):
    head = "Date of Service,Client,Clinician,Billing Code,Units,Client Payment Status\n"
    row = "01/17/2026 17:00,Ann Lee,Bo T,{},2,PAID\n"
    timed = read_column_map(drafted(tmp_path, head + row.format("97124")).content)
    assert timed.columns["sessions.minutes"] == "Units"
    assert timed.rules[-1].read("2") == "30"
    other = read_column_map(drafted(tmp_path, head + row.format("90837")).content)
    assert "sessions.minutes" not in other.columns


def test_a_billing_code_tells_of_missed_visits(tmp_path):
    head = "Date of Service,Client,Clinician,Billing Code,Units,Client Payment Status\n"
    row = "01/17/2026 17:00,Ann Lee,Bo T,{},2,PAID\n"
    codes = ("97124", "No Show", "Late Cancellation")
    mapped = read_column_map(drafted(tmp_path, head + "".join(map(row.format, codes))).content)
    told = {rule.is_: rule.becomes for rule in mapped.status if rule.becomes}
    assert told == {("No Show",): "no_show", ("Late Cancellation",): "cancelled"}


def test_the_signs_of_openemr_are_statuses_even_where_they_mean_empty_elsewhere(tmp_path):
    head = "pc_eid,pc_pid,fname,lname,pc_eventDate,pc_startTime,pc_apptstatus\n"
    rows = [f"{i},7,Ann,Lee,2026-01-{10 + i},09:00:00,{sign}\n" for i, sign in enumerate(">x?-@")]
    made = drafted(tmp_path, head + "".join(rows))
    assert made.questions == []
    mapped = read_column_map(made.content)
    words = mapped.words["sessions.status"]
    assert {sign: words[sign] for sign in ">x?-@"} == {
        ">": "attended", "x": "cancelled", "?": "no_show", "-": "left_out", "@": "attended",
    }  # fmt: skip
    assert not {"-", "?"} & set(mapped.file.empty)
