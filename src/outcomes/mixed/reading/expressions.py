"""What stands between the bars of a formula: columns, numbers and the functions known here.

formulaic takes an expression apart and hands each call over as a piece of Python. Only functions
of one row at a time, or that remember what they learned (splines, `center`), are carried out:
nothing else gives a new row the number that the same row had in the fit, and no formula runs code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy
from formulaic import Formula
from formulaic.errors import FormulaicError
from formulaic.materializers.types import FactorValues
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS, ContrastsRegistry
from formulaic.utils.stateful_transforms import stateful_transform
from scipy.linalg import qr

from outcomes.errors import FormulaError
from outcomes.mixed.types import Array

_NUMPY = "log log10 log2 log1p exp exp2 expm1 sqrt abs sign floor ceil round sin cos tan tanh"
_FORMULAIC = "bs cc cr cs poly center scale standardize C I"
CODERS = ("C", "factor")
"""Functions that take a column as categories; R has the second name."""
_CODINGS = ("Treatment", "Sum", "Poly", "Helmert", "Diff")
_BY_ROW = ("clip", "where", "round")
_LOGICAL = (ast.BitAnd, ast.BitOr, ast.BitXor)
_ALLOWED = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.keyword, ast.Attribute),
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.operator, ast.unaryop, ast.cmpop),
    *(ast.List, ast.Tuple, ast.Dict),
)


@stateful_transform  # type: ignore[untyped-decorator]
def natural_spline(
    x: Any,
    df: int | None = None,
    knots: Iterable[float] | None = None,
    intercept: bool = False,
    bounds: tuple[float, float] | None = None,
    _state: dict[str, Array] = {},  # noqa: B006
) -> Any:
    """Return the natural cubic spline basis of R's ``splines::ns``, a straight line outside.

    Parameters
    ----------
    x : array, shape (n,)
    df : int, optional
        Columns; knots stand at quantiles.
    knots : sequence of float, optional
        Inner knots.
    intercept : bool
    bounds : (float, float), optional
        Outer knots; the range of ``x`` without them.

    Returns
    -------
    array, shape (n, df)

    References
    ----------
    Hastie (1992), Statistical Models in S, chapter 7.
    """
    x = np.asarray(x, dtype=np.float64)
    first = 0 if intercept else 1
    if not _state:
        low, high = (x.min(), x.max()) if bounds is None else sorted(bounds)
        if (df is not None and df < 2 - first) or not all(low < k < high for k in knots or ()):
            must = f"ns needs df of at least {2 - first}, and knots inside its bounds"
            raise FormulaError(must, got="others")
        if knots is None:
            shares = np.linspace(0.0, 1.0, max((df or 1) - 2 + first, 0) + 2)[1:-1]
            knots = np.quantile(x[(x >= low) & (x <= high)], shares)
        _state["knots"] = np.concatenate([[low] * 4, np.sort(list(knots)), [high] * 4])
    at = _state["knots"]
    spline = scipy.interpolate.BSpline(at, np.eye(len(at) - 4), 3)
    inside = np.clip(x, at[0], at[-1])
    values = spline(inside) + spline.derivative()(inside) * (x - inside)[:, None]
    curvature = spline.derivative(2)(at[[0, -1]])[:, first:]
    basis = (values[:, first:] @ qr(curvature.T)[0])[:, 2:]
    return FactorValues(basis, column_names=tuple(str(j + 1) for j in range(basis.shape[1])))


FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in _NUMPY.split()},
    **{name: TRANSFORMS[name] for name in (*_FORMULAIC.split(), *_CODINGS)},
    "factor": TRANSFORMS["C"],
    "exp10": lambda x: 10.0**x,
    "ns": natural_spline,
}


@dataclass(frozen=True)
class Call:
    """A piece of Python in a formula, ready to be carried out.

    Parameters
    ----------
    code : str
        With columns under names of their own, so that one may be called like a function.
    columns : dict of str to str
        The name in ``code`` of each column.
    is_coding : bool
        Whether it codes a column as categories, and needs it as it is; else numbers are floats.
    is_logical : bool
        Whether it combines conditions.
    """

    code: str
    columns: dict[str, str]
    is_coding: bool
    is_logical: bool


@lru_cache(maxsize=1024)
def read_call(expression: str) -> Call:
    """Read a piece of Python.

    Raises
    ------
    FormulaError
        It calls a function that is not known here, or is more than an expression.
    """
    reader = _Reader(expression)
    quoted = re.sub("`([^`]+)`", lambda found: reader.alias(found[1]), expression)
    try:
        tree = ast.fix_missing_locations(reader.visit(ast.parse(quoted, mode="eval")))
    except (SyntaxError, RecursionError, MemoryError) as error:
        must = "Each term must be readable"
        raise FormulaError(must, got=f"'{expression}'") from error
    coding = isinstance(tree.body, ast.Call) and ast.unparse(tree.body.func) in CODERS
    logical = any(isinstance(node, (*_LOGICAL, ast.Invert)) for node in ast.walk(tree))
    return Call(ast.unparse(tree), reader.columns, coding, logical)


class _Reader(ast.NodeTransformer):
    """Give columns names of their own, and refuse what is not known."""

    def __init__(self, expression: str) -> None:
        self.expression, self.in_coding = expression, False
        self.columns: dict[str, str] = {}

    def alias(self, column: str) -> str:
        return self.columns.setdefault(column, f"column_{column.encode().hex()}")

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _ALLOWED):
            self._refuse(ast.unparse(node))
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ("TRUE", "FALSE"):
            return ast.Constant(node.id == "TRUE")
        own = node.id in self.columns.values() or (self.in_coding and node.id in _CODINGS)
        return node if own else ast.Name(self.alias(node.id), ast.Load())

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Let ``np.log`` and ``contr.sum`` be; else a column with a dot in its name, as R has."""
        name = ast.unparse(node)
        if _is_known(name):
            return node
        if name.startswith(("np.", "contr.")):
            self._refuse(name)
        return ast.Name(self.alias(name), ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = ast.unparse(node.func)
        if name == "Q" and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
            return ast.Name(self.alias(str(node.args[0].value)), ast.Load())
        if not _is_known(name):
            self._refuse(name)
        node.args[:1] = [self.visit(part) for part in node.args[:1]]
        before, self.in_coding = self.in_coding, self.in_coding or name in CODERS
        node.args[1:] = [self.visit(part) for part in node.args[1:]]
        node.keywords = [self.visit(part) for part in node.keywords]
        self.in_coding = before
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Calculate with conditions and whole numbers as with numbers: true + true is two."""
        self.generic_visit(node)
        if not isinstance(node.op, _LOGICAL):
            node.left, node.right = _as_number(node.left), _as_number(node.right)
        return node

    def _refuse(self, name: str) -> None:
        must = "A formula may call only functions of one row that are known here"
        remedy = f"Known: {', '.join(sorted(FUNCTIONS))}. Make others a column of the data."
        raise FormulaError(must, got=f"'{name}'", where=f"in '{self.expression}'", remedy=remedy)


def _is_known(name: str) -> bool:
    room, _, own = name.rpartition(".")
    if room == "contr":
        return not own.startswith("_") and hasattr(ContrastsRegistry, own)
    if room == "np":
        return own in _BY_ROW or isinstance(getattr(np, own, None), np.ufunc | float)
    return name in FUNCTIONS


def _as_number(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return ast.Constant(float(node.value))
    logical = isinstance(node, ast.Compare) or isinstance(
        getattr(node, "op", None), (*_LOGICAL, ast.Invert)
    )
    return ast.BinOp(ast.Constant(1.0), ast.Mult(), node) if logical else node


@lru_cache(maxsize=1024)
def read_expression(expression: str) -> Formula:
    """Let formulaic read a right-hand side.

    Raises
    ------
    FormulaError
        With formulaic's own explanation, or for a function that is not known here, or for
        ``%in%``, by which formulaic adds the main effect of its right side, and R does not.
    """
    if "%in%" in re.sub(r"`[^`]*`", "", expression):
        must = "What is within each level of what must be written as 'a + a:b' or as 'a:b'"
        raise FormulaError(must, got="'b %in% a'", where=f"in '{expression}'")
    if re.search(r"`[\d.]+`", expression):
        must = "A column whose name is a number must be renamed before a formula can name it"
        raise FormulaError(must, where=f"in '{expression}'")
    try:
        formula = Formula(expression)
    except (FormulaicError, SyntaxError, RecursionError, MemoryError) as error:
        reason = (str(error).strip().splitlines() or ["bad syntax"])[0]
        if isinstance(error, SyntaxError):
            reason = "what is no expression of Python"
        elif reason.startswith("The `.` operator"):
            reason = "a dot for all other columns, which are named one by one here"
        must = "Each side of the formula must be readable"
        remedy = "Write factor(x) for R's as.factor(x)." if "as.factor" in expression else ""
        raise FormulaError(must, got=reason, where=f"in '{expression}'", remedy=remedy) from error
    columns_of(formula)
    return formula


def columns_of(formula: Iterable[Term]) -> frozenset[str]:
    """Return the columns that formulaic terms are computed from."""
    factors = [factor for term in formula for factor in term.factors]
    return frozenset(name for factor in factors for name in factor_columns(factor))


def factor_columns(factor: Factor) -> tuple[str, ...]:
    """Return the columns that a factor of a formulaic term is computed from."""
    if factor.eval_method is Factor.EvalMethod.PYTHON:
        return tuple(read_call(factor.expr).columns)
    return (factor.expr,) if factor.eval_method is Factor.EvalMethod.LOOKUP else ()
