"""Going on, nobody leaving: the weights find it where leaving follows what was seen, only there."""

from __future__ import annotations

import numpy as np
import pytest

import outcomes as oc
from outcomes.questions.question import Asked
from outcomes.questions.sessions import SESSIONS as QUESTION
from outcomes.questions.stopping import stopping

CHANGE = "mean improvement after session_count sessions, nobody leaving"
N_STUDIES, SESSIONS = 30, 4


def errors(scenario):
    """Error and coverage of the weighted mean, and error of the mean of those still there."""
    found = []
    for seed in range(N_STUDIES):
        study = oc.simulate(episodes=300, scenario=scenario, seed=4000 + seed)
        known = study.truth.estimands
        known = known[(known["estimand"] == CHANGE) & (known["condition"] == "all")]
        value = known.set_index("session_count").loc[SESSIONS, "value"]
        rows = study.trajectory("nprs")
        there = rows[(rows["session_count"] == SESSIONS) & rows["session"].notna()]
        row = stopping(Asked(QUESTION, study, "nprs"), SESSIONS).table.iloc[0]
        held = row["conf_low"] <= value <= row["conf_high"]
        found.append((row["estimate"] - value, held, there["improvement"].mean() - value))
    return np.array(found, dtype=float)


@pytest.mark.slow
def test_who_stops_when_well_is_recovered():
    error, held, naive = errors("session-count-trap").T
    assert naive.mean() < -0.25
    assert abs(error.mean()) < 0.1 + 3 * error.std(ddof=1) / np.sqrt(N_STUDIES)
    assert abs(error.mean()) < abs(naive.mean()) / 2
    assert held.mean() >= 0.85


@pytest.mark.slow
def test_who_stays_away_for_pain_nobody_saw_is_not():
    error, *_ = errors("informative-dropout").T
    assert error.mean() > 0.1
