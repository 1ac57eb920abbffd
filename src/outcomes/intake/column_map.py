"""Column map: which column of a foreign file holds what, read from TOML or a dict."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outcomes.dictionary.instruments import Instrument, registry
from outcomes.dictionary.tables import TABLES, TIMINGS
from outcomes.intake import map_sections, toml_records
from outcomes.intake.readers.table import FileFormat
from outcomes.intake.refusals import refuse
from outcomes.intake.toml_records import Section, Texts, Word, folded, refuse_unknown
from outcomes.plain_text import read_toml
from outcomes.privacy.patterns import KINDS

DERIVED = ("week", "month", "age", "baseline")
"""Columns a map may name beside the contract's; each becomes one of them (day, band, row)."""
ONE_OF = frozenset({"study.rows", "study.sign_that_counts", "file.dates", "file.dates_of",
                    "file.time_zone"})  # fmt: skip
"""Places of the map that a draft asks about of which one answer or another must be true."""
IMPORTED, SERVICE = "date", "service"
"""Columns that only an import may have: one becomes the day; the other tells visits from sales."""
_UNQUALIFIED = ("assessments", "episodes", "sessions", "goals")


class ColumnMap(Section, frozen=True, kw_only=True):
    """Which column of a file holds which column of the data contract; one field a section.

    Parameters
    ----------
    title : str
        What people call the study.
    columns : mapping of str to str
        Contract column (``score``; ``sessions.minutes`` where two tables have one of that name) to
        the name of the column in the file. ``week``, ``month``, ``age`` and ``baseline`` are
        understood too: they become a day, an age band, and a baseline score.
    constants : mapping of str to str
        Contract column to the one value that all rows have.
    words : mapping of str to mapping
        ``[values]``: contract column to {value in the file: value of the contract}.
    identifiers : mapping of str to tuple of str
        Kind of identifier (``name``, ``birth_date``, ...) to the columns that hold it; see
        `outcomes.privacy.patterns.KINDS`. Only an import may have them.
    scores : mapping of str to mapping
        Instrument to {timing: column}, for a file with one row a visit.
    scales : mapping of str to float
        Instrument to the highest value of its scale in the file, where that is not its own: 100 for
        an index of 50 points that the file has in percent.
    file : FileFormat
        How the file is written.
    source : Source
        Of a database.
    leave_out : tuple of LeaveOut
        Rows that do not count.
    status : tuple of StatusRule
        What became of a visit, by several columns.
    minutes : Minutes
        Minutes of a visit by start and end.
    rules : tuple of CleaningRule
        How further ways of writing are read.
    wide : tuple of Spread
        Scores of several times that stand beside each other in one row.
    instruments : mapping of str to Declared
        Instruments that the registry does not know.
    study : StudyFacts
        What the export does not say of itself.
    questions : tuple of Question
        What a draft is not sure of; answers are applied where the map is read.
    preset : Preset
        The product that the map is for.
    """

    title: str = ""
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    constants: dict[str, Word] = msgspec.field(default_factory=dict)
    words: dict[str, dict[str, Word]] = msgspec.field(name="values", default_factory=dict)
    identifiers: dict[str, Texts] = msgspec.field(default_factory=dict)
    scores: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    scales: dict[str, Word] = msgspec.field(default_factory=dict)
    file: FileFormat = FileFormat()
    source: map_sections.Source = map_sections.Source()
    leave_out: tuple[map_sections.LeaveOut, ...] = ()
    status: tuple[map_sections.StatusRule, ...] = ()
    minutes: map_sections.Minutes = map_sections.Minutes()
    rules: tuple[map_sections.CleaningRule, ...] = ()
    wide: tuple[map_sections.Spread, ...] = ()
    instruments: dict[str, map_sections.Declared] = msgspec.field(default_factory=dict)
    study: map_sections.StudyFacts = map_sections.StudyFacts()
    questions: tuple[map_sections.Question, ...] = ()
    preset: map_sections.Preset = map_sections.Preset()

    def file_columns(self) -> list[str]:
        """Return every column of the file that the map names, each once."""
        scored = (column for timings in self.scores.values() for column in timings.values())
        identifying = (column for own in self.identifiers.values() for column in own)
        tested = [*(e.column for e in self.leave_out), *(e.column for e in self.status)]
        named = (*self.columns.values(), *scored, *identifying, *tested, *self.file.fill_down,
                 *self.file.split,
                 *(column for made in (self.file.ticked, self.file.totals, self.file.dated)
                   for own in made.values() for column in own),
                 self.minutes.start, self.minutes.end)  # fmt: skip
        return [name for name in dict.fromkeys(named) if name]

    def unnamed(self, columns: Iterable[object]) -> tuple[str, ...]:
        """Return the columns of a file that the map does not name."""
        named = {*self.file_columns(), self.file.sheet_name}
        return tuple(str(column) for column in columns if str(column) not in named)

    def with_identifiers(self, columns: Iterable[str]) -> ColumnMap:
        """Return the same map with further columns that identify people."""
        known = {column for own in self.identifiers.values() for column in own}
        others = [column for column in columns if column not in known]
        other = Texts([*self.identifiers.get("other", ()), *others])
        return msgspec.structs.replace(self, identifiers={**self.identifiers, "other": other})

    def renamed(self, names: Mapping[str, str]) -> ColumnMap:
        """Return the same map for a file whose columns are called otherwise."""
        new: ColumnMap = _renamed(self, names)
        ways = {names.get(column, column): own for column, own in new.file.dates_of.items()}
        file = msgspec.structs.replace(new.file, dates_of=ways)
        return msgspec.structs.replace(new, file=file)

    def kept_words(self) -> dict[str, list[str]]:
        """Return the map's own words that stand in a study or its manifest, by part of the map."""
        declared = [text for name, one in self.instruments.items() for text in (name, one.title)]
        listed = {f"[values] {name}": [*map(str, words.values())]
                  for name, words in self.words.items()}  # fmt: skip
        rules = [*(rule.name for rule in self.rules), *(entry.name for entry in self.leave_out)]
        return {"title": [self.title, *rules], "[constants]": [*self.constants.values()],
                "[study]": [self.study.control or ""], "[instruments]": declared,
                **listed}  # fmt: skip

    def declared(self) -> dict[str, Instrument]:
        """Return the instruments that the registry does not know."""
        return declared_instruments(self.instruments)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        return type(value)([_renamed(part, names) for part in value])
    if isinstance(value, dict):
        return {key: _renamed(part, names) for key, part in value.items()}
    if isinstance(value, msgspec.Struct):
        parts = {name: _renamed(getattr(value, name), names) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **parts)
    return value


def read_column_map(source: str | Path | Mapping[str, Any]) -> ColumnMap:
    """Read a column map from a TOML file or a dict of the same shape.

    Parameters
    ----------
    source : str, Path or mapping
        Path of a TOML file, or what such a file holds.

    Returns
    -------
    ColumnMap
        With the answers of its questions in their places; names of columns and instruments as the
        contract and the registry write them.

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
    what = "a column map"
    content = dict(source) if isinstance(source, Mapping) else read_toml(Path(source), what)
    mapped: ColumnMap = toml_records.converted(_answered(content), ColumnMap, "the column map")
    refuse_unknown(mapped.identifiers, KINDS, "a kind of identifier")
    known = {folded(name): name for name in (*registry(), *mapped.instruments)}
    mapped = msgspec.structs.replace(
        mapped,
        file=msgspec.structs.replace(mapped.file, **msgspec.structs.asdict(mapped.source)),
        columns=_qualified(mapped.columns),
        constants=_qualified(mapped.constants),
        words={_target(name, known): {cell: Word("" if word == map_sections.NOTHING else word)
               for cell, word in own.items()} for name, own in mapped.words.items()},
        rules=tuple(msgspec.structs.replace(rule, target=rule.target and _target(
            rule.target, known)) for rule in mapped.rules),
        scores=_known_scores(mapped.scores, known),
        scales=_known_scales(mapped.scales, known),
    )  # fmt: skip
    _refuse_together(mapped)
    declared_instruments(mapped.instruments)
    return mapped


def refuse_open_questions(mapped: ColumnMap) -> None:
    """Raise `UsageError` that lists the questions of a map that have no answer, by name."""
    unanswered = [question for question in mapped.questions if question.answer in ("", [])
                  or (question.answer is False and ".".join(question.place[:2]) in ONE_OF)
                  ]  # fmt: skip
    if unanswered:
        told = "; ".join(f"{question.key} ({question.asks})" for question in unanswered)
        refuse("open_questions", "[[questions]]", told=told)


def _answered(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a map with each answer at the place that its question names."""
    kind = tuple[map_sections.Question, ...]
    asked = toml_records.converted(content.get("questions", []), kind, "[[questions]]")
    whole = copy.deepcopy(content)
    for question in asked:
        if question.answer is False and question.place[0] == "scales":
            whole.get("scores", {}).pop(question.place[1], None)  # of an unknown scale
        if question.answer is False and question.key == "columns.arm":
            whole.get("values", {}).pop("arm", None)
        if question.answer not in ("", [], False):
            section = whole
            for name in question.place[:-1]:
                section = section.setdefault(name, {})
            days = question.place[-1].endswith("_days") and str(question.answer).isdigit()
            section[question.place[-1]] = int(question.answer) if days else question.answer
    return whole


def _qualified(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {contract_name(name): entry for name, entry in entries.items()}


def _target(name: str, instruments: Mapping[str, str]) -> str:
    """Return what cells are for: a column of the contract, or a score (``nprs.pre_session``)."""
    instrument, _, timing = name.rpartition(".")
    if timing in TIMINGS and instrument not in TABLES:
        refuse_unknown([folded(instrument)], instruments, "an instrument")
        return f"{instruments[folded(instrument)]}.{timing}"
    return contract_name(name)


def _known_scores(
    scores: Mapping[str, dict[str, str]], names: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return scores under the names of their instruments, which may be written in any case."""
    for name, timings in scores.items():
        refuse_unknown([folded(name)], names, "an instrument; others stand in [instruments.NAME]")
        refuse_unknown(timings, TIMINGS, f"a timing of [scores] {name}")
    return {names[folded(name)]: timings for name, timings in scores.items()}


def _known_scales(scales: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Word]:
    """Return scales under the names of their instruments; each is a number above 0."""
    refuse_unknown(map(folded, scales), names, "an instrument")
    numbers = [re.fullmatch(r"\d{1,4}(?:\.\d+)?", top) for top in scales.values()]
    if not all(found and float(found[0]) for found in numbers):
        refuse("scale_top", "[scales]")
    return {names[folded(name)]: Word(top) for name, top in scales.items()}


def _refuse_together(mapped: ColumnMap) -> None:
    dated = IMPORTED in mapped.columns and "assessments.episode_id" not in mapped.columns
    if mapped.study.new_course_after_days and not dated:
        refuse("gap_without_date", "[study]")
    if bool(mapped.minutes.start) != bool(mapped.minutes.end):
        refuse("start_and_end", "[minutes]")
    if mapped.study.one_visit == "appointment" and not mapped.identifiers.get("appointment"):
        refuse("appointment_number", "[study]")


def _targets(mapped: ColumnMap) -> set[str]:
    """Return what a map reads cells for, or asks about: columns of the contract, and scores."""
    wide = {name for part in mapped.wide for name in (part.over, part.score)}
    asked = {".".join(question.place[1:]) for question in mapped.questions}
    return {
        *mapped.columns, *mapped.constants, *wide, *asked,
        *(name if name.rpartition(".")[2] in TIMINGS else contract_name(name) for name in wide),
        *(f"{name}.{timing}" for name, own in mapped.scores.items() for timing in own),
        *(f"{table}.{name}" for table in TABLES for name in asked),
    }  # fmt: skip


def _columns(mapped: ColumnMap) -> set[str]:
    """Return the columns of a file that a map reads, or asks about, but for identifiers."""
    return {
        *mapped.columns.values(), mapped.minutes.start, mapped.minutes.end,
        *(column for own in mapped.scores.values() for column in own.values()),
        *(column for part in mapped.wide for column in part.columns.values()),
        *(column for question in mapped.questions for column in question.candidates),
        *(str(question.answer) for question in mapped.questions),
    }  # fmt: skip


def _unread(mapped: ColumnMap) -> Iterator[str]:
    """Yield the entries of a map that nothing would read, but for those that a question is of."""
    targets, columns = _targets(mapped), _columns(mapped)
    dated = {*columns, *mapped.identifiers.get("birth_date", ())}
    known = {name.partition(".")[0] for name in targets}
    named = "assessments.instrument" in targets or "goals.instrument" in targets
    yield from (f'[values."{name}"]' for name in mapped.words if name not in targets)
    yield from (f"[[rules]] {rule.name}: {name}" for rule in mapped.rules for name in (
        *([rule.target] if rule.target and rule.target not in targets else []),
        *(column for column in rule.columns if column not in columns)))  # fmt: skip
    yield from (f"[file] dates_of {name}" for name in mapped.file.dates_of if name not in dated)
    yield from (f"[{section}] {name}" for section, own in (
        ("scales", mapped.scales), ("instruments", mapped.instruments))
        for name in own if not named and name not in known)  # fmt: skip
    yield from (f"[constants] {name}, a column too" for name in mapped.constants
                if name in mapped.columns)  # fmt: skip
    if mapped.minutes.of_lines == "sum" and not mapped.study.one_visit:
        yield "[minutes] of_lines without [study] one_visit"
    if mapped.study.rows == "scores" and "rows" not in targets and mapped.status:
        yield "[[status]] beside [study] rows"


def refuse_unread(mapped: ColumnMap, *, export: bool = True) -> None:
    """Raise `UsageError` for entries of a map that nothing reads, by their names."""
    study = mapped.study
    facts = map_sections.StudyFacts(control=study.control, randomised=study.randomised)
    of_exports = {"[[leave_out]]": mapped.leave_out, "[[status]]": mapped.status,
                  "[minutes]": mapped.minutes.start, "[study]": mapped.study != facts}  # fmt: skip
    lost = [name for name, said in of_exports.items() if said and not export]
    names = ", ".join((*lost, *_unread(mapped)))
    if names:
        refuse("unread_entries", names=names)


def contract_name(name: str) -> str:
    """Return the qualified contract name (``assessments.score``) of a name in a map.

    Raises
    ------
    UsageError
        When no table has such a column, or two do and the name does not say which.
    """
    if name in (*DERIVED, IMPORTED, SERVICE):
        return name
    table, _, column = name.rpartition(".")
    if table:
        known = [f"{t}.{c}" for t, spec in TABLES.items() for c in spec.names]
        refuse_unknown([name], known, "a column of the data contract")
        return name
    if column == "minutes":
        refuse("which_minutes")
    for candidate in _UNQUALIFIED:
        if column in TABLES[candidate].names:
            return f"{candidate}.{column}"
    known = [*DERIVED, *(c for spec in TABLES.values() for c in spec.names)]
    raise toml_records.unknown_name(column, known, "a column of the data contract")


def declared_instruments(entries: Mapping[str, Any]) -> dict[str, Instrument]:
    """Make the instruments that a map or a saved study declares.

    Raises
    ------
    UsageError
        When an entry lacks its range or direction, or holds something else.
    """
    kind = dict[str, map_sections.Declared]
    declared = toml_records.converted(dict(entries), kind, "[instruments]")
    return {
        name: Instrument.declared(name, **{**msgspec.structs.asdict(entry),
                                           "title": entry.title or name})
        for name, entry in declared.items()
    }  # fmt: skip
