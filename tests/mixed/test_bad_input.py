"""Data that cannot carry a model are refused by name, with a remedy and without a value."""

import datetime

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import FitError, FormulaError, UsageError

N = 120


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(20), 6)
    frame = pd.DataFrame(
        {
            "id": person,
            "x": np.tile(np.arange(6.0), 20),
            "arm": np.where(person % 2, "care", "wait"),
            "row": np.arange(N),
            "one": 1,
            "only": "z",
        }
    )
    frame["y"] = 1 + 0.2 * frame.x + rng.normal(size=20)[person] + rng.normal(size=N)
    return frame


FORMULAS = {
    "a typo": ("y ~ xx + (1 | id)", FormulaError, "Did you mean 'x'"),
    "a typo in a group": ("y ~ x + (1 | idd)", FormulaError, "Did you mean 'id'"),
    "no random part": ("y ~ x", FormulaError, "ordinary least squares: statsmodels"),
    "one level": ("y ~ only + (1 | id)", FitError, "at least two levels.*column 'only'"),
    "one group": ("y ~ x + (1 | one)", FitError, "at least two levels.*'one'"),
    "as many groups as rows": ("y ~ x + (1 | row)", FitError, "fewer levels than rows.*'row'"),
    "too many effects": ("y ~ x + (1 + x | row)", FitError, "random effects for 120 rows"),
    "a constant slope": ("y ~ x + (1 + one | id)", FitError, "varies.*'one'"),
    "text as response": ("arm ~ x + (1 | id)", FormulaError, "text.*column 'arm'"),
    "a logarithm of zero": (
        "np.log(x) ~ arm + (1 | id)",
        FitError,
        "20 of the rows where it is not",
    ),
    "a perfect fit": ("y ~ I(2 * y) + (1 | id)", FitError, "reproduces it exactly"),
    "an offset that leaves one number, but for rounding": (
        "y ~ x + offset(y / 3 + 2 * y / 3 + 1) + (1 | id)",
        FitError,
        "a constant response",
    ),
    "an exponential too large": ("y ~ np.exp(30 * x) + (1 | id)", FitError, "a larger one.*exp"),
    "an unknown function": ("y ~ unknown(x) + (1 | id)", FormulaError, "unknown"),
    "R's dot": ("y ~ . + (1 | id)", FormulaError, "a dot for all other columns"),
    "R's names": ("y ~ as.factor(x) + (1 | id)", FormulaError, "no expression of Python"),
    "too few levels": ("y ~ C(x, levels=[0, 1]) + (1 | id)", FormulaError, "levels leave out"),
    "too many columns": ("y ~ C(row) + (1 | id)", FitError, "120 rows for 120 coefficients"),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_that_do_not_fit_the_data(data, name):
    formula, error, message = FORMULAS[name]
    with pytest.raises(error, match=f"(?s){message}"):
        oc.lmm(formula, data)


def at(data, column, value, rows=(7,)):
    return data.assign(**{column: data[column].mask(data.index.isin(rows), value)})


TABLES = {
    "a constant response": (lambda d: d.assign(y=5.0), "same response on every row"),
    "a response constant within groups": (lambda d: d.assign(y=d.id + 0.5), "vary within groups"),
    "an infinite score": (
        lambda d: at(d, "y", np.inf),
        "1 of the rows.*column 'y', first in row 8",
    ),
    "an infinite covariate": (lambda d: at(d, "x", -np.inf), "column 'x'"),
    "a column of missing values": (lambda d: d.assign(x=np.nan), "without any value: 'x'"),
    "no row complete": (
        lambda d: d.assign(x=d.x.mask(d.row < 60), y=d.y.mask(d.row >= 60)),
        "missing value in every row",
    ),
    "an empty table": (lambda d: d.head(0), "empty table"),
    "one patient": (lambda d: d[d.id == 3], "at least two levels"),
    "one session a patient": (lambda d: d.groupby("id").head(1), "fewer levels than rows"),
    "a huge score": (lambda d: d.assign(y=d.y * 1e200), "1e\\+30; got a larger.*column 'y'"),
    "a tiny covariate": (lambda d: d.assign(x=d.x * 1e-120), "1e-30.*a smaller.*column 'x'"),
    "numbers mixed with text": (lambda d: at(d.astype({"x": object}), "x", "six"), "text.*'x'"),
    "lists": (lambda d: d.assign(x=[[1]] * N), "other objects.*column 'x'"),
    "bytes": (lambda d: d.assign(x=b"a"), "got bytes.*column 'x'"),
    "dates as objects": (lambda d: d.assign(x=datetime.date(2020, 1, 1)), "dates.*column 'x'"),
    "months": (lambda d: d.assign(x=pd.Period("2020-01", "M")), "dates.*column 'x'"),
    "a span of time": (lambda d: d.assign(x=pd.Timedelta(1, "D")), "dates.*column 'x'"),
    "a number with 400 digits": (
        lambda d: d.assign(x=pd.Series([10**400] * N, dtype=object)),
        "a larger.*column 'x'",
    ),
    "dates": (lambda d: d.assign(x=pd.Timestamp("2020-01-01")), "dates.*column 'x'"),
    "a column twice": (lambda d: pd.concat([d, d[["x"]]], axis=1), "its own name"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_cannot_carry_a_model(data, name):
    change, message = TABLES[name]
    with pytest.raises(FitError, match=f"(?s){message}"):
        oc.lmm("y ~ x + (1 | id)", change(data))


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
@pytest.mark.parametrize("unit", [1e-29, 1e29])
@pytest.mark.parametrize("term", ["(1 + x | id)", "ar1(x | id)", "(1 | id) + (1 | arm)"])
def test_numbers_of_any_size_that_is_let_through_give_the_same_fit(data, unit, term):
    own = data.assign(big=data.y * unit, small=data.x / unit, x=data.x + 1)
    found = oc.lmm(f"big ~ small + {term}", own).tidy()
    plain = oc.lmm(f"y ~ I(x - 1) + {term}", own).tidy()
    np.testing.assert_allclose(found["estimate"], plain["estimate"] * [unit, unit**2], rtol=1e-5)
    columns = ["df", "statistic"]
    np.testing.assert_allclose(found[columns], plain[columns], rtol=1e-4)


def test_a_slope_with_one_session_a_patient_is_refused_by_its_term(data):
    with pytest.raises(FitError, match=r"40 random effects for 20 rows \(\(1 \+ x \| id\)\)"):
        oc.lmm("y ~ x + (1 + x | id)", data.groupby("id").head(1))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"df": "kr"}, UsageError, "df must be one of"),
        ({"df": "kenward-roger", "reml": False}, UsageError, "needs a REML fit"),
        ({"weights": [1.0, 2.0]}, FitError, "2 for 120 rows"),
        ({"weights": -np.ones(N)}, FitError, "above zero"),
        ({"weights": np.zeros(N)}, FitError, "above zero"),
        ({"weights": np.full(N, 1e40)}, FitError, "a larger one.*column 'weights'"),
        ({"weights": "w"}, FormulaError, "no column 'w'"),
    ],
)
def test_options_that_are_not_known(data, options, error, message):
    with pytest.raises(error, match=message):
        oc.lmm("y ~ x + (1 | id)", data, **options)


@pytest.mark.parametrize("level", [95, 1.0, 0.0, -0.5, np.nan])
@pytest.mark.parametrize("method", ["tidy", "emmeans", "contrasts", "icc", "profile", "predict"])
def test_a_confidence_level_that_is_none(data, method, level):
    fit = oc.lmm("y ~ x + arm + (1 | id)", data)
    given = {"emmeans": ["arm"], "contrasts": ["arm"], "predict": [data, True, "prediction"]}
    with pytest.raises(UsageError, match="conf_level must lie between 0 and 1"):
        getattr(fit, method)(*given.get(method, []), conf_level=level)


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
@pytest.mark.parametrize("random", ["(1 | id) + (1 + x | id)", "(arm || pair)"])
def test_variances_of_which_only_sums_are_known_are_warned_of(data, random):
    pairs = data.assign(pair=data["id"] // 2)
    with pytest.warns(oc.OutcomesWarning, match="Only sums of some variances") as caught:
        fit = oc.lmm(f"y ~ x + {random}", pairs)
    assert {one.filename for one in caught} == {
        __file__
    }  # the reader's own line, not one of the package
    assert "the terms overlap" in str(fit)


@pytest.mark.parametrize("bad", [{"y": [1]}, None, "data.csv"])
def test_something_else_than_a_table(bad):
    with pytest.raises(UsageError, match="data frame of pandas"):
        oc.lmm("y ~ x + (1 | id)", bad)


def test_something_else_than_a_formula(data):
    with pytest.raises(UsageError, match="formula must be text"):
        oc.lmm(5, data)


def test_missing_rows_are_counted_by_column(data):
    gaps = data.assign(
        x=data.x.mask(data.row < 10),
        y=data.y.mask((data.row >= 8) & (data.row < 12)),
        w=np.where(data.row == 119, np.nan, 1.0),
    )
    fit = oc.lmm("y ~ x + (1 | id)", gaps, weights="w")
    assert dict(fit.dropped) == {"x": 10, "y": 4, "w": 1}
    assert fit.glance()["n_dropped"].item() == 13
    assert fit.n_observations == N - 13
    assert list(fit.augment().index) == list(range(12, 119))


def test_an_aliased_column_is_named_and_left_out(data):
    with pytest.warns(oc.OutcomesWarning, match=r"rank deficient.*I\(2 \* x\)"):
        found = oc.lmm("y ~ x + I(2 * x) + arm + (1 | id)", data)
    plain = oc.lmm("y ~ x + arm + (1 | id)", data)
    assert found.aliased_terms == ("I(2 * x)",)
    assert found.glance()["n_aliased"].item() == 1
    pd.testing.assert_frame_equal(found.tidy(), plain.tidy(), rtol=1e-8)
    np.testing.assert_allclose(found.loglik, plain.loglik)


def test_an_empty_cell_leaves_the_others_estimated(data):
    level = np.where(data.arm == "care", "low", np.where(data.x > 2, "low", "high"))
    with pytest.warns(oc.OutcomesWarning, match="not estimated"):
        fit = oc.lmm("y ~ arm * level + (1 | id)", data.assign(level=level))
    assert len(fit.aliased_terms) == 1
    cells = data.assign(level=level).groupby(["arm", "level"])["y"].mean()
    fitted = fit.augment().groupby(["arm", "level"])["fixed_fitted"].mean()
    np.testing.assert_allclose(fitted.loc["care", "low"], cells.loc["care", "low"], rtol=1e-8)


@pytest.mark.parametrize("name", ["pressure_same_visit", "minutes_same_visit", "sessions_attended"])
def test_an_exposure_that_the_score_may_have_caused_is_warned_of(data, name):
    with pytest.warns(oc.ExposureWarning, match=name):
        oc.lmm(f"y ~ {name} + (1 | id)", data.assign(**{name: data.x}))


def test_no_message_shows_a_value(data):
    secret = data.assign(arm="patient 4711", y=np.inf)
    for formula in ("y ~ arm + (1 | id)", "x ~ arm + (1 | id)", "arm ~ x + (1 | id)"):
        with pytest.raises(oc.OutcomesError) as caught:
            oc.lmm(formula, secret)
        assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ C(id) + (1 | id)",
        "y ~ C(id) + (1 | arm)",
        "y ~ arm + (1 | arm) + (1 | id)",
        "y ~ arm + (1 | arm/id)",
        "y ~ C(id) + C(id):x + (0 + x | id)",
    ],
)
def test_a_factor_both_fixed_and_random_is_refused(data, formula):
    with pytest.raises(FitError, match="fixed or random, not both"):
        oc.lmm(formula, data)


@pytest.mark.parametrize("term", ["(1 | twin)", "(1 | arm:id)", "(1 | twin:id)"])
def test_one_grouping_under_two_names_is_left_out_by_name(data, term):
    twin = data.assign(twin=data["id"].map("p{}".format))
    name = term.split("| ")[1].rstrip(")")
    with pytest.warns(oc.OutcomesWarning, match=f"'{name}' groups the rows as 'id' does"):
        fit = oc.lmm(f"y ~ x + (1 | id) + {term}", twin)
    plain = oc.lmm("y ~ x + (1 | id)", data)
    pd.testing.assert_frame_equal(fit.variance_components(), plain.variance_components())


def test_patients_with_one_episode_each_are_one_grouping(data):
    one = data.assign(episode=data["id"] + 100)
    with pytest.warns(oc.OutcomesWarning, match="'id:episode' groups the rows as 'id' does"):
        fit = oc.lmm("y ~ x + (1 | id/episode)", one)
    assert [factor.name for factor in fit.design.factors] == ["id"]


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
def test_an_effect_of_two_terms_with_the_same_groups_is_refused(data):
    twin = data.assign(twin=data["id"].map("p{}".format))
    with pytest.raises(FitError, match="same groups"):
        oc.lmm("y ~ x + (1 | id) + (1 + x | twin)", twin)
    assert len(oc.lmm("y ~ x + (1 | id) + (0 + x | twin)", twin).design.factors) == 2


def test_weights_go_by_label(data):
    weights = pd.Series(np.linspace(0.5, 2.0, N), index=data.index)
    expected = oc.lmm("y ~ x + (1 | id)", data, weights=weights.to_numpy()).tidy()
    for given in (weights, weights[::-1], weights.astype(object), weights.astype("Float64")):
        found = oc.lmm("y ~ x + (1 | id)", data, weights=given).tidy()
        pd.testing.assert_frame_equal(found, expected)
    turned = oc.lmm("y ~ x + (1 | id)", data[::-1], weights=weights).tidy()
    pd.testing.assert_frame_equal(turned, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.set_axis(range(1000, 1000 + N)), "labels of the rows of the data; got other"),
        (lambda w: w.set_axis([0, *range(N - 1)]), "labels that repeat"),
        (lambda w: w.iloc[:-1], "119 for 120 rows"),
        (lambda w: w.to_frame(), "120 by 1 for 120 rows"),
        (lambda w: w.mean(), "one for 120 rows"),
        (lambda w: w.astype(str), "got text"),
        (lambda w: w.where(w.index != 3, 0.0), "zero or a negative number in 1 of the rows"),
    ],
)
def test_weights_that_do_not_belong_to_the_rows(data, change, message):
    weights = pd.Series(1.5, index=data.index)
    with pytest.raises(FitError, match=message):
        oc.lmm("y ~ x + (1 | id)", data, weights=change(weights))


def test_a_covariate_may_be_called_weights(data):
    gap = data.assign(weights=data["x"].mask(data["row"] == 5))
    fit = oc.lmm("y ~ weights + (1 | id)", gap, weights=np.ones(N))
    assert dict(fit.dropped) == {"weights": 1}
