"""CPU of power by simulation, a study: side by side or with the test alone, and the whole answer.

python benchmarks/power.py [STUDIES]: one table of Markdown; both columns are of one run, so that
their ratio can be compared between machines.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from outcomes.planning.power import _some
from outcomes.planning.repeated import seeds_from
from outcomes.questions.ask import undisclosed
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.simulate import simulate

CASES = (
    ("trial", "two-arm-trial", 60), ("trial", "dose-finding-trial", 150),
    ("how-much", "default", 60), ("pressure", "default", 200), ("frequency", "default", 200),
    ("therapists", "default", 200),
)  # fmt: skip
WARM = 3
"""Studies before the clock starts: modules are imported, true values worked out."""


def measured(question: str, scenario: str, episodes: int, n: int) -> tuple[float, float]:
    """Return milliseconds of CPU a study, in a batch and one by one with the whole answer."""
    design, seeds = scenario_design(scenario, episodes=episodes), seeds_from(1, n + WARM)
    _some(design, question, "nprs", None, None, seeds[:WARM])
    begun = time.process_time()
    _some(design, question, "nprs", None, None, seeds[WARM:])
    batch = time.process_time() - begun
    few = seeds[WARM : WARM + max(2, n // 10)]
    begun = time.process_time()
    for seed in few:
        undisclosed(simulate(replace(design, seed=seed)), question, instrument="nprs")
    return 1e3 * batch / n, 1e3 * (time.process_time() - begun) / len(few)


def main() -> None:
    """Print the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print("| question | scenario | courses | ms a study | whole answer, ms | ratio |")
    print("|---|---|---|---|---|---|")
    for question, scenario, episodes in CASES:
        quick, whole = measured(question, scenario, episodes, n)
        row = (question, scenario, episodes, f"{quick:.1f}", f"{whole:.0f}", f"{whole / quick:.1f}")
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
