"""What one pass over the parts leaves of each: findings, counts, and the analysis rows, compactly.

A part becomes an ordinary study, is checked and turned into trajectories like any other, and is
forgotten. What is kept of a score is a few numbers and the position of its words.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from outcomes.dictionary.tables import TABLES
from outcomes.errors import DataError
from outcomes.findings import Finding
from outcomes.records import baselines, placed_scores, scores_before_care, visits_received
from outcomes.rules.check import check
from outcomes.scale.folder import Part, Reader
from outcomes.study import Study
from outcomes.tables import remember
from outcomes.trajectory import trajectory

NUMBERS = ("session", "day", "session_count", "baseline", "score", "improvement")
WORDS = ("patient_id", "therapist_id", "clinic_id", "condition", "arm")
FEW_PARTS = 4
"""From here on parts are read by several processes."""


@dataclass(frozen=True)
class Scored:
    """The analysis rows of one instrument.

    Parameters
    ----------
    rows : dict of str to array
        Columns of its trajectory: numbers, narrow in a part, and words as categories.
    left_out : mapping of str to int
        Scores that are in no row, by reason.
    started : array of int
        Positions of the courses with a baseline.
    before : DataFrame
        Scores before care.
    """

    rows: dict[str, Any]
    left_out: Mapping[str, int]
    started: Any
    before: pd.DataFrame


@dataclass(frozen=True)
class Overview:
    """What is kept of one part, or of all.

    Parameters
    ----------
    name : str
        Of the part.
    n_rows : mapping of str to int
        Rows of each table.
    findings : tuple of Finding
        What the check found.
    courses : Index
        Ids of its courses.
    scored : mapping of str to Scored
        By instrument.
    """

    name: str
    n_rows: Mapping[str, int]
    findings: tuple[Finding, ...]
    courses: pd.Index
    scored: Mapping[str, Scored]


def looked(part: Part, reader: Reader, instruments: tuple[str, ...]) -> Overview:
    """Return what is kept of a part.

    Parameters
    ----------
    part : Part
    reader : Reader
    instruments : tuple of str
        Whose rows are kept.

    Raises
    ------
    DataError
        When it does not read, or a row of a table belongs to no course of the part.
    """
    study = reader(part, coded=True)
    ids = study.episodes["episode_id"]
    courses = ids.cat.categories.append(pd.Index(ids[ids.duplicated()].dropna()))
    study = _numbered(study, ids.cat.categories, part.name)
    known = [name for name in instruments if name in study.scored_instruments()]
    rows = {name: len(study.table(name)) for name in TABLES}
    found = check(study).items
    return Overview(part.name, rows, found, courses, {name: _scored(study, name) for name in known})


def _numbered(study: Study, courses: pd.Index, part: str) -> Study:
    """Return the study with numbers for the ids of its courses: they sort and compare quicker."""
    tables: dict[str, Any] = {}
    for name in TABLES:
        frame = study.table(name)
        ids = frame["episode_id"].astype("category").cat
        number = np.append(courses.get_indexer(ids.categories), -1)[ids.codes]
        named = ids.codes >= 0
        apart = int(((number < 0) & named).sum())
        if apart:
            must = "a course stands in one part, with all its rows"
            got = f"{apart} rows of courses of another part, or of none"
            where, remedy = f"{name}, part '{part}'", "Write whole courses into a part."
            raise DataError(must, got=got, where=where, remedy=remedy)
        numbers = pd.Series(number, frame.index)
        tables[name] = frame.assign(episode_id=numbers if named.all() else numbers.where(named))
    cared: list[Any] = [tables[name]["therapist_id"] for name in ("episodes", "sessions")]
    therapists = union_categoricals(cared).categories
    for name, own in zip(("episodes", "sessions"), cared, strict=True):
        tables[name]["therapist_id"] = own.cat.set_categories(therapists)
    return replace(study, **tables)


def _scored(study: Study, instrument: str) -> Scored:
    own = replace(study)  # of this instrument alone, where all are placed
    remember(own, placed_scores, placed_scores(study, instrument))
    remember(own, visits_received, visits_received(study))
    found = trajectory(own, instrument)
    rows = found.rows
    kept: dict[str, Any] = {"episode_id": rows["episode_id"].to_numpy(np.int32)}
    kept |= {name: pd.Categorical(rows[name]).remove_unused_categories() for name in WORDS}
    kept |= {name: _narrow(rows[name].to_numpy(float)) for name in NUMBERS}
    began = baselines(study, instrument)["episode_id"].unique()
    return Scored(kept, found.left_out, np.sort(began), scores_before_care(study, instrument))


def _narrow(values: Any) -> Any:
    """Return numbers in half the bytes where these hold all their digits."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def mapped(function: Callable[[Any], Any], parts: Iterable[Any], client: Any = None) -> list[Any]:
    """Apply a function to parts: here, in processes beside this one, or on a Dask cluster.

    Parameters
    ----------
    function : callable
        Can be sent elsewhere.
    parts : iterable
    client : distributed.Client, optional

    Returns
    -------
    list
        In the order of the parts, whoever did them.

    Raises
    ------
    OutcomesError
        What the function raises.
    """
    items = list(parts)
    if client is not None:
        return list(client.gather(client.map(function, items, pure=False)))
    workers = min(2, os.cpu_count() or 1)
    if len(items) < FEW_PARTS or workers < 2:
        return [function(item) for item in items]
    spawned = get_context("spawn")
    with ProcessPoolExecutor(workers, spawned, _end_with_parent) as pool:
        with _no_script():
            begun = pool.map(function, items)
        return list(begun)


@contextmanager
def _no_script() -> Iterator[None]:
    """Start processes that do not run the user's script again: they need only this package."""
    main = sys.modules["__main__"]
    known = {name: vars(main).pop(name, None) for name in ("__file__", "__spec__")}
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update({name: value for name, value in known.items() if value is not None})


def _end_with_parent() -> None:
    """End a process whose parent was killed: it would wait for its next part for ever."""
    parent = parent_process()
    if parent is not None:
        ended = partial(wait, [parent.sentinel])
        Thread(target=lambda: os._exit(1) if ended() else None, daemon=True).start()


def joined(found: list[Overview]) -> Overview:
    """Put the overviews of all parts together; courses are numbered over all of them.

    Raises
    ------
    DataError
        A course is in two parts: it is split, or a part is there twice.
    """
    courses = found[0].courses.append([one.courses for one in found[1:]])
    _refuse_twice(found, courses)
    starts = np.cumsum([0, *(len(one.courses) for one in found)])
    names = dict.fromkeys(name for one in found for name in one.scored)
    return Overview(
        "",
        {name: sum(one.n_rows[name] for one in found) for name in TABLES},
        _added(found),
        courses,
        {name: _all_rows(found, starts, name) for name in names},
    )


def _refuse_twice(found: list[Overview], courses: pd.Index) -> None:
    twice = courses[courses.duplicated()].unique()
    if not len(twice):
        return
    parts = [f"'{one.name}'" for one in found if one.courses.isin(twice).any()]
    must, got = "a course stands in one part, and once", f"{len(twice)} more than once"
    remedy = "Is a part there twice? Remove one of them; write a split course into one part."
    raise DataError(must, got=got, where=f"parts {', '.join(parts[:5])}", remedy=remedy)


def _added(found: list[Overview]) -> tuple[Finding, ...]:
    """Add up findings of one rule, table and column; rows are counted over all parts."""
    whole: dict[tuple[str, ...], Finding] = {}
    before = dict.fromkeys(TABLES, 0)
    for one in found:
        for item in one.findings:
            first = item.first_row and item.first_row + before.get(item.table, 0)
            key = (item.rule, item.table, item.column, item.message)
            known = whole.get(key)
            whole[key] = (
                replace(item, first_row=first)
                if known is None
                else replace(known, count=known.count + item.count)
            )
        before = {name: rows + one.n_rows[name] for name, rows in before.items()}
    return tuple(sorted(whole.values(), key=lambda item: item.rule))


def _all_rows(found: list[Overview], starts: Any, name: str) -> Scored:
    own = [(one.scored[name], start) for one, start in zip(found, starts, strict=False)
           if name in one.scored]  # fmt: skip
    ids = [s.rows.pop("episode_id") + np.int32(start) for s, start in own]
    columns: dict[str, Any] = {"episode_id": np.concatenate(ids)}
    columns |= {w: _united([s.rows.pop(w) for s, _ in own]) for w in WORDS}
    columns |= {n: np.concatenate([s.rows.pop(n) for s, _ in own], dtype=float) for n in NUMBERS}
    columns["week"] = columns["day"] / 7
    reasons = dict.fromkeys(reason for s, _ in own for reason in s.left_out)
    return Scored(
        columns,
        {reason: sum(s.left_out.get(reason, 0) for s, _ in own) for reason in reasons},
        np.concatenate([s.started + start for s, start in own]),
        pd.concat([s.before for s, _ in own], ignore_index=True),
    )


def _united(columns: list[pd.Categorical]) -> Any:
    """Join columns of categories, levels in sorted order; text where none is known."""
    plain = [column.set_categories(column.categories.astype(object)) for column in columns]
    return union_categoricals(plain, sort_categories=True)
