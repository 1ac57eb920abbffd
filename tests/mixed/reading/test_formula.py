"""Formulas are taken apart as lme4 reads them."""

import pytest

from outcomes.errors import FormulaError
from outcomes.mixed.reading.formula import RandomTerm, ResidualTerm, parse_formula, variables

READS = {
    "y ~ x + (1 | g)": [RandomTerm("1", ("g",))],
    "y ~ x + (1 + x | g) + (1 | h)": [RandomTerm("1 + x", ("g",)), RandomTerm("1", ("h",))],
    "y ~ x + (1 | a/b)": [RandomTerm("1", ("a",)), RandomTerm("1", ("a", "b"))],
    "y ~ x + (x | a/b/c)": [RandomTerm("x", tuple("abc"[:k])) for k in (1, 2, 3)],
    "y ~ x + (1 | a:b)": [RandomTerm("1", ("a", "b"))],
    "y ~ x + (1 + x || g)": [RandomTerm("1", ("g",)), RandomTerm("0 + x", ("g",))],
    "y ~ x + (x || g)": [RandomTerm("1", ("g",)), RandomTerm("0 + x", ("g",))],
    "y ~ x + (0 + x | g)": [RandomTerm("0 + x", ("g",))],
    "y ~ x + (1 | `my group`)": [RandomTerm("1", ("my group",))],
    "y ~ x + (1 | g) + (1 | g)": [RandomTerm("1", ("g",))],
}


@pytest.mark.parametrize("text", READS)
def test_random_terms(text):
    assert list(parse_formula(text).random) == READS[text]


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("y ~ a * b + (1 | g)", "a * b"),
        ("y ~ (1 | g)", "1"),
        ("y ~ 0 + a + (1 | g) - b", "0 + a - b"),
        ("y ~ (a + b) ** 2 + (1 | g)", "(a + b) ** 2"),
        ("y ~ bs(x, df=4) + C(a, contr.sum) + (1 | g)", "bs(x, df=4) + C(a, contr.sum)"),
        ("y ~ I(x + 1e-3) + (1 | g)", "I(x + 1e-3)"),
    ],
)
def test_fixed_part_goes_to_the_formula_library_unchanged(text, fixed):
    assert parse_formula(text).fixed == fixed


def test_offset_is_taken_out_of_the_fixed_part():
    parsed = parse_formula("y ~ x + offset(log(n)) + (1 | g)")
    assert parsed.offsets == ("log(n)",)
    assert parsed.fixed == "x"


def test_residual_term():
    parsed = parse_formula("y ~ visit + us(visit | episode)")
    assert parsed.residual == ResidualTerm("us", "visit", ("episode",))
    assert parsed.random == ()


def test_each_column_is_listed_with_the_parts_that_need_it():
    needed = variables(parse_formula("np.log(y) ~ x + (1 + x | a:b) + offset(z)"))
    assert needed == {
        "y": ["response"],
        "x": ["fixed part", "(1 + x | a:b)"],
        "z": ["offset"],
        "a": ["(1 + x | a:b)"],
        "b": ["(1 + x | a:b)"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y", "response ~ terms"),
        ("~ x + (1 | g)", "response ~ terms"),
        ("y ~ x ~ z", "response ~ terms"),
        ("y ~ x * (1 | g)", "term with a bar"),
        ("y ~ x - (1 | g)", "can only be added"),
        ("y ~ x + (1 | log(g))", "right of a bar"),
        ("y ~ x + (1 | g | h)", "random term reads"),
        ("y ~ x + (1 | )", "random term reads"),
        ("y ~ x + (1 | g", "must close"),
        ("y ~ x + spline(x | g)", "kinds of residual covariance"),
        ("y ~ us(log(visit) | g)", "residual term reads"),
        ("y ~ us(a | g) + us(b | g)", "one residual covariance"),
    ],
)
def test_a_formula_that_cannot_be_read_says_what_it_must_be(text, message):
    with pytest.raises(FormulaError, match=f"(?i){message}"):
        parse_formula(text)


def test_a_bad_expression_is_refused_with_the_expression():
    with pytest.raises(FormulaError, match=r"\+ \* z"):
        variables(parse_formula("y ~ x + * z + (1 | g)"))


def test_within_is_refused_because_r_reads_it_otherwise():
    """R makes 'x %in% a' the one term x:a (model.matrix), formulaic adds a: another model."""
    with pytest.raises(FormulaError, match=r"as 'a \+ a:b' or as 'a:b'"):
        variables(parse_formula("y ~ x %in% a + (1 | g)"))
    assert "x %in% a" in variables(parse_formula("y ~ `x %in% a` + (1 | g)"))


def test_columns_inside_splines_are_known():
    needed = variables(parse_formula("y ~ bs(x, df=4) + center(`a b`):poly(z, 2) + (1 | g)"))
    assert set(needed) == {"y", "x", "a b", "z", "g"}


def test_a_power_is_written_as_in_r():
    parsed = parse_formula("y^2 ~ (a + b)^2 + I(x^2) + `a^b` + offset(z^3) + (1 + I(x^2) | g)")
    assert parsed.fixed == "(a + b)**2 + I(x**2) + `a^b`"
    assert (parsed.response, parsed.offsets) == ("y**2", ("z**3",))
    assert parsed.random[0].expression == "1 + I(x**2)"


@pytest.mark.parametrize(
    "call",
    [
        "I(__import__('os').system('true'))",
        "I(open('x').read())",
        "x.to_csv('x')",
        "np.save('x', x)",
        "np.linalg.inv(x)",
        "I(x - x.mean())",
        "I(x - np.mean(x))",
        "lag(x)",
        "I([v for v in x])",
        "I((lambda: x)())",
        "C(x, contr.__class__)",
        "{x.sum()}",
    ],
)
def test_only_functions_that_are_listed_are_called(call):
    with pytest.raises(FormulaError, match="known here"):
        variables(parse_formula(f"y ~ {call} + (1 | g)"))


def test_columns_may_be_called_like_functions():
    names = "scale center lag poly bs log C I Q np contr Treatment factor"
    formula = " + ".join(f"log({name}) + {name}" for name in names.split())
    assert set(names.split()) < set(variables(parse_formula(f"y ~ {formula} + (1 | g)")))


def test_a_column_with_a_dot_and_one_by_q_are_known():
    needed = variables(parse_formula("y ~ log(pain.score) + Q('my col') + (1 | g)"))
    assert set(needed) == {"y", "pain.score", "my col", "g"}


ENDLESS = ["x + " * 16_000 + "x", "(" * 4_000 + "x", "I(" + "-" * 4_000 + "x)"]


@pytest.mark.parametrize("term", ENDLESS)
def test_a_formula_without_end_is_refused(term):
    with pytest.raises(FormulaError):
        variables(parse_formula(f"y ~ {term} + (1 | g)"))


@pytest.mark.parametrize(
    ("text", "names"),
    [("y ~ Schmerzsta\u0308rke", {"y", "Schmerzst\u00e4rke"}),
     ("y ~ `Pain\u00a0before` + \u00b5g", {"y", "Pain before", "\u03bcg"}),
     ("y ~ C(a, 'a\u0308') + x\u00b2", {"y", "a", "x\u00b2"})],
)  # fmt: skip
def test_names_are_read_in_one_form_of_their_letters(text, names):
    assert {*variables(parse_formula(text))} == names
