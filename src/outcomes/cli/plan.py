"""Verbs before the data are looked at: power, rehearse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outcomes.cli import shared

if TYPE_CHECKING:
    from outcomes.planning.protocol import Protocol

MAKER = "protocol"
Question = Annotated[str, typer.Option(help="A question with one test, for example how-much.")]
Seed = Annotated[int, typer.Option(help="Seed of all that is simulated.")]
Processes = Annotated[int, typer.Option(help="Processes to use; they change no result.")]
Keep = Annotated[
    Path | None, typer.Option(help="Folder of work done so far; the same command goes on from it.")
]
BOTH = min(2, os.cpu_count() or 1)


@shared.app.command()
def power(
    scenario: Annotated[str, typer.Option(help="What is true of the patients.")] = "two-arm-trial",
    question: Question = "trial",
    episodes: Annotated[int | None, typer.Option(help="Courses of a study.")] = None,
    design: Annotated[
        Path | None, typer.Option(help="A design (TOML) instead of a scenario.")
    ] = None,
    week: Annotated[float | None, typer.Option(help="Week of the estimate.")] = None,
    simulations: Annotated[int, typer.Option(help="Studies to simulate.")] = 1000,
    seed: Seed = 1,
    processes: Processes = BOTH,
    keep: Keep = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for a protocol: paragraph, figure, what if, analysis plan."),
    ] = None,
    *,
    as_json: shared.Json = False,
) -> None:
    """Simulate studies of a design: their power and precision.

    Each is asked the question itself, as a real study is.

    Example: outcomes power --scenario two-arm-trial --episodes 120 --week 8 --out plan
    """
    from dataclasses import replace

    from outcomes.folders import refuse_foreign
    from outcomes.planning.power import power as find
    from outcomes.planning.protocol import protocol
    from outcomes.synthetic.design import Design
    from outcomes.synthetic.scenarios import scenario_design

    chosen = Design.from_toml(design) if design else scenario_design(scenario)
    chosen = chosen if episodes is None else replace(chosen, episodes=episodes)
    asked: dict[str, Any] = {"week": week, "n_simulations": simulations, "seed": seed}
    asked |= {"processes": processes, "progress": shared.counting(), "keep": keep}
    if keep is None:
        typer.echo("With --keep FOLDER the same command goes on where it was stopped.", err=True)
    if out is None:
        found = find(chosen, question, **asked)
    else:
        refuse_foreign(out, MAKER)
        made = protocol(chosen, question, n_what_if=max(1, simulations // 5), **asked)
        _write(made, out)
        found = made.power
    if not as_json:
        typer.echo(f"{found.sentence}\n{found.road}")
    shared.print_table(found.table, as_json=as_json)


def _write(made: Protocol, out: Path) -> None:
    """Write a protocol's files, whole or not at all."""
    from outcomes.folders import written_whole
    from outcomes.render.figures.draw import png_of, svg_of

    files = {
        "power.md": made.text.encode(),
        "plan.toml": made.plan.encode(),
        "design.toml": made.power.design.to_toml().encode(),
        "power.csv": made.power.table.to_csv(index=False).encode(),
        "curve.csv": made.curve.table.to_csv(index=False).encode(),
        "what-if.csv": made.what_if.to_csv(index=False).encode(),
        "power.svg": svg_of(made.curve.picture, "SYNTHETIC"),
        "power.png": png_of(made.curve.picture, "SYNTHETIC"),
    }
    with written_whole(out, MAKER) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    typer.echo(f"Written: {out}", err=True)


@shared.app.command()
def rehearse(
    data: shared.Data,
    question: Question,
    columns: shared.Columns = None,
    instrument: shared.Instrument = None,
    n: Annotated[int, typer.Option(help="Rehearsals.")] = 200,
    seed: Seed = 1,
    *,
    as_json: shared.Json = False,
) -> None:
    """Try a question on your visits with scores that hold nothing to find.

    The scores are simulated; what is found in them is found by chance.

    Example: outcomes rehearse data/synthetic --question frequency
    """
    from outcomes.planning.rehearse import rehearse as find

    study = shared.loaded(data, columns)
    found = find(study, question, instrument=instrument, n=n, seed=seed, progress=shared.counting())
    if not as_json:
        typer.echo(found.sentence)
    shared.print_table(found.table, as_json=as_json)
