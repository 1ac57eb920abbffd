"""The numbers behind the explorer: mean improvement by group, time and pressure, with support.

The curve of a group comes from the answer to how-much. Curves by pressure come from the model of
the pressure answer: its mean prediction for the scores of a group at a time, had every last visit
been at one level (an association). Where fewer than ten courses of the group have a score at that
time, or a score after that level, there is no cell; small counts of real data are suppressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.causal.visit_history import pressure_history
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import estimates, fixed_rows
from outcomes.questions.disclosed import decision, masked
from outcomes.questions.pressure import last_visit_fit, last_visit_rows, no_support
from outcomes.study import Study

GIVEN = "given"
"""The pressure of a cell that holds for pressure as it was given."""
EVERYBODY = "all"


def change_cells(answer: Answer, axis: str) -> pd.DataFrame:
    """Return the cells of change during care.

    Parameters
    ----------
    answer : Answer
        To how-much, small cells already suppressed.
    axis : str
        Its time axis.

    Returns
    -------
    DataFrame
        ``group, time, pressure`` (empty), ``n_episodes, estimate, conf_low, conf_high``; suppressed
        cells are not there, and a count that is not told is missing.
    """
    curve = answer.table[answer.table["kind"] == "curve"].rename(columns={axis: "time"})
    columns = ["group", "time", "n_episodes", "estimate", "conf_low", "conf_high"]
    shown = curve[columns].dropna(subset=["estimate"])
    return shown.assign(pressure="").reset_index(drop=True)


def pressure_cells(study: Study, course: CourseFrame, answer: Answer, rule: Disclosure) -> Any:
    """Return the cells by pressure of the last visit before the score.

    Parameters
    ----------
    study : Study
        The study.
    course : CourseFrame
        The rows of `answer`.
    answer : Answer
        To how-much; what is disclosed is judged as in its table.
    rule : Disclosure
        What may be shown.

    Returns
    -------
    DataFrame
        As `change_cells`; ``pressure`` is the Walton level as text, or ``given``. Empty where the
        pressure answer would refuse, or scores are not taken at visits.
    """
    if course.axis != "session_count" or not study.recorded("sessions", "pressure"):
        return pd.DataFrame()
    history = pressure_history(study, course.rows)
    rows = last_visit_rows(course.rows, history)
    if no_support(history, rows):
        return pd.DataFrame()
    found = _margins(replace(course, rows=rows), rule)
    record = answer.record
    safe = found if rule.exempt else masked(found, decision(found, record, rule), record)
    return safe.dropna(subset=["estimate"]).reset_index(drop=True)


def _margins(course: CourseFrame, rule: Disclosure) -> pd.DataFrame:
    """Mean prediction of each group at each time with the pressure set, or as it was."""
    rows, fit = course.rows, last_visit_fit(course)
    found = []
    for name, level in _levels(rows):
        matrix = fixed_rows(fit, rows if level is None else rows.assign(pressure=level))
        cells = [cell for cell in _cells(course) if _supported(rows, cell[2], level, rule)]
        weights = [matrix[at].mean(axis=0) for _, _, _, at in cells]
        labels = pd.DataFrame(
            {
                "group": [group for group, *_ in cells],
                "time": [time for _, time, *_ in cells],
                "pressure": name,
                "kind": "by pressure",
                "n_episodes": [rows.loc[at, "episode_id"].nunique() for *_, at in cells],
            }
        )
        found += [labels.join(estimates(fit, np.array(weights)))] if cells else []
    return pd.concat(found, ignore_index=True)


def _levels(rows: pd.DataFrame) -> list[tuple[str, float | None]]:
    levels = sorted(float(level) for level in rows["pressure"].unique())
    return [(GIVEN, None), *((f"{level:g}", level) for level in levels)]


def _cells(course: CourseFrame) -> Iterator[tuple[str, float, Any, Any]]:
    """Group, time, rows of the group, rows of the group at the time; with enough courses."""
    rows = course.rows
    everyone = np.ones(len(rows), dtype=bool)
    groups = {EVERYBODY: everyone}
    if course.group:
        names = rows[course.group].astype(str)
        groups |= {name: (names == name).to_numpy() for name in sorted(names.unique())}
    for group, own in groups.items():
        for time in course.times:
            at = own & (rows[course.axis] == time).to_numpy()
            if rows.loc[at, "episode_id"].nunique() >= LEAST_COURSES:
                yield group, time, own, at


def _supported(rows: pd.DataFrame, own: Any, level: float | None, rule: Disclosure) -> bool:
    """Whether enough courses of the group have a score after this level."""
    if level is None:
        return True
    count = rows.loc[own & (rows["pressure"] == level).to_numpy(), "episode_id"].nunique()
    return bool(count >= LEAST_COURSES and not rule.hides(count))
