"""The letter: one printable page about one course, for the referring doctor; it stays local."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.answers.answer import Answer, Picture
from outcomes.answers.ask import answer as ask
from outcomes.answers.wording import when
from outcomes.care.dose import script_and_delivery
from outcomes.care.goals import goal_progress
from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import RECEIVED
from outcomes.errors import UsageError
from outcomes.folders import written_whole
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
from outcomes.render.figures.style import spoken
from outcomes.render.html import page_html
from outcomes.render.numbers import plain
from outcomes.study import Study

FILE = "letter.html"
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
        Folder to write, whole or not at all.
    instrument : str, optional
        Instrument of the score line; by default the one the course has most scores of.
    date : str
        Printed where given.

    Returns
    -------
    Path
        The folder, with ``letter.html``. It shows one patient's values: made and kept locally.

    Raises
    ------
    UsageError
        When the study has no such course, or it has no scores.
    """
    document = compose_letter(study, episode, instrument=instrument, date=date)
    with written_whole(out, marker=FILE) as folder:
        (folder / FILE).write_text(page_html(document), encoding="utf-8", newline="")
    return Path(out)


def compose_letter(
    study: Study, episode: str, *, instrument: str | None = None, date: str = ""
) -> Document:
    """Return the letter as a document; see `letter`."""
    chosen = instrument or _most_scored(study, episode)
    given = ask(study, "patient", instrument=chosen, episode=episode)
    facts = study.episodes[study.episodes["episode_id"] == episode].iloc[0]
    blocks: list[Block] = [
        Paragraph(CONFIDENTIAL, "warning"),
        Paragraph(_lead(study, episode, chosen, given), "lead"),
        *_score_line(study, episode, chosen, given),
        *_script(study, episode),
        *_goals(study, episode),
        Heading("Safety and cautions"),
        Facts(_safety(study, episode, facts)),
        Heading("What this cannot show"),
        Bullets(given.limits[:2]),
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


def _lead(study: Study, episode: str, instrument: str, given: Answer) -> str:
    """Return the answer, or the change alone where nothing says how much of it is noise."""
    rows = study.trajectory(instrument)
    own = rows.loc[rows["episode_id"] == episode, "improvement"]
    if not given.refused or own.empty:
        return given.sentence
    measure, change = study.instrument(instrument), float(own.iloc[-1])
    found = f"{plain(abs(change))} {measure.unit} {'better' if change >= 0 else 'worse'}"
    reason = given.reason[:1].upper() + given.reason[1:]
    return f"{measure.title or measure.name}: {found} at the last score than at the first. {reason}"


def _score_line(study: Study, episode: str, instrument: str, given: Answer) -> list[Block]:
    """Draw the scores with the measurement error where one is published, else the scores alone."""
    if given.picture is not None:
        caption = "Improvement since the first visit; bars or band: the measurement error (MDC)."
        return [Figure(given.picture, caption)]
    rows = study.trajectory(instrument)
    own = rows[rows["episode_id"] == episode].dropna(subset=["day"])
    if own.empty:
        return []
    caption = "Improvement since the first visit; no measurement error is published for this."
    return [Figure(_plain_line(own, study.instrument(instrument)), caption)]


def _plain_line(rows: pd.DataFrame, measure: Instrument) -> Picture:
    made = rows["improvement"]
    data = pd.DataFrame(
        {"group": "this patient", "x": rows["day"], "estimate": made, "conf_low": made,
         "conf_high": made, "n_episodes": 1}
    )  # fmt: skip
    last = f"{plain(float(made.iloc[-1]))} {measure.unit} at the last of {len(rows)} later scores"
    return Picture(
        "curves", data, f"{measure.title or measure.name}: change since the first visit",
        "Days since the first visit", f"Improvement ({measure.unit}; up = better)", f"{last}.",
    )  # fmt: skip


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
        (study.instrument(str(row["instrument"])).title or spoken(str(row["instrument"])),
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
    visits = visits[visits["status"].isin(RECEIVED) | visits["status"].isna()]
    events = visits["adverse_event"].dropna()
    named = events[events != "none"].value_counts()
    told = ", ".join(f"{spoken(str(name))} ({n})" for name, n in named.items()) or "none reported"
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
    return "not recorded" if pd.isna(value) else spoken(str(value)).replace(";", ", ")


def _number(value: Any) -> str:
    return plain(float(value), 0 if pd.isna(value) or float(value).is_integer() else 1)
