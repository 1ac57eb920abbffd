"""Records that lack what a question needs, or have more than is simulated, made from good ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from outcomes.study import Study


def _never_recorded(study: Study) -> Study:
    return replace(study, sessions=study.sessions.assign(pressure=float("nan")))


def _all_the_same(study: Study) -> Study:
    given = study.sessions["pressure"].notna()
    return replace(study, sessions=study.sessions.assign(pressure=given.map({True: 3.0})))


def _no_overlap(study: Study) -> Study:
    """Adapted patients always get level 1, all others level 4."""
    adapted = study.episodes.set_index("episode_id")["adaptations"].fillna("none") != "none"
    level = study.sessions["episode_id"].map(adapted).map({True: 1.0, False: 4.0})
    given = study.sessions["pressure"].notna()
    return replace(study, sessions=study.sessions.assign(pressure=level.where(given)))


def _one_visit(study: Study) -> Study:
    sessions, scores = study.sessions, study.assessments
    first = scores["timing"].isin(["baseline", "pre_session"]) & (scores["session"].fillna(1) == 1)
    return replace(
        study,
        sessions=sessions[sessions["session"] == 1].reset_index(drop=True),
        assessments=scores[first].reset_index(drop=True),
    )


def _years(study: Study) -> Study:
    """Courses of five years, by chance: nothing changes from one to the next."""
    rng = np.random.default_rng(len(study.sessions))
    years = rng.choice(["2021", "2022", "2023", "2024", "2025"], len(study.episodes))
    return replace(study, episodes=study.episodes.assign(period=years))


def _worse_by_the_year(study: Study) -> Study:
    """Those who come later start worse; of those who start alike nothing changes."""
    scores = study.assessments
    first = scores[(scores["instrument"] == "nprs") & (scores["session"].fillna(1) == 1)]
    start = first.groupby("episode_id")["score"].first().reindex(study.episodes["episode_id"])
    rng = np.random.default_rng(len(study.sessions))
    place = start.fillna(start.mean()).to_numpy() + rng.normal(0, 2, len(start))
    year = np.searchsorted(np.quantile(place, [0.2, 0.4, 0.6, 0.8]), place)
    return replace(study, episodes=study.episodes.assign(period=(2021 + year).astype(str)))


SPOILT: Mapping[str, Callable[[Study], Study]] = MappingProxyType(
    {
        "pressure never recorded": _never_recorded,
        "everyone at the same pressure": _all_the_same,
        "no overlap": _no_overlap,
        "everyone leaves after one visit": _one_visit,
        "years by chance": _years,
        "those who come later start worse": _worse_by_the_year,
    }
)
"""What can be taken from a study, by name."""
