"""Sessions: the plateau of a made curve, the trap by hand, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import course_frame
from outcomes.questions.sessions import plateau, trap_rows
from outcomes.study import study_from_tables
from outcomes.synthetic.simulate import simulate
from studies.overclaims import overclaims


def courses(pace=2.0, n=60, visits=10, seed=2, stop=None):
    """Pain that falls by 3 (1 - exp(-n / pace)) after n visits; `stop`: leave when at or below."""
    rng = np.random.default_rng(seed)
    parts = []
    for i in range(n):
        level = rng.normal(6, 1)
        for visit in range(1, visits + 1):
            gain = 3 * -np.expm1(-(visit - 1) / pace)
            score = float(np.clip(level - gain + rng.normal(0, 0.5), 0, 10))
            parts.append((f"e{i:03d}", visit, 7.0 * (visit - 1), score))
            if stop is not None and score <= stop:
                break
    table = pd.DataFrame(parts, columns=["episode_id", "session", "day", "score"])
    scores = table.assign(instrument="nprs", timing="pre_session")
    visits_table = table[["episode_id", "session", "day"]]
    return study_from_tables({"assessments": scores, "sessions": visits_table})


@pytest.mark.parametrize("pace", [1.0, 2.0])
def test_the_plateau_interval_holds_the_pace_that_made_the_curve(pace):
    study = courses(pace)
    found = plateau(course_frame(study, "nprs"))
    assert "Nine tenths" in undisclosed(study, "sessions", instrument="nprs").sentence
    assert found.conf_low <= np.ceil(np.log(10) * pace) <= found.conf_high
    assert found.seen


def test_limits_are_of_what_is_shown():
    without = undisclosed(courses(), "sessions", instrument="nprs")  # no prescription, no follow-up
    assert not [text for text in without.limits if "prescriptions" in text or "weighting" in text]


def test_a_curve_that_still_rises_has_no_plateau_in_sight():
    answer = undisclosed(courses(pace=40.0), "sessions", instrument="nprs")
    assert "levels off cannot be told from data that reach to session" in answer.sentence
    assert not next(c for c in answer.checks if c.name == "a plateau is seen").passed


def test_a_plateau_that_the_curve_of_means_denies_is_not_said():
    # Its interval ends at 10.7 of 11 sessions, but means rise from 1.4 after 4 to 3.1 after 11.
    study = simulate(scenario="session-count-trap", seed=1)
    answer = undisclosed(study, "sessions", instrument="nprs")
    curve = answer.table[answer.table["kind"] == "curve"].set_index("session_count")["estimate"]
    row = answer.table[answer.table["kind"] == "plateau"].iloc[0]
    assert row["conf_high"] <= curve.index.max()
    assert curve[4] < 0.5 * curve.max()
    assert "levels off cannot be told from data that reach to session" in answer.sentence
    for kind, word in (("stratum", "prescriptions"), ("clone-censor-weight", "weighting")):
        assert (answer.table["kind"] == kind).any() == any(word in text for text in answer.limits)


def test_the_curve_is_not_misled_by_those_who_stop_when_well():
    """True improvement after six visits is 2.85; courses that stay have less."""
    study = courses(n=150, stop=3.0)
    answer = undisclosed(study, "sessions", instrument="nprs")
    at_six = answer.table[(answer.table["kind"] == "curve") & (answer.table["session_count"] == 6)]
    frame = study.trajectory("nprs")
    naive = frame.loc[frame["session_count"] == 6, "improvement"].mean()
    row = at_six.iloc[0]
    assert abs(row["estimate"] - 2.85) < 0.25
    assert naive < row["estimate"]
    assert not overclaims(answer.sentence, "change")


def test_the_trap_is_the_mean_of_last_scores_by_total_sessions():
    study = courses(n=40, stop=3.0)
    course = course_frame(study, "nprs")
    table = trap_rows(study, course).set_index("term")
    last = course.rows.groupby("episode_id").tail(1)
    # counts that few courses reach are of the curve's model too, as how-much says
    assert f"on {len(course.rows)} scores" in undisclosed(study, "sessions").method
    few = last[last["session"] <= 5]["improvement"]  # a visit each, the last with the last score
    assert table.loc["total 0-5 sessions", "estimate"] == pytest.approx(few.mean())
    assert table.loc["total 0-5 sessions", "n_episodes"] == len(few)


def test_scores_without_numbered_visits_are_refused_but_the_trap_is_shown():
    scores = pd.DataFrame(
        {"episode_id": [f"e{i}" for i in range(20)] * 2, "instrument": "nprs"}
    ).assign(day=[0.0] * 20 + [84.0] * 20, score=[6.0] * 20 + [4.0] * 20)
    scores["timing"] = ["baseline"] * 20 + ["follow_up"] * 20
    episodes = pd.DataFrame(
        {"episode_id": [f"e{i}" for i in range(20)], "sessions_attended": [4.0, 12.0] * 10}
    )
    study = study_from_tables({"episodes": episodes, "assessments": scores})
    answer = undisclosed(study, "sessions", instrument="nprs")
    assert answer.refused
    assert "numbered visits" in answer.reason
    assert answer.table["n_episodes"].tolist() == [10, 10]


def test_six_patients_are_refused_with_their_number():
    answer = undisclosed(courses(n=6), "sessions", instrument="nprs")
    assert answer.refused
    assert "6 courses" in answer.reason


@pytest.mark.parametrize(("visits", "told"), [(1, "no change can be told"), (2, "have 1 of them")])
def test_scores_of_numbered_visits_are_never_said_to_be_without(visits, told):
    given = undisclosed(courses(2.0, n=30, visits=visits), "sessions", instrument="nprs")
    assert "not linked" not in given.reason
    assert told in given.reason


def test_numbered_scores_without_a_list_of_visits_have_a_curve(clinic):
    whole = clinic(n=40, visits=7)
    study = replace(whole, sessions=whole.sessions.iloc[:0])
    given = undisclosed(study, "sessions")
    assert not given.refused
    assert any("visits are not listed" in check.said for check in given.checks)


def test_sessions_needed_are_whole_ones_after_which_it_had_happened():
    """All change by 1 after one session and by 2 from then on: nine tenths after 2, not after 1."""
    scores = [(f"e{i:02d}", v, 7.0 * v, 8.0 - i % 3 - min(v - 1, 2) + (i + v) % 2 * 0.02)
              for i in range(40) for v in range(1, 8)]  # fmt: skip
    table = pd.DataFrame(scores, columns=["episode_id", "session", "day", "score"])
    study = study_from_tables(
        {"assessments": table.assign(instrument="nprs", timing="pre_session"),
         "sessions": table[["episode_id", "session", "day"]]}
    )  # fmt: skip
    given = undisclosed(study, "sessions", instrument="nprs")
    assert "had happened after 2 sessions" in given.sentence


def test_it_says_that_scores_at_follow_up_are_missing_and_not_those_of_visits():
    study, rng = courses(), np.random.default_rng(1)
    total = {name: rng.integers(2, 10) for name in study.episodes["episode_id"]}
    came = [table[table["session"] <= table["episode_id"].map(total)].reset_index(drop=True)
            for table in (study.sessions, study.assessments)]  # fmt: skip
    study = replace(study, sessions=came[0], assessments=came[1])
    answer = undisclosed(study, "sessions", instrument="nprs")
    unmet = [check.detail for check in answer.checks if check.name.startswith(("stop", "go on"))]
    assert unmet == ["no courses with a score at follow-up"] * 2
    assert any("with a score then" in str(c.detail) for c in answer.checks if "nobody" in c.name)
