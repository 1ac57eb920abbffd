"""The page of documentation: what was promised, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pandas as pd

from outcomes import __version__
from outcomes.words import percent

PACKAGES = ("numpy", "pandas", "scipy", "statsmodels")
HEADS = ("question", "scenario", "number judged", "must", "studies", "bias", "coverage",
         "naive analysis", "its bias", "its coverage", "kept")  # fmt: skip

INTRO = """# What the answers recover

Studies are simulated with known truth (docs/simulation.md), asked, and compared. What each answer
must do was written first (`studies.validation.cases`):

- **recover**: its 95 % intervals hold the truth as often as they say. Kept when the Monte-Carlo
  interval of their coverage overlaps 93 to 97 %.
- **widen**: at least so often; assumptions fail here, or the method is cautious. Kept when coverage
  is not below 93 %.
- **null**: nothing is there. One minus coverage is the rate of false positives; kept when its
  interval overlaps 4 to 6 %.
- **refuse**: no number, or no claim. Kept when at least 95 % of studies are refused.

Brackets hold exact Monte-Carlo intervals, 99 % for all rows together (Bonferroni). Bias is in the
units of the answer (NPRS points, points a Walton level, shares, events per 100 visits); positive =
too good. Naive analyses stand beside, judged by the same truth; where care does nothing, a mean
change read as its effect is judged by zero. The answers are the ones users get, without the models
tried beside them. Each case has seeds of its own.
"""


def as_markdown(table: pd.DataFrame, command: str, clinics: str = "") -> str:
    """Return the verdicts as a page of documentation.

    Parameters
    ----------
    table : DataFrame
        From `studies.validation.judge.judge`.
    command : str
        What was run.
    clinics : str
        The section of `studies.clinics.page`.
    """
    rows = table.to_dict("records")
    made = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    kept = int(table["passed"].sum())
    few = table["n"].max() < ENOUGH
    said = "not contradicted by so few studies" if few else "kept"
    lines = [
        INTRO,
        f"Written by `{command}`, outcomes {__version__}, {made}.",
        *([QUICK] if few else []),
        f"\n**{kept} of {len(rows)} rows are {said}.**\n",
        "| " + " | ".join(HEADS) + " |",
        "|" + "---|" * len(HEADS),
        *(_line(row) for row in rows),
        "",
        *_missed(rows),
        "",
        clinics,
    ]
    return "\n".join(lines).rstrip() + "\n"


ENOUGH = 500
QUICK = (
    "With so few studies the intervals are wide: a quick run shows what is badly wrong; the full "
    "run tells 95 % from 91 %."
)


def _line(row: Mapping[Any, Any]) -> str:
    cells = (
        row["question"], row["setting"], row["row"], row["expectation"], f"{row['n']:,}",
        _signed(row, "bias"), _coverage(row), row["naive"], _signed(row, "naive_bias"),
        "" if _empty(row, "naive_coverage") else percent(row["naive_coverage"]),
        "yes" if row["passed"] else "**no**",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _coverage(row: Mapping[Any, Any]) -> str:
    if row["expectation"] == "refuse":
        return f"refused in {percent(row['refused'])}"
    if not row["told"]:
        return "no study gave the number"
    ends = f"({percent(row['low'])} to {percent(row['high'])})"
    given = f"{100 * row['coverage']:.1f} % {ends}"
    few = row["told"] < row["n"]
    return given + (f", in the {row['told']:.0f} studies that give it" if few else "")


def _signed(row: Mapping[Any, Any], name: str) -> str:
    return "" if _empty(row, name) else f"{row[name]:+.2f}"


def _empty(row: Mapping[Any, Any], name: str) -> bool:
    return bool(pd.isna(row.get(name, float("nan"))))


def _missed(rows: list[dict[Any, Any]]) -> list[str]:
    missed = [row for row in rows if not row["passed"]]
    if not missed:
        return ["Every row is kept."]
    return [
        "## Rows that miss, and why",
        "",
        *(
            f"- {row['question']}, {row['setting']}, {row['row']}: "
            f"{row['because'] or 'not explained yet.'}"
            for row in missed
        ),
    ]
