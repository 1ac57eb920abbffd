"""Simulate, answer, and compare with the truth: one study after another, in several processes."""

from __future__ import annotations

import hashlib
import re
import signal
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

import outcomes
from outcomes.errors import FitError
from outcomes.planning.truths import NAIVE, TRUTHS
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer, undisclosed
from outcomes.study import Study
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.simulate import simulate
from studies.overclaims import overclaims
from studies.validation.cases import CLAIM, Case, Row
from studies.validation.spoilt import SPOILT

SEEDS_APART = 10_000
CHUNK = 5
"""Studies that a process is given at a time; what a chunk found is kept at once."""

Interval = tuple[float, float, float]
Progress = Callable[[int, int], None]
"""Told how many of how many studies are done."""


def first_seed(case: Case) -> int:
    """Return the seed of a case's first study: its own, so that cases do not share their luck."""
    return SEEDS_APART * (1 + zlib.crc32(case.name.encode()) % SEEDS_APART)


def study_of(case: Case, seed: int) -> Study:
    """Return the study of a case with a seed, spoilt where the case says so."""
    design = scenario_design(case.scenario, episodes=case.episodes, seed=seed)
    study = simulate(replace(design, **case.changes))
    return SPOILT[case.spoilt](study) if case.spoilt else study


def answer_of(case: Case, study: Study) -> Answer:
    """Ask the case's question: the very answer users get, without the models tried beside it."""
    episode = None
    if case.question == "patient":
        episode = study.trajectory("nprs")["episode_id"].iloc[0]
    options = {"instrument": "nprs", "episode": episode, "thorough": False}
    try:
        return undisclosed(study, case.question, **options)
    except FitError:  # refused, as users are told
        return answer(study, case.question, instrument="nprs", episode=episode)


def run_study(case: Case, seed: int) -> list[dict[str, Any]]:
    """Simulate one study, answer, and compare with the truth.

    Parameters
    ----------
    case : Case
        What to run.
    seed : int
        Of the study.

    Returns
    -------
    list of dict
        One a row of the case: ``row, seed, refused``; with a number also ``truth, estimate,
        conf_low, conf_high`` and the naive analysis's ``naive, naive_low, naive_high``.
    """
    study = study_of(case, seed)
    given = answer_of(case, study)
    return [{"row": row.name, "seed": seed, **_found(study, given, row)} for row in case.rows]


def _found(study: Study, given: Answer, row: Row) -> dict[str, Any]:
    if row.kind == CLAIM:
        silent = given.refused or not overclaims(given.sentence, "change")
        return {"refused": silent, **_compared(study, row, pd.Series(dtype=object))}
    if given.refused or not row.truth:
        return {"refused": given.refused}
    rows = _judged(given.table, row)
    if rows.empty:
        return {"refused": False}
    first = rows.iloc[0]
    found = dict(zip(("estimate", "conf_low", "conf_high"), READ[row.read](rows), strict=True))
    return {"refused": False, **found, **_compared(study, row, first)}


def _compared(study: Study, row: Row, first: pd.Series[Any]) -> dict[str, float]:
    """Truth, and the naive analysis beside it."""
    found = {"truth": TRUTHS[row.truth](study, first)}
    if row.naive:
        names = ("naive", "naive_low", "naive_high")
        found |= dict(zip(names, NAIVE[row.naive](study, first), strict=True))
    return found


def _judged(table: pd.DataFrame, row: Row) -> pd.DataFrame:
    """Rows of the answer that are judged."""
    rows = table[table["kind"] == row.kind]
    for name, value in row.at.items():
        rows = rows[rows[name] == value]
    return rows


def _interval(rows: pd.DataFrame) -> Interval:
    low, middle, high = rows.iloc[0][["conf_low", "estimate", "conf_high"]]
    return float(middle), float(low), float(high)


def _p_value(rows: pd.DataFrame) -> Interval:
    """Return an interval that leaves zero where the test says so."""
    spread, chance = float(rows["estimate"].iloc[0]), float(rows["p_value"].iloc[0])
    return spread, (0.0 if chance >= 0.05 else spread), np.inf


def _p_both(rows: pd.DataFrame) -> Interval:
    """Return an interval that leaves zero where both tests of a finding say so."""
    found, clear = float(rows["estimate"].iloc[0]), float(rows["p_both"].iloc[0]) < 0.05
    return (found, found, found) if clear else (found, -np.inf, np.inf)


def _named(rows: pd.DataFrame) -> Interval:
    """Return the lead of the likeliest; its interval leaves zero where the answer names it."""
    from outcomes.questions.conditions import LEADS

    lead = float(rows["p_best"].max())
    return lead, (0.0 if lead < LEADS else lead), np.inf


def _all_deltas(rows: pd.DataFrame) -> Interval:
    """From the lowest to the highest of what is shown."""
    first = float(rows["estimate"].iloc[0])
    return first, float(rows["conf_low"].min()), float(rows["conf_high"].max())


def _measurement_error(rows: pd.DataFrame) -> Interval:
    change, mdc = float(rows["estimate"].iloc[0]), float(rows["mdc"].iloc[0])
    nearly = np.nextafter(mdc, 0)  # a change as large as the MDC counts as real
    return change, change - nearly, change + nearly


READ: Mapping[str, Callable[[pd.DataFrame], Interval]] = MappingProxyType(
    {
        "interval": _interval,
        "p value": _p_value,
        "both": _p_both,
        "one is named": _named,
        "all deltas": _all_deltas,
        "measurement error": _measurement_error,
    }
)
"""How rows become an estimate with an interval, by name."""


def run(
    cases: Sequence[Case],
    studies: Mapping[str, int],
    folder: Path,
    *,
    processes: int = 2,
    progress: Progress = print,
) -> dict[str, pd.DataFrame]:
    """Run cases; what a folder holds already is not run again.

    Parameters
    ----------
    cases : sequence of Case
        What to run.
    studies : mapping of str to int
        Studies of each case, by its name.
    folder : Path
        Where records are kept, one CSV a case; a run that was stopped goes on from there.
    processes : int
        Processes at work, at least 1.
    progress : callable
        Told how many studies are done, and of how many.

    Returns
    -------
    dict of str to DataFrame
        By case: one row a study and row of the case, as `run_study`, in order of seeds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {case.name: _kept(case, folder) for case in cases}
    first = {case.name: first_seed(case) for case in cases}
    wanted = {name: range(seed, seed + studies[name]) for name, seed in first.items()}
    todo = [
        (case, seeds) for case in cases for seeds in _chunks(wanted[case.name], kept[case.name])
    ]
    # all cases get their first studies first
    todo.sort(key=lambda chunk: chunk[1][0] - first[chunk[0].name])
    total = sum(studies[case.name] for case in cases)
    left = sum(len(seeds) for _, seeds in todo)
    progress(total - left, total)
    for case, found in _worked(todo, processes):
        kept[case.name] = pd.concat([kept[case.name], found], ignore_index=True)
        _keep(kept[case.name], case, folder)
        left -= found["seed"].nunique()
        progress(total - left, total)
    return {
        name: table[table["seed"].isin(wanted[name])].sort_values("seed", kind="stable")
        for name, table in kept.items()
    }


def _chunks(seeds: Iterable[int], kept: pd.DataFrame) -> list[list[int]]:
    missing = sorted(set(seeds) - set(kept["seed"]))
    return [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]


def _worked(
    todo: list[tuple[Case, list[int]]], processes: int
) -> Iterator[tuple[Case, pd.DataFrame]]:
    """Yield what each chunk found, as it comes."""
    if todo:
        with Pool(processes, initializer=_in_worker) as pool:  # left in any way, it ends them
            yield from pool.imap_unordered(_run_chunk, todo)


def _in_worker() -> None:
    """Leave Ctrl-C to the parent, which keeps what is finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_chunk(chunk: tuple[Case, list[int]]) -> tuple[Case, pd.DataFrame]:
    case, seeds = chunk
    return case, pd.DataFrame([record for seed in seeds for record in run_study(case, seed)])


def _path(case: Case, folder: Path) -> Path:
    return folder / (re.sub(r"\W+", "-", case.name) + ".csv")


def _kept(case: Case, folder: Path) -> pd.DataFrame:
    path = _path(case, folder)
    return pd.read_csv(path) if path.is_file() else pd.DataFrame({"seed": pd.Series(dtype=int)})


def _keep(table: pd.DataFrame, case: Case, folder: Path) -> None:
    """Write a case's records whole: a run that is stopped here leaves the old ones."""
    path = _path(case, folder)
    table.to_csv(path.with_suffix(".part"), index=False)
    path.with_suffix(".part").replace(path)


def code_fingerprint() -> str:
    """Return a digest of the package's source: records of other code are not mixed in."""
    whole = hashlib.sha256()
    for path in sorted(Path(outcomes.__file__).parent.rglob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:12]
