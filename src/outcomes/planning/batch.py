"""Many studies of one design at once: each from a seed of its own, made and read together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.study import Study, study_from_tables
from outcomes.synthetic.block import Table, make_block, to_frame, words
from outcomes.synthetic.design import Design
from outcomes.synthetic.simulate import provenance_of, simulate
from outcomes.synthetic.tables import block_tables
from outcomes.synthetic.truth import truth_of


@dataclass(frozen=True, eq=False)
class Studies:
    """Several studies, and all their courses in one.

    Parameters
    ----------
    together : Study
        Ids of courses, patients and therapists are of one study each.
    numbers : Series of int
        Number of the study of each course, by its id.
    each : callable
        Returns the study of a number.
    """

    together: Study
    numbers: pd.Series[int]
    each: Callable[[int], Study]


def simulated(design: Design, seeds: Sequence[int], instrument: str) -> Studies:
    """Simulate studies together, study k with the courses of `simulate` with seed k.

    Parameters
    ----------
    design : Design
        Its own seed is not used.
    seeds : sequence of int
    instrument : str
        Of the outcome; scores of others are only in each study by itself.

    Examples
    --------
    >>> from outcomes.synthetic.scenarios import scenario_design
    >>> studies = simulated(scenario_design("two-arm-trial", episodes=30), [3, 4], "nprs")
    >>> studies.each(1).provenance.seed, studies.numbers.value_counts().tolist()
    (4, [30, 30])
    """
    drawn = block_tables(design, make_block(design, seeds))
    drawn["assessments"] = _of_instrument(drawn["assessments"], instrument)
    frames = {name: to_frame(_apart(table, design.episodes)) for name, table in drawn.items()}
    together = replace(
        study_from_tables(frames), provenance=provenance_of(design), truth=truth_of(design)
    )
    ids = together.episodes["episode_id"]
    numbers = pd.Series(np.arange(len(ids)) // design.episodes, index=ids)
    return Studies(together, numbers, lambda k: simulate(replace(design, seed=seeds[k])))


def _of_instrument(table: Table, instrument: str) -> Table:
    own = np.asarray(table["instrument"] == instrument)
    return {name: column[own] for name, column in table.items()}


def _apart(table: Table, episodes: int) -> Table:
    """Give therapists ids of one study each."""
    course, who = table["episode_id"], table.get("therapist_id")
    if not isinstance(course, pd.Categorical) or not isinstance(who, pd.Categorical):
        return table
    studies, n = range(len(course.categories) // episodes), len(who.categories)
    listed = [f"{k:04d}{name}" for k in studies for name in who.categories]
    codes = who.codes.astype(int) + course.codes.astype(int) // episodes * n
    return {**table, "therapist_id": words(np.where(who.codes < 0, -1, codes), listed)}
