"""A fit as people read it: labels, reference levels, intervals and parts of its variance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from outcomes.mixed.after.effect_sizes import icc, r2
from outcomes.mixed.after.tables import tidy, variance_components
from outcomes.mixed.record import Fit
from outcomes.render.document import environment
from outcomes.words import LABELS, MINUS, SPACE, count, named, p_value, plain, with_ends

COLUMNS: Mapping[str, tuple[str, str]] = LABELS["columns"]
GROUPS: Mapping[str, str] = LABELS["groups"]
TITLES: Mapping[str, tuple[str, str]] = LABELS["titles"]
KINDS: Mapping[str, str] = LABELS["kinds"]
INTERVALS: Mapping[str, str] = LABELS["intervals"]
_CURVE = re.compile(r"\w+\((\w+),.*\)\[(\d+)\]")
FACTOR = re.compile(r"(?:C|factor)\((\w+)\b.*\)")


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Parameters
    ----------
    label : str
        What the coefficient is.
    estimate, p : str
        Estimate with its interval, and p-value; empty in a heading.
    inside : bool
        Whether it stands below a heading.
    """

    label: str
    estimate: str = ""
    p: str = ""
    inside: bool = False


@dataclass(frozen=True)
class FitTable:
    """A fit in words and rounded numbers.

    Parameters
    ----------
    title : str
        The response, with its unit.
    lines : tuple of Line
        The fixed part.
    parts : tuple of (str, str)
        Standard deviations, shares of variance, what was used, method and formula.
    stamp : str
        ``SYNTHETIC`` for simulated data, else empty.
    """

    title: str
    lines: tuple[Line, ...]
    parts: tuple[tuple[str, str], ...]
    stamp: str


def fit_table(fit: Fit) -> FitTable:
    """Return a fit as the table that a notebook, a terminal and a report show.

    Parameters
    ----------
    fit : Fit
        Any fitted model. Where its data are a trajectory, labels are those of the dictionary.

    Returns
    -------
    FitTable

    Examples
    --------
    >>> import outcomes as oc
    >>> rows = oc.simulate(episodes=40, seed=1).trajectory("nprs")
    >>> fit = oc.lmm("improvement ~ session_count + (1 | episode_id)", rows)
    >>> [line.label for line in fit_table(fit).lines]
    ['Start (all else 0 or reference)', 'Sessions so far, per session']
    """
    return FitTable(_title(fit), tuple(_lines(fit)), tuple(_parts(fit)), stamp_of(fit))


def fit_text(fit: Fit) -> str:
    """Return the table as plain text, for a terminal."""
    table = fit_table(fit)
    lines = [Line(table.title, "Estimate (95 % CI)", "p"), *table.lines]
    labels = ["  " * line.inside + line.label for line in lines]
    wide = max(map(len, labels)), max(len(line.estimate) for line in lines)
    head, *rows = (
        f"{label:<{wide[0]}}  {line.estimate:<{wide[1]}}  {line.p}".rstrip()
        for label, line in zip(labels, lines, strict=True)
    )
    rule = "-" * (sum(wide) + 11)
    name_width = max(len(name) for name, _ in table.parts)
    parts = [f"{name:<{name_width}}  {value}" for name, value in table.parts]
    stamp = [f"{table.stamp} data"] if table.stamp else []
    return "\n".join([*stamp, head, rule, *rows, rule, *parts])


def fit_html(fit: Fit) -> str:
    """Return the table as HTML that stands by itself, for a notebook."""
    table = fit_table(fit)
    rows = [
        (SPACE * 3 * line.inside + line.label, line.estimate, line.p)[: 3 if line.estimate else 1]
        for line in table.lines
    ]
    head = (table.title, "Estimate (95 % CI)", "p")
    return html_table(head, rows, table.parts, stamp=table.stamp)


def estimates_html(table: pd.DataFrame, fit: Fit, level: float = 0.95, adjust: str = "none") -> str:
    """Return margins, slopes, contrasts or tests of a fit in the words and digits of its table.

    Parameters
    ----------
    table : pandas.DataFrame
        What a method of the fit returned, with estimate, conf_low and conf_high.
    fit : Fit
        The model.
    level : float
        Confidence level of the interval.
    adjust : str
        How intervals and p-values allow for there being several.
    """
    names = list(table.columns[: list(table.columns).index("estimate")])
    tested = {"contrast", "variable"} & set(names)
    rows = []
    for row in table.to_dict("records"):
        low, high = row["conf_low"], row["conf_high"]
        said = row["note"] or with_ends(row["estimate"], low, high)
        end = p_value(row["p_value"]) if tested else count(row["n_observations"])
        rows.append((*(_cell(fit, name, row[name]) for name in names), said, end))
    several = "" if adjust == "none" or len(table) == 1 else f", {adjust}"
    title = f"{_title(fit)}: estimate ({level * 100:g} % CI{several and ', adjusted'})"
    head = (
        *(column_label(fit, name) for name in names),
        title,
        f"p{several}" if tested else "scores there",
    )
    return html_table(head, rows, stamp=stamp_of(fit))


def html_table(head: Iterable[str], *bodies: Iterable[tuple[str, ...]], stamp: str = "") -> str:
    """Return rows whose first cell names them; the last cell of a short row spans the rest."""
    template, parts = environment().get_template("table.html.j2"), [list(body) for body in bodies]
    return template.render(head=list(head), bodies=parts, stamp=stamp)


def is_trajectory(fit: Fit) -> bool:
    """Tell whether the rows of a fit are a trajectory's; a frame's own ``day`` is just a column."""
    return bool(getattr(fit.design.frame.data, "instrument", ""))


def column_label(fit: Fit, name: str) -> str:
    """Return what a column of the rows of a fit holds, in words."""
    if curve := _CURVE.fullmatch(name):
        return f"Curve of {column_label(fit, curve[1]).lower()}, part {curve[2]}"
    column = found[1] if (found := FACTOR.fullmatch(name)) else name
    return COLUMNS[column][0] if column in COLUMNS and is_trajectory(fit) else named(column)


def response_of(fit: Fit) -> str:
    """Return the left-hand side of the formula of a fit."""
    return fit.request.formula.partition("~")[0].strip()


def stamp_of(fit: Fit) -> str:
    """Return ``SYNTHETIC`` where the data of a fit are simulated, else nothing."""
    return str(getattr(fit.design.frame.data, "stamp", ""))


def unit_of(fit: Fit) -> str:
    """Return the unit of the scores of a fit, plural; ``points`` where the data do not say."""
    return str(getattr(fit.design.frame.data, "unit", "") or "points")


def _title(fit: Fit) -> str:
    told = TITLES.get(response_of(fit)) if is_trajectory(fit) else None
    return f"{told[0]} ({unit_of(fit)}, {told[1]})" if told else named(response_of(fit))


def _cell(fit: Fit, column: str, value: object) -> str:
    """Return a number, a column's name, a level or a contrast of levels in words."""
    if isinstance(value, float):
        return f"{value:g}"
    if column == "variable":
        return column_label(fit, str(value))
    return f" {MINUS} ".join(named(name) for name in str(value).split(" - "))


def _lines(fit: Fit) -> Iterator[Line]:
    """Coefficients in order; levels of a factor stand below its name, the reference first."""
    heading = ""
    for row in tidy(fit).to_dict("records"):
        whole = row["term"] in fit.design.frame.data  # a name may hold a colon
        parts = [_part(fit, part) for part in ([row["term"]] if whole else _split(row["term"]))]
        levels = [part for part in parts if part.level]
        title = _heading(fit, parts)
        if levels and title != heading:
            yield Line(title)
            if len(parts) == 1 and levels[0].against:
                yield Line(levels[0].against, "reference", inside=True)
        heading = title
        label = " and ".join(part.level for part in levels) or title
        low, high = row["conf_low"], row["conf_high"]
        estimate = with_ends(row["estimate"], low, high)
        yield Line(label, estimate, p_value(row["p_value"]), inside=bool(levels))


def _split(term: str) -> list[str]:
    """Parts of an interaction; a colon inside brackets is part of a name."""
    return re.split(r":(?![^\[(]*[\])])", term)


class _Part(NamedTuple):
    """A factor of a term: a number, a level by itself, or one against a reference."""

    name: str
    level: str = ""
    against: str = ""


def _part(fit: Fit, text: str) -> _Part:
    """Read one factor of a term by what the model remembers of its coding."""
    known = fit.design.fixed.spec.encoder_state.items()
    coded = {name: state["contrasts"] for name, (_, state) in known if state.get("contrasts")}
    name = next((name for name in coded if text.startswith(f"{name}[")), "")
    if not name:
        return _Part(text)
    levels, written = list(coded[name].levels), text[len(name) + 1 : -1]
    if written in map(str, levels):
        return _Part(name, _level(written))
    reference = coded[name].contrasts.get_drop_field(levels, reduced_rank=False)
    if reference is None or not written.startswith("T."):
        return _Part(f"{column_label(fit, name)}, contrast {written}")
    return _Part(name, _level(written.removeprefix("T.")), _level(reference))


def _level(value: object) -> str:
    """Return a level in words; a whole number without its point."""
    return named(re.sub(r"^(-?\d+)\.0$", r"\1", str(value)))


def _heading(fit: Fit, parts: list[_Part]) -> str:
    """Return what a coefficient is, or what the levels below are and are compared with."""
    numbers = [part.name for part in parts if not part.level]
    against = [part for part in parts if part.against]
    own = [part for part in parts if part.level and not part.against]
    if len(numbers) == len(parts):
        return _numbers(fit, numbers)
    names, each = (
        " and ".join(column_label(fit, part.name) for part in some) for some in (against, own)
    )
    said = [_rate(fit, numbers, bool(against))] if numbers else []
    if len(against) > 1:
        said.append(f"{names} together, beyond each alone")
    elif against:
        said += [] if numbers else [names]
        said += [f"compared with {against[0].against}"] if numbers or own else []
    return ", ".join([*said, f"for each {each.lower()}"] if own and said else said or [each])


def _rate(fit: Fit, numbers: list[str], extra: bool) -> str:
    """Return what a number's slope is called, beside or beyond that of a reference."""
    if not set(numbers) <= set(fit.design.frame.data):
        return _numbers(fit, numbers)
    improvement = response_of(fit) == "improvement" and is_trajectory(fit)
    what = (
        ("Extra improvement" if improvement else "Difference")
        if extra
        else column_label(fit, response_of(fit))
    )
    return f"{what} per {' and '.join(one_unit(fit, name) for name in numbers)}"


def one_unit(fit: Fit, name: str) -> str:
    """Return what one unit of a column is called: of a score, one of its instrument's."""
    if name not in COLUMNS or not is_trajectory(fit):
        return f"unit of {named(name)}"
    unit = COLUMNS[name][1]
    first, *rest = unit_of(fit).split(" ")
    return " ".join([first.removesuffix("s"), *rest]) if unit == "point" else unit


def _numbers(fit: Fit, names: list[str]) -> str:
    if names == ["Intercept"]:
        return "Start (all else 0 or reference)"
    if len(names) == 1 and names[0] in COLUMNS and is_trajectory(fit):
        return f"{COLUMNS[names[0]][0]}, per {one_unit(fit, names[0])}"
    return " \N{MULTIPLICATION SIGN} ".join(column_label(fit, name) for name in names)


def _parts(fit: Fit) -> Iterator[tuple[str, str]]:
    for row in variance_components(fit).to_dict("records"):
        label = _component(fit, row["group"], row["term_1"], row["term_2"])
        yield label, plain(row["sd_or_corr"], 2)
    if fit.design.factors and not fit.design.formula.residual:  # no share of one residual variance
        shares = icc(fit)
        shares = shares[(shares["kind"] == "adjusted") & (shares["group"] != "all")]
        each = zip(shares["group"], shares["estimate"], strict=True)
        said = [f"{GROUPS.get(group, group)} {share:.2f}" for group, share in each]
        yield "Intraclass correlation", ", ".join(said)
        found = r2(fit).set_index("kind")["estimate"]
        said = [f"fixed part {found['marginal']:.2f}", f"whole {found.iloc[-1]:.2f}"]
        yield "R\N{SUPERSCRIPT TWO}", ", ".join(said)
    yield "Rows used", _used(fit)
    method = INTERVALS.get(fit.request.df, f"cluster-robust, {fit.request.df}")
    reml = "REML" if fit.request.reml else "maximum likelihood"
    yield "Intervals", f"{method}; {reml}"
    if fit.aliased_terms:
        yield "Not estimated", f"{', '.join(fit.aliased_terms)}: these rows do not tell"
    if fit.is_singular:
        yield "Note", "a variance is 0 or a correlation 1: these data do not tell them apart"
    if fit.has_free_variances:
        yield "Note", "other variances with the same sums fit as well: the terms overlap"
    yield "Formula", fit.request.formula


def _component(fit: Fit, group: str, first: str, second: str) -> str:
    if group == "residual" and second:
        both = f"one {first} and the next" if second == f"{first} + 1" else f"{first} and {second}"
        return f"Correlation of {both}"
    if group == "residual":
        return f"Residual SD at {first}" if first else "Residual SD"
    who = GROUPS.get(group, group)
    names = ["level" if x == "Intercept" else f"slope of {column_label(fit, x).lower()}" for x in
             (first, second) if x]  # fmt: skip
    return (
        f"Correlation over {who}: {' and '.join(names)}" if second else f"SD of {who}: {names[0]}"
    )


def _used(fit: Fit) -> str:
    names = [factor.name for factor in fit.design.factors]
    names = names or [name for name in ("episode_id",) if name in fit.design.frame.data]
    groups = [
        f"{count(len(fit.groups(name)[1]))} {GROUPS.get(name, f'levels of {name}')}"
        for name in names
    ]
    dropped = fit.design.frame.n_dropped
    left = f"{count(dropped)} left out, a value is missing" if dropped else "none left out"
    return "; ".join(filter(None, [f"{count(fit.design.n)} rows", ", ".join(groups), left]))
