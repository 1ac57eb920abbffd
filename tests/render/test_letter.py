from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outcomes.errors import UsageError
from outcomes.render.letter import letter


def test_a_letter_is_one_page_about_one_course(synthetic_study: Any, tmp_path: Path) -> None:
    counted = synthetic_study.assessments["episode_id"].value_counts()
    folder = letter(synthetic_study, counted.index[0], tmp_path / "letter")
    text = (folder / f"letter-{counted.index[0]}.html").read_text(encoding="utf-8")
    for words in ("Confidential", "Script against care given", "Safety and cautions",
                  "What this cannot show", "Signature", "<svg", "SYNTHETIC"):  # fmt: skip
        assert words in text
    others = set(synthetic_study.episodes["episode_id"]) - {counted.index[0]}
    assert not [name for name in others if name in text]


def test_a_course_that_is_not_there_is_refused_without_naming_others(
    synthetic_study: Any, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="one of the study's episodes") as caught:
        letter(synthetic_study, "nobody", tmp_path / "letter")
    assert "nobody" not in str(caught.value)
    assert not (tmp_path / "letter").exists()
