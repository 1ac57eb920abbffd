"""The command `outcomes`: each verb calls one public function and prints what it returns.

Exit codes: 0 done, 1 the data break a rule, 2 wrong use, 3 could not be done.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outcomes import __version__
from outcomes.errors import OutcomesError

if TYPE_CHECKING:
    import pandas as pd

    from outcomes.answers.answer import Answer
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

Data = Annotated[Path, typer.Argument(help="A study folder, or one flat file with --columns.")]
Columns = Annotated[Path | None, typer.Option(help="Column map (TOML) of a flat file.")]
Instrument = Annotated[str | None, typer.Option(help="Short name; default: the most used.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsIfReal = Annotated[bool, typer.Option(help="Suppress small cells of synthetic data too.")]


@app.callback(invoke_without_command=True)
def _root(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def template(
    out: Annotated[Path, typer.Argument(help="A name ending in .xlsx, or a folder for CSV files.")],
) -> None:
    """Write an empty entry sheet with drop-downs; filled in, it loads unchanged.

    Example: outcomes template my-clinic.xlsx
    """
    from outcomes.intake.template import write_template

    typer.echo(f"Wrote {write_template(out)}")


@app.command()
def check(data: Data, columns: Columns = None, *, as_json: Json = False) -> None:
    """List every rule that the data break; no value is shown.

    Example: outcomes check data/synthetic
    """
    from outcomes.intake.check import check as find

    findings = find(_load(data, columns))
    _print_table(findings.table, as_json=as_json, empty="")
    if not as_json:
        typer.echo(f"{findings!r}" if findings.items else "No finding: every rule is kept.")
    if not findings.ok:
        raise typer.Exit(1)


@app.command("import")
def import_(
    export: Annotated[Path, typer.Argument(help="The raw export: CSV, Excel.")],
    columns: Annotated[Path, typer.Option(help="Column map (TOML).")],
    out: Annotated[Path, typer.Option(help="Folder to write the study to.")],
    key_file: Annotated[Path, typer.Option(help="Where random ids are kept, outside the study.")],
) -> None:
    """Read a raw export, clean it, take identities out, validate it, and write the study.

    Example: outcomes import export.csv --columns docs/maps/clinic-export.toml --out study
    --key-file ../keys/clinic.json
    """
    from outcomes.intake.check import check as find
    from outcomes.intake.import_export import import_export

    study, manifest = import_export(export, columns, key_file, out)
    findings = find(study)
    _print_table(findings.table, empty="")
    typer.echo(f"{study!r} written to {out}; {manifest!r}")
    if not findings.ok:
        raise typer.Exit(1)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the study to.")],
    episodes: Annotated[int, typer.Option(help="Number of courses.")] = 200,
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


@app.command()
def fit(
    data: Data,
    formula: Annotated[str, typer.Argument(help="Mixed-model formula, as in lme4.")],
    columns: Columns = None,
    instrument: Instrument = None,
    df: Annotated[str, typer.Option(help="satterthwaite, kenward-roger or normal.")] = (
        "satterthwaite"
    ),
    *,
    as_json: Json = False,
) -> None:
    """Fit a mixed model to the trajectory of one instrument.

    Example: outcomes fit data/synthetic "improvement ~ session_count + (1 | episode_id)"
    """
    from outcomes.mixed.fit import lmm

    study = _load(data, columns)
    rows = study.trajectory(instrument or study.scored_instruments()[0])
    fitted = lmm(formula, rows, df=df)
    if as_json:
        _print_table(fitted.tidy(), as_json=True)
        return
    typer.echo(repr(fitted))
    for table in (fitted.tidy(), fitted.variance_components(), fitted.glance()):
        _print_table(table)


@app.command()
def answer(
    name: Annotated[str, typer.Argument(help="Question, for example how-much.")],
    data: Data,
    columns: Columns = None,
    instrument: Instrument = None,
    episode: Annotated[str | None, typer.Option(help="The course, for `patient`.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is simulated on the way.")] = 0,
    *,
    as_json: Json = False,
) -> None:
    """Answer one question in one plain sentence, with its limits.

    Example: outcomes answer how-much data/synthetic
    """
    from outcomes.answers.ask import answer as ask

    study = _load(data, columns)
    given = ask(study, name, instrument=instrument, episode=episode, seed=seed)
    if as_json:
        typer.echo(json.dumps(_answer_record(given), indent=1, ensure_ascii=False))
        return
    typer.echo(_sentence(given))
    for limit in given.limits:
        typer.echo(f"  - {limit}")


@app.command()
def report(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder to write the report to.")],
    columns: Columns = None,
    instrument: Instrument = None,
    formats: Annotated[str, typer.Option(help="Comma-separated: html.")] = "html",
    audience: Annotated[str, typer.Option(help="clinician or analyst.")] = "clinician",
    *,
    as_if_real: AsIfReal = False,
) -> None:
    """Write the report and print its answer and where it is.

    Example: outcomes report data/synthetic --out out/report
    """
    from outcomes.answers.ask import answer as ask
    from outcomes.render.report import report as write

    study = _load(data, columns)
    folder = write(
        study,
        out,
        formats=tuple(part.strip() for part in formats.split(",")),
        audience=audience,
        instrument=instrument,
        as_if_real=as_if_real,
    )
    typer.echo(_sentence(ask(study, "how-much", instrument=instrument)))
    typer.echo(f"Report: {folder / 'index.html'}")


@app.command()
def lab(
    notebooks: Annotated[Path, typer.Argument(help="Folder with notebooks.")] = Path("notebooks"),
) -> None:
    """Open JupyterLab on the notebooks.

    Example: outcomes lab notebooks
    """
    import subprocess

    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(notebooks)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def main(words: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    words : list of str, optional
        Arguments; by default those of the process.

    Examples
    --------
    >>> main(["--version"])
    0.1.0
    0
    """
    try:
        app(words, prog_name="outcomes")
    except OutcomesError as error:
        typer.echo(f"outcomes: {error}", err=True)
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _load(data: Path, columns: Path | None) -> Study:
    from outcomes.intake.load import load

    return load(data, columns)


def _sentence(given: Answer) -> str:
    label = f"{given.source.label} data. " if given.source.label else ""
    return label + given.sentence


def _print_table(table: pd.DataFrame, *, as_json: bool = False, empty: str = "nothing") -> None:
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1))
    elif len(table):
        typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    elif empty:
        typer.echo(empty)


def _answer_record(given: Answer) -> dict[str, Any]:
    from dataclasses import asdict

    return {
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
