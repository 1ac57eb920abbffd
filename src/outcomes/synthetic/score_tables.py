"""Scores and goals of one block, as the data contract has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from outcomes.dictionary.tables import TIMINGS
from outcomes.synthetic.block import Block, Table, cells, words
from outcomes.synthetic.courses import Courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.forces import plateaus
from outcomes.synthetic.people import People
from outcomes.synthetic.rating import rate, rate_function, second_instrument
from outcomes.synthetic.schedule import Kind

ASSESSORS = ("patient", "treating_therapist", "other_clinician")
SET_BY = ("physician", "patient", "therapist", "shared")
PAIN = "nprs"

_BASELINE, _PRE, _POST, _DISCHARGE, _FOLLOW_UP = (
    TIMINGS.index(name)
    for name in ("baseline", "pre_session", "post_session", "discharge", "follow_up")
)


def instruments_of(design: Design) -> tuple[str, ...]:
    """Return pain's instrument and those of function, each once."""
    return tuple(dict.fromkeys([PAIN, *(c.function_instrument for c in design.conditions)]))


def assessments(design: Design, block: Block) -> Table:
    """Return the table `assessments`: pain, function, and pain after a visit."""
    people = block.people
    pain, function = block.courses.rating, _function(design, block)
    parts = [
        _rows(block, block.courses.recorded, pain, np.zeros(people.count)),
        _rows(block, _function_taken(design, block), function, _function_codes(design, people)),
        _after_visits(design, block),
    ]
    rows = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    order = np.lexsort((rows[2], rows[4], rows[3], rows[0]))  # course, day, timing, instrument
    course, session, which, day, timing, score = (column[order] for column in rows)
    course = course.astype(np.int64)
    return {
        "episode_id": words(course, people.ids),
        "session": session,
        "day": day,
        "timing": words(timing.astype(np.int64), TIMINGS),
        "instrument": words(which.astype(np.int64), instruments_of(design)),
        "score": score,
        "assessor": words(np.zeros(len(course), dtype=np.int64), ASSESSORS),
    }


def goals(design: Design, block: Block) -> Table:
    """Return the table `goals`: one of pain, and one of function for those who have a pain goal."""
    people, courses = block.people, block.courses
    baseline = courses.rating[0]
    function = _function(design, block)[0]
    function_target = _function_target(design, people, function)
    has = (people.traits[5] < design.goals_share) & (baseline > 0)
    room = np.stack([has, has & (function_target != function)], axis=1)
    course, which = np.nonzero(room)
    second = which == 1
    start = np.where(second, function[course], baseline[course])
    target = np.where(second, function_target[course], courses.target[course])
    late = people.traits[6, course] < design.goal_late
    last = _last_pain(block)[course]
    return {
        "episode_id": words(course, people.ids),
        "instrument": words(
            np.where(second, _function_codes(design, people)[course], 0).astype(np.int64),
            instruments_of(design),
        ),
        "baseline": start,
        "target": target,
        "by_day": np.ceil(7 * people.weeks)[course],
        "by_sessions": np.maximum(np.rint(people.frequency * people.weeks), 1)[course],
        "set_day": np.where(late, 21.0, 0.0),
        "set_by": words(np.searchsorted([0.6, 0.7, 0.8], people.traits[7, course]), SET_BY),
        "weight": np.where(second, 2.0, 3.0),
        "gas_level": np.where(second, np.nan, _attainment(last, start, target)),
    }


def _rows(
    block: Block, mask: NDArray[Any], values: NDArray[Any], which: NDArray[Any]
) -> tuple[NDArray[Any], ...]:
    """Course, session, instrument, day, timing and score of the cells to record."""
    courses = block.courses
    course, column = cells(mask)
    at = (column, course)
    kind = courses.schedule.kind[at]
    timing = np.where(kind == Kind.FOLLOW_UP, _FOLLOW_UP, _PRE)
    timing = np.where(courses.discharge[at], _DISCHARGE, timing)
    timing = np.where(kind == Kind.BASELINE, _BASELINE, timing)
    seen_at_visit = courses.attended[1, course] & (courses.schedule.day[1, course] == 0)
    session = np.where(timing == _PRE, courses.received[at] + 1.0, np.nan)
    session = np.where((timing == _BASELINE) & seen_at_visit, 1.0, session)
    return course, session, which[course], courses.schedule.day[at], timing, values[at]


def _after_visits(design: Design, block: Block) -> tuple[NDArray[Any], ...]:
    """Pain after a visit: lower than before it, and back at the next."""
    people, courses = block.people, block.courses
    taken = courses.attended & (people.uniforms["post"][: len(courses.pain)]
                                < design.post_session_share)  # fmt: skip
    taken &= design.visit_scores
    course, column = cells(taken)
    at = (column, course)
    score = rating_after_visit(design, people, courses, at)
    zero = np.zeros(len(course))
    timing = np.full(len(course), _POST)
    return course, courses.received[at] + 1.0, zero, courses.schedule.day[at], timing, score


def rating_after_visit(
    design: Design, people: People, courses: Courses, at: tuple[Any, NDArray[Any]]
) -> NDArray[Any]:
    """Return pain ratings after visits, `at` being columns and courses."""
    drop = plateaus(design, people)[1][at[1]]
    varied = np.maximum(drop + design.immediate_sd * people.normals[3][at], 0.0)
    lower = courses.pain[at] - np.where(drop > 0, varied, 0.0)
    return rate(lower, design, people.uniforms["jitter"][at])


def _function(design: Design, block: Block) -> NDArray[Any]:
    courses = block.courses
    return rate_function(design, block.people, courses.pain + courses.gain, courses.gain)


def _function_taken(design: Design, block: Block) -> NDArray[Any]:
    """Ask function at the first visit, every few visits, at discharge and follow-ups."""
    courses = block.courses
    kind = courses.schedule.kind
    in_turn = (courses.received % design.function_every == 0) | (kind == Kind.FOLLOW_UP)
    taken: NDArray[Any] = courses.recorded & (in_turn | courses.discharge)
    return taken


def _function_codes(design: Design, people: People) -> NDArray[Any]:
    names = instruments_of(design)
    codes = [names.index(item.function_instrument) for item in design.conditions]
    return np.array(codes, dtype=float)[people.condition]


def _function_target(design: Design, people: People, start: NDArray[Any]) -> NDArray[Any]:
    """Nine tenths of a standard deviation better, inside the instrument's range ([A])."""
    worse, _, sd, step, low, high, _ = second_instrument(design, people.condition)
    target = np.round(np.floor((start - worse * 0.9 * sd) / step + 0.5) * step, 2)
    bounded: NDArray[Any] = np.clip(target, low, high)
    return bounded


def _last_pain(block: Block) -> NDArray[Any]:
    """Return the last recorded pain of each course."""
    courses = block.courses
    number = np.arange(len(courses.rating))[:, None]
    last = np.where(courses.recorded, number, 0).max(axis=0)
    pain: NDArray[Any] = courses.rating[last, np.arange(courses.rating.shape[1])]
    return pain


def _attainment(last: NDArray[Any], start: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """Goal attainment: -2 worse, -1 short of the goal, 0 at it, +1 and +2 beyond."""
    beyond = target - last
    level = np.where(last > start, -2.0, -1.0)
    return np.where(beyond >= 0, np.minimum(np.floor(beyond), 2.0), level)
