"""Pressure visit by visit, beside what the therapist could see when choosing it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from outcomes.causal.visit_history import visit_history
from outcomes.study import Study

LEAST_EPISODES = 10
"""A pressure level given in fewer courses than this supports no contrast."""


@dataclass(frozen=True, eq=False)
class PressureHistory:
    """Visits with their pressure, and which levels have support.

    Parameters
    ----------
    visits : DataFrame
        Those of `visit_history` with a pressure.
    overlap : DataFrame
        ``adapted, pressure, n_visits, n_episodes, supported``.
    left_out : dict of str to int
        Courses not used, by reason.
    """

    visits: pd.DataFrame
    overlap: pd.DataFrame
    left_out: dict[str, int]

    @property
    def n_levels(self) -> int:
        """Levels of pressure among the visits kept."""
        return int(self.visits["pressure"].nunique())

    @property
    def episodes(self) -> set[str]:
        """Courses kept."""
        return set(self.visits["episode_id"])


def pressure_history(study: Study, rows: pd.DataFrame) -> PressureHistory:
    """Return the visits of the courses in a trajectory, where pressure levels have support.

    Parameters
    ----------
    study : Study
        With sessions that record pressure.
    rows : DataFrame
        Trajectory of the outcome.

    Returns
    -------
    PressureHistory
        A level counts as supported among adapted or other courses when at least ten of them had
        it. Courses that ever had a level without support, or whose group has fewer than two levels
        with support, are left out and counted.
    """
    visits = visit_history(study, rows)
    visits = visits[visits["pressure"].notna()].reset_index(drop=True)
    overlap = _overlap(visits)
    keep, left_out = _with_support(visits, overlap)
    kept = visits[visits["episode_id"].isin(keep)].reset_index(drop=True)
    return PressureHistory(kept, overlap, left_out)


def _overlap(visits: pd.DataFrame) -> pd.DataFrame:
    cells = visits.groupby(["adapted", "pressure"])["episode_id"]
    table = cells.agg(["size", "nunique"]).reset_index()
    table.columns = pd.Index(["adapted", "pressure", "n_visits", "n_episodes"])
    return table.assign(supported=table["n_episodes"] >= LEAST_EPISODES)


def _with_support(visits: pd.DataFrame, overlap: pd.DataFrame) -> tuple[set[str], dict[str, int]]:
    supported = overlap[overlap["supported"]]
    levels = supported.groupby("adapted")["pressure"].nunique()
    groups = set(levels.index[levels >= 2])
    cells = visits.merge(overlap, on=["adapted", "pressure"], validate="many_to_one")
    in_group = cells["adapted"].isin(groups)
    alone = set(cells.loc[~in_group, "episode_id"])
    rare = set(cells.loc[in_group & ~cells["supported"], "episode_id"])
    left_out = {
        "adapted or not, with fewer than two pressure levels in ten courses": len(alone),
        "a pressure level given in fewer than ten courses": len(rare),
    }
    return set(cells["episode_id"]) - alone - rare, left_out
