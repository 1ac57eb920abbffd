"""Findings on their page: `python run.py pages` writes the table of docs/errors.md."""

from __future__ import annotations

from pathlib import Path

from outcomes.findings import RULES

PAGE = Path(__file__).resolve().parents[1] / "errors.md"
HEADER = "| rule | severity | what must hold | what to do |\n|---|---|---|---|\n"


def table() -> str:
    """Return the table of all rules, as kept in ``docs/errors.md``.

    Examples
    --------
    >>> table().splitlines()[2]
    '| R01 | error | A required cell has a value. | Fill the cell in, or remove the row. |'
    """
    rows = (
        f"| {rule.number} | {rule.severity} | {rule.must[0].upper()}{rule.must[1:]}. "
        f"| {rule.remedy} |\n"
        for _, rule in sorted(RULES.items())
    )
    return HEADER + "".join(rows)


def main() -> None:
    """Write the table into its page."""
    before, _, after = PAGE.read_text(encoding="utf-8").partition(HEADER)
    rest = after.partition("\n\n")[2]
    PAGE.write_text(before + table() + (f"\n{rest}" if rest else ""), encoding="utf-8", newline="")
