"""A document as a tagged PDF (PDF/UA-1), set by Typst."""

from __future__ import annotations

import re
import tempfile
from importlib.resources import files
from itertools import count
from pathlib import Path

import matplotlib as mpl

from outcomes.render.document import Document, Figure, environment, unbroken, widths
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
        folder, numbers = Path(place), count(1)

        def drawn(figure: Figure) -> str:
            name = f"figure-{next(numbers)}.svg"
            (folder / name).write_bytes(svg_of(figure.picture, document.label, figure.preset))
            return name

        values = environment().get_template("page.json.j2").render(
            document=document.unfolded, drawn=drawn, parted=_parted, widths=widths
        )  # fmt: skip
        (folder / "document.json").write_text(values, encoding="utf-8")
        template = files("outcomes.render").joinpath("templates", TEMPLATE).read_text("utf-8")
        (folder / TEMPLATE).write_text(template, encoding="utf-8")
        pdf: bytes = typst.compile(
            folder / TEMPLATE, root=folder, format="pdf", pdf_standards=["ua-1"], timestamp=0,
            ignore_system_fonts=True,
            font_paths=[FOLDER, Path(mpl.get_data_path()) / "fonts" / "ttf"],
        )  # fmt: skip
    return pdf


def _parted(rows: tuple[tuple[str, ...], ...]) -> list[list[str]]:
    """Return rows whose numbers no line break parts, and whose long words one may."""
    return [[_LONG.sub("\\g<0>\u200b", unbroken(cell)) for cell in row] for row in rows]
