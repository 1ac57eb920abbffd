"""Verbs from answers to pages: report, teach, verify, notebooks, lab."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outcomes.cli import shared
from outcomes.errors import UsageError
from outcomes.folders import written_whole

if TYPE_CHECKING:
    from outcomes.study import Study

Out = Annotated[Path, typer.Option(help="Folder to write.")]
FIRST = "00-start-here.ipynb"
QUIET = Path(__file__).parent / "jupyter"
"""Settings of JupyterLab in which it asks nobody about its news."""


@shared.app.command()
def report(
    data: shared.Data,
    out: Out,
    columns: shared.Columns = None,
    instrument: shared.Instrument = None,
    formats: Annotated[
        str, typer.Option(help="Any of html,pdf,docx,pptx,slides,explorer.")
    ] = "html",
    audience: Annotated[str, typer.Option(help="clinician or analyst.")] = "clinician",
    episode: shared.Episode = None,
    plan: shared.Plan = None,
    *,
    letter: Annotated[
        bool, typer.Option("--letter", help="A letter about one course instead.")
    ] = False,
    letterhead: Annotated[
        Path | None, typer.Option(help="TOML with the names on the letter; never stored.")
    ] = None,
    first_visit: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the first visit.")
    ] = None,
    as_if_real: shared.AsIfReal = False,
    anyway: shared.Anyway = False,
) -> None:
    """Write the report of a study, or a letter about one course.

    Example: outcomes report data/synthetic --out out/report
    """
    from outcomes.questions.ask import answers as ask_all
    from outcomes.render.report import headline_first, refuse_early
    from outcomes.render.report import report as write

    kinds = tuple(part.strip() for part in formats.split(","))
    if not (letter or episode):
        if letterhead or first_visit:
            must = "a letterhead and the day of a first visit are for a letter"
            raise UsageError(must, got="a report", remedy="Add --letter and --episode.")
        refuse_early(out, kinds, audience)
    study = shared.loaded(data, columns)
    if letter or episode:
        _letter(study, episode, out, kinds, instrument=instrument, letterhead=letterhead,
                anyway=anyway, first_visit=first_visit.date() if first_visit else None)  # fmt: skip
        return
    typer.echo("Asking every question ...", err=True)
    study = study.asked_of("report", 0)
    asked: dict[str, Any] = {"instrument": instrument, "plan": plan, "anyway": anyway}
    given = ask_all(study, **asked)
    typer.echo("Writing the report ...", err=True)
    folder = write(study, out, formats=kinds, audience=audience, as_if_real=as_if_real,
                   answers=given, **asked)  # fmt: skip
    typer.echo(shared.sentence(headline_first(given)[0]))
    for page in sorted(folder.glob("index.*")) or [folder]:
        typer.echo(f"Report: {page}")


def _letter(
    study: Study, episode: str | None, out: Path, kinds: tuple[str, ...], **options: Any
) -> None:
    from outcomes.render.letter import letter as write
    from outcomes.render.letter import letter_file

    if episode is None:
        must = "a letter is about one course"
        raise UsageError(must, got="none", remedy="Name it with --episode.")
    folder = write(study, episode, out, formats=kinds, **options)
    for kind in kinds:
        typer.echo(f"Letter: {folder / letter_file(episode, kind)}")


@shared.app.command()
def teach(
    trap: Annotated[
        str, typer.Argument(help="A simulated trap, for example null; another word has all listed.")
    ],
    out: Out,
    formats: Annotated[str, typer.Option(help="slides,pptx")] = "slides",
    seed: Annotated[
        int | None, typer.Option(help="Seed of the simulated study; by default one that teaches.")
    ] = None,
) -> None:
    """Write a teaching deck about one trap.

    The naive picture of a simulated study stands against its known truth.

    Example: outcomes teach null --formats slides,pptx --out out/null
    """
    from outcomes.render.slides.teaching import teach as write

    folder = write(trap, out, tuple(part.strip() for part in formats.split(",")), seed=seed)
    for page in sorted(folder.glob("slides.*")):
        typer.echo(f"Deck: {page}")


@shared.app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that `report` wrote.")],
    data: shared.Data,
    columns: shared.Columns = None,
    plan: shared.Plan = None,
) -> None:
    """Make a report again and say whether it is the same, or what differs.

    Example: outcomes verify out/report data/synthetic
    """
    from outcomes.render.verify import verify as compare

    found = compare(folder, shared.loaded(data, columns), plan)
    typer.echo(f"The report is {found.state}.")
    for difference in found.differences:
        typer.echo(f"  - {difference}")
    if not found.ok:
        raise typer.Exit(1)


@shared.app.command()
def notebooks(
    folder: Annotated[Path, typer.Argument(help="Folder to write; new, or empty.")],
) -> None:
    """Write the notebooks and their simulated study into a folder.

    Example: outcomes notebooks my-notebooks
    """
    inside = Path(str(files("outcomes"))) / "course"
    course = inside if inside.is_dir() else Path(__file__).parents[3]  # a checkout
    with written_whole(folder, "notebooks") as draft:
        for part in ("notebooks", "data/synthetic"):
            shutil.copytree(course / part, draft / part, ignore=shutil.ignore_patterns(".*"))
    typer.echo(f"Notebooks: {folder / 'notebooks'}. Open them: outcomes lab {folder}")


@shared.app.command()
def lab(
    folder: Annotated[Path, typer.Argument(help="As `notebooks` wrote it.")] = Path(),
) -> None:
    """Open JupyterLab at the first notebook.

    Nothing is fetched from the network.

    Example: outcomes lab my-notebooks
    """
    import subprocess

    places = [place for place in (folder / "notebooks", folder) if (place / FIRST).is_file()]
    if not places:
        must = f"the folder holds the notebooks, {FIRST} the first of them"
        remedy = "Write them first: outcomes notebooks my-notebooks"
        raise UsageError(must, got="a folder without it", remedy=remedy)
    quiet = os.pathsep.join([str(QUIET), os.environ.get("JUPYTER_CONFIG_PATH", "")])
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": quiet.rstrip(os.pathsep)}
    done = subprocess.run(lab_command(places[0]), env=environment, check=False)
    raise typer.Exit(done.returncode)


def lab_command(place: Path) -> list[str]:
    """Return the command that opens JupyterLab at the first notebook of a folder."""
    return [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={place.resolve()}",
        f"--LabApp.default_url=/lab/tree/{FIRST}", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
