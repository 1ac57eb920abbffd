"""What notes tell in words: pain, and that a visit did not take place."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from itertools import groupby
from typing import Any

from outcomes.intake.drafting import evidence
from outcomes.intake.drafting.draft import Content, ask, merged, rule
from outcomes.intake.drafting.evidence import Column, tells
from outcomes.intake.drafting.headers import vocabulary
from outcomes.intake.drafting.seen import Seen
from outcomes.intake.refusals import refuse
from outcomes.intake.visits import STAYED
from outcomes.privacy.patterns import name_words

PAIRED = ("pre_session", "post_session")
"""Timings of the two scores of a visit."""
_WORDS = dict(zip(PAIRED, ("before", "after"), strict=True))
_SILENT = {timing: vocabulary()["patterns"][f"no_{word}"] for timing, word in _WORDS.items()}
_TOLD = [tuple(part.values()) for part in vocabulary()["notes"]]
_NOTES = [_TOLD[i : i + 2] for i in range(0, len(_TOLD), 2)]
"""When a pain was that notes tell, how, and what it is called: of ten, without that, by number."""
_MOST = 0.5


def in_notes(seen: Seen, least: float) -> Content:
    """Ask whether pain that notes tell in words (``pain 6/10``, ``pain 6``) is the score.

    Notes that tell no pain are empty; others that cannot be read are found (R02). Of two columns
    of notes that tell one pain each the second may be of after the visit.
    """
    shares = [(column, [(column.share(partial(tells, ways[0][1])), ways) for ways in _NOTES])
              for column in seen.of("free_text")]  # fmt: skip
    told = [(column, *max(own[:2])) for column, own in shares if max(own[:2])[0] >= least]
    told = told or [(column, *own[2]) for column, own in shares if own[2][0] >= _MOST]
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


def remarks_on(cell: str) -> bool:
    """Whether a remark is that the visit did not take place, and nothing more."""
    return len(cell.split()) <= 3 and evidence.not_done(cell)


def _begun(cell: str) -> str:
    return re.split(r"[,;:(.!]|\s[-–/]\s", cell)[0]


def _stayed(cell: str) -> str:
    """Return what a remark begins with, up to its first comma, that did not take place."""
    begun = _begun(cell)
    word = evidence.status_of(begun) or evidence.likely_statuses(begun)[0]
    return word if word in STAYED and evidence.flag_of(begun) is None else ""


def remarked(seen: Seen, column: Column, scored: Any) -> list[dict[str, Any]]:
    """Return the rules of remarks that are, or begin with, that a visit did not take place.

    A name in it is not written down: words beside it tell the cell, where no other has them.
    """
    held = {*column.cells[scored]}
    told = {cell: evidence.status_of(cell) for cell in filter(remarks_on, column.counts)}
    begun = {cell: _stayed(cell) for cell in column.counts
             if scored.any() and cell not in {*held, *told}}  # fmt: skip
    told |= {cell: word for cell, word in begun.items() if word}
    found: dict[tuple[str, str], list[str]] = {}
    for cell, word in told.items():
        how, part = "is", cell
        if seen.is_private(cell):
            how, beside = "contains", beside_name(cell, seen.name_words)
            part = _begun(cell) if beside is None else beside
            others = any(part.casefold() in own.casefold() for own in {*column.counts} - {*told})
            if others or not part or seen.is_private(part):
                refuse("private_remarks", column.name)
        found.setdefault((how, word), []).append(part)
    return [{"column": column.name, how: [*dict.fromkeys(words)], "becomes": became}
            for (how, became), words in found.items()]  # fmt: skip


def beside_name(cell: str, names: Collection[str]) -> str | None:
    """Return what says a status beside a client's name in a cell; None where there is none."""
    apart = groupby(cell.split(), lambda word: bool(name_words([word]) & {*names}))
    parts = [(is_name, " ".join(own)) for is_name, own in apart]
    if not any(is_name for is_name, _ in parts):
        return None
    said = (own for is_name, own in parts if not is_name and evidence.status_of(own))
    return max(said, key=len, default="")
