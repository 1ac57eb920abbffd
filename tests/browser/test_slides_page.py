"""Slides in a real browser: notes over the slide, and a second window for the presenter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outcomes.render.html import deck_html
from outcomes.render.slides.deck import Deck, Slide

pytestmark = pytest.mark.slow

NOTE = "document.querySelector('aside.here').textContent"
SEEN = "getComputedStyle(document.querySelector('aside.here')).display === 'block'"


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    made = [Slide(f"Claim {i}", None, ("One point",), f"Say {i}.") for i in (2, 3, 4)]
    page = tmp_path / "slides.html"
    page.write_bytes(deck_html(Deck("A deck", "About", "SYNTHETIC", "made by hand", tuple(made))))
    return page


def test_n_shows_the_notes_of_the_slide_that_is_seen(slides: Path, drive: Any) -> None:
    drive.open(slides)
    assert not drive.run(SEEN)
    drive.press("n", "ArrowRight")
    drive.wait(f"{NOTE} === 'Say 2.'", 10)
    assert drive.run(SEEN)
    drive.press("n")
    assert not drive.run(SEEN)


def test_p_opens_a_window_with_notes_and_either_window_leads_the_other(
    slides: Path, drive: Any
) -> None:
    drive.open(slides)
    drive.press("ArrowRight", "p")
    hall, own = drive.windows(slides.as_uri(), f"{slides.as_uri()}?notes#1")
    drive.lead(own)
    drive.wait(f"{NOTE} === 'Say 2.'", 10)  # it opens where the hall is
    drive.lead(hall)
    drive.press("ArrowRight")
    drive.lead(own)
    drive.wait(f"{NOTE} === 'Say 3.'", 10)
    assert drive.run(SEEN)
    drive.press("ArrowRight")
    drive.lead(hall)
    drive.wait(f"{NOTE} === 'Say 4.'", 10)
    assert not drive.run(SEEN)  # the hall never sees the notes
    drive.press("ArrowLeft")
    drive.lead(own)
    drive.wait(f"{NOTE} === 'Say 3.'", 10)
