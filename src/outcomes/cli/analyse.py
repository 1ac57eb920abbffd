"""Verbs from a study to numbers: fit, answer."""

from __future__ import annotations

from typing import Annotated

import typer

from outcomes.cli import shared

ASKED = (
    "One of how-much, pressure, sessions, frequency, goals, conditions, patient, therapists, "
    "safety, leavers, trial, over-time."
)


@shared.app.command()
def fit(
    data: shared.Data,
    formula: Annotated[str, typer.Argument(help="Mixed-model formula, as in lme4.")],
    columns: shared.Columns = None,
    instrument: shared.Instrument = None,
    df: Annotated[str, typer.Option(help="satterthwaite, kenward-roger or normal.")] = (
        "satterthwaite"
    ),
    *,
    as_json: shared.Json = False,
) -> None:
    """Fit a mixed model to the trajectory of one instrument.

    Example: outcomes fit data/synthetic "improvement ~ session_count + (1 | episode_id)"
    """
    from outcomes.render.fit_table import fit_text
    from outcomes.render.notebook import lmm

    study = shared.loaded(data, columns)
    rows = study.trajectory(instrument or study.scored_instruments()[0])
    fitted = lmm(formula, rows, df=df)
    if as_json:
        shared.print_table(fitted.tidy(), as_json=True)
        return
    typer.echo(fit_text(fitted))


@shared.app.command()
def answer(
    name: Annotated[str, typer.Argument(help=ASKED)],
    data: shared.Data,
    columns: shared.Columns = None,
    instrument: shared.Instrument = None,
    episode: shared.Episode = None,
    plan: shared.Plan = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn on the way.")] = 0,
    *,
    anyway: shared.Anyway = False,
    as_json: shared.Json = False,
) -> None:
    """Answer one question in one plain sentence, with its limits.

    Example: outcomes answer how-much data/synthetic
    """
    from outcomes.questions.ask import answer as ask
    from outcomes.rules.check import check as find

    study = shared.loaded(data, columns)
    given = ask(study, name, instrument=instrument, episode=episode, plan=plan, seed=seed,
                anyway=anyway)  # fmt: skip
    if as_json:
        typer.echo(shared.answer_json(given))
    else:
        typer.echo("\n  - ".join((shared.sentence(given), *given.limits)))
    if given.refused and not find(study).ok:
        raise typer.Exit(1)
