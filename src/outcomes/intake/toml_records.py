"""Turn the plain values of a TOML file into records, and say what is wrong without a value."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin
from unicodedata import normalize

import msgspec

from outcomes.errors import UsageError, refuse_all


class Texts(tuple[str, ...]):
    """One text or a list of them."""


class Word(str):
    """A text, a number, or yes or no, as text."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sections share: names that are not known are refused."""


def folded(cell: str) -> str:
    """Return a cell as words are compared: in lower case, single blanks, one form of a letter."""
    return " ".join(normalize("NFKC", cell).split()).casefold()


def converted(content: Any, kind: Any, where: str) -> Any:
    """Return plain values as a record of sections.

    Raises
    ------
    UsageError
        When names are not known (with the nearest that are) or missing, or values are of another
        kind: all of these at once; no value is shown.
    """
    refuse_all([*_wrong(content, kind, where)])
    return msgspec.convert(content, kind, dec_hook=_words)


_KINDS = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "text",
          "array": "a list", "object": "a section"}  # fmt: skip


def _words(kind: type, given: Any) -> Any:
    if kind is Texts and not isinstance(given, dict):
        return Texts([given] if isinstance(given, str) else [str(part) for part in given])
    if kind is Word and not isinstance(given, (list, dict)):
        return Word(given)
    raise TypeError


def _wrong(content: Any, kind: Any, where: str) -> Iterator[UsageError]:
    """Look through sections for all that is not known, missing or of another kind."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal and content not in parts:
        must = f"{where} is one of {', '.join(str(part) for part in parts if part)}"
        remedy = "Or leave it out." if "" in parts else ""
        yield UsageError(must, got="something else", remedy=remedy)
    elif isinstance(kind, type) and issubclass(kind, Section) and isinstance(content, dict):
        yield from _wrong_entries(content, kind, where)
    elif origin is tuple and isinstance(content, list):
        for part in content:
            yield from _wrong(part, parts[0], where)
    elif origin in (dict, Mapping) and isinstance(content, dict):
        for name, part in content.items():
            inside = f"{where[:-1]}.{name}]" if where.endswith("]") else f"{where} {name}"
            yield from _wrong(part, parts[1], inside)
    else:
        yield from _of_another_kind(content, kind, where)


def _wrong_entries(content: dict[str, Any], kind: type, where: str) -> Iterator[UsageError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    at_top = kind.__name__ == "ColumnMap"
    what = "a section of a column map" if at_top else f"an entry of {where}"
    yield from _unknown(content, fields, what)
    for name in [name for name, field in fields.items() if field.required and name not in content]:
        yield UsageError(f"{where} says {name}", got="nothing")
    for name, part in content.items():
        listed = f"[[{name}]]" if isinstance(part, list) else f"[{name}]"
        inside = listed if at_top else f"{where} {name}"
        if name in fields:
            yield from _wrong(part, fields[name].type, inside)


def _of_another_kind(content: Any, kind: Any, where: str) -> Iterator[UsageError]:
    try:
        msgspec.convert(content, kind, dec_hook=_words)
    except msgspec.ValidationError as error:
        found = re.match(r"Expected `(\w+)[^,]*, got `(\w+)", str(error))
        wanted, got = (_KINDS.get(word, word) for word in found.groups()) if found else ("", "")
        must = f"{where} is {wanted or 'text or a list of texts'}"
        once = "Write it as one section, in single brackets." * (wanted == "a section")
        yield UsageError(must, got=got or "something else", remedy=once)


def refuse_unknown(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise `UsageError` for all names that are not known, each with the nearest that is."""
    refuse_all(_unknown(names, known, what))


def _unknown(names: Iterable[str], known: Iterable[str], what: str) -> list[UsageError]:
    known = list(known)
    found = [unknown_name(str(name), known, what) for name in names if name not in known]
    for before, error in itertools.pairwise(found):
        error.remedy = error.remedy * (error.remedy != before.remedy)
    return found


def unknown_name(name: str, known: list[str], what: str) -> UsageError:
    """Return the error for a name that is not known."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
    return UsageError(f"{name!r} is {what}", got="an unknown name", remedy=hint)
