"""The arms of a trial compared with its control: ANCOVA, change, and the constrained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from outcomes.causal.constrained import clda, difference_name
from outcomes.mixed.inference.testing import quantile, two_sided_p
from outcomes.mixed.results import MixedFit
from outcomes.questions.contrasts import estimates, fitted
from outcomes.questions.course_frame import Axis
from outcomes.questions.course_model import LEAST_CLUSTERS
from outcomes.study import Study

MOST_TIMES = 8
"""The constrained model gives each time a mean and variance of its own, each pair a correlation."""


@dataclass(frozen=True, eq=False)
class Arms:
    """Trajectory rows of a study with arms.

    Parameters
    ----------
    rows : DataFrame
        Trajectory with ``arm``.
    axis : {"session_count", "week"}
        Time of a score.
    times : tuple of float
        Times at which arms are compared.
    control : str
        The control arm.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    """

    rows: pd.DataFrame
    axis: Axis
    times: tuple[float, ...]
    control: str
    sign: int

    @property
    def treated(self) -> list[str]:
        """Arms other than the control, sorted."""
        return sorted(set(self.rows["arm"].dropna()) - {self.control})

    @property
    def nested(self) -> bool:
        """Whether therapists treat in one arm only: no course of the control had a visit."""
        control = self.rows[self.rows["arm"] == self.control]
        return not (control["therapist_id"].notna() & (control["session_count"] != 0)).any()

    def at(self, time: float) -> pd.DataFrame:
        """Return one row a course: its score at a time, the last where it has several."""
        rows = self.rows[self.rows[self.axis] == time]
        return rows.drop_duplicates("episode_id", keep="last")


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
        One row a way and arm: ``kind`` (``ancova``: baseline as covariate; ``change``: improvement
        alone; ``score``: the score alone), ``arm``, ``n_episodes, n_control``, estimate,
        std_error, df, statistic, p_value, conf_low, conf_high: arm minus control, positive =
        better. Rows of courses without a score at that time are not used.
    """
    rows = arms.at(time)
    dummies = np.column_stack([(rows["arm"] == arm).astype(float) for arm in arms.treated])
    constant = np.ones((len(rows), 1))
    score = arms.sign * rows["score"].to_numpy()
    improvement = rows["improvement"].to_numpy()
    baseline = rows[["baseline"]].to_numpy() - rows["baseline"].mean()
    ways = {
        "ancova": (improvement, np.hstack([constant, dummies, baseline])),
        "change": (improvement, np.hstack([constant, dummies])),
        "score": (score, np.hstack([constant, dummies])),
    }
    parts = [
        _ols_rows(outcome, columns, len(arms.treated)).assign(kind=kind, arm=arms.treated)
        for kind, (outcome, columns) in ways.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    counts = rows["arm"].value_counts()
    table["n_episodes"] = table["arm"].map(counts).astype(int)
    table["n_control"] = int(counts[arms.control])
    table[arms.axis] = time
    return table


def _ols_rows(outcome: Any, columns: Any, n_arms: int) -> pd.DataFrame:
    fit = OLS(outcome, columns).fit()
    at = np.arange(1, n_arms + 1)
    estimate, error = fit.params[at], fit.bse[at]
    df = np.full(n_arms, float(fit.df_resid))
    half = quantile(df, 0.95) * error
    return pd.DataFrame(
        {
            "estimate": estimate, "std_error": error, "df": df, "statistic": estimate / error,
            "p_value": two_sided_p(estimate / error, df),
            "conf_low": estimate - half, "conf_high": estimate + half,
        }
    )  # fmt: skip


def nested_rows(arms: Arms, time: float) -> pd.DataFrame:
    """Compare the arms by ANCOVA with therapists of the treated as random; empty with few of them.

    Parameters
    ----------
    arms : Arms
        The rows.
    time : float
        Value of the time axis.

    Returns
    -------
    DataFrame
        As `compared_at`, ``kind`` ``ancova, therapists``. Patients of one therapist share what is
        particular to the therapist, patients of the control do not (a partially nested trial).
    """
    rows = arms.at(time)
    treated = rows["arm"] != arms.control
    known = rows.loc[treated, "therapist_id"]
    if known.isna().any() or known.nunique() < LEAST_CLUSTERS:
        return pd.DataFrame()
    frame = rows.assign(
        treated=treated.astype(float),
        therapist=rows["therapist_id"].where(treated, "none"),
        arm=pd.Categorical(rows["arm"], [arms.control, *arms.treated]),
    ).reset_index(drop=True)
    fit = fitted("improvement ~ arm + baseline + (0 + treated | therapist)", frame)
    terms = list(fit.estimates.terms)
    picks = np.eye(len(terms))[[terms.index(f"arm[T.{arm}]") for arm in arms.treated]]
    counts = rows["arm"].value_counts()
    table = estimates(fit, picks).assign(kind="ancova, therapists", arm=arms.treated)
    table["n_episodes"] = table["arm"].map(counts).astype(int)
    table["n_control"] = int(counts[arms.control])
    table[arms.axis] = time
    return table


def constrained_model(study: Study, arms: Arms, instrument: str) -> MixedFit | None:
    """Fit the constrained longitudinal model; None on too many times, or visits without days.

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
    MixedFit or None
        See `outcomes.causal.constrained.clda`.
    """
    if arms.axis != "week" or arms.rows["week"].nunique() > MOST_TIMES:
        return None
    return clda(study, instrument)


def constrained_rows(arms: Arms, fit: MixedFit) -> pd.DataFrame:
    """Return arm minus control at each time from the constrained model, as `compared_at` does."""
    terms = list(fit.estimates.terms)
    picks, labels = [], []
    for arm in arms.treated:
        for time in arms.times:
            counts = arms.at(time)["arm"].value_counts()
            term = difference_name(arm, arms.axis, time)
            picks.append(np.eye(len(terms))[terms.index(term)])
            labels.append(("constrained", arm, time, int(counts[arm]), int(counts[arms.control])))
    columns = ["kind", "arm", arms.axis, "n_episodes", "n_control"]
    return pd.DataFrame(labels, columns=columns).join(estimates(fit, np.vstack(picks)))
