"""What is true of a case, in units of the answer's row; worked out once a design, not once a study.

Everything comes from `Study.truth`, whose estimands are the same for all studies of a design.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from outcomes.questions.course_frame import course_frame
from outcomes.questions.frequency import OFTEN
from outcomes.study import Study
from outcomes.synthetic.design import Design
from outcomes.synthetic.truth import truth_of

CHANGE = "mean improvement after session_count sessions, nobody leaving"
LAST = "effect of pressure 4 against 2 in the last session only"
EVERY = "effect of pressure 4 against 2 in every session"
ARM = "effect of the arm against the control, as randomised, by week"
GOAL = "share that was at the pain goal twice in a row by session_count sessions"

Truth = Callable[[Study, "pd.Series[Any]"], float]


def _between(
    table: pd.DataFrame, estimand: str, axis: str, moment: float, condition: str = "all",
    arm: str = "",
) -> float:  # fmt: skip
    """Value of an estimand at a time, on a straight line between the times that are given."""
    here = (table["estimand"] == estimand) & (table["condition"] == condition)
    rows = table[here & (table["instrument"] == "nprs") & (table["arm"] == arm)]
    rows = rows.sort_values(axis)
    return float(np.interp(moment, rows[axis].to_numpy(float), rows["value"].to_numpy(float)))


def _estimands(study: Study) -> pd.DataFrame:
    if study.truth is None:
        message = "only simulated studies have a truth"
        raise ValueError(message)
    return study.truth.estimands


def _horizon(study: Study) -> float:
    return course_frame(study, "nprs").horizon


def _change(study: Study, row: pd.Series[Any]) -> float:
    return _between(_estimands(study), CHANGE, "session_count", row["session_count"])


def _change_at_horizon(study: Study, row: pd.Series[Any]) -> float:
    condition = row["term"] if row["kind"] in ("own", "pooled") else "all"
    table = _estimands(study)
    return _between(table, CHANGE, "session_count", _horizon(study), condition)


def _last_pressure(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    return _between(_estimands(study), LAST, "session_count", _horizon(study)) / 2


def _last_curvature(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    """Per squared level; memory leaves the rest to earlier visits, adapted patients have none."""
    assert study.truth is not None
    given = study.truth.parameters
    return -float(given["pressure_curvature"] * (1 - given["pressure_memory"]))


def _every_pressure(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    return _between(_estimands(study), EVERY, "session_count", _horizon(study)) / 2


def _arm(study: Study, row: pd.Series[Any]) -> float:
    return _between(_estimands(study), ARM, "week", row["week"], arm=row["arm"])


def _goal(study: Study, row: pd.Series[Any]) -> float:
    return _between(_estimands(study), GOAL, "session_count", row["time"])


def _events(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    """Per 100 visits, mild and serious together; adapted or not."""
    assert study.truth is not None
    given = study.truth.parameters
    return 100 * float(given["adverse_event"] + given["serious_event"])


def _more_visits(axis: str) -> Truth:
    """Compare scripts of each frequency in the same people, at equal weeks or equal sessions."""

    def truth(study: Study, row: pd.Series[Any]) -> float:
        assert study.truth is not None
        design = Design.from_dict(study.truth.parameters)
        at = {True: 0.0, False: 0.0}
        for often in at:
            chosen = [pair for pair in design.frequencies if (pair[0] >= OFTEN) is often]
            total = sum(share for _, share in chosen)
            for visits, share in chosen:
                table = truth_of(replace(design, frequencies=((visits, 1.0),))).estimands
                at[often] += share / total * _between(table, CHANGE, axis, row[axis])
        return at[True] - at[False]

    return truth


def _nothing(study: Study, row: pd.Series[Any]) -> float:  # noqa: ARG001
    return 0.0


TRUTHS: Mapping[str, Truth] = MappingProxyType(
    {
        "nothing": _nothing,
        "change": _change,
        "change at the horizon": _change_at_horizon,
        "change of the condition": _change_at_horizon,
        "last pressure": _last_pressure,
        "last curvature": _last_curvature,
        "every pressure": _every_pressure,
        "effect of the arm": _arm,
        "goal twice in a row": _goal,
        "events per 100 visits": _events,
        "more visits, equal weeks": _more_visits("week"),
        "more visits, equal sessions": _more_visits("session_count"),
    }
)
"""True values by name: of a study and of the row of the answer that is judged."""
