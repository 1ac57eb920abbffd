"""Simulate a clinic's visits with arms, therapists, weights and missed visits: csv/visits.csv."""

import numpy as np
import pandas as pd

PATIENTS, VISITS = 72, 7

rng = np.random.default_rng(20261126)
d = pd.DataFrame({"id": np.repeat(range(PATIENTS), VISITS), "visit": [*range(VISITS)] * PATIENTS})
kept = rng.random(len(d)) < 0.8
kept[d["visit"] == 0] = True
d["arm"] = np.array(["a", "b", "c"])[d["id"] % 3]
d["clinic"] = d["id"] % 12
d["region"] = d["clinic"] % 4
d["th"] = rng.integers(0, 9, len(d))
d["press"] = rng.choice(["firm", "light", "mid"], len(d))
d["x"] = rng.normal(50, 8, len(d)).round(3)
d["w"] = rng.uniform(0.4, 2.5, len(d)).round(3)
d["day"] = d["visit"] * 7 + rng.integers(-2, 3, len(d))
d["base"] = rng.normal(size=PATIENTS).round(3)[d["id"]]
error = rng.normal(size=(PATIENTS, VISITS))
for visit in range(1, VISITS):
    error[:, visit] = 0.6 * error[:, visit - 1] + 0.8 * error[:, visit]
level, slope = 0.9 * rng.normal(size=PATIENTS), 0.15 * rng.normal(size=PATIENTS)
d["y"] = 6 + (0.1 * (d["arm"] == "b") - 0.35) * d["visit"] + 0.3 * d["base"] + 0.01 * d["x"]
d["y"] += level[d["id"]] + slope[d["id"]] * d["visit"] + 0.7 * error.ravel()
d["y"] += 0.5 * rng.normal(size=9)[d["th"]] + 0.4 * rng.normal(size=12)[d["clinic"]]
d["y"] = d["y"].round(4)
d["pos"] = np.exp(d["y"] / 6).round(5)
d = d[kept].sample(frac=1, random_state=3)
d.to_csv("csv/visits.csv", index=False)
