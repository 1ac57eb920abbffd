"""Tables: the four tables of the data contract with their provenance, and truth when simulated."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property, wraps
from inspect import signature
from types import MappingProxyType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import Instrument, instrument
from outcomes.dictionary.tables import TABLES, ColumnSpec, TableSpec, received
from outcomes.errors import UsageError
from outcomes.plain_text import cleaned, each
from outcomes.provenance import Provenance

Timing = Literal["course", "immediate"]
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Tables")


def once(make: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a function of a study be worked out once a study: a study does not change.

    Parameters
    ----------
    make : callable
        Takes the study and arguments that can be keys. A frame that it returns is given out as a
        copy whose columns can be set; whoever gets one writes into no cell of it.

    Examples
    --------
    >>> @once
    ... def counted(study):
    ...     print("counting")
    ...     return len(study.episodes)
    >>> from outcomes.study import study_from_tables
    >>> study = study_from_tables({})
    >>> counted(study), counted(study)
    counting
    (0, 0)
    """

    @wraps(make)
    def remembered(study: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = _key(make, args, kwargs)
        if key not in study._made:
            study._made[key] = make(study, *args, **kwargs)
        found: Any = study._made[key]
        if isinstance(found, pd.DataFrame):
            found = found.copy(deep=False)
        return cast("R", found)

    return remembered


def remember(study: Tables, function: Callable[..., Any], made: Any, *args: Hashable) -> None:
    """Let a function of `once` be known of a study: what it would make was made elsewhere.

    Parameters
    ----------
    study : Study
        The study.
    function : callable
        Of `once`.
    made : object
        What it would return.
    *args
        Its arguments after the study.
    """
    study._made[_key(function.__wrapped__, args, {})] = made  # type: ignore[attr-defined]


def _key(make: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Hashable:
    """Return the same key for the same call, whether an argument is told or left to its default."""
    defaults = _defaults(make)
    values = {**dict(defaults), **dict(zip((name for name, _ in defaults), args, strict=False))}
    return make, tuple((values | dict(kwargs)).items()), args[len(defaults) :]


@cache
def _defaults(make: Callable[..., Any]) -> tuple[tuple[str, Any], ...]:
    """Return names and defaults of the arguments after the study; those without one have None."""
    _, *others = signature(make).parameters.values()
    return tuple((p.name, None if p.default is p.empty else p.default) for p in others)


@dataclass(frozen=True)
class Truth:
    """What made a simulated study.

    Parameters
    ----------
    parameters : mapping
        The design as plain values.
    estimands : DataFrame
        True values, tidy: one row an estimand at one setting, its value in column ``value``.
    """

    parameters: Mapping[str, Any]
    estimands: pd.DataFrame

    def __repr__(self) -> str:
        return f"Truth({len(self.parameters)} parameters, {len(self.estimands)} estimands)"


@dataclass(frozen=True, eq=False)
class Tables:
    """The four tables of the data contract, every column present, and what is known about them.

    What is worked out of them is in `records`, `trajectory` and `storage`; `Study` adds it.

    Parameters
    ----------
    episodes, sessions, assessments, goals : DataFrame
        The tables of the data contract, one row as `outcomes.dictionary.tables` says. Columns that
        the source does not hold are empty. Shape (rows, columns of the contract).
    provenance : Provenance
        Where it comes from and what was left out.
    truth : Truth or None
        Parameters and true values, when simulated.
    instruments : mapping of str to Instrument
        Instruments the study declares beyond the registry.
    """

    episodes: pd.DataFrame
    sessions: pd.DataFrame
    assessments: pd.DataFrame
    goals: pd.DataFrame
    provenance: Provenance = field(default_factory=Provenance)
    truth: Truth | None = None
    instruments: Mapping[str, Instrument] = field(default_factory=lambda: MappingProxyType({}))
    _made: dict[Hashable, Any] = field(init=False, default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy in another process needs: the fields, nothing made of them."""
        kept = {part.name: getattr(self, part.name) for part in fields(self)}
        return {**kept, "instruments": dict(self.instruments), "_made": {}}

    def table(self, name: str) -> pd.DataFrame:
        """Return the table called `name`; raises `UsageError` when there is none."""
        if name not in TABLES:
            must = "a table is one of " + ", ".join(TABLES)
            raise UsageError(must, got="another name")
        frame: pd.DataFrame = getattr(self, name)
        return frame

    def recorded(self, table: str, column: str) -> bool:
        """Whether any row of `table` has a value in `column`."""
        return bool(self.table(table)[column].notna().any())

    def instrument(self, name: str) -> Instrument:
        """Return an instrument of the study's own or of the registry.

        Raises
        ------
        UsageError
            When neither knows the name.
        """
        return self.instruments[name] if name in self.instruments else instrument(name)

    def of_one_patient(self) -> bool:
        """Whether several courses are all of one patient."""
        patients = self.episodes["patient_id"]
        return bool(1 == patients.nunique() < patients.count())

    def without_care(self) -> bool:
        """Whether there are visits, and none of them was received."""
        return len(self.sessions) > 0 and not received(self.sessions["status"]).any()

    @cached_property
    def courses(self) -> pd.DataFrame:
        """One row a course by its id: `episodes`, the first row of each."""
        return self.episodes.drop_duplicates("episode_id").set_index("episode_id")

    def scored_instruments(self) -> list[str]:
        """Names of the instruments that have scores, the one with most scores first."""
        return [str(name) for name in self.assessments["instrument"].value_counts().index]


def conform(frame: pd.DataFrame, spec: TableSpec, *, coded: bool = False) -> pd.DataFrame:
    """Return a copy with exactly the columns of `spec`, in order and in its types.

    Numbers are float64 with NaN where unknown, booleans pandas ``boolean``, all else text with a
    missing value where unknown; where `coded`, sorted categories of text, which pass quicker. Words
    lose control characters and other marks that nobody sees.

    Raises
    ------
    UsageError
        When a column stands twice, or a cell is not of its kind; no value is shown.
    """
    if not frame.columns.is_unique:
        must = f"a column of {spec.name} stands once"
        raise UsageError(must, got="one that stands twice", remedy="Drop or rename it.")
    columns = {
        column.name: _typed(frame[column.name], column, spec.name, coded=coded)
        if column.name in frame
        else _empty(len(frame), column, coded=coded)
        for column in spec.columns
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _empty(n_rows: int, column: ColumnSpec, *, coded: bool) -> pd.Series[Any]:
    if column.kind == "boolean":
        return pd.Series(pd.NA, index=range(n_rows), dtype="boolean")
    if coded and not column.is_number:
        return pd.Series(pd.Categorical.from_codes(np.full(n_rows, -1), pd.Index([], dtype=object)))
    return pd.Series(np.full(n_rows, np.nan if column.is_number else None))


def _typed(
    values: pd.Series[Any], column: ColumnSpec, table: str, *, coded: bool
) -> pd.Series[Any]:
    values = values.reset_index(drop=True)
    where, is_time = f"{table}.{column.name}", _is_time(values)
    if column.is_number and values.dtype == "float64":
        return values
    if column.is_number and not is_time:
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        _refuse_others(values, numbers, "numbers", where)
        return numbers
    if is_time:
        must = "a study holds no dates: a day is a number, counted from the course's first visit"
        remedy = "Subtract the first visit, or import the export (`outcomes import`)."
        raise UsageError(must, got="dates or times", where=where, remedy=remedy)
    if column.kind == "boolean":
        known = values.isin([True, False]).to_numpy(bool)
        _refuse_others(values, values.where(known), "True or False", where)
        return values.astype(object).where(known, None).astype("boolean")
    if pd.api.types.is_numeric_dtype(values):
        values = values.map(_as_text, na_action="ignore").astype(object)
    if coded:
        return _coded(values.astype("category"))
    text = values.copy() if values.dtype in (object, "str") else values.astype("str")
    return each(text, cleaned)


def _coded(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return categories as sorted text, each cleaned once."""
    words = pd.Series(values.cat.categories.astype("str"), dtype=object)
    if cleaned(together := "".join(words)) != together:
        words = each(words, cleaned)
    elif words.is_monotonic_increasing:
        return pd.Series(pd.Categorical.from_codes(values.cat.codes, pd.Index(words, dtype=object)))
    codes, levels = pd.factorize(words, sort=True)
    own = np.append(codes, -1)[values.cat.codes]  # -1, where nothing is known, takes the last
    return pd.Series(pd.Categorical.from_codes(own, pd.Index(levels, dtype=object)))


def _is_time(values: pd.Series[Any]) -> bool:
    own = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values
    return own.dtype not in (object, "str") and (own.dtype.kind in "mM" or hasattr(values, "dt"))


def _refuse_others(values: pd.Series[Any], read: pd.Series[Any], kind: str, where: str) -> None:
    """Refuse cells that could not be read."""
    lost = np.flatnonzero((values.notna() & read.isna()).to_numpy(bool))
    if lost.size:
        got = f"others, {lost.size} in all, first in row {lost[0] + 1}"
        must = f"a column of {kind} holds {kind}"
        raise UsageError(must, got=got, where=where)


def _as_text(number: float) -> str:
    """Return a number that is a name with all its digits; 7.0 is 7."""
    return str(int(number)) if number % 1 == 0 else repr(float(number))
