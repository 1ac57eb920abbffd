"""The arms of a trial compared with its control: ANCOVA, change, and the constrained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from outcomes.answers.contrasts import estimates, fitted
from outcomes.answers.course_frame import Axis
from outcomes.mixed.results import MixedFit
from outcomes.mixed.testing import quantile, two_sided_p
from outcomes.study import Study

MOST_TIMES = 12
"""The constrained model gives each time its own mean; beyond so many it is not fitted."""


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
    starts : DataFrame
        Columns ``episode_id, arm, score``: the baseline of every course, also of those without a
        later score.
    """

    rows: pd.DataFrame
    axis: Axis
    times: tuple[float, ...]
    control: str
    sign: int
    starts: pd.DataFrame

    @property
    def treated(self) -> list[str]:
        """Arms other than the control, sorted."""
        return sorted(set(self.rows["arm"].dropna()) - {self.control})

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


def constrained_model(arms: Arms) -> MixedFit | None:
    """Fit the constrained longitudinal model: baseline is an outcome, its mean common to all arms.

    Parameters
    ----------
    arms : Arms
        The rows.

    Returns
    -------
    MixedFit or None
        Of the score in the better direction; None with more times than it can carry. Terms
        ``arm{i}_time{j}`` are arm minus control at each time.

    Notes
    -----
    Liang and Zeger (2000), Sankhya B 62: 134-148. All scores are used, also of courses that have
    no score later. The scores of a course share a random level (compound symmetry).
    """
    if len(arms.times) > MOST_TIMES:
        return None
    long, names = _long(arms)
    return fitted(f"better ~ C(occasion) + {' + '.join(names)} + (1 | episode_id)", long)


def starts(study: Study, instrument: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the baseline of every course with an arm, also of those without a later score."""
    later = rows.drop_duplicates("episode_id").set_index("episode_id")["baseline"]
    scores = study.assessments[study.assessments["instrument"] == instrument]
    first = scores[(scores["timing"] == "baseline") | (scores["session"] == 1)]
    first = first[~first["timing"].isin(["post_session", "discharge", "follow_up"])]
    first = first.sort_values("timing").drop_duplicates("episode_id")
    alone = first.set_index("episode_id")["score"]
    arm = study.episodes.set_index("episode_id")["arm"].dropna()
    score = later.reindex(arm.index).fillna(alone.reindex(arm.index))
    table = pd.DataFrame({"episode_id": arm.index, "arm": arm.array, "score": score.to_numpy()})
    return table.dropna(subset=["score"]).reset_index(drop=True)


def _long(arms: Arms) -> tuple[pd.DataFrame, list[str]]:
    """All scores, the baseline's among them, with a column for each arm at each later time."""
    rows = arms.rows[arms.rows[arms.axis].isin(arms.times)]
    start = arms.starts.assign(**{arms.axis: -1.0})
    columns = ["episode_id", "arm", arms.axis, "score"]
    long = pd.concat([start[columns], rows[columns]], ignore_index=True)
    order = {time: number for number, time in enumerate((-1.0, *arms.times))}
    long["occasion"] = long[arms.axis].map(order).map("{:02d}".format)
    long["better"] = arms.sign * long["score"]
    names = []
    for i, arm in enumerate(arms.treated):
        for j, time in enumerate(arms.times):
            names.append(f"arm{i}_time{j}")
            long[names[-1]] = ((long["arm"] == arm) & (long[arms.axis] == time)).astype(float)
    return long, names


def constrained_rows(arms: Arms, fit: MixedFit) -> pd.DataFrame:
    """Return arm minus control at each time from the constrained model, as `compared_at` does."""
    terms = list(fit.estimates.terms)
    picks, labels = [], []
    for i, arm in enumerate(arms.treated):
        for j, time in enumerate(arms.times):
            rows = arms.at(time)["arm"].value_counts()
            picks.append(np.eye(len(terms))[terms.index(f"arm{i}_time{j}")])
            labels.append(("constrained", arm, time, int(rows[arm]), int(rows[arms.control])))
    columns = ["kind", "arm", arms.axis, "n_episodes", "n_control"]
    return pd.DataFrame(labels, columns=columns).join(estimates(fit, np.vstack(picks)))
