"""The registry: every instrument the package ships, read once from its TOML files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec

from outcomes.dictionary.instruments.record import Instrument
from outcomes.errors import UsageError


class _File(msgspec.Struct, forbid_unknown_fields=True):
    instrument: tuple[Instrument, ...]


def read_instruments(text: str, where: str) -> tuple[Instrument, ...]:
    """Read the instruments of one TOML file, strictly.

    Parameters
    ----------
    text : str
        A TOML document with an array of tables ``instrument``.
    where : str
        Name of the file, for messages.

    Returns
    -------
    tuple of Instrument

    Raises
    ------
    UsageError
        When the text is not TOML, a key is unknown or missing, a value is of another kind, or a
        record contradicts itself.

    Examples
    --------
    >>> text = '''[[instrument]]
    ... name = "grip"
    ... minimum = 0
    ... maximum = 90
    ... unit = "kg"
    ... better = "higher"'''
    >>> read_instruments(text, "grip.toml")[0].scale
    '0-90'
    """
    try:
        return msgspec.toml.decode(text, type=_File).instrument
    except msgspec.MsgspecError as error:
        must = "an instrument file holds [[instrument]] tables with the keys of their record"
        raise UsageError(must, got=str(error), where=where) from None
    except UsageError as error:
        raise UsageError(error.must, got=error.got, where=where) from None


@cache
def registry() -> Mapping[str, Instrument]:
    """Return all instruments by short name, in the order of their names.

    Returns
    -------
    mapping of str to Instrument
        Read-only.

    Raises
    ------
    UsageError
        When an instrument file breaks its format, or a name stands twice.

    Examples
    --------
    >>> registry()["koos-pain"].better
    'higher'
    """
    folder = files("outcomes.dictionary.instruments") / "data"
    found: dict[str, Instrument] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        for entry in read_instruments(file.read_text(encoding="utf-8"), file.name):
            if entry.name in found:
                must = "an instrument's name stands once"
                raise UsageError(must, got="a second one", where=file.name)
            found[entry.name] = entry
    return MappingProxyType(dict(sorted(found.items())))


def instrument(name: str) -> Instrument:
    """Return the instrument with a short name.

    Parameters
    ----------
    name : str
        Short name, for example ``nprs``.

    Returns
    -------
    Instrument

    Raises
    ------
    UsageError
        When the registry does not have it; the message gives the nearest names.

    Examples
    --------
    >>> rating = instrument("nprs")
    >>> rating.minimum, rating.maximum, rating.better
    (0.0, 10.0, 'lower')
    """
    known = registry()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name).casefold(), known, n=4, cutoff=0.5)
    hint = f"Nearest: {', '.join(near)}." if near else f"Known: {', '.join(known)}."
    must = "an instrument is one of the registry's short names"
    remedy = f"{hint} One of your own is declared with Instrument.declared."
    raise UsageError(must, got="another name", remedy=remedy)
