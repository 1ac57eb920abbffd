"""The test of `trial` in all studies of a batch at once, where they are ordinary trials.

Ordinary is what simulated trials are: scores on few whole weeks, three therapists or more in each
arm that has any, 11 courses of each arm at the horizon. The rest, and whoever does not converge,
is left to the answer itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.mixed.types import Array
from outcomes.planning.repeated import Wanted
from outcomes.planning.side_by_side import Blocks, Models, searched, symmetric
from outcomes.planning.stacked import estimated, numbered, within
from outcomes.questions.arms import MOST_TIMES, df_limits, for_their_number
from outcomes.questions.course_frame import LEAST_COURSES
from outcomes.questions.course_model import (
    LEAST_RANDOM,
    lost_of_therapists,
    own_part,
    with_intervals,
)
from outcomes.questions.declared import Declared
from outcomes.records import baselines, own_visits, therapist_of_course
from outcomes.study import Study
from outcomes.trajectory import trajectory


@dataclass(frozen=True, eq=False)
class Courses:
    """All courses of a batch that have a baseline or a later score.

    Parameters
    ----------
    study : array of int, shape (courses,)
        Number of the study, ascending.
    arm : array of int
        0 is the control, others in the order of their names.
    who : array of int
        Therapist of the course, numbered over the batch; -1 without one.
    share : array, shape (courses,)
        Share of the study's visits that the therapist of the course gave.
    scores : array, shape (courses, 1 + weeks)
        In the better direction, the baseline first; NaN without one.
    weeks : array
        Whole weeks with any score.
    """

    study: Any
    arm: Any
    who: Any
    share: Array
    scores: Array
    weeks: Array

    def of(self, k: int) -> Courses:
        """Return the courses of one study."""
        own = slice(*np.searchsorted(self.study, [k, k + 1]))
        names = ("study", "arm", "who", "share", "scores")
        return replace(self, **{name: getattr(self, name)[own] for name in names})

    @property
    def seen(self) -> Any:
        """Which scores there are, shape (courses, 1 + weeks)."""
        return ~np.isnan(self.scores)


@dataclass(frozen=True)
class Layout:
    """What studies must share to be fitted together.

    Parameters
    ----------
    times : tuple of int
        Positions among the weeks of the occasions after baseline.
    df_limits : tuple of float
        Smallest and largest number of degrees of freedom.
    least : int
        Therapists of the arm with fewest.
    """

    times: tuple[int, ...]
    df_limits: tuple[float, float]
    least: int


def trial_rows(study: Study, numbers: pd.Series[int], wanted: Wanted) -> dict[int, dict[str, Any]]:
    """Return the row of the answer of each study that is an ordinary trial.

    Parameters
    ----------
    study : Study
        All courses.
    numbers : Series of int
        Number of the study of each course, by its id.
    wanted : Wanted
        By default the last week; of a plan its time (later scores are not in the model) and what
        was allotted.

    Returns
    -------
    dict of int to dict
        By number of the study: ``arm, week, estimate, std_error, df, p_value, conf_low,
        conf_high`` as of `oc.answer`; a study that is not there asks for the whole answer.
    """
    names = sorted(str(arm) for arm in study.episodes["arm"].dropna().unique())
    control = study.provenance.control
    arms = [str(control), *(name for name in names if name != control)]
    plan, week = wanted.declared or Declared(question="trial"), wanted.week
    courses = _courses(study, numbers, wanted.instrument, arms, plan.unit)
    if control not in names or courses is None:
        return {}
    groups: dict[Layout, list[int]] = {}
    for k in range(int(numbers.max()) + 1):
        layout = _layout(courses.of(k), len(names), plan)
        if layout is not None and (week is None or week in courses.weeks[list(layout.times)]):
            groups.setdefault(layout, []).append(k)
    found: dict[int, dict[str, Any]] = {}
    for layout, own in groups.items():
        place = -1 if week is None else courses.weeks[list(layout.times)].tolist().index(week)
        treated = [name for name in names if name != control]
        found |= _rows([courses.of(k) for k in own], layout, treated, place)
    return found


def _courses(
    study: Study, numbers: pd.Series[int], instrument: str, arms: list[str], unit: str
) -> Courses | None:
    """Return all courses, or None where any score has no plain place in them."""
    rows, facts = trajectory(study, instrument).rows, study.courses
    start = baselines(study, instrument)
    start = start[start["score"].notna()]
    whole = rows["week"].round()
    number = numbers.loc[facts.index].to_numpy()
    of_row = numbers.reindex(rows["episode_id"]).to_numpy()
    mixed = rows["arm"].groupby([of_row, rows["clinic_id"]]).nunique().gt(1)
    plain = (
        facts["arm"].notna().all() and whole.ge(1).all() and rows["score"].notna().all()
        and not start["episode_id"].duplicated().any()
        and (unit == "clinic" or mixed.groupby(level=0).any().all())
        and _punctual(whole, rows["episode_id"], of_row)
    )  # fmt: skip
    if not plain:
        return None
    at = pd.Series(np.arange(len(facts)), index=facts.index)
    weeks = np.unique(whole.to_numpy(float))
    scores = np.full((len(facts), 1 + len(weeks)), np.nan)
    sign = study.instrument(instrument).sign
    scores[at[start["episode_id"]], 0] = sign * start["score"]
    column = 1 + np.searchsorted(weeks, whole)
    scores[at[rows["episode_id"]], column] = sign * rows["score"]  # of several the last
    last = rows.drop_duplicates("episode_id", keep="last").set_index("episode_id")
    treats = therapist_of_course(study, last["session_count"])
    own = own_visits(study, treats) if unit != "clinic" else pd.Series(dtype=bool)
    share = own.groupby(numbers.reindex(own.index).to_numpy()).mean()
    who = treats.reindex(last.index).where(last["session_count"] != 0)
    who = (last["clinic_id"] if unit == "clinic" else who).reindex(facts.index)
    named = pd.Series(number, dtype=str).str.cat(who.to_numpy(object), sep=" ")
    arm = pd.Categorical(facts["arm"], arms).codes.astype(int)
    each = share.reindex(number).fillna(1.0).to_numpy(float)
    found = Courses(number, arm, pd.factorize(named)[0], each, scores, weeks)
    used = found.seen.any(axis=1)
    return Courses(number[used], arm[used], found.who[used], each[used], scores[used], weeks)


def _punctual(whole: pd.Series[float], course: pd.Series[Any], study: Any) -> bool:
    """Whether each study has no more weeks with scores than one of its courses has."""
    most = whole.groupby([study, course.to_numpy()]).nunique().groupby(level=0).max()
    return bool((whole.groupby(study).nunique() <= most).all())


def _layout(own: Courses, n_arms: int, plan: Declared) -> Layout | None:
    """Return how a study is laid out, as the answer would see it; None where it is not ordinary."""
    later = own.seen[:, 1:]
    scored = later.any(axis=1)
    counts = np.array([later[own.arm == a].sum(axis=0) for a in range(n_arms)])
    last = (later * np.arange(1, later.shape[1] + 1)).max(axis=1, initial=0)[scored]
    enough = np.flatnonzero(counts.sum(axis=0) >= LEAST_COURSES)
    reached = [t for t in enough if (last >= t + 1).mean() >= 0.5]
    if plan.time is not None:
        reached = [t for t in enough if own.weeks[t] == plan.time]
    if not reached or counts[:, reached[-1]].min() < LEAST_COURSES:
        return None
    times = np.flatnonzero(counts.min(axis=0) >= LEAST_COURSES)
    times = times[times <= reached[-1]][-MOST_TIMES:]
    known = np.array([(own.who[scored & (own.arm == a)] >= 0).mean() for a in range(n_arms)])
    treating = [set(own.who[scored & (own.arm == a) & (own.who >= 0)]) for a in range(n_arms)]
    least = min((len(one) for one in treating if one), default=0)
    if not (known[1:] == 1).all() or known[0] not in (0.0, 1.0) or least < LEAST_RANDOM:
        return None
    if known[0] == 0 and plan.unit in ("therapist", "clinic"):
        return None
    shared = plan.unit != "therapist" and treating[0] & set().union(*treating[1:])
    if shared:  # what they add in the arms goes together
        return None
    limits = df_limits(least, shared=False, one_arm=bool(known[0] == 0))
    return Layout(tuple(int(t) for t in times), limits, least)


def _rows(
    studies: list[Courses], layout: Layout, treated: list[str], place: int
) -> dict[int, dict[str, Any]]:
    """Fit studies of one layout together and read off the comparison at one of the times."""
    models, scale = _together(studies, layout, len(treated))
    fit, ended = searched(models)
    Phi, part = fit.Phi, own_part(np.array([one.share[0] for one in studies]), layout.least)
    if (part < 1).any():
        plain, alone = searched(_together(studies, layout, len(treated), therapists=False)[0])
        Phi, ended = Phi + lost_of_therapists(Phi, plain.Phi, np.minimum(part, 1)), ended & alone
    T = 1 + len(layout.times)
    at = [T + len(layout.times) * a + place % (T - 1) for a in range(len(treated))]
    covariances = Phi[:, at][:, :, at] * scale[:, None, None] ** 2
    columns = [estimated(fit, scale, np.eye(fit.beta.shape[1])[j]) for j in at]
    estimates, _, df = (np.array(part).T for part in zip(*columns, strict=True))
    wider = np.einsum("sjj->sj", Phi) / np.einsum("sjj->sj", fit.Phi)
    df = np.clip(df * (wider[:, at] * part[:, None]) ** 2, *layout.df_limits)
    found = {}
    week = float(studies[0].weeks[layout.times[place]])
    for i in np.flatnonzero(ended):
        table = with_intervals(estimates[i], covariances[i], df[i])
        row = for_their_number(table, covariances[i]).iloc[0]
        found[int(studies[i].study[0])] = {"arm": treated[0], "week": week, **row}
    return found


def _together(
    studies: list[Courses], layout: Layout, n_treated: int, *, therapists: bool = True
) -> tuple[Models, Array]:
    """Lay the courses of studies side by side; also the unit of each study's scores."""
    columns = [0, *(1 + t for t in layout.times)]
    study, arm, who, scores = (
        np.concatenate([getattr(one, name) for one in studies])
        for name in ("study", "arm", "who", "scores")
    )
    scores, weeks = scores[:, columns], studies[0].weeks[list(layout.times)]
    scored = ~np.isnan(np.concatenate([one.scores[:, 1:] for one in studies])).all(axis=1)
    used = ~np.isnan(scores).all(axis=1)
    study, arm, scores = numbered(study[used]), arm[used], scores[used]
    treats = np.where(scored, who, -1)[used]
    T, n = len(columns), len(study)
    occasion = np.broadcast_to(np.eye(T), (n, T, T)).copy()
    occasion[:, :, 0] = 1.0
    treated = [np.eye(T)[:, 1:] * (arm == a)[:, None, None] for a in range(1, n_treated + 1)]
    later = np.append(0.0, np.ones(T - 1)) * (treats >= 0)[:, None]
    ramp = np.append(0.0, weeks / weeks[-1])
    own = ([later, later * ramp] if T > 2 else [later]) * therapists
    number = within(numbered(study, treats + 1), study)
    therapist = np.eye(int(number.max()) + 1)[number]
    across = [column[:, :, None] * therapist[:, None] for column in own]
    seen = ~np.isnan(scores)
    y = np.where(seen, scores, 0.0)
    total, squares, rows = (
        np.bincount(study, values.sum(axis=1)) for values in (y, y**2, seen.astype(float))
    )
    scale = np.sqrt(squares / rows - (total / rows) ** 2)
    y = y / scale[study][:, None]
    W = np.concatenate([*across, occasion, *treated, y[:, :, None]], axis=2) * seen[:, :, None]
    slot, S = within(np.arange(n), study), len(studies)
    B, there = np.zeros((T, W.shape[2], S, slot.max() + 1)), np.zeros((T, S, slot.max() + 1), bool)
    B[:, :, study, slot], there[:, study, slot] = W.transpose(1, 2, 0), seen.T
    blocks = Blocks(B[:, :0], B, symmetric(T), there)
    which = np.repeat(np.arange(len(own)), therapist.shape[1])
    return Models((blocks,), np.zeros((W.shape[2],) * 2 + (S,)), rows, which, T), scale
