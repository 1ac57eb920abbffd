"""A design as plain values, as TOML and back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from outcomes.errors import DesignError
from outcomes.synthetic.conditions import Arm, SimulatedCondition
from outcomes.synthetic.design import Design

_TABLES: dict[str, Any] = {"conditions": SimulatedCondition, "arms": Arm}


def to_dict(design: Design) -> dict[str, Any]:
    """Return a design as plain values, ready for JSON."""
    values = asdict(design)
    return {name: _plain(value) for name, value in values.items()}


def from_dict(values: Mapping[str, Any]) -> Design:
    """Return the design of plain values.

    Raises
    ------
    DesignError
        When a name is not a parameter, or a value is refused.
    """
    _refuse_unknown(values, Design, "design")
    given = {name: _frozen(value) for name, value in values.items()}
    for name, kind in _TABLES.items():
        if name in values:
            given[name] = tuple(_row(kind, row, name) for row in values[name])
    return Design(**given)


def to_toml(design: Design) -> str:
    """Return a design as TOML: numbers first, then one table for each condition and arm."""
    values = to_dict(design)
    tables = {name: values.pop(name) for name in _TABLES}
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    for name, rows in tables.items():
        for row in rows:
            lines += ["", f"[[{name}]]"]
            lines += [f"{k} = {json.dumps(v)}" for k, v in row.items() if v is not None]
    return "\n".join(lines) + "\n"


def from_toml(text: str | Path) -> Design:
    """Return the design of a TOML text or file.

    Raises
    ------
    DesignError
        When the text is not TOML or a value is refused.
    """
    content = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
    try:
        values = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        must = "a design file is TOML"
        raise DesignError(must, got=str(error), where="design") from None
    return from_dict(values)


def _row(kind: Any, row: Any, name: str) -> Any:
    if not isinstance(row, Mapping) or "name" not in row:
        must = f"each of {name} is a table with a name"
        raise DesignError(must, got=type(row).__name__, where="design")
    _refuse_unknown(row, kind, f"{name}, {row['name']}")
    try:
        return kind(**row)
    except TypeError:
        needed = "name and function_instrument" if kind is SimulatedCondition else "name"
        must = f"each of {name} has {needed}"
        raise DesignError(must, got="a table without", where="design") from None


def _refuse_unknown(values: Mapping[str, Any], kind: Any, where: str) -> None:
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        must = "names are those of the design's parameters"
        remedy = "See docs/simulation.md."
        raise DesignError(must, got=", ".join(unknown), where=where, remedy=remedy)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value
