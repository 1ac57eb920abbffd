"""The courses of a block: a loop over time, all people at once.

Nothing here is random: all random numbers come with the people. So the same people can be sent
through other courses (no care, another pressure, nobody leaving), and what differs is caused by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outcomes.dictionary.tables import END_REASONS
from outcomes.synthetic import forces
from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Bools, Clusters, Floats, Ints, People
from outcomes.synthetic.rating import rate
from outcomes.synthetic.schedule import Kind, Schedule, unless_fixed

REASON = {name: code for code, name in enumerate(END_REASONS)}
"""Code of each end reason; -1 while a course goes on."""
PLANNED = (REASON["goal_met"], REASON["plateau"])
"""Ends that both sides agree on; a discharge score may be taken."""

_OTHER = np.array([REASON[name] for name in ("moved", "declined", "cost", "unknown")])
GOOD_ENOUGH = 2.0
"""Pain, NPRS points, at which patients feel done."""


@dataclass(frozen=True)
class Regime:
    """What is set for everyone, whatever they would have had.

    Parameters
    ----------
    care : bool
        False takes away all that care does.
    pressure : int or None
        Pressure (Walton) to set.
    at_session : int or None
        Session at which it is set; None sets it in every session.
    stay : bool
        Nobody misses a visit, leaves, dies or is lost.
    """

    care: bool = True
    pressure: int | None = None
    at_session: int | None = None
    stay: bool = False


AS_IT_COMES = Regime()
"""Nothing is set: the study as it would be seen."""


@dataclass(frozen=True)
class Courses:
    """What happened; arrays have shape (columns, n) unless said otherwise.

    Parameters
    ----------
    schedule : Schedule
        The time grid.
    pain : ndarray
        Pain without bounds, NPRS points.
    gain : ndarray
        What the course has changed so far, NPRS points, positive = better.
    rating : ndarray
        Pain as it would be rated, recorded or not.
    recorded, attended, missed, discharge : ndarray of bool
        Whether the rating was recorded, the visit took place, the visit was missed, the score is a
        discharge score.
    pressure : ndarray
        Pressure (Walton) of attended visits.
    therapist : ndarray of int
        Therapist of each visit.
    serious : ndarray of bool
        Serious adverse event.
    received : ndarray of int
        Sessions received before the cell.
    end_reason : ndarray of int, shape (n,)
        Code of the reason, -1 where the course goes on.
    end_day : ndarray, shape (n,)
        Day of the end.
    target : ndarray, shape (n,)
        Pain to be reached, NPRS points.
    """

    schedule: Schedule
    pain: Floats
    gain: Floats
    rating: Floats
    recorded: Bools
    attended: Bools
    missed: Bools
    discharge: Bools
    pressure: Floats
    therapist: Ints
    serious: Bools
    received: Ints
    end_reason: Ints
    end_day: Floats
    target: Floats


@dataclass
class _Now:
    """Where each course stands, shape (n,)."""

    benefit: Floats
    from_pressure: Floats
    last_day: Floats
    received: Ints
    seen: Floats
    alive: Bools


def run_courses(
    design: Design,
    clusters: Clusters,
    people: People,
    regime: Regime = AS_IT_COMES,
    backdrop: forces.Backdrop | None = None,
) -> Courses:
    """Send people through their courses.

    Parameters
    ----------
    design, clusters, people
        Who they are and what works how.
    regime : Regime
        What is set for everyone.
    backdrop : Backdrop, optional
        What would happen whatever care they get, when it is known already.

    Returns
    -------
    Courses
    """
    behind = forces.make_backdrop(design, people) if backdrop is None else backdrop
    walk = _Walk(design, clusters, people, regime, behind)
    for column in range(len(behind.times.day)):
        walk.step(column)
    return walk.made


def pain_target(design: Design, baseline: Floats) -> Floats:
    """Return the pain that a goal asks for: `goal_points` or `goal_share` less, at least 0."""
    less = np.maximum(design.goal_points, np.ceil(design.goal_share * baseline))
    return np.maximum(baseline - less, 0.0)


class _Walk:
    """One pass over the time grid, which fills in what happens."""

    def __init__(
        self,
        design: Design,
        clusters: Clusters,
        people: People,
        regime: Regime,
        backdrop: forces.Backdrop,
    ) -> None:
        self.design, self.clusters, self.people = design, clusters, people
        self.regime, self.backdrop, self.times = regime, backdrop, backdrop.times
        shape, n = self.times.day.shape, people.count
        self.plateau, self.drop = forces.plateaus(design, people)
        empty: dict[str, Any] = {name: np.zeros(shape) for name in ("pain", "gain", "rating")}
        names = ("recorded", "attended", "missed", "discharge", "serious")
        empty |= {name: np.zeros(shape, dtype=bool) for name in names}
        self.made = Courses(
            schedule=self.times, therapist=backdrop.therapist, **empty,
            pressure=np.full(shape, np.nan), received=np.zeros(shape, dtype=np.int64),
            end_reason=np.full(n, -1), end_day=np.zeros(n), target=np.zeros(n),
        )  # fmt: skip
        self.now = _Now(
            benefit=np.zeros(n), from_pressure=np.zeros(n), last_day=np.full(n, np.inf),
            received=np.zeros(n, dtype=np.int64), seen=np.zeros(n), alive=np.ones(n, dtype=bool),
        )  # fmt: skip

    def step(self, column: int) -> None:
        kind = self.times.kind[column]
        day = self.times.day[column]
        kept = self._kept(day)
        self._suffer(column, day, kept)
        if column == 0:
            self.now.seen = self.made.rating[0]
            self.made.target[:] = pain_target(self.design, self.now.seen)
            self.made.recorded[0] = True
            return
        self._lose_the_dying(column)
        open_course = self._leave(column, kind)
        self._attend(column, open_course)
        self._record(column, kind)
        self._treat(column, day, kept)

    def _kept(self, day: Floats) -> Floats:
        """Part of the benefit that has not faded since the last session."""
        without = np.maximum(day - self.now.last_day, 0) / 7 - self.design.fade_after
        kept: Floats = np.exp2(-np.maximum(without, 0) / self.design.fade_half_life)
        return kept

    def _suffer(self, column: int, day: Floats, kept: Floats) -> None:
        made, now, design = self.made, self.now, self.design
        since = np.maximum(day - now.last_day, 0) / 7
        carried = np.where(now.received > 0, design.immediate_carryover * self.drop, 0.0)
        carried = carried * np.exp(-np.maximum(since - 1, 0))
        care = (now.benefit + now.from_pressure) * kept + carried
        gain = self.backdrop.natural[column] + (care if self.regime.care else 0.0)
        pain = self.people.level + self.backdrop.residual[column] - gain
        made.gain[column], made.pain[column] = gain, pain
        heap = self.people.uniforms["heap"]
        heap = np.where(day > 0, heap[column], heap[0])  # the first day has one rating
        made.rating[column] = rate(pain, design, heap)
        made.received[column] = now.received

    def _lose_the_dying(self, column: int) -> None:
        if not self.design.death_per_week or self.regime.stay:
            return
        now, days = self.now, self.times.day[column] - self.times.day[column - 1]
        chance = 1 - (1 - self.design.death_per_week) ** (days / 7)
        dies = now.alive & (self.people.uniforms["adverse"][column] > 1 - chance)
        now.alive &= ~dies
        self._end(dies, np.full(len(dies), REASON["death"]), column)

    def _leave(self, column: int, kind: NDArray[np.int8]) -> Bools:
        """Close courses before this visit; return whose course is open."""
        made, now, visit = self.made, self.now, kind == Kind.VISIT
        if not self.regime.stay:
            reason = leaving_reasons(
                self.design, self.people, seen=now.seen, baseline=made.rating[0],
                target=made.target, pain=made.rating[column], received=now.received,
                column=column,
            )  # fmt: skip
            at_risk = visit & (made.end_reason < 0) & (now.received > 0)
            leaves = at_risk & (reason >= 0)
            self._end(leaves, reason, column)
            done = (kind == Kind.CLOSING) & (made.end_reason < 0)
            self._end(done, completion_reason(now.seen, made.target), column)
            self._discharge(column, leaves | done)
        open_course: Bools = visit & (made.end_reason < 0)
        return open_course

    def _end(self, ends: Bools, reason: Ints, column: int) -> None:
        first = ends & (self.made.end_reason < 0)
        self.made.end_reason[first] = reason[first]
        self.made.end_day[first] = self.times.day[column, first]

    def _discharge(self, column: int, ends: Bools) -> None:
        planned = np.isin(self.made.end_reason, PLANNED)
        taken = self.people.uniforms["missing"][column] < self.design.discharge_share
        self.made.discharge[column] = ends & planned & taken & self.design.visit_scores

    def _attend(self, column: int, open_course: Bools) -> None:
        misses = self.people.uniforms["missed"][column] < self.design.missed_visit
        misses &= (self.now.received > 0) & (not self.regime.stay)
        self.made.attended[column] = open_course & ~misses
        self.made.missed[column] = open_course & misses

    def _record(self, column: int, kind: NDArray[np.int8]) -> None:
        design, made, now, people = self.design, self.made, self.now, self.people
        rating = made.rating[column]
        at_visit = made.attended[column] & (self.times.day[column] > 0) & design.visit_scores
        shares = np.array([*(share for _, share in design.follow_ups), design.missing_score])
        later = kind == Kind.FOLLOW_UP
        uniform = np.where(later, people.traits[0], people.uniforms["missing"][column])
        gone = lost(
            shares[self.times.follow_up[column]], design, seen=now.seen, pain=rating,
            uniform=uniform,
        )  # fmt: skip
        taken = (at_visit | (later & now.alive)) & (~gone | self.regime.stay)
        made.recorded[column] = taken | made.discharge[column]
        now.seen = np.where(made.recorded[column], rating, now.seen)

    def _treat(self, column: int, day: Floats, kept: Floats) -> None:
        """Give the session: benefit moves towards what such sessions sustain."""
        design, now, people = self.design, self.now, self.people
        here, who = self.made.attended[column], self.backdrop.therapist[column]
        level = self._pressure(column, who)
        goal = (
            self.plateau[0] * self.plateau[1]
            + self.clusters.therapist_benefit[(*self.clusters.study, who)]
        )
        part = 1 - np.exp(-1 / design.dose_sessions)
        benefit = now.benefit * kept
        now.benefit = np.where(here, benefit + part * (goal - benefit), now.benefit)
        memory, add = design.pressure_memory, forces.pressure_benefit(level, people, design)
        held = memory * now.from_pressure * kept + (1 - memory) * add
        now.from_pressure = np.where(here, held, now.from_pressure)
        now.last_day = np.where(here, day, now.last_day)
        now.received = now.received + here
        self.made.pressure[column] = np.where(here, level, np.nan)
        self._harm(column, here)

    def _pressure(self, column: int, who: Ints) -> Floats:
        design, people, set_to = self.design, self.people, self.regime.pressure
        level = forces.choose_pressure(
            design, people, self.clusters, seen=self.now.seen, therapist=who, column=column
        )
        level = unless_fixed(design, people, "pressure", level)
        if set_to is None:
            return level
        session = self.regime.at_session
        chosen = True if session is None else self.now.received + 1 == session
        return np.where(chosen, float(set_to), level)

    def _harm(self, column: int, here: Bools) -> None:
        serious = here & (self.people.uniforms["adverse"][column] < self.design.serious_event)
        self.made.serious[column] = serious
        if not self.regime.stay:
            self._end(serious, np.full(len(here), REASON["adverse_event"]), column)


def leaving_reasons(
    design: Design,
    people: People,
    *,
    seen: Floats,
    baseline: Floats,
    target: Floats,
    pain: Floats,
    received: Ints,
    column: int,
) -> Ints:
    """Return why each course ends before this visit, -1 where it does not.

    Parameters
    ----------
    design, people
        The design and the people.
    seen, baseline, target : ndarray, shape (n,)
        Last recorded pain, baseline and goal, NPRS points.
    pain : ndarray, shape (n,)
        Pain at this visit, which nobody has recorded yet.
    received : ndarray of int, shape (n,)
        Sessions received.
    column : int
        Column of the time grid.

    Notes
    -----
    Hazard = base x (better) x (not helped) x (cover ended) x exp(unseen x (pain - 5)). Who leaves
    for which reason is drawn in proportion to what each adds.
    """
    better = seen <= np.maximum(GOOD_ENOUGH, target)
    not_helped = (received >= 4) & (seen > 0.9 * baseline) & ~better
    uncovered = received >= people.cover
    times = np.where(better, design.stop_better, 1.0)
    times = times * np.where(not_helped, design.stop_not_helped, 1.0)
    times = times * np.where(uncovered, design.stop_cover, 1.0)
    unseen = np.exp(design.stop_unseen * (pain - 5.0)) if design.stop_unseen else 1.0
    hazard = np.minimum(design.stop_hazard * times * unseen, 0.95)
    leaves = people.uniforms["leave"][column] < hazard
    draw = people.uniforms["reason"][column]
    reason = _OTHER[(people.uniforms["extra"][column] * len(_OTHER)).astype(np.int64)]
    because = 1 - 1 / np.maximum(times, 1.0)  # share of the hazard that the reasons add
    reason = np.where(uncovered & (draw < because), REASON["cost"], reason)
    unhelped = np.where(seen > baseline, REASON["worse"], REASON["plateau"])
    reason = np.where(not_helped & (draw < because), unhelped, reason)
    reason = np.where(better & (draw < because), REASON["goal_met"], reason)
    return np.where(leaves, reason, -1)


def completion_reason(seen: Floats, target: Floats) -> Ints:
    """Return why courses end that complete their script: goal met, or plateau."""
    return np.where(seen <= target, REASON["goal_met"], REASON["plateau"])


def lost(
    share: Floats | float, design: Design, *, seen: Floats, pain: Floats, uniform: Floats
) -> Bools:
    """Return whether each score is lost.

    Parameters
    ----------
    share : float or ndarray
        Chance at pain 5.
    design : Design
        Gives how much pain seen (MAR) and unseen (MNAR) add to the log odds.
    seen, pain : ndarray
        Last recorded and present pain, NPRS points.
    uniform : ndarray
        Uniform numbers.
    """
    power = design.missing_seen * (seen - 5) + design.missing_unseen * (pain - 5)
    odds = share / (1 - share) * np.exp(power)
    return np.asarray(uniform < odds / (1 + odds))
