"""Which conditions respond best? Partial pooling, intervals, and no ranking without a leader."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.causal.pooling import Pooled, pool
from outcomes.dictionary.instruments import Instrument
from outcomes.questions.answer import Answer, Check, Picture, refusal
from outcomes.questions.claim import basis_of, words
from outcomes.questions.contrasts import estimates, fixed_rows
from outcomes.questions.course_frame import LEAST_COURSES, SMALL_GROUPS, CourseFrame, course_frame
from outcomes.questions.course_model import fit_course
from outcomes.questions.source import source_of
from outcomes.questions.wording import decimals, in_words, interval, percent, scale, when
from outcomes.study import Study

NAME = "conditions"
QUESTION = "Which conditions respond best?"
LEADS = 0.95
"""A condition is named as the one that improved most when its probability is at least this."""

ESTIMAND = (
    "Mean improvement of each condition at the stated time, among those who start care, in the "
    "better direction (positive = better)."
)
ASSUMPTIONS = (
    "Conditions are drawn from a common normal distribution as far as anybody knows beforehand; "
    "those with few courses are pulled towards the rest.",
    "Missing scores are like those of courses with the same scores so far (missing at random).",
)
LIMITS = (
    "Conditions heal at different rates without any care: a neck strain of last week improves by "
    "itself, an old knee does not. More change is no sign that care did more.",
    "The same instrument may not suit all conditions alike.",
)
REFERENCES = (
    "Gelman, Hill & Yajima (2012), J Res Educ Eff 5:189: partial pooling and many comparisons.",
)


def conditions(study: Study, *, instrument: str, seed: int = 0, planned: bool = False) -> Answer:
    """Compare improvement during care between conditions, with partial pooling.

    Parameters
    ----------
    study : Study
        A study without errors.
    instrument : str
        Instrument of the outcome.
    seed : int
        Of the posterior draws.
    planned : bool
        Whether an analysis plan declared the question.

    Returns
    -------
    Answer
        ``.table``: ``kind`` is ``pooled`` (with ``p_best``, the probability of the largest mean
        among those shown) or ``own`` (each condition by itself). Refused with fewer than two
        conditions of ten courses.
    """
    course = course_frame(study, instrument)
    kept = _of_named_conditions(course)
    source = source_of(study, n_used=len(kept.rows), left_out=course.left_out)
    if kept.rows["condition"].nunique() < 2 or not kept.times:
        so_many = ("no condition has", "only one condition has")
        reason = (
            f"at least two conditions with {LEAST_COURSES} courses or more at the same time are "
            f"needed; {so_many[min(kept.rows['condition'].nunique(), 1)]} as many."
        )
        return refusal(NAME, QUESTION, reason, source, estimand=ESTIMAND)
    measure = study.instrument(instrument)
    table, pooled, formula = _estimates(kept, measure, seed)
    allowed = words(basis_of(study, contrast=False, planned=planned, n_episodes=kept.n_courses))
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(table, kept, measure),
        table=table,
        picture=_picture(table, kept, measure),
        method=f"Linear mixed model by REML: `{formula}`; means {when(kept.axis, kept.horizon)}, "
        "pooled by a normal hierarchy with a uniform prior on the spread between conditions.",
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=_checks(table, pooled),
        limits=(*allowed.cautions, *LIMITS),
        references=REFERENCES,
        source=source,
    )


def _of_named_conditions(course: CourseFrame) -> CourseFrame:
    """Keep named conditions with ten courses at the horizon."""
    here = course.rows[course.rows[course.axis] == course.horizon]
    counts = here.groupby("condition")["episode_id"].nunique()
    enough = set(counts.index[counts >= LEAST_COURSES]) - {SMALL_GROUPS, "not recorded"}
    rows = course.rows[course.rows["condition"].isin(enough)].reset_index(drop=True)
    return replace(course, rows=rows, group="condition")


def _estimates(
    course: CourseFrame, measure: Instrument, seed: int
) -> tuple[pd.DataFrame, Pooled, str]:
    fit = fit_course(course).fit
    names = list(course.groups)
    matrix = fixed_rows(fit, pd.DataFrame({"condition": names, course.axis: course.horizon}))
    own = estimates(fit, matrix).assign(kind="own")
    covariance = matrix @ fit.vcov @ matrix.T
    widest = (measure.maximum - measure.minimum) / 4
    pooled = pool(own["estimate"], covariance, widest=widest, seed=seed)
    columns = ("std_error", "conf_low", "conf_high", "p_best")
    shrunk = pd.DataFrame({"estimate": pooled.mean, **{c: getattr(pooled, c) for c in columns}})
    shrunk["kind"] = "pooled"
    tables = [
        part.assign(term=names, n_episodes=list(course.groups.values())) for part in (shrunk, own)
    ]
    table = pd.concat(tables, ignore_index=True)
    first = ["term", "kind", "n_episodes"]
    return table[[*first, *[c for c in table if c not in first]]], pooled, fit.request.formula


def _sentence(table: pd.DataFrame, course: CourseFrame, measure: Instrument) -> str:
    pooled = table[table["kind"] == "pooled"]
    top = pooled.to_dict("records")[int(np.argmax(pooled["p_best"]))]
    time = when(course.axis, course.horizon)
    ends = (pooled["estimate"].min(), pooled["estimate"].max())
    spread = f"between {ends[0]:.{decimals(measure)}f} and {ends[1]:.{decimals(measure)}f}"
    start = f"Mean improvement {time} lay {spread} {measure.unit} in {len(pooled)} conditions"
    if top["p_best"] < LEADS:
        return (
            f"{start}; the data do not say which improved most (the likeliest has a probability of "
            f"{percent(top['p_best'])}), so they are not ranked ({scale(measure)})."
        )
    found = interval(
        top["estimate"], top["conf_low"], top["conf_high"], decimals(measure), measure.unit
    )
    return (
        f"{start}; {in_words(top['term'])} improved most, by {found}, with a probability of "
        f"{percent(top['p_best'])} ({scale(measure)})."
    )


def _picture(table: pd.DataFrame, course: CourseFrame, measure: Instrument) -> Picture:
    data = table[table["kind"] == "pooled"].rename(columns={"term": "label"})
    spoken = "; ".join(
        f"{in_words(row['label'])} {row['estimate']:.1f}" for row in data.to_dict("records")
    )
    columns = ["label", "estimate", "conf_low", "conf_high", "n_episodes"]
    return Picture(
        kind="forest",
        data=data[columns].reset_index(drop=True),
        title=f"Improvement by condition, {when(course.axis, course.horizon)}",
        x_label=f"Improvement ({measure.unit}; right = better)",
        y_label="",
        alt=f"Mean improvement by condition with 95 % intervals, in alphabetical order: {spoken}.",
    )


def _checks(table: pd.DataFrame, pooled: Pooled) -> tuple[Check, ...]:
    best = float(pooled.p_best.max())
    return (
        Check("one condition leads", best >= LEADS, f"highest probability {percent(best)}"),
        Check(
            "every condition has 30 courses",
            bool(table["n_episodes"].min() >= 30),
            f"fewest: {table['n_episodes'].min()} courses",
        ),
    )
