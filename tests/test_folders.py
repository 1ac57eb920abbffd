from __future__ import annotations

import pytest

from outcomes.errors import UsageError
from outcomes.folders import written_whole


def write(target, text="new"):
    with written_whole(target, marker="marker.txt") as folder:
        (folder / "marker.txt").write_text(text, encoding="utf-8")


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    write(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "marker.txt").read_text(encoding="utf-8") == "new"


def test_an_earlier_output_is_replaced_whole(tmp_path):
    write(tmp_path / "out", "old")
    (tmp_path / "out" / "stale.txt").write_text("stale", encoding="utf-8")
    write(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["marker.txt"]


def write_half(target):
    with written_whole(target, marker="marker.txt") as folder:
        (folder / "marker.txt").write_text("half", encoding="utf-8")
        raise RuntimeError


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(RuntimeError):
        write_half(tmp_path / "out")
    assert (tmp_path / "out" / "marker.txt").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_files_is_not_touched(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match="a folder with other files"):
        write(tmp_path)
    assert (tmp_path / "thesis.docx").exists()


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="the name of a file"):
        write(tmp_path / "file")
