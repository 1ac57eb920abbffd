"""True values, by sending the same simulated people through other courses (potential outcomes).

The people are made for this from the design alone, many of them and the same number of each
condition, so that the truth does not depend on a study's size or seed and carries a known
Monte-Carlo error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from outcomes.study import Truth
from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Bools, Floats, draw_clusters, draw_people
from outcomes.synthetic.schedule import n_columns
from outcomes.synthetic.settings import LONGEST, WEEKS, Quantity, Sample, quantities

N_PEOPLE = 40_000
"""People whose potential outcomes make the truth."""
_CHUNK = 4_000
_SEED = 20_260_101


@dataclass(frozen=True)
class Estimand:
    """One row of a truth table.

    Parameters
    ----------
    estimand : str
        What it is, in words.
    kind : str
        ``change`` (what happens under one setting), ``effect`` (two settings, same people) or
        ``share``.
    instrument, condition, arm, population : str
        Of what, for whom; ``all`` weights conditions by their shares.
    session_count : float
        Sessions received, NaN where it is not set.
    pressure : str
        Pressure that is set, empty where therapists choose.
    week : float
        Week of the score, or its mean.
    value : float
        The true value; positive = better.
    unit : str
        Its unit.
    mc_error : float
        Monte-Carlo standard error of `value`.
    """

    estimand: str
    kind: str
    instrument: str
    condition: str
    arm: str
    population: str
    session_count: float
    pressure: str
    week: float
    value: float
    unit: str
    mc_error: float


def truth_of(design: Design) -> Truth:
    """Return parameters and estimands of a design.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    Truth
        ``estimands`` has the columns of `Estimand`. Effects of care stand there only where the
        design has a control; without one the estimand of care is change, and says so.

    Examples
    --------
    >>> truth = truth_of(Design(episodes=10))
    >>> sorted(truth.estimands["kind"].unique())
    ['change', 'effect', 'share']
    """
    same = replace(design, seed=0, episodes=1, scenario="")
    return Truth(design.to_dict(), _estimands(same).copy())


@lru_cache(maxsize=32)
def _estimands(design: Design, n_people: int = N_PEOPLE) -> pd.DataFrame:
    """Work the true values out; the same for designs that differ in size and seed only."""
    samples = [quantities(_people(design, i)) for i in range(max(1, n_people // _CHUNK))]
    rows: list[Estimand] = []
    for parts in zip(*samples, strict=True):
        rows += _rows(design, parts)
    return pd.DataFrame([asdict(row) for row in rows])


def _people(design: Design, number: int) -> Sample:
    """Return people of a very large clinic chain, as many of each condition."""
    many = replace(design, therapists=5000, clinics=1000, repeat_share=0.0)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(_SEED, spawn_key=(number,))))
    clusters = draw_clusters(many, rng)
    condition = np.arange(_CHUNK) % len(design.conditions)
    columns = max(n_columns(many), LONGEST + 3 + len(WEEKS), n_columns(many) + len(WEEKS))
    people = draw_people(many, clusters, rng, n=_CHUNK, n_columns=columns, conditions=condition)
    return Sample(many, clusters, people)


def _rows(design: Design, parts: tuple[Quantity, ...]) -> Iterator[Estimand]:
    """One row for each condition, and for pain one for all of them."""
    what = parts[0]
    values = np.concatenate([part.outcome for part in parts])
    among = np.concatenate([part.among for part in parts])
    condition = np.concatenate([part.condition for part in parts])
    week = np.concatenate([part.week for part in parts])
    masks = [among & (condition == i) for i in range(len(design.conditions))]
    used = [i for i, mask in enumerate(masks) if mask.any()]
    found = {design.conditions[i].name: _mean(values, week, masks[i]) for i in used}
    if what.instrument == "nprs" and used:
        shares = np.array([design.conditions[i].share for i in used])
        found = {"all": _weighted(list(found.values()), shares / shares.sum()), **found}
    for name, (value, error, when) in found.items():
        yield Estimand(
            estimand=what.estimand, kind=what.kind, instrument=what.instrument, condition=name,
            arm=what.arm, population=what.population, session_count=what.session_count,
            pressure=what.pressure, week=round(when, 2), value=round(value, 6), unit=what.unit,
            mc_error=round(error, 6),
        )  # fmt: skip


def _mean(values: Floats, week: Floats, mask: Bools) -> tuple[float, float, float]:
    """Mean, its Monte-Carlo error and the mean week of some people."""
    chosen = values[mask]
    error = chosen.std(ddof=1) / np.sqrt(len(chosen)) if len(chosen) > 1 else np.nan
    return float(chosen.mean()), float(error), float(week[mask].mean())


def _weighted(
    found: list[tuple[float, float, float]], shares: Floats
) -> tuple[float, float, float]:
    means, errors, weeks = np.array(found).T
    return (
        float(shares @ means), float(np.sqrt(shares**2 @ errors**2)), float(shares @ weeks),
    )  # fmt: skip
