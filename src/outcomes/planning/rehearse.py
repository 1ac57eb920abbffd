"""Rehearse an analysis on a study's own visits, with scores drawn so that nothing is to be found.

The visits, scripts, therapists, pressures and arms stay as recorded; scores come from a mixed model
of the recorded ones that knows nothing of what the question is about. What the answer finds then,
it finds by mistake.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.mixed.after.bootstrap import simulate
from outcomes.mixed.fit import MixedFit
from outcomes.planning.batch import Studies
from outcomes.planning.repeated import (
    Progress,
    Wanted,
    counted,
    known,
    repeated,
    seeds_from,
    silent,
    told,
)
from outcomes.planning.roads import asked_of_all
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.course_model import LEAST_CLUSTERS, fitted
from outcomes.records import SERIES, therapist_of_course
from outcomes.study import Study
from outcomes.words import percent_with_interval

EXPECTED = 0.05
IDS = {"episode_id", "patient_id", "therapist_id"}
LEAST_FOR_SLOPE = 4
"""Scores of the median course from which on courses differ in slope."""


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What an answer finds where nothing is.

    Parameters
    ----------
    question, instrument : str
        What was asked.
    formula : str
        Of the model that scores were drawn from.
    table : DataFrame
        ``term, estimate, conf_low, conf_high, n``, as `outcomes.planning.repeated.counted`.
    n, seed : int
        How many times, and from which seed.
    """

    question: str
    instrument: str
    formula: str
    table: pd.DataFrame
    n: int
    seed: int

    def __repr__(self) -> str:
        return f"Rehearsal({self.question}: {self.n:,} times)"

    @property
    def sentence(self) -> str:
        """Say how often something was found, and whether that is the 5 % it should be."""
        share = told(self.table, "clear")
        verdict = "which agrees with the 5 % it should be"
        if share[1] > EXPECTED:
            verdict = "more often than the 5 % it should be: its p-values are too small here"
        if share[2] < EXPECTED:
            verdict = "less often than in 5 %: it is cautious here"
        return (
            f"{QUESTIONS[self.question].words} On these visits, with scores drawn so that there is "
            f"nothing to find, something was found in "
            f"{percent_with_interval(*share)} of {self.n:,} rehearsals, {verdict}."
        )


def rehearse(
    study: Study,
    question: str,
    *,
    instrument: str | None = None,
    n: int = 200,
    seed: int = 1,
    progress: Progress = silent,
) -> Rehearsal:
    """Ask a question of a study's own visits with drawn scores in which nothing is to be found.

    Parameters
    ----------
    study : Study
        The study.
    question : str
        A question with one test: how-much, pressure, frequency, therapists or trial.
    instrument : str, optional
        Of the outcome; by default the one with most scores.
    n : int
        Times, at least 1.
    seed : int
        Of all draws.
    progress : callable
        Told how many are done, and of how many.

    Returns
    -------
    Rehearsal
        ``.table`` and ``.sentence``.

    Raises
    ------
    UsageError
        When the question has no one test, or there are no scores, or they have no place in time.
    FitError
        When no model of the recorded scores can be fitted.
    DesignError
        When none of the first ten draws answers the question.

    Notes
    -----
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, 16: a parametric bootstrap under
    the null hypothesis. Drawn scores are not rounded nor cut off at the ends of the scale, and who
    left does not depend on them; therapists who answer today's pain with today's pressure are not
    acted out, since pressures stay as they were.

    Examples
    --------
    >>> import outcomes as oc
    >>> rehearse(oc.simulate(episodes=60, seed=1), "frequency", n=3)
    Rehearsal(frequency: 3 times)
    """
    known(question, n, seed)
    chosen = instrument or next(iter(study.scored_instruments()), "nprs")
    study.instrument(chosen)
    rows = _course_scores(study, chosen)
    fit = fitted(_formula(rows, question), rows)
    task = partial(_some, study, question, chosen, fit)
    records = repeated(task, seeds_from(seed, n), progress=progress)
    return Rehearsal(question, chosen, fit.request.formula, counted(records), len(records), seed)


def _course_scores(study: Study, instrument: str) -> pd.DataFrame:
    """Scores of courses, on the index of `assessments`, with ``later``, ``time`` and ``series``."""
    scores = study.assessments
    rows = scores[(scores["instrument"] == instrument) & scores["score"].notna()]
    rows = rows[rows["timing"] != "post_session"].copy()
    if rows.empty:
        must = "the study has scores of the instrument"
        raise UsageError(must, got="none", where=instrument)
    rows["series"] = rows.groupby(SERIES, dropna=False).ngroup()
    rows["time"] = _times(study, rows)
    rows = rows.sort_values(["series", "time"], kind="stable")
    rows["later"] = (rows.groupby("series").cumcount() > 0).astype(float)
    rows["therapist"] = rows["episode_id"].map(therapist_of_course(study))
    return rows


def _times(study: Study, rows: pd.DataFrame) -> pd.Series[float]:
    """Weeks since the first visit, of the visit where the score has no day."""
    visits = study.sessions.drop_duplicates(["episode_id", "session"])
    days = rows[["episode_id", "session"]].merge(
        visits[["episode_id", "session", "day"]], "left", on=["episode_id", "session"]
    )["day"]
    days.index = rows.index
    days = rows["day"].fillna(days).fillna(rows["day"].where(rows["timing"] != "baseline", 0.0))
    if days.isna().any():
        must = "every score has a day, or a visit that has one"
        raise UsageError(must, got="scores with neither", where="assessments")
    return days / 7


def _formula(rows: pd.DataFrame, question: str) -> str:
    """Model of the scores that knows nothing of the question but, maybe, that courses change.

    Where change is what is asked, it is fitted and then not drawn: a model without it would take
    what all courses share for slopes in which they differ.
    """
    typical = rows.groupby("series").size().median()
    own = "(1 + time | series)" if typical >= LEAST_FOR_SLOPE else "(1 | series)"
    about = QUESTIONS[question]
    therapists = rows["therapist"]
    many = therapists.notna().all() and therapists.nunique() >= LEAST_CLUSTERS
    others = " + (1 | therapist)" if many and about.null_therapists else ""
    return f"score ~ later + time + {own}{others}"


def _some(
    study: Study, question: str, instrument: str, fit: MixedFit, seeds: list[int]
) -> list[dict[str, Any]]:
    without = QUESTIONS[question].null_without
    each = [drawn(study, instrument, fit, seed, without) for seed in seeds]
    return asked_of_all(_beside(each, instrument), Wanted(question, instrument))


def _beside(studies: list[Study], instrument: str) -> Studies:
    """Put studies into one, ids of one study each; scores of other outcomes are left out."""

    def joined(name: str) -> pd.DataFrame:
        tables = [study.table(name) for study in studies]
        if name == "assessments":
            tables = [table[table["instrument"] == instrument] for table in tables]
        whole = pd.concat(tables, ignore_index=True)
        number = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        prefix = pd.Series(number, whole.index).astype(str).str.zfill(4)
        for column in IDS & set(whole):
            ids = whole[column]
            whole[column] = (prefix + ids.astype(str)).where(ids.notna())
        return whole

    found = {name: joined(name) for name in TABLES}
    ids = found["episodes"]["episode_id"]
    numbers = pd.Series(np.arange(len(ids)) // len(studies[0].episodes), index=ids)
    whole = replace(studies[0], **found)  # type: ignore[arg-type]
    return Studies(whole, numbers, studies.__getitem__)


def drawn(
    study: Study, instrument: str, fit: MixedFit, seed: int, without: Collection[str] = ()
) -> Study:
    """Return the study with scores drawn from a model of its own.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Whose scores are drawn.
    fit : MixedFit
        Of `study`'s course scores.
    seed : int
        Of the draw.
    without : collection of str
        Terms of its fixed part that are nil in what is drawn.
    """
    index = _course_scores(study, instrument).index
    scores = study.assessments["score"].astype(float).copy()
    gone = np.isin(fit.estimates.terms, list(without))
    mean_without = fit.X[:, gone] @ fit.estimates.beta[gone]
    scores.loc[index] = simulate(fit, 1, np.random.default_rng(seed))[:, 0] - mean_without
    return replace(study, assessments=study.assessments.assign(score=scores))
