"""Take a flat long file, one row a score, apart into the tables of the data contract."""

from __future__ import annotations

import difflib
from typing import Any

import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.errors import DataError
from outcomes.findings import Finding, finding
from outcomes.intake.cells import read_cells, read_numbers
from outcomes.intake.clean import clean
from outcomes.intake.column_map import DERIVED, ColumnMap
from outcomes.privacy.generalise import age_band
from outcomes.provenance import LeftOut

Frames = dict[str, pd.DataFrame]
DAYS_A_MONTH = 365.25 / 12


def split_flat(
    rows: pd.DataFrame, mapped: ColumnMap, where: str
) -> tuple[Frames, list[Finding], list[LeftOut], list[str]]:
    """Return the tables held in a flat file, with findings, rows left out and choices made.

    Parameters
    ----------
    rows : DataFrame
        Text cells, one row a score.
    mapped : ColumnMap
        Which column holds what.
    where : str
        Name of the file, for messages.

    Returns
    -------
    tables : dict of DataFrame
        The index is the position in `rows` that a row came from, rising.
    findings : list of Finding
    left_out : list of LeftOut
    assumed : list of str
        Choices the file does not state, one sentence each.

    Raises
    ------
    DataError
        When a column the map names is not in the file, or no column or constant holds the course,
        the instrument, the score, or a session or day.
    """
    refuse_absent(rows, mapped, where)
    cells = _renamed(rows, mapped)
    _refuse_incomplete(cells, where)
    typed, findings = _typed(cells)
    _derive_day_and_band(typed)
    episodes = _episodes(typed, findings)
    assumed = _add_timing(typed)
    scores = _table(typed, "assessments")
    scores, n_empty = scores[scores["score"].notna()], int(scores["score"].isna().sum())
    left_out = [LeftOut("assessments", "no score", n_empty)] if n_empty else []
    baselines = _baseline_rows(typed)
    tables: Frames = {
        "episodes": episodes,
        "assessments": pd.concat([baselines, scores]).sort_index(kind="stable"),
    }
    if any(str(name).startswith("sessions.") for name in typed):
        tables["sessions"] = _sessions(typed)
    if any(str(name).startswith("goals.") for name in typed):
        tables["goals"] = _goals(typed)
    return tables, findings, left_out, assumed


def refuse_absent(rows: pd.DataFrame, mapped: ColumnMap, where: str) -> None:
    """Raise `DataError` where the map names columns that are not in the file."""
    absent = [name for name in mapped.file_columns() if name not in rows]
    if absent:
        near = [difflib.get_close_matches(name, list(rows.columns), n=1) for name in absent]
        hints = ", ".join(
            f"{a} (near: {n[0]})" if n else a for a, n in zip(absent, near, strict=True)
        )
        must = "each column that the map names is in the file"
        raise DataError(must, got=f"no column {hints}", where=where, remedy="Correct the map.")


def _renamed(rows: pd.DataFrame, mapped: ColumnMap) -> pd.DataFrame:
    """Return the columns that the map names, cleaned, under their contract names."""
    cells = {
        name: clean(rows[column], column, name, mapped)[0]
        for name, column in mapped.columns.items()
    }
    for name, constant in mapped.constants.items():
        cells[name] = pd.Series([constant] * len(rows), index=rows.index, dtype=object)
    return pd.DataFrame(cells, index=rows.index)


def _refuse_incomplete(cells: pd.DataFrame, where: str) -> None:
    needed = ["assessments.episode_id", "assessments.instrument", "assessments.score"]
    missing = [name.split(".")[1] for name in needed if name not in cells]
    if not {"assessments.session", "assessments.day", "week", "month"} & set(cells):
        missing.append("session, day, week or month")
    if missing:
        must = "the file or the map holds the course, the instrument, the score and its time"
        remedy = "Name the column in [columns], or the one value in [constants]."
        raise DataError(must, got=f"no {'; no '.join(missing)}", where=where, remedy=remedy)


def _typed(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Read each cell as its column says; derived columns are numbers."""
    findings: list[Finding] = []
    parts = []
    for table, spec in TABLES.items():
        own = [name for name in cells if str(name).startswith(f"{table}.")]
        frame = cells[own].rename(columns=lambda name: str(name).split(".")[1])
        read, found = read_cells(frame, spec)
        parts.append(read.add_prefix(f"{table}."))
        findings += found
    for name in DERIVED:
        if name in cells:
            numbers = read_numbers(cells[name])
            bad = (cells[name].notna() & numbers.isna()).to_numpy().nonzero()[0]
            if len(bad):
                findings.append(finding("R02", "file", name, bad.tolist(), got="text"))
            parts.append(numbers.rename(name).to_frame())
    return pd.concat(parts, axis=1), findings


def _derive_day_and_band(typed: pd.DataFrame) -> None:
    if "week" in typed:
        typed["assessments.day"] = typed["week"] * 7
    if "month" in typed:
        typed["assessments.day"] = (typed["month"] * DAYS_A_MONTH).round()
    if "age" in typed:
        typed["episodes.age_band"] = age_band(typed["age"])


def _episodes(typed: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    """One row a course; where rows of a course disagree the first stands and a finding says so."""
    ids = typed["assessments.episode_id"]
    facts = _table(typed, "episodes").drop(columns=["episode_id"])
    checked: dict[str, Any] = {str(name): facts[name] for name in facts}
    if "baseline" in typed:
        checked = {**checked, "baseline": typed["baseline"]}
    for name, values in checked.items():
        first = values.groupby(ids).transform("first")
        differs = (values.notna() & (values != first)).to_numpy().nonzero()[0]
        if len(differs):
            got = "different ones within a course"
            findings.append(finding("R18", "episodes", str(name), differs.tolist(), got=got))
    grouped = facts.groupby(ids, sort=False).first() if len(facts.columns) else None
    known = ids.dropna().drop_duplicates().to_frame("episode_id")
    return known if grouped is None else known.join(grouped, on="episode_id")


def _add_timing(typed: pd.DataFrame) -> list[str]:
    """Where the file does not say when a score was taken, decide by one stated rule."""
    if "assessments.timing" in typed:
        return []
    numbered = "assessments.session" in typed
    typed["assessments.timing"] = "pre_session" if numbered else "follow_up"
    if "baseline" in typed or numbered:
        kind = "taken at the start of the visit" if numbered else "follow-up scores"
        return [f"The file does not say when scores were taken: all count as {kind}."]
    at_start = typed["assessments.day"] <= 0
    typed["assessments.timing"] = typed["assessments.timing"].mask(at_start, "baseline")
    return [
        "The file does not say when scores were taken: "
        "those of day 0 count as baseline, later ones as follow-up scores."
    ]


def _table(typed: pd.DataFrame, table: str) -> pd.DataFrame:
    own = [name for name in typed if str(name).startswith(f"{table}.")]
    frame = typed[own].rename(columns=lambda name: str(name).split(".")[1])
    return frame.assign(episode_id=typed["assessments.episode_id"])


def _baseline_rows(typed: pd.DataFrame) -> pd.DataFrame:
    if "baseline" not in typed:
        return pd.DataFrame()
    scores = _table(typed, "assessments")
    keys = ["episode_id", "instrument"]
    rows = scores.assign(score=typed["baseline"]).dropna(subset=["score"])
    rows = rows.drop_duplicates(keys)[[*keys, "score"]]
    return rows.assign(timing="baseline", day=0.0)


def _sessions(typed: pd.DataFrame) -> pd.DataFrame:
    """One row a visit: what the score rows say of it."""
    frame = _table(typed, "sessions")
    for name in ("session", "day"):
        if f"assessments.{name}" in typed and name not in frame:
            frame[name] = typed[f"assessments.{name}"]
    keys = [name for name in ("episode_id", "session", "day") if name in frame]
    facts = [name for name in frame if name not in keys]
    return frame.dropna(subset=facts, how="all").drop_duplicates(keys)


def _goals(typed: pd.DataFrame) -> pd.DataFrame:
    frame = _table(typed, "goals")
    if "instrument" not in frame:
        frame["instrument"] = typed["assessments.instrument"]
    return frame.dropna(subset=["target"]).drop_duplicates(["episode_id", "instrument"])
