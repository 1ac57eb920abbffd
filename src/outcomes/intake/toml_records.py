"""Turn the plain values of a TOML file into records, and say what is wrong without a value."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator
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
    refuse_all([*_unknown_names(content, kind, where)])
    wrong: list[UsageError] = []
    while True:
        try:
            found = msgspec.convert(content, kind, dec_hook=_words)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$")
            lacks = "missing required" in what
            if not (lacks and wrong):  # else it was taken out because it was of another kind
                wrong.append(_of_another_kind(what, path.strip(".`"), where))
            content = None if lacks else _without(content, re.findall(r"\w+", path))
            if content is not None:
                continue
        refuse_all(wrong)
        return found


def _of_another_kind(what: str, path: str, where: str) -> UsageError:
    """Return the error for what the library found of another kind, or missing, at a path."""
    place = f"{where}, {path}" if path else where
    if lacks := re.search(r"missing required field `(\w+)`", what):
        return UsageError(f"an entry says {lacks[1]}", got="nothing", where=place)
    wanted, given = (re.search(rf"{word} `(\w+)", what) for word in ("Expected", "got"))
    kind, got = (_KINDS.get(one[1], one[1]) if one else "" for one in (wanted, given))
    place, name = place.replace("[...]", ", one of its entries"), path.rpartition(".")[2]
    written = {"a section": f"Write [{name}], once.", "a list": f"Write [[{name}]]."}
    pairs = {kind, got} == set(written) and name.isidentifier()
    must = f"the entry is {kind or 'of its kind'}"
    remedy = written[kind] if pairs else ""
    return UsageError(must, got=got or "something else", where=place, remedy=remedy)


def _without(content: Any, path: list[str]) -> Any:
    """Return plain values without what stands at a path; None where nothing can be taken out."""
    if not path or not isinstance(content, (dict, list)):
        return None
    at: Any = int(path[0]) if isinstance(content, list) else path[0]
    if isinstance(content, list):
        return [_without(part, path[1:]) if n == at else part for n, part in enumerate(content)]
    rest = _without(content[at], path[1:]) if path[1:] else None
    kept = {name: part for name, part in content.items() if name != at}
    return kept if rest is None else {**kept, at: rest}


_KINDS = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "text",
          "array": "a list", "object": "a section", "null": "nothing"}  # fmt: skip


def _words(kind: type, given: Any) -> Any:
    if kind is Texts and not isinstance(given, dict):
        return Texts([given] if isinstance(given, str) else [str(part) for part in given])
    if kind is Word and not isinstance(given, (list, dict)):
        return Word(given)
    raise TypeError


def _unknown_names(content: Any, kind: Any, where: str) -> Iterator[UsageError]:
    """Look through sections for names, and words of a list, that are not known."""
    parts = get_args(kind)
    if get_origin(kind) is Literal and content not in parts:
        must = f"{where} is one of {', '.join(str(part) for part in parts if part)}"
        remedy = "Or leave it out." if "" in parts else ""
        yield UsageError(must, got="something else", remedy=remedy)
    if isinstance(content, dict) and isinstance(kind, type) and issubclass(kind, Section):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        at_top = kind.__name__ == "ColumnMap"
        what = "a section of a column map" if at_top else f"an entry of {where}"
        yield from _unknown(content, fields, what)
        for name, part in content.items():
            listed = f"[[{name}]]" if isinstance(part, list) else f"[{name}]"
            inside = listed if at_top else f"{where} {name}"
            yield from _unknown_names(part, fields.get(name), inside)
    elif isinstance(content, list) and parts:
        for part in content:
            yield from _unknown_names(part, parts[0], where)
    elif isinstance(content, dict) and len(parts) == 2:
        for name, part in content.items():
            yield from _unknown_names(part, parts[1], f"{where[:-1]}.{name}]")


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
