"""The constrained longitudinal model of a trial."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.mixed.fit import lmm
from outcomes.provenance import Provenance
from outcomes.study import study_from_tables


def trial(n=60, seed=4, *, days=(0, 28, 84), control="usual care", missing=0.1):
    rng = np.random.default_rng(seed)
    ids = [f"e{i:03d}" for i in range(n)]
    arm = np.where(np.arange(n) % 2, "usual care", "massage")
    level = rng.normal(6.0, 1.0, (n, 1)) + rng.normal(0.0, 0.8, (n, len(days)))
    level[:, 1:] -= 0.5 + 1.0 * (arm == "massage")[:, None]
    scores = pd.DataFrame(
        {
            "episode_id": np.repeat(ids, len(days)),
            "day": np.tile(days, n),
            "timing": np.tile(["baseline"] + ["follow_up"] * (len(days) - 1), n),
            "instrument": "nprs",
            "score": level.clip(0, 10).ravel(),
        }
    )
    lost = (rng.random(len(scores)) < missing) & (scores["day"] > 0)
    return study_from_tables(
        {
            "episodes": pd.DataFrame({"episode_id": ids, "arm": arm}),
            "assessments": scores[~lost],
        },
        provenance=Provenance(control=control, randomised=True),
    )


def test_terms_are_arm_minus_control_in_the_better_direction():
    fit = oc.clda(trial(), "nprs")
    assert fit.estimates.terms[-2:] == ("massage_week_4", "massage_week_12")
    last = fit.tidy().iloc[-1]
    assert last["conf_low"] > 0.0
    assert last["estimate"] == pytest.approx(1.0, abs=0.6)


def test_complete_data_of_two_occasions_have_a_closed_form():
    study = trial(days=(0, 28), missing=0.0)
    fit = oc.clda(study, "nprs", reml=False)
    wide = study.assessments.pivot_table("score", "episode_id", "day")
    arm = study.episodes.set_index("episode_id")["arm"].reindex(wide.index)
    treated = (arm == "massage").to_numpy()
    within = wide[[0, 28]] - wide[[0, 28]].groupby(treated).transform("mean")
    slope = (within[0] * within[28]).sum() / (within[0] ** 2).sum()
    adjusted = wide[28] - slope * wide[0]
    expected = -(adjusted[treated].mean() - adjusted[~treated].mean())
    assert fit.tidy()["estimate"].iloc[-1] == pytest.approx(expected, rel=1e-6)


def test_courses_without_a_later_score_count():
    study = trial()
    alone = study.assessments["episode_id"].eq("e001") & study.assessments["day"].gt(0)
    fewer = study_from_tables(
        {"episodes": study.episodes, "assessments": study.assessments[~alone]},
        provenance=study.provenance,
    )
    fit = oc.clda(fewer, "nprs")
    assert fit.n_observations == len(fewer.assessments)
    assert "e001" in set(fit.design.frame.data["episode_id"])


def test_the_same_model_written_as_a_formula():
    study = trial()
    rows = study.assessments.merge(study.episodes[["episode_id", "arm"]], on="episode_id")
    rows["better"] = -rows["score"]
    rows["a"] = ((rows["arm"] == "massage") & (rows["day"] == 28)).astype(float)
    rows["b"] = ((rows["arm"] == "massage") & (rows["day"] == 84)).astype(float)
    other = lmm("better ~ C(day) + a + b + us(day | episode_id)", rows)
    fit = oc.clda(study, "nprs")
    assert fit.loglik == pytest.approx(other.loglik, abs=1e-9)
    np.testing.assert_allclose(fit.estimates.beta, other.estimates.beta, rtol=1e-8)


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (lambda: trial(control=None), "no control"),
        (lambda: trial(n=8), "5 scores in every arm"),
    ],
)
def test_refusals(study, words):
    with pytest.raises(oc.DataError, match=words):
        oc.clda(study(), "nprs")
