"""Many studies of one design at once: each from a seed of its own, read into tables together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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


@dataclass(frozen=True, eq=False)
class Batch:
    """Studies of one design, their tables, visits and trajectories worked out together.

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
    >>> batch = Batch(scenario_design("two-arm-trial", episodes=30), [3, 4], "nprs")
    >>> [batch.study(k).provenance.seed for k in (0, 1)]
    [3, 4]
    """

    design: Design
    seeds: Sequence[int]
    instrument: str

    @cached_property
    def _drawn(self) -> list[Mapping[str, Table]]:
        return [_tables(replace(self.design, seed=seed), k) for k, seed in enumerate(self.seeds)]

    @cached_property
    def together(self) -> Study:
        """All courses in one study."""
        drawn = {name: to_frame(join([t[name] for t in self._drawn])) for name in TABLES}
        found, about = study_from_tables(drawn), provenance_of(self.design)
        return replace(found, provenance=about, truth=truth_of(self.design))

    @cached_property
    def numbers(self) -> pd.Series[int]:
        """Number of the study of each course, by its id."""
        ids = self.together.episodes["episode_id"]
        return pd.Series(ids.str[:4].astype(int).to_numpy(), index=ids)

    def study(self, k: int) -> Study:
        """Return the k-th study."""
        own = {name: self._parts[name][k].reset_index(drop=True) for name in TABLES}
        about = provenance_of(replace(self.design, seed=self.seeds[k]))
        made = Study(**own, provenance=about, truth=self.together.truth)
        if self.instrument in self.together.scored_instruments():
            start = int(self._parts["assessments"][k].index.min())
            placed = self._parts["placed"][k]
            remember(made, placed_scores, placed.set_axis(placed.index - start))
            visits = self._parts["visits"][k].reset_index(drop=True)
            remember(made, visits_received, visits)
            found = Trajectory(self._parts["rows"][k].reset_index(drop=True), {})
            remember(made, trajectory, found, self.instrument)
        return made

    @cached_property
    def _parts(self) -> dict[str, list[Any]]:
        """What was worked out of all, study by study."""
        whole, frames = self.together, {name: self.together.table(name) for name in TABLES}
        if self.instrument in whole.scored_instruments():
            rows = trajectory(whole, self.instrument).rows
            frames |= {"placed": placed_scores(whole), "visits": visits_received(whole)}
            frames["rows"] = rows
        return {name: self._by_study(frame) for name, frame in frames.items()}

    def _by_study(self, rows: pd.DataFrame) -> list[Any]:
        """Return the rows of each study, in their order."""
        of_row = self.numbers.reindex(rows["episode_id"]).to_numpy(int)
        order = np.argsort(of_row, kind="stable")
        ends = np.searchsorted(of_row[order], np.arange(len(self.seeds) + 1))
        ordered = rows.iloc[order]
        return [ordered.iloc[a:b] for a, b in itertools.pairwise(ends)]


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
