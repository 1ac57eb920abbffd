"""Columns built from factors are the formula library's own."""

import numpy as np
import pandas as pd
import pytest
from formulaic import Formula

from outcomes.errors import FormulaError
from outcomes.mixed.reading.columns import build_columns
from outcomes.mixed.reading.design import build_design, design_matrix
from outcomes.mixed.reading.formula import parse_formula
from outcomes.mixed.reading.frame import model_frame

EXPRESSIONS = [
    "1",
    "a * x",
    "0 + a + b:x",
    "a:b",
    "a * b * x",
    "b:a:x",
    "a:x - 1",
    "0 + x",
    "x + I(x ** 2)",
    "bs(x, df=4) * a",
    "poly(x, 2)",
    "C(a, contr.sum) * b",
    "np.log(z) + scale(z)",
    "k + flag",
]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 2, size=n),
            "a": rng.choice(["north: one", "south", "west"], n),
            "b": pd.Categorical(rng.choice(["v", "u"], n), categories=["v", "w", "u"]),
            "k": rng.integers(0, 5, n),
            "flag": rng.random(n) < 0.5,
            "g": np.arange(n) % 7,
        }
    )


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_columns_and_names_are_the_librarys(data, expression):
    found = build_columns(
        expression, model_frame(parse_formula(f"y ~ {expression} + (1 | g)"), data)
    )
    used = data["b"].cat.remove_unused_categories()
    clean = data.assign(b=used, flag=data["flag"].astype(object))
    expected = Formula(expression).get_model_matrix(clean)
    assert list(found.names) == list(expected.columns)
    np.testing.assert_allclose(found.matrix, expected.to_numpy(dtype=float), rtol=1e-13)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_new_rows_get_the_columns_of_the_same_rows(data, expression):
    design = build_design(parse_formula(f"y ~ {expression} + (1 | g)"), data)
    part = data.iloc[[5, 17, 2]]
    found = design_matrix(design.fixed, part)
    np.testing.assert_allclose(found, design.fixed.matrix[[5, 17, 2]], rtol=1e-12, atol=1e-12)


def test_levels_in_sorted_or_declared_order(data):
    frame = model_frame(parse_formula("y ~ a + b + (1 | g)"), data)
    names = build_columns("a + b", frame).names
    assert names == ("Intercept", "a[T.south]", "a[T.west]", "b[T.u]")


def test_new_rows_with_an_unseen_level_are_refused_without_naming_it(data):
    design = build_design(parse_formula("y ~ a + (1 | g)"), data)
    with pytest.raises(FormulaError, match="another level in 1 of the rows") as caught:
        design_matrix(design.fixed, data.head(2).assign(a=["south", "secret"]))
    assert "secret" not in str(caught.value)


def test_new_rows_without_a_column_are_refused(data):
    design = build_design(parse_formula("y ~ a + (1 | g)"), data)
    with pytest.raises(FormulaError, match="no column 'a'"):
        design_matrix(design.fixed, data.drop(columns="a"))


def test_equal_levels_of_another_kind_or_order_keep_their_own_names(data):
    """What is remembered of one table's levels must not name those of the next: 1 equals True."""
    for levels in ([False, True], [0, 1], [1, 0], [0.0, 1.0], ["0", "1"], [True, False]):
        column = pd.Categorical(np.take(levels, data["g"] % 2), categories=levels)
        frame = model_frame(parse_formula("y ~ a + (1 | g)"), data.assign(a=column))
        assert build_columns("a", frame).names == ("Intercept", f"a[T.{levels[1]}]")
