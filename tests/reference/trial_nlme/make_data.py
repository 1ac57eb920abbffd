"""A trial of two arms: therapists nested in them, some visits given by others, some never came."""

from pathlib import Path

import numpy as np
import pandas as pd

N, EACH, VISITS = 96, 4, 5


def main() -> None:
    """Write one row a course: who gave each visit, in order, and pain at baseline and week 8."""
    rng = np.random.default_rng(20261127)
    arm = np.arange(N) % 2
    own = rng.integers(EACH, size=N) + EACH * arm
    skill = rng.normal(0, 1.5, 2 * EACH)
    other = rng.integers(EACH, size=(N, VISITS)) + EACH * arm[:, None]
    swapped = rng.random((N, VISITS)) < 0.25
    swapped[:, -1] = rng.random(N) < 0.7  # the last visit is often given by somebody else
    given = np.where(swapped, other, own[:, None])
    came = np.where(rng.random(N) < 0.08, 0, rng.integers(3, VISITS + 1, size=N))
    level = rng.normal(6, 1.2, N)
    helped = np.where(came > 0, skill[own] + 0.8 * arm, 0.0)
    later = level - 1.0 - helped + rng.normal(0, 1.3, N)
    visits = [" ".join(f"t{k}" for k in who[:n]) for who, n in zip(given, came, strict=True)]
    table = pd.DataFrame({
        "course": [f"c{i:02d}" for i in range(N)], "arm": np.where(arm, "massage", "usual"),
        "visits": visits, "before": (level + rng.normal(0, 0.8, N)).round(1).clip(0, 10),
        "later": later.round(1).clip(0, 10),
    })  # fmt: skip
    table.loc[rng.random(N) < 0.08, "later"] = np.nan
    table.to_csv(Path(__file__).with_name("trial.csv"), index=False)


if __name__ == "__main__":
    main()
