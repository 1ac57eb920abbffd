"""What became of a visit, which rows are none, and which lines of a day are one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from operator import ne
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import RECEIVED
from outcomes.intake.dates import read_times
from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import FEW, Content, ask, merged, rule
from outcomes.intake.drafting.evidence import Column
from outcomes.intake.drafting.headers import roles_of, vocabulary, words_of
from outcomes.intake.drafting.notes import beside_name, remarked, remarks_on
from outcomes.intake.drafting.people import lengths
from outcomes.intake.drafting.seen import MISSED, STRUCK, Seen, not_visits
from outcomes.intake.map_sections import VISIT
from outcomes.intake.refusals import refuse
from outcomes.intake.visits import STAYED
from outcomes.privacy.patterns import name_words, plain

_WHY = "flag.reason"
_FLAGS = (*MISSED, "flag.attended", _WHY)
_OFTEN = 0.1
"""Share of the rows from which on a service is one of visits, where no word of it is of a sale."""
_USUAL = 0.5
"""Share of the rows from which on, where words of care tell them, any other service is odd."""
_SCORED = 0.98
"""Share of the rows with scores from which on these tell that the visits took place."""
_SERVICES = 60
"""Different services that a list of them has at most."""
_SOON = 150
"""Minutes after the start of a line in which the next of that day may be of the same visit."""


def status(seen: Seen) -> Content:
    """Return what became of visits: by one column's words, by flags, or by what rows hold."""
    column = seen.one("columns.status")
    beside = _beside(seen)
    if column is not None:
        words = _status_words(seen, column)
        signs = [*_flags(seen, MISSED), *beside]
        if seen.of("flag.attended", _WHY):  # first what the status itself says: no show, cancelled
            own = words["values"]["status"].items()
            stayed = {became: [cell for cell, word in own if word == became] for became in STAYED}
            signs = [*({"column": column.name, "is": cells, "becomes": became}
                       for became, cells in stayed.items() if cells),
                     *signs, *_flags(seen, [_WHY]), *_came_or_not(seen)]  # fmt: skip
            words["questions"] = _still_open(seen, column, words.get("questions", []), signs)
        return merged({"status": signs}, words, _differing(seen, words, signs))
    if seen.said("study", "rows") or seen.later or (seen.beside and seen.date is None):
        return {}
    if seen.of(*_FLAGS):
        flags = _status_flags(seen)
        return merged(flags, _differing(seen, {}, flags["status"]))
    if beside:
        return {"status": [*beside, {"otherwise": "attended"}]}
    if STRUCK in seen.columns:
        return _status_struck(seen)
    remark = next((c for c in seen.of("free_text") if any(map(remarks_on, c.counts))), None)
    if remark is not None:
        told = remarked(seen, remark, _held(seen).to_numpy())
        return {"status": told, **ask("status_silent", column=remark.name)}
    partings = [c for h in seen.rest if _may_be_status(seen, c := seen.columns[h])]
    parting = max(partings, key=lambda column: column.share(evidence.status_of), default=None)
    return _no_status(seen) if parting is None else _status_words(seen, parting)


def _beside(seen: Seen) -> list[dict[str, Any]]:
    """Return the rules of services and scores with words of a visit that did not take place.

    Raises
    ------
    DataError
        When a word may say that there was no pain, or nobody, and nothing else tells.
    """
    scored, pains = seen.of("scores."), vocabulary()["of_pain"]["words"]
    told = [(c, Column(c.name, c.cells[c.where(evidence.is_missed)])) for c in seen.of("service")]
    stated = bool(seen.of("columns.status", *_FLAGS))
    for column in scored:
        others = [other.cells.notna() for other in scored if other is not column]
        alone = ~seen.in_any(*others) & bool(others)
        of_pain = column.where(lambda cell: evidence.is_missed(cell) and plain(cell) in pains)
        if (of_pain & ~alone).any() and not stated:
            refuse("word_among_scores", column.name)
        missed = column.where(evidence.is_missed) & ~(of_pain & stated)
        told.append((column, Column(column.name, column.cells[missed])))
    return [entry for column, own in told if own.n < column.n for entry in _entries(column, own)]


def _may_be_status(seen: Seen, column: Column) -> bool:
    """Whether a column may be a status: by its words, or as each stands beside scores or none."""
    own = column.cells.groupby(seen.who.to_numpy())
    several = own.nunique()[own.count() > 1]
    of_people = len(several) > FEW and several.max() == 1  # an arm: each person has one of them
    if of_people or column.share(evidence.is_date) > _USUAL:
        return False
    if column.share(lambda cell: evidence.status_of(cell) and evidence.flag_of(cell) is None) > 0.5:
        return len(column.counts) <= FEW
    told = column.cells.fillna("").reset_index(drop=True)[seen.kept]
    shares = _held(seen)[seen.kept].groupby(told).agg(["mean", "sum", "size"])
    stayed = shares[shares["mean"] == 0]
    return (0 < len(stayed) < len(shares) <= FEW and bool((shares["mean"] % 1 == 0).all())
            and min(shares["sum"].sum(), stayed["size"].sum()) > 1)  # fmt: skip


def _entries(column: Column, told: Column) -> list[dict[str, Any]]:
    """Return the rules of a column whose cells say of some visits that they did not take place."""
    found: dict[str, list[str]] = {}
    for cell in filter(evidence.not_done, told.counts):
        found.setdefault(evidence.status_of(cell), []).append(cell)
    return [{"column": column.name, "is": words, "becomes": became}
            for became, words in found.items()]  # fmt: skip


def _status_words(seen: Seen, column: Column) -> Content:
    became, held = _became(seen, column), _held(seen)
    before = {cell: beside_name(cell, seen.name_words) for cell in became}
    named = {cell: words for cell, words in before.items()
             if words is not None and not evidence.whole_status(cell)}  # fmt: skip
    known = {cell: word for cell, word in became.items() if word and cell not in named}
    content: Content = {"columns": {"status": column.name}, "values": {"status": known}}
    begins = {before: became[cell] for cell, before in named.items()
              if before and became[cell] == evidence.status_of(before) != ""}  # fmt: skip
    content["status"] = [{"column": column.name, "contains": [before], "becomes": word}
                         for before, word in begins.items()]  # fmt: skip
    open_ = [cell for cell, word in became.items() if not (word or seen.is_private(cell))]
    done = {*RECEIVED} & {*became.values()}
    for cell in open_[:FEW]:  # a private word stays unread, and stops the import
        likely, first = evidence.likely_statuses(cell), evidence.status_of(cell)
        first = "attended" if first == "left_out" and not done else first  # nobody marks arrivals
        likely.sort(key=partial(ne, first))
        if held.any() and not held[column.cells.eq(cell).to_numpy(bool)].any():
            likely.sort(key=lambda status: status in RECEIVED)  # it stands beside no score
        content = merged(content, ask("status_word", likely, f"values.status.{cell}",
                                      column=column.name, cell=cell))  # fmt: skip
    silent = seen.came & ~column.cells.isin([*became]).to_numpy()
    silent &= seen.in_any(*(own.cells.notna().to_numpy() for own in seen.of("identifiers.")))
    if n_empty := int(silent.sum()):
        counted = "the 1 visit" if n_empty == 1 else f"the {n_empty} visits"
        likely = ["left_out", "attended", "cancelled", "no_show"]
        said = seen.of(*MISSED) or not {*RECEIVED} & {*became.values()}  # absence is
        if said or held[silent].mean() > _USUAL:
            likely.sort(key=lambda word: word != "attended")
        asked = ask("status_empty", likely, visits=counted, column=column.name)
        content = merged(content, asked)
    return content


def _still_open(
    seen: Seen, column: Column, questions: list[Content], signs: Iterable[Mapping[str, Any]]
) -> list[Content]:
    """Return the questions about words of a status beside which no other sign tells enough."""
    told = seen.in_any(*(_told(seen.columns[sign["column"]].cells, sign) for sign in signs))
    beside = {f"values.status.{cell}" for cell in column.counts
              if told[column.cells.eq(cell).to_numpy(bool)].all()}  # fmt: skip
    return [question for question in questions if question["key"] not in beside]


def _became(seen: Seen, column: Column) -> dict[str, str]:
    """Return what each word of a status means; empty where that is to be asked.

    Bookings are no visits where others are marked as attended, unless many stay so or hold scores.
    """
    product = seen.said("values", "status") or {}  # its own signs, of which - may be one
    cells = column.cells[seen.kept.to_numpy()].dropna()
    signs = not any(map(str.isalpha, "".join(cells.unique())))  # + and -, of which - says no
    counts = cells[[cell in product or signs or not evidence.means_empty(cell)
                    for cell in cells]].value_counts()  # fmt: skip
    marks = {True: "attended", False: "no_show", None: ""}
    came = any(role.place == "flag.attended" for role in roles_of(column.name))
    became = {str(cell): product.get(cell) or evidence.status_of(cell) or
              (marks[evidence.flag_of(cell)] if came else "") for cell in counts.index}  # fmt: skip
    if column.name not in seen.roles and not _agrees(seen, column, became):
        return dict.fromkeys(became, "")
    done, held = {"attended", "stopped_early"} & {*became.values()}, _held(seen).to_numpy()
    beside = {cell: held[column.cells.eq(cell).to_numpy(bool)].mean() for cell in became}
    for cell, word in became.items():
        many = counts[cell] >= max(0.1 * counts.sum(), 3)
        if word == "left_out" and cell not in product and (not done or many or beside[cell]):
            became[cell] = "attended" if not done and beside[cell] >= _SCORED else ""
    return became


def _agrees(seen: Seen, column: Column, became: Mapping[str, str]) -> bool:
    """Whether scores stand beside what a column calls attended, and beside nothing else it says."""
    told, held = column.cells.map(dict(became)).fillna(""), _held(seen).to_numpy()
    beside, others = {*told[held & seen.kept.to_numpy()]}, {*told[~held]} - {"attended", ""}
    said = all(evidence.flag_of(cell) is None for cell in became)
    return said and beside == {"attended"} and bool(others) and others <= {*STAYED}


def _flags(seen: Seen, places: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rules of columns that mark visits: ``Cancelled at``, ``No show``.

    A word that is a status (``No-show`` under ``Cancelled``) says what it says anywhere.
    """
    entries: list[dict[str, Any]] = []
    for column in (column for place in places for column in seen.of(place)):
        why = seen.roles[column.name].place == _WHY
        mark = "cancelled" if why else seen.roles[column.name].place.removeprefix("flag.")
        flags, word_of = ({cell: evidence.flag_of(cell) for cell in column.counts},
                          evidence.why_missed if why else evidence.status_of)  # fmt: skip
        said = {cell: word_of(cell) if flag is None else flag and mark
                for cell, flag in flags.items()}  # fmt: skip
        became = {cell: word for cell, word in said.items() if word}
        signs = [str(cell) for cell in column.cells.dropna().unique() if cell not in became]
        if why or any(map(evidence.is_dated, became)):  # others next month
            told = {"column": column.name, "filled": True, "not": signs, "becomes": mark}
            other = [cell for cell, word in became.items() if word not in (mark, True)]
            missed = {"column": column.name, "is": other, "becomes": "no_show"}
            entries += [*([missed] if why and other else []), told] if became else []
            continue
        silent = [c for c in signs if evidence.means_empty(c) or evidence.flag_of(c) is False]
        known = {"known": [*dict.fromkeys([*silent, "no", "false", "0"])]}
        for word in dict.fromkeys([*became.values()] or [mark]):
            own = [cell for cell, one in became.items() if one == word] or ["yes"]
            entries.append({"column": column.name, "is": own, **known, "becomes": word})
            known = {}
    return entries


def _came_or_not(seen: Seen) -> list[dict[str, Any]]:
    """Return the rules of a column that marks who came, and so who did not."""
    entries, came = _flags(seen, ["flag.attended"]), seen.of("flag.attended")
    no = [cell for column in came[:1] for cell in column.counts if evidence.flag_of(cell) is False]
    if no and not seen.of("flag.no_show"):
        entries.append({"column": came[0].name, "is": no, "becomes": "no_show"})
    return entries


def _status_flags(seen: Seen) -> Content:
    missed = [_WHY, *MISSED] if not seen.of("flag.cancelled") else MISSED
    entries = [*_flags(seen, missed), *_came_or_not(seen)]
    if not seen.of("flag.attended"):
        return {"status": [*entries, {"otherwise": "attended"}]}
    told = [_told(seen.columns[entry["column"]].cells, entry) for entry in entries]
    if np.any(told, axis=0)[seen.kept].all():
        return {"status": entries}
    return {"status": entries, **ask("status_unmarked")}


def _differing(seen: Seen, words: Content, entries: Iterable[Mapping[str, Any]]) -> Content:
    """Ask which sign counts, where one says that a visit took place and another that it did not."""
    column = words.get("columns", {}).get("status", "")
    read = seen.columns[column].cells.map(words["values"]["status"]) if column else pd.Series(
        None, index=range(seen.n), dtype=object)  # fmt: skip
    told = [(_told(seen.columns[e["column"]].cells, e), e) for e in entries if "column" in e]
    came, stayed = (seen.in_any(read.isin(own), *(fits for fits, e in told if e["becomes"] in own))
                    for own in (RECEIVED, STAYED))  # fmt: skip
    n = int((came & stayed & seen.kept.to_numpy()).sum())
    if not n:
        return {}
    fees = any(e["column"] in [c.name for c in seen.of("service")] for _, e in told)
    likely = ["rules", "status"] if fees else ["status", "rules"]
    return ask("status_differs", likely if column else ["rules"], n=n)


def _told(cells: pd.Series[Any], entry: Mapping[str, Any]) -> Any:
    told = cells.isin(entry["is"]) if "is" in entry else cells.notna() & ~cells.isin(entry["not"])
    return told.to_numpy()


def _held(seen: Seen, *places: str) -> pd.Series[Any]:
    """Return which rows hold what is only known of a visit: a score, or the pressure."""
    held = places or ("scores.", "columns.score", "columns.pressure")
    told = (column.where(lambda cell: not evidence.is_missed(cell)) for column in seen.of(*held))
    return pd.Series(seen.in_any(*told))


def _status_struck(seen: Seen) -> Content:
    struck = (seen.columns[STRUCK].cells == "yes").to_numpy()
    content: Content = {"columns": {"status": STRUCK}, "values": {"status": {"no": "attended"}}}
    if not _held(seen, "scores.")[struck].any():
        return merged(content, {"values": {"status": {"yes": "cancelled"}}})
    return merged(content, ask("status_struck"))


def _no_status(seen: Seen) -> Content:
    attended: Content = {"study": {"no_status": "attended"}}
    if seen.said("study", "no_status"):
        return {}
    at_visit = seen.of("columns.sessions.therapist_id", "columns.sessions.minutes",
                       "columns.pressure")  # fmt: skip
    times = {*vocabulary()["of_diaries"]["words"]}
    diary = any(not times.isdisjoint(words_of(h)) for h in seen.columns)
    ends = any(role.place.endswith(".post_session") for role in seen.roles.values())
    if (seen.is_of_times or diary or (seen.is_form and not ends)) and not at_visit:
        likely = ["scores", "visits"] if seen.is_of_times or diary else ["visits", "scores"]
        return merged(attended, ask("answers", likely))
    if seen.is_form or _held(seen)[seen.kept].mean() >= _SCORED:
        return attended
    few = [h for h in seen.rest if 1 < len(seen.columns[h].counts) <= FEW
           and seen.columns[h].share(evidence.score) < _USUAL]  # fmt: skip
    few += [f"{c.name}, which is 0 in {n} rows" for c in seen.of("ignored") if evidence.is_money(
            c.name) and 0 < (n := int(c.where(evidence.is_nothing).sum())) < c.n]  # fmt: skip
    unread = f" (not read: {', '.join(few)})" if few else ""
    return ask("no_status", unread=unread)


def visits(seen: Seen) -> Content:
    """Return therapist, clinic and how long; and which rows are left out or are one visit."""
    places = {"sessions.therapist_id": ("columns.sessions.therapist_id", "therapist.code"),
              "clinic_id": ("columns.clinic_id",), "age": ("columns.age",)}  # fmt: skip
    found = {place: next(filter(None, map(seen.one, ways)), None) for place, ways in places.items()}
    own = {place: column.name for place, column in found.items() if column is not None}
    out = not_visits(seen)
    if seen.date is not None and not seen.later:
        out.append({"name": "visits still to come", "future": True})
    ages = [c for c in seen.of("columns.age") if None in map(evidence.number, c.counts)]
    read = [rule("45 yrs: the number", [c.name], pattern=evidence.AGE, becomes=r"\1") for c in ages]
    content = merged({"columns": own}, {"leave_out": out}, *read, lengths(seen))
    return merged(content, _services(seen), one_visit(seen))


def _services(seen: Seen) -> Content:
    """Say which services are visits, where no status says it; ask about what may be a sale."""
    column = next(iter(seen.of("service")), None)
    if column is None or seen.said("study", "rows"):
        return {}
    held, own = _held(seen).to_numpy(), column.cells[seen.kept.to_numpy()].dropna()
    words = [str(cell) for cell in own.unique()
             if not (evidence.means_empty(cell) or evidence.not_done(cell))]  # fmt: skip
    named = [cell for cell in words if name_words([cell]) & seen.name_words]
    if not words or len(words) > _SERVICES or 4 * len(named) > len(words):
        return {}  # a title of each row, and no list of services
    usual = own.isin([cell for cell in words if evidence.is_visit(cell)]).mean() >= _USUAL
    kinds = {cell: evidence.is_visit(cell) or held[column.cells.eq(cell).to_numpy()].mean() >= 0.5
             or not (usual or evidence.is_sale(cell) or (own == cell).mean() < _OFTEN)
             for cell in words if cell not in named}  # fmt: skip
    if seen.one("columns.status") is not None:  # which says what took place, but not of what
        kinds = {cell: is_one or evidence.is_named(cell) or not (evidence.is_sale(cell) or usual)
                 for cell, is_one in kinds.items()}  # fmt: skip
    afar = {*vocabulary()["services"]["remote"]}
    kinds = {cell: is_one and afar.isdisjoint(words_of(cell)) for cell, is_one in kinds.items()}
    if seen.one("columns.status") is not None and all(kinds.values()):
        return {}
    known = {cell: VISIT for cell, is_one in kinds.items() if is_one}
    content: Content = {"columns": {"service": column.name}, "values": {"service": known}}
    open_ = [cell for cell, is_one in kinds.items() if not is_one][:FEW]
    place = "values.service.{}"
    return merged(content, *(ask("service", place=place.format(cell), column=column.name, cell=cell)
                             for cell in open_))  # fmt: skip


def one_visit(seen: Seen) -> Content:
    """Say which lines are one visit, where a client has several of one day."""
    if seen.date is None or seen.later or not seen.names or seen.one("columns.score") is not None:
        return {}
    time = seen.one("identifiers.time") or seen.date
    lines = pd.DataFrame({h: c.cells.to_numpy() for h, c in seen.columns.items()})
    lines = lines.assign(_who=seen.person.to_numpy())[seen.came].drop_duplicates()
    lines = lines.assign(_day=lines[seen.date.name].map(evidence.day_of, na_action="ignore"))
    lines = lines.assign(_at=read_times(lines[time.name]))[lines["_who"].notna()]
    told = seen.of("columns.condition", "identifiers.birth_date")
    apart = ["_who", "_day", *(column.name for column in told)]
    if lines[lines["_at"].notna()].duplicated([*apart, "_at"]).any():
        return {"study": {"one_visit": "time"}}
    gaps = lines.sort_values("_at").groupby(apart, dropna=False)["_at"].diff()  # one after another
    if not (gaps.between(1, _SOON) | lines[lines["_at"].isna()].duplicated(apart)).any():
        return {}
    return merged(ask("lines"), ask("minutes_of_lines") if lengths(seen) else {})
