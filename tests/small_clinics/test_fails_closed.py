"""A row, column, picture, label or sentence that nobody declared is nowhere in a real report."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli.shared import answer_json
from outcomes.privacy.text import Count, Share, Text
from outcomes.provenance import Provenance
from outcomes.questions.answer import Answer, Source
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.disclosed import disclosed
from outcomes.questions.picture import ROW, Picture
from outcomes.questions.question import Check
from outcomes.render.html import answer_html
from outcomes.study import Study, study_from_tables

SECRET = 7.6543
MARKS = ("7.65", "7.6543", "secret", "9 patients", "8 of 30 courses", "13 % of patients", "n = 7")
FORMATS = ["html", "docx", "pptx", "slides", "explorer"]


@pytest.fixture(scope="module")
def study() -> Study:
    ids = [f"e{i:02d}" for i in range(60)]
    names = ["episode_id", "day", "session", "instrument", "score"]
    rows = [(e, 7.0 * v, v + 1, "nprs", 6.0 - v) for e in ids for v in range(3)]
    scores = pd.DataFrame(rows, columns=names)
    visits = scores[["episode_id", "day", "session"]].assign(status="attended")
    return study_from_tables(
        {"episodes": pd.DataFrame({"episode_id": ids}), "sessions": visits, "assessments": scores},
        provenance=Provenance(title="Records of care"),
    )


def answer(study: Study) -> Answer:
    """Make an answer that is whole and declared; tests add to it what is not."""
    table = pd.DataFrame({
        "term": "all", "kind": ["improvement", "curve", "curve"], "group": "all",
        "session_count": [2.0, 1.0, 2.0], "n_episodes": 60, "estimate": [1.2, 0.6, 1.2],
        "std_error": 0.2, "df": 40.0, "p_value": 0.01, "conf_low": 0.1, "conf_high": 2.0,
    })  # fmt: skip
    data = table.iloc[1:].rename(columns={"session_count": "x"})
    data = data[["group", "x", "estimate", "conf_low", "conf_high", "n_episodes"]]
    picture = Picture("curves", data.assign(**{ROW: [1, 2]}).reset_index(drop=True),
                      "Improvement", "Sessions", "Points", "After 2 sessions: 1.2.")  # fmt: skip
    source = Source("t", "n", False, None, study.digest, "0.1", 60, 120)
    return Answer(
        "how-much", "How much?", Text("It fell by 1.2 points in ", Count(60, "course"), "."),
        source, table, picture, "A model.", "A mean.", checks=(Check("c", False, "all"),),
        limits=("A limit.",), record=QUESTIONS["how-much"],
    )  # fmt: skip


def row(given: Answer) -> Answer:
    new = given.table.tail(1).assign(kind="new kind", term="secret", group="secret",
                                     estimate=SECRET)  # fmt: skip
    table = pd.concat([given.table, new], ignore_index=True)
    more = given.picture.data.tail(1).assign(group="secret", estimate=SECRET, row=len(table) - 1)
    data = pd.concat([given.picture.data, more], ignore_index=True)
    return replace(given, table=table, picture=replace(given.picture, data=data))


def column(given: Answer) -> Answer:
    table = given.table.assign(median=SECRET, remark="secret")
    data = given.picture.data.assign(median=SECRET, remark="secret")
    return replace(given, table=table, picture=replace(given.picture, data=data))


def picture(given: Answer) -> Answer:
    data = given.picture.data.drop(columns=ROW).assign(estimate=SECRET, group="secret")
    return replace(given, picture=replace(given.picture, data=data, alt=f"secret {SECRET}"))


def label(given: Answer) -> Answer:
    table = given.table.assign(term="secret, n = 7")
    return replace(given, table=table)


def said(given: Answer) -> Answer:
    bare = "Of these, 9 patients did better (secret)."
    shown = replace(given.picture, alt=f"A line. {bare}", title=bare, y_label=f"Points, {bare}")
    return replace(given, sentence=f"It fell. {bare}", method=bare, picture=shown,
                   limits=("8 of 30 courses are secret.",),
                   checks=(Check("9 patients (secret)", False, "13 % of patients"),))  # fmt: skip


ADDED = (row, column, picture, label, said)


def everything(folder: Path) -> str:
    """Return all that a folder's files hold, archives in archives too."""

    def inside(content: bytes) -> str:
        if not content.startswith(b"PK"):
            return content.decode("utf-8", errors="ignore")
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return " ".join(inside(file.read(name)) for name in file.namelist())

    held = " ".join(inside(path.read_bytes()) for path in folder.iterdir())
    return held.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


@pytest.mark.parametrize("add", ADDED)
def test_what_nobody_declared_is_in_no_artefact(study: Study, tmp_path: Path, add: Any) -> None:
    given = add(answer(study))
    safe = disclosed(given)
    seen = answer_json(safe) + answer_html(safe)
    for audience in ("clinician", "analyst"):
        formats = FORMATS if audience == "clinician" else ["html"]
        out = oc.report(study, tmp_path / audience, formats, audience, answers=(given,))
        seen += everything(out)
    assert [mark for mark in MARKS if mark in seen] == []


def test_what_is_declared_is_there(study: Study, tmp_path: Path) -> None:
    seen = everything(oc.report(study, tmp_path / "out", ["html"], answers=(answer(study),)))
    assert "It fell by 1.2 points in 60 courses." in seen


def test_a_share_is_told_only_where_neither_part_is_few(study: Study) -> None:
    part = Text(Share(24, 60), " and ", Share(3, 60), " and ", Share(58, 60))
    given = replace(answer(study), sentence=part)
    assert disclosed(given).sentence == "40 % and under 20 % and over 80 %"
    assert disclosed(disclosed(given)).sentence == "40 % and under 20 % and over 80 %"
