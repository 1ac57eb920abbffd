"""Reporting checklists, filled with where the report answers each item; gaps are marked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from outcomes.render.document import Block, Paragraph, Section, Table

GAP = "GAP"


def checklists(titles: Mapping[str, str]) -> Section:
    """Return the filled checklists.

    Parameters
    ----------
    titles : mapping of str to str
        Titles of the report's sections by name.
    """
    blocks: list[Block] = []
    for entry in _entries():
        rows = tuple(_row(item, titles) for item in entry["items"])
        n_gaps = sum(row[2].startswith(GAP) for row in rows)
        note = f"{len(rows) - n_gaps} of {len(rows)} items are answered here. {entry['source']}"
        blocks.append(Table(entry["title"], ("Item", "Asks for", "Where"), rows, note))
    words = "What this report answers, and what its authors still have to write."
    return Section("checklists", "Reporting checklists", (Paragraph(words), *blocks))


def _entries() -> list[dict[str, Any]]:
    text = files("outcomes.render.contents").joinpath("checklists.toml").read_text("utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["checklist"]
    return entries


def _row(item: dict[str, str], titles: Mapping[str, str]) -> tuple[str, str, str]:
    section = item.get("section", "")
    if section in titles:
        return item["number"], item["asks"], f"section “{titles[section]}”"
    gap = item.get("gap", "not answered by these data")
    return item["number"], item["asks"], f"{GAP}: {gap}"
