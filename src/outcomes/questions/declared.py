"""Declared: what an analysis plan says of one question before anybody looks."""

from __future__ import annotations

from typing import Literal

from outcomes.intake.toml_records import Section

Role = Literal["primary", "secondary", "exploratory"]


class Declared(Section, frozen=True, kw_only=True):
    """One question declared beforehand.

    Parameters
    ----------
    question : str
        Short name of the question.
    instrument : str
        Instrument of the outcome; empty for any.
    role : {"primary", "secondary", "exploratory"}
        Its place in the plan.
    threshold : float or None
        Improvement that will count as enough, in the instrument's units.
    family : str
        Secondary questions of one family share the adjustment for their number.
    """

    question: str
    instrument: str = ""
    role: Role = "primary"
    threshold: float | None = None
    family: str = ""

    def covers(self, question: str, instrument: str) -> bool:
        """Whether it declares a question about an instrument."""
        return self.question == question and self.instrument in ("", instrument)
