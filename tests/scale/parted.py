"""A small registry, and how to write its rows in parts."""

from dataclasses import replace

import pyarrow as pa
from pyarrow import parquet

from outcomes.synthetic.scenarios import scenario_design

TABLES = ("episodes", "sessions", "assessments", "goals")


def small_registry(episodes=260):
    """Return a design whose therapists are shared by courses, and whose patients come back."""
    design = scenario_design("large-registry", episodes=episodes, seed=4)
    kinds = tuple(replace(kind, share=0.5) for kind in design.conditions[:2])
    return replace(design, therapists=9, clinics=3, conditions=kinds)


def write_parts(study, folder, cuts):
    """Write a study as Parquet parts, its courses cut at the places named."""
    used = {name: study.table(name).columns[study.table(name).notna().any()] for name in TABLES}
    ids = study.episodes["episode_id"].tolist()
    for number, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(ids)], strict=True)):
        own = set(ids[a:b])
        for name in TABLES:
            frame = study.table(name)
            own_rows = frame.loc[frame["episode_id"].isin(own), used[name]]
            write(own_rows, folder / f"{name}-{number}.parquet")
    return folder


def write(frame, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
