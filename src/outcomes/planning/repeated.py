"""Ask a question of many studies made from seeds, and count what is found."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy

from outcomes.care.proportion import exact_interval
from outcomes.errors import DesignError, FitError, UsageError
from outcomes.folders import write_file
from outcomes.questions.ask import QUESTIONS, refuse_below_zero
from outcomes.questions.declared import Declared
from outcomes.questions.question import Asked, Missing, Question, p_of_test
from outcomes.study import Study

Progress = Callable[[int, int], None]
"""Told how many of how many studies are done."""
BATCH = 50
"""Studies made at once."""
LOOKED_AT = 10
"""Studies after which it is clear that the question cannot be answered at all."""
WIDTHS = {"half_width_median": 0.5, "half_width_nine_in_ten": 0.9}
"""Half-widths that are told, by the share of studies whose interval is no wider."""


def silent(done: int, total: int) -> None:
    """Tell nobody."""


Truth = Callable[[Study, "pd.Series[Any]"], float]
"""True value of a study's row; see `outcomes.planning.truths`."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of every study.

    Parameters
    ----------
    question : str
        One with one test.
    instrument : str
        Of the outcome.
    week : float, optional
        Week of the estimate; by default the one that the answer's sentence is about.
    declared : Declared, optional
        What an analysis plan says of the question.
    truth : callable, optional
        What is true of the row.
    """

    question: str
    instrument: str
    week: float | None = None
    declared: Declared | None = None
    truth: Truth | None = None


def asked_of(study: Study, wanted: Wanted) -> dict[str, Any]:
    """Return what one study, simulated or with drawn scores, finds.

    Returns
    -------
    dict
        ``answered, failed`` (no model fits), ``clear`` (p below 0.05), ``reason`` where it was not
        answered; with an estimate also ``half_width, truth`` and ``holds`` (the interval the
        truth), and ``week, session_count`` where it stands.
    """
    nothing = {"answered": False, "failed": False, "clear": False, "whole": True}
    about = QUESTIONS[wanted.question]
    asked = Asked(about, study, wanted.instrument, declared=wanted.declared, thorough=False)
    try:
        given = about.find(asked)
    except FitError as error:
        return {**nothing, "failed": True, "reason": str(error)}
    if isinstance(given, Missing):
        return {**nothing, "reason": given.reason}
    row = _row(about, given.table, wanted.week)
    if row is None:
        return {**nothing, "reason": "Its table has no test at that time."}
    true = None if wanted.truth is None else wanted.truth(study, row)
    return found_in(row.to_dict(), true) | {"whole": True}


def _row(about: Question, table: pd.DataFrame, week: float | None) -> pd.Series[Any] | None:
    """First row of the answer that is its test, or the first in a week; None without one."""
    fits = about.test_row(table)
    if week is not None:
        fits &= table["week"] == week if "week" in table else False
    return table[fits].iloc[0] if fits.any() else None


def found_in(row: Mapping[Any, Any], true: float | None) -> dict[str, Any]:
    """Return the record of a study whose test, and what is true of it, are known."""
    low, high = (float(row.get(name, np.nan)) for name in ("conf_low", "conf_high"))
    found: dict[str, Any] = {"answered": True, "failed": False, "reason": "", "whole": False}
    found |= {"clear": bool(p_of_test(row) < 0.05), "half_width": (high - low) / 2}
    found |= {axis: float(row.get(axis, np.nan)) for axis in ("week", "session_count")}
    return found if true is None else found | {"truth": true, "holds": low <= true <= high}


def known(question: str, n: int, seed: int) -> None:
    """Raise `UsageError` where a question has no one test, or nothing can be simulated."""
    tested = [name for name, about in QUESTIONS.items() if about.test]
    if question not in tested:
        must = "the question is one with one test: " + ", ".join(tested)
        raise UsageError(must, got="another question")
    if n < 1:
        must = "at least one study must be simulated"
        raise UsageError(must, got="fewer")
    refuse_below_zero(seed)


def seeds_from(seed: int, n: int) -> list[int]:
    """Return `n` different seeds, the same for the same `seed`."""
    drawn = np.random.SeedSequence(seed).generate_state(n, np.uint64) >> np.uint64(11)
    return [int(value) for value in drawn]


def repeated(
    task: Callable[[list[int]], list[dict[str, Any]]],
    seeds: list[int],
    *,
    processes: int = 1,
    progress: Progress = silent,
    kept: Path | None = None,
) -> pd.DataFrame:
    """Run a task for all seeds, and stop early where none of the first can be answered.

    Who interrupts it (Ctrl-C) gets what is done by then.

    Parameters
    ----------
    task : callable
        Takes some seeds, returns a record of each as `asked_of` does; can be pickled.
    seeds : list of int
        At least one.
    processes : int
        At work at once, at least 1; the result does not depend on it.
    progress : callable
        Told how many studies are done, and of how many.
    kept : Path, optional
        File of the records of the first seeds: they are read and not made again, and others added.

    Returns
    -------
    DataFrame
        One row a seed, in their order; fewer where it was interrupted.

    Raises
    ------
    UsageError
        When there is no process to work.
    DesignError
        When none of the first ten studies answers the question.
    """
    if processes < 1:
        must = "at least one process must work"
        raise UsageError(must, got="fewer")
    records = _kept(kept)[: len(seeds)]
    with _mapped(processes) as each:
        try:
            for some in each(task, _batches(seeds[len(records) :], processes)):
                records += some
                if kept is not None:
                    write_file(kept, json.dumps(records).encode(), replaces=True)
                progress(len(records), len(seeds))
                if len(records) == min(LOOKED_AT, len(seeds)):
                    _answerable(records)
        except KeyboardInterrupt:
            if not records:
                raise
    return pd.DataFrame(records)


def _kept(file: Path | None) -> list[dict[str, Any]]:
    if file is None or not file.is_file():
        return []
    try:
        found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        must = "the studies that were kept can be read"
        raise UsageError(must, got="another file", where=file.name, remedy="Remove it.") from None
    return found


def _batches(seeds: list[int], processes: int) -> list[list[int]]:
    """Part the seeds: the first few to look at, then as many as are made at once."""
    size = min(BATCH, max(1, -(-len(seeds) // processes)))
    ends = [0, *range(min(LOOKED_AT, len(seeds)), len(seeds), size), len(seeds)]
    return [seeds[a:b] for a, b in itertools.pairwise(ends) if a < b]


@contextmanager
def _mapped(processes: int) -> Iterator[Callable[..., Iterator[Any]]]:
    if processes == 1:
        yield map
        return
    with Pool(processes, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield pool.imap


def _answerable(records: list[dict[str, Any]]) -> None:
    if not any(record["answered"] for record in records):
        must = "some of the first studies must answer the question"
        raise DesignError(must, got="none that does", remedy=f"The reason: {records[0]['reason']}")


def counted(records: pd.DataFrame) -> pd.DataFrame:
    """Return shares and widths with 95 % Monte-Carlo intervals.

    Parameters
    ----------
    records : DataFrame
        From `repeated`.

    Returns
    -------
    DataFrame
        ``term, estimate, conf_low, conf_high, n``: the shares ``clear`` (of all studies: one
        without an answer found nothing), ``answered`` and ``failed``, by Clopper and Pearson;
        ``half_width_median`` and ``half_width_nine_in_ten`` (as wide at most) of those that have
        one (a mean is ruled by the few whose degrees of freedom are near zero); and the ``truth``
        where it is known, with the share of intervals that hold it (``holds``).
    """
    rows = [_share(name, records[name]) for name in ("clear", "answered", "failed")]
    return pd.DataFrame([*rows, *_widths(records), *_held(records)])


def _share(term: str, found: pd.Series[Any]) -> dict[str, Any]:
    n, count = len(found), int(found.astype(bool).sum())
    low, high = (float(end[0]) for end in exact_interval([count], [n]))
    return {"term": term, "estimate": count / n, "conf_low": low, "conf_high": high, "n": n}


def _held(records: pd.DataFrame) -> list[dict[str, Any]]:
    if "truth" not in records:
        return []
    known_of = records.dropna(subset=["truth"])
    truth = {"term": "truth", "estimate": float(known_of["truth"].mean()), "n": len(known_of)}
    return [truth, _share("holds", known_of["holds"])]


def _widths(records: pd.DataFrame) -> list[dict[str, Any]]:
    if "half_width" not in records or records["half_width"].notna().sum() < 2:
        return []
    widths = np.sort(records["half_width"].dropna().to_numpy(float))
    n, ordered = len(widths), np.concatenate([[0.0], widths, [np.nan]])
    rows = []
    for term, share in WIDTHS.items():  # few studies do not tell the ends
        low, rank, high = np.asarray(scipy.stats.binom.ppf([0.025, 0.5, 0.975], n, share), int)
        rows.append({"term": term, "estimate": ordered[max(rank, 1)], "conf_low": ordered[low],
                     "conf_high": ordered[high + 1], "n": n})  # fmt: skip
    return rows


def told(table: pd.DataFrame, term: str) -> tuple[float, float, float]:
    """Return a row of `counted`: estimate, conf_low and conf_high."""
    row = table.loc[table["term"] == term, ["estimate", "conf_low", "conf_high"]]
    estimate, low, high = row.to_numpy(float)[0]
    return float(estimate), float(low), float(high)
