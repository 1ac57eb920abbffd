"""Pictures of a fit: its means, its coefficients, and whether its assumptions hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy
from matplotlib.axes import Axes

from outcomes.errors import UsageError
from outcomes.mixed.after.diagnostics import normal_quantiles, residuals
from outcomes.mixed.after.tables import augment, random_effects, tidy
from outcomes.mixed.margins.margins import emmeans
from outcomes.mixed.reading.expressions import columns_of
from outcomes.mixed.record import Fit
from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import panels
from outcomes.render.figures.draw import draw
from outcomes.render.figures.shown import ShownFigure, finished
from outcomes.render.figures.style import INK, LOOKS, MUTED, look_of, styled
from outcomes.render.fit_table import (
    COLUMNS,
    FACTOR,
    GROUPS,
    Line,
    column_label,
    fit_table,
    is_trajectory,
    one_unit,
    response_of,
    stamp_of,
    unit_of,
)
from outcomes.words import digits_of, named, plain

TIMES = ("session_count", "week", "session", "day")
"""Columns that a mean is drawn over, the first that a model holds."""
MOST_TOGETHER = 3
"""More groups than this have a panel each."""
MOST_LEVELS = 25
"""Groups with more levels than this are drawn without their names."""
SEEN = 0.01
"""Share of a forest's reach below which an interval is no longer than its marker."""
STRAIGHT = 0.99
"""Correlation of residuals with normal quantiles from which they count as near normal."""


@styled()
def plot(fit: Fit, over: str = "", by: str = "", *, partial_residuals: bool = False) -> ShownFigure:
    """Draw the means of a model, with 95 % intervals.

    Parameters
    ----------
    fit : Fit
        The model.
    over : str
        Number on the horizontal axis; by default sessions or weeks, else the first number of the
        fixed part. A model that also holds ``pressure`` has a second panel over pressure.
    by : str
        Factor that the lines tell apart; by default ``arm``, ``condition``, else the first factor.
    partial_residuals : bool
        Whether to draw each row: its mean plus what the model leaves unexplained.

    Returns
    -------
    ShownFigure
        A matplotlib figure with ``.alt``; in a notebook cell it shows itself.

    Raises
    ------
    UsageError
        When the fixed part holds no number, or not the one asked for.
    """
    numbers, factors = _columns(fit)
    if (over and over not in numbers) or not numbers:
        must, got = "means are drawn over a number of the fixed part", "another name"
        remedy = f"Those are: {', '.join(numbers)}." if numbers else "Add one to the formula."
        raise UsageError(must, got=got if numbers else "none", remedy=remedy)
    first = over or next((name for name in TIMES if name in numbers), numbers[0])
    line = by or next((name for name in ("arm", "condition") if name in factors), "")
    means = _means(fit, first, line)
    groups = _panels(means, line)
    pressed = "pressure" in numbers and first != "pressure"
    wide = min(4, len(groups) + pressed)
    high = -(-(len(groups) + pressed) // wide)
    size = max(2.6 * wide, 4.6), 3.6 if high == 1 else 2.3 * high + 0.4
    figure, places = panels(len(groups) + pressed, *size, wide, sharey=True)
    said = []
    for place, (title, rows) in zip(places, groups, strict=False):
        said.append(_draw_means(place, fit, rows, first, line, title))
        if partial_residuals:
            _draw_partial(place, fit, rows, first, line if title else "")
    if pressed:
        rows = _means(fit, "pressure", "")
        said.append(_draw_means(places[-1], fit, rows, "pressure", "", "all, by pressure"))
    for place in places[::wide]:
        place.set_ylabel(_response_label(fit))
    claim = f"{column_label(fit, response_of(fit))} by {column_label(fit, first).lower()}"
    return _finished(figure, fit, claim, " ".join(said), of_rows=partial_residuals)


@styled()
def check(fit: Fit) -> ShownFigure:
    """Draw what shows whether a model fits: residuals, their normality, and its groups.

    Parameters
    ----------
    fit : Fit
        The model.

    Returns
    -------
    ShownFigure
        Residuals against fitted values; residuals against normal quantiles; then the effects of
        each group with 95 % intervals, in order. Below each, one sentence on what is seen.
    """
    factors = fit.design.factors[:2]
    figure, axes = panels(2 + len(factors), 8, 3.4 * (1 + -(-len(factors) // 2)), 2)
    said = [_residuals_panel(axes[0], fit), _normal_panel(axes[1], fit)]
    for place, factor in zip(axes[2:], factors, strict=False):
        said.append(_effects_panel(place, fit, factor.name))
    for place, sentence in zip(axes, said, strict=True):
        place.set_title(sentence, fontsize=8.5, loc="left", color=MUTED, wrap=True)
    return _finished(figure, fit, "Does the model fit?", " ".join(said), of_rows=True)


@styled()
def forest(fit: Fit) -> ShownFigure:
    """Draw the coefficients with their 95 % intervals, labeled as in the table of the fit.

    Parameters
    ----------
    fit : Fit
        The model; its intercept is not drawn.

    Returns
    -------
    ShownFigure
    """
    found = iter(tidy(fit).to_dict("records"))
    known: dict[Any, Any] = {"term": "", "estimate": 0.0, "conf_low": 0.0, "conf_high": 0.0}
    rows = []
    for head, line in _lines(fit):
        row = next(found) if line.p else known
        label = f"{head}{line.label}{'' if line.p else ' (reference)'}"
        rows.append({**row, "label": label, "n_episodes": np.nan})
    drawn = pd.DataFrame([row for row in rows if row["term"] != "Intercept"])
    if drawn.empty:
        must = "coefficients are drawn of a model that has one beside its intercept"
        raise UsageError(must, got="none", remedy="Add a term to the formula.")
    apart = int(((drawn["conf_low"] > 0) | (drawn["conf_high"] < 0)).sum())
    claim, all_ = "Coefficients with 95 % intervals", drawn["term"].ne("").sum()
    reach = drawn.loc[drawn["term"].ne(""), ["conf_low", "conf_high"]].abs().max(axis=1)
    flat = int((reach < SEEN * reach.max()).sum())
    claim += f"; {flat} of {all_} too small to see on this axis: read the numbers" if flat else ""
    alt = f"{claim}. {apart or 'None'} of {all_} lie above or below 0 with all of their interval."
    return draw(Picture("forest", drawn, claim, _response_label(fit), "", alt), stamp_of(fit))


def _columns(fit: Fit) -> tuple[list[str], list[str]]:
    """Numbers and factors of the fixed part."""
    frame, spec = fit.design.frame, fit.design.fixed.spec
    fixed = [str(name) for name in frame.data if name in columns_of(spec.formula)]
    coded = {found[1] for name in spec.encoder_state if (found := FACTOR.fullmatch(name))}
    factors = [name for name in fixed if frame.is_categorical(name) or name in coded]
    return [name for name in fixed if name not in factors], factors


def _means(fit: Fit, over: str, by: str) -> pd.DataFrame:
    """Margins over a number, as far as nine in ten rows reach."""
    values = fit.design.frame.data[over].astype(float)
    low, high = values.min(), values.quantile(0.9)
    whole = bool((values.dropna() % 1 == 0).all()) and high - low <= 30
    at = np.arange(low, high + 1) if whole else np.linspace(low, high, 25)
    names = [by, over] if by else [over]
    return emmeans(fit, names, at={over: [float(x) for x in at]}).dropna(subset=["estimate"])


def _panels(means: pd.DataFrame, by: str) -> list[tuple[str, pd.DataFrame]]:
    """One panel for few groups, else one a group: their bands would hide each other."""
    if not by or means[by].nunique() <= MOST_TOGETHER:
        return [("", means)]
    return [(named(name), rows) for name, rows in means.groupby(by, sort=True, observed=True)]


def _draw_means(place: Axes, fit: Fit, means: pd.DataFrame, over: str, by: str, title: str) -> str:
    """Draw the lines of one panel, named at their ends, and say where they start and end."""
    grouped, whole = by and not title, "all" if is_trajectory(fit) else "the mean"
    groups = list(means.groupby(by, sort=True, observed=True)) if grouped else [(whole, means)]
    said = []
    for position, (name, rows) in enumerate(groups):
        look = look_of(position, "" if grouped or title else "all")
        place.plot(rows[over], rows["estimate"], color=look.colour, linestyle=look.dash)
        place.fill_between(rows[over], rows["conf_low"], rows["conf_high"], color=look.colour,
                           alpha=0.15, linewidth=0)  # fmt: skip
        if rows.empty:
            place.annotate("these rows do not tell", (0.5, 0.5), xycoords="axes fraction",
                           ha="center", fontsize=8.5, color=MUTED)  # fmt: skip
            return f"{title or 'The mean'}: these rows do not tell."
        first, last = rows["estimate"].iloc[[0, -1]]
        if grouped:
            place.annotate(named(name), (rows[over].iloc[-1], last), xytext=(4, 0), fontsize=8.5,
                           textcoords="offset points", va="center")  # fmt: skip
        ends = " to ".join(plain(end, digits_of(rows)) for end in (first, last))
        said.append(f"{title or named(name)}: {ends}")
    low, high = means["conf_low"].min(), means["conf_high"].max()
    if min(abs(low), abs(high)) < 2 * (high - low):  # of far values 0 would flatten the curves
        place.axhline(0, color=MUTED, linewidth=0.8)
    place.set_title(title, fontsize=9, loc="left")
    place.set_xlabel(column_label(fit, over).lower(), fontsize=9)
    return f"{'; '.join(said)}."


def _draw_partial(place: Axes, fit: Fit, means: pd.DataFrame, over: str, by: str) -> None:
    """Draw rows as their group's mean plus the residual."""
    rows = augment(fit)
    if by:
        rows = rows[rows[by].astype(str) == str(means[by].iloc[0])]
    level = means.groupby(over)["estimate"].mean()
    there = np.interp(rows[over].astype(float), level.index.to_numpy(float), level.to_numpy(float))
    place.scatter(rows[over], there + rows["residual"], s=6, color=MUTED, alpha=0.35, linewidths=0)


def _residuals_panel(place: Axes, fit: Fit) -> str:
    table = residuals(fit)
    fitted, left = augment(fit)["fitted"].to_numpy(float), table["residual"].to_numpy(float)
    place.scatter(fitted, left, s=8, alpha=0.4, color=LOOKS[0].colour, linewidths=0)
    place.axhline(0, color=INK, linewidth=0.8)
    place.set(xlabel="fitted", ylabel="residual")
    if np.ptp(fitted) <= 1e-9 * np.ptp(left):
        return "All fitted values are the same."
    found = scipy.stats.spearmanr(fitted, np.abs(left))
    if abs(found.statistic) < 0.2:
        return "Residuals spread alike over the fitted values."
    more = "more" if found.statistic > 0 else "less"
    return f"Residuals spread {more} where fitted values are high (rank r {found.statistic:.2f})."


def _normal_panel(place: Axes, fit: Fit) -> str:
    table = normal_quantiles(fit)
    x, y = table["normal_quantile"].to_numpy(float), table["value"].to_numpy(float)
    place.scatter(x, y, s=8, color=LOOKS[0].colour, linewidths=0)
    place.plot(x[[0, -1]], x[[0, -1]] * y.std() / x.std(), color=INK, linewidth=0.8)
    place.set(xlabel="normal quantile", ylabel="residual, SD")
    near = np.corrcoef(x, y)[0, 1]
    if near > STRAIGHT:
        return "Residuals are close to normal."
    return f"Residuals have longer or shorter tails than normal (r {near:.2f})."


def _effects_panel(place: Axes, fit: Fit, group: str) -> str:
    effects = random_effects(fit, group)
    term = effects["term"].iloc[-1]
    rows = effects[effects["term"] == term].sort_values("estimate", ignore_index=True)
    half = 1.96 * rows["std_error"]
    ends = rows["estimate"] - half, rows["estimate"] + half
    outside = int((rows["estimate"].abs() > half).sum())
    who = GROUPS.get(group, f"levels of {group}")
    if half.max() < 1e-6 * fit.estimates.sigma:
        place.set_axis_off()
        return f"The model found no differences between {who}."
    if len(rows) <= MOST_LEVELS:
        place.hlines(rows.index, *ends, color=LOOKS[0].colour)
        place.plot(rows["estimate"], rows.index, "s", markersize=4, color=LOOKS[0].colour)
        place.set_yticks(rows.index, [named(x) for x in rows["level"]], fontsize=7.5)
        place.axvline(0, color=INK, linewidth=0.8)
        place.set_xlabel(_effect_label(fit, str(term), who))
    else:
        place.vlines(rows.index, *ends, color=MUTED, alpha=0.4)
        place.plot(rows.index, rows["estimate"], color=LOOKS[0].colour)
        place.axhline(0, color=INK, linewidth=0.8)
        place.set(xlabel=f"{who}, in order", ylabel=_effect_label(fit, str(term), who))
    return f"{outside} of {len(rows)} {who} lie apart from the mean (95 %)."


def _effect_label(fit: Fit, term: str, who: str) -> str:
    if term == "Intercept":
        return f"level of {who}, from the mean"
    return f"slope of {who} per {one_unit(fit, term)}, from the mean"


def _lines(fit: Fit) -> Iterator[tuple[str, Line]]:
    """Give each coefficient and reference of the table, after what stands before its label."""
    head = ""
    for line in fit_table(fit).lines:
        if not line.estimate:
            plainly = line.label in (COLUMNS["condition"][0], COLUMNS["arm"][0])
            head = "" if plainly else "slope: " if " per " in line.label else f"{line.label}: "
        elif line.p or line.inside:
            yield (head if line.inside else ""), line


def _response_label(fit: Fit) -> str:
    response = response_of(fit)
    known = response == "improvement" and is_trajectory(fit)
    return f"improvement, {unit_of(fit)}" if known else named(response)


def _finished(
    figure: ShownFigure, fit: Fit, claim: str, alt: str, *, of_rows: bool = False
) -> ShownFigure:
    stamp = stamp_of(fit)
    real = not stamp and is_trajectory(fit)
    return finished(figure, claim, alt, stamp, of_patients=of_rows and real)
