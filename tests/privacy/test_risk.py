"""k and l against pyCANON, and against tables small enough to count by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from outcomes.privacy.risk import (
    INSIDE,
    age_band,
    assess,
    k_anonymity,
    l_diversity,
    periods,
    suggestions,
    unique_patterns,
)
from outcomes.study import study_from_tables

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pycanon import anonymity


def theirs(count, *arguments):
    """Return pyCANON's count; it groups in a way that pandas warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return count(*arguments)


QUASI = ["age_band", "sex", "condition"]


def people(seed, n=120):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age_band": rng.choice(["20-29", "30-39", "40-49", "80-89", "90+"], n),
            "sex": rng.choice(["female", "male"], n),
            "condition": rng.choice(["headache", "sciatica"], n),
            "end_reason": rng.choice(["plateau", "cost", "goal_met"], n),
        }
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_quasi", [1, 2, 3])
def test_as_pycanon_counts(seed, n_quasi):
    table, quasi = people(seed), QUASI[:n_quasi]
    assert k_anonymity(table, quasi) == theirs(anonymity.k_anonymity, table, quasi)
    assert l_diversity(table, quasi, "end_reason") == theirs(
        anonymity.l_diversity, table, quasi, ["end_reason"]
    )


def test_by_hand():
    table = pd.DataFrame({"sex": ["f", "f", None], "x": ["a", "a", "b"]})
    assert k_anonymity(table, ["sex"]) == 1  # not stated is a value of its own
    assert k_anonymity(table, []) == 3
    assert k_anonymity(table.iloc[:0], ["sex"]) == 0
    assert l_diversity(table, ["x"], "sex") == 1
    assert l_diversity(table.iloc[:0], ["x"], "sex") == 0


def test_patterns_of_visits():
    visits = pd.DataFrame({"episode_id": list("aabbcc"), "day": [0, 7, 7, 0, 0, 8]})
    assert unique_patterns(visits) == 1
    assert unique_patterns(visits.assign(day=np.nan)) is None


@pytest.mark.parametrize("seed", range(3))
def test_suggestions_reach_the_threshold(seed):
    steps = suggestions(people(seed, 60), QUASI, INSIDE)
    assert steps
    assert int(steps[-1].rsplit(" ", 1)[1]) >= INSIDE


def test_ages_are_widened_before_they_are_left_out():
    table = pd.DataFrame({"age_band": ["20-29"] * 3 + ["30-39"] * 3})
    assert suggestions(table, ["age_band"], 5) == ["give age_band in bands of twenty years: k is 6"]


def test_nothing_is_suggested_where_nothing_is_needed():
    table = pd.DataFrame({"sex": ["f"] * 5})
    assert suggestions(table, ["sex"], 5) == []


def test_a_study():
    episodes = people(1, 40).assign(episode_id=[f"e{i}" for i in range(40)])
    risk = assess(study_from_tables({"episodes": episodes}))
    quasi = ["age_band", "sex", "condition"]
    assert (risk.n, risk.k) == (40, theirs(anonymity.k_anonymity, episodes, quasi))
    sizes = episodes.groupby(quasi)["episode_id"].transform("size")
    assert (risk.n_unique, risk.n_below) == ((sizes == 1).sum(), (sizes < 5).sum())
    assert set(risk.diversity) == {"end_reason"}
    assert risk.n_unique_patterns is None


def test_courses_whose_days_of_visits_no_other_has_are_counted():
    visits = pd.DataFrame({"episode_id": list("aabbcc"), "session": [1, 2] * 3,
                           "day": [0, 7, 0, 7, 0, 14]})  # fmt: skip
    assert assess(study_from_tables({"sessions": visits})).n_unique_patterns == 1


def test_each_step_leaves_fewest_in_too_small_groups_and_says_what_it_gives():
    table = pd.DataFrame({"age_band": ["20-29"] * 4 + ["60-69"] * 2,
                          "sex": ["f", "f", "m", "m", "f", "f"],
                          "condition": ["neck"] * 6})  # fmt: skip
    assert suggestions(table, ["age_band", "sex", "condition"], 4) == [
        "leave out age_band: k is 2", "then leave out sex: k is 6",
    ]  # fmt: skip
    assert suggestions(table, ["sex"], 3) == ["leave out sex: k is 6"]
    assert suggestions(table.iloc[:0], ["sex"], 3) == []


@pytest.mark.parametrize(
    ("bands", "wider"),
    [(("0-9", "10-19"), "0-19"), (("60-69", "70-79"), "60-79"), (("80-89", "90+"), "80+")],
)
def test_bands_of_twenty_years(bands, wider):
    table = pd.DataFrame({"age_band": [*bands] * 3, "x": 1})
    steps = suggestions(table, ["age_band"], 4)
    assert steps == ["give age_band in bands of twenty years: k is 6"]
    again = suggestions(table.assign(age_band=wider), ["age_band"], 7)
    assert again == ["leave out age_band: k is 6"]  # they are wide already


AGES = {0.0: "0-9", 9.99: "0-9", 10.0: "10-19", 79.5: "70-79", 89.9: "80-89", 90.0: "90+",
        117.0: "90+", -1.0: None, np.nan: None}  # fmt: skip


def test_ages_are_in_bands_of_ten_years_and_the_oldest_together():
    found = age_band(pd.Series(list(AGES), index=range(5, 5 + len(AGES))))
    assert found.tolist() == list(AGES.values())
    assert found.index.tolist() == list(range(5, 5 + len(AGES)))


def days(*dates):
    return pd.Series(
        [(pd.Timestamp(d) - pd.Timestamp("1970-01-01")).days for d in dates], dtype=float
    )


QUARTERS = days("2025-03-31", "2025-01-01", "2025-04-01", "2025-06-30", "2025-12-31")


@pytest.mark.parametrize(
    ("kind", "least", "expected"),
    [
        ("quarter", 2, ["2025-Q1", "2025-Q1", "2025-Q2", "2025-Q2", "2025-Q4"]),  # the last is new
        ("quarter", 3, ["2025"] * 5),
        ("year", 1, ["2025"] * 5),
    ],
)
def test_a_quarter_is_told_where_each_before_the_last_has_enough_courses(kind, least, expected):
    assert periods(QUARTERS, kind, least).tolist() == expected
    gap = periods(pd.concat([QUARTERS, pd.Series([np.nan])], ignore_index=True), kind, least)
    assert gap[:-1].tolist() == expected
    assert pd.isna(gap.iloc[-1])
