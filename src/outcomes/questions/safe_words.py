"""Counts of people inside sentences: a small one is said without its number.

Every sentence of an answer names what it counts right after the number ("8 courses", "3 of 40
goals (8 %)"), so that this is the one place where counts in words meet disclosure control.
"""

from __future__ import annotations

import re

from outcomes.privacy.disclosure import Disclosure

_WHO = r"(course|patient|person|goal|visit|deviation|score)s?\b|(people)\b"
_NOTE = r"( \([^)]*\))?"
"""What is worked out from a count stands in brackets behind it, and goes with it."""
_RULES = r"(?<!fewer than )(?<!at least )(?<!at most )"
_SHARE = re.compile(rf"\b(\d[\d,]*) of (\d[\d,]*) (?:{_WHO}){_NOTE}")
_COUNT = re.compile(rf"{_RULES}(?P<is>\bis )?\b(\d[\d,]*) (?:{_WHO}){_NOTE}")


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
    >>> safe_words("Reached in 3 of 40 goals (8 %), of which there is 1 goal.", Disclosure())
    'Reached in fewer than 11 of 40 goals, of which there are fewer than 11 goals.'
    >>> safe_words("A group with fewer than 10 courses is not shown.", Disclosure())
    'A group with fewer than 10 courses is not shown.'
    """
    if rule.exempt:
        return text
    shares = _SHARE.sub(lambda found: _share(found, rule), text)
    return _COUNT.sub(lambda found: _count(found, rule), shares)


def _share(found: re.Match[str], rule: Disclosure) -> str:
    part, whole = (int(found.group(i).replace(",", "")) for i in (1, 2))
    who = f"{found.group(3)}s" if found.group(3) else found.group(4)
    if rule.hides(whole):
        return f"some or none of fewer than {rule.threshold} {who}"
    if rule.hides(part):
        return f"fewer than {rule.threshold} of {found.group(2)} {who}"
    if rule.hides(whole - part):
        return f"nearly all of {found.group(2)} {who}"
    return found.group()


def _count(found: re.Match[str], rule: Disclosure) -> str:
    if not rule.hides(int(found.group(2).replace(",", ""))):
        return found.group()
    who = f"{found.group(3)}s" if found.group(3) else found.group(4)
    return f"{'are ' if found.group('is') else ''}fewer than {rule.threshold} {who}"
