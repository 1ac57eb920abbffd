"""In each scenario the naive analysis is wrong in the way its lesson says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import statsmodels.formula.api as smf

import outcomes as oc
from outcomes.synthetic.courses import AS_IT_COMES
from outcomes.synthetic.scenarios import scenario_design
from studies.calibration import Run, run


@cache
def study_of(scenario, episodes=1500):
    return oc.simulate(episodes=episodes, scenario=scenario, seed=21)


@cache
def frame_of(scenario):
    return study_of(scenario).trajectory("nprs", same_visit=True)


def truth(scenario, start, **labels):
    rows = study_of(scenario).truth.estimands
    rows = rows[rows["estimand"].str.startswith(start)]
    for name, label in {"condition": "all", "instrument": "nprs", **labels}.items():
        rows = rows[rows[name] == label]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def at_visits(frame):
    return frame[frame["session"].notna()]


def slope(formula, rows, term):
    rows = rows.dropna(subset=["improvement", term])
    return smf.ols(formula, rows).fit().params[term]


def test_same_visit_pressure_is_far_too_large_where_pressure_helps():
    rows = frame_of("pressure-helps")
    naive = slope("improvement ~ pressure_same_visit", rows, "pressure_same_visit")
    last_only = truth("pressure-helps", "effect of pressure 4 against 2 in the last",
                      session_count=4) / 2  # fmt: skip
    honest = slope("improvement ~ pressure + baseline + score_before", rows, "pressure")
    assert naive > 5 * last_only
    assert honest == pytest.approx(last_only, abs=0.06)


def test_a_straight_line_misses_the_inverted_u():
    rows = frame_of("pressure-inverted-u").copy()
    rows["squared"] = (rows["pressure"] - 3) ** 2
    honest = smf.ols("improvement ~ pressure + squared + baseline + score_before",
                     rows.dropna(subset=["pressure"])).fit()  # fmt: skip
    assert honest.params["squared"] < -4 * honest.bse["squared"] < 0


def test_between_patients_pressure_looks_as_if_it_helped_when_it_does_not():
    rows = frame_of("confounded-pressure")
    last = rows.groupby("episode_id").last()
    assert slope("improvement ~ pressure_mean", last, "pressure_mean") > 0.1
    assert truth("confounded-pressure", "effect of pressure 4 against 2 in every",
                 session_count=8) == 0  # fmt: skip
    within = slope("improvement ~ pressure + pressure_mean + baseline + score_before", rows,
                   "pressure")  # fmt: skip
    assert abs(within) < 0.06


def test_feedback_breaks_adjustment_for_mean_pressure():
    study = study_of("feedback")
    plain = study.episodes.loc[study.episodes["adaptations"] == "none", "episode_id"]
    rows = frame_of("feedback")
    rows = rows[(rows["session_count"] == 4) & rows["episode_id"].isin(plain)]
    sustained = truth("feedback", "effect of pressure 4 against 2 in every", session_count=4) / 2
    assert sustained > 0.15
    assert slope("improvement ~ pressure_mean + baseline", rows, "pressure_mean") > 3 * sustained
    with_last = "improvement ~ pressure_mean + baseline + score_before"
    assert slope(with_last, rows, "pressure_mean") > 1.3 * sustained


def test_the_last_scores_are_too_good_when_the_worse_stay_away():
    rows = at_visits(frame_of("informative-dropout"))
    seen = rows[rows["session_count"] == 6]["improvement"].mean()
    everyone = truth("informative-dropout", "mean improvement after", session_count=6)
    assert seen > everyone + 0.15


def test_means_fall_by_selection_alone():
    study = study_of("regression-to-the-mean")
    first = at_visits(study.trajectory("nprs"))
    first = first[first["session_count"] == 1]
    assert first["improvement"].mean() > 0.4
    effects = study.truth.estimands.query("kind == 'effect'")["value"]
    assert (effects == 0).all()
    coupled = np.corrcoef(first["baseline"], first["improvement"])[0, 1]
    assert coupled > 0.1


def test_more_sessions_look_harmful_in_the_trap():
    study = study_of("session-count-trap")
    rows = at_visits(study.trajectory("nprs"))
    last = rows.groupby("episode_id").last().join(
        study.episodes.set_index("episode_id")["sessions_attended"]
    )  # fmt: skip
    assert slope("improvement ~ sessions_attended", last, "sessions_attended") < -0.05
    values = [truth("session-count-trap", "mean improvement after", session_count=n)
              for n in (1, 4, 8, 12)]  # fmt: skip
    assert values == sorted(values)


def test_few_clusters_hide_how_much_therapists_differ():
    episodes = study_of("few-clusters").episodes
    assert episodes["therapist_id"].nunique() == 3
    means = []
    for seed in range(12):
        made: Run = run(scenario_design("few-clusters", seed=seed), AS_IT_COMES, n=600)
        better = made.better[5]
        means.append([better[made.people.therapist == t].mean() for t in range(3)])
    between = np.std(means, axis=1, ddof=1)
    assert between.mean() > 2 * 1.9 / np.sqrt(200)  # twice what patients alone would give


def test_a_course_has_several_therapists():
    visits = study_of("switching-therapists").sessions
    own = visits.groupby("episode_id")["therapist_id"].nunique()
    assert own.mean() > 2


def test_many_scores_sit_at_the_floor():
    rows = frame_of("floor-and-ceiling")
    assert (rows["score"] == 0).mean() > 0.15
    late = rows[rows["session_count"] >= 6]["score"]
    assert late.std() < rows["baseline"].std() + 0.2


@pytest.mark.parametrize("scenario", ["two-arm-trial", "dose-finding-trial"])
def test_arms_as_randomised_recover_the_truth(scenario):
    study = study_of(scenario, 3000)
    rows = study.trajectory("nprs")
    rows = rows[rows["week"] == 8]
    fit = smf.ols("improvement ~ C(arm, Treatment('usual care')) + baseline", rows).fit()
    effects = study.truth.estimands.query(
        "kind == 'effect' and condition == 'all' and instrument == 'nprs' and week == 8"
    )
    assert len(effects) == rows["arm"].nunique() - 1
    for row in effects.itertuples():
        term = f"C(arm, Treatment('usual care'))[T.{row.arm}]"
        assert abs(fit.params[term] - row.value) < 3.3 * fit.bse[term]
    alone = rows[rows["arm"] == effects["arm"].iloc[-1]]["improvement"].mean()
    assert alone > effects["value"].iloc[-1] + 0.3


def test_relief_in_hospice_is_immediate_and_does_not_last():
    study = study_of("hospice", 600)
    immediate = study.trajectory("nprs", "immediate")["improvement"].mean()
    assert immediate > 1.2
    lasting = truth("hospice", "mean improvement after", session_count=8)
    without = truth("hospice", "mean improvement without", week=4)
    assert lasting - without < 0.5
