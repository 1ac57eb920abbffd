"""One block of a study: its stream of random numbers, its courses, its columns as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from outcomes.dictionary.tables import TABLES
from outcomes.synthetic.courses import Courses, run_courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Clusters, People, draw_clusters, draw_people
from outcomes.synthetic.schedule import n_columns

BLOCK = 2048
"""Courses in a block: what is drawn together. Part of what a seed means; not a setting."""

_CLUSTERS, _BLOCKS = 0, 1


def cluster_generator(seed: int) -> np.random.Generator:
    """Return the generator of what all courses share: therapists and clinics."""
    return _generator(seed, _CLUSTERS)


def block_generator(seed: int, block: int) -> np.random.Generator:
    """Return the generator of one block.

    Parameters
    ----------
    seed : int
        Seed of the study.
    block : int
        Number of the block, from 0.

    Examples
    --------
    >>> float(block_generator(7, 3).random()) == float(block_generator(7, 3).random())
    True
    """
    return _generator(seed, _BLOCKS, block)


def block_sizes(n_episodes: int) -> list[int]:
    """Return the number of courses in each block.

    Examples
    --------
    >>> block_sizes(5000)
    [2048, 2048, 904]
    """
    full, rest = divmod(n_episodes, BLOCK)
    return [BLOCK] * full + ([rest] if rest else [])


def _generator(seed: int, *key: int) -> np.random.Generator:
    # spawn_key=(1, block) is what SeedSequence(seed).spawn(2)[1].spawn(n)[block] would give
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


Column = NDArray[Any] | pd.Categorical
"""Numbers with NaN where unknown, booleans, or words."""
Table = Mapping[str, Column]
Cells = tuple[NDArray[Any], NDArray[Any]]
"""Course and column of the time grid of each row."""


def cells(mask: NDArray[np.bool_]) -> Cells:
    """Return course and column of the true cells, course by course in the order of time."""
    course, column = np.nonzero(mask.T)
    return course, column


def words(codes: NDArray[Any], listed: Sequence[str]) -> pd.Categorical:
    """Return a column of the listed words by their positions; -1 is unknown."""
    each: Any = np.array(listed, dtype=object)
    column: pd.Categorical = pd.Categorical.from_codes(codes, each, validate=False)
    return column


def join(tables: list[Table]) -> Table:
    """Join the same table of several blocks."""
    return {name: _joined([table[name] for table in tables]) for name in tables[0]}


def to_frame(table: Table) -> pd.DataFrame:
    """Return a table as a frame, unknown words as None."""
    return pd.DataFrame({name: _as_objects(column) for name, column in table.items()})


def to_arrow(name: str, table: Table) -> Any:
    """Return a table of the data contract as a `pyarrow.Table`, whole numbers as int32."""
    import pyarrow as pa

    whole = {column.name for column in TABLES[name].columns if column.kind == "integer"}
    return pa.table({key: _arrow_array(value, key in whole) for key, value in table.items()})


def _joined(parts: list[Any]) -> Column:
    of_words = all(isinstance(part, pd.Categorical) for part in parts)
    return union_categoricals(parts) if of_words else np.concatenate(parts)


def _as_objects(column: Column) -> NDArray[Any]:
    if not isinstance(column, pd.Categorical):
        return column
    words = np.array([*column.categories, None], dtype=object)  # code -1 is the last: unknown
    named: NDArray[Any] = words[column.codes]
    return named


def _arrow_array(column: Column, whole: bool) -> Any:
    import pyarrow as pa

    if isinstance(column, pd.Categorical):
        codes = pa.array(column.codes.astype(np.int32), mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array([*column.categories], pa.string()))
    if column.dtype == bool:
        return pa.array(column)
    unknown = np.isnan(column)
    if whole:
        return pa.array(np.where(unknown, 0, column).astype(np.int32), mask=unknown)
    return pa.array(column, mask=unknown)


@dataclass(frozen=True)
class Block:
    """People of a block and what happened to them."""

    people: People
    courses: Courses


def clusters_of(design: Design) -> Clusters:
    """Return the study's clinics and therapists."""
    return draw_clusters(design, cluster_generator(design.seed))


def make_block(
    design: Design, seeds: Sequence[int] | None = None, blocks: Sequence[int] | None = None
) -> Block:
    """Make blocks of a study, or of several studies of one design, as one.

    Parameters
    ----------
    design : Design
    seeds : sequence of int, optional
        Of the studies, each the same as it is alone; by default the design's own.
    blocks : sequence of int, optional
        Numbers of the blocks, in a row; by default all.
    """
    sizes = block_sizes(design.episodes)
    chosen = range(len(sizes)) if blocks is None else blocks
    drawn, clusters = [], []
    for seed in [design.seed] if seeds is None else seeds:
        clusters.append(clusters_of(replace(design, seed=seed)))
        for number in chosen:
            rng, columns = block_generator(seed, number), n_columns(design)
            drawn.append(draw_people(design, clusters[-1], rng, n=sizes[number], n_columns=columns))
    people = _one(drawn, chosen[0] * BLOCK)
    of_study = Clusters(
        np.stack([one.clinic_level for one in clusters]),
        np.stack([one.therapist_benefit for one in clusters]),
        np.stack([one.reaction_sign for one in clusters]),
        np.stack([one.arm for one in clusters]),
        (np.arange(people.count) // (people.count // len(clusters)),),
    )
    return Block(people, run_courses(design, of_study, people))


def _one(parts: Sequence[People], first: int) -> People:
    whole: dict[str, Any] = {
        name: np.concatenate([vars(one)[name] for one in parts], axis=-1)
        for name, values in vars(parts[0]).items() if isinstance(values, np.ndarray)
    }  # fmt: skip
    start = np.cumsum([0, *(one.count for one in parts[:-1])])
    whole["source"] += np.repeat(start, [one.count for one in parts])
    whole["uniforms"] = {
        name: np.concatenate([one.uniforms[name] for one in parts], axis=-1)
        for name in parts[0].uniforms
    }
    return People(first=first, **whole)
