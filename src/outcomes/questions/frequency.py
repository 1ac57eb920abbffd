"""Once or twice a week? The script's frequency, at equal weeks and at equal sessions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.text import Count, Text
from outcomes.questions.contrasts import estimates, fixed_rows
from outcomes.questions.course_frame import LEAST_COURSES, Axis, CourseFrame
from outcomes.questions.course_model import fit_course
from outcomes.questions.picture import Picture, forest
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.questions.wording import decimals, interval, scale, turned, when
from outcomes.study import Study

OFTEN = 1.5
"""Scripts of at least so many visits a week count as often."""
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
        ``.table``: ``kind`` is ``equal weeks`` or ``equal sessions``, with the time in ``week`` or
        ``session_count``. Missing with fewer than ten courses of either frequency.
    """
    rows = _rows(asked.study, asked.instrument)
    table = pd.concat([_contrast(rows, axis) for axis in AXES], ignore_index=True)
    if table.empty:
        counts = rows.groupby("often")["episode_id"].nunique()
        reason = Text(
            f"at least {LEAST_COURSES} courses with a script of {OFTEN:g} or more visits a week "
            "and as many with fewer, scored at the same time, are needed (or more: ",
            Count(int(counts.get("yes", 0)), "course"),
            "; fewer: ",
            Count(int(counts.get("no", 0)), "course"),
            "). Record the visits a week of each script.",
        )
        return Missing(reason, n_used=len(rows))
    return Found(
        table,
        _sentence(table, asked.measure),
        "Linear mixed models by REML, on weeks and on sessions received: improvement "
        "~ often * time + condition + baseline, time as a natural spline; courses vary in level "
        "and slope, therapists and returning patients in level where there are enough. "
        "Contrast at the latest time that ten courses of each frequency reach.",
        _picture(table, asked.measure),
        checks=(_alike(rows),),
        n_used=len(rows),
        n_courses=int(rows["episode_id"].nunique()),
    )


def _rows(study: Study, instrument: str) -> pd.DataFrame:
    """Scores at visits, with ``often`` (yes, no) from the script."""
    rows = study.trajectory(instrument)
    rows = rows[rows["session"].notna()]
    facts = study.courses
    per_week = rows["episode_id"].map(facts["sessions_per_week"])
    rows = rows.assign(
        often=(per_week >= OFTEN).map({True: "yes", False: "no"}),
        condition=rows["condition"].fillna("not recorded"),
        week=rows["week"].round(),
    )
    return rows[per_week.notna()].reset_index(drop=True)


def _contrast(rows: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    """Difference often minus less often at the latest time that both reach; empty without one."""
    rows = rows[rows[axis].notna() & (rows[axis] > 0)]
    seen = rows.groupby([axis, "often"])["episode_id"].nunique().reset_index(name="n")
    wide = seen.pivot_table("n", axis, "often", fill_value=0).reindex(columns=["no", "yes"])
    wide = wide[(wide.fillna(0) >= LEAST_COURSES).all(axis=1)]
    if wide.empty:
        return pd.DataFrame()
    time = float(wide.index.max())
    rows = rows[rows[axis] <= time].reset_index(drop=True)
    row = _difference(CourseFrame(rows, axis, "often", (time,), time, {}))
    kind = "equal weeks" if axis == "week" else "equal sessions"
    row.insert(0, "term", "often minus less often")
    row.insert(1, "kind", kind)
    row[axis] = time
    row["n_episodes"], row["n_often"] = int(wide.sum(axis=1).iloc[-1]), int(wide["yes"].iloc[-1])
    return row


def _difference(course: CourseFrame) -> pd.DataFrame:
    rows = course.rows
    condition = ("condition",) if rows["condition"].nunique() > 1 else ()
    fit = fit_course(course, (*condition, "baseline")).fit
    at = pd.DataFrame({"often": ["yes", "no"], course.axis: course.horizon})
    at = at.assign(condition=rows["condition"].iloc[0], baseline=rows["baseline"].mean())
    both = fixed_rows(fit, at)
    return estimates(fit, both[0] - both[1])


def _alike(rows: pd.DataFrame) -> Check:
    """Whether baselines of the two frequencies are alike."""
    first = rows.drop_duplicates("episode_id")
    by = first.groupby("often")["baseline"].agg(["mean", "std"])
    gap = abs(by["mean"].diff().iloc[-1]) / max(float(by["std"].mean()), 1e-12)
    return Check("baselines are alike", bool(gap <= 0.25), f"standardised difference {gap:.2f}")


def _sentence(table: pd.DataFrame, measure: Instrument) -> str:
    parts = [_part(row, measure) for row in table.to_dict("records")]
    clear = bool((table["conf_low"] * table["conf_high"] > 0).any())
    return (
        f"Patients with scripts of {OFTEN:g} or more visits a week had improved by "
        f"{', and by '.join(parts)}, than patients with fewer who were alike in condition and "
        f"baseline: {'an association' if clear else 'no clear association'} ({scale(measure)})."
    )


def _part(row: dict[Any, Any], measure: Instrument) -> str:
    size, low, high, more = turned(row)
    axis = "week" if row["kind"] == "equal weeks" else "session_count"
    found = interval(size, low, high, decimals(measure), measure.unit)
    return f"{found} {more} {when(axis, row[axis])}"


def _picture(table: pd.DataFrame, measure: Instrument) -> Picture:
    spoken = "; ".join(f"{r['kind']}: {r['estimate']:.1f}" for r in table.to_dict("records"))
    return forest(
        table,
        table["kind"],
        "Scripts of more visits a week against fewer",
        f"Difference in improvement ({measure.unit}; right = often had more)",
        f"Difference in improvement with 95 % intervals. {spoken}.",
    )


FREQUENCY = question("frequency", frequency)
