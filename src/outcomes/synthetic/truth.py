"""True values, by sending the same simulated people through other courses (potential outcomes).

The people are made for this from the design alone, many of them and the same number of each
condition, so that the truth does not depend on a study's size or seed and carries a known
Monte-Carlo error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import instrument
from outcomes.study import Truth
from outcomes.synthetic.courses import Courses, Regime, run_courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.forces import make_backdrop
from outcomes.synthetic.people import (
    Bools,
    Clusters,
    Floats,
    Ints,
    People,
    draw_clusters,
    draw_people,
)
from outcomes.synthetic.rating import rate_function
from outcomes.synthetic.schedule import n_columns
from outcomes.synthetic.score_tables import PAIN, rating_after_visit

SESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12)
"""Session counts at which change is given."""
LONGEST = max(SESSIONS)
PRESSURE_SESSIONS = (4, 8)
WEEKS = (2.0, 4.0, 8.0, 10.0, 12.0, 24.0)
"""Weeks at which change without care is given."""
LEVELS = (1, 2, 3, 4, 5)
ANYONE = "all"
ELIGIBLE = "eligible for every pressure"


@dataclass(frozen=True)
class Sample:
    """Simulated people and the design that made them."""

    design: Design
    clusters: Clusters
    people: People


@dataclass(frozen=True)
class Quantity:
    """One outcome under one setting, or the difference between two; labels as in `truth_of`.

    Parameters
    ----------
    outcome, week : ndarray, shape (n,)
        Each person's outcome and the week of it.
    among : ndarray of bool, shape (n,)
        Whom it is about.
    condition : ndarray of int, shape (n,)
        Their conditions.
    """

    estimand: str
    kind: str
    unit: str
    outcome: Floats
    week: Floats
    among: Bools
    condition: Ints
    instrument: str = PAIN
    arm: str = ""
    population: str = ANYONE
    session_count: float = np.nan
    pressure: str = ""


def quantities(sample: Sample) -> list[Quantity]:
    """Return all quantities of a sample, in the same order for every sample of a design."""
    found = list(_without_care(sample))
    if sample.design.arms:
        return found + list(_by_arm(sample))
    long, under = _long_courses(sample)
    stayed = under(Regime(stay=True))
    found += list(_by_sessions(sample, stayed))
    found += list(_goals(sample, stayed))
    found += list(_by_pressure(long, under, stayed))
    return [*found, _immediate(sample, stayed)]


def _long_courses(sample: Sample) -> tuple[Sample, Callable[[Regime], Courses]]:
    """Give everybody `LONGEST` sessions at their own frequency; column n + 1 is after n.

    Returned with the courses when something is set for everyone.
    """
    people = replace(sample.people, weeks=LONGEST / sample.people.frequency)
    design = replace(sample.design, follow_ups=())
    behind = make_backdrop(design, people)
    long = replace(sample, design=design, people=people)
    return long, lambda regime: run_courses(design, sample.clusters, people, regime, behind)


def _pain(
    sample: Sample, improvement: Floats, week: Floats, estimand: str, kind: str = "change",
    **labels: object,
) -> Quantity:  # fmt: skip
    among = np.ones(len(improvement), dtype=bool)
    if labels.get("population") == ELIGIBLE:
        among = ~sample.people.adaptive & np.isnan(sample.people.ceiling)
    return Quantity(
        estimand, kind, "share" if kind == "share" else "NPRS points", improvement, week, among,
        sample.people.condition, **labels,  # type: ignore[arg-type]
    )  # fmt: skip


def _by_sessions(sample: Sample, courses: Courses) -> Iterator[Quantity]:
    words = "mean improvement after session_count sessions, nobody leaving"
    function = rate_function(
        sample.design, sample.people, courses.pain + courses.gain, courses.gain
    )
    names = [item.function_instrument for item in sample.design.conditions]
    for n in SESSIONS:
        week = courses.schedule.day[n + 1] / 7
        better = courses.rating[0] - courses.rating[n + 1]
        yield _pain(sample, better, week, words, session_count=n)
        for name in dict.fromkeys(names):
            measure = instrument(name)
            own = np.isin(sample.people.condition, [i for i, x in enumerate(names) if x == name])
            change = measure.sign * (function[n + 1] - function[0])
            yield Quantity(
                words, "change", measure.unit, change, week, own, sample.people.condition,
                instrument=name, session_count=n,
            )  # fmt: skip


def _goals(sample: Sample, courses: Courses) -> Iterator[Quantity]:
    at_goal = courses.rating <= courses.target
    for n in (4, 8, 12):
        week = courses.schedule.day[n + 1] / 7
        reached = at_goal[n + 1].astype(float)
        words = "share at the pain goal after session_count sessions, nobody leaving"
        yield _pain(sample, reached, week, words, "share", session_count=n)
        twice = (at_goal[2 : n + 2] & at_goal[1 : n + 1]).any(axis=0).astype(float)
        words = "share that was at the pain goal twice in a row by session_count sessions"
        yield _pain(sample, twice, week, words, "share", session_count=n)


def _by_pressure(
    sample: Sample, under: Callable[[Regime], Courses], stayed: Courses
) -> Iterator[Quantity]:
    """Set pressure; where the design gives it no effect, one run stands for all."""
    inert = sample.design.pressure_effect == 0 == sample.design.pressure_curvature

    def pressed(level: int, at_session: int | None = None) -> Courses:
        return stayed if inert else under(Regime(True, level, at_session, stay=True))

    after = {level: pressed(level) for level in LEVELS}
    for n in PRESSURE_SESSIONS:
        for level, courses in after.items():
            better = courses.rating[0] - courses.rating[n + 1]
            words = "mean improvement with this pressure in every session"
            yield _pain(
                sample, better, courses.schedule.day[n + 1] / 7, words, population=ELIGIBLE,
                session_count=n, pressure=str(level),
            )  # fmt: skip
        yield _contrast(sample, after[4], after[2], n, "every session")
        firm, light = pressed(4, n), pressed(2, n)
        yield _contrast(sample, firm, light, n, "the last session only")


def _contrast(sample: Sample, firm: Courses, light: Courses, n: int, when: str) -> Quantity:
    better = light.rating[n + 1] - firm.rating[n + 1]
    return _pain(
        sample, better, firm.schedule.day[n + 1] / 7, f"effect of pressure 4 against 2 in {when}",
        "effect", population=ELIGIBLE, session_count=n, pressure="4 against 2",
    )  # fmt: skip


def _routine(design: Design) -> Design:
    """Return a design without arms, each with the script of routine care."""
    return replace(design, arms=(), follow_ups=tuple((week, 0.0) for week in WEEKS))


def _without_care(sample: Sample) -> Iterator[Quantity]:
    """Regression to the mean and the natural course, with nothing done."""
    design = _routine(sample.design)
    people = replace(sample.people, arm=np.zeros_like(sample.people.arm))
    courses = run_courses(design, sample.clusters, people, Regime(care=False, stay=True))
    for number, week in enumerate(WEEKS):
        better = courses.rating[0] - _at_follow_up(courses, number)
        when = np.full(people.count, week)
        yield _pain(sample, better, when, "mean improvement without any care, by week")


def _by_arm(sample: Sample) -> Iterator[Quantity]:
    """Change of everyone in each arm and effects against the control, whatever is received."""
    design = sample.design
    runs = [
        run_courses(
            design, sample.clusters, replace(sample.people, arm=np.full_like(sample.people.arm, i))
        )
        for i in range(len(design.arms))
    ]
    control = next((i for i, arm in enumerate(design.arms) if arm.control), None)
    for number, (week, _) in enumerate(design.follow_ups):
        when = np.full(sample.people.count, week)
        scores = [_at_follow_up(courses, number) for courses in runs]
        for i, arm in enumerate(design.arms):
            better = runs[i].rating[0] - scores[i]
            yield _pain(sample, better, when, "mean improvement in the arm, by week", arm=arm.name)
            if control is not None and i != control:
                words = "effect of the arm against the control, as randomised, by week"
                more = scores[control] - scores[i]
                yield _pain(sample, more, when, words, "effect", arm=arm.name)


def _at_follow_up(courses: Courses, number: int) -> Floats:
    """Rating of each course at one follow-up, recorded or not."""
    ratings: Floats = courses.rating.T[(courses.schedule.follow_up == number).T]
    return ratings


def _immediate(sample: Sample, courses: Courses) -> Quantity:
    after = rating_after_visit(
        sample.design, sample.people, courses, (1, np.arange(sample.people.count))
    )
    words = "mean drop from before to after the first visit"
    return _pain(sample, courses.rating[1] - after, courses.schedule.day[1] / 7, words)


N_PEOPLE = 40_000
"""People whose potential outcomes make the truth."""
_CHUNK = 4_000
_SEED = 20_260_101


def truth_of(design: Design) -> Truth:
    """Return parameters and estimands of a design.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    Truth
        ``estimands`` has one row an estimand: ``estimand`` (what it is, in words), ``kind``
        (``change``: what happens under one setting, ``effect``: two settings, same people, or
        ``share``), ``instrument, condition, arm, population`` (of what, for whom; ``all`` weights
        conditions by their shares), ``session_count`` (received; NaN where it is not set),
        ``pressure`` (that is set; empty where therapists choose), ``week`` of the score, or its
        mean, ``value`` (positive = better), ``unit`` and ``mc_error``, the Monte-Carlo standard
        error of the value. Effects of care stand there only where the design has a control;
        without one the estimand of care is change, and says so.

    Examples
    --------
    >>> truth = truth_of(Design(episodes=10))
    >>> sorted(truth.estimands["kind"].unique())
    ['change', 'effect', 'share']
    """
    return _TruthOfDesign(design)


class _TruthOfDesign(Truth):
    """Many a simulated study is never asked what is true of it: that is a second of work."""

    def __init__(self, design: Design) -> None:
        same = replace(design, seed=0, episodes=1, scenario="")
        self.__dict__.update(parameters=design.to_dict(), design=same)

    @cached_property
    def estimands(self) -> pd.DataFrame:
        return _estimands(self.__dict__["design"], N_PEOPLE).copy()


@lru_cache(maxsize=32)
def _estimands(design: Design, n_people: int) -> pd.DataFrame:
    """Work the true values out; the same for designs that differ in size and seed only."""
    samples = [quantities(_people(design, i)) for i in range(max(1, n_people // _CHUNK))]
    each = zip(*samples, strict=True)
    return pd.DataFrame([row for parts in each for row in _rows(design, parts)])


def _people(design: Design, number: int) -> Sample:
    """Return people of a very large clinic chain, as many of each condition."""
    many = replace(design, therapists=5000, clinics=1000, repeat_share=0.0)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(_SEED, spawn_key=(number,))))
    clusters = draw_clusters(many, rng)
    condition = np.arange(_CHUNK) % len(design.conditions)
    longest = max(n_columns(many) + len(WEEKS), n_columns(_routine(many)))
    columns = max(longest, LONGEST + 3 + len(WEEKS))
    people = draw_people(many, clusters, rng, n=_CHUNK, n_columns=columns, conditions=condition)
    return Sample(many, clusters, people)


def _rows(design: Design, parts: tuple[Quantity, ...]) -> Iterator[dict[str, Any]]:
    """One row for each condition, and for pain one for all of them."""
    what = parts[0]
    values = np.concatenate([part.outcome for part in parts])
    among = np.concatenate([part.among for part in parts])
    condition = np.concatenate([part.condition for part in parts])
    week = np.concatenate([part.week for part in parts])
    masks = [among & (condition == i) for i in range(len(design.conditions))]
    used = [i for i, mask in enumerate(masks) if mask.any()]
    found = {design.conditions[i].name: _mean(values, week, masks[i]) for i in used}
    if what.instrument == "nprs" and used:
        shares = np.array([design.conditions[i].share for i in used])
        found = {"all": _weighted(list(found.values()), shares / shares.sum()), **found}
    for name, (value, error, when) in found.items():
        yield {
            "estimand": what.estimand, "kind": what.kind, "instrument": what.instrument,
            "condition": name, "arm": what.arm, "population": what.population,
            "session_count": what.session_count, "pressure": what.pressure, "week": round(when, 2),
            "value": round(value, 6), "unit": what.unit, "mc_error": round(error, 6),
        }  # fmt: skip


def _mean(values: Floats, week: Floats, mask: Bools) -> tuple[float, float, float]:
    """Mean, its Monte-Carlo error and the mean week of some people."""
    chosen = values[mask]
    error = chosen.std(ddof=1) / np.sqrt(len(chosen)) if len(chosen) > 1 else np.nan
    return float(chosen.mean()), float(error), float(week[mask].mean())


def _weighted(
    found: list[tuple[float, float, float]], shares: Floats
) -> tuple[float, float, float]:
    means, errors, weeks = np.array(found).T
    return (
        float(shares @ means), float(np.sqrt(shares**2 @ errors**2)), float(shares @ weeks),
    )  # fmt: skip
