"""Verbs up to a valid study: template, import, check, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outcomes.cli.app import Columns, Data, Json, app
from outcomes.cli.printing import loaded, print_table
from outcomes.errors import UsageError


@app.command()
def template(
    out: Annotated[Path, typer.Argument(help="A name ending in .xlsx, or a folder for CSV files.")],
) -> None:
    """Write an empty entry sheet with drop-downs; filled in, it loads unchanged.

    Example: outcomes template my-clinic.xlsx
    """
    from outcomes.intake.template import write_template

    typer.echo(f"Wrote {write_template(out)}")


@app.command("import")
def import_(
    export: Annotated[
        str, typer.Argument(help="The raw export: CSV, Excel, Parquet, FHIR, or a database.")
    ],
    columns: Annotated[Path | None, typer.Option(help="Column map (TOML).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write the study to.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Where random ids are kept, outside the study.")
    ] = None,
    *,
    guess: Annotated[bool, typer.Option(help="Print a draft of a column map instead.")] = False,
) -> None:
    """Read a raw export, clean it, take identities out, validate it, and write the study.

    Example: outcomes import day.csv --columns map.toml --out study --key-file ../keys/clinic.json
    """
    if guess:
        from outcomes.intake.guess import guess_map

        typer.echo(guess_map(export))
        return
    if columns is None or out is None or key_file is None:
        must = "import takes --columns, --out and --key-file"
        raise UsageError(must, got="not all of them", remedy="--guess drafts a column map.")
    _import(export, columns, out, key_file)


def _import(export: str, columns: Path, out: Path, key_file: Path) -> None:
    from outcomes.intake.check import check as find
    from outcomes.intake.import_export import import_export

    study, manifest = import_export(export, columns, key_file, out)
    findings = find(study)
    print_table(findings.table)
    typer.echo(f"{study!r} written to {out}; {manifest!r}")
    if not findings.ok:
        raise typer.Exit(1)


@app.command()
def check(data: Data, columns: Columns = None, *, as_json: Json = False) -> None:
    """List every rule that the data break; no value is shown.

    Example: outcomes check data/synthetic
    """
    from outcomes.intake.check import check as find

    findings = find(loaded(data, columns))
    print_table(findings.table, as_json=as_json)
    if not as_json:
        typer.echo(f"{findings!r}" if findings.items else "No finding: every rule is kept.")
    if not findings.ok:
        raise typer.Exit(1)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the study to.")],
    episodes: Annotated[
        int | None, typer.Option(help="Number of courses; default: the scenario's own.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="Name of the scenario.")] = "default",
    seed: Annotated[int, typer.Option(help="Seed.")] = 1,
) -> None:
    """Make a synthetic study whose truth is known.

    Example: outcomes simulate --episodes 200 --seed 2026 --out data/synthetic
    """
    from outcomes.synthetic.simulate import simulate as make

    study = make(episodes=episodes, scenario=scenario, seed=seed)
    study.save(out)
    typer.echo(f"{study!r} written to {out}")
