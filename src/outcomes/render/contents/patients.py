"""Table 1: who the patients are when care begins, with no small cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from outcomes.care.table_one import ALL, table_one
from outcomes.privacy.disclosure import SUPPRESSED, Disclosure, suppress_counts
from outcomes.render.document import Block, Paragraph, Section, Table
from outcomes.study import Study
from outcomes.words import named, plain

NUMBERS = ["mean", "sd", "median", "q1", "q3"]
QUARTERS = 4
NOTE = (
    "Counts with per cent of those recorded; numbers as mean (SD), median [quartiles]. A test of "
    "differences at baseline answers no question, so there is none."
)
FEW = (
    " What fewer than {few} have is not named, there is no per cent beside a hidden count, and no "
    "median or quartile where a half or a quarter is fewer than {few}."
)
OTHERS = "others, few each"

NAMES = {
    "onset_weeks": "weeks since onset", "sessions_per_week": "script: sessions a week",
    "minutes": "script: minutes a session", "weeks": "script: weeks", "age_band": "age, years",
    "recurrent": "an old problem came back", "claim_open": "insurance claim open",
    "clearance_required": "physician's clearance required", "mechanism": "how it began",
}  # fmt: skip
"""What a row holds, with its unit, where the column's name does not say it."""


def patients(study: Study, disclosure: Disclosure) -> Section:
    """Return the section with Table 1, by arm where there are arms.

    Parameters
    ----------
    study : Study
        The study.
    disclosure : Disclosure
        What may be shown. Where cells are hidden, arms are shown without their sum, which would
        betray them.
    """
    made = table_one(study, by="arm" if study.recorded("episodes", "arm") else "")
    groups = [str(name) for name in made.rows["group"].unique()]
    if len(groups) > 1 and not disclosure.exempt:
        groups = groups[1:]
    rows = _safe(_with_missing(made.rows), disclosure)
    sizes = rows[rows["variable"] == "courses"].set_index("group")["people"]
    heads = ["not shown" if pd.isna(sizes[group]) else named(group) for group in groups]
    note = NOTE if disclosure.exempt else NOTE + FEW.format(few=disclosure.threshold)
    lines = tuple(_lines(rows, groups))
    table = Table("Patients at the start of care", ("", *heads), lines, note)
    return Section("patients", "Patients", (table, *_absent(made.not_recorded)))


def _with_missing(rows: pd.DataFrame) -> pd.DataFrame:
    """Count the courses behind each cell, and give those without a value a cell of their own."""
    is_number = rows["kind"] == "number"
    people = rows["count"].astype(float).where(~is_number, rows["n"])
    one_each = rows.drop_duplicates(["variable", "group"])
    unknown = one_each[one_each["kind"] != "count"]
    unknown = unknown.assign(level="not recorded", kind="missing", people=unknown["n_missing"])
    unknown = unknown[unknown.groupby("variable")["people"].transform("sum") > 0]
    both = pd.concat([rows.assign(people=people), unknown], ignore_index=True)
    return both.assign(level=both["level"].fillna("").astype(str))


def _safe(rows: pd.DataFrame, disclosure: Disclosure) -> pd.DataFrame:
    """Hide small cells, what tells them, and the names of levels that few have."""
    if disclosure.exempt:
        return rows.assign(**{SUPPRESSED: False})
    people = rows["people"].astype(float)
    parts = rows["kind"].isin(["category", "missing"])
    alone = [
        suppress_counts(own, "people", NUMBERS, disclosure=disclosure, within=within)
        for own, within in ((rows[parts], ("variable", "group")), (rows[~parts], None))
    ]
    safe = pd.concat(alone).sort_index()
    for names, least in ((["median"], 2), (["q1", "q3"], QUARTERS)):
        safe.loc[people < least * disclosure.threshold, names] = float("nan")
    hidden = safe.groupby(["variable", "group"])[SUPPRESSED].transform("any")
    safe["share"] = safe["share"].mask(hidden)
    safe.loc[_told_by_courses(rows, disclosure), SUPPRESSED] = True
    return _without_rare_names(safe, people, disclosure)


def _told_by_courses(rows: pd.DataFrame, disclosure: Disclosure) -> list[int]:
    """Return the rows of patients that would tell how few came back for another course."""
    counts = rows.loc[rows["variable"] == "patients", ["group", "people"]]
    return [
        int(row)
        for row, group, count in counts.itertuples(name=None)
        if count and not disclosure.tells(float(count), "course", "" if group == ALL else group)
    ]


def _without_rare_names(
    safe: pd.DataFrame, people: pd.Series[float], disclosure: Disclosure
) -> pd.DataFrame:
    """Put levels that few have together under one name; what few answer with yes is left out."""
    whole = people.where(safe["group"] == ALL).groupby([safe["variable"], safe["level"]])
    rare = whole.transform("max").map(disclosure.hides) & (safe["kind"] == "category")
    few_say_yes = safe.loc[rare & (safe["level"] == "yes"), "variable"]
    rare &= ~safe["variable"].isin(few_say_yes)
    keys = [safe["variable"], safe["group"]]
    safe.loc[rare, SUPPRESSED] = (people.where(rare, 0) > 0).groupby(keys).transform("any")[rare]
    safe["level"] = safe["level"].mask(rare, OTHERS)
    kept = safe[~safe["variable"].isin(few_say_yes)]
    return kept.drop_duplicates(["variable", "group", "level"])


def _lines(rows: pd.DataFrame, groups: list[str]) -> Iterator[tuple[str, ...]]:
    for variable, own in rows.groupby("variable", sort=False):
        if (own["kind"] == "count").all() and own["count"].sum() == 0:
            continue  # the study has no ids of patients
        yes_or_no = set(own.loc[own["kind"] == "category", "level"]) <= {"yes", "no"}
        if not yes_or_no:
            yield (_named(str(variable)), *("" for _ in groups))
        for level, cells in own.groupby("level", sort=False):
            if yes_or_no and level == "no" and "yes" in set(own["level"]):
                continue
            inside = level and not (yes_or_no and level in ("yes", "no"))
            name = f"\N{EN SPACE}{named(str(level))}" if inside else _named(str(variable))
            name += ": no" if yes_or_no and level == "no" else ""
            texts = {str(c["group"]): _cell(c) for _, c in cells.iterrows()}
            yield (name, *(texts.get(group, "–") for group in groups))


def _named(variable: str) -> str:
    kind, _, rest = variable.partition(" ")
    if kind in ("baseline", "adaptation"):
        return f"{kind}: {rest.upper() if kind == 'baseline' else named(rest)}"
    return NAMES.get(variable, named(variable))


def _cell(cell: pd.Series[Any]) -> str:
    if cell[SUPPRESSED]:
        return "not shown"
    if cell["kind"] == "number":
        mean, sd, median, low, high = (plain(float(cell[name])) for name in NUMBERS)
        middle = f", {median}" if pd.notna(cell["median"]) else ""
        return f"{mean} ({sd}){middle}" + (f" [{low}, {high}]" if pd.notna(cell["q1"]) else "")
    number = plain(float(cell["people"]), 0)
    if cell["kind"] != "category" or pd.isna(cell["share"]):
        return number
    return f"{number} ({plain(100 * float(cell['share']), 0)} %)"


def _absent(names: tuple[str, ...]) -> list[Block]:
    if not names:
        return []
    return [Paragraph(f"Not recorded in this study: {', '.join(map(named, names))}.", "note")]
