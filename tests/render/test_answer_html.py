from __future__ import annotations

import re
from typing import Any

from outcomes.render.html import answer_html


def test_an_answer_in_a_notebook_shows_sentence_figure_table_and_limits(make_answer: Any) -> None:
    text = make_answer()._repr_html_()
    assert "pain improved by 2.4" in text
    assert "What this cannot show" in text
    assert "SYNTHETIC DATA" in text
    assert text.count("<svg") == 2
    assert "<script" not in text


def test_two_answers_in_one_notebook_share_no_id(make_answer: Any) -> None:
    texts = answer_html(make_answer()), answer_html(make_answer({"all": 30}, synthetic=False))
    ids = [set(re.findall(r'\sid="([^"]+)"', text)) for text in texts]
    assert not ids[0] & ids[1]


def test_small_groups_of_real_data_are_hidden_in_a_notebook_too(make_answer: Any) -> None:
    text = answer_html(
        make_answer({"all": 160, "usual": 90, "other": 60, "rare": 10}, synthetic=False)
    )
    assert "too few to show" in text
    assert ">10<" not in text
