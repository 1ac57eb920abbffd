"""Identities between the courses that the same people can be sent through, and their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import outcomes as oc
from outcomes.synthetic.block import clusters_of, make_block
from outcomes.synthetic.courses import Regime, run_courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.scenarios import NO_EFFECT, scenario_design
from outcomes.synthetic.truth import truth_of


def world(**changes):
    design = replace(Design(episodes=1500, seed=5), **changes)
    clusters = clusters_of(design)
    people = make_block(design).people
    return lambda **regime: run_courses(design, clusters, people, Regime(**regime))


def value(truth, **labels):
    rows = truth.estimands
    for name, label in labels.items():
        rows = rows[rows[name].str.startswith(label) if name == "estimand" else rows[name] == label]
    assert len(rows) == 1
    return rows.iloc[0]


def test_what_is_set_to_what_would_have_been_changes_nothing():
    run = world(pressure_effect=0.4)
    natural, fixed = run(stay=True), run(stay=True, pressure=3, at_session=1)
    same = natural.pressure[1] == 3
    assert 0.1 < same.mean() < 0.9
    np.testing.assert_array_equal(natural.pain[:, same], fixed.pain[:, same])
    assert (natural.pain[3, ~same] != fixed.pain[3, ~same]).any()


def test_pressure_that_does_nothing_can_be_set_freely():
    run = world()
    np.testing.assert_array_equal(
        run(stay=True, pressure=1).rating, run(stay=True, pressure=5).rating
    )


def test_no_care_is_the_same_as_care_that_does_nothing():
    people_without = world()(care=False, stay=True)
    nothing = world(**{**NO_EFFECT, "adaptive_prognosis": -0.3})(stay=True)
    np.testing.assert_allclose(people_without.pain, nothing.pain, atol=1e-12)


def test_firmer_is_better_for_everyone_where_it_helps_and_only_there():
    run = world(pressure_effect=0.3, rating_step=0.001)
    light, firm = run(stay=True, pressure=2), run(stay=True, pressure=4)
    difference = light.pain - firm.pain
    assert (difference >= -1e-12).all()
    # nobody has care before the first session; adapted care has no effect of pressure
    np.testing.assert_array_equal(difference[:2], 0)
    adaptive = make_block(Design(episodes=1500, seed=5))
    np.testing.assert_array_equal(difference[:, adaptive.people.adaptive], 0)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_sustained_effect_of_pressure_has_its_closed_form(memory):
    run = world(pressure_effect=0.3, pressure_memory=memory, follow_ups=(), adaptive_share=0.0,
                script_weeks=((8.0, 1.0),), frequencies=((1.0, 1.0),))  # fmt: skip
    difference = run(stay=True, pressure=2).pain - run(stay=True, pressure=4).pain
    sessions = np.arange(9)[:, None]
    expected = 2 * 0.3 * (1 - memory**sessions)
    np.testing.assert_allclose(difference[1:10], np.broadcast_to(expected, (9, 1500)), atol=1e-12)
    last = (
        run(stay=True, pressure=2, at_session=4).pain
        - run(stay=True, pressure=4, at_session=4).pain
    )
    np.testing.assert_allclose(last[5], 2 * 0.3 * (1 - memory), atol=1e-12)


def test_the_best_pressure_is_in_the_middle_of_the_inverted_u():
    truth = truth_of(scenario_design("pressure-inverted-u"))
    means = [
        value(truth, estimand="mean improvement with this pressure", condition="all",
              session_count=8, pressure=str(level)).value
        for level in (1, 2, 3, 4, 5)
    ]  # fmt: skip
    assert max(means) == means[2]
    assert means[0] < means[1] < means[2] > means[3] > means[4]


def test_truth_of_pressure_is_its_closed_form_up_to_the_scale():
    design = Design(
        pressure_effect=0.2,
        pressure_memory=0.0,
        rating_step=0.001,
        conditions=(replace(Design().conditions[0], share=1.0, baseline_mean=6.5),),
    )
    truth = truth_of(design)
    for when in ("every session", "the last session only"):
        row = value(truth, estimand=f"effect of pressure 4 against 2 in {when}",
                    condition="all", session_count=4)  # fmt: skip
        # ratings end at 0, where a few percent of scores lose part of the effect
        assert 0.3 < row.value <= 0.4


def test_truth_of_null_is_no_effect_and_change_without_any_care():
    truth = truth_of(scenario_design("null"))
    effects = truth.estimands[truth.estimands["kind"] == "effect"]
    assert (effects["value"] == 0).all()
    with_care = value(truth, estimand="mean improvement after", condition="all",
                      instrument="nprs", session_count=8)  # fmt: skip
    assert with_care.value > 0.4
    none = truth.estimands[truth.estimands["estimand"].str.startswith("mean improvement without")]
    curve = none[none["condition"] == "all"].sort_values("week")["value"].to_numpy()
    assert (np.diff(curve) > 0).all()
    between = np.interp(with_care.week, [4, 8], curve[1:3])
    assert with_care.value == pytest.approx(between, abs=0.06)


def test_without_a_control_the_truth_of_care_is_change():
    routine = truth_of(Design()).estimands
    effects = set(routine.loc[routine["kind"] == "effect", "estimand"])
    assert all("pressure" in name for name in effects)
    trial = truth_of(scenario_design("two-arm-trial")).estimands
    effect = trial[(trial["kind"] == "effect") & (trial["condition"] == "all")]
    assert list(effect["week"]) == [8, 24, 52]
    assert effect["value"].iloc[0] > 1
    assert (np.diff(effect["value"]) < 0).all()


def test_truth_depends_on_the_design_alone():
    one, other = truth_of(Design(episodes=10, seed=1)), truth_of(Design(episodes=500, seed=2))
    assert one.estimands.equals(other.estimands)
    assert one.parameters != other.parameters
    one.estimands.loc[0, "value"] = -1
    assert truth_of(Design()).estimands.loc[0, "value"] != -1


def test_monte_carlo_errors_are_small_and_told():
    rows = truth_of(Design()).estimands
    whole = rows[(rows["condition"] == "all") & (rows["kind"] == "change")]
    assert (whole["mc_error"] < 0.015).all()
    assert (whole["mc_error"] > 0).all()
    assert rows["value"].notna().all()


def test_a_study_in_which_nobody_leaves_shows_its_truth():
    design = Design(
        episodes=16_000, seed=77, therapists=2000, clinics=500, stop_hazard=0.0, missed_visit=0.0,
        missing_score=0.0, serious_event=0.0, follow_ups=(), repeat_share=0.0,
        script_weeks=((8.0, 1.0),),
    )  # fmt: skip
    study = oc.simulate(design)
    frame = study.trajectory("nprs")
    for count in (2, 4, 7):
        rows = frame[(frame["session_count"] == count) & frame["session"].notna()]
        row = value(study.truth, estimand="mean improvement after", condition="all",
                    instrument="nprs", session_count=count)  # fmt: skip
        error = np.hypot(rows["improvement"].std() / np.sqrt(len(rows)), row.mc_error)
        assert abs(rows["improvement"].mean() - row.value) < 3.5 * error
    by_condition = frame[frame["session_count"] == 4].groupby("condition")["improvement"]
    for condition, rows in by_condition:
        row = value(study.truth, estimand="mean improvement after", condition=condition,
                    instrument="nprs", session_count=4)  # fmt: skip
        error = np.hypot(rows.std() / np.sqrt(len(rows)), row.mc_error)
        assert abs(rows.mean() - row.value) < 3.5 * error
