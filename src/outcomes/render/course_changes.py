"""What one course came to on each instrument, as a letter tells it: worsenings first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.errors import UsageError
from outcomes.questions.patient import against_error, and_return, digits_beside
from outcomes.records import SERIES
from outcomes.study import Study
from outcomes.words import decimals, named, plain, with_movement, with_unit


@dataclass(frozen=True)
class Change:
    """One instrument's way through the course.

    Parameters
    ----------
    measure : Instrument
    title : str
        Of the instrument, with the movement where it has several.
    first, best, last : float
        Scores at the start, at their best and at the last time.
    better : float
        Improvement from first to last, positive = better.
    verdict : str
        What that change is beside the measurement error.
    error : float or None
        The measurement error, where one is published for the condition.
    at_visit : float or None
        Score at the last visit, where the last one is of a follow-up.
    """

    measure: Instrument
    title: str
    first: float
    best: float
    last: float
    better: float
    verdict: str
    error: float | None
    at_visit: float | None = None

    @property
    def shown(self) -> tuple[str, ...]:
        """Its scores as they are written: at the start, their best, the last, and at a visit."""
        scores = (self.first, self.best, self.last, self.at_visit or 0.0)
        digits = decimals(self.measure) if any(score % 1 for score in scores) else 0
        return tuple(plain(score, digits) for score in scores)


def course_changes(study: Study, episode: str) -> tuple[Change, ...]:
    """Return each instrument's change over one course, worsenings first.

    Parameters
    ----------
    study : Study
        The study.
    episode : str
        Id of the course.
    """
    condition = study.episodes.loc[study.episodes["episode_id"] == episode, "condition"].iloc[0]
    found = []
    scored = study.assessments.loc[study.assessments["episode_id"] == episode, "instrument"]
    for name in scored.value_counts().index:
        measure, rows = study.instrument(str(name)), study.trajectory(str(name))
        rows = rows[rows["episode_id"] == episode]
        parts = list(rows.columns.intersection(SERIES))  # a movement is not another's baseline
        for series, own in rows.groupby(parts, dropna=False, sort=False):
            movement = [named(part) for part in series[1:] if isinstance(part, str)]
            title = with_movement(measure.title, movement)
            first, ways = float(own["baseline"].iloc[0]), own["improvement"].astype(float)
            best = first + measure.sign * max(0.0, ways.max())
            last, judged = float(own["score"].iloc[-1]), _verdict(study, measure, own, condition)
            seen = own.loc[own["session"].notna(), "score"].astype(float)
            visit = seen.iloc[-1] if len(seen) and pd.isna(own["session"].iloc[-1]) else None
            found.append(Change(measure, title, first, best, last, ways.iloc[-1], *judged, visit))
    return tuple(sorted(found, key=lambda change: change.better >= 0))


def _verdict(
    study: Study, measure: Instrument, rows: pd.DataFrame, condition: object
) -> tuple[str, float | None]:
    """Say what the last change is beside measurement error, as the answer on one patient does."""
    better = float(rows["improvement"].iloc[-1])
    found = None
    with suppress(UsageError):
        found = against_error(study, measure, rows, condition)
    digits = digits_beside(abs(better), found, decimals(measure) if better % 1 else 0)
    size = with_unit(plain(abs(better), digits), measure.unit)
    way = f"{'better' if better > 0 else 'worse'} by {size}" if better else "unchanged"
    if found is None:
        chance = (
            "; no measurement error is known here for this condition, so chance is not ruled out"
        )
        return f"{way}{chance if better else ''}", None
    mdc = found.threshold.value
    error = f"measurement error (MDC {mdc:g}{and_return(found, better)})"
    beside = f"more than {error}{' at this score alone' if 'once' in found.name else ''}"
    told = f"{way}; {beside if found.sides[-1] else f'within {error}'}" if better else way
    return told, mdc
