"""No small clinic ends in a traceback: what cannot be answered is refused, the page is whole."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.privacy.text import UNDECLARED
from outcomes.questions.ask import QUESTIONS
from outcomes.render.formats import FORMATS
from outcomes.render.letter import letter

QUICK = (0, 3, 13, 15, 29, 34, 44, 45, 52, 57, 127, 134)
"""Each showed something once: a crash, a number that is none, or a question about nothing."""
BROKEN = re.compile(
    r"\b(nan|NaN|None|NaT|inf)\b|<NA>|\b0 of 0\b|\d\.\d{5,}|\bno of\b|\{[a-z_]+\}|\bof -\d",
    re.ASCII,
)
EMPTY = re.compile(
    r"<(section|ul|ol|tbody|figcaption|p|dd|dl|li|figure)\b[^>]*>\s*</\1>"
    r"|</h([2-4])>\s*(</section>|<h2)|</h3>\s*<h3"
)


def words_of(page: str) -> str:
    """Return what a reader reads of a page, pictures and data left out."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r"<(path|g|use|svg|rect|line|text)\b[^>]*>", " ", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " ")


def whole(page: str, *, filled_later: bool = False) -> None:
    assert UNDECLARED not in page
    broken = BROKEN.search(words_of(page))
    assert not broken, words_of(page)[max(0, broken.start() - 90) : broken.end() + 40]
    empty = None if filled_later else EMPTY.search(page)
    assert not empty, page[max(0, empty.start() - 200) : empty.end() + 40]


def asked(study: Any) -> tuple[Any, ...]:
    """Ask everything, about one course too; each answer has numbers or a reason."""
    given = oc.answers(study)
    one = oc.answer(study, "patient", episode=study.episodes["episode_id"].iloc[0])
    assert [a.name for a in given] == [q.name for q in QUESTIONS.values() if not q.about_one]
    for answer in (*given, one):
        assert bool(answer.reason) == answer.refused, answer.name
        texts = (answer.sentence, answer.method, *answer.limits,
                 *(f"{c.name} ({c.detail})." for c in answer.checks))  # fmt: skip
        for text in texts:
            assert text.rstrip().endswith((".", "?", ")")), (answer.name, text)
            assert not BROKEN.search(text), (answer.name, text)
            assert UNDECLARED not in text, (answer.name, text)
    return given


def reported(study: Any, out: Path, formats: list[str], given: tuple[Any, ...]) -> None:
    for audience in ("clinician", "analyst"):
        folder = oc.report(study, out / audience, formats, audience, answers=given)
        for name in formats:
            content = (folder / FORMATS[name].file).read_bytes()
            if name in ("html", "slides", "explorer"):
                whole(content.decode("utf-8"), filled_later=name == "explorer")
            if name in ("docx", "pptx"):
                with zipfile.ZipFile(folder / FORMATS[name].file) as file:
                    for part in file.namelist():
                        if re.search(r"(document|slide\d+|notesSlide\d+)\.xml$", part):
                            text = words_of(file.read(part).decode("utf-8"))
                            assert not BROKEN.search(text), (name, part)


def lettered(study: Any, out: Path, formats: list[str], courses: int) -> None:
    scored = set(study.assessments["episode_id"])
    for episode in study.episodes["episode_id"].head(courses):
        if episode not in scored:
            with pytest.raises(oc.UsageError, match="one without a score"):
                letter(study, episode, out)
            continue
        letter(study, episode, out, formats=formats)
        whole((out / f"letter-{episode}.html").read_text("utf-8") if episode.isalnum() else "")


@pytest.mark.quick(5)
@pytest.mark.parametrize("seed", QUICK)
def test_a_small_clinic_has_a_whole_page(small_clinic: Any, tmp_path: Path, seed: int) -> None:
    study = small_clinic(seed)
    folder = oc.report(study, tmp_path / "report", answers=asked(study))
    whole((folder / "index.html").read_text("utf-8"))
    lettered(study, tmp_path / "letters", ["html"], 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_every_format_of_many_small_clinics(
    small_clinic: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    study = small_clinic(seed)
    given = asked(study)
    every = list(FORMATS) if seed % 4 == 0 else ["html", "slides", "explorer"]
    reported(study, tmp_path, every, given)
    lettered(study, tmp_path / "letters", ["html", "docx"] if seed % 4 == 0 else ["html"], 3)
    where = str(study.save(tmp_path / "study"))
    checked = main(["check", where, "--json"])
    if study.assessments.empty and study.sessions.empty:  # courses alone are no study to read
        assert checked == 1
        assert "a table of assessments or of sessions; got none" in capsys.readouterr().err
        return
    assert checked == (0 if oc.check(study).ok else 1)
    capsys.readouterr()
    for name in ("safety", "how-much"):
        code = main(["answer", name, where, "--json"])
        assert code == 0 or not oc.check(study).ok
        assert "NaN" not in json.dumps(json.loads(capsys.readouterr().out))
