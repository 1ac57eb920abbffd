"""What was measured and why the patient came: scores, pressure, condition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.pressure import WORDS
from outcomes.dictionary.tables import CONDITIONS
from outcomes.intake.clean import walton_words
from outcomes.intake.drafting.draft import Content, ask, merged, rule
from outcomes.intake.drafting.evidence import (
    Column,
    number,
    pressure,
    pressure_pattern,
    score,
)
from outcomes.intake.drafting.headers import (
    holds,
    score_role,
    timing_of,
    vocabulary,
    words_of,
)
from outcomes.intake.drafting.seen import Seen
from outcomes.intake.drafting.visits import is_visit
from outcomes.privacy.patterns import name_words, plain

_OF = r"(\d+(?:\.\d+)?) ?(?:/|of|out of|von|sur|de) ?{}"
_NOTES = (
    ("pre_session",
     r".*?\b(?:pain|schmerz\w*|douleur|dolor)\b[^\d]{0,20}(\d{1,2}(?:\.\d)?) ?/ ?10.*",
     "before", "the first pain of ten in {}"),
    ("post_session",
     r".*\b(?:now|after|post|nachher|apres|despues)\b[^\d]{0,15}(\d{1,2}(?:\.\d)?) ?/ ?10.*",
     "after", "pain now in {}"),
)  # fmt: skip
"""When a pain was that notes tell, how, in words, and what to ask."""
_WORDED = r"(\d{1,3}) ?[-–:=(] ?[^\W\d][^\d]*"
_NAMED = r"[^\W\d][^\d]* ?[-–:=(] ?(\d{1,3})\)?"
_PAIR = r"(\d{1,3}(?:\.\d+)?) ?(?:/|-|–|>|->|→|to|bis|a|à) ?(\d{1,3}(?:\.\d+)?)"
"""Scores before and after in one cell, where the header says so."""
_WALTON = ["0", "1", "2", "3", "4", "5"]
OTHER = "other"
_REGIONS = ("headache", "carpal_tunnel", "neck_other", "knee_pain", "low_back")
_CONDITIONS = [name for name in CONDITIONS if name != OTHER]
CODES = frozenset(name for name in CONDITIONS if "_" in name)
"""Words of the contract that no person writes: where a cell holds one, it means this one."""


_FEW = 8


def facts(seen: Seen) -> Content:
    """Return what is known of the patient and the touch, in the words of the data contract."""
    content: Content = {}
    sex = seen.one("columns.sex")
    if sex is not None:
        words = {
            word: name for name, own in vocabulary()["sex"].items() for word in map(plain, own)
        }
        read = {cell: words[plain(cell)] for cell in sex.counts if plain(cell) in words}
        content = {"columns": {"sex": sex.name}, "values": {"sex": read}}
    touch = seen.one("columns.pressure")
    if touch is not None:
        content = merged(content, _pressure(touch))
    return merged(content, _condition(seen))


def _pressure(column: Column) -> Content:
    content: Content = {"columns": {"pressure": column.name}}
    above = column.share(lambda cell: (number(cell) or 0) > 5) > 0.1
    if above or (_stated_top(column.name) or 5) != 5:
        asks = f"Only pressure of 0 to 5 (Walton) is read. Is {column.name} on that scale?"
        content = ask("columns.pressure", asks, [column.name])
    if any(pressure(cell) is not None and number(cell) is None for cell in column.counts):
        said = sorted({word for cell in column.counts for word in words_of(cell)
                       if word in vocabulary()["pressure"]["words"]})  # fmt: skip
        whole = rule("3 (medium): the number", [column.name], becomes=r"\1",
                     pattern=pressure_pattern(said))  # fmt: skip
        content = merged(content, whole)
    known = {*map(str.casefold, column.counts)} - {*map(str.casefold, (*WORDS, *walton_words()))}
    words = [c for c in sorted(known) if pressure(c) is None and not any(map(str.isdigit, c))]
    words += [cell for cell in column.counts if _says_another_level(cell)]
    for cell in words[:_FEW]:
        asks = f"Which level of the Walton scale (0 to 5) does {cell} mean?"
        content = merged(content, ask(f"values.pressure.{cell}", asks, _WALTON))
    return content


def _says_another_level(cell: str) -> bool:
    """Whether a number stands beside the scale's word for another level: ``2 (medium)``."""
    level, word = pressure(cell), " ".join(re.findall(r"[^\W\d]+", cell)).casefold()
    return level is not None and WORDS.get(word, level) != level


def _stated_top(header: str) -> float | None:
    """Return where a header says that its scale ends: 10 of ``Pain (0-10)``; None: it does not."""
    found = re.search(r"(?<!\d)[01] ?(?:-|–|/|\.\.+|to|bis|à|a) ?(\d{1,3})(?!\d)", header)
    return float(found[1]) if found else None


_TURNED = re.compile(
    r"(?<!\d)10 ?(?:=|:|is|means)? ?"
    r"(?:no\b|none|pain.?free|best|kein|schmerzfrei|aucune|sans|sin\b)"
    r"|(?<!\d)0 ?(?:=|:|is|means)? ?(?:worst|max|unbearable|schlimmst|st[äa]rkst|pire|peor)",
    re.IGNORECASE,
)
"""A header that calls the best what the instrument calls the worst."""


def _condition(seen: Seen) -> Content:
    column = seen.one("columns.condition")
    kinds = {kind: list(map(plain, words)) for kind, words in vocabulary()["condition"].items()}
    if column is None:
        column = next((c for c in seen.of("service") if _is_of_person(seen, c, kinds)), None)
    if column is None:
        return {}
    own = {cell: cell.casefold() for cell in column.counts if cell.casefold() in CODES}
    unknown = [cell for cell in column.counts if cell not in own and not any(
        _spelled(word, cell) for words in kinds.values() for word in words)]  # fmt: skip
    if seen.roles[column.name].place == "service":
        unknown = [cell for cell in unknown if is_visit(cell)]
    several = [cell for cell in column.counts if len(_regions_in(cell, kinds)) > 1
               and len(cell) <= 60 and not re.search(r"\d", cell)][:_FEW]  # fmt: skip
    services = {*vocabulary()["services"]["visits"]}
    if len(unknown) == len(column.counts) and (
        len(unknown) > _FEW or all(services & {*words_of(cell)} for cell in unknown)
    ):
        return {}  # a list of services, or words of another language
    rules: Content = {}
    for kind, words in vocabulary()["condition"].items():  # other months have other conditions
        spelled = {s for cell in column.counts for w in kinds[kind] for s in _spelled(w, cell)}
        begins = sorted({_begins(word) for word in (*map(str.casefold, words), *spelled)})
        pattern = rf".*\b(?:{'|'.join(begins)}).*"
        rules = merged(rules, rule(f"words for {kind}", [column.name], pattern=pattern,
                                   becomes=kind, target="condition"))  # fmt: skip
    named = {"columns": {"condition": column.name}, "values": {"condition": own}}
    return merged(named, rules, *_asked(seen, column, unknown), *_asked(seen, column, several))


def _regions_in(cell: str, kinds: Mapping[str, list[str]]) -> set[str]:
    """Return the parts of the body that a cell names, where it could be either."""
    return {kind for kind in _REGIONS if any(_spelled(word, cell) for word in kinds[kind])}


def _asked(seen: Seen, column: Column, unknown: list[str]) -> Iterator[Content]:
    """Ask what each word means that no condition is known by; the rest by one question."""
    said = name_words(str(cell) for name in seen.names for cell in seen.columns[name].counts)
    short = [c for c in unknown if len(c) <= 60 and not (name_words([c]) & said
             or re.search(r"\d{4}", c) or "." in c)]  # fmt: skip
    if len(unknown) > _FEW or len(short) < len(unknown):
        short = short[: _FEW - 1] if len(unknown) > _FEW else short
        n = len(unknown) - len(short)
        asks = f"Of which condition are the rows with one of {n} other words in {column.name}?"
        yield ask("values.condition.*", asks, [OTHER, *_CONDITIONS])
    for cell in short:
        asks = f"Which condition is {cell} in {column.name}?"
        yield ask(f"values.condition.{cell}", asks, [OTHER, *_CONDITIONS])


def _spelled(word: str, cell: str) -> list[str]:
    """Return how a cell spells a word (or the words of a phrase), in small letters with accents."""
    tokens, n = re.findall(r"[^\W_]+", cell.casefold()), len(word.split())
    found = [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)
             if _fits(word, plain(" ".join(tokens[i : i + n])))]  # fmt: skip
    return [text[: len(word)] if len(plain(text)) == len(text) else text for text in found]


def _fits(word: str, text: str) -> bool:
    return text == word if len(word) < 4 else text.startswith(word)


def _begins(word: str) -> str:
    """Return the pattern of a word; a short one stands alone, a longer one begins a compound."""
    return re.escape(word).replace(r"\ ", r"\W+") + (r"\b" if len(word) < 4 else "")


def _is_of_person(seen: Seen, column: Column, kinds: Mapping[str, list[str]]) -> bool:
    """Whether the names of services tell a condition, and the same one of nearly every client."""
    told = {
        cell: next((k for k, own in kinds.items() if any(_spelled(w, cell) for w in own)), "")
        for cell in column.counts
    }
    pairs = pd.DataFrame({"who": seen.person, "kind": column.cells.map(told).to_numpy()})
    pairs = pairs[seen.kept.to_numpy()].dropna()
    if pairs.empty or (pairs["kind"] == "").mean() > 0.1:
        return False
    return bool((pairs.groupby("who")["kind"].nunique() == 1).mean() >= 0.9)


def scores(seen: Seen) -> Content:
    """Return the columns of scores by instrument and time, and how their cells are read."""
    found: dict[str, dict[str, list[str]]] = {}
    for header, role in seen.roles.items():
        if role.place.startswith("scores."):
            _, name, timing = role.place.split(".")
            found.setdefault(name, {}).setdefault(timing, []).append(header)
    if seen.beside:
        (name,), (timing,) = found, next(iter(found.values()))
        constants = {"instrument": name, "timing": timing.replace("now", "") or "pre_session"}
        wide = {"over": "session", "columns": seen.beside}
        return {"wide": [wide], "constants": constants, "study": {"no_status": "attended"}}
    content: Content = _one_below_another(seen)
    for name, timings in found.items():
        for timing, headers in _timed(timings).items():
            columns = [seen.columns[h] for h in headers]
            content = merged(content, _pair(name, columns) or _score(name, timing, columns))
    pain = found.get("nprs", {})
    beside = _unnamed_score(seen, "post_session") if pain and "post_session" not in pain else {}
    return merged(content, beside) if content else _in_notes(seen) or _unnamed_score(seen)


def _one_below_another(seen: Seen) -> Content:
    """Return the scores that stand in one column, the name of each instrument beside it."""
    named, column = seen.one("columns.instrument"), seen.one("columns.score")
    if named is None or column is None:
        return {}
    told = {cell: role[0].place.split(".") for cell in named.counts if (role := score_role(cell))}
    words = {"instrument": {cell: name for cell, (_, name, _) in told.items()},
             "timing": {cell: timing.replace("now", "") or "pre_session"
                        for cell, (*_, timing) in told.items()}}  # fmt: skip
    columns = {"instrument": named.name, "timing": named.name, "score": column.name}
    content: Content = {"columns": columns, "values": words}
    for name in dict.fromkeys(words["instrument"].values()):
        top = registry()[name].maximum
        cells = [cell for cell, own in words["instrument"].items() if own == name]
        own = Column(column.name, column.cells[named.cells.isin(cells)])
        if _scale(name, "", own, top):
            other = 50 if top == 100 else 100
            asks = f"Do the scores of {registry()[name].title} go up to {top:g}, or up to {other}?"
            content = merged(content, ask(f"scales.{name}", asks, [f"{top:g}", f"{other}"]))
    return content


def _unnamed_score(seen: Seen, alone: str = "") -> Content:
    """Ask whether numbers of 0 to 10 under a header that says nothing are the pain."""
    other = [words_of(phrase) for phrase in vocabulary()["scores"]["not_pain"]]
    likely = [h for h in seen.rest if len(seen.columns[h].counts) > 3
              and seen.columns[h].share(_of_ten) > 0.9
              and not any(holds(words_of(h), phrase) for phrase in other)]  # fmt: skip
    after = [h for h in likely if timing_of(words_of(h)) == "post_session"]
    before = [h for h in likely if h not in after]
    asks = "Which column is the pain {} the visit, of 0 to 10? (no: none)"
    return merged(*(
        ask(f"scores.nprs.{timing}", asks.format(when), columns)
        for timing, when, columns in (("pre_session", "before", before),
                                      ("post_session", "after", after))
        if columns and alone in ("", timing)
    ))  # fmt: skip


def _of_ten(cell: str) -> bool:
    value = score(cell)
    return value is not None and 0 <= value <= 10


def _timed(timings: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return columns by time; one of no stated time is taken at the start of the visit."""
    own = {timing: headers for timing, headers in timings.items() if timing not in ("", "now")}
    loose = [*timings.get("now", []), *timings.get("", [])]
    if loose and "pre_session" not in own:
        own["pre_session"] = timings.get("now") or loose
    return own


def _pair(name: str, columns: list[Column]) -> Content:
    """Return the scores before and after that stand in each cell of one column; none elsewhere."""
    (column, *others), said = columns, vocabulary()["scores"]
    both = all(any(holds(words_of(column.name), words_of(phrase)) for phrase in said[when])
               for when in ("before", "after"))  # fmt: skip
    if others or not both or column.share(partial(_tells, _PAIR)) < 0.5:
        return {}
    timings = {"pre_session": r"\1", "post_session": r"\2"}
    rules = (rule(f"7/5: {timing}", [column.name], target=f"{name}.{timing}", pattern=_PAIR,
                  becomes=group) for timing, group in timings.items())  # fmt: skip
    return merged({"scores": {name: dict.fromkeys(timings, column.name)}}, *rules)


def _score(name: str, timing: str, columns: list[Column]) -> Content:
    read = merged(*(_as_numbers(column, registry()[name].maximum) for column in columns))
    if len(columns) > 1:
        asks = f"Which column is the score of {registry()[name].title} ({timing})?"
        return merged(read, ask(f"scores.{name}.{timing}", asks, [c.name for c in columns]))
    (column,) = columns
    scale = _scale(name, timing, column, registry()[name].maximum)
    moved = any(not q["key"].startswith("scales.") for q in scale.get("questions", ()))
    stated = {} if moved else {"scores": {name: {timing: column.name}}}
    return merged(stated, read, scale)


def _as_numbers(column: Column, top: float) -> Content:
    """Return the rules that read ``7/10`` and ``3 (mild)``, where a column has such cells."""
    odd = [cell for cell in column.counts if number(cell) is None]
    ways = {f"7/{top:g}: of {top:g}": _OF.format(f"{top:g}"), "3 (mild): the number": _WORDED,
            "mild (3): the number": _NAMED}  # fmt: skip
    met = {way: pattern for way, pattern in ways.items()
           if any(re.fullmatch(pattern, cell, re.IGNORECASE) for cell in odd)}  # fmt: skip
    return merged(*(rule(way, [column.name], pattern=pattern, becomes=r"\1")
                    for way, pattern in met.items()))  # fmt: skip


def _scale(name: str, timing: str, column: Column, top: float) -> Content:
    """Read percent as points, and ask where a number may be on another scale."""
    read = [value for cell in column.counts if (value := score(cell)) is not None]
    highest = max(read, default=0)
    if name == "nprs" and _TURNED.search(column.name):
        asks = (f"{column.name} says that 10 is the best, and it is read as the worst. Turn the "
                "numbers round in the export, or leave the column out (no). Is it so?")  # fmt: skip
        return ask(f"scores.{name}.{timing}", asks, [column.name])
    said = "%" in column.name or "percent" in column.name.casefold()
    percent = said or any("%" in cell for cell in column.counts)
    if top not in (10, 100) and (percent or (top == 50 and highest > top)):
        sign = r"(\d+(?:\.\d+)?) ?%?" if said or highest > top else r"(\d+(?:\.\d+)?) ?%"
        return rule(f"percent, as points of {top:g}", [column.name], pattern=sign, becomes=r"\1",
                    multiply=top / 100)  # fmt: skip
    if percent and top == 100:
        return _without_sign(column)
    in_mm, stated_top = "mm" in words_of(column.name), _stated_top(column.name)
    if name == "vas" and highest <= 10 and not in_mm:
        asks = f"The numbers in {column.name} go up to 10. Is it the pain of 0 to 10?"
        return ask(f"scores.nprs.{timing}", asks, [column.name])
    n_above = sum(value > 10 for value in read)
    if (
        name == "nprs"
        and highest <= 100
        and (in_mm or (2 * n_above > len(read) and stated_top != 10))
    ):
        asks = f"The numbers in {column.name} go up to {highest:g}. Are they of 0 to 100?"
        return merged(_without_sign(column) if percent else {},
                      ask(f"scores.vas.{timing}", asks, [column.name]))  # fmt: skip
    even, stated = all(value % 2 == 0 for value in read), stated_top or top
    if stated != top and highest <= max(top, stated):
        asks = f"Do the numbers in {column.name} go up to {stated:g}, or up to {top:g}?"
        return ask(f"scales.{name}", asks, [f"{stated:g}", f"{top:g}"])
    if stated_top == top or in_mm:
        return {}
    few = not even or len(set(read)) < _FEW  # of percent all are even, of points by chance alone
    if not ((top == 50 and even) or (name == "odi" and few and highest <= 50)):
        return {}
    asks = (f"Do the numbers in {column.name} go up to 50 (points), or up to 100 (percent)? (no: "
            "neither; they are left out)")  # fmt: skip
    return ask(f"scales.{name}", asks, ["50", "100"])


def _without_sign(column: Column) -> Content:
    return rule("36%: the number", [column.name], pattern=r"(\d+(?:\.\d+)?) ?%", becomes=r"\1")


def _in_notes(seen: Seen) -> Content:
    """Ask whether pain that notes tell in words (``pain 6/10``) is the score."""
    for column in seen.of("free_text"):
        told = [part for part in _NOTES if column.share(partial(_tells, part[1])) >= 0.5]
        if told and told[0] is _NOTES[0]:
            return merged(*(
                merged(rule(asks.format("a note"), [column.name], target=f"nprs.{timing}",
                            pattern=pattern, becomes=r"\1"),
                       ask(f"scores.nprs.{timing}", f"Is {asks.format(column.name)} the pain "
                           f"{when} the visit?", [column.name]))
                for timing, pattern, when, asks in told))  # fmt: skip
    return {}


def _tells(pattern: str, cell: str) -> bool:
    return re.fullmatch(pattern, cell, re.IGNORECASE | re.DOTALL) is not None


def file(seen: Seen) -> Content:
    """Return the words that mean an empty cell, and the mark before decimals."""
    empty = {word.casefold(): word for word in vocabulary()["empty"]["words"]}
    kept = [c for h, c in seen.columns.items() if h in seen.roles]
    signs = {sign.casefold() for sign in seen.said("values", "status") or {}}
    empty = {word: own for word, own in empty.items() if word not in signs}
    met = {cell for c in kept for cell in c.cells.dropna().unique() if cell.casefold() in empty}
    places = ("scores.", "columns.sessions.minutes")
    measured = [seen.columns[h] for h, r in seen.roles.items() if r.place.startswith(places)]
    comma = any(c.share(lambda cell: re.fullmatch(r"\d+,\d+", cell)) for c in measured)
    said: Content = {"empty": sorted(map(str, met))} if met else {}
    return {"file": {**said, **({"decimal": ","} if comma else {})}}
