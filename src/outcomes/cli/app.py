"""The application that verbs register with, and the options that several of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outcomes import __version__

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
Instrument = Annotated[str | None, typer.Option(help="Short name; default: the most used.")]
Episode = Annotated[str | None, typer.Option(help="Id of one course.")]
Plan = Annotated[Path | None, typer.Option(help="Analysis plan (TOML) declared beforehand.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Answer although errors of the import stand; it says so.")
]
AsIfReal = Annotated[bool, typer.Option(help="Suppress small cells of synthetic data too.")]


@app.callback(invoke_without_command=True)
def root(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Print the version when asked for it."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
