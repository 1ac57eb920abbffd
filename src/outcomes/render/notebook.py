"""Answers as a notebook shows them: what `outcomes.answer` is, with figure and page of each."""

from __future__ import annotations

from matplotlib.figure import Figure

from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer, answers
from outcomes.render.answer_html import answer_html
from outcomes.render.figures import draw

__all__ = ["answer", "answers"]


def figure(given: Answer) -> Figure | None:
    """Return the answer's figure, or None when it has no picture."""
    return None if given.picture is None else draw(given.picture, label=given.source.label)


Answer.figure = property(figure)
Answer._repr_html_ = answer_html
