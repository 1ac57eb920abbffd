"""The report: one folder with the page to read and every estimate as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.errors import UsageError
from outcomes.folders import refuse_foreign, written_whole
from outcomes.plain_text import each, neutralised
from outcomes.privacy.disclosure import disclosure_for
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answers as ask_all
from outcomes.questions.disclosed import disclosed
from outcomes.questions.plan import Plan, read_plan
from outcomes.render.compose import AUDIENCES, Material, compose
from outcomes.render.formats import FORMATS, check_available
from outcomes.render.provenance_files import write_crate, write_run
from outcomes.study import Study

ESTIMATES = "estimates.csv"
TRIAL = "trial"


def report(
    study: Study,
    out: str | Path,
    formats: Sequence[str] = ("html",),
    audience: str = "clinician",
    *,
    instrument: str | None = None,
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    as_if_real: bool = False,
    anyway: bool = False,
    date: str = "",
    answers: tuple[Answer, ...] | None = None,
) -> Path:
    """Write a report of every question that the study can answer.

    Parameters
    ----------
    study : Study
        The study; of one in parts, a random sample of whole courses, and every answer says so.
    out : str or Path
        Folder to write, whole or not at all; replaced when it holds a report already.
    formats : sequence of str
        Any of ``html``, ``pdf``, ``docx``, ``pptx``, ``slides``, ``explorer``.
    audience : {"clinician", "analyst"}
        Analysts also get assumptions, checks and every estimate.
    instrument : str, optional
        Instrument of the outcome; by default the plan's, or else the one with most scores.
    plan : Plan, path or mapping, optional
        Analysis plan declared beforehand; it stands in ``run.json`` with its digest.
    as_if_real : bool
        Suppress small cells of synthetic data too, as a rehearsal.
    anyway : bool
        Whether to answer although errors of the import stand; each answer then says so.
    date : str
        Printed on the report; without it the same study gives the same bytes every day.
    answers : tuple of Answer, optional
        Answers of this study under this plan, if at hand; by default every question is asked.

    Returns
    -------
    Path
        The folder: one file a format (``index.html``), ``estimates.csv``, ``run.json`` (digests,
        options, versions) and ``ro-crate-metadata.json``.

    Raises
    ------
    UsageError
        When a format or audience is not known, or the folder holds other things.
    UnavailableError
        When a format needs a package that is not installed.
    """
    refuse_early(out, formats, audience)
    study = study.asked_of("report", 0)
    rule = disclosure_for(study, as_if_real=as_if_real)
    known = None if plan is None else read_plan(plan)
    instrument = instrument or (known.instrument() if known else None)
    asked = answers
    if asked is None:
        asked = ask_all(study, instrument=instrument, plan=known, anyway=anyway)
    shared = [a for a in asked if a.record is None or not a.record.about_one]  # that is a letter's
    given = headline_first(disclosed(a, rule) for a in shared)
    document = compose(study, given, audience=audience, instrument=instrument, disclosure=rule,
                       date=date, plan=known)  # fmt: skip
    chosen = instrument or next(iter(study.scored_instruments()), "")
    material = Material(document, given, study, rule, chosen, anyway)
    with written_whole(out, "report") as folder:
        table = estimates_table(given)
        words = table.select_dtypes(["object", "string"]).apply(each, change=neutralised)
        table.assign(**words).to_csv(folder / ESTIMATES, index=False, lineterminator="\n")
        for name in dict.fromkeys(formats):
            kind = FORMATS[name]
            (folder / kind.file).write_bytes(kind.render(material))
        options = {
            "formats": list(formats), "audience": audience, "instrument": instrument,
            "plan": None if known is None else json.loads(known.text),
            "as_if_real": as_if_real, "anyway": anyway, "date": date,
        }  # fmt: skip
        write_run(folder, given[0].source, options)
        write_crate(folder, document.title, given[0].source, date)
    return Path(out)


def headline_first(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Return answers as a report has them: where arms are compared, that comparison is first."""
    return tuple(sorted(answers, key=lambda answer: answer.name != TRIAL or answer.refused))


def estimates_table(answers: tuple[Answer, ...]) -> pd.DataFrame:
    """Return the tidy estimates of all answers, one row each, with the question in front.

    Parameters
    ----------
    answers : tuple of Answer
        Small cells already suppressed.

    Returns
    -------
    DataFrame
        ``question``, the columns of the answers' tables, and where they come from (``data_sha256``,
        ``version``, ``label``).
    """
    tables = [_with_source(answer) for answer in answers if len(answer.table)]
    if not tables:
        return pd.DataFrame(columns=["question"])
    return pd.concat(tables, ignore_index=True)


def _with_source(answer: Answer) -> pd.DataFrame:
    table = answer.table.copy()
    table.insert(0, "question", answer.name)
    source = answer.source
    return table.assign(
        data_sha256=source.sha256, version=source.version, label=source.label or "REAL"
    )


def refuse_early(out: str | Path, formats: Sequence[str], audience: str) -> None:
    """Refuse what a report cannot be made of or written to, before any question is asked.

    Raises
    ------
    UsageError, UnavailableError
        As in `report`.
    """
    check_available(formats)
    if audience not in AUDIENCES:
        must = "the audience is one of " + ", ".join(AUDIENCES)
        raise UsageError(must, got=f"{audience!r}")
    refuse_foreign(out, "report")
