"""Texts whose counts are values: told again under a disclosure, no rule ever reads the prose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from outcomes.privacy.disclosure import Disclosure


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
        Begin with ``there is`` or ``there are``.

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
            return self._said(f"{self.number:,} of {self.of:,}", self.of, self.note)
        zero = "no" if self.noun else "0"
        return self._said(f"{self.number:,}" if self.number else zero, self.number, self.note)

    def _said(self, number: str, many: int, note: str = "") -> str:
        verb = ("there is" if many == 1 else "there are") if self.there else ""
        noun = self.noun + ("s" if self.noun and many != 1 else "")
        return " ".join(part for part in (verb, number, noun, self.more, note) if part)

    def under(self, rule: Disclosure) -> str | Count:
        """Return itself, or the words that stand for it where it must not be shown."""
        if self.of is None:
            hidden = self._hidden(self.number, self.whom, rule)
            return self._said(hidden, rule.threshold) if hidden else self
        whole = self._hidden(self.of, self.whom, rule)
        if rule.hides(self.of):
            return self._said(f"some or none of {whole}", rule.threshold)
        part = self._part(rule)
        if not part and not whole:
            return self
        number = f"{part or format(self.number, ',')} of {whole or format(self.of, ',')}"
        return self._said(number, self.of)

    def _hidden(self, number: int, whom: str, rule: Disclosure) -> str:
        """Return the words for a count that must not be told; empty where it may be."""
        if rule.hides(number):
            return f"fewer than {rule.threshold}"
        near = rule.near(number, self.noun, whom)
        if near is None:
            rule.tells(number, self.noun, whom)
            return ""
        return f"nearly all of {near:,.0f}" if near > number else f"hardly more than {near:,.0f}"

    def _part(self, rule: Disclosure) -> str:
        """Return the words for a part that must not be told; empty where it may be."""
        if rule.hides(self.number):
            return f"fewer than {rule.threshold}"
        if rule.hides((self.of or 0) - self.number):
            return "nearly all"
        whom = self.part or f"{self.whom}, {self.more or 'some'}"
        rest = (self.of or 0) - self.number
        if rule.near(rest, self.noun, self.whom) is not None:
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
    number : int
        The count behind the words.
    words, otherwise : str
        What is said, and what is said where the count must not be told.

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
        return self.otherwise if rule.hides(self.number) else self


class Text(str):
    """A text that knows which of its parts are counts.

    Parameters
    ----------
    *parts : str, Count or int
        In order. A bare number is taken for a count: whoever shows another kind of number (an
        estimate, a time, a requirement) says so by writing it as text. A plain ``str`` method gives
        a plain ``str``; ``+`` keeps the counts.

    Examples
    --------
    >>> Text("First in ", Count(51, "course", of=52), ".").under(Disclosure())
    'First in nearly all of 52 courses.'
    >>> Text("It rests on ", 3, ".").under(Disclosure())
    'It rests on fewer than 11.'
    """

    parts: tuple[str | Count, ...]

    def __new__(cls, *parts: str | Count | int) -> Self:
        """Join the parts; texts among them give theirs."""
        flat = tuple(one for part in parts for one in _flat(part))
        text = super().__new__(cls, "".join(map(str, flat)))
        text.parts = flat
        return text

    def __getnewargs__(self) -> tuple[str | Count, ...]:  # type: ignore[override]
        return self.parts

    def __add__(self, other: str) -> Text:
        return Text(self, other)

    def __radd__(self, other: str) -> Text:
        return Text(other, self)

    def under(self, rule: Disclosure) -> Text:
        """Return the text with no count that the rule hides in it, nor in its parts."""
        said: list[str | Count] = []
        for part in self.parts:
            told = part.under(rule) if isinstance(part, Count) else part
            if isinstance(told, str) and said and str(said[-1]).endswith((". ", "? ")):
                told = told[:1].upper() + told[1:]  # words for a count that begin a sentence
            said.append(told)
        return Text(*said)


def _flat(part: str | Count | int) -> tuple[str | Count, ...]:
    if isinstance(part, Text):
        return part.parts
    return (part if isinstance(part, str | Count) else Count(part),)


def joined(separator: str, texts: Iterable[str | Count]) -> Text:
    """Return texts one after the other, each with its counts.

    Examples
    --------
    >>> joined("; ", ["a", Count(2, "goal")])
    'a; 2 goals'
    """
    parts: list[str | Count] = []
    for text in texts:
        parts += [separator, text] if parts else [text]
    return Text(*parts)


def told(text: str, rule: Disclosure) -> str:
    """Return a text under a disclosure; one without counts is as it was."""
    return text.under(rule) if isinstance(text, Text) else text
