"""Simulated serial correlation is found again, and intervals cover where independence fails."""

import warnings

import numpy as np
import pytest

from outcomes.errors import OutcomesWarning
from outcomes.mixed.fit import lmm


@pytest.mark.parametrize(("rho", "level"), [(0.3, 0.0), (0.7, 0.0), (0.6, 1.0)])
def test_correlation_and_variances_come_back(rho, level, courses):
    data = courses(n=600, visits=8, rho=rho, level=level)
    random = " + (1 | episode_id)" if level else ""
    fit = lmm(f"score ~ visit + ar1(visit | episode_id){random}", data)
    rows = fit.variance_components().set_index(["group", "term_2"])
    assert rows.loc[("residual", "visit + 1"), "sd_or_corr"] == pytest.approx(rho, abs=0.08)
    assert rows.loc[("residual", ""), "variance"] == pytest.approx(1.0, abs=0.15)
    if level:
        assert rows.loc[("episode_id", ""), "variance"] == pytest.approx(level**2, abs=0.25)


def test_decay_over_days_comes_back(courses):
    fit = lmm("score ~ visit + ou(day | episode_id)", courses(n=600, visits=8, rho=0.6))
    one_day = fit.variance_components()["sd_or_corr"].iloc[-1]
    assert one_day**7 == pytest.approx(0.6, abs=0.04)


@pytest.mark.slow
def test_coverage_is_restored_where_independence_fails(courses):
    inside = {"(1 | episode_id)": 0, "ar1(visit | episode_id)": 0}
    n_studies = 400
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        for seed in range(n_studies):
            data = courses(n=30, visits=8, rho=0.8, seed=1000 + seed)
            for term in inside:
                row = lmm(f"score ~ visit + {term}", data).tidy().iloc[1]
                inside[term] += row["conf_low"] <= 0.3 <= row["conf_high"]
    share = {term: count / n_studies for term, count in inside.items()}
    assert share["(1 | episode_id)"] < 0.88
    assert share["ar1(visit | episode_id)"] == pytest.approx(0.95, abs=0.03)


@pytest.mark.slow
def test_unstructured_coverage_at_the_last_visit(courses):
    rng = np.random.default_rng(1)
    hits, n_studies = 0, 300
    for _ in range(n_studies):
        data = courses(n=40, visits=4, rho=0.6, seed=int(rng.integers(1 << 30)))
        fit = lmm("score ~ arm * C(visit) + us(visit | episode_id)", data)
        terms = {"arm[T.usual]": 1.0, "arm[T.usual]:C(visit)[T.4]": 1.0}
        row = fit.test(terms).iloc[0]
        hits += row["conf_low"] <= 0.0 <= row["conf_high"]
    assert hits / n_studies == pytest.approx(0.95, abs=0.035)
