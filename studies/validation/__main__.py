"""``python -m studies.validation [--quick]``: run all cases and write the page."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

from studies.clinics.page import FOUND, section
from studies.validation.cases import CASES
from studies.validation.judge import judge
from studies.validation.page import as_markdown
from studies.validation.run import code_fingerprint, run

STUDIES = {"quick": (16, 80), "full": (500, 2000)}
"""Studies of a case by mode: of slow answers and refusals, and of others (`Case.many`)."""
SECONDS = 15.0
"""Between two lines of progress."""


def main(words: list[str] | None = None) -> int:
    """Run, write the page, and return 0, or 130 when stopped."""
    parser = argparse.ArgumentParser(prog="python -m studies.validation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few studies, at most ten minutes")
    parser.add_argument("--studies", type=int, nargs=2, metavar=("SLOW", "OTHERS"),
                        help="studies of each case, instead of those of the mode")  # fmt: skip
    parser.add_argument("--processes", type=int, default=2, help="processes at work (2)")
    parser.add_argument("--only", default="", help="cases whose name holds this; no page")
    parser.add_argument("--page", type=Path, default=Path("docs") / "validation.md")
    parser.add_argument("--folder", type=Path, default=Path("out") / "validation")
    asked = parser.parse_args(words)
    mode = "quick" if asked.quick else "full"
    cases = [case for case in CASES if asked.only in case.name]
    if not cases:
        parser.error('--only is part of the name of a case, such as "null, pressure"')
    numbers = asked.studies or STUDIES[mode]
    studies = {case.name: numbers[case.many] for case in cases}
    folder = asked.folder / code_fingerprint()
    try:
        records = run(cases, studies, folder, processes=asked.processes, progress=_Told())
    except KeyboardInterrupt:
        print("Stopped. What is finished is kept; the same command goes on from there.")
        return 130
    table = judge(records, cases)
    if asked.only:
        print(table.to_string())
        return 0
    command = "python -m studies.validation --studies {} {}".format(*numbers)
    if not asked.studies:
        command = "python run.py validate" + (" --quick" if asked.quick else "")
    clinics = section(pd.read_csv(FOUND))
    asked.page.write_text(as_markdown(table, command, clinics), encoding="utf-8")
    print(f"{int(table['passed'].sum())} of {len(table)} rows are kept: {asked.page}")
    return 0


class _Told:
    """Prints progress with the time that is left, now and then."""

    def __init__(self) -> None:
        self.start = self.last = time.monotonic()
        self.first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.first is None:
            self.first = done
        elif now - self.last < SECONDS and done < total:
            return
        pace = (now - self.start) / max(done - self.first, 1)
        left = f", about {pace * (total - done) / 60:.0f} min left" if done > self.first else ""
        print(f"{done:,} of {total:,} studies{left}", flush=True)
        self.last = now


if __name__ == "__main__":
    sys.exit(main())
