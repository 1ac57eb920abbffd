"""The manifest of an import: what was done, rule by rule, what was found, and what was not checked.

It says what was done and looked for. It never says that a study is anonymous or meets a law.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from outcomes.errors import DataError
from outcomes.findings import COLUMNS, Findings
from outcomes.privacy.guard import Sighting
from outcomes.privacy.key_file import Sealed
from outcomes.privacy.patterns import NOT_CHECKED, SAFE_HARBOR
from outcomes.privacy.risk import INSIDE, PUBLIC, Risk

NAME = "manifest"

STAYS = (
    "This page stays with the data: it holds counts of few people and names of columns. What "
    "leaves is a report or slides, whose small counts are suppressed."
)
"""What manifest and findings say of themselves."""


@dataclass(frozen=True)
class Step:
    """One thing that was done to a column.

    Parameters
    ----------
    rule : str
        What was done.
    column : str
        Column of the file.
    count : int
        Cells or rows changed.
    """

    rule: str
    column: str
    count: int


@dataclass(frozen=True)
class Manifest:
    """What an import did.

    Parameters
    ----------
    study : str
        Random name of the study, as in its key file.
    day_0 : mapping
        Patient to {course: sealed date of its day 0}; see `outcomes.privacy.key_file`.
    version : str
        Version of the package.
    source_sha256 : str
        Digest of the export's bytes; of the rows, where a database gave them.
    n_rows : int
        Rows of the export.
    cleaned, de_identified : tuple of Step
        What was done.
    left_out : tuple of Step
        Rows of the export that are not in the study, with the reason.
    checklist : tuple of dict
        The 18 identifiers of 45 CFR 164.514(b)(2) with what was done for each.
    sightings : tuple of Sighting
        Identifiers in columns that are not for them.
    counts : dict
        Clients, courses, visits, scores and goals in the study.
    k_before : int
        Smallest group of clients alike in birth date, ZIP and condition, as exported; 0 unknown.
    risk : Risk
        Of the study.
    appended : bool
        Whether the export was added to a study that was there.
    not_checked : tuple of str
        What nobody looked at.
    stays : str
        That the manifest is for the holder of the data alone.
    """

    study: str
    day_0: Sealed
    version: str
    source_sha256: str
    n_rows: int
    cleaned: tuple[Step, ...]
    de_identified: tuple[Step, ...]
    left_out: tuple[Step, ...]
    checklist: tuple[dict[str, str], ...]
    sightings: tuple[Sighting, ...]
    counts: Mapping[str, int]
    k_before: int
    risk: Risk
    appended: bool = False
    not_checked: tuple[str, ...] = NOT_CHECKED
    stays: str = STAYS

    def __repr__(self) -> str:
        return (
            f"Manifest({self.n_rows:,} rows, {len(self.cleaned)} cleaning steps, "
            f"{len(self.sightings)} sightings, k {self.k_before} before and {self.risk.k} after)"
        )

    def record(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return asdict(self)


def checklist(
    dropped: Mapping[str, Sequence[str]],
    sightings: Iterable[Sighting],
    *,
    aged: bool,
    n_looked: int = 0,
    period: str = "",
) -> tuple[dict[str, str], ...]:
    """Return the 18 identifiers with what was done for each.

    Parameters
    ----------
    dropped : mapping of str to sequence of str
        Kind of identifier to the columns of the file that hold it.
    sightings : iterable of Sighting
        What was found elsewhere.
    aged : bool
        Whether ages became bands.
    period : str
        ``year`` or ``quarter`` where that of a course's first visit is kept.
    n_looked : int
        Number of columns that were looked at for identifiers.

    Examples
    --------
    >>> checklist({"phone": ["Tel"]}, [], aged=False)[3]["done"]
    'column Tel: not kept; looked for in 0 other columns: none seen'
    """
    seen = list(sightings)
    entries = []
    for item in SAFE_HARBOR:
        columns = [column for kind in item.kinds for column in dropped.get(kind, ())]
        done = [f"column {', '.join(columns)}: not kept"] if columns else []
        if item.letter == "B":
            done.append("ZIP codes are dropped, their first three digits too")
        if item.letter == "C" and (aged or columns):
            bands = "ages in ten-year bands, 90 and over together"
            done.append(f"visits as days since the first; {bands}")
        if item.letter == "C" and period:
            beyond = ", which is more than the rule allows" if period == "quarter" else ""
            done.append(f"the {period} of each course's first visit is kept{beyond}")
        where = ", ".join(dict.fromkeys(s.column for s in seen if s.kind in item.looked_for))
        found = f"seen in {where}: nothing of these cells is kept" if where else "none seen"
        others = "1 other column" if n_looked == 1 else f"{n_looked} other columns"
        done.append(f"looked for in {others}: {found}" if item.looked_for else _NOT_LOOKED_FOR)
        entries.append({"letter": item.letter, "identifier": item.title, "done": "; ".join(done)})
    return tuple(entries)


_NOT_LOOKED_FOR = "not looked for: it has no shape that a program knows in a table"


def read_manifest(path: Path) -> tuple[str, Sealed]:
    """Return the study's random name and the sealed dates that a manifest holds.

    Raises
    ------
    DataError
        When the file is not the manifest that an import wrote.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        dates = [text for own in content["day_0"].values() for text in own.values()]
        if not all(re.fullmatch("[0-9a-f]{32}", text) for text in dates):
            raise ValueError
        return str(content["study"]), content["day_0"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        must = "the manifest is as an import of this version wrote it"
        raise DataError(must, got="something else", where=path.name) from None


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest as JSON and as a page for people."""
    text = json.dumps(manifest.record(), indent=1, ensure_ascii=False)
    (folder / f"{NAME}.json").write_text(text + "\n", encoding="utf-8", newline="")
    (folder / f"{NAME}.html").write_text(_page(manifest), encoding="utf-8", newline="")


def write_findings(findings: Findings, folder: Path) -> None:
    """Write ``findings.json`` and ``findings.html`` into a folder.

    Parameters
    ----------
    findings : Findings
        What `check` returned; it holds no cell.
    folder : Path
        A folder that is there.
    """
    records = json.loads(findings.table.to_json(orient="records"))
    listed = [(f.rule, f.column, ", ".join(map(str, f.rows))) for f in findings.items if f.rows]
    records = [{**record, **({"rows": f.rows} if f.rows else {})}
               for record, f in zip(records, findings.items, strict=True)]  # fmt: skip
    content = {"stays": STAYS, "ok": findings.ok, "findings": records}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / "findings.json").write_text(text + "\n", encoding="utf-8", newline="")
    rows = findings.table.itertuples(index=False, name=None)
    words = "No error." if findings.ok else "There are errors: answers wait until they are gone."
    body = f"<p>{words} Row 1 is the first row of data. {STAYS}</p>\n"
    body += page_table("What was found", [name.replace("_", " ") for name in COLUMNS], rows)
    if listed:
        body += page_table("Rows to look at", ["rule", "column", "rows"], listed)
    (folder / "findings.html").write_text(page("Findings", body), encoding="utf-8", newline="")


def _page(manifest: Manifest) -> str:
    risk, steps = manifest.risk, ("what was done", "column", "count")
    patterns = "unknown" if risk.n_unique_patterns is None else f"{risk.n_unique_patterns:,}"
    risks = [
        ("smallest group alike (k), as exported", manifest.k_before or "unknown"),
        ("smallest group alike (k), in the study", risk.k),
        (f"courses in groups smaller than {INSIDE}", risk.n_below),
        ("courses alone in their group", risk.n_unique),
        ("courses whose days of visits no other has", patterns),
        *((f"different values of {name} in a group, at least", n)
          for name, n in risk.diversity.items()),
        ("wanted", f"k of {INSIDE} inside the clinic, {PUBLIC} in public"),
        *(("would help", words) for words in risk.suggestions),
    ]  # fmt: skip
    tables = [
        page_table("The study holds", ("what", "count"), manifest.counts.items()),
        page_table("Cleaning", steps, map(astuple, manifest.cleaned)),
        page_table("Identification", steps, map(astuple, manifest.de_identified)),
        page_table("Rows left out", ("reason", "column", "rows"), map(astuple, manifest.left_out)),
        page_table("The 18 identifiers", ("", "identifier", "what was done"),
                   [tuple(entry.values()) for entry in manifest.checklist]),
        page_table("Identifiers where they do not belong", ("column", "like", "rows", "first"),
                   [(s.column, s.kind, s.count, s.rows[0]) for s in manifest.sightings]),
        page_table("Risk", ("", ""), risks),
        page_table("Not checked", ("",), [(line,) for line in manifest.not_checked]),
    ]  # fmt: skip
    return page("Manifest of an import", f"<p>{manifest.stays}</p>\n{''.join(tables)}")


def page(title: str, body: str) -> str:
    """Return a self-contained HTML page."""
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%;margin-bottom:1.5rem}"
        "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc;vertical-align:top}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head><body><h1>{title}</h1>\n{body}</body></html>\n"
    )


def page_table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table with its heading as HTML; says so where it has no row."""
    lines = ["".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows]
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in header)
    if not lines:
        return f"<h2>{html.escape(title)}</h2><p>None.</p>\n"
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f"<h2>{html.escape(title)}</h2><table><tr>{head}</tr>\n{body}</table>\n"
