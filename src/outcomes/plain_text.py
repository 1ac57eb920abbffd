"""Words as words: nothing in a cell or title that a program would carry out or could not write."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outcomes.errors import OutcomesError, UsageError

if TYPE_CHECKING:
    import pandas as pd

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
_UNSEEN = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_HIDDEN = re.compile(f"[\u200c\u200d]|{_UNSEEN.pattern}")
_FIRST = frozenset("'=+-@\t\r＝＋－＠")
_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")


_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def shipped(place: str) -> dict[str, Any]:
    """Return the plain values of a TOML file of the package, by its path inside it.

    Examples
    --------
    >>> shipped("dictionary/pressure.toml")["levels"][3]["name"]
    'medium'
    """
    return tomllib.loads(files("outcomes").joinpath(*place.split("/")).read_text("utf-8"))


def read_toml(path: Path, what: str, others: str = "") -> dict[str, Any]:
    """Return the plain values of a TOML file that a user wrote, whatever mark its editor left.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, with its article: "a column map".
    others : str
        Where else a section may stand that there is but once.

    Raises
    ------
    UsageError
        Where there is no such file, or it is no TOML; the message names the line, never its words.
    """
    refuse_missing(path, what.partition(" ")[2], UsageError)
    content = path.read_bytes()
    marked = [name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)]
    try:
        return tomllib.loads(content.decode(*(marked or ["utf-8"])))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        got = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "other bytes"
        must, remedy = f"{what} is a TOML file", ""
        if twice := re.match(r"Cannot declare \((.*?),?\) twice", got):
            section = twice[1].replace("'", "").replace(", ", ".")
            must, got = f"a section of {what} stands once", f"[{section}] again{got[twice.end() :]}"
            remedy = others
        raise UsageError(must, got=got, where=path.name, remedy=remedy) from None


def refuse_missing(path: Path, what: str, kind: type[OutcomesError]) -> None:
    """Raise an error of a kind where there is no file of a path."""
    if path.is_file():
        return
    got = "a folder" if path.is_dir() else "another thing" if path.exists() else "nothing there"
    must = f"the path of the {what} leads to a file"
    raise kind(must, got=got, where=path.name, remedy="Check the path.")


def cleaned(text: str) -> str:
    """Return text without control characters, escape codes and marks that nobody sees.

    Examples
    --------
    >>> cleaned("sciatica" + chr(11) + "left" + chr(0))
    'sciatica left'
    """
    if text.isprintable() and text.isascii():
        return text
    shown = _UNSEEN.sub("", _CONTROL.sub(" ", _ESCAPES.sub("", text)))
    return shown if shown == text else " ".join(shown.split())


def cleaned_within(value: Any) -> Any:
    """Return texts, tuples and frozen records of them with every text cleaned."""
    if isinstance(value, str):
        return cleaned(value)
    if type(value) is tuple:
        return tuple(cleaned_within(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: cleaned_within(getattr(value, f.name))
                                 for f in fields(value) if f.init})  # fmt: skip
    return value


def shortened(text: str, most: int) -> str:
    """Return text of at most `most` characters, cut with a mark where it is longer.

    Examples
    --------
    >>> shortened("a long title", 7)
    'a long…'
    """
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def each(values: pd.Series[Any], change: Callable[[str], str]) -> pd.Series[Any]:
    """Return a column with each different text of it changed once; an empty one is missing."""
    words = {word: change(word) for word in values.dropna().unique() if isinstance(word, str)}
    if all(word == becomes for word, becomes in words.items()):
        return values
    return values.map(lambda cell: words.get(cell, cell) or None, na_action="ignore")


def neutralised(cell: str) -> str:
    """Return a cell of a CSV file that no spreadsheet takes for a formula.

    Examples
    --------
    >>> neutralised("=1+1"), restored(neutralised("=1+1")), neutralised("neck")
    ("'=1+1", '=1+1', 'neck')
    """
    return f"'{cell}" if cell[:1] in _FIRST and _FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """Return the cell that `neutralised` was given."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def same_letters(text: str) -> str:
    """Return text with one sign for each kind of digit, apostrophe, dash and blank.

    Examples
    --------
    >>> same_letters("O’Neill ٠٧‑١٢"), same_letters("Ｄｒ．")
    ("O'Neill 07-12", 'Dr.')
    """
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).translate(_SIGNS)
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in folded)


_SIGNS = {
    **dict.fromkeys(map(ord, "’‘ʼʹ´`＇′ꞌ"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-"),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000"), " "),
}
