"""The constrained longitudinal model of a trial: baseline is an outcome, its mean common to all."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from outcomes.causal.planned_visits import MOST_DATED, planned_weeks
from outcomes.errors import DataError
from outcomes.mixed.fit import MixedFit, lmm
from outcomes.records import baselines
from outcomes.rules.check import errors_of_rows
from outcomes.study import Study
from outcomes.trajectory import framed

LEAST_SCORES = 5
"""An occasion is modelled where every arm has at least so many scores."""


def clda(
    study: Study,
    instrument: str,
    *,
    reml: bool = True,
    df: str = "satterthwaite",
    due: tuple[float, ...] = (),
    window: float | None = None,
) -> MixedFit:
    """Fit the constrained longitudinal model (cLDA) to a study with a control.

    The scores at baseline and at each later occasion are the outcome, with one mean at baseline for
    all arms (they were the same population before care), a mean for each arm at each later
    occasion, and an unstructured covariance of the occasions. All scores are used, also of courses
    without a later one or without a baseline.

    Parameters
    ----------
    study : Study
        With arms, and the control named in its provenance.
    instrument : str
        Short name of the instrument.
    reml : bool
    df : {"satterthwaite", "kenward-roger", "normal"}
    due : tuple of float
        Weeks at which scores were due; each belongs to the nearest. Without them they are told from
        the scores (`outcomes.causal.planned_visits`).
    window : float or None
        Weeks on either side of a visit within which a score belongs to it.

    Returns
    -------
    MixedFit
        Of the score in the better direction (instrument's unit). The term ``{arm}_week_{w}`` (or
        ``{arm}_visit_{k}`` where days are unknown) is that arm minus the control at that occasion:
        positive = better. Occasions are weeks since the first visit; a week counts where every arm
        has five scores or more.

    Raises
    ------
    UsageError
        The instrument has no scores.
    DataError
        The study has no arms or no named control, or no occasion has scores in every arm.

    Warns
    -----
    RecordsWarning
        The records break rules that `check` calls errors.

    References
    ----------
    Liang & Zeger (2000), Sankhya B 62, 134; Liu et al. (2009), Stat. Med. 28, 2509.

    Examples
    --------
    >>> import numpy as np
    >>> from outcomes.provenance import Provenance
    >>> from outcomes.study import study_from_tables
    >>> rng = np.random.default_rng(1)
    >>> ids, levels = [f"e{i}" for i in range(40)], rng.normal(5, 1, (40, 1))
    >>> scores = (levels + rng.normal(0, 1, (40, 2))).clip(0, 10)
    >>> study = study_from_tables(
    ...     {
    ...         "episodes": pd.DataFrame({"episode_id": ids, "arm": ["massage", "wait"] * 20}),
    ...         "assessments": pd.DataFrame(
    ...             {"episode_id": np.repeat(ids, 2), "day": [0, 28] * 40, "instrument": "nprs",
    ...              "timing": ["baseline", "follow_up"] * 40, "score": scores.ravel()}
    ...         ),
    ...     },
    ...     provenance=Provenance(control="wait"),
    ... )
    >>> clda(study, "nprs").estimates.terms
    ('Intercept', 'week[T.4]', 'massage_week_4')
    """
    frame, formula = constrained_frame(study, instrument, due, window)
    rows = framed(frame, study, instrument)
    rows.record_errors = errors_of_rows(study)
    return lmm(formula, rows, reml=reml, df=df)


def constrained_frame(
    study: Study,
    instrument: str,
    due: tuple[float, ...] = (),
    window: float | None = None,
    *,
    at: tuple[float, ...] = (),
    covariates: tuple[str, ...] = (),
) -> tuple[pd.DataFrame, str]:
    """Return the rows and the formula of the constrained model; arguments as in `clda`.

    Parameters
    ----------
    at : tuple of float
        Occasions modelled; all that have scores enough by default.
    covariates : tuple of str
        Columns of `episodes`; each has a slope, or means of its levels, at every occasion.

    Returns
    -------
    frame : DataFrame
        One row a course and occasion: ``episode_id, occasion`` (0 is baseline), ``arm, better``
        and a column for each arm at each occasion.
    formula : str
    """
    control = _control(study)
    axis, rows = _scores(study, instrument, due, window)
    occasions = [time for time in _occasions(rows) if not at or time in at]
    long = rows[rows["occasion"].isin([0, *occasions])].reset_index(drop=True)
    names = []
    for arm in sorted(set(long["arm"]) - {control}):
        for occasion in occasions:
            names.append(difference_name(arm, axis, occasion))
            long[names[-1]] = (long["arm"].eq(arm) & long["occasion"].eq(occasion)).astype(float)
    labels = [f"{time:g}" for time in (0, *occasions) if long["occasion"].eq(time).any()]
    long[axis] = pd.Categorical(long["occasion"].map("{:g}".format), labels)
    terms = " + ".join(name if name.isidentifier() else f"`{name}`" for name in names)
    facts = covariate_columns(study, covariates).reindex(long["episode_id"])
    long[facts.columns] = facts.to_numpy()
    at_each = f" * {axis}" if len(labels) > 1 else ""
    fixed = [*([axis] if at_each else []), terms, *(f"{name}{at_each}" for name in facts)]
    return long, f"better ~ {' + '.join(fixed)} + us({axis} | episode_id)"


def covariate_columns(study: Study, names: tuple[str, ...]) -> pd.DataFrame:
    """Return covariates of each course as numbers.

    Parameters
    ----------
    study : Study
    names : tuple of str
        Columns of `episodes`.

    Returns
    -------
    DataFrame, index episode_id
        A number with its mean where it is not known, and ``name_k`` for the k-th level but the
        first of words, "not recorded" one of them: arms made by chance stay comparable (White &
        Thompson 2005, Stat Med 24, 993). What is the same for all is not there.
    """
    found: dict[str, pd.Series[float]] = {}
    for name in names:
        column = study.courses[name]
        if pd.api.types.is_float_dtype(column):
            found[name] = column.fillna(column.mean())
            continue
        words = column.astype(object).where(column.notna(), "not recorded").astype(str)
        for number, level in enumerate(sorted(set(words))[1:], start=1):
            found[f"{name}_{number}"] = (words == level).astype(float)
    table = pd.DataFrame(found, index=study.courses.index)
    return table.loc[:, table.nunique() > 1]


def _control(study: Study) -> str:
    arms = study.episodes["arm"].dropna()
    control = study.provenance.control
    if arms.nunique() < 2 or control not in set(arms):
        must = "The constrained model needs arms, one of them named as the control"
        raise DataError(
            must,
            got="fewer than two arms" if arms.nunique() < 2 else "no control among them",
            where="table episodes, column arm",
            remedy="Name it in the column map: [study] control = ...",
        )
    return str(control)


def _scores(
    study: Study, instrument: str, due: tuple[float, ...], window: float | None
) -> tuple[str, pd.DataFrame]:
    """Return the time axis, and one row a course and occasion; baseline is occasion 0."""
    later = study.trajectory(instrument)
    dated = bool(later["day"].notna().mean() >= MOST_DATED)
    place = planned_weeks(later, due, window).clip(1.0) if dated else later["session"]
    later = later.assign(occasion=place)
    start = baselines(study, instrument)[["episode_id", "score"]].assign(occasion=0.0)
    start = start if start["score"].nunique() > 1 else start.head(0)  # one score tells nothing
    columns = ["episode_id", "occasion", "score"]
    rows = pd.concat([start, later[columns]], ignore_index=True).dropna(subset="occasion")
    rows = rows.drop_duplicates(["episode_id", "occasion"], keep="last")
    rows["arm"] = study.courses["arm"].reindex(rows["episode_id"]).to_numpy()
    rows["better"] = study.instrument(instrument).sign * rows["score"]
    return ("week" if dated else "visit"), rows.dropna(subset=["arm"])


def _occasions(rows: pd.DataFrame) -> list[Any]:
    later = rows[rows["occasion"] > 0]
    seen = later.groupby(["occasion", "arm"]).size() >= LEAST_SCORES
    arms = seen.groupby("occasion").sum()
    enough = arms.index[arms == rows["arm"].nunique()]
    if not len(enough):
        must = f"Some occasion must have {LEAST_SCORES} scores in every arm"
        raise DataError(must, got="none", remedy="Give days, or round them to planned visits.")
    return list(enough)


def difference_name(arm: str, axis: str, occasion: float) -> str:
    """Return the term that is an arm minus the control at an occasion (``massage_week_4``)."""
    plain = re.sub(r"\W+", "_", str(arm)).strip("_")
    return f"{plain}_{axis}_{occasion:g}"
