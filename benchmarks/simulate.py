"""How fast and in how much memory are studies simulated? Prints one table.

    python benchmarks/simulate.py [--sessions 1000000] [--workers 1 2] [--format parquet]

Peak memory is that of this process and of its largest worker.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from partitions import write_partitions

from outcomes.synthetic.block import block_sizes, make_block
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.truth import truth_of

SESSIONS_PER_COURSE = 6.4


def peak_megabytes() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def in_memory(design) -> int:
    """Make every block and forget it: arithmetic alone."""
    blocks = range(len(block_sizes(design.episodes)))
    return sum(int(make_block(design, blocks=[b]).courses.attended.sum()) for b in blocks)


def cpu_seconds() -> float:
    """Processor time of this process and of workers that have ended."""
    return sum(os.times()[:4])


class Clock:
    """Wall and processor time since it was made; other work on the machine touches the first."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), cpu_seconds()

    def line(self, what: str, sessions: int) -> None:
        wall, cpu = time.perf_counter() - self.wall, cpu_seconds() - self.cpu
        million = f"{cpu / sessions * 1e6:.2f}" if sessions else ""
        print(
            f"{what:<26}{sessions:>13,}{wall:>9.2f}{cpu:>9.2f}{million:>17}{peak_megabytes():>9.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--format", default="parquet", choices=["parquet", "csv"])
    given = parser.parse_args()
    episodes = round(given.sessions / SESSIONS_PER_COURSE)
    design = scenario_design("large-registry", episodes=episodes, seed=1)
    print(
        f"{'what':<26}{'sessions':>13}{'wall s':>9}{'cpu s':>9}{'cpu s/million':>17}{'peak MB':>9}"
    )
    clock = Clock()
    truth_of(design)
    clock.line("truth, once a design", 0)
    clock = Clock()
    sessions = in_memory(design)
    clock.line("courses, one core", sessions)
    for workers in given.workers:
        with tempfile.TemporaryDirectory() as place:
            clock = Clock()
            folder = Path(place) / "big"
            write_partitions(design, folder, file_format=given.format, workers=workers)
            clock.line(f"{given.format}, {workers} worker(s)", sessions)


if __name__ == "__main__":
    main()
