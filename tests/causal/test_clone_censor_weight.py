"""Clone, censor, weigh: closed forms where the model of stopping is saturated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import GLM, WLS
from statsmodels.genmod.families import Binomial

from outcomes.causal.clone_censor_weight import clones, stopping_weights, weighted_means
from outcomes.errors import FitError


def decisions():
    """One visit, after which 10 of 40 mild and 30 of 60 severe patients stop."""
    severe = np.repeat([0.0, 1.0], [40, 60])
    stopped = np.concatenate([np.arange(40) < 10, np.arange(60) < 30]).astype(float)
    ids = [f"e{i:03d}" for i in range(100)]
    return pd.DataFrame({"episode_id": ids, "session": 1, "stopped": stopped, "severe": severe})


def kept(table, weights, column, gain):
    own = table.assign(weight=weights[column], improvement=gain, cluster=table["episode_id"])
    return own[own["stopped"] == (column == "stopped_here")]


@pytest.mark.parametrize("column", ["went_on", "stopped_here"])
def test_a_saturated_model_gives_the_mean_standardised_to_all_who_started(column):
    """Mild improve by 2, severe by 1, whatever they do: 0.4 * 2 + 0.6 * 1 of all who started."""
    table = decisions()
    weights = stopping_weights(table, ("severe",))
    rows = kept(table, weights, column, 2.0 - table["severe"])
    arm = clones(rows)
    assert np.average(rows["improvement"], weights=rows["weight"]) == pytest.approx(1.4, abs=1e-8)
    assert arm.mean == pytest.approx(1.0, abs=1e-8)
    assert weighted_means(arm)[0]["estimate"] == pytest.approx(1.4, abs=1e-6)
    expected = 0.6 / 0.75 if column == "went_on" else 0.4 / 0.25
    mild = rows.loc[rows["severe"] == 0, "weight"]
    assert mild.to_numpy() == pytest.approx(expected, abs=1e-8)


def test_without_history_the_estimate_is_the_plain_mean_of_those_who_kept_to_it():
    table = decisions()
    gain = pd.Series(np.linspace(-1, 3, 100))
    rows = kept(table, stopping_weights(table, ()), "went_on", gain)
    found = weighted_means(clones(rows))[0]
    plain = gain[table["stopped"] == 0]
    assert found["estimate"] == pytest.approx(plain.mean())
    spread = np.sqrt(((plain - plain.mean()) ** 2).sum()) / len(plain)
    assert found["std_error"] == pytest.approx(spread * np.sqrt(60 / 59), rel=1e-6)


def test_two_visits_multiply_and_an_unknown_decision_ends_the_record():
    first = decisions()
    second = first[first["stopped"] == 0].assign(session=2, stopped=0.0)
    second["stopped"] = np.arange(len(second)) % 2.0
    second.iloc[0, second.columns.get_loc("stopped")] = np.nan
    both = pd.concat([first, second]).sort_values(["episode_id", "session"], ignore_index=True)
    weights = stopping_weights(both, ("severe",))
    assert len(weights) == len(both) - 1
    usual = stopping_weights(both, ())
    assert usual[["went_on", "stopped_here"]].to_numpy() == pytest.approx(1.0)


def test_the_difference_is_that_of_the_weighted_means():
    def arm(name, gain, weight):
        ids = [f"{name}{i}" for i in range(len(gain))]
        columns = {"episode_id": ids, "cluster": ids, "improvement": gain, "weight": weight}
        return clones(pd.DataFrame(columns))

    stop, go_on = arm("s", [1.0, 2.0, 4.0], [1.0, 1.0, 1.0]), arm("g", [3.0, 5.0], [1.0, 1.0])
    found = [row["estimate"] for row in weighted_means(stop, go_on)]
    assert found == pytest.approx([7 / 3, 4.0, 7 / 3 - 4.0])


@pytest.mark.parametrize("stopped", [0.0, 1.0, np.nan])
def test_without_both_who_stop_and_who_go_on_there_is_nothing_to_weigh(stopped):
    with pytest.raises(FitError, match="courses stopped, and after others they went on"):
        stopping_weights(decisions().assign(stopped=stopped), ("severe",))


def test_the_chance_of_stopping_is_that_of_statsmodels():
    rng = np.random.default_rng(3)
    n = 300
    known = pd.DataFrame({"episode_id": [f"e{i}" for i in range(n)], "session": 1})
    known["pain"] = rng.normal(size=n)
    known["stopped"] = (rng.random(n) < 1 / (1 + np.exp(1 - known["pain"]))).astype(float)
    chance = GLM(known["stopped"], np.column_stack([np.ones(n), known["pain"]]), Binomial()).fit()
    usual = np.log1p(-known["stopped"].mean()) - np.log1p(-chance.fittedvalues)
    found = stopping_weights(known, ("pain",))
    assert found["went_on"].to_numpy() == pytest.approx(np.exp(usual), rel=1e-6)


@pytest.mark.parametrize("outlier", [0.0, -1e5])
def test_who_could_not_have_stopped_is_refused_without_a_warning(outlier):
    """Of an outlier the exponential overflows; scores that never changed have no curve."""
    n = 40
    known = pd.DataFrame({"episode_id": [f"e{i}" for i in range(n)], "session": 1, "change": 0.0})
    known["score_now"] = np.arange(n) + np.where(np.arange(n) == 0, outlier, 0)
    known["stopped"] = (known["score_now"] >= 20).astype(float)
    if outlier:
        known.loc[[15, 25], "stopped"] = [1.0, 0.0]
    with pytest.raises(FitError, match="could have gone on and could have stopped"):
        stopping_weights(known, ("score_now", "cr(change, df=3, constraints='center')"))


def test_errors_are_those_that_statsmodels_makes_robust_to_clusters():
    rng = np.random.default_rng(4)
    parts = []
    for n in (40, 30):
        columns = {"episode_id": range(n), "cluster": np.arange(n) // 3}
        drawn = {"improvement": rng.normal(size=n), "weight": rng.uniform(0.5, 2, size=n)}
        parts.append(clones(pd.DataFrame({**columns, **drawn})))
    rows = pd.concat([part.rows for part in parts])
    dummies = np.repeat(np.eye(2), [40, 30], axis=0)
    fit = WLS(rows["improvement"].to_numpy(), dummies, rows["weight"].to_numpy()).fit(
        cov_type="cluster", cov_kwds={"groups": rows["cluster"].to_numpy()}
    )
    errors = [row["std_error"] for row in weighted_means(*parts)]
    pick = np.array([1.0, -1.0])
    expected = [*fit.bse, np.sqrt(pick @ fit.cov_params() @ pick)]
    assert errors == pytest.approx(expected, rel=1e-10)
