"""Fit a linear mixed-effects model asked for by a formula; every table and test is its method.

A residual covariance may also be chosen among several by its likelihood, by a rule that is stated.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd

from outcomes.errors import (
    ExposureWarning,
    FitError,
    FormulaError,
    OutcomesWarning,
    RecordsWarning,
    UnvaryingError,
    UsageError,
    warn,
)
from outcomes.mixed.after.bootstrap import bootstrap
from outcomes.mixed.after.crosscheck import crosscheck
from outcomes.mixed.after.diagnostics import influence, normal_quantiles, residuals
from outcomes.mixed.after.effect_sizes import icc, r2
from outcomes.mixed.after.predict import predict
from outcomes.mixed.after.profile import profile_intervals
from outcomes.mixed.after.tables import (
    augment,
    glance,
    hypothesis_table,
    random_effects,
    tidy,
    variance_components,
)
from outcomes.mixed.inference.anova import anova, drop1, ranova
from outcomes.mixed.inference.likelihood_ratio import compare
from outcomes.mixed.inference.robust import robust
from outcomes.mixed.margins.contrasts import contrasts, joint_tests
from outcomes.mixed.margins.margins import emmeans, emtrends
from outcomes.mixed.products.agreed import adds_up
from outcomes.mixed.products.pieces import Pieces, cut_rows
from outcomes.mixed.products.products import fit_parts
from outcomes.mixed.reading.design import Design, WeightsLike, build_design
from outcomes.mixed.reading.formula import (
    ModelFormula,
    expression_variables,
    parse_formula,
    variables,
)
from outcomes.mixed.reading.frame import encode, plain_column, plain_table, require_columns
from outcomes.mixed.record import Fit, Request, fit_design
from outcomes.mixed.types import checked


class MixedFit(Fit):
    """A fitted linear mixed-effects model.

    Its methods are functions of the record `Fit`, bound here; ``help(fit.emmeans)`` shows each.
    """

    tidy = checked(tidy)
    glance = checked(glance)
    variance_components = checked(variance_components)
    random_effects = checked(random_effects)
    augment = checked(augment)
    test = checked(hypothesis_table)
    anova = checked(anova)
    drop1 = checked(drop1)
    ranova = checked(ranova)
    emmeans = checked(emmeans)
    contrasts = checked(contrasts)
    joint_tests = checked(joint_tests)
    emtrends = checked(emtrends)
    predict = checked(predict)
    residuals = checked(residuals)
    normal_quantiles = checked(normal_quantiles)
    influence = checked(influence)
    profile = checked(profile_intervals)
    bootstrap = checked(bootstrap)
    icc = checked(icc)
    r2 = checked(r2)
    robust = checked(robust)
    compare = checked(compare)
    crosscheck = checked(crosscheck)

    if not TYPE_CHECKING:  # else every misspelled attribute would pass

        def __getattr__(self, name: str) -> NoReturn:
            """Say what is here what other packages call otherwise."""
            own = [own for own, others in ELSEWHERE.items() if name.lower() in others.split()]
            hint = f"; here it is fit.{own[0]}" if own else ""
            msg = f"a fit has no '{name}'{hint}"
            raise AttributeError(msg, name=name, obj=self)


ELSEWHERE = {
    "tidy()": "summary coef params fixef fe_params bse tvalues pvalues conf_int confint",
    "random_effects()": "ranef",
    "variance_components()": "varcorr cov_re vcomp sigma",
    "glance()": "aic bic llf deviance nobs converged",
    "residuals()": "resid hatvalues",
    "fitted": "fittedvalues",
}
"""What lme4, statsmodels and others call a method of a fit."""


DF_METHODS = ("satterthwaite", "kenward-roger", "normal")

MANY_ROWS, PART_ROWS = 500_000, 100_000
"""More rows than the first are fitted part by part; so many rows are in a part."""

SAME_VISIT = ("pressure_same_visit", "minutes_same_visit", "sessions_attended")
"""Exposures that the score may have caused."""
ANSWERS_SCORES = ("pressure", "pressure_mean", "pressure_within")
SEEN = ("baseline", "score_before")
"""What is known when pressure is chosen; a trajectory has these columns."""


@checked
def lmm(
    formula: str,
    data: pd.DataFrame | Pieces,
    *,
    reml: bool = True,
    df: str = "satterthwaite",
    weights: WeightsLike = None,
) -> MixedFit:
    """Fit a linear mixed-effects model.

    Parameters
    ----------
    formula : str
        As in lme4, ``"improvement ~ session_count + (1 + session_count | episode_id)"``.
        The fixed part is formulaic's: splines, contrasts, interactions, transforms, offsets.
        Random terms: ``(1 + x | g)``, ``(x || g)``, ``(1 | a/b)``, ``(1 | a:b)``, several of them,
        nested or crossed. One term may give the residuals of a patient a covariance, as in the R
        package mmrm: ``us(visit | episode_id)`` unstructured, ``cs`` compound symmetry, ``ar1``
        (``csh``, ``ar1h``: each visit its own variance), ``ou(day | episode_id)`` decaying with the
        time between, ``us(visit | arm / episode_id)`` for each arm its own.
    data : data frame of pandas, polars or pyarrow, or Pieces
        One row a score; what comes in pieces is fitted without keeping them, where its model adds
        up over them. Rows with a missing value in a column of the formula are left out and
        counted.
    reml : bool
        Restricted maximum likelihood; False for maximum likelihood.
    df : {"satterthwaite", "kenward-roger", "normal"}
        Degrees of freedom of tests and intervals.
    weights : str or array, shape (n,), optional
        Prior weights, or the column that holds them: the residual variance of a row is
        sigma^2 / weight.

    Returns
    -------
    MixedFit

    Raises
    ------
    FormulaError
        The formula cannot be read, or names a column that is not in the data.
    FitError
        The data cannot carry the model.
    UsageError
        An option is not one that is known.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> lmm("score ~ visit + (1 | patient)", data)
    <MixedFit score ~ visit + (1 | patient): 120 rows, patient 20; REML, sigma 0.993>
    """
    parsed = parse_formula(formula)
    request = _request(parsed, reml, df, weights)
    _warn_of_records(data)
    if isinstance(data, Pieces):
        pieces = data
        if adds_up(parsed, next(iter(pieces))) and not request.weighted:
            return fit_parts(request, lambda: pieces).bound(MixedFit)
        data = pieces.together()
    data = plain_table(data)
    _warn_of_exposures(parsed, data)
    if len(data) > MANY_ROWS and adds_up(parsed, data) and not request.weighted:
        return _fit_of_many(request, parsed, data)
    design = build_design(parsed, data, weights)
    return fit_design(design, request).bound(MixedFit)


def _fit_of_many(request: Request, formula: ModelFormula, data: pd.DataFrame) -> MixedFit:
    """Fit to so many rows that they are taken part by part: memory does not grow with them."""
    require_columns(variables(formula), data)
    groups = [name for term in formula.random for name in term.group]
    coded = {name: encode(plain_column(name, data[name])).codes for name in groups}
    finest = max(groups, key=lambda name: coded[name].max())
    needed = {name: data[name] for name in variables(formula)}
    within = expression_variables(formula)
    known = {name: pd.Series(own.astype(np.int32), data.index) for name, own in coded.items()
             if own.min() >= 0 and name not in within}  # fmt: skip
    rows = pd.DataFrame(needed | known, copy=False)  # numbers pass quicker than words
    return fit_parts(request, lambda: cut_rows(rows, finest, PART_ROWS)).bound(MixedFit)


def _request(formula: ModelFormula, reml: bool, df: str, weights: WeightsLike) -> Request:
    if df not in DF_METHODS:
        must = f"df must be one of {', '.join(DF_METHODS)}"
        raise UsageError(must, got=f"'{df}'")
    if df == "kenward-roger" and not reml:
        must = "Kenward-Roger needs a REML fit"
        raise UsageError(must, got="reml=False", remedy="Use reml=True, or df='satterthwaite'.")
    if not formula.random and formula.residual is None:
        must = "A mixed model needs a random term such as (1 | episode_id)"
        remedy = "For independent rows use ordinary least squares: statsmodels.formula.api.ols."
        raise FormulaError(must, got="none", where=f"in '{formula.text}'", remedy=remedy)
    return Request(formula.text, reml, df, weights is not None)


def _warn_of_records(data: pd.DataFrame | Pieces) -> None:
    """Name the errors of the records that the rows come from, where the rows know of them."""
    errors = getattr(data, "record_errors", ())
    if isinstance(errors, tuple) and errors:  # no column of that name
        warn(
            f"The records break rules that `check` calls errors: {'; '.join(errors)}. The rows "
            "behind them are in this fit.",
            RecordsWarning,
        )


def _warn_of_exposures(formula: ModelFormula, data: pd.DataFrame) -> None:
    named = variables(formula)
    late = [name for name in named if name in SAME_VISIT]
    if late:
        warn(
            f"{', '.join(late)}: chosen with or after the score, so the score may have caused it. "
            "Use an exposure from before the score (pressure, minutes_before, session_count).",
            ExposureWarning,
        )
    fixed = set(re.findall(r"\w+", formula.fixed))
    chosen = [name for name in ANSWERS_SCORES if name in fixed]
    held = getattr(data, "columns", ())  # what is no table is refused where it is read
    missing = [name for name in SEEN if name in held and name not in named]
    if chosen and missing:
        warn(
            f"{', '.join(chosen)}: therapists choose pressure by the scores they have seen, so "
            f"without {' and '.join(missing)} in the formula it stands for those scores.",
            ExposureWarning,
        )


MARGIN = 2.0
"""A fit with more parameters is taken when its AIC is lower by more than this."""

RULE = (
    "Of the residual covariances tried, the one with fewest parameters within 2 of the lowest AIC, "
    "among fits that converged without a residual variance of zero."
)


@dataclass(frozen=True)
class Choice:
    """A residual covariance chosen.

    Parameters
    ----------
    fit : MixedFit
        The fit chosen.
    table : pandas.DataFrame
        residual (the term; "independent" without one), n_parameters, loglik, aic, bic, note,
        chosen: one row a candidate.
    fits : mapping of str to MixedFit
        Every candidate that could be fitted, by its term.
    rule : str
        How it was chosen.
    """

    fit: MixedFit
    table: pd.DataFrame
    fits: Mapping[str, MixedFit]
    rule: str = RULE


@checked
def choose_residual(
    formula: str,
    data: pd.DataFrame,
    candidates: Sequence[str],
    *,
    reml: bool = True,
    df: str = "satterthwaite",
) -> Choice:
    """MixedFit a model with several residual covariances and choose one.

    Parameters
    ----------
    formula : str
        Without a residual term.
    data : pandas.DataFrame
    candidates : sequence of str
        Residual terms such as ``"ou(day | episode_id)"``; the empty text stands for independent
        residuals. All fits use the rows on which every candidate's columns are known.
    reml : bool
        The fixed part is the same for all, so REML likelihoods compare.
    df : {"satterthwaite", "kenward-roger", "normal"}

    Returns
    -------
    Choice

    Raises
    ------
    FitError
        No candidate can be fitted.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> distance = np.abs(np.subtract.outer(range(6), range(6)))
    >>> errors = rng.normal(size=(50, 6)) @ np.linalg.cholesky(0.7**distance).T
    >>> data = pd.DataFrame({"patient": np.repeat(range(50), 6), "visit": np.tile(range(6), 50)})
    >>> data["score"] = 5 - 0.3 * data.visit + errors.ravel()
    >>> tried = ["cs(visit | patient)", "ar1(visit | patient)", "us(visit | patient)"]
    >>> choose_residual("score ~ visit", data, tried).table[["residual", "chosen"]]
                   residual  chosen
    0   cs(visit | patient)   False
    1  ar1(visit | patient)    True
    2   us(visit | patient)   False
    """
    fits = _tried(formula, data, candidates, reml, df)
    rows = [_row(term, fit) for term, fit in zip(candidates, fits, strict=True)]
    table = pd.DataFrame(rows)
    eligible = table["aic"].where(table["note"] == "")
    if eligible.isna().all():
        must = "At least one residual covariance must be possible"
        alike = any(isinstance(fit, UnvaryingError) for fit in fits)
        notes = "; ".join(note.rstrip(".") for note in table["note"])
        raise (UnvaryingError if alike else FitError)(must, got="none", where=notes)
    close = table[eligible <= eligible.min() + MARGIN]
    best = int(close.sort_values(["n_parameters", "aic"]).index[0])
    fit = fits[best]
    assert isinstance(fit, MixedFit)
    possible = {t: f for t, f in zip(candidates, fits, strict=True) if isinstance(f, MixedFit)}
    return Choice(fit, table.assign(chosen=table.index == best), possible)


def _tried(
    formula: str, data: pd.DataFrame, terms: Sequence[str], reml: bool, df: str
) -> list[MixedFit | FitError]:
    """Fit each candidate to the same rows; those that need no other columns share a design."""
    parsed = {term: parse_formula(f"{formula} + {term}" if term else formula) for term in terms}
    needs = {term: variables(one) for term, one in parsed.items()}
    data = plain_table(data)
    require_columns({name: parts for one in needs.values() for name, parts in one.items()}, data)
    complete = data[list(set().union(*needs.values()))].notna().all(axis=1)
    rows = data if complete.all() else data[complete]
    fits: dict[str, MixedFit | FitError] = {}
    shared: tuple[set[str], Design] | None = None
    for term in sorted(parsed, key=lambda term: -len(needs[term])):
        one, columns = parsed[term], set(needs[term])
        request = _request(one, reml, df, None)
        # what a fit warns of stands in its note
        with warnings.catch_warnings(action="ignore", category=OutcomesWarning):
            try:
                if len(rows) > MANY_ROWS:
                    fits[term] = _of_many(one, rows, reml, df)
                    continue
                if shared is None or not columns <= shared[0]:
                    shared = columns, build_design(one, rows)
                design = replace(shared[1], formula=one)
                fits[term] = fit_design(design, request).bound(MixedFit)
            except FitError as error:
                fits[term] = error
    return [fits[term] for term in terms]


def _of_many(formula: ModelFormula, rows: pd.DataFrame, reml: bool, df: str) -> MixedFit:
    if formula.residual is not None:
        must = f"A residual covariance is tried with up to {MANY_ROWS:,} rows"
        raise FitError(must, got=f"{len(rows):,}", remedy="Try it on a sample of whole courses.")
    return lmm(formula.text, rows, reml=reml, df=df)


def _row(term: str, fit: MixedFit | FitError) -> dict[str, object]:
    name = term or "independent"
    if isinstance(fit, FitError):
        nothing = dict.fromkeys(("n_parameters", "loglik", "aic", "bic"), np.nan)
        return {"residual": name, **nothing, "note": str(fit)}
    numbers = glance(fit).iloc[0]
    note = "" if fit.optimum.converged else "did not converge"
    if str(fit.design.formula.residual) in fit.estimates.singular_terms:
        note = "a residual variance is zero or a correlation is one"
    kept = {key: numbers[key] for key in ("n_parameters", "loglik", "aic", "bic")}
    return {"residual": name, **kept, "note": note}
