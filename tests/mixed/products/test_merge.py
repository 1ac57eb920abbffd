"""Products of parts add up to those of all rows, and give the fit of all rows."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import outcomes as oc
from outcomes.errors import FitError, FormulaError
from outcomes.mixed.likelihood.elimination import eliminate
from outcomes.mixed.likelihood.working import make_working
from outcomes.mixed.products.agreed import agree, merge_surveys, survey
from outcomes.mixed.products.pieces import cut_rows
from outcomes.mixed.products.products import (
    fit_parts,
    fit_products,
    merge,
    merge_all,
    products_of,
    staged,
)
from outcomes.mixed.reading.design import build_design
from outcomes.mixed.reading.formula import parse_formula
from outcomes.mixed.record import Request

pytestmark = pytest.mark.filterwarnings("ignore::outcomes.errors.SingularFitWarning")

FULL = (
    "y ~ kind * cr(t, df=3, constraints='center') + base + (1 + t | course) + (1 | patient)"
    " + (1 | care) + (0 + t | care)"
)

ALL_KINDS = "y ~ t + (1 + t | course) + (1 | patient) + (1 | care) + (0 + t | care)"
"""Courses added up by pattern and courses kept one by one, a unit, and crossed effects."""


def rows(n_courses=150, seed=3):
    rng = np.random.default_rng(seed)
    visits = rng.integers(1, 8, n_courses)
    course = np.repeat(np.arange(n_courses), visits)
    t = np.concatenate([np.arange(1.0, k + 1) for k in visits])
    patient = np.where(rng.random(n_courses) < 0.2, rng.integers(0, n_courses, n_courses), 0)
    patient = np.where(patient > 0, patient, np.arange(n_courses))[course]
    kind = np.array(list("abc"))[rng.integers(0, 3, n_courses)][course]
    care = rng.integers(0, 6, n_courses)[course]
    care = np.where(rng.random(len(t)) < 0.2, rng.integers(0, 6, len(t)), care)
    base = rng.integers(2, 10, n_courses).astype(float)[course]
    frame = pd.DataFrame(
        {"course": course, "patient": patient, "kind": kind, "care": care, "base": base, "t": t}
    )
    frame["y"] = (
        0.3 * t + (kind == "b") + rng.normal(size=n_courses)[course]
        + 0.2 * t * rng.normal(size=n_courses)[course] + 0.6 * rng.normal(size=6)[care]
        + rng.normal(size=len(t))
    )  # fmt: skip
    return frame


def request(formula, reml=True, df="satterthwaite"):
    return Request(formula, reml, df, False)


def in_parts(frame, cuts):
    """Cut the courses of a table at the places named."""
    return [frame[(frame["course"] >= a) & (frame["course"] < b)]
            for a, b in zip([0, *cuts], [*cuts, frame["course"].max() + 1], strict=True)
            if a < b]  # fmt: skip


def agreed_on(formula, parts):
    parsed = parse_formula(formula)
    return agree(parsed, merge_surveys(survey(parsed, part) for part in parts))


def eliminated(products, factors):
    """Return what a likelihood asks of products, with derivatives along a direction."""
    random = np.random.default_rng(1)
    lam = [np.tril(random.normal(size=(factor.q, factor.q))) for factor in factors]
    found = eliminate(products, lam, [L + L.T for L in lam])
    return [np.asarray(part) for part in (found.log_det, found.S, *found.H, *found.T)]


def assert_close(left, right):
    for a, b in zip(left, right, strict=True):
        for one, other in ((a.real, b.real), (a.imag, b.imag)):
            assert abs(one - other).max() <= 1e-10 * abs(other).max()


def assert_same(left, right):
    assert left.n == right.n
    assert set(left.labels) == set(right.labels)
    assert left.patterns.count.sum() + len(left.own) == len(left.labels)
    assert_close(*(eliminated(staged(one), one.agreed.factors) for one in (left, right)))


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 79), max_size=5, unique=True), seed=st.integers(0, 50))
def test_products_of_parts_are_those_of_all_rows_whatever_the_cut_and_the_order(cuts, seed):
    frame = rows(80, seed)
    parts = in_parts(frame, sorted(cuts))
    agreed = agreed_on(ALL_KINDS, parts)
    made = [products_of(agreed, part) for part in parts if len(part)]
    whole = products_of(agreed, frame)
    assert_same(merge_all(made), whole)
    assert_same(merge_all(made[::-1]), whole)
    if len(made) > 2:
        a, b, c = made[:3]
        assert_same(merge(merge(a, b), c), merge(a, merge(b, c)))
        assert_same(merge(a, b), merge(b, a))


FORMULAS = [
    FULL,
    ALL_KINDS,
    "y ~ cr(t, df=3, constraints='center') + (1 + t | course) + (1 | patient)",
    "y ~ kind * C(t) + (1 | course)",
    "y ~ kind + t + base + (1 + t || course) + (1 | care)",
    "y ~ 0 + kind + I(t**2) + np.log(t) + (0 + t | course) + (1 | care)",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_a_fit_of_parts_is_the_fit_of_all_rows(formula, df):
    frame = rows()
    whole = oc.lmm(formula, frame, df=df)
    found = fit_parts(request(formula, df=df), lambda: in_parts(frame, [20, 21, 90]))
    np.testing.assert_allclose(found.loglik, whole.loglik, rtol=1e-11)
    own, other = found.bound(type(whole)).tidy(), whole.tidy()
    assert own["term"].tolist() == other["term"].tolist()
    for name in ("estimate", "std_error", "df"):
        np.testing.assert_allclose(own[name], other[name], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found.estimates.theta, whole.estimates.theta, atol=1e-6)
    assert found.n_observations == len(frame)


@pytest.mark.parametrize("slope", ["1 + kind", "0 + kind", "1 + late"])
def test_slopes_of_words_are_fitted_with_all_rows_however_many(monkeypatch, slope):
    frame = rows(120)
    frame["late"] = frame["t"] > 3
    formula = f"y ~ t + ({slope} | care)"
    whole = oc.lmm(formula, frame)
    monkeypatch.setattr("outcomes.mixed.fit.MANY_ROWS", 100)
    pd.testing.assert_frame_equal(oc.lmm(formula, frame).tidy(), whole.tidy())


def test_courses_added_up_beside_a_unit_and_crossed_effects_give_the_fit_of_all_rows():
    frame = rows(1500)
    parts = list(cut_rows(frame, "course", 1000))
    agreed = agreed_on(ALL_KINDS, parts)
    assert merge_all(products_of(agreed, part) for part in parts).patterns.count.sum() > 500
    whole = oc.lmm(ALL_KINDS, frame)
    found = fit_parts(request(ALL_KINDS), lambda: parts)
    np.testing.assert_allclose(found.loglik, whole.loglik, rtol=1e-12)
    own, other = found.bound(type(whole)).tidy(), whole.tidy()
    for name in ("estimate", "std_error", "df"):
        np.testing.assert_allclose(own[name], other[name], rtol=1e-7)


def test_repeated_visits_beside_crossed_effects_are_added_up_in_memory_too():
    frame = rows(2500)
    formula = "y ~ kind + t + (1 + t | course) + (1 | care) + (0 + t | care)"
    design = build_design(parse_formula(formula), frame)
    found, single = (make_working(design, patterns=p).products for p in (True, False))
    assert found.stages[0].within is not None
    assert single.stages[0].within is None
    assert_close(*(eliminated(one, design.factors) for one in (found, single)))


def test_maximum_likelihood_and_incomplete_rows():
    frame = rows()
    frame.loc[frame.index % 7 == 0, "base"] = np.nan
    formula = "y ~ base + t + (1 + t | course) + (1 | care)"
    whole = oc.lmm(formula, frame, reml=False)
    found = fit_parts(request(formula, reml=False), lambda: in_parts(frame, [60]))
    np.testing.assert_allclose(found.estimates.beta, whole.estimates.beta, rtol=1e-9)
    assert found.dropped == whole.dropped
    assert found.design.frame.n_dropped + found.n_observations == len(frame)


def test_aliased_columns_are_left_out_by_the_same_names():
    frame = rows().assign(again=lambda d: 2 * d["base"] - 1)
    formula = "y ~ base + again + t + (1 | course)"
    with pytest.warns(oc.errors.OutcomesWarning, match="rank deficient; not estimated: again"):
        found = fit_parts(request(formula), lambda: in_parts(frame, [60]))
    assert found.aliased_terms == ("again",)


def test_levels_keep_their_declared_order_whatever_a_part_has_of_them():
    frame = rows(60)
    order = pd.CategoricalDtype(["c", "unused", "a", "b"])
    frame["kind"] = frame["kind"].where(frame["course"] < 30, "a").astype(order)
    formula = "y ~ kind + (1 | course)"
    found = fit_parts(request(formula), lambda: in_parts(frame, [30]))
    assert found.estimates.terms == oc.lmm(formula, frame).estimates.terms


def test_a_patient_whose_courses_lie_in_two_parts_is_one_patient():
    frame = rows(40)
    frame["patient"] = frame["course"] % 20  # course 3 and course 23 are of one patient
    formula = "y ~ t + (1 | course) + (1 | patient)"
    found = fit_parts(request(formula), lambda: in_parts(frame, [20]))
    np.testing.assert_allclose(found.loglik, oc.lmm(formula, frame).loglik, rtol=1e-12)


def test_a_course_in_two_parts_is_refused_by_name():
    frame = rows(40)
    cut = int(np.flatnonzero(frame["course"].duplicated())[50])
    parts = [frame.iloc[:cut], frame.iloc[cut:]]
    agreed = agreed_on("y ~ t + (1 | course)", parts)
    with pytest.raises(FitError, match="1 level in several parts"):
        merge(*[products_of(agreed, part) for part in parts])


def test_a_part_that_is_there_twice_and_one_that_is_missing_are_refused():
    frame = rows(40)
    parts = in_parts(frame, [20])
    agreed = agreed_on("y ~ t + (1 | course)", parts)
    one, other = [products_of(agreed, part) for part in parts]
    with pytest.raises(FitError, match="Write each course into one part, each part once"):
        merge(merge(one, other), one)
    with pytest.raises(FitError, match=re.escape(f"{one.n} of {len(frame)} rows")):
        fit_products(request("y ~ t + (1 | course)"), one)


def test_groups_are_packed_without_loss_and_equal_ones_stand_once():
    formula = "y ~ kind * t + (1 + t | course) + (1 + t | care)"
    parts = in_parts(rows(90), [30, 60])
    made = [products_of(agreed_on(formula, parts), part) for part in parts]
    held = merge_all(made).groups
    every = held.stage(np.arange(len(held.kind)))
    apart = [own.groups.stage(np.arange(len(own.groups.kind))) for own in made]
    np.testing.assert_array_equal(every.B, np.concatenate([own.B for own in apart], axis=-1))
    np.testing.assert_array_equal(every.A, np.concatenate([own.A for own in apart], axis=-1))
    alike = np.vstack([every.A.reshape(4, -1), every.B[:, :-1].reshape(2 * 6, -1)])
    assert held.like.A.shape[-1] == len(np.unique(alike, axis=1).T) < len(held.kind)


def test_products_do_not_grow_with_repeated_visits():
    many = rows(2000, 5)
    formula = "y ~ cr(t, df=3, constraints='center') + (1 + t | course)"
    few = many[many["course"] < 500]
    sizes = []
    for frame in (few, many):
        parts = list(cut_rows(frame, "course", 300))
        sizes.append(merge_all(products_of(agreed_on(formula, parts), p) for p in parts))
    for found in sizes:
        q, m, _ = found.groups.like.B.shape
        assert found.patterns.A.shape[-1] == 7
        assert len(found.own) <= 7 * q * m


@pytest.mark.parametrize(
    "formula",
    ["y ~ t + us(t | course)", "y ~ t + offset(base) + (1 | course)",
     "y ~ scale(t) + (1 | course)", "y ~ bs(t, df=4) + (1 | course)",
     "y ~ t + (1 + np.log(t) | course)", "y ~ t + (1 + kind | course)"],
)  # fmt: skip
def test_what_does_not_add_up_is_refused(formula):
    with pytest.raises(FormulaError, match="parts"):
        fit_parts(request(formula), lambda: in_parts(rows(40), [20]))


@pytest.mark.parametrize("what", ["X", "y", "fitted", "rows"])
def test_a_fit_of_parts_says_that_it_kept_no_rows(what):
    found = fit_parts(request("y ~ t + (1 | course)"), lambda: in_parts(rows(40), [20]))
    with pytest.raises(FitError, match="needs the rows"):
        len(getattr(found, what))


def test_no_parts_and_a_constant_response_are_refused():
    frame = rows(40)
    with pytest.raises(FitError, match="A model needs rows"):
        fit_parts(request("y ~ t + (1 | course)"), list)
    for y in (1.0, frame["course"] * 1.0):
        with pytest.raises(FitError, match="must vary"):
            fit_parts(request("y ~ t + (1 | course)"), lambda y=y: [frame.assign(y=y)])


def test_rows_are_cut_between_courses_in_any_order():
    frame = rows(60).sample(frac=1.0, random_state=1)
    parts = list(cut_rows(frame, "course", 25))
    assert len(parts) > 5
    assert sum(len(part) for part in parts) == len(frame)
    seen = [set(part["course"]) for part in parts]
    assert sum(map(len, seen)) == frame["course"].nunique()
