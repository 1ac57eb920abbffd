"""Declared: what an analysis plan says of one question before anybody looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError, refuse_all
from outcomes.intake.toml_records import Section, Texts, refuse_unknown
from outcomes.study import Study
from outcomes.words import named

Role = Literal["primary", "secondary", "exploratory"]
Unit = Literal["", "patient", "therapist", "clinic"]

LATER = ("episode_id", "patient_id", "arm", "therapist_id", "sessions_attended", "end_reason",
         "end_day")  # fmt: skip
"""Facts of a course that are not known when it begins, or that name it or what is compared."""
ALWAYS = ("question", "instrument", "role", "threshold", "family", "population")


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
    population : mapping of str to str or list of str
        Courses that it is about: values of columns of `episodes` known when care begins
        (``condition = ["neck_other", "low_back"]``); all courses by default.
    time : float or None
        When: weeks where arms are compared, visits are not known or `weeks` are declared, else
        sessions received before the score. By default the latest time that at least half of the
        courses reach.
    weeks : tuple of float
        Weeks at which scores are due, rising; told from the scores by default, and without arms
        only where visits are not known.
    window : float or None
        Weeks on either side of those within which a score belongs to them.
    covariates : tuple of str
        Columns of `episodes` known when care begins that arms are adjusted for, beside baseline.
    unit : {"", "patient", "therapist", "clinic"}
        What was allotted to the arms by chance; empty where the plan does not say.
    margin : float or None
        Non-inferiority margin, above 0, in the instrument's units: by how much an arm may be worse.
    """

    question: str
    instrument: str = ""
    role: Role = "primary"
    threshold: float | None = None
    family: str = ""
    population: Mapping[str, Texts] = {}
    time: float | None = None
    weeks: tuple[float, ...] = ()
    window: float | None = None
    covariates: tuple[str, ...] = ()
    unit: Unit = ""
    margin: float | None = None

    def covers(self, question: str, instrument: str) -> bool:
        """Whether it declares a question about an instrument."""
        return self.question == question and self.instrument in ("", instrument)

    @property
    def of_whom(self) -> str:
        """A sentence that names the declared population; empty for all courses."""
        parts = [
            f"{named(column)} {' or '.join(map(named, words))}"
            for column, words in self.population.items()
        ]
        return f" Declared population: {', '.join(parts)}." if parts else ""

    def refuse_unsound(self, fields: tuple[str, ...]) -> None:
        """Refuse what the question has no use for, and numbers that can mean nothing.

        Parameters
        ----------
        fields : tuple of str
            Fields beside `ALWAYS` that the question answers to.

        Raises
        ------
        UsageError
        """
        where = f"analysis plan, question {self.question}"
        early = [c.name for c in TABLES["episodes"].columns if c.name not in LATER]
        for part in ("population", "covariates"):
            refuse_unknown(
                getattr(self, part), early, f"a fact of the course known when care begins ({part})"
            )
        rising = all(b > a for a, b in zip((0.0, *self.weeks), self.weeks, strict=False))
        said = ", ".join(f"{week:g}" for week in self.weeks) or "no weeks"
        rules: dict[str, tuple[bool, str]] = {
            f"{name} is declared for a question that answers to it":
                (name in (*ALWAYS, *fields) or not getattr(self, name), "one that does not")
            for name in self.__struct_fields__
        }  # fmt: skip
        above = {"time": self.time, "window": self.window, "margin": self.margin}
        rules |= {
            f"{name} is a number above 0": (value is None or 0 < value < math.inf, f"{value}")
            for name, value in above.items()
        }
        rules["threshold is a number"] = math.isfinite(self.threshold or 0.0), f"{self.threshold}"
        once = len(set(self.covariates)) == len(self.covariates)
        rules["each covariate is named once"] = once, "one named again"
        rules["weeks rise from above 0"] = rising, said
        rules["a window has weeks"] = self.window is None or bool(self.weeks), said
        on_time = not (self.weeks and self.time) or self.time in self.weeks
        rules[f"time is one of the weeks: {said}"] = on_time, f"{self.time}"
        refuse_all([UsageError(must, got=got, where=where)
                    for must, (holds, got) in rules.items() if not holds])  # fmt: skip


def within(study: Study, population: Mapping[str, Texts]) -> Study:
    """Return the courses of a declared population with all their records.

    Parameters
    ----------
    study : Study
    population : mapping
        As in `Declared`; empty for all courses.

    Raises
    ------
    UsageError
        When a value is neither met nor one of the data contract.
    """
    if not population:
        return study
    inside = study.courses
    for name, words in population.items():
        met = set(study.courses[name].dropna().astype(str))
        said = [word for word in words if word not in met]  # what others bear is not told
        column = TABLES["episodes"].column(name)
        refuse_unknown(said, map(str, column.categories), f"a value of {name} in the population")
        inside = inside[inside[name].astype(str).isin(words)]
    tables = {name: getattr(study, name) for name in TABLES}
    kept = {
        name: table[table["episode_id"].isin(inside.index)].reset_index(drop=True)
        for name, table in tables.items()
    }
    return replace(study, **kept)
