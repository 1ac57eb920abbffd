"""How fast and in how much memory are studies simulated? Prints one table.

    python benchmarks/simulate.py [--sessions 1000000] [--workers 1 2] [--format parquet]

Peak memory is that of this process and of its largest worker.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from outcomes.synthetic.block import clusters_of, make_block
from outcomes.synthetic.partitions import write_partitions
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.seeds import block_sizes
from outcomes.synthetic.truth import truth_of

SESSIONS_PER_COURSE = 6.4


def peak_megabytes() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def in_memory(design) -> int:
    """Make every block and forget it: arithmetic alone."""
    clusters = clusters_of(design)
    blocks = range(len(block_sizes(design.episodes)))
    return sum(int(make_block(design, clusters, b).courses.attended.sum()) for b in blocks)


def line(what: str, sessions: int, start: float) -> None:
    seconds = time.perf_counter() - start
    per_million = seconds / sessions * 1e6
    print(f"{what:<28}{sessions:>13,}{seconds:>10.2f}{per_million:>12.2f}{peak_megabytes():>10.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--format", default="parquet", choices=["parquet", "csv"])
    given = parser.parse_args()
    episodes = round(given.sessions / SESSIONS_PER_COURSE)
    design = scenario_design("large-registry", episodes=episodes, seed=1)
    print(f"{'what':<28}{'sessions':>13}{'seconds':>10}{'s/million':>12}{'peak MB':>10}")
    start = time.perf_counter()
    truth_of(design)
    print(f"{'truth (once a design)':<28}{'':>13}{time.perf_counter() - start:>10.2f}")
    start = time.perf_counter()
    sessions = in_memory(design)
    line("courses, one core", sessions, start)
    for workers in given.workers:
        with tempfile.TemporaryDirectory() as place:
            start = time.perf_counter()
            write_partitions(design, Path(place) / "big", file_format=given.format, workers=workers)
            line(f"{given.format}, {workers} worker(s)", sessions, start)


if __name__ == "__main__":
    main()
