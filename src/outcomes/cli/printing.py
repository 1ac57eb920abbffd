"""Print tables and answers, for people or as JSON, and load what a verb was given."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from outcomes.questions.answer import Answer
    from outcomes.study import Study


def loaded(data: str, columns: Path | None) -> Study:
    """Load the study that a verb was given."""
    from outcomes.intake.load import load

    return load(data, columns)


def print_table(table: pd.DataFrame, *, as_json: bool = False) -> None:
    """Print a table, one record an entry as JSON or one line a row for people."""
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1))
    elif len(table):
        typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))


def sentence(given: Answer) -> str:
    """Return an answer's sentence with the label of its data in front."""
    label = f"{given.source.label} data. " if given.source.label else ""
    return label + given.sentence


def answer_json(given: Answer) -> str:
    """Return an answer as JSON, every estimate as a number."""
    record: dict[str, Any] = {
        "name": given.name,
        "question": given.question,
        "sentence": given.sentence,
        "refused": given.refused,
        "reason": given.reason,
        "estimand": given.estimand,
        "method": given.method,
        "table": json.loads(given.table.to_json(orient="records")),
        "assumptions": given.assumptions,
        "checks": [asdict(item) for item in given.checks],
        "limits": given.limits,
        "references": given.references,
        "source": asdict(given.source),
    }
    return json.dumps(record, indent=1, ensure_ascii=False)
