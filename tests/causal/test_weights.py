"""Weights against a logistic model written out, and what they must be when nothing is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.discrete.discrete_model import Logit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.numdiff import approx_fprime

from outcomes.causal.pressure_history import pressure_history
from outcomes.causal.weights import _ProportionalOdds, stabilised_weights
from outcomes.errors import FitError


def visits_of(study):
    return pressure_history(study, study.trajectory("nprs")).visits


def test_with_two_levels_the_weights_are_those_of_logistic_regression(clinic):
    visits = visits_of(clinic(visits=3))
    visits["pressure"] = (visits["pressure"] >= 3) * 1.0 + 2
    visits["pressure_before"] = visits.groupby("episode_id")["pressure"].shift()
    firm = (visits["pressure"] == 3).to_numpy()
    first = visits["pressure_before"].isna()
    usual = np.column_stack(
        [
            np.ones(len(visits)),
            (visits["pressure_before"] - visits["pressure"].mean()).fillna(0),
            first,
            np.log(visits["session"]),
            visits["baseline"],
        ]
    )
    seen = np.column_stack([usual, visits["score_now"]])
    chance = [Logit(firm, x).fit(disp=0, method="newton").predict(x) for x in (usual, seen)]
    ratio = np.where(firm, chance[0] / chance[1], (1 - chance[0]) / (1 - chance[1]))
    product = np.exp(np.log(visits["pressure"] * 0 + ratio).groupby(visits["episode_id"]).cumsum())
    expected = product.clip(*product.quantile([0.01, 0.99]))
    assert stabilised_weights(visits).table["weight"].to_numpy() == pytest.approx(
        expected.to_numpy(), rel=1e-3
    )


def test_the_gradient_of_proportional_odds_is_that_of_statsmodels_by_differences():
    rng = np.random.default_rng(4)
    codes, columns = rng.integers(0, 4, 80), rng.normal(size=(80, 2))
    at = rng.normal(0, 0.3, 5)
    theirs = OrderedModel(codes, columns, distr="logit")
    ours = _ProportionalOdds(codes, columns, distr="logit")
    assert ours.loglike(at) == pytest.approx(theirs.loglike(at), rel=1e-12)
    expected = approx_fprime(at, theirs.loglike, centered=True)
    assert ours.score(at) == pytest.approx(expected, rel=1e-5)


def test_pressure_given_without_regard_to_pain_needs_no_weights(clinic):
    weights = stabilised_weights(visits_of(clinic(react=0.0, n=300)))
    assert weights.mean == pytest.approx(1, abs=0.02)
    assert weights.effective_n > 0.95 * len(weights.table)


def test_weights_undo_the_dependence_on_the_pain_of_the_day(clinic):
    visits = visits_of(clinic(react=-0.2, n=800, visits=4))
    found = visits.merge(stabilised_weights(visits).table, on=["episode_id", "session"])
    found = found[found["session"] == 4]
    rest = ["score_now", "pressure"]

    def partial(weight):
        columns = np.column_stack(
            [np.ones(len(found)), found["baseline"], found["pressure_before"]]
        )
        root = np.sqrt(weight)[:, None]
        values = found[rest].to_numpy() * root
        fitted = columns * root @ np.linalg.lstsq(columns * root, values, rcond=None)[0]
        return np.corrcoef((values - fitted).T)[0, 1]

    plain, weighted = partial(np.ones(len(found))), partial(found["weight"].to_numpy())
    assert plain < -0.15
    assert abs(weighted) < 0.5 * abs(plain)


def test_one_level_of_pressure_is_refused(clinic):
    visits = visits_of(clinic()).assign(pressure=3.0)
    with pytest.raises(FitError, match="pressure varies"):
        stabilised_weights(visits)
