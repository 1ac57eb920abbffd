"""Study: the four tables with everything that is worked out of them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.provenance import Provenance
from outcomes.storage import digest, save
from outcomes.tables import Tables, Timing, Truth, conform
from outcomes.trajectory import trajectory

__all__ = ["Study", "Timing", "Truth", "conform", "study_from_tables"]


@dataclass(frozen=True, eq=False, repr=False)
class Study(Tables):
    """The records of a study as four tables; every column of the contract is present.

    Make one with `load`, `import_export`, `simulate` or `study_from_tables`. A study does not
    change: what is worked out of it is worked out once.
    """

    def __repr__(self) -> str:
        label = "SYNTHETIC " if self.provenance.synthetic else ""
        return (
            f"{label}Study({len(self.episodes):,} episodes, {len(self.sessions):,} sessions, "
            f"{len(self.assessments):,} scores, {len(self.goals):,} goals)"
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the tables as `save` would write them."""
        return digest(self)

    def trajectory(
        self, instrument: str, timing: Timing = "course", *, same_visit: bool = False
    ) -> pd.DataFrame:
        """Return the analysis frame of one instrument; see `outcomes.trajectory.trajectory`."""
        rows: pd.DataFrame = trajectory(self, instrument, timing, same_visit=same_visit).rows
        return rows.copy()

    def asked_of(self, question: str, seed: int) -> Study:
        """Return what a question is asked of: the study; a sample of one that is too large."""
        del question, seed
        return self

    def save(self, directory: str | Path) -> Path:
        """Write the study to a folder, whole or not at all; see `outcomes.storage.save`."""
        return save(self, directory)


def study_from_tables(
    tables: Mapping[str, pd.DataFrame],
    *,
    provenance: Provenance | None = None,
    truth: Truth | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    coded: bool = False,
) -> Study:
    """Make a study of frames that hold some or all columns of the contract.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Any of the four tables, of pandas or polars; missing tables and columns are empty in the
        study. Frames are copied. Where `episodes` is missing it has one row for each episode of the
        other tables.
    provenance, truth, instruments
        As in `Study`.
    coded : bool
        Keep words as categories: for what reads many rows once.

    Returns
    -------
    Study

    Raises
    ------
    UsageError
        When a table or column is not one of the contract, or a cell is not of its column's kind.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame(
    ...     {"episode_id": ["a", "a"], "session": [1, 2], "instrument": "nprs", "score": [6, 4]}
    ... )
    >>> study_from_tables({"assessments": scores})
    Study(1 episodes, 0 sessions, 2 scores, 0 goals)
    """
    given = {name: _pandas(frame, name) for name, frame in tables.items()}
    _refuse_unknown(given)
    if "episodes" not in given:
        ids = [t["episode_id"].dropna() for t in given.values()]
        unique = pd.concat(ids).drop_duplicates() if ids else []
        given["episodes"] = pd.DataFrame({"episode_id": list(unique)})
    frames = {
        name: conform(given.get(name, pd.DataFrame()), spec, coded=coded)
        for name, spec in TABLES.items()
    }
    return Study(
        **frames,
        provenance=provenance or Provenance(),
        truth=truth,
        instruments=MappingProxyType(dict(instruments or {})),
    )


def _pandas(frame: Any, name: str) -> pd.DataFrame:
    """Return a frame as one of pandas: of polars and the like, by their columns."""
    if isinstance(frame, pd.DataFrame):
        return frame
    try:
        return pd.DataFrame(frame.to_dict(as_series=False))
    except (AttributeError, TypeError, ValueError):
        must = "a table is a frame of pandas or polars"
        raise UsageError(must, got=type(frame).__name__, where=name) from None


def _refuse_unknown(tables: Mapping[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        known = TABLES[name].names if name in TABLES else ()
        unknown = [name] if name not in TABLES else [str(c) for c in frame if c not in known]
        if unknown:
            must = "tables and columns are those of the data contract"
            raise UsageError(must, got=", ".join(unknown), remedy="Rename or drop them.")
