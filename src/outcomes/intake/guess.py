"""Draft a column map from headers and from what all cells look like; what is not sure it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.errors import OutcomesError
from outcomes.intake.drafting.draft import Content, Draft, ask, merged
from outcomes.intake.drafting.evidence import is_date, shapes, status_of
from outcomes.intake.drafting.facts import facts
from outcomes.intake.drafting.headers import Role, words_of
from outcomes.intake.drafting.layout import ENDS, THERAPIST, TREATS, rows_of_export
from outcomes.intake.drafting.measures import file, scores
from outcomes.intake.drafting.pairs import words_among
from outcomes.intake.drafting.people import dates, people
from outcomes.intake.drafting.seen import DATES, SHEET, Seen, seen_in
from outcomes.intake.drafting.sheets import UNREAD
from outcomes.intake.drafting.visits import status, visits
from outcomes.intake.presets import Preset, bare, preset_of
from outcomes.intake.readers import FileFormat, is_database, name_of
from outcomes.intake.readers.redcap import bare_label, from_redcap, labels_of
from outcomes.intake.readers.text_table import read_text_table
from outcomes.privacy.names import is_of_care

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
    rows, file = rows_of_export(path, form)
    ends, unread = file.pop(ENDS, False), file.pop(UNREAD, {})
    preset, labels = preset_of(map(str, rows.cells)), {}
    dictionary = _dictionary(path, rows.cells) if not file else None
    if dictionary is not None:
        name, fields = dictionary
        file, labels = {"redcap_dictionary": name}, labels_of(fields)
        rows = replace(rows, cells=from_redcap(rows.cells, fields)[0])
    seen = seen_in(rows.cells, preset, labels, tuple(file.get("below", ())))
    seen = replace(seen, title=f"{name_of(path)} {rows.title}")
    source = {name: said for name in ("table", "query") if (said := getattr(form, name, ""))}
    begins: Content = {"title": "", "file": file, **({"source": source} if source else {})}
    content = merged(begins, *(part(seen) for part in PARTS))
    if seen.preset is not None:
        content = merged(content, _of_product(seen, seen.preset))
    content = merged(content, *words_among(seen, content))
    if file.get("headings") == THERAPIST:
        del content["columns"]["sessions.therapist_id"]
        content = merged(content, ask("names_above", [THERAPIST]))
    if ends:
        content = merged(content, ask("first_and_last"))
    if unread:
        rest = dict.fromkeys(unread.values())
        content = merged(content, ask("unread_sheets", rest, sheets=", ".join(unread)))
    sheets = seen.columns[SHEET].counts if SHEET in seen.columns else ()
    told = seen.surveys or seen.one(TREATS) or content["identifiers"].get("name") == [SHEET]
    if len(sheets) > 1 and not told and all(
        _may_name(sheet) and not seen.is_private(sheet) for sheet in sheets
    ):  # fmt: skip
        content = merged(content, ask("names_of_sheets", [SHEET]))
    rivals = {place: headers for place, headers in seen.rivals.items()
              if place.startswith("columns.") and place != "columns.date"}  # fmt: skip
    content = merged(content, *(
        ask("which_of_a_place", own, place, what=place.rpartition(".")[2].replace("_", " "))
        for place, own in rivals.items()))  # fmt: skip
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
        asked = ask("of_product", [*now, *rest], key, product=preset.name, name=name)
        content = merged(content, asked)
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
