"""A study that holds no rows: its parts stay on disk, and what is asked of it is added up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, cast

import pandas as pd
from pandas.api.types import union_categoricals

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import TABLES, received
from outcomes.errors import UsageError
from outcomes.findings import Findings
from outcomes.provenance import LeftOut, Provenance
from outcomes.records import baselines, scores_before_care
from outcomes.rules.check import check
from outcomes.scale.folder import Part, Reader, column_of, digest_of, parts_of
from outcomes.scale.overview import joined, looked, mapped
from outcomes.storage import digest
from outcomes.study import Study, Timing, study_from_tables
from outcomes.tables import Truth, conform, once, remember
from outcomes.trajectory import Trajectory, framed, trajectory

SAMPLE = 20_000
"""Courses of the random sample that answers what cannot be added up over parts."""
ADDED_UP = frozenset({"how-much", "conditions"})
"""Questions that are asked of all rows."""


class PartedTable:
    """A table of which single columns can be read; its rows stay on disk.

    Parameters
    ----------
    name : str
        Of the table.
    parts : tuple of Part
    """

    def __init__(self, name: str, parts: tuple[Part, ...]) -> None:
        self.name, self.parts = name, parts

    def __len__(self) -> int:
        return sum(part.n_rows(self.name) for part in self.parts)

    def __getitem__(self, column: Any) -> pd.Series[Any]:
        if not isinstance(column, str) or column not in TABLES[self.name].names:
            self._refuse()
        read = [*self.of_files(column)]
        if not read or not isinstance(read[0].dtype, pd.CategoricalDtype):
            return pd.concat(read, ignore_index=True) if read else pd.Series([], dtype=object)
        return pd.Series(union_categoricals(read))

    def of_files(self, column: str) -> Iterator[pd.Series[Any]]:
        """Yield a column of each file: names of all courses or patients are never held together."""
        own = (c for c in TABLES[self.name].columns if c.name == column)
        one = replace(TABLES[self.name], columns=tuple(own))
        for file in (file for part in self.parts for file in part.files.get(self.name, ())):
            yield conform(column_of(file, column).to_frame(column), one, coded=True)[column]

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        must = "A study in parts holds no rows: what needs them asks for whole courses of a sample"
        remedy = "study.sample(20_000) is a study of so many courses, drawn at random."
        raise UsageError(must, got=f"the rows of {self.name}", remedy=remedy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()


class _Added(dict[Any, Any]):
    """What is worked out once a study: what the parts must be read for, on the first wish."""

    def __init__(self, study: PartedStudy) -> None:
        super().__init__()
        self.study = study

    def __contains__(self, key: Any) -> bool:
        if not super().__contains__(key) and key[0] in _OF_PARTS:
            values = dict(key[1])
            if values.get("timing", "course") == "course" and not values.get("same_visit"):
                name = values.get("instrument")
                self.study.looked_at(*([name] if name else []))
        return super().__contains__(key)


@dataclass(frozen=True, eq=False, repr=False)
class PartedStudy(Study):
    """A study in parts; a study like any other where what is asked of it can be added up.

    Parameters
    ----------
    parts : tuple of Part
    client : distributed.Client or None
        Where parts are read; None for here.
    """

    parts: tuple[Part, ...] = ()
    client: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_made", _Added(self))

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, in {len(self.parts):,} parts)"

    @cached_property
    def courses(self) -> Any:
        """The courses: a course has one row."""
        return self.episodes

    @property
    def reader(self) -> Reader:
        """What it takes to read a part."""
        return Reader(self.provenance, dict(self.instruments))

    def studies(self) -> Iterator[Study]:
        """Yield each part as an ordinary study, one at a time."""
        return map(self.reader, self.parts)

    @once
    def scored_instruments(self) -> list[str]:
        """Names of the instruments that have scores, the one with most scores first."""
        table = cast("Any", self.assessments)
        found = [own.value_counts() for own in table.of_files("instrument")]
        counts = pd.concat(found).groupby(level=0, observed=True).sum()
        return [str(name) for name in counts.sort_values(ascending=False, kind="stable").index]

    def of_one_patient(self) -> bool:
        """Whether several courses are all of one patient; two who differ are met soon."""
        seen, table = set[Any](), cast("Any", self.episodes)
        for own in table.of_files("patient_id"):
            seen.update(own.dropna().unique()[:2])
            if len(seen) > 1:
                return False
        return super().of_one_patient()

    def without_care(self) -> bool:
        """Whether there are visits, and none of them was received; one that was is met soon."""
        files = cast("Any", self.sessions).of_files("status")
        return len(self.sessions) > 0 and not any(received(own).any() for own in files)

    def trajectory(
        self, instrument: str, timing: Timing = "course", *, same_visit: bool = False
    ) -> Any:
        """Return the analysis rows of one instrument as `Pieces`: what `lmm` fits part by part.

        Raises
        ------
        UsageError
            When other rows are asked for than those of the course: they are had part by part.
        """
        if timing != "course" or same_visit:
            must = "A study in parts gives the rows of the course alone"
            remedy = "Use (one.trajectory(...) for one in study.studies()), or study.sample(20_000)"
            raise UsageError(must, got="another wish", remedy=f"{remedy}.")
        return trajectory(self, instrument).rows

    def looked_at(self, *instruments: str) -> None:
        """Pass once over all parts; `check`, trajectories and the rest are known afterwards.

        Raises
        ------
        DataError
            When a part does not read, or courses are split over parts or there twice.
        """
        wanted = instruments or tuple(self.scored_instruments()[:1])
        look = partial(looked, reader=self.reader, instruments=wanted)
        findings, instruments_scored = joined(mapped(look, self.parts, self.client))
        items = (*self.provenance.import_findings, *self.provenance.reading)
        remember(self, check, Findings((*items, *(i for i in findings if i not in items))))
        for name, scored in instruments_scored.items():
            rows = scored.rows.changed(partial(framed, study=self, instrument=name))
            remember(self, trajectory, Trajectory(rows, scored.left_out), name)
            remember(self, baselines, scored.started, name)
            remember(self, scores_before_care, scored.before, name)

    def asked_of(self, question: str, seed: int) -> Study:
        """Return what a question is asked of: all rows where they add up, else a sample."""
        return self if question in ADDED_UP else self.sample(SAMPLE, seed)

    def on(self, client: Any) -> PartedStudy:
        """Return the same study whose parts are read by a Dask cluster; results are the same.

        Raises
        ------
        UsageError
            When the client is closed.
        """
        if client.status != "running":
            must = "the Dask client is running"
            raise UsageError(must, got=client.status, remedy="Make a new distributed.Client.")
        return replace(self, client=client)

    @once
    def sample(self, n: int = SAMPLE, seed: int = 0) -> Study:
        """Return a study of whole courses drawn at random.

        Parameters
        ----------
        n : int
            Courses; all where there are no more.
        seed : int
            With the course's id it decides who is drawn: the n smallest SHA-256 of both, whatever
            the order or number of parts.

        Returns
        -------
        Study
            Its provenance says what it is a sample of; answers say so. Drawn once.
        """
        hashes = pd.concat(mapped(partial(_hashed, seed=seed), self.parts, self.client))
        drawn = frozenset(hashes.sort_values().index[:n])
        taken = mapped(partial(_taken, reader=self.reader, drawn=drawn), self.parts, self.client)
        tables = {name: pd.concat([one[name] for one in taken]) for name in TABLES}
        about, left = self.provenance, len(hashes) - len(drawn)
        if left:
            apart = LeftOut("episodes", "course not in the random sample", left)
            left_out = (*about.left_out, apart)
            about = replace(about, sampled=(n, len(hashes), seed), left_out=left_out)
        own = dict(self.instruments)
        return study_from_tables(tables, provenance=about, truth=self.truth, instruments=own)


def _hashed(part: Part, seed: int) -> pd.Series[Any]:
    """Return what decides who is drawn, by course."""
    ids = pd.concat([column_of(file, "episode_id") for file in part.files["episodes"]])
    names = ids.astype(str).to_numpy(object)
    return pd.Series([hashlib.sha256(f"{seed} {n}".encode()).hexdigest() for n in names], names)


def _taken(part: Part, reader: Reader, drawn: frozenset[str]) -> dict[str, pd.DataFrame]:
    """Return the rows of the courses drawn."""
    study = reader(part)
    tables = {name: study.table(name) for name in TABLES}
    return {name: frame[frame["episode_id"].isin(drawn)] for name, frame in tables.items()}


def load_parts(
    folder: Path, provenance: Provenance, truth: Truth | None, instruments: Mapping[str, Instrument]
) -> PartedStudy:
    """Load a folder of Parquet parts without reading its rows.

    Parameters
    ----------
    folder : Path
        As in `outcomes.scale.folder.parts_of`.
    provenance : Provenance
        What the folder says of itself.
    truth : Truth or None
        When simulated.
    instruments : mapping of str to Instrument
        That it declares.

    Returns
    -------
    PartedStudy

    Raises
    ------
    DataError
        When the folder, or a file in it, is not what it must be; it is named.
    UnavailableError
        When pyarrow is missing.
    """
    parts = parts_of(folder)
    tables: Any = {name: PartedTable(name, parts) for name in TABLES}
    study = PartedStudy(**tables, provenance=provenance, truth=truth, parts=parts,
                        instruments=MappingProxyType(dict(instruments)))  # fmt: skip
    remember(study, digest, digest_of(parts))
    return study


_OF_PARTS: tuple[Any, ...] = tuple(
    getattr(made, "__wrapped__", None)
    for made in (check, trajectory, baselines, scores_before_care)
)
