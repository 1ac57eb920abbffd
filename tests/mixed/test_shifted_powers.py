"""Powers of a year: what does not depend on where years are counted from is the same.

The part of the cube of a year that its lower powers do not determine is 1e-7 of it; covariances of
such coefficients have lost all digits of what they are combined to.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from outcomes.errors import OutcomesWarning
from outcomes.mixed.fit import lmm

FORMULA = "score ~ {0} + I({0}**2) + I({0}**3) + clinic + (1 | patient)"
METHODS = ["satterthwaite", "kenward-roger", "normal", "robust"]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(11)
    patient = np.repeat(np.arange(30), 5)
    data = pd.DataFrame({"patient": patient, "since": rng.uniform(-13.0, 12.0, len(patient))})
    data["year"] = 2015.0 + data["since"]
    data["clinic"] = np.array(list("abc"))[rng.integers(0, 3, len(data))]
    curve = 0.1 * data["since"] + 0.001 * data["since"] ** 3
    data["score"] = curve + rng.normal(size=30)[patient] + rng.normal(size=len(data))
    return data


@pytest.fixture(scope="module")
def pair(rows):
    def fits(method):
        df = "satterthwaite" if method == "robust" else method
        found = [lmm(FORMULA.format(time), rows, df=df) for time in ("since", "year")]
        return [fit.robust("patient") for fit in found] if method == "robust" else found

    return fits


def alike(one, other):
    for name in one.select_dtypes("number"):
        assert_allclose(other[name], one[name], rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_means_contrasts_and_predictions(pair, rows, method):
    since, year = pair(method)
    alike(since.emmeans("clinic"), year.emmeans("clinic"))
    alike(since.contrasts("clinic"), year.contrasts("clinic"))
    for interval in ("confidence", "prediction"):
        alike(*(f.predict(rows, interval=interval, random=False) for f in (since, year)))
    alike(*(f.predict(rows, interval="prediction") for f in (since, year)))


@pytest.mark.parametrize("kind", ["I", "II", "III"])
def test_tests_of_terms(pair, kind):
    since, year = (fit.anova(type=kind).set_index("term") for fit in pair("satterthwaite"))
    alike(since.loc[["clinic"]], year.loc[["clinic"]])


def test_a_joint_test_of_rows_of_very_different_size(pair):
    """A clinic's difference beside the mean in 2017, whose row holds 8e9."""
    since, year = pair("satterthwaite")
    difference = np.eye(6)[4]
    rows = [np.array([difference, [1.0, t, t**2, t**3, 0.0, 0.0]]) for t in (2.0, 2017.0)]
    found = year.test(rows[1])
    assert found["df_num"].item() == 2
    alike(since.test(rows[0]), found)


def test_dropping_the_random_term(rows):
    """The logarithm of |X'X| is the same too: columns change by a triangle of ones."""
    since, year = (lmm(FORMULA.format(t), rows).ranova() for t in ("since", "year"))
    alike(since, year)


def test_shares_of_variance_and_influence(pair):
    since, year = pair("satterthwaite")
    alike(since.r2(), year.r2())
    alike(since.icc(), year.icc())
    for refit in (False, True):
        names = ["n_observations", "cooks_distance", "covratio"]
        alike(*(f.influence("patient", refit=refit)[names] for f in (since, year)))


def test_what_is_not_estimable(rows):
    """A switch that is one in clinic b alone: no mean of a clinic is told apart from it."""
    rows = rows.assign(switch=(rows["clinic"] == "b").astype(float))
    for time in ("since", "year"):
        formula = FORMULA.format(time).replace("clinic", "switch + clinic")
        with pytest.warns(OutcomesWarning, match="not estimated: clinic"):
            fit = lmm(formula, rows)
        means = fit.emmeans("clinic")
        assert means["estimate"].isna().all()
        assert (means["note"] == "not estimable: columns are aliased").all()


def test_a_row_that_breaks_what_the_rows_had_in_common_has_no_prediction(rows):
    """The switch is one in clinic b alone: its effect is told from the clinic's in no other row."""
    rows = rows.assign(switch=(rows["clinic"] == "b").astype(float))
    with pytest.warns(OutcomesWarning, match="not estimated"):
        fit = lmm(FORMULA.format("year").replace("clinic", "switch + clinic"), rows)
    new = pd.DataFrame({"year": 2016.0, "clinic": ["a", "b", "c", "a"], "switch": [0, 1, 0, 1.0]})
    with pytest.warns(OutcomesWarning, match="1 of the rows"):
        found = fit.predict(new, random=False, interval="confidence")
    assert found.isna().all(axis=1).tolist() == [False, False, False, True]
    assert found.iloc[:3].notna().all(axis=None)
