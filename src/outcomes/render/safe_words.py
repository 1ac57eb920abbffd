"""Counts of people inside sentences: a small one is said without its number."""

from __future__ import annotations

import re

from outcomes.privacy.disclosure import Disclosure

_WHO = r"(?:courses?|patients?|people|persons?)"
_RULES = r"(?<!fewer than )(?<!at least )(?<!at most )"
_SHARE = re.compile(rf"\b(\d[\d,]*) of (\d[\d,]*) ({_WHO})\b")
_COUNT = re.compile(rf"{_RULES}\b(\d[\d,]*) ({_WHO})\b")


def safe_words(text: str, rule: Disclosure) -> str:
    """Return a text whose counts of people give no small group away.

    Parameters
    ----------
    text : str
        Sentences of an answer.
    rule : Disclosure
        What may be shown.

    Examples
    --------
    >>> safe_words("First in 51 of 52 courses; 8 courses left out.", Disclosure())
    'First in nearly all of 52 courses; fewer than 11 courses left out.'
    >>> safe_words("A group with fewer than 10 courses is not shown.", Disclosure())
    'A group with fewer than 10 courses is not shown.'
    """
    if rule.exempt:
        return text
    shares = _SHARE.sub(lambda found: _share(found, rule), text)
    return _COUNT.sub(lambda found: _count(found, rule), shares)


def _share(found: re.Match[str], rule: Disclosure) -> str:
    part, whole = (int(found.group(i).replace(",", "")) for i in (1, 2))
    if rule.hides(part):
        return f"fewer than {rule.threshold} of {found.group(2)} {found.group(3)}"
    if rule.hides(whole - part):
        return f"nearly all of {found.group(2)} {found.group(3)}"
    return found.group()


def _count(found: re.Match[str], rule: Disclosure) -> str:
    if not rule.hides(int(found.group(1).replace(",", ""))):
        return found.group()
    return f"fewer than {rule.threshold} {found.group(2)}"
