"""Once or twice a week? The script's frequency, at equal weeks and at equal sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.causal.jackknife import interval_row
from outcomes.causal.measurement_error import Sensitivity, severity_gap, tipping_reliability
from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.fit import MixedFit
from outcomes.mixed.margins.reference_grid import estimable
from outcomes.mixed.reading.design import design_matrix
from outcomes.mixed.types import Array
from outcomes.privacy.text import Count
from outcomes.questions.allowed_for_error import (
    AgainstError,
    Row,
    error_taken,
    spanning,
    with_one_test,
)
from outcomes.questions.course_frame import LEAST_COURSES, Axis, CourseFrame
from outcomes.questions.course_model import estimates, fit_course
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.records import therapist_of_course
from outcomes.study import Study
from outcomes.words import direction, sentence_case, when, with_interval

OFTEN = 1.5
"""Scripts of at least so many visits a week count as often."""
USUAL = "often_of_therapist"
"""Share of the therapist's courses that are often: beside it, courses of one therapist compare."""
TERM = "often minus less often"
EXACT = f"{TERM} (baseline taken as exact)"
ALLOWED = f"{TERM} (whether prescriptions answered the score or the severity behind it)"
"""Each row is marked by what it takes for granted: where the script answers severity, the first
kind leaves zero out in 22 % of simulated studies in which nothing is; where it answers the score,
the other takes off too much (zero in 13 to 30 %), so that its interval spans both."""
AXES: tuple[Axis, ...] = ("week", "session_count")


def frequency(asked: Asked) -> Found | Missing:
    """Compare scripts of more and fewer visits a week.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``equal weeks`` (the answer), ``equal sessions``, with the time in
        ``week`` or ``session_count``, and ``error allowed for`` (the answer again). Missing with
        fewer than 11 courses of either frequency, or where what is compared alike determines it.
    """
    rows, measure = often_rows(asked.study, asked.instrument), asked.measure
    both = [each for axis in AXES if (each := _contrast(rows, axis))]
    if both and not (found := [each for each in both if each.told_apart]):
        who = _one_each(both[0].course.rows)
        return Missing(asked.question.say("one frequency each", who=who), n_used=len(rows))
    if not both:
        counts = rows.groupby("often")["episode_id"].nunique()
        often, rarely = (Count(int(counts.get(k, 0)), "course", there=k == "yes")
                         for k in ("yes", "no"))  # fmt: skip
        there = asked.question.say("so many", often=often, rarely=rarely)
        prescribed = asked.study.courses["sessions_per_week"].notna().any()
        known = there if prescribed else asked.question.notes["not recorded"]
        few = asked.question.say("few", least=str(LEAST_COURSES), often=f"{OFTEN:g}", known=known)
        return Missing(few, n_used=len(rows))
    error = error_taken(measure, rows)
    allowed = _allowed(found[0], measure, error.value)
    rows_found = [*(each.row for each in found), allowed.table]
    table = with_one_test(pd.concat(rows_found, ignore_index=True))
    verdict = _verdict(found[0])
    answer = AgainstError(table.iloc[0].to_dict(), allowed, measure, error)
    return Found(
        table,
        _sentence(table, answer, verdict, _comparable(found[0])),
        asked.question.say("method", formula=found[0].fit.request.formula),
        _picture(table, answer, verdict),
        checks=(_alike(rows), answer.check),
        glance=f"{_told(answer.row, answer)} {_when(answer.row)}",
        verdict=answer.verdict,
        left_out=_left_out(asked.study, asked.instrument, rows),
        n_used=len(rows),
        n_courses=int(rows["episode_id"].nunique()),
    )


@dataclass(frozen=True, eq=False)
class _Contrast:
    """A difference with its model and combination of the coefficients, and whether data tell it."""

    row: pd.DataFrame
    course: CourseFrame
    fit: MixedFit
    weights: Array
    told_apart: bool


def often_rows(study: Study, instrument: str) -> pd.DataFrame:
    """Return the scores at visits, with ``often`` (yes, no) from the script.

    A script is of a course, and so is ``therapist_id``.

    Parameters
    ----------
    study : Study
    instrument : str
    """
    rows = study.trajectory(instrument)
    rows = rows[rows["session"].notna()]
    facts = study.courses
    per_week = rows["episode_id"].map(facts["sessions_per_week"])
    rows = rows.assign(
        often=(per_week >= OFTEN).map({True: "yes", False: "no"}),
        condition=_alike_in(rows),
        week=rows["week"].round(),
    )
    rows = rows[per_week.notna()].reset_index(drop=True)
    rows["therapist_id"] = rows["episode_id"].map(therapist_of_course(study)).astype(object)
    own = rows["therapist_id"].fillna("not recorded")
    first = ~rows["episode_id"].duplicated()
    share = (rows.loc[first, "often"] == "yes").groupby(own[first]).mean()
    return rows.assign(**{USUAL: own.map(share).astype(float)})


def _left_out(study: Study, instrument: str, used: pd.DataFrame) -> dict[str, int]:
    """Count the scores after baseline that are not compared, by the reason."""
    rows = study.trajectory(instrument)
    at_visits = int(rows["session"].notna().sum())
    elsewhere = len(rows) - at_visits
    return {"not at the start of a visit": elsewhere, "no frequency": at_visits - len(used)}


def _alike_in(rows: pd.DataFrame) -> pd.Series[Any]:
    """Return the condition of each row, with the arm where there are several."""
    alike = rows["condition"].astype(object).fillna("not recorded")
    if rows["arm"].nunique() < 2:
        return alike
    return alike + ", " + rows["arm"].astype(object).fillna("not recorded")


def _contrast(rows: pd.DataFrame, axis: Axis) -> _Contrast | None:
    """Difference often minus less often at the latest time that both reach; None without one."""
    rows = rows[rows[axis].notna() & (rows[axis] > 0)]
    seen = rows.groupby([axis, "often"])["episode_id"].nunique().reset_index(name="n")
    wide = seen.pivot_table("n", axis, "often", fill_value=0).reindex(columns=["no", "yes"])
    wide = wide[(wide.fillna(0) >= LEAST_COURSES).all(axis=1)]
    if wide.empty:
        return None
    time = float(wide.index.max())
    rows = rows[rows[axis] <= time].reset_index(drop=True)
    course = CourseFrame(rows, axis, "often", (time,), time, {})
    fit, weights, told_apart = _difference(course)
    row = estimates(fit, weights)
    row.insert(0, "term", EXACT)
    row.insert(1, "kind", "equal weeks" if axis == "week" else "equal sessions")
    row[axis] = time
    row["n_episodes"], row["n_often"] = int(wide.sum(axis=1).iloc[-1]), int(wide["yes"].iloc[-1])
    return _Contrast(row, course, fit, weights, told_apart)


def _difference(course: CourseFrame) -> tuple[MixedFit, Array, bool]:
    rows = course.rows
    condition = ("condition",) if rows["condition"].nunique() > 1 else ()
    usual = (USUAL, f"{USUAL}:{course.axis}") if rows[USUAL].nunique() > 1 else ()
    fit = fit_course(course, (*condition, "baseline", *usual)).fit
    at = pd.DataFrame({"often": ["yes", "no"], course.axis: course.horizon})
    at = at.assign(condition=rows["condition"].iloc[0], baseline=rows["baseline"].mean())
    both = design_matrix(fit.design.fixed, at.assign(**{USUAL: rows[USUAL].mean()}))
    whole = both[:1] - both[1:]
    return fit, whole[0, fit.basis.kept], bool(estimable(fit, whole)[0])


def _one_each(rows: pd.DataFrame) -> str:
    """Name what has one frequency each: that determines which of the two a course has."""
    arm = " and arm" * (rows["arm"].nunique() > 1)
    for name, column in (("arm", "arm"), (f"condition{arm}", "condition"), ("therapist", USUAL)):
        if rows.groupby(column)["often"].nunique().max() == 1:
            return name
    return f"combination of condition{arm} and therapist"


def _allowed(found: _Contrast, measure: Instrument, error: float) -> Sensitivity:
    """Return the difference with error of the baseline allowed for."""
    courses = found.course.rows.drop_duplicates("episode_id")
    courses = courses.assign(exposed=(courses["often"] == "yes").astype(float))
    alike = courses[["condition", "therapist_id"]].fillna("not recorded").astype(str)
    facts, scores = pd.get_dummies(alike, dtype=float).to_numpy(), courses["baseline"].to_numpy()
    means, _, rank, _ = np.linalg.lstsq(facts, scores, rcond=None)
    spread = float(np.linalg.norm(scores - facts @ means) / np.sqrt(max(len(courses) - rank, 1)))

    def at(size: float) -> dict[Any, Any] | None:
        if size == 0:
            return found.row.iloc[0].to_dict()
        return _corrected(found, courses, measure.sign, size)

    row = at(error)
    row = row and spanning(found.row.iloc[0].to_dict(), row)
    reliability = 1 - (error / spread) ** 2 if spread else 0.0
    tipping = tipping_reliability(lambda share: at(spread * np.sqrt(1 - share)))
    extra = {"term": ALLOWED, "kind": "error allowed for", found.course.axis: found.course.horizon}
    table = pd.DataFrame([{**row, **extra, "reliability": reliability}] if row else [])
    return Sensitivity(table, row, None, reliability if row else None, tipping)


def _corrected(
    found: _Contrast, courses: pd.DataFrame, sign: int, error: float
) -> dict[Any, Any] | None:
    """Take off the part of the difference that the gap in true severity accounts for."""
    gap = severity_gap(courses, error)
    if gap is None:
        return None
    baseline = np.array([float(term == "baseline") for term in found.fit.estimates.terms])
    slope = float(baseline @ found.fit.estimates.beta) + sign
    row = estimates(found.fit, found.weights - gap["estimate"] * baseline).iloc[0]
    error_too = float(np.hypot(row["std_error"], slope * gap["std_error"]))
    left = row["estimate"] - gap["estimate"] * sign
    return interval_row(left, error_too, row["df"], n_episodes=found.row["n_episodes"].iloc[0])


def _alike(rows: pd.DataFrame) -> Check:
    """Whether baselines of the two frequencies are alike."""
    first = rows.drop_duplicates("episode_id")
    by = first.groupby("often")["baseline"].agg(["mean", "std"])
    gap = abs(by["mean"].diff().iloc[-1]) / max(float(by["std"].mean()), 1e-12)
    return FREQUENCY.check("alike", gap <= 0.25, f"standardized difference {gap:.2f}")


def _comparable(found: _Contrast) -> str:
    """Say who is compared: only what the model holds alike."""
    rows = found.course.rows
    therapist = " of one therapist" if rows["therapist_id"].notna().any() else ""
    held = {"condition": rows["condition"], "arm": rows["arm"]}
    same = ", ".join(name for name, column in held.items() if column.nunique() > 1)
    return f"comparing patients{therapist} with the same {same}{' and ' * bool(same)}baseline"


def _sentence(table: pd.DataFrame, answer: AgainstError, verdict: str, alike: str) -> str:
    others = table[table["kind"] != "error allowed for"].to_dict("records")[1:]
    rest = "".join(
        FREQUENCY.say("other", when=sentence_case(_when(other)), difference=_told(other, answer))
        for other in others
    )
    found = f"{_told(answer.row, answer)}{answer.also}"
    return f"{verdict}{answer.doubt}: {found}, {alike}.{rest}"


def _verdict(found: _Contrast) -> str:
    row, course = found.row.iloc[0].to_dict(), found.course
    at = course.rows[course.rows[course.axis] == course.horizon]
    grew = at.groupby("often")["improvement"].mean().max() > 0  # else neither improved
    words = ("improved more", "improved less") if grew else ("done better", "done worse")
    way = direction(row, *words, "")
    then = sentence_case(_when(row))
    return FREQUENCY.say("differ" if way else "alike", often=f"{OFTEN:g}", way=way, when=then)


def _when(row: Row) -> str:
    axis = "week" if pd.notna(row.get("week")) else "session_count"
    return when(axis, row[axis])


def _told(row: Row, answer: AgainstError) -> str:
    return with_interval(row, answer.digits, answer.measure.unit)


def _picture(table: pd.DataFrame, answer: AgainstError, verdict: str) -> Picture:
    rows, measure = table.to_dict("records"), answer.measure
    names = [f"{_when(row)}{row['term'].removeprefix(TERM)}" for row in rows]
    told = [f"{name}: {_told(row, answer)}" for name, row in zip(names, rows, strict=True)]
    title = f"{verdict}{answer.doubt * (not answer.stays)}"
    spoken = sentence_case("; ".join(told))
    return FREQUENCY.forest(table, names, title, unit=measure.unit, spoken=spoken)


FREQUENCY = question("frequency", frequency)
