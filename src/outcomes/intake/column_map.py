"""Column map: which column of a foreign file holds what, read from TOML or a dict."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import TABLES, TIMINGS
from outcomes.errors import UsageError
from outcomes.intake.map_sections import (
    CleaningRule,
    Spread,
    cleaning_rule,
    file_format,
    identifier_columns,
    refuse_unknown,
    score_columns,
    spread,
    unknown_name,
)
from outcomes.intake.readers.form import FileFormat

DERIVED = ("week", "month", "age", "baseline")
"""Columns a map may name beside the contract's; each becomes one of them (day, band, row)."""
IMPORTED = "date"
"""A column that only an import may have; it becomes the day."""
SECTIONS = (
    "title", "file", "source", "columns", "constants", "values", "rules", "wide", "identifiers",
    "scores", "study", "instruments",
)  # fmt: skip
_UNQUALIFIED = ("assessments", "episodes", "sessions", "goals")


@dataclass(frozen=True)
class ColumnMap:
    """Which column of a file holds which column of the data contract.

    Parameters
    ----------
    columns : mapping of str to str
        Contract column (``score``; ``sessions.minutes`` where two tables have one of that name) to
        the name of the column in the file. ``week``, ``month``, ``age`` and ``baseline`` are
        understood too: they become a day, an age band, and a baseline score.
    constants : mapping of str to str
        Contract column to the one value that all rows have.
    words : mapping of str to mapping
        Contract column to {value in the file: value of the contract}.
    title, control : str or None
        What people call the study, and the name of its control arm.
    randomised : bool
        Whether the arms were made by chance.
    new_course_after_days : int
        Days without a row after which the next is of a new course; 0: never.
    instruments : mapping of str to Instrument
        Instruments that the registry does not know.
    form : FileFormat
        How the file is written.
    empty : tuple of str
        Words that mean an empty cell, in any case.
    rules : tuple of CleaningRule
        How further ways of writing are read.
    wide : tuple of Spread
        Scores of several times that stand beside each other in one row.
    identifiers : mapping of str to tuple of str
        Kind of identifier (``name``, ``birth_date``, ...) to the columns that hold it; see
        `outcomes.privacy.identifiers.KINDS`. Only an import may have them.
    scores : mapping of str to mapping
        Instrument to {timing: column}, for a file with one row a visit.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    title: str = ""
    control: str | None = None
    randomised: bool = False
    new_course_after_days: int = 0
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    form: FileFormat = field(default_factory=FileFormat)
    empty: tuple[str, ...] = ()
    rules: tuple[CleaningRule, ...] = ()
    wide: tuple[Spread, ...] = ()
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def file_columns(self) -> list[str]:
        """Return every column of the file that the map names, each once."""
        scored = (column for timings in self.scores.values() for column in timings.values())
        identifying = (column for own in self.identifiers.values() for column in own)
        return list(dict.fromkeys([*self.columns.values(), *scored, *identifying]))

    def unnamed(self, columns: Iterable[object]) -> tuple[str, ...]:
        """Return the columns of a file that the map does not name."""
        named = set(self.file_columns())
        return tuple(str(column) for column in columns if str(column) not in named)

    def with_identifiers(self, columns: Iterable[str]) -> ColumnMap:
        """Return the same map with further columns that identify people."""
        known = {column for own in self.identifiers.values() for column in own}
        others = tuple(column for column in columns if column not in known)
        other = (*self.identifiers.get("other", ()), *others)
        return replace(self, identifiers={**self.identifiers, "other": other})


def read_column_map(source: str | Path | Mapping[str, Any]) -> ColumnMap:
    """Read a column map from a TOML file or a dict of the same shape.

    Parameters
    ----------
    source : str, Path or mapping
        Path of a TOML file, or what such a file holds.

    Returns
    -------
    ColumnMap

    Raises
    ------
    UsageError
        When the file is missing, is no TOML, or names a section or column that is not known.

    Examples
    --------
    >>> read_column_map({"columns": {"episode_id": "id", "score": "pain", "day": "day"},
    ...                  "constants": {"instrument": "nprs"}}).columns["assessments.score"]
    'pain'
    """
    content = dict(source) if isinstance(source, Mapping) else _toml(Path(source))
    refuse_unknown(content, SECTIONS, "a section of a column map")
    study = content.get("study", {})
    refuse_unknown(study, ("control", "randomised", "new_course_after_days"), "an entry of [study]")
    form, empty = file_format(content.get("file", {}), content.get("source", {}))
    columns = {contract_name(k): str(v) for k, v in content.get("columns", {}).items()}
    constants = {contract_name(k): str(v) for k, v in content.get("constants", {}).items()}
    words = {
        contract_name(k): {str(a): str(b) for a, b in v.items()}
        for k, v in content.get("values", {}).items()
    }
    return ColumnMap(
        columns=columns,
        constants=constants,
        words=words,
        title=str(content.get("title", "")),
        control=study.get("control"),
        randomised=bool(study.get("randomised", False)),
        new_course_after_days=_gap(study.get("new_course_after_days", 0), columns),
        instruments=declared_instruments(content.get("instruments", {})),
        form=form,
        empty=empty,
        rules=tuple(_rule(entry) for entry in content.get("rules", ())),
        wide=tuple(spread(entry) for entry in content.get("wide", ())),
        identifiers=identifier_columns(content.get("identifiers", {})),
        scores=score_columns(content.get("scores", {})),
    )


def _gap(days: object, columns: Mapping[str, str]) -> int:
    dated = IMPORTED in columns and "assessments.episode_id" not in columns
    if isinstance(days, int) and days >= 0 and (dated or not days):
        return days
    must = "new_course_after_days is a number of days, for rows with a date and no episode_id"
    raise UsageError(must, got="something else", where="[study]")


def _rule(entry: Mapping[str, Any]) -> CleaningRule:
    target = str(entry.get("target", ""))
    scored = target.rpartition(".")[2] in TIMINGS  # INSTRUMENT.TIMING
    return cleaning_rule({**entry, "target": contract_name(target)} if target and not scored
                         else entry)  # fmt: skip


def contract_name(name: str) -> str:
    """Return the qualified contract name (``assessments.score``) of a name in a map.

    Raises
    ------
    UsageError
        When no table has such a column, or two do and the name does not say which.
    """
    if name in (*DERIVED, IMPORTED):
        return name
    table, _, column = name.rpartition(".")
    if table:
        known = [f"{t}.{c}" for t, spec in TABLES.items() for c in spec.names]
        refuse_unknown([name], known, "a column of the data contract")
        return name
    if column == "minutes":
        must = "a map says which minutes it means"
        remedy = "Write episodes.minutes (the script) or sessions.minutes (the visit)."
        raise UsageError(must, got="minutes alone", remedy=remedy)
    for candidate in _UNQUALIFIED:
        if column in TABLES[candidate].names:
            return f"{candidate}.{column}"
    known = [*DERIVED, *(c for spec in TABLES.values() for c in spec.names)]
    raise unknown_name(column, known, "a column of the data contract")


def declared_instruments(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Instrument]:
    """Make the instruments that a map or a saved study declares.

    Raises
    ------
    UsageError
        When an entry lacks its range or direction, or holds something else.
    """
    needed = ("title", "minimum", "maximum", "unit", "better")
    instruments = {}
    for name, entry in entries.items():
        refuse_unknown(entry, needed, f"an entry of [instruments.{name}]")
        missing = [key for key in ("minimum", "maximum", "better") if key not in entry]
        if missing:
            must = f"[instruments.{name}] says {', '.join(missing)}"
            raise UsageError(must, got="nothing", remedy='For example better = "lower".')
        instruments[name] = Instrument.declared(
            name,
            title=str(entry.get("title", name)),
            minimum=float(entry["minimum"]),
            maximum=float(entry["maximum"]),
            unit=str(entry.get("unit", "points")),
            better=entry["better"],
        )
    return instruments


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        must = "the column map exists"
        raise UsageError(must, got="no such file", where=path.name, remedy="Check the path.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        must = "a column map is a TOML file"
        got = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "other bytes"
        raise UsageError(must, got=got, where=path.name) from None
