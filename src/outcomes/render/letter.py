"""The letter: one page about one course, for the referring physician; it stays local."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from outcomes.care.dose import script_and_delivery
from outcomes.care.goals import goal_progress
from outcomes.dictionary.tables import received
from outcomes.errors import DataError, UsageError
from outcomes.folders import written_whole
from outcomes.plain_text import read_toml
from outcomes.questions.ask import errors_said, why_unusable
from outcomes.questions.course_picture import course_picture
from outcomes.render.course_changes import Change, course_changes
from outcomes.render.document import Block, Document, Facts, Figure, Paragraph, Section, Table
from outcomes.render.formats import DOCUMENTS, check_available
from outcomes.study import Study
from outcomes.words import counted, named, plain, scale, sentence_case, when

CONFIDENTIAL = "Confidential: one patient's record, for this patient's own care only."
BLANK = "_" * 34
HEADS = ("To", "Patient", "Date of birth", "Date")
EVENT_GRADES = {1: "mild", 2: "moderate", 3: "severe", 4: "life-threatening", 5: "fatal"}


class Letterhead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names on a letter, read from a TOML file and never stored; what is empty is a line to fill.

    Parameters
    ----------
    practice, practitioner, addressee, patient, birth_date : str
        Who writes, to whom, and about whom, as they are to be printed.
    next_step : str
        What is proposed.
    """

    practice: str = ""
    practitioner: str = ""
    addressee: str = ""
    patient: str = ""
    birth_date: str = ""
    next_step: str = ""


def letter(
    study: Study,
    episode: str,
    out: str | Path,
    *,
    formats: Sequence[str] = ("html",),
    instrument: str | None = None,
    letterhead: str | Path | Mapping[str, str] | None = None,
    first_visit: datetime.date | None = None,
    date: str = "",
    anyway: bool = False,
) -> Path:
    """Write a page about one course for the referring physician.

    Parameters
    ----------
    study : Study
        The study.
    episode : str
        Id of the course.
    out : str or Path
        Folder to write, whole or not at all. It keeps the letters of other courses.
    formats : sequence of str
        Any of ``html``, ``pdf``, ``docx``.
    instrument : str, optional
        Instrument of the figure; by default the one the course has most scores of.
    letterhead : path or mapping, optional
        `Letterhead` as TOML or mapping; without it names are lines to fill.
    first_visit : date, optional
        Day of the first visit, which the study does not hold; with it the letter says dates.
    date : str
        Printed where given.
    anyway : bool
        Whether to write although errors of the import stand.

    Returns
    -------
    Path
        The folder, with a `letter_file` for each format. It shows one patient's values: made and
        kept locally, for its owner alone to read.

    Raises
    ------
    DataError
        When the records break a rule.
    UsageError
        When the study has no such course, it has no scores, or a format or entry is not known.
    UnavailableError
        When a format needs a package that is not installed.
    """
    check_available(formats, DOCUMENTS, "a letter is written as")
    problem = why_unusable(study, anyway=anyway)
    if problem:
        must = "a letter is about records that keep to the rules"
        raise DataError(must, got=f"others: {problem.rstrip('.')}", where="letter")
    document = compose_letter(
        study, episode, instrument=instrument, letterhead=read_letterhead(letterhead),
        first_visit=first_visit, date=date,
    )  # fmt: skip
    with written_whole(out, "letter", private=True, adds=True) as folder:
        for name in dict.fromkeys(formats):
            (folder / letter_file(episode, name)).write_bytes(DOCUMENTS[name](document))
    return Path(out)


def read_letterhead(source: str | Path | Mapping[str, str] | None) -> Letterhead:
    """Read a letterhead from a TOML file or a mapping; raises `UsageError` for another entry."""
    if source is None:
        return Letterhead()
    known = ", ".join(Letterhead.__struct_fields__)
    given = source if isinstance(source, Mapping) else read_toml(Path(source), "a letterhead")
    try:
        return msgspec.convert(dict(given), Letterhead)
    except msgspec.ValidationError:
        must = f"a letterhead is a TOML file with texts called {known}"
        raise UsageError(must, got="another entry", where="letterhead") from None


def letter_file(episode: str, kind: str = "html") -> str:
    """Return the name of a course's letter: its id, or a digest of one that is no file name.

    An id with capitals has a digest as well: some disks take ``P001`` and ``p001`` for one name.

    Examples
    --------
    >>> letter_file("e-cjdxhzgp"), letter_file("P001"), letter_file("../E1")
    ('letter-e-cjdxhzgp.html', 'letter-P001-df1e40.html', 'letter-8a8a46635f88.html')
    """
    digest = hashlib.sha256(episode.encode("utf-8")).hexdigest()
    plainly = re.fullmatch(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*", episode) and len(episode) <= 40
    name = digest[:12] if not plainly else f"{episode}-{digest[:6]}"
    return f"letter-{episode if plainly and episode == episode.lower() else name}.{kind}"


def compose_letter(
    study: Study,
    episode: str,
    *,
    instrument: str | None = None,
    letterhead: Letterhead | None = None,
    first_visit: datetime.date | None = None,
    date: str = "",
) -> Document:
    """Return the letter as a document; see `letter`."""
    names = letterhead or Letterhead()
    chosen = instrument or _most_scored(study, episode)
    facts = study.episodes[study.episodes["episode_id"] == episode].iloc[0]
    changes = course_changes(study, episode)
    heads = (names.addressee, names.patient, names.birth_date, date)
    blocks: list[Block] = [
        Facts(tuple((name, text or BLANK) for name, text in zip(HEADS, heads, strict=True))),
        Paragraph(_opening(changes, chosen, _visits(study, episode, first_visit)), "lead"),
        *_figure(study, episode, chosen, changes),
        *_scores(study, episode, changes),
        Facts((*_care(study, episode, facts), ("Next step", names.next_step or BLANK))),
        Paragraph(
            "A change within measurement error may be chance, and one course cannot tell what "
            f"brought a change about. {CONFIDENTIAL}",
            "note",
        ),
        *(Paragraph(text, "note") for text in errors_said(study)[:1]),
        Facts((("Signature", f"{BLANK}  {names.practitioner}".strip()),)),
    ]
    label = "SYNTHETIC" if study.provenance.synthetic else ""
    whose = "".join(f", {named(one)}" for one in facts[["condition"]].dropna() if one != "other")
    section = Section("letter", f"Course {episode}{whose}", tuple(blocks))
    given = "care" if study.recorded("episodes", "arm") else "massage"  # an arm may have had none
    return Document(f"Report on a course of {given}", names.practice, label, (section,))


def _most_scored(study: Study, episode: str) -> str:
    own = study.assessments[study.assessments["episode_id"] == episode]
    if own.empty:
        must = "the course is one of the study's episodes and has scores"
        known = (study.episodes["episode_id"] == episode).any()
        raise UsageError(must, got="one without a score" if known else "another id",
                         remedy="Ids stand in the episodes; of an import in who.csv.")  # fmt: skip
    return str(own["instrument"].value_counts().index[0])


def _opening(changes: tuple[Change, ...], chosen: str, visits: str) -> str:
    """Say first what the reader must know: a worsening, else how many visits and what changed."""
    main = [change for change in changes if change.measure.name == chosen]
    worse = [change for change in changes if change.better < 0]
    told = [_course_of(change) for change in dict.fromkeys([*worse, *main])]
    if not told:
        return f"{visits} There is no score after the first, so a change cannot be told."
    return " ".join([*told, visits] if worse else [visits, *told])


def _course_of(change: Change) -> str:
    first, best, last, visit = change.shown
    way, and_, state = change.verdict.partition("; ")
    after = change.at_visit is not None
    then = "a follow-up" if after else "the last score"
    return (
        f"{sentence_case(way)} on the {change.title}: {first} at the start, {best} at its best, "
        f"{f'{visit} at the last visit, ' * after}{last} at {then}{and_}{state}."
    )


def _visits(study: Study, episode: str, first_visit: datetime.date | None) -> str:
    row = script_and_delivery(study).set_index("episode_id").loc[episode].to_dict()
    if pd.isna(row["sessions_received"]):
        return "Your patient's visits are not recorded."
    given, asked = int(row["sessions_received"]), row["sessions_prescribed"]
    known = f"{given} of {_number(asked)} prescribed visits"
    if pd.isna(asked) or asked < max(given, 2):  # no part of several
        known = counted(given, "visit") + (f" ({_number(asked)} prescribed)" if asked > 0 else "")
    visits = study.sessions[study.sessions["episode_id"] == episode]
    last = visits.loc[received(visits["status"]), "day"].max()
    if first_visit is None or pd.isna(last):
        return f"Your patient had {known}."
    end = first_visit + datetime.timedelta(days=int(last))
    return f"Your patient had {known}, from {first_visit:%B %-d, %Y} to {end:%B %-d, %Y}."


def _figure(study: Study, episode: str, chosen: str, changes: tuple[Change, ...]) -> list[Block]:
    own = [change for change in changes if change.measure.name == chosen]
    if len(own) != 1:
        return []  # of several movements one line would be of all
    picture = course_picture(study, own[0].measure, episode, mdc=own[0].error)
    shown = picture.data["kind"].isin(["visit", "missed visit"]).any()
    visits = ", and visits below" if shown else ""
    by = "visit" if picture.x_label == "Visit" else "day"
    return [Figure(picture, f"Scores on the full scale{visits}, by {by}.", "letter")]


def _scores(study: Study, episode: str, changes: tuple[Change, ...]) -> list[Block]:
    goals = goal_progress(study)
    own, rows = goals[goals["episode_id"] == episode], []
    own = own.assign(aim=[f"{_number(g['target'])}: {_reached(g)}" for _, g in own.iterrows()])
    for change in changes:
        about = f"{change.title} ({scale(change.measure)})"
        said = "; ".join(own.loc[own["instrument"] == change.measure.name, "aim"])
        rows.append((about, *change.shown[:3], change.verdict, said or "none"))
    rows += [
        (study.instrument(str(goal["instrument"])).title, _number(goal["baseline"]), "–", "–",
         "no later score", goal["aim"])
        for _, goal in own[~own["instrument"].isin([c.measure.name for c in changes])].iterrows()
    ]  # fmt: skip
    head = ("Measure", "Start", "Best", "Last", "Change", "Goal")
    return [Table("Scores and goals", head, tuple(rows))] if rows else []


def _reached(row: pd.Series[Any]) -> str:
    if pd.isna(row["first_sessions"]) and pd.isna(row["first_day"]):
        return "not so far"
    first = (
        f"on day {_number(row['first_day'])}" if pd.isna(row["first_sessions"])
        else when("session_count", float(row["first_sessions"]))
    )  # fmt: skip
    kept = pd.notna(row["sustained_day"]) or pd.notna(row["sustained_sessions"])
    return f"{first}, and at the next score too" if kept else f"{first}, once"


def _care(study: Study, episode: str, facts: pd.Series[Any]) -> tuple[tuple[str, str], ...]:
    visits = study.sessions[study.sessions["episode_id"] == episode]
    visits = visits[received(visits["status"])]
    row = script_and_delivery(study).set_index("episode_id").loc[episode].to_dict()
    missed = row["cancelled"] + row["no_show"]
    minutes = _range(visits["minutes"], "minutes")
    given = counted(len(visits), "visit") + (f" of {minutes}" if minutes else "")
    given = "not recorded" if pd.isna(missed) else (
        f"{given}; {counted(int(missed), 'visit')} cancelled or missed; pressure "
        f"{_pressure(visits['pressure'], facts['pressure_ceiling'])}"
    )  # fmt: skip
    return (
        ("Care given", given),
        ("Adverse events", _events(visits)),
        ("Touch adapted for", _known(facts["adaptations"])),
        ("Clearance", _clearance(facts)),
        ("End of the course", _known(facts["end_reason"])),
    )  # fmt: skip


def _events(visits: pd.DataFrame) -> str:
    asked = visits["adverse_event"].dropna()
    if asked.empty:
        return "not asked"
    seen = visits[visits["adverse_event"].notna() & (visits["adverse_event"] != "none")]
    if seen.empty:
        return f"none, asked at {counted(len(asked), 'visit')}"
    told = [
        f"{named(name)} ({EVENT_GRADES[int(grade)]})" if grade in EVENT_GRADES else named(name)
        for name, grade in zip(seen["adverse_event"], seen["adverse_severity"], strict=True)
    ]
    each = [f"{text} once" if told.count(text) == 1 else f"{text} {told.count(text)} times"
            for text in dict.fromkeys(told)]  # fmt: skip
    return f"{', '.join(each)}; asked at {counted(len(asked), 'visit')}"


def _clearance(facts: pd.Series[Any]) -> str:
    day, words = facts["clearance_day"], _known(facts["clearance"])
    if pd.isna(day):
        return words
    return f"{words}, {'before the first visit' if day <= 0 else f'on day {_number(day)} of care'}"


def _pressure(used: pd.Series[float], ceiling: Any) -> str:
    words = _range(used, "on Walton's scale of 0 to 5")
    if not words:
        return "not recorded"
    return words + ("" if pd.isna(ceiling) else f" (at most {_number(ceiling)} allowed)")


def _range(values: pd.Series[float], unit: str) -> str:
    """Say from where to where values go, one where all are equal, and how many are known."""
    known = values.dropna()
    if known.empty:
        return ""
    ends = " to ".join(map(_number, sorted({known.min(), known.max()})))
    few = f" (recorded at {len(known)})" if len(known) < len(values) else ""
    return f"{ends} {unit}{few}"


def _known(value: Any) -> str:
    if pd.isna(value):
        return "not recorded"
    parts = re.split(r"\s*;\s*", str(value))
    return ", ".join(part if part == "none" else named(part) for part in parts)


def _number(value: Any) -> str:
    return plain(float(value), 0 if pd.isna(value) or float(value).is_integer() else 1)
