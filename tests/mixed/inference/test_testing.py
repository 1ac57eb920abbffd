"""Tests of contrasts: by hand, and what is asked in a way that has no answer."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, t

from outcomes.errors import UsageError
from outcomes.mixed.fit import lmm
from outcomes.mixed.inference.small_sample import Satterthwaite, normal
from outcomes.mixed.inference.testing import (
    METHODS,
    SIDES,
    Inference,
    Null,
    contrast_table,
    joint_test,
    require_level,
)


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(range(20), 4), "arm": np.tile(["a", "b"], 40)})
    data["y"] = rng.normal(size=20)[data.g] + rng.normal(size=80)
    return lmm("y ~ arm + (1 | g)", data)


SIDE = f"side must be one of {', '.join(SIDES)}; got 'both'."
NUMBER = "null must be a finite number, and delta one that is not negative; got another."
ADJUST = f"adjust must be one of {', '.join(METHODS)}, none; got 'fdr'."
ONE_SIDE = "The adjustment 'tukey' is for tests of two sides; got one side or a margin. "
LEVEL = "conf_level must lie between 0 and 1; got another number. 0.95 is 95 %."


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda _: Null(side="both"), SIDE),
        (lambda _: Null(delta=-1.0), NUMBER),
        (lambda _: Null(delta=np.inf), NUMBER),
        (lambda _: Null(value=np.nan), NUMBER),
        (lambda fit: fit.contrasts("arm", adjust="fdr"), ADJUST),
        (lambda fit: fit.contrasts("arm", adjust="tukey", side="less"),
         f"{ONE_SIDE}Use adjust='mvt' or 'holm'."),
        (lambda fit: fit.contrasts("arm", adjust="tukey", delta=1.0),
         f"{ONE_SIDE}Use adjust='mvt' or 'holm'."),
        (lambda fit: fit.tidy(conf_level=1.0), LEVEL),
        (lambda _: require_level(0.0), LEVEL),
        (lambda fit: fit.anova(4), "type must be 1, 2 or 3; got 4."),
        (lambda fit: fit.anova("IV"), "type must be 1, 2 or 3; got 'IV'."),
        (lambda fit: fit.test([[1.0, 0.0], [2.0, 0.0]], null=1.0),
         "Rows that depend on each other can only be tested against zero; got another null value."),
        (lambda fit: fit.robust("arm"),
         "Every grouping factor must lie within the clusters; got levels of g in several clusters "
         "(cluster 'arm'). Use a coarser cluster, such as the clinic."),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_by_name(fit, ask, message):
    with pytest.raises(UsageError) as refused:
        ask(fit)
    assert str(refused.value) == message


VALUES = {
    Null(): (0.0, 0, 1, 1),
    Null(value=1.0, side="greater"): (1.0, 1, 1, 0),
    Null(value=1.0, side="less"): (1.0, -1, 0, 1),
    Null(value=1.0, side="noninferiority", delta=0.5): (0.5, 1, 1, 0),
    Null(value=1.0, side="nonsuperiority", delta=0.5): (1.5, -1, 0, 1),
}


@pytest.mark.parametrize("df", [5.0, np.inf])
@pytest.mark.parametrize("null", VALUES)
def test_one_contrast_by_hand(null, df):
    """Each test has the t statistic of its limit, the tail of its side, and the interval of it."""
    limit, tail, has_low, has_high = VALUES[null]
    known = Satterthwaite(np.eye(1), np.ones((1, 1, 1)), np.array([[2.0 / 5.0]]))
    method = normal(np.eye(1)) if np.isinf(df) else known
    inference = Inference(method, np.array([[0.5]]))
    row = contrast_table(np.array([1.2]), inference, np.array([[2.0]]), 0.9, null, 0.3).iloc[0]
    law = norm if np.isinf(df) else t(df)
    statistic = 2.7 - limit
    p = 2 * law.sf(abs(statistic)) if not tail else law.sf(tail * statistic)
    half = law.ppf(0.9 if tail else 0.95)
    low, high = 2.7 - half if has_low else -np.inf, 2.7 + half if has_high else np.inf
    assert_allclose(row.to_numpy(float), [2.7, 1.0, df, statistic, p, low, high])


@pytest.mark.parametrize("delta", [0.5, 2.0, 4.0])
def test_equivalence_is_two_one_sided_tests(delta):
    """Schuirmann (1987): p is the larger of those of both limits; the interval is that of 95 %."""
    inference = Inference(normal(np.eye(1)), np.eye(1))
    null = Null(1.0, "equivalence", delta)
    row = contrast_table(np.array([2.5]), inference, np.eye(1), 0.95, null).iloc[0]
    each = norm.sf(2.5 - (1.0 - delta)), norm.cdf(2.5 - (1.0 + delta))
    assert_allclose(row["p_value"], max(each))
    assert_allclose([row["conf_low"], row["conf_high"]], 2.5 + norm.ppf([0.025, 0.975]))


def test_a_contrast_without_an_error_has_no_statistic():
    inference = Inference(normal(np.diag([1.0, 0.0])), np.eye(2))
    row = contrast_table(np.array([2.0, 3.0]), inference, np.eye(2)).iloc[1]
    assert row["std_error"] == 0.0
    assert np.isnan([row["statistic"], row["p_value"]]).all()


def test_joint_tests_do_not_depend_on_how_rows_are_written(fit):
    own = Inference(normal(fit.inference.method.covariance), fit.inference.forward)
    beta = fit.estimates.beta  # the df of Fai and Cornelius do depend on it, as in lmerTest
    rows = np.array([[1.0, 0.5], [0.0, 1.0]])
    plain = joint_test(beta, own, rows)
    for other in (np.array([[1.0, 0.0], [0.0, 7.0]]), np.vstack([rows, rows.sum(axis=0)])):
        found = joint_test(beta, own, other)
        assert_allclose([found.statistic, found.df_num, found.p_value],
                        [plain.statistic, 2.0, plain.p_value], rtol=1e-6)  # fmt: skip
    about = beta @ np.array([1.0, 0.5])
    assert_allclose(joint_test(beta, own, rows[:1], null=about).statistic, 0.0, atol=1e-12)
    assert plain.row(term="x") == {
        "term": "x", "df_num": 2.0, "df_den": plain.df_den, "statistic": plain.statistic,
        "p_value": plain.p_value,
    }  # fmt: skip


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_tests_of_terms_do_not_depend_on_the_unit_of_a_number(unit):
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(range(15), 4), "arm": np.tile(["a", "b"], 30)})
    data["x"], data["z"] = rng.normal(size=(2, 60))
    data["y"] = rng.normal(size=15)[data.g] + rng.normal(size=60)
    other = data.assign(x=data.x * unit)
    fits = [lmm("y ~ arm * x + z + (1 | g)", rows) for rows in (data, other)]
    for kind in (1, 2, 3):
        plain, scaled = (fit.anova(kind) for fit in fits)
        assert plain["term"].tolist() == scaled["term"].tolist()
        assert_allclose(scaled.drop(columns="term"), plain.drop(columns="term"), rtol=1e-5)
