"""How Sphinx builds the site; `docs/make/site.py` calls it."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from docutils import nodes
from matplotlib.mathtext import math_to_image

from outcomes import __version__

mpl.use("agg")
project = "outcomes"
version = release = __version__
html_title = f"outcomes {__version__}"
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "docs/index"
exclude_patterns = ["data", "out", "docs/site", "docs/make"]
suppress_warnings = ["mystnb.unknown_mime_type"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).resolve().parents[2] / "out" / "docs-cache" / "runs")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = False
nb_merge_streams = True

autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "furo"
html_show_sourcelink = html_show_copyright = False
html_copy_source = False
html_math_renderer = "drawn"
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["calm.css"]
pygments_style = "friendly"
highlight_language = "none"


def drawn(tex: str) -> str:
    """Return a formula as an SVG in the color of the text; nothing is fetched to show it."""
    with io.StringIO() as target:
        math_to_image(f"${tex.strip()}$", target, format="svg", color="#010203")
        svg = target.getvalue()
    width, height = (float(re.search(rf'{x}="([\d.]+)pt"', svg)[1]) for x in ("width", "height"))
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    size = f'style="width:{width / 10:.2f}em;height:{height / 10:.2f}em;max-width:100%"'
    svg = svg.replace("#010203", "currentColor").replace("<svg", f'<svg role="img" {size}', 1)
    return re.sub(
        r'(id="|href="#|url\(#)', rf"\1f{hashlib.sha256(tex.encode()).hexdigest()[:8]}-", svg
    )


def show_inline(writer: Any, node: Any) -> None:
    """Write a formula within a line."""
    writer.body.append(drawn(node.astext()))
    raise nodes.SkipNode


def show_block(writer: Any, node: Any) -> None:
    """Write a formula on lines of its own."""
    writer.body.append(f'<div class="formula">{drawn(node.astext())}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Tell Sphinx how formulas are drawn."""
    app.add_html_math_renderer("drawn", (show_inline, None), (show_block, None))
