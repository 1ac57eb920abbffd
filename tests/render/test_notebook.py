"""What users hold shows itself: studies, findings, answers, fits."""

from __future__ import annotations

from html import unescape
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.render.notebook import BOUND, Answers
from outcomes.study import study_from_tables


@pytest.fixture(scope="module")
def study() -> Any:
    return oc.load("data/synthetic")


def test_a_study_shows_what_it_holds_and_that_it_is_simulated(study: Any) -> None:
    shown = study._repr_html_()
    assert "SYNTHETIC data" in shown
    assert f"{len(study.sessions):,}" in shown
    assert "Numeric pain rating scale" in shown


def test_a_real_study_has_no_stamp_and_odd_words_are_words() -> None:
    scores = pd.DataFrame({"episode_id": ["a"], "session": [1], "instrument": "nprs", "score": [5]})
    shown = study_from_tables({"assessments": scores})._repr_html_()
    assert "SYNTHETIC" not in shown


def test_findings_say_what_to_do(study: Any) -> None:
    found = oc.check(study)
    shown = found._repr_html_()
    for remedy in found.table["remedy"]:
        assert remedy[:20] in unescape(shown)
    assert "0 errors" not in shown
    assert "no errors" in shown


def test_answers_show_each_question_with_its_sentence(study: Any) -> None:
    one = oc.answer(study, "goals")
    shown = Answers([one])._repr_html_()
    assert one.question in unescape(shown)
    assert "SYNTHETIC data" in shown
    assert Answers([])._repr_html_().count("<tr>") == 1


@pytest.mark.parametrize("owner", BOUND, ids=lambda owner: owner.__name__)
def test_every_bound_name_is_there_and_documented(owner: type) -> None:
    for name in BOUND[owner]:
        assert hasattr(owner, name)
        if not name.startswith("_") and name != "figure":
            assert getattr(owner, name).__doc__
