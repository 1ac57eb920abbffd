"""Find the seeds whose studies teach: `python -m docs.make.teaching 20 [SCENARIO ...]`.

A study teaches where the naive interval misses the truth and the honest one holds it. Written to
``render/slides/seeds.json``: the seed that teaches most clearly, how many did, how many were tried.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import outcomes
from outcomes.render.slides.teaching import TRAPS, Lesson, Trap, lesson_of

FILE = Path(outcomes.__file__).parent / "render" / "slides" / "seeds.json"


def searched(trap: Trap, n: int) -> dict[str, Any]:
    """Return the clearest seed, taught and tried of a trap after seeds 1 to n."""
    lessons = {seed: lesson_of(trap, seed) for seed in range(1, n + 1)}
    taught = {seed: lesson for seed, lesson in lessons.items() if lesson.teaches}
    best = max(taught, key=lambda seed: _gain(taught[seed]), default=1)
    return {"seed": best, "taught": len(taught), "tried": n}


def _gain(lesson: Lesson) -> float:
    """How much nearer to the truth the honest answer lies than the naive one; 0 without either."""
    if lesson.compared.empty:
        return 0.0
    naive, *honest, truth = lesson.compared["estimate"]
    return float(abs(naive - truth) - min(abs(one - truth) for one in honest))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in sys.argv[2:] or TRAPS:
        found = searched(TRAPS[name], int(sys.argv[1]))
        known = json.loads(FILE.read_text(encoding="utf-8")) | {name: found}  # as it is by now
        FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(name, found, flush=True)
