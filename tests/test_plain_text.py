"""Words as words: what is taken out, what is kept, and that a spreadsheet runs none of them."""

from __future__ import annotations

import csv
import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.plain_text import (
    cleaned,
    neutralised,
    read_toml,
    restored,
    same_letters,
    shortened,
)
from outcomes.questions.plan import read_plan
from outcomes.study import study_from_tables

TEXT = st.text(max_size=20) | st.text("'=+-@\t\r＝ a1", max_size=6)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("sciatica\x0bleft", "sciatica left"),
        ("\x1b[31mred\x1b[0m knee", "red knee"),
        ("\x1b]0;title\x07knee", "knee"),
        ("a\x00b\x07", "a b"),
        ("kn\u200bee\u00ad", "knee"),
        ("\u202eeenk", "eenk"),
        ("knee \ud800 x", "knee x"),
        ("two\r\nlines\u2028more", "two lines more"),
        ("ألم الركبة", "ألم الركبة"),
        ("घुटने का दर्द", "घुटने का दर्द"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that letters need
        ("7 \N{NO-BREAK SPACE}mm", "7 \N{NO-BREAK SPACE}mm"),
        ("\x00", ""),
    ],
)
def test_what_nobody_sees_is_taken_out_and_letters_stay(text, becomes):
    assert cleaned(text) == becomes


@given(TEXT)
def test_no_control_character_is_left_and_clean_text_stays(text):
    once = cleaned(text)
    assert cleaned(once) == once
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in once)


@given(TEXT)
def test_what_is_neutralised_comes_back_and_is_no_formula(text):
    assert restored(neutralised(text)) == text
    assert neutralised(text)[:1] not in set("=+-@\t\r＝＋－＠")


@given(TEXT, st.integers(1, 10))
def test_shortened_text_is_short_and_marked(text, most):
    short = shortened(text, most)
    assert len(short) <= most
    assert short == text or short.endswith("…")


@given(st.characters())
def test_letters_of_every_script_are_folded_without_an_error(sign):
    assert isinstance(same_letters(sign), str)


@pytest.mark.parametrize("word", ["=1+1", "+x", "-5", "@SUM(A1)", "'=x", "''-", "－x", "plain"])
def test_a_study_with_formulas_comes_back_and_none_is_written(tmp_path, word):
    scores = {"episode_id": ["a", "a"], "day": [-7, 0], "instrument": "nprs", "score": [6, 4]}
    courses = pd.DataFrame({"episode_id": ["a"], "condition": [word]})
    study = study_from_tables({"episodes": courses, "assessments": pd.DataFrame(scores)})
    place = study.save(tmp_path / "study")
    with (place / "episodes.csv").open(encoding="utf-8", newline="") as lines:
        (cell,) = {row["condition"] for row in csv.DictReader(lines)}
    assert cell[:1] not in set("=+-@－")
    again = oc.load(place)
    pd.testing.assert_frame_equal(again.episodes, study.episodes, check_dtype=False)
    pd.testing.assert_frame_equal(again.assessments, study.assessments, check_dtype=False)


def test_words_are_cleaned_with_a_count_on_the_way_in(tmp_path):
    (tmp_path / "episodes.csv").write_text("episode_id,condition\na,knee\x0bleft\nb,knee\n")
    (tmp_path / "assessments.csv").write_text(
        "episode_id,day,instrument,score\na,0,nprs,6\nb,0,nprs,5\n"
    )
    study = oc.load(tmp_path)
    assert study.episodes["condition"].tolist() == ["knee left", "knee"]
    (found,) = [item for item in oc.check(study).items if item.rule == "R60"]
    assert (found.table, found.column, found.count, found.first_row) == (
        "episodes", "condition", 1, 2,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_words_is_read_whatever_mark_its_editor_left(tmp_path, encoding):
    path = tmp_path / "plan.toml"
    path.write_bytes('title = "Müller"\n[primary]\nquestion = "how-much"\n'.encode(encoding))
    assert read_toml(path, "a plan") == {"title": "Müller", "primary": {"question": "how-much"}}
    assert read_plan(path).title == "Müller"


def test_what_is_no_such_file_is_told_apart(tmp_path):
    (tmp_path / "odd.toml").write_bytes(b"= 3")
    (tmp_path / "bytes.toml").write_bytes(b"\x80\x81")
    said = {"": "leads to a file; got a folder", "no.toml": "leads to a file; got nothing there",
            "odd.toml": "a plan is a TOML file; got Invalid statement .at line 1, column 1.",
            "bytes.toml": "a plan is a TOML file; got other bytes"}  # fmt: skip
    for name, words in said.items():
        with pytest.raises(UsageError, match=words):
            read_toml(tmp_path / name, "a plan")
