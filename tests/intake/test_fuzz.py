"""Whatever stands in the cells or bytes, readers end in a study or in a clear error."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import outcomes as oc
from outcomes.errors import OutcomesError
from outcomes.intake.import_export import import_export
from outcomes.intake.template import write_template

QUIET = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "0", "-1", "1e999", "nan", "6-7", "11/10", "99/99/9999", "29/02/2026",
                     "0001-01-01", "=1+1", "x\x00", "\x1d", '"', ";", "3 - medium", "true"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def check_all(study):
    oc.check(study)
    return repr(study)


@QUIET
@given(data=st.data())
def test_an_export_with_anything_in_its_cells(scratch, invented, clinic_map, data):
    export = invented(31, n_clients=3)
    for _ in range(data.draw(st.integers(1, 8))):
        row = data.draw(st.integers(0, len(export.rows) - 1))
        export.rows[row][data.draw(st.sampled_from(sorted(export.rows[0])))] = data.draw(CELL)
    (scratch / "x.csv").write_text(export.text(), encoding="utf-8", newline="")
    try:
        study, _ = import_export(scratch / "x.csv", clinic_map, scratch / "key.json")
    except OutcomesError:
        return
    assert check_all(study).startswith("Study(")
    assert len(study.sessions) <= len(export.rows)


FLAT = {"columns": {"episode_id": "a", "score": "b", "session": "c", "pressure": "d", "age": "e",
                    "recurrent": "f", "condition": "g", "week": "h"},
        "constants": {"instrument": "nprs"}}  # fmt: skip


@QUIET
@given(st.lists(st.lists(CELL, min_size=8, max_size=8), min_size=1, max_size=6))
def test_a_flat_file_with_anything_in_its_cells(scratch, rows):
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    text = "\n".join(["a,b,c,d,e,f,g,h", *quoted])
    (scratch / "y.csv").write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        study = oc.load(scratch / "y.csv", FLAT)
    except OutcomesError:
        return
    assert check_all(study).startswith("Study(")
    assert len(study.assessments) <= len(rows)


@QUIET
@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 255)), min_size=1, max_size=30))
def test_a_workbook_with_broken_bytes(scratch, changes):
    whole = scratch / "whole.xlsx"
    if not whole.exists():
        write_template(whole)
    content = bytearray(whole.read_bytes())
    for place, byte in changes:
        content[place % len(content)] = byte
    (scratch / "z.xlsx").write_bytes(content)
    with pytest.raises(OutcomesError):  # the template is empty, so none of it is a study
        oc.load(scratch / "z.xlsx")


@QUIET
@given(st.text(max_size=60))
def test_any_text_for_a_map(scratch, text):
    (scratch / "m.toml").write_text(text, encoding="utf-8", errors="replace")
    (scratch / "v.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(OutcomesError):
        oc.load(scratch / "v.csv", scratch / "m.toml")
