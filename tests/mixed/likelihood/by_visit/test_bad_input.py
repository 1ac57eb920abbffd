"""What a residual covariance cannot be fitted to is said; there is never a plausible number."""

import numpy as np
import pandas as pd
import pytest

from outcomes.errors import FitError, FormulaError, UsageError
from outcomes.mixed.fit import lmm
from outcomes.mixed.likelihood.by_visit.model import make_model, start_values
from outcomes.mixed.reading.design import build_design
from outcomes.mixed.reading.formula import parse_formula


@pytest.fixture
def data(courses):
    frame = courses(n=20, visits=4, missing=0.1)
    words = np.array(["visit 1", "visit 9", "visit 10", "visit 11"])
    return frame.assign(
        half=frame["visit"] + 0.5,
        word=words[frame["visit"] - 1],
        odd=frame["visit"].where(frame["visit"] < 4),
    )


CASES = {
    "ou of text": ("ou(word | episode_id)", FitError, "ou needs days or weeks as a number"),
    "no such days": ("ou(days | episode_id)", FormulaError, "Did you mean 'day'"),
    "a kind not here": (
        "toep(visit | episode_id)",
        FormulaError,
        "Kinds of residual covariance: us, csh",
    ),
    "decimals": ("ar1(half | episode_id)", FitError, "numbers with decimals.*use ou"),
    "misordered text": ("ar1(word | episode_id)", FitError, "sorts otherwise.*ordered Categorical"),
    "level twice": ("cs(visit | episode_id) + (1 | episode_id)", FitError, "tell.*variance"),
    "level within us": (
        "us(visit | episode_id) + (1 | episode_id)",
        FitError,
        "Leave a random term out",
    ),
    "strata that are patients": (
        "us(visit | episode_id / visit)",
        FitError,
        r"4 for 4 visits \(stratum 1 of 20\)",
    ),
}


@pytest.mark.parametrize(("term", "error", "words"), CASES.values(), ids=CASES)
def test_refused_by_name(term, error, words, data):
    with pytest.raises(error, match=words):
        lmm(f"score ~ arm + {term}", data)


def test_repeated_visits_are_counted(data):
    twice = pd.concat([data, data.head(3)])
    with pytest.raises(FitError, match=r"at most once.*a repeat in 3 of the rows") as caught:
        lmm("score ~ arm + us(visit | episode_id)", twice)
    assert str(data["episode_id"].iloc[0]) not in str(caught.value)


def test_more_visits_than_patients(courses):
    data = courses(n=6, visits=8, missing=0.0)
    with pytest.raises(FitError, match=r"6 for 8 visits.*csh, ar1h, cs or ar1"):
        lmm("score ~ us(visit | episode_id)", data)


def test_visits_that_no_patient_has_both(courses):
    data = courses(n=40, visits=3, missing=0.0)
    early = data["episode_id"] < "e0020"
    data = data[~(early & data["visit"].eq(3)) & ~(~early & data["visit"].eq(1))]
    with pytest.raises(FitError, match="the covariance of 1 and 3"):
        lmm("score ~ us(visit | episode_id)", data)


def test_one_score_a_patient_has_no_correlation(data):
    with pytest.raises(FitError, match="cannot tell the residual correlation"):
        lmm("score ~ arm + ar1(visit | episode_id)", data.drop_duplicates("episode_id"))


def test_two_visits_cannot_carry_a_level_and_a_correlation(courses):
    data = courses(n=30, visits=2, missing=0.0)
    with pytest.raises(FitError, match="tell the parameters of the covariance apart"):
        lmm("score ~ arm + ar1(visit | episode_id) + (1 | episode_id)", data)


def test_a_visit_nobody_has_is_no_parameter(courses):
    data = courses(n=30, visits=4, missing=0.0)
    data["visit"] = pd.Categorical(data["visit"], [1, 2, 3, 4, 5])
    fit = lmm("score ~ arm + us(visit | episode_id)", data)
    assert fit.glance()["n_parameters"].iloc[0] == 2 + 10


def test_missing_times_are_dropped_and_counted(data):
    fit = lmm("score ~ arm + cs(odd | episode_id)", data)
    assert fit.dropped == {"odd": int(data["odd"].isna().sum())}


def test_a_start_that_is_not_positive_definite_is_repaired(courses):
    data = courses(n=12, visits=6, missing=0.45, rho=0.95, seed=5)
    design = build_design(parse_formula("score ~ us(visit | episode_id)"), data)
    model = make_model(design, True)
    structure = model.strata[0].structure
    R = structure.covariances(start_values(model), structure.visits[None])[0]
    assert np.linalg.eigvalsh(R)[0] > 0.0


def test_kenward_roger_is_refused_where_it_is_not_defined(data):
    data = data.assign(helper=np.arange(len(data)) % 4)
    with pytest.raises(UsageError, match="Kenward-Roger needs patients that are independent"):
        lmm("score ~ arm + ar1(visit | episode_id) + (1 | helper)", data, df="kenward-roger")
    with pytest.raises(UsageError, match="needs a REML fit"):
        lmm("score ~ arm + ar1(visit | episode_id)", data, df="kenward-roger", reml=False)


def test_too_many_effects_across_patients(courses):
    data = courses(n=400, visits=3, missing=0.0)
    data["pair"] = pd.factorize(data["episode_id"])[0] // 2 * 10 + data["visit"]
    with pytest.raises(FitError, match="at most 500; got 600"):
        lmm("score ~ arm + (1 | pair) + ar1(visit | episode_id)", data)


def test_a_likelihood_without_a_maximum_is_an_error(serial):
    formula = "improvement ~ arm * time + baseline + us(visit | arm / episode_id)"
    with pytest.raises(FitError, match=r"shrinks to nothing.*too few"):
        lmm(formula, serial, reml=False)


@pytest.mark.parametrize("kind", ["ar1(visit", "ou(day", "ar1h(visit", "cs(visit"])
@pytest.mark.parametrize("level", ["", " + (1 | episode_id)"])
def test_a_response_that_is_reproduced_exactly(data, kind, level):
    if kind == "cs(visit" and level:
        return  # refused before: see "level twice"
    data["score"] = 2.0 + 3.0 * data["day"] + pd.factorize(data["episode_id"])[0] % 7
    with pytest.raises(FitError, match=r"reproduce every score|shrinks to nothing"):
        lmm(f"score ~ day + {kind} | episode_id){level}", data)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_the_unit_of_time_does_not_make_a_fit_singular(courses, unit):
    data = courses(n=60, rho=0.7)
    fit = lmm("score ~ arm + ou(late | episode_id)", data.assign(late=data["day"] * unit))
    assert not fit.is_singular
