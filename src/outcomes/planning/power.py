"""What a study of a design can show: power and precision, by simulation and the real answer."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes import __version__
from outcomes.errors import DesignError, UsageError
from outcomes.planning.batch import simulated
from outcomes.planning.repeated import (
    Progress,
    Wanted,
    counted,
    known,
    repeated,
    seeds_from,
    silent,
    told,
)
from outcomes.planning.roads import asked_of_all
from outcomes.planning.truths import TRUTHS
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.course_model import LEAST_CLUSTERS, LEAST_RANDOM
from outcomes.questions.declared import Declared
from outcomes.questions.plan import Plan, read_plan
from outcomes.synthetic.design import Design
from outcomes.words import counted as counted_words
from outcomes.words import percent_with_interval, when

CHANGE_ONLY = (
    " This is change during care: no number of courses turns it into an effect, a comparison group "
    "does."
)

CONTEXTUAL = " (with the contextual effect, of attention and expectation)"
NEGLIGIBLE = 0.02
"""Points below which a true difference is none: true values are simulated, and have an error."""


@dataclass(frozen=True, eq=False)
class Power:
    """What studies of one design show.

    Parameters
    ----------
    design : Design
        The design.
    question, instrument : str
        What was asked.
    place : str
        When the estimate stands, such as ``at week 8``; empty where that differs.
    table : DataFrame
        ``term, estimate, conf_low, conf_high, n``, as `outcomes.planning.repeated.counted`.
    n_simulations, seed : int
        How many studies were simulated (fewer than asked for where somebody interrupted it), and
        from which seed.
    n_whole : int
        How many took the whole answer, for want of a faster road to the same numbers.
    """

    design: Design
    question: str
    instrument: str
    place: str
    table: pd.DataFrame
    n_simulations: int
    seed: int
    n_whole: int = 0

    def __repr__(self) -> str:
        return f"Power({self.question}: {self.n_simulations:,} simulated studies)"

    @property
    def sentence(self) -> str:
        """Say in plain words what the studies show, each share with its Monte-Carlo interval."""
        precision = _precision(self.table)
        if QUESTIONS[self.question].compares == "change":
            told_of = (
                precision[:1].lower() + precision[1:] or "none tells how wide the interval is."
            )
            return f"{self._where()} {told_of}{self._unanswered('')}{CHANGE_ONLY}"
        found = percent_with_interval(*told(self.table, "clear"))
        place = f" {self.place}" if self.place else ""
        return (
            f"{self._where()} {found} find a difference{place} at p < 0.05{self._truth()}. "
            f"{precision}{self._unanswered(', which counts as having found nothing')}"
        ).rstrip()

    def _truth(self) -> str:
        if "truth" not in set(self.table["term"]):
            return ""
        true = told(self.table, "truth")[0]
        if abs(true) < NEGLIGIBLE:
            return ", where there is none: so often the answer is wrong"
        both = (
            self.question == "trial" and len({a.contextual * a.care for a in self.design.arms}) > 1
        )
        return f", where the true one is {true:.2f}{CONTEXTUAL * both}"

    def _unanswered(self, so: str) -> str:
        n = round((1 - told(self.table, "answered")[0]) * self.n_simulations)
        return f" Of the studies, {n:,} could not answer it{so}." if n else ""

    @property
    def road(self) -> str:
        """Say how the studies were analyzed: side by side, or each by the whole answer."""
        if not self.n_whole:
            return "All studies were analyzed side by side, with the numbers of the answer."
        if self.n_whole == self.n_simulations:
            return "Took the whole answer for each study."
        rest = f"Took the whole answer for {self.n_whole:,} of {self.n_simulations:,} studies"
        return f"{rest}, and analyzed the others side by side, with the same numbers."

    def _where(self) -> str:
        asked = QUESTIONS[self.question].words
        return (
            f"{asked} Of {self.n_simulations:,} simulated "
            f"{'study' if self.n_simulations == 1 else 'studies'} of {self.design.episodes:,} "
            "courses,"
        )


def _precision(table: pd.DataFrame) -> str:
    if "half_width_median" not in set(table["term"]):
        return ""
    median, largest = (told(table, f"half_width_{name}")[0] for name in ("median", "nine_in_ten"))
    return (
        f"The 95 % interval reaches at most {median:.2f} to either side in half of the studies, "
        f"and at most {largest:.2f} in nine of ten."
    )


def power(
    design: Design,
    question: str = "how-much",
    *,
    instrument: str = "nprs",
    week: float | None = None,
    n_simulations: int = 1000,
    seed: int = 1,
    processes: int = 1,
    progress: Progress = silent,
    keep: str | Path | None = None,
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    truth: bool = True,
) -> Power:
    """Simulate studies of a design, ask each the question, and count what is found.

    Parameters
    ----------
    design : Design
        Holds the truth that is to be found; its own seed is not used.
    question : str
        A question with one test: how-much, pressure, frequency, therapists or trial.
    instrument : str
        Of the outcome.
    week : float, optional
        Week of the estimate; by default the one that the answer's sentence is about.
    n_simulations : int
        Studies, at least 1; the interval of a share of 80 % is 5 points wide with 1,000.
    seed : int
        Of all studies.
    processes : int
        At work at once; the result does not depend on it.
    progress : callable
        Told how many studies are done, and of how many.
    keep : str or Path, optional
        Folder that keeps what is done: the same call, interrupted, goes on from there.
    plan : Plan, str, Path or mapping, optional
        Analysis plan that the studies are analyzed under, as in `oc.answer`; without one, that what
        the design allots was allotted.
    truth : bool
        Whether the true value, and how often the interval holds it, are worked out too: seconds a
        design.

    Returns
    -------
    Power
        ``.table`` and ``.sentence``. A study whose question is refused, or that no model fits,
        has found nothing and is counted so; how many there were stands in the table.

    Raises
    ------
    UsageError
        When the question has no one test, or the plan does not declare it.
    DesignError
        When the design is too small for the question, which is told before anything is simulated;
        or none of the first ten studies answers it.

    Notes
    -----
    Arnold et al. (2011), BMC Med Res Methodol 11:94: power by simulating the analysis itself.

    Examples
    --------
    >>> from outcomes.synthetic.scenarios import scenario_design
    >>> found = power(scenario_design("two-arm-trial", episodes=60), "trial", n_simulations=4)
    >>> found.table["term"].tolist()[:3]
    ['clear', 'answered', 'failed']
    """
    known(question, n_simulations, seed)
    refuse_too_small(design, question)
    _refuse_week(design, question, week)
    if plan is None and question == "trial" and design.allocation != "patient":
        plan = {"primary": {"question": question, "unit": design.allocation}}
    declared = _declared(plan, question, instrument)
    week = declared.time if declared and week is None else week
    task = partial(_some, design, Wanted(question, instrument, week, declared), truth)
    seeds = seeds_from(seed, n_simulations)
    kept = None if keep is None else Path(keep) / _file(
        design, question, instrument, week, seed, str(declared), *["no truth"] * (not truth)
    )  # fmt: skip
    records = repeated(task, seeds, processes=processes, progress=progress, kept=kept)
    place = _place(records)
    whole = int(records["whole"].sum())
    return Power(design, question, instrument, place, counted(records), len(records), seed, whole)


def _file(design: Design, *asked: Any) -> str:
    """Return the name of the file that keeps studies of this design, and of no other."""
    said = json.dumps([replace(design, seed=0).to_dict(), *asked, __version__])
    return f"{hashlib.sha256(said.encode()).hexdigest()[:16]}.json"


def refuse_too_small(design: Design, question: str) -> None:
    """Refuse a design whose studies are too small to answer a question, before any is simulated.

    Raises
    ------
    DesignError
        With the numbers that are needed.
    """
    groups, therapists = 1.0, 1
    if question == "therapists":
        groups, therapists = float(LEAST_CLUSTERS), LEAST_CLUSTERS
    elif question == "frequency":
        groups = 2.0
    elif question == "trial" and design.arms:
        clusters = {"clinic": design.clinics, "therapist": design.therapists}
        allotted, enough = clusters.get(design.allocation), LEAST_RANDOM * len(design.arms)
        if allotted is not None and allotted < enough:
            must = f"at least {LEAST_RANDOM} of what is allotted are in each arm, {enough} in all"
            raise DesignError(must, got=counted_words(allotted, design.allocation), where=question)
        groups = sum(arm.share for arm in design.arms) / min(arm.share for arm in design.arms)
    needed = math.ceil(groups * LEAST_COURSES)
    if design.episodes < needed or design.therapists < therapists:
        must = f"studies have at least {counted_words(needed, 'course')}"
        must += f" and {therapists} therapists" * (therapists > 1)
        got = f"{design.episodes:,} and {counted_words(design.therapists, 'therapist')}"
        raise DesignError(must, got=got, where=question, remedy="Plan more.")


def _refuse_week(design: Design, question: str, week: float | None) -> None:
    """Refuse a week at which no score of a trial is due."""
    weeks = [due for due, _ in design.follow_ups]
    if question == "trial" and not design.visit_scores and week is not None and week not in weeks:
        must = "the week is one at which scores are due: " + ", ".join(f"{w:g}" for w in weeks)
        raise DesignError(must, got=f"{week:g}", where=question)


def _declared(
    plan: Plan | str | Path | Mapping[str, Any] | None, question: str, instrument: str
) -> Declared | None:
    """Return what a plan says of the question; simulated studies are the population it is about."""
    if plan is None:
        return None
    found = read_plan(plan).find(question, instrument)
    if found is None or found.population:
        must = "the plan declares the question, of all courses"
        raise UsageError(must, got="another" if found is None else "a population", where=question)
    found.refuse_unsound(QUESTIONS[question].declares)
    return found


def _some(design: Design, wanted: Wanted, truth: bool, seeds: list[int]) -> list[dict[str, Any]]:
    name = QUESTIONS[wanted.question].truth if truth else ""
    wanted = replace(wanted, truth=TRUTHS.get(name))  # not known before: it is no pickle
    return asked_of_all(simulated(design, seeds, wanted.instrument), wanted)


def _place(records: pd.DataFrame) -> str:
    """Where in time the estimates stand, in words; empty where that differs between studies."""
    for axis in ("week", "session_count"):
        if axis in records and records[axis].nunique() == 1:
            return when(axis, float(records[axis].dropna().iloc[0]))
    return ""
