"""A teaching deck for a simulated trap: a case, the naive picture, what is wrong, the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.folders import written_whole
from outcomes.planning.truths import ARM, CHANGE, EVERY, LAST, NAIVE, TRUTHS
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer as ask
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.picture import Picture
from outcomes.render.formats import DECKS, FORMATS, check_available
from outcomes.render.slides.deck import Deck, Slide, claim
from outcomes.study import Study
from outcomes.synthetic.simulate import simulate
from outcomes.tables import Timing
from outcomes.words import (
    UNCHANGED,
    UNCLEAR,
    digits_of,
    ended,
    interval,
    percent,
    plain,
    sentence_case,
    with_interval,
)

INSTRUMENT = "nprs"
UNIT = "points"
MOST_HONEST = 3
NAIVE_ROW, HONEST_ROW = "naive analysis", "honest answer"
WRONG = "What is wrong with this picture?"
WAIT = "Wait, and let two people answer before you go on."
BELIEVE = "Say it as if you believed it."
_INTERVAL = ["estimate", "conf_low", "conf_high"]
ESTIMANDS = {
    "last": LAST, "every": EVERY, "change": CHANGE, "arm": ARM,
    "no care": "mean improvement without any care, by week", "bend": "",
}  # fmt: skip
"""Names of true values in traps.toml."""


class Trap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trap; ``{naive}``, ``{honest}`` and ``{truth}`` in its titles become numbers.

    Parameters
    ----------
    scenario, question, arm : str
        Of the generator and of the answers; the arm where there are several.
    naive : str
        The naive analysis, one of `outcomes.planning.truths.NAIVE`; empty where the
        largest gap in the picture is the naive finding.
    shows, axis : str
        Column that the naive picture shows mean improvement against, and its name.
    asks, case, poll : str
        The question, the case that the deck begins with, what the room is asked.
    vote : tuple of str
        What hands may go up for.
    naive_says, because, honest_says, rule, take_home : str
        The naive claim, why it misleads, the honest answer, the rule and the last question.
    why : tuple of str
        Points below `because`.
    kind, time : str, tuple of (str, float)
        Rows of the answer's table that are shown, and when; empty where the answer refuses.
    estimand, truth_time, truth_is : str, tuple of (str, float), str
        Key of `ESTIMANDS`, where it is read, and the name of its row.
    divisor, per : float, str
        True value in units of the answer's row: 2 for pressure 4 against 2, ``per level``.
    episodes : int
        Courses of the study; 0 as many as the scenario has.
    curve : bool
        Whether the three are shown as curves.
    seed, taught, tried : int
        Seed of a study that teaches, and how many of the seeds tried make one (seeds.json).
    """

    scenario: str
    question: str
    naive: str
    shows: str
    axis: str
    asks: str
    case: str
    poll: str
    vote: tuple[str, ...]
    naive_says: str
    because: str
    why: tuple[str, ...]
    honest_says: str
    rule: str
    take_home: str
    arm: str = ""
    kind: str = ""
    time: tuple[str, float] = ("session_count", 4)
    estimand: str = ""
    truth_time: tuple[str, float] = ("session_count", 4)
    truth_is: str = "truth (known here)"
    divisor: float = 1.0
    per: str = ""
    episodes: int = 0
    curve: bool = False
    seed: int = 1
    taught: int = 0
    tried: int = 0


def _read() -> Mapping[str, Trap]:
    place = files(__package__)
    text = place.joinpath("traps.toml").read_text(encoding="utf-8")
    seeds = msgspec.json.decode(place.joinpath("seeds.json").read_bytes())
    traps = msgspec.toml.decode(text, type=dict[str, tuple[Trap, ...]])["traps"]
    return MappingProxyType(
        {t.scenario: msgspec.structs.replace(t, **seeds.get(t.scenario, {})) for t in traps}
    )


TRAPS = _read()
"""Traps by scenario."""


@dataclass(frozen=True, eq=False, slots=True)
class Lesson:
    """What a simulated study says about a trap.

    Parameters
    ----------
    trap : Trap
        The trap.
    study : Study
        The study.
    answer : Answer
        The honest answer.
    seen : DataFrame
        The naive picture: ``x`` or ``label``, estimate, conf_low, conf_high, n_episodes.
    compared : DataFrame
        Rows ``label, estimate, conf_low, conf_high``: naive, honest, truth; empty where the answer
        refuses.
    words : dict of str to str
        ``naive, honest, truth`` as the titles say them.
    """

    trap: Trap
    study: Study
    answer: Answer
    seen: pd.DataFrame
    compared: pd.DataFrame
    words: dict[str, str]

    @property
    def unclear(self) -> bool:
        """Whether the honest answer refuses or finds no more than chance would bring."""
        return self.answer.refused or self.answer.verdict in (UNCLEAR, UNCHANGED)

    @property
    def teaches(self) -> bool:
        """Whether the naive interval misses the truth and the honest one holds it, nearer to it.

        Where the answer refuses or finds nothing clear: whether the naive gap is half a point or
        more. Where there is a bend: whether the honest interval excludes none. Where the truth is
        what happens without care: whether that is a third or more of the change read as an effect.
        Where only a wide interval is honest, it need not lie nearer.
        """
        if self.compared.empty:
            return bool(np.ptp(self.seen["estimate"]) >= 0.5 and self.unclear)
        naive, *honest, truth = (row for _, row in self.compared.iterrows())
        value = truth["estimate"]
        if self.trap.estimand == "no care":
            return bool(naive["conf_low"] > 0 and value >= naive["estimate"] / 3)
        low, high = min(r["conf_low"] for r in honest), max(r["conf_high"] for r in honest)
        if self.trap.estimand == "bend" and low <= 0 <= high:
            return False
        held = low <= value <= high and not naive["conf_low"] <= value <= naive["conf_high"]
        nearest = min(abs(row["estimate"] - value) for row in honest)
        wide = self.trap.estimand == "every"
        return bool(held and (wide or nearest < abs(naive["estimate"] - value)))


def teach(
    trap: str, out: str | Path, formats: Sequence[str] = ("slides",), *, seed: int | None = None
) -> Path:
    """Write the teaching deck of a trap.

    Parameters
    ----------
    trap : str
        A key of `TRAPS`.
    out : str or Path
        Folder to write, whole or not at all.
    formats : sequence of {"slides", "pptx"}
        HTML deck, PowerPoint.
    seed : int, optional
        Of the simulated study; by default one whose study teaches.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError
        When the trap or a format is not known.
    UnavailableError
        When a format needs a package that is not installed.
    """
    if trap not in TRAPS:
        must = f"the trap is one of {', '.join(TRAPS)}"
        raise UsageError(must, got=repr(trap))
    check_available(formats, DECKS, "a format is one of")
    with written_whole(out, "teach") as folder:
        made = teaching_deck(TRAPS[trap], seed)
        for name in formats:
            (folder / FORMATS[name].file).write_bytes(DECKS[name](made))
    return Path(out)


def teaching_deck(trap: Trap, seed: int | None = None) -> Deck:
    """Return the deck of a trap; what is wrong is said after the room has been asked.

    Parameters
    ----------
    trap : Trap
        The trap.
    seed : int, optional
        Of the simulated study; by default one whose study teaches.
    """
    chosen = trap.seed if seed is None else seed
    lesson = lesson_of(trap, chosen)
    picture = _naive_picture(trap, lesson.seen)
    naive, why = trap.naive_says.format(**lesson.words), " ".join(trap.why)
    asked = (trap.poll, *(f"{chr(65 + i)}: {choice}" for i, choice in enumerate(trap.vote)))
    slides = (
        Slide(trap.case, None, asked, f"{trap.case} Ask for hands: {' '.join(asked)}", trap.asks),
        Slide(naive, picture, (), f"{ended(naive)} {picture.alt} {BELIEVE}", trap.asks),
        Slide(WRONG, picture, (), f"{WRONG} {WAIT}", trap.asks),
        Slide(trap.because, None, trap.why, f"{ended(trap.because)} {why}", trap.asks),
        _reveal(trap, lesson),
        _rule(trap, lesson, chosen),
    )  # fmt: skip
    source = lesson.answer.source
    words = f"Simulated: {trap.scenario}, seed {chosen}, data {source.sha256[:8]}, outcomes"
    subtitle = "A case, a picture, and a question for the room"
    return Deck(trap.asks, subtitle, source.label, f"{words} {source.version}", slides)


def lesson_of(trap: Trap, seed: int) -> Lesson:
    """Return what the study of this seed says about a trap."""
    study = simulate(episodes=trap.episodes or None, scenario=trap.scenario, seed=seed)
    answer = ask(study, trap.question, instrument=INSTRUMENT)
    seen = _means(trap, study)
    assert study.truth is not None
    if not trap.kind:
        known = "therapist_icc" if answer.refused else "switch_share"
        words = {
            "naive": f"{np.ptp(seen['estimate']):.1f} {UNIT}",
            "truth": percent(study.truth.parameters[known]),
        }
        return Lesson(trap, study, answer, seen, pd.DataFrame(), words)
    judged = _judged(trap, answer)
    naive = NAIVE[trap.naive](study, judged.iloc[0])
    truth, honest = _truth(trap, study, trap.truth_time[1]), _honest_rows(judged)
    rows = [(NAIVE_ROW, *naive), *honest, (trap.truth_is, truth, truth, truth)]
    compared = pd.DataFrame(rows, columns=["label", *_INTERVAL])
    digits = digits_of(compared)
    words = {
        "naive": interval(*naive, digits, UNIT),
        "honest": _honest_words(honest, digits),
        "truth": plain(truth, digits),
    }
    return Lesson(trap, study, answer, seen, compared.assign(n_episodes=len(study.episodes)), words)


def _truth(trap: Trap, study: Study, moment: float) -> float:
    """Return the true value at a time, NaN where there is none."""
    assert study.truth is not None
    if trap.estimand == "bend":
        return TRUTHS["last curvature"](study, pd.Series(dtype=float))
    table = study.truth.estimands
    here = (table["estimand"] == ESTIMANDS[trap.estimand]) & (table["instrument"] == INSTRUMENT)
    here &= (table["condition"] == "all") & (table[trap.truth_time[0]] == moment)
    here &= (table["arm"] == trap.arm) | (trap.arm == "")
    values = table.loc[here, "value"].to_numpy(float)
    return float(values[0]) / trap.divisor if len(values) else float("nan")


def _of_kind(trap: Trap, answer: Answer) -> pd.DataFrame:
    rows = answer.table[answer.table["kind"] == trap.kind]
    if trap.arm:
        rows = rows[rows["arm"] == trap.arm]
    if "group" in rows and (rows["group"] == "all").any():
        rows = rows[rows["group"] == "all"]
    return rows


def _judged(trap: Trap, answer: Answer) -> pd.DataFrame:
    """Rows of the answer: of its kind, all courses, at the time where it has one."""
    rows, (axis, moment) = _of_kind(trap, answer), trap.time
    if axis in rows and rows[axis].notna().any():
        rows = rows[rows[axis] == moment]
    return rows.assign(**{axis: moment})


def _honest_rows(rows: pd.DataFrame) -> list[tuple[str, float, float, float]]:
    spaced = rows.iloc[np.linspace(0, len(rows) - 1, min(len(rows), MOST_HONEST), dtype=int)]
    return [
        (
            f"honest, {row['term']}" if len(spaced) > 1 else HONEST_ROW,
            float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]),
        )
        for row in spaced.to_dict("records")
    ]  # fmt: skip


def _honest_words(rows: list[tuple[str, float, float, float]], digits: int) -> str:
    if len(rows) == 1:
        return interval(*rows[0][1:], digits, UNIT)
    values = [row[1] for row in rows]
    return f"{plain(min(values), digits)} to {plain(max(values), digits)} {UNIT}"


def _means(trap: Trap, study: Study) -> pd.DataFrame:
    """Mean improvement by the naive column, scores as if independent; 11 courses or more."""
    moment: Timing = "immediate" if trap.naive.endswith("a visit") else "course"
    rows = study.trajectory(INSTRUMENT, moment, same_visit=trap.shows.endswith("same_visit"))
    if trap.arm:
        rows = rows[rows["arm"] == trap.arm]
    elif study.provenance.control is not None:
        rows = rows[rows["arm"] != study.provenance.control]
    values: Any = rows[trap.shows]
    name = "label" if trap.shows == "therapist_id" else "x"
    rows = rows.assign(**{name: values if name == "label" else values.round()})
    table = rows.dropna(subset=[name, "improvement"]).groupby(name).agg(
        estimate=("improvement", "mean"), spread=("improvement", "sem"),
        n_episodes=("episode_id", "nunique"),
    )  # fmt: skip
    table = table[table["n_episodes"] >= LEAST_COURSES].reset_index()
    if name == "label":
        table = table.sort_values("estimate", ascending=False, ignore_index=True)
    half = 1.96 * table.pop("spread")
    low, high = table["estimate"] - half, table["estimate"] + half
    return table.assign(group="naive means", conf_low=low, conf_high=high)


def _naive_picture(trap: Trap, seen: pd.DataFrame) -> Picture:
    forest = "label" in seen
    first, last = (seen.iloc[i] for i in (0, -1))
    places = ("top", "bottom") if forest else ("first", "last")
    ends = " to ".join(f"{plain(row['estimate'])} at the {place}"
                       for row, place in zip((first, last), places, strict=True))  # fmt: skip
    return Picture(
        "forest" if forest else "curves", seen, trap.asks,
        trap.axis, "" if forest else f"Mean improvement ({UNIT}; up = better)",
        f"Mean improvement against {trap.axis.lower()}, with 95 % intervals: from {ends}.",
    )  # fmt: skip


def _reveal(trap: Trap, lesson: Lesson) -> Slide:
    """Show naive, honest and truth on one axis; where the answer refuses, say why."""
    title = trap.honest_says.format(**lesson.words)
    answer = lesson.answer
    if not trap.kind:
        why = sentence_case(answer.reason) if answer.refused else answer.sentence
        points = [why, trap.truth_is.format(**lesson.words)]
        if not lesson.unclear:  # in this study there is more than chance would bring
            title = claim(points.pop(0))
        return Slide(title, None, (*points,), f"{ended(title)} {' '.join(points)}", trap.asks)
    digits = digits_of(lesson.compared)
    spoken = "; ".join(
        f"{row['label']}: {with_interval(row, digits)}"
        if row["conf_high"] > row["conf_low"] else f"{row['label']}: {lesson.words['truth']}"
        for row in lesson.compared.to_dict("records")
    )  # fmt: skip
    label = f"Improvement ({UNIT}{trap.per}; {'up' if trap.curve else 'right'} = better)"
    if trap.curve:
        picture = Picture(
            "curves", _three_curves(trap, lesson), title, trap.axis, label, f"{spoken}."
        )
    else:
        picture = Picture("forest", lesson.compared, title, label, "", f"{spoken}.")
    ends = lesson.words["honest"].partition(" (")[2]  # an answer at another time is another number
    told = f" {answer.sentence}" if ends and ends in answer.sentence else ""
    return Slide(title, picture, (), f"{ended(title)} {sentence_case(spoken)}.{told}", trap.asks)


def _three_curves(trap: Trap, lesson: Lesson) -> pd.DataFrame:
    """Return what is seen, the honest answer and the truth over the same times."""
    axis = trap.time[0]
    honest = _of_kind(trap, lesson.answer).rename(columns={axis: "x"})
    honest = honest[honest["x"] <= lesson.seen["x"].max()].assign(group=HONEST_ROW)
    values = [_truth(trap, lesson.study, moment) for moment in honest["x"]]
    truth = honest.assign(group=trap.truth_is, **dict.fromkeys(_INTERVAL, values))
    known = truth.dropna(subset=["estimate"])
    columns = ["group", "x", *_INTERVAL, "n_episodes"]
    shown: pd.DataFrame = pd.concat([part[columns] for part in (lesson.seen, honest, known)])
    return shown.reset_index(drop=True)


def _taught(lesson: Lesson) -> str:
    """Say what counted as teaching; see `Lesson.teaches`."""
    if lesson.compared.empty:
        unclear = "" if lesson.answer.refused else ", and no more than chance would bring"
        return f"the naive difference was half a point or more{unclear}"
    if lesson.trap.estimand == "bend":
        return "the honest interval held the truth and showed a bend"
    if lesson.trap.estimand == "no care":
        return "a third or more of the change came without any care"
    nearer = "" if lesson.trap.estimand == "every" else " and lay nearer"
    return f"the naive interval missed the truth, and the honest one held it{nearer}"


def _rule(trap: Trap, lesson: Lesson, seed: int) -> Slide:
    """Return the last slide: one rule, one question, and how often such a study teaches it."""
    often = f"In {trap.taught} of {trap.tried} simulated studies {_taught(lesson)}."
    luck = () if lesson.teaches else (f"This study (seed {seed}) is not one of them.",)
    points = (trap.take_home, *((often,) if trap.tried else ()), *luck)
    return Slide(trap.rule, None, points, f"{ended(trap.rule)} {' '.join(points)}", trap.asks)
