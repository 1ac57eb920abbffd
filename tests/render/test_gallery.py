from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outcomes.render.gallery import gallery


def test_the_gallery_holds_each_figure_in_each_size(
    synthetic_study: Any, make_answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outcomes.render.gallery.ask_all", lambda *_, **__: (make_answer(),))
    folder = gallery(synthetic_study, tmp_path / "gallery")
    names = {path.name for path in folder.iterdir()}
    sizes = {f"how-much-{size}.{kind}" for size in ("page", "phone", "slide") for kind in
             ("svg", "png")}  # fmt: skip
    assert names == {*sizes, "gallery.html"}
    assert "Mean improvement after 6 sessions" in (folder / "gallery.html").read_text("utf-8")
