"""Pressure: overlap first, exposure before the score, and refusals where nothing overlaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from outcomes.questions.ask import undisclosed
from outcomes.study import study_from_tables
from outcomes.words import CANNOT_TELL
from studies.overclaims import overclaims


def with_pressure(study, change):
    sessions = study.sessions.assign(pressure=change(study.sessions))
    return study_from_tables(
        {"episodes": study.episodes, "sessions": sessions, "assessments": study.assessments}
    )


@pytest.fixture(name="answered", scope="module")
def answered_fixture():
    def once(study):
        return undisclosed(study, "pressure", instrument="nprs", seed=3)

    return once


def test_the_table_holds_overlap_and_every_way_of_looking(clinic, answered):
    answer = answered(clinic(n=120))
    kinds = set(answer.table["kind"])
    assert {"last visit", "within", "between", "error allowed for", "sustained", "overlap"} <= kinds
    overlap = answer.table[answer.table["kind"] == "overlap"]
    assert overlap["n_visits"].sum() == 120 * 6
    assert not overclaims(answer.sentence, "association")


def test_every_estimate_says_what_it_takes_the_score_for_wherever_its_row_goes(clinic, answered):
    rows = answered(clinic(n=120)).table.dropna(subset=["p_value"])
    exact = rows["term"].str.contains("score taken as exact", regex=False)
    allowed = rows["term"].str.contains("error of the score allowed for", regex=False)
    assert (exact ^ allowed).all()
    assert allowed[rows["kind"].isin(["error allowed for", "sustained"])].all()


def test_what_a_plan_tests_is_the_row_that_error_of_the_score_cannot_make(clinic, answered):
    answer = answered(clinic(n=120))
    tested = answer.table[answer.record.test_row(answer.table)]
    assert tested["kind"].tolist() == ["error allowed for"]
    both = [answer.table["p_value"].iloc[0], tested["p_value"].iloc[0]]
    assert tested["p_both"].tolist() == [max(both)]  # a finding needs both
    t, df = (float(tested[name].iloc[0]) for name in ("statistic", "df"))
    assert both[1] == pytest.approx(2 * stats.t.sf(abs(t), df))  # the row's own


def test_the_same_seed_gives_the_same_answer(clinic, answered):
    study = clinic(n=60)
    assert answered(study).table.equals(answered(study).table)


@pytest.mark.parametrize(
    ("change", "reason", "few"),
    [
        (lambda _: np.nan, "never recorded", ""),
        (lambda _: 3.0, "two pressure levels", "(courses by level: level 3: 60 courses)"),
        (lambda s: np.where(s["episode_id"] < "e0009", s["session"] % 2 + 4, 3.0),
         "two pressure levels", "level 3: 51 courses; fewer than 11 each at level 4, 5)"),
    ],
)  # fmt: skip
def test_without_overlap_it_refuses_with_the_counts(clinic, answered, change, reason, few):
    answer = answered(with_pressure(clinic(n=60), change))
    assert answer.refused
    assert reason in answer.reason
    assert few in answer.reason  # small counts are said once for all levels that have them
    assert not overclaims(answer.sentence, "change")


def test_courses_left_out_for_a_rare_level_are_the_reason_where_all_visits_are_scored(
    clinic, answered
):
    """Of 15 courses 8 have one of four rare levels once: 7 are left, each visit with a score."""
    rare = {f"e{k:04d}": float(2 + k // 2 % 4) for k in range(8)}
    levels = {2.0: 0.0, 3.0: 1.0, 4.0: 2.0, 5.0: 5.0}

    def level(visits):
        usual = np.where(
            (visits["session"] + visits["episode_id"].str[1:].astype(int)) % 2, 3.0, 4.0
        )
        own = visits["episode_id"].map(rare).map(levels)
        return np.where((visits["session"] == 2) & own.notna(), own, usual)

    study = with_pressure(clinic(n=15), level)
    reason = answered(study).reason
    assert "there are 7 courses of that kind" in reason
    assert "Left out before: 8 courses (a pressure level given in fewer than 11 courses)" in reason
    assert "Record a score" not in reason
    scores = study.assessments[study.assessments["session"] != 3]
    unscored = answered(replace(study, assessments=scores)).reason
    assert "Record a score at the start of each visit" in unscored


def test_frail_patients_who_only_got_light_touch_leave_nothing_to_compare(clinic, answered):
    study = clinic(n=80, adapted=0.5)
    frail = study.episodes.set_index("episode_id")["adaptations"] == "frail"
    light = with_pressure(study, lambda s: np.where(s["episode_id"].map(frail), 1.0, 4.0))
    answer = answered(light)
    assert answer.refused
    assert "level 1: " in answer.reason
    assert "level 4: " in answer.reason


def test_a_term_that_cannot_be_estimated_is_a_check_and_no_warning(clinic, answered):
    """Everybody's age follows from being adapted: warnings are errors here."""
    study = clinic(n=120, adapted=0.5)
    frail = study.episodes["adaptations"] == "frail"
    aged = study.episodes.assign(age_band=np.where(frail, "70-79", "30-39"))
    answer = answered(replace(study, episodes=aged))
    check = next(c for c in answer.checks if "can be estimated" in c.name)
    assert not check.passed
    assert check.detail == "not estimated: age"
    assert answer.table["estimate"].iloc[0] != 0


def test_a_best_pressure_in_between_is_found_where_a_straight_line_sees_nothing(clinic, answered):
    """Made with a loss of 0.4 a squared level from 3 after each visit, pressure by chance."""
    study = clinic(n=200, react=0.0)
    level = study.sessions["pressure"].groupby(study.sessions["episode_id"]).shift()
    loss = 0.4 * (level - 3.0).fillna(0.0) ** 2
    key = ["episode_id", "session"]
    extra = study.assessments[key].merge(study.sessions[key].assign(loss=loss), on=key)["loss"]
    score = (study.assessments["score"] + extra.to_numpy()).clip(0, 10)
    answer = answered(replace(study, assessments=study.assessments.assign(score=score)))
    rows = answer.table.set_index("kind")
    assert rows.loc["last visit", "conf_low"] < 0 < rows.loc["last visit", "conf_high"]
    assert rows.loc["curvature", "estimate"] == pytest.approx(-0.4, abs=0.08)
    assert not next(c for c in answer.checks if "worth the same" in c.name).passed


def test_two_levels_cannot_tell_a_curve(clinic, answered):
    study = clinic(n=120)
    two = with_pressure(study, lambda s: np.where(s["pressure"] >= 3, 4.0, 2.0))
    answer = answered(two)
    assert "curvature" not in set(answer.table["kind"])
    check = next(c for c in answer.checks if "worth the same" in c.name)
    assert "cannot be told" in check.detail


@pytest.mark.slow
def test_with_no_true_consequence_the_answer_rarely_finds_one(clinic, answered):
    """150 studies where pressure answers pain and gives nothing: false findings near 5 %."""
    found, misled = [], []
    for seed in range(150):
        row = answered(clinic(seed, n=100, react=-0.6)).table.iloc[0]
        found.append(row["estimate"])
        misled.append(row["p_value"] < 0.05)
    assert np.mean(misled) <= 0.05 + 2.58 * np.sqrt(0.05 * 0.95 / 150)
    assert np.mean(found) == pytest.approx(0, abs=0.03)


def test_a_title_does_not_say_what_error_of_the_score_may_have_made():
    """The last visit alone is clear, and not with error allowed for."""
    rng = np.random.default_rng(4)
    pain = rng.normal(6, 1.5, (120, 1)) + np.cumsum(rng.normal(0, 0.5, (120, 6)), axis=1)
    score = np.clip(np.round(pain + rng.normal(0, 1.2, pain.shape)), 0, 10)
    given = np.clip(np.round(3 - 0.8 * (pain - 6) + rng.normal(0, 0.5, pain.shape)), 0, 5)
    at = pd.DataFrame({"episode_id": np.repeat([f"e{i}" for i in range(120)], 6),
                       "session": np.tile(np.arange(1, 7), 120)})  # fmt: skip
    at["day"] = 7.0 * at["session"]
    scored = at.assign(instrument="nprs", timing="pre_session", score=score.ravel())
    visits = at.assign(pressure=given.ravel())
    answer = undisclosed(study_from_tables({"sessions": visits, "assessments": scored}), "pressure")
    first = answer.table.iloc[0]
    assert first["conf_low"] * first["conf_high"] > 0
    assert answer.verdict == CANNOT_TELL
    assert answer.picture.title.endswith("told apart from measurement error of the score")
