"""What was measured and why the patient came: scores, pressure, condition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import FEW, Content, ask, merged, rule
from outcomes.intake.drafting.evidence import Column
from outcomes.intake.drafting.headers import (
    holds,
    of_scores,
    score_role,
    timing_of,
    vocabulary,
    words_of,
)
from outcomes.intake.drafting.notes import PAIRED, in_notes
from outcomes.intake.drafting.pairs import PLAIN, SIDES, as_numbers, is_pair_of_ten, two_in_a_cell
from outcomes.intake.drafting.seen import Seen, which
from outcomes.intake.readers import SCORE
from outcomes.intake.refusals import refuse

_UNITS, _COMMA, _NO_DEGREES, _RADIANS = (vocabulary()["patterns"][name] for name in (
    "units", "comma", "no_degrees", "radians"))  # fmt: skip

_MOST, _LEAST = 0.5, 0.02
_TURNED = re.compile(vocabulary()["patterns"]["turned"], re.IGNORECASE)
"""A header that calls the best what the instrument calls the worst."""


def scores(seen: Seen) -> Content:
    """Return the columns of scores by instrument and time, and how their cells are read."""
    found: dict[str, dict[str, list[str]]] = {}
    visits = seen.columns.get("procedure")  # of a FHIR bundle: where it has none, scores are theirs
    for header, role in seen.roles.items():
        if role.place.startswith("scores."):
            _, name, timing = role.place.split(".")
            timing = timing if visits is None or visits.n else timing.replace("follow_up", "")
            name = "nprs" if name == "vas" and evidence.stated_top(header) == 10 else name
            found.setdefault(name, {}).setdefault(timing, []).append(header)
    if seen.later:
        return _over_weeks(seen, found)
    if seen.beside:
        (name,), (timing,) = found, next(iter(found.values()))
        constants = {"instrument": name, "timing": timing.replace("now", "") or "pre_session"}
        wide = {"over": "session", "columns": seen.beside}
        return {"wide": [wide], "constants": constants, "study": {"no_status": "attended"}}
    content: Content = merged(_one_below_another(seen), *_not_numbers(seen, found))
    for name, every in found.items():
        timings = {timing: own for timing, headers in every.items()
                   if (own := [h for h in headers if not seen.is_of_courses(h)])}  # fmt: skip
        once = [h for headers in every.values() for h in headers if seen.is_of_courses(h)]
        if once and timings.keys() <= {"post_session", "follow_up"}:
            what = f"the {registry()[name].title} of a visit, though all rows of a client agree"
            content = merged(content, _which(seen, name, what, once, "pre_session"))
        for timing, headers in _timed(timings).items():
            columns = [seen.columns[h] for h in headers]
            content = merged(content, two_in_a_cell(name, columns) or _score(name, timing, columns))
        content = merged(content, *_loose(seen, name, timings))
        for header in (one for headers in every.values() for one in headers):
            _refuse_several(seen, seen.columns[header])
    content, pain = merged(content, _of_motion(seen)), found.get("nprs", {})
    beside = _unnamed_score(seen, "post_session") if pain and "post_session" not in pain else {}
    if content:
        return merged(content, beside)
    loose = [*(seen.columns[h] for h in seen.rest), *seen.of("free_text", "ignored")]
    pairs = next((c for c in loose if c.share(is_pair_of_ten) > _MOST), None)
    if pairs is not None:
        return two_in_a_cell("nprs", [pairs], "pain")
    return in_notes(seen, _MOST) or _unnamed_score(seen) or in_notes(seen, _LEAST)


def _over_weeks(seen: Seen, found: Mapping[str, Mapping[str, list[str]]]) -> Content:
    """Return the scores of weeks or months that stand beside each other, by instrument."""
    over, content = next(iter(seen.later.values()))[0], Content()
    for name, timings in found.items():
        own = [header for headers in timings.values() for header in headers]
        times = {seen.later[h][1]: h for h in reversed(own) if h in seen.later}
        first = times.pop("0", "") or next((h for h in own if h not in seen.later), "")
        columns = {"follow_up": dict(reversed(times.items()))}
        columns |= {"baseline": {"0": first}} if first else {}
        wide = [{"over": over, "columns": held, "score": f"{name}.{timing}"}
                for timing, held in columns.items() if held]  # fmt: skip
        read = [part(seen.columns[h], registry()[name].maximum) for h in own
                for part in (as_numbers, partial(_scale, name, "follow_up"))]  # fmt: skip
        known = f"scales.{name}"
        said = [p for p in read if all(q["key"] == known for q in p.get("questions", ()))]
        content = merged(content, {"wide": wide}, *said)
    return content


def _refuse_several(seen: Seen, column: Column, *what: Column | None) -> None:
    """Refuse scores of which most visits have several of one kind: an activity a row."""
    if seen.date is None or any(seen.columns[h].share(evidence.is_date) > _MOST for h in seen.rest):
        return  # the day of the visit may be another column
    more = [*seen.of("identifiers.time"), *(one for one in what if one is not None)]
    told = {"who": seen.who.to_numpy(), "day": seen.date.cells.to_numpy(),
            **{c.name: c.cells.fillna("").to_numpy() for c in more}}  # fmt: skip
    own = pd.DataFrame({**told, "score": column.cells.to_numpy()}).dropna()
    several = own.groupby([*told])["score"].nunique() > 1
    if several.sum() > 1 and several.mean() > _MOST:
        refuse("several_scores", column.name)


def _one_below_another(seen: Seen) -> Content:
    """Return the scores that stand in one column, what and when each is said in others."""
    named, column = seen.one("columns.instrument"), seen.one("columns.score")
    when = seen.one("columns.timing")
    if column is None or (named is None and when is None):
        return {}
    cells = [column.name] if named is None else [*named.counts]
    told = {cell: role[0].place.split(".") for cell in cells if (role := score_role(cell))}
    taken = {cell: timing for cell, (*_, timing) in told.items()} if when is None else {
        cell: timing_of(words_of(cell)) for cell in when.counts}  # fmt: skip
    last = {*vocabulary()["last"]["words"]}
    ends = [cell for cell in taken if not last.isdisjoint(words_of(cell))]
    asked = merged(*(ask("when", place=f"values.timing.{cell}", cell=cell) for cell in ends))
    timing = {cell: own.replace("now", "") or "pre_session" for cell, own in taken.items()
              if cell not in ends}  # fmt: skip
    columns = {"timing": (when or named or column).name, "score": column.name}
    if named is None:
        (_, name, _) = told[column.name]
        read = as_numbers(column, registry()[name].maximum)
        return merged({"columns": columns, "values": {"timing": timing}}, read, asked,
                      {"constants": {"instrument": name}})  # fmt: skip
    words = {"instrument": {cell: name for cell, (_, name, _) in told.items()}, "timing": timing}
    columns = {"instrument": named.name, **columns}
    grouped = named.cells.map({cell: own[1] for cell, own in told.items()})
    _refuse_several(seen, column, Column("what", grouped), Column("when", (
        named if when is None else when).cells.map(taken)))  # fmt: skip
    others: Content = {"leave_out": [{"name": "other questions", "column": named.name,
                                      "not": [*told]}]}  # fmt: skip
    others = others if len(told) < len(named.counts) else {}
    content: Content = merged({"columns": columns, "values": words}, asked, others)
    for name in dict.fromkeys(words["instrument"].values()):
        top = registry()[name].maximum
        cells = [cell for cell, own in words["instrument"].items() if own == name]
        own = Column(column.name, column.cells[named.cells.isin(cells)])
        content = merged(content, as_numbers(own, top))
        if _scale(name, "", own, top):
            other = 50 if top == 100 else 100
            asked = ask("top", [f"{top:g}", f"{other}"], f"scales.{name}", top=top, other=other,
                        title=registry()[name].title)  # fmt: skip
            content = merged(content, asked)
    return content


def _unnamed_score(seen: Seen, alone: str = "") -> Content:
    """Ask whether numbers of 0 to 10 under a header that says nothing are the pain."""
    other = (*of_scores("change"), *of_scores("not_pain"))
    likely = [h for h in seen.rest
              if (len(seen.columns[h].counts) > 3 or h == SCORE or timing_of(words_of(h)))
              and seen.columns[h].share(partial(evidence.is_up_to, 10)) > 0.9
              and not any(holds(words_of(h), phrase) for phrase in other)]  # fmt: skip
    return _which(seen, "nprs", "the pain {} the visit, of 0 to 10", likely, alone)


def _which(seen: Seen, name: str, what: str, headers: list[str], alone: str = "") -> Content:
    """Ask which of some columns is a score: of those that say after, and of the others."""
    after = [h for h in headers if timing_of(words_of(h)) == "post_session"]
    both = ([h for h in headers if h not in after], after)
    return merged(*(which(seen, f"scores.{name}.{timing}", what.format(when), own,
                          lambda column: as_numbers(column, registry()[name].maximum))
                    for timing, when, own in zip(PAIRED, ("before", "after"), both, strict=True)
                    if own and alone in ("", timing)))  # fmt: skip


def _of_motion(seen: Seen) -> Content:
    """Ask which of the columns of degrees is the one that is followed; of a pair the first."""
    phrases = of_scores("motion")
    degrees = [h for h in seen.rest if seen.columns[h].share(_is_degrees) > _MOST
               and any(holds(words_of(h), phrase) for phrase in phrases)
               and not re.search(_NO_DEGREES, h, re.IGNORECASE)]  # fmt: skip
    pairs = [h for h in degrees if seen.columns[h].share(evidence.is_pair) > _MOST]
    first = f" (of two numbers in {', '.join(pairs)} the first)" if pairs else ""
    read = rule("100/110: the first", pairs, pattern=PLAIN, becomes=r"\1") if pairs else {}
    asks = f"the range of motion {{}} the visit, in degrees{first}"
    return merged(_which(seen, "rom", asks, degrees), read)


def _is_degrees(cell: str) -> bool:
    one = re.sub(_UNITS.format("°|deg(?:rees)?|grad"), r"\1", cell.casefold())
    is_one = evidence.number(one) is not None or evidence.is_pair(cell)
    return is_one and not evidence.tells(_RADIANS, cell)


def _not_numbers(seen: Seen, found: Mapping[str, Mapping[str, object]]) -> Iterator[Content]:
    """Ask about columns that are called scores, and hold words, a spreadsheet's days or comfort.

    A few words (``bad``, ``so-so``) are asked about one by one, as words among numbers are.
    """
    words, taken = {*vocabulary()["scores"]["grades"]}, set()
    for header in seen.rest:
        column, role = seen.columns[header], next(iter(score_role(header)), None)
        of_ten = role is None and column.share(partial(evidence.is_up_to, 10))
        pained = any(holds(words_of(header), phrase) for phrase in of_scores("pain"))
        if of_ten and pained and _TURNED.search(header):
            yield ask("turned", [header], "scores.nprs.pre_session", column=header)
        graded = column.share(lambda cell: not words.isdisjoint(words_of(cell)))
        dated = column.share(evidence.is_date)
        if role is None:
            continue
        _, name, timing = role.place.split(".")
        few = len(column.counts) <= FEW and dated < _MOST and (timing in PAIRED or graded > _MOST)
        timing = timing.replace("now", "") or "pre_session"
        known = timing in found.get(name, {}) or (name, timing) in taken
        if known or (not few and max(graded, dated) < _MOST):
            continue
        taken.add((name, timing))
        if few:
            yield {"scores": {name: {timing: header}}}
        else:
            held = "dates, as a spreadsheet makes of 7/10" if dated > graded else "words"
            place = f"scores.{name}.{timing}"
            yield ask("not_numbers", [header], place, column=header, held=held)


def _timed(timings: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return columns by time; one of no stated time is taken at the start of the visit."""
    own = {timing: headers for timing, headers in timings.items() if timing not in ("", "now")}
    loose = [*timings.get("now", []), *timings.get("", [])]
    if loose and "pre_session" not in own:
        own["pre_session"] = timings.get("now") or loose
    return own


def _loose(seen: Seen, name: str, timings: Mapping[str, list[str]]) -> Iterator[Content]:
    """Ask about scores of no stated time beside others that are said to be before the visit."""
    loose = [h for timing in ("now", "") for h in timings.get(timing, [])]
    numbered = len(loose) > 1 == len({re.sub(r"\d+", "", header) for header in loose})
    told = "pre_session" in timings or numbered or len(loose) == len(PAIRED)
    sided = len({word for header in loose for word in words_of(header)} & SIDES) > 1
    if loose and told and not sided and "post_session" not in timings:
        one, place = registry()[name], f"scores.{name}.post_session"
        what = f"the score of {one.title} after the visit"
        yield which(seen, place, what, loose[::-1], lambda column: as_numbers(column, one.maximum))


def _score(name: str, timing: str, columns: list[Column]) -> Content:
    top = registry()[name].maximum
    if len(columns) > 1 and registry()[name].n_items_minimum:
        refuse("parts_of_a_score", columns[0].name, title=registry()[name].title)
    if len(columns) > 1:
        read = merged(*(_in_points(name, timing, column, top) for column in columns))
        names, place = [column.name for column in columns], f"scores.{name}.{timing}"
        told = {"title": registry()[name].title, "timing": timing}
        return merged(read, ask("several_scores", names, place, **told))
    (column,) = columns
    scale = _scale(name, timing, column, top)
    keys = [q["key"].split(".") for q in scale.get("questions", ())]
    moved = [own for section, own, *_ in keys if section == "scores"]  # to another instrument
    read = merged(*(as_numbers(column, registry()[own].maximum) for own in moved or [name]))
    return merged({} if moved else {"scores": {name: {timing: column.name}}}, read, scale)


def _in_points(name: str, timing: str, column: Column, top: float) -> Content:
    """Return how one of several columns is read: each may be on a scale of its own."""
    said, stated = _scale(name, timing, column, top), evidence.stated_top(column.name) or top
    own = rule(f"of {stated:g}, as points of {top:g}", [column.name], becomes=r"\1",
               pattern=r"(\d+(?:\.\d+)?)", multiply=top / stated)  # fmt: skip
    sure = {part: entry for part, entry in said.items() if part == "rules"}
    return merged(as_numbers(column, top), sure or (own if stated != top else {}))


def _scale(name: str, timing: str, column: Column, top: float) -> Content:
    """Read percent as points, and ask where a number may be on another scale."""
    read = [value for cell in column.counts if (value := evidence.score(cell)) is not None]
    highest, scale, own = max(read, default=0), f"scales.{name}", [column.name]
    if name == "nprs" and _TURNED.search(column.name):
        return ask("turned", own, f"scores.{name}.{timing}", column=column.name)
    said = "%" in column.name or "percent" in column.name.casefold()
    percent = said or any("%" in cell for cell in column.counts)
    if top not in (10, 100) and (percent or (top == 50 and highest > top)):
        sign = r"(\d+(?:\.\d+)?) ?%?" if said or highest > top else r"(\d+(?:\.\d+)?) ?%"
        return rule(f"percent, as points of {top:g}", [column.name], pattern=sign, becomes=r"\1",
                    multiply=top / 100)  # fmt: skip
    if percent and top == 100:
        return _without_sign(column)
    if 0 < highest <= 1 and not {*read} <= {0, 1}:
        return ask("parts_of_one", ["1", f"{top:g}"], scale, column=column.name, highest=highest)
    in_mm, said_top = "mm" in words_of(column.name), evidence.stated_top(column.name)
    if name == "vas" and highest <= 10 and not in_mm:
        return ask("of_ten", own, f"scores.nprs.{timing}", column=column.name)
    many = said_top != 10 and 2 * sum(value > 10 for value in read) > len(read)
    if name == "nprs" and highest <= 100 and (in_mm or many):
        asked = ask("of_hundred", own, f"scores.vas.{timing}", column=column.name, highest=highest)
        return merged(_without_sign(column) if percent else {}, asked)
    even, stated = all(value % 2 == 0 for value in read), said_top or top
    if stated != top and highest <= max(top, stated):
        return ask("stated_top", [f"{stated:g}", f"{top:g}"], scale, column=column.name,
                   stated=stated, top=top)  # fmt: skip
    few = not even or len({*read}) < FEW  # percent is even, points are by chance alone
    is_open = (top == 50 and even) or (name == "odi" and few and highest <= 50)
    if said_top == top or in_mm or not is_open:
        return {}
    likely = ["100", "50"] if top == 100 and even else ["50", "100"]
    return ask("points_or_percent", likely, scale, column=column.name)


def _without_sign(column: Column) -> Content:
    return rule("36%: the number", [column.name], pattern=r"(\d+(?:\.\d+)?) ?%", becomes=r"\1")


def file(seen: Seen) -> Content:
    """Return the words that mean an empty cell, and the mark before decimals."""
    empty = {word.casefold(): word for word in vocabulary()["empty"]["words"]}
    kept = [c for h, c in seen.columns.items() if h in seen.roles]
    signs = {sign.casefold() for sign in seen.said("values", "status") or {}}
    scored = (cell for column in seen.of("scores.") for cell in column.cells.dropna().unique())
    signs |= {cell.casefold() for cell in scored} & {*vocabulary()["scores"]["grades"]}
    empty = {word: own for word, own in empty.items() if word not in signs}
    met = {cell for c in kept for cell in c.cells.dropna().unique() if cell.casefold() in empty}
    measured = [*seen.of("scores.", "columns.sessions.minutes"),
                *(seen.columns[h] for h in seen.rest)]  # fmt: skip
    comma = any(column.share(partial(evidence.tells, _COMMA)) for column in measured)
    said: Content = {"empty": sorted(map(str, met))} if met else {}
    return {"file": {**said, **({"decimal": ","} if comma else {})}}
