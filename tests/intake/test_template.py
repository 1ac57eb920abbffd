"""A template filled in with its own drop-downs loads unchanged and breaks no rule."""

from __future__ import annotations

import openpyxl
import pytest

import outcomes as oc
from outcomes.dictionary.tables import END_REASONS, TABLES
from outcomes.errors import DataError, UnavailableError, UsageError
from outcomes.intake.template import GUIDE, write_template

FILLED = {
    "episodes": {"episode_id": "001", "condition": "headache", "age_band": "40-49", "minutes": 60,
                 "recurrent": "yes", "pressure_ceiling": "4 - strong", "end_reason": "plateau"},
    "sessions": {"episode_id": "001", "session": 1, "day": 0, "minutes": 45, "status": "attended",
                 "pressure": "3 - medium"},
    "assessments": {"episode_id": "001", "session": 1, "timing": "pre_session",
                    "instrument": "nprs", "score": 6},
    "goals": {"episode_id": "001", "instrument": "nprs", "target": 3, "by_day": 42},
}  # fmt: skip


def fill(path):
    book = openpyxl.load_workbook(path)
    for name, row in FILLED.items():
        place = {cell.value: cell.column for cell in book[name][1]}
        for column, value in row.items():
            book[name].cell(2, place[column], value)
    book.save(path)
    return path


def test_filled_in_it_loads_unchanged(tmp_path):
    study = oc.load(fill(write_template(tmp_path / "clinic.xlsx", tables=True)))
    assert repr(study) == "Study(1 episodes, 1 sessions, 1 scores, 1 goals)"
    assert not oc.check(study).items
    assert study.episodes["episode_id"].tolist() == ["001"]
    assert study.episodes["pressure_ceiling"].tolist() == [4]
    assert study.episodes["recurrent"].tolist() == [True]
    assert study.sessions["pressure"].tolist() == [3]


def offered(sheet, header):
    letter = next(cell.column_letter for cell in sheet[1] if cell.value == header)
    for rule in sheet.data_validations.dataValidation:
        if f"{letter}2" in rule.sqref:
            name, _, cells = rule.formula1.replace("$", "").replace("'", "").partition("!")
            return [cell[0].value for cell in sheet.parent[name][cells]]
    return None


def test_drop_downs(tmp_path):
    book = openpyxl.load_workbook(write_template(tmp_path / "clinic.xlsx", tables=True))
    assert book.sheetnames[0] == GUIDE
    assert offered(book["sessions"], "pressure") == [
        "0 - hold", "1 - light lotioning", "2 - heavy lotioning", "3 - medium", "4 - strong",
        "5 - deep",
    ]  # fmt: skip
    assert offered(book["episodes"], "minutes") == [15, 30, 45, 60, 75, 90, 105, 120]
    assert offered(book["episodes"], "end_reason") == list(END_REASONS)
    assert "nprs" in offered(book["assessments"], "instrument")
    assert offered(book["goals"], "target") is None
    for name, spec in TABLES.items():
        assert [cell.value for cell in book[name][1]] == list(spec.names)
    credit = [cell.value for row in book[GUIDE].iter_rows() for cell in row if cell.value]
    assert any("Tracy Walton" in str(text) for text in credit)


def test_as_csv(tmp_path):
    folder = write_template(tmp_path / "clinic")
    for name, row in FILLED.items():
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as lines:
            cells = [str(row.get(column, "")) for column in TABLES[name].names]
            lines.write(",".join(cells) + "\n")
    study = oc.load(folder)
    assert repr(study) == "Study(1 episodes, 1 sessions, 1 scores, 1 goals)"
    assert not oc.check(study).items


def test_one_that_is_not_filled_in_says_so(tmp_path):
    for place in (
        write_template(tmp_path / "a.xlsx", tables=True),
        write_template(tmp_path / "b"),
    ):
        with pytest.raises(DataError, match="a header alone"):
            oc.load(place)


def test_nothing_is_overwritten(tmp_path):
    place = fill(write_template(tmp_path / "clinic.xlsx", tables=True))
    before = place.read_bytes()
    with pytest.raises(UsageError, match="one that is there already"):
        write_template(place)
    assert place.read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="1 file of another origin"):
        write_template(tmp_path / "mine")


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnavailableError, match="no space"):
        write_template(tmp_path / "clinic.xlsx", tables=True)
    assert not list(tmp_path.iterdir())
