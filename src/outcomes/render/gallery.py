"""The gallery: every figure of a study's answers as SVG and PNG, and a page that shows them."""

from __future__ import annotations

from pathlib import Path

from outcomes.folders import written_whole
from outcomes.privacy.disclosure import disclosure_for
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answers as ask_all
from outcomes.questions.disclosed import disclosed
from outcomes.render.document import Block, Document, Figure, Section
from outcomes.render.figures import draw, png_bytes, svg_bytes
from outcomes.render.figures.style import PRESETS
from outcomes.render.html import page_html
from outcomes.study import Study

PAGE = "gallery.html"


def gallery(study: Study, out: str | Path, *, instrument: str | None = None) -> Path:
    """Write every figure of the study's answers for page, phone and hall.

    Parameters
    ----------
    study : Study
        The study.
    out : str or Path
        Folder to write, whole or not at all.
    instrument : str, optional
        Instrument of the outcome; by default the one with most scores.

    Returns
    -------
    Path
        The folder: ``QUESTION-page.svg``, ``QUESTION-slide.png`` and so on (200 dots an inch), and
        ``gallery.html``.
    """
    rule = disclosure_for(study)
    given = tuple(disclosed(a, rule) for a in ask_all(study, instrument=instrument))
    drawn = tuple(answer for answer in given if answer.picture is not None)
    with written_whole(out, marker=PAGE) as folder:
        for answer in drawn:
            _write(answer, folder)
        (folder / PAGE).write_text(_page(study, drawn), encoding="utf-8", newline="")
    return Path(out)


def _write(answer: Answer, folder: Path) -> None:
    assert answer.picture is not None
    for preset in PRESETS:
        figure = draw(answer.picture, answer.source.label, preset)
        (folder / f"{answer.name}-{preset}.svg").write_bytes(svg_bytes(figure))
        (folder / f"{answer.name}-{preset}.png").write_bytes(png_bytes(figure))


def _page(study: Study, answers: tuple[Answer, ...]) -> str:
    blocks: tuple[Block, ...] = tuple(
        Figure(answer.picture, f"{answer.question} {answer.picture.alt}")
        for answer in answers
        if answer.picture is not None
    )
    title = f"Figures: {study.provenance.title or 'study'}"
    label = "SYNTHETIC" if study.provenance.synthetic else ""
    section = Section("figures", "Figures", blocks)
    return page_html(Document(title, "Every figure with its words", label, (section,)))
