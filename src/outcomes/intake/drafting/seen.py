"""An export as it was seen: which column has which role, by product, header and cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.intake.dates import RANGE
from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import Content, ask, merged
from outcomes.intake.drafting.evidence import Column
from outcomes.intake.drafting.headers import (
    Role,
    roles_of,
    score_role,
    timing_of,
    vocabulary,
    words_of,
)
from outcomes.intake.presets import Preset
from outcomes.privacy.patterns import found_in, name_words, plain

DATES = ("columns.date", "date.start", "date.any", "date.filled", "date.created")
"""Where a date of the visit may stand, the surest first."""
SHEET, STRUCK = "Sheet", "Struck through"
"""Columns made of a workbook: the name of a row's sheet, and whether it is struck through."""
MISSED = ("flag.cancelled", "flag.no_show")
_SEVERAL = ("ignored", "script", "service", "free_text", "flag.", "identifiers.", "scores.")
_ALWAYS = tuple(f"identifiers.{kind}" for kind in (
    "email", "phone", "ssn", "street", "zip", "claim", "plan", "physician", "relative", "other",
))  # fmt: skip
_LATER = {over: re.compile(rf"(?<![a-z])(?:{words})[ _.-]*(\d{{1,2}})(?!\d)|"
                           rf"(?<!\d)(\d{{1,2}})[ _.-]*(?:{words})(?![a-z])", re.IGNORECASE)
          for over, words in vocabulary()["later"].items()}  # fmt: skip
_AIM = re.compile(vocabulary()["patterns"]["aim"], re.IGNORECASE)
_PAIN, _MOST = re.compile(vocabulary()["notes"][2]["pattern"], re.IGNORECASE | re.DOTALL), 0.5
_WORDS = ("columns.status", "columns.condition", "service")
"""Roles of columns of words."""
_NAMESAKES = 0.1
_RECORDS = 1.25
"""Numbers that a name may have on average: some have a namesake."""
_ROWS = 3
"""Rows of so many people each that tell whether a score is of a visit."""
_PAIRED = ("columns.instrument", "columns.score")
"""Roles of columns that have one with each other, or not at all."""
_ALONE = ("identifiers.name", "identifiers.birth_date")


@dataclass(frozen=True)
class Seen:
    """An export with the roles of its columns.

    Parameters
    ----------
    columns : mapping of str to Column
        Every column by its header.
    roles : mapping of str to Role
        Header to what the column was taken for.
    rivals : mapping of str to list of str
        Place that one column alone can have to the headers that claim it equally well.
    preset : Preset or None
        The product whose export it is.
    surveys : tuple of str
        Sheets whose rows are scores and no visits.
    title : str
        What the file is called, and what stands above its header.
    """

    columns: Mapping[str, Column]
    roles: Mapping[str, Role]
    rivals: Mapping[str, list[str]]
    preset: Preset | None = None
    surveys: tuple[str, ...] = ()
    title: str = ""

    def of(self, *places: str) -> list[Column]:
        """Return the columns of some places, in the order of the file; ``scores.`` is all so."""
        begins = tuple(place for place in places if place.endswith("."))
        return [self.columns[h] for h, role in self.roles.items()
                if role.place in places or role.place.startswith(begins)]  # fmt: skip

    def one(self, place: str) -> Column | None:
        """Return the column of a place that one column alone can have."""
        return next(iter(self.of(place)), None)

    @cached_property
    def date(self) -> Column | None:
        """The column of the visit's date."""
        return next((column for place in DATES for column in self.of(place)), None)

    @property
    def is_form(self) -> bool:
        """Whether rows are answers to a form: their date is when it was filled in."""
        return self.date is not None and self.roles[self.date.name].place == "date.filled"

    @cached_property
    def names(self) -> list[str]:
        """Headers of the name: its parts where there are both, else the whole."""
        parts = [c.name for c in self.of("identifiers.first_name", "identifiers.last_name")]
        whole = [c.name for c in self.of("identifiers.name")]
        lone = all(self.columns[name].share(lambda cell: " " in cell) < 0.5 for name in whole)
        if len(parts) == 1 and lone:  # Name and Vorname
            return [*parts, *whole]
        return parts if len(parts) > 1 or not whole else whole

    @cached_property
    def person(self) -> pd.Series[Any]:
        """A row's name, its words in any order; missing where there is none."""
        if not self.names:
            return pd.Series(None, index=range(self.n), dtype=object)
        joined = [self.columns[name].cells.fillna("").astype(str) for name in self.names]
        whole = pd.Series([" ".join(parts) for parts in zip(*joined, strict=True)], dtype=object)
        known = {name: " ".join(sorted(plain(name).split())) or None for name in whole.unique()}
        return whole.map(known)

    @cached_property
    def name_words(self) -> set[str]:
        """The single words of all names."""
        return name_words(str(cell) for name in self.names for cell in self.columns[name].counts)

    def is_private(self, cell: str) -> bool:
        """Whether a cell has a word of a client's name, or four digits: no question shows it."""
        return bool(name_words([cell]) & self.name_words or re.search(r"\d{4}", cell))

    @cached_property
    def beside(self) -> dict[str, str]:
        """Visit to the column of its score, where those of several visits stand side by side."""
        own = [column.name for column in self.of("scores.")]
        numbers = {h: re.findall(r"\d+", re.sub(r"\(.*?\)", "", h)) for h in own}
        stems = {re.sub(r"\d+", "", h) for h in own}
        found = {n[0]: h for h, n in numbers.items() if len(n) == 1}
        several = len(own) > 1 and len(stems) == 1 and len(found) == len(own)
        return found if several and self.is_of_people else {}

    @cached_property
    def later(self) -> dict[str, tuple[str, str]]:
        """Column of scores to how long after the first they were taken: ``week`` and a number."""
        scored = [column.name for column in self.of("scores.")]
        recalled = {*vocabulary()["recalled"]["words"]}
        found = {h: (over, match[1] or match[2]) for h in scored for over, pattern in _LATER.items()
                 if (match := pattern.search(h)) and recalled.isdisjoint(words_of(h))}  # fmt: skip
        over = next(iter(found.values()))[0] if found else ""
        return {h: time for h, time in found.items() if time[0] == over}

    @cached_property
    def who(self) -> pd.Series[Any]:
        """Whose a row is: by name, or by record number where there are no names."""
        record = self.one("identifiers.record")
        return self.person if self.names or record is None else record.cells

    @cached_property
    def is_of_people(self) -> bool:
        """Whether a row is a person, with all that was measured of him or her."""
        return bool(self.who.notna().any()
                    and self.who.dropna().duplicated().mean() < _NAMESAKES)  # fmt: skip

    @cached_property
    def is_of_times(self) -> bool:
        """Whether a column says of most rows in which week or month after the first they were."""
        known = {h for h, role in self.roles.items() if not role.place.startswith("ignored")}
        others = [column for header, column in self.columns.items() if header not in known]
        return any(len(column.counts) > 1 and column.share(
            lambda cell: any(own.search(cell) for own in _LATER.values())) > 0.5
            for column in others)  # fmt: skip

    def is_of_courses(self, header: str) -> bool:
        """Whether a column says the same on all rows of each person: `Initial pain`."""
        own = self.columns[header].cells.reset_index(drop=True).groupby(self.who.to_numpy())
        several = own.nunique()[own.count() >= _ROWS]
        return bool(len(several) >= _ROWS and (several == 1).all() and own.first().nunique() > 1)

    @property
    def rest(self) -> list[str]:
        """Headers of columns that have cells and no role."""
        return [h for h, column in self.columns.items() if h not in self.roles and column.n]

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())).cells)

    @cached_property
    def kept(self) -> pd.Series[Any]:
        """Which rows may be visits: not retail, breaks or meetings, shape (rows,)."""
        kept = pd.Series(True, index=range(self.n))
        if self.surveys:
            kept &= ~self.columns[SHEET].cells.isin(self.surveys).to_numpy()
        for entry in not_visits(self):
            cells = self.columns[entry["column"]].cells
            out = cells.isna() if entry.get("empty") else cells.isin(entry.get("is", ()))
            kept &= ~out.to_numpy()
        return kept

    @cached_property
    def came(self) -> Any:
        """Which rows may be of a visit that took place, as booleans, shape (rows,)."""
        kept = self.kept.to_numpy().copy()
        for column in self.of("columns.status", "service"):
            kept &= ~column.where(evidence.not_done)
        for column in self.of(*MISSED):
            kept &= ~column.where(evidence.flag_of)
        struck = self.columns.get(STRUCK)
        return kept if struck is None else kept & (struck.cells != "yes").to_numpy()

    def in_any(self, *masks: Any) -> Any:
        """Return which rows one of some masks holds, as booleans, shape (rows,)."""
        return np.any([np.zeros(self.n, bool), *masks], axis=0)

    def said(self, section: str, entry: str) -> Any:
        """Return what the product's own map says at a place; None where it says nothing."""
        return None if self.preset is None else self.preset.map.get(section, {}).get(entry)


def seen_in(
    cells: pd.DataFrame, preset: Preset | None, labels: Mapping[str, str] | None = None,
    surveys: tuple[str, ...] = (),
) -> Seen:  # fmt: skip
    """Return an export with the roles of its columns: a product's first, then by words.

    Parameters
    ----------
    cells : DataFrame of str
        The export.
    preset : Preset or None
        Its product.
    labels : mapping of str to str, optional
        What a dictionary calls columns, where their headers are codes.
    surveys : tuple of str, optional
        Sheets whose rows are scores and no visits.
    """
    columns = {str(name): Column(str(name), cells[name]) for name in cells}
    own = {header: preset.role(header) for header in columns} if preset else {}
    taken = {role.place for header, role in own.items() if role and columns[header].n}
    roles: dict[str, Role] = {}
    for header, column in columns.items():
        said = (labels or {}).get(header, header)
        fits = (role for role in roles_of(said) if _accepts(role, column, said)
                and (role.place not in taken or _several(role.place)))  # fmt: skip
        role = own.get(header) or _as_status(next(fits, None), column) or _by_cells(column)
        if role is not None and role.place in _WORDS and _is_note(column):
            role = Role("free_text", "any")
        if not column.n:  # in another month it may identify somebody
            role = next((role for role in roles_of(said)[:1] if role.place in _ALWAYS), None)
        if role is not None:
            roles[header] = role
    loose = [column for header, column in columns.items() if not own.get(header)]
    return replace(_settled(columns, {**roles, **_asked_and_answered(loose)}, preset),
                   surveys=surveys)  # fmt: skip


def _asked_and_answered(columns: Sequence[Column]) -> dict[str, Role]:
    """Return the columns of questions and of answers, of whose rows some are scores."""
    asked, given = ([c for c in columns if place in {role.place for role in roles_of(c.name)}]
                    for place in _PAIRED)  # fmt: skip
    for question, answer in product(asked, given):
        named = {role[0].place.split(".")[1] for cell in question.counts
                 if (role := score_role(cell))}  # fmt: skip
        told = Column(answer.name, answer.cells[question.where(score_role)])
        top = max((registry()[name].maximum for name in named), default=0)
        if question.name != answer.name and told.share(partial(evidence.is_up_to, top)) > _MOST:
            return {question.name: Role("columns.instrument", "any", words_of(question.name)),
                    answer.name: Role("columns.score", "any", words_of(answer.name))}  # fmt: skip
    return {}


def _accepts(role: Role, column: Column, said: str) -> bool:
    if role.place in _PAIRED or not evidence.looks_like(column, role.cells):
        return False
    covered = len(role.matched) / max(len(words_of(said)), 1)
    if role.cells == "id" and covered < 0.6:
        return False
    timed = role.place == "identifiers.time" and covered < _MOST
    if timed and column.share(evidence.is_length) == 1:
        return all(re.match(r"0?[1-4]:", cell) for cell in column.counts)  # 0:45 is no time of day
    if role.place == "identifiers.appointment":
        return 2 * len(column.counts) >= column.n
    if role.place != "columns.status":
        return True
    known = column.share(evidence.status_of)
    return known >= 0.5 or (covered >= 0.5 and (known > 0 or len(column.counts) > 1))


def _as_status(role: Role | None, column: Column) -> Role | None:
    """Return the role; ``Arrived`` with more than yes and no, and notes of nothing else, are one.

    What became of all visits stands under ``Label`` or ``Notes`` where each cell says it.
    """
    if role is not None and role.place == "free_text" and evidence.tells_all(column):
        return Role("columns.status", "status", role.matched)
    if role is None or role.place != "flag.attended":
        return role
    marks = all(evidence.flag_of(cell) is not None for cell in column.counts)
    return role if marks else Role("columns.status", "status", role.matched)


def _by_cells(column: Column) -> Role | None:
    """Return what a column is whose header says nothing: contacts, times, or long text."""
    for kind in ("email", "phone", "ssn", "street"):
        if found_in(column.cells, kind).mean() > 0.5:
            return Role(f"identifiers.{kind}", "any")
    if column.share(RANGE.fullmatch) > 0.5:
        return Role("identifiers.time", "any")
    named = [role[0] for cell in column.counts if evidence.score(cell) is not None
             and (role := score_role(cell))]  # fmt: skip
    if 2 * len(named) > len(column.counts):
        place = named[0].place.rpartition(".")[0]
        return Role(f"{place}.{timing_of(words_of(column.name))}", "score", named[0].matched)
    words = [*map(words_of, column.counts)]
    times = {timing_of(tuple(w for w in own if w not in ("in", "out"))) for own in words}
    if "" not in times and {"pre_session", "post_session"} <= times:
        return Role("columns.timing", "timing")
    long = column.share(lambda cell: len(cell) > 40) > 0.2
    return Role("free_text", "any") if long or _is_note(column) else None


def _is_note(column: Column) -> bool:
    """Whether most cells are sentences that tell a pain, and neither scores, statuses nor aims."""
    told = column.share(lambda cell: (
        evidence.score(cell) is None and not evidence.status_of(cell) and _PAIN.fullmatch(cell)
    ))  # fmt: skip
    return told >= _MOST and not _AIM.search(column.name)


def _several(place: str) -> bool:
    return place.startswith(_SEVERAL) and place not in _ALONE


def _settled(columns: Mapping[str, Column], roles: dict[str, Role], preset: Preset | None) -> Seen:
    """Give each place that one column alone can have to the likeliest; equal ones are rivals."""
    held = [h for h, role in roles.items() if role.place.startswith("scores.")]
    timed = [h for h, role in roles.items() if role.place == "columns.timing"]
    if timed and "columns.instrument" not in {role.place for role in roles.values()}:
        if len(held) == 1 and roles[held[0]].place.endswith((".", ".now")):
            roles |= {held[0]: replace(roles[held[0]], place="columns.score")}
        else:
            roles = {header: role for header, role in roles.items() if header not in timed}
    rivals: dict[str, list[str]] = {}
    for place in dict.fromkeys(role.place for role in roles.values()):
        claims = [header for header, role in roles.items() if role.place == place]
        if _several(place) or len(claims) == 1:
            continue
        best = max(_claim(columns[h], roles[h]) for h in claims)
        equal = [h for h in claims if _claim(columns[h], roles[h]) >= best - 0.15]
        if len(equal) > 1:
            rivals[place] = equal
        for header in claims:
            if header not in equal[:1]:
                identifies = place.startswith("identifiers.")
                del roles[header]
                if identifies:
                    roles[header] = Role("identifiers.other", "any")
    seen = Seen(columns, roles, rivals, preset)
    if seen.later and not seen.is_of_people:  # of a course, and of none of its visits
        kept = {header: role for header, role in roles.items() if header not in seen.later}
        return replace(seen, roles=kept)
    return seen


def _claim(column: Column, role: Role) -> float:
    """Return how well a column claims its role: by its words, and by how many cells it has."""
    covered = len(role.matched) / max(len(words_of(column.name)), 1)
    told = role.place == "columns.status" and column.share(  # what became of it, and no booking
        lambda cell: evidence.status_of(cell) not in ("", "left_out"))  # fmt: skip
    booked = role.place == "columns.sessions.minutes"  # of all, where others are of who came
    return covered + (booked or column.n / max(len(column.cells), 1)) + told


def which(
    seen: Seen, place: str, what: str, headers: Sequence[str], read: Callable[[Column], Content]
) -> Content:
    """Ask which of some columns is something; how the cells of each are read is said with it."""
    asked = ask("one_of_several", headers, place, what=what)
    return merged(*(read(seen.columns[h]) for h in headers), asked)


def not_visits(seen: Seen) -> list[dict[str, Any]]:
    """Return the entries of ``[[leave_out]]``: retail, breaks, meetings, rows of other forms."""
    words = {plain(word) for word in vocabulary()["not_a_visit"]["words"]}
    yes = {plain(word) for word in vocabulary()["flag"]["yes"]}
    found: list[dict[str, Any]] = []
    for column in seen.of("service", "flag.break", "identifiers.name"):
        known = words | yes if seen.roles[column.name].place == "flag.break" else words
        own = [cell for cell in column.counts if plain(cell) in known]
        if own and len(own) < len(column.counts):
            found.append({"name": "no visits", "column": column.name, "is": own})
    for column in (c for c in seen.of("ignored") if evidence.is_money(c.name)):
        negative = [cell for cell in column.counts if re.match(r"[$€£ ]*[-−(] ?[$€£]? ?\d", cell)]
        if negative:
            found.append({"name": "refunds", "column": column.name, "is": negative})
    if seen.date is not None and seen.of("ignored.event") and seen.date.cells.isna().any():
        found.append({"name": "rows of other forms", "column": seen.date.name, "empty": True})
    return found


def one_to_one(record: Column, person: pd.Series[Any], births: Column | None) -> bool:
    """Return whether a number goes one to one with people: with birth dates, else with names."""
    who = births.cells if births is not None and births.n else person
    pairs = pd.DataFrame({"record": record.cells.to_numpy(), "who": who.to_numpy()}).dropna()
    pairs = pairs.drop_duplicates()
    if pairs.empty:
        return True
    people = pairs.groupby("record")["who"].nunique()
    records = pairs.groupby("who")["record"].nunique()
    return bool((people == 1).mean() >= 0.9 and records.mean() <= _RECORDS)
