"""A document as a tagged PDF (PDF/UA-1), set by Typst."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl

from outcomes.render.document import (
    Block,
    Document,
    Facts,
    Figure,
    Paragraph,
    Table,
    numeric,
    spans,
    unbroken,
    widths,
)
from outcomes.render.figures import svg_of
from outcomes.render.fonts import FOLDER

TEMPLATE = "page.typ"
_LONG = re.compile(r"\S{24}(?=\S)")
"""A word that a narrow column may have to part."""


def pdf_bytes(document: Document) -> bytes:
    """Return the document as a PDF that screen readers can follow.

    Parameters
    ----------
    document : Document
        The report.

    Returns
    -------
    bytes
        The same for the same document. Typst itself refuses to write it when it breaks PDF/UA-1.
    """
    import typst

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        record = _record(document.unfolded, folder)
        (folder / "document.json").write_text(json.dumps(record), encoding="utf-8")
        template = files("outcomes.render").joinpath("templates", TEMPLATE).read_text("utf-8")
        (folder / TEMPLATE).write_text(template, encoding="utf-8")
        pdf: bytes = typst.compile(
            folder / TEMPLATE, root=folder, format="pdf", pdf_standards=["ua-1"], timestamp=0,
            ignore_system_fonts=True,
            font_paths=[FOLDER, Path(mpl.get_data_path()) / "fonts" / "ttf"],
        )  # fmt: skip
    return pdf


def _record(document: Document, folder: Path) -> dict[str, Any]:
    sections = []
    for section in document.sections:
        blocks = [_block(block, document.label, folder) for block in section.blocks]
        sections.append({"title": section.title, "blocks": blocks})
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "label": document.label,
        "date": document.date,
        "sections": sections,
    }


def _block(block: Block, label: str, folder: Path) -> dict[str, Any]:
    """Return a block as plain values; words as lists of (text, is code)."""
    if isinstance(block, Figure):
        name = f"figure-{len(list(folder.glob('figure-*')))}.svg"
        (folder / name).write_bytes(svg_of(block.picture, label, block.preset))
        values: dict[str, Any] = {"file": name, "alt": block.picture.alt}
        return {"kind": block.kind, **values, "caption": spans(block.caption)}
    values = asdict(block)
    if isinstance(block, Table):
        rows = [[_LONG.sub("\\g<0>\u200b", unbroken(cell)) for cell in row] for row in block.rows]
        words = {"caption": spans(block.caption), "note": spans(block.note)}
        values |= words | {"rows": rows, "numeric": numeric(block), "widths": widths(block)}
    elif isinstance(block, Facts):
        values["items"] = [(name, spans(value)) for name, value in block.items]
    elif isinstance(block, Paragraph) or "text" in values:
        values["text"] = spans(values["text"])
    else:
        values["items"] = [spans(line) for line in values["items"]]
    return {"kind": block.kind, **values}
