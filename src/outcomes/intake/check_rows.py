"""Rules about rows beside each other: repeated rows, unknown courses, the order of visits."""

from __future__ import annotations

from collections.abc import Iterator

from outcomes.dictionary.tables import TABLES, received
from outcomes.findings import Finding, where_broken
from outcomes.study import Study


def row_findings(study: Study) -> list[Finding]:
    """Return the findings of R09, R10 and R14 to R17."""
    found: list[Finding] = []
    for part in (_repeated_rows, _unknown_courses, _without_time, _visits_out_of_order, _gaps):
        found += part(study)
    return found


def _repeated_rows(study: Study) -> Iterator[Finding]:
    episodes = study.episodes
    again = episodes["episode_id"].notna() & episodes.duplicated("episode_id")
    yield from where_broken("R09", "episodes", "episode_id", again, got="a course named twice")
    visits = study.sessions
    numbered = visits["session"].notna() & received(visits["status"])
    again = numbered & visits[numbered].duplicated(["episode_id", "session"]).reindex(
        visits.index, fill_value=False
    )
    yield from where_broken("R09", "sessions", "session", again, got="a visit named twice")
    scores = study.assessments
    key = list(TABLES["assessments"].key)
    again = scores.duplicated(key) & (scores["timing"] != "baseline")
    yield from where_broken(
        "R10", "assessments", "score", again, got="the same score, visit and time twice"
    )


def _unknown_courses(study: Study) -> Iterator[Finding]:
    known = study.episodes["episode_id"].dropna()
    for table in ("sessions", "assessments", "goals"):
        ids = study.table(table)["episode_id"]
        orphan = ids.notna() & ~ids.isin(known)
        yield from where_broken("R14", table, "episode_id", orphan, got="a course not in episodes")


def _without_time(study: Study) -> Iterator[Finding]:
    for table in ("sessions", "assessments"):
        frame = study.table(table)
        without = frame["session"].isna() & frame["day"].isna()
        if table == "sessions":
            without &= received(frame["status"])
        yield from where_broken("R15", table, "session", without, got="neither")


def _visits_out_of_order(study: Study) -> Iterator[Finding]:
    """Find visits whose day lies before that of the visit numbered before them."""
    visits = study.sessions
    timed = visits[received(visits["status"]) & visits["session"].notna() & visits["day"].notna()]
    in_order = timed.sort_values(["episode_id", "session"], kind="stable")
    back = in_order.groupby("episode_id")["day"].diff() < 0
    rows = back.reindex(visits.index, fill_value=False)
    yield from where_broken(
        "R16", "sessions", "session", rows, got="a visit number that goes backwards"
    )
    scores = study.assessments
    timed = scores[scores["session"].notna() & scores["day"].notna()]
    in_order = timed.sort_values(["episode_id", "session"], kind="stable")
    back = in_order.groupby("episode_id")["day"].diff() < 0
    rows = back.reindex(scores.index, fill_value=False)
    yield from where_broken(
        "R16", "assessments", "session", rows, got="a visit number that goes backwards"
    )


def _gaps(study: Study) -> Iterator[Finding]:
    visits = study.sessions
    numbered = visits[received(visits["status"]) & visits["session"].notna()]
    in_order = numbered.sort_values(["episode_id", "session"], kind="stable")
    step = in_order.groupby("episode_id")["session"].diff().fillna(in_order["session"])
    gap = (step > 1).reindex(visits.index, fill_value=False)
    yield from where_broken("R17", "sessions", "session", gap, got="a gap")
