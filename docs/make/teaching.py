"""Find the seeds whose studies teach: `python -m docs.make.teaching 20 [SCENARIO ...]`.

A study teaches where the naive interval misses the truth and the honest one holds it. Written to
``render/slides/seeds.json``: the first seed that teaches, how many did, how many were tried.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import outcomes
from outcomes.render.slides.teaching import TRAPS, Trap, lesson_of

FILE = Path(outcomes.__file__).parent / "render" / "slides" / "seeds.json"


def searched(trap: Trap, n: int) -> dict[str, Any]:
    """Return seed, taught and tried of a trap after seeds 1 to n."""
    taught = [seed for seed in range(1, n + 1) if lesson_of(trap, seed).teaches]
    return {"seed": taught[0] if taught else 1, "taught": len(taught), "tried": n}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in sys.argv[2:] or TRAPS:
        known = json.loads(FILE.read_text(encoding="utf-8"))
        known[name] = searched(TRAPS[name], int(sys.argv[1]))
        FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(name, known[name], flush=True)
