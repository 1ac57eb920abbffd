"""Many studies of one design at once: each from a seed of its own, read into tables together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.records import placed_scores, visits_received
from outcomes.study import Study, study_from_tables
from outcomes.synthetic.block import (
    Table,
    Words,
    block_sizes,
    clusters_of,
    join,
    make_block,
    to_frame,
)
from outcomes.synthetic.design import Design
from outcomes.synthetic.simulate import provenance_of
from outcomes.synthetic.tables import block_tables
from outcomes.synthetic.truth import truth_of
from outcomes.tables import remember
from outcomes.trajectory import Trajectory, trajectory

Cut = Sequence[slice]
"""Where the rows of each study stand in a table of all of them."""


def studies(design: Design, seeds: Sequence[int], instrument: str) -> list[Study]:
    """Return one study a seed, their tables, visits and trajectories worked out together.

    Parameters
    ----------
    design : Design
        Its own seed is not used.
    seeds : sequence of int
        Study k is the same as of `simulate` with seed k, but for a prefix of its course ids.
    instrument : str
        Whose trajectory is made.

    Examples
    --------
    >>> from outcomes.synthetic.scenarios import scenario_design
    >>> made = studies(scenario_design("two-arm-trial", episodes=30), [3, 4], "nprs")
    >>> [study.provenance.seed for study in made]
    [3, 4]
    """
    designs = [replace(design, seed=seed) for seed in seeds]
    drawn = [_tables(own, number) for number, own in enumerate(designs)]
    together = study_from_tables(
        {name: to_frame(join([t[name] for t in drawn])) for name in TABLES}
    )
    parts = {name: _cuts([_rows(t[name]) for t in drawn]) for name in TABLES}
    frames: list[dict[str, Any]] = [
        {name: together.table(name).iloc[parts[name][k]].reset_index(drop=True) for name in TABLES}
        for k in range(len(seeds))
    ]
    truth = truth_of(design)
    made = [
        Study(**own, provenance=provenance_of(about), truth=truth)
        for own, about in zip(frames, designs, strict=True)
    ]
    if instrument in together.scored_instruments():
        _share(together, made, instrument)
    return made


def _tables(design: Design, number: int) -> Mapping[str, Table]:
    """Return a study's tables as arrays; its course ids are of no other study."""
    clusters = clusters_of(design)
    blocks = range(len(block_sizes(design.episodes)))
    parts = [block_tables(design, make_block(design, clusters, block)) for block in blocks]
    tables = {name: dict(join([part[name] for part in parts])) for name in TABLES}
    for table in tables.values():
        ids = table["episode_id"]
        assert isinstance(ids, Words)
        table["episode_id"] = Words(ids.codes, [f"{number:04d}{word}" for word in ids.words])
    return tables


def _rows(table: Table) -> int:
    ids = table["episode_id"]
    assert isinstance(ids, Words)
    return len(ids.codes)


def _cuts(lengths: Sequence[int]) -> list[slice]:
    ends = np.cumsum([0, *lengths])
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]


def _share(together: Study, made: list[Study], instrument: str) -> None:
    """Give each study its part of what was worked out of all."""
    ids = together.episodes["episode_id"]
    numbers = pd.Series(ids.str[:4].astype(int).to_numpy(), index=ids)
    starts = np.cumsum([0, *(len(study.assessments) for study in made)])
    placed = _by_study(placed_scores(together), numbers)
    visits = _by_study(visits_received(together), numbers)
    rows = _by_study(trajectory(together, instrument).rows, numbers)
    for k, study in enumerate(made):
        own = placed[k].set_axis(placed[k].index - starts[k])
        remember(study, placed_scores, own)
        remember(study, visits_received, visits[k].reset_index(drop=True))
        found = Trajectory(rows[k].reset_index(drop=True), {})
        remember(study, trajectory, found, instrument)


def _by_study(rows: pd.DataFrame, numbers: pd.Series[int]) -> list[Any]:
    """Return the rows of each study, in their order."""
    of_row = numbers.reindex(rows["episode_id"]).to_numpy(int)
    order = np.argsort(of_row, kind="stable")
    ends = np.searchsorted(of_row[order], np.arange(int(numbers.iloc[-1]) + 2))
    ordered = rows.iloc[order]
    return [ordered.iloc[a:b] for a, b in itertools.pairwise(ends)]
