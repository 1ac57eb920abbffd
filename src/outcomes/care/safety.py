"""Safety as recorded: clearance before treatment, pressure against ceiling, adverse events.

The toolkit checks that a recorded requirement was met. It never says who needs clearance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.care.proportion import design_effect, exact_interval
from outcomes.errors import UsageError
from outcomes.records import visits_received
from outcomes.study import Study
from outcomes.tables import once

CLEARED = ("cleared", "limited")
AGAINST = ("treated without clearance", "treated before clearance")
STRATA = ("adapted", "adaptation", "pressure", "pressure_max", "condition", "arm")
NOT_RECORDED = "not recorded"
_DEVIATION = ["deviation", "episode_id", "session", "day"]


@once
def clearance(study: Study) -> pd.DataFrame:
    """Say for each course whether a recorded requirement of clearance was met.

    Parameters
    ----------
    study : Study
        The records.

    Returns
    -------
    DataFrame
        One row a course: ``episode_id, required`` (missing where not recorded), ``clearance,
        clearance_day, first_day`` (first visit received), ``sessions_received`` and ``status``:
        ``not required``, ``not recorded``, ``not treated``, ``met`` (cleared, or cleared with
        limits, on or before the first visit), ``treated before clearance``, ``treated without
        clearance`` (refused, pending, none recorded) or ``not known`` (a day is missing).

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> episodes = pd.DataFrame({"episode_id": ["a", "b"], "clearance_required": True,
    ...                          "clearance": "cleared", "clearance_day": [-3, 4]})
    >>> visits = pd.DataFrame({"episode_id": ["a", "b"], "session": 1, "day": 0})
    >>> clearance(study_from_tables({"episodes": episodes, "sessions": visits}))["status"].tolist()
    ['met', 'treated before clearance']
    """
    visits = visits_received(study).groupby("episode_id")
    table = study.episodes[["episode_id", "clearance", "clearance_day"]].copy()
    table.insert(1, "required", study.episodes["clearance_required"])
    ids = table["episode_id"]
    table["first_day"] = visits["day"].min().reindex(ids).to_numpy()
    table["sessions_received"] = visits.size().reindex(ids, fill_value=0).to_numpy()
    required = table["required"].fillna(False).astype(bool)
    granted = table["clearance"].isin(CLEARED)
    conditions = {
        NOT_RECORDED: table["required"].isna(),
        "not required": ~required,
        "not treated": table["sessions_received"] == 0,
        "treated without clearance": ~granted,
        "not known": table["clearance_day"].isna() | table["first_day"].isna(),
        "treated before clearance": table["clearance_day"] > table["first_day"],
    }
    table["status"] = np.select(list(conditions.values()), list(conditions), "met")
    return table


@once
def deviations(study: Study) -> pd.DataFrame:
    """List what went against a recorded requirement.

    Parameters
    ----------
    study : Study
        The records.

    Returns
    -------
    DataFrame
        One row a deviation: ``deviation`` (``treated without clearance``, ``treated before
        clearance``, ``pressure over ceiling``), ``episode_id, session, day`` of the visit, the
        first one for clearance. Rows of patients: stays inside.

    Notes
    -----
    Pressure is the highest of a visit where recorded, else the modal one.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> episodes = pd.DataFrame({"episode_id": ["a"], "pressure_ceiling": [3]})
    >>> visits = pd.DataFrame({"episode_id": "a", "session": [1, 2], "day": [0, 7],
    ...                        "pressure": [3, 3], "pressure_max": [3, 4]})
    >>> deviations(study_from_tables({"episodes": episodes, "sessions": visits}))
                   deviation episode_id  session  day
    0  pressure over ceiling          a      2.0  7.0
    """
    visits = visits_received(study)
    facts = study.courses
    highest = visits["pressure_max"].fillna(visits["pressure"])
    ceiling = facts["pressure_ceiling"].reindex(visits["episode_id"]).to_numpy(float)
    cleared = clearance(study)
    against = cleared[cleared["status"].isin(AGAINST)]
    first = visits.drop_duplicates("episode_id")[["episode_id", "session", "day"]]
    of_clearance = against[["status", "episode_id"]].merge(first, "left", on="episode_id")
    parts = [
        of_clearance.rename(columns={"status": "deviation"}),
        visits[highest > ceiling].assign(deviation="pressure over ceiling"),
    ]
    return pd.concat([part[_DEVIATION] for part in parts], ignore_index=True)


def adverse_event_rates(
    study: Study,
    by: tuple[str, ...] = ("adapted",),
    *,
    least_severity: int = 1,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Count visits with an adverse event per 100 visits asked about, by stratum.

    Parameters
    ----------
    study : Study
        With sessions.
    by : tuple of str
        Strata, any of ``adapted`` (an adaptation is recorded: yes, no, not recorded),
        ``adaptation`` (one row each; a visit counts in all of its course's), ``pressure``,
        ``pressure_max`` (Walton), ``condition`` and ``arm``. Empty for all visits together.
    least_severity : int
        Smallest severity that counts, 1 to 5.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        One row a stratum: its columns; ``n_episodes, n_visits`` (received), ``n_asked, n_events``
        (visits with an event); ``per_100, conf_low, conf_high`` (exact, visits taken as
        independent), ``design_effect``, ``clustered_low, clustered_high`` (exact, with visits of a
        course counted at their effective number).

    Raises
    ------
    UsageError
        When `by` holds another word, or `least_severity` is not 1 to 5.

    Notes
    -----
    A visit without an entry was not asked about and is not in the denominator. An event without a
    severity counts as 1. None seen is not none possible: all up to the upper end is plausible.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> visits = pd.DataFrame({"episode_id": list("aabb"), "session": [1, 2, 1, 2],
    ...                        "pressure": [2, 2, 4, 4], "adverse_severity": [0, 0, 1, 0]})
    >>> table = adverse_event_rates(study_from_tables({"sessions": visits}), by=("pressure",))
    >>> table[["pressure", "n_asked", "n_events", "per_100", "conf_high"]].round(1)
      pressure  n_asked  n_events  per_100  conf_high
    0        2        2         0      0.0       84.2
    1        4        2         1     50.0       98.7
    """
    if not set(by) <= set(STRATA) or not 1 <= least_severity <= 5:
        must = f"strata are of {', '.join(STRATA)}; the least severity is 1 to 5"
        raise UsageError(must, got="something else")
    visits = _with_strata(visits_received(study), study, by)
    event = visits["adverse_event"]
    at_least = event.ne("none").astype(float).where(event.notna())  # where no severity is told
    severity = visits["adverse_severity"].fillna(at_least)
    visits["asked"] = severity.notna()
    visits["event"] = severity >= least_severity
    groups = visits.groupby(list(by), sort=True) if by else [((), visits)]
    rows = [dict(zip(by, key, strict=True)) | _rate(group, conf_level) for key, group in groups]
    return pd.DataFrame(rows, columns=[*by, *_RATE])


_RATE = (
    "n_episodes", "n_visits", "n_asked", "n_events", "per_100", "conf_low", "conf_high",
    "design_effect", "clustered_low", "clustered_high",
)  # fmt: skip


def _rate(visits: pd.DataFrame, conf_level: float) -> dict[str, Any]:
    asked = visits[visits["asked"]]
    n, events = len(asked), int(asked["event"].sum())
    effect = design_effect(asked["event"].astype(float), asked["episode_id"])
    low, high = exact_interval([events, events / effect], [n, n / effect], conf_level)
    values = (
        visits["episode_id"].nunique(), len(visits), n, events,
        100 * events / n if n else np.nan, 100 * low[0], 100 * high[0],
        effect, 100 * low[1], 100 * high[1],
    )  # fmt: skip
    return dict(zip(_RATE, values, strict=True))


def _with_strata(visits: pd.DataFrame, study: Study, by: tuple[str, ...]) -> pd.DataFrame:
    facts = study.courses
    for name in ("condition", "arm", "adaptations"):
        visits[name] = facts[name].reindex(visits["episode_id"]).to_numpy()
    listed = visits["adaptations"]
    adapted = np.select([listed.isna(), listed == "none"], [NOT_RECORDED, "no"], "yes")
    visits["adapted"] = adapted
    visits["adaptation"] = listed
    if "adaptation" in by:
        visits["adaptation"] = listed.str.split(";")
        visits = visits.explode("adaptation", ignore_index=True)
        visits["adaptation"] = visits["adaptation"].str.strip()
    for name in ("pressure", "pressure_max"):
        visits[name] = visits[name].map("{:g}".format, na_action="ignore")
    visits[list(by)] = visits[list(by)].astype(object).fillna(NOT_RECORDED)
    return visits
