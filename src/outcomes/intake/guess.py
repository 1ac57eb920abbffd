"""Draft a column map from headers and from the shapes of cells; a person corrects it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.intake.dates import read_dates
from outcomes.intake.readers import read_rows
from outcomes.privacy.patterns import found_in, plain

_IDENTIFIERS = {
    "birth_date": r"dob|birth|born", "email": r"e ?mail", "phone": r"phone|mobile|cell|tel",
    "street": r"street|address|addr", "zip": r"zip|post ?code|postal", "city": r"city|town",
    "ssn": r"ssn|social security", "claim": r"claim", "plan": r"policy|insurance|plan id",
    "physician": r"\bmd\b|physician|doctor|referr|\bgp\b", "employer": r"employer",
    "attorney": r"attorney|lawyer", "appointment": r"appt (?:no|id)|appt$|appointment (?:no|id)",
    "record": r"mrn|chart|record|client id|patient id", "time": r"start|time", "name":
    r"^(?:client|patient)$|name|surname", "free_text": r"note|comment|soap|remark",
}  # fmt: skip
_COLUMNS = {
    "date": r"date|visit day", "sessions.therapist_id": r"therapist|provider|practitioner|staff",
    "clinic_id": r"clinic|location|site|branch", "status": r"status|arriv|attend",
    "sessions.minutes": r"length|duration|minutes|\bmin\b", "pressure": r"pressure|touch",
    "condition": r"reason|condition|complaint|diagnos", "sex": r"^sex$|gender", "age": r"^age$",
    "arm": r"^arm$|^group$|treatment group", "week": r"^weeks?$", "month": r"^months?$",
}  # fmt: skip
_SCORES = {
    "pre_session": r"before|pre\b|start", "post_session": r"after|post\b|end",
}  # fmt: skip
_STATUS = {
    "attended": r"arrived|attended|complete.*|checked.*|show(?:ed)?", "no_show": r"no.?show.*|dna",
    "cancelled": r"cancel.*", "stopped_early": r".*early.*",
}  # fmt: skip
_CONDITIONS = {
    "headache": "headache|migraine", "carpal_tunnel": "carpal|cts", "sciatica": "sciatica",
    "neck_mvc": r"whiplash|mva|mvc|car (?:wreck|accident|crash)", "post_op": r"post.?op.*|surgery",
    "neck_other": "neck", "knee_pain": "knee", "low_back": r"back|lumbar|lbp",
    "arthritis": "arthritis",
}  # fmt: skip
_WAYS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d %B %Y", "%d %b %Y", "%d.%m.%Y", "%m/%d/%y")


def guess_map(path: str | Path) -> str:
    r"""Return a draft of a column map for an export, as TOML with comments.

    Parameters
    ----------
    path : str or Path
        The export; it is only looked at.

    Returns
    -------
    str
        TOML to correct by hand. It holds headers of the file and shapes of cells (``9/9`` for
        ``7/10``), never a cell.

    Raises
    ------
    DataError
        When the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "x.csv"
    ...     _ = file.write_text("Client,Appt date,Pain before\nAnn Lee,05/04/2026,7/10\n")
    ...     print(guess_map(file).splitlines()[5])
    name = "Client"
    """
    rows = read_rows(path)
    roles = {str(header): _role(str(header), rows[header]) for header in rows}
    return "\n".join(_lines(rows, roles)) + "\n"


def _role(header: str, cells: pd.Series[Any]) -> tuple[str, str]:
    """Return what a column looks like: the section of the map and the name in it."""
    words = plain(header)
    for kind in ("email", "phone", "ssn", "street"):
        if found_in(cells, kind).mean() > 0.5:
            return "identifiers", kind
    for kind, pattern in _IDENTIFIERS.items():
        if re.search(pattern, words):
            return "identifiers", kind
    if re.search(r"pain|nprs|\bnrs\b|\bvas\b", words):
        timing = next((t for t, p in _SCORES.items() if re.search(p, words)), "pre_session")
        return "scores.nprs", timing
    if re.search(r"\bndi\b", words):
        return "scores.ndi", "pre_session"
    for name, pattern in _COLUMNS.items():
        if re.search(pattern, words):
            return "columns", name
    long = cells.dropna().map(lambda cell: len(str(cell)) > 40).mean()
    return ("identifiers", "free_text") if long > 0.2 else ("", "")


def _lines(rows: pd.DataFrame, roles: dict[str, tuple[str, str]]) -> Iterator[str]:
    dates = [h for h, role in roles.items() if role == ("columns", "date")]
    yield "# A draft, made from headers and shapes of cells. Check every line; then import."
    yield f"title = {json.dumps('')}    # what people call the study"
    yield ""
    yield "# Columns that identify people: nothing of them is kept."
    yield "[identifiers]"
    yield from _entries(roles, "identifiers")
    yield ""
    yield "[file]"
    yield f"dates = {json.dumps(_date_ways(rows, dates))}    # tried in this order"
    yield f"empty = {json.dumps(['N/A', 'NA', '-'])}"
    yield ""
    yield "[columns]"
    yield from _entries(roles, "columns")
    for section in ("scores.nprs", "scores.ndi"):
        if any(role[0] == section for role in roles.values()):
            yield f"\n[{section}]"
            yield from _entries(roles, section)
    yield from _word_rules(roles)
    yield from _shape_rules(rows, roles)
    unknown = [h for h, role in roles.items() if not role[0]]
    yield "\n# Not kept unless you say what they are; the shapes of their cells, the usual first:"
    for header in unknown:
        yield f"# {json.dumps(header, ensure_ascii=False)}: {', '.join(_shapes(rows[header]))}"


def _entries(roles: dict[str, tuple[str, str]], section: str) -> Iterator[str]:
    named: dict[str, list[str]] = {}
    for header, (own, name) in roles.items():
        if own == section:
            named.setdefault(name, []).append(header)
    for name, headers in named.items():
        key = json.dumps(name) if "." in name else name
        several = section == "identifiers" and len(headers) > 1
        value = json.dumps(headers if several else headers[0], ensure_ascii=False)
        also = "" if several or len(headers) == 1 else f"    # or {json.dumps(headers[1:])}"
        yield f"{key} = {value}{also}"


def _date_ways(rows: pd.DataFrame, headers: Sequence[str]) -> list[str]:
    if not headers:
        return ["%Y-%m-%d"]
    cells = rows[headers[0]]
    ways: list[str] = []
    while cells.notna().any():  # the way that reads most of what is left
        read = {way: read_dates(cells, [way]).counts[way] for way in _WAYS}
        best = max(_WAYS, key=lambda way: read[way])
        if not read[best]:
            break
        ways.append(best)
        cells = cells.where(read_dates(cells, [best]).unread)
    return ways or ["%Y-%m-%d"]


def _word_rules(roles: dict[str, tuple[str, str]]) -> Iterator[str]:
    for name, rules in (("status", _STATUS), ("condition", _CONDITIONS)):
        header = next((h for h, role in roles.items() if role == ("columns", name)), None)
        if header is None:
            continue
        yield f"\n# Words for {name}; the first rule that fits a cell reads it."
        for becomes, pattern in rules.items():
            whole = pattern if name == "status" else rf".*\b(?:{pattern})\b.*"
            whole = whole.replace(r"\b(?:headache|migraine)\b", "(?:headache|migraine)")
            yield from _rule(becomes, header, whole, becomes)


def _shape_rules(rows: pd.DataFrame, roles: dict[str, tuple[str, str]]) -> Iterator[str]:
    for header, role in roles.items():
        shapes = set(_shapes(rows[header], n=50))
        if role[0] == "scores.nprs" and {"9/9", "9/99"} & shapes:
            yield from _rule("7/10: of ten", header, r"(\d+) ?/ ?10", r"\1")
        if role[0] == "scores.nprs" and "9-9" in shapes:
            yield "\n# Cells like 6-7: take the middle? Then remove the marks below."
            for line in _rule("6-7: the middle", header, r"(\d+)-(\d+)", ""):
                yield f"# {line}" if line else ""
            yield "# middle = true"
        if role[0] == "scores.ndi" and "%" in header:
            yield from _rule("percent of the index, as points of 50", header, r"(\d+) ?%?", r"\1")
            yield "multiply = 0.5"
        if role[1] == "sessions.minutes":
            yield from _rule("60 min", header, r"(\d+) ?(?:m|min|mins|minutes)\.?", r"\1")
            hours = r"(\d+(?:\.\d+)?) ?(?:h|hr|hrs|hour|hours)\.?"
            yield from _rule("1 hr", header, hours, r"\1")
            yield "multiply = 60"
        if role[1] == "pressure":
            yield from _rule("3 (medium): the number", header, r"([0-5])\b.*", r"\1")
            yield f"# Say what your own words mean: [values.pressure] {json.dumps('firm')} = 4"


def _rule(name: str, header: str, pattern: str, becomes: str) -> Iterator[str]:
    yield ""
    yield "[[rules]]"
    yield f"name = {json.dumps(name)}"
    yield f"columns = [{json.dumps(header, ensure_ascii=False)}]"
    yield f"pattern = '{pattern}'"
    if becomes:
        yield f"becomes = {json.dumps(becomes)}"


def _shapes(cells: pd.Series[Any], n: int = 3) -> list[str]:
    """Return the most frequent shapes of cells: digits as 9, letters as a."""
    shapes = cells.dropna().map(
        lambda cell: re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", str(cell)))
    )
    return [str(shape) for shape in shapes.value_counts().head(n).index]
