"""Curves of power: told apart by design, refused before simulating, bisected to the smallest."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import DesignError, UsageError
from outcomes.planning import curve
from outcomes.planning.curve import PowerCurve
from outcomes.planning.power import Power
from outcomes.planning.repeated import counted
from outcomes.synthetic.scenarios import NO_EFFECT, scenario_design

DESIGN = scenario_design("two-arm-trial")


@pytest.fixture
def known_power(monkeypatch):
    """Let power be a known function of courses and effect, none simulated."""

    def power(design, question, *, n_simulations=1000, **_):
        clear = min(200, round(design.episodes * design.specific))
        records = pd.DataFrame({"clear": [k < clear for k in range(200)], "answered": True,
                                "failed": False, "half_width": 1.0})  # fmt: skip
        return Power(design, question, "nprs", "", counted(records), n_simulations, 1)

    monkeypatch.setattr(curve, "power", power)


@pytest.mark.usefixtures("known_power")
def test_every_combination_is_a_row_and_a_point():
    found = oc.power_curve(DESIGN, over={"episodes": [80, 160], "effect": [0.5, 1.0]})
    assert found.table[["episodes", "effect", "estimate"]].to_numpy().tolist() == [
        [80, 0.5, 0.2], [80, 1.0, 0.4], [160, 0.5, 0.4], [160, 1.0, 0.8]]  # fmt: skip
    data = found.picture.data
    assert data.groupby("group")["x"].apply(list).tolist() == [[80, 160], [80, 160]]
    assert (data["conf_low"] < data["estimate"]).all()
    assert "with 160 courses, specific effect (points) 1: 80 % (95 % CI 74 % to" in found.sentence
    assert found.sentence.endswith(" Not settled by 1,000 simulations a design.")
    assert found.figure.claim == found.sentence


@pytest.mark.usefixtures("known_power")
def test_a_target_out_of_reach_is_said():
    found = oc.power_curve(DESIGN, over={"episodes": [20]}, target=0.9)
    assert found.sentence == "A power of 90 % is not reached by this design; the largest is 10 %."


@pytest.mark.usefixtures("known_power")
def test_bisection_finds_the_fewest_courses():
    found = oc.smallest_design(DESIGN, between=(20, 400), step=1)
    assert found.enough["episodes"].iloc[0] == 160
    assert found.table["episodes"].is_monotonic_increasing
    assert len(found.table) < 12
    assert oc.smallest_design(DESIGN, between=(170, 400)).enough["episodes"].iloc[0] == 170
    with pytest.raises(DesignError, match="Think of more"):
        oc.smallest_design(DESIGN, between=(20, 100))


@pytest.mark.parametrize(
    ("question", "over", "options", "got"),
    [
        ("trial", {}, {}, "got none"),
        ("trial", {"nothing": [1]}, {}, "got nothing"),
        ("trial", {"therapist": [1]}, {}, "got therapist; did you mean therapists"),
        ("trial", {"seed": [1, 2]}, {}, "got seed"),
        ("trial", {"episodes": range(20, 400), "effect": [0.1, 0.2]}, {}, "got 760"),
        ("trial", {"episodes": []}, {}, "got 0"),
        ("trial", {"episodes": [40]}, {"target": 1.0}, "got 1"),
        ("how-much", {"episodes": [40]}, {}, "got a question about change"),
    ],
)
def test_what_is_no_curve_is_refused_before_simulating(question, over, options, got):
    with pytest.raises(UsageError, match=got):
        oc.power_curve(DESIGN, question, over=over, **options)


def test_a_range_that_is_too_small_or_none_is_said_in_one_sentence():
    with pytest.raises(DesignError, match="at least 22 courses; got 14 and 8 therapists"):
        oc.smallest_design(DESIGN, between=(10, 14), week=8)
    with pytest.raises(UsageError, match="got 400 to 20, step 2"):
        oc.smallest_design(DESIGN, between=(400, 20))


def test_a_value_out_of_range_is_refused_before_simulating():
    with pytest.raises(DesignError):
        oc.power_curve(DESIGN, over={"episodes": [40], "leaving": [0.1, 2.0]})


def test_a_design_that_no_study_answers_says_why_in_its_row():
    found = oc.power_curve(DESIGN, over={"episodes": [4]}, n_simulations=2)
    assert isinstance(found, PowerCurve)
    assert found.table["n"].tolist() == [0]
    assert found.enough.empty
    assert found.sentence.startswith("No study of these designs answers the question. ")
    assert "courses" in found.table["reason"].iloc[0]


def test_an_interval_is_wanted_in_place_of_a_power():
    """The median half-width of an ANCOVA-like comparison falls as the root of the courses."""
    options = {"week": 8, "n_simulations": 8, "half_width": 0.8}
    found = oc.smallest_design(DESIGN, between=(30, 160), step=60, **options)
    row = found.enough.iloc[0]
    assert row["half_width"] <= 0.8 < found.table["half_width"].iloc[0]
    assert row["half_low"] < row["half_width"] < row["half_high"]
    assert found.sentence.startswith("A median interval no wider than 0.8 to either side is first")
    assert found.picture.data["estimate"].tolist() == found.table["half_width"].tolist()
    of_change = oc.power_curve(
        scenario_design("default"), "how-much", over={"episodes": [30]}, n_simulations=2,
        half_width=0.1,
    )  # fmt: skip
    wanted = "A median interval no wider than 0.1 to either side"
    assert of_change.sentence.startswith(f"{wanted} is not reached by this design; the narrowest")


@pytest.mark.usefixtures("_all_people")
def test_nothing_to_find_is_told_before_simulating(monkeypatch):
    monkeypatch.setattr(curve, "power", None)
    null = replace(DESIGN, **NO_EFFECT)
    with pytest.raises(DesignError, match="effect of 0"):
        oc.smallest_design(null, between=(40, 80))
    with pytest.raises(DesignError, match="effect of 0"):
        oc.smallest_design(null, between=(40, 80), week=8)
    with pytest.raises(UsageError):
        oc.power_curve(DESIGN, over={"episodes": [40]}, half_width=0.0)


@pytest.mark.parametrize("name", ["episodes", "therapists", "leaving", "effect"])
def test_each_axis_changes_the_design_and_nothing_else(name, monkeypatch):
    seen = []
    monkeypatch.setattr(curve, "power", lambda own, *_, **__: seen.append(own) or _stub(own))
    field = curve.ALIASES.get(name, name)
    value = {"episodes": 44, "therapists": 5, "leaving": 0.2, "effect": 0.3}[name]
    oc.power_curve(DESIGN, over={name: [value]})
    assert seen == [replace(DESIGN, **{field: value})]


def _stub(design):
    records = pd.DataFrame({"clear": [True], "answered": True, "failed": False})
    return Power(design, "trial", "nprs", "", counted(records), 1000, 1)


def test_arms_therapists_and_doses_can_be_planned():
    """Dose finding and a wait-list, common random numbers, any number of processes."""
    dose = scenario_design("dose-finding-trial")
    wait = replace(DESIGN, arms=tuple(
        replace(arm, care=True, minutes=60, sessions_per_week=1.0, weeks=8.0, wait_weeks=8.0)
        if arm.control else arm for arm in DESIGN.arms
    ))  # fmt: skip
    for design, courses in ((dose, 120), (wait, 60)):
        options = {"week": 8, "n_simulations": 4}
        one = oc.power_curve(design, over={"episodes": [courses]}, **options)
        two = oc.power_curve(design, over={"episodes": [courses]}, processes=2, **options)
        assert one.table["reason"].tolist() == [""]
        pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
