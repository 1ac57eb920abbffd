"""Simulate registries of growing size, answer how-much from their parts, and tell what it took.

    python benchmarks/registry.py 15000 150000 1200000     # courses; about 7 visits each

Each verb runs in a process of its own. CPU seconds are those of all its processes, peak memory that
of the largest: both mean the same on a busy machine, which the seconds on the wall do not.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measured(command: list[str]) -> dict[str, float]:
    """Run one verb; its seconds on the wall, seconds of CPU, and peak memory in GB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "outcomes", *command], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    wall = time.perf_counter() - begun
    return {"wall": wall, "cpu": cpu, "peak_gb": after.ru_maxrss / 1e6}


def one_size(courses: int, place: Path) -> dict[str, object]:
    """Simulate and answer at one size."""
    out = place / f"registry-{courses}"
    simulate = ["simulate", "--scenario", "large-registry", "--episodes", str(courses)]
    written = measured([*simulate, "--out", str(out)])
    answered = measured(["answer", "how-much", str(out)])
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"courses": courses, "bytes": size, "simulate": written, "answer": answered}


def main() -> None:
    """Measure every size named, the smallest first: peak memory is that of the largest so far."""
    sizes = sorted(int(word) for word in sys.argv[1:]) or [60_000, 150_000]
    with tempfile.TemporaryDirectory() as place:
        for courses in sizes:
            print(json.dumps(one_size(courses, Path(place))), flush=True)


if __name__ == "__main__":
    main()
