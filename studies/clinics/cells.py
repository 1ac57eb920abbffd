"""What is asked of which clinic, and what is true: one cell each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

import outcomes as oc
from outcomes.questions.answer import Answer
from outcomes.study import Study, study_from_tables
from studies.clinics.arms import Trial, trial_study
from studies.clinics.chosen import World, records
from studies.clinics.clinic import Clinic, Rng, clinic_study, true_mean

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """One question asked of many studies of one kind.

    Parameters
    ----------
    name : str
        Also the seed of its studies.
    make : callable of Generator
        Returns a study.
    question : str
    judged : callable of Answer
        Returns the rows that are judged: ``label, estimate, low, high, truth``.
    options : mapping
        Further arguments of `oc.answer`.
    """

    name: str
    make: Callable[[Rng], Study]
    question: str
    judged: Callable[[Answer], Records]
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, rng: Rng) -> Records:
        """Return what one study gave; one row ``refused`` where nothing was answered."""
        answer = oc.answer(self.make(rng), self.question, **self.options)
        if answer.refused:
            return [{"label": "refused", "reason": answer.reason}]
        return self.judged(answer)


def _row(label: str, found: Mapping[Any, Any], truth: float) -> dict[str, Any]:
    return {
        "label": label, "estimate": found["estimate"], "low": found["conf_low"],
        "high": found["conf_high"], "truth": truth, "df": found.get("df", np.nan),
    }  # fmt: skip


@cache
def _truth(clinic: Clinic) -> Callable[[float], float]:
    return true_mean(clinic)


def _sessions_said(answer: Answer) -> float:
    found = re.search(r"after (\d+) (?:or more )?session", answer.sentence) or re.search(
        r"after (\d+) session", answer.picture.title if answer.picture else ""
    )
    return float(found.group(1)) if found else np.nan


def _mean_of(clinic: Clinic, kind: str) -> Callable[[Answer], Records]:
    def judged(answer: Answer) -> Records:
        time, table = _sessions_said(answer), answer.table
        rows = table[table["kind"] == kind]
        if "group" in rows and kind != "delta":
            rows = rows[rows["group"].isna() | (rows["group"] == "all")]
        if kind == "curve":
            rows = rows[rows["session_count"] == time]
        found = rows.to_dict("records")[0]
        label = "mean" if np.isfinite(found["conf_low"]) else "mean without an interval"
        return [_row(label, found, _truth(clinic)(time))]

    return judged


def _by_condition(clinic: Clinic) -> Callable[[Answer], Records]:
    names = ("neck_other", "low_back", "headache", "sciatica")

    def judged(answer: Answer) -> Records:
        time, records = _sessions_said(answer), []
        for found in answer.table.to_dict("records"):
            more = clinic.conditions[names.index(found["term"])]
            own = replace(clinic, growth=clinic.growth + more, conditions=(0.0,))
            records.append(_row(found["kind"], found, _truth(own)(time)))
        return records

    return judged


def _over_time(clinic: Clinic) -> Callable[[Answer], Records]:
    later = replace(clinic, growth=clinic.growth + clinic.drift)

    def judged(answer: Answer) -> Records:
        found, title = answer.table.to_dict("records")[0], answer.picture and answer.picture.title
        time = float(re.search(r"after (\d+) session", f"{answer.sentence} {title}")[1])  # type: ignore[index]
        more = _truth(later)(time) - _truth(clinic)(time)
        said = {"label": "said to change", "said": "No clear change" not in answer.sentence}
        return [said] if clinic.worse else [_row("trend", found, more), said]

    return judged


def _headline(answer: Answer) -> Records:
    first = answer.table.to_dict("records")[0]
    time = "week" if "week" in answer.table else "session_count"
    last = answer.table[answer.table[time] == first[time]]
    last = last[last["kind"].isin(("constrained", "ancova")) & (last["kind"] != first["kind"])]
    rest = [_row(row["kind"], row, 0.0) for row in last.to_dict("records")]
    return [_row("headline", first, 0.0), *rest]


def _clinic_cells(name: str, clinic: Clinic) -> list[Cell]:
    def make(rng: Rng) -> Study:
        return clinic_study(clinic, rng)

    return [
        Cell(f"how-much {name}", make, "how-much", _mean_of(clinic, "improvement")),
        Cell(f"sessions {name}", make, "sessions", _mean_of(clinic, "curve")),
        Cell(f"leavers {name}", make, "leavers", _mean_of(clinic, "delta")),
    ]


def _trial_cell(name: str, trial: Trial, **options: Any) -> Cell:
    return Cell(f"trial {name}", lambda rng: trial_study(trial, rng), "trial", _headline, options)


TRUE_OF = {"last visit": 1.0, "curvature": 0.0, "within": 1.0, "error allowed for": 1.0,
           "sustained": 1.0, "equal weeks": 1.0}  # fmt: skip
"""Kinds of rows of which the effect of one level is true, or nothing; of others neither is."""


def _chosen(name: str, question: str, world: World) -> Cell:
    def make(rng: Rng) -> Study:
        return study_from_tables(records(world, int(rng.integers(2**31))))

    def judged(answer: Answer) -> Records:
        table = answer.table[answer.table["kind"].isin(TRUE_OF)]
        rows = [
            _row(row["kind"], row, TRUE_OF[row["kind"]] * world.effect)
            for row in table.to_dict("records")
        ]
        said = "an association" in answer.sentence
        return [*rows, {"label": "said to be an association", "said": said}]

    return Cell(f"{question} {name}", make, question, judged)


def _chosen_cells() -> list[Cell]:
    weeks = World(clock="weeks", visits=12)
    pain = World(answers="pain")
    return [
        _chosen("course", "pressure", World()),
        _chosen("course that varies", "pressure", World(benefit_varies=1.0)),
        _chosen("firm and skilled", "pressure",
                World(together=1.0, skill=0.6, skill_slope=0.1, firmness=0.7)),
        _chosen("pain", "pressure", pain),
        _chosen("pain that persists", "pressure",
                replace(pain, weeks=1.0, persistence=0.8, courses=100)),
        _chosen("habit and liking", "pressure", World(habit=0.5, preference=0.7)),
        _chosen("effect", "pressure", World(effect=0.15)),
        _chosen("effect and pain", "pressure", replace(pain, effect=0.3, courses=150)),
        _chosen("effect that stays", "pressure",
                World(effect=0.3, memory=1.0, courses=150, visits=6, leave_well=0.0,
                      leave_unhelped=0.0)),
        _chosen("no effect, 150 courses", "pressure",
                replace(pain, courses=150, weeks=1.0, persistence=0.8, benefit_varies=1.0)),
        _chosen("by chance", "frequency", replace(weeks, script="chance")),
        _chosen("by severity", "frequency", replace(weeks, script="severity")),
        _chosen("by score", "frequency", replace(weeks, script="score")),
        _chosen("by therapist", "frequency", replace(weeks, script="therapist")),
        _chosen("by each visit's score", "frequency", replace(weeks, script="each score")),
        _chosen("by chance, 400 courses", "frequency",
                replace(weeks, script="chance", courses=400)),
        _chosen("by severity, 400 courses", "frequency",
                replace(weeks, script="severity", courses=400)),
        _chosen("that persists", "pressure", World(habit=0.8)),
        _chosen("that drifts", "pressure", World(trend=0.2)),
        _chosen("course, 250 courses", "pressure", World(courses=250)),
        _chosen("pain, 250 courses", "pressure", replace(pain, courses=250)),
    ]  # fmt: skip


def _one_patient(name: str, world: World) -> Cell:
    """Return the cell of one patient where nobody changes: is one said to be better."""

    def make(rng: Rng) -> Study:
        return study_from_tables(records(world, int(rng.integers(2**31))))

    def judged(answer: Answer) -> Records:
        better = "really better" in answer.sentence
        return [{"label": "said to be better", "said": better}]

    return Cell(f"patient {name}", make, "patient", judged, {"episode": "c0"})


"""Points by which those who come in a week of their own that is 1 point worse are better later."""


UNEQUAL = 1.7
"""Of twelve therapists the first then has 57 % of the courses, four less than 2 %."""


def _all() -> list[Cell]:
    still = World(natural=0.0, benefit=0.0, skill=0.0, slope=0.0, leave_well=0.0, visits=6)
    cells = _chosen_cells()
    cells += [_one_patient(f"nobody changes, entry {entry:g}", replace(still, entry=entry))
              for entry in (0.0, 5.0, 6.0)]  # fmt: skip
    for courses, therapists in ((60, 6), (25, 3), (40, 4), (120, 12), (18, 2), (20, 1)):
        for sd in (0.0, 0.5):
            clinic = Clinic(courses=courses, therapists=therapists, therapist_sd=sd)
            cells += _clinic_cells(f"{courses} courses, {therapists} therapists, sd {sd}", clinic)
    for courses, therapists in ((25, 3), (40, 4), (60, 6), (120, 12)):
        for sd in (0.0, 0.5):
            clinic = Clinic(
                courses=courses, therapists=therapists, therapist_sd=sd, unequal=UNEQUAL
            )
            cells += _clinic_cells(
                f"{courses} courses, {therapists} very unequal therapists, sd {sd}", clinic
            )
    for patients in (10, 20):
        clinic = Clinic(courses=3 * patients, each=3, therapists=4, growth_sd=1.2)
        cells += _clinic_cells(f"{patients} patients, 3 courses each", clinic)
    for name, clinic in (
        ("nothing changes", Clinic(courses=120)),
        ("nothing changes, patients who return", Clinic(courses=120, each=3)),
        ("patients come ever worse", Clinic(courses=120, worse=0.5)),
        ("better by 0.3 a year", Clinic(courses=200, drift=0.3)),
    ):
        cells.append(Cell(f"over-time {name}", _maker(clinic), "over-time", _over_time(clinic)))
    slopes = Clinic(therapist_slope_sd=0.15)
    cells += _clinic_cells("60 courses, 6 therapists, slopes", slopes)
    for name, clinic in (
        ("3 conditions, 6 therapists", Clinic(courses=90, conditions=(0.0, 0.4, -0.4))),
        ("3 conditions, 6 therapists who differ",
         Clinic(courses=90, therapist_sd=0.5, conditions=(0.0, 0.4, -0.4))),
        ("2 conditions, 4 therapists who differ",
         Clinic(courses=60, therapists=4, therapist_sd=0.5, conditions=(0.0, 0.0))),
        ("3 conditions, 6 therapists, slopes",
         replace(slopes, courses=90, conditions=(0.0, 0.4, -0.4))),
    ):  # fmt: skip
        cells.append(
            Cell(f"conditions {name}", _maker(clinic), "conditions", _by_condition(clinic))
        )
    for each in (3, 4, 6, 10):
        for sd in (0.0, 0.5):
            own = Trial(each=each, therapist_sd=sd, patients=12 * each)
            for trial in (
                replace(own, therapists="nested"),
                replace(own, therapists="one arm"),
                replace(own, therapists="crossed", skill_sd=sd),
            ):
                cells.append(_trial_cell(f"{trial.therapists}, {each} an arm, sd {sd}", trial))
            dateless = replace(own, therapists="nested", dated=False)
            cells.append(_trial_cell(f"nested, {each} an arm, sd {sd}, no days", dateless))
    cells += [
        _trial_cell("leaving", Trial(leaving=0.35)),
        _trial_cell("15 + 15", Trial(patients=15)),
        _trial_cell("15 + 15, heavy tails", Trial(patients=15, heavy=True)),
        _trial_cell("days with SD 4", Trial(window_sd=4.0)),
        _trial_cell("days with SD 10", Trial(window_sd=10.0, weeks=(8,))),
    ]
    return cells


def _maker(clinic: Clinic) -> Callable[[Rng], Study]:
    return lambda rng: clinic_study(clinic, rng)


CELLS: dict[str, Cell] = {cell.name: cell for cell in _all()}
"""All cells by name."""
