"""Rules that one column can break on its own: ranges, lists, whole numbers, required cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from outcomes.dictionary.columns import ColumnSpec
from outcomes.dictionary.tables import TABLES
from outcomes.findings import Finding, where_broken
from outcomes.study import Study


def cell_findings(study: Study) -> list[Finding]:
    """Return the findings of R01 and R03 to R08 over all columns of all tables."""
    unread = {(f.table, f.column) for f in study.provenance.reading if f.rule == "R02"}
    found: list[Finding] = []
    for table, spec in TABLES.items():
        frame = study.table(table)
        for column in spec.columns:
            values = frame[column.name]
            if column.required and (table, column.name) not in unread:
                found += where_broken("R01", table, column.name, values.isna(), got="an empty cell")
            if column.is_number:
                found += _number_findings(table, column, values)
            elif column.categories:
                found += _list_findings(table, column, values)
    return found


def _number_findings(table: str, column: ColumnSpec, values: pd.Series[Any]) -> Iterator[Finding]:
    if column.minimum is not None:
        below = values < column.minimum
        yield from where_broken("R03", table, column.name, below, got=f"below {column.minimum:g}")
    if column.maximum is not None:
        above = values > column.maximum
        yield from where_broken("R03", table, column.name, above, got=f"above {column.maximum:g}")
    if column.kind == "integer":
        yield from where_broken("R06", table, column.name, values % 1 > 0, got="a fraction")
    if column.multiple_of is not None:
        odd = values.notna() & (values % column.multiple_of != 0)
        yield from where_broken(
            "R07", table, column.name, odd, got="minutes between the quarter hours"
        )
    if table == "sessions" and column.name == "minutes":
        odd = values.notna() & (values % 15 != 0)
        yield from where_broken(
            "R08", table, column.name, odd, got="minutes between the quarter hours"
        )


def _list_findings(table: str, column: ColumnSpec, values: pd.Series[Any]) -> Iterator[Finding]:
    unlisted = [cell for cell in values.dropna().unique() if not _listed(str(cell), column)]
    rule = "R05" if column.open_list else "R04"
    got = f"another word (the list: {column.allowed})"
    yield from where_broken(rule, table, column.name, values.isin(unlisted), got=got)


def _listed(cell: str, column: ColumnSpec) -> bool:
    words = [word.strip() for word in cell.split(";")] if column.kind == "list" else [cell]
    return all(word in column.categories for word in words)
