"""What is known of the patient and the touch: sex, pressure, condition, in the contract's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.pressure import WORDS
from outcomes.dictionary.tables import CONDITIONS
from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import FEW, Content, ask, merged, rule
from outcomes.intake.drafting.evidence import Column
from outcomes.intake.drafting.headers import score_role, vocabulary, words_of
from outcomes.intake.drafting.pairs import as_numbers
from outcomes.intake.drafting.seen import Seen
from outcomes.intake.typed_cells import walton_words
from outcomes.privacy.patterns import plain

_DEEP = 4.4
"""Where to look first for what clients call deep: mostly 4, the scale's own deep being 5."""
_WALTON = ["0", "1", "2", "3", "4", "5"]
OTHER = "other"
_REGIONS = ("headache", "carpal_tunnel", "neck_other", "knee_pain", "low_back")
_AIM = re.compile(vocabulary()["patterns"]["aim"], re.IGNORECASE)
_CONDITIONS = [name for name in CONDITIONS if name != OTHER]
CODES = frozenset(name for name in CONDITIONS if "_" in name)
"""Words of the contract that no person writes: where a cell holds one, it means this one."""
_LETTERED = re.compile(r"[^\W\d]+[ .:=-]*[0-5]")
"""A level behind a letter or word: ``P3``."""
_HALF = 0.5
_LEVELS = {**WORDS, **{word: int(level) for level, own in vocabulary()["pressure"]["levels"].items()
                       for word in own}}  # fmt: skip
"""Words to the level of the scale that they are nearest to."""


def facts(seen: Seen) -> Content:
    """Return what is known of the patient and the touch, in the words of the data contract."""
    content: Content = {}
    sex = seen.one("columns.sex")
    if sex is not None:
        read = {cell: name for name, own in vocabulary()["sex"].items() for cell in sex.counts
                if plain(cell) in map(plain, own)}  # fmt: skip
        content = {"columns": {"sex": sex.name}, "values": {"sex": read}}
    touch = seen.one("columns.pressure")
    if touch is not None:
        content = merged(content, _pressure(touch))
    return merged(content, _condition(seen), _arms(seen), *_script(seen), _goal(seen))


def _script(seen: Seen) -> Iterator[Content]:
    """Return what was prescribed, where words say it: ``2x/wk x 6 wks, 45 min``."""
    for target, (read, silent) in ((t, own.values()) for t, own in vocabulary()["script"].items()):
        yield from ({"columns": {target: c.name}} for c in seen.of(f"columns.{target}"))
        told = partial(re.fullmatch, read, flags=re.IGNORECASE | re.DOTALL)
        for column in [c for c in seen.of("script") if c.share(told) > _HALF][:1]:
            named = partial(rule, columns=[column.name], target=target)
            yield {"columns": {target: column.name}}
            yield named(f"a script in words: {target}", pattern=read, becomes=r"\1")
            yield named("a script that does not say it", pattern=silent)


def _goal(seen: Seen) -> Content:
    """Return the score that is aimed at, where its header names the instrument."""
    column = seen.one("goal")
    role = column and score_role(_AIM.sub(" ", column.name))[:1]
    if not column or not role:
        return {}
    name = role[0].place.split(".")[1]
    read = as_numbers(column, registry()[name].maximum)
    goal = {"columns": {"goals.target": column.name}, "constants": {"goals.instrument": name}}
    return merged(goal, read)


def _arms(seen: Seen) -> Content:
    """Keep the words of an arm, and ask which is the control; of a group, whether it is an arm."""
    stated = seen.one("columns.arm")
    groups = (own for h in seen.rest if _may_be_arm(seen, own := seen.columns[h]))
    column = stated or next(groups, None)
    if column is None:
        return {}
    name, arms = column.name, [*column.counts]
    values: Content = {"values": {"arm": {arm: arm for arm in arms}}}
    if stated is None:
        asked = ask("arm", [name], column=name)
        return merged(values, asked, ask("control_of_group", arms, column=name))
    named: Content = {"columns": {"arm": name}}
    if len(arms) > FEW or any(map(seen.is_private, arms)):
        return named  # unread, it stops there
    return merged(named, values, ask("control", arms, column=name))


def _may_be_arm(seen: Seen, column: Column) -> bool:
    """Whether a column called a group has two or three words, one of each person."""
    if {*vocabulary()["groups"]["words"]}.isdisjoint(words_of(column.name)):
        return False
    own = column.cells.groupby(seen.person.to_numpy()).nunique()
    return 1 < len(column.counts) < 4 <= len(own) and own.max() == 1  # fmt: skip


def _pressure(column: Column) -> Content:
    content: Content = {"columns": {"pressure": column.name}}
    above = column.share(lambda cell: (evidence.number(cell) or 0) > 5) > 0.1
    if above or (evidence.stated_top(column.name) or 5) != 5:
        content = ask("walton", [column.name], column=column.name)
    if any(evidence.pressure(c) not in (None, evidence.number(c)) for c in column.counts):
        said = sorted({word for cell in column.counts for word in words_of(cell)
                       if word in vocabulary()["pressure"]["words"]})  # fmt: skip
        whole = rule("3 (medium): the number", [column.name], becomes=r"\1",
                     pattern=evidence.pressure_pattern(said))  # fmt: skip
        content = merged(content, whole)
    told = {*map(str.casefold, column.counts)}
    known = told - {*map(str.casefold, (*WORDS, *walton_words()))}
    known |= {"deep"} & told if "strong" not in told else set()  # what most clients call deep is 4
    bare = [word for word in sorted(known) if not any(map(str.isdigit, word))]
    words = [word for word in bare if evidence.pressure(word) is None]
    words += [c for c in column.counts if _says_another_level(c) or _LETTERED.fullmatch(c)]
    for cell in words[:FEW]:
        levels = [_LEVELS[word] for word in words_of(cell) if word in _LEVELS] or [
            int(digit) for digit in re.findall(r"\d", cell)] or [3]  # fmt: skip
        near = partial(_apart, _DEEP if cell == "deep" else sum(levels) / len(levels))
        asked = ask("level", sorted(_WALTON, key=near), f"values.pressure.{cell}", cell=cell)
        content = merged(content, asked)
    return content


def _apart(level: float, other: str) -> float:
    return abs(float(other) - level)


def _says_another_level(cell: str) -> bool:
    """Whether a number stands beside the scale's word for another level: ``2 (medium)``."""
    level, word = evidence.pressure(cell), " ".join(re.findall(r"[^\W\d]+", cell)).casefold()
    return level is not None and WORDS.get(word, level) != level


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
        unknown = [cell for cell in unknown if evidence.is_visit(cell)]
    several = [cell for cell in column.counts if sum(
        any(_spelled(word, cell) for word in kinds[kind]) for kind in _REGIONS) > 1
               and len(cell) <= 60 and not re.search(r"\d", cell)][:FEW]  # fmt: skip
    services = {*vocabulary()["services"]["visits"]}
    listed = len(unknown) > FEW or all(services & {*words_of(cell)} for cell in unknown)
    if listed and len(unknown) == len(column.counts):
        return {}  # a list of services, or words of another language
    rules: Content = {}
    for kind, words in vocabulary()["condition"].items():  # other months have other conditions
        spelled = {s for cell in column.counts for w in kinds[kind] for s in _spelled(w, cell)}
        begins = sorted({_begins(word) for word in (*map(str.casefold, words), *spelled)})
        pattern = rf".*\b(?:{'|'.join(begins)}).*"
        rules = merged(rules, rule(f"words for {kind}", [column.name], pattern=pattern,
                                   becomes=kind, target="condition"))  # fmt: skip
    named: Content = {"columns": {"condition": column.name}}
    named |= {"values": {"condition": own}} if own else {}
    return merged(named, rules, *_asked(seen, column, unknown), *_asked(seen, column, several))


def names_condition(header: str) -> bool:
    """Whether the header of a tick box is of a condition."""
    kinds = vocabulary()["condition"].values()
    return any(_spelled(plain(word), header) for words in kinds for word in words)


def _asked(seen: Seen, column: Column, unknown: list[str]) -> Iterator[Content]:
    """Ask what each word means that no condition is known by; the rest by one question."""
    short = [c for c in unknown if len(c) <= 60 and "." not in c and not seen.is_private(c)]
    if len(unknown) > FEW or len(short) < len(unknown):
        short = short[: FEW - 1] if len(unknown) > FEW else short
        n = len(unknown) - len(short)
        yield ask("conditions", [OTHER, *_CONDITIONS], n=n, column=column.name)
    for cell in short:
        yield ask("condition", [OTHER, *_CONDITIONS], f"values.condition.{cell}",
                  cell=cell, column=column.name)  # fmt: skip


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
    told = {cell: next((k for k, own in kinds.items() if any(_spelled(w, cell) for w in own)), "")
            for cell in column.counts}  # fmt: skip
    pairs = pd.DataFrame({"who": seen.person, "kind": column.cells.map(told).to_numpy()})
    pairs = pairs[seen.kept.to_numpy()].dropna()
    if pairs.empty or (pairs["kind"] == "").mean() > 0.1:
        return False
    return bool((pairs.groupby("who")["kind"].nunique() == 1).mean() >= 0.9)
