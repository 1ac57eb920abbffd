"""Calibration: what the generator yields against the published numbers that it was set by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outcomes.synthetic.block import block_generator, clusters_of
from outcomes.synthetic.conditions import DEFAULT, KNOWN, Arm
from outcomes.synthetic.courses import Courses, Regime, run_courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.entry import mean_at_entry
from outcomes.synthetic.forces import make_backdrop
from outcomes.synthetic.people import Floats, Ints, People, draw_people
from outcomes.synthetic.rating import rate_function
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.schedule import n_columns
from outcomes.synthetic.score_tables import rating_after_visit

N_BATCHES = 20
N_PEOPLE = 4096
STAY = Regime(stay=True)

WEEKLY: dict[str, Any] = {
    "frequencies": ((1.0, 1.0),), "script_weeks": ((14.0, 1.0),), "follow_ups": (),
}  # fmt: skip
"""One visit a week for 14 weeks."""

Values = dict[str, float]


@dataclass(frozen=True)
class Run:
    """People of one batch and their courses."""

    people: People
    courses: Courses

    @property
    def better(self) -> Floats:
        """Improvement in rated pain at every cell, shape (columns, n)."""
        rating = self.courses.rating
        better: Floats = rating[0] - rating
        return better

    def at_week(self, number: int) -> Floats:
        """Improvement at a follow-up."""
        mask = (self.courses.schedule.follow_up == number).T
        improved: Floats = self.better.T[mask]
        return improved


def run(design: Design, regime: Regime = STAY, n: int = N_PEOPLE, arm: int | None = None) -> Run:
    """Simulate one batch; `arm` puts everybody in one arm."""
    clusters = clusters_of(design)
    people = draw_people(
        design, clusters, block_generator(design.seed, 0), n=n, n_columns=n_columns(design)
    )
    if arm is not None:
        people = replace(people, arm=np.full_like(people.arm, arm))
    backdrop = make_backdrop(design, people)
    return Run(people, run_courses(design, clusters, people, regime, backdrop))


def measure(parts: Mapping[str, Callable[[int], Values]]) -> dict[str, tuple[float, float]]:
    """Return mean and Monte-Carlo error of every value over independent batches."""
    batches = [
        {name: value for part in parts.values() for name, value in part(seed).items()}
        for seed in range(N_BATCHES)
    ]
    names = batches[0]
    table = np.array([[batch[name] for name in names] for batch in batches])
    errors = table.std(axis=0, ddof=1) / np.sqrt(N_BATCHES)
    means = table.mean(axis=0)
    return {n: (float(m), float(e)) for n, m, e in zip(names, means, errors, strict=True)}


def baselines(seed: int) -> Values:
    """Mean and SD of pain at the first visit by condition."""
    found: Values = {}
    for item in (*DEFAULT, KNOWN["arthritis"], KNOWN["post_op"]):
        only = (replace(item, share=1.0),)
        first = run(Design(seed=seed, conditions=only), n=1024).courses.rating[0]
        found[f"baseline mean {item.name}"] = float(first.mean())
        found[f"baseline SD {item.name}"] = float(first.std())
    hospice = run(scenario_design("hospice", seed=seed), n=1024).courses.rating[0]
    found["baseline mean hospice"] = float(hospice.mean())
    found["baseline SD hospice"] = float(hospice.std())
    return found


def noise(seed: int) -> Values:
    """Visit-to-visit SD and correlations by lag, with and without entry selection."""
    design = Design(seed=seed, **WEEKLY)
    selected = run(design).courses
    everyone = run(replace(design, entry_minimum=0.0)).courses
    constant = selected.pain + selected.gain
    within = (constant[3:15] - constant[3:15].mean(axis=0)).var(axis=0, ddof=1).mean()
    ratings = selected.rating[3:15]
    rated = (ratings - ratings.mean(axis=0)).var(axis=0, ddof=1).mean()
    return {
        "within-course SD of pain": float(np.sqrt(within)),
        "within-course SD of ratings": float(np.sqrt(rated)),
        "r one week apart": _r(everyone.rating[0], everyone.rating[2]),
        "r twelve weeks apart": _r(everyone.rating[0], everyone.rating[13]),
        "r one week apart, entrants": _r(selected.rating[0], selected.rating[2]),
        "r twelve weeks apart, entrants": _r(selected.rating[0], selected.rating[13]),
    }


def clusters(seed: int) -> Values:
    """Intraclass correlations by analysis of variance."""
    only = (replace(KNOWN["neck_other"], share=1.0),)
    many = Design(seed=seed, conditions=only, therapists=100, clinics=100, switch_share=0.0,
                  clinic_icc=0.0, repeat_share=0.0, follow_ups=(), script_weeks=((14.0, 1.0),),
                  frequencies=((1.0, 1.0),))  # fmt: skip
    made = run(many)
    at_clinics = run(replace(many, clinic_icc=0.015, therapist_icc=0.0))
    return {
        "ICC of therapists in pain at visit 13": _icc(made.courses.pain[13], made.people.therapist),
        "ICC of clinics in pain at visit 1": _icc(
            at_clinics.courses.pain[0], at_clinics.people.therapist
        ),
    }


def leaving(seed: int) -> Values:
    """Measure stopping and loss."""
    base = run(
        Design(seed=seed, stop_better=1.0, stop_not_helped=1.0, stop_cover=1.0, missed_visit=0.0,
               frequencies=((1.0, 1.0),), script_weeks=((12.0, 1.0),), follow_ups=()),
        Regime(),
    ).courses  # fmt: skip
    usual = run(Design(seed=seed), Regime()).courses
    times = usual.schedule
    lost = [1 - usual.recorded.T[(times.follow_up == i).T].mean() for i in (0, 1)]
    left = {f"stopped before visit {v}, base hazard": 1 - base.attended[v].mean() for v in (9, 11)}
    in_care = {f"still in care at week {week}": _in_care(usual, week) for week in (2, 4, 6)}
    return {**left, **in_care, "lost at week 12": lost[0], "lost at week 24": lost[1]}


def responders(seed: int) -> Values:
    """Measure the share with 2 points less though nothing happens, and regression to the mean.

    The population is normal with mean 4 and SD 2.2, two scores correlate .5. Ratings are the same
    scores rounded; the last row lets people enter by their rating, as the scenarios do.
    """
    found: Values = {}
    for label, entry in (("all", 0.0), ("entrants", 4.0)):
        pain = _nothing_happens(seed, entry, step=0.001).pain[[0, 2]]
        rated = np.clip(np.floor(pain + 0.5), 0, 10)
        found[f"responders, {label}, unrounded"] = float((pain[0] - pain[1] >= 2).mean())
        found[f"responders, {label}, rounded"] = float((rated[0] - rated[1] >= 2).mean())
    found["regression to the mean"] = float((pain[0] - pain[1]).mean())
    by_rating = _nothing_happens(seed, 4.0, step=1.0).rating
    found["responders, entry by rating"] = float((by_rating[0] - by_rating[2] >= 2).mean())
    return found


def _nothing_happens(seed: int, entry: float, step: float) -> Courses:
    only = replace(KNOWN["neck_other"], share=1.0, baseline_mean=5.0, natural_improvement=0.0)
    half = 2.2 * float(np.sqrt(0.5))
    nothing = replace(
        scenario_design("null", seed=seed), conditions=(only,), entry_minimum=entry,
        rating_step=step, slope_sd=0.0, serial_share=0.0, digit_preference=0.0,
        claim_prognosis=0.0, cotreatment_benefit=0.0, clinic_icc=0.0, goals_share=0.0,
        repeat_share=0.0, patient_sd=half, residual_sd=half,
    )  # fmt: skip
    wanted = float(mean_at_entry(np.array([4.0]), nothing)[0])
    return run(replace(nothing, conditions=(replace(only, baseline_mean=wanted),))).courses


def trials(seed: int) -> Values:
    """Arms of the trials, as randomised, in people of the generator."""
    return {**_knee(seed), **_neck_doses(seed), **_neck_arms(seed), **_headache(seed)}


def _knee(seed: int) -> Values:
    design = scenario_design("dose-finding-trial", seed=seed)
    better = [run(design, Regime(), arm=i).at_week(0).mean() * 10 for i in range(5)]
    names = ("usual care", "30 min weekly", "30 min twice", "60 min weekly", "60 min twice")
    touch = replace(
        design,
        arms=(*design.arms[:1], Arm("touch", specific=0.0, minutes=60, sessions_per_week=1.0,
                                    weeks=8.0)),
    )  # fmt: skip
    light = run(touch, Regime(), arm=1).at_week(0).mean() * 10
    found = {f"knee, {n}": float(b) for n, b in zip(names, better, strict=True)}
    found["knee, 60 min weekly against usual care"] = float(better[3] - better[0])
    found["knee, 60 min weekly against light touch"] = float(better[3] - light)
    return found


def _neck_doses(seed: int) -> Values:
    """Risk ratios of 4 weeks of care against waiting: NDI at least 5, pain at least 30 % less."""
    arms = [Arm("waiting", control=True, care=False)]
    doses = ((30, 2.0), (30, 3.0), (60, 1.0), (60, 2.0), (60, 3.0))
    arms += [Arm(f"{m} x {f:g}", minutes=m, sessions_per_week=f, weeks=4.0) for m, f in doses]
    design = replace(
        scenario_design("two-arm-trial", seed=seed), arms=tuple(arms),
        conditions=(replace(KNOWN["neck_other"], share=1.0),), follow_ups=((5.0, 0.03),),
    )  # fmt: skip
    risks = [_neck_responders(design, i) for i in range(len(arms))]
    found: Values = {}
    for arm, (ndi, pain) in zip(arms[1:], risks[1:], strict=True):
        found[f"neck, NDI, {arm.name}"] = ndi / risks[0][0]
        found[f"neck, pain, {arm.name}"] = pain / risks[0][1]
    return found


def _neck_responders(design: Design, arm: int) -> tuple[float, float]:
    made = run(design, Regime(), arm=arm)
    courses = made.courses
    function = rate_function(design, made.people, courses.pain + courses.gain, courses.gain)
    ndi = (function[0] - function).T[(courses.schedule.follow_up == 0).T]
    pain = made.at_week(0) / np.maximum(courses.rating[0], 1)
    return float((ndi >= 5).mean()), float((pain >= 0.3).mean())


def _neck_arms(seed: int) -> Values:
    arms = (
        Arm("none", control=True, care=False),
        Arm("placebo", specific=0.0, minutes=60, sessions_per_week=1.0, weeks=10.0),
        Arm("massage", minutes=60, sessions_per_week=1.0, weeks=10.0),
    )
    design = replace(
        scenario_design("two-arm-trial", seed=seed), arms=arms, follow_ups=((10.0, 0.1),),
        conditions=(replace(KNOWN["neck_other"], share=1.0),),
    )  # fmt: skip
    return {
        f"neck trials, {arm.name}": float(run(design, Regime(), arm=i).at_week(0).mean() * 10)
        for i, arm in enumerate(arms)
    }


def _headache(seed: int) -> Values:
    design = replace(
        scenario_design("two-arm-trial", seed=seed), follow_ups=((13.0, 0.19),),
        conditions=(replace(KNOWN["headache"], share=1.0),),
        arms=(
            Arm("usual care", control=True, care=False),
            Arm("treated", minutes=60, sessions_per_week=1.0, weeks=12.0),
        ),
    )  # fmt: skip
    found: Values = {}
    for i, arm in enumerate(design.arms):
        made = run(design, Regime(), arm=i)
        found[f"headache, {arm.name}"] = float(
            made.at_week(0).mean() / made.courses.rating[0].mean()
        )
    return found


def visits(seed: int) -> Values:
    """Measure adverse events, the drop within a visit, and the shape of the dose curve."""
    made = run(Design(seed=seed), Regime())
    courses, people = made.courses, made.people
    draw = people.uniforms["adverse"][: len(courses.attended)]
    event = courses.attended & (draw < Design().adverse_event + Design().serious_event)
    often = event[:, courses.attended.sum(axis=0) >= 3]
    first = 1, np.arange(people.count)
    touch = Design(immediate_specific=0.0)
    before = courses.rating[1]
    massaged = rating_after_visit(Design(), people, courses, first)
    touched = rating_after_visit(touch, people, courses, first)
    return {
        "adverse events a visit": float(event.sum() / courses.attended.sum()),
        "patients with an event, 3 visits or more": float(often.any(axis=0).mean()),
        "drop within a visit, massage": float((before - massaged).mean()),
        "drop within a visit, touch": float((before - touched).mean()),
        "effect after 8 sessions, part of the plateau": _part_of_plateau(seed, 8),
    }


def _part_of_plateau(seed: int, sessions: int) -> float:
    """Return the effect after some sessions as a part of that after 40."""
    long = Design(
        seed=seed, script_minutes=((60.0, 1.0),), immediate_carryover=0.0,
        **{**WEEKLY, "script_weeks": ((40.0, 1.0),)},
    )  # fmt: skip
    gains = [run(long, Regime(care=care, stay=True), n=256).courses.gain for care in (True, False)]
    effect = (gains[0] - gains[1]).mean(axis=1)
    return float(effect[sessions + 1] / effect[-1])


PARTS: dict[str, Callable[[int], Values]] = {
    "baselines": baselines, "noise": noise, "clusters": clusters, "leaving": leaving,
    "responders": responders, "trials": trials, "visits": visits,
}  # fmt: skip
"""What is measured, by group."""


def _r(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def _icc(values: Floats, group: Ints) -> float:
    """Return the intraclass correlation by one-way analysis of variance, unequal groups allowed."""
    sizes = np.bincount(group)
    sizes = sizes[sizes > 0]
    means = np.bincount(group, values)[np.bincount(group) > 0] / sizes
    between = (sizes * (means - values.mean()) ** 2).sum() / (len(sizes) - 1)
    total = ((values - values.mean()) ** 2).sum()
    within = (total - (sizes * (means - values.mean()) ** 2).sum()) / (len(values) - len(sizes))
    size = (len(values) - (sizes**2).sum() / len(values)) / (len(sizes) - 1)
    return float((between - within) / (between + (size - 1) * within))


def _in_care(courses: Courses, week: float) -> float:
    ended = (courses.end_reason >= 0) & (courses.end_day <= 7 * week)
    return float(1 - ended.mean())
