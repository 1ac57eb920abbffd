"""What a change during care is read beside: published arms without it, and selection alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from outcomes.causal.jackknife import interval_row
from outcomes.causal.regression_to_the_mean import (
    RegressionToTheMean,
    rated,
    regression_to_the_mean,
)
from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.text import Count
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.course_model import CourseModel, fit_course
from outcomes.questions.question import Asked
from outcomes.records import scores_before_care
from outcomes.study import Study
from outcomes.words import with_interval

PUBLISHED = (("untreated arms, neck-pain trials", 0.058), ("placebo arms, neck-pain trials", 0.157))
"""Mean improvement as a share of the pain scale: Hu 2022, doi 10.1016/j.apmr.2022.10.013."""
PAIN_SCALES = ("nprs", "vas")


def beside(asked: Asked, model: CourseModel) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return what the mean change is to be read beside.

    Parameters
    ----------
    asked : Asked
        The question how much patients improved.
    model : CourseModel
        The model of total change.

    Returns
    -------
    rows : DataFrame
        Rows of kind ``beside``: term, group, estimate, and for what the study itself tells
        std_error, conf_low and conf_high; in points, positive = better.
    limits : tuple of str
        The sentences about regression to the mean and change before care.
    """
    study, measure, say = asked.study, asked.measure, asked.question.say
    records: list[dict[str, Any]] = []
    if measure.name in PAIN_SCALES:
        span = measure.maximum - measure.minimum
        records = [{"term": name, "estimate": share * span} for name, share in PUBLISHED]
    limits: list[str] = []
    before = _before_care(study, measure)
    if before is not None:
        records.append({"term": "between two scores before care", **before})
        courses = Count(before["n_episodes"], "course")
        limits.append(
            say("before care", change=with_interval(before, unit=measure.unit), courses=courses)
        )
    found = _selection(model, measure)
    if found is not None:
        records.append({"term": "regression to the mean, at least", **asdict(found)})
        limits.append(say("regression", size=with_interval(asdict(found), unit=measure.unit)))
    rows = pd.DataFrame(records)
    rows = rows.assign(kind="beside", group="all") if len(rows) else rows
    return rows, tuple(limits) or (asked.question.notes["untold"],)


def _before_care(study: Study, measure: Instrument) -> dict[str, Any] | None:
    """Improvement from the first to the last day with a score before the first visit's care."""
    by_series = scores_before_care(study, measure.name).groupby("series")["score"]
    change = (by_series.last() - by_series.first()).to_numpy(float)
    gain, n = measure.sign * change, len(change)
    if n < LEAST_COURSES or np.ptp(gain) == 0:
        return None
    error = float(gain.std(ddof=1) / np.sqrt(n))
    return interval_row(float(gain.mean()), error, n - 1, n_episodes=n)


def _selection(model: CourseModel, measure: Instrument) -> RegressionToTheMean | None:
    """Regression to the mean from baselines, and from improvement against baseline."""
    counts = model.course.tallies.baselines.sort_index()
    baselines = np.repeat(counts.index.to_numpy(float), counts)
    if np.ptp(baselines) == 0:
        return None
    fit = fit_course(model.course.counted_alike(group=""), ("baseline",)).fit
    slope = fit.test({"baseline": -float(measure.sign)}).iloc[0]
    return regression_to_the_mean(
        *rated(measure, baselines), float(slope["estimate"]), float(slope["std_error"])
    )
