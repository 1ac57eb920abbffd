"""The explorer as one HTML file: numbers, words, chart library and all; no request to any host."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.pressure import WALTON
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer as ask
from outcomes.questions.course_frame import CourseFrame, course_frame
from outcomes.questions.disclosed import disclosed
from outcomes.render.explorer.cells import EVERYBODY, GIVEN, change_cells, pressure_cells
from outcomes.render.material import Material
from outcomes.words import decimals, interval, named, scale, when

NO_PRESSURE = "Pressure: too few courses have one before a score taken at a visit."
HOW_MUCH = "how-much"
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
    refused = [
        (material.study.instrument(n).title, a.reason) for n, a in given.items() if a.refused
    ]
    refused += [(one["title"], "too few courses at any time.") for one in made if not one["times"]]
    limits = next((a.limits for a in given.values() if not a.refused), ())
    environment = Environment(
        loader=PackageLoader("outcomes.render.explorer", "page"),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("explorer.html.j2").render(
        document=material.document, source=material.answers[0].source, part=_part,
        data=_json(shown), instruments=shown, refused=refused, limits=limits,
    )  # fmt: skip
    return (page + "\n").encode("utf-8")


def _answer(material: Material, instrument: str) -> Answer:
    """Answer how-much; the report has it already for its own instrument."""
    known = [a for a in material.answers if a.name == HOW_MUCH]
    if known and instrument == material.instrument:
        return known[0]
    return disclosed(
        ask(material.study, HOW_MUCH, instrument=instrument, anyway=material.anyway),
        material.disclosure,
    )


def _part(name: str) -> Markup:
    """Return a file of the page as it is: script, style or licence."""
    return Markup(files("outcomes.render.explorer").joinpath("page", name).read_text("utf-8"))


def _json(shown: list[dict[str, Any]]) -> Markup:
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


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
        "axis": AXES[course.axis],
        "yLabel": f"Improvement ({measure.unit})",
        "unit": measure.unit,
        "times": times,
        "when": [when(course.axis, time) for time in times],
        "start": times.index(course.horizon) if course.horizon in times else 0,
        "who": "Arm" if course.group == "arm" else "Condition",
        "groups": [[group, named(group)] for group in cells["group"].unique()],
        "pressures": [["", "as given"], *_levels(cells)],
        "noPressure": "" if len(levels) else NO_PRESSURE,
        "sentences": _sentences(course, measure),
        "curves": _curves(cells, times, measure),
    }


def _levels(cells: pd.DataFrame) -> list[list[str]]:
    levels = sorted(set(cells["pressure"]) - {"", GIVEN})
    return [[level, f"{level} {_level_name(float(level))}".strip()] for level in levels]


def _level_name(level: float) -> str:
    return WALTON[int(level)].name if level == int(level) else ""


def _curves(cells: pd.DataFrame, times: list[float], measure: Instrument) -> dict[str, Any]:
    """Return the points of each curve: place of the time, numbers, words, courses."""
    return {
        f"{group}|{pressure}": [_point(row, times, measure) for row in rows.to_dict("records")]
        for (group, pressure), rows in cells.groupby(["group", "pressure"], sort=False)
    }


def _point(row: dict[Any, Any], times: list[float], measure: Instrument) -> list[Any]:
    low, high = row["conf_low"], row["conf_high"]
    found = interval(row["estimate"], low, high, decimals(measure), measure.unit)
    verb = "improved" if row["estimate"] >= 0 else "changed"
    numbers = [round(float(row[name]), 4) for name in ("estimate", "conf_low", "conf_high")]
    known = row["pressure"] == "" and not math.isnan(row["n_episodes"])
    courses = int(row["n_episodes"]) if known else None
    return [times.index(row["time"]), *numbers, f"{verb} by {found}", courses]


def _sentences(course: CourseFrame, measure: Instrument) -> dict[str, str]:
    """Return the sentences of the page, with places for what is picked."""
    arm = course.group == "arm"
    whom = "in the {group} arm" if arm else "in courses for {group}"
    start = "Scores" if arm else "During care, scores"
    return {
        "whom": whom,
        EVERYBODY: "over all courses",
        "change": f"{start} on the {measure.title} {{found}} {{when}} {{whom}} ({scale(measure)}).",
        "pressure": f"{{When}} {{whom}}, scores on the {measure.title} that followed a visit at "
        "pressure {level} had {found}: an association with the score taken as exact, for "
        "therapists choose the pressure.",
        "nothing": "No data here: too few courses {when} {whom}.",
        "nothingAtLevel": "No data here: too few courses {when} {whom} at pressure {level}.",
    }
