"""Table 1: who the patients are when care begins, with no small cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from outcomes.care.table_one import ALL, table_one
from outcomes.privacy.disclosure import SUPPRESSED, Disclosure, arms_apart, suppress_counts
from outcomes.render.document import Paragraph, Section, Table
from outcomes.study import Study
from outcomes.words import LABELS, count, named, percent, plain, scale, sentence_case, with_movement

NUMBERS = ["mean", "sd"]
NAN = float("nan")
OTHERS = "others, few each"
LAST = {OTHERS: 1, "not recorded": 2}
ADAPTED = "Care adapted for"

LEVELS = {("mechanism", "none"): "no clear cause", ("mechanism", "unknown"): "not known"}
SAME = {"mvc": "neck_mvc", "surgery": "post_op"}
"""Levels of how it began, and the condition of the same courses where as many have it."""


def patients(study: Study, disclosure: Disclosure) -> Section:
    """Return the section with Table 1, by arm where there are arms that may be shown.

    Parameters
    ----------
    study : Study
        The study.
    disclosure : Disclosure
        What may be shown. Where cells are hidden, arms are shown without their sum, which would
        betray them.
    """
    made = table_one(study, by="arm" if arms_apart(study, disclosure) else "")
    groups = [str(name) for name in made.rows["group"].unique()]
    pair = groups[1:] if len(groups) == 3 else []
    if len(groups) > 1 and not disclosure.exempt:
        groups = groups[1:]
    rows = _safe(_with_missing(made.rows), disclosure)
    rows = rows.assign(name=[_named(str(name), study) for name in rows["variable"]])
    rows, gone = _without_hidden(rows)
    differences = made.differences.set_index("variable")["difference"] if pair else None
    sizes = rows[rows["variable"] == "courses"].set_index("group")["people"]
    heads = [_head(group, sizes[group]) for group in groups] + (["SMD"] if pair else [])
    said = LABELS["sentences"]
    note = said["table_one"] + (said["smd"] if pair else "")
    note += "" if disclosure.exempt else said["few"].format(few=disclosure.threshold)
    lines = tuple(_lines(rows, groups, differences, disclosure))
    table = Table("Patients at the start of care", ("", *heads), lines, note)
    absent = [_named(name, study) for name in made.not_recorded]
    told = ((said["not_told"].format(few=disclosure.threshold), gone),
            (said["not_recorded"], absent))  # fmt: skip
    notes = [Paragraph(f"{words}: {'; '.join(map(_inside, names))}.", "note")
             for words, names in told if names]  # fmt: skip
    return Section("patients", "Patients", (*((table,) if lines else ()), *notes))


def _without_hidden(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of variables of which anything is shown, and the names of the others."""
    gone = rows.groupby("variable")[SUPPRESSED].transform("all") & (rows["variable"] != "courses")
    return rows[~gone], [name.strip() for name in rows.loc[gone, "name"].unique()]


def _inside(name: str) -> str:
    """Return the name of a row in a list, without its unit; instruments keep their letters."""
    shown = name if name.startswith("Baseline") else name.partition(",")[0]
    return f"{shown[:1].lower()}{shown[1:]}"


def _head(group: str, size: float | None) -> str:
    name = "Overall" if group == ALL else sentence_case(named(group))
    return name if pd.isna(size) else f"{name}, N = {count(size)}"


def _with_missing(rows: pd.DataFrame) -> pd.DataFrame:
    """Count the courses behind each cell, and give those without a value a cell of their own."""
    is_number = rows["kind"] == "number"
    people = rows["count"].astype(float).where(~is_number, rows["n"])
    one_each = rows.drop_duplicates(["variable", "group"])
    unknown = one_each[one_each["kind"] == "category"]
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
    safe.loc[parts, SUPPRESSED] |= _told_by_others(safe[parts], people, disclosure)
    hidden = safe.groupby(["variable", "group"])[SUPPRESSED].transform("any")
    safe["share"] = safe["share"].mask(hidden)
    safe.loc[_told_by_courses(rows, disclosure), SUPPRESSED] = True
    safe[SUPPRESSED] |= safe["least"].map(disclosure.hides)
    of_conditions = safe["group"].isin(
        safe.loc[hidden & (safe["variable"] == "condition"), "group"]
    )
    safe["untold"] = of_conditions & safe["variable"].str.startswith("baseline ")
    return _without_rare_names(safe, people, disclosure)


def _told_by_others(
    safe: pd.DataFrame, people: pd.Series[float], disclosure: Disclosure
) -> pd.Series[bool]:
    """Return levels of variables whose few are told by the same courses shown elsewhere."""
    hidden, counts = safe[SUPPRESSED].astype(bool), people[safe.index]
    shown = {*zip(safe["level"][~hidden], safe["group"][~hidden], counts[~hidden], strict=True)}
    cells = zip(safe["level"].map(SAME), safe["group"], counts, strict=True)
    known = np.array([cell in shown for cell in cells], dtype=bool)
    left = counts.where(hidden & ~known, 0.0)
    return left.groupby([safe["variable"], safe["group"]]).transform("sum").map(disclosure.hides)


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


def _lines(
    rows: pd.DataFrame,
    groups: list[str],
    differences: pd.Series[float] | None,
    disclosure: Disclosure,
) -> Iterator[tuple[str, ...]]:
    courses = rows[rows["variable"] == "courses"].set_index("group")["people"]
    adapted = False
    for variable, own in rows.groupby("variable", sort=False):
        if variable == "courses" or own["people"].fillna(1).sum() == 0:
            continue  # the head counts courses; the study may have no ids of patients
        cells = {(cell["level"], cell["group"]): cell for cell in own.to_dict("records")}
        levels = sorted(own["level"].unique(), key=lambda level: LAST.get(level, 0))
        is_flag = set(own.loc[own["kind"] == "category", "level"]) <= {"yes", "no"}
        smd = [] if differences is None else [_difference(differences.get(variable), own)]
        if str(variable).startswith("adaptation") and not adapted:
            adapted = True
            yield (ADAPTED, *("" for _ in (*groups, *smd)))
        if not is_flag:
            yield (own["name"].iloc[0], *("" for _ in groups), *smd)
        for level in levels:
            if is_flag and level == "no" and "yes" in levels:
                continue
            inside = level and not (is_flag and level in ("yes", "no"))
            name = own["name"].iloc[0]
            if inside:
                name = f"\N{EN SPACE}{LEVELS.get((str(variable), str(level)), named(level))}"
            name += ": no" if is_flag and level == "no" else ""
            texts = [
                _cell(cells[level, g], float(courses.get(g, NAN)), disclosure)
                if (level, g) in cells else "–"
                for g in groups
            ]  # fmt: skip
            yield (name, *texts, *(smd if is_flag and not inside else ["" for _ in smd]))


def _difference(value: float | None, own: pd.DataFrame) -> str:
    return "–" if value is None or own[SUPPRESSED].any() else plain(float(value), 2)


def _named(variable: str, study: Study) -> str:
    kind, _, rest = variable.partition(" ")
    if kind == "adaptation":
        return f"\N{EN SPACE}{named(rest)}"
    if kind != "baseline":
        return str(LABELS["patients"].get(variable, sentence_case(named(variable))))
    instrument, _, movement = rest.partition(" ")
    measure = study.instrument(instrument)
    return f"Baseline {with_movement(measure.title, movement.split())} ({scale(measure)})"


def _few_with(cell: Mapping[Any, Any], courses: float, disclosure: Disclosure) -> str:
    """Say how many have a value where some have none, and that tells of no few.

    An instrument is of some conditions: how many have it tells how many have those.
    """
    people, group = float(cell["people"]), str(cell["group"])
    if people == courses or disclosure.hides(courses - people):
        return ""
    whom = "" if group == ALL else group
    near = 2 * people > courses and not disclosure.tells(people, "course", whom)
    return ", n not shown" if cell.get("untold") or near else f", n = {count(people)}"


def _cell(cell: Mapping[Any, Any], courses: float, disclosure: Disclosure) -> str:
    if cell[SUPPRESSED]:
        return "not shown"
    number = count(float(cell["people"]))
    if cell["kind"] == "number" and not cell["people"]:
        return "–"
    if cell["kind"] == "number":
        few = _few_with(cell, courses, disclosure)
        return f"{plain(float(cell['mean']))} ({plain(float(cell['sd']))}){few}"
    if cell["kind"] != "category" or pd.isna(cell["share"]):
        return number
    share = float(cell["share"])
    return f"{number} ({'under 1 %' if 0 < share < 0.005 else percent(share)})"
