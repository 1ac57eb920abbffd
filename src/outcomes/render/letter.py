"""The letter: one printable page about one course, for the referring doctor; it stays local."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.care.dose import script_and_delivery
from outcomes.care.goals import goal_progress
from outcomes.dictionary.tables import received
from outcomes.errors import UsageError
from outcomes.folders import written_whole
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer as ask
from outcomes.questions.course_picture import course_picture
from outcomes.questions.wording import when
from outcomes.render.document import (
    Block,
    Bullets,
    Document,
    Facts,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
)
from outcomes.render.html import page_html
from outcomes.study import Study
from outcomes.words import named, plain

CONFIDENTIAL = (
    "Confidential: one patient's record. It is not to be shared beyond the patient's own care."
)
SIGNATURE = (("Signature and date", "_" * 48),)


def letter(
    study: Study, episode: str, out: str | Path, *, instrument: str | None = None, date: str = ""
) -> Path:
    """Write a page about one course for the referring doctor.

    Parameters
    ----------
    study : Study
        The study.
    episode : str
        Id of the course.
    out : str or Path
        Folder to write, whole or not at all. It keeps the letters of other courses.
    instrument : str, optional
        Instrument of the score line; by default the one the course has most scores of.
    date : str
        Printed where given.

    Returns
    -------
    Path
        The folder, with `letter_file`. It shows one patient's values: made and kept locally, for
        its owner alone to read.

    Raises
    ------
    UsageError
        When the study has no such course, or it has no scores.
    """
    document = compose_letter(study, episode, instrument=instrument, date=date)
    with written_whole(out, "letter", private=True, adds=True) as folder:
        page = folder / letter_file(episode)
        page.write_text(page_html(document), encoding="utf-8", newline="")
    return Path(out)


def letter_file(episode: str) -> str:
    """Return the name of a course's letter: its id, or a digest of one that is no file name.

    Examples
    --------
    >>> letter_file("e-cjdxhzgp"), letter_file("../E1")
    ('letter-e-cjdxhzgp.html', 'letter-8a8a46635f88.html')
    """
    plainly = re.fullmatch(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", episode) and len(episode) <= 40
    name = episode if plainly else hashlib.sha256(episode.encode("utf-8")).hexdigest()[:12]
    return f"letter-{name}.html"


def compose_letter(
    study: Study, episode: str, *, instrument: str | None = None, date: str = ""
) -> Document:
    """Return the letter as a document; see `letter`."""
    chosen = instrument or _most_scored(study, episode)
    given = ask(study, "patient", instrument=chosen, episode=episode)
    facts = study.episodes[study.episodes["episode_id"] == episode].iloc[0]
    blocks: list[Block] = [
        Paragraph(CONFIDENTIAL, "warning"),
        Paragraph(given.sentence, "lead"),
        *_score_line(study, episode, chosen, given),
        *_script(study, episode),
        *_goals(study, episode),
        Heading("Safety and cautions"),
        Facts(_safety(study, episode, facts)),
        Heading("What this cannot show"),
        Bullets(given.limits[:-1]),
        Facts(SIGNATURE),
    ]
    title = f"Course {episode}: {_known(facts['condition'])}"
    subtitle = "Report to the referring doctor"
    section = Section("letter", "Course of care", tuple(blocks))
    return Document(title, subtitle, given.source.label, (section,), date)


def _most_scored(study: Study, episode: str) -> str:
    own = study.assessments[study.assessments["episode_id"] == episode]
    if own.empty:
        must = "the course is one of the study's episodes and has scores"
        raise UsageError(must, got="another id", remedy="See study.episodes.")
    return str(own["instrument"].value_counts().index[0])


def _score_line(study: Study, episode: str, instrument: str, given: Answer) -> list[Block]:
    """Draw the course with what the answer knows of it, else its scores and visits alone."""
    picture = given.picture
    if picture is None:
        scored = study.trajectory(instrument)["episode_id"]
        if not scored.eq(episode).any():
            return []
        picture = course_picture(study, study.instrument(instrument), episode)
    return [Figure(picture, "Scores and care by day; what is drawn is named beside it.")]


def _script(study: Study, episode: str) -> list[Block]:
    table = script_and_delivery(study)
    row = table[table["episode_id"] == episode].iloc[0]
    lines = tuple(
        (name.capitalize(), _number(row[f"{name}_prescribed"]), _number(row[f"{name}_received"]))
        for name in ("sessions", "minutes", "weeks")
    )
    missed = f"Cancelled {_number(row['cancelled'])}, missed {_number(row['no_show'])}."
    head = ("", "Script", "Given")
    return [Table("Script against care given", head, lines, missed)]


def _goals(study: Study, episode: str) -> list[Block]:
    goals = goal_progress(study)
    own = goals[goals["episode_id"] == episode]
    if own.empty:
        return [Paragraph("No goal is recorded for this course.")]
    rows = tuple(
        (study.instrument(str(row["instrument"])).title or named(str(row["instrument"])),
         _number(row["baseline"]), _number(row["target"]),
         _reached(row))
        for _, row in own.iterrows()
    )  # fmt: skip
    return [Table("Goals", ("Measure", "At the start", "Target", "Reached"), rows)]


def _reached(row: pd.Series[Any]) -> str:
    if pd.isna(row["first_sessions"]) and pd.isna(row["first_day"]):
        return "not so far"
    if pd.isna(row["first_sessions"]):
        return f"on day {_number(row['first_day'])}"
    return when("session_count", float(row["first_sessions"]))


def _safety(study: Study, episode: str, facts: pd.Series[Any]) -> tuple[tuple[str, str], ...]:
    visits = study.sessions[study.sessions["episode_id"] == episode]
    visits = visits[received(visits["status"])]
    events = visits["adverse_event"].dropna()
    counts = events[events != "none"].value_counts()
    told = ", ".join(f"{named(str(name))} ({n})" for name, n in counts.items()) or "none reported"
    return (
        ("Adverse events", f"{told}; asked at {len(events)} of {len(visits)} visits"),
        ("Reasons to adapt touch", _known(facts["adaptations"])),
        ("Clearance", _known(facts["clearance"])),
        ("Pressure", _pressure(visits["pressure"], facts["pressure_ceiling"])),
        ("End of the course", _known(facts["end_reason"])),
    )


def _pressure(used: pd.Series[float], ceiling: Any) -> str:
    if used.isna().all():
        return "not recorded"
    words = f"{_number(used.min())} to {_number(used.max())} on Walton's 0 to 5"
    return words + ("" if pd.isna(ceiling) else f"; ceiling {_number(ceiling)}")


def _known(value: Any) -> str:
    return "not recorded" if pd.isna(value) else named(str(value)).replace(";", ", ")


def _number(value: Any) -> str:
    return plain(float(value), 0 if pd.isna(value) or float(value).is_integer() else 1)
