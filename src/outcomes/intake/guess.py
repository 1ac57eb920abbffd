"""Draft a column map from headers and from what all cells look like; what is not sure it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.errors import DataError, OutcomesError
from outcomes.intake.drafting.draft import Content, Draft, ask, merged
from outcomes.intake.drafting.evidence import (
    Column,
    flag_of,
    is_date,
    number,
    score,
    shapes,
    status_of,
)
from outcomes.intake.drafting.facts import facts, names_condition
from outcomes.intake.drafting.headers import (
    Role,
    holds,
    roles_of,
    score_role,
    vocabulary,
    words_of,
)
from outcomes.intake.drafting.measures import file, scores, words_among
from outcomes.intake.drafting.people import dates, people
from outcomes.intake.drafting.seen import DATES, SHEET, STRUCK, Seen, seen_in
from outcomes.intake.drafting.visits import status, visits
from outcomes.intake.presets import Preset, bare, preset_of
from outcomes.intake.readers import (
    DAY_COLUMN,
    LAST,
    NUMBER,
    WORKBOOKS,
    FileFormat,
    Rows,
    is_database,
    nth,
    read_source,
    visit_by_visit,
    with_ticked,
    with_totals,
    without_number,
)
from outcomes.intake.readers.redcap import bare_label, from_redcap, labels_of
from outcomes.intake.readers.table import DAY, HEADINGS, headings_in
from outcomes.intake.readers.text_table import read_text_table
from outcomes.intake.readers.workbook import sheet_names
from outcomes.privacy.names import is_of_care, names_somebody

HEADED, _TICKED, THERAPIST = "Client", "Condition", "Therapist"
"""Columns that names and days above rows become, and tick boxes beside each other."""
_ENDS = "ends"
"""Of a file that was read: whether rows hold a first and a last visit."""
_TREATS = "columns.sessions.therapist_id"
_NAMED = {"identifiers.name", "identifiers.first_name", "identifiers.last_name"}
PARTS = (people, dates, visits, status, facts, scores, file)
"""Parts of a map, in the order in which it says them."""


def draft_map(path: str | Path, form: FileFormat | None = None) -> Draft:
    r"""Return a draft of a column map for an export; `as_toml` writes it, with comments.

    Parameters
    ----------
    path : str or Path
        The export; it is only looked at.
    form : FileFormat, optional
        How it is written, where it does not show.

    Returns
    -------
    Draft
        It holds headers of the file, words of the vocabulary and shapes of cells (``9/9`` for
        ``7/10``); a cell only where a question is about what the word means.

    Raises
    ------
    DataError
        When the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from outcomes.intake.drafting.draft import as_toml
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "x.csv"
    ...     _ = file.write_text("Client,Appt date,Pain before\nAnn Lee,05/14/2026,7/10\n")
    ...     print(as_toml(draft_map(file)).splitlines()[5])
    name = "Client"    # its words: client
    """
    rows, file = _read(path, form)
    ends = file.pop(_ENDS, False)
    preset, labels = preset_of(map(str, rows.cells)), {}
    dictionary = _dictionary(path, rows.cells) if not file else None
    if dictionary is not None:
        name, fields = dictionary
        file, labels = {"redcap_dictionary": name}, labels_of(fields)
        rows = replace(rows, cells=from_redcap(rows.cells, fields)[0])
    seen = seen_in(rows.cells, preset, labels)
    source = {name: said for name in ("table", "query") if (said := getattr(form, name, ""))}
    begins: Content = {"title": "", "file": file, **({"source": source} if source else {})}
    content = merged(begins, *(part(seen) for part in PARTS))
    if seen.preset is not None:
        content = merged(content, _of_product(seen, seen.preset))
    content = merged(content, *words_among(seen, content))
    if file.get("headings") == THERAPIST:
        del content["columns"]["sessions.therapist_id"]
        asks = "Names stand in rows of their own. Are they who treats in the rows below? (no: not)"
        content = merged(content, ask(_TREATS, asks, [THERAPIST]))
    if ends:
        asks = ("Each row has a first and a last time. Were there no other visits (visits), or are "
                "these scores of a course of more (scores)?")  # fmt: skip
        content = merged(content, ask("study.rows", asks, ["scores", "visits"]))
    sheets = seen.columns[SHEET].counts if SHEET in seen.columns else ()
    if (
        sheets
        and not (seen.one(_TREATS) or SHEET in seen.names)
        and all(_may_name(sheet) and not seen.is_private(sheet) for sheet in sheets)
    ):
        asks = "Are the sheets called after who treats in their rows? (no: not)"
        content = merged(content, ask(_TREATS, asks, [SHEET]))
    asks = "Which column holds the {}?"
    rivals = {place: headers for place, headers in seen.rivals.items()
              if place.startswith("columns.") and place != "columns.date"}  # fmt: skip
    content = merged(content, *(
        ask(place, asks.format(place.rpartition(".")[2].replace("_", " ")), headers)
        for place, headers in rivals.items()))  # fmt: skip
    asked = {question["key"]: question for question in reversed(content.get("questions", []))}
    content |= {"questions": [*asked.values()][::-1]} if asked else {}
    said = json.dumps({name: own for name, own in content.items() if name != "questions"})
    named = {h for h in seen.columns if re.search(rf"{re.escape(json.dumps(h))}(?!:)", said)}
    why = {header: _reason(role, seen) for header, role in seen.roles.items() if header in named}
    unused = {h: shapes(c) for h, c in seen.columns.items() if h not in named}
    return Draft(content, why, unused, rows)


def _may_name(sheet: str) -> bool:
    """Whether a sheet may be called after somebody: letters alone, no month, no word of care."""
    month = is_date(f"1 {sheet} 2024")
    return re.fullmatch(r"[^\W\d_]+(?:[ .-]+[^\W\d_]+){0,2}", sheet) is not None and not month and (
        not any(map(is_of_care, words_of(sheet))))  # fmt: skip


def _read(path: str | Path, form: FileFormat | None) -> tuple[Rows, Content]:
    """Return the rows, and the entries of ``[file]`` that reading them needs.

    Where no column is a name, or a day, and rows of a name or day alone stand above others, these
    become a column.
    """
    own = form or FileFormat()
    rows, file = _read_as(path, own)
    items = {} if own.totals else _questionnaires(rows)
    if items:
        scored = rows.cells.drop(columns=[header for own in items.values() for header in own])
        stated = {role.place.split(".")[1] for h in map(str, scored) for role in score_role(h)}
        totals = {name: own for name, own in items.items()
                  if name not in stated and len(own) == registry()[name].n_items}  # fmt: skip
        file |= {"totals": totals} if totals else {}
        made = with_totals(rows, totals).cells[[*scored, *totals]]
        rows = replace(rows, cells=made)
    ticks = _tick_boxes(rows) if not own.ticked else []
    if ticks:
        rows, file = with_ticked(rows, {_TICKED: ticks}), {**file, "ticked": {_TICKED: ticks}}
    if not own.beside and (beside := _visits_beside(rows)):
        ends = any(re.search(LAST, h, re.IGNORECASE) for h in map(str, rows.cells)) and {
            _ENDS: True
        }
        return visit_by_visit(rows, beside), {**file, "beside": beside, **(ends or {})}
    places = {role.place for header in map(str, rows.cells) for role in roles_of(header)[:1]}
    for head, looks, said in ((DAY_COLUMN, is_date, {*DATES}), (HEADED, names_somebody, _NAMED),
                              (THERAPIST, names_somebody, {_TREATS})):  # fmt: skip
        if own.headings or said & places:
            continue
        under, file_under = _read_as(path, msgspec.structs.replace(own, headings=head))
        if head in under.cells and not _stated(rows.cells, head):
            heads = under.cells[head].dropna().unique()
            several = under.skipped.get(HEADINGS, 0) > 1 or len(heads) > 1
            if several and sum(map(looks, heads)) > 0.7 * len(heads):
                return under, {**file_under, "headings": head}
    return rows, file


def _questionnaires(rows: Rows) -> dict[str, list[str]]:
    """Return the columns of items by instrument, in published order; half of them at least.

    They are known by the instrument's name with a number, or by what the items are about.
    """
    found: dict[str, list[str]] = {}
    headers = [*map(str, rows.cells)]
    words = {header: words_of(header) for header in headers}
    places = {header: [role.place for role in score_role(header)] for header in headers}
    for name, one in registry().items():
        titles = [*map(words_of, vocabulary()["items"].get(name, ()))]
        own: dict[int, str] = {}
        for header in headers if one.scoring and one.n_items else ():
            called = any(place.startswith(f"scores.{name}.") for place in places[header])
            numbers = re.findall(r"\d+", header.casefold().replace(name, "")) if called else []
            at = [*map(int, numbers)] or [
                i + 1 for i in range(len(titles)) if holds(words[header], titles[i])
            ]
            if len(at) != 1:
                continue
            cells = Column(header, rows.cells[header]).counts
            if all(_is_item(*one.item_range, cell) for cell in cells):
                own.setdefault(at[0], header)
        if len(own) > 1 and 2 * len(own) > (one.n_items or 0) >= max(own):
            found[name] = [own[i] for i in sorted(own)]
    return found


def _is_item(low: float, high: float, cell: str) -> bool:
    value = number(cell)
    return value is not None and low <= value <= high and value % 1 == 0


def _tick_boxes(rows: Rows) -> list[str]:
    """Return the columns of tick boxes that name conditions; none where a column says them."""
    roles = {header: roles_of(header)[:1] for header in map(str, rows.cells)}
    if any(role.place == "columns.condition" for own in roles.values() for role in own):
        return []
    boxes = [Column(h, rows.cells[h]) for h, own in roles.items() if not own]
    ticks = [c.name for c in boxes if c.n and all(
        flag_of(cell) is not None and not is_date(cell) for cell in c.counts)]  # fmt: skip
    named = [i for i, header in enumerate(ticks) if names_condition(header)]
    return ticks[named[0] : named[-1] + 1] if len(named) > 1 else []


def _stated(cells: pd.DataFrame, head: str) -> bool:
    """Whether a column of that name is there, with more than names in rows of their own."""
    return head in cells and bool((cells[head].notna() & headings_in(cells).isna()).any())


def _visits_beside(rows: Rows) -> list[str]:
    """Return the patterns of columns that stand there once for each of several visits."""
    heads = [*map(str, rows.cells)]
    days: dict[str, list[str]] = {}
    for header in heads:
        if (day := DAY.search(header)) and Column(header, rows.cells[header]).share(score) > 0.5:
            days.setdefault(header.replace(day[0], "#"), []).append(header)
    if sum(re.fullmatch(r"\d{1,2}[/.-]\d{1,2}", header) is not None for header in heads) > 1:
        must, remedy = "a day has its year", "Write it behind each day, as in 1/7/2026."
        raise DataError(must, got="days without one at the heads of columns", remedy=remedy)
    if any(len(headers) > 1 for headers in days.values()):
        return [*days]
    bare = {h: re.sub(r"\(.*?\)", lambda m: " " * len(m[0]), h) for h in map(str, rows.cells)}
    headers = [(h, list(re.finditer(NUMBER, text, re.IGNORECASE))) for h, text in bare.items()]
    stems: dict[str, dict[str, str]] = {}
    for header, (which,) in ((h, found) for h, found in headers if len(found) == 1):
        stem = f"{header[: which.start()]}#{header[which.end() :]}"
        stems.setdefault(stem, {})[str(nth(which[0]))] = header
    several = {stem: own for stem, own in stems.items() if len(own) > 1}
    places = {stem: roles_of(without_number(stem))[:1] for stem in several}
    first = {stem: Column(stem, rows.cells[next(iter(own.values()))])
             for stem, own in several.items()}  # fmt: skip
    if any(column.share(_is_scored_day) > 0.5 for column in first.values()):
        must, remedy = "a cell holds one thing", "Give the day and the score a column each."
        raise DataError(must, got="a day with a score behind it", remedy=remedy)
    dated = [set(own) for stem, own in several.items()  # by its name, or nothing but a date
             if all(role.place in DATES for role in places[stem])
             and first[stem].share(is_date) > 0.5]  # fmt: skip
    if not dated:
        return []
    return [stem for stem, own in several.items() if 2 * len(dated[0] & set(own)) > len(dated[0])
            and not any(role.place.startswith("identifiers.") and role.place != "identifiers.time"
                        for role in places[stem])]  # fmt: skip


def _is_scored_day(cell: str) -> bool:
    return not is_date(cell) and is_date(re.sub(r"\W+\d{1,2}\)?$", "", cell))


def _read_as(path: str | Path, own: FileFormat) -> tuple[Rows, Content]:
    """Return the rows, of a workbook with all sheets and with what is struck through."""
    if is_database(path) or Path(path).suffix.casefold() not in WORKBOOKS:
        return read_source(path, own), {}
    several = len(sheet_names(Path(path), hidden=False)) > 1 and not own.sheets
    file: Content = {"struck_out": STRUCK}
    file |= {"sheets": ["*"], "sheet_name": SHEET} if several else {}
    rows = read_source(path, msgspec.structs.replace(own, **file))
    if not rows.cells[STRUCK].eq("yes").any():
        del file["struck_out"]
        rows = replace(rows, cells=rows.cells.drop(columns=STRUCK))
    return rows, file


def _dictionary(path: str | Path, cells: pd.DataFrame) -> tuple[str, pd.DataFrame] | None:
    """Return the data dictionary of a REDCap project that lies beside its export."""
    if is_database(path):
        return None
    headers = {bare_label(str(header)) for header in cells}
    for place in sorted(Path(path).parent.glob("*.csv")):
        with suppress(OutcomesError, OSError), place.open("rb") as file:
            if b"Variable / Field Name" in file.read(200):
                fields = read_text_table(place).cells
                known = {bare_label(word) for pair in labels_of(fields).items() for word in pair}
                if 2 * len(headers & known) >= len(headers):
                    return place.name, fields
    return None


def _of_product(seen: Seen, preset: Preset) -> Content:
    """Return what a product's map says beside its columns, and ask for columns it has no more."""
    content: Content = {"preset": {"name": preset.name, "version": preset.version}}
    there = {bare(header): header for header in seen.columns}
    parts = [preset.map, *(given["map"] for given in preset.given if _holds(seen, given, there))]
    for part in parts:
        content = merged(content, _present(part, there))
    places = {bare(name): place for name, place in preset.roles.items()}
    rest = [h for h in seen.columns if h not in seen.roles or seen.roles[h].place == "ignored"]
    for name in preset.needs:
        if bare(name) in there:
            continue
        place = places[bare(name)]
        known = place.startswith(("columns.", "identifiers.", "scores."))
        key = place if known else "columns.status"
        alike = DATES if place in DATES else (place,)
        now = [h for h, role in seen.roles.items() if role.place in alike]
        asks = f"{preset.name} has a column {name}; this export has none. Which column is it now?"
        content = merged(content, ask(key, asks, [*now, *rest]))
    return content


def _holds(seen: Seen, given: Mapping[str, Any], there: Mapping[str, str]) -> bool:
    column = seen.columns.get(there.get(bare(given["column"]), ""))
    words = [word.casefold() for word in given["words"]]
    return column is not None and bool(column.n) and all(
        cell.casefold() in words or status_of(cell) in ("cancelled", "no_show")
        for cell in column.counts
    )  # fmt: skip


def _present(part: Mapping[str, Any], there: Mapping[str, str]) -> Content:
    """Return a part of a map with its columns as the file writes them, without absent ones."""
    content: Content = {}
    for name, entry in part.items():
        if name in ("columns", "identifiers", "minutes"):
            own = {k: there[bare(v)] for k, v in entry.items() if bare(v) in there}
            content[name] = own
        elif isinstance(entry, list):
            content[name] = [e for e in (_entry(e, there) for e in entry) if e is not None]
        else:
            content[name] = entry
    return content


def _entry(entry: Mapping[str, Any], there: Mapping[str, str]) -> Content | None:
    own = dict(entry)
    if "column" in own:
        own["column"] = there.get(bare(own["column"]), "")
    if "columns" in own:
        own["columns"] = [there[bare(c)] for c in own["columns"] if bare(c) in there]
    return None if "" in own.values() or own.get("columns") == [] else own


def _reason(role: Role, seen: Seen) -> str:
    words, unsaid = " ".join(role.matched), ""
    if role.place.startswith("scores.") and role.place.endswith((".", ".now")):
        unsaid = "; whether before or after the visit it does not say: taken as before"
    if not words:
        return f"what its cells look like{unsaid}"
    own = seen.preset is not None and seen.preset.role(words) is not None
    taken = f"a column of {seen.preset.name}" if own and seen.preset else f"its words: {words}"
    return taken + unsaid
