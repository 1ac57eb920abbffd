"""What a simulated condition and an arm of a trial are, and the conditions used by default."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from outcomes.errors import DesignError
from outcomes.plain_text import shipped
from outcomes.synthetic import parameter
from outcomes.synthetic.parameter import check_ranges

given = parameter.given("SimulatedCondition")


@dataclass(frozen=True)
class SimulatedCondition:
    """One condition of a simulated study.

    Parameters
    ----------
    name : str
        A condition of the data contract.
    function_instrument : str
        The second instrument, which moves together with pain; a name of the registry.
    share, baseline_mean, natural_improvement, response, claim_share, onset_weeks, function_mean,
    function_sd, function_step : float
        `records(SimulatedCondition)` lists unit, range and source of each.
    """

    name: str
    function_instrument: str
    share: float = given("share")
    baseline_mean: float = given("baseline_mean")
    natural_improvement: float = given("natural_improvement")
    response: float = given("response")
    claim_share: float = given("claim_share")
    onset_weeks: float = given("onset_weeks")
    function_mean: float = given("function_mean")
    function_sd: float = given("function_sd")
    function_step: float = given("function_step")

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_ranges(self, where=f"condition {self.name}")


given = parameter.given("Arm")


@dataclass(frozen=True)
class Arm:
    """One arm of a simulated trial.

    Parameters
    ----------
    name : str
        Name of the arm.
    control : bool
        Whether the other arms are compared with this one.
    care : bool
        Whether the arm gets care at all.
    pressure : int or None
        Pressure fixed by protocol (Walton 0-5); None lets therapists choose.
    minutes, sessions_per_week, weeks
        Script fixed by protocol; None keeps the patients' own.
    share, specific, contextual, wait_weeks : float
        `records(Arm)` lists unit, range and source of each.
    """

    name: str
    control: bool = False
    care: bool = True
    share: float = given("share")
    specific: float = given("specific")
    contextual: float = given("contextual")
    pressure: int | None = given("pressure")
    minutes: int | None = given("minutes")
    sessions_per_week: float | None = given("sessions_per_week")
    weeks: float | None = given("weeks")
    wait_weeks: float = given("wait_weeks")

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_ranges(self, where=f"arm {self.name}")
        if self.minutes is not None and self.minutes % 15:
            must = "minutes of an arm are a multiple of 15"
            raise DesignError(must, got=f"{self.minutes}", where=f"arm {self.name}")


_FILE = shipped("synthetic/conditions.toml")
_CONDITIONS = msgspec.convert(_FILE["conditions"], tuple[SimulatedCondition, ...])
KNOWN: dict[str, SimulatedCondition] = {item.name: item for item in _CONDITIONS}
"""Every condition of the data contract with its defaults; `other` stands for care in cancer."""

DEFAULT: tuple[SimulatedCondition, ...] = tuple(KNOWN[name] for name in _FILE["default"])
"""The conditions of the default study; their shares add up to 1."""
