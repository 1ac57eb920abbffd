"""The four tables of the data contract for one block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.dictionary.tables import (
    ADVERSE_EVENTS,
    AGE_BANDS,
    CLEARANCES,
    END_REASONS,
    MECHANISMS,
    REFERRALS,
    SEXES,
    STATUSES,
)
from outcomes.synthetic.block import Block, Cells, Table, cells, words
from outcomes.synthetic.design import Design
from outcomes.synthetic.forces import as_level, minutes_of, planned_pressure
from outcomes.synthetic.people import KINDS, NEEDS_CLEARANCE, People
from outcomes.synthetic.schedule import ROUTINE, arms_of, of_arm, unless_fixed
from outcomes.synthetic.score_tables import assessments, goals

_TECHNIQUES = ("gliding;kneading", "gliding;friction", "kneading;direct_pressure", "holding")
_USUAL_MECHANISM = {"neck_mvc": "mvc", "post_op": "surgery"}


def block_tables(design: Design, block: Block) -> dict[str, Table]:
    """Return episodes, sessions, assessments and goals of a block.

    Parameters
    ----------
    design : Design
        The design.
    block : Block
        People and courses.
    """
    return {
        "episodes": episodes(design, block),
        "sessions": sessions(design, block),
        "assessments": assessments(design, block),
        "goals": goals(design, block),
    }


def word(listed: tuple[str, ...], condition: Any, yes: str, no: str) -> pd.Categorical:
    """Return one of two words by a condition."""
    return words(np.where(condition, listed.index(yes), listed.index(no)), listed)


def episodes(design: Design, block: Block) -> Table:
    """Return the table `episodes`."""
    people, courses = block.people, block.courses
    n = people.count
    ids = people.ids
    required, clearance, clearance_day = _clearance(design, people)
    known = courses.end_reason >= 0
    return {
        "episode_id": words(np.arange(n), ids),
        "patient_id": words(people.source, ["p" + name[1:] for name in ids]),
        "clinic_id": _numbered("c", people.therapist % design.clinics, design.clinics),
        "condition": words(people.condition, tuple(c.name for c in design.conditions)),
        "mechanism": _mechanism(design, people),
        "onset_weeks": people.onset_weeks,
        "recurrent": people.recurrent,
        "age_band": words(np.minimum(people.age // 10, 9).astype(np.int64), AGE_BANDS),
        "sex": word(SEXES, people.female, "female", "male"),
        "referral": words(np.searchsorted([0.5, 0.7], people.traits[1]), REFERRALS),
        "therapist_id": _numbered("t", people.therapist, design.therapists),
        "adaptations": _adaptations(design, people),
        "clearance_required": required,
        "clearance": clearance,
        "clearance_day": clearance_day,
        "pressure_ceiling": people.ceiling,
        **_script(design, people),
        "claim_open": people.claim,
        "sessions_attended": courses.attended.sum(axis=0).astype(float),
        "end_reason": words(np.where(known, courses.end_reason, -1), END_REASONS),
        "end_day": np.where(known, courses.end_day, np.nan),
        "arm": _arm(design, people),
    }


def sessions(design: Design, block: Block) -> Table:
    """Return the table `sessions`: visits received and visits missed."""
    people, courses = block.people, block.courses
    course, column = cells(courses.attended | courses.missed)
    at = (column, course)
    given = courses.attended[at]
    extra, post = people.uniforms["extra"][at], people.uniforms["post"][at]
    pressure = courses.pressure[at]
    highest = np.minimum(pressure + (post < 0.3), np.fmin(people.ceiling[course], 5.0))
    planned = as_level(planned_pressure(design, people), design)
    planned = np.fmin(planned, people.ceiling)[course]
    event, severity = _adverse(design, people, courses.serious[at], at)
    return {
        "episode_id": words(course, people.ids),
        "session": np.where(given, courses.received[at] + 1.0, np.nan),
        "day": courses.schedule.day[at],
        "therapist_id": _numbered("t", courses.therapist[at], design.therapists),
        "status": _status(given, courses.serious[at], extra),
        "minutes": np.where(given, _hands_on(design, people, course, extra), np.nan),
        "pressure": pressure,
        "pressure_planned": np.where(given, planned, np.nan),
        "pressure_max": np.where(given, np.maximum(highest, pressure), np.nan),
        "techniques": words(np.where(given, (post * 97 % 1 * 4).astype(int), -1), _TECHNIQUES),
        "adverse_event": words(np.where(given, event, -1), ADVERSE_EVENTS),
        "adverse_severity": np.where(given, severity, np.nan),
    }


def _numbered(letter: str, number: NDArray[Any], count: int) -> pd.Categorical:
    width = len(str(count))
    return words(number, [f"{letter}{i + 1:0{width}d}" for i in range(count)])


def _script(design: Design, people: People) -> Table:
    """Script of each course; empty in an arm without care."""
    care = of_arm(design, people, "care") > 0
    own = {"sessions_per_week": people.frequency, "minutes": people.minutes, "weeks": people.weeks}
    script = {name: unless_fixed(design, people, name, values) for name, values in own.items()}
    return {name: np.where(care, values, np.nan) for name, values in script.items()}


def _arm(design: Design, people: People) -> pd.Categorical:
    if arms_of(design) == (ROUTINE,):
        return words(np.full(people.count, -1), ())
    return words(people.arm, tuple(arm.name for arm in design.arms))


def _mechanism(design: Design, people: People) -> pd.Categorical:
    usual = [_USUAL_MECHANISM.get(item.name, "") for item in design.conditions]
    codes = [MECHANISMS.index(name) if name else -1 for name in usual]
    fixed = np.array(codes)[people.condition]
    others = np.array([MECHANISMS.index(m) for m in ("fall", "overuse", "none", "unknown")])
    drawn = others[np.searchsorted([0.1, 0.5, 0.8], people.traits[2])]
    return words(np.where(fixed >= 0, fixed, drawn), MECHANISMS)


def _adaptations(design: Design, people: People) -> pd.Categorical:
    """One word for each pair of adaptations; `none` where touch is not adapted."""
    k = len(KINDS)
    first, second = people.kinds
    end = ";end_of_life" if design.end_of_life else ""
    listed = ["none", *(name + end for name in KINDS)]
    listed += [f"{one};{two}" for one in KINDS for two in KINDS]
    code = np.where(second >= 0, 1 + k + first * k + second, 1 + first)
    return words(np.where(people.adaptive, code, 0), listed)


def _clearance(design: Design, people: People) -> tuple[NDArray[Any], pd.Categorical, NDArray[Any]]:
    """Who needs a physician's clearance here, what became of it, and when."""
    acute_crash = np.array([item.name == "neck_mvc" for item in design.conditions])
    needs = [KINDS.index(name) for name in NEEDS_CLEARANCE]
    required = np.isin(people.kinds, needs).any(axis=0)
    required |= acute_crash[people.condition] & (people.onset_weeks <= 13)
    draw = people.traits[3]
    result = np.where(draw < 0.83, CLEARANCES.index("cleared"), CLEARANCES.index("limited"))
    violation = design.clearance_violation
    pending, late = draw > 1 - violation / 2, draw > 1 - violation
    result = np.where(pending, CLEARANCES.index("pending"), result)
    result = np.where(required, result, CLEARANCES.index("not_required"))
    day = -np.floor(1 + 10 * people.traits[4])
    day = np.where(late, 3.0, day)  # care began before clearance
    known = required & ~pending
    return required, words(result, CLEARANCES), np.where(known, day, np.nan)


def _status(given: NDArray[Any], serious: NDArray[Any], extra: NDArray[Any]) -> pd.Categorical:
    came = np.where(serious, STATUSES.index("stopped_early"), STATUSES.index("attended"))
    away = np.where(extra < 0.7, STATUSES.index("cancelled"), STATUSES.index("no_show"))
    return words(np.where(given, came, away), STATUSES)


def _hands_on(
    design: Design, people: People, course: NDArray[Any], extra: NDArray[Any]
) -> NDArray[Any]:
    """Minutes of a visit: the script's, now and then a quarter of an hour less ([A])."""
    script = minutes_of(design, people)[course]
    shorter = (extra > 0.92) & (script >= 30)
    minutes: NDArray[Any] = script - 15.0 * shorter
    return minutes


def _adverse(
    design: Design, people: People, serious: NDArray[Any], at: Cells
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Event and severity (0 none, 1-2 mild, 4 serious) of each visit."""
    draw = people.uniforms["adverse"][at]
    mild = (draw < design.serious_event + design.adverse_event) & ~serious
    kind = people.uniforms["reason"][at]
    mild_kinds = np.array([ADVERSE_EVENTS.index(n) for n in ("soreness", "bruise", "headache",
                                                             "fatigue")])  # fmt: skip
    event = np.where(mild, mild_kinds[np.searchsorted([0.7, 0.8, 0.9], kind)], 0)
    event = np.where(serious, ADVERSE_EVENTS.index("other"), event)
    severity = np.where(mild, 1.0 + (kind % 0.1 > 0.08), 0.0)
    return event, np.where(serious, 4.0, severity)
