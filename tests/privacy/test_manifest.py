"""The pages beside a study: what was done to it, and what was found in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from outcomes.errors import DataError
from outcomes.findings import Findings, finding
from outcomes.privacy.guard import Sighting
from outcomes.privacy.manifest import (
    STAYS,
    Manifest,
    Step,
    checklist,
    page_table,
    read_manifest,
    write_findings,
    write_manifest,
)
from outcomes.privacy.risk import Risk
from outcomes.rules.check import check
from outcomes.study import study_from_tables


def test_a_table_shows_its_cells_as_text_and_says_where_there_are_none():
    shown = page_table("A & B", ("<what>", "count"), [("x<y", 3)])
    assert shown == (
        '<h2>A &amp; B</h2><table><tr><th scope="col">&lt;what&gt;</th>'
        '<th scope="col">count</th></tr>\n<tr><td>x&lt;y</td><td>3</td></tr>\n</table>\n'
    )
    assert page_table("A & B", ("count",), []) == "<h2>A &amp; B</h2><p>None.</p>\n"


def test_the_eighteen_identifiers_say_where_one_was_seen_and_which_no_program_looks_for():
    seen = [Sighting("Notes", "phone", (2,)), Sighting("Notes", "phone", (3,))]
    done = {e["letter"]: e["done"] for e in checklist({}, seen, aged=False, n_looked=4)}
    assert len(done) == 18
    assert (
        done["D"] == "looked for in 4 other columns: seen in Notes: nothing of these cells is kept"
    )
    assert done["F"] == "looked for in 4 other columns: none seen"
    assert done["P"].startswith("not looked for: ")  # finger and voice prints


def test_the_page_of_findings_has_a_row_for_each(tmp_path):
    scores = {"episode_id": ["a"], "session": [1], "instrument": ["nprs"], "score": [11.0]}
    found = check(study_from_tables({"assessments": pd.DataFrame(scores)}))
    write_findings(found, tmp_path)
    page = (tmp_path / "findings.html").read_text(encoding="utf-8")
    assert "There are errors: answers wait until they are gone." in page
    for cell in ("R12", "error", "assessments", "score", "1"):
        assert f"<td>{cell}</td>" in page


RISK = Risk(n=40, k=3, n_unique=1, n_below=7, diversity={"end_reason": 2}, n_unique_patterns=1204,
            suggestions=("leave out sex: k is 6",))  # fmt: skip


def made(**changes):
    known = {
        "study": "s-x", "day_0": {"p-a": {"e-a": "0" * 32}}, "version": "1", "source_sha256": "00",
        "n_rows": 1200, "cleaned": (Step("a date was read", "Day & hour", 5),),
        "de_identified": (Step("not kept", "Tel", 6),), "left_out": (Step("no date", "", 7),),
        "checklist": checklist({"phone": ["Tel"]}, [], aged=True),
        "sightings": (Sighting("Notes", "email", (9, 11)),), "counts": {"courses": 40},
        "k_before": 2, "risk": RISK,
    }  # fmt: skip
    return Manifest(**known | changes)


def test_the_page_of_an_import_says_what_its_record_says(tmp_path):
    manifest = made()
    write_manifest(manifest, tmp_path)
    page = (tmp_path / "manifest.html").read_text(encoding="utf-8")
    rows = [
        ("courses", 40), ("a date was read", "Day &amp; hour", 5), ("not kept", "Tel", 6),
        ("no date", "", 7), ("Notes", "email", 2, 9),
        ("smallest group alike (k), as exported", 2), ("smallest group alike (k), in the study", 3),
        ("courses in groups smaller than 5", 7), ("courses alone in their group", 1),
        ("courses whose days of visits no other has", "1,204"),
        ("different values of end_reason in a group, at least", 2),
        ("wanted", "k of 5 inside the clinic, 11 in public"),
        ("would help", "leave out sex: k is 6"),
    ]  # fmt: skip
    for row in rows:
        assert "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" in page
    titles = ["The study holds", "Cleaning", "Identification", "Rows left out",
              "The 18 identifiers", "Identifiers where they do not belong", "Risk",
              "Not checked"]  # fmt: skip
    places = [page.index(f"<h2>{title}</h2>") for title in titles]
    assert places == sorted(places)
    heads = [["what", "count"], *[["what was done", "column", "count"]] * 2,
             ["reason", "column", "rows"], ["", "identifier", "what was done"],
             ["column", "like", "rows", "first"], ["", ""], [""]]  # fmt: skip
    shown = re.findall(r"<table><tr>(.*?)</tr>", page)
    assert [re.findall(r'<th scope="col">(.*?)</th>', head) for head in shown] == heads
    assert page.startswith('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">')
    assert "<title>Manifest of an import</title>" in page
    assert "</head><body><h1>Manifest of an import</h1>\n" in page
    assert f"<p>{STAYS}</p>" in page
    record = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert record == json.loads(json.dumps(manifest.record()))
    assert (record["n_rows"], record["stays"], record["appended"]) == (1200, STAYS, False)
    assert repr(manifest) == (
        "Manifest(1,200 rows, 1 cleaning steps, 1 sightings, k 2 before and 3 after)"
    )
    assert read_manifest(tmp_path / "manifest.json") == ("s-x", manifest.day_0)


def test_what_is_not_known_is_said_to_be(tmp_path):
    write_manifest(made(k_before=0, risk=replace(RISK, n_unique_patterns=None)), tmp_path)
    page = (tmp_path / "manifest.html").read_text(encoding="utf-8")
    for what in ("smallest group alike (k), as exported",
                 "courses whose days of visits no other has"):  # fmt: skip
        assert f"<td>{what}</td><td>unknown</td>" in page


@pytest.mark.parametrize(
    "content", ["{}", "[]", "x", '{"study": "s", "day_0": {"p": {"e": "short"}}}']
)
def test_a_manifest_that_no_import_wrote_is_refused(tmp_path, content):
    place = tmp_path / "manifest.json"
    place.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read_manifest(place)
    assert str(refused.value) == (
        "the manifest is as an import of this version wrote it; got something else (manifest.json)."
    )


DATES = "visits as days since the first; ages in ten-year bands, 90 and over together"
LOOKED = "looked for in 1 other column: none seen"


@pytest.mark.parametrize(
    ("dropped", "aged", "period", "said"),
    [
        ({}, True, "", f"{DATES}; {LOOKED}"),
        ({}, False, "", LOOKED),
        ({"birth_date": ["Born"]}, False, "", f"column Born: not kept; {DATES}; {LOOKED}"),
        ({}, False, "year", f"the year of each course's first visit is kept; {LOOKED}"),
        ({}, True, "quarter",
         f"{DATES}; the quarter of each course's first visit is kept, which is more than the rule "
         f"allows; {LOOKED}"),
    ],
)  # fmt: skip
def test_dates_say_what_became_of_them(dropped, aged, period, said):
    entries = checklist(dropped, [], aged=aged, n_looked=1, period=period)
    assert {e["letter"]: e["done"] for e in entries}["C"] == said


def test_places_and_several_columns_of_a_kind():
    entries = checklist({"phone": ["Tel", "Cell"]}, [], aged=False, n_looked=2)
    done = {e["letter"]: e["done"] for e in entries}
    assert done["D"] == "column Tel, Cell: not kept; looked for in 2 other columns: none seen"
    assert "ZIP codes are dropped, their first three digits too" in done["B"]
    assert [e["letter"] for e in entries] == list("ABCDEFGHIJKLMNOPQR")


def test_findings_without_an_error_have_no_rows_to_look_at(tmp_path):
    write_findings(check(study_from_tables({})), tmp_path)
    page = (tmp_path / "findings.html").read_text(encoding="utf-8")
    assert f"<p>No error. Row 1 is the first row of data. {STAYS}</p>" in page
    assert "Rows to look at" not in page
    content = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))
    assert (content["stays"], content["ok"]) == (STAYS, True)


def test_rows_that_are_listed_stand_in_a_table_of_their_own(tmp_path):
    found = finding("R03", "sessions", "pressure", [4, 7], got="above 5", listed=True)
    write_findings(Findings((found,)), tmp_path)
    page = (tmp_path / "findings.html").read_text(encoding="utf-8")
    head = "".join(f'<th scope="col">{name}</th>' for name in ("rule", "column", "rows"))
    row = "<td>R03</td><td>pressure</td><td>5, 8</td>"
    assert f"<h2>Rows to look at</h2><table><tr>{head}</tr>\n<tr>{row}</tr>" in page
    [record] = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))["findings"]
    assert (record["rule"], record["count"], record["rows"]) == ("R03", 2, [5, 8])
