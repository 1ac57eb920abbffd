"""Check a study against every rule of the dictionary and list all findings at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from outcomes.findings import Finding, Findings, finding
from outcomes.intake.check_care import care_findings
from outcomes.intake.check_cells import cell_findings
from outcomes.intake.check_rows import row_findings
from outcomes.intake.check_scores import score_findings
from outcomes.study import Study
from outcomes.tables import once

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
    found: list[Finding] = []
    for part in (cell_findings, row_findings, score_findings, care_findings):
        found += part(study)
    about = study.provenance
    in_file = [_in_file(entry, about.file_rows) for entry in found]
    return Findings(
        (*about.import_findings, *about.reading, *_unused(about.unused_columns), *in_file)
    )


def _in_file(entry: Finding, file_rows: Mapping[str, Sequence[int]]) -> Finding:
    """Name the row of the file where a table is not one by itself."""
    rows = file_rows.get(entry.table)
    return entry if rows is None else replace(entry, first_row=rows[entry.first_row - 1])


def _unused(names: Sequence[str]) -> Iterator[Finding]:
    if names:
        shown = ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")
        entry = finding("R41", "file", shown, range(len(names)), got="columns that are not")
        yield replace(entry, first_row=0)
