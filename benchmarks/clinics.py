"""The data of the benchmarks: clinics of any size, made from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

CONDITIONS = ("ankle", "back", "elbow", "headache", "hip", "knee", "neck", "shoulder")


def clinic(
    patients: int, *, sessions: tuple[int, int] = (4, 16), seed: int = 20261123
) -> pd.DataFrame:
    """Patients with 4 to 16 sessions, 8 conditions, pressure 1 to 5, a therapist per 40 patients.

    Intercepts and slopes vary between patients (correlation 0.3), therapists have an intercept.
    ``seen_by`` is the patient's own therapist in 70 % of the sessions, else another.
    """
    rng = np.random.default_rng([seed, patients])
    low, high = sessions
    count = rng.integers(low, high + 1, patients)
    patient = np.repeat(np.arange(patients), count)
    session = np.arange(patient.size) - np.repeat(np.cumsum(count) - count, count) + 1
    therapist = np.arange(patients) // 40
    condition = rng.integers(0, len(CONDITIONS), patients)
    baseline = np.clip(rng.normal(6, 1.5, patients), 2, 10).round(1)
    pressure = rng.integers(1, 6, patient.size)
    effects = rng.multivariate_normal([0, 0], [[1.0, 0.045], [0.045, 0.0225]], patients)
    by_therapist = rng.normal(0, 0.5, therapist[-1] + 1)
    own = rng.random(patient.size) < 0.7
    seen = np.where(own, therapist[patient], rng.integers(0, therapist[-1] + 1, patient.size))
    slope = 0.2 + 0.02 * condition + effects[:, 1]
    improvement = (
        -0.5
        + 0.1 * condition[patient]
        + 0.2 * baseline[patient]
        + slope[patient] * session
        + 0.1 * pressure
        + effects[patient, 0]
        + by_therapist[therapist[patient]]
        + rng.normal(0, 1.0, patient.size)
    )
    return pd.DataFrame(
        {
            "patient": np.char.add("P", patient.astype(str)),
            "therapist": np.char.add("T", therapist[patient].astype(str)),
            "seen_by": np.char.add("T", seen.astype(str)),
            "condition": np.array(CONDITIONS)[condition[patient]],
            "session": session.astype(float),
            "visit": session,
            "pressure": pressure.astype(float),
            "baseline": baseline[patient],
            "improvement": improvement.round(6),
        }
    )
