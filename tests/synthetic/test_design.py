"""The design: documented parameters, round trips, and refusal of what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import outcomes as oc
from outcomes.errors import DesignError
from outcomes.synthetic.conditions import KNOWN, Arm, SimulatedCondition
from outcomes.synthetic.design import Design
from outcomes.synthetic.parameter import records
from outcomes.synthetic.scenarios import SCENARIOS, scenario_design

NECK = replace(KNOWN["neck_other"], share=1.0)


@pytest.mark.parametrize("owner", [Design, SimulatedCondition, Arm])
def test_every_parameter_says_what_it_is(owner):
    for item in records(owner):
        assert item.about, item.name
        assert item.source, item.name
        if not isinstance(item.default, bool):
            assert item.allowed, item.name


@pytest.mark.parametrize("name", SCENARIOS)
def test_designs_survive_toml_and_json(name, tmp_path):
    design = scenario_design(name, seed=4)
    assert Design.from_toml(design.to_toml()) == design
    assert Design.from_dict(json.loads(json.dumps(design.to_dict()))) == design
    path = tmp_path / "design.toml"
    path.write_text(design.to_toml(), encoding="utf-8")
    assert Design.from_toml(path) == design


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"residual_sd": -1.0}, "residual_sd is from 0 to 5 NPRS points; got -1"),
        ({"patient_sd": float("nan")}, "patient_sd is from 0 to 5"),
        ({"therapist_icc": 1.0}, "therapist_icc is from 0 to 0.9; got 1"),
        ({"therapists": 0}, "therapists is a whole number from 1"),
        ({"therapists": 2.5}, "therapists is a whole number from 1"),
        ({"therapists": 2, "clinics": 3}, "every clinic has a therapist"),
        ({"episodes": True}, "episodes is a whole number"),
        ({"seed": -1}, "seed is a whole number"),
        ({"end_of_life": 1}, "end_of_life is true or false"),
        ({"serial_correlation": 1.0}, "serial_correlation is from 0 to 0.99"),
        ({"stop_hazard": "often"}, "stop_hazard is from 0 to 0.9 per visit; got 'often'"),
        ({"goal_points": 6.0}, "not better than the floor"),
        ({"conditions": ()}, "conditions add up to 1"),
        ({"conditions": (NECK, NECK)}, "conditions add up to 1"),
        ({"conditions": (replace(NECK, name="gout"),)}, "each once, of neck_mvc"),
        ({"conditions": (replace(NECK, baseline_mean=2.0),)}, "baseline_mean lies between"),
        ({"conditions": (replace(NECK, baseline_mean=3.1),)}, "can be reached"),
        ({"conditions": (replace(NECK, function_mean=60.0),)}, "function_mean lies in 0 to 50"),
        ({"conditions": (replace(NECK, function_instrument="x"),)}, "is in the registry"),
        ({"frequencies": ((1.0, 0.4),)}, "frequencies add up to 1"),
        ({"frequencies": ((9.0, 1.0),)}, "frequencies lie in 0.25 to 7"),
        ({"frequencies": (1.0, 2.0)}, "frequencies is from 0 to 1"),
        ({"script_weeks": ((60.0, 1.0),)}, "script_weeks lie in 1 to 52"),
        ({"script_minutes": ((50.0, 1.0),)}, "multiples of 15"),
        ({"minutes_factors": ()}, "first numbers of minutes_factors rise"),
        ({"follow_ups": ((12.0, 0.1), (8.0, 0.1))}, "first numbers of follow_ups rise"),
        ({"follow_ups": ((12.0, 1.0),)}, "follow_ups is from 0 to 0.95"),
        ({"arms": (Arm("only"),)}, "two arms or more"),
        ({"arms": (Arm("a"), Arm("a"))}, "names, each once"),
        ({"arms": (Arm("a", control=True), Arm("b", control=True))}, "one arm at most"),
    ],
)
def test_impossible_designs_are_refused(changes, words):
    with pytest.raises(DesignError, match="design") as caught:
        oc.simulate(replace(Design(episodes=5), **changes))
    message = str(caught.value)
    assert words in message
    assert caught.value.remedy or "whole" in message or "true or false" in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("changes", [{"minutes": 50}, {"pressure": 7}, {"share": 0.0}])
def test_impossible_arms_are_refused(changes):
    with pytest.raises(DesignError, match="arm x"):
        Arm("x", **changes)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"presure_effect": 0.1}, "presure_effect"),
        ({"conditions": [{"name": "neck_mvc"}]}, "function_instrument"),
        ({"conditions": ["neck_mvc"]}, "a table with a name"),
        ({"arms": [{"name": "a", "dose": 1}, {"name": "b"}]}, "dose"),
    ],
)
def test_names_that_are_not_parameters_are_refused(values, words):
    with pytest.raises(DesignError, match=words):
        Design.from_dict(values)


def test_broken_toml_is_refused():
    with pytest.raises(DesignError, match="is TOML"):
        Design.from_toml("episodes = ")


def test_a_design_stands_alone():
    with pytest.raises(DesignError, match="carries episodes, scenario and seed"):
        oc.simulate(Design(), seed=3)
    with pytest.raises(DesignError, match="one of default, null, pressure-helps"):
        oc.simulate(scenario="nil")


def test_scenarios_have_their_own_size_unless_asked():
    assert scenario_design("large-registry").episodes == 5000
    assert scenario_design("large-registry", episodes=7).episodes == 7
    assert oc.simulate(episodes=7, scenario="hospice").truth.parameters["scenario"] == "hospice"
