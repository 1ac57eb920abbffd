"""The application that verbs register with, what they share, and how they print."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outcomes import __version__

if TYPE_CHECKING:
    import pandas as pd

    from outcomes.questions.answer import Answer
    from outcomes.study import Study


app = typer.Typer(
    name="outcomes",
    help="Honest evaluation of outcome-based medical massage.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    str, typer.Argument(help="A study folder or workbook, one flat file, or a database's address.")
]
Columns = Annotated[Path | None, typer.Option(help="Column map (TOML) of a flat file.")]
Instrument = Annotated[
    str | None, typer.Option(help="Short name of a scale (nprs); default: the most used.")
]
Episode = Annotated[str | None, typer.Option(help="Id of one course.")]
Plan = Annotated[Path | None, typer.Option(help="Analysis plan (TOML) declared beforehand.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Answer although errors of the import stand; it says so.")
]
AsIfReal = Annotated[bool, typer.Option(help="Hide small counts of synthetic data too.")]


@app.callback(invoke_without_command=True)
def root(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Print the version when asked for it."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


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


def in_words(study: Study) -> str:
    """Return what a study holds: 20 courses, 96 visits, 190 scores and 4 goals."""
    from outcomes.words import counted

    tables = {"course": study.episodes, "visit": study.sessions, "score": study.assessments}
    held = ", ".join(counted(len(table), noun) for noun, table in tables.items())
    label = "SYNTHETIC data: " * study.provenance.synthetic
    return f"{label}{held} and {counted(len(study.goals), 'goal')}"


def sentence(given: Answer) -> str:
    """Return an answer's sentence with the label of its data in front."""
    label = f"{given.source.label} data. " if given.source.label else ""
    return label + given.sentence


def answer_json(given: Answer) -> str:
    """Return an answer as JSON, every estimate as a number."""
    names = ("name", "question", "sentence", "refused", "reason", "estimand", "method")
    record: dict[str, Any] = {name: getattr(given, name) for name in names}
    record["table"] = json.loads(given.table.to_json(orient="records"))
    record["assumptions"] = given.assumptions
    record["checks"] = [asdict(item) for item in given.checks]
    record |= {"limits": given.limits, "references": given.references}
    record["source"] = asdict(given.source)
    return json.dumps(record, indent=1, ensure_ascii=False)


SILENT_S = 30.0
"""Seconds after which a pipe is told again how much is done."""


def counting() -> Callable[[int, int], None]:
    """Count on one line of a terminal, with the time left; elsewhere a line every half minute."""
    begun, seen = time.monotonic(), sys.stderr.isatty()
    before: list[int] = []
    told_at = [begun]

    def told(done: int, total: int) -> None:
        before.append(done)
        new = done - before[0]
        left = (time.monotonic() - begun) * (total - done) / new if new else 0.0
        more = f", about {left:.0f} s left" if new and done < total else " " * 20 * seen
        if seen:
            ending = "\n" if done == total else ""
            typer.echo(f"\r{done:,} of {total:,}{more}{ending}", err=True, nl=False)
        elif time.monotonic() - told_at[-1] > SILENT_S:
            told_at.append(time.monotonic())
            typer.echo(f"{done:,} of {total:,}{more}", err=True)

    return told
