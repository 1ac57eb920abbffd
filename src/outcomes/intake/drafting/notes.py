"""Pain that notes tell in words."""

from __future__ import annotations

import re
from functools import partial

from outcomes.intake.drafting.draft import Content, ask, merged, rule
from outcomes.intake.drafting.headers import vocabulary
from outcomes.intake.drafting.seen import Seen

PAIRED = ("pre_session", "post_session")
"""Timings of the two scores of a visit."""
_WORDS = dict(zip(PAIRED, ("before", "after"), strict=True))
_SILENT = {timing: vocabulary()["patterns"][f"no_{word}"] for timing, word in _WORDS.items()}
_NOTES = [tuple(part.values()) for part in vocabulary()["notes"]]
"""When a pain was that notes tell, how, and what it is called: of ten, and without that."""
_MOST = 0.5


def in_notes(seen: Seen, least: float) -> Content:
    """Ask whether pain that notes tell in words (``pain 6/10``, ``pain 6``) is the score.

    Notes that tell no pain are empty; others that cannot be read are found (R02). Of two columns
    of notes that tell one pain each the second may be of after the visit.
    """
    told = [(column, *max((column.share(partial(tells, ways[0][1])), ways)
                          for ways in (_NOTES[2:], _NOTES[:2])))
            for column in seen.of("free_text")]  # fmt: skip
    told = [one for one in told if one[1] >= least]
    content: Content = {}
    for i, timing in enumerate(PAIRED):
        fits = [(column, share, ways[i]) for column, share, ways in told
                if column.share(partial(tells, ways[i][1]))]  # fmt: skip
        fits = fits or [(column, share, ways[0]) for column, share, ways in told[1:]]
        for column, share, (_, pattern, what) in fits:
            some = "" if share >= _MOST else f" ({share:.0%} of its cells tell it)"
            said = f"{what.format(column.name)}{some}"
            content = merged(
                content, rule(what.format("a note"), [column.name], target=f"nprs.{timing}",
                              pattern=pattern, becomes=r"\1"),
                rule("a note that tells none", [column.name], target=f"nprs.{timing}",
                     pattern=_SILENT[timing]),
                ask("of_notes", [column.name for column, *_ in fits], f"scores.nprs.{timing}",
                    what=said, when=_WORDS[timing]))  # fmt: skip
    return content


def tells(pattern: str, cell: str) -> bool:
    """Whether a pattern is for the whole cell, in any case."""
    return re.fullmatch(pattern, cell, re.IGNORECASE | re.DOTALL) is not None
