"""What one parameter of a design is: its default with unit, source and range, and its check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, fields
from numbers import Integral, Real
from typing import Any

import msgspec

from outcomes.errors import DesignError
from outcomes.plain_text import shipped

Pairs = tuple[tuple[float, float], ...]


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter, as ``parameters.toml`` describes it.

    Parameters
    ----------
    about : str
        What it sets, in one line.
    default
        Its default; None where it is free.
    name : str
        Its name.
    unit : str
        Its unit.
    source : str
        Where the default comes from; ``[A]`` is an assumption that nobody published, ``[D]`` is
        derived from published numbers, ``[F]`` was read, ``[M]`` is from memory.
    between : tuple of float, optional
        Allowed range of a number, both ends included; of pairs, of their second number.
    """

    about: str
    default: Any = None
    name: str = ""
    unit: str = ""
    source: str = "[A]"
    between: tuple[float, float] | None = None

    @property
    def allowed(self) -> str:
        """The range in words."""
        return "" if self.between is None else "{:,.10g} to {:,.10g}".format(*self.between)


_PARAMETERS = msgspec.convert(shipped("synthetic/parameters.toml"), dict[str, dict[str, Parameter]])


def given(owner: str) -> Callable[[str], Any]:
    """Return what makes the fields of a dataclass from its table in ``parameters.toml``.

    Parameters
    ----------
    owner : str
        Name of the class.
    """

    def made(name: str) -> Any:
        known = _PARAMETERS[owner][name]
        default = frozen(known.default)
        shown = msgspec.structs.replace(known, name=name, default=default)
        return field(default=default, metadata={"parameter": shown})

    return made


def frozen(value: Any) -> Any:
    """Return lists as tuples, however deep."""
    return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value


def records(owner: Any) -> list[Parameter]:
    """Return the parameters of a design class in order."""
    return [item.metadata["parameter"] for item in fields(owner) if item.metadata]


def check_ranges(owner: Any, where: str = "design") -> None:
    """Raise `DesignError` for the first parameter that lies outside its range or has another kind.

    Parameters
    ----------
    owner
        An instance whose fields were made by `given`.
    where : str
        What the message calls it.
    """
    for item in records(type(owner)):
        value = getattr(owner, item.name)
        whole = isinstance(item.default, int) and not isinstance(item.default, bool)
        if item.between is not None and not _fits(value, item.between, whole=whole):
            kind = "a whole number " if whole else ""
            must = f"{item.name} is {kind}from {item.allowed} {item.unit}".rstrip()
            remedy = f"The default is {item.default!r}."
            raise DesignError(must, got=_shown(value), where=where, remedy=remedy)
        if isinstance(item.default, bool) and not isinstance(value, bool):
            must = f"{item.name} is true or false"
            raise DesignError(must, got=_shown(value), where=where)


def check_shares(name: str, shares: Iterable[float]) -> None:
    """Raise `DesignError` unless the shares add up to 1."""
    total = sum(shares)
    if abs(total - 1) > 1e-6:
        must = f"the shares of {name} add up to 1"
        raise DesignError(must, got=f"{total:g}", where="design", remedy="Scale them.")


def _fits(value: Any, limits: tuple[float, float], *, whole: bool) -> bool:
    if value is None:
        return True
    if isinstance(value, tuple):
        pairs = all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)
        return pairs and all(isinstance(x, Real) and _inside(y, limits) for x, y in value)
    if isinstance(value, bool) or (whole and not isinstance(value, Integral)):
        return False
    return _inside(value, limits)


def _inside(value: Any, limits: tuple[float, float]) -> bool:
    return isinstance(value, Real) and limits[0] <= float(value) <= limits[1]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
