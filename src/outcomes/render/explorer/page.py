"""The explorer as one HTML file: numbers, words, chart library and all; no request to any host.

The curve of a group comes from the answer to how-much. Curves by pressure come from the model of
the pressure answer: its mean prediction for the scores of a group at a time, had every last visit
been at one level (an association). Where fewer than 11 courses of the group have a score at that
time, or a score after that level, there is no cell; small counts of real data are suppressed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from outcomes import words
from outcomes.causal.visit_history import pressure_history
from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.pressure import WALTON
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer as ask
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, course_frame
from outcomes.questions.course_model import estimates, fixed_rows, of_whom
from outcomes.questions.disclosed import decision, disclosed, masked
from outcomes.questions.pressure import last_visit_fit, last_visit_rows, no_support
from outcomes.render.compose import Material
from outcomes.render.document import environment
from outcomes.study import Study
from outcomes.words import LABELS, direction, named, scale, when

GIVEN = "given"
"""The pressure of a cell that holds for pressure as it was given."""
EVERYBODY = "all"
NO_PRESSURE = "Pressure: too few courses have one before a score taken at a visit."
HOW_MUCH = "how-much"
ENDS = ("estimate", "conf_low", "conf_high")
AXES = {"session_count": "Sessions received", "week": "Week of care"}


def explorer_bytes(material: Material) -> bytes:
    """Return the explorer of a report.

    Parameters
    ----------
    material : Material
        What the report is made of. Of every instrument with scores the question how-much is asked;
        those it refuses are named with the reason.

    Returns
    -------
    bytes
        One HTML page, the same for the same study. It holds no number that rests on few courses.
    """
    given = {name: _answer(material, name) for name in material.study.scored_instruments()}
    made = [_instrument(material, name, a) for name, a in given.items() if not a.refused]
    shown = [one for one in made if one["times"]]
    titled = material.study.instrument
    refused = [(titled(name).title, a.reason) for name, a in given.items() if a.refused]
    refused += [(one["title"], "too few courses at any time.") for one in made if not one["times"]]
    limits = next((a.limits for a in given.values() if not a.refused), ())
    data = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    written = environment(__package__, "page").overlay(trim_blocks=True, lstrip_blocks=True)
    page = written.get_template("explorer.html.j2").render(
        document=material.document, source=material.answers[0].source, part=_part,
        data=Markup(data), instruments=shown, refused=refused, limits=limits,
    )  # fmt: skip
    return (page + "\n").encode("utf-8")


def _answer(material: Material, instrument: str) -> Answer:
    """Answer how-much; the report has it already for its own instrument."""
    known = [a for a in material.answers if a.name == HOW_MUCH]
    if known and instrument == material.instrument:
        return known[0]
    given = ask(material.study, HOW_MUCH, instrument=instrument, anyway=material.anyway)
    return disclosed(given, material.disclosure)


def _part(name: str) -> Markup:
    """Return a file of the page as it is: script, style or licence."""
    return Markup(files("outcomes.render.explorer").joinpath("page", name).read_text("utf-8"))


def _instrument(material: Material, name: str, given: Answer) -> dict[str, Any]:
    """Return what the page shows of one instrument."""
    measure = material.study.instrument(name)
    course = course_frame(material.study, name)
    levels = pressure_cells(material.study, course, given, material.disclosure)
    cells = pd.concat([change_cells(given, course.axis), levels], ignore_index=True)
    if course.group == "arm":  # arms are compared, and not a course of care together
        cells = cells[cells["group"] != EVERYBODY]
    times = sorted(cells["time"].unique())
    return {
        "name": name,
        "title": measure.title,
        "axis": "Week" if course.group == "arm" else AXES[course.axis],
        "yLabel": f"Improvement ({measure.unit})",
        "unit": measure.unit,
        "digits": (digits := words.digits_of(given.table)),
        "times": times,
        "when": [when(course.axis, time) for time in times],
        "start": times.index(course.horizon) if course.horizon in times else 0,
        "who": "Arm" if course.group == "arm" else "Condition",
        "groups": [[group, named(group)] for group in cells["group"].unique()],
        "pressures": [["", "as given"], *_levels(cells)],
        "noPressure": "" if len(levels) else NO_PRESSURE,
        "sentences": _sentences(course, measure),
        "curves": _curves(cells, times, measure, digits),
    }


def _levels(cells: pd.DataFrame) -> list[list[str]]:
    names = {f"{one.level:g}": one.name for one in WALTON}
    levels = sorted(set(cells["pressure"]) - {"", GIVEN})
    return [[level, f"{level} {names.get(level, '')}".strip()] for level in levels]


def _curves(
    cells: pd.DataFrame, times: list[float], measure: Instrument, digits: int
) -> dict[str, Any]:
    """Return the points of each curve: place of the time, numbers, words, courses."""
    return {
        f"{group}|{level}": [_point(row, times, measure, digits) for row in rows.to_dict("records")]
        for (group, level), rows in cells.groupby(["group", "pressure"], sort=False)
    }


def _point(row: dict[Any, Any], times: list[float], measure: Instrument, digits: int) -> list[Any]:
    said = LABELS["explorer"]["had" if row["pressure"] else "did"]
    worse = row["conf_high"] < 0
    size, low, high, _ = words.turned(row) if worse else (*(row[name] for name in ENDS), "")
    number = words.interval(size, low, high, digits, measure.unit)
    found = f"{direction(row, *said)} {words.unbroken(number)}"
    numbers = [round(float(row[name]), 4) for name in ENDS]
    known = row["pressure"] == "" and not math.isnan(row["n_episodes"])
    courses = int(row["n_episodes"]) if known else None
    return [times.index(row["time"]), *numbers, found, courses]


def _sentences(course: CourseFrame, measure: Instrument) -> dict[str, str]:
    """Return the sentences of the page, with places for what is picked."""
    said, arm = LABELS["explorer"], "_arm" * (course.group == "arm")
    chosen = {EVERYBODY: said["all"], "whom": said[f"whom{arm}"], "change": said[f"change{arm}"]}
    alike = {name: said[name] for name in ("pressure", "nothing", "nothingAtLevel")}
    about = {"title": measure.title, "scale": scale(measure), "whose": of_whom(course)}
    return {name: text.format(**about) for name, text in (chosen | alike).items()}


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
    found = _margins(replace(course, rows=rows))
    record = answer.record
    safe = found if rule.exempt else masked(found, decision(found, record, rule), record, rule)
    return safe.dropna(subset=["estimate"]).reset_index(drop=True)


def _margins(course: CourseFrame) -> pd.DataFrame:
    """Mean prediction of each group at each time with the pressure set, or as it was."""
    rows, fit = course.rows, last_visit_fit(course)
    found = []
    levels = sorted(float(level) for level in rows["pressure"].unique())
    for name, level in ((GIVEN, None), *((f"{level:g}", level) for level in levels)):
        matrix = fixed_rows(fit, rows if level is None else rows.assign(pressure=level))
        cells = [c for c in _cells(course) if level is None or _supported(rows, c[2], level)]
        weights = [matrix[at].mean(axis=0) for _, _, _, at in cells]
        each = [(a, time, rows.loc[at, "episode_id"].nunique()) for a, time, _, at in cells]
        labels = pd.DataFrame(each, columns=["group", "time", "n_episodes"])
        labels = labels.assign(pressure=name, kind="by pressure")
        found += [labels.join(estimates(fit, np.array(weights)))] if cells else []
    return pd.concat(found, ignore_index=True)


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


def _supported(rows: pd.DataFrame, own: Any, level: float) -> bool:
    """Whether enough courses of the group have a score after this level."""
    at = own & (rows["pressure"] == level).to_numpy()
    return bool(rows.loc[at, "episode_id"].nunique() >= LEAST_COURSES)
