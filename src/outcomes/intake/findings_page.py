"""Findings as one table for people (HTML) and one for machines (JSON)."""

from __future__ import annotations

import json
from pathlib import Path

from outcomes.findings import COLUMNS, Findings
from outcomes.privacy.manifest import STAYS, page, page_table

NAME = "findings"


def write_findings(findings: Findings, folder: Path) -> None:
    """Write ``findings.json`` and ``findings.html`` into a folder.

    Parameters
    ----------
    findings : Findings
        What `check` returned; it holds no cell.
    folder : Path
        A folder that is there.
    """
    records = json.loads(findings.table.to_json(orient="records"))
    content = {"stays": STAYS, "ok": findings.ok, "findings": records}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / f"{NAME}.json").write_text(text + "\n", encoding="utf-8", newline="")
    rows = findings.table.itertuples(index=False, name=None)
    words = "No error." if findings.ok else "There are errors: answers wait until they are gone."
    body = f"<p>{words} Row 1 is the first row of data. {STAYS}</p>\n"
    body += page_table("What was found", [name.replace("_", " ") for name in COLUMNS], rows)
    (folder / f"{NAME}.html").write_text(page("Findings", body), encoding="utf-8", newline="")
