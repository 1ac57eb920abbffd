"""The documentation as a site: `python run.py docs` writes out/docs and asks no host for anything.

What the pages link to keeps its place: README, docs and notebooks are staged as they stand here.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs.make.reference import pages

ROOT = Path(__file__).resolve().parents[2]
STAGED, CACHE, SITE = (ROOT / "out" / name for name in ("docs-source", "docs-cache", "docs"))
KEPT = ("docs", "notebooks", "data", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
        "LICENSE", "CITATION.cff")  # fmt: skip
_FIRST = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>outcomes</title>'
    '<meta http-equiv="refresh" content="0; url=docs/index.html">'
    '<a href="docs/index.html">Documentation</a></html>\n'
)


def stage() -> None:
    """Lay out the pages, those that are generated among them."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for name in KEPT:
        source, target = ROOT / name, STAGED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=shutil.ignore_patterns("__pycache__", "kernel-*")
            )
        elif source.exists():
            shutil.copy2(source, target)
    for name, text in pages().items():
        (STAGED / "docs" / "reference" / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Build the site; a warning is an error. Notebooks that have not changed are not run again."""
    from sphinx.cmd.build import build_main

    stage()
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(ROOT / "docs" / "site")]
    code = build_main([*options, "-d", str(CACHE / "trees"), str(STAGED), str(SITE)])
    (SITE / "index.html").write_text(_FIRST, encoding="utf-8")
    if not code:
        sys.stdout.write(f"Open {SITE / 'index.html'}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
