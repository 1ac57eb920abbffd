"""Which words of an answer say more than its design can show."""

from __future__ import annotations

import re

from outcomes.questions.claim import Claim

STRONG: dict[str, tuple[Claim, ...]] = {
    r"\beffect\w*": ("effect",),
    r"\bwork(s|ed)\b": ("effect",),
    r"\bcaus(e|es|ed|al)\b": ("effect",),
    r"\bbecause of\b": ("effect",),
    r"\b(better|worse) than\b": ("difference", "effect"),
}
"""Words that say more than an uncontrolled course can show, and the claims that allow each."""


def overclaims(text: str, claim: Claim) -> list[str]:
    """Return the words in a text that go further than a claim allows.

    Examples
    --------
    >>> overclaims("The massage works and has an effect.", "change")
    ['effect', 'works']
    >>> overclaims("Pain fell during care.", "change")
    []
    """
    return [
        match.group(0)
        for pattern, allowed in STRONG.items()
        if claim not in allowed
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
