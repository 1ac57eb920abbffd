"""What is asked in a wrong way is refused in words before anything is calculated."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import FitError, FormulaError, UsageError

RNG = np.random.default_rng(7)
DATA = pd.DataFrame({"id": np.repeat(range(20), 6), "visit": np.tile(range(1, 7), 20)})
DATA["arm"] = np.array(["A", "B", "C"])[DATA["id"] % 3]
DATA["y"] = RNG.normal(size=20)[DATA["id"]] - 0.3 * DATA["visit"] + RNG.normal(size=120)


@pytest.fixture(scope="module")
def fit():
    return oc.lmm("y ~ arm * visit + (1 | id)", DATA)


KINDS = {
    "lmm REML": (lambda _: oc.lmm("y ~ 1 + (1 | id)", DATA, REML=False), "Did you mean 'reml'"),
    "lmm without data": (lambda _: oc.lmm("y ~ 1 + (1 | id)"), "missing a required argument"),
    "lmm by position": (lambda _: oc.lmm("y ~ 1 + (1 | id)", DATA, False), "too many positional"),
    "reml a word": (lambda _: oc.lmm("y ~ 1 + (1 | id)", DATA, reml="ML"), "reml must be True"),
    "formula a list": (lambda _: oc.lmm(["y ~ 1"], DATA), "formula must be text; got list"),
    "random a word": (lambda f: f.predict(DATA, random="no"), "random must be True or False"),
    "level a word": (lambda f: f.tidy("0.95"), "conf_level must be a number; got str"),
    "level true": (lambda f: f.tidy(True), "conf_level must be a number; got bool"),
    "factor a number": (lambda f: f.emmeans(5), "factor must be text or a list; got int"),
    "at a list": (lambda f: f.emmeans("arm", at=[3]), "at must be a dict or None; got list"),
    "null a word": (lambda f: f.emmeans("arm", null="0"), "null must be a number; got str"),
    "method a list": (lambda f: f.contrasts("arm", [[1, -1, 0]]), "method must be text or a dict"),
    "method empty": (lambda f: f.contrasts("arm", {}), "method must be 'reference'"),
    "twice": (lambda f: f.emmeans(["arm", "arm"]), "named once; got arm, arm"),
    "by itself": (lambda f: f.contrasts("arm", by="arm"), "named once; got arm, arm"),
    "idle reference": (lambda f: f.contrasts("arm", reference="B"), "reference is for method"),
    "weights zero": (lambda f: f.contrasts("arm", {"c": [0, 0, 0]}), "not all zero; got others"),
    "weights nan": (lambda f: f.contrasts("arm", {"c": [1, np.nan, 0]}), "got others"),
    "weights words": (lambda f: f.contrasts("arm", {"c": ["x", 1, 2]}), "got what is no number"),
    "weights one": (lambda f: f.contrasts("arm", {"c": 5}), "got others"),
    "type true": (lambda f: f.anova(True), "type must be a whole number or text; got bool"),
    "group a number": (lambda f: f.random_effects(3), "group must be text or None; got int"),
    "n a fraction": (lambda f: f.bootstrap(2.5, 1), "n must be a whole number; got float"),
    "seed below zero": (lambda f: f.bootstrap(5, -1), "a seed that is not negative"),
    "cluster a column": (lambda f: f.robust(DATA["id"]), "cluster must be text; got Series"),
    "larger no fit": (lambda f: f.compare("y ~ 1"), "larger must be a Fit; got str"),
    "bootstrap a number": (lambda f: f.icc(200), "bootstrap must be a Bootstrap or None; got int"),
    "one mean": (lambda f: f.contrasts("arm", at={"arm": "A"}), "at least two means; got one"),
    "another's draws": (
        lambda f: oc.lmm("y ~ arm + (1 | id)", DATA).icc(f.bootstrap(3, 1)),
        "The bootstrap must be of this fit",
    ),
    "check of what": (lambda f: f.check("residuals"), "check takes nothing"),
}


@pytest.mark.parametrize(("ask", "said"), KINDS.values(), ids=KINDS)
def test_an_argument_of_another_kind_is_refused_by_name(fit, ask, said):
    with pytest.raises(UsageError, match=said):
        ask(fit)


@pytest.mark.parametrize(
    ("part", "said"),
    {
        "1/visit": "must be written as 'I(1 / x)'; got '1/visit'",
        "arm + (1/visit|id)": "must be written as 'I(1 / x)'",
        "ns(visit, df=0)": "ns needs df of at least 1, and knots inside its bounds",
        "ns(visit, df=1, intercept=True)": "ns needs df of at least 2",
        "ns(visit, knots=(50,))": "knots inside its bounds",
        "poly(visit, 0)": "must give at least one column; got none (in 'poly(visit, 0)')",
        "as.factor(visit)": "Write factor(x) for R's as.factor(x)",
        "Arm": "Did you mean 'arm' for 'Arm'?",
        "visit + offset(arm)": "computable on these data; got TypeError (in 'arm')",
        "I(visit > 3 & visit < 5)": "Put each condition in brackets: (a > 1) & (b < 2).",
        "log(visit - 3)": "got 60 of the rows where it is not (log(visit - 3), first in row 1",
    }.items(),
)
def test_a_formula_that_would_mean_something_else_is_refused(part, said):
    with pytest.raises((FormulaError, FitError)) as caught:
        oc.lmm(f"y ~ {part} + (1 | id)", DATA)
    assert said in str(caught.value)


@pytest.mark.parametrize("term", ["I(1 / visit)", "I((visit + 1) / visit)", "log(1 / (1 + visit))"])
def test_a_division_within_a_function_is_a_number(term):
    found = oc.lmm(f"y ~ {term} + (1 | id)", DATA).tidy()["estimate"]
    column = {"I(1": 1 / DATA["visit"], "I((": 1 + 1 / DATA["visit"]}
    own = column.get(term[:3], -np.log1p(DATA["visit"]))
    np.testing.assert_allclose(found, oc.lmm("y ~ x + (1 | id)", DATA.assign(x=own)).estimates.beta)


def test_true_and_false_may_be_written_as_in_r():
    own, theirs = (
        oc.lmm(f"y ~ poly(visit, 2, raw={true}) + (1 | id)", DATA) for true in ("True", "TRUE")
    )
    np.testing.assert_array_equal(own.estimates.beta, theirs.estimates.beta)


def test_rows_to_predict_must_be_finite(fit):
    with pytest.raises(FitError, match=r"infinite values in 1 of the rows \(column 'visit'"):
        fit.predict(DATA.assign(visit=[np.inf, *DATA["visit"][1:]]))
    tiny = fit.predict(DATA.assign(visit=1e-40), random=False)["fitted"]
    zero = fit.predict(DATA.assign(visit=0.0), random=False)["fitted"]
    np.testing.assert_allclose(tiny, zero)


@pytest.mark.parametrize(("name", "own"), {"summary": "tidy()", "AIC": "glance()"}.items())
def test_other_packages_names_are_known(fit, name, own):
    with pytest.raises(AttributeError, match=f"a fit has no '{name}'; here it is fit.{own[:4]}"):
        getattr(fit, name)
    assert not hasattr(fit, "nothing")
    for again in (copy.copy(fit), pickle.loads(pickle.dumps(fit))):
        assert again.loglik == fit.loglik


def test_a_number_held_at_one_value_is_not_tested_and_values_given_twice_count_once(fit):
    held = fit.joint_tests(at={"visit": 5})
    assert held["term"].tolist() == ["arm"]
    means = fit.emmeans("arm", at={"visit": [5.0]})
    weights = [[1, -1, 0], [1, 0, -1]]
    rows = [[1, 0, 0, 5, 0, 0], [1, 1, 0, 5, 5, 0], [1, 0, 1, 5, 0, 5]]
    assert held["statistic"][0] == pytest.approx(fit.test(weights @ np.array(rows))["statistic"][0])
    twice = fit.emmeans("arm", at={"visit": [5.0, 5.0], "arm": ["A", "A", "B", "C"]})
    pd.testing.assert_frame_equal(twice, means)
