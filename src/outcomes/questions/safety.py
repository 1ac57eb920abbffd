"""Is it safe for adaptive patients? Recorded events, clearance and deviations."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from outcomes.care.proportion import exact_interval
from outcomes.care.safety import adverse_event_rates, clearance, deviations
from outcomes.questions.answer import Answer, Check, Picture, refusal
from outcomes.questions.claim import basis_of, words
from outcomes.questions.source import source_of
from outcomes.questions.wording import counted, percent
from outcomes.study import Study

NAME = "safety"
QUESTION = "Is it safe for adaptive patients?"
WHO = {"yes": "adapted", "no": "not adapted", "not recorded": "adaptation not recorded"}
PATIENTS = {
    "adapted": "of adapted patients",
    "not adapted": "of patients not adapted",
    "adaptation not recorded": "of patients whose adaptation nobody recorded",
}

ESTIMAND = (
    "Recorded adverse events per 100 visits at which they were asked about, by whether an "
    "adaptation is recorded and by pressure; share of courses with required clearance met."
)
ASSUMPTIONS = (
    "Patients who were asked are like those who were not.",
    "Visits of one patient resemble each other: intervals are widened by the design effect.",
)
LIMITS = (
    "Events nobody asked about are not in the count. An event after the last visit is not seen.",
    "Rates describe what was recorded; adapted patients also got other pressure, so the difference "
    "between groups says nothing about its reason.",
    "No count of recorded events shows that care is free of risk, and clearance is the physician's "
    "decision: this only checks that a recorded requirement was met.",
)
REFERENCES = (
    "Clopper & Pearson (1934), Biometrika 26:404; Korn & Graubard (1998), Surv Methodol 24:193.",
    "Hanley & Lippman-Hand (1983), JAMA 249:1743: if nothing goes wrong, the rule of three.",
)


def safety(study: Study, *, planned: bool = False) -> Answer:
    """Count adverse events, clearance and deviations as recorded.

    Parameters
    ----------
    study : Study
        A study without errors.
    planned : bool
        Whether an analysis plan declared the question.

    Returns
    -------
    Answer
        ``.table``: ``kind`` is ``events`` or ``events by pressure`` (per 100 visits),
        ``clearance`` or ``deviation`` (counts in ``n_events``) or ``clearance met`` (per cent).
        Refused when no visit has an entry for adverse events.
    """
    rates = _rates(study)
    source = source_of(study, n_used=_n_asked(rates))
    if rates.empty:
        reason = (
            "no visit has an entry for adverse events, not even that there was none. Ask at every "
            "visit, and record severity 0 when there was none."
        )
        return refusal(NAME, QUESTION, reason, source, estimand=ESTIMAND, table=_counts(study))
    table = pd.concat([rates, _counts(study)], ignore_index=True)
    allowed = words(basis_of(study, contrast=False, planned=planned))
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(rates, study),
        table=table,
        picture=_picture(rates),
        method="Visits with an event over visits asked about; exact binomial intervals at the "
        "effective number of visits (design effect of visits within a course).",
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=_checks(rates, study),
        limits=(*allowed.cautions[1:], *LIMITS),
        references=REFERENCES,
        source=source,
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
        level = ", level " + table["pressure"] if "pressure" in by else ""
        parts.append(table.assign(term=who + level, kind=kind))
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
    whole = clearance(study)["status"]
    status = whole.value_counts()
    against = deviations(study)["deviation"].value_counts()
    parts = [
        pd.DataFrame({"term": counts.index, "kind": kind, "n_events": counts.to_numpy()})
        for kind, counts in (("clearance", status), ("deviation", against))
    ]
    met, needed = _cleared(whole)
    if needed:
        low, high = (100 * float(end) for end in exact_interval(met, needed))
        row = {
            "term": "required clearance came first, %", "kind": "clearance met",
            "estimate": 100 * met / needed, "conf_low": low, "conf_high": high,
            "n_events": met, "n_episodes": needed,
        }  # fmt: skip
        parts.append(pd.DataFrame([row]))
    return pd.concat(parts, ignore_index=True)


def _cleared(status: pd.Series[str]) -> tuple[int, int]:
    """Return in how many courses a required clearance came first, and how many required it."""
    needed = int((~status.isin(["not required", "not recorded", "not treated"])).sum())
    return int((status == "met").sum()), needed


def _sentence(rates: pd.DataFrame, study: Study) -> str:
    said = [_rate_in_words(row) for row in rates[rates["kind"] == "events"].to_dict("records")]
    status = clearance(study)["status"]
    met, needed = _cleared(status)
    found = f"Adverse events were recorded {'; '.join(said)}."
    if not needed:
        return found
    of = f"{met} of {needed} courses ({percent(met / needed)})"
    return f"{found} In {of} that needed clearance it came before the first visit."


def _rate_in_words(row: Mapping[Hashable, Any]) -> str:
    who = PATIENTS[row["term"]]
    if row["n_events"] == 0:
        return (
            f"at none of {row['n_asked']:,} visits {who} (up to {row['rule_of_three']:.1f} per 100 "
            "remain plausible)"
        )
    rate = f"{row['estimate']:.1f} per 100, 95 % CI {row['conf_low']:.1f} to {row['conf_high']:.1f}"
    return f"at {row['n_events']:.0f} of {row['n_asked']:,} visits {who} ({rate})"


def _picture(rates: pd.DataFrame) -> Picture:
    data = rates.rename(columns={"term": "label"})
    columns = ["label", "estimate", "conf_low", "conf_high", "n_episodes", "n_events"]
    first = data[data["kind"] == "events"].to_dict("records")
    spoken = "; ".join(f"{row['label']} {row['estimate']:.1f}" for row in first)
    return Picture(
        kind="forest",
        data=data[columns].reset_index(drop=True),
        title="Adverse events recorded per 100 visits",
        x_label="Visits with an event, per 100 visits asked about",
        y_label="",
        alt=f"Visits with an adverse event per 100, with 95 % intervals: {spoken}.",
    )


def _checks(rates: pd.DataFrame, study: Study) -> tuple[Check, ...]:
    by_group = rates[rates["kind"] == "events"]
    asked, visits = _n_asked(rates), int(by_group["n_visits"].sum())
    n_against = len(deviations(study))
    return (
        Check("asked at 90 % of visits", asked >= 0.9 * visits, f"{asked:,} of {visits:,} visits"),
        Check("no protocol deviation is recorded", n_against == 0, counted(n_against, "deviation")),
    )
