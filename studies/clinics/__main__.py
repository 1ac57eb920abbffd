"""``python -m studies.clinics [CELL ...]``: how often the answers hold what is true."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from studies.clinics.cells import CELLS, Records
from studies.clinics.page import FOUND, TITLE, counted, section

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


def run_study(name: str, number: int) -> Records:
    """Make and ask study `number` of a cell; its seed is the cell's name and the number."""
    warnings.simplefilter("ignore")
    try:
        records = CELLS[name].run(np.random.default_rng([zlib.crc32(name.encode()), number]))
    except Exception as error:  # what fails is counted, as the kind of failure it is
        records = [{"label": f"failed: {type(error).__name__} {error}"[:90]}]
    return [{**row, "number": number} for row in records]


def share(hits: int, n: int) -> tuple[float, float, float]:
    """Return a share with its exact 95 % Monte-Carlo interval (Clopper-Pearson)."""
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return hits / n, float(low), float(high)


def summary(name: str, records: Records) -> pd.DataFrame:
    """Return one row a judged label: how often intervals held the truth, and how they were."""
    frame, n = pd.DataFrame(records), len({row["number"] for row in records})
    rows: list[dict[str, Any]] = []
    for label, own in frame.groupby("label", sort=False):
        line: dict[str, Any] = {"cell": name, "label": label, "studies": own["number"].nunique(),
                                "of": n}  # fmt: skip
        if "said" in own and own["said"].notna().any():
            rate, low, high = share(int(own["said"].sum()), len(own))
            line["said"] = f"{rate:.1%} ({low:.0%}-{high:.0%})"
        if "low" in own and own["low"].notna().any():
            held = (own["low"] <= own["truth"]) & (own["truth"] <= own["high"])
            rate, low, high = share(int(held.sum()), len(held))
            line["held"] = f"{rate:.1%} ({low:.0%}-{high:.0%})"
            line["bias"] = round(float((own["estimate"] - own["truth"]).mean()), 2)
            line["width"] = round(float((own["high"] - own["low"]).median()), 2)
            line["df"] = round(float(own["df"].median()), 1)
        rows.append(line)
    return pd.DataFrame(rows)


def _keep(records: Path) -> int:
    """Count the records of a file, in place of older ones, in the table and on the page."""
    lines = records.read_text(encoding="utf-8").splitlines()
    new = counted(json.loads(line) for line in lines)
    old = pd.read_csv(FOUND) if FOUND.exists() else new.iloc[:0]
    kept = pd.concat([old[~old["cell"].isin(new["cell"])], new]) if len(old) else new
    order = {name: place for place, name in enumerate(CELLS)}
    kept = kept[kept["cell"].isin(order)]
    kept.sort_values("cell", key=lambda c: c.map(order), kind="stable").to_csv(FOUND, index=False)
    rest = PAGE.read_text(encoding="utf-8").partition(TITLE)[0]
    PAGE.write_text(rest + section(pd.read_csv(FOUND)), encoding="utf-8")
    return 0


def main(words: list[str] | None = None) -> int:
    """Run the cells whose name holds one of the words, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m studies.clinics", description=__doc__)
    parser.add_argument("cells", nargs="*", default=[""], help="parts of the names of cells")
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first study")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--records", type=Path, help="a file to which every judged row is added")
    parser.add_argument("--keep", action="store_true", help="count these records, run nothing")
    asked = parser.parse_args(words)
    if asked.keep:
        return _keep(asked.records)
    os.nice(15)
    pd.set_option("display.width", 250, "display.max_columns", 20, "display.max_colwidth", 90)
    numbers = range(asked.first, asked.first + asked.studies)
    with ProcessPoolExecutor(asked.processes) as pool:
        for name in (name for name in CELLS if any(part in name for part in asked.cells)):
            parts = pool.map(partial(run_study, name), numbers, chunksize=5)
            found = [row for part in parts for row in part]
            if asked.records:
                lines = [json.dumps({"cell": name, **row}, default=str) for row in found]
                with asked.records.open("a") as file:
                    file.write("\n".join(lines) + "\n")
            table = summary(name, found)
            print(table.to_string(index=False, header=True), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
