"""Error of the score against closed forms, two-stage least squares, and a process without noise."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS, WLS
from statsmodels.sandbox.regression.gmm import IV2SLS

from outcomes.causal.jackknife import grouped, interval_row, jackknife, residual, slopes
from outcomes.causal.measurement_error import (
    answered_visits,
    both_readings,
    largest_error,
    last_visit,
    less_clear,
    readings,
    reliability_answered,
    reliability_of,
    sensitivity,
    severity_gap,
    sustained,
    tipping_reliability,
)
from outcomes.causal.visit_history import pressure_history

pytestmark = pytest.mark.quick(3)


def visits(n=4000, error=1.0, effect=0.0, seed=1, pain_answered=1.0, n_visits=3):
    """Courses whose pain keeps its level: pressure answers pain and error, the next score follows.

    Pain has variance 4; pressure is -0.5 of it, and of the error what `pain_answered` leaves.
    """
    rng = np.random.default_rng(seed)
    pain = rng.normal(6, 2, (n, 1)) + np.zeros((1, n_visits))
    errors = rng.normal(0, error, (n, n_visits + 1))
    answered = pain + (1 - pain_answered) * errors[:, :-1]
    pressure = 3 - 0.5 * (answered - 6) + rng.normal(0, 1, (n, n_visits))
    score = pain + errors[:, :-1]
    following = pain - effect * (pressure - 3) + errors[:, 1:]
    earlier = pain + rng.normal(0, error, (n, n_visits))
    session = np.tile(np.arange(2, n_visits + 2), n)
    return pd.DataFrame(
        {
            "episode_id": np.repeat(np.arange(n), n_visits), "patient_id": None,
            "session": session, "pressure": pressure.ravel(), "score_now": score.ravel(),
            "score_earlier": earlier.ravel(), "score_next": following.ravel(),
            "pressure_before": 0.0, "condition": "x", "therapist_id": "t", "adapted": 0.0,
            "age": 0.0, "baseline": pain[:, 0].repeat(n_visits),
        }
    )  # fmt: skip


def tipping(table):
    return tipping_reliability(partial(last_visit, readings(table, -1)))


class TestAttenuation:
    """Pain of variance 4 read with an error of variance 1: a reliability of 4 / 5."""

    def test_a_score_taken_for_exact_leaves_the_confounding_of_the_closed_form(self):
        """b_P = g k with k = d e^2 / (s_nu^2 + d^2 e^2 rel) rel ... = 0.5 * 0.8 / (1 + 0.2)."""
        found = last_visit(readings(visits(), -1), reliability=1.0)
        assert found["estimate"] == pytest.approx(0.4 / 1.2, abs=3 * found["std_error"])
        assert found["std_error"] < 0.02

    @pytest.mark.parametrize("effect", [0.0, 0.3])
    @pytest.mark.parametrize("reliability", [0.8, None])
    def test_the_known_or_the_told_reliability_takes_it_away(self, effect, reliability):
        found = last_visit(readings(visits(effect=effect), -1), reliability)
        assert found["estimate"] == pytest.approx(effect, abs=3 * found["std_error"])

    @pytest.mark.parametrize("pain_answered", [0.0, 0.5])
    def test_earlier_scores_tell_how_far_the_number_is_answered(self, pain_answered):
        table = visits(effect=0.3, pain_answered=pain_answered)
        found = last_visit(readings(table, -1))
        assert found["estimate"] == pytest.approx(0.3, abs=3 * found["std_error"])

    def test_the_reliability_is_that_of_the_score_or_one_where_it_is_answered(self):
        pain = reliability_answered(readings(visits(), -1))
        number = reliability_answered(readings(visits(pain_answered=0.0), -1))
        assert pain["estimate"] == pytest.approx(0.8, abs=3 * pain["std_error"])
        assert number["estimate"] == pytest.approx(1.0, abs=3 * number["std_error"])
        assert reliability_of(readings(visits(), -1), 1.0) == pytest.approx(0.8, abs=0.02)

    def test_an_error_as_large_as_the_spread_says_nothing(self):
        assert reliability_of(readings(visits(n=200), -1), 2.2) is None

    def test_the_tipping_point_is_where_confounding_alone_gives_what_was_found(self):
        """Without an effect the true reliability; with one of 1, c(P, Y) c(Y, y) / v(Y) c(P, y)."""
        assert tipping(visits()) == pytest.approx(0.82, abs=0.02)
        assert tipping(visits(effect=1.0)) == pytest.approx(-2 * 6 / (5 * -4), abs=0.03)
        assert tipping(visits(n=100, pain_answered=0.0)) == 1.0


def test_where_the_score_is_exact_it_is_the_regression_with_every_visit():
    table = visits(n=80)
    found = last_visit(readings(table, 1), reliability=1.0)
    times = pd.get_dummies(table["session"], dtype=float)
    x = np.column_stack([table[["pressure", "score_now"]], times])
    fit = OLS(table["score_next"].to_numpy(), x).fit()
    assert found["estimate"] == pytest.approx(fit.params[0], rel=1e-6)
    assert found["df"] == 79


def test_the_told_answer_to_pain_is_that_of_two_stage_least_squares():
    table = visits(n=80)
    times = pd.get_dummies(table["session"], dtype=float)
    x = np.column_stack([table["score_now"], times])
    z = np.column_stack([table["score_earlier"], times])
    b = IV2SLS(table["pressure"].to_numpy(), x, z).fit().params[0]
    own = OLS(table["pressure"].to_numpy(), x).fit().params[0]
    assert reliability_answered(readings(table, 1))["estimate"] == pytest.approx(own / b, rel=1e-6)


@pytest.mark.parametrize("estimate", [last_visit, sustained])
@pytest.mark.parametrize("kept", ["liking", "habit"])
def test_a_pressure_that_patients_like_or_keep_is_no_answer_to_earlier_pain(kept, estimate):
    """Nothing is true: one pressure before is a path from earlier pain under liking alone."""
    rng, n, k = np.random.default_rng(3), 4000, 4
    pain = rng.normal(6, 2, (n, 1)) + np.cumsum(rng.normal(0, 0.7, (n, k + 2)), axis=1)
    score = pain + rng.normal(0, 1, pain.shape)
    pressure = np.zeros((n, k + 1))
    likes = rng.normal(0, 1, n) * (kept == "liking")
    for t in range(k + 1):
        wish = 3 - 0.5 * (pain[:, t] - 6) + likes + rng.normal(0, 0.7, n)
        habit = 0.5 if kept == "habit" and t else 0.0
        pressure[:, t] = habit * pressure[:, t - 1] + (1 - habit) * wish
    later = {"pressure": pressure[:, 1:], "score_now": score[:, 1:-1],
             "score_next": score[:, 2:], "score_earlier": score[:, :-2],
             "pressure_before": pressure[:, :-1]}  # fmt: skip
    table = visits(n, n_visits=k).assign(**{name: part.ravel() for name, part in later.items()})
    given = estimate(readings(table, -1))
    free = estimate(readings(table.assign(pressure_before=0.0), -1))
    wrong, right = (given, free) if kept == "liking" else (free, given)
    assert abs(wrong["estimate"]) > 3 * wrong["std_error"]
    assert abs(right["estimate"]) < 3 * right["std_error"]
    assert less_clear(both_readings(table, -1), estimate) == right


def test_the_sign_turns_with_the_better_direction():
    table = visits(n=60)
    for estimate in (last_visit, sustained):
        up, down = (estimate(readings(table, sign))["estimate"] for sign in (1, -1))
        assert up == pytest.approx(-down)


def test_scaling_and_shifting_facts_and_doubling_a_column_change_nothing():
    table = visits(n=60)
    again = table.assign(age=table["session"] * 10.0, adapted=1.0)
    one, two = (last_visit(readings(t, 1))["estimate"] for t in (table, again))
    assert one == pytest.approx(two, rel=1e-5)


def test_effects_of_every_visit_add_up():
    """Each level at each visit takes 0.2 off every later score; pressure is by chance."""
    rng = np.random.default_rng(5)
    n, k = 3000, 4
    pressure = rng.normal(3, 1, (n, k))
    pain = rng.normal(6, 1, (n, 1)) - 0.2 * np.cumsum(pressure - 3, axis=1)
    before = np.column_stack([np.full((n, 1), 6.0), pain[:, :-1]])
    table = visits(n, n_visits=k).assign(
        pressure=pressure.ravel(), score_now=before.ravel() + rng.normal(0, 1, n * k),
        score_earlier=before.ravel() + rng.normal(0, 1, n * k), score_next=pain.ravel(),
        baseline=0.0,
    )  # fmt: skip
    found = sustained(readings(table, -1))
    mean_visits = 4 / (1 + 1 / 2 + 1 / 3 + 1 / 4)  # of 1 to 4, with weights 1 / k
    assert found["estimate"] == pytest.approx(0.2 * mean_visits, abs=3 * found["std_error"])


def test_few_courses_with_earlier_scores_leave_the_published_error_to_decide():
    table = visits(n=30)
    none = table.assign(score_earlier=np.nan)
    told, published = sensitivity(table, -1, 1.0), sensitivity(none, -1, 1.0)
    assert list(told.table["kind"]) == ["error allowed for", "sustained"]
    assert published.table.empty
    assert published.decisive == last_visit(readings(none, -1), published.reliability)
    assert sensitivity(none, -1, None).decisive is None


def test_scores_in_which_nothing_differs_leave_no_row_and_no_error_taken_off():
    """Each course at its baseline all along: what facts explain taken out, nothing is left."""
    table = visits(n=30, n_visits=2)
    still = table.assign(score_now=0.0, score_earlier=0.0, pressure_before=0.0)
    found = sensitivity(still, -1, None)
    assert found.decisive is None
    assert found.table.empty


def test_visits_stand_beside_earlier_and_next_scores(clinic):
    study = clinic(n=20, visits=4)
    rows = study.trajectory("nprs")
    found = answered_visits(pressure_history(study, rows).visits, rows)
    own = study.assessments.set_index(["episode_id", "session"])["score"]
    third = found[found["session"] == 3].iloc[0]
    course = own.loc[third["episode_id"]]
    assert third["score_earlier"] == pytest.approx(course.loc[[1, 2]].mean())
    assert third["score_next"] == course.loc[4]
    assert found.loc[found["session"] == 4, "score_next"].isna().all()
    assert found.loc[found["session"] == 1, "score_earlier"].isna().all()


def test_the_largest_error_is_the_standard_deviation_within_subjects():
    table = visits(n=4000)
    rows = pd.DataFrame({"score": table["score_now"], "score_before": table["score_earlier"]})
    assert largest_error(rows) == pytest.approx(1.0, abs=0.02)


class TestSeverity:
    def test_the_gap_is_that_of_the_closed_form(self):
        """Chosen by a pain of variance 4, recorded with variance 5: the rest given the score."""
        rng = np.random.default_rng(2)
        pain = rng.normal(6, 2, 200_000)
        exposed = (rng.random(len(pain)) < 1 / (1 + np.exp(-(pain - 6) / 2))).astype(float)
        table = pd.DataFrame(
            {
                "episode_id": np.arange(len(pain)), "exposed": exposed, "condition": "x",
                "therapist_id": "t", "baseline": pain + rng.normal(0, 1, len(pain)),
            }
        )  # fmt: skip
        found = severity_gap(table, 1.0)
        design = np.column_stack([exposed, table["baseline"], np.ones(len(pain))])
        given = OLS(pain, design).fit().params
        assert found["estimate"] == pytest.approx(given[0] / given[1], abs=0.02)

    def test_where_the_baseline_is_all_error_there_is_none(self):
        table = pd.DataFrame(
            {"episode_id": range(20), "exposed": [0, 1] * 10, "condition": "x",
             "therapist_id": "t",
             "baseline": np.arange(20) % 3}
        )  # fmt: skip
        assert severity_gap(table, 1.0) is None


class TestJackknife:
    def test_the_error_of_a_mean_is_that_of_the_textbook(self):
        x = np.array([1.0, 2.0, 4.0, 9.0])
        columns = np.column_stack([x, np.ones(4)])
        found = jackknife(
            (grouped(columns, np.arange(4)),), lambda s: s[0][..., 0, 1] / s[0][..., 1, 1], 4
        )
        assert found["estimate"] == x.mean()
        assert found["std_error"] == pytest.approx(x.std(ddof=1) / 2)

    def test_residuals_and_slopes_are_those_of_a_regression(self):
        rng = np.random.default_rng(3)
        x = rng.normal(size=(30, 2))
        y = rng.normal(size=30)
        products = np.column_stack([y, x]).T @ np.column_stack([y, x])
        fit = WLS(y, x).fit()
        assert slopes(products, 1)[:, 0] == pytest.approx(fit.params, rel=1e-6)
        assert residual(products, 1)[0, 0] == pytest.approx(fit.ssr, rel=1e-6)

    def test_an_interval_row_is_that_of_student(self):
        row = interval_row(2.0, 0.5, 10, n_episodes=11)
        assert row["conf_low"] == pytest.approx(2 - 2.228139 * 0.5, abs=1e-6)
        assert row["p_value"] == pytest.approx(0.002536, abs=2e-5)
