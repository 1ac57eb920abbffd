"""Reference pages of the site, written from what the code itself holds: records, options, names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import msgspec
import typer
from numpydoc.docscrape import ClassDoc

import outcomes as oc
from outcomes.cli.shared import app
from outcomes.dictionary.tables import TABLES, ColumnSpec
from outcomes.intake.column_map import ColumnMap
from outcomes.intake.toml_records import Section
from outcomes.mixed.fit import MixedFit
from outcomes.questions.answer import Answer
from outcomes.study import Study


def pages() -> dict[str, str]:
    """Return each generated page by its name in ``docs/reference``.

    Examples
    --------
    >>> sorted(pages())
    ['column-map.md', 'command-line.md', 'dictionary.md', 'python.md']
    """
    return {
        "column-map.md": column_map(),
        "command-line.md": command_line(),
        "dictionary.md": dictionary(),
        "python.md": python(),
    }


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    cells = ([" ".join(str(x).split()).replace("|", "\\|") for x in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def dictionary() -> str:
    """Return the four tables, column by column."""
    parts = ["# Data dictionary\n\nUnknown is an empty cell, never a code. Time is days since the "
             "first visit of the course.\n"]  # fmt: skip
    for spec in TABLES.values():
        rows = (
            (f"`{c.name}`", c.kind, "yes" if c.required else "", _allowed(c), c.description)
            for c in spec.columns
        )
        key = ", ".join(f"`{name}`" for name in spec.key)
        told = f"{spec.description} A row is known by {key}." if key else spec.description
        head = ("column", "kind", "required", "allowed", "what it holds")
        parts.append(f"## {spec.name}\n\n{told}\n\n{table(head, rows)}")
    return "\n".join(parts)


def _allowed(column: ColumnSpec) -> str:
    ends = column.minimum, column.maximum
    span = " to ".join("..." if end is None else f"{end:g}" for end in ends)
    parts = [
        ", ".join(f"`{word}`" for word in column.categories) + ", or others" * column.open_list,
        "" if ends == (None, None) else span,
        f"multiples of {column.multiple_of:g}" if column.multiple_of else "",
        column.unit,
    ]
    return "; ".join(part for part in parts if part)


def command_line() -> str:
    """Return every verb with its arguments and options."""
    whole = typer.main.get_command(app)
    codes = "0 done; 1 the data break a rule; 2 wrong use; 3 could not be done, with the remedy"
    parts = [f"# Command line\n\nExit codes: {codes}. `--json` prints for programs.\n"]
    for name, command in sorted(getattr(whole, "commands", {}).items()):
        told, _, example = inspect.cleandoc(command.help or "").partition("Example: ")
        rows = ((_names(option), option.help or "") for option in command.params)
        shown = f"\n```\n{example.strip()}\n```\n" if example else ""
        parts.append(
            f"## `outcomes {name}`\n\n{told.strip()}\n{shown}\n{table(('option', ''), rows)}"
        )
    return "\n".join(parts)


def _names(option: Any) -> str:
    if option.param_type_name == "argument":
        return f"`{option.name.upper()}`"
    return ", ".join(f"`{name}`" for name in option.opts)


def column_map() -> str:
    """Return every section and entry of a column map."""
    head = ("entry", "if nothing is said", "what it says")
    intro = ("# Column map\n\nA TOML file; [importing](../import.md) explains it, and examples are "
             "in `docs/maps`. Names that are not listed here are refused.\n\n")  # fmt: skip
    parts = [intro + table(head, _entries(ColumnMap))]
    for field in msgspec.structs.fields(ColumnMap):
        kinds = [k for k in (field.type, *get_args(field.type)) if inspect.isclass(k)]
        for kind in kinds:
            if issubclass(kind, Section):
                title = f"## `[{field.encode_name}]`\n\n{ClassDoc(kind)['Summary'][0]}\n\n"
                parts.append(title + table(head, _entries(kind)))
    return "\n".join(parts)


def _entries(kind: Any) -> Iterator[tuple[str, str, str]]:
    told = {
        name.strip(): " ".join(part.desc)
        for owner in reversed(kind.__mro__[:-3])
        for part in ClassDoc(owner)["Parameters"]
        for name in part.name.split(",")
    }
    for field in msgspec.structs.fields(kind):
        known = field.default is not msgspec.NODEFAULT
        default = repr(field.default) if known and not isinstance(field.default, Section) else ""
        shown = f"`{default}`" if default not in ("", "''", "()", "None") else ""
        yield f"`{field.encode_name}`", shown, _plain(told.get(field.name, ""))


def _plain(text: str) -> str:
    """Return reStructuredText of a docstring as Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", text)


def python() -> str:
    """Return the page of the public names; their text comes from the docstrings."""
    kinds: dict[str, list[str]] = {"Functions": [], "Records": [], "Errors and warnings": []}
    for name in oc.__all__:
        what = getattr(oc, name)
        if inspect.isclass(what):
            wrong = issubclass(what, Exception)
            kinds["Errors and warnings" if wrong else "Records"].append(name)
        elif callable(what):
            kinds["Functions"].append(name)
    parts = ["# Python\n\n`import outcomes as oc`: these names are the public interface.\n"]
    for title in kinds:
        directive = "autofunction" if title == "Functions" else "autoclass"
        parts.append(f"## {title}\n\n" + "\n".join(_auto(directive, n) for n in kinds[title]))
    for title, owner in (("A fit", MixedFit), ("An answer", Answer), ("A study", Study)):
        methods = [n for n in vars(owner) if not n.startswith("_") and callable(getattr(owner, n))]
        parts.append(f"## {title}: its methods\n\n" + "\n".join(
            _auto("automethod", f"{owner.__name__}.{name}", owner.__module__) for name in methods
        ))  # fmt: skip
    return "\n".join(part for part in parts if part.count("\n") > 1)


def _auto(directive: str, name: str, module: str = "outcomes") -> str:
    return f"```{{eval-rst}}\n.. {directive}:: {module}.{name}\n```\n"
