"""What a change during care is read beside: published arms without it, and selection alone."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from outcomes.causal.regression_to_the_mean import (
    Rating,
    RegressionToTheMean,
    regression_to_the_mean,
)
from outcomes.dictionary.instruments import Instrument
from outcomes.questions.course_model import CourseModel, fit_course
from outcomes.words import decimals, interval

PUBLISHED = (
    ("untreated arms, neck-pain trials", 0.058),
    ("placebo arms, neck-pain trials", 0.157),
)
"""Mean improvement as a share of the pain scale: Hu 2022, doi 10.1016/j.apmr.2022.10.013."""
PAIN_SCALES = ("nprs", "vas")
UNKNOWN = (
    "How much of it is regression to the mean cannot be told from these baselines: score twice "
    "before care starts."
)


def beside(model: CourseModel, measure: Instrument) -> tuple[pd.DataFrame, str]:
    """Return what the mean change is to be read beside.

    Parameters
    ----------
    model : CourseModel
        The model of total change.
    measure : Instrument
        Its instrument.

    Returns
    -------
    rows : DataFrame
        Rows of kind ``beside``: term, group, estimate, and for regression to the mean std_error,
        conf_low and conf_high; in points, positive = better.
    limit : str
        The sentence about regression to the mean.
    """
    records, limit = [], UNKNOWN
    if measure.name in PAIN_SCALES:
        span = measure.maximum - measure.minimum
        records = [{"term": name, "estimate": share * span} for name, share in PUBLISHED]
    found = _selection(model, measure)
    if found is not None:
        records.append({"term": "regression to the mean", **asdict(found)})
        digits = decimals(measure)
        spoken = interval(found.estimate, found.conf_low, found.conf_high, digits, measure.unit)
        limit = (
            f"Regression to the mean alone would bring about {spoken} of it: people come when they "
            "score worst. The number takes the baselines as the upper end of a normal curve, and "
            "improvement as no larger in those who truly were worse (Barnett 2005)."
        )
    rows = pd.DataFrame(records)
    return rows.assign(kind="beside", group="all") if len(rows) else rows, limit


def _selection(model: CourseModel, measure: Instrument) -> RegressionToTheMean | None:
    """Regression to the mean from baselines, and from improvement against baseline."""
    rows = model.course.rows
    baselines = rows.groupby("episode_id")["baseline"].first().to_numpy(float)
    if np.ptp(baselines) == 0:
        return None
    towards, ends = 1.0, (measure.minimum, measure.maximum)
    if measure.better == "higher":
        towards, ends = -1.0, (-measure.maximum, -measure.minimum)
    fit = fit_course(replace(model.course, group=""), ("baseline",)).fit
    slope = fit.test({"baseline": towards}).iloc[0]
    step = measure.step or (measure.maximum - measure.minimum) / 1000
    entry = float((towards * baselines).min())
    return regression_to_the_mean(
        towards * baselines,
        Rating(ends[0], entry, ends[1], step),
        float(slope["estimate"]),
        float(slope["std_error"]),
    )
