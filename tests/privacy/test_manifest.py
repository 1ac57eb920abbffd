"""The pages beside a study: what was done to it, and what was found in it."""

from __future__ import annotations

import pandas as pd

from outcomes.privacy.guard import Sighting
from outcomes.privacy.manifest import checklist, page_table, write_findings
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
