"""Turn the plain values of a TOML file into records, and say what is wrong without a value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin
from unicodedata import normalize

import msgspec

from outcomes.errors import UsageError


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
        When a name is not known (with the nearest that is), is missing, or a value is of
        another kind; no value is shown.
    """
    _refuse_unknown_names(content, kind, where)
    try:
        return msgspec.convert(content, kind, dec_hook=_words)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        place = f"{where}, {path.strip('.`')}" if path.strip(".`") else where
        lacks = re.search(r"missing required field `(\w+)`", what)
        wanted = re.match(r"Expected `(\w+)", what)
        kind = _KINDS.get(wanted[1], wanted[1]) if wanted else "of its kind"
        must = f"an entry says {lacks[1]}" if lacks else f"the entry is {kind}"
        got = "nothing" if lacks else "something else"
        raise UsageError(must, got=got, where=place) from None


_KINDS = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "text",
          "array": "a list", "object": "a section"}  # fmt: skip


def _words(kind: type, given: Any) -> Any:
    if kind is Texts and not isinstance(given, dict):
        return Texts([given] if isinstance(given, str) else [str(part) for part in given])
    if kind is Word and not isinstance(given, (list, dict)):
        return Word(given)
    raise TypeError


def _refuse_unknown_names(content: Any, kind: Any, where: str) -> None:
    """Look through sections for names, and words of a list, that are not known."""
    parts = get_args(kind)
    if get_origin(kind) is Literal and content not in parts:
        must = f"{where} is one of {', '.join(str(part) or 'nothing' for part in parts)}"
        raise UsageError(must, got="something else")
    if isinstance(content, dict) and isinstance(kind, type) and issubclass(kind, Section):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        at_top = kind.__name__ == "ColumnMap"
        what = "a section of a column map" if at_top else f"an entry of {where}"
        refuse_unknown(content, fields, what)
        for name, part in content.items():
            listed = f"[[{name}]]" if isinstance(part, list) else f"[{name}]"
            _refuse_unknown_names(part, fields[name], listed if at_top else f"{where} {name}")
    elif isinstance(content, list) and parts:
        for part in content:
            _refuse_unknown_names(part, parts[0], where)
    elif isinstance(content, dict) and len(parts) == 2:
        for name, part in content.items():
            _refuse_unknown_names(part, parts[1], f"{where[:-1]}.{name}]")


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
