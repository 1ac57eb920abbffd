"""What one pass over the parts leaves of each: findings, counts, and the analysis rows, packed.

A part becomes an ordinary study, is checked and turned into trajectories like any other, and is
forgotten. What is kept of its scores is packed as Parquet, about five bytes a score, and unpacked
piece by piece where it is used.
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
from outcomes.mixed.products.pieces import Pieces
from outcomes.records import baselines, placed_scores, scores_before_care, visits_received
from outcomes.rules.check import check
from outcomes.scale.folder import Part, Reader
from outcomes.scale.writing import arrow_parquet
from outcomes.study import Study
from outcomes.tables import remember
from outcomes.trajectory import COLUMNS, trajectory

NUMBERS = ("session", "day", "session_count", "baseline", "score", "improvement", "pressure",
           "pressure_mean", "minutes_before", "score_before")  # fmt: skip
WORDS = ("therapist_id", "clinic_id", "condition", "arm")
UNKNOWN = -1
"""In place of the hash of a patient who is not named."""
FEW_PARTS = 4
"""From here on parts are read by several processes."""


@dataclass(frozen=True)
class Scored:
    """The analysis rows of one instrument.

    Parameters
    ----------
    rows : buffer of bytes, or Pieces
        Columns of its trajectory: numbers, codes of words, and 64-bit hashes of patients; of a
        part packed as Parquet.
    n : int
        How many there are.
    levels : mapping of str to Index
        Words by column, sorted.
    left_out : mapping of str to int
        Scores that are in no row, by reason.
    started : DataFrame
        Positions of the courses with a baseline, and the baseline.
    before : DataFrame
        Scores before care.
    """

    rows: Any
    n: int
    levels: Mapping[str, pd.Index]
    left_out: Mapping[str, int]
    started: pd.DataFrame
    before: pd.DataFrame


@dataclass(frozen=True)
class Overview:
    """What is kept of one part.

    Parameters
    ----------
    name : str
        Of the part.
    n_rows : mapping of str to int
        Rows of each table.
    findings : tuple of Finding
        What the check found.
    courses : array of int
        64-bit hashes of the ids of its courses.
    scored : mapping of str to Scored
        By instrument.
    """

    name: str
    n_rows: Mapping[str, int]
    findings: tuple[Finding, ...]
    courses: Any
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
    scored = {name: _scored(study, name) for name in known}
    return Overview(part.name, rows, found, _hashed(courses), scored)


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
    rows, before = found.rows, scores_before_care(study, instrument)
    words = {w: pd.Categorical(rows[w]).remove_unused_categories() for w in WORDS}
    patients = rows["patient_id"].astype("category").cat
    kept = {"episode_id": rows["episode_id"].to_numpy(np.int32),
            "patient_id": np.append(_hashed(patients.categories), UNKNOWN)[patients.codes],
            **{name: own.codes for name, own in words.items()},
            **{name: _narrow(rows[name].to_numpy(float)) for name in NUMBERS}}  # fmt: skip
    began = baselines(study, instrument)[["episode_id", "score"]].reset_index(drop=True)
    began = began.assign(episode_id=began["episode_id"].astype(np.int32),
                         score=_narrow(began["score"].to_numpy(float)))  # fmt: skip
    levels = {name: own.categories for name, own in words.items()}
    return Scored(_packed(kept), len(rows), levels, found.left_out, began, before)


def _hashed(names: pd.Index) -> Any:
    """Return 63 bits a name: of 14 million any two have the same with a chance of 1 in 90,000."""
    return (pd.util.hash_array(names.to_numpy(object), categorize=False) >> 1).astype(np.int64)


def _packed(columns: Mapping[str, Any]) -> Any:
    from pyarrow import BufferOutputStream, table

    held = BufferOutputStream()
    arrow_parquet().write_table(table(dict(columns)), held, compression="zstd")
    return held.getvalue().to_pybytes()


def _unpacked(rows: bytes, start: int, places: Mapping[str, Any], levels: Any) -> pd.DataFrame:
    """Return the rows of a part, its courses numbered from `start`, its words those of all."""
    from pyarrow import BufferReader

    held = arrow_parquet().read_table(BufferReader(rows), use_threads=False)
    found = {name: held[name].to_numpy() for name in held.column_names}
    found["episode_id"] = found["episode_id"] + np.int32(start)
    if (found["patient_id"] == UNKNOWN).any():
        known = found["patient_id"]
        found["patient_id"] = pd.arrays.IntegerArray(known, known == UNKNOWN)
    for name, dtype in levels.items():
        found[name] = pd.Categorical.from_codes(places[name][found[name]], dtype=dtype)
    found |= {name: found[name].astype(float) for name in NUMBERS}
    found |= {"week": found["day"] / 7,
              "pressure_within": found["pressure"] - found["pressure_mean"]}  # fmt: skip
    return pd.DataFrame({name: found[name] for name in COLUMNS}, copy=False)


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
    if len(items) < FEW_PARTS or (os.cpu_count() or 1) < 2:
        return [function(item) for item in items]
    with ProcessPoolExecutor(2, get_context("spawn"), _end_with_parent) as pool:
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


def joined(found: list[Overview]) -> tuple[tuple[Finding, ...], dict[str, Scored]]:
    """Put the overviews of all parts together; courses are numbered over all of them.

    Returns
    -------
    tuple of Finding
        Of all parts.
    dict of str to Scored
        The rows of all parts, as `Pieces`, by instrument.

    Raises
    ------
    DataError
        A course is in two parts: it is split, or a part is there twice.
    """
    courses = np.concatenate([one.courses for one in found])
    courses.sort()
    _refuse_twice(found, courses)
    starts = np.cumsum([0, *(len(one.courses) for one in found)])
    names = dict.fromkeys(name for one in found for name in one.scored)
    return _added(found), {name: _all_rows(found, starts, name) for name in names}


def _refuse_twice(found: list[Overview], courses: Any) -> None:
    twice = np.unique(courses[1:][courses[1:] == courses[:-1]])
    if not len(twice):
        return
    parts = [f"'{one.name}'" for one in found if np.isin(one.courses, twice).any()]
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
            known = whole.get(key, replace(item, first_row=first, count=0))
            whole[key] = replace(known, count=known.count + item.count)
        before = {name: rows + one.n_rows[name] for name, rows in before.items()}
    return tuple(sorted(whole.values(), key=lambda item: item.rule))


def _all_rows(found: list[Overview], starts: Any, name: str) -> Scored:
    own = [(one.scored[name], start) for one, start in zip(found, starts, strict=False)
           if name in one.scored]  # fmt: skip
    levels = {w: pd.Index(sorted(set().union(*(s.levels[w] for s, _ in own)))) for w in WORDS}
    kinds = {w: pd.CategoricalDtype(names.astype(object)) for w, names in levels.items()}
    sources = tuple(
        partial(_unpacked, s.rows, int(start), _places(s.levels, levels), kinds) for s, start in own
    )
    n, reasons = sum(s.n for s, _ in own), dict.fromkeys(r for s, _ in own for r in s.left_out)
    series = np.cumsum([0, *(int(s.before["series"].max()) + 1 for s, _ in own if len(s.before))])
    before = [s.before for s, _ in own if len(s.before)] or [own[0][0].before]
    apart = [b.assign(series=b["series"] + k) for b, k in zip(before, series, strict=False)]
    left_out = {reason: sum(s.left_out.get(reason, 0) for s, _ in own) for reason in reasons}
    started = pd.concat([s.started.assign(episode_id=s.started["episode_id"] + np.int32(start))
                         for s, start in own], ignore_index=True)  # fmt: skip
    whole = pd.concat(apart, ignore_index=True)
    return Scored(Pieces(sources, n), n, levels, left_out, started, whole)


def _places(levels: Mapping[str, pd.Index], of_all: Mapping[str, pd.Index]) -> dict[str, Any]:
    """Return where the words of a part stand among those of all; the last is for none."""
    return {w: np.append(of_all[w].get_indexer(names), -1) for w, names in levels.items()}
