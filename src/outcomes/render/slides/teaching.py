"""A teaching deck for a simulated trap: the question, the naive picture, why, the honest answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.folders import written_whole
from outcomes.planning.naive import NAIVE
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer as ask
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.picture import Picture
from outcomes.render.slides.deck import Deck, Slide, short_limits
from outcomes.render.slides.html_deck import deck_html
from outcomes.render.slides.pptx import pptx_bytes
from outcomes.render.slides.traps import SAME_VISIT, TRAPS, Trap
from outcomes.study import Study
from outcomes.synthetic.scenarios import SCENARIOS
from outcomes.synthetic.simulate import simulate
from outcomes.words import interval, percent, plain

INSTRUMENT = "nprs"
UNIT = "points"
MOST_HONEST = 3
WRITERS: Mapping[str, tuple[str, Callable[[Deck], bytes]]] = MappingProxyType(
    {
        "slides": ("slides.html", lambda deck: deck_html(deck).encode("utf-8")),
        "pptx": ("slides.pptx", pptx_bytes),
    }
)
"""File and writer of each format."""


@dataclass(frozen=True, eq=False, slots=True)
class Lesson:
    """What a simulated study says about a trap.

    Parameters
    ----------
    naive : DataFrame
        The naive picture: ``x`` or ``label``, estimate, conf_low, conf_high, n_episodes.
    compared : DataFrame
        Rows ``label, estimate, conf_low, conf_high``: naive, honest, truth; empty where the answer
        refuses.
    words : dict of str to str
        ``naive, honest, truth`` as the titles say them.
    """

    naive: pd.DataFrame
    compared: pd.DataFrame
    words: dict[str, str]


def teach(
    trap: str, out: str | Path, formats: Sequence[str] = ("slides",), *, seed: int = 1
) -> Path:
    """Write the teaching deck of a trap.

    Parameters
    ----------
    trap : str
        A key of `outcomes.render.slides.traps.TRAPS`.
    out : str or Path
        Folder to write, whole or not at all.
    formats : sequence of {"slides", "pptx"}
        HTML deck, PowerPoint.
    seed : int
        Of the simulated study.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError
        When the trap or a format is not known.
    """
    for given, known, what in (([trap], TRAPS, "the trap"), (formats, WRITERS, "a format")):
        if not set(given) <= set(known) or not given:
            must = f"{what} is one of {', '.join(known)}"
            raise UsageError(must, got=", ".join(map(repr, given)) or "none")
    with written_whole(out, "teach") as folder:
        made = teaching_deck(TRAPS[trap], seed)
        for name in formats:
            file, write = WRITERS[name]
            (folder / file).write_bytes(write(made))
    return Path(out)


def teaching_deck(trap: Trap, seed: int = 1) -> Deck:
    """Return the deck of a trap: question, naive picture, why, honest answer beside truth, limits.

    Parameters
    ----------
    trap : Trap
        The trap.
    seed : int
        Of the simulated study.
    """
    study = simulate(scenario=trap.scenario, seed=seed)
    answer = ask(study, trap.question, instrument=INSTRUMENT)
    lesson, scenario = _lesson(trap, study, answer), SCENARIOS[trap.scenario]
    notes = f"Naive: {scenario.naive}\n\nInstead: {scenario.honest}"
    setting = (
        f"{len(study.episodes)} simulated courses of care.",
        "The truth that made them is known, and stands on the last but one slide.",
    )
    slides = (
        Slide(trap.asks, None, setting, scenario.lesson),
        Slide(trap.naive_says.format(**lesson.words), _naive_picture(trap, lesson), (), notes),
        Slide(trap.because, None, trap.why, scenario.lesson),
        _honest_slide(trap, lesson, answer),
        Slide("What this cannot show", None, short_limits([answer]), "\n\n".join(answer.limits)),
    )
    source = answer.source
    words = f"Simulated: {trap.scenario}, seed {seed}, data {source.sha256[:8]}, outcomes"
    return Deck(
        "A trap whose truth is known", scenario.lesson, source.label,
        f"{words} {source.version}", slides,
    )  # fmt: skip


def _lesson(trap: Trap, study: Study, answer: Answer) -> Lesson:
    seen = _means(trap, study)
    if answer.refused:
        gap = float(seen["estimate"].max() - seen["estimate"].min())
        assert study.truth is not None
        share = percent(study.truth.parameters["therapist_icc"])
        return Lesson(seen, pd.DataFrame(), {"naive": f"{gap:.1f} {UNIT}", "truth": share})
    judged = _judged(trap, answer)
    naive = NAIVE[trap.naive](study, judged.iloc[0])
    truth, honest = _truth(trap, study), _honest_rows(judged)
    rows = [("naive analysis", *naive), *honest, (trap.truth_is, truth, truth, truth)]
    compared = pd.DataFrame(rows, columns=["label", "estimate", "conf_low", "conf_high"])
    digits = 1 if trap.divisor == 1 else 2
    words = {
        "naive": interval(*naive, digits, UNIT),
        "honest": _honest_words(honest, digits),
        "truth": plain(truth, digits),
    }
    return Lesson(seen, compared.assign(n_episodes=len(study.episodes)), words)


def _truth(trap: Trap, study: Study) -> float:
    assert study.truth is not None
    table = study.truth.estimands
    axis, moment = trap.truth_time
    here = (table["estimand"] == trap.estimand) & (table[axis] == moment)
    here &= (table["condition"] == "all") & (table["instrument"] == INSTRUMENT)
    return float(table.loc[here, "value"].to_numpy(float)[0]) / trap.divisor


def _judged(trap: Trap, answer: Answer) -> pd.DataFrame:
    """Rows of the answer: of its kind, all courses, at the time where it has one."""
    rows, (axis, moment) = answer.table[answer.table["kind"] == trap.kind], trap.time
    if "group" in rows and (rows["group"] == "all").any():
        rows = rows[rows["group"] == "all"]
    if axis in rows and rows[axis].notna().any():
        rows = rows[rows[axis] == moment]
    return rows.assign(**{axis: moment})


def _honest_rows(rows: pd.DataFrame) -> list[tuple[str, float, float, float]]:
    spaced = rows.iloc[np.linspace(0, len(rows) - 1, min(len(rows), MOST_HONEST), dtype=int)]
    named = len(spaced) > 1
    return [
        (
            str(row["term"]) if named else "honest analysis",
            float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]),
        )
        for row in spaced.to_dict("records")
    ]  # fmt: skip


def _honest_words(rows: list[tuple[str, float, float, float]], digits: int) -> str:
    if len(rows) == 1:
        return interval(*rows[0][1:], digits, UNIT)
    values = [row[1] for row in rows]
    return f"{min(values):.1f} to {max(values):.1f} {UNIT}"


def _means(trap: Trap, study: Study) -> pd.DataFrame:
    """Mean improvement by the naive column, scores as if independent; ten courses or more."""
    rows = study.trajectory(INSTRUMENT, same_visit=trap.column == SAME_VISIT)
    if study.provenance.control is not None:
        rows = rows[rows["arm"] != study.provenance.control]
    values: Any = rows[trap.column]
    name = "label" if trap.column == "therapist_id" else "x"
    rows = rows.assign(**{name: values if name == "label" else values.round()}).dropna(
        subset=[name, "improvement"]
    )
    cells = rows.groupby(name)
    table = pd.DataFrame(
        {
            "estimate": cells["improvement"].mean(),
            "spread": cells["improvement"].sem(),
            "n_episodes": cells["episode_id"].nunique(),
        }
    )
    table = table[table["n_episodes"] >= LEAST_COURSES].reset_index()
    half = 1.96 * table.pop("spread")
    return table.assign(
        group="means as seen", conf_low=table["estimate"] - half, conf_high=table["estimate"] + half
    )


def _naive_picture(trap: Trap, lesson: Lesson) -> Picture:
    table, forest = lesson.naive, "label" in lesson.naive
    first, last = (table.iloc[i] for i in (0, -1))
    ends = f"from {first['estimate']:.1f} at the first to {last['estimate']:.1f} at the last"
    return Picture(
        "forest" if forest else "curves", table, trap.asks,
        trap.column_label, "" if forest else f"Mean improvement ({UNIT}; up = better)",
        f"Mean improvement against {trap.column_label.lower()}, with 95 % intervals: {ends}.",
    )  # fmt: skip


def _honest_slide(trap: Trap, lesson: Lesson, answer: Answer) -> Slide:
    title = trap.honest_says.format(**lesson.words)
    notes = f"{answer.question} {answer.sentence}\n\n{answer.method}"
    if answer.refused:
        why = answer.reason[:1].upper() + answer.reason[1:]
        return Slide(title, None, (why, trap.truth_is.format(**lesson.words)), notes)
    spoken = "; ".join(
        f"{row['label']}: {interval(row['estimate'], row['conf_low'], row['conf_high'], 2)}"
        for row in lesson.compared.to_dict("records")
    )
    label = f"Improvement ({UNIT}{' a level' if trap.divisor != 1 else ''}; right = more)"
    picture = Picture("forest", lesson.compared, trap.asks, label, "", f"{spoken}.")
    return Slide(title, picture, (), notes)
