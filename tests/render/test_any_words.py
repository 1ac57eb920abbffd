"""No format fails on a word: control characters, dollar signs, other scripts, very long ones."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc
from outcomes.plain_text import cleaned
from outcomes.render.document import Document
from outcomes.render.formats import FORMATS
from outcomes.render.slides.teaching import teach
from outcomes.study import study_from_tables

WORDS = (
    "sciatica\x0bleft & <right>\x00\x1b[31m", r"$\frac{1}{2", "ألم الركبة", "膝痛と腰痛",
    "w" * 300, "=1+1", "`a` {{x}} #let *b* </script>",
)  # fmt: skip


def renamed(study: Any) -> Any:
    """Return the study with conditions of other names, some of them in its title too."""
    courses = study.episodes.copy()
    courses["condition"] = [WORDS[i % len(WORDS)] for i in range(len(courses))]
    title = f"{WORDS[0]} {WORDS[1]} {'of a long title ' * 30}"
    tables = {name: study.table(name) for name in ("sessions", "assessments", "goals")}
    provenance = replace(study.provenance, title=title)
    return study_from_tables({"episodes": courses, **tables}, provenance=provenance)


def test_every_format_takes_every_word(make_study: Any, tmp_path: Path) -> None:
    study = renamed(make_study(140))
    assert set(study.episodes["condition"]) == set(map(cleaned, WORDS))
    answers = (oc.answer(study, "conditions"), oc.answer(study, "how-much"))
    out = oc.report(
        study, tmp_path / "out", formats=list(FORMATS), answers=answers, date="\x002026" + "x" * 99
    )
    for kind in FORMATS.values():
        assert (out / kind.file).stat().st_size > 1000
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "…</title>" in page  # cut with a mark
    assert "\x00" not in page
    assert "=1+1" not in {cell for line in (out / "estimates.csv").read_text("utf-8").splitlines()
                          for cell in line.split(",")}  # fmt: skip
    with zipfile.ZipFile(out / "slides.pptx") as deck:
        for name in (n for n in deck.namelist() if n.endswith(".xlsx")):
            book = zipfile.ZipFile(io.BytesIO(deck.read(name)))
            assert all(b"<f>" not in book.read(part) for part in book.namelist())


def test_titles_are_cut_and_words_cleaned_whatever_made_them() -> None:
    made = Document("t" * 300, "s\x0b" * 200, "", (), "d" * 90)
    assert (len(made.title), len(made.subtitle), len(made.date)) == (120, 200, 40)
    assert made.title.endswith("…")
    assert "\x0b" not in made.subtitle


def test_a_deck_is_never_written_over_a_presenters_files(tmp_path: Path) -> None:
    (tmp_path / "slides.html").write_text("my own", encoding="utf-8")
    with pytest.raises(oc.UsageError, match="1 file of another origin"):
        teach("null", tmp_path)
    assert (tmp_path / "slides.html").read_text(encoding="utf-8") == "my own"
