"""What one parameter of a design is: its default with unit, source and range, and its check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any

from outcomes.errors import DesignError

Pairs = tuple[tuple[float, float], ...]


def parameter(
    default: Any,
    about: str,
    *,
    unit: str = "",
    source: str = "[A]",
    between: tuple[float, float] | None = None,
) -> Any:
    """Return a dataclass field that says what its parameter is.

    Parameters
    ----------
    default
        Its default.
    about : str
        What it sets, in one line.
    unit : str
        Its unit.
    source : str
        Where the default comes from; ``[A]`` is an assumption that nobody published, ``[D]`` is
        derived from published numbers, ``[F]`` was read, ``[M]`` is from memory.
    between : tuple of float, optional
        Allowed range of a number, both ends included; of pairs, of their second number.
    """
    metadata = {"about": about, "unit": unit, "source": source, "range": between}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ParameterRecord:
    """One parameter as documentation shows it.

    Parameters
    ----------
    name, about, unit, source, allowed : str
        As given to `parameter`; `allowed` is the range in words.
    default
        Its default.
    """

    name: str
    default: Any
    unit: str
    allowed: str
    source: str
    about: str


def records(owner: Any) -> list[ParameterRecord]:
    """Return the parameters of a design class in order."""
    return [
        ParameterRecord(
            item.name,
            item.default,
            item.metadata["unit"],
            _in_words(item.metadata["range"]),
            item.metadata["source"],
            item.metadata["about"],
        )
        for item in fields(owner)
        if "about" in item.metadata
    ]


def check_ranges(owner: Any, where: str = "design") -> None:
    """Raise `DesignError` for the first parameter that lies outside its range or has another kind.

    Parameters
    ----------
    owner
        An instance whose fields were made by `parameter`.
    where : str
        What the message calls it.
    """
    for item in fields(owner):
        limits = item.metadata.get("range")
        value = getattr(owner, item.name)
        whole = isinstance(item.default, int) and not isinstance(item.default, bool)
        if limits is not None and not _fits(value, limits, whole=whole):
            unit = f" {item.metadata['unit']}" if item.metadata["unit"] else ""
            kind = "a whole number " if whole else ""
            must = f"{item.name} is {kind}from {limits[0]:g} to {limits[1]:g}{unit}"
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
        return all(_is_pair(pair) and _inside(pair[1], limits) for pair in value)
    if isinstance(value, bool) or (whole and not isinstance(value, Integral)):
        return False
    return _inside(value, limits)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Real)


def _inside(value: Any, limits: tuple[float, float]) -> bool:
    return isinstance(value, Real) and limits[0] <= float(value) <= limits[1]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _in_words(limits: tuple[float, float] | None) -> str:
    return "" if limits is None else f"{limits[0]:g} to {limits[1]:g}"
