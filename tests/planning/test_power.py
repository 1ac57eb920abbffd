"""Power by simulation: its counting against scipy, its refusals, its seeds, and normal theory."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
import outcomes.planning.power as power_module
from outcomes.errors import DesignError, FitError, UsageError
from outcomes.mixed import search
from outcomes.planning.batch import simulated
from outcomes.planning.repeated import Wanted, asked_of, counted, repeated, seeds_from, told
from outcomes.planning.roads import asked_of_all, rows_of
from outcomes.planning.truths import TRUTHS
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.plan import read_plan
from outcomes.questions.question import Asked
from outcomes.synthetic.scenarios import NO_EFFECT, scenario_design

SMALL = scenario_design("two-arm-trial", episodes=60)


def found(n=400, clear=0.8, failed=0.05):
    """Records of which a known share is clear and a known share failed, widths 1 to n."""
    order = np.arange(n)
    return pd.DataFrame(
        {"clear": order < clear * n, "answered": order < (1 - failed) * n,
         "failed": order >= (1 - failed) * n, "half_width": order + 1.0, "reason": ""}
    )  # fmt: skip


def _record(answered: bool, seeds: list[int]) -> list[dict[str, object]]:
    about = {"answered": answered, "failed": False, "clear": False}
    return [{**about, "reason": f"too few, {seed}"} for seed in seeds]


def test_shares_have_the_intervals_of_scipy():
    table = counted(found())
    expected = stats.binomtest(320, 400).proportion_ci(0.95)
    assert told(table, "clear") == pytest.approx((0.8, expected.low, expected.high))
    assert told(table, "answered")[0] == pytest.approx(0.95)
    assert told(table, "failed")[0] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("failed", "words"),
    [(0.0, ""), (1 / 400, "1 could not answer it, which counts as"), (0.05, "20 could not")],
)
def test_studies_without_an_answer_are_told_beside_the_power(failed, words):
    """They count as having found nothing, which lowers the share."""
    power = replace(oc.power(SMALL, "trial", n_simulations=1), n_simulations=400)
    sentence = replace(power, table=counted(found(failed=failed))).sentence
    assert "80 % (95 % CI 76 % to 84 %) find a difference" in sentence
    assert words in sentence
    assert ("as having found nothing" in sentence) == bool(words)


@pytest.mark.parametrize(("term", "share"), [("median", 0.5), ("nine_in_ten", 0.9)])
def test_half_widths_are_quantiles_with_the_intervals_of_scipy(term, share):
    estimate, low, high = told(counted(found()), f"half_width_{term}")
    expected = stats.quantile_test(np.arange(1.0, 401.0), q=0, p=share).confidence_interval()
    assert estimate == 400 * share
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1.0)


def test_one_interval_of_any_width_does_not_rule_the_half_width():
    """Degrees of freedom near zero make an interval thousands of points wide."""
    wide = found()
    wide.loc[wide["half_width"].idxmax(), "half_width"] = 1e9
    assert told(counted(wide), "half_width_median") == told(counted(found()), "half_width_median")


def test_few_studies_do_not_tell_the_upper_end():
    assert np.isnan(told(counted(found(10)), "half_width_nine_in_ten")[2])


def test_a_study_without_an_answer_has_found_nothing(monkeypatch):
    def fit(*_, **__):
        must = "The optimiser must converge"
        raise FitError(must, got="a stop")

    monkeypatch.setattr("outcomes.questions.arms.lmm", fit)
    record = asked_of(oc.simulate(SMALL), Wanted("trial", "nprs"))
    assert (record["clear"], record["answered"], record["failed"]) == (False, False, True)
    assert "converge" in record["reason"]


def test_a_design_that_never_answers_is_refused_at_once_with_the_reason():
    seen = []
    with pytest.raises(DesignError, match="too few"):
        repeated(partial(_record, False), list(range(500)), progress=lambda *at: seen.append(at))
    assert seen[-1] == (10, 500)
    assert len(repeated(partial(_record, True), [3, 4])) == 2


def test_who_interrupts_gets_what_is_done():
    def task(seeds):
        if seeds[0] > 50:
            raise KeyboardInterrupt
        return _record(True, seeds)

    assert len(repeated(task, list(range(500)))) == 60
    with pytest.raises(KeyboardInterrupt):
        repeated(task, [99, 100])


NUMBERS = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]


QUICK = [("two-arm-trial", 60, "trial"), ("default", 60, "how-much"), ("default", 60, "frequency"),
         ("default", 120, "therapists"), ("default", 100, "pressure")]  # fmt: skip
MORE = [("dose-finding-trial", 100, "trial"), ("default", 200, "how-much"),
        ("default", 200, "frequency")]  # fmt: skip


@pytest.mark.parametrize(
    ("scenario", "episodes", "question", "n"),
    [*((*case, 4) for case in QUICK),
     *(pytest.param(*case, 50, marks=pytest.mark.slow) for case in QUICK + MORE)],
)  # fmt: skip
def test_the_fast_road_has_the_numbers_of_the_answer(scenario, episodes, question, n):
    """Studies made and fitted together, against each alone and the whole answer."""
    design, seeds = scenario_design(scenario, episodes=episodes), seeds_from(11, n)
    rows = rows_of(simulated(design, seeds, "nprs"), Wanted(question, "nprs"))
    assert rows
    agree_with_answers(rows, [oc.simulate(replace(design, seed=seed)) for seed in seeds], question)


@pytest.mark.parametrize(
    ("episodes", "share", "question"),
    [(40, 0.5, "how-much"), (180, 0.09, "how-much"), (120, 0.4, "therapists")],
)
def test_patients_who_come_again_are_alike_on_the_fast_road_as_in_the_answer(
    episodes, share, question
):
    """Alike in level and slope where a tenth of courses are of such patients, else in level."""
    design = replace(scenario_design("default", episodes=episodes), repeat_share=share)
    rows = rows_of(simulated(design, [5, 6], "nprs"), Wanted(question, "nprs"))
    assert rows
    agree_with_answers(rows, [oc.simulate(replace(design, seed=k)) for k in (5, 6)], question)


def agree_with_answers(rows, studies, question):
    """Hold the rows of many studies against what each answers; few are left to the answer.

    An answer's df come from the curvature a step before its optimum, which is 1e-7 from the df at
    the optimum: here its search goes on until they are there too.
    """
    about, refused = QUESTIONS[question], 0
    for k, study in enumerate(studies):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(search, "NEAREST", 1e-19)
            alone = oc.answer(study, question, instrument="nprs")
        found = alone.table[about.test_row(alone.table)] if not alone.refused else []
        refused += not len(found)
        assert len(found) or k not in rows
        if k in rows:
            expected = found.iloc[0]
            known = [name for name in NUMBERS if pd.notna(expected.get(name))]
            for name in known:
                close = pytest.approx(expected[name], rel=1e-7 if name == "df" else 1e-8, abs=1e-8)
                assert rows[k][name] == close, (k, name)
    assert len(rows) >= 0.7 * (len(studies) - refused)


def test_what_is_true_of_a_study_is_true_at_its_own_horizon():
    design = scenario_design("default", episodes=120)
    design = replace(design, pressure_effect=0.3, follow_ups=())
    studies, true = simulated(design, seeds_from(3, 3), "nprs"), TRUTHS["last pressure"]
    for k, record in enumerate(asked_of_all(studies, Wanted("pressure", "nprs", truth=true))):
        alone = asked_of(studies.each(k), Wanted("pressure", "nprs", truth=true))
        assert record["truth"] == pytest.approx(alone["truth"], 1e-12)
        assert record["holds"] == alone["holds"]
        assert record["truth"] != 0.0


@pytest.mark.parametrize(("unit", "clinics"), [("therapist", 2), ("clinic", 8)])
def test_clusters_that_are_allotted_are_analyzed_as_such(unit, clinics):
    """Each therapist or clinic has one arm, as many as the other, and varies in the model."""
    arms = tuple(replace(arm, care=True, minutes=60) for arm in SMALL.arms)
    design = replace(SMALL, allocation=unit, therapists=16, clinics=clinics, arms=arms)
    plan = {"primary": {"question": "trial", "unit": unit}}
    declared = read_plan(plan).find("trial", "nprs")
    studies = simulated(design, seeds_from(1, 4), "nprs")
    rows = rows_of(studies, Wanted("trial", "nprs", declared=declared))
    assert len(rows) >= 3
    for k in range(4):
        study = studies.each(k)
        arms_of = study.episodes.groupby(f"{unit}_id")["arm"].nunique()
        assert (arms_of == 1).all()
        given = oc.answer(study, "trial", plan=plan).table
        expected = given[QUESTIONS["trial"].test_row(given)].iloc[0]
        if k in rows:
            row = [float(rows[k][name]) for name in NUMBERS]
            assert row == pytest.approx(expected[NUMBERS].to_numpy(float), rel=1e-8, abs=1e-8)
    assert oc.power(design, "trial", n_simulations=2).n_whole < 2
    with pytest.raises(DesignError, match="6 in all"):
        oc.power(replace(design, therapists=5, clinics=5), "trial", n_simulations=2)
    with pytest.raises(DesignError, match="allocation"):
        replace(design, allocation="coin")


@pytest.mark.parametrize("week", [8, 24])
def test_the_fast_road_finds_the_week_that_is_asked_for(week):
    batch = simulated(SMALL, seeds_from(2, 3), "nprs")
    about = QUESTIONS["trial"]
    rows = rows_of(batch, Wanted("trial", "nprs", week))
    for k in range(3):
        table = about.find(Asked(about, batch.each(k), "nprs")).table
        expected = table[about.test_row(table) & (table["week"] == week)].iloc[0]
        assert rows[k]["estimate"] == pytest.approx(expected["estimate"], 1e-8)
    assert rows_of(batch, Wanted("trial", "nprs", 9.0)) == {}


def test_the_result_says_which_road_it_took():
    found = oc.power(SMALL, "trial", n_simulations=2)
    assert (found.n_whole, "side by side" in found.road) == (0, True)
    whole = oc.power(replace(SMALL, therapists=2), "trial", n_simulations=2)
    assert whole.road == "Took the whole answer for each study."


def test_trials_that_are_not_ordinary_are_left_to_the_answer():
    """Fewer than three therapists: the answer takes another model."""
    batch = simulated(replace(SMALL, therapists=2), seeds_from(2, 2), "nprs")
    assert rows_of(batch, Wanted("trial", "nprs")) == {}


def test_one_arm_is_told_why_a_trial_cannot_be_answered():
    with pytest.raises(DesignError, match="arm"):
        oc.power(scenario_design("default", episodes=20), "trial", n_simulations=2)


@pytest.mark.parametrize(("question", "n"), [("goals", 10), ("nothing", 10), ("trial", 0)])
def test_what_has_no_power_is_wrong_use(question, n):
    with pytest.raises(UsageError):
        oc.power(SMALL, question, n_simulations=n)


def test_seeds_differ_and_are_the_same_again():
    seeds = seeds_from(3, 2000)
    assert len(set(seeds)) == 2000
    assert seeds_from(3, 10) == seeds[:10]
    assert seeds_from(4, 10) != seeds[:10]
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_the_result_does_not_depend_on_the_processes():
    one, two = (oc.power(SMALL, "trial", n_simulations=4, processes=k) for k in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table)
    assert repr(one) == "Power(trial: 4 simulated studies)"
    assert "at p < 0.05" in one.sentence


def test_the_week_picks_the_estimate_and_its_truth():
    """The arms differ at week 8 and no longer at week 52 (docs/simulation.md)."""
    early, late = (oc.power(SMALL, "trial", n_simulations=2, week=week) for week in (8, None))
    assert told(early.table, "truth")[0] == pytest.approx(1.5, abs=0.15)
    assert told(late.table, "truth")[0] == pytest.approx(0.0, abs=0.1)
    assert "at week 8 at p < 0.05, where the true one is 1.5" in early.sentence
    assert "at week 52" in late.sentence
    with pytest.raises(DesignError, match="scores are due: 8, 24, 52"):
        oc.power(SMALL, "trial", n_simulations=2, week=3)


def test_the_share_that_holds_the_truth_is_counted():
    records = found().assign(truth=1.5, holds=np.arange(400) < 372)
    expected = stats.binomtest(372, 400).proportion_ci(0.95)
    assert told(counted(records), "holds") == pytest.approx((0.93, expected.low, expected.high))
    assert told(counted(records), "truth")[0] == 1.5


def test_change_is_never_given_a_power():
    planned = oc.power(scenario_design("default", episodes=40), "how-much", n_simulations=2)
    assert "p < 0.05" not in planned.sentence
    assert "no number of courses turns it into an effect" in planned.sentence


@pytest.mark.slow
def test_power_is_that_of_normal_theory():
    """The chance that a normal estimate with the truth as mean and the told width is clear."""
    design = scenario_design("two-arm-trial", episodes=220)
    planned = oc.power(design, "trial", week=8, n_simulations=400, processes=2)
    effect = told(planned.table, "truth")[0]
    std_error = told(planned.table, "half_width_median")[0] / 1.99
    _, low, high = told(planned.table, "clear")
    expected = stats.norm.sf(1.96 - effect / std_error)
    assert low - 0.03 < expected < high + 0.03


@pytest.mark.slow
def test_where_nothing_helps_power_is_the_level():
    design = replace(scenario_design("two-arm-trial", episodes=120), **NO_EFFECT)
    planned = oc.power(design, "trial", n_simulations=400, processes=2)
    _, low, high = told(planned.table, "clear")
    assert low < 0.05 < high


@pytest.mark.parametrize(
    ("scenario", "question", "changes"),
    [
        ("two-arm-trial", "trial", {"episodes": 1}),
        ("two-arm-trial", "trial", {"episodes": 19}),
        ("dose-finding-trial", "trial", {"episodes": 49}),
        ("default", "frequency", {"episodes": 19}),
        ("default", "therapists", {"episodes": 54}),
        ("default", "therapists", {"therapists": 4, "clinics": 1}),
        ("default", "how-much", {"episodes": 9}),
    ],
)
def test_a_design_too_small_is_told_before_simulating(scenario, question, changes, monkeypatch):
    design = replace(scenario_design(scenario), **changes)
    monkeypatch.setattr(power_module, "repeated", None)
    with pytest.raises(DesignError, match="at least"):
        oc.power(design, question)


def test_the_same_command_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    whole = oc.power(SMALL, "trial", n_simulations=14)
    some = power_module._some

    def tired(*arguments):
        if len(arguments[-1]) < 10:
            raise KeyboardInterrupt
        return some(*arguments)

    monkeypatch.setattr(power_module, "_some", tired)
    assert oc.power(SMALL, "trial", n_simulations=14, keep=tmp_path).n_simulations == 10
    asked = []
    monkeypatch.setattr(power_module, "_some", lambda *a: asked.append(len(a[-1])) or some(*a))
    again = oc.power(SMALL, "trial", n_simulations=14, keep=tmp_path)
    assert asked == [4]
    pd.testing.assert_frame_equal(again.table, whole.table, check_exact=True)
    oc.power(replace(SMALL, specific=2.0), "trial", n_simulations=2, keep=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    for file in tmp_path.iterdir():
        file.write_text("no record", encoding="utf-8")
    with pytest.raises(UsageError, match="kept"):
        oc.power(SMALL, "trial", n_simulations=2, keep=tmp_path)


@pytest.mark.usefixtures("_all_people")
def test_no_effect_is_said_to_be_none():
    found = oc.power(replace(SMALL, **NO_EFFECT), "trial", n_simulations=4)
    assert "where there is none: so often the answer is wrong" in found.sentence


def test_a_question_without_a_road_takes_the_whole_answer():
    design = scenario_design("default", episodes=30)
    studies = simulated(design, seeds_from(1, 2), "nprs")
    assert rows_of(studies, Wanted("over-time", "nprs")) == {}
    asked = asked_of_all(studies, Wanted("over-time", "nprs"))
    assert all(record.get("whole") for record in asked)
    assert rows_of(studies, Wanted("how-much", "koos-pain")) == {}


def test_one_study_is_one():
    assert (
        "Of 1 simulated study of 60 courses" in oc.power(SMALL, "trial", n_simulations=1).sentence
    )
    of_change = oc.power(scenario_design("default", episodes=60), "how-much", n_simulations=1)
    assert (
        "of 60 courses, none tells how wide the interval is. This is change" in of_change.sentence
    )
