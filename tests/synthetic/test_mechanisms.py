"""Each mechanism on its own moves what it should, nothing else, and more when it is stronger.

The same seed gives the same people, so that two designs can be compared person by person.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from outcomes.synthetic.block import clusters_of, make_block
from outcomes.synthetic.courses import REASON, Regime, run_courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.schedule import Kind
from outcomes.synthetic.score_tables import assessments, goals
from outcomes.synthetic.tables import sessions

BASE = Design(episodes=2000, seed=11)


def block_of(**changes):
    design = replace(BASE, **changes)
    return make_block(design)


def stayed(**changes):
    """Courses in which nobody leaves, misses or is lost."""
    design = replace(BASE, **changes)
    clusters = clusters_of(design)
    people = make_block(design).people
    return run_courses(design, clusters, people, Regime(stay=True))


BLOCK = block_of()
STAYED = stayed()
VISITS = STAYED.attended

# what only changes what is written down or who stays, never the pain of those who stay
RECORDING = {
    "missing_score": 0.3, "missing_seen": 1.0, "missing_unseen": 1.0, "discharge_share": 0.1,
    "post_session_share": 0.9, "function_every": 1, "function_correlation": 0.1,
    "goals_share": 0.2, "goal_late": 0.5, "adverse_event": 0.5,
    "follow_ups": ((12.0, 0.9), (24.0, 0.95)),
    "stop_hazard": 0.4, "stop_better": 9.0, "stop_not_helped": 9.0, "stop_cover": 9.0,
    "cover_share": 1.0, "stop_unseen": 1.0, "missed_visit": 0.5, "serious_event": 0.3,
    "clearance_violation": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDING)
def test_recording_and_leaving_do_not_touch_pain(name):
    other = stayed(**{name: RECORDING[name]})
    np.testing.assert_array_equal(other.pain, STAYED.pain)
    np.testing.assert_array_equal(other.rating, STAYED.rating)
    np.testing.assert_array_equal(other.pressure, STAYED.pressure)


# what changes the course but must leave the first visit and the therapist's rule alone
COURSE = {
    "contextual": 2.0, "specific": 2.0, "dose_sessions": 1.0, "natural_weeks": 2.0,
    "immediate_carryover": 0.5, "therapist_icc": 0.3, "pressure_effect": 0.5,
    "pressure_curvature": 0.5, "slope_sd": 0.5, "claim_prognosis": -2.0,
    "cotreatment_benefit": 2.0, "adaptive_prognosis": -2.0,
}  # fmt: skip


@pytest.mark.parametrize("name", COURSE)
def test_course_mechanisms_leave_the_first_visit_alone(name):
    other = stayed(**{name: COURSE[name]})
    np.testing.assert_array_equal(other.pain[:2], STAYED.pain[:2])
    np.testing.assert_array_equal(other.pressure[1], STAYED.pressure[1])
    assert (other.pain[3:6] != STAYED.pain[3:6]).any()


def test_pressure_rules_do_not_touch_pain_when_pressure_does_nothing():
    for changes in (
        {"pressure_usual": 4.0}, {"pressure_adaptive": 0.0}, {"pressure_reaction": 0.6},
        {"pressure_noise_sd": 2.0}, {"ceiling_violation": 1.0}, {"reaction_random_sign": True},
        {"pressure_memory": 0.9},
    ):  # fmt: skip
        other = stayed(**changes)
        np.testing.assert_array_equal(other.pain, STAYED.pain)
        if "pressure_memory" not in changes:
            assert (other.pressure[VISITS] != STAYED.pressure[VISITS]).any()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("contextual", (0.0, 0.5, 1.0, 2.0)),
        ("specific", (0.0, 0.5, 1.0, 2.0)),
        ("cotreatment_benefit", (-1.0, 0.0, 0.3, 1.0)),
        ("claim_prognosis", (-2.0, -0.5, 0.0, 1.0)),
        ("immediate_carryover", (0.0, 0.05, 0.2)),
    ],
)
def test_gain_grows_for_everyone(name, values):
    gains = [stayed(**{name: value}).gain for value in values]
    for weaker, stronger in pairwise(gains):
        assert (stronger >= weaker - 1e-12).all()
        assert stronger[4:].mean() > weaker[4:].mean()


def test_dose_curve_levels_off_as_an_exponential():
    plain = {
        "script_minutes": ((60.0, 1.0),), "immediate_carryover": 0.0, "therapist_icc": 0.0,
        "frequencies": ((1.0, 1.0),), "script_weeks": ((12.0, 1.0),), "follow_ups": (),
    }  # fmt: skip
    design = replace(BASE, **plain)
    clusters = clusters_of(design)
    people = make_block(design).people
    gain = [run_courses(design, clusters, people, Regime(care=c, stay=True)).gain
            for c in (True, False)]  # fmt: skip
    response = np.array([item.response for item in design.conditions])[people.condition]
    sessions_before = np.arange(12)[:, None]
    expected = (1 + response) * (1 - np.exp(-sessions_before / 4))
    np.testing.assert_allclose((gain[0] - gain[1])[1:13], expected, atol=1e-12)


def test_minutes_scale_the_effect():
    means = [stayed(script_minutes=((m, 1.0),)).gain[6:9].mean() for m in (30.0, 45.0, 60.0, 75.0)]
    assert means[0] < means[1] < means[2] == means[3]


def test_effect_fades_with_its_half_life():
    plain = {"natural_weeks": 1.0, "slope_sd": 0.0, "immediate_carryover": 0.0, "fade_after": 0.0,
             "script_weeks": ((4.0, 1.0),), "frequencies": ((1.0, 1.0),),
             "follow_ups": ((20.0, 0.0), (28.0, 0.0))}  # fmt: skip
    design = replace(BASE, **plain)
    clusters = clusters_of(design)
    people = make_block(design).people
    runs = [run_courses(design, clusters, people, Regime(care=c, stay=True)) for c in (True, False)]
    later = runs[0].schedule.follow_up
    effect = runs[0].gain - runs[1].gain
    at_20, at_28 = (effect.T[(later == i).T] for i in (0, 1))
    np.testing.assert_allclose(at_28, at_20 / 2, atol=1e-12)
    assert at_20.mean() > 0.1


def test_serial_correlation_is_what_it_says():
    weekly = {"frequencies": ((1.0, 1.0),), "script_weeks": ((12.0, 1.0),), "follow_ups": ()}
    for share in (0.0, 0.5, 1.0):
        design = replace(BASE, serial_share=share, entry_minimum=0.0, slope_sd=0.0, **weekly)
        clusters = clusters_of(design)
        block = make_block(design)
        made = run_courses(design, clusters, block.people, Regime(stay=True))
        residual = made.pain + made.gain - block.people.level
        pairs = residual[3:13]
        lag = np.corrcoef(pairs[:-2].ravel(), pairs[2:].ravel())[0, 1]
        days = (made.schedule.day[5:13] - made.schedule.day[3:11]).mean()
        assert lag == pytest.approx(share * 0.6 ** (days / 7), abs=0.02)
        assert pairs.std() == pytest.approx(1.3, rel=0.02)


def test_switching_is_as_often_as_it_says():
    for share in (0.0, 0.1, 0.6):
        block = block_of(switch_share=share, therapists=12)
        own = block.courses.therapist == block.people.therapist
        same_clinic = block.courses.therapist % 3 == block.people.therapist % 3
        assert same_clinic.all()
        assert 1 - own.mean() == pytest.approx(share, abs=0.01)
    assert (block_of(therapists=3, switch_share=0.9).courses.therapist < 3).all()


def test_pressure_is_lighter_for_adaptive_patients_and_high_pain():
    people, seen = BLOCK.people, BLOCK.courses.rating[1]
    pressure = BLOCK.courses.pressure[1]
    assert pressure[people.adaptive].mean() < pressure[~people.adaptive].mean() - 0.8
    plain = ~people.adaptive & (people.age < 70) & (seen < 8)  # level 1 is the lightest
    slope = np.polyfit(seen[plain], pressure[plain], 1)[0]
    assert slope == pytest.approx(-0.6, abs=0.06)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_ceilings_are_violated_at_the_set_rate(rate):
    block = block_of(ceiling_violation=rate, pressure_usual=5.0, pressure_noise_sd=0.01,
                     pressure_adaptive=0.0, pressure_age=0.0, pressure_reaction=0.0)  # fmt: skip
    capped = np.isfinite(block.people.ceiling)
    above = (block.courses.pressure > block.people.ceiling)[:, capped]
    assert above[block.courses.attended[:, capped]].mean() == pytest.approx(rate, abs=0.03)


def test_random_signs_hide_the_reaction():
    def slope(**changes):
        block = block_of(therapists=200, clinics=1, **changes)
        at = block.courses.attended & (block.people.age < 70) & ~block.people.adaptive
        return np.polyfit(block.courses.rating[at], block.courses.pressure[at], 1)[0]

    assert slope() < -0.3
    assert abs(slope(reaction_random_sign=True)) < 0.08


@pytest.mark.parametrize(
    ("name", "reason"),
    [("stop_better", "goal_met"), ("stop_not_helped", "plateau"), ("stop_cover", "cost")],
)
def test_more_stop_for_the_reason_that_is_made_stronger(name, reason):
    def share(value):
        courses = block_of(**{name: value}).courses
        early = courses.end_day < 28
        return ((courses.end_reason == REASON[reason]) & early).mean()

    low, middle, high = (share(value) for value in (1.0, 4.0, 12.0))
    assert low < middle < high


def test_the_worse_stay_away_when_leaving_is_not_at_random():
    def left_behind(**changes):
        courses = block_of(**changes).courses
        here = courses.attended[4]
        gone = (courses.schedule.kind[4] == Kind.VISIT) & ~here & ~courses.missed[4]
        return courses.pain[4, gone].mean() - courses.pain[4, here].mean()

    assert left_behind(stop_unseen=0.8) > left_behind() + 0.5


def test_loss_is_at_the_set_share_and_of_the_set_kind():
    courses = block_of(missing_seen=0.0).courses
    which = courses.schedule.follow_up
    for number, share in enumerate((0.18, 0.27)):
        lost = ~courses.recorded.T[(which == number).T]
        assert lost.mean() == pytest.approx(share, abs=0.025)
    visits = courses.attended & (courses.schedule.day > 0)
    assert (~courses.recorded[visits]).mean() == pytest.approx(0.08, abs=0.01)
    unseen = block_of(missing_seen=0.0, missing_unseen=1.0).courses
    at = unseen.attended & (unseen.schedule.day > 0)
    missing = ~unseen.recorded[at]
    assert unseen.rating[at][missing].mean() > unseen.rating[at][~missing].mean() + 1


def test_ratings_are_whole_and_heap_at_5_and_10():
    ratings = stayed().rating
    assert set(np.unique(ratings)) <= set(range(11))
    heaped = stayed(digit_preference=1.0).rating
    assert not np.isin(heaped, [4, 6, 9]).any()
    np.testing.assert_array_equal(stayed(rating_step=0.001).rating.clip(0, 10) >= 0, True)


def test_events_and_missed_visits_have_their_rates():
    table = sessions(BASE, BLOCK)
    given = ~np.isnan(table["session"])
    event = table["adverse_event"].codes[given] > 0
    assert event.mean() == pytest.approx(0.121, abs=0.01)
    later = table["day"] > 0
    assert (~given[later]).mean() == pytest.approx(0.10, abs=0.01)


def test_the_first_day_has_one_rating():
    at_once = STAYED.schedule.day[1] == 0
    assert at_once.all()
    np.testing.assert_array_equal(STAYED.rating[1], STAYED.rating[0])
    np.testing.assert_array_equal(STAYED.pain[1], STAYED.pain[0])


def test_scores_after_a_visit_are_lower_and_reset():
    table = assessments(BASE, BLOCK)
    assert table["score"][table["timing"] == "post_session"].mean() < 3.5
    without = stayed(immediate_contextual=0.0, immediate_specific=0.0).pain
    np.testing.assert_allclose(STAYED.pain, without, atol=0.05 * 1.87 + 1e-9)


def test_goals_ask_for_something_better():
    table = goals(BASE, BLOCK)
    pain = table["instrument"].codes == 0
    drop = table["baseline"][pain] - table["target"][pain]
    assert drop.min() >= 1
    assert (drop >= np.minimum(2, table["baseline"][pain])).all()


def test_claims_and_second_instruments_go_with_their_condition():
    people = BLOCK.people
    crash = people.condition == 0
    assert people.claim[crash].mean() > 0.4
    assert people.claim[~crash].mean() < 0.1
