"""What an import refuses, and what is to be done: the errors of `refusals.toml`."""

from __future__ import annotations

from typing import NoReturn

from outcomes import errors
from outcomes.plain_text import shipped

_REFUSALS = shipped("intake/refusals.toml")


def refuse(name: str, where: str = "", **told: object) -> NoReturn:
    """Raise the error of an entry of ``refusals.toml``; what led to it may quote a cell.

    Parameters
    ----------
    name : str
        The entry.
    where : str, optional
        File, table, column and row.
    **told
        What stands in its places in braces; never a patient's value.

    Raises
    ------
    OutcomesError
        Of the kind that the entry names.

    Examples
    --------
    >>> refuse("unpacked_size", "clinic.xlsx", most=1_000)
    Traceback (most recent call last):
    outcomes.errors.DataError: a workbook unpacks to at most 1000 MB; got more ...
    """
    said = {part: text.format(**told) for part, text in _REFUSALS[name].items()}
    raise getattr(errors, said.pop("kind"))(said.pop("must"), where=where, **said) from None
