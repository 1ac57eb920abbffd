"""Write the pages that are generated from the code: `python run.py pages`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from outcomes.synthetic.conditions import KNOWN, Arm, SimulatedCondition
from outcomes.synthetic.design import Design
from outcomes.synthetic.parameter import records
from outcomes.synthetic.scenarios import SCENARIOS
from studies.calibration_page import calibration_page

_HEAD = """# Simulated studies

`oc.simulate(episodes=200, scenario="null", seed=1)` or `oc.simulate(oc.Design(...))` makes a study
whose truth is known: `study.truth.parameters` and `study.truth.estimands`. The true values are
found by sending the same simulated people through other courses (no care, another pressure, nobody
leaving), with the same random numbers. Without a control arm the estimand of care is *change*, and
the table says so; positive = better everywhere. `oc.simulate` keeps a study in memory;
`benchmarks.partitions.write_partitions` writes one of any size to files.

Written by `python run.py pages` from the code. How the defaults compare with
published numbers: [calibration.md](calibration.md).
"""


def simulation_page() -> str:
    """Return scenarios and parameters as Markdown."""
    lines = [_HEAD, "## Scenarios", "", "| scenario | courses | lesson | naive analysis that it "
             "breaks | instead | parameters changed |", "|---|---|---|---|---|---|"]  # fmt: skip
    for item in SCENARIOS.values():
        changed = ", ".join(f"`{name}`" for name in item.changes) or "none"
        cells = (f"`{item.name}`", f"{item.episodes:,}", item.lesson, item.naive, item.honest)
        lines.append("| " + " | ".join((*cells, changed)) + " |")
    for title, owner in (("Design", Design), ("SimulatedCondition", SimulatedCondition),
                         ("Arm", Arm)):  # fmt: skip
        lines += ["", f"## Parameters of `{title}`", "", *_parameters(owner)]
    lines += ["", "## Conditions", "", *_conditions()]
    return "\n".join(lines) + "\n"


def _parameters(owner: Any) -> list[str]:
    lines = [
        "| parameter | default | unit | range | what it sets | source |",
        "|---|---|---|---|---|---|",
    ]
    for item in records(owner):
        cells = (f"`{item.name}`", _shown(item.default), item.unit, item.allowed, item.about,
                 item.source)  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _conditions() -> list[str]:
    names = [item.name for item in records(SimulatedCondition) if item.name != "share"]
    header = "| condition | second instrument | " + " | ".join(f"`{n}`" for n in names) + " |"
    lines = [header, "|---" * (len(names) + 2) + "|"]
    for item in KNOWN.values():
        values = [_shown(getattr(item, name)) for name in names]
        lines.append("| " + " | ".join((item.name, item.function_instrument, *values)) + " |")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "; ".join(f"{a:g}: {b:g}" for a, b in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "free"}[value]
    return f"{value:.4g}"


def main(folder: str = "docs") -> None:
    """Write both pages to a folder."""
    place = Path(folder)
    for name, text in (
        ("simulation.md", simulation_page()),
        ("calibration.md", calibration_page()),
    ):
        (place / name).write_text(text, encoding="utf-8", newline="")
