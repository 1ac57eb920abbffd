"""A page to look at before anything is written: what columns were taken for, and what follows."""

from __future__ import annotations

import datetime
import hashlib
import html
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.errors import OutcomesError
from outcomes.intake.dates import iso
from outcomes.intake.drafting.draft import Draft
from outcomes.intake.drafting.evidence import Column, shapes
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import imported
from outcomes.intake.readers import name_of
from outcomes.intake.readers.table import plain_text
from outcomes.intake.refusals import refuse
from outcomes.privacy.manifest import Manifest, page, page_table
from outcomes.study import Study
from outcomes.words import named

MARK = "<!-- outcomes preview of an export -->"
"""What the pages hold by which the next run knows them."""
STAYS = (
    "Nothing was written yet. This page stays with the export: it holds counts of few people and "
    "names of columns. The next import that writes its study deletes it."
)
NO_SCORES = (
    " Without scores nothing can be said about improvement; another export may have them, of notes "
    "or surveys."
)
N_ROWS = 10


@dataclass(frozen=True)
class Preview:
    """What an export was taken for and what a study of it would hold; nothing is written.

    Parameters
    ----------
    name : str
        What messages call the export.
    draft : Draft
        The column map, with its reasons and open questions.
    study : Study or None
        What would be imported, with the first candidate for each open question; None where it
        cannot be imported.
    manifest : Manifest or None
        What would be done.
    first_and_last : tuple of str
        First and last day of what would be imported; empty where no day is known.
    refused : str
        Why it cannot be imported.
    """

    name: str
    draft: Draft
    study: Study | None = None
    manifest: Manifest | None = None
    first_and_last: tuple[str, ...] = ()
    refused: str = ""

    def _repr_html_(self) -> str:
        return "".join(_parts(self))


def preview(export: str | Path, draft: Draft | None = None) -> Preview:
    r"""Return what an export is taken for and what would come of it, without writing anything.

    Parameters
    ----------
    export : str or Path
        The export.
    draft : Draft, optional
        A column map that was drafted for it, with answers.

    Returns
    -------
    Preview
        It shows itself in a notebook's cell; `write_preview` makes a page of it.

    Raises
    ------
    DataError
        When the export cannot be read.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "x.csv"
    ...     _ = file.write_text("Client,Appt date,Pain before\nAnn Lee,05/14/2026,7/10\n")
    ...     preview(file).draft.content["columns"]["date"]
    'Appt date'
    """
    draft, name = draft or draft_map(export), name_of(export)
    assumed = draft
    for question in draft.questions:
        assumed = assumed.answered(question["key"], next(iter(question["candidates"]), False))
    with tempfile.TemporaryDirectory() as place:
        try:
            now = datetime.datetime.now().astimezone().date()
            key_path = Path(place) / "key.json"
            study, manifest, key, _ = imported(export, assumed.content, key_path, None, now)
        except OutcomesError as error:
            return Preview(name, draft, refused=str(error))
    day_0 = key.opened(manifest.day_0)
    days = pd.concat([frame["episode_id"].map(day_0) + frame["day"]
                      for frame in (study.sessions, study.assessments)]).dropna()  # fmt: skip
    first_and_last = (iso(days.min()), iso(days.max())) if len(days) else ()
    return Preview(name, draft, study, manifest, first_and_last)


def write_preview(shown: Preview, place: Path, *folders: Path) -> None:
    """Write a preview as a page that its owner alone can read.

    Parameters
    ----------
    shown : Preview
        What is shown.
    place : Path
        A new file, or an earlier page.
    folders : Path
        Where the next import looks for pages to delete; by default anywhere.

    Raises
    ------
    UsageError
        When another file is there, or the place is where no import would delete it.
    """
    if folders and place.resolve().parent not in [folder.resolve() for folder in folders]:
        refuse("place_of_preview", place.name)
    if place.exists() and not _is_page(place):
        refuse("foreign_preview", place.name)
    place.unlink(missing_ok=True)
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w",
                   encoding="utf-8", newline="") as file:  # fmt: skip
        title = html.escape(f"Before importing {shown.name}")
        file.write(page(title, f"{MARK}{_named_so(place)}\n{shown._repr_html_()}"))


def delete_previews(*folders: Path) -> None:
    """Delete the preview pages in some folders; a page renamed or copied is its owner's."""
    for place in (place for folder in {*folders} for place in folder.glob("*.html")):
        if _is_page(place, _named_so(place)):
            place.unlink(missing_ok=True)


def _named_so(place: Path) -> str:
    return f"<!-- written as {hashlib.sha256(place.name.encode()).hexdigest()} -->"


def _is_page(place: Path, named: str = "") -> bool:
    with suppress(OSError, UnicodeDecodeError), place.open(encoding="utf-8") as file:
        return f"{MARK}{named}" in file.read(4_000)
    return False


def _parts(shown: Preview) -> Iterator[str]:
    yield f"<p><b>{html.escape(_verdict(shown))}</b> {STAYS}</p>\n"
    questions = [(q["asks"], "; ".join(map(str, q["candidates"][:6])) or "none")
                 for q in shown.draft.questions]  # fmt: skip
    if questions:
        yield page_table("To be answered first", ["question", "likely answers"], questions)
        yield "<p>What follows takes the first answer to each.</p>\n"
    yield page_table("What each column was taken for", ["column", "is", "why"], _taken(shown.draft))
    if shown.study is not None and shown.manifest is not None:
        for title, header, rows in _follows(shown, shown.study, shown.manifest):
            yield page_table(title, header, rows)
    unused = [(header, ", ".join(own)) for header, own in shown.draft.unused.items()]
    yield page_table("Nothing is read from these", ["column", "cells look like"], unused)


def _verdict(shown: Preview) -> str:
    product = shown.draft.content.get("preset", {}).get("name", "")
    known = f"This looks like an export of {product}. " if product else ""
    if shown.manifest is None:
        return f"{known}It cannot be imported yet: {shown.refused}"
    said = (("clients", "people"), ("courses", "courses"), ("visits received", "visits received"),
            ("scores", "scores"))  # fmt: skip
    none = "" if shown.manifest.counts["scores"] else NO_SCORES
    return (
        known + ", ".join(f"{shown.manifest.counts[n]:,} {word}" for n, word in said) + f".{none}"
    )


def _taken(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Yield each column that is read, what it is, and why."""
    begins = {"identifiers": "identifies people, not kept: ", "minutes": "minutes of a visit: "}
    for section, entries in draft.content.items():
        if section in ("columns", "scores", *begins):
            for place, header in _named(entries):
                what = re.sub(r"\b(?:sessions|episodes|goals|assessments)\.|_id\b", "", place)
                yield header, begins.get(section, "") + named(what), draft.why.get(header, "")
    for header in dict.fromkeys(one.get("column") for one in draft.content.get("status", ())):
        if header:
            yield header, "what became of a visit", draft.why.get(header, "")


def _named(entries: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(entries, dict):
        for name, entry in entries.items():
            yield from _named(entry, f"{place} {name}".strip())
    else:
        headers = [entries] if isinstance(entries, str) else entries
        yield from ((place, header) for header in headers)


def _follows(
    shown: Preview, study: Study, manifest: Manifest
) -> Iterator[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]:
    """Yield what follows from the map, as tables: title, header, rows."""
    done, plainly = ["what", "column", "rows"], _plainly(shown.draft)
    steps = [(s.rule, plainly(s.column), f"{s.count:,}") for s in manifest.de_identified if s.count]
    yield "How people were told apart, and what was taken out", done, steps
    visits = study.sessions.get("status", pd.Series(dtype=object)).fillna("not known")
    became = visits.map(named).value_counts().items()
    yield "Visits by what became of them", ["status", "visits"], became
    courses = study.episodes.groupby("patient_id").size().value_counts().sort_index()
    yield "Courses", ["courses of a person", "people"], courses.items()
    yield "First and last day", ["first", "last"], [shown.first_and_last]
    scores = study.assessments.groupby(["instrument", "timing"])["score"]
    titles = {name: instrument.title for name, instrument in registry().items()}
    of = [(titles.get(str(name), name), str(timing).replace("_", " "), len(own),
           f"{own.min():g} to {own.max():g}")
          for (name, timing), own in scores]  # fmt: skip
    yield "Scores", ["instrument", "time", "scores", "range"], of
    out = [(s.rule, plainly(s.column), f"{s.count:,}") for s in manifest.left_out]
    around = [(what, "the file", f"{n:,}") for what, n in shown.draft.rows.skipped.items()]
    yield "Rows left out", done, [*around, *out]
    about = study.provenance
    said = [*about.reading, *(f for one in about.imports for f in one.findings)]
    findings = [(f.rule, plainly(f.column), f.count, f.message, f.remedy) for f in said]
    header = ["rule", "column", "rows", "what", "remedy"]
    yield "What could not be read, and what else the import will report", header, findings
    header, before = _before(shown.draft)
    yield f"The first {len(before)} rows: digits shown as 9, words as a", header, before
    yield "The same as a study: no names, days since the first visit", *_after(study)


def _plainly(draft: Draft) -> Callable[[str], str]:
    """Return what gives a column its header again, where outputs that leave the house hide it."""
    spread = {c for part in draft.content.get("wide", ()) for c in part["columns"].values()}
    kept = [str(name) for name in draft.rows.cells if name not in spread]
    headers = {f"column {place}": header for place, header in enumerate(kept, start=1)}
    return lambda column: headers.get(column, column)


def _before(draft: Draft) -> tuple[list[str], list[list[str]]]:
    header = [str(name) for name in draft.rows.cells if str(name) in draft.why]
    rows = draft.rows.cells[header].head(N_ROWS)
    masked = [[_masked(cell) for cell in row] for row in rows.itertuples(index=False, name=None)]
    return header, masked


def _masked(cell: Any) -> str:
    text = "" if pd.isna(cell) else str(cell)
    return next(iter(shapes(Column("", pd.Series([re.sub(r"\s+", " ", text[:40])])), 1)), "")


def _after(study: Study) -> tuple[list[str], list[list[Any]]]:
    scores = study.assessments.pivot_table(
        index=["episode_id", "session"], columns=["instrument", "timing"], values="score"
    )
    scores.columns = pd.Index([" ".join(pair).replace("_", " ") for pair in scores.columns])
    shown = study.sessions.merge(scores.reset_index(), how="left", on=["episode_id", "session"])
    order = {course: i for i, course in enumerate(shown["episode_id"].unique(), start=1)}
    shown = shown.assign(course=shown["episode_id"].map(order)).head(N_ROWS)
    names = [name for name in ("course", "session", "day", "status", "minutes", "pressure",
                               *scores.columns) if name in shown]  # fmt: skip
    rows = shown[names].itertuples(index=False, name=None)
    return names, [[plain_text(cell) or "" for cell in row] for row in rows]
