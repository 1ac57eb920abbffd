"""Sections of a column map beyond its columns: the file, cleaning rules, spread columns, scores."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from outcomes.dictionary.tables import TIMINGS
from outcomes.errors import UsageError
from outcomes.intake.readers.form import FileFormat
from outcomes.privacy.identifiers import KINDS

Section = Mapping[str, Any]


@dataclass(frozen=True)
class CleaningRule:
    r"""One further way of writing that a map says how to read.

    Parameters
    ----------
    name : str
        What the manifest calls it.
    columns : tuple of str
        Columns of the file that it is for.
    target : str
        Contract column that it is for, where a column of the file fills several; else empty.
    pattern : Pattern
        Regular expression for the whole cell, in any case.
    becomes : str
        What the cell becomes; ``\1`` is the first group. Empty: an empty cell.
    multiply : float or None
        Factor of the number it becomes.
    middle : bool
        Whether the cell becomes the middle of its two groups ("6-7" becomes 6.5).

    Examples
    --------
    >>> rule = cleaning_rule({"name": "of ten", "columns": "Pain", "pattern": "(.+)/10",
    ...                       "becomes": "\\1"})
    >>> rule.read("7/10"), rule.read("7")
    ('7', None)
    """

    name: str
    columns: tuple[str, ...]
    target: str
    pattern: re.Pattern[str]
    becomes: str = ""
    multiply: float | None = None
    middle: bool = False

    def read(self, cell: str) -> str | None:
        """Return what the cell becomes; None where the rule is not for it."""
        match = self.pattern.fullmatch(cell)
        if match is None:
            return None
        if not self.middle and self.multiply is None:
            return match.expand(self.becomes).strip()
        try:
            parts = match.groups()[:2] if self.middle else (match.expand(self.becomes),)
            number = sum(float(part) for part in parts) / len(parts)
        except (TypeError, ValueError):
            return None
        return f"{number * (1.0 if self.multiply is None else self.multiply):.10g}"


@dataclass(frozen=True)
class Spread:
    """Scores of several times that stand beside each other in one row.

    Parameters
    ----------
    score : str
        Contract column that they hold, ``score`` or another.
    over : str
        What tells them apart: ``session``, ``day``, ``week``, ``month`` or ``timing``.
    columns : mapping of str to str
        Value of `over` to the name of the column.
    """

    score: str
    over: str
    columns: Mapping[str, str]


def file_format(section: Section, source: Section) -> tuple[FileFormat, tuple[str, ...]]:
    """Read ``[file]`` and ``[source]``: how rows are had, and the words that mean an empty cell."""
    refuse_unknown(source, ("table", "query"), "an entry of [source]")
    known = ("sheets", "header_rows", "encoding", "delimiter", "decimal", "redcap_dictionary",
             "dates", "empty")  # fmt: skip
    refuse_unknown(section, known, "an entry of [file]")
    decimal = str(section.get("decimal", "."))
    if decimal not in (".", ","):
        must = "decimal is . or ,"
        raise UsageError(must, got="another mark", where="[file]")
    form = FileFormat(
        sheets=texts(section.get("sheets", ())),
        header_rows=int(section.get("header_rows", 1)),
        encoding=str(section.get("encoding", "")),
        delimiter=str(section.get("delimiter", "")),
        decimal=decimal,
        redcap_dictionary=str(section.get("redcap_dictionary", "")),
        dates=texts(section.get("dates", ())) or FileFormat.dates,
        table=str(source.get("table", "")),
        query=str(source.get("query", "")),
    )
    return form, texts(section.get("empty", ()))


def cleaning_rule(entry: Section) -> CleaningRule:
    """Read one entry of ``[[rules]]``.

    Raises
    ------
    UsageError
        When it lacks its columns or pattern, or the pattern is no regular expression.
    """
    known = ("name", "columns", "target", "pattern", "becomes", "multiply", "middle")
    refuse_unknown(entry, known, "an entry of [[rules]]")
    columns, name = texts(entry.get("columns", ())), str(entry.get("name", "without a name"))
    if not columns or "pattern" not in entry:
        must = "a cleaning rule has columns and a pattern"
        raise UsageError(must, got="neither, or one", where=f"rule {name}")
    try:
        pattern = re.compile(str(entry["pattern"]), re.IGNORECASE)
        multiply = entry.get("multiply")
        rule = CleaningRule(
            name, columns, str(entry.get("target", "")), pattern, str(entry.get("becomes", "")),
            None if multiply is None else float(multiply), bool(entry.get("middle", False)),
        )  # fmt: skip
        _refuse_lost_groups(rule)
    except (re.error, IndexError, TypeError, ValueError):
        must = "a cleaning rule has a regular expression, and uses only groups that it has"
        raise UsageError(must, got="something else", where=f"rule {name}") from None
    return rule


def _refuse_lost_groups(rule: CleaningRule) -> None:
    groups = [int(g) for g in re.findall(r"\\(\d+)", rule.becomes)]
    if max([*groups, 2 if rule.middle else 0]) > rule.pattern.groups:
        raise IndexError


def spread(entry: Section) -> Spread:
    """Read one entry of ``[[wide]]``."""
    refuse_unknown(entry, ("score", "over", "columns"), "an entry of [[wide]]")
    over, columns = str(entry.get("over", "")), entry.get("columns", {})
    if over not in ("session", "day", "week", "month", "timing") or not columns:
        must = "[[wide]] says over (session, day, week, month or timing) and its columns"
        remedy = 'For example: over = "week", columns = { 0 = "pk1", 13 = "pk2" }.'
        raise UsageError(must, got="something else", remedy=remedy)
    return Spread(
        str(entry.get("score", "score")), over, {str(k): str(v) for k, v in columns.items()}
    )


def identifier_columns(section: Section) -> dict[str, tuple[str, ...]]:
    """Read ``[identifiers]``: kind of identifier to the columns that hold it."""
    refuse_unknown(section, KINDS, "a kind of identifier")
    return {str(kind): texts(columns) for kind, columns in section.items()}


def score_columns(section: Section) -> dict[str, dict[str, str]]:
    """Read ``[scores]``: instrument to {timing: column}."""
    for name, entry in section.items():
        refuse_unknown(entry, TIMINGS, f"a timing of [scores] {name}")
    return {
        str(name): {str(k): str(v) for k, v in entry.items()} for name, entry in section.items()
    }


def texts(given: object) -> tuple[str, ...]:
    """Return one text or a list of them as a tuple."""
    if isinstance(given, str):
        return (given,)
    return tuple(str(part) for part in given) if isinstance(given, Iterable) else (str(given),)


def refuse_unknown(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise `UsageError` for the first name that is not known, with the nearest that is."""
    known = list(known)
    for name in names:
        if name not in known:
            raise unknown_name(str(name), known, what)


def unknown_name(name: str, known: list[str], what: str) -> UsageError:
    """Return the error for a name that is not known."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
    return UsageError(f"{name!r} is {what}", got="an unknown name", remedy=hint)
