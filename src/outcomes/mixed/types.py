"""Types that every module shares, and the check that what a user gives is of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, wraps
from inspect import signature
from numbers import Integral, Real
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from outcomes.errors import UsageError

Array = npt.NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

_KINDS: dict[Any, tuple[str, tuple[type, ...]]] = {
    bool: ("True or False", (bool, np.bool_)),
    int: ("a whole number", (Integral,)),
    float: ("a number", (Real,)),
    str: ("text", (str,)),
    type(None): ("None", (type(None),)),
    Mapping: ("a dict", (Mapping,)),
    Sequence: ("a list", (Collection,)),
}
"""What an annotation lets in, and its name; True is no number, and text no list."""


def checked(function: Function) -> Function:
    """Refuse arguments that a function does not take, or of another kind than it says.

    Only kinds that are plain to see are looked at; tables and arrays are where they are read.

    Raises
    ------
    UsageError
        When the function is called, before it does anything.

    Examples
    --------
    >>> @checked
    ... def half(number: float) -> float:
    ...     return number / 2.0
    >>> half("3")
    Traceback (most recent call last):
    outcomes.errors.UsageError: number must be a number; got str.
    """
    takes, hints = signature(function), cache(lambda: get_type_hints(function))

    @wraps(function)
    def asked(*args: Any, **options: Any) -> Any:
        try:
            given = takes.bind(*args, **options).arguments
        except TypeError as error:
            known = [name for name in takes.parameters if name != "fit"]
            near = [n for o in options for n in get_close_matches(o.lower(), known, n=1) if n != o]
            must = f"{function.__name__} takes {', '.join(known) or 'nothing'}"
            remedy = f"Did you mean '{near[0]}'?" if near else ""
            raise UsageError(must, where=str(error), remedy=remedy) from None
        for name, value in given.items():
            _require_kind(name, value, hints().get(name))
        return function(*args, **options)

    return asked  # type: ignore[return-value]


def _require_kind(name: str, value: object, hint: Any) -> None:
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [_kind(get_origin(part) or part) for part in parts]
    plain = isinstance(value, bool | str | np.bool_)
    for part, kind in zip(parts, kinds, strict=True):
        if kind is None or (isinstance(value, kind[1]) and (not plain or part in (bool, str))):
            return
    must = f"{name} must be {' or '.join(kind[0] for kind in kinds if kind)}"
    raise UsageError(must, got=type(value).__name__)


def _kind(part: Any) -> tuple[str, tuple[type, ...]] | None:
    """Return the name of a kind and its types, None for one that lets anything in."""
    if str(getattr(part, "__module__", "")).startswith("outcomes."):
        return (f"a {part.__name__}", (part,)) if isinstance(part, type) else None
    return _KINDS.get(part)
