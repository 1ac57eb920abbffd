"""Simulate registries of growing size, answer how-much from their parts, and tell what it took.

    python benchmarks/registry.py 15000 150000 1200000     # courses; about 7 visits each

Each verb runs in a process of its own. CPU seconds are those of all its processes, peak memory that
of the largest: both mean the same on a busy machine, which the seconds on the wall do not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measured(command: list[str]) -> dict[str, float]:
    """Run one verb; its seconds on the wall, seconds of CPU, and peak memory in GB."""
    begun = time.perf_counter()
    words = [sys.executable, "-m", "outcomes", *command]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as running:
        _, status, used = os.wait4(running.pid, 0)  # its own processes included
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, words)
    wall, cpu = time.perf_counter() - begun, used.ru_utime + used.ru_stime
    return {"wall": wall, "cpu": cpu, "peak_gb": used.ru_maxrss / 1e6}


def one_size(courses: int, place: Path) -> dict[str, object]:
    """Simulate and answer at one size."""
    out = place / f"registry-{courses}"
    simulate = ["simulate", "--scenario", "large-registry", "--episodes", str(courses)]
    written = measured([*simulate, "--out", str(out)])
    answered = measured(["answer", "how-much", str(out)])
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"courses": courses, "bytes": size, "simulate": written, "answer": answered}


def main() -> None:
    """Measure every size named."""
    sizes = sorted(int(word) for word in sys.argv[1:]) or [60_000, 150_000]
    with tempfile.TemporaryDirectory() as place:
        for courses in sizes:
            print(json.dumps(one_size(courses, Path(place))), flush=True)


if __name__ == "__main__":
    main()
