"""The four tables of the data contract, as `tables.toml` says them: what each column holds.

Time is ``day``, days since the episode's first visit. Unknown is an empty cell, never a code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from outcomes.plain_text import shipped

if TYPE_CHECKING:
    import pandas as pd

AT_VISIT = ("pre_session", "post_session")
"""Timings of scores that are taken at a visit."""
RECEIVED = ("attended", "stopped_early")
"""Statuses under which hands-on care was given; only these visits count as sessions received."""
COURSE_TIMINGS = ("pre_session", "discharge", "follow_up")
"""Timings that make up the course; a post-session score is another outcome and never in it."""

Kind = Literal["id", "text", "integer", "number", "boolean", "category", "list"]
Role = Literal["key", "identity", "quasi_identifier", "sensitive", "measure", "administrative"]


@dataclass(frozen=True)
class ColumnSpec:
    """One column of the data contract.

    Parameters
    ----------
    name : str
        Name of the column; carries its unit where it has one (``minutes``).
    kind : {"id", "text", "integer", "number", "boolean", "category", "list"}
        How a cell is read. A ``list`` holds several categories separated by ``;``.
    description : str
        One line for people.
    unit : str, optional
        Unit of a number.
    minimum, maximum : float, optional
        Allowed range, both ends included.
    multiple_of : float, optional
        Step that a number must be a multiple of.
    categories : tuple of str, optional
        Allowed values of a category or list.
    open_list : bool, optional
        True where other categories than the listed ones may be used (reported as a warning).
    required : bool, optional
        True where every row must have a value.
    role : str, optional
        What the column means for privacy.

    Examples
    --------
    >>> ColumnSpec("minutes", "integer", "Hands-on time", unit="min", minimum=0).is_number
    True
    """

    name: str
    kind: Kind
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: float | None = None
    categories: tuple[str, ...] = ()
    open_list: bool = False
    required: bool = False
    role: Role = "measure"

    @property
    def is_number(self) -> bool:
        """Whether cells are numbers."""
        return self.kind in ("integer", "number")

    @property
    def allowed(self) -> str:
        """The allowed values in words, for messages and documentation."""
        if self.categories:
            return ", ".join(self.categories)
        low = "" if self.minimum is None else f"{self.minimum:g}"
        high = "" if self.maximum is None else f"{self.maximum:g}"
        if low and high:
            return f"{low} to {high}"
        return f"at least {low}" if low else f"at most {high}" if high else ""


@dataclass(frozen=True)
class TableSpec:
    """One table of the data contract.

    Parameters
    ----------
    name : str
        Name of the table and of its CSV file.
    description : str
        What one row is.
    columns : tuple of ColumnSpec
        Columns in the order they are written.
    key : tuple of str
        Columns that together identify a row.

    Examples
    --------
    >>> table = TableSpec("t", "one row a thing", (ColumnSpec("a", "id", "the thing"),), ("a",))
    >>> table.names
    ('a',)
    """

    name: str
    description: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    _index: dict[str, ColumnSpec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {column.name: column for column in self.columns})

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in written order."""
        return tuple(self._index)

    def column(self, name: str) -> ColumnSpec:
        """Return the column called `name`; raises `KeyError` when there is none."""
        return self._index[name]


def _table(name: str, said: dict[str, Any]) -> TableSpec:
    columns = tuple(
        ColumnSpec(column, **entry | {"categories": tuple(entry.get("categories", ()))})
        for column, entry in said["columns"].items()
    )
    return TableSpec(name, said["description"], columns, tuple(said["key"]))


TABLES = {name: _table(name, said) for name, said in shipped("dictionary/tables.toml").items()}
"""The data contract by table name."""

CONDITIONS, MECHANISMS, AGE_BANDS, SEXES, REFERRALS, ADAPTATIONS, CLEARANCES, END_REASONS = (
    TABLES["episodes"].column(name).categories
    for name in ("condition", "mechanism", "age_band", "sex", "referral", "adaptations",
                 "clearance", "end_reason")
)  # fmt: skip
STATUSES = TABLES["sessions"].column("status").categories
ADVERSE_EVENTS = TABLES["sessions"].column("adverse_event").categories
TIMINGS = TABLES["assessments"].column("timing").categories


def years_of(periods: pd.Series[Any]) -> pd.Series[Any]:
    """Return the middle of each period (``2025``, ``2025-Q3``) in years; NaN for another word.

    Examples
    --------
    >>> import pandas as pd
    >>> years_of(pd.Series(["2025", "2025-Q1", "spring"])).tolist()
    [2025.5, 2025.125, nan]
    """
    parts = periods.astype("str").str.extract(r"^(\d{4})(?:-Q([1-4]))?$").astype("float64")
    return parts[0] + ((parts[1] - 0.5) / 4).fillna(0.5)


def received(status: pd.Series[Any]) -> pd.Series[bool]:
    """Return whether each visit was one with care: attended, stopped early, or no status said.

    Examples
    --------
    >>> import pandas as pd
    >>> received(pd.Series(["attended", None, "no_show"])).tolist()
    [True, True, False]
    """
    return status.isin(RECEIVED) | status.isna()
