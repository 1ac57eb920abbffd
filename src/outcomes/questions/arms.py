"""The arms of a trial compared with its control: ANCOVA, change, and the constrained model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.linalg import matrix_rank

from outcomes.causal.constrained import constrained_frame, difference_name
from outcomes.causal.missing_not_at_random import COPY, JUMP, reference_based, tipping_point
from outcomes.errors import FitError, UnvaryingError
from outcomes.mixed.fit import MixedFit, lmm
from outcomes.mixed.inference.testing import Family, adjusted
from outcomes.mixed.likelihood.working import independent_columns
from outcomes.mixed.types import Array
from outcomes.questions.course_frame import Axis
from outcomes.questions.course_model import (
    LEAST_CLUSTERS,
    LEAST_RANDOM,
    estimates,
    own_part,
    quietly,
    undiluted,
    with_intervals,
)
from outcomes.questions.declared import Declared
from outcomes.records import baselines, visits_received
from outcomes.study import Study

CLUSTERED = "constrained, therapists"
CLUSTERED_ANCOVA = "ancova, therapists"
TIPPING = "tipping point"
WITH_THERAPISTS = (CLUSTERED, CLUSTERED_ANCOVA)
MOST_COME = 0.5
"""Share of an arm's courses that have a therapist, from which on the arm is one that is treated."""
LATER = 14
"""Days after the other arms from which on care of the control is care later."""
MOST_TOLD = 0.9
"""Share of an arm's treated courses whose therapist is recorded; the others count by themselves."""
MOST_TIMES = 8
"""The constrained model gives each time a mean and variance of its own, each pair a correlation."""
EXACT = 1e-18
"""Up to this share of the sum of squares is left by a fit that reproduces all scores."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Who treats in the arms of a trial, or which clinics were allotted to them.

    Parameters
    ----------
    of_course : Series, index episode_id
        Therapist (`outcomes.records.therapist_of_course`), or clinic; empty where nobody treated.
    least : int
        Those of the arm with fewest, of arms that are treated; 0 where they are not recorded.
    one_arm : bool
        Whether the control is not treated, or nobody else.
    shared : bool
        Whether one belongs to the control and another arm; where therapists were allotted to arms,
        none does.
    """

    of_course: pd.Series[str]
    least: int
    one_arm: bool
    shared: bool

    @property
    def df_limits(self) -> tuple[float, float]:
        """The fewest and the most degrees of freedom of a comparison."""
        return df_limits(self.least, shared=self.shared, one_arm=self.one_arm)


@dataclass(frozen=True, eq=False)
class Arms:
    """Trajectory rows of a study with arms.

    Parameters
    ----------
    rows : DataFrame
        Trajectory with ``arm``; ``therapist_id`` is of the course.
    axis : {"session_count", "week"}
        Time of a score.
    times : tuple of float
        Times at which arms are compared.
    control : str
        The control arm.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    facts : DataFrame, index episode_id
        Covariates as numbers; see `covariate_columns`.
    plan : Declared
        What an analysis plan says of the comparison.
    own_share : float
        Share of visits that the therapist of the course gave.
    """

    rows: pd.DataFrame
    axis: Axis
    times: tuple[float, ...]
    control: str
    sign: int
    facts: pd.DataFrame
    plan: Declared
    own_share: float = 1.0

    @cached_property
    def treated(self) -> list[str]:
        """Arms other than the control, sorted."""
        return sorted(set(self.rows["arm"].dropna()) - {self.control})

    @cached_property
    def clusters(self) -> Clusters:
        """Clinics, where the plan says that chance allotted those; else who treats in which arm."""
        rows = self.rows[self.rows[self.axis] <= self.times[-1]]
        last = rows.drop_duplicates("episode_id", keep="last").set_index("episode_id")
        untreated = last["session_count"].eq(0)
        who = last["therapist_id"].where(~untreated)
        if self.plan.unit == "clinic":
            who, untreated = last["clinic_id"], untreated & False
        named = who.notna().groupby(last["arm"]).mean()
        all_told = (who.notna() | untreated).groupby(last["arm"]).mean() >= MOST_TOLD
        treats = named >= MOST_COME
        told = (all_told | (named.index == self.control) & (named == 0)).all()
        needed = treats if self.plan.unit in ("therapist", "clinic") else treats[treats]
        number = who.groupby(last["arm"]).nunique()[treats]
        of_treating = who[last["arm"].map(treats).astype(bool)]
        arms_of = last["arm"].eq(self.control).groupby(of_treating).nunique()
        return Clusters(
            of_course=who,
            least=int(number.min()) if told and len(number) and needed.all() else 0,
            one_arm=bool(not treats[self.control] or treats.sum() == 1),
            shared=self.plan.unit != "therapist" and bool((arms_of > 1).any()),
        )

    @property
    def own_part(self) -> float:
        """What a course has more of its own therapist than of any other one of its arm."""
        return float(own_part(self.own_share, self.clusters.least))

    @property
    def clinics_are_arms(self) -> bool:
        """Whether there are several clinics, and each has one arm only."""
        arms_of = self.rows["arm"].groupby(self.rows["clinic_id"]).nunique()
        return len(arms_of) > 1 and bool((arms_of == 1).all())

    def columns_of(self, covariates: tuple[str, ...]) -> list[str]:
        """Return the columns of covariates, none of one that is the same for all courses."""
        return [c for c in map(str, self.facts) if c.rstrip("0123456789").rstrip("_") in covariates]

    def determined_by(self, covariates: tuple[str, ...]) -> bool:
        """Whether covariates determine an arm: the two cannot be told apart at some time."""
        own = self.columns_of(covariates)
        for time in self.times:
            rows = self.at(time)
            arms = pd.get_dummies(rows["arm"], dtype=float)
            facts = self.facts.loc[rows["episode_id"], own].to_numpy(float)
            facts = np.column_stack([np.ones(len(rows)), facts])
            apart = matrix_rank(np.column_stack([facts, arms])) - matrix_rank(facts)
            if apart < len(self.treated):
                return True
        return False

    def varies(self, time: float) -> bool:
        """Whether courses of one arm that started alike differ at a time."""
        rows = self.at(time)
        columns = np.column_stack([pd.get_dummies(rows["arm"]), rows["baseline"]]).astype(float)
        change = rows["improvement"].to_numpy()
        rest = change - columns @ np.linalg.lstsq(columns, change)[0]
        return bool(rest @ rest > EXACT * (change @ change))

    def at(self, time: float) -> pd.DataFrame:
        """Return one row a course: its score at a time, the last where it has several."""
        rows = self.rows[self.rows[self.axis] == time]
        return rows.drop_duplicates("episode_id", keep="last")

    def labelled(self, found: pd.DataFrame, kind: str, time: float) -> pd.DataFrame:
        """Return rows of the arms minus the control with what they are and how many courses."""
        n = self.at(time)["arm"].value_counts()
        labels = pd.DataFrame({"kind": kind, "arm": self.treated, self.axis: time})
        own = n[self.treated].to_numpy()
        return labels.assign(n_episodes=own, n_control=int(n[self.control])).join(found)


def for_their_number(found: pd.DataFrame, covariance: Array) -> pd.DataFrame:
    """Adjust what is found at one time for the number of arms, by the multivariate t."""
    p, t, df = (found[name].to_numpy(float) for name in ("p_value", "statistic", "df"))
    return adjusted(found, "mvt", Family(p, t, df, len(found) + 1, covariance, 0.95))


def compared_at(arms: Arms, time: float) -> pd.DataFrame:
    """Compare each arm with the control at one time, in three ways.

    Parameters
    ----------
    arms : Arms
        The rows.
    time : float
        Value of the time axis.

    Returns
    -------
    DataFrame
        One row a way and arm: ``kind`` (``ancova``: baseline and covariates; ``change``:
        improvement alone; ``score``: the score alone), ``arm``, ``n_episodes, n_control``,
        estimate, std_error, df, statistic, p_value, conf_low, conf_high: arm minus control,
        positive = better; of several arms p-values and intervals allow for their number. Rows of
        courses without a score at that time are not used.
    """
    rows = arms.at(time)
    dummies = np.column_stack([(rows["arm"] == arm).astype(float) for arm in arms.treated])
    constant = np.ones((len(rows), 1))
    score = arms.sign * rows["score"].to_numpy()
    improvement = rows["improvement"].to_numpy()
    baseline = rows[["baseline"]].to_numpy() - rows["baseline"].mean()
    facts = arms.facts.reindex(rows["episode_id"]).to_numpy(float)
    ways = {
        "ancova": (improvement, np.hstack([constant, dummies, baseline, facts])),
        "change": (improvement, np.hstack([constant, dummies])),
        "score": (score, np.hstack([constant, dummies])),
    }
    wide = ways["ancova"][1]  # a fact that others tell is left out, a start that all share too
    least = 1 + dummies.shape[1] + bool(np.ptp(baseline))
    kept = sorted({*range(least), *independent_columns(wide)})
    ways["ancova"] = (improvement, wide[:, kept])
    parts = [arms.labelled(_ols_rows(arms, *way), kind, time) for kind, way in ways.items()]
    return pd.concat(parts, ignore_index=True)


def _ols_rows(arms: Arms, outcome: Any, columns: Any) -> pd.DataFrame:
    """Fit by least squares; courses must differ in more than in arm and start."""
    from statsmodels.regression.linear_model import OLS

    if matrix_rank(columns) < columns.shape[1]:
        must = "baselines must not determine the arm"
        raise FitError(must, got="one arm of those that started alike")
    fit = OLS(outcome, columns).fit()
    if fit.ssr <= EXACT * (outcome @ outcome):
        must = "scores of courses that started alike must vary"
        raise UnvaryingError(must, got="the same for all")
    own = slice(1, len(arms.treated) + 1)
    covariance = fit.cov_params()[own, own]
    return for_their_number(with_intervals(fit.params[own], covariance, fit.df_resid), covariance)


def constrained_rows(study: Study, arms: Arms, instrument: str) -> tuple[pd.DataFrame, MixedFit]:
    """Compare the arms by the constrained longitudinal model, with therapists where they treat.

    Parameters
    ----------
    study : Study
        With arms and a named control.
    arms : Arms
        Its rows.
    instrument : str
        Instrument of the outcome.

    Returns
    -------
    table : DataFrame
        As `compared_at`; ``kind`` is ``constrained`` (Kenward-Roger), and first, where therapists
        are recorded and not too few, ``constrained, therapists`` (Satterthwaite).
    fit : MixedFit
        The model of the first rows.

    Notes
    -----
    Patients of one therapist share what is particular to the therapist after baseline, and what of
    it grows; where therapists treat both arms, also how well each offers the treatment, which may
    go with the rest. Taken as independent of it, four therapists whose patients do better in one
    arm and worse in the other left zero out in 12 % of 89 simulated trials without an effect; with
    the correlation, and no more degrees of freedom than twice their number less one, in 7 %. In
    studies/clinics (100 trials without an effect each, docs/validation.md) 95 % intervals left zero
    out in 7 % with three therapists in each arm, and in none with three in one arm, whose degrees
    of freedom are no more than two: without that limit it was 6.5 % of 200.
    """
    at, plan = arms.times[-MOST_TIMES:], arms.plan
    frame, formula = constrained_frame(
        study, instrument, plan.weeks, plan.window, at=at, covariates=plan.covariates
    )
    clusters = arms.clusters
    with quietly():
        plain = _read_off(arms, lmm(formula, frame, df="kenward-roger"), "constrained")
    if clusters.least < LEAST_RANDOM:
        return plain
    frame, random = _by_cluster(arms, frame, frame["occasion"].astype(float))
    with quietly():
        fit = undiluted(lmm(f"{formula} + {random}", frame), plain[1], arms.own_part)
    rows, _ = _read_off(arms, fit, CLUSTERED, clusters.df_limits)
    return pd.concat([rows, plain[0]], ignore_index=True), fit


def _by_cluster(arms: Arms, frame: pd.DataFrame, time: Any) -> tuple[pd.DataFrame, str]:
    """Return rows with what therapists add after baseline, and the random part that says so."""
    who = frame["episode_id"].map(arms.clusters.of_course)
    later = (time.gt(0) & who.notna()).astype(float)
    offered, ramp = later * frame["arm"].ne(arms.control), time / time.max()
    frame = frame.assign(
        cluster=who.fillna("none"), later=later, growing=later * ramp, offered=offered,
        offered_growing=offered * ramp,
    )  # fmt: skip
    columns = ["later + offered" if arms.clusters.shared else "later"]
    if time[time.gt(0)].nunique() > 1:
        columns.append("offered_growing" if arms.clusters.shared else "growing")
    return frame, " + ".join(f"(0 + {name} | cluster)" for name in columns)


def df_limits(least: int, *, shared: bool, one_arm: bool) -> tuple[float, float]:
    """Return the fewest and the most degrees of freedom of a comparison; see `Clusters`.

    Notes
    -----
    Those of few therapists, of one arm or of both, have an upper limit (`constrained_rows`).
    Satterthwaite's have no lower one: where one of five therapists treats most patients of an arm
    they fell to 0.2, and an interval was three million points wide. There are as many as
    therapists of an arm less one (containment), five at most; of 600 simulated trials without an
    effect that changed which left zero out in none.
    """
    if least < LEAST_RANDOM:
        return 0.0, np.inf
    fewest = min(least - 1.0, LEAST_CLUSTERS)
    if shared and least < LEAST_CLUSTERS:
        return fewest, 2.0 * (least - 1)
    return fewest, 2.0 if one_arm and least == LEAST_RANDOM else np.inf


def clustered_ancova(arms: Arms) -> tuple[pd.DataFrame, MixedFit]:
    """Compare the arms by ANCOVA at each time, patients of one therapist alike.

    Parameters
    ----------
    arms : Arms
        With therapists recorded, for scores without weeks.

    Returns
    -------
    table : DataFrame
        As `compared_at`; ``kind`` is ``ancova, therapists`` (Satterthwaite).
    fit : MixedFit
        The model of the last time.
    """
    parts = []
    for time in arms.times:
        rows = arms.at(time).reset_index(drop=True)
        names = [difference_name(arm, arms.axis, time) for arm in arms.treated]
        facts = arms.facts.reindex(rows["episode_id"]).reset_index(drop=True).astype(float)
        facts = facts.set_axis([f"fact_{k}" for k in range(facts.shape[1])], axis=1)
        treated = {n: (rows["arm"] == a) * 1.0 for n, a in zip(names, arms.treated, strict=True)}
        frame, random = _by_cluster(arms, rows.assign(**treated).join(facts), rows[arms.axis])
        fixed = " + ".join([*(f"`{name}`" for name in names), "baseline", *facts])
        with quietly():
            plain = lmm(f"improvement ~ {fixed} + us({arms.axis} | episode_id)", frame)
            fit = undiluted(lmm(f"improvement ~ {fixed} + {random}", frame), plain, arms.own_part)
        parts.append(_read_off(arms, fit, CLUSTERED_ANCOVA, arms.clusters.df_limits)[0])
    return pd.concat(parts, ignore_index=True), fit


def _read_off(
    arms: Arms, fit: MixedFit, kind: str, df_limits: tuple[float, float] = (0.0, np.inf)
) -> tuple[pd.DataFrame, MixedFit]:
    """Return arm minus control at each time of the model, as `compared_at` does."""
    parts = []
    for time in arms.times:
        terms = [difference_name(arm, arms.axis, time) for arm in arms.treated]
        if not set(terms) <= set(fit.estimates.terms):
            continue
        picks = differences(fit, terms)
        covariance = fit.inference.covariance(picks)
        df = np.clip(fit.inference.df(picks), *df_limits)
        found = with_intervals(picks @ fit.estimates.beta, covariance, df)
        parts.append(arms.labelled(for_their_number(found, covariance), kind, time))
    return pd.concat(parts, ignore_index=True), fit


def differences(fit: MixedFit, terms: list[str]) -> Array:
    """Return the combinations of the coefficients that pick these terms, one a row."""
    names = list(fit.estimates.terms)
    return np.asarray(np.eye(len(names))[[names.index(term) for term in terms]])


def if_they_had_left(study: Study, arms: Arms, instrument: str, model: MixedFit) -> pd.DataFrame:
    """Return the difference at the last time under what the missing scores may have been.

    Parameters
    ----------
    study, arms, instrument
        As in `constrained_rows`.
    model : MixedFit
        The model of the answer.

    Returns
    -------
    DataFrame
        For each arm with such courses rows of kind ``jump to reference``, ``copy increments in
        reference`` (see `reference_based`) and, where the arm did better, ``tipping point``: by how
        many points its missing scores, or those of the control (better), must differ from what is
        expected until the interval reaches zero.
    """
    names = model.estimates.terms
    times = [t for t in arms.times if difference_name(arms.treated[0], arms.axis, t) in names]
    seen = arms.rows[arms.rows[arms.axis].isin(times)]
    last = seen.groupby("episode_id")[arms.axis].max()
    entered = study.courses["arm"].loc[baselines(study, instrument)["episode_id"].unique()]
    last = last.reindex(entered.index).fillna(0.0)
    parts = []
    for arm, critical in _critical(arms, model, times[-1]).items():
        picks = differences(model, [difference_name(arm, arms.axis, t) for t in times])
        found = estimates(model, picks)
        ends = last[entered == arm].value_counts().reindex([0.0, *times], fill_value=0).to_numpy()
        d = found["estimate"].to_numpy()
        df = float(np.clip(found["df"].iloc[-1], *arms.clusters.df_limits))
        covariance = model.inference.covariance(picks)
        n = {"n_episodes": int(ends.sum()), "n_control": int((entered == arms.control).sum())}
        n["n_missing"] = int(ends[:-1].sum())
        if n["n_missing"]:
            rows = reference_based(d, covariance, df, ends[:-1], n["n_episodes"], critical)
            parts.append(rows.assign(arm=arm, **n).head(len(times)))  # at one time both are one
        for shifted in (arm, arms.control):
            own = last[entered == shifted] < times[-1]
            share = pd.Series({shifted: own.mean()})
            known = float(d[-1]), float(found["std_error"].iloc[-1]), df
            n["n_missing"] = int(own.sum())
            if n["n_missing"] and (shifted == arm or len(arms.treated) == 1):
                tip = tipping_point(*known, share, len(own), critical=critical)
                parts.append(
                    pd.DataFrame([{"kind": TIPPING, "arm": shifted, "estimate": tip, **n}])
                )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.assign(**{arms.axis: times[-1]})


def _critical(arms: Arms, model: MixedFit, time: float) -> dict[str, float]:
    """Return by how many standard errors the interval of each arm reaches, for their number."""
    table, _ = _read_off(replace(arms, times=(time,)), model, "", arms.clusters.df_limits)
    errors = (table["conf_high"] - table["estimate"]) / table["std_error"]
    return dict(zip(table["arm"], errors, strict=True))


def care_later(arms: Arms, study: Study) -> bool:
    """Whether most of the control had care too by the last time, from weeks after the others on."""
    begun = visits_received(study).groupby("episode_id")["day"].min()
    first = begun.groupby(study.courses["arm"].reindex(begun.index)).median()
    last = arms.at(arms.times[-1])
    treated = last.loc[last["arm"] == arms.control, "session_count"].gt(0).mean() >= MOST_COME
    return bool(treated and first.get(arms.control, 0.0) > first.drop(arms.control).min() + LATER)


def taken_for_granted(arms: Arms, headline: str) -> dict[str, str]:
    """Say of each kind of row what it passes over: its intervals are too sure.

    Parameters
    ----------
    arms : Arms
        The trial.
    headline : str
        Kind of the rows that are the answer.

    Returns
    -------
    dict of str to str
        For each kind, words in brackets behind the name of an arm, or none.
    """
    few = 0 < arms.clusters.least < LEAST_RANDOM
    alone = ["without therapists"]
    alone = alone if few or headline in WITH_THERAPISTS else []
    seen = ["those with a score then", *alone]
    imputed = alone if few else []
    kinds = {"constrained": alone, "ancova": seen, "change": seen, "score": seen,
             JUMP: imputed, COPY: imputed}  # fmt: skip
    said = {kind: f" ({', '.join(words)})" if words else "" for kind, words in kinds.items()}
    there = f" ({seen[0]})"
    return {CLUSTERED: "", TIPPING: "", CLUSTERED_ANCOVA: there, **said}
