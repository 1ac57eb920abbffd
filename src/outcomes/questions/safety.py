"""Is it safe for patients whose care is adapted? Recorded events, clearance and deviations."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from outcomes.care.proportion import exact_interval
from outcomes.care.safety import adverse_event_rates, clearance, deviations
from outcomes.privacy.disclosure import disclosure_for
from outcomes.privacy.text import Count, Text, joined
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.study import Study
from outcomes.words import DESCRIBED, digits_of, percent, plain, with_interval

WHO = {"yes": "adapted", "no": "not adapted", "not recorded": "adaptation not recorded"}


def safety(asked: Asked) -> Found | Missing:
    """Count adverse events, clearance and deviations as recorded.

    Parameters
    ----------
    asked : Asked
        The question; the instrument does not matter.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``events`` or ``events by pressure`` (per 100 visits),
        ``clearance`` or ``deviation`` (counts in ``n_events``) or ``clearance met`` (per cent).
        Missing when no visit has an entry for adverse events.
    """
    study = asked.study
    rates = _rates(study)
    if rates.empty:
        return Missing(asked.question.notes["nobody asked"], _counts(study))
    table = pd.concat([rates, _counts(study)], ignore_index=True)
    return Found(
        table,
        _sentence(rates, study),
        asked.question.notes["method"],
        _picture(table),
        checks=_checks(rates, study),
        glance=_events(rates, "; "),
        verdict=DESCRIBED,
        n_used=_n_asked(rates),
    )


def _rates(study: Study) -> pd.DataFrame:
    """Event rates by adaptation, and by adaptation and pressure; empty when nobody asked."""
    if study.sessions.empty:
        return pd.DataFrame()
    parts = []
    for by, kind in ((("adapted",), "events"), (("adapted", "pressure"), "events by pressure")):
        table = adverse_event_rates(study, by)
        table = table[table["n_asked"] > 0]
        who = table["adapted"].map(WHO)
        level = "level " + table["pressure"] + ", " if "pressure" in by else ""
        parts.append(table.assign(term=level + who, kind=kind))
    whole = pd.concat(parts, ignore_index=True)
    columns = {"per_100": "estimate", "clustered_low": "conf_low", "clustered_high": "conf_high"}
    replaced = ["conf_low", "conf_high", "adapted", "pressure"]
    whole = whole.drop(columns=replaced, errors="ignore")
    return whole.rename(columns=columns)


def _n_asked(rates: pd.DataFrame) -> int:
    """Visits asked about; 0 without any."""
    return 0 if rates.empty else int(rates.loc[rates["kind"] == "events", "n_asked"].sum())


def _counts(study: Study) -> pd.DataFrame:
    """Courses by clearance, and deviations by kind."""
    status = clearance(study)["status"].value_counts()
    against = deviations(study)["deviation"].value_counts()
    parts = [
        pd.DataFrame({"term": counts.index, "kind": kind, "n_events": counts.to_numpy()})
        for kind, counts in (("clearance", status), ("deviation", against))
    ]
    met, needed, _ = _cleared(study)
    if needed:
        low, high = (100 * float(end) for end in exact_interval(met, needed))
        row = {
            "term": "required clearance came first, %", "kind": "clearance met",
            "estimate": 100 * met / needed, "conf_low": low, "conf_high": high,
            "n_events": met, "n_episodes": needed,
        }  # fmt: skip
        parts.append(pd.DataFrame([row]))
    return pd.concat(parts, ignore_index=True)


def _cleared(study: Study) -> tuple[int, int, int]:
    """Return in how many courses a required clearance came first, and in how many that is known.

    The third is in how many it is not, for want of a day; where these are so few that they are
    hidden the others are not told either, from which they would follow.
    """
    status = clearance(study)["status"]
    undated = int((status == "not known").sum())
    untold = ["not required", "not recorded", "not treated", "not known"]
    if disclosure_for(study).hides(undated):
        return 0, 0, undated
    return int((status == "met").sum()), int((~status.isin(untold)).sum()), undated


def _sentence(rates: pd.DataFrame, study: Study) -> str:
    met, needed, undated = _cleared(study)
    found = Text("Where patients were asked, adverse events were recorded at ", _events(rates), ".")
    if undated:
        found = Text(found, " ", SAFETY.say("undated", courses=Text(Count(undated, "course"))))
    if not needed:
        return found
    if disclosure_for(study).hides(needed):
        return Text(found, " ", SAFETY.say("few_cleared"))
    note = f"that needed it ({percent(met / needed)})"
    of = Count(met, "course", of=needed, whom="needed", note=note)
    return Text(found, " ", SAFETY.say("cleared", courses=of))


def _events(rates: pd.DataFrame, between: str = ", and at ") -> Text:
    rows = rates[rates["kind"] == "events"].to_dict("records")
    digits = digits_of(rates[rates["kind"] == "events"])
    return joined(between, [_rate_in_words(row, digits) for row in rows])


def _rate_in_words(row: Mapping[Hashable, Any], digits: int) -> str:
    who, asked = SAFETY.notes[row["term"]], int(row["n_asked"])
    if row["n_events"] == 0:
        note = f"(up to {plain(row['conf_high'], digits)} per 100 remain plausible)"
    else:
        note = "(" + with_interval(row, digits, "per 100").replace(" (", ", ")
    return Text(Count(int(row["n_events"]), "visit", of=asked, whom=who, more=who, note=note))


def _picture(table: pd.DataFrame) -> Picture:
    rows = table[table["kind"].isin(["events", "events by pressure"])]
    first = rows[rows["kind"] == "events"].to_dict("records")
    spoken = "; ".join(f"{_label(row['term'])}: {plain(row['estimate'])}" for row in first)
    return SAFETY.forest(rows, rows["term"].map(_label), SAFETY.notes["title"], spoken=spoken)


def _label(term: str) -> str:
    level, _, who = term.rpartition(", ")
    name = {"adapted": "care adapted", "not adapted": "care not adapted"}.get(who, who)
    return f"{name}, pressure {level.removeprefix('level ')}" if level else name


def _checks(rates: pd.DataFrame, study: Study) -> tuple[Check, ...]:
    by_group = rates[rates["kind"] == "events"]
    asked, visits = _n_asked(rates), int(by_group["n_visits"].sum())
    n_against = len(deviations(study))
    seen, against = Count(asked, "visit", of=visits), Count(n_against, "deviation")
    return (
        SAFETY.at_most("asked", 0.1, visits - asked, visits, study, Text(seen)),
        SAFETY.check("deviations", n_against == 0, Text(against)),
    )


SAFETY = question("safety", safety)
