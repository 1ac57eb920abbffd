"""Texts whose counts are values: told again under a disclosure, which never rewrites prose.

A text of real data that holds a count as bare prose is not shown at all: nobody declared whom it
counts, so nobody can say whether it may be told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Self

from outcomes.privacy.disclosure import Disclosure
from outcomes.privacy.patterns import UNTYPED

UNDECLARED = "not shown, for it holds a count that is not declared as one."


class Said(str):
    """Words that stand for a count that is not told; no bare prose."""


@dataclass(frozen=True)
class Share:
    """A part of a whole in per cent; what it tells of few goes with them.

    Parameters
    ----------
    part, of : int
        The part, and the whole, which is at least 1.

    Examples
    --------
    >>> str(Share(20, 40)), Share(3, 40).under(Disclosure()), Share(39, 40).under(Disclosure())
    ('50 %', 'under 30 %', 'over 70 %')
    """

    part: int
    of: int

    def __str__(self) -> str:
        return f"{100 * self.part / self.of:.0f} %"

    def under(self, rule: Disclosure) -> str | Share:
        """Return itself, or a bound that it keeps to where it would tell of few.

        Bounds are steps of 5 %, which do not tell the whole.
        """
        few = 5 * math.ceil(20 * rule.threshold / self.of)
        if rule.hides(self.of) or rule.some(self.part, self.of):
            return Said("a share not shown")
        if rule.hides(self.part):
            return Said(f"under {few} %")
        return Said(f"over {100 - few} %") if rule.hides(self.of - self.part) else self


@dataclass(frozen=True)
class Count:
    """A number of people or records in a sentence; what is worked out from it goes with it.

    Parameters
    ----------
    number : int
        At least 0.
    noun : str
        What is counted, in the singular; empty where the sentence says it elsewhere.
    of : int, optional
        Size of the whole, where the number is a part of it.
    more : str
        What follows the noun whoever is counted (``of adapted patients``).
    note : str
        What is worked out from the number and hidden with it (``(8 %)``).
    whom : str
        Whom the number, or with `of` the whole, is about; empty for all of the study. Counts of the
        same people are not told where they differ by a few.
    part : str
        Whom the number is about where it is `of` a whole.
    there : bool
        Begin with ``there is`` or ``there are``, beside how many are needed.

    Examples
    --------
    >>> str(Count(3, "goal", of=40, note="(8 %)")), str(Count(1, "course", there=True))
    ('3 of 40 goals (8 %)', 'there is 1 course')
    >>> Count(3, "goal", of=40, note="(8 %)").under(Disclosure())
    'fewer than 11 of 40 goals'
    """

    number: int
    noun: str = ""
    of: int | None = None
    more: str = ""
    note: str = ""
    whom: str = ""
    part: str = ""
    there: bool = False

    def __str__(self) -> str:
        if self.of is not None:
            return self._said(f"{self._none} of {self.of:,}", self.of, self.note)
        zero = "no" if self.noun else "0"
        return self._said(f"{self.number:,}" if self.number else zero, self.number, self.note)

    @property
    def _none(self) -> str:
        return f"{self.number:,}" if self.number else "none"

    def _said(self, number: str, many: int, note: str = "") -> str:
        verb = ("there is" if many == 1 else "there are") if self.there else ""
        noun = self.noun + ("s" if self.noun and many != 1 else "")
        return " ".join(part for part in (verb, number, noun, self.more, note) if part)

    def under(self, rule: Disclosure) -> str | Count:
        """Return itself, or the words that stand for it where it must not be shown."""
        if self.of is None:
            bound = self.there or self.noun == "score"
            hidden = self._hidden(self.number, rule, bound=bound)
            if self.there and hidden == rule.instead(1, self.noun, self.whom, bound=True):
                hidden = "too few" if hidden else ""  # beside how many are needed
            return Said(self._said(hidden, rule.threshold)) if hidden else self
        whole = self._hidden(self.of, rule, bound=True)
        if rule.hides(self.of):
            return Said(self._said(f"some or none of {whole}", rule.threshold))
        part = self._part(rule)
        if not part and not whole:
            return self
        if self.number == self.of:  # the number would be the whole that is hidden
            part = part or "all"
        number = f"{part or self._none} of {whole or format(self.of, ',')}"
        return Said(self._said(number, self.of))

    def _hidden(self, number: int, rule: Disclosure, *, bound: bool) -> str:
        """Return the words for a count that must not be told; empty where it may be."""
        words = rule.instead(number, self.noun, self.whom, bound=bound)
        return words if words or not rule.tells(number, self.noun, self.whom) else ""

    def _part(self, rule: Disclosure) -> str:
        """Return the words for a part that must not be told; empty where it may be."""
        whole = self.of or 0
        rest = whole - self.number
        if rule.some(self.number, whole):
            return "some"
        if rule.hides(self.number):
            return f"fewer than {rule.threshold}"
        if rule.hides(rest):
            return rule.most(whole)
        whom = self.part or f"{self.whom}, {self.more or 'some'}"
        if rule.instead(rest, self.noun, self.whom):
            return "some"
        if not rule.tells(self.number, self.noun, whom):
            return "some"
        rule.tells(rest, self.noun, self.whom)
        return ""


@dataclass(frozen=True)
class Resting(Count):
    """Words that give a count away to whoever works it out, and what stands for them instead.

    Parameters
    ----------
    number, of : int
        The count behind the words, and the whole where it is a part of one.
    words, otherwise : str
        What is said, and what is said where the count must not be told; else what a `Count` says.

    Examples
    --------
    >>> tip = Resting(8, words="3.6 points would do", otherwise="too few left to say")
    >>> str(tip), tip.under(Disclosure())
    ('3.6 points would do', 'too few left to say')
    """

    words: str = ""
    otherwise: str = ""

    def __str__(self) -> str:
        return self.words

    def under(self, rule: Disclosure) -> str | Count:
        """Return itself, or what stands for it."""
        rest = (self.of or self.number) - self.number
        if not rule.hides(self.number) and not rule.hides(rest):
            return self
        return Said(self.otherwise) if self.otherwise or not self.noun else super().under(rule)


Part = str | Count | Share


class Text(str):
    """A text that knows which of its parts are counts.

    Parameters
    ----------
    *parts : str, Count, Share or int
        In order. A bare number is taken for a count: whoever shows another kind of number (an
        estimate, a time, a requirement) says so by writing it as text. A plain ``str`` method gives
        a plain ``str``; ``+`` keeps the counts.

    Examples
    --------
    >>> Text("First in ", Count(51, "course", of=52), ".").under(Disclosure())
    'First in most of 52 courses.'
    >>> Text("It rests on ", 3, ".").under(Disclosure())
    'It rests on fewer than 11.'
    """

    parts: tuple[Part, ...]

    def __new__(cls, *parts: Part | int) -> Self:
        """Join the parts; texts among them give theirs."""
        flat = tuple(one for part in parts for one in _flat(part))
        text = super().__new__(cls, "".join(map(str, flat)))
        text.parts = flat
        return text

    def __getnewargs__(self) -> tuple[Part, ...]:  # type: ignore[override]
        return self.parts

    def __add__(self, other: str) -> Text:
        return Text(self, other)

    def __radd__(self, other: str) -> Text:
        return Text(other, self)

    def under(self, rule: Disclosure) -> Text:
        """Return the text with no count that the rule hides in it, nor in its parts."""
        said: list[Part] = []
        for part in self.parts:
            told = part if isinstance(part, str) else part.under(rule)
            if isinstance(told, Said) and said and str(said[-1]).endswith((". ", "? ")):
                told = Said(told[:1].upper() + told[1:])  # it begins a sentence
            said.append(told)
        return Text(*said)


def _flat(part: Part | int) -> tuple[Part, ...]:
    if isinstance(part, Text):
        return part.parts
    return (Count(part) if isinstance(part, int) else part,)


def joined(separator: str, texts: Iterable[Part]) -> Text:
    """Return texts one after the other, each with its counts.

    Examples
    --------
    >>> joined("; ", ["a", Count(2, "goal")])
    'a; 2 goals'
    """
    parts: list[Part] = []
    for text in texts:
        parts += [separator, text] if parts else [text]
    return Text(*parts)


def filled(template: str, words: Mapping[str, Part | int]) -> Text:
    """Return a template with its places in braces filled; plain words side by side are one part.

    Examples
    --------
    >>> filled("On {n}, {when}.", {"n": Count(3, "score"), "when": "at week 2"}).under(Disclosure())
    'On fewer than 11 scores, at week 2.'
    """
    parts: list[Part] = []
    for before, place, _, _ in Formatter().parse(template):
        for part in (before, *(_flat(words[place]) if place else ())):
            plain = isinstance(part, str) and not isinstance(part, Said)
            beside = plain and parts and type(parts[-1]) is str
            parts[-1:] = [f"{parts[-1]}{part}"] if beside else [*parts[-1:], part]
    return Text(*parts)


def holds_count(text: str, rule: Disclosure) -> bool:
    """Whether a text holds a count as bare prose; a group that is called "12 visits" is none."""
    for name in rule.told.names() if rule.told else ():
        if UNTYPED.search(name):
            text = text.replace(name, "")
    return bool(UNTYPED.search(text))


def told(text: str, rule: Disclosure) -> str:
    """Return a text under a disclosure; one of real data with a count as bare prose is not shown.

    Examples
    --------
    >>> told("Of those, 7 patients stayed away.", Disclosure())
    'not shown, for it holds a count that is not declared as one.'
    >>> told("At least 10 courses are needed.", Disclosure())
    'At least 10 courses are needed.'
    """
    parts = text.parts if isinstance(text, Text) else (text,)
    bare = "\0".join(p if isinstance(p, str) and not isinstance(p, Said) else "" for p in parts)
    if not rule.exempt and holds_count(bare, rule):
        return UNDECLARED
    return text.under(rule) if isinstance(text, Text) else text
