"""Check a study against every rule and list all findings at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from outcomes.findings import FINDERS, Finding, Findings, finding, where_broken
from outcomes.rules import care, records
from outcomes.study import Study
from outcomes.tables import once

ROOMS = (records, care)
"""Modules whose rules a study is checked against; to import them registers the rules."""
_NAMED = 20


@once
def check(study: Study) -> Findings:
    """List every rule that the study breaks, without showing a value.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    Findings
        ``.table`` has one row a rule, table and column; ``.ok`` is true without errors. Findings
        of reading come first.

    Examples
    --------
    >>> import pandas as pd
    >>> from outcomes.study import study_from_tables
    >>> scores = pd.DataFrame(
    ...     {"episode_id": ["a"], "session": [1], "instrument": ["nprs"], "score": [11.0]}
    ... )
    >>> check(study_from_tables({"assessments": scores})).table[["rule", "column", "count"]]
      rule column  count
    0  R12  score      1
    """
    found = [entry for number in sorted(FINDERS) for entry in broken(study, number)]
    about = study.provenance
    told = {entry.rule: entry.count for entry in (*about.import_findings, *about.reading)}
    found = [f for f in found if f.rule != care.NOT_RECEIVED or f.count > told.get(f.rule, 0)]
    found = [*_unused(about.unused_columns), *found]
    in_file = [_in_file(entry, about.file_rows).said_as(about.file_words) for entry in found]
    return Findings((*about.import_findings, *about.reading, *in_file))


def errors_named(errors: Iterable[Finding]) -> list[str]:
    """Return each rule that is broken once, with what it says."""
    return sorted({f"{entry.rule} ({entry.message.partition(';')[0]})" for entry in errors})


def errors_of_rows(study: Study) -> tuple[str, ...]:
    """Return the errors of the records that rows come from; what was simulated has none."""
    return () if study.provenance.synthetic else tuple(errors_named(check(study).errors))


def broken(study: Study, number: str) -> Iterator[Finding]:
    """Yield the findings of one rule, by position in the tables."""
    for table, column, rows, got in FINDERS[number](study):
        yield from where_broken(number, table, column, rows, got=got)


def _in_file(entry: Finding, file_rows: Mapping[str, Sequence[int]]) -> Finding:
    """Name the row of the file where a table is not one by itself."""
    rows = file_rows.get(entry.table)
    return entry if rows is None else entry.in_file(lambda row: rows[row - 1])


def _unused(names: Sequence[str]) -> Iterator[Finding]:
    if names:
        shown = ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")
        yield finding("R41", "file", shown, len(names), got="columns that are not")
