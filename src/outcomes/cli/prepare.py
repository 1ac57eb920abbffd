"""Verbs up to a valid study: template, import, check, simulate."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from outcomes.cli import shared
from outcomes.errors import UsageError
from outcomes.intake.refusals import refuse


@shared.app.command()
def template(
    out: Annotated[Path, typer.Argument(help="A name ending in .xlsx, or a folder for CSV files.")],
    *,
    tables: Annotated[
        bool, typer.Option("--tables", help="The four tables of the data contract, for analysts.")
    ] = False,
) -> None:
    """Write an empty entry workbook, one line a visit.

    Filled in, it loads unchanged.

    Example: outcomes template my-clinic.xlsx
    """
    from outcomes.intake.template import write_template

    typer.echo(f"Wrote {write_template(out, tables=tables)}")


@shared.app.command("import")
def import_(
    export: Annotated[
        str, typer.Argument(help="The raw export: CSV, Excel, Parquet, FHIR, or a database.")
    ],
    columns: Annotated[Path | None, typer.Option(help="Column map (TOML).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study; with --guess it is only looked at.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Where random ids are kept, outside the study.")
    ] = None,
    *,
    guess: Annotated[
        bool, typer.Option(help="Draft a column map instead, and ask what is not sure.")
    ] = False,
    save: Annotated[Path | None, typer.Option(help="With --guess: file for the map.")] = None,
    preview: Annotated[
        Path | None, typer.Option(help="With --guess: page (.html) to look at first.")
    ] = None,
) -> None:
    """Turn a raw export into a study that names nobody.

    It is read, cleaned, checked; names become random ids, whose key stays with you.

    Example: outcomes import day.csv --columns map.toml --out study --key-file ../keys/clinic.json
    """
    if guess or save or preview:
        _guess(export, columns, save, preview, out)
        return
    if columns is None or out is None or key_file is None:
        must = "import takes --columns, --out and --key-file"
        raise UsageError(must, got="not all of them", remedy="--guess drafts a column map.")
    _import(export, columns, out, key_file)


def _guess(
    export: str, columns: Path | None, save: Path | None, page: Path | None, out: Path | None
) -> None:
    """Draft a map: ask in the terminal, where there is one; write or print it."""
    from outcomes.intake.column_map import read_column_map
    from outcomes.intake.drafting.draft import as_toml
    from outcomes.intake.guess import draft_map
    from outcomes.intake.preview import preview, write_preview
    from outcomes.words import counted

    if save is not None and save.exists():  # before anything is asked
        refuse("map_is_there", save.name)
    draft = draft_map(export, None if columns is None else read_column_map(columns).file)
    if out is not None and (out / "sessions.csv").is_file():  # a form after appointments
        draft = draft.likelier("study.rows", "scores")
    if sys.stdin.isatty() and sys.stderr.isatty():
        for question in draft.questions:
            draft = draft.answered(question["key"], _asked(question))
    if page is not None:
        write_preview(preview(export, draft), page, Path(export).parent, Path())
        typer.echo(f"Wrote {page}. Open it; an import that writes its study deletes it.", err=True)
    if save is not None:
        save_new(save, as_toml(draft))
        command = f"outcomes import {export} --columns {save} --out STUDY --key-file KEY"
        then = "Answer its open questions, then run" if draft.questions else "Run"
        typer.echo(f"Wrote {save}. {then}: {command}", err=True)
    elif page is None:
        typer.echo(as_toml(draft), nl=False)
    if draft.questions:
        typer.echo(f"Open in the map: {counted(len(draft.questions), 'question')}.", err=True)


def _asked(question: Mapping[str, Any]) -> Any:
    """Return the answer to a question of a draft: one of its list, a word, or nothing.

    Where the list has numbers, a number is itself, and never a place in the list.
    """
    likely = list(question["candidates"])
    digits = sorted(filter(str.isdigit, likely), key=int)
    listed = [*(one for one in likely if not one.isdigit()), *digits]
    days = question["key"].endswith("_days")
    free = question["key"].startswith('values."') and len(digits) < 2  # too many to be listed
    numbers = bool(digits) or free
    shown = {one if numbers else str(i): one for i, one in enumerate(listed, start=1)}
    typer.echo(f"\n{question['asks']}", err=True)
    for typed, one in shown.items():
        typer.echo(f"  {one}" if typed == one else f"  {typed}  {one}", err=True)

    def read(said: str) -> Any:
        said = said.strip()
        if said.casefold() in ("no", "false"):
            return False
        if said.casefold() == "yes" and len(likely) == 1:
            return likely[0]
        word = any(map(str.isalpha, said)) and not numbers
        if not said or said in shown or said in likely:
            return shown.get(said, said)
        if not word and not ((free or days) and said.replace(".", "", 1).isdigit()):
            remedy = "Type a number or word of the list, or no."
            raise typer.BadParameter(remedy)
        return said

    return typer.prompt("Number or word; empty: leave it open; no: none of these", default="",
                        show_default=False, err=True, value_proc=read)  # fmt: skip


def save_new(place: Path, text: str) -> None:
    """Write a text file that is not there yet."""
    try:
        with place.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        refuse("map_is_there", place.name)


def _import(export: str, columns: Path, out: Path, key_file: Path) -> None:
    from rich.console import Console

    from outcomes.intake.import_export import import_export
    from outcomes.intake.preview import delete_previews
    from outcomes.rules.check import check as find

    with Console(stderr=True).status("Reading the export") as shown:  # in a terminal alone
        study, manifest = import_export(export, columns, key_file, out, progress=shown.update)
    delete_previews(Path(export).parent, Path())  # a refused import deletes nothing
    findings = find(study)
    n_left_out = sum(step.count for step in manifest.left_out)
    read = f"Read {manifest.n_rows:,} rows of the export, left out {n_left_out:,}"
    typer.echo(f"{findings}\n\n{read}. Wrote {shared.in_words(study)} to {out}.")
    if not findings.ok:
        raise typer.Exit(1)


@shared.app.command()
def check(
    data: shared.Data, columns: shared.Columns = None, *, as_json: shared.Json = False
) -> None:
    """List every rule that the data break; no value is shown.

    Example: outcomes check data/synthetic
    """
    from outcomes.rules.check import check as find

    findings = find(shared.loaded(data, columns))
    if as_json:
        shared.print_table(findings.table, as_json=True)
    else:
        typer.echo(findings if findings.items else "No finding: every rule is kept.")
    if not findings.ok:
        raise typer.Exit(1)


@shared.app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the study to.")],
    episodes: Annotated[
        int | None, typer.Option(help="Number of courses; default: the scenario's own.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="Name of the scenario.")] = "default",
    seed: Annotated[int, typer.Option(help="Seed.")] = 1,
) -> None:
    """Make a synthetic study whose truth is known.

    A large one is written in parts (Parquet).

    Example: outcomes simulate --episodes 200 --seed 2026 --out data/synthetic
    """
    from outcomes.scale.writing import MANY_COURSES, simulate_in_parts
    from outcomes.synthetic.scenarios import scenario_design
    from outcomes.synthetic.simulate import simulate as make

    design = scenario_design(scenario, episodes=episodes, seed=seed)
    if design.episodes > MANY_COURSES:
        simulate_in_parts(design, out, progress=shared.counting())
        typer.echo(f"SYNTHETIC study of {design.episodes:,} episodes written in parts to {out}")
        return
    study = make(episodes=episodes, scenario=scenario, seed=seed)
    study.save(out)
    typer.echo(f"Wrote {shared.in_words(study)} to {out}.")
