"""Order of scores: the estimate of another fitter, and when it is asked at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.miscmodels.ordinal_model import OrderedModel

from outcomes.dictionary.instruments import instrument
from outcomes.errors import FitError
from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import CourseFrame
from outcomes.questions.sensitivity import ordinal, ordinal_check


def course(baseline, score):
    rows = pd.DataFrame({"baseline": baseline, "score": score, "session_count": 4.0})
    rows["episode_id"] = [f"e{i}" for i in rows.index]
    return CourseFrame(rows, "session_count", "", (4.0,), 4.0, {})


def low_pain(n=80, seed=1):
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 6, n).astype(float)
    return before, np.clip(before - rng.integers(0, 4, n), 0, 10)


def test_the_estimate_is_that_of_a_proportional_odds_model_fitted_by_maximum_likelihood():
    before, after = low_pain()
    found = ordinal(course(before, after), instrument("nprs")).iloc[0]
    codes = pd.factorize(-np.concatenate([before, after]), sort=True)[0]
    later = np.repeat([0.0, 1.0], len(before))[:, None]
    peer = OrderedModel(codes, later, distr="logit").fit(method="bfgs", disp=0)
    assert found["estimate"] == pytest.approx(peer.params[0], abs=1e-4)
    assert 0 < found["std_error"] < peer.bse[0]  # scores of one course resemble each other


def test_a_scale_of_many_levels_is_grouped():
    rng = np.random.default_rng(2)
    before = rng.uniform(0, 140, 60)
    found = ordinal(course(before, before / 2), instrument("nprs"))
    assert found["estimate"].iloc[0] > 0


def test_one_level_cannot_be_ordered():
    with pytest.raises(FitError, match="two levels"):
        ordinal(course([3.0] * 20, [3.0] * 20), instrument("nprs"))


@pytest.mark.parametrize(
    ("ends", "passed"), [((0.5, 1.0), True), ((-0.2, 1.0), False), ((-1.0, -0.5), False)]
)
def test_the_verdict_looks_at_direction_and_clearness(ends, passed):
    before, after = low_pain()
    check = ordinal_check(ordinal(course(before, after), instrument("nprs")), *ends)
    assert check.passed == passed
    assert ("the sentence stays" in check.detail) == passed
    assert not ordinal_check(pd.DataFrame(), *ends).passed


@pytest.mark.parametrize(("shift", "asked"), [(0.0, False), (-4.0, True)])
def test_the_order_is_modelled_where_more_than_15_percent_sit_at_a_bound(clinic, shift, asked):
    study = clinic(n=60)
    scores = study.assessments.assign(score=(study.assessments["score"] + shift).clip(0, 10))
    answer = undisclosed(replace(study, assessments=scores), "how-much", instrument="nprs")
    assert ("ordinal" in set(answer.table["kind"])) == asked
    assert any("order of scores" in check.name for check in answer.checks) == asked
