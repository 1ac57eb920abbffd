"""The tables of a run: Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from models import MODELS

HEADINGS = {
    "fit": "Fit, formula handling included",
    "satterthwaite": "Fit and coefficient table with Satterthwaite degrees of freedom",
    "kenward-roger": "Fit and coefficient table with Kenward-Roger",
}


CLOCKS = {
    "wall": "Wall-clock time.",
    "cpu": "CPU time summed over threads, as other work shared the machine.",
}


@dataclass(frozen=True)
class Cell:
    """One measured cell: a program, a model, a task, a size."""

    program: str
    model: str
    task: str
    patients: int
    rows: int
    seconds: float | None = None
    rounds: int = 0
    loglik: float | None = None
    peak_mb: float | None = None
    frame_mb: float | None = None
    note: str = ""


def spelled(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def entry(cell: Cell | None, own: Cell | None) -> str:
    """Seconds, and in brackets how many times as long as ours."""
    if cell is None:
        return ""
    if cell.seconds is None:
        return cell.note.split(":")[0].split(" (")[0]
    if own is None or own.seconds is None or cell is own:
        return spelled(cell.seconds)
    return f"{spelled(cell.seconds)} ({cell.seconds / own.seconds:.3g}x)"


def table(cells: Sequence[Cell], model: str, task: str) -> Iterator[str]:
    here = {(c.program, c.patients): c for c in cells if c.model == model and c.task == task}
    sizes = sorted({patients for _, patients in here})
    able = (name for (name, _), cell in here.items() if cell.note != "cannot express this")
    names = list(dict.fromkeys(able))
    rows = {size: next(c.rows for (_, s), c in here.items() if s == size) for size in sizes}
    yield "| program | " + " | ".join(f"{s:,} ({rows[s]:,} rows)" for s in sizes) + " |"
    yield "|---" * (len(sizes) + 1) + "|"
    for name in names:
        found = (entry(here.get((name, s)), here.get(("outcomes", s))) for s in sizes)
        yield f"| {name} | " + " | ".join(found) + " |"


def differences(cells: Iterable[Cell]) -> Iterator[str]:
    """Programs whose log-likelihood is not ours: another model, or not the optimum."""
    cells = list(cells)
    own = {
        (c.model, c.patients): c.loglik
        for c in cells
        if c.program == "outcomes" and c.task == "fit"
    }
    for cell in cells:
        reference = own.get((cell.model, cell.patients))
        if cell.task != "fit" or cell.loglik is None or reference is None:
            continue
        gap = cell.loglik - reference
        if abs(gap) > 1e-6 * abs(reference):
            yield f"- {cell.program}, model {cell.model}, {cell.patients:,}: {gap:+.4g}"


def memory(cells: Iterable[Cell]) -> Iterator[str]:
    yield "| program | model | patients | peak above start (MB) | frame (MB) | ratio |"
    yield "|---|---|---|---|---|---|"
    for c in cells:
        large = c.patients >= 20_000 and c.task == "satterthwaite"
        if large and c.peak_mb is not None and c.frame_mb:
            ratio = c.peak_mb / c.frame_mb
            yield (
                f"| {c.program} | {c.model} | {c.patients:,} | {c.peak_mb:,.0f} |"
                f" {c.frame_mb:,.0f} | {ratio:.2g} |"
            )


def write_report(cells: Sequence[Cell], folder: Path, date: str, machine: str, clock: str) -> None:
    """Write latest.md and latest.json; return the text of the tables."""
    lines = [
        "# Fit times, side by side",
        "",
        f"{date}; {machine}. {CLOCKS[clock]}",
        "Medians of warm fits in turn, one run; in brackets the multiple of `outcomes`. Absolute",
        "times drift between machines: read the ratios.",
        "",
    ]
    for model in dict.fromkeys(c.model for c in cells):
        lines += [f"## Model `{model}`: `{MODELS[model].formula}`", ""]
        for task in dict.fromkeys(c.task for c in cells):
            lines += [f"### {HEADINGS[task]}", "", *table(cells, model, task), ""]
    gaps = list(differences(cells))
    lines += ["## Log-likelihood less ours, where it differs by more than 1e-6", ""]
    lines += [*(gaps or ["None."]), "", "## Memory", "", *memory(cells), ""]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.md").write_text("\n".join(lines))
    (folder / "latest.json").write_text(json.dumps([asdict(c) for c in cells], indent=1) + "\n")
    return "\n".join(lines)
