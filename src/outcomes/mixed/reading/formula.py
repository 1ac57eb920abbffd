"""Model formulas: lme4's random terms and named residual terms beside a fixed part for formulaic.

Only what stands inside a bar ``|`` is read here; the fixed part is handed to formulaic unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize

from outcomes.errors import FormulaError
from outcomes.mixed.reading.expressions import columns_of, read_expression

RESIDUAL_BY_VISIT = ("us", "csh", "ar1h", "idh")
"""Kinds of residual covariance in which every visit has a variance of its own."""

RESIDUAL_KINDS = (*RESIDUAL_BY_VISIT, "id", "cs", "ar1", "ou")
"""The others have one variance and a correlation that depends on the time between two scores."""

LONGEST = 5_000
"""Characters of the longest formula that is read."""

_CALL = re.compile(r"^([A-Za-z_]\w*)\((.*)\)$", re.DOTALL)
_NAME = re.compile(r"^(?:[A-Za-z_.][\w.]*|`[^`]+`)$")
_WRITTEN = re.compile(r"(`[^`]*`)|('[^']*'|\"[^\"]*\")|(\^)|[^\W\d](?:\w|[\u0300-\u036f])*")
"""A name in marks, text, a power as R writes it, or a name."""
_SAME = {0xA0: " ", 0x2007: " ", 0x2009: " ", 0x202F: " ", 0xB5: "\u03bc"}
"""Other blanks, and the sign of millionths, which Python reads as the letter."""


@dataclass(frozen=True)
class RandomTerm:
    """One block of correlated random effects, such as ``(1 + session_count | episode_id)``.

    Parameters
    ----------
    expression : str
        What stands left of the bar, a formulaic right-hand side.
    group : tuple of str
        The columns whose combination is the grouping factor.
    """

    expression: str
    group: tuple[str, ...]

    def __str__(self) -> str:
        return f"({self.expression} | {':'.join(self.group)})"


@dataclass(frozen=True)
class ResidualTerm:
    """One residual covariance, such as ``us(visit | episode_id)``.

    Parameters
    ----------
    kind : str
        One of ``RESIDUAL_KINDS``.
    time : str
        Column that orders (or spaces) the scores of a group.
    group : tuple of str
        The columns whose combination is the group within which residuals are correlated.
    """

    kind: str
    time: str
    group: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}({self.time} | {':'.join(self.group)})"


@dataclass(frozen=True)
class ModelFormula:
    """A formula taken apart.

    Parameters
    ----------
    text : str
        The formula as it was written.
    response : str
        Left-hand side, an expression for formulaic.
    fixed : str
        Fixed part without offsets, a right-hand side for formulaic.
    offsets : tuple of str
        What stood inside ``offset(...)``.
    random : tuple of RandomTerm
        ``||`` and ``a/b`` are already expanded.
    residual : ResidualTerm or None
        Residual covariance, None for independent residuals.
    """

    text: str
    response: str
    fixed: str
    offsets: tuple[str, ...]
    random: tuple[RandomTerm, ...]
    residual: ResidualTerm | None


def one_form(name: str) -> str:
    """Return a name with one form of each letter and blank, as Python writes names.

    Examples
    --------
    >>> one_form("Pain\u00a0before") == "Pain before", one_form("x\u00b2") == "x\u00b2"
    (True, True)
    """
    return name if name.isascii() else normalize("NFC", name).translate(_SAME)


@lru_cache(maxsize=256)
def parse_formula(text: str) -> ModelFormula:
    """Take a mixed-model formula apart.

    Parameters
    ----------
    text : str
        For example ``"improvement ~ session_count + (1 + session_count | episode_id)"``.

    Returns
    -------
    ModelFormula

    Raises
    ------
    FormulaError
        The formula has no response, or a term cannot be read.

    Examples
    --------
    >>> parse_formula("y ~ x + (1 | clinic/therapist)").random
    (RandomTerm(expression='1', group=('clinic',)),
     RandomTerm(expression='1', group=('clinic', 'therapist')))
    """
    if len(text) > LONGEST:
        must = f"A formula has at most {LONGEST:,} characters"
        raise FormulaError(must, got=f"{len(text):,}")
    response, right = _sides(
        _WRITTEN.sub(lambda found: found[2] or ("**" if found[3] else one_form(found[0])), text)
    )
    fixed: list[str] = []
    offsets: list[str] = []
    random: list[RandomTerm] = []
    residual: list[ResidualTerm] = []
    for sign, term in _split(right, "+-"):
        call = _CALL.match(term)
        if call and call[1] == "offset":
            offsets.append(call[2])
        elif len(_split_on(term, "|")) == 1 and "|" not in _outside_quotes(term):
            fixed.append(f"{sign} {term}")
        elif sign == "-":
            must = "A term with a bar can only be added"
            raise FormulaError(must, got=f"'- {term}'")
        elif term.startswith("(") and _closes_at_end(term):
            random.extend(_random_terms(term[1:-1]))
        elif call and call[1] in RESIDUAL_KINDS:
            residual.append(_residual_term(call[1], call[2]))
        else:
            must = "A term with a bar must read (expression | group) or kind(time | group)"
            remedy = f"Kinds of residual covariance: {', '.join(RESIDUAL_KINDS)}."
            raise FormulaError(must, got=f"'{term}'", remedy=remedy)
    if len(residual) > 1:
        must = "A model has one residual covariance"
        raise FormulaError(must, got=f"{len(residual)} of them")
    return ModelFormula(
        text=text.strip(),
        response=response,
        fixed=" ".join(fixed).removeprefix("+ ") or "1",
        offsets=tuple(offsets),
        random=tuple(dict.fromkeys(random)),
        residual=residual[0] if residual else None,
    )


def variables(formula: ModelFormula) -> dict[str, list[str]]:
    """Return the columns a formula needs, each with the parts of the formula that need it."""
    needed: dict[str, list[str]] = {}
    grouped = [(term.group, str(term)) for term in formula.random]
    if formula.residual:
        grouped.append(((formula.residual.time, *formula.residual.group), str(formula.residual)))
    for columns, part in [*_computed(formula), *grouped]:
        for name in sorted(columns) if isinstance(columns, frozenset) else columns:
            needed.setdefault(name, []).append(part)
    return needed


def expression_variables(formula: ModelFormula) -> frozenset[str]:
    """Return the columns that are computed with, those that only name groups left out."""
    return frozenset().union(*(columns for columns, _ in _computed(formula)))


@lru_cache(maxsize=256)
def _computed(formula: ModelFormula) -> list[tuple[frozenset[str], str]]:
    """Return the columns of each expression for formulaic, and the part of the formula it is."""
    alone = bool(_NAME.match(formula.response))
    response = formula.response if alone else f"I({formula.response})"
    parts = [(response, "response"), (formula.fixed, "fixed part")]
    parts += [(f"I({offset})", "offset") for offset in formula.offsets]
    parts += [(term.expression, str(term)) for term in formula.random]
    terms = [(text, term) for text, _ in parts for _, term in _split(text, "+-*:")]
    for text, term in terms:
        if re.match(r"\(*[\d.]+\s*/", term):
            must = "A number divided by a column must be written as 'I(1 / x)'"
            raise FormulaError(must, got=f"'{term}'", where=f"in '{text}'")
    return [(columns_of(read_expression(text)), part) for text, part in parts]


def _sides(text: str) -> tuple[str, str]:
    sides = _split_on(text, "~")
    if len(sides) != 2 or not sides[0] or not sides[1]:
        must = "A formula reads 'response ~ terms'"
        remedy = "For example 'improvement ~ session_count + (1 | episode_id)'."
        raise FormulaError(must, got=f"'{text.strip()}'", remedy=remedy)
    return sides[0], sides[1]


def _random_terms(inside: str) -> list[RandomTerm]:
    correlated = "||" not in inside
    parts = _split_on(inside, "|") if correlated else [s.strip() for s in inside.split("||")]
    if len(parts) != 2 or not parts[0] or not parts[1]:
        must = "A random term reads (expression | group)"
        raise FormulaError(must, got=f"'({inside})'")
    expressions = [parts[0]] if correlated else _uncorrelated(parts[0])
    return [
        RandomTerm(expression, group)
        for expression in expressions
        for group in _groups(parts[1], f"({inside})")
    ]


def _uncorrelated(expression: str) -> list[str]:
    """Expand ``||`` term by term, as lme4: a factor keeps its own covariances."""
    terms = [str(term) for term in read_expression(expression)]
    return ["1" if term == "1" else f"0 + {term}" for term in terms]


def _groups(text: str, where: str) -> list[tuple[str, ...]]:
    nested = [tuple(_split_on(part, ":")) for part in _split_on(text, "/")]
    names = [name for part in nested for name in part]
    if not all(_NAME.match(name) for name in names):
        must = "What stands right of a bar must be a column, a:b or a/b"
        remedy = "Compute the group as a column of the data first."
        raise FormulaError(must, got=f"'{text}'", where=f"in {where}", remedy=remedy)
    clean = [tuple(name.strip("`") for name in part) for part in nested]
    return [tuple(n for part in clean[: i + 1] for n in part) for i in range(len(clean))]


def _residual_term(kind: str, inside: str) -> ResidualTerm:
    parts = _split_on(inside, "|")
    if len(parts) != 2 or not _NAME.match(parts[0]):
        must = f"A residual term reads {kind}(time | group)"
        raise FormulaError(must, got=f"'{kind}({inside})'")
    (group,) = _groups(parts[1].replace("/", ":"), f"{kind}({inside})")
    return ResidualTerm(kind, parts[0].strip("`"), group)


def _outside_quotes(text: str) -> str:
    return re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"", "", text)


def _closes_at_end(text: str) -> bool:
    depth = [0]
    for character in _outside_quotes(text):
        depth.append(depth[-1] + (character == "(") - (character == ")"))
    return 0 not in depth[1:-1]


def _split_on(text: str, separator: str) -> list[str]:
    return [part for _, part in _split(text, separator)]


def _split(text: str, separators: str) -> list[tuple[str, str]]:
    """Split at the top level, outside brackets and quotes; each part with its separator."""
    parts: list[tuple[str, str]] = []
    depth, quote, sign, start = 0, "", "+", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "`'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character in separators and depth == 0 and not _in_power(text, position):
            parts.append((sign, text[start:position].strip()))
            sign, start = character, position + 1
    if depth or quote:
        must = "Brackets and quotes must close"
        raise FormulaError(must, got=f"'{text.strip()}'")
    parts.append((sign, text[start:].strip()))
    return [part for part in parts if part[1]] if separators == "+-" else parts


def _in_power(text: str, position: int) -> bool:
    """Tell whether a sign belongs to a number such as ``1e-3`` or ``** -1``."""
    before = text[max(position - 8, 0) : position]
    return text[position] in "+-" and bool(re.search(r"(\d[eE]|[*/:^])\s*$", before))
