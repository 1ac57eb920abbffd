"""Why courses end, and how scores get lost."""

from __future__ import annotations

import numpy as np

from outcomes.dictionary.tables import END_REASONS
from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Bools, Floats, Ints, People

REASON = {name: code for code, name in enumerate(END_REASONS)}
"""Code of each end reason; -1 while a course goes on."""
PLANNED = (REASON["goal_met"], REASON["plateau"])
"""Ends that both sides agree on; a discharge score may be taken."""

_OTHER = np.array([REASON[name] for name in ("moved", "declined", "cost", "unknown")])
GOOD_ENOUGH = 2.0
"""Pain, NPRS points, at which patients feel done."""


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
