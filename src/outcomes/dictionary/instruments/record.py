"""What an instrument is: one frozen record with its range, direction, scoring and thresholds."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from outcomes.dictionary.instruments.threshold import Tag, Threshold, matching, only, require
from outcomes.errors import UsageError
from outcomes.plain_text import shipped

Better = Literal["lower", "higher"]
LicenceTier = Literal["A", "B", "C"]
ScoringKind = Literal["sum", "mean", "percent", "table", "gas", "subscales"]

TIERS: dict[LicenceTier, str] = shipped("dictionary/instruments/words.toml")["tiers"]
"""Licence tiers in words."""


class Scoring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How items become a score.

    Parameters
    ----------
    kind : {"sum", "mean", "percent", "table", "gas", "subscales"}
        The arithmetic; see `outcomes.dictionary.instruments.arithmetic`.
    required : int
        Items that must be answered, at least 1.
    whole_items : bool, optional
        Whether items are whole numbers.
    blank_is_zero : bool, optional
        Whether an empty item of a returned form counts as 0.
    inverted : bool, optional
        For ``percent``: whether the highest items give 0.
    table : tuple of (float, float), optional
        For ``table``: raw sum and score.
    parts : tuple of str, optional
        For ``subscales``: instruments whose items follow one another.

    Examples
    --------
    >>> Scoring("sum", required=8).whole_items
    True
    """

    kind: ScoringKind
    required: int
    whole_items: bool = True
    blank_is_zero: bool = False
    inverted: bool = False
    table: tuple[tuple[float, float], ...] = ()
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.required >= 1, "required is at least 1 item")
        require((self.kind == "table") == bool(self.table), "a table stands with kind table")
        require((self.kind == "subscales") == bool(self.parts), "parts stand with kind subscales")


class Normal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A normal value of one population.

    Parameters
    ----------
    value : float
        In the instrument's units.
    population, source : str
        Of whom, and who published it.
    tag : {"read", "cited", "derived", "assumed"}
        How certain it is.

    Examples
    --------
    >>> Normal(74, "age 20 to 29", "mywhiplash.com.au", "read").value
    74
    """

    value: float
    population: str
    source: str
    tag: Tag


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One outcome measure.

    Parameters
    ----------
    name : str
        Short name, as in the data.
    minimum, maximum : float
        Lowest and highest possible score, in `unit`.
    unit : str
        Unit of a score.
    better : {"lower", "higher"}
        Direction in which the patient is better.
    title, version : str, optional
        Full name, and which form of it.
    scale : str, optional
        Name of the scale that thresholds must match ("0-50"); by default minimum-maximum.
    step : float, optional
        What scores are multiples of; None where any number in the range can occur.
    recall : tuple of str, optional
        Periods that a patient may be asked about.
    n_items, n_items_minimum : int, optional
        Number of items; the smallest number where it varies. None: any number, or not known.
    item_minimum, item_maximum : float, optional
        Range of an item.
    reverse_items : tuple of int, optional
        Items that count reversed; 1 is the first.
    scoring : Scoring, optional
        How items become a score; None where only totals are taken.
    totals_only : str, optional
        Why only totals are taken.
    missing_rule : str, optional
        What is done about missing items, with its certainty in `missing_tag`.
    licence_tier : {"A", "B", "C"}, optional
        See `TIERS`.
    notice : str, optional
        Licence in one line.
    loinc : tuple of str, optional
        LOINC codes of the score.
    source : str, optional
        Where range and scoring come from, with its certainty in `tag`.
    note : str, optional
        What a reader must know.
    normals : tuple of Normal, optional
        Normal values.
    thresholds : tuple of Threshold, optional
        Thresholds of change.

    Raises
    ------
    UsageError
        When the parts contradict each other.

    Examples
    --------
    >>> Instrument.declared("grip", minimum=0, maximum=90, unit="kg", better="higher").sign
    1
    """

    name: str
    minimum: float
    maximum: float
    unit: str
    better: Better
    title: str = ""
    version: str = ""
    scale: str = ""
    step: float | None = None
    recall: tuple[str, ...] = ()
    n_items: int | None = None
    n_items_minimum: int | None = None
    item_minimum: float | None = None
    item_maximum: float | None = None
    reverse_items: tuple[int, ...] = ()
    scoring: Scoring | None = None
    totals_only: str = ""
    missing_rule: str = ""
    missing_tag: Tag = "assumed"
    licence_tier: LicenceTier = "A"
    notice: str = ""
    loinc: tuple[str, ...] = ()
    source: str = ""
    tag: Tag = "assumed"
    note: str = ""
    normals: tuple[Normal, ...] = ()
    thresholds: tuple[Threshold, ...] = ()

    def __post_init__(self) -> None:
        scale = self.scale or f"{self.minimum:g}-{self.maximum:g}"
        msgspec.structs.force_setattr(self, "title", self.title or self.name)
        msgspec.structs.force_setattr(self, "scale", scale)
        require(bool(self.name), "an instrument has a name")
        ends = math.isfinite(self.minimum) and math.isfinite(self.maximum)
        require(ends and self.minimum < self.maximum, "minimum is below maximum, both numbers")
        require(self.better in ("lower", "higher"), "better is lower or higher")
        require(self.step is None or self.step > 0, "step is above 0")
        _check_scoring(self)

    @classmethod
    def declared(
        cls,
        name: str,
        *,
        minimum: float,
        maximum: float,
        unit: str,
        better: Better,
        title: str = "",
    ) -> Instrument:
        """Declare an instrument the registry does not have, with totals as its scores.

        Parameters
        ----------
        name, unit, better, title
            As in `Instrument`.
        minimum, maximum : float
            Lowest and highest possible score, in `unit`.

        Returns
        -------
        Instrument
            Without scoring and thresholds.

        Raises
        ------
        UsageError
            When minimum is not below maximum, or better is another word.
        """
        why = "it was declared for a study, without a scoring rule"
        return cls(
            name, float(minimum), float(maximum), unit, better, title=title, totals_only=why,
            source="declared with the study",
        )  # fmt: skip

    @property
    def sign(self) -> int:
        """+1 where a higher score is better, -1 where a lower one is."""
        return 1 if self.better == "higher" else -1

    @property
    def item_range(self) -> tuple[float, float]:
        """Lowest and highest answer to an item; raises `UsageError` where it has none."""
        if self.item_minimum is None or self.item_maximum is None:
            must = "the instrument has a range for its items"
            raise UsageError(must, got="none", where=self.name)
        return self.item_minimum, self.item_maximum

    def threshold(
        self,
        *,
        kind: str,
        population: str,
        scale: str = "",
        relative: bool = False,
        method: str = "",
        source: str = "",
    ) -> Threshold:
        """Return the one threshold of a kind for a population on a scale.

        Parameters
        ----------
        kind, population, relative, method, source
            As in `outcomes.dictionary.instruments.threshold.matching`.
        scale : str, optional
            Scale of the numbers to be judged; by default the instrument's.

        Returns
        -------
        Threshold

        Raises
        ------
        UsageError
            When none matches in scale and population, or several do; those that exist are listed.
        """
        return only(
            matching(
                self.thresholds, kind=kind, population=population, scale=scale or self.scale,
                relative=relative, method=method, source=source,
            )
        )  # fmt: skip


def _check_scoring(instrument: Instrument) -> None:
    scoring = instrument.scoring
    if scoring is None:
        return
    require(instrument.licence_tier != "C", "an instrument of tier C takes totals only")
    low, high = instrument.item_range
    require(low < high, "the range of an item is not empty")
    n_items = instrument.n_items
    require(n_items is not None or instrument.n_items_minimum is not None, "a number of items")
    require(n_items is None or scoring.required <= n_items, "required is at most n_items")
    reversed_ok = all(1 <= item <= (n_items or 0) for item in instrument.reverse_items)
    require(reversed_ok, "reverse_items are positions of items")
