"""Turn scores that stand beside each other into one row a score."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from msgspec.structs import replace

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.tables import TIMINGS
from outcomes.findings import Finding, finding
from outcomes.intake.column_map import ColumnMap, contract_name
from outcomes.intake.map_sections import CleaningRule
from outcomes.intake.readers import Rows
from outcomes.intake.readers.workbook import OTHERS
from outcomes.intake.refusals import refuse
from outcomes.intake.toml_records import Texts, refuse_unknown


def stacked(rows: pd.DataFrame, mapped: ColumnMap, where: str) -> tuple[pd.DataFrame, ColumnMap]:
    """Return the rows with one row a score, and the map that then holds.

    Parameters
    ----------
    rows : DataFrame
        Text cells, one row a patient.
    mapped : ColumnMap
        With entries in ``wide``; all must go over the same values.
    where : str
        Name of the file, for messages.

    Returns
    -------
    DataFrame, ColumnMap
        As given where the map has no such entry. Rows stay in order, each as often as there are
        values.

    Raises
    ------
    DataError
        When a column is not in the file.
    """
    if not mapped.wide:
        return rows, mapped
    spread_columns = [column for part in mapped.wide for column in part.columns.values()]
    absent = [column for column in spread_columns if column not in rows]
    if absent:
        refuse("absent_from_wide", where, names=", ".join(absent))
    kept = rows.drop(columns=list(dict.fromkeys(spread_columns)))
    over = list(dict.fromkeys(value for part in mapped.wide for value in part.columns))
    blocks = []
    for value in over:
        block = kept.assign(**{_header(mapped.wide[0].over): value})
        for part in mapped.wide:
            column = part.columns.get(value)
            block[_header(part.score)] = rows[column] if column else None
        blocks.append(block)
    long = pd.concat(blocks).sort_index(kind="stable").reset_index(drop=True)
    columns, scores = dict(mapped.columns), dict(mapped.scores)
    for name in [mapped.wide[0].over, *(part.score for part in mapped.wide)]:
        instrument, _, timing = name.rpartition(".")
        if timing in TIMINGS:
            refuse_unknown([instrument], [*registry(), *mapped.instruments], "an instrument")
            scores[instrument] = {**scores.get(instrument, {}), timing: _header(name)}
        else:
            columns[contract_name(name)] = _header(name)
    rules = tuple(_for_stacked(rule, mapped) for rule in mapped.rules)
    return long, replace(mapped, columns=columns, scores=scores, rules=rules)


def file_row(row: int, mapped: ColumnMap) -> int:
    """Return the row of the file that a row after stacking came from; 1 is the first of both.

    Examples
    --------
    >>> from outcomes.intake.column_map import read_column_map
    >>> wide = {"wide": [{"over": "week", "columns": {"0": "pk1", "13": "pk2"}}]}
    >>> file_row(3, read_column_map(wide))
    2
    """
    return (row - 1) // n_beside(mapped) + 1


def in_file(findings: Iterable[Finding], source: Rows, mapped: ColumnMap) -> list[Finding]:
    """Return findings with the row of the file, and what is found of sheets that are not read."""
    n, got = source.skipped.get(OTHERS, 0), "sheets of other columns, which are not"
    sheets = [finding("R41", "file", "sheets", n, got=got)] if n else []
    return [entry.in_file(lambda row: source.row(file_row(row, mapped) - 1))
            for entry in findings] + sheets  # fmt: skip


def n_beside(mapped: ColumnMap) -> int:
    """Return how many rows stacking makes of one row of the file."""
    return max(len({value for part in mapped.wide for value in part.columns}), 1)


def _for_stacked(rule: CleaningRule, mapped: ColumnMap) -> CleaningRule:
    """Let a rule for a column that is stacked read what it is stacked to."""
    headers = [_header(part.score) for part in mapped.wide
               if not set(rule.columns).isdisjoint(part.columns.values())]  # fmt: skip
    return replace(rule, columns=Texts([*rule.columns, *headers]))


def _header(name: str) -> str:
    return f"[[wide]] {name}"
