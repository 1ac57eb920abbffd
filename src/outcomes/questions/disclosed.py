"""Answers without their small cells: what `ask` returns, and what every rendering starts from.

Hidden by default: a row of a kind, or a column of numbers, that the question's record does not
name, and a picture whose points are no rows of the table, are not there in real data.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.privacy.disclosure import CONTROL, SUPPRESSED, Disclosure, Told, suppress_counts
from outcomes.privacy.text import Text, holds_count, joined, told
from outcomes.questions.answer import Answer, Source
from outcomes.questions.picture import ROW, Picture
from outcomes.questions.question import Question
from outcomes.words import decimals_for

COUNT = "n_episodes"
AT_RISK = "n_at_risk"
LEFT_OUT = ["n_clinic"]
"""Columns with courses that those of `COUNT` are all without."""
COUNTS = "n_"
"""What the names of columns with counts begin with."""
NOUNS = {COUNT: "course", "n_control": "course", "n_asked": "visit", "n_visits": "visit",
         "n_reached": "goal", "n_control_reached": "goal"}  # fmt: skip
"""What the sentences call what a column counts."""
PARTS = {"n_reached": [COUNT], "n_control_reached": ["n_control"], "n_events": ["n_asked", COUNT]}
"""Columns with a part of what another one counts, the first that says it in a row: all but a few
are as telling as a few."""
TOTAL = "all"
NAMES = ("term", "group", "arm", "label")
"""Columns with names of groups; one that only few patients bear goes with the rest of its row."""
PLACES = (
    "kind", "role", "week", "session_count", "time", "delta", "pressure", "supported", "x", ROW
)  # fmt: skip
"""Columns that say what a row is about: known to whoever asks, and hidden with no row."""
VALUES = (
    "estimate", "std_error", "df", "df_num", "df_den", "statistic", "p_value", "p_both",
    "p_adjusted", "conf_low", "conf_high",
)  # fmt: skip
OF_SIZE, EXACT = ("df", "df_num", "df_den"), ("std_error", "statistic")
"""What tells the number of courses behind an estimate: by itself, and with its interval."""
RECORDS, RAW_DIGITS = ("raw", "part"), 1
"""Of a mean of records whose count is hidden: of ten courses or more, each has one as near."""
NOT_SHOWN, MANY_HIDDEN = "not shown", 3
JOINED = "Times at which few more had it happen are not shown; lines join the others."


def disclosed(
    answer: Answer, disclosure: Disclosure | None = None, *, leaves: bool = True
) -> Answer:
    """Return an answer whose table, picture and words hold no small count and nothing behind one.

    Parameters
    ----------
    answer : Answer
        The answer.
    disclosure : Disclosure, optional
        What may be shown; by default everything of synthetic data, and of real data no count from
        1 to 10.
    leaves : bool
        Whether it leaves the machine: then estimates of models behind a small count are hidden too,
        not only the count and summaries of the records themselves.

    Returns
    -------
    Answer
        A copy; suppressed cells are missing and column ``suppressed`` says which. The answer about
        one patient is returned as it is: it stays inside the clinic.
    """
    rule = disclosure or Disclosure(exempt=answer.source.synthetic)
    if rule.exempt or (answer.record is not None and answer.record.about_one):
        return answer
    if rule.told is None:
        rule = replace(rule, told=Told())
        rule.tells(answer.source.n_episodes, "course")
    sentence, reason = told(answer.sentence, rule), told(answer.reason, rule)
    checks = tuple(
        replace(c, name=told(c.name, rule), detail=told(c.detail, rule)) for c in answer.checks
    )
    limits = tuple(told(text, rule) for text in answer.limits)
    decided = decision(answer.table, answer.record, rule, leaves=leaves)
    return replace(
        answer,
        table=masked(answer.table, decided, answer.record, rule),
        picture=_safe_picture(answer.picture, decided, answer.record, rule),
        checks=checks,
        limits=limits,
        source=_safe_source(answer.source, rule, answer.record.uses if answer.record else "row"),
        sentence=sentence,
        glance=told(answer.glance, rule),
        verdict=told(answer.verdict, rule),
        reason=reason,
        method=told(answer.method, rule),
    )


def _safe_source(source: Source, rule: Disclosure, noun: str) -> Source:
    """Return a source without small counts of rows left out, nor what they follow from."""
    out = {why: None if n and rule.hides(n) else n for why, n in source.left_out.items()}
    used = source.n_used  # None where it was hidden before
    few = used is None or rule.hides(used) or None in out.values() or not rule.tells(used, noun)
    return replace(source, left_out=out, n_used=None if few else used)


def decision(
    table: pd.DataFrame, record: Question | None, rule: Disclosure, *, leaves: bool = True
) -> pd.DataFrame:
    """Decide once what is hidden of each row of an answer, wherever the row is shown.

    Parameters
    ----------
    table : DataFrame
        Of an answer.
    record : Question or None
        Of its question: which kinds of rows it declares.
    rule : Disclosure
        What may be shown.
    leaves : bool
        As in `disclosed`.

    Returns
    -------
    DataFrame of bool, on the index of `table`
        A column for each column of counts: whether the count is hidden; ``row``: whether all are,
        for they are few or would tell a few; ``gone``: whether the numbers that rest on them are;
        ``nameless``: whether the name of the group is, which few bear; ``sized``: whether degrees
        of freedom are, which tell a hidden count; ``exact``: whether all that tells it beside an
        interval is; ``raw``: whether numbers are worked out from so few scores that a fraction as
        exact as they are would have the hidden count below its line (46 / 21); ``shared``: whether
        numbers move with a share of a hidden count, which their differences tell as exactly as they
        are (1.16, and 0.60 where 19 of 34 did a point worse).
    """
    if table.empty:
        names = ["row", "gone", "nameless", "sized", "exact", "raw", "shared"]
        return pd.DataFrame(index=table.index, columns=names, dtype=bool)
    kind = pd.Series(None, index=table.index, dtype=object)
    if record and "kind" in table:
        kind = table["kind"].map(dict(record.kinds))
    counts = [str(name) for name in table if str(name).startswith(COUNTS)]
    few = kind.isna() | table[counts].map(rule.hides).any(axis=1)
    for part in {*counts} & {*PARTS}:
        whole = table.reindex(columns=PARTS[part]).astype(float).bfill(axis=1).iloc[:, 0]
        few |= (whole - table[part]).map(rule.hides)
    few |= _leaves_few_open(table, rule)
    row = few | _betrayed(table, kind, few, rule)
    cells = {name: row.copy() for name in counts}
    if rule.told is not None and record is not None:
        _beside_those_told(table, cells, record, rule)
    gone = row & (leaves | (kind != "model"))
    for name, hidden in cells.items():  # a share of a hidden count gives it away
        gone |= hidden & (kind == "share") & (name not in (COUNT, AT_RISK))
    if AT_RISK in cells and _falls_by_few(table, rule):
        cells[AT_RISK] |= table[AT_RISK] < table[COUNT]
    ours = table["kind"].isin(record.fixed) if record and "kind" in table else False
    nameless = gone & few & ~pd.Series(ours, index=table.index)
    untold = pd.DataFrame(cells, index=table.index).any(axis=1)
    sized = untold | (table[COUNT].isna() if COUNT in table else False)
    sized |= table[AT_RISK].isna() & (kind == "share") if AT_RISK in table else False
    if record and sized.any():  # suppositions about all begin from the model of those seen
        sized |= table["kind"].isin(record.points) & (kind == "share")
    raw = sized & (kind.isin(RECORDS) | _is_mean_of_records(table))
    if "estimate" in table:
        exact = table["estimate"].astype(float).round(9)
        raw |= sized & exact.isin(exact[raw].dropna())
    flags = {"row": row | gone, "gone": gone, "nameless": nameless, "sized": sized,
             "exact": sized & leaves, "raw": raw,
             "shared": sized & leaves & (kind == "share")}  # fmt: skip
    return pd.DataFrame({**cells, **flags}, index=table.index)


def masked(
    frame: pd.DataFrame, decided: pd.DataFrame, record: Question | None, rule: Disclosure
) -> pd.DataFrame:
    """Return a frame without what was decided to hide.

    Parameters
    ----------
    frame : DataFrame
        A table, or the data of a picture.
    decided : DataFrame
        From `decision`, one row for each of the frame's, in their order.
    record : Question or None
        Which columns of numbers the question declares; others are emptied.
    rule : Disclosure
        It knows the groups that the data name: a name with a number in it is no count.
    """
    if frame.empty:
        return frame
    values = {*VALUES, *(record.numbers if record else ())}
    safe = frame.reset_index(drop=True)
    hides = {name: decided[name].to_numpy() for name in decided}
    ends = [safe.get(end, [np.nan] * len(safe)) for end in ("conf_low", "conf_high")]
    gone, everywhere = hides["gone"], np.ones(len(safe), dtype=bool)
    for name in sorted({*map(str, safe)} - {*PLACES, SUPPRESSED}):
        if name.startswith(COUNTS):
            safe[name] = safe[name].astype("float64").mask(hides.get(name, everywhere))
        elif name in NAMES:
            counts = safe[name].map(lambda text: holds_count(str(text), rule))
            safe[name] = safe[name].astype(object).mask(hides["nameless"] | counts, NOT_SHOWN)
        elif name in values:
            told = hides["sized"] if name in OF_SIZE else hides["exact"] & (name in EXACT)
            safe[name] = safe[name].astype("float64").mask(gone | told)
            if not name.startswith("p_"):
                safe[name] = safe[name].mask(hides["raw"], safe[name].round(RAW_DIGITS))
                if name in ("estimate", "conf_low", "conf_high"):
                    rows = zip(safe[name], *ends, hides["shared"], strict=True)
                    near = [_as_known(*row, in_percent=AT_RISK in safe) for row in rows]
                    safe[name] = safe[name].mask(hides["exact"], near)
            else:
                rounded = safe[name].map(lambda p: float(f"{p:.2g}"))
                safe[name] = safe[name].mask(hides["exact"], rounded)
        else:
            safe[name] = float("nan")
    safe[SUPPRESSED] = hides["row"]
    return safe


def _as_known(value: float, low: float, high: float, shared: bool, *, in_percent: bool) -> float:
    """Round to a decimal more than an interval lets be printed, and to what is printed at a tie.

    What moves with a share of a hidden count has none more, nor for an end that is nearly zero;
    shares of those who began are whole per cent, as sentences say them.
    """
    if shared:
        half = (high - low) / 2
        return round(value, 2 if in_percent else decimals_for(-half, half))
    digits = decimals_for(low, high)
    near = round(value, digits + 1)
    return near if f"{near:.{digits}f}" == f"{value:.{digits}f}" else round(value, digits)


def _is_mean_of_records(table: pd.DataFrame) -> pd.Series[bool] | bool:
    """Whether an estimate is the mean of so many scores, as a model's is where each has one.

    A share of those who began is none, whose count is told wherever the share is.
    """
    if AT_RISK in table or not {COUNT, "estimate"} <= set(table):
        return False
    tenths = 10 * table["estimate"].astype(float) * table[COUNT].astype(float)
    return (tenths - tenths.round()).abs() < 1e-5


def _betrayed(
    table: pd.DataFrame, kind: pd.Series[str], few: pd.Series[bool], rule: Disclosure
) -> pd.Series[bool]:
    """Return which rows are hidden so that the hidden ones cannot be told from a sum."""
    hidden = few.copy()
    if SUPPRESSED in table:
        hidden |= table[SUPPRESSED].astype(bool)
    parts = table[kind == "part"]
    for _, rows in parts.groupby("kind") if len(parts) else ():
        hidden |= _parts_of_a_whole(rows, rule).reindex(table.index, fill_value=False)
    if COUNT in table:
        hidden[_betrayed_by_the_total(table.mask(hidden), table, rule)] = True
    return hidden


def _leaves_few_open(table: pd.DataFrame, rule: Disclosure) -> pd.Series[bool]:
    """Whether all that happened by a time leaves a few to whom nothing did: 95 less 73 and 13.

    The first kind of what happened stays: the sentence tells it.
    """
    if not {"n_reached", "time", COUNT, AT_RISK} <= set(table):
        return pd.Series(data=False, index=table.index)
    curves = table[table[AT_RISK].notna()]
    reached = curves.groupby(["time", *curves.columns.intersection(["group"])])["n_reached"]
    few = (curves[COUNT] - reached.transform("sum")).map(rule.hides).astype(bool)
    few &= curves["kind"] != next(iter(curves["kind"]), "")
    return few.reindex(table.index, fill_value=False)


def _falls_by_few(table: pd.DataFrame, rule: Disclosure) -> bool:
    """Whether few had one of the competing events, or were lost, at any time of the curves.

    Numbers at risk fall by all of these together: beside the numbers of one event they tell the
    numbers of the others.
    """
    curves = table.dropna(subset=["time", AT_RISK])
    groups = curves.groupby("group") if "group" in curves else [("", curves)]
    return any(_few_at_once(own, rule) for _, own in groups)


def _few_at_once(curves: pd.DataFrame, rule: Disclosure) -> bool:
    events = curves.pivot_table(index="time", columns="kind", values="n_reached", aggfunc="max")
    steps = events.diff().fillna(events)
    at_risk = curves.groupby("time")[AT_RISK].max()
    lost = -at_risk.diff().shift(-1).fillna(0.0) - steps.sum(axis=1)
    falls = steps.assign(lost=lost.iloc[:-1]).fillna(0.0)
    return bool(falls.map(rule.hides).any(axis=None))


def _beside_those_told(
    table: pd.DataFrame, cells: dict[str, pd.Series[bool]], record: Question, rule: Disclosure
) -> None:
    """Hide counts that differ by a few from others of the same people, or leave a few of all."""
    whom = _whom(table, record, rule)
    nouns = NOUNS | ({COUNT: "goal"} if record.uses == "goal" else {})
    kinds = table.get("kind", whom).astype(str)
    both = table.reindex(columns=[COUNT, *LEFT_OUT]).sum(axis=1, min_count=2)
    of_hidden = both.map(lambda whole: bool(whole > 0 and rule.instead(whole, "course")))
    for name in {COUNT, *LEFT_OUT} & {*cells}:  # one course left out and the others are all
        cells[name] |= of_hidden
    for name, hidden in cells.items():
        counts = table.loc[~hidden, name].dropna().astype(float)
        control = name.startswith("n_control")
        people = whom if name == COUNT else whom.mask(whom == "", kinds)  # parts of a kind
        told_too = [
            rule.tells(count, nouns.get(name, name), CONTROL if control else about)
            for count, about in zip(counts, people[counts.index], strict=True)
        ]
        hidden.loc[counts.index[~np.array(told_too, dtype=bool)]] = True
    if COUNT not in cells:
        return
    places = [name for name in PLACES if name in table and name != "role"]
    parts = table[table["group"] != TOTAL] if "group" in table else table
    for rows in _alike(parts, places):  # whoever is in none of them is what is left of all
        _all_but_a_few(table.loc[rows, COUNT], cells[COUNT], rule)


def _all_but_a_few(counts: pd.Series[float], hidden: pd.Series[bool], rule: Disclosure) -> None:
    """Hide the smallest of groups that have nobody in common until they leave no few of all."""
    wholes = rule.told.wholes() if rule.told else ()
    for row in counts.sort_values(kind="stable").index:
        shown = counts[~hidden[counts.index]].sum()
        if shown and any(rule.hides(whole - shown) for whole in wholes):
            hidden[row] = True


def _whom(table: pd.DataFrame, record: Question, rule: Disclosure) -> pd.Series[str]:
    """Name the people of each row; empty for all of the study."""
    nobody = pd.Series(None, index=table.index, dtype=object)
    names = [table[name].astype(object) for name in ("group", "arm") if name in table]
    whom = pd.concat([*names, nobody], axis=1).bfill(axis=1).iloc[:, 0]
    kind = table["kind"].astype(str) if "kind" in table else nobody.fillna("")
    term = table["term"].astype(str) if "term" in table else nobody.fillna("")
    known = term.map(lambda name: bool(rule.told and rule.told.numbers("course", name)))
    disjoint, raw = kind.isin(record.groups), kind.map(dict(record.kinds)) != "model"
    often = pd.DataFrame({"kind": kind, "term": term}).duplicated(keep=False)
    own = term.where((raw & often) | disjoint, "")
    within = term.str.extract(r", ([^,%]+)$")[0]  # "level 1, adapted" is part of "adapted"
    whom = whom.fillna(within).fillna(term.where(known)).fillna(own)
    return whom.replace(TOTAL, "").astype(str)


def _parts_of_a_whole(rows: pd.DataFrame, rule: Disclosure) -> pd.Series[bool]:
    """Return which rows to hide, so that none can be worked out from the sum of all."""
    count = COUNT if COUNT in rows and rows[COUNT].notna().any() else "n_events"
    if count not in rows:  # hidden before: what was decided then stands
        return rows[SUPPRESSED].astype(bool) if SUPPRESSED in rows else rows["kind"].notna()
    return suppress_counts(rows, count, disclosure=rule, within=())[SUPPRESSED].astype(bool)


def _betrayed_by_the_total(safe: pd.DataFrame, table: pd.DataFrame, rule: Disclosure) -> list[int]:
    """Return groups to hide as well, so that "all" less those shown is no small count.

    Groups that are not in the table at all count among those not shown. Rows of several kinds at
    one time are about the same groups; "all" of a kind that has no groups is about others (all who
    began, where the groups are those with a score then), whose counts alone are at stake.
    """
    if rule.exempt or "group" not in table:
        return []
    about = [name for name in PLACES if name in table and name not in ("kind", "role")]
    hidden: list[int] = []
    for rows in _alike(table, about):
        group = table.loc[rows, "group"]
        if "kind" in table:
            split = table.loc[rows[group != TOTAL], "kind"].unique()
            rows = rows[table.loc[rows, "kind"].isin(split)]
            group = group[rows]
        counts = safe.loc[rows, COUNT].dropna().astype(float)
        parts = counts[counts.index.difference(rows[group == TOTAL])]
        parts = parts.groupby(group.loc[parts.index]).max().sort_values(kind="stable")
        totals = table.loc[rows[group == TOTAL], COUNT].dropna().unique()
        while len(parts) and any(rule.hides(total - parts.sum()) for total in totals):
            hidden += rows[group == parts.index[0]].tolist()
            parts = parts.iloc[1:]
    return hidden


def _alike(table: pd.DataFrame, about: list[str]) -> list[pd.Index[int]]:
    """Return the rows that speak of the same quantity at the same time."""
    if not about:
        return [table.index]
    of = table.groupby(about, dropna=False).ngroup()
    return [table.index[of == number] for number in sorted(of.unique())]


def _safe_picture(
    picture: Picture | None, decided: pd.DataFrame, record: Question | None, rule: Disclosure
) -> Picture | None:
    """Return a picture by the decision about the rows that it draws; none where it draws others."""
    if picture is None or ROW not in picture.data:
        return None
    rows = decided.loc[picture.data[ROW].to_numpy()]
    if rows["gone"].all():
        return None
    data = masked(picture.data, rows, record, rule)
    data = data[~rows["nameless"].to_numpy()].reset_index(drop=True)  # without name and numbers
    if picture.kind == "curves":
        seen = data.dropna(subset=["estimate"])
        if seen["x"].nunique() < 2 and not (seen["conf_high"] > seen["conf_low"]).any():
            return None  # one point without an interval shows nothing
        first = seen[seen["group"] == picture.data["group"].iloc[0]]
        if first.empty and seen["group"].nunique() == 1:
            return None  # alone it has no name, and would be taken for what the title speaks of
        if picture.shares and rows["gone"].any() and not first["estimate"].any():
            return None  # none early on, and no word of the few who came later
    if picture.kind == "forest":
        data = _together(data)
    alt = picture.alt
    if rows["gone"].any():
        axes = joined("; ", [label for label in (picture.y_label, picture.x_label) if label])
        alt = Text(picture.title, ". Axes: ", axes, ". Points of few courses are left out.")
    joined_up = picture.steps and bool(rows["gone"].any())  # where each step lies is not known
    shown = replace(picture, data=data, steps=picture.steps and not joined_up)
    return replace(
        shown,
        reading=f"{shown.caption} {JOINED}" if joined_up else told(picture.reading, rule),
        alt=told(alt, rule), title=told(picture.title, rule),
        x_label=told(picture.x_label, rule), y_label=told(picture.y_label, rule),
        counted=told(picture.counted, rule),
    )  # fmt: skip


def _together(data: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a forest, hidden ones in one row where there are many."""
    hidden = data["estimate"].isna()
    if hidden.sum() < MANY_HIDDEN:
        return data
    others = data[hidden].head(1).assign(label="all others")
    return pd.concat([data[~hidden], others], ignore_index=True)
