"""Where a study comes from, how it was read, and what was left out on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from outcomes.findings import Finding
from outcomes.plain_text import cleaned


@dataclass(frozen=True)
class LeftOut:
    """Rows that a step did not use, counted with the reason.

    Parameters
    ----------
    table : str
        Table that the rows were to go to.
    reason : str
        Why they are not in it.
    count : int
        How many.
    """

    table: str
    reason: str
    count: int


@dataclass(frozen=True)
class Import:
    """One export that went into a study, and what it left open.

    Parameters
    ----------
    rows : int
        Rows of the export.
    n_wrong, n_doubtful : int
        Rows with an error: those left out for it, and those that count all the same.
    findings : tuple of Finding
        What the import found.
    left_out : tuple of LeftOut
        Rows left out, for whatever reason.
    columns : tuple of str
        Columns of the file that the map named.
    marks : tuple of str
        Some of its rows under a digest that only the key file makes: a later export that has these
        again stands in its place.
    """

    rows: int
    n_wrong: int = 0
    n_doubtful: int = 0
    findings: tuple[Finding, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    columns: tuple[str, ...] = ()
    marks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Provenance:
    """Where a study comes from; carried into every answer and page.

    Parameters
    ----------
    title : str
        What people call the study.
    source : str
        Name of the file or folder it was read from, without its path.
    synthetic : bool
        True where the package simulated it; such data are labelled SYNTHETIC everywhere.
    seed : int or None
        Seed of a simulated study.
    version : str
        Version of the package that made or read it.
    control : str or None
        Name of the control arm, where there is one.
    randomised : bool
        Whether the arms were made by chance.
    sampled : tuple of int
        Of a random sample of a larger study its courses, all courses and the seed; else empty.
    left_out : tuple of LeftOut
        Rows left out in reading.
    unused_columns : tuple of str
        Columns of the file that nothing was read from.
    reading : tuple of Finding
        What reading found; `check` lists these too.
    imports : tuple of Import
        The exports that it was made of; what they left open stays with it.
    assumed : tuple of str
        Choices made in reading that the file does not state, one sentence each.
    file_rows : mapping of str to sequence of int
        Where one file holds several tables: table to the row of the file that each of its rows came
        from, 1 = first row of data; shape (rows of the table,), rising.
    file_words : mapping of str to mapping
        Where a file has words of its own: rule, table or column to what findings say there.
    """

    title: str = ""
    source: str = ""
    synthetic: bool = False
    seed: int | None = None
    version: str = ""
    control: str | None = None
    randomised: bool = False
    sampled: tuple[int, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unused_columns: tuple[str, ...] = ()
    reading: tuple[Finding, ...] = ()
    imports: tuple[Import, ...] = ()
    assumed: tuple[str, ...] = ()
    file_rows: Mapping[str, Sequence[int]] = field(default_factory=dict, repr=False)
    file_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", cleaned(self.title))
        object.__setattr__(self, "source", cleaned(self.source))

    @property
    def import_findings(self) -> tuple[Finding, ...]:
        """What imports left open; `check` lists it each time."""
        return tuple(found for one in self.imports for found in one.findings)
