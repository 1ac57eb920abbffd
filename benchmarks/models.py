"""What is timed: the models, and what is asked of a fit."""

from __future__ import annotations

from dataclasses import dataclass

FIXED = "improvement ~ condition * session + pressure + baseline"


@dataclass(frozen=True)
class Model:
    """One model, written for each kind of program.

    Parameters
    ----------
    fixed : str
        Fixed part.
    random : str
        Random or residual part in the syntax of lme4 and mmrm.
    group, slope : str
        First grouping factor, and the variable with a slope of its own in it ("" = none).
    second : str
        Second grouping factor ("" = none).
    residual : str
        Residual covariance ("" = independent residuals).
    sessions : tuple of int
        Fewest and most sessions of a patient.
    """

    fixed: str
    random: str
    group: str = "patient"
    slope: str = ""
    second: str = ""
    residual: str = ""
    sessions: tuple[int, int] = (4, 16)

    @property
    def formula(self) -> str:
        return f"{self.fixed} + {self.random}"


MODELS = {
    "intercept": Model(FIXED, "(1 | patient)"),
    "one": Model(FIXED, "(1 + session | patient)", slope="session"),
    "two": Model(
        FIXED, "(1 + session | patient) + (1 | therapist)", slope="session", second="therapist"
    ),
    "crossed": Model(
        FIXED, "(1 + session | patient) + (1 | seen_by)", slope="session", second="seen_by"
    ),
    "visits": Model(FIXED, "us(visit | patient)", residual="us", sessions=(6, 10)),
}
TASKS = ("fit", "satterthwaite", "kenward-roger")
