"""Read instruments from TOML text, strictly: unknown keys, missing keys and other kinds refused."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from typing import Any

from outcomes.dictionary.instruments.record import Instrument, Normal, Scoring
from outcomes.dictionary.instruments.threshold import Threshold
from outcomes.errors import UsageError

_NESTED: dict[str, type[Any]] = {
    "scoring": Scoring,
    "normals": Normal,
    "thresholds": Threshold,
}


def parse_instruments(text: str, where: str) -> tuple[Instrument, ...]:
    """Read the instruments of one TOML file.

    Parameters
    ----------
    text : str
        A TOML document with an array of tables ``instrument``.
    where : str
        Name of the file, for messages.

    Returns
    -------
    tuple of Instrument

    Raises
    ------
    UsageError
        When the text is not TOML, a key is unknown or missing, a value is of another kind, or a
        record contradicts itself.

    Examples
    --------
    >>> text = '''[[instrument]]
    ... name = "grip"
    ... minimum = 0
    ... maximum = 90
    ... unit = "kg"
    ... better = "higher"'''
    >>> parse_instruments(text, "grip.toml")[0].scale
    '0-90'
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        must = "an instrument file is TOML"
        raise UsageError(must, got=str(error), where=where) from None
    if set(content) != {"instrument"} or not isinstance(content["instrument"], list):
        must = "an instrument file holds [[instrument]] tables only"
        raise UsageError(must, where=where)
    return tuple(
        _record(Instrument, entry, f"{where}, instrument {position}")
        for position, entry in enumerate(content["instrument"], start=1)
    )


def _record(record: type[Any], entry: Any, where: str) -> Any:
    if not isinstance(entry, Mapping):
        must = "a record is a TOML table"
        raise UsageError(must, got="something else", where=where)
    fields = {field.name: field for field in dataclasses.fields(record)}
    unknown = [key for key in entry if key not in fields]
    missing = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and name not in entry
    ]
    for keys, got in ((unknown, "an unknown key"), (missing, "a missing key")):
        if keys:
            must = "an instrument has the keys of its record"
            raise UsageError(must, got=f"{got}: {', '.join(keys)}", where=where)
    values = {
        key: _value(str(fields[key].type), key, value, f"{where}, {key}")
        for key, value in entry.items()
    }
    try:
        return record(**values)
    except UsageError as error:
        raise UsageError(error.must, got=error.got, where=where) from None


def _value(kind: str, key: str, value: Any, where: str) -> Any:
    if key in _NESTED:
        if kind.startswith("tuple"):
            return tuple(
                _record(_NESTED[key], one, f"{where} {position}")
                for position, one in enumerate(_list(value, where), start=1)
            )
        return _record(_NESTED[key], value, where)
    if kind.startswith("tuple[tuple"):
        return tuple(
            tuple(_plain("float", cell, where) for cell in _list(pair, where))
            for pair in _list(value, where)
        )
    if kind.startswith("tuple["):
        inner = kind.removeprefix("tuple[").split(",")[0]
        return tuple(_plain(inner, one, where) for one in _list(value, where))
    return _plain(kind.removesuffix(" | None"), value, where)


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        must = "a value is a list"
        raise UsageError(must, got="something else", where=where)
    return value


def _plain(kind: str, value: Any, where: str) -> Any:
    expected = {"float": (int, float), "int": (int,), "bool": (bool,)}.get(kind, (str,))
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != "bool"):
        names = " or ".join(t.__name__ for t in expected)
        must = f"a value is of kind {names}"
        raise UsageError(must, got=type(value).__name__, where=where)
    return float(value) if kind == "float" else value
