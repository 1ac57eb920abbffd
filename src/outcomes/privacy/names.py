"""What a person's name looks like: in words by its shape, in ids by what no code looks like."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from statistics import median

from outcomes.plain_text import same_letters, shipped
from outcomes.privacy.patterns import PATTERNS, SAYS, plain

_LISTS = shipped("privacy/vocabulary.toml")
PLACEHOLDERS = frozenset(_LISTS.pop("placeholders").strip().splitlines())
"""What stands where a name would, plainly, of nobody in particular."""
WORDS = {name: frozenset(text.split()) for name, text in _LISTS.items()}
"""Lists of words that name no person, and of those that stand in front of a name."""
_STEM = re.compile(f"(?:{'|'.join(WORDS['stems'])})|.*(?:{'|'.join(WORDS['endings'])})$")
_OWNED = re.compile(r"(?<![\w'])([^\W\d_a-zß-ÿ][\w'-]+)'[sS] ([^.;,]+)")
_OF = re.compile(r"([^\W\d_]+) (?:of|von|de|di|del|d')[ ']?([^\W\d_a-zß-ÿ][^\W\d_]{2,})")
_PLAIN_ID = re.compile(r"[a-z]-[b-df-hj-np-tv-z]{8}|[A-Za-z]{0,2}[-_.]?(?:\d{1,5}|\d{7})")
_HEX = re.compile(r"[0-9a-f-]{8,}", re.IGNORECASE)
_LETTERS, _LETTER, _DIGIT = (re.compile(part) for part in (r"[^\W\d_]+", r"[^\W\d_]", r"\d"))
_DIALLED = re.compile(r"[+(]|^\d{3}[ .-]\d{3}[ .-]\d{4}$")
_SEGMENTS, _VOWEL = re.compile(r"[^\W\d_]+|\d+"), re.compile("[aeiouy]")
_CODED_DATE = re.compile(r"[^\W\d_]{0,3}[-_ ]?(?:(?:19|20)(?=\d{6}))?(\d{6})[-_ ]?[^\W\d_]{0,3}")
_LONG = re.compile(r"[^\W\d_]{0,2}(?:\d{9,}|(?=.*\d[ ./-]\d)\d(?:[ ./-]?\d){6,})")
"""Digits as of a telephone, plan or record, with signs between them or not."""
_IN_IDS = {kind: SAYS[kind] for kind in ("email", "phone", "date", "ssn", "url")}
_WHOLE = {kind: re.compile(PATTERNS[kind], re.IGNORECASE) for kind in _IN_IDS}


def is_of_care(word: str) -> bool:
    """Whether a word is one of care or of the body.

    Examples
    --------
    >>> is_of_care("bursitis"), is_of_care("knee"), is_of_care("quackenbush")
    (True, True, False)
    """
    folded, whole = plain(word), unicodedata.normalize("NFC", word)
    known = folded in WORDS["care"] or _STEM.match(folded) is not None
    return known or any(part in whole for part in WORDS["scripts"])


def names_somebody(text: str, *, surely: bool = False) -> bool:
    """Whether words hold what has the shape of a person's name.

    Parameters
    ----------
    text : str
        A cell or label.
    surely : bool
        Whether a title or an initial is needed.

    Returns
    -------
    bool
        True where a title or an initial stands in front of a capitalised word, where two
        capitalised words stand side by side, a part of the body is somebody's (``Ann's knee``), or
        a word of a script without capital letters stands anywhere; words of care do not count.

    Examples
    --------
    >>> names_somebody("knee, call Mary O’Neill"), names_somebody("Frozen Shoulder")
    (True, False)
    """
    if not surely and _is_of_somebody(same_letters(text)):
        return True
    before = ""
    for word in _parts(same_letters(text)):
        kind = _kind(word, before)
        introduced = before in ("title", "initial")
        if kind == "name" and (introduced or (not surely and (before or _is_caseless(word[0])))):
            return True
        if kind == "initial" and before == "name" and word.endswith("."):
            return True
        if kind != "particle" or not before:
            before = "" if kind in ("other", "particle") else kind
    return False


def _is_of_somebody(text: str) -> bool:
    """Whether a part of the body is somebody's: ``Ann's knee``, ``genou d'Ann``."""
    owners = [(whose, rest.split()[:3]) for whose, rest in _OWNED.findall(text)]
    owners += [(whose, [part]) for part, whose in _OF.findall(text)]
    return any(
        not WORDS["body"].isdisjoint(map(plain, parts))
        and not (is_of_care(whose) or plain(whose) in WORDS["bearers"])
        for whose, parts in owners
    )  # fmt: skip


def _parts(text: str) -> list[str]:
    """Split text into words, each with the signs that belong to it; ``|`` where a phrase ends."""
    made = ""
    for sign in text:
        is_part = unicodedata.category(sign)[0] in "LM" or sign in "'-."
        if (
            is_part
            and made[-1:].isalpha()
            and sign.isalpha()
            and (_is_caseless(sign) != _is_caseless(made[-1]))
        ):
            made += " "
        made += sign if is_part else " " if sign in ", " else " | "
    return made.split()


def _kind(word: str, before: str) -> str:
    """Return what a word is: title, initial, particle, name or other."""
    bare = word.strip("'-.")
    folded = bare.casefold()
    if folded in WORDS["titles"] and (not bare.isupper() or word.endswith(".")):
        return "title"
    if any(bare.endswith(title) for title in WORDS["titles"] if _is_caseless(title[0])):
        return "name"
    if before and folded in WORDS["particles"] and (bare.islower() or len(bare) == 1):
        return "particle"
    if re.fullmatch(r"(?:[^\W\d_]\.-?)+", word) and bare[:1].isupper():
        return "initial"
    is_acronym = bare.isupper() and len(bare) < 4
    if len(bare) < 2 or is_acronym or bare in WORDS["particles"] or is_of_care(bare):
        return "other"
    begins = (before == "name" and bare.partition("'")[2]) or bare  # d'Arc behind a name
    is_name = begins[0].isupper() and not is_of_care(begins)
    return "name" if is_name or _is_caseless(bare[0]) else "other"


def _is_caseless(sign: str) -> bool:
    """Whether a letter's script has no capital letters, or does not begin names with them."""
    return unicodedata.category(sign) in ("Lo", "Mn", "Mc") or "\u10d0" <= sign <= "\u10ff"


def identifying_ids(ids: Sequence[str]) -> dict[str, str]:
    """Return the ids of one column that are no codes, and what they look like.

    Parameters
    ----------
    ids : sequence of str
        The different ids of a column.

    Returns
    -------
    dict of str to str
        Id to ``names``, ``a calendar date``, ``a telephone number`` or another kind.

    Examples
    --------
    >>> identifying_ids(["p001", "p002", "Quackenbush", "040352MO"])
    {'Quackenbush': 'names', '040352MO': 'a calendar date'}
    """
    odd = [one for one in ids if not _PLAIN_ID.fullmatch(one)]
    column = _Column(ids) if odd else None
    kinds = {one: column.kind(one) for one in odd if column is not None}
    return {one: kind for one, kind in kinds.items() if kind}


class _Column:
    """The ids of a column, against which each of them is judged."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.n = len(ids)
        self.shapes, self.lengths = Counter(map(_shape, ids)), Counter(map(len, ids))
        self.runs = Counter(run for one in ids for run in {plain(r) for r in _LETTERS.findall(one)})
        dated = [digits for one in ids if (digits := _coded_date(one))]
        self.are_dates = len(dated) > 0.9 * self.n >= 7 and len({d[2:4] for d in dated}) >= 5
        self.are_spread = _are_spread(
            {int(re.sub(r"\D", "", i)) for i in ids if _LONG.fullmatch(i)}
        )

    def kind(self, one: str) -> str:
        """Return what an id looks like; empty for a code."""
        text, is_usual = same_letters(one), self.shapes[_shape(one)] > self.n / 2
        for kind, words in _IN_IDS.items():
            is_code = kind == "phone" and is_usual and not _DIALLED.search(text)
            if _WHOLE[kind].fullmatch(text) and not is_code:
                return words
        is_alone = self.n > 1 and self.shapes[_shape(one)] <= max(1, self.n / 10)
        if _coded_date(text) and (self.are_dates or is_alone):
            return _IN_IDS["date"]
        is_other = self.lengths[len(one)] <= self.n / 2  # no random code that happens to be digits
        if self.are_spread and _LONG.fullmatch(text) and (is_usual or is_other):
            return SAYS["long number"]
        return "names" if any(self._is_word(run, text) for run in _LETTERS.findall(text)) else ""

    def _is_word(self, run: str, text: str) -> bool:
        """Whether a run of letters in an id is a word that is no part of a code."""
        folded, has_digits = plain(run), any(sign.isdigit() for sign in text)
        if not folded.isascii():
            return len(run) > 1
        if folded in WORDS["ids"] or (has_digits and _HEX.fullmatch(text)):
            return False
        if len(run) == 2:
            return run.istitle() and not has_digits
        if not _VOWEL.search(folded) or self._is_usual(text):
            return False
        if not has_digits:
            return len(run) > 2
        least = 3 if len(_SEGMENTS.findall(text)) == 2 else 5
        is_prefix = self.n > 2 and self.runs[folded] > self.n / 2
        return len(run) >= least and not is_prefix

    def _is_usual(self, text: str) -> bool:
        """Whether nearly all ids are made as this one: of one shape, or random ones of one length.

        Names have neither.
        """
        if text.isalpha() and all(map(_VOWEL.search, self.runs)):
            return False
        most = max(self.shapes.values())
        alike = self.shapes[_shape(text)] if most > self.n / 2 else self.lengths[len(text)]
        return self.n >= 10 and alike > 0.9 * self.n


def _are_spread(numbers: Collection[int]) -> bool:
    """Whether numbers are not counted, as codes are, in steps of one, ten or a thousand."""
    gaps = [after - before for before, after in pairwise(sorted(numbers))]
    step = next(size for size in (1000, 10, 1) if not any(gap % size for gap in gaps))
    return median(gaps) > 100 * step if gaps else max(numbers, default=0) >= 10**7


def _shape(one: str) -> str:
    return _LETTER.sub("a", _DIGIT.sub("9", one))


def _coded_date(one: str) -> str:
    """Return the six digits of an id that are a day, with a person's initials or without."""
    found = _CODED_DATE.fullmatch(one)
    if not found:
        return ""
    first, middle, last = (int(found[1][i : i + 2]) for i in (0, 2, 4))
    is_day = (1 <= first <= 31 and 1 <= middle <= 12) or (1 <= first <= 12 and 1 <= middle <= 31)
    return found[1] if is_day or (1 <= middle <= 12 and 1 <= last <= 31) else ""
