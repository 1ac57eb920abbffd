"""Nothing in the tests is timed, and CI tries the same examples each time.

A property that fails on an example nobody tried before is found by the slow suites, which draw
fresh ones (`--hypothesis-profile=explore`), and is then written down as an `@example`.
"""

import gc

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from outcomes.study import study_from_tables

settings.register_profile(
    "outcomes", deadline=None, derandomize=True, database=None, max_examples=25
)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("outcomes")

gc.disable()  # what is collected stays to the end: a fifth of its time went into looking it over


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leave to the slow suites what `quick(n)` leaves: n cases of many, spread evenly, stay."""
    cases = {}
    for item in items:
        if item.get_closest_marker("quick") and not item.get_closest_marker("slow"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for own in cases.values():
        n = own[0].get_closest_marker("quick").args[0]
        kept = {round(k * (len(own) - 1) / max(1, n - 1)) for k in range(n)}
        for k, item in enumerate(own):
            if k not in kept:
                item.add_marker("slow")


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def clinic(seed=1, n=150, visits=6, effect=0.0, react=-0.2, adapted=0.0):
    """Return a study in which pressure answers the pain of the day.

    Each level above 3, in the mean of the visits so far, gives `effect`.
    """
    rng = np.random.default_rng(seed)
    ids = np.array([f"e{i:04d}" for i in range(n)])
    level = rng.normal(5.5, 1.2, n)
    frail = rng.random(n) < adapted
    given, sessions, scores = [], [], []
    for visit in range(1, visits + 1):
        firm = np.mean(given, axis=0) - 3 if given else np.zeros(n)
        score = np.clip(level - 0.3 * (visit - 1) - effect * firm + rng.normal(0, 1, n), 0, 10)
        firmness = 3 + react * (score - 5) - 1.2 * frail + rng.normal(0, 0.9, n)
        given.append(np.clip(np.round(firmness), 0, 5))
        at = {"episode_id": ids, "session": visit, "day": 7.0 * (visit - 1)}
        sessions.append(pd.DataFrame({**at, "pressure": given[-1]}))
        scores.append(
            pd.DataFrame({**at, "timing": "pre_session", "instrument": "nprs", "score": score})
        )
    episodes = pd.DataFrame(
        {
            "episode_id": ids,
            "condition": "headache",
            "adaptations": np.where(frail, "frail", "none"),
        }
    )
    return study_from_tables(
        {"episodes": episodes, "sessions": pd.concat(sessions), "assessments": pd.concat(scores)}
    )


@pytest.fixture(name="clinic", scope="session")
def clinic_fixture():
    return clinic
