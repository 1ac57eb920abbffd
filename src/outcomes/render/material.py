"""What a report is made of: every format renders from this."""

from __future__ import annotations

from dataclasses import dataclass

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.render.document import Document
from outcomes.study import Study


@dataclass(frozen=True, eq=False, slots=True)
class Material:
    """What a report is made of.

    Parameters
    ----------
    document : Document
        The report, numbers as words.
    answers : tuple of Answer
        Its answers, small cells already suppressed; at least one.
    study : Study
        The study they come from; what a format computes from it goes through `disclosure`.
    disclosure : Disclosure
        What may be shown.
    instrument : str
        Instrument of the answers; empty where the study has no scores.
    anyway : bool
        Whether the answers were given although errors of the import stand.
    """

    document: Document
    answers: tuple[Answer, ...]
    study: Study
    disclosure: Disclosure
    instrument: str = ""
    anyway: bool = False
