"""A drafted column map: put together of parts, with reasons and questions, written as TOML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from outcomes.intake.drafting.headers import vocabulary
from outcomes.intake.readers import Rows
from outcomes.plain_text import shipped

Content = dict[str, Any]
FEW = 8
"""Different words that are asked about one by one."""

_TABLES = ("preset", "identifiers", "file", "source", "columns", "constants", "minutes", "scales",
           "study")  # fmt: skip
_SAYS, _QUESTIONS = vocabulary()["says"], shipped("intake/drafting/questions.toml")


@dataclass(frozen=True)
class Draft:
    """A column map drafted for an export, with the reasons.

    Parameters
    ----------
    content : dict
        The map, as `read_column_map` takes it; what is open stands under ``questions``.
    why : dict of str to str
        Column to what it was taken for, and why.
    unused : dict of str to list of str
        Columns that nothing is read from, with the usual shapes of their cells.
    rows : Rows
        The export as it was read.
    """

    content: Content
    why: Mapping[str, str] = field(default_factory=dict)
    unused: Mapping[str, list[str]] = field(default_factory=dict)
    rows: Rows = field(default_factory=lambda: Rows(pd.DataFrame()))

    @property
    def questions(self) -> list[Content]:
        """Questions that have no answer yet."""
        return [q for q in self.content.get("questions", []) if q.get("answer", "") in ("", [])]

    def answered(self, key: str, answer: Any) -> Draft:
        """Return the same draft with the answer to the question about a place of the map."""
        return self._with(key, lambda question: {**question, "answer": answer})

    def likelier(self, key: str, answer: str) -> Draft:
        """Return the same draft with an answer offered first, where it is asked."""
        return self._with(key, lambda question: {**question, "candidates": sorted(
            question["candidates"], key=lambda one: one != answer)})  # fmt: skip

    def _with(self, key: str, change: Callable[[Content], Content]) -> Draft:
        asked = self.content.get("questions", [])
        changed = [change(question) if question["key"] == key else question for question in asked]
        return replace(self, content={**self.content, "questions": changed})


def ask(name: str, /, likely: Iterable[str] = (), place: str = "", **told: object) -> Content:
    """Return the part of a map that asks one question of ``questions.toml``.

    Parameters
    ----------
    name : str
        The question.
    likely : iterable of str, optional
        Answers that are offered, the likeliest first; by default those of the question.
    place : str, optional
        Where the answer goes in the map; by default that of the question.
    **told
        What stands in the braces of the question.
    """
    question = _QUESTIONS[name]
    candidates = [*likely] or [*question.get("likely", ())]
    asks, key = question["asks"].format(**told), place or question["place"]
    return {"questions": [{"asks": asks, "key": key, "candidates": candidates}]}


def merged(*parts: Mapping[str, Any]) -> Content:
    """Return parts of a map as one: sections joined, lists one after the other.

    Examples
    --------
    >>> merged({"columns": {"date": "Day"}, "rules": [1]}, {"columns": {"age": "Age"}})
    {'columns': {'date': 'Day', 'age': 'Age'}, 'rules': [1]}
    """
    whole: Content = {}
    for part in parts:
        for name, entry in part.items():
            if isinstance(entry, Mapping):
                whole[name] = merged(whole.get(name, {}), entry)
            elif isinstance(entry, list) and isinstance(whole.get(name), list):
                whole[name] = [*whole[name], *entry]
            else:
                whole[name] = entry
    return whole


def rule(name: str, columns: Iterable[str], **said: Any) -> Content:
    """Return the part of a map that is one cleaning rule."""
    return {"rules": [{"name": name, "columns": list(columns), **said}]}


def as_toml(draft: Draft) -> str:
    """Return a drafted map as TOML, with the reasons as comments."""
    return "\n".join(_lines(draft.content, draft.why, draft.unused)) + "\n"


def _lines(
    content: Mapping[str, Any], why: Mapping[str, str], unused: Mapping[str, list[str]]
) -> Iterator[str]:
    yield "# A draft, made from headers and from what cells look like. Check it, then import."
    yield f"title = {_value(content.get('title', ''))}    # what people call the study"
    for name in _TABLES:
        if content.get(name):
            yield from _headed(name, f"[{name}]")
            yield from (_line(key, entry, why) for key, entry in content[name].items())
    for name in ("scores", "values"):
        for key, entry in content.get(name, {}).items():
            if entry:
                yield from ("", f"[{name}.{_key(key)}]")
                yield from (_line(own, cell, why) for own, cell in entry.items())
    for name in ("leave_out", "status", "wide", "rules", "questions"):
        for i, entry in enumerate(content.get(name, [])):
            yield from _headed("" if i else name, f"[[{name}]]")
            said = {**entry, "answer": entry.get("answer", "")} if name == "questions" else entry
            yield from (_line(key, own, {}) for key, own in said.items())
    if unused:
        yield "\n# Nothing is read from these; the usual shapes of their cells:"
        yield from (f"# {_value(header)}: {', '.join(own)}" for header, own in unused.items())


def _headed(name: str, title: str) -> Iterator[str]:
    yield ""
    if name in _SAYS:
        yield f"# {_SAYS[name]}"
    yield title


def _line(key: str, entry: Any, why: Mapping[str, str]) -> str:
    one = entry[0] if isinstance(entry, list) and len(entry) == 1 and key not in _LISTS else entry
    reason = why.get(one, "") if isinstance(one, str) else ""
    return f"{_key(key)} = {_value(one)}" + (f"    # {reason}" if reason else "")


_LISTS = ("dates", "known", "empty", "sheets", "beside", "columns", "is", "candidates")
"""Entries that are lists however many they hold."""


def _key(key: str) -> str:
    bare = key.replace("_", "").replace("-", "").isalnum() and key.isascii()
    return key if bare else json.dumps(key, ensure_ascii=False)


def _value(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in entry.items()) + " }"
    if isinstance(entry, list):
        return "[" + ", ".join(map(_value, entry)) + "]"
    if isinstance(entry, str) and "\\" in entry and "'" not in entry:
        return f"'{entry}'"
    return json.dumps(entry, ensure_ascii=False)
