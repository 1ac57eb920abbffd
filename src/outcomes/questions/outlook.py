"""One patient's outlook: the scores to come of a course, given its scores so far.

What to expect comes from the mixed model, conditional on the patient's own scores. How far off
that may be comes from the study itself: the other courses, a fifth at a time, are predicted by
models that have not seen them, and the errors of the predictions most like this one, in units of
the model's own standard error, take the place of normal ones. So skewed errors, errors that grow
with the score and the ends of the scale are as the study shows them (Lei et al. 2018, J. Am. Stat.
Assoc. 113, 1094). Scores of one course go together as the model says (a normal copula).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from outcomes.dictionary.instruments import Instrument
from outcomes.errors import OutcomesWarning
from outcomes.mixed.after.predict import Forecast, predict_given
from outcomes.mixed.fit import MixedFit, choose_residual, lmm
from outcomes.mixed.types import Array
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import RESIDUALS, can_be_serial, course_formula

LEVEL = 0.8
"""Share of such courses that a prediction interval is to hold."""
LEAST_OTHERS = 50
"""Other courses with a score after the same number of scores that an outlook needs."""
LEAST_SCORES = 1
"""Scores after baseline that the course itself needs."""
FOLDS = 5
NEAREST = 0.2
"""Share of the errors, at least `LEAST_OTHERS`, that are taken: those of the likest predictions."""
DRAWS = 4000
ADJUSTED_FOR = ("baseline",)


@dataclass(frozen=True, eq=False, repr=False)
class Basis:
    """What outlooks are read off.

    Parameters
    ----------
    course : CourseFrame
        The courses learnt from.
    measure : Instrument
    fit : MixedFit
        Of improvement against group, time and baseline. Therapist and patient are in the course's
        own variance: of one course's scores to come, its own say all that is used.
    n_seen : int
        Scores after baseline from which the errors were predicted.
    errors : DataFrame
        ``episode_id, expected`` (score) and ``z`` (error of improvement over its standard error) of
        each score predicted without its course.
    """

    course: CourseFrame
    measure: Instrument
    fit: MixedFit
    n_seen: int
    errors: pd.DataFrame

    @property
    def normal_coverage(self) -> float:
        """Share of the errors within what a normal distribution would give `LEVEL` of them."""
        return float((self.errors["z"].abs() <= ndtri(0.5 + LEVEL / 2)).mean())


def learn(course: CourseFrame, measure: Instrument, n_seen: int, seed: int = 0) -> Basis:
    """Fit the model, and predict each course by a model that has not seen its patient.

    Parameters
    ----------
    course : CourseFrame
        Groups with fewer than 11 courses are left out.
    measure : Instrument
    n_seen : int
        Scores after baseline to predict from; fewer where not enough courses have so many.
    seed : int
        Of the split into fifths.

    Returns
    -------
    Basis

    Raises
    ------
    FitError
        When the rows cannot carry the model.
    """
    course = _large_groups(course)
    rows = course.rows
    n_scores = rows.groupby("episode_id").size()
    while n_seen > LEAST_SCORES and (n_scores > n_seen).sum() < LEAST_OTHERS:
        n_seen -= 1
    tried = RESIDUALS if can_be_serial(course) else ("",)
    formula = course_formula(course, ADJUSTED_FOR, clusters=False)
    fit = choose_residual(formula, rows, tried, df="normal").fit
    part = _parts(course, seed)
    errors = []
    for fold in range(FOLDS):
        # boundary fits do; a time that only they saw has no error
        with warnings.catch_warnings(action="ignore", category=OutcomesWarning):
            other = lmm(fit.request.formula, rows[part != fold], df="normal")
            held_out = rows[part == fold].reset_index(drop=True)
            errors.append(_errors(other, held_out, measure, n_seen))
    return Basis(course, measure, fit, n_seen, pd.concat(errors, ignore_index=True))


def _large_groups(course: CourseFrame) -> CourseFrame:
    if not course.group:
        return course
    large = [name for name, count in course.groups.items() if count >= LEAST_COURSES]
    rows = course.rows[course.rows[course.group].isin(large)].reset_index(drop=True)
    return replace(course, rows=rows, group=course.group if len(large) > 1 else "")


def _parts(course: CourseFrame, seed: int) -> Array:
    """Deal whole patients into parts, the patients of each group evenly; shape (rows,)."""
    rows = course.rows
    person = rows["patient_id"].fillna(rows["episode_id"])
    first = ~person.duplicated()
    order = np.random.default_rng(seed).permutation(int(first.sum()))
    people = pd.DataFrame({"person": person[first].to_numpy()[order]})
    if course.group:
        people["group"] = rows.loc[first, course.group].to_numpy()[order]
        people = people.sort_values("group", kind="stable", ignore_index=True)
    dealt = pd.Series(people.index % FOLDS, index=people["person"])
    return dealt.reindex(person).to_numpy()


def _errors(fit: MixedFit, rows: pd.DataFrame, measure: Instrument, n_seen: int) -> pd.DataFrame:
    seen = (rows.groupby("episode_id").cumcount() < n_seen).to_numpy()
    found = [forecast for _, forecast in predict_given(fit, rows, "episode_id", seen)]
    if not found:
        return pd.DataFrame({"episode_id": [], "expected": [], "z": []})
    mean = np.concatenate([forecast.mean for forecast in found])
    sd = np.concatenate([_sd(forecast) for forecast in found])
    later = rows.iloc[np.concatenate([forecast.rows for forecast in found])]
    table = {"episode_id": later["episode_id"].to_numpy(),
             "expected": later["baseline"].to_numpy() + measure.sign * mean,
             "z": (later["improvement"].to_numpy() - mean) / sd}  # fmt: skip
    return pd.DataFrame(table).dropna(subset=["z"])


def _sd(forecast: Forecast) -> Array:
    return np.asarray(np.sqrt(np.diag(forecast.covariance)))


def foresee(
    basis: Basis, rows: pd.DataFrame, seen: Array, *, target: float | None = None, seed: int = 0
) -> pd.DataFrame:
    """Predict the scores to come of one course.

    Parameters
    ----------
    basis : Basis
    rows : DataFrame
        Trajectory rows of the course in order of time: those seen, then those to come, without
        score and improvement.
    seen : array of bool, shape (rows,)
    target : float, optional
        Score that a goal asks for.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        One row a score to come: the time axis, ``day``; ``estimate, std_error`` (improvement
        expected and its standard error), ``pred_low, pred_high`` (interval of `LEVEL`, inside the
        instrument's range); with a target ``met`` and ``sustained``: probability that this score
        meets it, and that by this score two in a row have, the last score seen included.
    """
    others = basis.errors[basis.errors["episode_id"] != rows["episode_id"].iloc[0]]
    _, forecast = next(predict_given(basis.fit, rows, "episode_id", seen))
    mean, sd, measure = forecast.mean, _sd(forecast), basis.measure
    baseline = float(rows["baseline"].iloc[0])
    z = [_nearest(others, baseline + measure.sign * m) for m in mean]
    tails = np.array([[0.5 - LEVEL / 2, 0.5 + LEVEL / 2]] * len(z)).T
    worst, best = sorted(
        measure.sign * (end - baseline) for end in (measure.minimum, measure.maximum)
    )
    low, high = np.clip(mean + sd * _quantiles(z, tails), worst, best)
    table = rows.loc[~np.asarray(seen), [basis.course.axis, "day"]].reset_index(drop=True)
    table = table.assign(
        estimate=np.clip(mean, worst, best), std_error=sd, pred_low=low, pred_high=high
    )
    if target is None:
        return table
    scale = np.sqrt(np.outer(np.diag(forecast.covariance), np.diag(forecast.covariance)))
    root = np.linalg.cholesky(forecast.covariance / scale)
    normal = np.random.default_rng(seed).standard_normal((DRAWS, len(root))) @ root.T
    drawn = baseline + measure.sign * (mean + sd * _quantiles(z, ndtr(normal)))
    last = rows.loc[np.asarray(seen), "score"].iloc[-1] if np.any(seen) else baseline
    hit = measure.sign * (_as_recorded(drawn, measure) - target) >= 0
    before = np.full((len(hit), 1), bool(measure.sign * (last - target) >= 0))
    again = hit & np.hstack([before, hit[:, :-1]])
    kept = np.logical_or.accumulate(again, axis=1).mean(axis=0)
    return table.assign(met=hit.mean(axis=0), sustained=kept)


def _nearest(errors: pd.DataFrame, expected: float) -> Array:
    """Return the errors of the likest predictions, in ascending order."""
    z, distance = errors["z"].to_numpy(), (errors["expected"] - expected).abs().to_numpy()
    n = min(len(z), max(LEAST_OTHERS, round(NEAREST * len(z))))
    return np.asarray(np.sort(z[np.argsort(distance, kind="stable")[:n]]))


def _quantiles(z: list[Array], at: Array) -> Array:
    """Return quantiles of each set of errors, shape as `at`; that of rank r of n is r / (n + 1)."""
    ranks = [np.arange(1, len(own) + 1) / (len(own) + 1) for own in z]
    return np.column_stack([np.interp(at[:, j], ranks[j], z[j]) for j in range(len(z))])


def _as_recorded(scores: Array, measure: Instrument) -> Array:
    """Round scores to the instrument's step and keep them on its scale."""
    if measure.step:
        steps = np.round((scores - measure.minimum) / measure.step)
        scores = measure.minimum + steps * measure.step
    return np.asarray(np.clip(scores, measure.minimum, measure.maximum))


def time_reached(table: pd.DataFrame, axis: str, share: float) -> float:
    """Return the first time by which a share of such courses has met the goal twice in a row.

    Parameters
    ----------
    table : DataFrame
        From `foresee`.
    axis : str
        The time axis.
    share : float
        Between 0 and 1.

    Returns
    -------
    float
        NaN where that is later than the table goes.

    Examples
    --------
    >>> table = pd.DataFrame({"session_count": [4, 5, 6], "sustained": [0.2, 0.4, 0.7]})
    >>> time_reached(table, "session_count", 0.5)
    6.0
    """
    reached = table.loc[table["sustained"] >= share, axis]
    return float(reached.iloc[0]) if len(reached) else float("nan")
