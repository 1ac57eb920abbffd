"""Study: the four tables of the data contract with their provenance, and truth when simulated."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from outcomes.dictionary.columns import ColumnSpec, TableSpec
from outcomes.dictionary.instruments import Instrument, instrument
from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.plain_text import cleaned, each
from outcomes.provenance import Provenance

Timing = Literal["course", "immediate"]
T = TypeVar("T")


@dataclass(frozen=True)
class Truth:
    """What made a simulated study.

    Parameters
    ----------
    parameters : mapping
        The design as plain values.
    estimands : DataFrame
        True values, tidy: one row an estimand at one setting, its value in column ``value``.
    """

    parameters: Mapping[str, Any]
    estimands: pd.DataFrame

    def __repr__(self) -> str:
        return f"Truth({len(self.parameters)} parameters, {len(self.estimands)} estimands)"


@dataclass(frozen=True, eq=False)
class Study:
    """The records of a study as four tables; every column of the contract is present.

    Make one with `load`, `import_export`, `simulate` or `study_from_tables`.

    Parameters
    ----------
    episodes, sessions, assessments, goals : DataFrame
        The tables of the data contract, one row as `outcomes.dictionary.tables` says. Columns that
        the source does not hold are empty. Shape (rows, columns of the contract).
    provenance : Provenance
        Where it comes from and what was left out.
    truth : Truth or None
        Parameters and true values, when simulated.
    instruments : mapping of str to Instrument
        Instruments the study declares beyond the registry.
    """

    episodes: pd.DataFrame
    sessions: pd.DataFrame
    assessments: pd.DataFrame
    goals: pd.DataFrame
    provenance: Provenance = field(default_factory=Provenance)
    truth: Truth | None = None
    instruments: Mapping[str, Instrument] = field(default_factory=lambda: MappingProxyType({}))
    _made: dict[Hashable, Any] = field(init=False, default_factory=dict, repr=False)

    def __repr__(self) -> str:
        label = "SYNTHETIC " if self.provenance.synthetic else ""
        return (
            f"{label}Study({len(self.episodes):,} episodes, {len(self.sessions):,} sessions, "
            f"{len(self.assessments):,} scores, {len(self.goals):,} goals)"
        )

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` makes, made the first time it is asked for under `key`.

        A study does not change, so its digest, findings and frames are worked out once; whoever
        gets one does not change it.
        """
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def table(self, name: str) -> pd.DataFrame:
        """Return the table called `name`; raises `UsageError` when there is none."""
        if name not in TABLES:
            must = "a table is one of " + ", ".join(TABLES)
            raise UsageError(must, got="another name")
        frame: pd.DataFrame = getattr(self, name)
        return frame

    def recorded(self, table: str, column: str) -> bool:
        """Whether any row of `table` has a value in `column`."""
        return bool(self.table(table)[column].notna().any())

    def instrument(self, name: str) -> Instrument:
        """Return an instrument of the study's own or of the registry.

        Raises
        ------
        UsageError
            When neither knows the name.
        """
        return self.instruments[name] if name in self.instruments else instrument(name)

    @cached_property
    def courses(self) -> pd.DataFrame:
        """One row a course by its id: `episodes`, the first row of each."""
        return self.episodes.drop_duplicates("episode_id").set_index("episode_id")

    def scored_instruments(self) -> list[str]:
        """Names of the instruments that have scores, the one with most scores first."""
        return [str(name) for name in self.assessments["instrument"].value_counts().index]

    def trajectory(
        self, instrument: str, timing: Timing = "course", *, same_visit: bool = False
    ) -> pd.DataFrame:
        """Return the analysis frame of one instrument; see `outcomes.trajectory.trajectory`."""
        from outcomes.trajectory import trajectory

        return trajectory(self, instrument, timing, same_visit=same_visit).rows.copy()

    @property
    def digest(self) -> str:
        """SHA-256 of the tables as `save` would write them."""
        from outcomes.storage import digest

        return self.once("digest", lambda: digest(self))

    def save(self, directory: str | Path) -> Path:
        """Write the study to a folder, whole or not at all; see `outcomes.storage.save`."""
        from outcomes.storage import save

        return save(self, directory)


def study_from_tables(
    tables: Mapping[str, pd.DataFrame],
    *,
    provenance: Provenance | None = None,
    truth: Truth | None = None,
    instruments: Mapping[str, Instrument] | None = None,
) -> Study:
    """Make a study of frames that hold some or all columns of the contract.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Any of the four tables; missing tables and columns are empty in the study. Frames are
        copied. Where `episodes` is missing it has one row for each episode of the other tables.
    provenance, truth, instruments
        As in `Study`.

    Returns
    -------
    Study

    Raises
    ------
    UsageError
        When a table or column is not one of the contract.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame(
    ...     {"episode_id": ["a", "a"], "session": [1, 2], "instrument": "nprs", "score": [6, 4]}
    ... )
    >>> study_from_tables({"assessments": scores})
    Study(1 episodes, 0 sessions, 2 scores, 0 goals)
    """
    given = dict(tables)
    _refuse_unknown(given)
    if "episodes" not in given:
        ids = [t["episode_id"].dropna() for t in given.values()]
        unique = pd.concat(ids).drop_duplicates() if ids else []
        given["episodes"] = pd.DataFrame({"episode_id": list(unique)})
    frames = {name: conform(given.get(name, pd.DataFrame()), spec) for name, spec in TABLES.items()}
    return Study(
        **frames,
        provenance=provenance or Provenance(),
        truth=truth,
        instruments=MappingProxyType(dict(instruments or {})),
    )


def conform(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Return a copy with exactly the columns of `spec`, in order and in its types.

    Numbers are float64 with NaN where unknown, booleans pandas ``boolean``, all else text with a
    missing value where unknown. Cells must already be readable as such; words lose control
    characters and other marks that nobody sees.
    """
    columns = {
        column.name: _typed(frame[column.name], column)
        if column.name in frame
        else _empty(len(frame), column)
        for column in spec.columns
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _refuse_unknown(tables: Mapping[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        known = TABLES[name].names if name in TABLES else ()
        unknown = [name] if name not in TABLES else [str(c) for c in frame if c not in known]
        if unknown:
            must = "tables and columns are those of the data contract"
            raise UsageError(must, got=", ".join(unknown), remedy="Rename or drop them.")


def _empty(n_rows: int, column: ColumnSpec) -> pd.Series[Any]:
    if column.is_number:
        return pd.Series(np.full(n_rows, np.nan))
    if column.kind == "boolean":
        return pd.Series([pd.NA] * n_rows, dtype="boolean")
    return pd.Series([None] * n_rows, dtype=object)


def _typed(values: pd.Series[Any], column: ColumnSpec) -> pd.Series[Any]:
    values = values.reset_index(drop=True)
    if column.is_number:
        return pd.to_numeric(values).astype("float64")
    if column.kind == "boolean":
        return values.astype("boolean")
    if pd.api.types.is_numeric_dtype(values):
        return values.map("{:g}".format, na_action="ignore").astype(object)
    return each(values, cleaned).copy()
