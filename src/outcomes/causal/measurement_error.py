"""Pressure beyond what pain explains, where the score is a reading of the pain with an error.

Therapists who answer the pain that they see leave an association behind even where pressure does
nothing: among patients of one *recorded* score, those who look worse get the lighter pressure, and
score worse next time. How far pressure answers the pain and not the number is in the data: earlier
scores are further readings of the same pain, with errors of their own. Where they tell nothing of
pressure beyond the score of the day, the number was answered; where they do, the pain was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy

from outcomes.causal.jackknife import grouped, jackknife, residual, slopes
from outcomes.mixed.types import Array
from outcomes.privacy.disclosure import THRESHOLD

PRESSURE, SCORE, THIRD = 0, 1, 2
"""Places of the first columns; the third is earlier scores, or the next score."""


def answered_visits(visits: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the visits whose pressure can be set against the score of the day.

    Parameters
    ----------
    visits : DataFrame
        As in `PressureHistory.visits`.
    rows : DataFrame
        Trajectory of the outcome.

    Returns
    -------
    DataFrame
        Visits with pressure and a score of their own; beside the columns of `visits`:
        ``score_earlier`` (mean of the scores before the day's, baseline included; NaN where there
        is none) and ``score_next`` (first score after the visit; NaN where there is none).
    """
    scored = visits[visits["scored"]].copy()
    by_course = scored.groupby("episode_id", sort=False)["score_now"]
    n_before = by_course.cumcount()
    scored["score_earlier"] = by_course.cumsum() - scored["score_now"]
    scored["score_earlier"] /= n_before.where(n_before > 0)
    keys = ["episode_id", "session_count"]
    after = rows[rows["session"].notna()].drop_duplicates(keys)[[*keys, "score"]]
    after = after.set_axis(["episode_id", "session", "score_next"], axis=1)
    joined = scored.merge(after, "left", on=["episode_id", "session"], validate="one_to_one")
    return joined.dropna(subset=["pressure"]).reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Readings:
    """Cross-products of pressure and scores, by groups of courses.

    Parameters
    ----------
    reaction : array, shape (groups, p, p)
        Of pressure, score of the day, mean of earlier scores and facts, at every visit.
    drifting : array, shape (groups, p + 2, p + 2)
        The same, with both scores times the visit's number before the facts.
    response : array, shape (groups, p, p)
        Of pressure, score of the day, next score and facts, at visits with a next score.
    sustained : array, shape (groups, q, q)
        At the same visits, of running means of the columns of `drifting`, the next score, and the
        facts of the visit.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    n_episodes, n_visits : int
        Courses with a next score; visits.
    """

    reaction: Array
    drifting: Array
    response: Array
    sustained: Array
    sign: int
    n_episodes: int
    n_visits: int


def readings(answered: pd.DataFrame, sign: int) -> Readings:
    """Return the cross-products of visits.

    Parameters
    ----------
    answered : DataFrame
        From `answered_visits`. What tells of pain by earlier scores holds where every visit has an
        earlier score and pressure.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    """
    table = answered.sort_values(["episode_id", "session"], ignore_index=True)
    facts = _facts(table)
    group = pd.factorize(table["patient_id"].fillna(table["episode_id"]))[0]
    seen = table[["pressure", "score_now", "score_earlier"]].fillna(0.0).to_numpy(float)
    there = table["score_next"].notna().to_numpy()[:, None]
    then = np.column_stack([seen[:, :THIRD], table["score_next"].fillna(0.0)])
    later = seen[:, 1:] * (table[["session"]] - table["session"].mean()).to_numpy(float)
    drift = np.column_stack([seen, later, facts])
    by_course = pd.DataFrame(drift).groupby(table["episode_id"].to_numpy(), sort=False)
    so_far = by_course.cumsum().to_numpy() / (by_course.cumcount().to_numpy()[:, None] + 1)
    lasting = np.column_stack([so_far, then[:, THIRD], facts[:, 1:], table["baseline"]])
    return Readings(
        grouped(np.column_stack([seen, facts]), group),
        grouped(drift, group),
        grouped(np.column_stack([then, facts]) * there, group),
        grouped(lasting * there, group),
        sign,
        int(table.loc[there[:, 0], "episode_id"].nunique()),
        len(table),
    )


def _facts(table: pd.DataFrame) -> Array:
    """Return what is allowed for: pressure before, visit, condition by visit, therapist, facts."""
    condition = pd.get_dummies(table["condition"], dtype=float).to_numpy()
    return np.column_stack(
        [
            table["pressure_before"].fillna(0.0),  # the first visit has a column of its own
            pd.get_dummies(table["session"], dtype=float),
            condition,
            condition * table[["session"]].to_numpy(float),
            pd.get_dummies(table["therapist_id"].fillna("not recorded"), dtype=float),
            table[["adapted", "age"]],
        ]
    ).astype(float)


LEAST_COURSES = THRESHOLD
"""Courses with a next score from which earlier scores can tell what pressure answers."""
LEAST_RELIABILITY = 0.2
"""Below this reliability a score says too little for a correction."""


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What is left of an association when error of the score is allowed for.

    Parameters
    ----------
    table : DataFrame
        Rows of kind ``error allowed for`` and ``sustained``, as far as the data carry them.
    decisive : mapping or None
        The row that decides whether a finding stays.
    answered : mapping or None
        The reliability as earlier scores tell, a row.
    reliability : float or None
        That of the score among like visits with the published error; None where none is published
        or the scores vary no more than that.
    tipping : float
        Reliability below which the finding could be error, as if the pain alone were answered; see
        `tipping_reliability`.
    """

    table: pd.DataFrame
    decisive: Mapping[Any, Any] | None
    answered: Mapping[Any, Any] | None
    reliability: float | None
    tipping: float


@np.errstate(divide="ignore", invalid="ignore")  # what cannot be told is no number, and has no row
def sensitivity(answered: pd.DataFrame, sign: int, error: float | None) -> Sensitivity:
    """Estimate the last visit's consequence anew, error of the score allowed for.

    Parameters
    ----------
    answered : DataFrame
        From `answered_visits`.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    error : float or None
        Standard error of measurement, in the instrument's units.

    Returns
    -------
    Sensitivity
        Decisive is what earlier scores tell, in 11 courses or more; else `error`, as if the pain
        alone were answered: too much is then taken off where the number is, so that it stands in
        no table.
    """
    every = readings(answered, sign)
    share = reliability_of(every, error) if error else None
    tipping = tipping_reliability(partial(last_visit, every))
    known = answered.dropna(subset=["score_earlier", "pressure_before"])
    if known.loc[known["score_next"].notna(), "episode_id"].nunique() < LEAST_COURSES:
        decisive = None if share is None else last_visit(every, share)
        return Sensitivity(pd.DataFrame(), decisive, None, share, tipping)
    earlier = both_readings(known, sign)
    told = reliability_answered(earlier[0])
    allowed = {**less_clear(earlier), "reliability": min(told["estimate"], 1.0)}
    lasting = {**less_clear(earlier, sustained), "kind": "sustained"}
    rows = [{**allowed, "kind": "error allowed for"}, lasting]
    table = pd.DataFrame(rows)
    table = table[np.isfinite(table["std_error"])]
    known_too = allowed if np.isfinite(allowed["std_error"]) else None
    return Sensitivity(table, known_too, told, share, tipping)


def both_readings(known: pd.DataFrame, sign: int) -> tuple[Readings, Readings]:
    """Return the `readings` of visits with one pressure before, and of all.

    Among visits with one pressure before, earlier scores tell how pain is answered where habit
    keeps pressure; among all, where patients have a pressure that they like, which one pressure
    before would tie to earlier pain.
    """
    return readings(known, sign), readings(known.assign(pressure_before=0.0), sign)


def less_clear(
    both: tuple[Readings, ...], estimate: Callable[[Readings], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the less clear of the rows that an estimate, `last_visit` by default, has of each."""
    rows = map(estimate or last_visit, both)
    return max(rows, key=lambda row: float(np.nan_to_num(row["p_value"], nan=1.0)))


def _solved(matrices: Array, right: Array) -> Array:
    """Return the solutions; none of them is known where one is not determined."""
    try:
        return np.asarray(np.linalg.solve(matrices, right))
    except np.linalg.LinAlgError:
        return np.full(right.shape, np.nan)


def reaction(found: Array, reliability: float | None) -> Array:
    """Return how many levels pressure answers a point of pain, given the cross-products.

    Parameters
    ----------
    found : array, shape (..., 3, 3)
        Of pressure, score and earlier scores, what facts explain taken out.
    reliability : float or None
        Share of the score's variance that pressure answers; None: as earlier scores tell.

    Notes
    -----
    The slope on a score is the slope on the pain times the reliability (Fuller 1987, Measurement
    Error Models, 1.1); an earlier score is an instrument for the score of the day (1.4).
    """
    if reliability is None:
        return np.asarray(found[..., PRESSURE, THIRD] / found[..., SCORE, THIRD])
    return np.asarray(found[..., PRESSURE, SCORE] / (found[..., SCORE, SCORE] * reliability))


def last_visit(sums: Readings, reliability: float | None = None) -> dict[str, Any]:
    """Estimate the next improvement for one level more, error of the score allowed for.

    Parameters
    ----------
    sums : Readings
    reliability : float, optional
        As in `reaction`; 1 takes the score as exact.

    Returns
    -------
    dict
        As `interval_row`, by the jackknife over groups of courses, in the instrument's units a
        Walton level, positive = better.

    Notes
    -----
    With pain S, score Y = S + error and pressure P that answers S and Y, the mean of the next score
    is linear in S and P, and that of S linear in Y and P. So ``b_P = effect + g k`` and
    ``b_Y = g l`` in the regression of the next score on P and Y, where k and l are the slopes of S
    on P and Y, and ``k / l = (b v(Y) - c(P, Y)) / (v(P) - b c(P, Y))`` with b the reaction to pain:
    the variance of the error cancels. Slopes given Y do not change where courses end by their
    scores, so k / l is taken from all visits (Fuller 1987, Measurement Error Models, ch. 1).
    """

    def effect(found: tuple[Array, Array]) -> Array:
        visits, then = residual(found[0], 3), residual(found[1], 3)
        given = _solved(then[..., :THIRD, :THIRD], then[..., :THIRD, THIRD:])[..., 0]
        b = reaction(visits, reliability)
        k = b * visits[..., SCORE, SCORE] - visits[..., PRESSURE, SCORE]
        own = visits[..., PRESSURE, PRESSURE] - b * visits[..., PRESSURE, SCORE]
        return np.asarray(sums.sign * (given[..., PRESSURE] - given[..., SCORE] * k / own))

    return jackknife((sums.reaction, sums.response), effect, sums.n_episodes)


def reliability_of(sums: Readings, error: float) -> float | None:
    """Return the reliability of the score among like visits with a known error.

    Parameters
    ----------
    sums : Readings
    error : float
        Standard error of measurement, in the instrument's units.

    Returns
    -------
    float or None
        Between `LEAST_RELIABILITY` and 1; None below.
    """
    total = sums.reaction.sum(axis=0)
    n_free = sums.n_visits - np.linalg.matrix_rank(total[3:, 3:])
    share = 1 - n_free * error**2 / residual(total, 3)[SCORE, SCORE]
    return float(share) if share >= LEAST_RELIABILITY else None


def reliability_answered(sums: Readings) -> dict[str, Any]:
    """Estimate the share of the score's variance that pressure answers, as earlier scores tell.

    Parameters
    ----------
    sums : Readings

    Returns
    -------
    dict
        As `interval_row`: near 1 where therapists answer the number, and the reliability of the
        score among like visits where they answer the pain alone.
    """

    def share(found: tuple[Array, ...]) -> Array:
        visits = residual(found[0], 3)
        return reaction(visits, 1.0) / reaction(visits, None)

    return jackknife((sums.reaction,), share, sums.n_episodes)


def sustained(sums: Readings) -> dict[str, Any]:
    """Estimate improvement had every visit since the second been one level firmer.

    Parameters
    ----------
    sums : Readings

    Returns
    -------
    dict
        As `interval_row`, in the instrument's units a Walton level, positive = better.

    Notes
    -----
    G-estimation of a structural nested mean model (Robins 1994, Commun Stat 23:2379): what pressure
    was beyond the answer to pain, averaged over the visits so far, is an instrument for the mean
    pressure so far. Effects of each visit add up, whatever their course in time; the estimate is
    their sum after k visits, averaged with weights 1 / k.
    """
    n_facts = sums.drifting.shape[-1] - 5

    def effect(found: tuple[Array, Array]) -> Array:
        visits, lasting = found
        own, by_facts = residual(visits, 5), slopes(visits, 5)
        answer = _solved(own[..., [2, 4], :][..., [1, 3]], own[..., [2, 4], :1])
        beyond = np.zeros((*own.shape[:-2], 5, 1))  # pressure less its answer
        beyond[..., [0], :], beyond[..., [1, 3], :] = 1.0, -answer
        left = residual(lasting, 6 + n_facts)
        weights = np.concatenate([beyond, -by_facts @ beyond, beyond[..., :1, :] * 0.0], axis=-2)
        instrument = (weights * left).sum(axis=-2)
        return np.asarray(sums.sign * instrument[..., -1] / instrument[..., PRESSURE])

    return jackknife((sums.drifting, sums.sustained), effect, sums.n_episodes)


def tipping_reliability(at: Callable[[float], Mapping[Any, Any] | None]) -> float:
    """Return the reliability of the score below which an interval holds zero.

    Parameters
    ----------
    at : callable
        Returns the row of the estimate with a reliability of the score, or None where it is too
        low for one.

    Returns
    -------
    float
        1 where the interval holds zero with an exact score, and 0 where it does not down to a
        reliability of 0.2.
    """

    def distance(reliability: float) -> float:
        row = at(reliability)
        if row is None:
            return -1.0
        return float(abs(row["estimate"]) - (row["conf_high"] - row["conf_low"]) / 2)

    shares = np.linspace(1.0, LEAST_RELIABILITY, 17)
    for above, below in zip(shares, [1.0, *shares], strict=False):
        if distance(float(above)) <= 0:
            solve = scipy.optimize.brentq
            return 1.0 if above == 1.0 else float(solve(distance, above, below, xtol=0.005))
    return 0.0


def largest_error(rows: pd.DataFrame) -> float:
    """Return the largest standard error of measurement that successive scores leave room for.

    Parameters
    ----------
    rows : DataFrame
        Trajectory.

    Returns
    -------
    float
        In the instrument's units: errors that are independent from visit to visit have no more
        than half the variance of the difference of two scores in a row (Bland & Altman 1996, BMJ
        313:744, the standard deviation within subjects). NaN with fewer than two differences.
    """
    change = (rows["score"] - rows["score_before"]).dropna()
    return float(change.std() / np.sqrt(2))


def severity_gap(courses: pd.DataFrame, error: float) -> dict[str, Any] | None:
    """Estimate how much worse those with an exposure truly were, at one recorded baseline.

    Parameters
    ----------
    courses : DataFrame
        One row a course: ``exposed`` (0, 1), ``baseline``, ``condition``, ``therapist_id``,
        ``episode_id``.
    error : float
        Standard error of measurement of the baseline, in the instrument's units.

    Returns
    -------
    dict or None
        As `interval_row`, in the instrument's units (positive = a higher score). None where the
        baselines vary no more than their error, so that they say nothing of severity.

    Notes
    -----
    Were the exposure chosen by the true score alone, its slope on the recorded one is too small by
    the reliability, and what is left of it given the recorded score is this gap (Fuller 1987,
    Measurement Error Models, 1.1; as in `last_visit`, with a reliability that is known).
    """
    groups = pd.factorize(courses["episode_id"])[0]
    alike = courses[["condition", "therapist_id"]].fillna("not recorded").astype(str)
    facts = pd.get_dummies(alike, dtype=float)
    columns = np.column_stack([courses[["exposed", "baseline"]].to_numpy(float), facts])
    n_free = len(courses) - np.linalg.matrix_rank(facts)

    def gap(found: tuple[Array]) -> Array:
        exposed, both, recorded = residual(found[0], 2)[..., [0, 0, 1], [0, 1, 1]].T
        true = recorded - n_free * error**2
        return np.asarray(both * (recorded / true - 1) / (exposed - both**2 / true))

    sums = grouped(columns, groups)
    (exposed, both), (_, recorded) = residual(sums.sum(axis=0), 2)
    true = recorded - n_free * error**2
    if true <= 0 or both**2 >= exposed * true:
        return None
    return jackknife((sums,), gap, len(courses))
