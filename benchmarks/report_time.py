"""Where the time of a report goes: python benchmarks/report_time.py [STUDY] [FIGURE.svg].

One report under cProfile; the time of each function itself, summed by what it belongs to. A
profile makes many small calls look dearer than they are.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
from collections import Counter
from pathlib import Path

PARTS = {
    "imports": ("importlib", "zipimport"),
    "the mixed model": ("outcomes/mixed",),
    "questions and causal": ("outcomes/questions", "outcomes/causal", "outcomes/care"),
    "words, pages, figures of ours": ("outcomes/render", "outcomes/words"),
    "the rest of ours": ("outcomes/",),
    "matplotlib": ("matplotlib",),
    "pandas": ("pandas", "pyarrow"),
    "numpy, scipy, statsmodels": ("numpy", "scipy", "statsmodels"),
    "formulaic": ("formulaic",),
}
"""What a file's path says it belongs to, the first that fits."""


def profiled(study: str) -> Counter[str]:
    """Return seconds by part of one report."""
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profile.enable()
        from outcomes.cli import main

        main(["report", study, "--out", str(Path(folder) / "report")])
        profile.disable()
    found: Counter[str] = Counter()
    for (file, _, name), values in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        place = f"{file} {name}".replace("\\", "/")
        marks = ((part, mark) for part, own in PARTS.items() for mark in own)
        part = next((part for part, mark in marks if mark in place), "Python and its built-ins")
        found[part] += values[2]
    return found


def main() -> None:
    """Print the table; draw it where a file is named."""
    found = profiled(sys.argv[1] if len(sys.argv) > 1 else "data/synthetic")
    total = sum(found.values())
    print("| part | s | % |\n|---|---|---|")
    for part, seconds in found.most_common():
        print(f"| {part} | {seconds:.2f} | {100 * seconds / total:.0f} |")
    if len(sys.argv) > 2:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3.2), layout="constrained")
        axes = figure.subplots()
        names, seconds = zip(*reversed(found.most_common()), strict=True)
        axes.barh(names, [100 * one / total for one in seconds], color="#4269d0")
        axes.set_xlabel("Share of the time of one report under cProfile (%)")
        figure.savefig(sys.argv[2])


main()
