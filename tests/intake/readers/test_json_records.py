"""JSON of other programs than FHIR: their records are rows."""

from __future__ import annotations

import json

import pytest

from outcomes.intake.readers import read_source

ROWS = [{"client": {"name": "Ann Lee"}, "pain": 7, "came": True, "note": None},
        {"client": {"name": "Bo Ray"}, "pain": 6.5, "came": False}]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.json", json.dumps(ROWS)), ("x.json", json.dumps({"data": {"visits": ROWS}, "page": [1]})),
     ("x.ndjson", "\n".join(map(json.dumps, ROWS)))],
)  # fmt: skip
def test_records_are_rows(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    cells = read_source(tmp_path / name).cells
    own = cells[["client.name", "pain", "came"]].to_numpy().tolist()
    assert own == [["Ann Lee", "7", "True"], ["Bo Ray", "6.5", "False"]]
