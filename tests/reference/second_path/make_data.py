"""Ninety courses whose file numbers appointments: a fifth were missed, and some have a score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20)
courses, visits, scores = [], [], []
skill = rng.normal(0, 0.5, 6)
for i in range(90):
    name, own = f"e{i:02d}", int(rng.integers(6))
    often, frail, decade = rng.random() < 0.45, rng.random() < 0.2, int(rng.integers(2, 9))
    level, slope = rng.normal(0, 1.4), rng.normal(0.3, 0.12)
    courses.append({
        "episode_id": name, "patient_id": f"p{i:02d}",
        "condition": str(rng.choice(["headache", "low_back", "neck_other"], p=[0.2, 0.5, 0.3])),
        "age_band": f"{decade}0-{decade}9", "adaptations": "osteoporosis" if frail else "none",
        "sessions_per_week": 2.0 if often else 1.0, "weeks": float(rng.choice([6, 8, 10])),
        "end_reason": str(rng.choice(["goal_met", "plateau", "cost", "moved"],
                                     p=[0.5, 0.25, 0.15, 0.1])),
    })  # fmt: skip
    day = received = 0.0
    for number in range(1, int(rng.integers(5, 11))):
        there = number == 1 or rng.random() > 0.2
        pain = 5.5 + level - slope * day / 7 - 0.1 * received - skill[own] * (number > 1)
        score = float(np.clip(np.round(pain + rng.normal(0, 0.9)), 0, 10))
        firm = 3 - 1.2 * frail - 0.4 * (score - 5) + rng.normal(0, 0.9)
        key = {"episode_id": name, "session": number, "day": round(day)}
        if number == 1 or rng.random() > 0.12:
            timing = "baseline" if number == 1 else "pre_session"
            scores.append({**key, "timing": timing, "instrument": "nprs", "score": score})
        visits.append({
            **key, "therapist_id": f"t{own}", "status": "attended" if there else "no_show",
            "pressure": float(np.clip(np.round(firm), 0, 5)) if there else np.nan,
        })  # fmt: skip
        received += there
        day += 7 / (2 if often else 1) * rng.uniform(0.8, 1.3)
here = Path(__file__).parent
for table, rows in (("episodes", courses), ("sessions", visits), ("assessments", scores)):
    pd.DataFrame(rows).to_csv(here / f"{table}.csv", index=False)
