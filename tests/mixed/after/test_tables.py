"""The tables of a fit have the columns that are promised, and agree with one another."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import SingularFitWarning, UsageError


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(12)
    person = np.repeat(np.arange(24), 5)
    frame = pd.DataFrame(
        {
            "id": [f"e{i:02}" for i in person],
            "care": person // 4,
            "x": np.tile(np.arange(5.0), 24),
            "arm": np.where(person % 2, "care", "wait"),
            "n": rng.uniform(1, 3, 120),
        },
        index=range(1000, 1120),
    )
    frame["y"] = 2 + frame.x * 0.4 + rng.normal(size=24)[person] + rng.normal(size=120)
    frame["y"] += 0.4 * rng.normal(size=24)[person] * frame.x.to_numpy()
    return frame


@pytest.fixture(scope="module")
def fit(data):
    return oc.lmm("y ~ x * arm + (1 + x | id) + (1 | care)", data)


def test_tidy(fit):
    table = fit.tidy()
    assert list(table) == [
        *("term", "estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"),
    ]
    assert list(table.term) == ["Intercept", "x", "arm[T.wait]", "x:arm[T.wait]"]
    np.testing.assert_allclose(table.statistic, table.estimate / table.std_error)
    wide, narrow = fit.tidy(0.99), fit.tidy(0.5)
    assert (wide.conf_low < narrow.conf_low).all()
    assert (wide.conf_high > narrow.conf_high).all()


def test_interval_and_p_value_agree(fit):
    for p_value in fit.tidy().p_value:
        row = fit.tidy(1 - p_value).set_index("p_value").loc[p_value]
        np.testing.assert_allclose(min(abs(row.conf_low), abs(row.conf_high)), 0, atol=1e-8)


def test_glance(fit):
    row = fit.glance()
    assert len(row) == 1
    assert row["n_observations"].item() == 120
    assert row["n_id"].item() == 24
    assert row["n_care"].item() == 6
    assert row["n_parameters"].item() == 4 + 4 + 1
    np.testing.assert_allclose(row["aic"], -2 * row["loglik"] + 2 * 9)
    np.testing.assert_allclose(row["bic"], -2 * row["loglik"] + np.log(120) * 9)


def test_variance_components(fit):
    table = fit.variance_components()
    assert list(table) == ["group", "term_1", "term_2", "variance", "sd_or_corr"]
    assert list(table.group) == ["id", "id", "id", "care", "residual"]
    assert list(table.term_2) == ["", "", "x", "", ""]
    first, second, cross = (table.iloc[i] for i in range(3))
    np.testing.assert_allclose(
        cross.variance, cross.sd_or_corr * first.sd_or_corr * second.sd_or_corr
    )
    assert table.iloc[-1].sd_or_corr == fit.estimates.sigma


def test_augment_keeps_the_rows_and_adds_up(fit, data):
    table = fit.augment()
    assert list(table.index) == list(data.index)
    np.testing.assert_allclose(table.fitted + table.residual, data.y)
    effects = fit.random_effects("id").pivot_table(index="level", columns="term", values="estimate")
    care = fit.random_effects("care").set_index("level").estimate
    by_hand = table.fixed_fitted + effects.loc[data.id, "Intercept"].to_numpy()
    by_hand += effects.loc[data.id, "x"].to_numpy() * data.x + care.loc[data.care].to_numpy()
    np.testing.assert_allclose(table.fitted, by_hand)


def test_fixed_residuals_are_orthogonal_in_the_metric_of_the_model(data):
    """X'V^-1(y - X beta) = 0: with a random intercept only, residuals sum to zero."""
    table = oc.lmm("y ~ x + (1 | id)", data).augment()
    np.testing.assert_allclose(table.residual.sum(), 0, atol=1e-8)


def test_random_effects_name_the_factor_in_either_order(data):
    fit = oc.lmm("y ~ x + (1 | arm:care)", data)
    one, other = fit.random_effects("arm:care"), fit.random_effects("care:arm")
    pd.testing.assert_frame_equal(one, other)
    assert one.level[0] == "care:0"
    with pytest.raises(oc.UsageError, match="Known: arm:care"):
        fit.random_effects("id")


def test_random_effects_need_a_name_where_there_are_two(fit):
    with pytest.raises(oc.UsageError, match="Known: id, care"):
        fit.random_effects()


def test_offset_moves_the_fitted_values(data):
    fit = oc.lmm("y ~ x + offset(n) + (1 | id)", data)
    plain = oc.lmm("z ~ x + (1 | id)", data.assign(z=data.y - data.n))
    pd.testing.assert_frame_equal(fit.tidy(), plain.tidy())
    np.testing.assert_allclose(fit.augment().fitted, plain.augment().fitted + data.n)
    np.testing.assert_allclose(fit.loglik, plain.loglik)


def test_hypotheses_by_name_by_row_and_jointly(fit):
    table = fit.tidy().set_index("term")
    one = fit.test({"x": 1})
    np.testing.assert_allclose(one.estimate, table.loc["x", "estimate"])
    np.testing.assert_allclose(one.df, table.loc["x", "df"])
    both = fit.test({"x": 1, "x:arm[T.wait]": 1})
    pd.testing.assert_frame_equal(both, fit.test([0, 1, 0, 1]))
    joint = fit.test([[0, 1, 0, 0], [0, 0, 0, 1]])
    assert list(joint) == ["term", "df_num", "df_den", "statistic", "p_value"]
    dependent = fit.test([[0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]])
    np.testing.assert_allclose(dependent.df_num, 2)
    np.testing.assert_allclose(dependent.statistic, joint.statistic)


def test_a_joint_test_of_one_row_is_the_t_test(fit):
    row = fit.test({"x": 1}).iloc[0]
    found = fit.anova().set_index("term").loc["x:arm"]
    t = fit.tidy().set_index("term").loc["x:arm[T.wait]"]
    np.testing.assert_allclose(found.statistic, t.statistic**2)
    np.testing.assert_allclose(found.df_den, t.df)
    np.testing.assert_allclose(found.p_value, t.p_value)
    assert row.term == "x"


@pytest.mark.parametrize(
    ("hypothesis", "message"),
    [({"xx": 1}, "Did you mean x"), ([1, 0], "4 columns"), ({"zzz": 1}, "Terms: Intercept")],
)
def test_hypotheses_that_name_nothing(fit, hypothesis, message):
    with pytest.raises(oc.UsageError, match=message):
        fit.test(hypothesis)


@pytest.mark.parametrize("kind", [0, 4, "IV"])
def test_anova_knows_three_types(fit, kind):
    with pytest.raises(oc.UsageError, match="1, 2 or 3"):
        fit.anova(kind)


def test_normal_inference_has_infinite_df(data):
    table = oc.lmm("y ~ x + (1 | id)", data, df="normal").tidy()
    assert np.isinf(table.df).all()
    np.testing.assert_allclose(
        table.conf_high - table.estimate, 1.959963984540054 * table.std_error
    )


@pytest.mark.parametrize(
    ("hypothesis", "message"),
    [
        ("nosuch", "A hypothesis names estimated terms; got 'nosuch'"),
        ([1.0, 2.0], "got 2 columns"),
        (np.zeros((2, 2, 2)), "got 2 columns"),
        ([["a", "b"]], "got something else"),
        ({"x": "one"}, "got something else"),
        ({}, "not all zero"),
        ({"x": np.nan}, "finite numbers"),
        ([], "got 0 columns"),
    ],
)
def test_something_else_than_a_hypothesis(fit, hypothesis, message):
    with pytest.raises(UsageError, match=message):
        fit.test(hypothesis)


def test_a_term_by_itself_is_a_hypothesis(fit):
    pd.testing.assert_frame_equal(fit.test("x"), fit.test({"x": 1.0}))


def test_a_hypothesis_against_another_value_is_that_of_the_shifted_estimate(fit):
    found, plain = fit.test("x", null=0.3).iloc[0], fit.test("x").iloc[0]
    assert found["statistic"] == pytest.approx((plain["estimate"] - 0.3) / plain["std_error"])
    joint = [[0, 1, 0, 0], [0, 0, 0, 1]]
    with pytest.raises(UsageError, match="two sides"):
        fit.test(joint, side="greater")
    one = fit.test([[0, 1, 0, 0], [0, 1, 0, 0]])
    assert one["statistic"].item() == pytest.approx(plain["statistic"] ** 2)
    with pytest.raises(UsageError, match="depend on each other"):
        fit.test([[0, 1, 0, 0], [0, 1, 0, 0]], null=1.0)


def test_variances_of_zero_are_zero_and_have_no_correlation():
    scores = np.tile([1.0, -1.0, 0.5, -0.5, 2.0, -2.0], 12)
    data = pd.DataFrame({"g": np.repeat(range(12), 6), "t": np.tile(range(6), 12), "y": scores})
    data["y"] += 0.01 * np.random.default_rng(2).normal(size=72)
    with pytest.warns(SingularFitWarning):
        fit = oc.lmm("y ~ t + (1 + t | g)", data)
    found = fit.variance_components().set_index(["term_1", "term_2"])["sd_or_corr"]
    assert found["Intercept", ""] == found["t", ""] == 0.0
    assert np.isnan(found["Intercept", "t"])
    assert (fit.random_effects()["estimate"] == 0.0).all()
