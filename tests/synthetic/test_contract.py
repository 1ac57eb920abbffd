"""Every scenario keeps the data contract, and holds what its name promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.dictionary.tables import RECEIVED, TABLES
from outcomes.study import study_from_tables
from outcomes.synthetic.block import make_block, to_frame
from outcomes.synthetic.conditions import Arm
from outcomes.synthetic.scenarios import SCENARIOS, scenario_design
from outcomes.synthetic.tables import block_tables


def study_of(design):
    """A study without its truth, which takes longer than all the rest."""
    tables = block_tables(design, make_block(design))
    return study_from_tables({name: to_frame(table) for name, table in tables.items()})


@pytest.fixture(scope="module")
def studies():
    return {name: study_of(scenario_design(name, episodes=300, seed=9)) for name in SCENARIOS}


DEVIATIONS = {"R26", "R28", "R30"}  # clearance late, above a ceiling, goal set after the fact


@pytest.mark.quick(8)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_keeps_every_rule_but_planted_deviations(studies, name):
    findings = oc.check(studies[name])
    assert findings.ok
    assert {item.rule for item in findings.items} <= DEVIATIONS


def test_without_planted_deviations_there_is_no_finding():
    planted = {"clearance_violation": 0.0, "ceiling_violation": 0.0, "goal_late": 0.0}
    study = study_of(replace(scenario_design("default", episodes=300, seed=9), **planted))
    assert not oc.check(study).items


@pytest.mark.parametrize("name", SCENARIOS)
def test_visits_are_in_order_and_the_first_is_day_0(studies, name):
    visits = studies[name].sessions
    received = visits[visits["status"].isin(RECEIVED)]
    first = received.groupby("episode_id")["day"].first()
    assert (first == 0).all()
    assert (received.groupby("episode_id")["day"].diff().dropna() > 0).all()
    number = received.groupby("episode_id").cumcount() + 1
    assert (received["session"] == number).all()
    missed = visits[~visits["status"].isin(RECEIVED)]
    assert missed["session"].isna().all()
    assert missed["pressure"].isna().all()
    count = received.groupby("episode_id").size()
    whole = studies[name].episodes.set_index("episode_id")["sessions_attended"]
    pd.testing.assert_series_equal(
        count.reindex(whole.index, fill_value=0).astype(float), whole, check_names=False
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_course_has_a_baseline_of_each_of_its_instruments(studies, name):
    scores = studies[name].assessments
    baselines = scores[scores["timing"] == "baseline"]
    pairs = scores.groupby(["episode_id", "instrument"]).ngroups
    assert len(baselines) == pairs == 2 * len(studies[name].episodes)
    assert (baselines["day"] == 0).all()


def test_nothing_happens_after_the_end_but_follow_ups(studies):
    study = studies["default"]
    end = study.episodes.set_index("episode_id")["end_day"]
    visits = study.sessions
    assert (visits["day"] <= visits["episode_id"].map(end)).all()
    scores = study.assessments[study.assessments["timing"] != "follow_up"]
    assert (scores["day"] <= scores["episode_id"].map(end)).all()


def test_entry_rule_holds(studies):
    for name, least in (("default", 3), ("regression-to-the-mean", 6), ("floor-and-ceiling", 1)):
        scores = studies[name].assessments
        pain = scores[(scores["timing"] == "baseline") & (scores["instrument"] == "nprs")]
        assert pain["score"].min() >= least


def test_arms_of_a_trial(studies):
    study = studies["dose-finding-trial"]
    arms = study.episodes.set_index("episode_id")["arm"]
    assert arms.nunique() == 5
    seen = study.sessions["episode_id"].map(arms)
    assert "usual care" not in set(seen)
    minutes = study.sessions.groupby(seen)["minutes"].max()
    assert minutes["30 min weekly"] == 30
    assert minutes["60 min weekly"] == 60
    empty = study.episodes[study.episodes["arm"] == "usual care"]
    assert empty[["minutes", "weeks", "sessions_per_week"]].isna().all(axis=None)
    assert set(study.assessments["timing"]) <= {"baseline", "follow_up", "post_session"}


def test_wait_list_gets_care_later():
    arms = (Arm("wait", control=True, wait_weeks=6.0), Arm("now"))
    study = study_of(replace(scenario_design("two-arm-trial", episodes=60), arms=arms))
    first = study.sessions.groupby("episode_id")["day"].min()
    arm = study.episodes.set_index("episode_id")["arm"].reindex(first.index)
    assert (first[arm == "wait"] == 42).all()
    assert (first[arm == "now"] == 0).all()


def test_death_in_hospice_ends_everything(studies):
    study = studies["hospice"]
    died = study.episodes[study.episodes["end_reason"] == "death"].set_index("episode_id")
    assert len(died) > 10
    scores = study.assessments[study.assessments["episode_id"].isin(died.index)]
    assert (scores["day"] <= scores["episode_id"].map(died["end_day"])).all()
    assert study.episodes["adaptations"].str.contains("end_of_life").all()


def test_therapists_switch(studies):
    own = studies["switching-therapists"].sessions.groupby("episode_id")["therapist_id"].nunique()
    assert (own > 1).mean() > 0.5
    few = studies["few-clusters"].sessions["therapist_id"]
    assert few.nunique() == 3


def test_second_courses_share_the_patient(studies):
    episodes = studies["default"].episodes
    counts = episodes["patient_id"].value_counts()
    assert counts.max() == 2
    pairs = episodes[episodes["patient_id"].isin(counts.index[counts == 2])]
    for column in ("sex", "age_band", "adaptations", "clinic_id"):
        assert (pairs.groupby("patient_id")[column].nunique() == 1).all()


def test_codes_become_words_of_the_contract(studies):
    episodes = studies["default"].episodes
    for column in TABLES["episodes"].columns:
        if column.kind == "category" and column.categories and column.name != "arm":
            assert set(episodes[column.name].dropna()) <= set(column.categories)
    assert set(studies["default"].sessions["status"]) >= {"attended", "cancelled", "no_show"}


def test_a_study_is_labelled():
    study = oc.simulate(episodes=20, scenario="two-arm-trial", seed=3)
    assert repr(study).startswith("SYNTHETIC")
    provenance = study.provenance
    assert (provenance.synthetic, provenance.seed, provenance.control) == (True, 3, "usual care")
    assert provenance.randomised
    assert not oc.simulate(episodes=20).provenance.randomised


def test_the_smallest_study():
    study = study_of(scenario_design("default", episodes=1))
    assert len(study.episodes) == 1
    assert np.isfinite(study.assessments["score"]).all()
