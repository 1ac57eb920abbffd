"""The time grid of a block: when each course's visits and follow-ups would be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from outcomes.synthetic.conditions import Arm
from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Floats, People

ROUTINE = Arm("")
"""The arm of a study without arms."""


class Kind(IntEnum):
    """What a cell of the time grid is."""

    NOTHING = 0
    BASELINE = 1
    VISIT = 2
    CLOSING = 3
    """The visit that would follow the script's last one: nobody comes, the course is closed."""
    FOLLOW_UP = 4


@dataclass(frozen=True)
class Schedule:
    """Time grid; each course has its cells in the order of time.

    Parameters
    ----------
    day : ndarray, shape (columns, n)
        Days since the first visit, or since enrolment in a trial.
    kind : ndarray of int, shape (columns, n)
        `Kind` of each cell; the first column is the baseline.
    follow_up : ndarray of int, shape (columns, n)
        Which follow-up, -1 for none.
    """

    day: Floats
    kind: NDArray[np.int8]
    follow_up: NDArray[np.int8]


def arms_of(design: Design) -> tuple[Arm, ...]:
    """Return the arms, or the one of routine care."""
    return design.arms or (ROUTINE,)


def n_columns(design: Design) -> int:
    """Return the columns that the longest course of a design can need."""
    own = max(f for f, _ in design.frequencies), max(w for w, _ in design.script_weeks)
    arms = arms_of(design)
    visits = max((arm.sessions_per_week or own[0]) * (arm.weeks or own[1]) for arm in arms)
    return 2 + max(int(np.rint(visits)), 1) + len(design.follow_ups)


def make_schedule(design: Design, people: People) -> Schedule:
    """Lay out visits, the closing visit and follow-ups for each course.

    Parameters
    ----------
    design : Design
        The design.
    people : People
        The people; their script holds unless their arm fixes one.
    """
    frequency = unless_fixed(design, people, "sessions_per_week", people.frequency)
    weeks = unless_fixed(design, people, "weeks", people.weeks)
    care, wait = of_arm(design, people, "care") > 0, of_arm(design, people, "wait_weeks")
    slots = np.where(care, np.maximum(np.rint(frequency * weeks), 1), -1)
    visits = _visit_days(frequency, slots, people) + np.round(7 * wait)
    later = np.array([round(7 * week) for week, _ in design.follow_ups], dtype=float)
    days = np.concatenate([np.repeat(later[:, None], people.count, axis=1), visits])
    return _in_order(days, slots, n_follow_ups=len(later))


def of_arm(design: Design, people: People, name: str) -> Floats:
    """Return what the arm of each person says, shape (n,); NaN where it leaves that open."""
    said: Floats = np.array([getattr(arm, name) for arm in arms_of(design)], dtype=float)
    return said[people.arm]


def unless_fixed(design: Design, people: People, name: str, own: Floats) -> Floats:
    """Return what each person would have, or what the arm fixes in its place, shape (n,)."""
    fixed = of_arm(design, people, name)
    return np.where(np.isnan(fixed), own, fixed)


def _visit_days(frequency: Floats, slots: Floats, people: People) -> Floats:
    """Days of visits 0, 1, ... and of the closing visit; inf after it. Shape (slots + 1, n)."""
    number = np.arange(int(slots.max(initial=0)) + 1)[:, None]
    apart = 7 / frequency
    moved = np.floor(3 * people.uniforms["jitter"][: len(number)]) - 1
    moved = np.where((number > 0) & (apart >= 3), moved, 0)
    days = np.floor(number * apart + 0.5) + moved
    return np.where(number <= slots, days, np.inf)


def _in_order(days: Floats, slots: Floats, *, n_follow_ups: int) -> Schedule:
    number = np.arange(len(days) - n_follow_ups)[:, None]
    visit = np.where(number < slots, Kind.VISIT, Kind.CLOSING)
    visit = np.where(number > slots, Kind.NOTHING, visit)
    later = np.full((n_follow_ups, days.shape[1]), int(Kind.FOLLOW_UP))
    kind = np.concatenate([later, visit])
    which = np.where(kind == Kind.FOLLOW_UP, np.arange(len(days))[:, None], -1)
    order = np.argsort(days, axis=0, kind="stable")  # a follow-up comes before a visit of its day
    days, kind, which = (np.take_along_axis(a, order, axis=0) for a in (days, kind, which))
    days = np.maximum.accumulate(np.where(np.isfinite(days), days, 0.0), axis=0)
    first = np.zeros((1, days.shape[1]))
    return Schedule(
        day=np.concatenate([first, days]),
        kind=np.concatenate([first + Kind.BASELINE, kind]).astype(np.int8),
        follow_up=np.concatenate([first - 1, which]).astype(np.int8),
    )
