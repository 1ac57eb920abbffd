"""A draft names every identifying column, shows no cell, and reads most of an export as it is."""

from __future__ import annotations

import tomllib

import pytest

import outcomes as oc
from outcomes.intake.column_map import read_column_map
from outcomes.intake.guess import guess_map
from outcomes.intake.import_export import import_export


@pytest.fixture
def draft(invented, tmp_path):
    export = invented(21, n_clients=10)
    export.rows[0]["Pain before"] = "6-7"
    place = tmp_path / "export.csv"
    place.write_text(export.text(), encoding="utf-8")
    return export, guess_map(place), place


def test_a_draft_is_a_map_that_names_what_identifies(draft):
    _, text, _ = draft
    mapped = read_column_map(tomllib.loads(text))
    named = {column for own in mapped.identifiers.values() for column in own}
    assert named == {"Client", "DOB", "Phone", "E-mail", "Street", "ZIP", "Start", "Appt #",
                     "Referring MD", "Claim #", "Notes"}  # fmt: skip
    assert mapped.columns["date"] == "Appt date"
    assert mapped.scores["nprs"] == {"pre_session": "Pain before", "post_session": "Pain after"}
    assert mapped.file.dates[0] == "%m/%d/%Y"


def test_a_draft_shows_no_cell(draft):
    export, text, _ = draft
    cells = {c for row in export.rows for c in row.values() if len(c) > 3}
    shown = {c for c in cells if c in text}
    assert shown <= {"60 min", "1 hr", "3 (medium)", "firm"}  # words of the draft
    assert not export.planted & shown


def test_a_draft_reads_visits_without_correction(draft, tmp_path):
    export, text, place = draft
    columns = tomllib.loads(text)
    study, _ = import_export(place, columns, tmp_path / "key.json")
    received = sum(row["Status"] == "Arrived" for row in export.rows)
    assert study.sessions["session"].notna().sum() == received
    assert len(study.episodes) == 10
    found = oc.check(study).table
    assert set(found.loc[found["rule"] == "R02", "column"]) == {"Pressure", "Pain before"}


def test_columns_of_no_known_kind_are_listed_by_shape(tmp_path):
    place = tmp_path / "x.csv"
    place.write_text("id,Zone,Long\n1,A7-b,2026\n2,A8-c,x\n", encoding="utf-8")
    text = guess_map(place)
    assert '# "Zone": a9-a' in text
    assert read_column_map(tomllib.loads(text)).columns == {}


def test_two_columns_of_one_kind(tmp_path):
    place = tmp_path / "x.csv"
    place.write_text("First name,Last name,Visit date,Other date\nA,B,2026-05-04,\n", "utf-8")
    text = guess_map(place)
    assert 'name = ["First name", "Last name"]' in text
    assert 'date = "Visit date"    # or ["Other date"]' in text


def test_long_text_is_free_text(tmp_path):
    place = tmp_path / "x.csv"
    place.write_text(f"id,About,NDI %\n1,{'word ' * 20},20\n", encoding="utf-8")
    text = guess_map(place)
    assert 'free_text = "About"' in text
    mapped = read_column_map(tomllib.loads(text))
    assert mapped.scores == {"ndi": {"pre_session": "NDI %"}}
    assert mapped.rules[0].read("20%") == "10"


def test_dates_are_given_the_ways_that_read_them(tmp_path):
    place = tmp_path / "x.csv"
    place.write_text("id,Visit date\n1,25/04/2026\n2,01/05/2026\n3,2026-05-09\n4,soon\n", "utf-8")
    mapped = read_column_map(tomllib.loads(guess_map(place)))
    assert mapped.file.dates == ("%d/%m/%Y",)  # ISO dates are always read
    place.write_text("id,Visit date\n1,soon\n", "utf-8")
    assert read_column_map(tomllib.loads(guess_map(place))).file.dates == ("%Y-%m-%d",)
